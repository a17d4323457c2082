package sfu

import (
	"math/rand/v2"
	"time"

	"samtale.dk/samtale/media/sfu/internal/batch"
	"samtale.dk/samtale/media/sfu/internal/desc"
	"samtale.dk/samtale/media/sfu/internal/packet"
	"samtale.dk/samtale/media/sfu/internal/protect"
)

const (
	// history is how many sent packets can be asked for again: as many as the caches hold of one layer, and those of the one before.
	history = 1024

	// trainLeast and trainMost packets make a train.
	trainLeast, trainMost = 3, 40

	// overhead of a packet on the wire: IPv4, UDP.
	overhead = 28
)

// slot is one m= section of a subscriber: what it gets of one track.
type slot struct {
	peer  *Peer
	mid   string
	kind  Kind
	types [packet.AV1 + 1]outType
	red   uint8
	desc  uint8 // id of the dependency descriptor
	ssrc  uint32
	rtx   uint32
	track *upTrack
	told  *upTrack // what our last offer says of it
	ready bool     // the client knows of the track

	layer             *layer // what it gets now; nil before the first picture
	target            *layer // what it should get; nil: nothing
	out               mapping
	ids               idState
	spatial, temporal uint8     // what is sent of a stream with several sizes in it
	slowSince         time.Time // another one should be sent
	decode            int       // AV1: the decode target that is sent
	frames            frames    // and the latest of it
	packets           uint32    // sent, for reports
	octets            uint32
	rtxSeq            uint16
	sent              []sent // by sequence number; nil for sound

	// What is seen of it and what is granted.
	weight  int
	wanted  *layer
	limited bool // less than wanted, because of the network
	halted  bool // the layer is not sent any more, although the target has not begun
}

type outType struct{ pt, rtx uint8 }

// sent is what must be known to send a packet again.
type sent struct {
	valid  bool
	tries  uint8
	seq    uint16 // as sent
	in     uint16 // as received
	pt     uint8  // of its retransmission
	layer  *layer
	ts     uint32       // to be added
	codec  packet.Codec // of the ids
	id     uint16
	tl0    uint8
	marker bool
	again  time.Time
}

// mapping gives a receiver one unbroken stream, whatever it is made of.
type mapping struct {
	started bool
	seq     uint16 // to be subtracted
	floor   uint16 // older packets belong to what was before
	newest  uint16 // of the layer
	last    uint16 // sent
	ts      uint32 // to be added
	lastTS  uint32 // sent
	lastAt  time.Time
	drops   [64]drop // packets that were left out, the latest last: two seconds of pictures of which a part is left out
	n       int
}

// drop is a row of packets that were left out, and what was to be subtracted before it.
type drop struct{ from, to, seq uint16 }

// begin continues with a packet of another layer or after a break, one packet and at least one timestamp unit further on.
func (m *mapping) begin(seq uint16, ts uint32) {
	if !m.started {
		m.started = true
		m.last = uint16(rand.Uint32() >> 17) // below 32768: libsrtp likes it
	}
	m.seq = seq - (m.last + 1)
	m.floor, m.newest = seq, seq-1
	m.ts = ts
	m.n = 0
}

// skip leaves a packet out, so that nobody misses it.
func (m *mapping) skip(seq uint16) {
	d := int16(seq - m.newest)
	if d <= 0 {
		return // a number is kept for it already
	}
	m.newest = seq
	m.seq++
	if d == 1 && m.n > 0 && m.drops[m.n-1].to == seq-1 {
		m.drops[m.n-1].to = seq
		return
	}
	if m.n == len(m.drops) {
		m.floor = m.drops[0].to + 1 // what is older cannot be numbered any more
		copy(m.drops[:], m.drops[1:])
		m.n--
	}
	m.drops[m.n] = drop{from: seq, to: seq, seq: m.seq - 1}
	m.n++
}

