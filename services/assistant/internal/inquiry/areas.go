package inquiry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"samtale.dk/samtale/services/assistant/internal/inquiry/hours"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// keep is how long the rules are used without asking again; they change by restart.
const keep = time.Minute

// areas reads the service areas from the consent service and keeps them for a moment. Safe for concurrent use.
type areas struct {
	bus  *bus.Bus
	mu   sync.Mutex
	list []consentv1.Area
	till time.Time
}

func (a *areas) all(ctx context.Context) ([]consentv1.Area, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Now().Before(a.till) {
		return a.list, nil
	}
	rep, err := bus.Request[consentv1.AreasReply](ctx, a.bus, consentv1.AreasSubject, consentv1.AreasRequest{})
	if err != nil {
		return nil, err
	}
	if len(rep.Areas) == 0 {
		return nil, errs.E(errs.Unavailable, "", errors.New("the consent service knows no areas"))
	}
	a.list, a.till = rep.Areas, time.Now().Add(keep)
	return a.list, nil
}

// area is an area with its opening times.
type area struct {
	consentv1.Area
	hours.Calendar
}

// claimDefault is the time to claim where an area says none.
const claimDefault = 30 * time.Minute

// get returns an area. One that is not known (any more) is always open, and no machine writes anything for it: what waits
// there is escalated in its own list.
func (a *areas) get(ctx context.Context, id string) (area, error) {
	list, err := a.all(ctx)
	if err != nil {
		return area{}, err
	}
	const fortnight = 14 * 24 * time.Hour
	out := area{Area: consentv1.Area{ID: id, Name: id, NameEN: id, KeepAfter: fortnight}}
	if i := slices.IndexFunc(list, func(x consentv1.Area) bool { return x.ID == id }); i >= 0 {
		out.Area = list[i]
	}
	if out.ClaimWithin <= 0 {
		out.ClaimWithin = claimDefault
	}
	out.Calendar, err = hours.New(out.Area)
	if err != nil {
		return out, fmt.Errorf("service area: %w", err)
	}
	return out, nil
}

// known reports whether an area exists.
func (a *areas) known(ctx context.Context, id string) (bool, error) {
	list, err := a.all(ctx)
	return slices.ContainsFunc(list, func(x consentv1.Area) bool { return x.ID == id }), err
}

// name is the area's name in a language.
func (a area) name(language string) string {
	if language == english && a.NameEN != "" {
		return a.NameEN
	}
	return a.Name
}
