package calls

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus"
)

// Areas knows the service areas: which number belongs to which, on what basis.
// The consent service owns them; this is a copy that is refreshed. It is safe for
// concurrent use.
type Areas struct {
	bus *bus.Bus
	log *slog.Logger

	mu     sync.Mutex
	list   []consentv1.Area
	loaded chan struct{} // closed once there is a list
}

const (
	areasEvery = 30 * time.Second
	areasRetry = time.Second
	// areasWait is how long a call waits for the first list, right after the start.
	areasWait = 3 * time.Second
)

// NewAreas returns a copy that Run fills.
func NewAreas(b *bus.Bus, log *slog.Logger) *Areas {
	return &Areas{bus: b, log: log, loaded: make(chan struct{})}
}

// Run refreshes until ctx is done.
func (a *Areas) Run(ctx context.Context) {
	for {
		wait := areasEvery
		if err := a.refresh(ctx); err != nil {
			wait = areasRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (a *Areas) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	rep, err := bus.Request[consentv1.AreasReply](ctx, a.bus, consentv1.AreasSubject, consentv1.AreasRequest{})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = rep.Areas
	select {
	case <-a.loaded:
	default:
		close(a.loaded)
		a.log.Info("service areas loaded", "count", len(rep.Areas))
	}
	return nil
}

// Ready reports whether there is a list.
func (a *Areas) Ready() bool {
	select {
	case <-a.loaded:
		return true
	default:
		return false
	}
}

// await waits for the first list for a short while.
func (a *Areas) await(ctx context.Context) bool {
	select {
	case <-a.loaded:
		return true
	case <-ctx.Done():
	case <-time.After(areasWait):
	}
	return a.Ready()
}

// Number returns the area that a SIP user part belongs to.
func (a *Areas) Number(user string) (consentv1.Area, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, ar := range a.list {
		for _, n := range ar.Numbers {
			if strings.EqualFold(n, user) {
				return ar, true
			}
		}
	}
	return find(a.list, strings.ToLower(user))
}

// ID returns an area by its id.
func (a *Areas) ID(id string) (consentv1.Area, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return find(a.list, id)
}

func find(list []consentv1.Area, id string) (consentv1.Area, bool) {
	for _, ar := range list {
		if ar.ID == id {
			return ar, true
		}
	}
	return consentv1.Area{}, false
}
