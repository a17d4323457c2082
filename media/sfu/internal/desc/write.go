package desc

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

// Local is a description of ours.
type Local struct {
	ID, Version uint64
	Ufrag, Pwd  string
	Fingerprint [32]byte
	Setup       string // actpass, passive, active
	Candidates  []string
	Sections    []LocalSection
}

// LocalSection is an m= section of ours.
type LocalSection struct {
	Section
	Offer  bool   // the SSRCs are told: we send here
	SSRC   uint32 // what we send with
	RTX    uint32 // and send again with; 0: not
	Stream string // what it belongs to, and what it is
	Track  string
}

// String writes it.
func (l *Local) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", l.ID, l.Version)
	for i := range l.Sections {
		if !l.Sections[i].Rejected {
			b.WriteString(" " + l.Sections[i].Mid)
		}
	}
	b.WriteString("\r\na=ice-lite\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n")
	for i := range l.Sections {
		l.section(&b, &l.Sections[i])
	}
	return b.String()
}

// Fragment is our side of an ICE restart (RFC 8840).
func (l *Local) Fragment() string {
	var b strings.Builder
	fmt.Fprintf(&b, "a=ice-lite\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", l.Ufrag, l.Pwd)
	if len(l.Sections) > 0 {
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:%s\r\n", l.Sections[0].Kind, l.Sections[0].Mid)
	}
	l.candidates(&b)
	return b.String()
}

func (l *Local) candidates(b *strings.Builder) {
	for _, c := range l.Candidates {
		fmt.Fprintf(b, "a=candidate:%s\r\n", c)
	}
	b.WriteString("a=end-of-candidates\r\n")
}

func (l *Local) section(b *strings.Builder, s *LocalSection) {
	port := 9
	if s.Rejected {
		port = 0
	}
	if s.Kind == Data {
		fmt.Fprintf(b, "m=application %d UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n", port)
	} else {
		fmt.Fprintf(b, "m=%s %d UDP/TLS/RTP/SAVPF%s\r\nc=IN IP4 0.0.0.0\r\n", s.Kind, port, types(s.Codecs))
	}
	fmt.Fprintf(b, "a=mid:%s\r\n", s.Mid)
	if s.Rejected {
		b.WriteString("a=inactive\r\n")
		return
	}
	fmt.Fprintf(b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:%s\r\n", l.Ufrag, l.Pwd, Colons(l.Fingerprint), l.Setup)
	l.candidates(b)
	if s.Kind == Data {
		fmt.Fprintf(b, "a=sctp-port:5000\r\na=max-message-size:%d\r\n", MaxMessage)
		return
	}
	fmt.Fprintf(b, "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", s.Direction)
	for _, uri := range slices.Sorted(maps.Keys(s.Exts)) {
		fmt.Fprintf(b, "a=extmap:%d %s\r\n", s.Exts[uri], uri)
	}
	for i := range s.Codecs {
		s.Codecs[i].write(b)
	}
	if len(s.Rids) > 1 {
		for _, r := range s.Rids {
			fmt.Fprintf(b, "a=rid:%s recv\r\n", r)
		}
		fmt.Fprintf(b, "a=simulcast:recv %s\r\n", strings.Join(s.Rids, ";"))
	}
	s.sources(b)
}

// MaxMessage is the longest data channel message.
const MaxMessage = 16 << 10

func types(codecs []Codec) string {
	var out, repairs string
	for _, c := range codecs {
		out += fmt.Sprintf(" %d", c.Type)
		if c.RTX != 0 {
			repairs += fmt.Sprintf(" %d", c.RTX)
		}
	}
	if out == "" {
		return " 0"
	}
	return out + repairs
}

func (c *Codec) write(b *strings.Builder) {
	name := c.Codec.String() + "/90000"
	if c.Codec == packet.Opus {
		name = "opus/48000/2"
		if c.RED {
			name = "red/48000/2"
		}
	}
	fmt.Fprintf(b, "a=rtpmap:%d %s\r\n", c.Type, name)
	if c.Fmtp != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", c.Type, c.Fmtp)
	}
	for _, f := range []struct {
		on   bool
		name string
	}{{c.NACK, "nack"}, {c.PLI, "nack pli"}, {c.FIR, "ccm fir"}, {c.Wide, "transport-cc"}} {
		if f.on {
			fmt.Fprintf(b, "a=rtcp-fb:%d %s\r\n", c.Type, f.name)
		}
	}
	if c.RTX != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", c.RTX, c.RTX, c.Type)
	}
}

func (s *LocalSection) sources(b *strings.Builder) {
	if !s.Offer {
		return
	}
	if s.Track != "" {
		fmt.Fprintf(b, "a=msid:%s %s\r\n", s.Stream, s.Track)
	}
	if s.RTX != 0 {
		fmt.Fprintf(b, "a=ssrc-group:FID %d %d\r\n", s.SSRC, s.RTX)
	}
	fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\n", s.SSRC, "samtale")
	if s.RTX != 0 {
		fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\n", s.RTX, "samtale")
	}
}

// Colons writes a fingerprint as SDP has it.
func Colons(sum [32]byte) string {
	var b strings.Builder
	for i, x := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", x)
	}
	return b.String()
}
