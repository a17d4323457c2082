package rtpx

import "time"

const (
	// maxDropout and maxMisorder are those of RFC 3550 appendix A.1: a larger
	// step of the sequence numbers is a restart, once a second packet confirms it.
	maxDropout  = 3000
	maxMisorder = 100

	// silentAfter is when a stream that stopped may be followed by another
	// one without the confirmation that protects a running stream.
	silentAfter = 60 * time.Millisecond
)

// source follows the sequence numbers of one SSRC and keeps the figures of a
// reception report (RFC 3550 appendices A.1, A.3 and A.8).
type source struct {
	ssrc   uint32
	known  bool
	last   time.Time // when the last packet came
	max    uint16
	cycles uint32 // wraps of max, shifted by 16
	first  uint32 // extended
	badSeq int    // the number that would confirm a jump; −1 for none

	received uint32

	clock   int
	transit int64 // of the last packet, in clock units
	timed   bool  // transit is set
	jitter  float64

	expectedBefore, receivedBefore uint32 // at the last report

	// A stream of another SSRC, on probation.
	candidate    uint32
	candidateSeq uint16
}

// verdict is what a packet means for the stream.
type verdict uint8

const (
	drop     verdict = iota
	follows          // it continues the stream
	restarts         // it begins a new stream
)

// accept decides about one packet.
func (s *source) accept(at time.Time, h Header) verdict {
	if !s.known {
		s.begin(h)
		s.last = at
		return restarts
	}
	if h.SSRC != s.ssrc {
		return s.consider(at, h)
	}
	v := s.advance(h.Seq)
	if v == restarts {
		s.begin(h)
	}
	if v != drop {
		s.last = at
	}
	return v
}

// consider lets a new SSRC in when the old one is silent, or when the new one
// has sent two packets in order.
func (s *source) consider(at time.Time, h Header) verdict {
	confirmed := s.candidate == h.SSRC && h.Seq == s.candidateSeq+1
	if !confirmed && !h.Marker && at.Sub(s.last) < silentAfter {
		s.candidate, s.candidateSeq = h.SSRC, h.Seq
		return drop
	}
	s.begin(h)
	s.last = at
	return restarts
}

func (s *source) begin(h Header) {
	*s = source{
		ssrc: h.SSRC, known: true, max: h.Seq, first: uint32(h.Seq),
		badSeq: -1, received: 1, clock: s.clock, candidate: h.SSRC,
	}
}

// advance is update_seq of appendix A.1.
func (s *source) advance(seq uint16) verdict {
	d := seq - s.max
	switch {
	case d == 0:
		return follows // a duplicate; the jitter buffer knows it
	case d < maxDropout:
		if seq < s.max {
			s.cycles += 1 << 16
		}
		s.max = seq
	case d <= 65535-maxMisorder:
		if int(seq) == s.badSeq {
			return restarts
		}
		s.badSeq = int(seq + 1)
		return drop
	}
	s.received++
	return follows
}

// time updates the interarrival jitter (appendix A.8) with a packet of sound.
func (s *source) time(at time.Time, h Header, clock int) {
	if clock != s.clock {
		s.clock, s.timed, s.jitter = clock, false, 0
	}
	units := at.Unix()*int64(clock) + int64(at.Nanosecond())*int64(clock)/int64(time.Second)
	transit := int64(int32(uint32(units) - h.Timestamp))
	if s.timed {
		d := int64(int32(transit - s.transit))
		s.jitter += (float64(max(d, -d)) - s.jitter) / 16
	}
	s.transit, s.timed = transit, true
}

func (s *source) highest() uint32 { return s.cycles + uint32(s.max) }

// lost is the cumulative number of packets lost; duplicates make it negative.
func (s *source) lost() int {
	if !s.known {
		return 0
	}
	return int(s.highest()-s.first+1) - int(s.received)
}

// fraction is the share lost since the last call, in 1/256 (appendix A.3).
func (s *source) fraction() uint8 {
	expected := s.highest() - s.first + 1
	de, dr := expected-s.expectedBefore, s.received-s.receivedBefore
	s.expectedBefore, s.receivedBefore = expected, s.received
	if de == 0 || dr >= de {
		return 0
	}
	return uint8(min((de-dr)*256/de, 255))
}
