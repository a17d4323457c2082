// Package line is a telephone line: a SIP dialog with the sound that belongs to
// it, and real-time text where both sides have it. It answers and makes offers, keeps the media leg in step with them, and
// turns hold, DTMF and hang-up into hooks. Keys come as telephone-event (RFC 4733), as
// INFO, or, from telephones that do not know the former and did not use the latter, as
// tones in the sound.
//
// A Line is safe for concurrent use. Frame and Gap hooks run on the media clock,
// Digit there, on the socket's or on the request's goroutine, Text on its socket's, the others on the
// request's; none may block, and none may close the line from within.
package line

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/media/dtmf"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/phone/internal/offer"
	"samtale.dk/samtale/services/phone/internal/sipua"
)

// Codecs that a line takes; the caller's order decides.
var Codecs = []rtpx.Codec{rtpx.Opus, rtpx.G722, rtpx.PCMA, rtpx.PCMU}

// Config is what all lines share.
type Config struct {
	UA     *sipua.UA
	Ports  *rtpx.Ports
	Listen netip.Addr // for RTP; unspecified for all addresses
	Public netip.Addr // in SDP; not valid: the address that faces the peer
	Clock  *rtpx.Clock
	Log    *slog.Logger
}

// Hooks tell what happens on a line. Nil ones are left out.
type Hooks struct {
	Frame func(rtpx.Frame)
	Gap   func(rtpx.Gap)
	Digit func(byte)
	Held  func(on bool) // the other side put us on hold, or took us back
	// Text takes what is typed on the other side, on its socket's goroutine; nil: this line has no real-time text.
	Text  func(text string)
	Ended func(reason string)
	// Of is whom the line belongs to, for who finds the line by its dialog.
	Of any
	// Refer decides whether we call somebody else instead of the other side; nil: no.
	Refer func(r *sipua.Referral) error
	// Replace answers a call that is to take the place of this one; nil: no.
	Replace func(in *sipua.Incoming)
}

// Line is one telephone party.
type Line struct {
	cfg    Config
	hooks  atomic.Pointer[Hooks]
	leg    *rtpx.Leg
	codecs []rtpx.Codec

	mu       sync.Mutex
	dialog   *sipua.Dialog
	addr     netip.Addr
	origin   offer.Origin
	choice   offer.Choice
	place    int            // of our stream in the description
	last     *offer.Session // the last description from the other side
	key      *rtpx.Crypto   // ours
	mine     offer.Dir      // what we want
	held     bool
	agreed   bool
	secure   bool
	noEvents bool
	source   pcm.Reader // what the other side hears
	text     text
	closed   bool

	lately lately

	telling sync.Mutex // while Hooks.Held runs
	told    bool       // held, as it was told

	tones  *dtmf.Detector // belongs to the media clock
	inband atomic.Bool    // keys come as tones
	relay  atomic.Bool    // keys come by INFO: tones would count them again
}

// New opens the media ports. peer is the SIP address of the other side
// ("host:port"), which decides on the address in SDP.
func New(cfg Config, peer string, codecs []rtpx.Codec, h Hooks) (*Line, error) {
	l := &Line{cfg: cfg, codecs: codecs, origin: offer.NewOrigin(), mine: offer.SendRecv}
	l.Hand(h)
	l.addr = cfg.Address(peer)
	if len(codecs) == 0 {
		l.codecs = Codecs
	}
	l.tones = dtmf.New(l.digit)
	leg, err := rtpx.NewLeg(rtpx.LegConfig{
		Ports: cfg.Ports, Local: cfg.Listen, Clock: cfg.Clock, Log: cfg.Log,
		Receive: rtpx.ReceiverConfig{
			Frame: l.frame, Gap: l.gap, Digit: func(d rtpx.Digit) { l.digit(d.Symbol) },
		},
	})
	if err != nil {
		return nil, err
	}
	l.leg = leg
	return l, nil
}

// Hand gives the line to somebody else, who is told what happens from now on.
func (l *Line) Hand(h Hooks) { l.hooks.Store(&h) }

