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
// from the handler's goroutine only.
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

func (in *Incoming) gone() { in.once.Do(func() { close(in.cancelled) }) }

// Progress sends a provisional answer, reliably when the caller asked for that.
func (in *Incoming) Progress(code int, reason string, b Body, hs ...sip.Header) error {
	res := in.ua.response(in.req, code, reason, b, hs...)
	res.AppendHeader(in.dialog.lockedContact())
	copyHeaders("Record-Route", in.req, res)
	if !in.uses100 {
		return in.explain(in.tx.Respond(res))
	}
	in.rseq++
	res.AppendHeader(sip.NewHeader("Require", "100rel"))
	res.AppendHeader(sip.NewHeader("RSeq", strconv.Itoa(int(in.rseq))))
	return in.reliably(res)
}

// explain tells a transaction that the caller cancelled from one that broke.
func (in *Incoming) explain(err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-in.cancelled:
		return ErrCancelled
	default:
		return err
	}
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
			return in.explain(err)
		}
		select {
		case <-done:
			return nil
		case <-in.cancelled:
			return ErrCancelled
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
	d.mu.Lock()
	d.taken = true
	d.mu.Unlock()
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
