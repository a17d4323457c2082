package sipua

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// keepRequest tells sipgo to send a request as it is.
func keepRequest(_ *sipgo.Client, _ *sip.Request) error { return nil }

// Outgoing says whom to call and how.
type Outgoing struct {
	To       string // sip: URI
	From     string // user part of our From
	Name     string // display name
	Via      string // outbound proxy, sip: URI; empty: straight to To
	User     string // digest user and password, when asked for
	Password string
	Body     Body // offer (application/sdp) or multipart
	Headers  []sip.Header
	Peer     Peer
	// Progress is called for every provisional answer, with its body if any.
	Progress func(code int, b Body, h func(name string) string)
}

// Answered is a call that was taken.
type Answered struct {
	Dialog *Dialog
	Body   Body
	Header func(name string) string
}

// Dial places a call. When ctx ends before the answer the call is cancelled.
func (u *UA) Dial(ctx context.Context, o Outgoing) (*Answered, error) {
	a := &attempt{ua: u, o: o, minSE: u.cfg.MinSE}
	if err := a.prepare(); err != nil {
		return nil, err
	}
	// At most a challenge and a longer session interval are worth a second try.
	for range 3 {
		res, err := a.invite(ctx)
		if err != nil {
			return nil, err
		}
		if a.again(res) {
			continue
		}
		if !res.IsSuccess() {
			a.fail()
			return nil, &StatusError{res.StatusCode, res.Reason}
		}
		return a.taken(res), nil
	}
	a.fail()
	return nil, &StatusError{sip.StatusUnauthorized, "login failed"}
}

// fail ends a dialog that never was one: its owner learns of it from Dial.
func (a *attempt) fail() {
	a.d.SetPeer(nil)
	a.d.end("failed")
}

// attempt is a call that is being placed.
type attempt struct {
	ua     *UA
	o      Outgoing
	d      *Dialog
	dest   sip.Uri
	req    *sip.Request
	authed bool
	auth   sip.Header
	minSE  time.Duration
	acked  map[string]uint64 // by tag, RSeq of the last provisional answer to req that we sent PRACK for
}

func (a *attempt) prepare() error {
	var to, via sip.Uri
	if err := sip.ParseUri(a.o.To, &to); err != nil {
		return fmt.Errorf("call to an address that is not a SIP URI: %w", err)
	}
	if to.Scheme != "sip" && to.Scheme != "sips" || to.Host == "" {
		return errors.New("call to an address that is not a SIP URI")
	}
	a.dest = to
	if a.o.Via != "" {
		if err := sip.ParseUri(a.o.Via, &via); err != nil {
			return fmt.Errorf("outbound proxy: %w", err)
		}
		a.dest = via
	}
	transport := "UDP"
	if t, ok := a.dest.UriParams.Get("transport"); ok {
		transport = strings.ToUpper(t)
	}
	if a.dest.IsEncrypted() {
		transport = "TLS"
	}
	d := newDialog(a.ua, sip.GenerateTagN(24)+"@samtale", sip.GenerateTagN(16), transport)
	d.caller = true
	d.peer = a.o.Peer
	d.target = to
	port := a.dest.Port
	if port == 0 {
		port = sip.DefaultPort(transport)
	}
	d.source = fmt.Sprintf("%s:%d", a.dest.Host, port)
	host := a.ua.host(d.source)
	from := sip.Uri{Scheme: "sip", User: a.o.From, Host: host, Port: a.ua.bound(transport).Port}
	if from.User == "" {
		from.User = "samtale"
	}
	d.local = sip.FromHeader{DisplayName: a.o.Name, Address: from, Params: sip.NewParams()}
	d.local.Params.Add("tag", d.localTag)
	d.remote = sip.ToHeader{Address: sip.Uri{Scheme: to.Scheme, User: to.User, Host: to.Host, Port: to.Port}}
	d.cseq = 1
	if a.o.Via != "" {
		lr := a.dest
		lr.UriParams = append(sip.HeaderParams{}, lr.UriParams...)
		lr.UriParams.Add("lr", "")
		d.routes = []string{lr.String()}
	}
	a.d = d
	a.ua.add(d)
	return nil
}

