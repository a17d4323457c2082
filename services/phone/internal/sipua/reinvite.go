package sipua

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// onReinvite changes or refreshes a session (section 14.2).
func (u *UA) onReinvite(req *sip.Request, tx sip.ServerTransaction) {
	d := u.find(req)
	if d == nil {
		u.reject(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		tx.Terminate()
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
// each message has a goroutine of its own, so that neighbours may change places. An ACK that is lost comes again with the second or
// third 200.
const overtaken = 3 * time.Second

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
