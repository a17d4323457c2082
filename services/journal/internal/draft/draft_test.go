package draft

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/models/notes"
)

// silent is a model that never answers.
type silent struct{}

func (silent) Name() string { return "silent" }

func (silent) Generate(ctx context.Context, _ llm.Request) (llm.Response, error) {
	<-ctx.Done()
	return llm.Response{}, ctx.Err()
}

// long is a conversation with more to tell than a note has room for.
func long() notes.Transcript {
	leg := notes.Leg{ID: "s", Role: evidence.Caseworker}
	var now int64
	for n := range 60 {
		for i, text := range strings.Fields(fmt.Sprintf("Behandlingstiden er %d dage.", 14+n)) {
			leg.Words = append(leg.Words, notes.Word{ID: fmt.Sprintf("%d-%d", n, i), Text: text, Start: now, End: now + 4000, Confidence: .9, Sentence: i == 0})
			now += 5000
		}
		now += 16000
	}
	return notes.Transcript{Legs: []notes.Leg{leg}}
}

// A model that is late leaves the quotations, and both notices: why there is no draft by the model, and that the draft
// does not hold everything.
func TestLateModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Drafter{Model: silent{}, Log: slog.New(slog.DiscardHandler)}
		n, err := d.machine(t.Context(), notes.Standard("test"), long())
		if err != nil {
			t.Fatal(err)
		}
		if n.By != "extract" || len(n.Sentences) == 0 {
			t.Errorf("by %q, %d sentences", n.By, len(n.Sentences))
		}
		for _, part := range []string{"for længe om at svare", "Samtalen er lang"} {
			if !strings.Contains(n.Notice, part) {
				t.Errorf("the notice %q lacks %q", n.Notice, part)
			}
		}
	})
}

// Whoever asked for the draft gives up: that is an error, not a draft.
func TestDraftNobodyWaitsFor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &Drafter{Model: silent{}, Log: slog.New(slog.DiscardHandler)}
	if n, err := d.machine(ctx, notes.Standard("test"), long()); err == nil {
		t.Errorf("got %+v", n)
	}
}
