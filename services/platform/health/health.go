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
}

// New returns an empty set.
func New() *Checks { return &Checks{probes: map[string]Probe{}} }

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

// ServeHTTP answers 200 when every probe succeeds and 503 otherwise, with the results.
func (c *Checks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	results, ready := c.Run(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(map[string]any{"ready": ready, "checks": results})
}
