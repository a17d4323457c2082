package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/audiov1"
)

// world is everything around the legs that are measured: it stands in for the speech
// worker. It attaches every leg that asks, takes its audio and reports progress.
type world struct {
	url string
	nc  *nats.Conn

	mu      sync.Mutex
	epoch   map[string]uint64 // by leg
	end     map[string]int64
	hushed  bool
	watches *telephones // whose frames are timed; nil: nobody's
	delays  []time.Duration

	frame audiov1.Frame // belongs to the subscription's goroutine
	done  chan struct{}
}

func newWorld(url string) (*world, error) {
	nc, err := nats.Connect(url, nats.Name("bench-world"))
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	w := &world{url: url, nc: nc, epoch: map[string]uint64{}, end: map[string]int64{}, done: make(chan struct{})}
	if _, err := nc.Subscribe(audiov1.AttachSubject, w.attach); err != nil {
		return nil, err
	}
	if _, err := nc.Subscribe("audio.v1."+conversation+".*", w.receive); err != nil {
		return nil, err
	}
	go w.report()
	return w, nc.Flush()
}

func (w *world) close() {
	close(w.done)
	w.nc.Close()
}

func (w *world) attach(m *nats.Msg) {
	var a audiov1.Attach
	if json.Unmarshal(m.Data, &a) != nil {
		return
	}
	w.mu.Lock()
	w.epoch[a.LegID], w.end[a.LegID] = a.Epoch, a.Committed
	w.mu.Unlock()
	data, err := json.Marshal(audiov1.Attached{Worker: "bench", Resume: a.Committed, Engine: "none"})
	if err == nil {
		_ = m.Respond(data) // the leg asks again
	}
}

func (w *world) receive(m *nats.Msg) {
	now := time.Now()
	if w.frame.Decode(m.Data) != nil {
		return
	}
	leg := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end[leg] = max(w.end[leg], w.frame.Position+int64(len(w.frame.PCM)))
	if w.watches == nil || w.frame.Flags&audiov1.FlagFilled != 0 {
		return
	}
	i, err := strconv.Atoi(strings.TrimPrefix(leg, "leg-"))
	if err != nil {
		return
	}
	for s := w.frame.PCM; len(s) >= pcm.FrameSamples; s = s[pcm.FrameSamples:] {
		if sent, ok := w.watches.sentAt(i, s); ok {
			w.delays = append(w.delays, now.Sub(sent))
		}
	}
}

// report is each leg's progress, twice a second as the speech worker's.
func (w *world) report() {
	tick := time.NewTicker(audiov1.HeartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-tick.C:
		}
		w.mu.Lock()
		for leg, epoch := range w.epoch {
			if w.hushed {
				break
			}
			p := audiov1.Progress{Worker: "bench", Epoch: epoch, Received: w.end[leg], Committed: w.end[leg]}
			data, err := json.Marshal(p)
			if err == nil {
				_ = w.nc.Publish(audiov1.ProgressSubject(conversation, leg), data) // said again in half a second
			}
		}
		w.mu.Unlock()
	}
}

// hush stops the progress reports, or lets them go on.
func (w *world) hush(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hushed = on
}

func (w *world) watch(t *telephones) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watches, w.delays = t, nil
}

// watched ends the watch.
func (w *world) watched() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watches = nil
	return w.delays
}

// telephones send PCMA.
type telephones struct {
	conns []*net.UDPConn
	to    []netip.AddrPort
	sent  [][times]atomic.Int64 // of the packets, Unix ns, by number
	last  []atomic.Int64        // number of the newest packet
}

// times of the last packets that are remembered: 64 are 1.28 s.
const times = 64

func newTelephones(n int) (*telephones, error) {
	t := &telephones{sent: make([][times]atomic.Int64, n), last: make([]atomic.Int64, n)}
	for range n {
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(localhost, 0)))
		if err != nil {
			t.close()
			return nil, err
		}
		t.conns = append(t.conns, c)
	}
	return t, nil
}

func (t *telephones) close() {
	for _, c := range t.conns {
		_ = c.Close()
	}
}

func (t *telephones) ports() []int {
	var out []int
	for _, c := range t.conns {
		out = append(out, c.LocalAddr().(*net.UDPAddr).Port)
	}
	return out
}

func (t *telephones) call(ports []int) {
	for _, p := range ports {
		t.to = append(t.to, netip.AddrPortFrom(localhost, uint16(p)))
	}
}

// play sends payloads over and over from every telephone, each in a phase of its own.
func (t *telephones) play(payloads [][]byte) (stop func()) {
	packet := make([]byte, 12, 1500)
	return inPhases(len(t.to), func(i int, k int64) {
		packet = header(packet, 8, k, 160, i)
		packet = append(packet, payloads[k%int64(len(payloads))]...)
		t.sent[i][k%times].Store(time.Now().UnixNano())
		t.last[i].Store(k)
		_, _ = t.conns[i].WriteToUDPAddrPort(packet, t.to[i]) // UDP: a packet that is lost is lost
	})
}

// tooShort to sleep: with hundreds of legs, waking for each packet would cost the sender
// more than the packets.
const tooShort = 100 * time.Microsecond

