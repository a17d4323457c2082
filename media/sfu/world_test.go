package sfu

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/sfu/internal/protect"
	"samtale.dk/samtale/media/sfu/internal/watch"
)

// world is a room in made-up time: no sockets, no handshakes and no waiting, so that what happens on a network that loses, delays and
// narrows is the same on every machine. What the SFU does is all of it from the encrypted packet that comes to the one that goes.
type world struct {
	t    *testing.T
	sfu  *SFU
	room *Room
	out  *egress
	time atomic.Int64 // ns
	ends []*end
	each []func(now time.Time) // every millisecond
}

func newWorld(t *testing.T, cfg RoomConfig) *world {
	t.Helper()
	w := &world{t: t}
	w.time.Store(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).UnixNano())
	s, err := New(Config{UDP: []string{"127.0.0.1:0"}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	w.sfu, w.out = s, s.newEgress(0, 0)
	w.room = newRoom(s, "room", cfg) // the SFU does not know of it, so that only run ticks it
	return w
}

func (w *world) now() time.Time { return time.Unix(0, w.time.Load()) }

// run lets time pass.
func (w *world) run(d time.Duration) {
	for until := w.now().Add(d); w.now().Before(until); {
		w.time.Add(int64(time.Millisecond))
		now := w.now()
		for _, f := range w.each {
			f(now)
		}
		for _, e := range w.ends {
			e.up.Deliver(now, func(_ time.Time, b []byte) { w.sfu.datagram(w.out, now, 0, e.tcp, netip.AddrPort{}, b) })
		}
		if now.UnixMilli()%tick.Milliseconds() == 0 {
			w.room.tick(w.out, now)
		}
		w.settle()
		for _, e := range w.ends {
			e.collect(now)
			e.down.Deliver(now, func(_ time.Time, b []byte) { e.packet(now, b) })
		}
	}
}

// settle waits until the owner has been told everything.
func (w *world) settle() {
	for {
		w.room.events.mu.Lock()
		idle := !w.room.events.running
		w.room.events.mu.Unlock()
		if idle {
			return
		}
		runtime.Gosched()
	}
}

func (w *world) join(cfg PeerConfig) *Peer {
	w.t.Helper()
	p, err := w.room.Join(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// end is a client's end of a connection, with the network between.
type end struct {
	w        *world
	sent     func(b []byte) // sees each encrypted packet that goes up; nil: nobody does
	tcp      *tcpConn       // its queue is where the SFU's packets are taken from
	in, out  *srtp.Context
	up, down mediatest.Link
	rtp      func(now time.Time, p *rtp.Packet)
	rtcp     func(now time.Time, p rtcp.Packet)
}

// connect stands for ICE and DTLS.
func (w *world) connect(t *transport) *end {
	e := &end{w: w, tcp: &tcpConn{queue: make(chan []byte, 1<<14), done: make(chan struct{})}}
	e.tcp.transport.Store(t)
	e.tcp.once.Do(func() {}) // there is nothing to close
	e.up.Delay, e.down.Delay = 10*time.Millisecond, 10*time.Millisecond
	e.up.Seed, e.down.Seed = uint64(2*len(w.ends)), uint64(2*len(w.ends)+1)
	own := byte(2 * len(w.ends)) // each connection has its own keys
	key := func(n byte) (key, salt []byte) {
		return slices.Repeat([]byte{own + n}, 16), slices.Repeat([]byte{own + n}, 12)
	}
	ours := func(key, salt []byte) *protect.Context {
		c, err := protect.New(srtp.ProtectionProfileAeadAes128Gcm, key, salt)
		if err != nil {
			w.t.Fatal(err)
		}
		return c
	}
	theirs := func(key, salt []byte) *srtp.Context {
		c, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm)
		if err != nil {
			w.t.Fatal(err)
		}
		return c
	}
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	t.started, t.tcp = true, e.tcp
	t.in, t.out = ours(key(1)), ours(key(2))
	e.out, e.in = theirs(key(1)), theirs(key(2))
	t.seen(w.now())
	w.ends = append(w.ends, e)
	return e
}

func (e *end) collect(now time.Time) {
	for {
		select {
		case b := <-e.tcp.queue:
			e.down.Send(now, b[2:])
		default:
			return
		}
	}
}

func (e *end) packet(now time.Time, b []byte) {
	if b[1] >= 192 && b[1] <= 223 {
		plain, err := e.in.DecryptRTCP(nil, b, nil)
		if err != nil {
			e.w.t.Fatal(err)
		}
		all, err := rtcp.Unmarshal(plain)
		if err != nil {
			e.w.t.Fatal(err)
		}
		for _, p := range all {
			if e.rtcp != nil {
				e.rtcp(now, p)
			}
		}
		return
	}
	plain, err := e.in.DecryptRTP(nil, b, nil)
	if err != nil {
		e.w.t.Fatal(err)
	}
	p := &rtp.Packet{}
	if err := p.Unmarshal(plain); err != nil {
		e.w.t.Fatal(err)
	}
	if e.rtp != nil {
		e.rtp(now, p)
	}
}

func (e *end) send(now time.Time, p *rtp.Packet) {
	b, err := p.Marshal()
	if err != nil {
		e.w.t.Fatal(err)
	}
	b, err = e.out.EncryptRTP(nil, b, nil)
	if err != nil {
		e.w.t.Fatal(err)
	}
	e.raw(now, b)
}

func (e *end) control(now time.Time, packets ...rtcp.Packet) {
	b, err := rtcp.Marshal(packets)
	if err != nil {
		e.w.t.Fatal(err)
	}
	b, err = e.out.EncryptRTCP(nil, b, nil)
	if err != nil {
		e.w.t.Fatal(err)
	}
	e.raw(now, b)
}

// raw sends what is encrypted already.
func (e *end) raw(now time.Time, b []byte) {
	if e.sent != nil {
		e.sent(b)
	}
	e.up.Send(now, b)
}

// Header extension ids of the speakers' offers.
const extLevel, extWideSeq, extMid, extRid, extRRid, extDD = 1, 3, 4, 10, 11, 12

const speakerHead = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"

// speakerSection is an m= section that sends.
func speakerSection(kind, types, mid string, lines ...string) string {
	return "m=" + kind + " 9 UDP/TLS/RTP/SAVPF " + types + "\r\nc=IN IP4 0.0.0.0\r\na=mid:" + mid + "\r\na=sendonly\r\n" +
		"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=fingerprint:sha-256 " +
		strings.Repeat("00:", 31) + "01\r\n" +
		"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n" +
		"a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n" +
		"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" +
		"a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n" +
		"a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n" +
		"a=extmap:12 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension\r\n" +
		strings.Join(lines, "\r\n") + "\r\n"
}

// speaker publishes a voice and a camera in three sizes as a browser does: it sends again what is asked for, and keyframes.
type speaker struct {
	*end
	peer    *Peer
	level   int // dB below full scale
	sizes   []*size
	voice   uint16
	frame   int
	began   time.Time
	clockAt uint64        // NTP time of began
	voices  func() []byte // what the voice's packets hold; nil: when they were made
	idle    bool          // nothing is sent
	paced   []*rtp.Packet // browsers send two and a half times as fast as they code, not all of a frame at once
	credit  int           // bytes
}

// size is one of the camera's.
type size struct {
	camera    watch.Camera
	rid       string
	ssrc      uint32
	seq, rtx  uint16
	offset    uint32 // of its timestamps
	key       bool
	sent      [1024]*rtp.Packet
	keys      int // keyframes asked for
	requested int
}

const voiceSSRC, voiceOffset = 7, 1_000_000

// speak joins a peer that sends from now on.
func (w *world) speak(cfg PeerConfig) *speaker {
	w.t.Helper()
	s := &speaker{peer: w.join(cfg), level: 20, began: w.now(), clockAt: 3_900_000_000 << 32}
	for i, rate := range []int{150_000, 500_000, 1_500_000} {
		s.sizes = append(s.sizes, &size{
			camera: watch.Camera{Width: 320 << i, Height: 180 << i, Rate: rate, FPS: 30},
			rid:    []string{"q", "h", "f"}[i], ssrc: uint32(100 + i), seq: uint16(65000 + 7000*i), offset: uint32(i) * 77777, key: true,
		})
	}
	_, err := s.peer.Publish(speakerHead +
		speakerSection("audio", "111", "0", "a=rtpmap:111 opus/48000/2", fmt.Sprintf("a=ssrc:%d cname:x", voiceSSRC)) +
		speakerSection("video", "96 97", "1", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96",
			"a=rid:q send", "a=rid:h send", "a=rid:f send", "a=simulcast:send q;h;f"))
	if err != nil {
		w.t.Fatal(err)
	}
	s.end = w.connect(s.peer.pub)
	s.rtcp = s.asked
	w.each = append(w.each, s.tick)
	return s
}

func (s *speaker) tick(now time.Time) {
	ms := now.Sub(s.began).Milliseconds()
	if s.idle {
		return
	}
	if ms%20 == 0 {
		s.voice++
		p := &rtp.Packet{Header: rtp.Header{
			Version: 2, PayloadType: 111, SSRC: voiceSSRC, SequenceNumber: s.voice, Timestamp: voiceOffset + uint32(48*ms),
		}, Payload: make([]byte, 80)}
		binary.BigEndian.PutUint64(p.Payload, uint64(now.UnixMicro()))
		if s.voices != nil {
			p.Payload = s.voices()
		}
		_ = p.SetExtension(extLevel, []byte{0x80 | byte(s.level)})
		s.send(now, p)
	}
	if ms*30/1000 >= int64(s.frame) {
		s.frame++
		for _, z := range s.sizes {
			s.picture(now, z, uint32(90*ms))
		}
	}
	s.pace(now)
	if ms%1000 == 500 {
		ntp := s.clockAt + uint64(now.Sub(s.began).Seconds()*(1<<32))
		s.control(now, &rtcp.SenderReport{SSRC: voiceSSRC, NTPTime: ntp, RTPTime: voiceOffset + uint32(48*ms)})
		for _, z := range s.sizes {
			s.control(now, &rtcp.SenderReport{SSRC: z.ssrc, NTPTime: ntp, RTPTime: z.offset + uint32(90*ms)})
		}
	}
}

func (s *speaker) picture(now time.Time, z *size, ts uint32) {
	payloads := z.camera.Frame(s.frame, now, z.key)
	z.key = false
	for i, b := range payloads {
		p := &rtp.Packet{Header: rtp.Header{
			Version: 2, PayloadType: 96, SSRC: z.ssrc, SequenceNumber: z.seq, Timestamp: z.offset + ts, Marker: i == len(payloads)-1,
		}, Payload: b}
		_ = p.SetExtension(extMid, []byte("1"))
		_ = p.SetExtension(extRid, []byte(z.rid))
		z.sent[z.seq%1024] = p
		z.seq++
		s.paced = append(s.paced, p)
	}
}

// pace sends what has waited long enough.
func (s *speaker) pace(now time.Time) {
	rate := 0
	for _, z := range s.sizes {
		rate += z.camera.Rate
	}
	s.credit = min(s.credit+rate*5/2/8/1000, 1500)
	for len(s.paced) > 0 && s.credit > 0 {
		s.credit -= len(s.paced[0].Payload)
		s.send(now, s.paced[0])
		s.paced = s.paced[1:]
	}
}

// asked does what the SFU asks for.
func (s *speaker) asked(now time.Time, p rtcp.Packet) {
	switch p := p.(type) {
	case *rtcp.PictureLossIndication:
		for _, z := range s.sizes {
			if z.ssrc == p.MediaSSRC {
				z.key = true
				z.keys++
			}
		}
	case *rtcp.TransportLayerNack:
		for _, z := range s.sizes {
			if z.ssrc == p.MediaSSRC {
				for _, n := range p.Nacks {
					n.Range(func(seq uint16) bool { s.again(now, z, seq); return true })
				}
			}
		}
	}
}

func (s *speaker) again(now time.Time, z *size, seq uint16) {
	z.requested++
	old := z.sent[seq%1024]
	if old == nil || old.SequenceNumber != seq {
		return
	}
	z.rtx++
	p := &rtp.Packet{Header: rtp.Header{
		Version: 2, PayloadType: 97, SSRC: z.ssrc + 1000, SequenceNumber: z.rtx, Timestamp: old.Timestamp, Marker: old.Marker,
	}, Payload: append(binary.BigEndian.AppendUint16(nil, seq), old.Payload...)}
	_ = p.SetExtension(extMid, []byte("1"))
	_ = p.SetExtension(extRRid, []byte(z.rid))
	s.send(now, p)
}

// watcher subscribes as a browser does: it reports arrivals, asks for what is missing, and for a keyframe when it cannot go on.
type watcher struct {
	*end
	peer  *Peer
	rec   *twcc.Recorder
	began time.Time
	got   map[string]*got // by "peer~source"
	told  []Quality
	deaf  bool // no feedback at all
}

// got is a track as it came.
type got struct {
	slot    *slot
	viewer  watch.Viewer
	packets []*rtp.Packet // without retransmissions
	at      []time.Time
	bytes   int
	reports []*rtcp.SenderReport
	missing map[uint16]*asked
	newest  uint16
	again   int // came by retransmission
}

type asked struct {
	since, last time.Time
	tries       int
}

// watch joins a peer that receives what others publish.
func (w *world) watch(cfg PeerConfig) *watcher {
	w.t.Helper()
	v := &watcher{rec: twcc.NewRecorder(1), began: w.now(), got: map[string]*got{}}
	cfg.Quality = func(q Quality) { v.told = append(v.told, q) }
	cfg.Offer = func(offer string) { v.answer(w, offer) }
	v.peer = w.join(cfg)
	offer, err := v.peer.Subscribe()
	if err != nil {
		w.t.Fatal(err)
	}
	v.answer(w, offer)
	v.end = w.connect(v.peer.sub)
	v.rtp, v.rtcp = v.media, v.reported
	w.each = append(w.each, v.tick)
	return v
}

// answer takes everything that is offered.
func (v *watcher) answer(w *world, offer string) {
	if err := v.peer.Answer(accepting(offer)); err != nil {
		w.t.Errorf("answer: %v", err)
	}
}

// accepting is an answer that takes everything.
func accepting(offer string) string {
	return strings.NewReplacer("a=sendonly", "a=recvonly", "a=setup:actpass", "a=setup:active").Replace(offer)
}

// of finds the track that an SSRC belongs to, also that of its retransmissions.
func (v *watcher) of(ssrc uint32) (g *got, again bool) {
	v.w.room.mu.Lock()
	defer v.w.room.mu.Unlock()
	for _, s := range v.peer.slots {
		if (s.ssrc != ssrc && s.rtx != ssrc) || s.track == nil {
			continue
		}
		key := s.track.peer.cfg.ID + "~" + string(s.track.source)
		if v.got[key] == nil {
			v.got[key] = &got{slot: s, missing: map[uint16]*asked{}}
		}
		return v.got[key], s.ssrc != ssrc
	}
	return nil, false
}

func (v *watcher) media(now time.Time, p *rtp.Packet) {
	if x := p.GetExtension(idWide); len(x) == 2 && !v.deaf {
		v.rec.Record(p.SSRC, binary.BigEndian.Uint16(x), now.Sub(v.began).Microseconds()+1)
	}
	g, again := v.of(p.SSRC)
	if g == nil || len(p.Payload) == 0 {
		return
	}
	if again {
		g.again++
		delete(g.missing, binary.BigEndian.Uint16(p.Payload))
		g.viewer.Packet(now, p.Payload[2:])
		return
	}
	g.note(now, p.SequenceNumber)
	g.packets, g.at = append(g.packets, p), append(g.at, now)
	g.bytes += len(p.Payload)
	if g.slot.kind == Video {
		g.viewer.Packet(now, p.Payload)
	}
}

// note keeps what is missing before a sequence number.
func (g *got) note(now time.Time, seq uint16) {
	delete(g.missing, seq)
	if len(g.packets) == 0 {
		g.newest = seq
	}
	for int16(seq-g.newest) > 0 {
		g.newest++
		if g.newest != seq && len(g.missing) < 200 {
			g.missing[g.newest] = &asked{since: now}
		}
	}
}

func (v *watcher) reported(_ time.Time, p rtcp.Packet) {
	if sr, ok := p.(*rtcp.SenderReport); ok {
		if g, _ := v.of(sr.SSRC); g != nil {
			g.reports = append(g.reports, sr)
		}
	}
}

func (v *watcher) tick(now time.Time) {
	ms := now.Sub(v.began).Milliseconds()
	if ms%1000 == 0 {
		v.control(now, &rtcp.ReceiverReport{SSRC: 1})
	}
	if v.deaf || ms%20 != 0 {
		return
	}
	for _, g := range v.got {
		if g.slot.kind != Video {
			continue
		}
		var nack []uint16
		for seq, a := range g.missing {
			if now.Sub(a.since) > time.Second || a.tries == 10 {
				delete(g.missing, seq)
			} else if now.Sub(a.last) >= 60*time.Millisecond {
				a.tries++
				a.last = now
				nack = append(nack, seq)
			}
		}
		if len(nack) > 0 {
			slices.Sort(nack)
			v.control(now, &rtcp.TransportLayerNack{MediaSSRC: g.slot.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(nack)})
		}
		if g.viewer.Asks(now) {
			v.control(now, &rtcp.PictureLossIndication{MediaSSRC: g.slot.ssrc})
		}
	}
	if ms%100 == 0 {
		if all := v.rec.BuildFeedbackPacket(); len(all) > 0 {
			v.control(now, all...)
		}
	}
}
