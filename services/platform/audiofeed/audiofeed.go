// Package audiofeed carries captured audio from a gateway (phone, meeting) to the
// speech workers, so that no worker's death, restart of the bus or lack of workers
// costs a word: the gateway's side of contract/audiov1.
//
// A Gateway serves all legs of a process. Each Leg has a ring of the samples that no
// worker has committed yet (at most the last 120 s, in memory only; committed samples
// are forgotten, but for a second's lead) and one goroutine, which attaches a worker,
// listens to its progress and replays. WriteFrame only copies into the ring: it never
// waits for the network and allocates nothing. One goroutine of the Gateway publishes
// what all legs have written: a wake-up and a write to the socket for each frame would
// cost more than all the rest, and the frames of a media clock come together anyway.
//
// One goroutine writes a leg (WriteFrame, Lost, then End); everything else may
// be called from anywhere.
package audiofeed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Errors of a leg.
var (
	ErrEnded   = errors.New("the leg has ended")
	ErrTooLong = fmt.Errorf("frame of more than %d samples", audiov1.MaxFrameSamples)
)

// Config of a Gateway.
type Config struct {
	Name    string // of the service: phone or meeting; part of the metrics' names
	Bus     *bus.Bus
	Log     *slog.Logger
	Metrics prometheus.Registerer
	MaxLegs int // at once; 0 means 1000
	Limits  Limits
}

// Gateway feeds the legs of one process.
type Gateway struct {
	bus     *bus.Bus
	log     *slog.Logger
	metrics *metrics
	max     int
	limits  Limits

	due  chan *Leg // legs with something to publish, each once
	quit chan struct{}
	once sync.Once

	mu   sync.Mutex
	legs map[*Leg]struct{}
}

// gather is how long the first frame waits for others to go with it.
const gather = time.Millisecond

// Limits of the protocol. The zero value means the defaults in brackets; tests
// shorten them.
type Limits struct {
	Heartbeat time.Duration // without Progress, another worker is attached [audiov1.HeartbeatLimit]
	Attach    time.Duration // for an attach request [1.5 s]
	RetryMin  time.Duration // first pause after a failed attach [100 ms] …
	RetryMax  time.Duration // … doubling up to this [1 s]
	Idle      time.Duration // without audio, an empty frame shows that we live [1 s]
	Stall     time.Duration // Received stands still below what was sent: send again [1 s]
	RingStart int           // samples that a ring holds at first [4 s]
	RingLimit int           // … and at most [audiov1.RingSeconds]
}

func (l Limits) withDefaults() Limits {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.Heartbeat, audiov1.HeartbeatLimit)
	def(&l.Attach, 1500*time.Millisecond)
	def(&l.RetryMin, 100*time.Millisecond)
	def(&l.RetryMax, time.Second)
	def(&l.Idle, time.Second)
	def(&l.Stall, time.Second)
	if l.RingStart == 0 {
		l.RingStart = ringStart
	}
	if l.RingLimit == 0 {
		l.RingLimit = ringLimit
	}
	return l
}

// New returns a Gateway without legs. Close ends its goroutine.
func New(cfg Config) *Gateway {
	if cfg.MaxLegs == 0 {
		cfg.MaxLegs = 1000
	}
	g := &Gateway{
		bus: cfg.Bus, log: cfg.Log, metrics: newMetrics(cfg.Name, cfg.Metrics), max: cfg.MaxLegs,
		limits: cfg.Limits.withDefaults(), legs: map[*Leg]struct{}{},
		due: make(chan *Leg, cfg.MaxLegs), quit: make(chan struct{}),
	}
	go g.publish()
	return g
}

// publish sends what is due until the gateway is closed.
func (g *Gateway) publish() {
	for {
		select {
		case l := <-g.due:
			time.Sleep(gather)
			l.publishDue()
			for range len(g.due) {
				(<-g.due).publishDue()
			}
		case <-g.quit:
			return
		}
	}
}

// LegConfig names a leg.
type LegConfig struct {
	ConversationID string
	LegID          string
	Role           string // callv1.RoleCitizen …
	Language       string // empty means "da"
	StartedAt      time.Time
}

// Open starts feeding a leg. A worker is attached in the background; audio may be
// written at once. With MaxLegs open it refuses with errs.Limited.
func (g *Gateway) Open(cfg LegConfig) (*Leg, error) {
	if err := errors.Join(event.CheckToken(cfg.ConversationID), event.CheckToken(cfg.LegID)); err != nil {
		return nil, errs.E(errs.Invalid, "", fmt.Errorf("open leg: %w", err))
	}
	if cfg.Language == "" {
		cfg.Language = "da"
	}
	l := newLeg(g, cfg)
	if err := g.admit(l); err != nil {
		return nil, err
	}
	if err := l.subscribe(); err != nil {
		g.forget(l)
		return nil, errs.E(errs.Unavailable, "", fmt.Errorf("open leg: %w", err))
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	go l.run(ctx)
	return l, nil
}

func (g *Gateway) admit(l *Leg) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.legs) >= g.max {
		return errs.E(errs.Limited, "", fmt.Errorf("%d legs are open", g.max))
	}
	g.legs[l] = struct{}{}
	g.metrics.legs.Inc()
	return nil
}

