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
	if err := a.keepSetup(ctx, r, "reset-setup", setups.Reset(r.Version+1)); err != nil {
		return meetingv1.SetupsReply{}, err
	}
	return a.setups(ctx, meetingv1.SetupsRequest{})
}

// keepSetup keeps what stands for a set-up from now on, with an entry in the audit log about who did it.
func (a *App) keepSetup(ctx context.Context, r meetingv1.SetupRef, action, body string) error {
	if r.Actor == "" {
		return errs.E(errs.Denied, "", nil)
	}
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.PutSetup(ctx, r.ID, r.Version, body); err != nil {
			return err
		}
		return tx.Publish(ctx, consentv1.Audit{
			Meta: event.NewMeta("audit.v1.entry", "meeting", a.Book.Now()), ConversationID: "setup-" + r.ID, Actor: r.Actor, Role: "editor",
			Action: action, Purpose: "Rette en opsætning til videomøder",
		})
	})
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