func (a *attempt) invite(ctx context.Context) (*sip.Response, error) {
	hs := append([]sip.Header{
		sip.NewHeader("Allow", allow), sip.NewHeader("Supported", supported), sip.NewHeader("Accept", "application/sdp"),
		sip.NewHeader("Session-Expires", strconv.Itoa(int(max(a.ua.cfg.SessionExpires, a.minSE)/time.Second))),
		sip.NewHeader("Min-SE", strconv.Itoa(int(a.minSE/time.Second))),
	}, a.o.Headers...)
	if a.auth != nil {
		hs = append(hs, a.auth)
	}
	a.req = a.d.request(sip.INVITE, a.o.Body, 0, hs...)
	a.acked = map[string]uint64{}
	a.d.mu.Lock()
	a.d.inviteOut = true
	a.d.mu.Unlock()
	tx, err := a.ua.client.TransactionRequest(ctx, a.req, keepRequest)
	if err != nil {
		a.fail()
		return nil, fmt.Errorf("call: %w", discreet(err))
	}
	res, err := a.wait(ctx, tx)
	a.d.unclaim()
	if err != nil {
		a.fail()
	}
	return res, err
}

// wait reads the answers. A cancelled attempt sends CANCEL as soon as a
// provisional answer allows it (section 9.1), and hangs up on a 200 that
// crossed it.
func (a *attempt) wait(ctx context.Context, tx sip.ClientTransaction) (*sip.Response, error) {
	proceeding, cancelled := false, false
	stop := ctx.Done()
	var limit <-chan time.Time
	for {
		select {
		case <-stop:
			stop = nil
			cancelled = true
			limit = time.After(10 * time.Second)
			if proceeding {
				a.cancel()
			}
		case <-limit:
			tx.Terminate()
			return nil, ctx.Err()
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				if cancelled && !proceeding {
					a.cancel()
				}
				proceeding = true
				a.early(res)
			case res.IsSuccess() && cancelled:
				a.hangUp(res)
				return nil, ctx.Err()
			case res.IsSuccess():
				tx.OnRetransmission(a.repeated)
				return res, nil
			case cancelled:
				return nil, ctx.Err()
			default:
				return res, nil
			}
		case <-tx.Done():
			return nil, fmt.Errorf("call: %w", discreet(tx.Err()))
		}
	}
}

// early handles a provisional answer: the remote tag, PRACK, progress.
func (a *attempt) early(res *sip.Response) {
	if res.StatusCode == sip.StatusTrying {
		return
	}
	a.learn(res)
	if has(tokens(res, "Require"), "100rel") {
		_, tag := a.d.Tags()
		this, err := strconv.ParseUint(header(res, "RSeq"), 10, 32)
		if err == nil && this <= a.acked[tag] {
			return // repeated before our PRACK was there, maybe overtaken by the next one (RFC 3262, section 4)
		}
		if err == nil {
			a.acked[tag] = this
			a.prack(res)
		}
	}
	if a.o.Progress != nil {
		a.o.Progress(res.StatusCode, body(res), func(n string) string { return header(res, n) })
	}
}

func (a *attempt) prack(res *sip.Response) {
	rack := header(res, "RSeq") + " " + strconv.Itoa(int(a.req.CSeq().SeqNo)) + " INVITE"
	req := a.d.request(sip.PRACK, Body{}, 0, sip.NewHeader("RAck", rack))
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 32*time.Second)
		defer cancel()
		a.d.do(ctx, req)
	}()
}

