package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/vad"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus"
)

// This file is the process whose CPU time is measured: the gateway's half of the way from
// a socket to published audio. It takes one order as JSON, answers, and then answers each
// further byte with what it has used so far. It ends with its input.

// partArgument starts this program as such a process.
const partArgument = "-part-of-bench"

// Kinds of legs.
const (
	telephone = "telephone" // rtpx.Leg → audiofeed and vad, as the phone service does
	plain     = "plain"     // its baseline
	webrtcLeg = "webrtc"    // pion → rtpx.Receiver → audiofeed and vad, as the softphone does
	webrtcRaw = "webrtc-raw"
)

type order struct {
	Kind    string        `json:"kind"`
	NATS    string        `json:"nats"`
	Remotes []int         `json:"remotes,omitempty"` // the telephones' ports, one for each leg
	Offers  []string      `json:"offers,omitempty"`  // the browsers' SDP
	Delay   time.Duration `json:"delay,omitempty"`   // fixes the jitter buffer's delay; 0: it adapts
	Profile string        `json:"profile,omitempty"` // file for a CPU profile
}

type answer struct {
	Ports   []int    `json:"ports,omitempty"`
	Answers []string `json:"answers,omitempty"`
}

type used struct {
	CPU     time.Duration `json:"cpu"`    // user and kernel
	Kernel  time.Duration `json:"kernel"` // of CPU
	Mallocs uint64        `json:"mallocs"`
	Frames  uint64        `json:"frames"` // with sound that was received
}

