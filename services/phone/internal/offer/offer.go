// Package offer is SDP offer and answer (RFC 3264) for telephone audio and
// real-time text (RFC 4103): what a description says about streams, which codec
// both sides share, which direction answers which, SDES keys (RFC 4568). It is
// values and functions only.
//
// A description names streams by place: an answer has a line for every line of
// its offer, the ones not wanted with port 0.
package offer

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/rtt"
)

// Dir is who sends: a set of Send and Recv, seen from whoever wrote the description.
type Dir uint8

// Directions.
const (
	Inactive Dir = 0
	Send     Dir = 1
	Recv     Dir = 2
	SendRecv     = Send | Recv
)

// String is the attribute's name.
func (d Dir) String() string {
	return [...]string{"inactive", "sendonly", "recvonly", "sendrecv"}[d&3]
}

// Reverse is the same direction seen from the other side.
func (d Dir) Reverse() Dir { return d>>1&1 | d&1<<1 }

// Errors of negotiation; their texts go into the Warning of a 488.
var (
	ErrSDP   = errors.New("the session description cannot be read")
	ErrCodec = errors.New("no common audio codec: PCMA, PCMU, G722 and opus are understood")
	ErrAudio = errors.New("no audio stream over RTP/AVP or RTP/SAVP")
	ErrSRTP  = errors.New("SRTP needs an SDES key of a suite that is understood")
)

// Limits of what is read from the network.
const (
	maxSDP   = 16 << 10
	maxLines = 16
)

// Stream is one m-line as received.
type Stream struct {
	Kind    string // audio, video …
	Proto   string
	RTP     netip.AddrPort // where they want sound; port 0: the line is off
	RTCP    netip.AddrPort
	Mux     bool // RTCP on the RTP port
	Dir     Dir
	Formats []rtpx.Format // the ones we know, in their order
	Crypto  []rtpx.Crypto // suites that we know
	Label   string
	Text    rtt.Format // of a text line that we know; zero otherwise
	fmts    []string   // as written, for a rejected line
}

// Secure reports whether the line asks for SRTP.
func (s *Stream) Secure() bool { return strings.HasPrefix(s.Proto, "RTP/SAVP") }

// usable reports whether the line is audio that we can carry.
func (s *Stream) usable() bool {
	return s.Kind == "audio" && s.RTP.Port() != 0 && strings.HasPrefix(s.Proto, "RTP/")
}

// Session is a description as received.
type Session struct {
	Streams []Stream
	Version uint64 // of the origin line: unchanged means a refresh
}

// Parse reads a description. Host names as connection addresses are not looked
// up: media has to come from somewhere that can be checked.
func Parse(b []byte) (*Session, error) {
	if len(b) > maxSDP {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrSDP, len(b))
	}
	// pion wants a line end after the last line; multipart parts lack it.
	b = append(bytes.TrimRight(b, "\r\n\x00 "), "\r\n"...)
	if !bytes.HasPrefix(b, []byte("v=")) {
		return nil, ErrSDP
	}
	b, strange := replaceStrange(b)
	var d sdp.SessionDescription
	if err := d.Unmarshal(b); err != nil {
		return nil, ErrSDP // the parser's text quotes what it read
	}
	if len(d.MediaDescriptions) > maxLines {
		return nil, fmt.Errorf("%w: %d media lines", ErrSDP, len(d.MediaDescriptions))
	}
	s := &Session{Version: d.Origin.SessionVersion}
	for i, m := range d.MediaDescriptions {
		st := stream(&d, m)
		if f := strange[i]; f != nil {
			st = Stream{Kind: f[0], Proto: f[2], fmts: f[3:]}
		}
		s.Streams = append(s.Streams, st)
	}
	return s, nil
}

// replaceStrange writes lines that are neither sound nor text over RTP (fax over udptl, say) in
// words that pion's parser knows, and returns the fields of the original ones by
// place: they are turned down as they were offered.
func replaceStrange(b []byte) ([]byte, map[int][]string) {
	rows := strings.Split(string(b), "\n")
	strange := map[int][]string{}
	n := 0
	for i, row := range rows {
		v, ok := strings.CutPrefix(row, "m=")
		if !ok {
			continue
		}
		f := strings.Fields(v)
		if len(f) > 3 && !(f[0] == "audio" && strings.HasPrefix(f[2], "RTP/")) && !isText(f) {
			strange[n] = f
			rows[i] = "m=application 9 UDP 0\r"
		}
		n++
	}
	return []byte(strings.Join(rows, "\n")), strange
}

