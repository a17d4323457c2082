package inquiry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Roles in audit entries. Only caseworkers act on inquiries; citizens come with their receipt number.
const (
	roleCaseworker = "caseworker"
	roleCitizen    = "citizen"
)

// byReceipt is the actor of a look with a receipt number.
const byReceipt = "receipt"

// sees reports whether a caseworker may see an inquiry: it is in one of their areas, or has escalated there. Being handed one
// gives nobody an area.
func sees(a inquiryv1.Actor, i store.Inquiry) bool {
	if a.ID == "" || a.Role != roleCaseworker {
		return false
	}
	return slices.Contains(a.Areas, i.ServiceArea) || i.Also != "" && slices.Contains(a.Areas, i.Also)
}

// find reads an inquiry that the caseworker may see.
func (s *Service) find(ctx context.Context, id string, a inquiryv1.Actor) (store.Inquiry, error) {
	i, err := s.store.Read().Inquiry(ctx, id)
	if err != nil {
		return i, err
	}
	if !sees(a, i) {
		s.metrics.refused.Inc()
		return i, errs.E(errs.Denied, "", nil)
	}
	return i, nil
}

// lookWindow is for how long looking again at the same thing is one look: pages load themselves again whenever something
// changes.
const lookWindow = 15 * time.Minute

// Purposes, as citizens read them in their log.
const (
	purposeWork    = "Behandling af din henvendelse"
	purposeCitizen = "Du så selv din henvendelse med kvitteringsnummeret"
)

// look writes that somebody has looked, before anything is shown. No entry, no look.
func (s *Service) look(ctx context.Context, actor, role, action, purpose string, conversations ...string) error {
	now := s.Now()
	window := now.Truncate(lookWindow)
	var entries []consentv1.Audit
	for _, c := range conversations {
		// The same id throughout a window, so that a restart or a second service does not count a look twice.
		sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%s/%d", c, actor, role, action, window.Unix()))
		e := consentv1.Audit{
			Meta:           event.Meta{ID: hex.EncodeToString(sum[:16]), Type: "audit.v1.entry", Source: source, Time: now},
			ConversationID: c, Actor: actor, Role: role, Action: action, Purpose: purpose,
		}
		if !s.looks.has(e.ID) {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		for _, e := range entries {
			if err := tx.Publish(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.looks.add(window, entries)
	}
	return err
}

// looks remembers the entries of the current window.
type looks struct {
	mu     sync.Mutex
	window time.Time
	ids    map[string]bool
}

func (l *looks) has(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ids[id]
}

func (l *looks) add(window time.Time, entries []consentv1.Audit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.window.Equal(window) {
		l.window, l.ids = window, map[string]bool{}
	}
	for _, e := range entries {
		l.ids[e.ID] = true
	}
}
