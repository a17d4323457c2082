// Package dialer is a telephone to call with: it places a real SIP call, presses
// keys, types, plays a sound and records what it hears. The samtale command, demo calls
// and tests use it. It shares the SIP and media code of the phone service, but
// nothing of its call handling.
//
// A Call has the media clock's goroutines only; its methods may be called from
// anywhere.
package dialer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/services/phone/internal/line"
	"samtale.dk/samtale/services/phone/internal/sipua"
)

const (
	// maxSound bounds a WAV file: half an hour at 48 kHz.
	maxSound = 30 * 60 * 48000
	// digitTime is what one key press takes on the line.
	digitTime = 200 * time.Millisecond
)

// Config of a Dialer. Zero values give the defaults in brackets.
type Config struct {
	Local    string // address to call from [the one that faces each target]
	RTPPorts string // [30000-39998]
	User     string // of our From [samtale-dialer]
	Name     string // display name
	Codecs   []rtpx.Codec
	Secure   bool        // SRTP by SDES
	NoEvents bool        // offer no telephone-event, as old exchanges do
	Text     bool        // real-time text beside the sound, in calls both ways
	TLS      *tls.Config // for transport=tls; nil trusts the system's roots
	Log      *slog.Logger
	// Answer takes calls that come in; nil rejects them with 486.
	Answer func(c *Call)
}

// Dialer places calls from one SIP address.
type Dialer struct {
	cfg   Config
	ua    *sipua.UA
	line  line.Config
	clock *rtpx.Clock
}

// New opens the sockets.
func New(cfg Config) (*Dialer, error) {
	if cfg.Local == "" {
		cfg.Local = "0.0.0.0"
	}
	if cfg.RTPPorts == "" {
		cfg.RTPPorts = "30000-39998"
	}
	if cfg.User == "" {
		cfg.User = "samtale-dialer"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Codecs) == 0 {
		cfg.Codecs = []rtpx.Codec{rtpx.PCMA}
	}
	ip, err := netip.ParseAddr(cfg.Local)
	if err != nil {
		return nil, fmt.Errorf("dialer: %w", err)
	}
	ports, err := rtpx.NewPorts(cfg.RTPPorts)
	if err != nil {
		return nil, fmt.Errorf("dialer: %w", err)
	}
	d := &Dialer{cfg: cfg, clock: rtpx.NewClock(1)}
	d.ua, err = sipua.New(sipua.Config{
		Addr: net.JoinHostPort(cfg.Local, "0"), Name: "Samtale dialer", Log: cfg.Log, TLS: cfg.TLS,
		SessionExpires: 30 * time.Minute,
	}, d)
	if err != nil {
		return nil, err
	}
	d.line = line.Config{UA: d.ua, Ports: ports, Listen: ip, Clock: d.clock, Log: cfg.Log}
	if err := d.ua.Start(); err != nil {
		return nil, err
	}
	return d, nil
}

// Addr is where the dialer takes calls; the address is 0.0.0.0 when it takes them on all.
func (d *Dialer) Addr() string { return d.ua.Addr() }

// Close ends everything without goodbye; hang up first.
func (d *Dialer) Close() { d.ua.Close() }

// over ends the sound of a call that is over: who went on sending would be heard by whoever gets the other side's port next.
func (d *Dialer) over(closeMedia func() error) {
	if err := closeMedia(); err != nil {
		d.cfg.Log.Debug("media of a call that is over", "err", err)
	}
}

// Invite implements sipua.Handler.
func (d *Dialer) Invite(in *sipua.Incoming) {
	if d.cfg.Answer == nil {
		in.Reject(sip.StatusBusyHere, "Busy Here")
		return
	}
	c := newCall(d)
	l, err := line.New(d.line, in.Source(), d.cfg.Codecs, c.hooks())
	if err != nil {
		in.Reject(sip.StatusInternalServerError, "Server Internal Error")
		return
	}
	c.line = l
	c.header = in.Header
	if err := l.Accept(in, ""); err != nil {
		l.Close()
		in.RejectText(sip.StatusNotAcceptableHere, "Not Acceptable Here", err.Error())
		return
	}
	go d.cfg.Answer(c)
}

// Call is one call.
type Call struct {
	ConversationID string // as the server told it; empty when it is not ours

	d      *Dialer
	line   *line.Line
	header func(string) string
	ended  chan struct{}
	once   sync.Once

	mu     sync.Mutex
	reason string
	heard  []int16
	keep   bool
	digits []byte
	typed  rtt.Text
	played time.Duration
	held   bool
	events chan struct{}
}

func newCall(d *Dialer) *Call {
	return &Call{d: d, ended: make(chan struct{}), events: make(chan struct{}, 1)}
}

