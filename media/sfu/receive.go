package sfu

import (
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"samtale.dk/samtale/media/sfu/internal/bwe"
	"samtale.dk/samtale/media/sfu/internal/packet"
)

const (
	// maxRate is what one publisher may send, in bit/s: a camera in three sizes and a shared screen. What is over it is dropped
	// before it costs anything.
	maxRate = 8_000_000

	// maxBurst in bytes is the largest keyframe that may come at once.
	maxBurst = 1 << 20

	// Feedback for a publisher's bandwidth estimate, of some 70 bytes, is at most a twentieth of what it tells of, unless that were too
	// seldom. Browsers do the same.
	wideEvery = 100 * time.Millisecond
	wideLeast = 20 * 70 // bytes
	wideMost  = 250 * time.Millisecond

	reportEvery = time.Second

	// feedbackSSRC is the sender's in our feedback: nobody looks at it.
	feedbackSSRC = 1
)

// budget is a token bucket of bytes.
type budget struct {
	have int
	at   time.Time
}

func (b *budget) take(now time.Time, n, rate, burst int) bool {
	if b.at.IsZero() {
		b.have = burst
	} else {
		b.have = min(burst, b.have+int(now.Sub(b.at).Microseconds()*int64(rate/8)/1e6))
	}
	b.at = now
	if b.have < n {
		return false
	}
	b.have -= n
	return true
}

// stream is what an SSRC stands for.
type stream struct {
	track *upTrack
	layer *layer
	rtx   bool
}

// rtp takes an encrypted packet and carries it to all who get it.
func (t *transport) rtp(out *egress, now time.Time, b []byte) {
	st := &t.room.stats
	if t.in == nil || t.side != Publishing {
		st.Malformed++
		return
	}
	if !t.budget.take(now, len(b), maxRate, maxBurst) {
		st.Throttled++
		return
	}
	h, ok := packet.Parse(b)
	if !ok {
		st.Malformed++
		return
	}
	plain, err := t.in.OpenRTP(b, h.At)
	if err != nil {
		st.Replayed++
		return
	}
	st.PacketsIn++
	st.BytesIn += uint64(len(b))
	t.seen(now)
	t.record(now, &h, len(b))
	s := t.ssrcs[h.SSRC]
	if s == nil {
		s = t.discover(&h)
		if s == nil {
			st.Malformed++
			return
		}
	}
	payload, ok := h.Payload(plain)
	if !ok {
		st.Malformed++
		return
	}
	if s.rtx {
		plain, payload, ok = t.restore(s, &h, plain, payload)
		if !ok {
			return
		}
	}
	s.track.take(out, now, s.layer, &h, plain, payload)
}

// record notes a packet's arrival for the publisher's bandwidth estimate.
func (t *transport) record(now time.Time, h *packet.Header, size int) {
	x := h.Extension(t.ext.wide)
	if len(x) < 2 {
		return
	}
	if t.wide == nil {
		t.wide = twcc.NewRecorder(feedbackSSRC)
	}
	t.wideSSRC = h.SSRC
	t.wide.Record(h.SSRC, uint16(x[0])<<8|uint16(x[1]), now.Sub(t.began).Microseconds()+1)
	if t.wideSince.IsZero() {
		t.wideSince, t.wideBytes = now, 0
	}
	t.wideBytes += size
}

// discover finds out what an unknown SSRC is, by its extensions (RFC 8843 section 9.2, RFC 8852), or because there is but one
// track that it can be.
func (t *transport) discover(h *packet.Header) *stream {
	pt := t.types[h.Type]
	if pt.codec == packet.None || len(t.ssrcs) >= maxSSRCs {
		return nil
	}
	mid := string(h.Extension(t.ext.mid))
	rid := string(h.Extension(t.ext.rid))
	repaired := string(h.Extension(t.ext.rrid))
	if pt.rtx && repaired != "" {
		rid = repaired
	}
	var found *upTrack
	for _, u := range t.peer.ups {
		if u.via != t || (mid != "" && u.mid != mid) || (u.source.Kind() == Video) != pt.codec.Video() {
			continue
		}
		if found != nil {
			return nil // it could be either
		}
		found = u
	}
	if found == nil {
		return nil
	}
	at := 0
	if len(found.rids) > 0 {
		at = ridIndex(found.rids, rid)
		if at < 0 {
			return nil
		}
	}
	return t.bind(h.SSRC, found, found.layers[at], pt.rtx)
}

func (t *transport) bind(ssrc uint32, u *upTrack, l *layer, rtx bool) *stream {
	if s := t.ssrcs[ssrc]; s != nil && s.layer == l && s.rtx == rtx {
		return s
	}
	if len(t.ssrcs) >= maxSSRCs {
		return nil
	}
	s := &stream{track: u, layer: l, rtx: rtx}
	t.ssrcs[ssrc] = s
	if !rtx {
		if l.ssrc != 0 && l.ssrc != ssrc {
			delete(t.ssrcs, l.ssrc)
			l.started = false
		}
		l.ssrc = ssrc
		l.wantKey = true
	}
	return s
}

