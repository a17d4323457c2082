package app

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

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
	inbox := a.Bus.NC.NewRespInbox()
	sub, err := a.Bus.NC.SubscribeSync(inbox)
	if err != nil {
		return nil
	}
	defer sub.Unsubscribe()
	if err := a.Bus.NC.PublishRequest(micro.APIPrefix+".STATS", inbox, nil); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statsWait)
	defer cancel()
	var out []serviceHealth
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			break
		}
		if s, ok := readStats(m); ok {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(x, y serviceHealth) int { return strings.Compare(x.Name+x.ID, y.Name+y.ID) })
	return out
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

// checkResult is one probe of this process.
type checkResult struct {
	Name string        `json:"name"`
	OK   bool          `json:"ok"`
	Text string        `json:"text,omitempty"`
	Took time.Duration `json:"took_ns"`
}

func (a *App) checks(ctx context.Context) ([]checkResult, bool) {
	results, ready := a.Health.Run(ctx)
	out := []checkResult{}
	for _, r := range results {
		out = append(out, checkResult{r.Name, r.OK, r.Text, r.Took.Round(10 * time.Microsecond)})
	}
	return out, ready
}

func (a *App) healthz(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	a.Health.ServeHTTP(w, r)
	return nil
}

func (a *App) apiHealth(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	checks, ready := a.checks(r.Context())
	services := a.services(r.Context())
	if services == nil {
		services = []serviceHealth{}
	}
	return reply(w, map[string]any{"ready": ready, "checks": checks, "services": services})
}

func (a *App) apiSettings(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return reply(w, map[string]any{"settings": a.Settings})
}