// next is a packet's number as sent; false if it belongs to what was before, or was left out.
func (m *mapping) next(seq uint16) (uint16, bool) {
	if int16(seq-m.floor) < 0 {
		return 0, false
	}
	if int16(seq-m.newest) > 0 {
		m.newest = seq
		m.last = seq - m.seq
		return m.last, true
	}
	by := m.seq
	for i := m.n - 1; i >= 0; i-- {
		x := &m.drops[i]
		if int16(seq-x.to) > 0 {
			break
		}
		if int16(seq-x.from) >= 0 {
			return 0, false
		}
		by = x.seq
	}
	return seq - by, true
}

// idState keeps picture ids going across layers and tracks (RFC 7741 and RFC 9628, both section 4.2).
type idState struct {
	id, lastID   uint16 // to be added; as sent
	tl0, lastTL0 uint8
	started      bool
}

func (v *idState) begin(p *part) {
	if v.started {
		v.id = v.lastID + 1 - p.id
		v.tl0 = v.lastTL0 + 1 - p.tl0
	}
	v.started = true
}

func (v *idState) next(p *part) (uint16, uint8) {
	id, tl0 := (p.id+v.id)&0x7fff, p.tl0+v.tl0
	if int16((id-v.lastID)<<1) > 0 {
		v.lastID = id
	}
	if int8(tl0-v.lastTL0) > 0 {
		v.lastTL0 = tl0
	}
	return id, tl0
}

func newSlot(p *Peer, kind Kind, mid string) *slot {
	s := &slot{peer: p, kind: kind, mid: mid, rtxSeq: uint16(rand.Uint32() >> 17)}
	if kind == Video {
		s.sent = make([]sent, history)
	}
	s.renew()
	return s
}

// renew makes the section a new source, which must be offered. A browser that was told that nothing comes any more has ended what
// it had: of the same source again, Chromium gives pages a silent track.
func (s *slot) renew() {
	s.ready, s.told, s.packets, s.octets = false, nil, 0, 0
	s.ssrc = rand.Uint32() | 1
	if s.kind == Video {
		s.rtx = rand.Uint32() &^ 1
	}
}

// attach begins to forward a track.
func (s *slot) attach(u *upTrack) {
	s.track = u
	s.layer, s.target = nil, nil
	u.subs = append(u.subs, s)
	if !s.peer.views[viewKey{u.peer.cfg.ID, u.source}].Paused {
		s.target = u.choices()[0] // the least, until it is known what the network carries
	}
}

// detach stops. The list of the track is its own.
func (s *slot) detach() {
	s.track, s.layer, s.target, s.wanted = nil, nil, nil, nil
	s.limited = false
}

// learn takes what the client accepts in the section.
func (s *slot) learn(d *desc.Section) {
	s.types, s.red = [packet.AV1 + 1]outType{}, 0
	for _, c := range d.Codecs {
		switch {
		case c.RED:
			s.red = c.Type
		case s.types[c.Codec].pt == 0:
			s.types[c.Codec] = outType{pt: c.Type, rtx: c.RTX}
		}
	}
	s.desc = d.Exts[desc.ExtDesc]
	s.ready = d.Receives() && (s.peer.sdp.clientOffers || s.told == s.track)
}

// forward sends a packet to all who get its layer.
func (u *upTrack) forward(out *egress, now time.Time, l *layer, h *packet.Header, pt payloadType, payload []byte) {
	var p part
	if len(payload) > 0 && !u.look(&p, now, l, h, pt, payload) {
		u.peer.room.stats.Malformed++
		return
	}
	for _, s := range u.subs {
		s.forward(out, now, l, h, pt, payload, &p)
	}
}

