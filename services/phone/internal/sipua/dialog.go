package sipua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// ErrEnded reports an act on a dialog that is over.
var ErrEnded = errors.New("the dialog has ended")

// StatusError is a final answer that is not a success.
type StatusError struct {
	Code   int
	Reason string
}

func (e *StatusError) Error() string { return fmt.Sprintf("SIP %d %s", e.Code, e.Reason) }

// Dialog is one SIP dialog (RFC 3261, section 12), on either side of the INVITE.
type Dialog struct {
	ua        *UA
	callID    string
	localTag  string
	caller    bool // we sent the INVITE, so we own the Call-ID (RFC 3261, section 14.1)
	transport string
	laddr     sip.Addr

	mu        sync.Mutex
	peer      Peer
	remoteTag string
	local     sip.FromHeader // us, as From of our requests
	remote    sip.ToHeader
	target    sip.Uri
	routes    []string // Route header values in order
	source    string   // where the peer's last request came from
	cseq      uint32   // of our last request
	rcseq     uint32   // of the peer's last request
	allows    []string // methods the peer listed
	taken     bool     // answered: it is no early dialog any more
	ended     bool
	done      chan struct{}
	confirmed chan struct{} // closed by the ACK of the first 200
	acks      map[uint32]chan Body
	inviteOut bool          // our INVITE or UPDATE with an offer is unanswered
	inviteIn  bool          // theirs is
	acking    chan struct{} // their INVITE is answered and its ACK is due; closed with it
	timer     refresh
	notify    func(code int)
	rel       reliable
	recorder  bool // a recording session: our Contact says so (RFC 7866, section 6.1.2)
}

// MarkRecorder says that the dialog is a recording session and we are its server.
func (d *Dialog) MarkRecorder() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.recorder = true
}

// contact is our Contact in this dialog. The caller holds mu.
func (d *Dialog) contact() *sip.ContactHeader {
	c := d.ua.contact(d.transport, d.source)
	if d.recorder {
		c.Params = sip.NewParams()
		c.Params.Add("+sip.srs", "")
	}
	return c
}

func (d *Dialog) lockedContact() *sip.ContactHeader {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.contact()
}

// Source is the address that the other side's packets come from.
func (d *Dialog) Source() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.source
}

// CallID of the dialog.
func (d *Dialog) CallID() string { return d.callID }

// Tags returns our tag and the other side's.
func (d *Dialog) Tags() (local, remote string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.localTag, d.remoteTag
}

// Target is the other side's Contact.
func (d *Dialog) Target() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.target.String()
}

// Done is closed when the dialog ends.
func (d *Dialog) Done() <-chan struct{} { return d.done }

// SetPeer says who owns the dialog from now on.
func (d *Dialog) SetPeer(p Peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peer = p
}

func (d *Dialog) owner() Peer {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.peer == nil {
		return nobody{}
	}
	return d.peer
}

// nobody owns a dialog that is still being made.
type nobody struct{}

func (nobody) Offer(Body) ([]byte, error) { return nil, errors.New("not now") }

func (nobody) LocalOffer() ([]byte, error) { return nil, errors.New("not now") }

func (nobody) Answer(Body) error { return nil }

func (nobody) Info(Body) bool { return true }

func (nobody) Ended(string) {}

func newDialog(u *UA, callID, localTag, transport string) *Dialog {
	return &Dialog{
		ua: u, callID: callID, localTag: localTag, transport: transport,
		laddr: u.bound(transport), done: make(chan struct{}), confirmed: make(chan struct{}),
		acks: map[uint32]chan Body{},
	}
}

func (u *UA) add(d *Dialog) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.dialogs[callKey(d.callID, d.localTag)] = d
}

// find returns the dialog that an in-dialog request belongs to.
func (u *UA) find(req *sip.Request) *Dialog {
	id, to, from := req.CallID(), req.To(), req.From()
	if id == nil || to == nil || from == nil {
		return nil
	}
	u.mu.Lock()
	d := u.dialogs[callKey(id.Value(), tagOf(to.Params))]
	u.mu.Unlock()
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended || d.remoteTag != "" && d.remoteTag != tagOf(from.Params) {
		return nil
	}
	d.source = req.Source()
	return d
}

// end closes the dialog once and tells the owner.
func (d *Dialog) end(reason string) {
	d.mu.Lock()
	if d.ended {
		d.mu.Unlock()
		return
	}
	d.ended = true
	d.timer.stop()
	close(d.done)
	remote := d.remoteTag
	d.mu.Unlock()
	d.ua.mu.Lock()
	// A fork that lost shares the key with the dialog that won.
	if key := callKey(d.callID, d.localTag); d.ua.dialogs[key] == d {
		delete(d.ua.dialogs, key)
		d.ua.remember(key, remote)
	}
	d.ua.mu.Unlock()
	d.owner().Ended(reason)
}

// inOrder checks and takes the CSeq of a request from the peer (section 12.2.2).
func (d *Dialog) inOrder(req *sip.Request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := req.CSeq().SeqNo
	if n < d.rcseq {
		return false
	}
	d.rcseq = n
	return true
}