func (g *Gateway) forget(l *Leg) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.legs[l]; ok {
		delete(g.legs, l)
		g.metrics.legs.Dec()
	}
}

// Close abandons the legs that are still open. End them first: what they hold is
// forgotten.
func (g *Gateway) Close() {
	g.mu.Lock()
	legs := make([]*Leg, 0, len(g.legs))
	for l := range g.legs {
		legs = append(legs, l)
	}
	g.mu.Unlock()
	for _, l := range legs {
		l.Abandon()
	}
	g.once.Do(func() { close(g.quit) })
}

// Status is how a leg is heard at the moment.
type Status struct {
	Attached  bool   // a worker listens
	Worker    string // the one that listens, or did last
	Engine    string
	Demo      bool
	Position  int64 // samples written or lost
	Committed int64 // samples whose fate is stored
	Dropped   int64 // samples that fell out of the ring and had to be announced as lost
}

// Leg is one speaker on one channel.
type Leg struct {
	g      *Gateway
	cfg    LegConfig
	cancel context.CancelFunc
	msgs   chan *nats.Msg // progress and replay requests
	subs   []*nats.Subscription
	gone   chan struct{} // closed when the goroutine has ended
	due    atomic.Bool   // it waits to be published

	mu     sync.Mutex
	ring   *ring
	ended  bool
	done   bool // a worker said that all is committed
	status Status

	pub  sync.Mutex // guards send; mu may be taken inside, never the other way round
	send sender
}

func newLeg(g *Gateway, cfg LegConfig) *Leg {
	return &Leg{
		g: g, cfg: cfg,
		msgs: make(chan *nats.Msg, 64),
		gone: make(chan struct{}),
		ring: newRing(g.limits.RingStart, g.limits.RingLimit),
		send: newSender(cfg),
	}
}

// WriteFrame adds captured samples (16 kHz, at most audiov1.MaxFrameSamples, usually
// 20 ms) with the capture time of the first one. Flags may be audiov1.FlagFilled and
// audiov1.FlagMasked; of masked frames only the length is kept.
func (l *Leg) WriteFrame(pcm []int16, captured time.Time, flags uint8) error {
	if len(pcm) > audiov1.MaxFrameSamples {
		return ErrTooLong
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return ErrEnded
	}
	if len(pcm) == 0 {
		return nil
	}
	l.ring.append(pcm, captured.UnixNano(), flags&(audiov1.FlagFilled|audiov1.FlagMasked))
	l.signal()
	return nil
}

// Lost says that samples are missing here for good: the transcript shows a gap.
func (l *Leg) Lost(samples int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || samples <= 0 {
		return
	}
	l.ring.lose(samples, time.Now().UnixNano())
	l.g.metrics.lost.Add(float64(samples) / audiov1.SampleRate)
	l.signal()
}

// Position is the number of samples so far, lost ones included.
func (l *Leg) Position() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring.head
}

// Status says how the leg is heard.
func (l *Leg) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.Position = l.ring.head
	return s
}

// End ends the leg and waits until a worker has committed all of it, attaching
// another one if need be. When ctx ends first, what is not committed is given up and
// the error says so. Calling it again waits again.
func (l *Leg) End(ctx context.Context) error {
	l.mu.Lock()
	l.ended = true
	l.signal()
	l.mu.Unlock()
	select {
	case <-l.gone:
	case <-ctx.Done():
		l.Abandon()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil
	}
	left := float64(l.ring.head-l.status.Committed) / audiov1.SampleRate
	err := ctx.Err()
	if err == nil {
		err = errors.New("the leg was abandoned")
	}
	return errs.E(errs.Unavailable, "", fmt.Errorf("end leg: %.1f s were not committed: %w", left, err))
}

// Abandon stops feeding at once; what is not committed is given up.
func (l *Leg) Abandon() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.cancel()
	<-l.gone
}

// signal has the leg published. Without room for it the next look at the clock does.
func (l *Leg) signal() {
	if l.due.Swap(true) {
		return
	}
	select {
	case l.g.due <- l:
	default:
		l.due.Store(false)
	}
}

func (l *Leg) publishDue() {
	l.due.Store(false) // what is written from here on is due again
	l.pub.Lock()
	defer l.pub.Unlock()
	if l.send.live {
		l.publish()
	}
}
