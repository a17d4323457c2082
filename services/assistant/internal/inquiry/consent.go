package inquiry

import (
	"context"
	"errors"
	"fmt"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// onErased deletes the content of an inquiry whose key was destroyed.
func (s *Service) onErased(ctx context.Context, e consentv1.Erased) error {
	if err := event.CheckToken(e.ConversationID); err != nil {
		return fmt.Errorf("%w: conversation %w", bus.ErrSkip, err)
	}
	return s.erased(ctx, e.ConversationID, e.Time)
}

// onChoice looks whether the citizen has withdrawn that what they write is kept. A chat that goes on needs its words until it
// ends; then they are deleted here, as the journal deletes its transcript.
func (s *Service) onChoice(ctx context.Context, e consentv1.Choice) error {
	if err := event.CheckToken(e.ConversationID); err != nil {
		return fmt.Errorf("%w: conversation %w", bus.ErrSkip, err)
	}
	if e.Kind != consentv1.Transcription {
		return nil
	}
	i, err := s.store.Read().ByConversation(ctx, e.ConversationID)
	if errors.Is(err, errs.NotFound) {
		return nil // a call's or a meeting's, or the first choice of an inquiry that is being opened
	}
	if err != nil {
		return err
	}
	// Events may come twice and late: what counts is what the consent service says now.
	rep, err := bus.Request[consentv1.ChoicesReply](ctx, s.Bus, consentv1.ChoicesSubject, consentv1.ConversationRequest{ConversationID: e.ConversationID})
	if err != nil {
		return err
	}
	withdrawn := false
	for _, c := range rep.Choices { // oldest first
		if c.Kind == consentv1.Transcription {
			withdrawn = !c.Value
		}
	}
	if i.Withdrawn == withdrawn {
		return nil
	}
	_, err = s.change(ctx, i.ID, func(ctx context.Context, c *change) error {
		c.Withdrawn = withdrawn
		if !withdrawn || !c.Over() {
			return nil
		}
		return c.forget(ctx)
	})
	return err
}
