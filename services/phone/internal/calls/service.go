// Package calls is what the phone service does with calls: announcements, queues,
// messages, caseworkers who answer, hold, transfer and hang up, and says so on the
// bus.
//
// A Service owns the table of calls. Each Call has one goroutine, which owns its
// state and reads its inbox; everything else (SIP, media, requests) only posts to
// it. Sound takes another way: the media clock calls the route of a line, which
// the call's goroutine swaps as a whole. DESIGN.md has the states.
package calls

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sort"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/phone/internal/line"
	"samtale.dk/samtale/services/phone/internal/sipua"
	"samtale.dk/samtale/services/phone/internal/softphone"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// Times of a call. Zero values give the defaults in brackets.
type Times struct {
	MessageSilence time.Duration // a message ends after so much silence [8 s]
	MessageMax     time.Duration // [3 min]
	OfferMessage   time.Duration // waiting callers are offered to leave a message [45 s]
	Announce       time.Duration // position is told again [45 s]
	MaxWait        time.Duration // then the caller is led to the message [30 min]
	Connect        time.Duration // for a browser's media after the answer [10 s]
	AgentLost      time.Duration // without the browser before the call rings again [4 s]
	RingOne        time.Duration // it rings for that caseworker alone [30 s]
	Flush          time.Duration // for the recogniser to commit the end [3 min]
	DialLimit      time.Duration // outgoing calls ring so long [60 s]
	TextPause      time.Duration // without typing, after which a line is ended [4 s]
	LastWords      time.Duration // for captions of what was said last, before we hang up [4 s]
}

func (t Times) withDefaults() Times {
	def := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&t.MessageSilence, 8*time.Second)
	def(&t.MessageMax, 3*time.Minute)
	def(&t.OfferMessage, 45*time.Second)
	def(&t.Announce, 45*time.Second)
	def(&t.MaxWait, 30*time.Minute)
	def(&t.Connect, 10*time.Second)
	def(&t.AgentLost, 4*time.Second)
	def(&t.RingOne, 30*time.Second)
	def(&t.Flush, 3*time.Minute)
	def(&t.DialLimit, time.Minute)
	def(&t.TextPause, 4*time.Second)
	def(&t.LastWords, 4*time.Second)
	return t
}

// Config of a Service.
type Config struct {
	Bus        *bus.Bus
	Keys       seal.Keys
	Feed       *audiofeed.Gateway
	Areas      *Areas
	Sounds     *announce.Library
	Line       line.Config // UA is set by Attach
	Phones     *softphone.Maker
	Messages   map[string]string // SIP user of a message line → area
	Users      map[string]string // extension → caseworker, for SIPREC
	RecordArea string            // service area of recorded calls
	OfferText  bool              // real-time text, to those whom caseworkers call
	Trunk      Trunk
	Refer      []string // whom telephones may have called: beginnings of numbers, and @host
	Times      Times
	Log        *slog.Logger
	Metrics    *Metrics
	// Demo places a demo call to ourselves; nil: off.
	Demo func(ctx context.Context, r callv1.DemoRequest) (conversation string, err error)
}

// Trunk is where outgoing calls go.
type Trunk struct {
	Proxy    string // sip: URI; empty: sip: URIs only, called directly
	User     string
	Password string
	Caller   string // our number, in From
}

// Service is all calls of a process.
type Service struct {
	cfg   Config
	queue *queue
	ctx   context.Context // of everything in flight; ends when given up
	stop  context.CancelFunc

	mu     sync.Mutex
	calls  map[string]*Call
	ended  map[string]*Call // their last events are on their way
	active int              // calls, with their events and audio
	idle   chan struct{}    // closed when active falls to 0; nil while nobody waits
	endsBy time.Time        // when Drain hangs up; zero: not stopping

	dirty chan struct{}
}

// New returns a Service without calls. Close gives up what is still in flight.
func New(cfg Config) *Service {
	cfg.Times = cfg.Times.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	return &Service{
		cfg: cfg, queue: newQueue(), ctx: ctx, stop: stop,
		calls: map[string]*Call{}, ended: map[string]*Call{}, dirty: make(chan struct{}, 1),
	}
}

// Attach tells which user agent to call through; before the first call.
func (s *Service) Attach(u *sipua.UA) { s.cfg.Line.UA = u }

// Run publishes snapshots until ctx is done.
func (s *Service) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.dirty:
			s.publish()
		}
	}
}

