package inquiry

import (
	"context"
	"fmt"
	"time"

	"samtale.dk/samtale/services/assistant/internal/inquiry/hours"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/areas"
)

// calendars are the service areas with their opening times. Safe for concurrent use.
type calendars struct{ *areas.Client }

// area is an area with its opening times.
type area struct {
	consentv1.Area
	hours.Calendar
}

// claimDefault is the time to claim where an area says none.
const claimDefault = 30 * time.Minute

// get returns an area. One that is not known (any more) is always open, and no machine writes anything for it: what waits
// there is escalated in its own list.
func (c calendars) get(ctx context.Context, id string) (area, error) {
	found, ok, err := c.Find(ctx, id)
	if err != nil {
		return area{}, err
	}
	out := area{Area: found}
	if !ok {
		const fortnight = 14 * 24 * time.Hour
		out.Area = consentv1.Area{ID: id, Name: id, NameEN: id, KeepAfter: fortnight}
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

// name is the area's name in a language.
func (a area) name(language string) string {
	if language == english && a.NameEN != "" {
		return a.NameEN
	}
	return a.Name
}