// Address is what SDP says for a peer.
func (c Config) Address(peer string) netip.Addr {
	if c.Public.IsValid() {
		return c.Public
	}
	if c.Listen.IsValid() && !c.Listen.IsUnspecified() {
		return c.Listen
	}
	a, err := netip.ParseAddr(sipua.LocalIP(peer))
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return a
}

func (l *Line) frame(f rtpx.Frame) {
	if l.inband.Load() && !l.relay.Load() {
		l.tones.Process(f.Samples)
	}
	if h := l.hooks.Load(); h.Frame != nil {
		h.Frame(f)
	}
}

func (l *Line) gap(g rtpx.Gap) {
	if h := l.hooks.Load(); h.Gap != nil {
		h.Gap(g)
	}
}

func (l *Line) digit(b byte) {
	if h := l.hooks.Load(); h.Digit != nil {
		h.Digit(b)
	}
}

// Take binds the line to a dialog.
func (l *Line) Take(d *sipua.Dialog) {
	l.mu.Lock()
	l.dialog = d
	l.mu.Unlock()
	d.SetPeer(l)
}

// Dialog of the line; nil before Take.
func (l *Line) Dialog() *sipua.Dialog {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dialog
}

// SetSource is what the other side hears.
func (l *Line) SetSource(r pcm.Reader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.source = r
	l.leg.SetSource(r)
}

// Source is what the other side hears now.
func (l *Line) Source() pcm.Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.source
}

// SendDigits presses keys.
func (l *Line) SendDigits(keys string) error { return l.leg.SendDigits(keys) }

// Stats of the media.
func (l *Line) Stats() rtpx.LegStats { return l.leg.Stats() }

// Quality puts loss and jitter of the last seconds into a word: good, fair or poor; empty before enough was heard to tell.
func (l *Line) Quality() string {
	st := l.Stats()
	loss, ok := l.lately.loss(time.Now(), st.Receiver)
	if !ok {
		return ""
	}
	loss = max(loss, st.RemoteLoss)
	switch {
	case loss > 0.05 || st.Receiver.Jitter > 80*time.Millisecond:
		return "poor"
	case loss > 0.01 || st.Receiver.Jitter > 30*time.Millisecond:
		return "fair"
	}
	return "good"
}

// Codec in use; Unknown before the first answer.
func (l *Line) Codec() rtpx.Codec {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.choice.Send.Codec
}

// Offer implements sipua.Peer: a new offer from the other side.
func (l *Line) Offer(b sipua.Body) ([]byte, error) {
	data, err := SDP(b)
	if err != nil {
		return nil, err
	}
	remote, err := offer.Parse(data)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	place, choice, err := remote.Audio(l.codecs)
	if err != nil {
		return nil, err
	}
	if err := l.ownKey(choice); err != nil {
		return nil, err
	}
	if err := l.adopt(place, choice, remote); err != nil {
		return nil, err
	}
	lines := make([]*offer.Line, len(remote.Streams))
	lines[place] = l.line(choice.Recv, choice.Dir&l.mine)
	if at, ok := l.adoptText(remote); ok {
		lines[at] = l.textLine(l.text.choice.Format, l.text.choice.Dir&l.mine)
	}
	l.origin.Version++
	return offer.Write(l.origin, l.addr, remote, lines), nil
}

// ownKey makes our SRTP key for the suite that the other side leads with.
func (l *Line) ownKey(c offer.Choice) error {
	if c.Crypto == nil {
		l.key = nil
		return nil
	}
	k, err := keyFor(l.key, *c.Crypto)
	if err != nil {
		return err
	}
	l.key = k
	return nil
}

// keyFor is our key beside theirs: the one that we have, as long as the suite is the same.
func keyFor(ours *rtpx.Crypto, theirs rtpx.Crypto) (*rtpx.Crypto, error) {
	if ours != nil && ours.Suite == theirs.Suite {
		return ours, nil
	}
	k, err := rtpx.NewCrypto(theirs.Tag, theirs.Suite)
	return &k, err
}

