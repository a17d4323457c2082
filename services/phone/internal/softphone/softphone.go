// Package softphone is the caseworker's browser on a call: a WebRTC peer
// connection (pion) that carries one sound each way, Opus or PCMA, as 20 ms frames
// of 16 kHz PCM on our side. Offer and answer are complete: no trickling.
//
// A Maker is shared and holds the settings; a Phone is one connection. Frames come
// from the media clock, Up from pion's goroutines.
package softphone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/platform/errs"
)

const (
	// gatherLimit bounds the wait for STUN and TURN servers.
	gatherLimit = 5 * time.Second
	// maxOffer bounds the browser's description.
	maxOffer = 64 << 10

	opusType = 111
	pcmaType = 8
	dtmfType = 126
)

// Config of a Maker.
type Config struct {
	ICEServers []string // stun: and turn: URLs
	ICEUser    string   // for turn:
	ICESecret  string
	PublicIPs  []string // told to browsers instead of our own addresses (1:1 NAT)
	MinPort    uint16   // range of UDP ports; 0: any
	MaxPort    uint16
	Clock      *rtpx.Clock
	Log        *slog.Logger
}

// Maker makes phones.
type Maker struct {
	cfg Config
	api *webrtc.API
	ice webrtc.Configuration
}

// NewMaker checks the settings.
func NewMaker(cfg Config) (*Maker, error) {
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	if cfg.MinPort != 0 {
		if err := se.SetEphemeralUDPPortRange(cfg.MinPort, cfg.MaxPort); err != nil {
			return nil, fmt.Errorf("softphone ports: %w", err)
		}
	}
	if len(cfg.PublicIPs) > 0 {
		err := se.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External: cfg.PublicIPs, AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace,
		})
		if err != nil {
			return nil, fmt.Errorf("softphone's public address: %w", err)
		}
	}
	// A browser that is gone shows after two seconds; see Hooks.Up. How long it may take to come, or to come back, is for the call to
	// decide: what has failed does not come back, so that is later than any call waits.
	se.SetICETimeouts(2*time.Second, time.Minute, 500*time.Millisecond)
	me := &webrtc.MediaEngine{}
	if err := register(me); err != nil {
		return nil, fmt.Errorf("softphone codecs: %w", err)
	}
	reg := &interceptor.Registry{}
	if err := webrtc.ConfigureRTCPReports(reg); err != nil {
		return nil, fmt.Errorf("softphone reports: %w", err)
	}
	m := &Maker{cfg: cfg, api: webrtc.NewAPI(webrtc.WithMediaEngine(me), webrtc.WithSettingEngine(se), webrtc.WithInterceptorRegistry(reg))}
	if len(cfg.ICEServers) > 0 {
		m.ice.ICEServers = []webrtc.ICEServer{{URLs: cfg.ICEServers, Username: cfg.ICEUser, Credential: cfg.ICESecret}}
	}
	return m, nil
}

func register(me *webrtc.MediaEngine) error {
	for _, c := range []webrtc.RTPCodecParameters{
		{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
			SDPFmtpLine: "minptime=10;useinbandfec=1",
		}, PayloadType: opusType},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMA, ClockRate: 8000}, PayloadType: pcmaType},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/telephone-event", ClockRate: 8000}, PayloadType: dtmfType},
	} {
		if err := me.RegisterCodec(c, webrtc.RTPCodecTypeAudio); err != nil {
			return err
		}
	}
	return nil
}

// Hooks tell what happens. Nil ones are left out.
type Hooks struct {
	Frame func(rtpx.Frame)
	Gap   func(rtpx.Gap)
	Up    func(up bool) // the connection works, or does no more (it may come back)
}

// Phone is one browser.
type Phone struct {
	maker *Maker
	hooks Hooks
	pc    *webrtc.PeerConnection
	recv  *rtpx.Receiver
	send  *rtpx.Sender
	track *webrtc.TrackLocalStaticRTP
	clock *rtpx.Clock
	wg    sync.WaitGroup

	mu     sync.Mutex
	closed bool

	telling sync.Mutex // while Hooks.Up runs
	up      bool       // as it was told
}

