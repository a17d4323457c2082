package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/media/sfu/internal/watch"
)

// request of the load, a process of its own so that the memory measured is the SFU's, and the reply, one JSON object a line.
type request struct {
	Op, Room, Peer, SDP string // Op: publish, subscribe, close
}

type reply struct{ SDP, Err string }

const (
	people = 3
	// A meeting is replaced by a new one every so often, so that what people leave behind would be seen.
	replaceEvery = 3 * time.Second
)

// soak holds meetings for a time and prints what they cost in memory.
func soak(w io.Writer, d time.Duration, rooms int) error {
	node, err := sfu.New(sfu.Config{UDP: []string{"127.0.0.1:0"}})
	if err != nil {
		return err
	}
	defer node.Close()
	idle := runtime.NumGoroutine()
	load := exec.Command(os.Args[0], "-load", "-rooms", fmt.Sprint(rooms))
	load.Stderr = os.Stderr
	in, err := load.StdinPipe()
	if err != nil {
		return err
	}
	out, err := load.StdoutPipe()
	if err != nil {
		return err
	}
	if err := load.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- serve(node, out, in) }()

	fmt.Fprintf(w, "%8s %6s %6s %8s %8s %11s %10s %10s %6s\n", "time", "rooms", "peers", "RSS MB", "heap MB", "goroutines", "in/s", "out/s", "CPU %")
	begin, every := time.Now(), max(d/30, 5*time.Second)
	var last sfu.Stats
	used := cpu()
	var rss []float64
	for time.Since(begin) < d {
		select {
		case err := <-done:
			return fmt.Errorf("the load ended: %w", err)
		case <-time.After(every):
		}
		st := node.Stats()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		rss = append(rss, resident())
		fmt.Fprintf(w, "%8s %6d %6d %8.1f %8.1f %11d %10.0f %10.0f %6.1f\n", time.Since(begin).Round(time.Second), st.Rooms, st.Peers, rss[len(rss)-1],
			float64(m.HeapAlloc)/(1<<20), runtime.NumGoroutine(), float64(st.PacketsIn-last.PacketsIn)/every.Seconds(),
			float64(st.PacketsOut-last.PacketsOut)/every.Seconds(), 100*float64(cpu()-used)/float64(every))
		last, used = st, cpu()
	}
	_ = in.Close()
	_ = load.Wait()
	third := len(rss) / 3
	if third > 0 {
		fmt.Fprintf(w, "RSS: median %.1f MB in the second third, %.1f MB in the last\n", median(rss[third:2*third]), median(rss[2*third:]))
	}
	for wait := time.Now(); runtime.NumGoroutine() > idle+2 && time.Since(wait) < time.Minute; {
		time.Sleep(100 * time.Millisecond)
	}
	debug.FreeOSMemory()
	fmt.Fprintf(w, "after the last meeting: %d goroutines (%d before the first), %.1f MB\n", runtime.NumGoroutine(), idle, resident())
	return nil
}

func median(x []float64) float64 { return slices.Sorted(slices.Values(x))[len(x)/2] }

// resident memory in MB.
func resident() float64 {
	b, _ := os.ReadFile("/proc/self/statm")
	var total, pages float64
	_, _ = fmt.Sscan(string(b), &total, &pages)
	return pages * float64(os.Getpagesize()) / (1 << 20)
}

// cpu that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serve does what the load asks until it ends, and closes what it left open.
func serve(node *sfu.SFU, from io.Reader, to io.Writer) error {
	open := map[string]*sfu.Room{}
	defer func() {
		for _, r := range open {
			r.Close()
		}
	}()
	dec, enc := json.NewDecoder(from), json.NewEncoder(to)
	for {
		var q request
		if err := dec.Decode(&q); err != nil {
			return err
		}
		var a reply
		var err error
		a.SDP, err = handle(node, open, q)
		if err != nil {
			a.Err = err.Error()
		}
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
}

func handle(node *sfu.SFU, open map[string]*sfu.Room, q request) (string, error) {
	r := open[q.Room]
	if q.Op == "close" {
		if r != nil {
			r.Close()
			delete(open, q.Room)
		}
		return "", nil
	}
	var err error
	if r == nil {
		if r, err = node.Open(q.Room, sfu.RoomConfig{}); err != nil {
			return "", err
		}
		open[q.Room] = r
	}
	p := r.Peer(q.Peer)
	if p == nil {
		if p, err = r.Join(sfu.PeerConfig{ID: q.Peer}); err != nil {
			return "", err
		}
	}
	if q.Op == "publish" {
		return p.Publish(q.SDP)
	}
	return p.SubscribeOffer(q.SDP)
}

// loader asks the SFU in the other process.
type loader struct {
	mu  sync.Mutex
	enc *json.Encoder
	dec *json.Decoder
}

func (l *loader) ask(q request) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.enc.Encode(q); err != nil {
		return "", err
	}
	var a reply
	if err := l.dec.Decode(&a); err != nil {
		return "", err
	}
	if a.Err != "" {
		return "", errors.New(a.Err)
	}
	return a.SDP, nil
}

