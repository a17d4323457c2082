package sipua

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Incoming is a new call that was not answered yet. Its methods may be called
// from the handler's goroutine only, except Cancelled.
type Incoming struct {
	ua        *UA
	req       *sip.Request
	tx        sip.ServerTransaction
	dialog    *Dialog
	cancelled chan struct{}
	once      sync.Once
	final     bool
	uses100   bool
	rseq      uint32
}

// Dialog of the call; it has no owner until SetPeer.
func (in *Incoming) Dialog() *Dialog { return in.dialog }

// Offer is the INVITE's body; empty for a late offer.
func (in *Incoming) Offer() Body { return body(in.req) }

// User is the user part that was called.
func (in *Incoming) User() string {
	u, _, _ := strings.Cut(in.req.Recipient.User, ";")
	return u
}

// From is who calls: the display name and the URI's user and address. A trunk's
// asserted identity (RFC 3325) counts before From.
func (in *Incoming) From() (name, user, uri string) {
	if h := header(in.req, "P-Asserted-Identity"); h != "" {
		var a sip.Uri
		var p sip.HeaderParams
		if n, err := sip.ParseAddressValue(h, &a, &p); err == nil {
			return n, a.User, a.Addr()
		}
	}
	f := in.req.From()
	return f.DisplayName, f.Address.User, f.Address.Addr()
}

// Header returns a header's value.
func (in *Incoming) Header(name string) string { return header(in.req, name) }

// Supports reports whether the caller lists an option tag.
func (in *Incoming) Supports(tag string) bool { return supports(in.req, tag) }

// Source is the address that the INVITE came from.
func (in *Incoming) Source() string { return in.req.Source() }

// Cancelled is closed when the caller gives up.
func (in *Incoming) Cancelled() <-chan struct{} { return in.cancelled }

