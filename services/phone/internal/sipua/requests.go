package sipua

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

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
