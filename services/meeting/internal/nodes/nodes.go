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
	Log     *slog.Logger
	Now     func() time.Time
	Times   Times
}

// Times are how often nodes report and how soon one counts as gone. The zero value means the defaults in brackets: a node that is
// killed loses its rooms some 1.5 s later, one that hangs after some 3 s.
type Times struct {
	Beat   time.Duration // between reports [500 ms]
	Silent time.Duration // without a report, a node is asked whether it is there [1 s]
	Ask    time.Duration // for its answer [1.5 s]
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

// report is what a node tells of itself.
type report struct {
	Node string `json:"node"`
	Load
}

const reports = "meeting.v1.nodes"

// opPing asks a node whether it is there.
const opPing = "ping"

// Subject is where one node takes the requests of a subject.
func Subject(node, subject string) string {
	return "meeting.v1.node." + node + "." + strings.TrimPrefix(subject, "meeting.v1.")
}

// Nodes are the processes that this one knows of.
type Nodes struct {
	Config
	asking singleflight.Group

	mu         sync.Mutex
	others     map[string]*other
	began      time.Time // of listening without a break
	reconnects uint64
	cpu        float64
}

// other is a node as it was last heard.
type other struct {
	Load
	heard time.Time
	gone  chan struct{} // closed when it is
}

// New returns a Nodes that knows of nobody yet.
func New(cfg Config) *Nodes {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	or(&cfg.Times.Beat, 500*time.Millisecond)
	or(&cfg.Times.Silent, time.Second)
	or(&cfg.Times.Ask, 1500*time.Millisecond)
	return &Nodes{Config: cfg, others: map[string]*other{}, began: cfg.Now()}
}

// Serve adds the endpoint by which others find that this node is there.
func (n *Nodes) Serve(svc micro.Service) error {
	return bus.Handle(n.Bus, svc, Subject(n.ID, opPing), 64, func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil })
}

// Run reports and looks for nodes that are gone until ctx ends.
func (n *Nodes) Run(ctx context.Context) error {
	sub, err := bus.Listen(n.Bus, reports, func(_ context.Context, r report) { n.take(r) })
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone already
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
		err = n.Bus.NC.Publish(reports, data)
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
		o = &other{gone: make(chan struct{})}
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
		consider(id, o.Load)
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
	o := n.others[node]
	n.mu.Unlock()
	if o != nil {
		go func() {
			select {
			case <-o.gone:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
}

// look takes the rooms of nodes away that are gone.
func (n *Nodes) look(ctx context.Context) error {
	holders, err := n.Holders(ctx)
	if err != nil {
		return err
	}
	n.mu.Lock()
	for id, o := range n.others { // a node without rooms is forgotten when it stops reporting
		if n.silence(id) > 20*n.Times.Beat && !slices.Contains(holders, id) {
			close(o.gone)
			delete(n.others, id)
		}
	}
	n.mu.Unlock()
	for _, id := range holders {
		if id == n.ID || n.quiet(id) < n.Times.Silent {
			continue
		}
		go func() { // one that hangs keeps nobody waiting
			if _, err := n.Gone(ctx, id); err != nil && ctx.Err() == nil {
				n.Log.Warn("rooms of a node that is gone", "node", id, "err", err)
			}
		}()
	}
	return nil
}

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
	if r := n.Bus.NC.Stats().Reconnects; r != n.reconnects || !n.Bus.NC.IsConnected() {
		n.reconnects, n.began = r, n.Now() // we may have been the one who was away
	}
	since := n.began
	if o := n.others[node]; o != nil && o.heard.After(since) {
		since = o.heard
	}
	return n.Now().Sub(since)
}

// Gone finds out whether a node is there that did not answer. It waits until the node has been silent long enough to be asked; one
// that does not answer loses its rooms.
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
	for wait := n.Times.Silent - n.quiet(node); wait > 0; wait = n.Times.Silent - n.quiet(node) {
		if n.heardSince(node, began) {
			return false, nil
		}
		time.Sleep(min(wait, n.Times.Beat))
	}
	ask, cancel := context.WithTimeout(ctx, n.Times.Ask)
	defer cancel()
	err := n.Ask(ask, node)
	switch {
	case err == nil:
		return false, nil
	case !Away(err):
		return false, err
	case n.quiet(node) < n.Times.Silent: // it was heard meanwhile, or the bus was away from us
		return false, nil
	}
	if err := n.Evict(ctx, node); err != nil {
		return false, err
	}
	n.Log.Info("a meeting node is gone", "node", node)
	n.Forget(node)
	return true, nil
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
	if o := n.others[node]; o != nil {
		close(o.gone)
		delete(n.others, node)
	}
}

// Away tells whether a request had no answer at all.
func Away(err error) bool {
	return errors.Is(err, errs.Unavailable) && (errors.Is(err, nats.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded))
}