// load is the other process: it holds meetings and replaces one after the other until its input ends.
func load(in io.Reader, out io.Writer, rooms int) error {
	l := &loader{enc: json.NewEncoder(out), dec: json.NewDecoder(in)}
	held := make([]*held, rooms)
	for i := 0; ; i++ {
		k := i % rooms
		if held[k] != nil {
			held[k].end()
			if _, err := l.ask(request{Op: "close", Room: held[k].room}); err != nil {
				return nil //nolint:nilerr // the SFU's process has ended: so does the load
			}
			held[k] = nil
		}
		h, err := hold(l, fmt.Sprintf("room%d", i))
		if err != nil {
			h.end()
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
				return nil
			}
			fmt.Fprintln(os.Stderr, "join:", err)
			continue
		}
		held[k] = h
		if i >= rooms {
			time.Sleep(replaceEvery)
		}
	}
}

// held is a meeting of the load's.
type held struct {
	room   string
	cancel context.CancelFunc
	conns  []*connection
	wg     sync.WaitGroup
}

// hold begins a meeting: everybody sends a voice and a camera of 300 kbit/s with a keyframe every two seconds, and receives those of the others.
func hold(l *loader, room string) (*held, error) {
	ctx, cancel := context.WithCancel(context.Background())
	h := &held{room: room, cancel: cancel}
	for i := range people {
		id := fmt.Sprintf("p%d", i)
		if err := h.send(ctx, l, id); err != nil {
			return h, err
		}
		if err := h.receive(l, id); err != nil {
			return h, err
		}
	}
	return h, nil
}

func (h *held) connect(l *loader, op, id string, prepare func(*connection) error) error {
	c, err := connect(false)
	if err != nil {
		return err
	}
	h.conns = append(h.conns, c)
	if err := prepare(c); err != nil {
		return err
	}
	d, err := c.CreateOffer(nil)
	if err != nil {
		return err
	}
	offer, err := c.describe(d)
	if err != nil {
		return err
	}
	answer, err := l.ask(request{Op: op, Room: h.room, Peer: id, SDP: offer})
	if err != nil {
		return err
	}
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	return c.wait()
}

func (h *held) send(ctx context.Context, l *loader, id string) error {
	var tracks []*webrtc.TrackLocalStaticRTP
	err := h.connect(l, "publish", id, func(c *connection) error {
		for _, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8} {
			t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, mime[6:], id)
			if err != nil {
				return err
			}
			if _, err := c.AddTrack(t); err != nil {
				return err
			}
			tracks = append(tracks, t)
		}
		return nil
	})
	if err == nil {
		h.wg.Go(func() { talk(ctx, tracks[0], tracks[1]) })
	}
	return err
}

// talk sends sound and pictures until ctx is done.
func talk(ctx context.Context, audio, video *webrtc.TrackLocalStaticRTP) {
	camera := watch.Camera{Width: 640, Height: 360, Rate: 300_000, FPS: 25}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	var voice, seq uint16
	for i := 0; ; i++ {
		var now time.Time
		select {
		case <-ctx.Done():
			return
		case now = <-ticker.C:
		}
		voice++
		_ = audio.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: voice, Timestamp: uint32(i) * 960}, Payload: make([]byte, 80)})
		if i%2 > 0 {
			continue
		}
		payloads := camera.Frame(i/2+1, now, i%50 == 0)
		for k, b := range payloads {
			seq++
			_ = video.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(i) * 1800, Marker: k == len(payloads)-1},
				Payload: b,
			})
		}
	}
}

func (h *held) receive(l *loader, id string) error {
	return h.connect(l, "subscribe", id, func(c *connection) error {
		for range people - 1 {
			for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
				_, err := c.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
				if err != nil {
					return err
				}
			}
		}
		c.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			buf := make([]byte, 1500)
			for {
				if _, _, err := t.Read(buf); err != nil {
					return
				}
			}
		})
		return nil
	})
}

func (h *held) end() {
	h.cancel()
	h.wg.Wait()
	for _, c := range h.conns {
		c.close()
	}
}
