package sipua

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

func (u *UA) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if !u.wellFormed(req, tx) {
		tx.Terminate()
		return
	}
	if tagOf(req.To().Params) != "" {
		u.onReinvite(req, tx)
		return
	}
	u.onNewInvite(req, tx)
}

// wellFormed answers 400 or 420 for itself when it returns false.
func (u *UA) wellFormed(req *sip.Request, tx sip.ServerTransaction) bool {
	bad := ""
	switch {
	case req.From() == nil || tagOf(req.From().Params) == "":
		bad = "From with a tag is missing"
	case req.To() == nil:
		bad = "To is missing"
	case req.CallID() == nil || req.CallID().Value() == "":
		bad = "Call-ID is missing"
	case req.CSeq() == nil || req.CSeq().MethodName != req.Method:
		bad = "CSeq does not fit the method"
	case req.Method == sip.INVITE && req.Contact() == nil:
		bad = "Contact is missing"
	}
	if bad != "" {
		u.refuse(req, tx, "malformed", sip.StatusBadRequest, "Bad Request", u.warning(bad))
		return false
	}
	var unknown []string
	for _, t := range tokens(req, "Require") {
		if !has([]string{"timer", "100rel", "siprec", "replaces"}, t) {
			unknown = append(unknown, t)
		}
	}
	if len(unknown) > 0 {
		u.refuse(req, tx, "extension", sip.StatusBadExtension, "Bad Extension",
			sip.NewHeader("Unsupported", strings.Join(unknown, ", ")))
		return false
	}
	return true
}

func (u *UA) onNewInvite(req *sip.Request, tx sip.ServerTransaction) {
	if !u.admit(req, tx) {
		tx.Terminate()
		return
	}
	// 100 at once also stops sipgo's own timer, which reads the request that the
	// tag is written into below.
	u.respond(tx, u.response(req, sip.StatusTrying, "Trying", Body{}))
	key := req.CallID().Value() + "\x00" + tagOf(req.From().Params) + "\x00" + strconv.Itoa(int(req.CSeq().SeqNo))
	if !u.first(key, req) {
		u.refuse(req, tx, "merged", sip.StatusLoopDetected, "Merged Request")
		return
	}
	defer u.forget(key)
	if !u.acceptable(req, tx) {
		return
	}
	tag := sip.GenerateTagN(16)
	req.To().Params.Add("tag", tag) // every answer carries the same one, also sipgo's 487
	in := &Incoming{
		ua: u, req: req, tx: tx, cancelled: make(chan struct{}),
		uses100: supports(req, "100rel"), rseq: 1,
	}
	in.dialog = u.uasDialog(req, tag)
	if !tx.OnCancel(func(*sip.Request) { in.gone() }) {
		return
	}
	u.add(in.dialog)
	defer func() {
		if !in.final { // the handler panicked
			in.dialog.end("failed")
		}
	}()
	if len(req.GetHeaders("Replaces")) > 0 {
		u.replace(in)
	} else {
		u.handler.Invite(in)
	}
	if !in.final {
		in.Reject(sip.StatusInternalServerError, "Server Internal Error")
	}
}

// first claims a request; false for the same one that took another way here
// (RFC 3261, section 8.2.2.2).
func (u *UA) first(key string, req *sip.Request) bool {
	branch, _ := req.Via().Params.Get("branch")
	u.mu.Lock()
	defer u.mu.Unlock()
	if b, ok := u.pending[key]; ok && b != branch {
		return false
	}
	u.pending[key] = branch
	return true
}

// forget keeps the key for as long as a copy may still be on its way.
func (u *UA) forget(key string) {
	time.AfterFunc(10*time.Second, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.pending, key)
	})
}

// acceptable answers 415 or 422 for itself when it returns false.
func (u *UA) acceptable(req *sip.Request, tx sip.ServerTransaction) bool {
	b := body(req)
	t := b.mediaType()
	if !b.Empty() && t != "application/sdp" && !strings.HasPrefix(t, "multipart/") && !strings.HasPrefix(t, "application/rs-metadata") {
		u.refuse(req, tx, "body", sip.StatusUnsupportedMediaType, "Unsupported Media Type")
		return false
	}
	se, ok := parseExpires(header(req, "Session-Expires", "x"))
	if ok && se.every < u.cfg.MinSE {
		u.refuse(req, tx, "session-timer", 422, "Session Interval Too Small",
			sip.NewHeader("Min-SE", strconv.Itoa(int(u.cfg.MinSE/time.Second))))
		return false
	}
	return true
}

func (u *UA) uasDialog(req *sip.Request, tag string) *Dialog {
	d := newDialog(u, req.CallID().Value(), tag, req.Transport())
	d.remoteTag = tagOf(req.From().Params)
	d.local = req.To().AsFrom()
	d.remote = req.From().AsTo()
	d.target = *req.Contact().Address.Clone()
	d.source = req.Source()
	d.rcseq = req.CSeq().SeqNo
	d.cseq = 1
	d.allows = tokens(req, "Allow")
	for _, h := range req.GetHeaders("Record-Route") {
		d.routes = append(d.routes, h.Value())
	}
	return d
}
