// Package health collects probes that exercise the real thing (a query, a request
// over the bus, a workflow call, audio through the recogniser) and serves their
// results. "Connected" is not a probe.
package health

import (
	"context"
	"encoding/json"
	"net/http"
	"sort"
	"sync"
	"time"

	"samtale.dk/samtale/services/platform/errs"
)

// Probe returns nil when the part works.
type Probe func(ctx context.Context) error

// Checks is a set of named probes; safe for concurrent use. One set serves a process.
type Checks struct {
	mu       sync.Mutex
	probes   map[string]Probe
	draining bool
	next     *look // that has not begun; nil: nobody waits for one

	looking chan struct{} // holds something while a look of ServeHTTP runs
}

// look is one run of all probes for everybody who asked before it began.
type look struct {
	done    chan struct{}
	results []Result
	ready   bool
}

// New returns an empty set.
func New() *Checks { return &Checks{probes: map[string]Probe{}, looking: make(chan struct{}, 1)} }

// Add registers a probe. Until it first succeeds the process is not ready.
func (c *Checks) Add(name string, p Probe) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probes[name] = p
}

// Drain makes the process not ready from now on, so that no new work is sent to it.
func (c *Checks) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
}

// Result of one probe.
type Result struct {
	Name string        `json:"name"`
	OK   bool          `json:"ok"`
	Text string        `json:"text,omitempty"` // for people; details are in the log
	Took time.Duration `json:"took_ns"`
}

// ProbeLimit bounds one probe.
const ProbeLimit = 3 * time.Second

// Run runs all probes at once and returns their results by name.
func (c *Checks) Run(ctx context.Context) (results []Result, ready bool) {
	c.mu.Lock()
	draining := c.draining
	out := make(chan Result, len(c.probes))
	n := len(c.probes)
	for name, p := range c.probes {
		go func() { out <- run(ctx, name, p) }()
	}
	c.mu.Unlock()
	ready = !draining && n > 0
	for range n {
		r := <-out
		ready = ready && r.OK
		results = append(results, r)
	}
	sort.Slice(results, func(i, j int) bool { return results[i].Name < results[j].Name })
	return results, ready
}

func run(ctx context.Context, name string, p Probe) Result {
	ctx, cancel := context.WithTimeout(ctx, ProbeLimit)
	defer cancel()
	begin := time.Now()
	err := p(ctx)
	r := Result{Name: name, OK: err == nil, Took: time.Since(begin)}
	if err != nil {
		r.Text = string(errs.KindOf(err))
	}
	return r
}

// shared waits for a run of the probes that begins after it was asked for. One runs at a time and another one waits, whoever asks:
// anybody may, and each is work for every service.
func (c *Checks) shared(ctx context.Context) (results []Result, ready bool) {
	c.mu.Lock()
	l := c.next
	if l == nil {
		l = &look{done: make(chan struct{})}
		c.next = l
		go c.look(context.WithoutCancel(ctx), l)
	}
	c.mu.Unlock()
	select {
	case <-l.done:
		return l.results, l.ready
	case <-ctx.Done():
		return nil, false
	}
}

func (c *Checks) look(ctx context.Context, l *look) {
	c.looking <- struct{}{}
	defer func() { <-c.looking }()
	c.mu.Lock()
	c.next = nil
	c.mu.Unlock()
	l.results, l.ready = c.Run(ctx)
	close(l.done)
}

// ServeHTTP answers 200 when every probe succeeds and 503 otherwise, with the results.
func (c *Checks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	results, ready := c.shared(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(map[string]any{"ready": ready, "checks": results})
}
