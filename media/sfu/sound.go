package sfu

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"samtale.dk/samtale/media/opus"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/sfu/internal/packet"
)

const (
	// injectRate is the encoder's bit/s for a telephone's voice.
	injectRate = 32_000

	// mixSlots bounds what waits for a mixer: 100 ms.
	mixSlots = 5

	// heldBack: quiet frames are kept until it is known whether they were silence or loss, but not these first ones of a pause, which
	// recognition needs to see that a sentence has ended. The same as on a telephone leg.
	heldBack = 50
)

// listener decodes one track of sound for those who listen here: the owner's writer, and mixers. Packets come under the room's lock,
// frames from the media clock; the two meet in the receiver's jitter buffer.
type listener struct {
	room   *Room
	recv   *rtpx.Receiver // nil for a track that is injected as PCM
	writer AudioWriter
	mixers atomic.Pointer[[]*pcm.Queue] // replaced under the room's lock

	// Of the packets.
	got recent
	buf [packet.HeaderLen + opus.MaxBytes]byte

	// Of the frames.
	mu    sync.Mutex
	owed  int64 // samples held back
	quiet int
	zeros [pcm.FrameSamples]int16
}

// listen makes the track's listener if anybody listens.
func (u *upTrack) listen() {
	p := u.peer
	var w AudioWriter
	if p.cfg.Sound != nil {
		w = p.cfg.Sound(u.track())
	}
	if w == nil && !p.room.mixes() {
		return
	}
	u.startListening(w)
}

func (u *upTrack) startListening(w AudioWriter) {
	l := &listener{room: u.peer.room, writer: w}
	l.mixers.Store(&[]*pcm.Queue{})
	if u.via != nil {
		recv, err := rtpx.NewReceiver(rtpx.ReceiverConfig{
			Formats: []rtpx.Format{{Type: typeOpus, Codec: rtpx.Opus}}, Frame: l.frame, Gap: l.gap,
		})
		if err != nil {
			l.room.sfu.log.Error("sfu: decoder", "room_id", l.room.id, "err", err)
			return
		}
		recv.SetPaused(u.muted)
		l.recv = recv
		l.room.later(func() { l.room.sfu.clock.Add(recv) })
	}
	u.sound = l
}

func (l *listener) setPaused(muted bool) {
	if l.recv != nil {
		l.recv.SetPaused(muted)
	}
}

// end stops the decoder. The clock's lock may be held by a frame on its way, so it is not waited for under the room's lock.
func (l *listener) end() {
	if l.recv == nil {
		return
	}
	l.room.later(func() {
		l.room.sfu.clock.Remove(l.recv)
		l.recv.Close()
	})
}

// packet takes sound as it came; copies in RED stand in for packets that did not.
func (l *listener) packet(now time.Time, h *packet.Header, pt payloadType, payload []byte) {
	if l.recv == nil {
		return
	}
	if !pt.red {
		l.give(now, h, h.Seq, h.Timestamp, payload)
		return
	}
	var blocks [packet.MaxBlocks]packet.Block
	n := packet.RED(payload, &blocks)
	for i, b := range blocks[:n] {
		seq := h.Seq - uint16(n-1-i)
		if len(b.Data) > 0 && (i == n-1 || l.got.missed(seq)) {
			l.give(now, h, seq, h.Timestamp-b.Offset, b.Data)
		}
	}
}

func (l *listener) give(now time.Time, h *packet.Header, seq uint16, ts uint32, payload []byte) {
	if len(payload) > opus.MaxBytes {
		return
	}
	l.got.note(seq)
	o := packet.Out{Marker: h.Marker, Type: typeOpus, Seq: seq, Timestamp: ts, SSRC: h.SSRC}
	n := o.Put(l.buf[:])
	n += copy(l.buf[n:], payload)
	_ = l.recv.Packet(now, l.buf[:n]) // counted there
}

// frame takes 20 ms from the clock.
func (l *listener) frame(f rtpx.Frame) {
	for _, q := range *l.mixers.Load() {
		_ = q.WriteFrame(f.Samples)
	}
	if l.writer == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.Origin == rtpx.Quiet {
		l.quiet++
		if l.quiet > heldBack {
			l.owed += int64(len(f.Samples))
			return
		}
	} else {
		l.quiet = 0
		l.settle(false, f.At)
	}
	flags := uint8(0)
	if f.Origin != rtpx.Heard {
		flags = Filled
	}
	l.write(f.Samples, f.At, flags)
}

// gap is told when it has ended: what was held back is now known.
func (l *listener) gap(g rtpx.Gap) {
	if l.writer == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle(g.Kind == rtpx.Lost, l.room.sfu.now())
}

// settle writes what was held back, as silence or as lost.
func (l *listener) settle(lost bool, until time.Time) {
	if l.owed == 0 {
		return
	}
	if lost {
		l.writer.Lost(l.owed)
		l.owed = 0
		return
	}
	at := until.Add(-pcm.Duration(l.owed, pcm.Rate))
	for l.owed > 0 {
		n := min(l.owed, int64(len(l.zeros)))
		l.write(l.zeros[:n], at, Filled)
		at = at.Add(pcm.Duration(n, pcm.Rate))
		l.owed -= n
	}
}

func (l *listener) write(samples []int16, at time.Time, flags uint8) {
	if err := l.writer.WriteFrame(samples, at, flags); err != nil {
		l.writer.Lost(int64(len(samples)))
	}
}

// injector publishes PCM of a peer without WebRTC. Its own lock keeps frames in order; the room's is taken for each.
type injector struct {
	mu    sync.Mutex
	enc   opus.Encoder
	out   *egress
	track *upTrack
	seq   uint16
	ts    uint32
	buf   [opus.MaxBytes]byte
	zeros [pcm.FrameSamples]int16
}

