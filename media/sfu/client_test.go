package sfu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// patience is how long a test waits for something that should happen at once: the machine may be busy.
const patience = 2 * time.Minute

// node is an SFU on loopback.
func node(t *testing.T, change ...func(*Config)) *SFU {
	t.Helper()
	cfg := Config{UDP: []string{"127.0.0.1:0"}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, s *SFU, cfg RoomConfig) *Room {
	t.Helper()
	r, err := s.Open("room", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// client is a browser's part, by pion: one connection that publishes and one that subscribes.
type client struct {
	t    *testing.T
	id   string
	api  *webrtc.API
	peer *Peer
	pub  *webrtc.PeerConnection
	sub  *webrtc.PeerConnection

	pubLink, subLink *link // nil: direct

	channel func(*webrtc.DataChannel) // takes those of the subscribing connection; nil: nobody does

	audio, video *webrtc.TrackLocalStaticRTP
	sender       *webrtc.RTPSender

	ended chan struct{} // closed when the test is over

	mu     sync.Mutex
	tracks map[string]*remote // by track id
	pli    int
}

// remote is a track as received.
type remote struct {
	stream  string
	codec   string
	packets []*rtp.Packet
}

func api(t *testing.T, change ...func(*webrtc.SettingEngine)) *webrtc.API {
	t.Helper()
	var se webrtc.SettingEngine
	for _, f := range change {
		f(&se)
	}
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMaxBindingRequests(1000) // a busy machine answers later than the seven that are asked else
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
	var me webrtc.MediaEngine
	if err := me.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	red := webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/red", ClockRate: 48000, Channels: 2, SDPFmtpLine: "111/111"}, PayloadType: 63,
	}
	if err := me.RegisterCodec(red, webrtc.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI} {
		if err := me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
	if err := me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.AudioLevelURI}, webrtc.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	var reg interceptor.Registry
	if err := webrtc.RegisterDefaultInterceptors(&me, &reg); err != nil {
		t.Fatal(err)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(&me), webrtc.WithInterceptorRegistry(&reg))
}

// join lets a client into a room; its offers are answered.
func join(t *testing.T, r *Room, cfg PeerConfig) *client {
	t.Helper()
	c := newClient(t, cfg.ID)
	cfg.Offer = func(sdp string) { c.answer(sdp) }
	p, err := r.Join(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.peer = p
	return c
}

// newClient is one whose peer is still to come.
func newClient(t *testing.T, id string) *client {
	t.Helper()
	c := &client{t: t, id: id, api: api(t), tracks: map[string]*remote{}, ended: make(chan struct{})}
	t.Cleanup(c.close)
	return c
}

func (c *client) close() {
	close(c.ended)
	for _, pc := range []*webrtc.PeerConnection{c.pub, c.sub} {
		if pc != nil {
			_ = pc.Close()
		}
	}
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) connection() *webrtc.PeerConnection {
	pc, err := c.api.NewPeerConnection(webrtc.Configuration{})
	c.must(err)
	return pc
}

// track adds one to the publishing connection.
func (c *client) track(mime, id string) *webrtc.TrackLocalStaticRTP {
	if c.pub == nil {
		c.pub = c.connection()
	}
	tr, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, id, "stream")
	c.must(err)
	c.sender, err = c.pub.AddTrack(tr)
	c.must(err)
	go c.control(c.sender)
	return tr
}

// control counts requests for keyframes.
func (c *client) control(s *webrtc.RTPSender) {
	for {
		all, _, err := s.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range all {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				c.mu.Lock()
				c.pli++
				c.mu.Unlock()
			}
		}
	}
}

func (c *client) gathered(pc *webrtc.PeerConnection, d webrtc.SessionDescription) (string, error) {
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	select {
	case <-done:
		return pc.LocalDescription().SDP, nil
	case <-c.ended: // then nobody says that it is complete
		return "", webrtc.ErrConnectionClosed
	}
}

// publish offers what the client has, and waits until it is connected.
func (c *client) publish() {
	c.t.Helper()
	if c.pub == nil {
		c.pub = c.connection()
	}
	c.offer(nil)
	c.connected(c.pub, Publishing)
}

func (c *client) offer(o *webrtc.OfferOptions) {
	c.t.Helper()
	d, err := c.pub.CreateOffer(o)
	c.must(err)
	text, err := c.gathered(c.pub, d)
	c.must(err)
	answer, err := c.peer.Publish(text)
	c.must(err)
	if c.pubLink != nil {
		answer = c.pubLink.through(answer)
	}
	c.must(c.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// connected waits for both ends of a connection: what a client sends before the SFU has the keys is lost. On a busy machine pion's state
// of the whole connection may stay behind for good, since it is worked out by two goroutines of which the earlier may write last.
func (c *client) connected(pc *webrtc.PeerConnection, side Side) {
	c.t.Helper()
	until(c.t, c.id+" is connected", func() bool {
		c.peer.room.mu.Lock()
		defer c.peer.room.mu.Unlock()
		end := c.peer.pub
		if side == Subscribing {
			end = c.peer.sub
		}
		return pc.SCTP().Transport().State() == webrtc.DTLSTransportStateConnected && end.up
	}, nil)
}

// publishBoth publishes a microphone and a camera.
func (c *client) publishBoth() {
	c.audio = c.track(webrtc.MimeTypeOpus, "mic")
	c.video = c.track(webrtc.MimeTypeVP8, "cam")
	c.publish()
}

// subscribe takes the SFU's offer, and waits until it is connected.
func (c *client) subscribe() {
	c.t.Helper()
	if c.sub != nil {
		_ = c.sub.Close()
	}
	c.sub = c.connection()
	c.sub.OnTrack(c.receive)
	if c.channel != nil {
		c.sub.OnDataChannel(c.channel)
	}
	offer, err := c.peer.Subscribe()
	c.must(err)
	c.answer(offer)
	c.connected(c.sub, Subscribing)
}

// answer answers an offer, unless the test is over meanwhile, or the client joined again.
func (c *client) answer(offer string) {
	err := c.tryAnswer(offer)
	select {
	case <-c.ended: // connections that are being closed fail in many ways
		return
	default:
	}
	if err != nil && !errors.Is(err, webrtc.ErrConnectionClosed) && !errors.Is(err, ErrClosed) {
		c.t.Errorf("%s: %v\n%s", c.id, err, offer)
	}
}

func (c *client) tryAnswer(offer string) error {
	if c.subLink != nil {
		offer = c.subLink.through(offer)
	}
	if err := c.sub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	d, err := c.sub.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	text, err := c.gathered(c.sub, d)
	if err != nil {
		return fmt.Errorf("gather: %w", err)
	}
	return c.peer.Answer(text)
}

func (c *client) receive(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	for {
		p, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		if len(p.Payload) == 0 {
			continue
		}
		c.mu.Lock()
		x := c.tracks[tr.ID()]
		if x == nil {
			x = &remote{stream: tr.StreamID()}
			c.tracks[tr.ID()] = x
		}
		x.codec = tr.Codec().MimeType
		x.packets = append(x.packets, p)
		c.mu.Unlock()
	}
}

// packets of a track so far.
func (c *client) packets(id string) []*rtp.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.tracks[id]; x != nil {
		return x.packets[:len(x.packets):len(x.packets)]
	}
	return nil
}

// taken is the number of the newest packet of a client's track that the SFU has: those before came, or will never.
func (c *client) taken(source Source) uint16 {
	c.peer.room.mu.Lock()
	defer c.peer.room.mu.Unlock()
	for _, u := range c.peer.ups {
		if u.source == source {
			return uint16(u.layers[0].highest)
		}
	}
	c.t.Errorf("%s has no %s", c.id, source)
	return 0
}

// until repeats something every few milliseconds, such as sending a frame, until a condition holds.
func until(t *testing.T, what string, holds func() bool, each func()) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		if each != nil {
			each()
		}
		time.Sleep(4 * time.Millisecond)
	}
}