// inPhases calls f for packet k of every leg each 20 ms, spread evenly over them.
func inPhases(n int, f func(leg int, k int64)) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		begin := time.Now()
		for k := int64(0); ; k++ {
			for i := range n {
				due := begin.Add(time.Duration(k)*pcm.FrameDuration + time.Duration(i)*pcm.FrameDuration/time.Duration(n))
				if wait := time.Until(due); wait > tooShort {
					time.Sleep(wait)
				}
				select {
				case <-done:
					return
				default:
				}
				f(i, k)
			}
		}
	}()
	return func() { close(done); <-ended }
}

// header writes an RTP header (RFC 3550) for packet k.
func header(b []byte, typ uint8, k, units int64, leg int) []byte {
	b = append(b[:0], 2<<6, typ)
	b = binary.BigEndian.AppendUint16(b, uint16(k))
	b = binary.BigEndian.AppendUint32(b, uint32(k*units))
	return binary.BigEndian.AppendUint32(b, uint32(1000+leg))
}

// Marks: each packet holds one level, so that the worker can tell which packet a frame
// came from. 16 levels are 320 ms, more than anything waits.
const (
	levels    = 16
	levelStep = 2000 // far apart on A-law's scale, and all of them loud
)

func level(n int) int16 {
	if n < levels/2 {
		return int16((n - levels/2) * levelStep)
	}
	return int16((n - levels/2 + 1) * levelStep)
}

func marks() [][]byte {
	var out [][]byte
	for n := range levels {
		sound := make([]int16, 160)
		for i := range sound {
			sound[i] = level(n)
		}
		b := make([]byte, 160)
		g711.EncodeALaw(b, sound)
		out = append(out, b)
	}
	return out
}

// sentAt is when the packet was sent that the middle of a frame came from.
func (t *telephones) sentAt(leg int, frame []int16) (time.Time, bool) {
	middle := frame[len(frame)/2-20 : len(frame)/2+20]
	var sum int
	for _, s := range middle {
		sum += int(s)
	}
	mean := float64(sum) / float64(len(middle))
	best := 0
	for n := range levels {
		if math.Abs(float64(level(n))-mean) < math.Abs(float64(level(best))-mean) {
			best = n
		}
	}
	if math.Abs(float64(level(best))-mean) > levelStep/4 {
		return time.Time{}, false // between two packets
	}
	last := t.last[leg].Load()
	k := last - (last-int64(best)%levels+levels)%levels
	if k < 0 {
		return time.Time{}, false
	}
	return time.Unix(0, t.sent[leg][k%times].Load()), true
}

// browsers send Opus over WebRTC.
type browserSet struct {
	pcs    []*webrtc.PeerConnection
	tracks []*webrtc.TrackLocalStaticRTP
	offers []string
	up     chan struct{}
}

func newBrowsers(ctx context.Context, n int) (*browserSet, error) {
	s := &browserSet{up: make(chan struct{}, n)}
	for range n {
		if err := s.add(ctx); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *browserSet) add(ctx context.Context) error {
	api, err := softphoneAPI()
	if err != nil {
		return err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	s.pcs = append(s.pcs, pc)
	track, err := webrtc.NewTrackLocalStaticRTP(opusCapability, "audio", "bench")
	if err != nil {
		return err
	}
	s.tracks = append(s.tracks, track)
	if _, err := pc.AddTrack(track); err != nil {
		return err
	}
	pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) {
		if st == webrtc.PeerConnectionStateConnected {
			s.up <- struct{}{}
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	sdp, err := gathered(ctx, pc, offer)
	s.offers = append(s.offers, sdp)
	return err
}

func (s *browserSet) connect(ctx context.Context, answers []string) error {
	for i, sdp := range answers {
		err := s.pcs[i].SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp})
		if err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	for range s.pcs {
		select {
		case <-s.up:
		case <-ctx.Done():
			return fmt.Errorf("browsers did not connect: %w", ctx.Err())
		}
	}
	return nil
}

func (s *browserSet) close() {
	for _, pc := range s.pcs {
		_ = pc.Close()
	}
}

func (s *browserSet) play() (stop func(), err error) {
	payloads, err := opusSpeech()
	if err != nil {
		return nil, err
	}
	packet := make([]byte, 12, 1500)
	return inPhases(len(s.tracks), func(i int, k int64) {
		packet = header(packet, opusType, k, 960, i)
		packet = append(packet, payloads[k%int64(len(payloads))]...)
		_, _ = s.tracks[i].Write(packet) // UDP
	}), nil
}

// opusSpeech is speech as a browser encodes it.
func opusSpeech() ([][]byte, error) {
	speech, err := speechWithPauses()
	if err != nil {
		return nil, err
	}
	var out [][]byte
	s, err := rtpx.NewSender(rtpx.SenderConfig{
		Formats: []rtpx.Format{{Type: opusType, Codec: rtpx.Opus}},
		Send: func(b []byte) error {
			_, payload, err := rtpx.Parse(b)
			out = append(out, append([]byte(nil), payload...))
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	s.SetSource(pcm.NewClip(speech, true))
	at := time.Unix(1000, 0)
	for range 500 {
		s.Tick(at)
		at = at.Add(pcm.FrameDuration)
	}
	return out, nil
}