// forward sends a packet to one subscriber, if it is for it.
func (s *slot) forward(out *egress, now time.Time, l *layer, h *packet.Header, pt payloadType, payload []byte, p *part) {
	t := s.peer.sub
	if t == nil || !t.up || !s.ready || s.target == nil {
		return
	}
	if l != s.layer || s.halted {
		if l != s.target.stream() || !p.key || len(payload) == 0 {
			return
		}
		s.change(now, l, h, p)
	}
	if len(payload) == 0 { // padding
		s.out.skip(h.Seq)
		return
	}
	if p.scaled && !s.takes(h.Seq, p) {
		s.out.skip(h.Seq)
		return
	}
	ty, red := s.types[pt.codec], false
	if pt.red {
		if s.red != 0 {
			ty.pt, red = s.red, true
		} else {
			var blocks [packet.MaxBlocks]packet.Block
			n := packet.RED(payload, &blocks)
			if n == 0 {
				return
			}
			payload = blocks[n-1].Data
		}
	}
	if ty.pt == 0 {
		return
	}
	seq, ok := s.out.next(h.Seq)
	if !ok {
		return
	}
	o := packet.Out{
		Marker: h.Marker || s.completes(p), Type: ty.pt, Seq: seq, Timestamp: h.Timestamp + s.out.ts, SSRC: s.ssrc,
		Desc: p.desc, DescID: s.desc,
	}
	if int32(o.Timestamp-s.out.lastTS) > 0 || !s.fresh() {
		s.out.lastTS, s.out.lastAt = o.Timestamp, now
	}
	e := sent{valid: true, seq: seq, in: h.Seq, pt: ty.rtx, layer: l, ts: s.out.ts, marker: o.Marker}
	if p.ids {
		e.codec = pt.codec
		e.id, e.tl0 = s.ids.next(p)
	}
	if s.sent != nil {
		s.sent[seq%history] = e
	}
	retype := uint8(0)
	if red {
		retype = s.types[packet.Opus].pt
	}
	s.packets++
	s.octets += uint32(len(payload))
	s.emit(out, now, &o, &e, payload, 0, retype)
}

func (s *slot) fresh() bool { return s.packets > 0 }

// change moves on to another layer with a keyframe of it.
func (s *slot) change(now time.Time, l *layer, h *packet.Header, p *part) {
	ts := s.out.lastTS - h.Timestamp
	if s.fresh() {
		ts = s.continued(now, l, h)
	}
	s.out.begin(h.Seq, ts)
	if p.ids {
		s.ids.begin(p)
	}
	s.layer, s.halted = l, false
	s.spatial, s.temporal, s.decode, s.frames = 0, 0, 0, frames{}
}

// continued is what to add to a layer's timestamps so that they go on from what was sent. Where both layers' clocks are known it is
// exact; otherwise time as it passed here must do.
func (s *slot) continued(now time.Time, l *layer, h *packet.Header) uint32 {
	if s.layer == l {
		return s.out.ts
	}
	if old := s.layer; old != nil && !l.ntpAt.IsZero() {
		if was, ok := old.rtpAt(l.ntp); ok {
			ts := s.out.ts + was - l.ntpRTP
			if int32(h.Timestamp+ts-s.out.lastTS) > 0 {
				return ts
			}
		}
	}
	passed := uint32(now.Sub(s.out.lastAt).Seconds() * float64(l.clock))
	return s.out.lastTS + max(1, passed) - h.Timestamp
}

// restart begins anew with the next packet (sound) or keyframe (picture), as after a mute.
func (s *slot) restart() {
	s.layer = nil
	if s.track != nil && s.target != nil {
		s.target.stream().wantKey = true
	}
}