func (l *Line) line(f []rtpx.Format, d offer.Dir) *offer.Line {
	return &offer.Line{Port: l.leg.LocalPort(), Formats: f, Dir: d, Crypto: l.key}
}

// adopt puts an agreement into force. The caller holds mu.
func (l *Line) adopt(place int, c offer.Choice, remote *offer.Session) error {
	dir := c.Dir & l.mine
	m := rtpx.Media{
		Remote: c.Remote, RemoteRTCP: c.RTCP, Mux: c.Mux, Receive: c.Recv, Send: c.Formats(),
		Sending: dir&offer.Send != 0, Receiving: dir&offer.Recv != 0,
		LocalKey: l.key, RemoteKey: c.Crypto,
	}
	if err := l.leg.Configure(m); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	l.place, l.choice, l.last, l.agreed = place, c, remote, true
	l.inband.Store(c.Event.Codec != rtpx.Event)
	held := c.Dir&offer.Send == 0 // they do not want to hear us
	if held != l.held {
		l.held = held
		go l.tellHeld()
	}
	return nil
}

// tellHeld tells how it is now: of two changes one may overtake the other on its way here.
func (l *Line) tellHeld() {
	l.telling.Lock()
	defer l.telling.Unlock()
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	if held == l.told {
		return
	}
	l.told = held
	if h := l.hooks.Load(); h.Held != nil {
		h.Held(held)
	}
}

// LocalOffer implements sipua.Peer: our full description.
func (l *Line) LocalOffer() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.secure && l.key == nil {
		k, err := rtpx.NewCrypto(1, rtpx.Suites()[2])
		if err != nil {
			return nil, err
		}
		l.key = &k
	}
	l.origin.Version++
	if !l.agreed {
		formats := offer.Offered(l.codecs)
		if l.noEvents {
			formats = slices.DeleteFunc(formats, func(f rtpx.Format) bool { return f.Codec == rtpx.Event })
		}
		lines := []*offer.Line{l.line(formats, l.mine)}
		if l.text.offered && l.openText() {
			lines = append(lines, l.textLine(offer.OfferedText, l.mine))
		}
		return offer.Write(l.origin, l.addr, nil, lines), nil
	}
	// Lines never go away (RFC 3264, section 8): those turned down stay at port 0.
	lines := make([]*offer.Line, len(l.last.Streams))
	lines[l.place] = l.line(l.choice.Recv, l.mine)
	if l.text.on {
		lines[l.text.place] = l.textLine(l.text.choice.Format, l.mine)
	}
	return offer.Write(l.origin, l.addr, l.last, lines), nil
}

// NoEvents leaves telephone-event out of the first offer.
func (l *Line) NoEvents() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noEvents = true
}

// Secure makes the first offer one of SRTP.
func (l *Line) Secure() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secure = true
}

// Answer implements sipua.Peer: the answer to our offer.
func (l *Line) Answer(b sipua.Body) error {
	if b.Empty() {
		return nil
	}
	data, err := SDP(b)
	if err != nil {
		return err
	}
	remote, err := offer.Parse(data)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	place, choice, err := remote.Audio(l.codecs)
	if err != nil {
		return err
	}
	if (choice.Crypto == nil) != (l.key == nil) {
		return offer.ErrSRTP
	}
	if err := l.adopt(place, choice, remote); err != nil {
		return err
	}
	l.answeredText(remote)
	return nil
}

// Info implements sipua.Peer: DTMF as vendors send it, application/dtmf-relay
// ("Signal=5") and application/dtmf ("5").
func (l *Line) Info(b sipua.Body) bool {
	t, _, _ := strings.Cut(strings.ToLower(b.Type), ";")
	switch strings.TrimSpace(t) {
	case "application/dtmf-relay":
		for _, row := range strings.FieldsFunc(string(b.Data), func(r rune) bool { return r == '\n' || r == '\r' }) {
			k, v, ok := strings.Cut(row, "=")
			if ok && strings.EqualFold(strings.TrimSpace(k), "signal") {
				l.key1(v)
				return true
			}
		}
		return true
	case "application/dtmf":
		l.key1(string(b.Data))
		return true
	}
	return false
}

