package sfu

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/opus"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/sfu/internal/packet"
)

// simulcast publishes three sizes of a camera; the result sends a frame of each.
func (c *client) simulcast() func(key bool) {
	c.t.Helper()
	c.pub = c.connection()
	var layers []*webrtc.TrackLocalStaticRTP
	for _, rid := range []string{"q", "h", "f"} {
		tr, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "cam", "stream", webrtc.WithRTPStreamID(rid))
		c.must(err)
		layers = append(layers, tr)
	}
	s, err := c.pub.AddTrack(layers[0])
	c.must(err)
	c.must(s.AddEncoding(layers[1]))
	c.must(s.AddEncoding(layers[2]))
	go c.control(s)
	c.publish()
	ids := map[string]uint8{}
	for _, e := range s.GetParameters().HeaderExtensions {
		ids[e.URI] = uint8(e.ID)
	}
	mid := c.pub.GetTransceivers()[0].Mid()
	var seq [3]uint16
	frame := 0
	return func(key bool) {
		frame++
		for i, tr := range layers {
			seq[i]++
			p := rtp.Packet{
				Header: rtp.Header{Version: 2, SequenceNumber: seq[i] + uint16(i)*1000, Timestamp: uint32(frame)*3000 + uint32(i)*77777, Marker: true},
				// Picture ids of the layers have nothing to do with each other.
				Payload: vp8(key, 0, uint16(frame)+uint16(i)*5000, uint8(frame+i*50), 180<<i, frame),
			}
			c.must(p.SetExtension(ids[sdp.SDESMidURI], []byte(mid)))
			c.must(p.SetExtension(ids[sdp.SDESRTPStreamIDURI], []byte(tr.RID())))
			_ = tr.WriteRTP(&p)
		}
	}
}

func heightOf(p *rtp.Packet) int { return int(p.Payload[14]) | int(p.Payload[15])<<8 }

// A subscriber is moved between sizes by what it looks at, and sees one unbroken stream.
func TestLayers(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	send := a.simulcast()
	b.subscribe()
	n := 0
	frame := func() { send(n%5 == 0); n++ }
	arrives := func(what string, height int) {
		t.Helper()
		until(t, what, func() bool {
			all := b.packets("a~camera")
			return len(all) > 5 && heightOf(all[len(all)-1]) == height
		}, frame)
	}
	arrives("the largest", 720)
	b.peer.SetView("a", Camera, View{Width: 300, Height: 170})
	arrives("the smallest for a small view", 180)
	b.peer.SetView("a", Camera, View{Height: 360})
	arrives("the middle", 360)
	b.peer.SetView("a", Camera, View{Paused: true})
	until(t, "nothing while it is not seen", func() bool {
		before := len(b.packets("a~camera"))
		for range 10 {
			frame()
		}
		time.Sleep(50 * time.Millisecond)
		return len(b.packets("a~camera")) == before
	}, nil)
	b.peer.SetView("a", Camera, View{})
	arrives("the largest again", 720)
	pictures(t, b.packets("a~camera"))
}

