package room

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

// A no that is said while the consent service is away reaches it when it is back.
func TestAChoiceWaitsForTheConsentService(t *testing.T) {
	storetest.Run(t, store.Migrations(), func(t *testing.T, db *platformstore.DB) {
		b, st := bustest.New(t), store.New(db, "test")
		h := &Hall{Config: Config{Bus: b, Book: &booking.Book{Store: st}, Log: slog.New(slog.DiscardHandler)}}
		at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
		no := consentv1.Choice{Meta: event.NewMeta("consent.v1.choice", Source, at), ConversationID: "m", Kind: consentv1.Transcription, At: at}
		if err := h.keepChoice(t.Context(), no); err != nil {
			t.Fatal(err)
		}
		svc, err := b.Service("consent", "test")
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan consentv1.Choice, 10)
		err = bus.Handle(b, svc, consentv1.ChoiceSubject, 1, func(_ context.Context, c consentv1.Choice) (consentv1.Choice, error) {
			got <- c
			return c, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := st.Pending(t.Context(), store.LaneChoice, 10)
		if err != nil || len(waiting) != 1 {
			t.Fatalf("%d choices wait, %v", len(waiting), err)
		}
		if err := h.Choice(t.Context(), waiting[0]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(no, <-got); diff != "" {
			t.Error(diff)
		}
	})
}