// restore makes the original of a retransmission (RFC 4588 section 4) in place; false for padding, which only measures the way.
func (t *transport) restore(s *stream, h *packet.Header, plain, payload []byte) ([]byte, []byte, bool) {
	seq, original, ok := packet.RTX(payload)
	if !ok || len(original) == 0 || s.layer.ssrc == 0 {
		return nil, nil, false
	}
	copy(plain[2:2+h.At], plain[:h.At])
	plain = plain[2 : 2+h.At+len(original)] // without padding
	plain[0] &^= 0x20
	h.Seq, h.SSRC, h.Type = seq, s.layer.ssrc, t.types[h.Type].of
	packet.Patch(plain, h)
	return plain, original, true
}

// take carries a decrypted packet of a layer on.
func (u *upTrack) take(out *egress, now time.Time, l *layer, h *packet.Header, plain, payload []byte) {
	st := &u.peer.room.stats
	if _, ok := l.accept(h.Seq); !ok {
		return
	}
	l.arrived(now, h, len(plain))
	pt := u.via.types[h.Type]
	if pt.codec == packet.None || pt.codec.Video() != (u.source.Kind() == Video) {
		st.Malformed++
		return
	}
	if pt.codec != u.codec {
		u.codec = pt.codec
		u.peer.tracksChanged()
	}
	if l.cache != nil {
		l.cache.Put(h.Seq, plain)
	}
	if u.muted {
		st.Muted++
		return
	}
	if u.tap != nil {
		u.tap.take(now, l, h, pt, payload)
	}
	if u.source.Kind() == Audio {
		u.heard(now, h, pt, payload)
	}
	u.forward(out, now, l, h, pt, payload)
}

// heard is for levels and for those who listen here.
func (u *upTrack) heard(now time.Time, h *packet.Header, pt payloadType, payload []byte) {
	if _, db, ok := packet.Level(h.Extension(u.via.ext.level)); ok && u.source == Microphone {
		u.peer.level.hear(now, db)
	}
	if u.sound != nil {
		u.sound.packet(now, h, pt, payload)
	}
}

// rtcp takes a publisher's or a subscriber's encrypted control packet.
func (t *transport) rtcp(out *egress, now time.Time, b []byte) {
	if t.in == nil {
		return
	}
	plain, err := t.in.OpenRTCP(b)
	if err != nil {
		t.room.stats.Replayed++
		return
	}
	t.seen(now)
	for len(plain) > 0 {
		n, ok := packet.ControlLen(plain)
		if !ok || !t.control(out, now, plain[:n]) {
			t.room.stats.Malformed++
			return
		}
		plain = plain[n:]
	}
}

// control takes one packet of a compound one; false if it is broken. What comes ten times a second from everybody is read in place.
func (t *transport) control(out *egress, now time.Time, b []byte) bool {
	if t.side == Subscribing && bwe.IsReport(b) {
		return t.peer.net.est.Feedback(now, b)
	}
	all, err := rtcp.Unmarshal(b)
	if err != nil {
		return false
	}
	for _, p := range all {
		if t.side == Subscribing {
			t.peer.feedback(out, now, p)
			continue
		}
		if sr, ok := p.(*rtcp.SenderReport); ok {
			if s := t.ssrcs[sr.SSRC]; s != nil && !s.rtx {
				s.layer.report(now, sr)
			}
		}
	}
	return true
}

// tickPublish sends what the publisher should know.
func (t *transport) tickPublish(out *egress, now time.Time) {
	if t.in == nil || !t.up {
		return
	}
	st := &t.room.stats
	for _, u := range t.peer.ups {
		if u.via != t {
			continue
		}
		for _, l := range u.layers {
			l.measure(now)
			if len(l.missing) > 0 {
				t.nack(out, now, l)
			}
			if l.cache != nil && l.key(now) {
				st.Keyframes++
				t.sendRTCP(out, &rtcp.PictureLossIndication{SenderSSRC: feedbackSSRC, MediaSSRC: l.ssrc})
			}
		}
	}
	if t.wideDue(now) {
		t.wideSince = time.Time{}
		t.sendRTCP(out, t.wide.BuildFeedbackPacket()...)
	}
	if now.Sub(t.reported) >= reportEvery {
		t.reported = now
		t.sendReports(out, now)
	}
}

// wideDue reports whether there is enough to tell the publisher's bandwidth estimate.
func (t *transport) wideDue(now time.Time) bool {
	d := now.Sub(t.wideSince)
	return !t.wideSince.IsZero() && d >= wideEvery && (t.wideBytes >= wideLeast || d >= wideMost)
}

func (t *transport) nack(out *egress, now time.Time, l *layer) {
	var room [maxMissing]uint16
	seqs := l.nacks(now, room[:0])
	if len(seqs) == 0 || l.track.muted {
		return
	}
	t.room.stats.Requested += uint64(len(seqs))
	t.sendRTCP(out, &rtcp.TransportLayerNack{SenderSSRC: feedbackSSRC, MediaSSRC: l.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
}

func (t *transport) sendReports(out *egress, now time.Time) {
	rr := &rtcp.ReceiverReport{SSRC: feedbackSSRC}
	for _, u := range t.peer.ups {
		for _, l := range u.layers {
			if u.via == t && l.live(now) && len(rr.Reports) < 31 {
				rr.Reports = append(rr.Reports, l.reception(now))
			}
		}
	}
	t.sendRTCP(out, rr)
}
