// Package nodes knows the processes of the meeting service that share one database and one bus: who is there, how much each has to
// do, and who is gone. Which node has which room is the database's to say (store.Place); that a node is gone is found here, and
// takes its rooms away from it.
//
// A Nodes is safe for concurrent use. Run has one goroutine that reports and looks, and the bus calls from its own.
package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"golang.org/x/sync/singleflight"

	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Config is what New needs.
type Config struct {
	ID  string // of this process, new with every start
	Bus *bus.Bus
	// Load is how much this node has to do, without CPU.
	Load func() Load
	CPU  func() float64 // share of the machine's processors; called from one goroutine
	// Holders lists the nodes that have rooms; Evict takes all rooms away from one.
	Holders func(ctx context.Context) ([]string, error)
	Evict   func(ctx context.Context, node string) error
	// Wake makes sure after a stop of this process of what it still has, and Evicted after others have taken its rooms.
	Wake    func(ctx context.Context) error
	Evicted func(ctx context.Context) error
	Log     *slog.Logger
	Now     func() time.Time
	Ran     func() time.Time // the clock by which this process finds that it was stopped
	Times   Times
}

// Times are how often nodes report and how soon one counts as gone. The zero value means the defaults in brackets: a node that is
// killed loses its rooms 1 to 1.3 s after its last report, one that hangs after 1.5 to 1.8 s.
type Times struct {
	Beat   time.Duration // between reports [bus.ReportEvery]
	Silent time.Duration // without a report, a node that the bus does not know is gone; after half of it, it is asked [1 s]
	Ask    time.Duration // for its answer [1 s]
}

// Load is how much a node has to do.
type Load struct {
	Rooms   int      `json:"rooms"`
	People  int      `json:"people"`
	CPU     float64  `json:"cpu"`            // of the machine's processors, 0 to 1
	Leaving bool     `json:"leaving"`        // it takes no new rooms
	TURN    []string `json:"turn,omitempty"` // addresses of its TURN server
}

// weigh is what a further room would cost the node, in participants.
func (l Load) weigh() float64 { return float64(l.People+l.Rooms) + 100*l.CPU }

// report is what a node tells of itself: a [bus.Report], and more.
type report struct {
	Node string `json:"node"`
	Load
}

// What a node is asked, and told.
const (
	opPing    = "ping"    // whether it is there
	opEvicted = "evicted" // that its rooms were taken away from it
)

// Subject is where one node takes the requests of a subject.
func Subject(node, subject string) string {
	return "meeting.v1.node." + node + "." + strings.TrimPrefix(subject, "meeting.v1.")
}

// Nodes are the processes that this one knows of.
type Nodes struct {
	Config
	wire   wire
	asking singleflight.Group
	pulse  Pulse

	mu         sync.Mutex
	others     map[string]*other
	gones      map[string]chan struct{} // closed when a node is found to be gone, as far as somebody waits for that
	began      time.Time                // of listening without a break
	reconnects uint64
	cpu        float64
}

// wire is what is needed of the bus to find who is gone.
type wire struct {
	ask  func(ctx context.Context, node string) error
	tell func(node string) error // that its rooms were taken
	link func() (reconnects uint64, up bool)
}

// other is a node as it was last heard.
type other struct {
	Load
	heard time.Time
}

// New returns a Nodes that knows of nobody yet.
func New(cfg Config) *Nodes {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	or(&cfg.Times.Beat, bus.ReportEvery)
	or(&cfg.Times.Silent, time.Second)
	or(&cfg.Times.Ask, time.Second)
	n := &Nodes{
		Config: cfg, others: map[string]*other{}, gones: map[string]chan struct{}{}, began: cfg.Now(), pulse: Pulse{Now: cfg.Ran},
	}
	n.wire = wire{
		ask:  n.Ask,
		tell: func(node string) error { return n.Bus.NC.Publish(Subject(node, opEvicted), []byte("{}")) },
		link: func() (uint64, bool) { return n.Bus.NC.Stats().Reconnects, n.Bus.NC.IsConnected() },
	}
	return n
}

