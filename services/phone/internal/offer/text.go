package offer

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/rtt"
)

// OfferedText is the real-time text that we offer. Its rate is what we take: a pasted sentence at once.
var OfferedText = rtt.Format{Type: 98, Red: 100, Generations: rtt.Generations, Rate: 150}

// TextChoice is what both sides agreed on for a line of text.
type TextChoice struct {
	Format rtt.Format // as they take it; what they send is of the same types
	Remote netip.AddrPort
	Crypto *rtpx.Crypto // theirs
	Dir    Dir          // ours
}

// isText reports whether the fields of an m-line are text over RTP.
func isText(f []string) bool {
	return f[0] == "text" && slices.Contains([]string{"RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF"}, f[2])
}

// RealTimeText returns the place of the first line of text that can be taken; false when there is none.
func (s *Session) RealTimeText() (place int, c TextChoice, ok bool) {
	for i := range s.Streams {
		st := &s.Streams[i]
		if st.Text.Type == 0 || st.RTP.Port() == 0 || st.Secure() && len(st.Crypto) == 0 {
			continue
		}
		c = TextChoice{Format: st.Text, Remote: st.RTP, Dir: st.Dir.Reverse()}
		if st.Secure() {
			c.Crypto = &st.Crypto[0]
		}
		return i, c, true
	}
	return 0, TextChoice{}, false
}

// textFormat reads the payload types of a text line (RFC 4103, sections 9 and 10); zero without t140.
func textFormat(m *sdp.MediaDescription) rtt.Format {
	params := map[string]string{}
	var types []uint8
	var red uint8
	for _, a := range m.Attributes {
		pt, value, _ := strings.Cut(a.Value, " ")
		n, err := strconv.ParseUint(pt, 10, 7)
		if err != nil || n == 0 || !slices.Contains(m.MediaName.Formats, pt) {
			continue
		}
		switch value = strings.ToLower(strings.TrimSpace(value)); {
		case a.Key == "fmtp":
			params[pt] = value
		case a.Key == "rtpmap" && value == "t140/1000":
			types = append(types, uint8(n))
		case a.Key == "rtpmap" && value == "red/1000":
			red = uint8(n)
		}
	}
	if len(types) == 0 {
		return rtt.Format{}
	}
	f := rtt.Format{Type: types[0], Rate: rate(params[strconv.Itoa(int(types[0]))])}
	if red != 0 {
		f.Red, f.Generations = red, generations(params[strconv.Itoa(int(red))])
	}
	return f
}

// rate reads "cps=30".
func rate(params string) int {
	for p := range strings.FieldsFuncSeq(params, func(r rune) bool { return r == ';' || r == ' ' }) {
		if v, ok := strings.CutPrefix(p, "cps="); ok {
			if n, err := strconv.Atoi(v); err == nil && n > 0 && n <= 10_000 {
				return n
			}
		}
	}
	return rtt.DefaultRate
}

// generations reads "98/98/98": the new block and what is repeated.
func generations(params string) int {
	if params == "" {
		return rtt.Generations
	}
	return min(strings.Count(params, "/"), rtt.Generations)
}

func writeText(b *bytes.Buffer, l *Line, proto string) {
	t := l.Text
	if t.Generations > 0 {
		fmt.Fprintf(b, "m=text %d %s %d %d\r\n", l.Port, proto, t.Red, t.Type)
	} else {
		fmt.Fprintf(b, "m=text %d %s %d\r\n", l.Port, proto, t.Type)
	}
	fmt.Fprintf(b, "a=rtpmap:%d t140/1000\r\na=fmtp:%d cps=%d\r\n", t.Type, t.Type, OfferedText.Rate)
	if t.Generations > 0 {
		blocks := strings.Repeat(fmt.Sprintf("/%d", t.Type), t.Generations+1)
		fmt.Fprintf(b, "a=rtpmap:%d red/1000\r\na=fmtp:%d %s\r\n", t.Red, t.Red, blocks[1:])
	}
	if l.Crypto != nil {
		fmt.Fprintf(b, "a=crypto:%s\r\n", l.Crypto.Value())
	}
	fmt.Fprintf(b, "a=%s\r\n", l.Dir)
}
