package app

import (
	"context"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/setups"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// Set-ups are the editors': the portal checks the role.

func (a *App) setups(ctx context.Context, _ meetingv1.SetupsRequest) (meetingv1.SetupsReply, error) {
	changed, err := a.Store.Read().Setups(ctx)
	if err != nil {
		return meetingv1.SetupsReply{}, err
	}
	all, err := setups.All(changed)
	return meetingv1.SetupsReply{Setups: all}, err
}

func (a *App) saveSetup(ctx context.Context, s meetingv1.Setup) (meetingv1.Setup, error) {
	if err := setups.Check(s); err != nil {
		return s, err
	}
	read := s.Version
	s.Version++
	body, err := setups.Encode(s)
	if err != nil {
		return s, err
	}
	if err := a.keepSetup(ctx, meetingv1.SetupRef{ID: s.ID, Version: read, Actor: s.Actor}, "save-setup", body); err != nil {
		return s, err
	}
	changed, err := a.Store.Read().Setups(ctx)
	if err != nil {
		return s, err
	}
	s, _, err = setups.Find(changed, s.ID)
	return s, err
}

// resetSetup gives the delivered set-up back, or deletes one that was added.
func (a *App) resetSetup(ctx context.Context, r meetingv1.SetupRef) (meetingv1.SetupsReply, error) {
	if r.Version == 0 || event.CheckToken(r.ID) != nil {
		return meetingv1.SetupsReply{}, errs.E(errs.Conflict, "Opsætningen er ikke ændret.", nil)
	}
	if err := a.keepSetup(ctx, r, actionReset, setups.Reset(r.Version+1)); err != nil {
		return meetingv1.SetupsReply{}, err
	}
	return a.setups(ctx, meetingv1.SetupsRequest{})
}

const actionReset = "reset-setup"

// keepSetup keeps what stands for a set-up from now on, what it was changed from, and an entry in the audit log about who did it.
func (a *App) keepSetup(ctx context.Context, r meetingv1.SetupRef, action, body string) error {
	if r.Actor == "" {
		return errs.E(errs.Denied, "", nil)
	}
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		now := a.Book.Now()
		c := store.SetupChange{Version: r.Version + 1, At: now, Actor: r.Actor, Action: action}
		var err error
		if c.Before, err = standing(ctx, tx, r.ID); err != nil {
			return err
		}
		if err := tx.PutSetup(ctx, r.ID, r.Version, body); err != nil {
			return err
		}
		if c.After, err = standing(ctx, tx, r.ID); err != nil {
			return err
		}
		if err := tx.PutSetupChange(ctx, r.ID, c); err != nil {
			return err
		}
		return tx.Publish(ctx, consentv1.Audit{
			Meta: event.NewMeta("audit.v1.entry", "meeting", now), ConversationID: "setup-" + r.ID, Actor: r.Actor, Role: "editor",
			Action: action, Purpose: "Rette en opsætning til videomøder",
		})
	})
}

// standing is the set-up that counts now; empty when there is none.
func standing(ctx context.Context, tx *store.Tx, id string) (string, error) {
	changed, err := tx.Setups(ctx)
	if err != nil {
		return "", err
	}
	s, ok, err := setups.Find(changed, id)
	if err != nil || !ok {
		return "", err
	}
	return setups.Encode(s)
}

// changesSize leaves room in a message for the change that goes past it: at most two set-ups, with all their texts full.
const changesSize = 400 << 10

func (a *App) setupChanges(ctx context.Context, r meetingv1.SetupChangesRequest) (meetingv1.SetupChangesReply, error) {
	kept, more, err := a.Store.Read().SetupChanges(ctx, r.ID, r.Below, changesSize)
	rep := meetingv1.SetupChangesReply{Changes: []meetingv1.SetupChange{}, More: more}
	if err != nil {
		return rep, err
	}
	for _, k := range kept {
		c := meetingv1.SetupChange{Version: k.Version, At: k.At, Actor: k.Actor, Reset: k.Action == actionReset}
		if c.Before, err = setups.Decode(k.Before); err != nil {
			return rep, err
		}
		if c.After, err = setups.Decode(k.After); err != nil {
			return rep, err
		}
		rep.Changes = append(rep.Changes, c)
	}
	return rep, nil
}

// preview is what those who are invited by a set-up get to read, also by one that is not saved.
func (a *App) preview(_ context.Context, s meetingv1.Setup) (meetingv1.PreviewReply, error) {
	var rep meetingv1.PreviewReply
	for _, language := range []string{"da", "en"} {
		p, err := a.Sample(s, language)
		if err != nil {
			return rep, err
		}
		rep.Letters = append(rep.Letters, p)
	}
	return rep, nil
}
