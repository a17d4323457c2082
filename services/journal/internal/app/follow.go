package app

import (
	"context"
	"errors"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// Conversations about one matter: a meeting grows out of a call or a chat, a call-back out of an inquiry. The later one begins
// with the case number and the citizen of the earlier, so that nobody has to be asked twice.

// follow makes c go on from an earlier conversation. Of another area it takes nothing but the reference: who writes there may
// not see who the citizen is.
func (a *App) follow(ctx context.Context, c *store.Conversation, earlier string) error {
	if earlier == "" || earlier == c.ID || event.CheckToken(earlier) != nil {
		return nil
	}
	c.Follows = earlier
	o, err := a.Store.Read().Conversation(ctx, earlier)
	if errors.Is(err, errs.NotFound) || err == nil && (o.ServiceArea != c.ServiceArea || !o.ErasedAt.IsZero()) {
		return nil
	}
	if err != nil {
		return err
	}
	id, err := a.Vault.Identity(ctx, o)
	if err != nil {
		return forgotten(err)
	}
	c.CaseNumber, c.PartyRef = o.CaseNumber, o.PartyRef
	if len(o.Identity) > 0 {
		c.Identity, err = a.Vault.SealIdentity(ctx, c.ID, id)
	}
	return err
}

// relatedMost is how many later conversations are named; more are in the lists.
const relatedMost = 20

// relate names the conversations before and after one, as far as the actor may see them.
func (a *App) relate(ctx context.Context, actor journalv1.Actor, c store.Conversation, v *journalv1.Conversation) error {
	tx := a.Store.Read()
	if c.Follows != "" {
		o, err := tx.Conversation(ctx, c.Follows)
		if err := forgotten(err); err != nil {
			return err
		}
		if r := related(o); o.ID != "" && see(actor, o) >= own {
			v.Follows = &r
		}
	}
	later, err := tx.Conversations(ctx, store.Filter{Follows: c.ID, Limit: relatedMost})
	for _, o := range later {
		if see(actor, o) >= own {
			v.FollowedBy = append(v.FollowedBy, related(o))
		}
	}
	return err
}

func related(c store.Conversation) journalv1.Related {
	return journalv1.Related{ID: c.ID, Channel: c.Channel, StartedAt: c.StartedAt}
}