// Serve adds the endpoint by which others find that this node is there.
func (n *Nodes) Serve(svc micro.Service) error {
	return bus.Handle(n.Bus, svc, Subject(n.ID, opPing), 64, func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil })
}

// Awake tells whether this process runs and knows where it stands, see [Pulse].
func (n *Nodes) Awake() bool { return n.pulse.Awake() }

// Run reports and looks for nodes that are gone until ctx ends.
func (n *Nodes) Run(ctx context.Context) error {
	sub, err := bus.Listen(n.Bus, bus.Reports("meeting"), func(_ context.Context, r report) { n.take(r) })
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone already
	lost, err := bus.Listen(n.Bus, Subject(n.ID, opEvicted), func(ctx context.Context, _ struct{}) {
		if err := n.Evicted(ctx); err != nil {
			n.Log.Warn("rooms that others have taken", "err", err) // each finds it at its next write
		}
	})
	if err != nil {
		return err
	}
	defer func() { _ = lost.Unsubscribe() }()
	var pulse sync.WaitGroup
	defer pulse.Wait()
	pulse.Go(func() { n.pulse.Run(ctx, n.Wake) })
	beat := time.NewTicker(n.Times.Beat)
	defer beat.Stop()
	for {
		cpu := n.CPU()
		n.mu.Lock()
		n.cpu = cpu
		n.mu.Unlock()
		n.Report()
		if err := n.look(ctx); err != nil && ctx.Err() == nil {
			n.Log.Warn("meeting nodes", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
		}
	}
}

// Report tells the others how much there is to do here. Call it when that has changed.
func (n *Nodes) Report() {
	data, err := json.Marshal(report{n.ID, n.here()})
	if err == nil {
		err = n.Bus.NC.Publish(bus.Reports("meeting"), data)
	}
	if err != nil {
		n.Log.Warn("meeting nodes", "err", err)
	}
}

func (n *Nodes) here() Load {
	l := n.Load()
	n.mu.Lock()
	defer n.mu.Unlock()
	l.CPU = n.cpu
	return l
}

func (n *Nodes) take(r report) {
	if r.Node == n.ID {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.others[r.Node]
	if o == nil {
		o = &other{}
		n.others[r.Node] = o
	}
	o.Load, o.heard = r.Load, n.Now()
}

// Pick chooses the node that has the least to do for a room that nobody has; false: nobody takes one.
func (n *Nodes) Pick() (string, bool) {
	best, least := "", 0.0
	consider := func(id string, l Load) {
		if w := l.weigh(); !l.Leaving && (best == "" || w < least || w == least && id == n.ID) {
			best, least = id, w
		}
	}
	here := n.here()
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, o := range n.others {
		if n.silence(id) < n.suspect() { // else it may hang
			consider(id, o.Load)
		}
	}
	consider(n.ID, here)
	if o := n.others[best]; o != nil {
		o.Rooms++ // until its next report, so that rooms that come together are spread
		o.People++
	}
	return best, best != ""
}

// Successor tells whether another node takes rooms.
func (n *Nodes) Successor() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, o := range n.others {
		if !o.Leaving {
			return true
		}
	}
	return false
}

// TURN are the addresses of the others' TURN servers: which of them a room will be at later, nobody knows yet.
func (n *Nodes) TURN() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []string
	for _, o := range n.others {
		out = append(out, o.Load.TURN...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// While returns a context that also ends when a node is found to be gone.
func (n *Nodes) While(ctx context.Context, node string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	n.mu.Lock()
	gone := n.gones[node]
	if gone == nil {
		gone = make(chan struct{})
		n.gones[node] = gone
	}
	n.mu.Unlock()
	go func() {
		select {
		case <-gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// look finds those that say nothing, and has them asked.
func (n *Nodes) look(ctx context.Context) error {
	all, err := n.Holders(ctx)
	n.mu.Lock()
	for id := range n.others { // without rooms it may be given one
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	n.mu.Unlock()
	for _, id := range all {
		if id == n.ID || n.quiet(id) < n.suspect() {
			continue
		}
		go func() { // one that hangs keeps nobody waiting
			if _, err := n.Gone(ctx, id); err != nil && ctx.Err() == nil {
				n.Log.Warn("rooms of a node that is gone", "node", id, "err", err)
			}
		}()
	}
	return err
}

// suspect is for how long a node says nothing until it is asked whether it is there, and gets no new rooms.
func (n *Nodes) suspect() time.Duration { return n.Times.Silent / 2 }

func (n *Nodes) quiet(node string) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.silence(node)
}

func (n *Nodes) heardSince(node string, at time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.others[node]
	return o != nil && o.heard.After(at)
}

// silence is how long a node could have been heard and was not. n.mu is held.
func (n *Nodes) silence(node string) time.Duration {
	if r, up := n.wire.link(); r != n.reconnects || !up {
		n.reconnects, n.began = r, n.Now() // we may have been the one who was away
	}
	since := n.began
	if late := n.pulse.lateAt(); late.After(since) { // we may not have listened
		since = late
	}
	if o := n.others[node]; o != nil && o.heard.After(since) {
		since = o.heard
	}
	return n.Now().Sub(since)
}

// Gone finds out whether a node is there that did not answer; one that is not loses its rooms. It is asked when it has been silent for
// a while, and is gone when it neither answers nor reports until its time is over, or, sooner, when the bus knows nobody there.
func (n *Nodes) Gone(ctx context.Context, node string) (bool, error) {
	found := n.asking.DoChan(node, func() (any, error) { return n.gone(context.WithoutCancel(ctx), node) })
	select {
	case r := <-found:
		return r.Val == true, r.Err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (n *Nodes) gone(ctx context.Context, node string) (bool, error) {
	began := n.Now()
	for _, silent := range []time.Duration{n.suspect(), n.Times.Silent} { // who answers neither time is gone
		if !n.silentFor(node, silent, began) {
			return false, nil
		}
		ask, cancel := context.WithTimeout(ctx, n.Times.Ask)
		err := n.wire.ask(ask, node)
		cancel()
		switch {
		case err == nil:
			return false, nil
		case !Away(err):
			return false, err
		case !errors.Is(err, nats.ErrNoResponders) && n.silentFor(node, n.Times.Silent, began): // it hangs
			return true, n.evict(ctx, node)
		}
	}
	return true, n.evict(ctx, node)
}

// silentFor waits until a node has been silent for so long; false: it was heard.
func (n *Nodes) silentFor(node string, silent time.Duration, began time.Time) bool {
	for {
		if n.heardSince(node, began) {
			return false
		}
		wait := silent - n.quiet(node)
		if wait <= 0 {
			return true
		}
		time.Sleep(min(wait, n.Times.Beat))
	}
}

func (n *Nodes) evict(ctx context.Context, node string) error {
	if err := n.Evict(ctx, node); err != nil {
		return err
	}
	n.Log.Info("a meeting node is gone", "node", node)
	n.Forget(node)
	return n.wire.tell(node) // it may be there after all, and only slow
}

// Ask finds out whether a node answers.
func (n *Nodes) Ask(ctx context.Context, node string) error {
	_, err := bus.Request[struct{}](ctx, n.Bus, Subject(node, opPing), struct{}{})
	return err
}

// Others counts the other nodes.
func (n *Nodes) Others() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.others)
}

// Forget drops a node that does not answer until it reports again.
func (n *Nodes) Forget(node string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.others, node)
	if gone := n.gones[node]; gone != nil {
		close(gone)
		delete(n.gones, node)
	}
}

// Away tells whether a request had no answer at all.
func Away(err error) bool {
	return errors.Is(err, errs.Unavailable) && (errors.Is(err, nats.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded))
}
