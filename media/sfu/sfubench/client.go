package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const (
	frameRate = 30 // a second, of each camera
	perFrame  = 5  // packets: 1.4 Mbit/s
	videoSize = 1150
	soundRate = 50
	soundSize = 80
	settle    = 5 * time.Second // longer than it takes the servers to fill what they keep of a stream
	patience  = 60 * time.Second
)

func newAPI(conn net.PacketConn) (*webrtc.API, error) {
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	if conn != nil {
		se.SetICEUDPMux(webrtc.NewICEUDPMux(nil, conn))
	}
	var me webrtc.MediaEngine
	if err := me.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	var reg interceptor.Registry
	if err := webrtc.RegisterDefaultInterceptors(&me, &reg); err != nil {
		return nil, err
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(&me), webrtc.WithInterceptorRegistry(&reg)), nil
}

// server is one of those compared: a process of its own.
type server interface {
	pid() int
	// publish connects a client that has a camera or a microphone. subscribe makes one that gets that many tracks of others.
	publish(l *load, room, peer string) (*source, error)
	subscribe(l *load, room, peer string, tracks int) error
	stop()
}

// usage is what a process and all its threads have used: CPU in seconds, to the nanosecond, and resident memory in MB.
func usage(pid int) (cpu, rss float64, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		return 0, 0, fmt.Errorf("no process %d, or no Linux", pid)
	}
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that has just ended
		}
		first, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseFloat(first, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", path, err)
		}
		cpu += ns / 1e9
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, 0, err
	}
	var total, resident float64
	_, err = fmt.Sscan(string(b), &total, &resident)
	return cpu, resident * float64(os.Getpagesize()) / (1 << 20), err
}

// source is a camera or a microphone.
type source struct {
	write func(*rtp.Packet) error
	wire  *wire
	seq   uint16
}

// load is the clients of one measurement.
type load struct {
	shape    shape
	loss     float64
	spaced   bool
	sources  []*source
	expected int64 // tracks that subscribers get
	begun    atomic.Int64
	sent     atomic.Int64
	received atomic.Int64
	delays   delays
	stop     chan struct{}
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns []io.Closer
}

// measure puts a load on a server.
func measure(srv server, s shape, loss float64, spaced bool, d time.Duration) (result, error) {
	l := &load{shape: s, loss: loss, spaced: spaced, stop: make(chan struct{})}
	defer l.close()
	if err := l.join(srv); err != nil {
		return result{}, err
	}
	for until := time.Now().Add(patience); l.begun.Load() < l.expected; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			return result{}, fmt.Errorf("%d of %d tracks came", l.begun.Load(), l.expected)
		}
	}
	time.Sleep(settle)
	cpu, _, err := usage(srv.pid())
	if err != nil {
		return result{}, err
	}
	l.delays.begin()
	in, out, from := l.sent.Load(), l.received.Load(), time.Now()
	time.Sleep(d)
	in, out = l.sent.Load()-in, l.received.Load()-out
	after, rss, err := usage(srv.pid())
	if err != nil {
		return result{}, err
	}
	if out == 0 {
		return result{}, errors.New("nothing was delivered")
	}
	r := result{in: float64(in), out: float64(out), cpu: after - cpu, rss: rss, took: time.Since(from).Seconds()}
	r.half, r.most = l.delays.shares()
	return r, nil
}

func (s *shape) kind() webrtc.RTPCodecType {
	if s.sound {
		return webrtc.RTPCodecTypeAudio
	}
	return webrtc.RTPCodecTypeVideo
}

