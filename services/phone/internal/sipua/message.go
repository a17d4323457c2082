package sipua

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// header returns the first value of a header under its long or compact name.
func header(m interface{ GetHeader(string) sip.Header }, names ...string) string {
	for _, n := range names {
		if h := m.GetHeader(n); h != nil {
			return strings.TrimSpace(h.Value())
		}
	}
	return ""
}

type headered interface {
	GetHeaders(string) []sip.Header
}

// tokens returns the comma-separated tokens of all headers of these names, lower case.
func tokens(m headered, names ...string) []string {
	var out []string
	for _, n := range names {
		for _, h := range m.GetHeaders(n) {
			for _, t := range strings.Split(h.Value(), ",") {
				if t = strings.ToLower(strings.TrimSpace(t)); t != "" {
					out = append(out, t)
				}
			}
		}
	}
	return out
}

func has(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

// supports reports whether a message lists an option tag as supported or required.
func supports(m headered, tag string) bool {
	return has(tokens(m, "Supported", "k", "Require"), tag)
}

func body(m interface {
	Body() []byte
	GetHeader(string) sip.Header
},
) Body {
	return Body{Type: header(m, "Content-Type", "c"), Data: m.Body()}
}

// mediaType is the content type without parameters, lower case.
func (b Body) mediaType() string {
	t, _, _ := strings.Cut(b.Type, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// hasSDP reports whether the body holds a session description.
func (b Body) hasSDP() bool {
	t := b.mediaType()
	return t == "application/sdp" || strings.HasPrefix(t, "multipart/") && bytes.Contains(bytes.ToLower(b.Data), []byte("application/sdp"))
}

// expires is a Session-Expires value (RFC 4028, section 4).
type expires struct {
	every     time.Duration
	refresher string // "uac", "uas" or "" as written
}

func parseExpires(v string) (expires, bool) {
	parts := strings.Split(v, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(parts[0]), 10, 31)
	if err != nil || n == 0 {
		return expires{}, false
	}
	e := expires{every: time.Duration(n) * time.Second}
	for _, p := range parts[1:] {
		k, val, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), "refresher") {
			e.refresher = strings.ToLower(strings.TrimSpace(val))
		}
	}
	return e, true
}

func (e expires) String() string {
	s := strconv.Itoa(int(e.every / time.Second))
	if e.refresher != "" {
		s += ";refresher=" + e.refresher
	}
	return s
}

// response builds an answer with the headers that every one of ours carries.
func (u *UA) response(req *sip.Request, code int, reason string, b Body, hs ...sip.Header) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, reason, b.Data)
	if !b.Empty() {
		ct := sip.ContentTypeHeader(b.Type)
		res.AppendHeader(&ct)
	}
	res.AppendHeader(sip.NewHeader("Server", u.cfg.Name))
	if code == sip.StatusMethodNotAllowed || code == sip.StatusOK && req.Method != sip.BYE {
		res.AppendHeader(sip.NewHeader("Allow", allow))
	}
	if code == sip.StatusUnsupportedMediaType {
		res.AppendHeader(sip.NewHeader("Accept", accept))
	}
	for _, h := range hs {
		res.AppendHeader(h)
	}
	return res
}

// respond sends res; a transaction that is gone was cancelled or timed out, and
// whoever waits for it sees that elsewhere.
func (u *UA) respond(tx sip.ServerTransaction, res *sip.Response) {
	if err := tx.Respond(res); err != nil {
		u.cfg.Log.Debug("SIP answer not sent", "code", res.StatusCode)
	}
}

func (u *UA) reject(req *sip.Request, tx sip.ServerTransaction, code int, reason string, hs ...sip.Header) {
	u.respond(tx, u.response(req, code, reason, Body{}, hs...))
}

// warning explains a refusal to the other side's operator (RFC 3261, section 20.43).
func (u *UA) warning(text string) sip.Header {
	return sip.NewHeader("Warning", `399 samtale "`+strings.ReplaceAll(text, `"`, "'")+`"`)
}

// callKey names our end of a dialog.
func callKey(callID, localTag string) string { return callID + "\x00" + localTag }

func tagOf(p sip.HeaderParams) string {
	t, _ := p.Get("tag")
	return t
}

// ConversationName is the header that carries our conversation id in 180 and 200.
const ConversationName = "X-Samtale-Conversation"

// ConversationHeader returns it.
func ConversationHeader(id string) sip.Header { return sip.NewHeader(ConversationName, id) }
