package answer_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/assistant/internal/answer"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
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

// What a question in English comes to is what a citizen gets: the Danish articles that are offered, and the answer that is none beside
// them.
func TestTryOffersInDanish(t *testing.T) {
	all := slices.DeleteFunc(withAids(), func(r knowledgev1.Record) bool { return r.ArticleID != "hjaelp" && r.Language != question.English })
	for name, tt := range map[string]struct {
		change   func(*answer.Config)
		question string
		instead  string
	}{
		"unknown":        {asFitted, "My grandmother needs a wheelchair", assistantv1.ReasonUnknown},
		"another matter": {func(c *answer.Config) { c.Weights.Threshold = .05 }, "When do I pay the fee for my wheelchair?", assistantv1.ReasonAnswered},
		"its own matter": {func(c *answer.Config) { c.Weights.Threshold = .05 }, "How much does a change of name cost?", ""},
	} {
		p := pipeline(t, llm.None, knows(t, all), tt.change)
		got, err := p.Try(t.Context(), assistantv1.TryRequest{Question: tt.question})
		if err != nil {
			t.Fatal(err)
		}
		r := ask(t, p, assistantv1.AskRequest{Question: tt.question})
		if got.Reason != r.Reason || got.Instead != tt.instead {
			t.Errorf("%s: %+v, and a citizen gets %s", name, got, r.Reason)
		}
		offered := len(got.Offered) == 1 && got.Offered[0].ChunkID == "starter/hjaelp#hvem" && got.Offered[0].Title == "Hjælpemidler og boligindretning"
		if offered != (tt.instead != "") || offered != strings.Contains(got.InDanish, "hjælpemid") || len(toRead(r)) != len(got.Offered) {
			t.Errorf("%s: %+v, and a citizen gets %q", name, got, toRead(r))
		}
	}
}