// join connects publishers, lets them send, and connects those who receive.
func (l *load) join(srv server) error {
	s := l.shape
	for r := range s.rooms {
		for p := range s.pubs {
			source, err := srv.publish(l, fmt.Sprintf("room%d", r), fmt.Sprintf("p%d", p))
			if err != nil {
				return err
			}
			l.sources = append(l.sources, source)
		}
	}
	l.wg.Go(l.send)
	for r := range s.rooms {
		room := fmt.Sprintf("room%d", r)
		get := map[string]int{}
		for p := range s.pubs {
			get[fmt.Sprintf("p%d", p)] = s.pubs - 1
		}
		for v := range s.viewers {
			get[fmt.Sprintf("v%d", v)] = s.pubs
		}
		for peer, tracks := range get {
			if tracks == 0 {
				continue
			}
			l.expected += int64(tracks)
			if err := srv.subscribe(l, room, peer, tracks); err != nil {
				return err
			}
		}
	}
	return nil
}

// socket makes a client that is no more than that.
func (l *load) socket() (*wire, error) {
	w, err := newWire(l.loss, l.spaced, &l.sent)
	if err == nil {
		l.closes(w)
	}
	return w, err
}

func (l *load) closes(c io.Closer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, c)
}

// connection makes a client's; what it receives is counted.
func (l *load) connection() (*webrtc.PeerConnection, *wire, error) {
	w, err := newWire(l.loss, l.spaced, &l.sent)
	if err != nil {
		return nil, nil, err
	}
	api, err := newAPI(w)
	if err != nil {
		return nil, nil, err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, nil, err
	}
	l.closes(pc)
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		l.begun.Add(1)
		l.count(func(b []byte) (int, error) {
			n, _, err := t.Read(b)
			return n, err
		})
	})
	return pc, w, nil
}

// count reads packets until there are no more.
func (l *load) count(read func([]byte) (int, error)) {
	buf := make([]byte, 1500)
	for {
		n, err := read(buf)
		if err != nil {
			return
		}
		if l.received.Add(1)%sampled == 0 {
			l.delays.packet(buf[:n])
		}
	}
}

// publisher makes a client that has its track.
func (l *load) publisher(peer string) (*webrtc.PeerConnection, *source, error) {
	pc, w, err := l.connection()
	if err != nil {
		return nil, nil, err
	}
	mime := webrtc.MimeTypeVP8
	if l.shape.sound {
		mime = webrtc.MimeTypeOpus
	}
	t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, "media", peer)
	if err != nil {
		return nil, nil, err
	}
	if _, err := pc.AddTrack(t); err != nil {
		return nil, nil, err
	}
	return pc, &source{write: t.WriteRTP, wire: w}, nil
}

// connects watches a connection; what it returns waits until it is there.
func connects(pc *webrtc.PeerConnection) func() error {
	up := make(chan struct{})
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(up) })
		}
	})
	return func() error {
		select {
		case <-up:
			return nil
		case <-time.After(patience):
			return errors.New("not connected")
		}
	}
}

// send is all publishers' cameras or microphones, one after the other in equal steps. A step that is late is made up for.
func (l *load) send() {
	rate := frameRate
	if l.shape.sound {
		rate = soundRate
	}
	step := time.Second / time.Duration(rate*len(l.sources))
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now()
	for i := 0; ; i++ {
		select {
		case <-l.stop:
			return
		case <-timer.C:
		}
		s, round := l.sources[i%len(l.sources)], uint32(i/len(l.sources))
		if l.shape.sound {
			l.packet(s, round*960, soundSize, false, false)
		} else {
			s.wire.hold()
			for p := range perFrame {
				l.packet(s, round*3000, videoSize, p == 0, p == perFrame-1)
			}
			s.wire.release()
		}
		due = due.Add(step)
		timer.Reset(time.Until(due))
	}
}

func (l *load) packet(s *source, ts uint32, size int, first, last bool) {
	s.seq++
	payload := make([]byte, size)
	payload[0] = 0x10 // VP8: the start of a frame, and a keyframe, so that it can be forwarded from any on
	if !first {
		payload[0] = 0
	}
	stamp(payload[stampAt:])
	p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: s.seq, Timestamp: ts, Marker: last}, Payload: payload}
	_ = s.write(&p) // fails when it is closed
}

func (l *load) close() {
	close(l.stop)
	l.wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
}
