package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// Roles of actors. The portal has them from the login.
const (
	roleCaseworker = "caseworker"
	roleCitizen    = "citizen"
	roleEditor     = "editor"
	roleOperator   = "operator"
	roleAuditor    = "auditor"
)

// sight is how much of a conversation an actor may see.
type sight int

const (
	nothing  sight = iota
	metadata       // ids, times, states, how much was heard
	own            // a citizen's own conversation, without drafts
	all            // a caseworker's area
)

// see tells what an actor may see of a conversation.
func see(a journalv1.Actor, c store.Conversation) sight {
	switch a.Role {
	case roleCaseworker:
		if slices.Contains(a.Areas, c.ServiceArea) {
			return all
		}
	case roleCitizen:
		if a.PartyRef != "" && a.PartyRef == c.PartyRef {
			return own
		}
	case roleEditor, roleOperator, roleAuditor:
		return metadata
	}
	return nothing
}

// find reads a conversation that the actor sees at least as much of as least. Others'
// conversations do not exist for a citizen.
func (a *App) find(ctx context.Context, id string, actor journalv1.Actor, least sight) (store.Conversation, sight, error) {
	c, err := a.Store.Read().Conversation(ctx, id)
	if err != nil {
		return c, nothing, err
	}
	s := see(actor, c)
	if actor.ID == "" || s < least {
		a.metrics.refused.Inc()
		if actor.Role == roleCitizen && s == nothing {
			return c, s, errs.E(errs.NotFound, "", nil)
		}
		return c, s, errs.E(errs.Denied, "", nil)
	}
	return c, s, nil
}

// Purposes that citizens read in their log when the actor gave none.
func purpose(actor journalv1.Actor) string {
	switch {
	case actor.Purpose != "":
		return actor.Purpose
	case actor.Role == roleCitizen:
		return "Du så selv din samtale"
	}
	return "Behandling af din henvendelse"
}

// act puts an audit entry of something that was done in the outbox.
func (a *App) act(ctx context.Context, tx *store.Tx, conversation string, actor journalv1.Actor, action string) error {
	return tx.Publish(ctx, consentv1.Audit{
		Meta: event.NewMeta("audit.v1.entry", "journal", a.Now()), ConversationID: conversation,
		Actor: actor.ID, Role: actor.Role, Action: action, Purpose: purpose(actor),
	})
}

// lookWindow is for how long looking again at the same thing is one look: pages load
// themselves again whenever something changes.
const lookWindow = 15 * time.Minute

// look writes that an actor has looked, before anything is shown. No entry, no look.
func (a *App) look(ctx context.Context, conversation string, actor journalv1.Actor, action string) error {
	now := a.Now()
	key := fmt.Sprintf("%s/%s/%s/%s", conversation, actor.ID, actor.Role, action)
	if !a.looks.fresh(key, now) {
		return nil
	}
	window := now.Truncate(lookWindow)
	sum := sha256.Sum256([]byte(key + window.String()))
	entry := consentv1.Audit{
		// The id is that of the window, so that a restart does not count a look twice.
		Meta:           event.Meta{ID: hex.EncodeToString(sum[:16]), Type: "audit.v1.entry", Source: "journal", Time: now},
		ConversationID: conversation, Actor: actor.ID, Role: actor.Role, Action: action, Purpose: purpose(actor),
	}
	err := a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Publish(ctx, entry) })
	if err != nil {
		return err
	}
	a.looks.add(key, now)
	return nil
}

// looks remembers which looks have been written in the current window.
type looks struct {
	mu sync.Mutex
	at map[string]time.Time // start of the window
}

func (l *looks) fresh(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.at[key].Equal(now.Truncate(lookWindow))
}

func (l *looks) add(key string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	window := now.Truncate(lookWindow)
	for k, at := range l.at {
		if !at.Equal(window) {
			delete(l.at, k)
		}
	}
	l.at[key] = window
}
