package calls

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/phone/internal/sipua"
	"samtale.dk/samtale/services/platform/errs"
)

// consultation is the second call of an attended transfer.
type consultation struct {
	line   *end
	ear    ear
	up     bool
	merged bool      // the citizen hears it too
	rec    *recorder // of a merged one, while open
	cancel context.CancelFunc
	auto   bool // the fallback of a blind transfer: connect as soon as it is answered
}

// Posts about transfers.
type (
	consultResult struct {
		of  *consultation
		err error // nil: answered; errConsultOver: hung up afterwards
	}
	moveResult struct{ err error } // of a REFER
)

var errConsultOver = errors.New("the consulted party hung up")

// URI makes a SIP URI of what a caseworker typed.
func (t Trunk) URI(to string) (string, error) {
	to = strings.TrimSpace(to)
	if strings.HasPrefix(to, "sip:") || strings.HasPrefix(to, "sips:") {
		var u sip.Uri
		if err := sip.ParseUri(to, &u); err != nil || u.Host == "" {
			return "", errs.E(errs.Invalid, "Adressen er ikke en SIP-adresse.", err)
		}
		return to, nil
	}
	number := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(to)
	if number == "" || strings.Trim(number, "+0123456789*#") != "" || len(number) > 32 {
		return "", errs.E(errs.Invalid, "Skriv et telefonnummer eller en SIP-adresse.", nil)
	}
	if t.Proxy == "" {
		return "", errs.E(errs.Unavailable, "Der er ingen telefonlinje til opkald ud. Skriv en SIP-adresse.", errors.New("no trunk"))
	}
	var p sip.Uri
	if err := sip.ParseUri(t.Proxy, &p); err != nil {
		return "", fmt.Errorf("trunk: %w", err)
	}
	u := sip.Uri{Scheme: "sip", User: number, Host: p.Host, Port: p.Port}
	return u.String(), nil
}

// Outgoing is a call to a SIP URI by this trunk.
func (t Trunk) Outgoing(to string) sipua.Outgoing {
	o := sipua.Outgoing{To: to, From: t.Caller, User: t.User, Password: t.Password}
	if t.Proxy != "" {
		o.Via = t.Proxy
	}
	return o
}

// dialCitizen places an outgoing call.
func (c *Call) dialCitizen(ctx context.Context, l *end) error {
	_, err := l.Dial(ctx, c.s.cfg.Trunk.Outgoing(c.party.URI))
	return err
}

// failure is the reason of an outgoing call that failed.
func failure(err error) string {
	var st *sipua.StatusError
	if errors.As(err, &st) && (st.Code == sip.StatusBusyHere || st.Code == sip.StatusGlobalBusyEverywhere) {
		return "busy"
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &st) && st.Code == sip.StatusTemporarilyUnavailable {
		return "no-answer"
	}
	return reasonFailed
}

// startConsult puts the citizen on hold and calls somebody else.
func (c *Call) startConsult(to string) error {
	if c.consult != nil || c.moving {
		return errs.E(errs.Conflict, "Der er allerede en forespørgsel i gang.", nil)
	}
	uri, err := c.s.cfg.Trunk.URI(to)
	if err != nil {
		return err
	}
	return c.callSecond(uri, false)
}

func (c *Call) callSecond(uri string, auto bool) error {
	k := &consultation{auto: auto}
	l, err := c.s.newEnd(hostOf(uri))
	if err != nil {
		return errs.E(errs.Limited, "", err)
	}
	k.line = l
	if c.s.cfg.OfferText {
		l.OfferText()
	}
	l.sit(&seat{call: c, ear: &k.ear, second: k})
	ctx, cancel := context.WithTimeout(c.s.ctx, c.s.cfg.Times.DialLimit)
	k.cancel = cancel
	c.consult = k
	go func() {
		_, err := l.Dial(ctx, c.s.cfg.Trunk.Outgoing(uri))
		if err != nil {
			l.Close()
		}
		c.post(consultResult{k, err})
	}()
	return nil
}

func hostOf(uri string) string {
	var u sip.Uri
	if err := sip.ParseUri(uri, &u); err != nil {
		return ""
	}
	return u.Host
}

// sound connects the caseworker to the consulted party and returns what the
// caseworker hears.
func (k *consultation) sound(c *Call, fromDesk *route) pcm.Reader {
	if !k.up {
		return loop(c.tone(announce.Ringback))
	}
	toDesk, toThem := c.newBridge(), c.newBridge()
	k.hold(true)
	k.ear.route.Store(&route{to: toDesk, rec: k.rec})
	k.line.SetSource(toThem)
	if !c.muted {
		fromDesk.to = toThem
	}
	return toDesk
}

// join lets three hear each other: everybody hears the sum of the two others. It
// returns what citizen and caseworker hear.
func (k *consultation) join(c *Call, fromLine, fromDesk *route) (hearsLine, hearsDesk pcm.Reader) {
	fromThem := &route{to: c.newBridge(), also: c.newBridge(), rec: k.rec}
	fromLine.also = c.newBridge()
	k.line.SetSource(fromLine.also)
	if fromDesk.to != nil { // not muted
		fromDesk.also = c.newBridge()
		k.line.SetSource(pcm.NewMix(fromLine.also, fromDesk.also))
	}
	k.hold(false)
	k.ear.route.Store(fromThem)
	hearsLine = fromThem.to
	if fromDesk.to != nil {
		hearsLine = pcm.NewMix(fromDesk.to, fromThem.to)
	}
	return hearsLine, pcm.NewMix(fromLine.to, fromThem.also)
}

