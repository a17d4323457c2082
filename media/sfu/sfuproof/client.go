package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/media/sfu/internal/watch"
)

// askEvery is how often missing packets are asked for: browsers ask at once and again after a round trip.
const askEvery = 40 * time.Millisecond

// connected is how long a connection may take to come up.
const connected = 2 * time.Minute

func newAPI(conn net.PacketConn) (*webrtc.API, error) {
	var se webrtc.SettingEngine
	se.SetICEMaxBindingRequests(1000) // a busy machine answers later than the seven that are asked else
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	se.SetICEUDPMux(webrtc.NewICEUDPMux(quiet{}.NewLogger(""), conn))
	se.LoggerFactory = quiet{}
	var me webrtc.MediaEngine
	if err := me.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	for _, uri := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI} {
		if err := me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	var reg interceptor.Registry
	err := webrtc.RegisterDefaultInterceptorsWithOptions(&me, &reg, webrtc.WithInterceptorLoggerFactory(quiet{}),
		webrtc.WithNackGeneratorOptions(nack.GeneratorInterval(askEvery)))
	if err != nil {
		return nil, err
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(&me), webrtc.WithInterceptorRegistry(&reg)), nil
}

// quiet keeps pion's complaints about closing sockets out of the figures.
type quiet struct{}

func (quiet) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, io.Discard)
}

// connection is a peer connection of its own socket, with a network before it if asked for.
type connection struct {
	*webrtc.PeerConnection
	conn net.PacketConn
	link *mediatest.Conn // nil: none
	up   chan struct{}
}

func connect(linked bool) (*connection, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	x := &connection{conn: c, up: make(chan struct{})}
	if linked {
		x.link = mediatest.NewConn(c)
		x.conn = x.link
	}
	api, err := newAPI(x.conn)
	if err != nil {
		return nil, err
	}
	x.PeerConnection, err = api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	var once sync.Once
	x.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(x.up) })
		}
	})
	return x, nil
}

func (x *connection) wait() error {
	select {
	case <-x.up:
		return nil
	case <-time.After(connected):
		return errors.New("not connected")
	}
}

func (x *connection) close() {
	_ = x.PeerConnection.Close()
	_ = x.conn.Close()
}

func (x *connection) describe(d webrtc.SessionDescription) (string, error) {
	done := webrtc.GatheringCompletePromise(x.PeerConnection)
	if err := x.SetLocalDescription(d); err != nil {
		return "", err
	}
	<-done
	return x.LocalDescription().SDP, nil
}

// publisher sends a voice and a camera in three sizes, paced as browsers do.
type publisher struct {
	*connection
	audio *webrtc.TrackLocalStaticRTP
	sizes []*size
	ids   map[string]uint8
	mid   string
	stop  chan struct{}
	wg    sync.WaitGroup
	voice uint16
	frame int
}

type size struct {
	camera watch.Camera
	track  *webrtc.TrackLocalStaticRTP
	seq    uint16
	mu     sync.Mutex
	key    bool
}

var rates = []int{150_000, 500_000, 1_500_000}

func publish(room *sfu.Room, id string) (*publisher, error) {
	peer, err := room.Join(sfu.PeerConfig{ID: id})
	if err != nil {
		return nil, err
	}
	c, err := connect(false)
	if err != nil {
		return nil, err
	}
	p := &publisher{connection: c, stop: make(chan struct{}), ids: map[string]uint8{}}
	p.audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "stream")
	if err != nil {
		return nil, err
	}
	if _, err = c.AddTrack(p.audio); err != nil {
		return nil, err
	}
	if err := p.addCamera(); err != nil {
		return nil, err
	}
	d, err := c.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	offer, err := c.describe(d)
	if err != nil {
		return nil, err
	}
	answer, err := peer.Publish(offer)
	if err != nil {
		return nil, err
	}
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return nil, err
	}
	if err := c.wait(); err != nil {
		return nil, err
	}
	p.wg.Go(p.run)
	return p, nil
}

func (p *publisher) addCamera() error {
	var sender *webrtc.RTPSender
	for i, rid := range []string{"q", "h", "f"} {
		t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "cam", "stream", webrtc.WithRTPStreamID(rid))
		if err != nil {
			return err
		}
		if sender == nil {
			sender, err = p.AddTrack(t)
		} else {
			err = sender.AddEncoding(t)
		}
		if err != nil {
			return err
		}
		p.sizes = append(p.sizes, &size{
			camera: watch.Camera{Width: 320 << i, Height: 180 << i, Rate: rates[i], FPS: 30}, track: t, key: true,
		})
	}
	for _, z := range p.sizes {
		go z.asked(sender) // ends with the connection
	}
	return nil
}

// asked answers requests for keyframes.
func (z *size) asked(sender *webrtc.RTPSender) {
	for {
		all, _, err := sender.ReadSimulcastRTCP(z.track.RID())
		if err != nil {
			return
		}
		for _, x := range all {
			if _, ok := x.(*rtcp.PictureLossIndication); ok {
				z.mu.Lock()
				z.key = true
				z.mu.Unlock()
			}
		}
	}
}

