package offer

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/rtt"
)

// Line is our side of one stream in a description.
type Line struct {
	Port    int
	Formats []rtpx.Format
	Dir     Dir
	Crypto  *rtpx.Crypto
	Label   string
	Text    *rtt.Format // a line of text, without Formats
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
	if l.Text != nil {
		writeText(b, l, proto)
		return
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