// sound makes packets of 20 ms whose payload counts as their sequence numbers do.
type sound struct {
	to  *webrtc.TrackLocalStaticRTP
	seq uint16
}

// soundOf reads what sound wrote.
func soundOf(p *rtp.Packet) uint16 { return binary.BigEndian.Uint16(p.Payload[1:]) }

func (s *sound) send() {
	s.seq++
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: s.seq, Timestamp: uint32(s.seq) * 960}, Payload: []byte{0xf8, byte(s.seq >> 8), byte(s.seq)}}
	_ = s.to.WriteRTP(&p)
}

// picture makes VP8 frames of a few packets. The bytes after the descriptor are the frame's number and the packet's.
type picture struct {
	to     *webrtc.TrackLocalStaticRTP
	seq    uint16
	frame  int
	id     uint16
	height int
	per    int // packets in a frame
}

func (v *picture) send(key bool) {
	v.frame++
	v.id++
	per := max(1, v.per)
	for i := range per {
		v.seq++
		p := rtp.Packet{
			Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: v.seq, Timestamp: uint32(v.frame) * 3000, Marker: i == per-1},
			Payload: vp8(key, i, v.id, uint8(v.id), v.height, v.frame),
		}
		_ = v.to.WriteRTP(&p)
	}
}

// vp8 is a payload: descriptor with 15-bit picture id and TL0PICIDX, then a frame header, then the number.
func vp8(key bool, part int, id uint16, tl0 uint8, height, number int) []byte {
	b := []byte{0x80, 0xe0, 0x80 | byte(id>>8&0x7f), byte(id), tl0, 0}
	if part == 0 {
		b[0] |= 0x10
	}
	body := make([]byte, 14)
	if !key || part > 0 {
		body[0] = 1
	}
	copy(body[3:], []byte{0x9d, 0x01, 0x2a})
	binary.LittleEndian.PutUint16(body[6:], uint16(height*16/9))
	binary.LittleEndian.PutUint16(body[8:], uint16(height))
	binary.BigEndian.PutUint32(body[10:], uint32(number)<<8|uint32(part))
	return append(b, body...)
}

// frameOf reads what vp8 wrote.
func frameOf(p *rtp.Packet) (number, part int, id uint16) {
	v := binary.BigEndian.Uint32(p.Payload[len(p.Payload)-4:])
	return int(v >> 8), int(v & 0xff), binary.BigEndian.Uint16(p.Payload[2:]) & 0x7fff
}