// run sends until stop.
func (p *publisher) run() {
	sender := p.GetSenders()[1]
	for _, e := range sender.GetParameters().HeaderExtensions {
		p.ids[e.URI] = uint8(e.ID)
	}
	for _, t := range p.GetTransceivers() {
		if t.Sender() == sender {
			p.mid = t.Mid()
		}
	}
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	begin, last, credit := time.Now(), time.Now(), 0
	var queue []func()
	var sizes []int
	for {
		var now time.Time
		select {
		case <-p.stop:
			return
		case now = <-ticker.C:
		}
		past := now.Sub(begin)
		if past >= time.Duration(p.voice)*20*time.Millisecond {
			p.speak(now)
		}
		if past >= time.Duration(p.frame)*time.Second/30 {
			p.frame++
			for _, z := range p.sizes {
				for _, pkt := range p.picture(now, z, uint32(past.Milliseconds()*90)) {
					queue, sizes = append(queue, func() { _ = z.track.WriteRTP(pkt) }), append(sizes, len(pkt.Payload))
				}
			}
		}
		// Two and a half times the rate of all sizes together.
		credit = min(credit+int(now.Sub(last).Microseconds())*2_150_000*5/2/8/1_000_000, 8000)
		last = now
		for len(queue) > 0 && credit > 0 {
			credit -= sizes[0]
			queue[0]()
			queue, sizes = queue[1:], sizes[1:]
		}
	}
}

func (p *publisher) speak(now time.Time) {
	p.voice++
	b := make([]byte, 80)
	binary.BigEndian.PutUint64(b, uint64(now.UnixMicro()))
	_ = p.audio.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: p.voice, Timestamp: uint32(p.voice) * 960}, Payload: b})
}

func (p *publisher) picture(now time.Time, z *size, ts uint32) []*rtp.Packet {
	z.mu.Lock()
	key := z.key
	z.key = false
	z.mu.Unlock()
	payloads := z.camera.Frame(p.frame, now, key)
	packets := make([]*rtp.Packet, len(payloads))
	for i, b := range payloads {
		z.seq++
		x := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: z.seq, Timestamp: ts, Marker: i == len(payloads)-1}, Payload: b}
		_ = x.SetExtension(p.ids[sdp.SDESMidURI], []byte(p.mid))
		_ = x.SetExtension(p.ids[sdp.SDESRTPStreamIDURI], []byte(z.track.RID()))
		packets[i] = x
	}
	return packets
}

func (p *publisher) close() {
	close(p.stop)
	p.wg.Wait()
	p.connection.close()
}

// subscriber sees and hears, and notes what comes.
type subscriber struct {
	*connection
	peer *sfu.Peer

	mu     sync.Mutex
	viewer watch.Viewer
	ssrc   uint32
	sound  int
	delays []time.Duration
	told   []sfu.Quality
	text   []time.Duration
	typed  *webrtc.DataChannel

	mark        time.Time     // when a cut ended
	heard, seen time.Duration // how long after it the first sound and picture came; 0: not yet
}

func subscribe(room *sfu.Room, id string, linked bool) (*subscriber, error) {
	c, err := connect(linked)
	if err != nil {
		return nil, err
	}
	s := &subscriber{connection: c}
	ordered, protocol := true, "t140"
	s.typed, err = c.CreateDataChannel(sfu.TextLabel, &webrtc.DataChannelInit{Ordered: &ordered, Protocol: &protocol})
	if err != nil {
		return nil, err
	}
	c.OnTrack(s.receive)
	c.OnDataChannel(func(dc *webrtc.DataChannel) { dc.OnMessage(s.read) })
	offers := make(chan string, 16)
	s.peer, err = room.Join(sfu.PeerConfig{
		ID: id, Offer: func(sdp string) { offers <- sdp },
		Quality: func(q sfu.Quality) { s.mu.Lock(); defer s.mu.Unlock(); s.told = append(s.told, q) },
	})
	if err != nil {
		return nil, err
	}
	first, err := s.peer.Subscribe()
	if err != nil {
		return nil, err
	}
	if err := s.answer(first); err != nil {
		return nil, err
	}
	go func() {
		for offer := range offers {
			_ = s.answer(offer) // the connection is closing
		}
	}()
	return s, s.wait()
}

func (s *subscriber) answer(offer string) error {
	if err := s.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return err
	}
	d, err := s.CreateAnswer(nil)
	if err != nil {
		return err
	}
	text, err := s.describe(d)
	if err != nil {
		return err
	}
	return s.peer.Answer(text)
}

func (s *subscriber) receive(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		now := time.Now()
		s.mu.Lock()
		switch {
		case len(p.Payload) < 8:
		case t.Kind() == webrtc.RTPCodecTypeAudio:
			s.sound++
			s.delays = append(s.delays, now.Sub(time.UnixMicro(int64(binary.BigEndian.Uint64(p.Payload)))))
		default:
			s.ssrc = uint32(t.SSRC())
			s.viewer.Packet(now, p.Payload)
		}
		s.back(t.Kind(), now)
		asks := s.viewer.Asks(now)
		ssrc := s.ssrc
		s.mu.Unlock()
		if asks {
			_ = s.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
		}
	}
}

// back notes what comes first after a cut.
func (s *subscriber) back(kind webrtc.RTPCodecType, now time.Time) {
	switch {
	case s.mark.IsZero():
	case kind == webrtc.RTPCodecTypeAudio && s.heard == 0:
		s.heard = now.Sub(s.mark)
	case kind == webrtc.RTPCodecTypeVideo && s.seen == 0 && s.viewer.LastAt().After(s.mark):
		s.seen = now.Sub(s.mark)
	}
}

// read takes typed text: the time at which it was typed.
func (s *subscriber) read(m webrtc.DataChannelMessage) {
	var at int64
	if _, err := fmt.Sscan(string(m.Data), &at); err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, time.Since(time.UnixMicro(at)))
}

// reset begins a measurement.
func (s *subscriber) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewer.Reset()
	s.sound, s.delays, s.text = 0, nil, nil
	s.told = s.told[max(0, len(s.told)-1):]
}

// at is a value that so large a share does not exceed.
func at(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[min(len(all)-1, int(share*float64(len(all))))]
}
