package answer_test

import (
	"cmp"
	"testing"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/assistant/internal/answer"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/platform/errs"
)

// A question that is known not to be answered comes to nothing, and the phrase that says so is told, with how sure it would be without.
func TestTry(t *testing.T) {
	p := pipeline(t, llm.None, asked(t, true))
	try := func(p *answer.Pipeline, question string) assistantv1.Tried {
		t.Helper()
		got, err := p.Try(t.Context(), assistantv1.TryRequest{Question: question})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := try(p, "Koster en navneændring 8 kr. i Sverige?")
	if got.Reason == assistantv1.ReasonAnswered || got.Sure >= got.Threshold || got.Unanswered != "Koster en navneændring 8 kr. i Sverige?" || got.Like < .9 {
		t.Errorf("%+v", got)
	}
	if got.UnansweredTitle == "" || got.UnansweredChunkID == "" || got.ChunkID == "" || got.Without == got.Sure {
		t.Errorf("%+v", got)
	}
	for name, p := range map[string]*answer.Pipeline{"with phrases": p, "without phrases": pipeline(t, llm.None, asked(t, false))} {
		got := try(p, "Hvad koster en navneændring?")
		if got.Reason != assistantv1.ReasonAnswered || got.Sure < got.Threshold || (name == "without phrases") != (got.Unanswered == "") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for language, want := range map[string]string{"": "Navneændring", "da": "Navneændring", "en": "Change of name"} { // the words show none
		got, err := p.Try(t.Context(), assistantv1.TryRequest{Question: "navn 610", Language: language})
		if err != nil || got.Title != want || got.Language != cmp.Or(language, "da") {
			t.Errorf("%q: %+v, %v", language, got, err)
		}
	}
	if _, err := p.Try(t.Context(), assistantv1.TryRequest{}); errs.KindOf(err) != errs.Invalid {
		t.Error(err)
	}
}