func (c *Call) hooks() line.Hooks {
	h := line.Hooks{
		Frame: c.frame,
		Digit: func(b byte) { c.mu.Lock(); c.digits = append(c.digits, b); c.mu.Unlock(); c.signal() },
		Held:  func(on bool) { c.mu.Lock(); c.held = on; c.mu.Unlock(); c.signal() },
		Ended: func(reason string) {
			c.once.Do(func() {
				c.mu.Lock()
				c.reason = reason
				c.mu.Unlock()
				close(c.ended)
				go c.d.over(c.line.Close) // not from within the line's hook
			})
		},
	}
	if c.d.cfg.Text {
		h.Text = func(s string) { c.mu.Lock(); c.typed.Apply(s); c.mu.Unlock(); c.signal() }
	}
	return h
}

func (c *Call) signal() {
	select {
	case c.events <- struct{}{}:
	default:
	}
}

func (c *Call) frame(f rtpx.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keep {
		c.heard = append(c.heard, f.Samples...)
	}
}

// Options of one call.
type Options struct {
	To      string // sip: URI
	Record  bool   // keep what is heard
	Headers map[string]string
	// Ringing is called when the other side rings, with the conversation id if told.
	Ringing func(conversation string)
}

// Dial places a call and returns when it is answered.
func (d *Dialer) Dial(ctx context.Context, o Options) (*Call, error) {
	var uri sip.Uri
	if err := sip.ParseUri(o.To, &uri); err != nil || uri.Host == "" {
		return nil, fmt.Errorf("%q is not a SIP address", o.To)
	}
	c := newCall(d)
	c.keep = o.Record
	l, err := line.New(d.line, uri.Host, d.cfg.Codecs, c.hooks())
	if err != nil {
		return nil, err
	}
	if d.cfg.Secure {
		l.Secure()
	}
	if d.cfg.NoEvents {
		l.NoEvents()
	}
	if d.cfg.Text {
		l.OfferText()
	}
	c.line = l
	out := sipua.Outgoing{
		To: o.To, From: d.cfg.User, Name: d.cfg.Name,
		Progress: func(code int, _ sipua.Body, h func(string) string) {
			if o.Ringing != nil && code >= 180 {
				o.Ringing(h(sipua.ConversationName))
			}
		},
	}
	for k, v := range o.Headers {
		out.Headers = append(out.Headers, sip.NewHeader(k, v))
	}
	a, err := l.Dial(ctx, out)
	if err != nil {
		l.Close()
		return nil, err
	}
	c.header = a.Header
	c.ConversationID = a.Header(sipua.ConversationName)
	return c, nil
}

// Header of the 200, or of the INVITE for a call that came in.
func (c *Call) Header(name string) string { return c.header(name) }

// Ended is closed when the call is over.
func (c *Call) Ended() <-chan struct{} { return c.ended }

// Reason says why it is over.
func (c *Call) Reason() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

// Heard is what was heard so far, at 16 kHz, when Record was set.
func (c *Call) Heard() []int16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int16(nil), c.heard...)
}

// Digits are the keys that the other side pressed.
func (c *Call) Digits() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.digits)
}

// Type types into the call, if the other side has taken the text that was offered.
func (c *Call) Type(text string) error { return c.line.Type(text) }

// HasText reports whether the other side has.
func (c *Call) HasText() bool { return c.line.HasText() }

// Typed is what the other side has typed so far.
func (c *Call) Typed() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.typed.String()
}

// Held reports whether the other side has us on hold.
func (c *Call) Held() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// Keep begins to record what is heard.
func (c *Call) Keep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep = true
}

// Press sends keys (RFC 4733) and waits for as long as they take.
func (c *Call) Press(ctx context.Context, keys string) error {
	if err := c.line.SendDigits(keys); err != nil {
		return err
	}
	return c.Wait(ctx, time.Duration(len(keys))*digitTime)
}

// Info sends keys by SIP INFO.
func (c *Call) Info(ctx context.Context, key byte) error {
	return c.line.Dialog().Info(ctx, sipua.Body{
		Type: "application/dtmf-relay", Data: []byte("Signal=" + string(key) + "\r\nDuration=160\r\n"),
	})
}

// errEnded reports that the other side hung up.
var errEnded = errors.New("the other side hung up")

// IsEnded reports whether err means that the other side hung up.
func IsEnded(err error) bool { return errors.Is(err, errEnded) }