// Answer takes a browser's complete offer and returns the complete answer.
func (m *Maker) Answer(ctx context.Context, offer string, h Hooks) (*Phone, string, error) {
	bad := func(err error) error {
		return errs.E(errs.Invalid, "Browserens lydforbindelse kunne ikke bruges. Genindlæs siden, og prøv igen.", err)
	}
	if len(offer) > maxOffer {
		return nil, "", bad(errors.New("offer is too long"))
	}
	pc, err := m.api.NewPeerConnection(m.ice)
	if err != nil {
		return nil, "", fmt.Errorf("softphone: %w", err)
	}
	p := &Phone{maker: m, hooks: h, pc: pc, clock: m.cfg.Clock}
	sdp, err := p.negotiate(ctx, offer)
	if err != nil {
		p.Close()
		return nil, "", bad(err)
	}
	return p, sdp, nil
}

func (p *Phone) negotiate(ctx context.Context, offer string) (string, error) {
	p.pc.OnConnectionStateChange(p.state)
	p.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.listen(t) })
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	codec := rtpx.PCMA
	mime := webrtc.MimeTypePCMA
	if strings.Contains(strings.ToLower(offer), "opus/48000") {
		codec, mime = rtpx.Opus, webrtc.MimeTypeOpus
	}
	if err := p.tracks(codec, mime); err != nil {
		return "", err
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	select {
	case <-gathered:
	case <-time.After(gatherLimit): // what was found until then will do
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return p.pc.LocalDescription().SDP, nil
}

// tracks sets up both directions. pion rewrites the payload type of what we send.
func (p *Phone) tracks(codec rtpx.Codec, mime string) error {
	cap := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: uint32(codec.Clock())}
	if codec == rtpx.Opus {
		cap.Channels = 2
	}
	track, err := webrtc.NewTrackLocalStaticRTP(cap, "audio", "samtale")
	if err != nil {
		return err
	}
	sender, err := p.pc.AddTrack(track)
	if err != nil {
		return err
	}
	p.track = track
	p.wg.Go(func() { // interceptors run on what is read
		buf := make([]byte, 1500)
		for {
			if _, _, err := sender.Read(buf); err != nil {
				return
			}
		}
	})
	p.recv, err = rtpx.NewReceiver(rtpx.ReceiverConfig{Frame: p.hooks.Frame, Gap: p.hooks.Gap})
	if err != nil {
		return err
	}
	p.send, err = rtpx.NewSender(rtpx.SenderConfig{
		Formats: []rtpx.Format{{Type: opusType, Codec: codec}},
		Send:    p.write,
	})
	if err != nil {
		return err
	}
	p.clock.Add(p)
	return nil
}

func (p *Phone) write(packet []byte) error {
	_, err := p.track.Write(packet)
	if errors.Is(err, io.ErrClosedPipe) { // not connected yet
		return nil
	}
	return err
}

// Tick is for the clock.
func (p *Phone) Tick(now time.Time) {
	p.recv.Tick(now)
	p.send.Tick(now)
}

// listen reads a track until it ends.
func (p *Phone) listen(t *webrtc.TrackRemote) {
	if t.Kind() != webrtc.RTPCodecTypeAudio {
		return
	}
	codec := rtpx.Opus
	if strings.EqualFold(t.Codec().MimeType, webrtc.MimeTypePCMA) {
		codec = rtpx.PCMA
	}
	if err := p.recv.SetFormats([]rtpx.Format{{Type: uint8(t.PayloadType()), Codec: codec}}); err != nil {
		p.maker.cfg.Log.Error("softphone codec", "err", err)
		return
	}
	buf := make([]byte, 1500)
	for {
		n, _, err := t.Read(buf)
		if err != nil {
			return
		}
		_ = p.recv.Packet(time.Now(), buf[:n]) // counted there
	}
}

// state tells how the connection stands now. Each change is told on a goroutine of its own: one may overtake the other, and what
// counts is what is.
func (p *Phone) state(webrtc.PeerConnectionState) {
	p.telling.Lock()
	defer p.telling.Unlock()
	up := p.up
	switch p.pc.ConnectionState() {
	case webrtc.PeerConnectionStateConnected:
		up = true
	case webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		up = false
	}
	if up == p.up {
		return
	}
	p.up = up
	if p.hooks.Up != nil {
		p.hooks.Up(up)
	}
}

// SetSource is what the caseworker hears; nil is silence.
func (p *Phone) SetSource(r pcm.Reader) { p.send.SetSource(r) }

// Close ends the connection and waits until no frame hook runs. It must not be
// called from a hook.
func (p *Phone) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	p.mu.Unlock()
	if p.recv != nil && p.send != nil {
		p.clock.Remove(p)
	}
	if err := p.pc.Close(); err != nil {
		p.maker.cfg.Log.Debug("softphone close", "err", err)
	}
	p.wg.Wait()
	if p.recv != nil {
		p.recv.Close()
	}
}
