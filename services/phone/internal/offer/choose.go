package offer

import (
	"net/netip"

	"samtale.dk/samtale/media/rtpx"
)

// Choice is what both sides agreed on for a line.
type Choice struct {
	Send   rtpx.Format   // our packets
	Event  rtpx.Format   // for DTMF; Codec is Unknown when they take none
	Recv   []rtpx.Format // what we accept
	Remote netip.AddrPort
	RTCP   netip.AddrPort
	Mux    bool
	Crypto *rtpx.Crypto // theirs
	Dir    Dir          // ours: what we may send and receive
}

// Choose picks the first of their formats that we take, with the events that run
// on its clock.
func (s *Stream) Choose(codecs []rtpx.Codec) (Choice, error) {
	if !s.usable() {
		return Choice{}, ErrAudio
	}
	c := Choice{Remote: s.RTP, RTCP: s.RTCP, Mux: s.Mux, Dir: s.Dir.Reverse()}
	for _, f := range s.Formats {
		if f.Codec.Audio() && contains(codecs, f.Codec) {
			c.Send = f
			break
		}
	}
	if c.Send.Codec == rtpx.Unknown {
		return Choice{}, ErrCodec
	}
	c.Recv = []rtpx.Format{c.Send}
	c.addEvents(s.Formats)
	if s.Secure() {
		if len(s.Crypto) == 0 {
			return Choice{}, ErrSRTP
		}
		k := s.Crypto[0]
		c.Crypto = &k
	}
	return c, nil
}

func (c *Choice) addEvents(fs []rtpx.Format) {
	clock := c.Send.Codec.Clock()
	for _, f := range fs {
		fc := f.Clock
		if fc == 0 {
			fc = f.Codec.Clock()
		}
		switch {
		case f.Codec == rtpx.Event && fc == clock && c.Event.Codec == rtpx.Unknown:
			c.Event = f
			c.Recv = append(c.Recv, f)
		case f.Codec == rtpx.Comfort && fc == clock:
			c.Recv = append(c.Recv, f)
		}
	}
}

func contains(cs []rtpx.Codec, want rtpx.Codec) bool {
	for _, c := range cs {
		if c == want {
			return true
		}
	}
	return false
}

// Audio returns the place of the first line that can be taken, and the choice.
func (s *Session) Audio(codecs []rtpx.Codec) (int, Choice, error) {
	err := ErrAudio
	for i := range s.Streams {
		c, e := s.Streams[i].Choose(codecs)
		if e == nil {
			return i, c, nil
		}
		if s.Streams[i].usable() {
			err = e
		}
	}
	return 0, Choice{}, err
}

// Formats are the payload types that the other side takes, the sound first.
func (c Choice) Formats() []rtpx.Format {
	f := []rtpx.Format{c.Send}
	if c.Event.Codec == rtpx.Event {
		f = append(f, c.Event)
	}
	return f
}