// Wait lets time pass on the line.
func (c *Call) Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.ended:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Play plays samples at 16 kHz to their end: on a busy machine, where the line's clock pauses, that takes longer than they last.
func (c *Call) Play(ctx context.Context, samples []int16) error {
	sound := newPlayed(samples)
	c.line.SetSource(sound)
	defer func() {
		c.line.SetSource(nil)
		c.mu.Lock()
		c.played += min(time.Duration(sound.frames.Load())*pcm.FrameDuration, pcm.Duration(int64(len(samples)), pcm.Rate))
		c.mu.Unlock()
	}()
	select {
	case <-sound.over:
		return c.Wait(ctx, 2*pcm.FrameDuration)
	case <-c.ended:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Played is how much of the sounds of Play the line has taken.
func (c *Call) Played() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.played
}

// played is a sound that tells when all of it was taken. It belongs to the line's clock, but for the count.
type played struct {
	clip   *pcm.Clip
	over   chan struct{}
	ended  bool
	frames atomic.Int64
}

func newPlayed(samples []int16) *played {
	return &played{clip: pcm.NewClip(samples, false), over: make(chan struct{})}
}

// ReadFrame implements pcm.Reader.
func (p *played) ReadFrame(dst []int16) bool {
	ok := p.clip.ReadFrame(dst)
	if ok {
		p.frames.Add(1)
	}
	if !ok && !p.ended {
		p.ended = true
		close(p.over)
	}
	return ok
}

// Loop plays samples over and over, in the background; nil stops.
func (c *Call) Loop(samples []int16) {
	if samples == nil {
		c.line.SetSource(nil)
		return
	}
	c.line.SetSource(pcm.NewClip(samples, true))
}

// Reinvite refreshes the session by a full offer.
func (c *Call) Reinvite(ctx context.Context) error {
	sdp, err := c.line.LocalOffer()
	if err != nil {
		return err
	}
	b, err := c.line.Dialog().Reinvite(ctx, sdp)
	if err != nil {
		return err
	}
	return c.line.Answer(b)
}

// Refer asks the other side to call to instead of us: its own Contact when to is
// empty. replaces, when not nil, is the call that the new one takes over. progress is
// told each status.
func (c *Call) Refer(ctx context.Context, to string, replaces *Call, progress func(code int)) error {
	d := c.line.Dialog()
	if to == "" {
		to = d.Target()
	}
	if replaces == nil {
		return d.Refer(ctx, to, nil, progress)
	}
	return d.Refer(ctx, to, replaces.line.Dialog(), progress)
}

// Replaces is the header value with which another telephone takes this call over.
func (c *Call) Replaces() string {
	local, remote := c.line.Dialog().Tags()
	return c.line.Dialog().CallID() + ";to-tag=" + remote + ";from-tag=" + local
}

// HangUp ends the call.
func (c *Call) HangUp(ctx context.Context) error { return c.line.HangUp(ctx) }

// Codec in use.
func (c *Call) Codec() rtpx.Codec { return c.line.Codec() }

// Stats of the media.
func (c *Call) Stats() rtpx.LegStats { return c.line.Stats() }

// ReadWAV reads a WAV file of any rate and number of channels to 16 kHz mono.
func ReadWAV(r io.Reader) ([]int16, error) {
	w, err := pcm.ReadWAV(r, maxSound)
	if err != nil {
		return nil, err
	}
	if w.Rate == pcm.Rate {
		return w.Samples, nil
	}
	c := resample.New(w.Rate, pcm.Rate)
	out := make([]int16, c.Len(len(w.Samples)))
	return out[:c.Process(out, w.Samples)], nil
}

// Job is a whole call: keys, a sound, a pause, and hang up.
type Job struct {
	Options
	Digits string        // pressed first
	After  time.Duration // between answer and the first key or sound
	Sound  []int16       // at 16 kHz
	Tail   time.Duration // before hanging up
}

// Run does a whole call and returns the conversation id, also with an error when
// there was a conversation. That the other side hangs up in the tail is no error.
func (d *Dialer) Run(ctx context.Context, j Job) (string, error) {
	c, err := d.Dial(ctx, j.Options)
	if err != nil {
		return "", err
	}
	defer c.HangUp(context.WithoutCancel(ctx))
	if err := c.Wait(ctx, j.After); err != nil {
		return c.ConversationID, err
	}
	if j.Digits != "" {
		if err := c.Press(ctx, j.Digits); err != nil {
			return c.ConversationID, fmt.Errorf("press keys: %w", err)
		}
	}
	if err := c.Play(ctx, j.Sound); err != nil {
		return c.ConversationID, fmt.Errorf("play: %w", err)
	}
	if err := c.Wait(ctx, j.Tail); err != nil && !IsEnded(err) {
		return c.ConversationID, err
	}
	return c.ConversationID, nil
}