func (k *consultation) hold(on bool) {
	if k.rec != nil {
		k.rec.hold(on)
	}
}

// closeLeg ends the leg for the recogniser.
func (k *consultation) closeLeg() {
	if k.rec != nil {
		k.rec.finish()
		k.rec = nil
	}
}

// state of the consultation as the desk shows it.
func (k *consultation) state() string {
	switch {
	case k == nil:
		return ""
	case k.merged:
		return callv1.ConsultMerged
	case k.up:
		return callv1.ConsultTalking
	}
	return callv1.ConsultCalling
}

// merge makes a talk of three of a consultation.
func (c *Call) merge() error {
	if c.consult == nil || !c.consult.up || c.moving {
		return errs.E(errs.Conflict, "Den anden har ikke svaret endnu.", nil)
	}
	c.consult.merged = true
	c.held = false
	return nil
}

// consulted takes the outcome of the second call.
func (c *Call) consulted(v consultResult) verdict {
	if v.of != c.consult {
		return done
	}
	switch {
	case v.err == nil && v.of.auto:
		v.of.up = true
		return c.bridge()
	case v.err == nil:
		v.of.up = true
		c.connectSound()
		c.tell("consult-answered")
	default:
		reason := "consult-ended"
		if !errors.Is(v.err, errConsultOver) {
			reason = "consult-failed"
		}
		c.dropConsult()
		c.moving, c.held = false, false
		c.connectSound()
		c.set(c.talkState(), reason)
	}
	return done
}

// dropConsult hangs up on the consulted party.
func (c *Call) dropConsult() {
	k := c.consult
	if k == nil {
		return
	}
	c.lastWords(k)
	c.consult = nil
	k.cancel()
	k.closeLeg()
	k.ear.route.Store(nil)
	go k.line.HangUp(context.Background())
}

// complete finishes an attended transfer: by REFER with Replaces, and when the
// citizen's side does not know that, by connecting the two calls here.
func (c *Call) complete(v control) verdict {
	if c.consult == nil || !c.consult.up {
		v.reply <- errs.E(errs.Conflict, "Den anden har ikke svaret endnu.", nil)
		return done
	}
	v.reply <- nil
	c.moving = true
	c.tell(callv1.ActionComplete)
	c.refer(c.consult.line.Dialog().Target(), c.consult.line.Dialog())
	return done
}

// referLimit is how long the other side may take to report on a transfer.
const referLimit = 30 * time.Second

// refer asks the citizen's side to call somebody else, in the background.
func (c *Call) refer(uri string, replaces *sipua.Dialog) {
	d := c.line.Dialog()
	go func() {
		ctx, cancel := context.WithTimeout(c.s.ctx, referLimit)
		defer cancel()
		status := make(chan int, 8)
		err := d.Refer(ctx, uri, replaces, func(code int) {
			select {
			case status <- code:
			default:
			}
		})
		c.post(moveResult{awaitTransfer(ctx, d, status, err)})
	}()
	c.target = uri
}

func awaitTransfer(ctx context.Context, d *sipua.Dialog, status <-chan int, err error) error {
	if err != nil {
		return err
	}
	for {
		select {
		case code := <-status:
			switch {
			case code >= 300:
				return &sipua.StatusError{Code: code, Reason: "transfer"}
			case code >= 200:
				return nil
			}
		case <-d.Done():
			return nil // they hung up on us: they are talking elsewhere
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// moved takes the outcome of a REFER. When the other side refuses REFER itself,
// the calls are connected here.
func (c *Call) moved(v moveResult) verdict {
	if !c.moving {
		return done
	}
	if v.err == nil {
		c.reason = reasonTransferred
		return c.leave(nil)
	}
	if c.consult != nil && c.consult.up {
		return c.bridge()
	}
	var st *sipua.StatusError
	refused := errors.As(v.err, &st) && st.Reason != "transfer"
	if refused && c.consult == nil && c.callSecond(c.target, true) == nil {
		c.tell("transfer-here")
		return done
	}
	c.moving = false
	c.connectSound()
	c.set(c.talkState(), "transfer-failed")
	return done
}

// bridge connects citizen and consulted party and lets the caseworker go.
func (c *Call) bridge() verdict {
	k := c.consult
	c.lastWords(k)
	c.consult = nil
	k.closeLeg()
	c.release()
	return c.leave(func(c *Call) phase { return bridged(c, k) })
}

// bridged is a call that went on to somebody outside. Nothing of it is transcribed.
// Who is at the other end may move the citizen on.
func bridged(c *Call, k *consultation) phase {
	c.consult = k
	k.merged = false
	toLine, toThem := c.newBridge(), c.newBridge()
	c.ear.route.Store(&route{to: toThem})
	k.ear.route.Store(&route{to: toLine})
	c.line.SetSource(toLine)
	k.line.SetSource(toThem)
	c.set(callv1.StateTalking, "transferred")
	c.tellReaders()
	o := c.wait(nil, 0, c.whileBridged)
	if p := c.follow; o == stopped && p != nil {
		c.follow = nil
		return p
	}
	c.dropConsult()
	c.reason = reasonTransferred
	return nil
}

func (c *Call) whileBridged(v any) verdict {
	switch v := v.(type) {
	case consultResult:
		if v.of == c.consult {
			return stop
		}
	case referral:
		v.reply <- refusal(c.consider(v))
		if c.follow != nil {
			return stop
		}
		return done
	case handedOver:
		return c.handed(v)
	}
	return pass
}