// emit writes, encrypts and hands over one packet. osn is the original sequence number, for a retransmission; retype the type that
// the blocks of RED get.
func (s *slot) emit(out *egress, now time.Time, o *packet.Out, e *sent, payload []byte, osn uint16, retype uint8) {
	t := s.peer.sub
	if t.wideID != 0 {
		o.Wide, o.WideSeq = t.wideID, t.wideSeq
		t.wideSeq++
	}
	b := out.slot(&t.path)
	at := o.Put(b)
	n := at
	if o.SSRC == s.rtx && s.rtx != 0 && !o.Padding {
		b[n], b[n+1] = byte(osn>>8), byte(osn)
		n += 2
	}
	if n+len(payload)+protect.Room > batch.Size {
		s.peer.room.stats.QueueDropped++
		return
	}
	body := b[n : n+len(payload)]
	copy(body, payload)
	rewrite(e.codec, body, e.id, e.tl0)
	if retype != 0 {
		packet.RetypeRED(body, retype)
	}
	cipher, err := t.out.SealRTP(b[:n+len(payload)], at)
	if err != nil {
		s.peer.room.stats.SendErrors++
		return
	}
	if o.Wide != 0 {
		s.peer.net.est.Sent(o.WideSeq, now, len(cipher)+overhead)
	}
	st := &s.peer.room.stats
	st.PacketsOut++
	st.BytesOut += uint64(len(cipher))
	out.commit(&t.path, len(cipher))
}

// resend sends a packet again that the subscriber lost (RFC 4588); false if that cannot be.
func (s *slot) resend(out *egress, now time.Time, seq uint16) bool {
	if s.sent == nil {
		return false
	}
	e := &s.sent[seq%history]
	if !e.valid || e.seq != seq || e.pt == 0 || e.tries >= 4 || now.Sub(e.again) < 20*time.Millisecond || e.layer.cache == nil {
		return false
	}
	if e.layer != s.layer {
		return false // of a size that is not shown any more
	}
	data := e.layer.cache.Get(e.in)
	if data == nil || !s.peer.net.resend.take(now, len(data), s.peer.net.est.Rate()/resendShare, resendBurst) {
		return false
	}
	e.tries++
	e.again = now
	return s.repeat(out, now, e, data)
}

// repeat sends a packet again as a retransmission.
func (s *slot) repeat(out *egress, now time.Time, e *sent, data []byte) bool {
	h, ok := packet.Parse(data)
	if !ok {
		return false
	}
	payload, ok := h.Payload(data)
	if !ok {
		return false
	}
	o := packet.Out{Marker: e.marker, Type: e.pt, Seq: s.rtxSeq, Timestamp: h.Timestamp + e.ts, SSRC: s.rtx}
	s.rtxSeq++
	s.emit(out, now, &o, e, payload, e.seq, 0)
	return true
}

// train sends about so many bytes at once, to see what the network carries: the latest packets again, which receivers know already, or
// padding when there are none.
func (s *slot) train(out *egress, now time.Time, bytes int) (n int) {
	for ; n < trainMost && (bytes > 0 || n < trainLeast); n++ {
		sent := s.latest(out, now, uint16(n))
		if sent == 0 {
			sent = s.pad(out, now)
		}
		if sent == 0 {
			break
		}
		bytes -= sent + overhead
	}
	return n
}

// latest sends the packet again that was sent so many before the last one.
func (s *slot) latest(out *egress, now time.Time, back uint16) int {
	seq := s.out.last - back
	e := &s.sent[seq%history]
	if s.layer == nil || !e.valid || e.seq != seq || e.pt == 0 || e.layer != s.layer {
		return 0
	}
	data := e.layer.cache.Get(e.in)
	if data == nil || !s.repeat(out, now, e, data) {
		return 0
	}
	return len(data)
}

// padding is as much as fits into a packet (RFC 3550 section 5.1).
var padding = [255]byte{254: 255}

func (s *slot) pad(out *egress, now time.Time) int {
	pt := s.types[s.track.codec].rtx
	if pt == 0 {
		return 0
	}
	o := packet.Out{Type: pt, Seq: s.rtxSeq, Timestamp: s.out.lastTS, SSRC: s.rtx, Padding: true}
	s.rtxSeq++
	s.emit(out, now, &o, &sent{}, padding[:], 0, 0)
	return len(padding)
}