// learn takes the peer's side of the dialog from an answer with a tag.
func (a *attempt) learn(res *sip.Response) {
	d := a.d
	d.mu.Lock()
	defer d.mu.Unlock()
	tag := ""
	if to := res.To(); to != nil {
		tag = tagOf(to.Params)
	}
	if tag == "" {
		return
	}
	d.remoteTag = tag
	d.remote = sip.ToHeader{DisplayName: res.To().DisplayName, Address: *res.To().Address.Clone(), Params: res.To().Params.Clone()}
	if c := res.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	if rr := res.GetHeaders("Record-Route"); len(rr) > 0 || res.IsSuccess() {
		d.routes = nil
		for i := len(rr) - 1; i >= 0; i-- { // the caller's set is reversed (section 12.1.2)
			d.routes = append(d.routes, rr[i].Value())
		}
	}
	if al := tokens(res, "Allow"); len(al) > 0 {
		d.allows = al
	}
}

func (a *attempt) cancel() {
	req := sip.NewRequest(sip.CANCEL, a.req.Recipient)
	req.AppendHeader(a.req.Via().Clone())
	sip.CopyHeaders("Route", a.req, req)
	mf := sip.MaxForwardsHeader(70)
	req.AppendHeader(&mf)
	for _, n := range []string{"From", "To", "Call-ID"} {
		sip.CopyHeaders(n, a.req, req)
	}
	req.AppendHeader(&sip.CSeqHeader{SeqNo: a.req.CSeq().SeqNo, MethodName: sip.CANCEL})
	req.SetBody(nil)
	req.SetTransport(a.req.Transport())
	req.SetDestination(a.req.Destination())
	req.Laddr = a.req.Laddr
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		a.d.do(ctx, req)
	}()
}

// hangUp acknowledges and ends a call that was answered after we gave up.
func (a *attempt) hangUp(res *sip.Response) {
	a.learn(res)
	a.d.ack(a.req, res, Body{})
	close(a.d.confirmed)
	go a.d.Bye(context.Background())
}

// repeated acknowledges a 200 again; one with another tag comes from a fork and
// is hung up on.
func (a *attempt) repeated(res *sip.Response) {
	_, tag := a.d.Tags()
	if res.To() != nil && tagOf(res.To().Params) == tag {
		a.d.ack(a.req, res, Body{})
		return
	}
	fork := &attempt{ua: a.ua, o: a.o, req: a.req}
	fork.d = newDialog(a.ua, a.d.callID, a.d.localTag, a.d.transport)
	fork.d.local, fork.d.remote, fork.d.target, fork.d.source = a.d.local, a.d.remote, a.d.target, a.d.source
	fork.d.cseq = a.req.CSeq().SeqNo
	fork.hangUp(res)
}

// again prepares a second try after a challenge or 422 and reports whether to make it.
func (a *attempt) again(res *sip.Response) bool {
	switch res.StatusCode {
	case sip.StatusUnauthorized, sip.StatusProxyAuthRequired:
		if a.authed || a.o.User == "" {
			return false
		}
		a.authed = true
		return a.authenticate(res)
	case 422:
		n, err := strconv.Atoi(header(res, "Min-SE"))
		if err != nil || time.Duration(n)*time.Second <= a.minSE {
			return false
		}
		a.minSE = time.Duration(n) * time.Second
		return true
	}
	return false
}

func (a *attempt) authenticate(res *sip.Response) bool {
	challenge, answer := "WWW-Authenticate", "Authorization"
	if res.StatusCode == sip.StatusProxyAuthRequired {
		challenge, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	chal, err := digest.ParseChallenge(header(res, challenge))
	if err != nil {
		return false
	}
	chal.Algorithm = strings.ToUpper(chal.Algorithm)
	cred, err := digest.Digest(chal, digest.Options{
		Method: "INVITE", URI: a.req.Recipient.String(), Username: a.o.User, Password: a.o.Password, Count: 1,
	})
	if err != nil {
		return false
	}
	a.auth = sip.NewHeader(answer, cred.String())
	return true
}

func (a *attempt) taken(res *sip.Response) *Answered {
	a.learn(res)
	a.d.mu.Lock()
	a.d.taken = true
	a.d.mu.Unlock()
	a.d.ack(a.req, res, Body{})
	close(a.d.confirmed)
	a.d.timer.answered(a.d, res)
	return &Answered{Dialog: a.d, Body: body(res), Header: func(n string) string { return header(res, n) }}
}
