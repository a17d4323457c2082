package app

import (
	"context"
	"regexp"
	"strings"
	"unicode/utf8"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/content"
	"samtale.dk/samtale/services/journal/internal/record"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

func (a *App) reveal(ctx context.Context, r journalv1.RevealRequest) (journalv1.RevealReply, error) {
	c, _, err := a.find(ctx, r.ConversationID, r.Actor, all)
	if err != nil {
		return journalv1.RevealReply{}, err
	}
	reason := strings.TrimSpace(r.Reason)
	if reason == "" {
		return journalv1.RevealReply{}, errs.E(errs.Invalid, "Skriv, hvad du skal bruge oplysningen til.", nil)
	}
	value, ok, err := a.Vault.Clear(ctx, a.Store.Read(), c, r.WordID)
	if err != nil {
		return journalv1.RevealReply{}, err
	}
	if !ok {
		return journalv1.RevealReply{}, errs.E(errs.NotFound, "", nil)
	}
	r.Actor.Purpose = danish.Hide(reason) // the log outlives the conversation
	err = a.Store.InTx(ctx, func(tx *store.Tx) error { return a.act(ctx, tx, c.ID, r.Actor, "reveal") })
	if err != nil {
		return journalv1.RevealReply{}, err
	}
	return journalv1.RevealReply{Value: value}, nil
}

var cpr = regexp.MustCompile(`^(\d{6})[- ]?(\d{4})$`)

// party records who the citizen is. CPR numbers are kept without hyphen, so that the
// pseudonym is the login's.
func (a *App) party(ctx context.Context, r journalv1.PartyRequest) (journalv1.Conversation, error) {
	c, _, err := a.find(ctx, r.ConversationID, r.Actor, all)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	id := content.Identity{
		ID:   cpr.ReplaceAllString(strings.TrimSpace(r.ID), "$1$2"),
		Name: strings.TrimSpace(r.Name), OnBehalfOf: strings.TrimSpace(r.OnBehalfOf),
	}
	if id.ID == "" && !r.Unlink {
		was, err := a.Vault.Identity(ctx, c)
		if err != nil {
			return journalv1.Conversation{}, err
		}
		id.ID = was.ID
	}
	if len(id.ID) > maxField || len(id.Name) > maxField || len(id.OnBehalfOf) > maxField || len(r.CaseNumber) > maxCaseNumber {
		return journalv1.Conversation{}, errs.E(errs.Invalid, "En af oplysningerne er for lang.", nil)
	}
	sealed, err := a.Vault.SealIdentity(ctx, c.ID, id)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	ref, err := a.refOf(ctx, c, id, r.Unlink)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := alive(ctx, tx, c.ID); err != nil {
			return err
		}
		if err := tx.SetIdentity(ctx, c.ID, sealed, ref); err != nil {
			return err
		}
		if number := strings.TrimSpace(r.CaseNumber); number != "" {
			if err := tx.SetCaseNumber(ctx, c.ID, number); err != nil {
				return err
			}
		}
		if err := a.act(ctx, tx, c.ID, r.Actor, "set-party"); err != nil {
			return err
		}
		return record.Changed(ctx, tx, a.Now(), c.ID, "party")
	})
	if err != nil {
		return journalv1.Conversation{}, err
	}
	return a.fresh(ctx, c.ID, r.Actor)
}

// refOf is whose conversation it is: whom a caseworker has named, else who was logged in.
func (a *App) refOf(ctx context.Context, c store.Conversation, id content.Identity, unlink bool) (string, error) {
	if id.ID != "" {
		return seal.Pseudonym(a.Parties, id.ID), nil
	}
	if unlink {
		return "", nil
	}
	p, err := a.Vault.Party(ctx, c)
	return p.Ref, err
}

// whose is whose conversation it was, and is with the party that an event brings.
func (a *App) whose(ctx context.Context, id string, sealed []byte) (was, now string, err error) {
	c, err := a.Store.Read().Conversation(ctx, id)
	if forgotten(err) != nil {
		return "", "", err
	}
	was, c.ID, c.Party = c.PartyRef, id, sealed
	err = a.loggedIn(ctx, &c)
	return was, c.PartyRef, err
}

// loggedIn makes a conversation that of who is logged in at its other end, unless a caseworker has said who it is.
func (a *App) loggedIn(ctx context.Context, c *store.Conversation) error {
	p, err := a.Vault.Party(ctx, *c)
	if err != nil || p.Ref == "" {
		return forgotten(err)
	}
	id, err := a.Vault.Identity(ctx, *c)
	if err == nil && id.ID == "" {
		c.PartyRef = p.Ref
	}
	return forgotten(err)
}

// alive refuses to add content to a conversation whose content was erased.
func alive(ctx context.Context, tx *store.Tx, id string) error {
	c, err := tx.Conversation(ctx, id)
	if err == nil && !c.ErasedAt.IsZero() {
		return errs.E(errs.NotFound, "Samtalen er slettet her. Skriv til myndigheden, hvis du har en bemærkning.", nil)
	}
	return err
}

const maxField = 200 // bytes of an id or name

// fresh reads a conversation again after a change.
func (a *App) fresh(ctx context.Context, id string, actor journalv1.Actor) (journalv1.Conversation, error) {
	c, err := a.Store.Read().Conversation(ctx, id)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	v, err := a.view(ctx, c, see(actor, c))
	if err != nil {
		return v, err
	}
	if err := a.relate(ctx, actor, c, &v); err != nil {
		return v, err
	}
	v.Comments, err = a.Vault.Comments(ctx, a.Store.Read(), id)
	return v, forgotten(err)
}

const maxComment = 4000 // characters

// comment adds a citizen's remark; it stands beside the note, never over it.
func (a *App) comment(ctx context.Context, r journalv1.CommentRequest) (journalv1.Conversation, error) {
	c, _, err := a.find(ctx, r.ConversationID, r.Actor, own)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	if r.Actor.Role != roleCitizen {
		return journalv1.Conversation{}, errs.E(errs.Denied, "Kun borgeren kan skrive bemærkninger.", nil)
	}
	text := strings.TrimSpace(r.Text)
	if text == "" || utf8.RuneCountInString(text) > maxComment {
		return journalv1.Conversation{}, errs.E(errs.Invalid, "Skriv en bemærkning på højst 4000 tegn.", nil)
	}
	sealed, err := a.Vault.SealComment(ctx, c.ID, text)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := alive(ctx, tx, c.ID); err != nil {
			return err
		}
		now := a.Now()
		if err := tx.AddComment(ctx, c.ID, store.Comment{ID: event.NewID(now), At: now, Sealed: sealed}); err != nil {
			return err
		}
		if err := a.act(ctx, tx, c.ID, r.Actor, "comment"); err != nil {
			return err
		}
		return record.Changed(ctx, tx, a.Now(), c.ID, "comment")
	})
	if err != nil {
		return journalv1.Conversation{}, err
	}
	return a.fresh(ctx, c.ID, r.Actor)
}

func (a *App) closeTask(ctx context.Context, r journalv1.Ref) (journalv1.Conversation, error) {
	c, _, err := a.find(ctx, r.ID, r.Actor, all)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SetCallBack(ctx, c.ID, false); err != nil {
			return err
		}
		if err := a.act(ctx, tx, c.ID, r.Actor, "close-task"); err != nil {
			return err
		}
		return record.Changed(ctx, tx, a.Now(), c.ID, "task")
	})
	if err != nil {
		return journalv1.Conversation{}, err
	}
	return a.fresh(ctx, c.ID, r.Actor)
}
