package sipua

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/emiago/sipgo/sip"
)

// Referee is a Peer that can be asked to call somebody else. Refer runs on the
// request's goroutine and decides only; a refusal is a *StatusError, whose reason
// is told.
type Referee interface {
	Refer(r *Referral) error
}

// Referral is a REFER from the other side of a dialog (RFC 3515). Who accepts it
// reports with Progress until a final status.
type Referral struct {
	To       string // whom to call: a URI without headers
	Replaces string // value of the header that the new call is to carry; empty: none

	dialog   *Dialog
	id       uint32 // CSeq of the REFER: which subscription a NOTIFY belongs to
	silent   bool   // the other side wants no reports (RFC 4488)
	steps    chan StatusError
	reported chan struct{}
}

// notifyFor is how long a transfer may take until its reports end.
const notifyFor = 3 * time.Minute

// Progress reports the status of the new call. It does not block; the first final
// status ends the reports.
func (r *Referral) Progress(code int, reason string) {
	if code < 200 && len(r.steps) > 0 {
		return // what is still to be sent is news enough, and the last place is the final one's
	}
	select {
	case r.steps <- StatusError{code, reason}:
	default:
	}
}

// Reported is closed when the other side knows the outcome, or cannot be told.
func (r *Referral) Reported() <-chan struct{} { return r.reported }

func (u *UA) onRefer(req *sip.Request, tx sip.ServerTransaction) {
	if to := req.To(); to != nil && tagOf(to.Params) == "" {
		u.refuse(req, tx, "refer", sip.StatusForbidden, "Forbidden", u.warning("transfers belong to a call"))
		return
	}
	d := u.inDialog(req, tx)
	if d == nil {
		return
	}
	r, err := referral(d, req)
	if err != nil {
		u.refuse(req, tx, "refer", sip.StatusBadRequest, "Bad Request", u.warning(err.Error()))
		return
	}
	err = &StatusError{sip.StatusGlobalDecline, "this call is not transferred"}
	if owner, ok := d.owner().(Referee); ok {
		err = owner.Refer(r)
	}
	var st *StatusError
	switch {
	case errors.As(err, &st):
		u.refuse(req, tx, "refer", st.Code, phrase(st.Code), u.warning(st.Reason))
		return
	case err != nil:
		u.refuse(req, tx, "refer", sip.StatusInternalServerError, "Server Internal Error")
		return
	}
	hs := []sip.Header{d.lockedContact()}
	if r.silent {
		hs = append(hs, sip.NewHeader("Refer-Sub", "false"))
	}
	u.reject(req, tx, sip.StatusAccepted, "Accepted", hs...)
	go r.report()
}

func phrase(code int) string {
	switch code {
	case sip.StatusForbidden:
		return "Forbidden"
	case sip.StatusGlobalDecline:
		return "Decline"
	}
	return "Request Failed"
}

// referral reads the one Refer-To that a REFER must have (section 2.4.2).
func referral(d *Dialog, req *sip.Request) (*Referral, error) {
	hs := append(req.GetHeaders("Refer-To"), req.GetHeaders("r")...)
	if len(hs) != 1 {
		return nil, errors.New("one Refer-To is needed")
	}
	v := strings.TrimSpace(hs[0].Value())
	var uri sip.Uri
	if _, err := sip.ParseAddressValue(v, &uri, &sip.HeaderParams{}); err != nil || uri.Scheme == "" || uri.Scheme == "sip" && uri.Host == "" {
		return nil, errors.New("Refer-To is not an address")
	}
	r := &Referral{
		dialog: d, id: req.CSeq().SeqNo, steps: make(chan StatusError, 2), reported: make(chan struct{}),
		silent: strings.EqualFold(header(req, "Refer-Sub"), "false"),
	}
	if rep, ok := uri.Headers.Get("Replaces"); ok {
		r.Replaces = unescapeHeader(rep)
		// It goes into a request of ours: a line end in it would begin another header.
		if _, ok := parseReplaces(r.Replaces); !ok || strings.ContainsFunc(r.Replaces, unicode.IsControl) {
			return nil, errors.New("the Replaces in Refer-To is not readable")
		}
	}
	if m, ok := uri.Headers.Get("method"); ok && !strings.EqualFold(m, "INVITE") {
		return nil, errors.New("Refer-To asks for something else than a call")
	}
	uri.Headers = nil
	r.To = uri.String()
	return r, nil
}

// report sends a NOTIFY for each step, one after another, and the last when the
// outcome is known or the time is over.
func (r *Referral) report() {
	defer close(r.reported)
	limit := time.After(notifyFor)
	for step := (StatusError{sip.StatusTrying, "Trying"}); ; {
		if !r.notify(step) || step.Code >= 200 {
			return
		}
		select {
		case step = <-r.steps:
		case <-r.dialog.done:
			return
		case <-limit:
			step = StatusError{sip.StatusServiceUnavailable, "Service Unavailable"}
		}
	}
}

// notify reports whether there is sense in going on.
func (r *Referral) notify(step StatusError) bool {
	if r.silent {
		return true
	}
	state := fmt.Sprintf("active;expires=%d", int(notifyFor/time.Second))
	if step.Code >= 200 {
		state = "terminated;reason=noresource"
	}
	frag := Body{"message/sipfrag;version=2.0", []byte("SIP/2.0 " + strconv.Itoa(step.Code) + " " + step.Reason + "\r\n")}
	ctx, cancel := context.WithTimeout(context.Background(), 32*time.Second)
	defer cancel()
	d := r.dialog
	req := d.request(sip.NOTIFY, frag, 0,
		sip.NewHeader("Event", "refer;id="+strconv.FormatUint(uint64(r.id), 10)), sip.NewHeader("Subscription-State", state))
	return d.settle(d.do(ctx, req)) == nil
}
