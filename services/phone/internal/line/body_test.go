package line

import (
	"strings"
	"testing"

	"samtale.dk/samtale/services/phone/internal/sipua"
)

func multi(boundary, nl string) string {
	return strings.Join([]string{
		"--" + boundary, "Content-Type: application/sdp", "", "v=0", "--" + boundary,
		"Content-Type: application/rs-metadata+xml; charset=utf-8", "Content-Disposition: recording-session", "", "<recording/>",
		"--" + boundary + "--", "",
	}, nl)
}

func TestPart(t *testing.T) {
	for _, c := range []struct{ name, typ, body, sdp, xml string }{
		{"plain", "application/sdp", "v=0", "v=0", ""},
		{"upper case with parameter", "Application/SDP; charset=utf-8", "v=0", "v=0", ""},
		{"multipart", "multipart/mixed;boundary=abc", multi("abc", "\r\n"), "v=0", "<recording/>"},
		{"quoted boundary", `multipart/mixed; boundary="=_a b:c?"`, multi("=_a b:c?", "\r\n"), "v=0", "<recording/>"},
		{"other multipart", "multipart/related;boundary=abc;type=x", multi("abc", "\r\n"), "v=0", "<recording/>"},
		{"bare line feeds", "multipart/mixed;boundary=abc", multi("abc", "\n"), "v=0", "<recording/>"},
		{"preamble", "multipart/mixed;boundary=abc", "hello\r\n" + multi("abc", "\r\n"), "v=0", "<recording/>"},
		{"no boundary", "multipart/mixed", multi("abc", "\r\n"), "", ""},
		{"other boundary", "multipart/mixed;boundary=xyz", multi("abc", "\r\n"), "", ""},
		{"cut off", "multipart/mixed;boundary=abc", multi("abc", "\r\n")[:43], "", ""},
		{"text", "text/plain", "v=0", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := sipua.Body{Type: c.typ, Data: []byte(c.body)}
			sdp, err := SDP(b)
			if string(sdp) != c.sdp || (err == nil) != (c.sdp != "") {
				t.Errorf("SDP %q, %v", sdp, err)
			}
			xml, err := Part(b, "application/rs-metadata+xml")
			if string(xml) != c.xml || (err == nil) != (c.xml != "") {
				t.Errorf("metadata %q, %v", xml, err)
			}
		})
	}
}

func FuzzPart(f *testing.F) {
	f.Add("multipart/mixed;boundary=abc", multi("abc", "\r\n"))
	f.Add(`multipart/mixed; boundary="a b"`, multi("a b", "\n"))
	f.Fuzz(func(t *testing.T, typ, body string) {
		p, err := Part(sipua.Body{Type: typ, Data: []byte(body)}, "application/sdp")
		if err == nil && len(p) > len(body) {
			t.Error("the part is longer than the whole")
		}
	})
}
