// Package offer is SDP offer and answer (RFC 3264) for telephone audio: what a
// description says about streams, which codec both sides share, which direction
// answers which, SDES keys (RFC 4568). It is values and functions only.
//
// A description names streams by place: an answer has a line for every line of
// its offer, the ones not wanted with port 0.
package offer

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"samtale.dk/samtale/media/rtpx"
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
	fmts    []string // as written, for a rejected line
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

// replaceStrange writes lines that are no sound over RTP (fax over udptl, say) in
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
		if len(f) > 3 && (f[0] != "audio" || !strings.HasPrefix(f[2], "RTP/")) {
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
	if err != nil {
		return netip.IPv4Unspecified(), false
	}
	return a.Unmap(), a.IsUnspecified()
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

// Line is our side of one stream in a description.
type Line struct {
	Port    int
	Formats []rtpx.Format
	Dir     Dir
	Crypto  *rtpx.Crypto
	Label   string
}

// Origin numbers our descriptions; Version grows with every change.
type Origin struct {
	ID, Version uint64
}

// NewOrigin returns a random id within the range that every parser takes.
func NewOrigin() Origin {
	var b [6]byte
	rand.Read(b[:])
	var id uint64
	for _, c := range b {
		id = id<<8 | uint64(c)
	}
	return Origin{ID: id, Version: 1}
}

// Write makes a description. remote is the offer that it answers, nil for an
// offer; lines are in the offer's order, nil for those turned down.
func Write(o Origin, addr netip.Addr, remote *Session, lines []*Line) []byte {
	fam := "IP4"
	if addr.Is6() && !addr.Is4In6() {
		fam = "IP6"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "v=0\r\no=samtale %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", o.ID, o.Version, fam, addr, fam, addr)
	for i, l := range lines {
		var r *Stream
		if remote != nil {
			r = &remote.Streams[i]
		}
		writeLine(&b, l, r)
	}
	return b.Bytes()
}

func writeLine(b *bytes.Buffer, l *Line, r *Stream) {
	if l == nil {
		f := strings.Join(r.fmts, " ")
		if f == "" {
			f = "0"
		}
		fmt.Fprintf(b, "m=%s 0 %s %s\r\n", r.Kind, r.Proto, f)
		return
	}
	proto := "RTP/AVP"
	if l.Crypto != nil {
		proto = "RTP/SAVP"
	}
	if r != nil {
		proto = r.Proto
	}
	fmt.Fprintf(b, "m=audio %d %s", l.Port, proto)
	for _, f := range l.Formats {
		fmt.Fprintf(b, " %d", f.Type)
	}
	b.WriteString("\r\n")
	for _, f := range l.Formats {
		writeFormat(b, f)
	}
	if l.Label != "" {
		fmt.Fprintf(b, "a=label:%s\r\n", l.Label)
	}
	if l.Crypto != nil {
		fmt.Fprintf(b, "a=crypto:%s\r\n", l.Crypto.Value())
	}
	fmt.Fprintf(b, "a=ptime:20\r\na=%s\r\n", l.Dir)
	if r != nil && r.Mux {
		b.WriteString("a=rtcp-mux\r\n")
	}
}

func writeFormat(b *bytes.Buffer, f rtpx.Format) {
	clock := f.Clock
	if clock == 0 {
		clock = f.Codec.Clock()
	}
	switch f.Codec {
	case rtpx.Opus:
		fmt.Fprintf(b, "a=rtpmap:%d opus/48000/2\r\na=fmtp:%d useinbandfec=1\r\n", f.Type, f.Type)
	case rtpx.Event:
		fmt.Fprintf(b, "a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-16\r\n", f.Type, clock, f.Type)
	default:
		fmt.Fprintf(b, "a=rtpmap:%d %s/%d\r\n", f.Type, f.Codec, clock)
	}
}

// Offered are the formats that we offer, best first.
func Offered(codecs []rtpx.Codec) []rtpx.Format {
	var out []rtpx.Format
	for _, c := range codecs {
		switch c {
		case rtpx.PCMU:
			out = append(out, rtpx.Format{Type: 0, Codec: c})
		case rtpx.PCMA:
			out = append(out, rtpx.Format{Type: 8, Codec: c})
		case rtpx.G722:
			out = append(out, rtpx.Format{Type: 9, Codec: c})
		case rtpx.Opus:
			out = append(out, rtpx.Format{Type: 107, Codec: c}, rtpx.Format{Type: 102, Codec: rtpx.Event, Clock: 48000})
		}
	}
	return append(out, rtpx.Format{Type: 101, Codec: rtpx.Event, Clock: 8000})
}

// Formats are the payload types that the other side takes, the sound first.
func (c Choice) Formats() []rtpx.Format {
	f := []rtpx.Format{c.Send}
	if c.Event.Codec == rtpx.Event {
		f = append(f, c.Event)
	}
	return f
}
