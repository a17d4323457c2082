package bus

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// A service of several processes shares its requests by a queue group: the server draws one of them by lot, also one that hangs. Where
// each process is a member that reports some times a second, who asks chooses among those that report, and addresses one of them.

// Report is what a member tells of itself, at least; what else there is in it is its service's.
type Report struct {
	Node    string `json:"node"`              // names the process, new with every start
	Leaving bool   `json:"leaving,omitempty"` // it takes no new requests
}

// ReportEvery is how often a member reports.
const ReportEvery = 250 * time.Millisecond

// behind is how much longer than the latest of the others a member may have said nothing to be asked: one that hangs is asked no more
// after half a second. It is compared with the others, so that it matters little when this process was late itself.
const behind = 2 * ReportEvery

// Reports is the subject of a service's reports, as "meeting.v1.nodes" for "meeting".
func Reports(service string) string { return service + ".v1.nodes" }

// At is the subject by which one member takes what all of its service take on subject: "meeting.v1.at.MEMBER.join".
func At(member, subject string) string {
	service, op, _ := strings.Cut(subject, ".v1.")
	return service + ".v1.at." + member + "." + op
}

// crew are the members of a service that have been heard.
type crew struct {
	now func() time.Time

	mu    sync.Mutex
	heard map[string]time.Time
}

func newCrew(now func() time.Time) *crew { return &crew{now: now, heard: map[string]time.Time{}} }

func (c *crew) take(m *nats.Msg) {
	var r Report
	if json.Unmarshal(m.Data, &r) != nil || r.Node == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Leaving {
		delete(c.heard, r.Node)
		return
	}
	c.heard[r.Node] = c.now()
}

// drop forgets a member that the bus does not know until it reports again.
func (c *crew) drop(member string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.heard, member)
}

// pick draws one of those that report, but none of but; "": there is none.
func (c *crew) pick(but []string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var latest time.Time
	for _, at := range c.heard {
		if at.After(latest) {
			latest = at
		}
	}
	var out []string
	for member, at := range c.heard {
		switch late := latest.Sub(at); {
		case late > 20*behind:
			delete(c.heard, member)
		case late <= behind && !slices.Contains(but, member):
			out = append(out, member)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return out[rand.IntN(len(out))]
}

// crew gives the members of the service of a subject. The first request listens for them, and knows of none yet.
func (b *Bus) crew(subject string) *crew {
	service, _, _ := strings.Cut(subject, ".")
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.crews[service]
	if c == nil {
		c = newCrew(time.Now)
		if _, err := b.NC.Subscribe(Reports(service), c.take); err != nil {
			b.log.Warn("members of a service are not heard", "service", service, "err", err)
			return c // the next request tries again
		}
		if b.crews == nil {
			b.crews = map[string]*crew{}
		}
		b.crews[service] = c
	}
	return c
}

// nobody tells whether the bus knows nobody who takes what was asked.
func nobody(err error) bool { return errors.Is(err, nats.ErrNoResponders) }
