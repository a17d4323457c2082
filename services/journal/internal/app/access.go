package app

import (
	"context"
	"slices"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/audit"
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

// act puts an audit entry of something that was done in the outbox. Editing is saved
// every few seconds; within a window it is one act.
func (a *App) act(ctx context.Context, tx *store.Tx, conversation string, actor journalv1.Actor, action string) error {
	now := a.Now()
	e := a.looks.Entry(now, lookOf(actor, action), conversation)
	if action != editNote {
		e.ID = event.NewID(now)
	}
	return tx.Publish(ctx, e)
}

// editNote is the action of saving a note.
const editNote = "edit-note"

// look writes that an actor has looked, before anything is shown. No entry, no look.
func (a *App) look(ctx context.Context, actor journalv1.Actor, action string, conversations ...string) error {
	return a.looks.Write(a.Now(), lookOf(actor, action), conversations, func(entries []consentv1.Audit) error {
		return a.Store.InTx(ctx, func(tx *store.Tx) error {
			for _, e := range entries {
				if err := tx.Publish(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func lookOf(actor journalv1.Actor, action string) audit.Look {
	return audit.Look{Actor: actor.ID, Role: actor.Role, Action: action, Purpose: purpose(actor)}
}