func runPart(ctx context.Context, in io.Reader, out io.Writer) error {
	dec, enc := json.NewDecoder(in), json.NewEncoder(out)
	var o order
	if err := dec.Decode(&o); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	if o.Profile != "" {
		f, err := os.Create(o.Profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	g, err := newGateway(o)
	if err != nil {
		return err
	}
	a, err := g.open(ctx)
	if err != nil {
		return err
	}
	for {
		if err := enc.Encode(a); err != nil {
			return err
		}
		var ask struct{}
		if err := dec.Decode(&ask); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if a, err = g.used(); err != nil {
			return err
		}
	}
}

// gateway has the legs of one kind.
type gateway struct {
	order  order
	bus    *bus.Bus
	feed   *audiofeed.Gateway
	clock  *rtpx.Clock
	frames atomic.Uint64
}

func newGateway(o order) (*gateway, error) {
	b, err := bus.Connect("bench", bus.Config{URL: o.NATS}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return &gateway{
		order: o, bus: b, clock: rtpx.NewClock(0),
		feed: audiofeed.New(audiofeed.Config{Name: "phone", Bus: b, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()}),
	}, nil
}

func (g *gateway) used() (used, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return used{}, fmt.Errorf("getrusage: %w", err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used{time.Duration(r.Utime.Nano() + r.Stime.Nano()), time.Duration(r.Stime.Nano()), m.Mallocs, g.frames.Load()}, nil
}

func (g *gateway) open(ctx context.Context) (any, error) {
	var a answer
	for i, port := range g.order.Remotes {
		open := g.openTelephone
		if g.order.Kind == plain {
			open = g.openPlain
		}
		port, err := open(i, port)
		if err != nil {
			return nil, err
		}
		a.Ports = append(a.Ports, port)
	}
	for i, offer := range g.order.Offers {
		sdp, err := g.openBrowser(ctx, i, offer)
		if err != nil {
			return nil, err
		}
		a.Answers = append(a.Answers, sdp)
	}
	return a, nil
}

// The one conversation of all legs.
const conversation = "bench"

func legID(i int) string { return fmt.Sprintf("leg-%03d", i) }

// listen makes what happens to each frame: the phone service's recorder writes it to the
// feed; the detector, which production runs in the speech service, is in the budget too.
func (g *gateway) listen(i int) (func(rtpx.Frame), error) {
	feed, err := g.feed.Open(audiofeed.LegConfig{
		ConversationID: conversation, LegID: legID(i), Role: "citizen", StartedAt: time.Now(),
	})
	if err != nil {
		return nil, err
	}
	detector := vad.NewEndpointer(vad.Config{}, 0)
	return func(f rtpx.Frame) {
		flags := uint8(audiov1.FlagFilled)
		if f.Origin == rtpx.Heard {
			flags = 0
			g.frames.Add(1)
		}
		if err := feed.WriteFrame(f.Samples, f.At, flags); err != nil {
			panic(err) // cannot happen: the leg is open as long as the process lives
		}
		detector.Write(f.Samples)
	}, nil
}

var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func (g *gateway) openTelephone(i, remote int) (port int, err error) {
	ports, err := rtpx.NewPorts("24000-24999")
	if err != nil {
		return 0, err
	}
	frame, err := g.listen(i)
	if err != nil {
		return 0, err
	}
	d := g.order.Delay
	leg, err := rtpx.NewLeg(rtpx.LegConfig{
		Ports: ports, Local: localhost, Clock: g.clock,
		Receive: rtpx.ReceiverConfig{Frame: frame, MinDelay: d, MaxDelay: d, StartDelay: d},
	})
	if err != nil {
		return 0, err
	}
	pcma := []rtpx.Format{{Type: 8, Codec: rtpx.PCMA}}
	return leg.LocalPort(), leg.Configure(rtpx.Media{
		Remote: netip.AddrPortFrom(localhost, uint16(remote)), Receive: pcma, Send: pcma, Receiving: true,
	})
}

// openPlain is the baseline: each packet is decoded and published as it comes. No jitter
// buffer, no concealment, no filter, no detector, no ring to send again from.
func (g *gateway) openPlain(i, _ int) (port int, err error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(localhost, 0)))
	if err != nil {
		return 0, err
	}
	go g.readPlain(conn, g.bus.NC, audiov1.Subject(conversation, legID(i)))
	return conn.LocalAddr().(*net.UDPAddr).Port, nil
}

func (g *gateway) readPlain(conn *net.UDPConn, nc *nats.Conn, subject string) {
	buf, wire := make([]byte, 1500), make([]byte, 0, 1500)
	f := audiov1.Frame{PCM: make([]int16, 0, audiov1.FrameSamples)}
	for {
		n, _, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		_, payload, err := rtpx.Parse(buf[:n])
		if err != nil {
			continue
		}
		f.PCM = f.PCM[:0]
		for k, b := range payload {
			s := g711.ALaw(b)
			next := g711.ALaw(payload[min(k+1, len(payload)-1)])
			f.PCM = append(f.PCM, s, int16((int(s)+int(next))/2))
		}
		wire = f.Append(wire[:0])
		if nc.Publish(subject, wire) == nil {
			g.frames.Add(1)
		}
		f.Position += int64(len(f.PCM))
	}
}

// openBrowser is the receiving half of services/phone/internal/softphone, which only the
// phone service may import: the same settings, the same calls for each packet.
func (g *gateway) openBrowser(ctx context.Context, i int, offer string) (string, error) {
	api, err := softphoneAPI()
	if err != nil {
		return "", err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	take, tick, err := g.receiver(i)
	if err != nil {
		return "", err
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if tick != nil {
			g.clock.Add(tick)
		}
		buf := make([]byte, 1500)
		for {
			n, _, err := t.Read(buf)
			if err != nil {
				return
			}
			take(time.Now(), buf[:n])
		}
	})
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return gathered(ctx, pc, answer)
}

// receiver takes the packets of one browser; for the baseline it only counts them.
func (g *gateway) receiver(i int) (take func(time.Time, []byte), tick rtpx.Ticker, err error) {
	if g.order.Kind == webrtcRaw {
		return func(time.Time, []byte) { g.frames.Add(1) }, nil, nil
	}
	frame, err := g.listen(i)
	if err != nil {
		return nil, nil, err
	}
	r, err := rtpx.NewReceiver(rtpx.ReceiverConfig{Frame: frame, Formats: []rtpx.Format{{Type: opusType, Codec: rtpx.Opus}}})
	if err != nil {
		return nil, nil, err
	}
	return func(at time.Time, b []byte) { _ = r.Packet(at, b) }, r, nil // counted there
}

const opusType = 111

// softphoneAPI has the settings of the softphone.
func softphoneAPI() (*webrtc.API, error) {
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetICETimeouts(2*time.Second, 6*time.Second, 500*time.Millisecond)
	me := &webrtc.MediaEngine{}
	err := me.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opusCapability, PayloadType: opusType}, webrtc.RTPCodecTypeAudio)
	if err != nil {
		return nil, fmt.Errorf("codec: %w", err)
	}
	reg := &interceptor.Registry{}
	if err := webrtc.ConfigureRTCPReports(reg); err != nil {
		return nil, fmt.Errorf("reports: %w", err)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(me), webrtc.WithSettingEngine(se), webrtc.WithInterceptorRegistry(reg)), nil
}

var opusCapability = webrtc.RTPCodecCapability{
	MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
}

// gathered sets the local description and returns it with all candidates.
func gathered(ctx context.Context, pc *webrtc.PeerConnection, d webrtc.SessionDescription) (string, error) {
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	select {
	case <-done:
		return pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
