package sfu

import (
	"time"

	"github.com/pion/rtcp"

	"samtale.dk/samtale/media/sfu/internal/cache"
	"samtale.dk/samtale/media/sfu/internal/packet"
)

const (
	// seenBits is how far back duplicates are known.
	seenBits = 1024

	// maxMissing is how many lost packets are asked for at a time; with more a keyframe is the better request.
	maxMissing = 128

	// Lost packets are asked for at once when the next tick finds them, then again, until they would come too late to be shown.
	nackEvery = 60 * time.Millisecond
	nackTries = 8

	// keyEvery limits requests for keyframes: one costs as much as some twenty other pictures.
	keyEvery = 500 * time.Millisecond

	// jump: a larger step of the sequence numbers is a new beginning.
	jump = 3000
)

// layer is one RTP stream of a publisher: sound, a picture, or one size of a picture.
type layer struct {
	track *upTrack
	index int
	ssrc  uint32
	clock int
	cache *cache.Cache // video only

	// Reception (RFC 3550 appendix A).
	started  bool
	first    uint32
	highest  uint32 // extended sequence number
	received uint32
	seen     [seenBits / 64]uint64
	missing  []missing
	jitter   float64
	transit  int64
	before   struct{ expected, received uint32 }

	lastAt        time.Time
	wantKey       bool
	askedKey      time.Time
	height, width int

	// The publisher's clock, of its last sender report.
	ntp     uint64
	ntpRTP  uint32
	ntpAt   time.Time
	bytes   int
	rate    int // bit/s, of the last seconds
	ratedAt time.Time

	scales *scales // of a stream with several sizes in it
	rung   *rung   // of a choice that is part of such a stream
}

type missing struct {
	seq   uint32
	tries int
	asked time.Time
}

func newLayer(u *upTrack, index int) *layer {
	l := &layer{track: u, index: index, clock: 48000}
	if u.source.Kind() == Video {
		l.clock = 90000
		l.cache = cache.New()
		l.missing = make([]missing, 0, maxMissing)
	}
	return l
}

// live reports whether packets come.
func (l *layer) live(now time.Time) bool {
	if l.rung != nil {
		return l.rung.stream.live(now) && l.rung.stream.scales.live(now, l.rung.spatial)
	}
	return l.started && now.Sub(l.lastAt) < 2*time.Second
}

// accept takes a sequence number; false for what was had already or is too old to matter.
func (l *layer) accept(seq uint16) (uint32, bool) {
	if !l.started {
		l.begin(seq)
		return l.highest, true
	}
	d := int(int16(seq - uint16(l.highest)))
	switch {
	case d > jump || d < -jump:
		l.begin(seq)
		return l.highest, true
	case d > 0:
		l.advance(d)
	case d <= -seenBits || uint32(-d) > l.highest:
		return 0, false
	}
	ext := l.highest
	if d < 0 {
		ext = l.highest - uint32(-d)
	}
	i := ext % seenBits
	if l.seen[i/64]&(1<<(i%64)) != 0 {
		return 0, false
	}
	l.seen[i/64] |= 1 << (i % 64)
	l.received++
	if d < 0 {
		l.found(ext)
	}
	return ext, true
}

func (l *layer) begin(seq uint16) {
	l.started = true
	l.highest = 1<<16 | uint32(seq) // so that older ones are positive
	l.first, l.received = l.highest, 1
	l.before.expected, l.before.received = 0, 0
	clear(l.seen[:])
	l.seen[l.highest%seenBits/64] |= 1 << (l.highest % 64)
	l.missing = l.missing[:0]
}

// advance moves on by d packets, of which the last came.
func (l *layer) advance(d int) {
	for range d {
		l.highest++
		i := l.highest % seenBits
		l.seen[i/64] &^= 1 << (i % 64)
	}
	if l.cache == nil {
		return
	}
	lost := d - 1
	if lost > maxMissing-len(l.missing) {
		l.missing = l.missing[:0]
		l.wantKey = true
		return
	}
	for i := lost; i > 0; i-- {
		l.missing = append(l.missing, missing{seq: l.highest - uint32(i)})
	}
}