// A client that offers itself gets what is there, and what comes later in the same section.
func TestWHEP(t *testing.T) {
	r := open(t, node(t), RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	b.sub = b.connection()
	b.sub.OnTrack(b.receive)
	for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		_, err := b.sub.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		b.must(err)
	}
	d, err := b.sub.CreateOffer(nil)
	b.must(err)
	text, err := b.gathered(b.sub, d)
	b.must(err)
	answer, err := b.peer.SubscribeOffer(text)
	b.must(err)
	b.must(b.sub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	b.connected(b.sub, Subscribing)
	a.publishBoth() // later
	as, av := &sound{to: a.audio}, &picture{to: a.video, height: 180}
	until(t, "sound and picture", func() bool { return len(b.packets("samtale~0")) > 10 && len(b.packets("samtale~1")) > 10 }, func() {
		as.send()
		av.send(av.frame%5 == 0)
	})
	if _, err := b.peer.RestartICE(Subscribing, ""); err == nil {
		t.Error("the SFU offered to a client that offers itself")
	}
}

// New ICE credentials, by an offer and by a fragment, keep the connection and its media.
func TestICERestart(t *testing.T) {
	r := open(t, node(t), RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	a.publishBoth()
	b.subscribe()
	as := &sound{to: a.audio}
	until(t, "sound", func() bool { return len(b.packets("a~microphone")) > 5 }, as.send)
	old := a.peer.pub
	a.offer(&webrtc.OfferOptions{ICERestart: true})
	if _, err := b.peer.RestartICE(Subscribing, ""); err != nil {
		t.Fatal(err)
	}
	until(t, "both restarted", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(a.peer.pub.creds) == 2 && len(b.peer.sub.creds) == 2 && b.peer.sdp.pending == ""
	}, as.send)
	before := len(b.packets("a~microphone"))
	until(t, "sound after the restart", func() bool { return len(b.packets("a~microphone")) > before+20 }, as.send)
	if a.peer.pub != old {
		t.Error("the connection was replaced")
	}
	ice := a.peer.ICE(Publishing)
	for range 2 { // the second time the answer was lost
		answer, err := a.peer.RestartICE(Publishing, "a=ice-ufrag:abcdef\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 X 0\r\na=mid:0\r\n")
		if err != nil || len(a.peer.pub.creds) != 2 || a.peer.ICE(Publishing) == ice ||
			!strings.Contains(answer, "a=ice-ufrag:"+a.peer.ICE(Publishing)+"\r\n") || !strings.Contains(answer, "m=audio") {
			t.Errorf("fragment %q, %v", answer, err)
		}
	}
}

// An offer that is lost on its way is pending until it is answered; whoever asks for it loses nobody.
func TestLostOffer(t *testing.T) {
	r := open(t, node(t), RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), newClient(t, "b")
	peer, err := r.Join(PeerConfig{ID: "b", Offer: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	b.peer = peer
	b.subscribe()
	if p := peer.Pending(); p != "" {
		t.Errorf("pending after the answer: %s", p)
	}
	a.publishBoth()
	as := &sound{to: a.audio}
	until(t, "an offer", func() bool { return peer.Pending() != "" }, as.send)
	for range 2 { // what came meanwhile is in the next one
		if p := peer.Pending(); p != "" {
			b.answer(p)
		}
	}
	until(t, "sound", func() bool { return len(b.packets("a~microphone")) > 5 }, as.send)
}

// Without UDP, media goes by TCP.
func TestTCP(t *testing.T) {
	s := node(t, func(c *Config) { c.UDP, c.TCP = nil, []string{"127.0.0.1:0"} })
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	a.publishBoth()
	b.subscribe()
	as := &sound{to: a.audio}
	until(t, "sound", func() bool { return len(b.packets("a~microphone")) > 20 }, as.send)
	unbroken(t, b.packets("a~microphone"))
}

// The built-in TURN server leads to the SFU, by all that a network may let through, and nowhere else.
func TestTURN(t *testing.T) {
	for _, tt := range []struct {
		name, scheme, transport string
		set                     func(c *TURNConfig, address string)
	}{
		{"UDP", "turn", "udp", func(c *TURNConfig, a string) { c.UDP = []string{a} }},
		{"TCP", "turn", "tcp", func(c *TURNConfig, a string) { c.TCP = []string{a} }},
		{"TLS", "turns", "tcp", func(c *TURNConfig, a string) { c.TLS = []string{a} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cert, err := tls.LoadX509KeyPair(os.Getenv(certFile), filepath.Join(filepath.Dir(os.Getenv(certFile)), keyFile))
			if err != nil {
				t.Fatal(err)
			}
			var s *SFU
			for s == nil { // an address that was free may be another's by now
				address := freeAddress(t, tt.transport)
				c := Config{UDP: []string{"127.0.0.1:0"}, TURN: TURNConfig{
					Secret: "secret", URLs: []string{tt.scheme + ":" + address + "?transport=" + tt.transport},
					Certificate: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
				}}
				tt.set(&c.TURN, address)
				s, err = New(c)
				if err != nil && !errors.Is(err, syscall.EADDRINUSE) {
					t.Fatal(err)
				}
			}
			t.Cleanup(s.Close)
			ice, ok := s.TURN("a", time.Hour, 12*time.Hour)
			if !ok {
				t.Fatal("no TURN server")
			}
			r := open(t, s, RoomConfig{})
			a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
			a.pub, err = a.api.NewPeerConnection(webrtc.Configuration{
				ICEServers:         []webrtc.ICEServer{{URLs: ice.URLs, Username: ice.Username, Credential: ice.Credential}},
				ICETransportPolicy: webrtc.ICETransportPolicyRelay,
			})
			a.must(err)
			a.publishBoth()
			b.subscribe()
			as := &sound{to: a.audio}
			until(t, "sound by relay", func() bool { return len(b.packets("a~microphone")) > 10 }, as.send)
			if s.turn.permits(net.IPv4(192, 0, 2, 1)) || !s.turn.permits(net.IPv4(127, 0, 0, 1)) {
				t.Error("the relay leads elsewhere")
			}
		})
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T, network string) string {
	t.Helper()
	if network == "tcp" {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	l, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.LocalAddr().String()
}

// certFile is where Go looks for the certificates to trust: pion's clients take no others.
const certFile, keyFile = "SSL_CERT_FILE", "key.pem"

// TestMain makes a certificate for 127.0.0.1 that clients of these tests trust.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sfu")
	if err == nil {
		err = trusted(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func trusted(dir string) error {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	private, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	name := filepath.Join(dir, "cert.pem")
	return errors.Join(err,
		os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600),
		os.WriteFile(filepath.Join(dir, keyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
		os.Setenv(certFile, name))
}

// recorder is an AudioWriter and a PacketWriter.
type recorder struct {
	mu      sync.Mutex
	samples []int16
	lost    int64
	packets int
}

func (w *recorder) WriteFrame(s []int16, _ time.Time, _ uint8) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples = append(w.samples, s...)
	return nil
}

func (w *recorder) Lost(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost += n
}

func (w *recorder) WritePacket(p Packet) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Codec == "opus" && len(p.Payload) > 0 {
		w.packets++
	}
	return false
}

// raw counts the packets of sound.
func (w *recorder) raw() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.packets
}

// loud reports whether the last quarter of a second holds the tone.
func (w *recorder) loud() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.samples)
	return n > 8000 && pcm.Level(w.samples[n-4000:]) > -25
}

// A telephone peer is heard by browsers, hears them mixed, and all are heard by the owner.
func TestTelephoneAndTaps(t *testing.T) {
	var both atomic.Bool
	r := open(t, node(t), RoomConfig{Speakers: func(x []Speaker) { both.Store(both.Load() || len(x) == 2) }})
	tap, mix, phoneTap := &recorder{}, &recorder{}, &recorder{}
	a := join(t, r, PeerConfig{
		ID: "a", Sound: func(Track) AudioWriter { return tap }, Packets: func(Track) PacketWriter { return tap },
	})
	phone, err := r.Join(PeerConfig{
		ID: "phone", Sound: func(Track) AudioWriter { return phoneTap },
		Mix: func(s []int16) { _ = mix.WriteFrame(s, time.Time{}, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	a.audio = a.track(webrtc.MimeTypeOpus, "mic")
	a.publish()
	a.subscribe()
	enc, err := opus.NewEncoder(pcm.Rate, 32000)
	if err != nil {
		t.Fatal(err)
	}
	tone := mediatest.Tone(pcm.Rate, pcm.Rate, 440, 16000)
	buf := make([]byte, opus.MaxBytes)
	seq := uint16(0)
	ids := map[string]uint8{}
	for _, e := range a.sender.GetParameters().HeaderExtensions {
		ids[e.URI] = uint8(e.ID)
	}
	next := time.Now()
	talk := func() {
		if time.Now().Before(next) {
			return
		}
		next = next.Add(pcm.FrameDuration)
		at := int(seq) * pcm.FrameSamples % len(tone)
		frame := tone[at : at+pcm.FrameSamples]
		if err := phone.WriteFrame(frame); err != nil {
			t.Fatal(err)
		}
		n, err := enc.Encode(buf, frame)
		if err != nil {
			t.Fatal(err)
		}
		seq++
		p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960}, Payload: buf[:n]}
		_ = p.SetExtension(ids[sdp.AudioLevelURI], []byte{0x80 | 20})
		_ = a.audio.WriteRTP(&p)
	}
	quiet := map[string]*recorder{"the owner of a": tap, "the telephone": mix, "the owner of the telephone": phoneTap}
	until(t, "all hear all", func() bool {
		maps.DeleteFunc(quiet, func(_ string, w *recorder) bool { return w.loud() }) // a busy machine breaks sound off now and then
		return both.Load() && len(quiet) == 0 && tap.raw() > 20 && len(a.packets("phone~microphone")) > 20
	}, talk)
	unbroken(t, a.packets("phone~microphone"))
	if got := a.peer.Tracks(); len(got) != 1 || got[0] != (Track{Peer: "a", Source: Microphone, Codec: "opus"}) {
		t.Errorf("tracks %v", got)
	}
	phone.Leave()
	if err := phone.WriteFrame(tone[:pcm.FrameSamples]); err == nil {
		t.Error("a peer that left still speaks")
	}
}

// Copies of earlier packets (RED) are left out for a client that did not negotiate them, and retyped for one that did.
func TestRED(t *testing.T) {
	payload := []byte{0x80 | 109, 0x0f, 0x00, 2, 109, 'a', 'b', 'c'}
	for _, red := range []uint8{0, 63} {
		r, out, s, u := wired(t, packet.Opus)
		s.red = red
		r.mu.Lock()
		u.forward(out, time.Now(), u.layers[0], &packet.Header{Type: 63, Seq: 5}, payloadType{codec: packet.Opus, red: true}, slices.Clone(payload))
		n := s.octets
		r.mu.Unlock()
		if want := map[uint8]uint32{0: 1, 63: 8}[red]; n != want {
			t.Errorf("red %d: %d bytes sent, want %d", red, n, want)
		}
	}
}

// wired is a room in made-up time where a track of a codec goes to one subscriber. Nothing else runs.
func wired(t *testing.T, codec packet.Codec) (*Room, *egress, *slot, *upTrack) {
	t.Helper()
	w := newWorld(t, RoomConfig{})
	a := w.join(PeerConfig{ID: "a"})
	_, err := a.Publish(speakerHead + speakerSection("audio", "111", "0", "a=rtpmap:111 opus/48000/2", "a=ssrc:7 cname:x") +
		speakerSection("video", "96 97", "1", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=ssrc:100 cname:x"))
	if err != nil {
		t.Fatal(err)
	}
	w.connect(a.pub)
	w.watch(PeerConfig{ID: "b"})
	for _, u := range a.ups {
		if u.codec == codec {
			return w.room, w.sfu.newEgress(0, 0), u.subs[0], u
		}
	}
	t.Fatal("no track")
	return nil, nil, nil, nil
}

// A node that drains takes nobody new, and what runs goes on.
func TestDrainAndClose(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	a.publishBoth()
	b.subscribe()
	s.Drain()
	if _, err := s.Open("other", RoomConfig{}); err == nil {
		t.Error("a room was opened")
	}
	if _, err := r.Join(PeerConfig{ID: "c"}); err == nil {
		t.Error("a peer was let in")
	}
	as := &sound{to: a.audio}
	until(t, "sound", func() bool { return len(b.packets("a~microphone")) > 5 }, as.send)
	r.Close()
	if s.Room("room") != nil || s.Stats().PacketsOut == 0 {
		t.Error("a closed room is still there, or its counters are gone")
	}
	until(t, "the client sees it", func() bool {
		return b.sub.ConnectionState() == webrtc.PeerConnectionStateClosed || b.sub.ConnectionState() == webrtc.PeerConnectionStateFailed || b.sub.SCTP().Transport().State() == webrtc.DTLSTransportStateClosed
	}, nil)
}