func (l *Line) key1(v string) {
	l.relay.Store(true)
	v = strings.ToUpper(strings.TrimSpace(v))
	switch {
	case v == "10":
		l.digit('*')
	case v == "11":
		l.digit('#')
	case len(v) == 1 && strings.Contains("0123456789*#ABCD", v):
		l.digit(v[0])
	}
}

// Of is whom the line belongs to, as its hooks say.
func (l *Line) Of() any { return l.hooks.Load().Of }

// Refer implements sipua.Referee.
func (l *Line) Refer(r *sipua.Referral) error {
	h := l.hooks.Load()
	if h.Refer == nil {
		return &sipua.StatusError{Code: sip.StatusGlobalDecline, Reason: "this call is not transferred"}
	}
	return h.Refer(r)
}

// Replace implements sipua.Replaceable.
func (l *Line) Replace(in *sipua.Incoming) {
	h := l.hooks.Load()
	if h.Replace == nil {
		in.RejectText(sip.StatusGlobalDecline, "Decline", "this call is not replaced")
		return
	}
	h.Replace(in)
}

// Ended implements sipua.Peer.
func (l *Line) Ended(reason string) {
	if h := l.hooks.Load(); h.Ended != nil {
		h.Ended(reason)
	}
}

// HangUp ends the dialog, if any, and the media. What was typed to the other side gets there first.
func (l *Line) HangUp(ctx context.Context) error {
	var err error
	if d := l.Dialog(); d != nil {
		l.sayAll(ctx, d.Done())
		err = d.Bye(ctx)
	}
	return errors.Join(err, l.Close())
}

// Close ends the media only.
func (l *Line) Close() error {
	l.mu.Lock()
	l.closed, l.text.on = true, false
	t := l.text.stream
	l.mu.Unlock()
	err := l.leg.Close()
	if t != nil {
		err = errors.Join(err, t.Close())
	}
	return err
}

// Accept negotiates with an incoming call and answers it: with the answer to its
// offer, or with ours when it made none.
func (l *Line) Accept(in *sipua.Incoming, conversation string) error {
	b := in.Offer()
	var sdp []byte
	var err error
	if b.Empty() {
		sdp, err = l.LocalOffer()
	} else {
		sdp, err = l.Offer(b)
	}
	if err != nil {
		return &NegotiationError{err}
	}
	l.Take(in.Dialog())
	ack, err := in.Accept(sipua.Body{Type: "application/sdp", Data: sdp}, sipua.ConversationHeader(conversation))
	if err != nil || !b.Empty() {
		return err
	}
	if err := l.Answer(ack); err != nil {
		l.HangUp(context.Background())
		return fmt.Errorf("answer in the ACK: %w", err)
	}
	return nil
}

// NegotiationError is for an offer that is answered 488.
type NegotiationError struct{ Err error }

func (e *NegotiationError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *NegotiationError) Unwrap() error { return e.Err }

// Dial places a call and waits for the answer.
func (l *Line) Dial(ctx context.Context, o sipua.Outgoing) (*sipua.Answered, error) {
	sdp, err := l.LocalOffer()
	if err != nil {
		return nil, err
	}
	if o.Body.Empty() {
		o.Body = sipua.Body{Type: "application/sdp", Data: sdp}
	}
	o.Peer = l
	progress := o.Progress
	o.Progress = func(code int, b sipua.Body, h func(string) string) {
		if !b.Empty() {
			if err := l.Answer(b); err != nil { // early media
				l.cfg.Log.Debug("early answer not usable", "err", err)
			}
		}
		if progress != nil {
			progress(code, b, h)
		}
	}
	a, err := l.cfg.UA.Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.dialog = a.Dialog
	l.mu.Unlock()
	if err := l.Answer(a.Body); err != nil {
		l.HangUp(ctx)
		return nil, err
	}
	return a, nil
}
