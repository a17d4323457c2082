package activity

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/internal/record"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/erasure"
)

// DestroyKey implements erasure.Activities.
func (a *Activities) DestroyKey(ctx context.Context, in erasure.DestroyKeyInput) (erasure.DestroyKeyResult, error) {
	rep, err := bus.Request[consentv1.EraseReply](ctx, a.Bus, consentv1.EraseSubject, consentv1.EraseRequest{
		ConversationID: in.ConversationID, Reason: in.Reason, Actor: "journal",
	})
	if errors.Is(err, errs.Conflict) {
		return erasure.DestroyKeyResult{Held: true}, nil
	}
	return erasure.DestroyKeyResult{ErasedAt: rep.ErasedAt}, again(err)
}

// PurgeStreams implements erasure.Activities.
func (a *Activities) PurgeStreams(ctx context.Context, in erasure.PurgeStreamsInput) (erasure.PurgeStreamsResult, error) {
	s, err := a.Bus.JS.Stream(ctx, transcriptv1.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return erasure.PurgeStreamsResult{}, nil
	}
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(transcriptv1.ConversationSubjects(in.ConversationID)))
	}
	if err != nil {
		return erasure.PurgeStreamsResult{}, errs.E(errs.Unavailable, "", fmt.Errorf("purge transcript: %w", err))
	}
	return erasure.PurgeStreamsResult{}, nil
}

// DeleteContent implements erasure.Activities. Of a conversation that the journal does
// not know there is nothing to delete.
func (a *Activities) DeleteContent(ctx context.Context, in erasure.DeleteContentInput) (erasure.DeleteContentResult, error) {
	err := a.Store.Erase(ctx, in.ConversationID, in.ErasedAt, func(tx *store.Tx) error {
		return record.Changed(ctx, tx, a.Now(), in.ConversationID, "erased")
	})
	if errors.Is(err, errs.NotFound) {
		return erasure.DeleteContentResult{}, nil
	}
	return erasure.DeleteContentResult{}, again(err)
}
