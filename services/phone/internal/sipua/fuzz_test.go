package sipua

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// FuzzMessage reads a message as the transports do and what we take out of its
// headers ourselves.
func FuzzMessage(f *testing.F) {
	f.Add([]byte("INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n" +
		"Call-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\nk: timer, 100rel\r\nx: 90;refresher=uac\r\nP-Asserted-Identity: \"A\" <sip:1@b>\r\n\r\n"))
	f.Add([]byte("NOTIFY sip:a SIP/2.0\r\nv: SIP/2.0/TCP [::1]:5060\r\nEvent: refer;id=1\r\nRAck: 1 1 INVITE\r\n\r\nSIP/2.0 200 OK"))
	f.Add([]byte("REFER sip:a SIP/2.0\r\nCSeq: 2 REFER\r\nRefer-To: <sip:a@b?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2%0d%0aX:y&method=INVITE>\r\nRefer-Sub: false\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := sip.ParseMessage(b)
		if err != nil {
			return
		}
		req, ok := m.(*sip.Request)
		if !ok {
			return
		}
		in := &Incoming{req: req}
		in.User()
		if req.From() != nil {
			in.From()
		}
		supports(req, "timer")
		parseExpires(header(req, "Session-Expires", "x"))
		body(req).hasSDP()
		sipfrag(req.Body())
		source(req)
		if req.CSeq() == nil {
			return
		}
		if r, err := referral(&Dialog{}, req); err == nil {
			if strings.ContainsAny(r.To+r.Replaces, "\r\n") {
				t.Errorf("a line end goes on: %q %q", r.To, r.Replaces)
			}
		}
	})
}