func (u *UA) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if !u.wellFormed(req, tx) {
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
		if !has([]string{"timer", "100rel", "replaces", "siprec"}, t) {
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
	// 100 at once also stops sipgo's own timer, which reads the request that the
	// tag is written into below.
	u.respond(tx, u.response(req, sip.StatusTrying, "Trying", Body{}))
	key := req.CallID().Value() + "\x00" + tagOf(req.From().Params) + "\x00" + strconv.Itoa(int(req.CSeq().SeqNo))
	if !u.first(key, req) {
		u.refuse(req, tx, "merged", sip.StatusLoopDetected, "Merged Request")
		return
	}
	defer u.forget(key)
	if !u.admit(req, tx) || !u.acceptable(req, tx) {
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
	u.handler.Invite(in)
	if !in.final {
		in.Reject(sip.StatusInternalServerError, "Server Internal Error")
	}
}

func (in *Incoming) gone() { in.once.Do(func() { close(in.cancelled) }) }

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

// Progress sends a provisional answer, reliably when the caller asked for that.
func (in *Incoming) Progress(code int, reason string, b Body, hs ...sip.Header) error {
	res := in.ua.response(in.req, code, reason, b, hs...)
	res.AppendHeader(in.dialog.lockedContact())
	copyHeaders("Record-Route", in.req, res)
	if !in.uses100 {
		return in.tx.Respond(res)
	}
	in.rseq++
	res.AppendHeader(sip.NewHeader("Require", "100rel"))
	res.AppendHeader(sip.NewHeader("RSeq", strconv.Itoa(int(in.rseq))))
	return in.reliably(res)
}

func copyHeaders(name string, from, to sip.Message) {
	if len(to.GetHeaders(name)) == 0 {
		sip.CopyHeaders(name, from, to)
	}
}

// reliable is the provisional answer that waits for its PRACK (RFC 3262).
type reliable struct {
	rseq uint32
	cseq uint32
	done chan struct{}
}

func (in *Incoming) reliably(res *sip.Response) error {
	d := in.dialog
	done := make(chan struct{})
	d.mu.Lock()
	d.rel = reliable{in.rseq, in.req.CSeq().SeqNo, done}
	d.mu.Unlock()
	wait := sip.T1
	limit := time.After(64 * sip.T1)
	for {
		if err := in.tx.Respond(res); err != nil {
			return err
		}
		select {
		case <-done:
			return nil
		case <-in.cancelled:
			return context.Canceled
		case <-limit:
			return errors.New("no PRACK")
		case <-time.After(wait):
			wait *= 2
		}
	}
}

// Reject ends the attempt.
func (in *Incoming) Reject(code int, reason string, hs ...sip.Header) {
	if in.final {
		return
	}
	in.final = true
	in.ua.reject(in.req, in.tx, code, reason, hs...)
	in.dialog.end("rejected")
}

// RejectText rejects with a Warning that says why.
func (in *Incoming) RejectText(code int, reason, why string) {
	in.ua.cfg.Refused("sip-" + strconv.Itoa(code))
	in.Reject(code, reason, in.ua.warning(why))
}

// ErrCancelled reports that the caller gave up before the answer.
var ErrCancelled = errors.New("the caller gave up")

// Accept sends the 200 with b and repeats it until the ACK comes. It returns the
// ACK's body (the answer to a late offer). Without an ACK the dialog is ended by BYE.
func (in *Incoming) Accept(b Body, hs ...sip.Header) (Body, error) {
	select {
	case <-in.cancelled:
		in.final = true
		in.dialog.end("cancelled")
		return Body{}, ErrCancelled
	default:
	}
	in.final = true
	d := in.dialog
	hs = append(hs, d.timer.accept(d, in.req)...)
	res := in.ua.response(in.req, sip.StatusOK, "OK", b, hs...)
	res.AppendHeader(sip.NewHeader("Supported", supported))
	res.AppendHeader(d.lockedContact())
	ack, err := d.send200(in.tx, in.req, res)
	if errors.Is(err, ErrEnded) {
		err = nil // a BYE overtook the ACK: there was a call, and it is over
	}
	if err != nil {
		if errors.Is(err, ErrNoACK) {
			d.Bye(context.Background())
		}
		d.end("failed")
		return Body{}, err
	}
	close(d.confirmed)
	d.timer.start(d)
	return ack, nil
}

// ErrNoACK reports a 200 that was never acknowledged.
var ErrNoACK = errors.New("no ACK")

// send200 repeats a 200 until its ACK (section 13.3.1.4: T1, doubling up to T2).
func (d *Dialog) send200(tx sip.ServerTransaction, req *sip.Request, res *sip.Response) (Body, error) {
	seq := req.CSeq().SeqNo
	ch := make(chan Body, 1)
	d.mu.Lock()
	d.acks[seq] = ch
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.acks, seq)
		d.mu.Unlock()
	}()
	limit := time.NewTimer(64 * sip.T1)
	defer limit.Stop()
	for wait := sip.T1; ; wait = min(2*wait, sip.T2) {
		if err := tx.Respond(res); err != nil {
			return Body{}, ErrCancelled
		}
		again := time.NewTimer(wait)
		select {
		case b := <-ch:
			again.Stop()
			return b, nil
		case ack := <-tx.Acks():
			again.Stop()
			return body(ack), nil
		case <-d.done:
			again.Stop()
			return Body{}, ErrEnded
		case <-limit.C:
			again.Stop()
			return Body{}, ErrNoACK
		case <-again.C:
		}
	}
}

func (u *UA) onAck(req *sip.Request, tx sip.ServerTransaction) {
	d := u.find(req)
	if d == nil || req.CSeq() == nil {
		return
	}
	d.mu.Lock()
	ch := d.acks[req.CSeq().SeqNo]
	d.mu.Unlock()
	if ch == nil {
		return
	}
	select {
	case ch <- body(req):
	default:
	}
}