// injectType is what injected packets are taken to be.
var injectType = payloadType{codec: packet.Opus}

// WriteFrame publishes sound of a peer without WebRTC as its microphone: 16 kHz mono, 20 ms. It is encoded once for all.
func (p *Peer) WriteFrame(samples []int16) error {
	if len(samples) != pcm.FrameSamples {
		return pcm.ErrFrameLength
	}
	in, err := p.injector()
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	n, err := in.enc.Encode(in.buf[:], samples)
	if err != nil {
		return fmt.Errorf("sfu: encode: %w", err)
	}
	in.seq++
	in.ts += 960
	p.room.mu.Lock()
	if p.left {
		p.room.mu.Unlock()
		return ErrClosed
	}
	in.emit(p, samples, n)
	p.room.mu.Unlock()
	in.out.flush()
	return nil
}

// injector makes it with the first frame.
func (p *Peer) injector() (*injector, error) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.left {
		return nil, ErrClosed
	}
	if p.inject != nil {
		return p.inject, nil
	}
	enc, err := opus.NewEncoder(pcm.Rate, injectRate)
	if err != nil {
		return nil, fmt.Errorf("sfu: encoder: %w", err)
	}
	in := &injector{enc: enc, out: p.room.sfu.newEgress(0, maxPeers), seq: uint16(rand.Uint32() >> 17), ts: rand.Uint32()}
	in.track = newTrack(p, nil, Microphone, packet.Opus)
	l := newLayer(in.track, 0)
	l.ssrc = rand.Uint32() | 1
	in.track.layers = []*layer{l}
	p.inject = in
	p.ups = append(p.ups, in.track)
	p.tracksChanged()
	return in, nil
}

// emit forwards a frame whose packet is in buf; the room is locked.
func (in *injector) emit(p *Peer, samples []int16, n int) {
	now := p.room.sfu.now()
	u := in.track
	l := u.layers[0]
	l.accept(in.seq)
	h := packet.Header{Type: typeOpus, Seq: in.seq, Timestamp: in.ts, SSRC: l.ssrc}
	l.arrived(now, &h, n)
	if u.muted {
		p.room.stats.Muted++
		if s := u.sound; s != nil { // time goes on for whoever writes it down
			s.frame(rtpx.Frame{Samples: in.zeros[:], At: now, Origin: rtpx.Quiet})
		}
		return
	}
	if u.tap != nil {
		u.tap.take(now, l, &h, injectType, in.buf[:n])
	}
	p.level.hear(now, int(min(127, max(0, -pcm.Level(samples)))))
	if s := u.sound; s != nil {
		s.frame(rtpx.Frame{Samples: samples, At: now, Origin: rtpx.Heard})
	}
	u.forward(in.out, now, l, &h, injectType, in.buf[:n])
}

// mixer is what a peer without WebRTC hears.
type mixer struct {
	peer *Peer
	due  time.Time

	mu     sync.Mutex
	queues map[*listener]*pcm.Queue
	mix    *pcm.Mix
	frame  [pcm.FrameSamples]int16
}

func newMixer(p *Peer) *mixer {
	m := &mixer{peer: p, queues: map[*listener]*pcm.Queue{}, mix: pcm.NewMix()}
	for _, q := range p.room.order {
		for _, u := range q.ups {
			if u.source.Kind() == Audio && u.sound == nil {
				u.startListening(nil)
			}
		}
	}
	p.room.later(func() { p.room.sfu.clock.Add(m) })
	return m
}

// mixes reports whether anybody in the room hears a mix.
func (r *Room) mixes() bool {
	for _, p := range r.order {
		if p.mixer != nil {
			return true
		}
	}
	return false
}

// refresh connects the mixer with the tracks that the peer should hear.
func (m *mixer) refresh() {
	m.mu.Lock()
	defer m.mu.Unlock()
	queues := map[*listener]*pcm.Queue{}
	var in []pcm.Reader
	for _, u := range m.peer.wantedTracks() {
		if u.sound == nil {
			continue
		}
		q := m.queues[u.sound]
		if q == nil {
			q = pcm.NewQueue(pcm.FrameSamples, mixSlots)
		}
		queues[u.sound] = q
		in = append(in, q)
	}
	m.mix = pcm.NewMix(in...)
	for l, q := range m.queues {
		if queues[l] == nil {
			l.unmix(q)
		}
	}
	for l, q := range queues {
		if m.queues[l] == nil {
			l.addMix(q)
		}
	}
	m.queues = queues
}

func (l *listener) addMix(q *pcm.Queue) {
	all := append([]*pcm.Queue{q}, *l.mixers.Load()...)
	l.mixers.Store(&all)
}

func (l *listener) unmix(q *pcm.Queue) {
	var all []*pcm.Queue
	for _, x := range *l.mixers.Load() {
		if x != q {
			all = append(all, x)
		}
	}
	l.mixers.Store(&all)
}

// Tick is for the clock.
func (m *mixer) Tick(now time.Time) {
	if m.due.IsZero() || now.Sub(m.due) > time.Second {
		m.due = now
	}
	for ; !now.Before(m.due); m.due = m.due.Add(pcm.FrameDuration) {
		m.mu.Lock()
		if !m.mix.ReadFrame(m.frame[:]) {
			clear(m.frame[:])
		}
		m.mu.Unlock()
		m.peer.cfg.Mix(m.frame[:])
	}
}

func (m *mixer) end() {
	m.mu.Lock()
	for l, q := range m.queues {
		l.unmix(q)
	}
	m.queues = map[*listener]*pcm.Queue{}
	m.mix = pcm.NewMix()
	m.mu.Unlock()
	m.peer.room.later(func() { m.peer.room.sfu.clock.Remove(m) })
}