// retarget takes the peer's new Contact (target refresh, section 12.2.1.2).
func (d *Dialog) retarget(m interface{ Contact() *sip.ContactHeader }) {
	c := m.Contact()
	if c == nil || c.Address.Wildcard {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.target = *c.Address.Clone()
}

// request builds an in-dialog request; ACK keeps the CSeq given.
func (d *Dialog) request(method sip.RequestMethod, b Body, seq uint32, hs ...sip.Header) *sip.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	if seq == 0 {
		d.cseq++
		seq = d.cseq
	}
	req := sip.NewRequest(method, *d.target.Clone())
	via := &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: d.transport,
		Host: d.ua.host(d.source), Port: d.laddr.Port, Params: sip.NewParams(),
	}
	via.Params.Add("branch", sip.GenerateBranchN(16))
	via.Params.Add("rport", "")
	req.AppendHeader(via)
	for _, r := range d.routes {
		var uri sip.Uri
		if err := sip.ParseUri(strings.Trim(r, "<>"), &uri); err == nil {
			req.AppendHeader(&sip.RouteHeader{Address: uri})
		}
	}
	from, to := d.local, d.remote
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	id := sip.CallIDHeader(d.callID)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	mf := sip.MaxForwardsHeader(70)
	req.AppendHeader(&mf)
	req.AppendHeader(d.contact())
	req.AppendHeader(sip.NewHeader("User-Agent", d.ua.cfg.Name))
	for _, h := range hs {
		req.AppendHeader(h)
	}
	if !b.Empty() {
		ct := sip.ContentTypeHeader(b.Type)
		req.AppendHeader(&ct)
	}
	req.SetBody(b.Data)
	req.SetTransport(d.transport)
	d.steer(req)
	return req
}

// steer chooses where a request goes: the first route, else the Contact, else (a
// reliable connection, or a Contact that does not lie where packets come from,
// as behind NAT) the address that the peer's packets come from.
func (d *Dialog) steer(req *sip.Request) {
	if d.transport == "UDP" && d.laddr.IP != nil {
		req.Laddr = d.laddr
	}
	switch {
	case len(d.routes) > 0 || d.source == "":
	case sip.IsReliable(d.transport):
		if d.ua.connected(d.transport, d.source) {
			req.SetDestination(d.source)
		}
	default:
		host, _, err := net.SplitHostPort(d.source)
		if err == nil && host != d.target.Host && net.ParseIP(d.target.Host) != nil {
			req.SetDestination(d.source)
		}
	}
}

// do sends a request and waits for the final answer.
func (d *Dialog) do(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	tx, err := d.ua.client.TransactionRequest(ctx, req, keepRequest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.Method, discreet(err))
	}
	defer func() {
		if req.Method != sip.INVITE {
			tx.Terminate()
		}
	}()
	for {
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				continue
			}
			if req.Method == sip.INVITE && res.IsSuccess() {
				tx.OnRetransmission(func(r *sip.Response) { d.ack(req, r, Body{}) })
			}
			return res, nil
		case <-tx.Done():
			return nil, fmt.Errorf("%s: %w", req.Method, discreet(tx.Err()))
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// discreet keeps what went wrong and drops what it happened to: sipgo's texts quote
// the request, and errors end up in logs.
func discreet(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &op):
		return fmt.Errorf("%w: %w", sip.ErrTransactionTransport, op.Err)
	}
	for _, known := range []error{sip.ErrTransactionTimeout, sip.ErrTransactionCanceled, sip.ErrTransactionTerminated, sip.ErrTransportNotSuported} {
		if errors.Is(err, known) {
			return known
		}
	}
	return sip.ErrTransactionTransport
}

// gone reports answers after which the dialog is over (RFC 5057, section 5.1).
func gone(res *sip.Response, err error) bool {
	if err != nil {
		return errors.Is(err, sip.ErrTransactionTimeout)
	}
	return res.StatusCode == sip.StatusCallTransactionDoesNotExists || res.StatusCode == sip.StatusRequestTimeout
}

// settle maps a final answer to an error and ends the dialog when it is gone.
func (d *Dialog) settle(res *sip.Response, err error) error {
	if gone(res, err) {
		d.end("timeout")
		return ErrEnded
	}
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return &StatusError{res.StatusCode, res.Reason}
	}
	return nil
}

// ByeLimit bounds the wait for the answer to a BYE.
const ByeLimit = 4 * time.Second

// Bye ends the dialog. It waits a little for the ACK of our 200 (section 15) and
// for the answer, and ends the dialog in any case. ErrEnded: the other side did not know it any more.
func (d *Dialog) Bye(ctx context.Context, hs ...sip.Header) error {
	select {
	case <-d.done:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, ByeLimit)
	defer cancel()
	select {
	case <-d.confirmed:
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	d.mu.Lock()
	over := d.ended
	d.mu.Unlock()
	if over {
		return nil
	}
	res, err := d.do(ctx, d.request(sip.BYE, Body{}, 0, hs...))
	select {
	case <-d.done:
		return nil // both hung up at once
	default:
	}
	d.end("bye")
	if err == nil && gone(res, nil) {
		return ErrEnded // who started anew meanwhile knows of no call
	}
	return err
}

// Check asks the other side whether the dialog still stands (OPTIONS within it) and
// ends it when not.
func (d *Dialog) Check(ctx context.Context) error {
	res, err := d.do(ctx, d.request(sip.OPTIONS, Body{}, 0))
	if gone(res, err) {
		return d.settle(res, err)
	}
	return err // any other answer comes from somebody who knows the dialog
}

// Info sends an INFO.
func (d *Dialog) Info(ctx context.Context, b Body) error {
	return d.settle(d.do(ctx, d.request(sip.INFO, b, 0)))
}