// onCancel sees only a CANCEL that matches no INVITE at work.
func (u *UA) onCancel(req *sip.Request, tx sip.ServerTransaction) {
	u.reject(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
}

func (u *UA) onBye(req *sip.Request, tx sip.ServerTransaction) {
	d := u.inDialog(req, tx)
	if d == nil {
		return
	}
	u.respond(tx, u.response(req, sip.StatusOK, "OK", Body{}))
	d.end("bye")
}

// inDialog finds the request's dialog and checks its order; it answers for itself
// when it returns nil.
func (u *UA) inDialog(req *sip.Request, tx sip.ServerTransaction) *Dialog {
	if !u.wellFormed(req, tx) {
		return nil
	}
	d := u.find(req)
	if d == nil {
		u.reject(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return nil
	}
	if !d.inOrder(req) {
		u.reject(req, tx, sip.StatusInternalServerError, "CSeq Out Of Order")
		return nil
	}
	return d
}

func (u *UA) onOptions(req *sip.Request, tx sip.ServerTransaction) {
	if req.To() != nil && tagOf(req.To().Params) != "" && u.inDialog(req, tx) == nil {
		return
	}
	if u.draining.Load() {
		u.reject(req, tx, sip.StatusServiceUnavailable, "Service Unavailable", sip.NewHeader("Retry-After", "10"))
		return
	}
	u.respond(tx, u.response(req, sip.StatusOK, "OK", Body{},
		sip.NewHeader("Accept", accept), sip.NewHeader("Supported", supported+", siprec")))
}

func (u *UA) onInfo(req *sip.Request, tx sip.ServerTransaction) {
	d := u.inDialog(req, tx)
	if d == nil {
		return
	}
	b := body(req)
	if !b.Empty() && !d.owner().Info(b) {
		u.reject(req, tx, sip.StatusUnsupportedMediaType, "Unsupported Media Type")
		return
	}
	u.respond(tx, u.response(req, sip.StatusOK, "OK", Body{}))
}

func (u *UA) onPrack(req *sip.Request, tx sip.ServerTransaction) {
	d := u.inDialog(req, tx)
	if d == nil {
		return
	}
	f := strings.Fields(header(req, "RAck"))
	d.mu.Lock()
	rel := d.rel
	ok := rel.done != nil && len(f) == 3 && f[0] == strconv.Itoa(int(rel.rseq)) &&
		f[1] == strconv.Itoa(int(rel.cseq)) && f[2] == "INVITE"
	if ok {
		close(rel.done)
		d.rel = reliable{}
	}
	d.mu.Unlock()
	if !ok {
		u.reject(req, tx, sip.StatusCallTransactionDoesNotExists, "No Such Provisional Response")
		return
	}
	u.respond(tx, u.response(req, sip.StatusOK, "OK", Body{}))
}

// onRefer declines: nobody who calls us may send us elsewhere; transfers are the
// caseworker's.
func (u *UA) onRefer(req *sip.Request, tx sip.ServerTransaction) {
	if u.inDialog(req, tx) == nil {
		return
	}
	u.reject(req, tx, sip.StatusGlobalDecline, "Decline")
}

// onNotify takes the progress of a transfer that we asked for (message/sipfrag).
func (u *UA) onNotify(req *sip.Request, tx sip.ServerTransaction) {
	d := u.inDialog(req, tx)
	if d == nil {
		return
	}
	d.mu.Lock()
	f := d.notify
	d.mu.Unlock()
	event, _, _ := strings.Cut(header(req, "Event", "o"), ";")
	if f == nil || strings.TrimSpace(event) != "refer" {
		u.reject(req, tx, 489, "Bad Event")
		return
	}
	u.respond(tx, u.response(req, sip.StatusOK, "OK", Body{}))
	if code := sipfrag(req.Body()); code > 0 {
		f(code)
	}
}

// sipfrag reads the status of "SIP/2.0 200 OK"; 0 when there is none.
func sipfrag(b []byte) int {
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line)
	if len(f) < 2 || f[0] != "SIP/2.0" {
		return 0
	}
	code, err := strconv.Atoi(f[1])
	if err != nil || code < 100 || code > 699 {
		return 0
	}
	return code
}

// onReinvite changes or refreshes a session (section 14.2).
func (u *UA) onReinvite(req *sip.Request, tx sip.ServerTransaction) {
	d := u.find(req)
	if d == nil {
		u.reject(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	leave, ok := d.enter(u, req, tx)
	if !ok {
		return
	}
	defer leave()
	d.retarget(req)
	if !u.acceptable(req, tx) {
		return
	}
	b, late, ok := d.negotiate(req, tx, leave)
	if !ok {
		return
	}
	res := u.response(req, sip.StatusOK, "OK", Body{"application/sdp", b}, d.timer.accept(d, req)...)
	res.AppendHeader(sip.NewHeader("Supported", supported))
	res.AppendHeader(d.lockedContact())
	d.answered()
	ack, err := d.send200(tx, req, res)
	switch {
	case errors.Is(err, ErrNoACK):
		d.Bye(context.Background())
		return
	case err != nil:
		return
	}
	d.timer.start(d)
	if late && !ack.Empty() {
		if err := d.owner().Answer(ack); err != nil {
			u.cfg.Log.Warn("answer to a late offer not usable", "err", err)
		}
	}
}

// overtaken is how long a request waits for the ACK that was sent before it:
// each message has a goroutine of its own, so that neighbours may change places.
const overtaken = time.Second

// enter claims the dialog for the peer's offer: 491 when ours is under way, 500
// when theirs is.
//
// The returned function gives the dialog free again, once. It is called before a
// final answer that nothing follows: the next offer may come at once.
func (d *Dialog) enter(u *UA, req *sip.Request, tx sip.ServerTransaction) (leave func(), ok bool) {
	d.mu.Lock()
	acking := d.acking
	d.mu.Unlock()
	if acking != nil {
		select {
		case <-acking:
		case <-time.After(overtaken):
		}
	}
	d.mu.Lock()
	in, out := d.inviteIn, d.inviteOut
	old := req.CSeq().SeqNo < d.rcseq
	if !in && !out && !old {
		d.inviteIn = true
		d.rcseq = req.CSeq().SeqNo
	}
	d.mu.Unlock()
	switch {
	case old:
		u.reject(req, tx, sip.StatusInternalServerError, "CSeq Out Of Order")
	case out:
		u.reject(req, tx, sip.StatusRequestPending, "Request Pending")
	case in:
		u.reject(req, tx, sip.StatusInternalServerError, "Server Internal Error", sip.NewHeader("Retry-After", "3"))
	default:
		return sync.OnceFunc(d.leave), true
	}
	return nil, false
}

// answered says that only the ACK is missing.
func (d *Dialog) answered() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acking = make(chan struct{})
}

func (d *Dialog) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inviteIn = false
	if d.acking != nil {
		close(d.acking)
		d.acking = nil
	}
}

// negotiate makes the body of the 200: the answer to an offer, or our own offer.
func (d *Dialog) negotiate(req *sip.Request, tx sip.ServerTransaction, leave func()) (b []byte, late, ok bool) {
	offer := body(req)
	var err error
	switch {
	case offer.hasSDP():
		b, err = d.owner().Offer(offer)
	default:
		if !offer.Empty() { // only metadata, say
			d.owner().Info(offer)
		}
		b, err = d.owner().LocalOffer()
		late = true
	}
	if err != nil {
		d.ua.cfg.Refused("offer")
		leave()
		d.ua.reject(req, tx, sip.StatusNotAcceptableHere, "Not Acceptable Here", d.ua.warning(err.Error()))
		return nil, late, false
	}
	return b, late, true
}

func (u *UA) onUpdate(req *sip.Request, tx sip.ServerTransaction) {
	if !u.wellFormed(req, tx) {
		return
	}
	d := u.find(req)
	if d == nil {
		u.reject(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	leave, ok := d.enter(u, req, tx)
	if !ok {
		return
	}
	defer leave()
	d.retarget(req)
	if !u.acceptable(req, tx) {
		return
	}
	var out Body
	in := body(req)
	if !in.Empty() && !in.hasSDP() {
		d.owner().Info(in)
	}
	if in.hasSDP() {
		b, _, ok := d.negotiate(req, tx, leave)
		if !ok {
			return
		}
		out = Body{"application/sdp", b}
	}
	res := u.response(req, sip.StatusOK, "OK", out, d.timer.accept(d, req)...)
	res.AppendHeader(d.lockedContact())
	d.timer.start(d)
	leave()
	u.respond(tx, res)
}