// changed asks for a snapshot. Many changes make one.
func (s *Service) changed() {
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

func (s *Service) publish() {
	data, err := json.Marshal(s.List(nil))
	if err != nil {
		return // cannot happen: strings, numbers and times
	}
	if err := s.cfg.Bus.NC.Publish(callv1.SnapshotTopic, data); err != nil {
		s.cfg.Log.Debug("snapshot not published", "err", err)
	}
}

// List returns the live calls of some areas (all when empty), oldest first.
func (s *Service) List(areas []string) callv1.ListReply {
	s.mu.Lock()
	defer s.mu.Unlock()
	rep := callv1.ListReply{Calls: []callv1.Call{}}
	for _, c := range s.calls {
		snap := *c.snap.Load()
		snap.EndsBy = s.endsBy
		if len(areas) > 0 && !in(areas, snap.ServiceArea) {
			continue
		}
		if snap.State == callv1.StateWaiting {
			snap.Position = s.queue.position(snap.ServiceArea, snap.ConversationID)
		}
		rep.Calls = append(rep.Calls, snap)
	}
	sort.Slice(rep.Calls, func(i, j int) bool { return rep.Calls[i].ConversationID < rep.Calls[j].ConversationID })
	return rep
}

func in(list []string, want string) bool {
	for _, v := range list {
		if v == want {
			return true
		}
	}
	return false
}

// Call returns a live call.
func (s *Service) Call(id string) (*Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[id]
	if c == nil {
		return nil, errOver()
	}
	return c, nil
}

func errOver() error { return errs.E(errs.NotFound, "Opkaldet er slut.", nil) }

// Invite implements sipua.Handler.
func (s *Service) Invite(in *sipua.Incoming) {
	if isSIPREC(in) {
		s.record(in)
		return
	}
	if !s.cfg.Areas.await(s.ctx) {
		s.cfg.Metrics.refuse("no-areas")
		in.Reject(sip.StatusServiceUnavailable, "Service Unavailable", sip.NewHeader("Retry-After", "5"))
		return
	}
	area, first, channel, ok := s.route(in.User())
	if !ok {
		s.cfg.Metrics.refuse("unknown-number")
		in.Reject(sip.StatusNotFound, "Not Found")
		return
	}
	s.incoming(in, channel, area, first)
}

// route finds what a number stands for.
func (s *Service) route(user string) (area consentv1.Area, first phase, ch callv1.Channel, ok bool) {
	if id, is := s.cfg.Messages[user]; is {
		area, ok = s.cfg.Areas.ID(id)
		return area, message, callv1.ChannelMessage, ok
	}
	area, ok = s.cfg.Areas.Number(user)
	return area, announcing, callv1.ChannelQueue, ok
}

// incoming answers a call and starts its goroutine.
func (s *Service) incoming(in *sipua.Incoming, ch callv1.Channel, area consentv1.Area, first phase) {
	c := s.newCall(ch, area)
	name, user, uri := in.From()
	c.party = callv1.Party{Number: user, Name: name, URI: uri}
	c.sipCallID = in.Dialog().CallID()
	l, err := s.newEnd(in.Source())
	if err != nil {
		s.cfg.Metrics.refuse("no-port")
		in.Reject(sip.StatusServiceUnavailable, "Service Unavailable", sip.NewHeader("Retry-After", "10"))
		return
	}
	c.line = l
	l.sit(&seat{call: c, ear: &c.ear})
	h := sipua.ConversationHeader(c.id)
	err = in.Progress(sip.StatusRinging, "Ringing", sipua.Body{}, h)
	if err == nil {
		err = l.Accept(in, c.id)
	}
	if err != nil {
		l.Close()
		s.failed(in, err)
		return
	}
	s.start(c, first)
}

// Take goes on with a caller who was answered by somebody else here, as if they had called a service area. False: it cannot.
func (s *Service) Take(in *sipua.Incoming, l *line.Line, area string) bool {
	a, ok := s.cfg.Areas.ID(area)
	if !ok || s.ctx.Err() != nil {
		return false
	}
	c := s.newCall(callv1.ChannelQueue, a)
	name, user, uri := in.From()
	c.party = callv1.Party{Number: user, Name: name, URI: uri}
	c.sipCallID = in.Dialog().CallID()
	c.line = &end{}
	c.line.take(l)
	l.Hand(c.line.hooks(s))
	c.line.sit(&seat{call: c, ear: &c.ear})
	s.start(c, announcing)
	return true
}

// failed answers a call that could not be taken, if it still waits for an answer.
func (s *Service) failed(in *sipua.Incoming, err error) {
	var n *line.NegotiationError
	switch {
	case errors.As(err, &n):
		s.cfg.Metrics.refuse("media")
		in.RejectText(sip.StatusNotAcceptableHere, "Not Acceptable Here", err.Error())
	case errors.Is(err, sipua.ErrCancelled):
		s.cfg.Metrics.refuse("cancelled")
	default:
		s.cfg.Metrics.refuse("setup")
		s.cfg.Log.Warn("call not set up", "err", err)
	}
}

// start puts a call on the table and runs it.
func (s *Service) start(c *Call, first phase) {
	c.out = newOutbox(s.ctx, c.log)
	s.mu.Lock()
	s.calls[c.id] = c
	s.active++
	s.mu.Unlock()
	go func() {
		defer s.finished()
		c.run(first)
	}()
}

func (s *Service) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	if s.active == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// whenIdle is closed when no call is left.
func (s *Service) whenIdle() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	return s.idle
}

func (s *Service) remove(c *Call) {
	s.mu.Lock()
	delete(s.calls, c.id)
	s.ended[c.id] = c
	s.mu.Unlock()
	s.changed()
}

// told is when everything about an ended call has been sent.
func (s *Service) told(c *Call) {
	s.mu.Lock()
	delete(s.ended, c.id)
	s.mu.Unlock()
}

// Drain waits for the calls to end by themselves as long as ctx lives, which desks are told, then hangs
// up, and waits until all events and audio are through or the limit is over.
func (s *Service) Drain(ctx context.Context, limit time.Duration) {
	idle := s.whenIdle()
	s.mu.Lock()
	s.endsBy, _ = ctx.Deadline()
	s.mu.Unlock()
	s.changed()
	select {
	case <-idle:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	for _, c := range s.calls {
		c.hangUp("drained")
	}
	s.mu.Unlock()
	select {
	case <-idle:
	case <-time.After(limit):
	}
	s.stop()
	<-idle
}
