package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const (
	videoRate = 150 // packets a second of 1150 bytes, in frames of five: 1.4 Mbit/s
	perFrame  = 5
	videoSize = 1150
	audioSize = 80 // at 50 packets a second
	settle    = time.Second
	connected = 30 * time.Second
)

// lossy loses media both ways; handshakes and checks pass.
type lossy struct {
	net.PacketConn
	loss float64
}

func media(b []byte) bool { return len(b) > 0 && b[0] >= 128 && b[0] < 192 }

func (l *lossy) WriteTo(b []byte, to net.Addr) (int, error) {
	if media(b) && rand.Float64() < l.loss {
		return len(b), nil
	}
	return l.PacketConn.WriteTo(b, to)
}

func (l *lossy) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := l.PacketConn.ReadFrom(b)
		if err != nil || !media(b[:n]) || rand.Float64() >= l.loss {
			return n, from, err
		}
	}
}

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

// process is a server.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

func start(kind, profile string) (*process, error) {
	cmd := exec.Command(os.Args[0], "-serve", kind, "-profile", profile)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &process{cmd: cmd, in: in, enc: json.NewEncoder(in), dec: json.NewDecoder(out)}, cmd.Start()
}

func (p *process) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

func (p *process) ask(q request) (reply, error) {
	var r reply
	if err := p.enc.Encode(q); err != nil {
		return r, err
	}
	if err := p.dec.Decode(&r); err != nil {
		return r, err
	}
	if r.Err != "" {
		return r, errors.New(r.Err)
	}
	return r, nil
}

// load is the clients of one measurement.
type load struct {
	server   *process
	loss     float64
	conns    []*webrtc.PeerConnection
	audio    []*webrtc.TrackLocalStaticRTP
	video    []*webrtc.TrackLocalStaticRTP
	sent     atomic.Int64
	received atomic.Int64
	stop     chan struct{}
	wg       sync.WaitGroup
}

func measure(kind, profile string, s shape, loss float64, d time.Duration) (result, error) {
	srv, err := start(kind, profile)
	if err != nil {
		return result{}, err
	}
	defer srv.stop()
	l := &load{server: srv, loss: loss, stop: make(chan struct{})}
	defer l.close()
	if err := l.join(s); err != nil {
		return result{}, err
	}
	l.wg.Go(l.send)
	time.Sleep(settle)
	before, err := srv.ask(request{Op: "usage"})
	if err != nil {
		return result{}, err
	}
	in, out := l.sent.Load(), l.received.Load()
	time.Sleep(d)
	in, out = l.sent.Load()-in, l.received.Load()-out
	after, err := srv.ask(request{Op: "usage"})
	if err != nil {
		return result{}, err
	}
	if out == 0 {
		return result{}, errors.New("nothing was delivered")
	}
	return result{in: float64(in), out: float64(out), cpu: after.CPU - before.CPU, rss: after.RSS}, nil
}

func (l *load) join(s shape) error {
	for r := range s.rooms {
		room := fmt.Sprintf("room%d", r)
		for p := range s.pubs {
			if err := l.publish(room, fmt.Sprintf("p%d", p), s.audioOnly); err != nil {
				return err
			}
		}
	}
	for r := range s.rooms {
		room := fmt.Sprintf("room%d", r)
		for p := range s.pubs {
			if s.pubs > 1 {
				if err := l.subscribe(room, fmt.Sprintf("p%d", p), s.pubs-1, s.audioOnly); err != nil {
					return err
				}
			}
		}
		for v := range s.viewers {
			if err := l.subscribe(room, fmt.Sprintf("v%d", v), s.pubs, s.audioOnly); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *load) connection() (*webrtc.PeerConnection, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	api, err := newAPI(&lossy{conn, l.loss})
	if err != nil {
		return nil, err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err == nil {
		l.conns = append(l.conns, pc)
	}
	return pc, err
}

func (l *load) connect(pc *webrtc.PeerConnection, op, room, peer string) error {
	up := make(chan struct{})
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(up) })
		}
	})
	d, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	sdp, err := gather(pc, d)
	if err != nil {
		return err
	}
	r, err := l.server.ask(request{Op: op, Room: room, Peer: peer, SDP: sdp})
	if err != nil {
		return err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.SDP}); err != nil {
		return err
	}
	select {
	case <-up:
		return nil
	case <-time.After(connected):
		return errors.New("not connected")
	}
}

func (l *load) publish(room, peer string, audioOnly bool) error {
	pc, err := l.connection()
	if err != nil {
		return err
	}
	for _, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8} {
		if audioOnly && mime == webrtc.MimeTypeVP8 || !audioOnly && mime == webrtc.MimeTypeOpus {
			continue
		}
		t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, mime[6:], peer)
		if err != nil {
			return err
		}
		if _, err := pc.AddTrack(t); err != nil {
			return err
		}
		if audioOnly {
			l.audio = append(l.audio, t)
		} else {
			l.video = append(l.video, t)
		}
	}
	return l.connect(pc, "publish", room, peer)
}

func (l *load) subscribe(room, peer string, tracks int, audioOnly bool) error {
	pc, err := l.connection()
	if err != nil {
		return err
	}
	kind := webrtc.RTPCodecTypeVideo
	if audioOnly {
		kind = webrtc.RTPCodecTypeAudio
	}
	for range tracks {
		_, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			return err
		}
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		buf := make([]byte, 1500)
		for {
			if _, _, err := t.Read(buf); err != nil {
				return
			}
			l.received.Add(1)
		}
	})
	return l.connect(pc, "subscribe", room, peer)
}

// send is all publishers' cameras and microphones: frames of a camera at once, cameras one after the other.
func (l *load) send() {
	every := time.Second * perFrame / videoRate
	if len(l.video) == 0 {
		every = 20 * time.Millisecond
	}
	all := append(append([]*webrtc.TrackLocalStaticRTP(nil), l.audio...), l.video...)
	ticker := time.NewTicker(every / time.Duration(len(all)))
	defer ticker.Stop()
	seqs := make([]uint16, len(all))
	for i := 0; ; i++ {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
		}
		k := i % len(all)
		if k < len(l.audio) {
			l.packet(all[k], &seqs[k], uint32(i/len(all))*960, audioSize, false, false)
			continue
		}
		for p := range perFrame {
			l.packet(all[k], &seqs[k], uint32(i/len(all))*3000, videoSize, p == 0, p == perFrame-1)
		}
	}
}

func (l *load) packet(t *webrtc.TrackLocalStaticRTP, seq *uint16, ts uint32, size int, first, last bool) {
	*seq++
	payload := make([]byte, size)
	payload[0] = 0x10 // VP8: the start of a frame, and a keyframe, so that it can be forwarded from any on
	if !first {
		payload[0] = 0
	}
	p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: *seq, Timestamp: ts, Marker: last}, Payload: payload}
	if t.WriteRTP(&p) == nil {
		l.sent.Add(1)
	}
}

func (l *load) close() {
	close(l.stop)
	l.wg.Wait()
	for _, pc := range l.conns {
		_ = pc.Close()
	}
}
