package answer_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/assistant/internal/answer"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// toRead are the articles that an answer offers.
func toRead(r answer.Result) []string {
	var out []string
	for _, w := range r.Routes {
		if w.Kind == assistantv1.RouteLink {
			out = append(out, w.Label+" "+w.Target)
		}
	}
	return out
}

// asFitted is the small knowledge with the weights and the threshold that are used.
func asFitted(c *answer.Config) { c.Weights = nil }

// withAids is the small knowledge with an article that has an area of its own.
func withAids() []knowledgev1.Record {
	return append(records(), knowledgev1.Record{
		ID: "hjaelp#hvem", ArticleID: "hjaelp", URL: "https://www.borger.dk/hjaelp", Title: "Hjælpemidler og boligindretning", Section: "Hvem kan få et hjælpemiddel?",
		Text: "Kommunen kan give støtte til hjælpemidler, når din funktionsevne er nedsat.", Authority: "Kommunen", Area: "handicap",
	})
}

// Who asks in English about what only Danish articles are about gets them to read, is told that they are in Danish, and gets a person:
// nothing is said from them. What is about something else gets none, however much of it is a matter of ours.
func TestOffersInDanish(t *testing.T) {
	p := pipeline(t, llm.None, knows(t, withAids()), asFitted, func(c *answer.Config) {
		c.Areas = func(context.Context) ([]consentv1.Area, error) {
			return []consentv1.Area{{ID: "borgerservice", Name: "Borgerservice"}, {ID: "handicap", Name: "Handicap"}}, nil
		}
	})
	for text, want := range map[string]string{
		"My grandmother needs a wheelchair":             "Read yourself: Hjælpemidler og boligindretning (in Danish) https://www.borger.dk/hjaelp",
		"Who gives me a new hearing aid?":               "Read yourself: Hjælpemidler og boligindretning (in Danish) https://www.borger.dk/hjaelp",
		"Are there passports for my daughters?":         "Read yourself: Pas til voksne (in Danish) https://www.borger.dk/pas",
		"What does a wedding dress cost?":               "",
		"Should I rent a car or a boat for the summer?": "",
		"Who won the passport photo contest?":           "",
		"How many people in the world have a passport?": "",
		"Where do I get a passport in Germany?":         "",
		"How do I get a hunting licence?":               "",
	} {
		r := ask(t, p, assistantv1.AskRequest{Question: text})
		got := toRead(r)
		if r.Reason != assistantv1.ReasonUnknown || len(r.Sentences) > 0 || want == "" && len(got) > 0 || want != "" && (len(got) != 1 || got[0] != want) {
			t.Errorf("%s: %s %q offers %q", text, r.Reason, said(r), got)
		}
		if said := strings.Contains(r.Message, "They are in Danish."); said != (want != "") || !strings.HasPrefix(r.Message, "I do not know.") {
			t.Errorf("%s: %s", text, r.Message)
		}
		i := slices.IndexFunc(r.Routes, func(w assistantv1.Route) bool { return w.Kind == assistantv1.RouteChat })
		if i < 0 {
			t.Errorf("%s: no person: %+v", text, r.Routes)
		} else if strings.Contains(want, "/hjaelp") != strings.Contains(r.Routes[i].Target, "omraade=handicap") {
			t.Errorf("%s: the person is at %s", text, r.Routes[i].Target)
		}
	}
	if r := ask(t, p, assistantv1.AskRequest{Question: "My grandmother needs a wheelchair", Language: question.Danish}); !strings.Contains(r.Message, "De er på dansk.") || len(toRead(r)) != 1 {
		t.Errorf("who reads Danish is told %q %q", r.Message, toRead(r))
	}
}

// An answer in English from an article about something else is none, however like the question its sentences are; and what is offered
// to read is what has the matter. Where the article has it, in either language, or is known to answer, the answer stays.
func TestDanishInsteadOfAnotherMatter(t *testing.T) {
	all := slices.DeleteFunc(withAids(), func(r knowledgev1.Record) bool { return r.ArticleID != "hjaelp" && r.Language != question.English })
	for i := range all {
		if all[i].Language == question.English {
			all[i].Asked = []string{"What does it cost to apply with a wheelchair?"}
		}
	}
	p := pipeline(t, llm.None, knows(t, all), func(c *answer.Config) { c.Weights.Threshold = .05 }) // so low that anything like it is answered
	const aids = "Read yourself: Hjælpemidler og boligindretning (in Danish) https://www.borger.dk/hjaelp"
	for text, want := range map[string]struct{ reason, said, read string }{
		"When do I pay the fee for my wheelchair?":      {assistantv1.ReasonUnknown, "", aids},
		"What does it cost to apply for a hearing aid?": {assistantv1.ReasonUnknown, "", aids},
		"How much does a change of name cost?":          {assistantv1.ReasonAnswered, "DKK 610", ""},
		"How much does a name change cost?":             {assistantv1.ReasonAnswered, "DKK 610", ""},
		"How much does it cost?":                        {assistantv1.ReasonAnswered, "DKK 610", ""},
		"What does it cost to apply with a wheelchair?": {assistantv1.ReasonAnswered, "DKK 610", ""}, // known to be answered there
	} {
		r := ask(t, p, assistantv1.AskRequest{Question: text})
		if got := strings.Join(toRead(r), "|"); r.Reason != want.reason || !strings.Contains(said(r), want.said) || got != want.read {
			t.Errorf("%s: %s %q offers %q", text, r.Reason, said(r), got)
		}
	}
}

// failing is knowledge that cannot be searched in Danish for Danish words.
type failing struct{ answer.Knowledge }

func (k failing) Search(ctx context.Context, req knowledgev1.SearchRequest) (knowledgev1.SearchReply, error) {
	if strings.Contains(req.Query, "hjælpemidler") {
		return knowledgev1.SearchReply{}, errAway
	}
	return k.Knowledge.Search(ctx, req)
}

// Without the search for articles in Danish the answer is as it was: it is no reason for having none.
func TestOffersInDanishFail(t *testing.T) {
	p := pipeline(t, llm.None, asFitted, func(c *answer.Config) { c.Knowledge = failing{c.Knowledge} })
	r := ask(t, p, assistantv1.AskRequest{Question: "My grandmother needs a wheelchair"})
	if r.Reason != assistantv1.ReasonUnknown || len(toRead(r)) > 0 || strings.Contains(r.Message, "Danish") || len(r.Routes) == 0 {
		t.Errorf("%s: %s %+v", r.Reason, r.Message, r.Routes)
	}
}
