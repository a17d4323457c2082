package app

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/portal/internal/who"
)

// statsWait is how long services may take to tell their figures. The bus does not know
// how many there are, so all of it is waited.
const statsWait = 400 * time.Millisecond

// serviceHealth is one running member of a service, by its own figures.
type serviceHealth struct {
	Name     string        `json:"name"`
	ID       string        `json:"id"`
	Version  string        `json:"version"`
	Started  time.Time     `json:"started"`
	Requests int           `json:"requests"`
	Errors   int           `json:"errors"`
	Average  time.Duration `json:"average_ns"`
	Error    string        `json:"last_error,omitempty"`
}

// services asks every service on the bus for its figures ($SRV.STATS of nats.go/micro).
func (a *App) services(ctx context.Context) []serviceHealth {
	out := []serviceHealth{}
	a.collect(ctx, micro.APIPrefix+".STATS", nil, statsWait, func(m *nats.Msg) {
		if s, ok := readStats(m); ok {
			out = append(out, s)
		}
	})
	slices.SortFunc(out, func(x, y serviceHealth) int { return strings.Compare(x.Name+x.ID, y.Name+y.ID) })
	return out
}

// processes asks every process for its settings, its probes and some of its metrics.
func (a *App) processes(ctx context.Context, metrics ...string) []process.Description {
	out := []process.Description{}
	req, err := json.Marshal(process.DescribeRequest{Metrics: metrics})
	if err != nil {
		return out
	}
	a.collect(ctx, process.DescribeSubject, req, process.ProbeWait+statsWait, func(m *nats.Msg) {
		var d process.Description
		if json.Unmarshal(m.Data, &d) == nil && d.Process != "" {
			out = append(out, d)
		}
	})
	slices.SortFunc(out, func(x, y process.Description) int {
		return cmp.Or(slices.Compare(x.Services, y.Services), strings.Compare(x.Process, y.Process))
	})
	return out
}

// collect sends a request and takes the answers that come within a time.
func (a *App) collect(ctx context.Context, subject string, req []byte, within time.Duration, take func(*nats.Msg)) {
	inbox := a.Bus.NC.NewRespInbox()
	sub, err := a.Bus.NC.SubscribeSync(inbox)
	if err != nil {
		return
	}
	defer sub.Unsubscribe()
	if err := a.Bus.NC.PublishRequest(subject, inbox, req); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return
		}
		take(m)
	}
}

func readStats(m *nats.Msg) (serviceHealth, bool) {
	var st micro.Stats
	if json.Unmarshal(m.Data, &st) != nil || st.Name == "" {
		return serviceHealth{}, false
	}
	h := serviceHealth{Name: st.Name, ID: st.ID, Version: st.Version, Started: st.Started}
	var busy time.Duration
	for _, e := range st.Endpoints {
		h.Requests += e.NumRequests
		h.Errors += e.NumErrors
		busy += e.ProcessingTime
		if e.LastError != "" {
			h.Error = e.LastError
		}
	}
	if h.Requests > 0 {
		h.Average = (busy / time.Duration(h.Requests)).Round(time.Microsecond)
	}
	return h, true
}

func (a *App) healthz(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	a.Health.ServeHTTP(w, r)
	return nil
}

func (a *App) apiSettings(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return reply(w, map[string]any{"processes": a.processes(r.Context())})
}