func (l *layer) found(seq uint32) {
	for i := range l.missing {
		if l.missing[i].seq == seq {
			l.missing = append(l.missing[:i], l.missing[i+1:]...)
			return
		}
	}
}

// arrived updates the jitter (appendix A.8) and the rate.
func (l *layer) arrived(now time.Time, h *packet.Header, size int) {
	l.lastAt = now
	l.bytes += size
	units := now.UnixMicro() * int64(l.clock/1000) / 1000
	transit := int64(int32(uint32(units) - h.Timestamp))
	if l.received > 1 {
		d := int64(int32(transit - l.transit))
		l.jitter += (float64(max(d, -d)) - l.jitter) / 16
	}
	l.transit = transit
}

// measure closes a window of the rate.
func (l *layer) measure(now time.Time) {
	d := now.Sub(l.ratedAt)
	if d < 500*time.Millisecond {
		return
	}
	l.rated(now, d, l.bytes)
	l.bytes, l.ratedAt = 0, now
	if l.scales != nil {
		l.scales.measure(now, d)
	}
}

// rated takes so many bytes in a time.
func (l *layer) rated(now time.Time, d time.Duration, bytes int) {
	rate := int(int64(bytes) * 8 * int64(time.Second) / int64(d))
	if l.rate == 0 || !l.live(now) {
		l.rate = rate
	}
	l.rate += (rate - l.rate) / 4 // a keyframe more or less is no other rate
}

// nacks are the packets to ask for now.
func (l *layer) nacks(now time.Time, into []uint16) []uint16 {
	keep := l.missing[:0]
	for _, m := range l.missing {
		if m.tries >= nackTries || l.highest-m.seq >= seenBits {
			l.wantKey = true
			continue
		}
		if now.Sub(m.asked) >= nackEvery {
			m.tries++
			m.asked = now
			into = append(into, uint16(m.seq))
		}
		keep = append(keep, m)
	}
	l.missing = keep
	return into
}

// key tells whether to ask for a keyframe now.
func (l *layer) key(now time.Time) bool {
	if !l.wantKey || l.ssrc == 0 || l.track.muted || now.Sub(l.askedKey) < keyEvery {
		return false
	}
	l.wantKey, l.askedKey = false, now
	return true
}

// reception is a report block about this stream (RFC 3550 section 6.4.1).
func (l *layer) reception(now time.Time) rtcp.ReceptionReport {
	expected := l.highest - l.first + 1
	r := rtcp.ReceptionReport{SSRC: l.ssrc, LastSequenceNumber: l.highest - 1<<16, Jitter: uint32(l.jitter)}
	if lost := int(expected) - int(l.received); lost > 0 {
		r.TotalLost = uint32(lost)
	}
	de, dr := expected-l.before.expected, l.received-l.before.received
	l.before.expected, l.before.received = expected, l.received
	if de > 0 && dr < de {
		r.FractionLost = uint8(min((de-dr)*256/de, 255))
	}
	if !l.ntpAt.IsZero() {
		r.LastSenderReport = uint32(l.ntp >> 16)
		r.Delay = uint32(now.Sub(l.ntpAt).Seconds() * 65536)
	}
	return r
}

// report takes a sender report.
func (l *layer) report(now time.Time, sr *rtcp.SenderReport) {
	l.ntp, l.ntpRTP, l.ntpAt = sr.NTPTime, sr.RTPTime, now
}

// rtpAt is the stream's timestamp at a moment of the publisher's clock (NTP); false before the first report.
func (l *layer) rtpAt(ntp uint64) (uint32, bool) {
	if l.ntpAt.IsZero() {
		return 0, false
	}
	units := float64(int64(ntp-l.ntp)) / (1 << 32) * float64(l.clock)
	return l.ntpRTP + uint32(int64(units)), true
}

// ntpNow is the publisher's clock now.
func (l *layer) ntpNow(now time.Time) uint64 {
	return l.ntp + uint64(now.Sub(l.ntpAt).Seconds()*(1<<32))
}