func stream(d *sdp.SessionDescription, m *sdp.MediaDescription) Stream {
	s := Stream{
		Kind: m.MediaName.Media, Proto: strings.Join(m.MediaName.Protos, "/"),
		fmts: m.MediaName.Formats, Dir: direction(d.Attributes, SendRecv),
	}
	s.Dir = direction(m.Attributes, s.Dir)
	addr, held := connection(d, m)
	port := m.MediaName.Port.Value
	if port < 0 || port > 65535 {
		port = 0
	}
	s.RTP = netip.AddrPortFrom(addr, uint16(port))
	if held {
		s.Dir &^= Recv // RFC 2543 hold: they cannot hear
	}
	s.Formats = formats(m)
	for _, a := range m.Attributes {
		s.attribute(a)
	}
	if s.Kind == "text" {
		s.Text = textFormat(m)
	}
	if !s.RTCP.IsValid() && port != 0 {
		s.RTCP = netip.AddrPortFrom(addr, uint16(port+1))
	}
	if s.Mux {
		s.RTCP = s.RTP
	}
	return s
}

func (s *Stream) attribute(a sdp.Attribute) {
	switch a.Key {
	case "label":
		s.Label = token(a.Value)
	case "rtcp-mux":
		s.Mux = true
	case "rtcp":
		f := strings.Fields(a.Value)
		if len(f) == 0 {
			return
		}
		p, err := strconv.ParseUint(f[0], 10, 16)
		if err == nil && p != 0 {
			s.RTCP = netip.AddrPortFrom(s.RTP.Addr(), uint16(p))
		}
	case "crypto":
		if c, err := rtpx.ParseCrypto(a.Value); err == nil && len(s.Crypto) < 8 {
			s.Crypto = append(s.Crypto, c)
		}
	}
}

// token returns a value that may be written into a description again; "" when it
// holds anything but printable ASCII.
func token(v string) string {
	v = strings.TrimSpace(v)
	for i := range len(v) {
		if v[i] <= ' ' || v[i] > '~' {
			return ""
		}
	}
	return v
}

func direction(as []sdp.Attribute, d Dir) Dir {
	for _, a := range as {
		switch a.Key {
		case "sendrecv":
			d = SendRecv
		case "sendonly":
			d = Send
		case "recvonly":
			d = Recv
		case "inactive":
			d = Inactive
		}
	}
	return d
}

// connection returns the address for a line; held when it is 0.0.0.0 or ::.
func connection(d *sdp.SessionDescription, m *sdp.MediaDescription) (addr netip.Addr, held bool) {
	c := d.ConnectionInformation
	if m.ConnectionInformation != nil {
		c = m.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return netip.IPv4Unspecified(), false
	}
	host, _, _ := strings.Cut(c.Address.Address, "/")
	a, err := netip.ParseAddr(host)
	a = a.Unmap()
	if err != nil || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) { // a call is with one party
		return netip.IPv4Unspecified(), false
	}
	return a, a.IsUnspecified()
}

// formats lists the payload types that we know, static ones without rtpmap too.
func formats(m *sdp.MediaDescription) []rtpx.Format {
	maps := map[string]string{}
	for _, a := range m.Attributes {
		if pt, enc, ok := strings.Cut(a.Value, " "); ok && a.Key == "rtpmap" {
			maps[pt] = strings.TrimSpace(enc)
		}
	}
	var out []rtpx.Format
	for _, f := range m.MediaName.Formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		fm := rtpx.Format{Type: uint8(pt), Codec: rtpx.StaticCodec(uint8(pt))}
		if enc, ok := maps[f]; ok {
			fm = mapped(uint8(pt), enc)
		}
		if fm.Codec != rtpx.Unknown {
			out = append(out, fm)
		}
	}
	return out
}

func mapped(pt uint8, enc string) rtpx.Format {
	p := strings.Split(enc, "/")
	f := rtpx.Format{Type: pt, Codec: rtpx.ParseCodec(p[0])}
	if len(p) > 1 {
		clock, err := strconv.Atoi(p[1])
		if err != nil || clock < 8000 || clock > 96000 {
			return rtpx.Format{}
		}
		f.Clock = clock
	}
	if f.Codec.Audio() && f.Clock != 0 && f.Clock != f.Codec.Clock() {
		return rtpx.Format{} // e.g. PCMA/16000: not the codec we know
	}
	return f
}
