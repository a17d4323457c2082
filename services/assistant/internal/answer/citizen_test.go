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

// Who writes neither Danish nor English reads in the own language what to do, and the ways on in English.
func TestForeignTongues(t *testing.T) {
	p := pipeline(t, llm.None)
	for text, want := range map[string][2]string{
		"Wie viel kostet ein neuer Reisepass für meine Frau?": {"de", "Ich kann nur"},
		"Скільки коштує паспорт і як його отримати?":          {"uk", "Я читаю лише"},
		"Сколько стоит паспорт":                               {"ru", "Я читаю только"},
		"كم سعر جواز السفر":                                   {"ar", "أستطيع القراءة"},
		"چگونه گذرنامه بگیرم":                                 {"fa", "من فقط"},
		"Jak mogę dostać paszport dla dziecka?":               {"pl", "Rozumiem tylko"},
		"Pasaportumu nasıl yenilerim ve ne kadar":             {"tr", "Yalnızca"},
		"Comment puis-je avoir un passeport pour mon fils ?":  {"fr", "Je ne lis"},
		"护照多少钱": {"", "I can only read"},
	} {
		r := ask(t, p, assistantv1.AskRequest{Question: text})
		if r.Reason != assistantv1.ReasonLanguage || r.MessageLanguage != want[0] || !strings.HasPrefix(r.Message, want[1]) || r.Language != question.English {
			t.Errorf("%q: %s in %q: %s", text, r.Reason, r.MessageLanguage, r.Message)
		}
		if !strings.Contains(r.Message, "I can only read") || !strings.Contains(r.Message, "Jeg kan kun læse") { // it may have been taken for another
			t.Errorf("%q: %s", text, r.Message)
		}
	}
}

// Handovers go where the matter belongs also when nothing was answered: to the area of an article that the question names, else to the first.
func TestWhereWithoutAnAnswer(t *testing.T) {
	all := records()
	for i := range all {
		if all[i].ArticleID == "bolig" {
			all[i].Area = "boligstoette"
		}
	}
	p := pipeline(t, llm.None, knows(t, all), func(c *answer.Config) {
		c.Areas = func(context.Context) ([]consentv1.Area, error) {
			return []consentv1.Area{{ID: "borgerservice", Name: "Borgerservice"}, {ID: "boligstoette", Name: "Boligstøtte"}}, nil
		}
	})
	for text, want := range map[string][2]string{ // the reason, and the area
		"Hvorfor har jeg fået afslag på min boligstøtte?": {assistantv1.ReasonOwnCase, "boligstoette"},
		"Hvor langt er I med min sag?":                    {assistantv1.ReasonOwnCase, "borgerservice"},
		"Hvem vandt Tour de France i 1996?":               {assistantv1.ReasonUnknown, "borgerservice"},
	} {
		r := ask(t, p, assistantv1.AskRequest{Question: text})
		i := slices.IndexFunc(r.Routes, func(w assistantv1.Route) bool { return w.Kind == assistantv1.RouteChat })
		if r.Reason != want[0] || i < 0 || !strings.Contains(r.Routes[i].Target, "omraade="+want[1]) {
			t.Errorf("%q: %s %+v", text, r.Reason, r.Routes)
		}
	}
}

// A further question goes on about the municipality that was named, and a municipality alone asks the same of that one.
func TestFollowUpByPlace(t *testing.T) {
	p := pipeline(t, llm.None)
	first := ask(t, p, assistantv1.AskRequest{Question: "Hvilke dage er der vielse på rådhuset i Odense?"})
	for _, text := range []string{"og i Aarhus?", "Aarhus", "hvad med Aarhus?", "aarhus kommune", "jeg bor i Brabrand"} {
		r := ask(t, p, assistantv1.AskRequest{Question: text}, first.Turn)
		if !strings.Contains(said(r), "torsdag") || r.Municipality != "0751" || !strings.Contains(r.Read, "i Aarhus") || strings.Contains(r.Read, "Odense") {
			t.Errorf("%q: read as %q, %s for %q: %q", text, r.Read, r.Reason, r.Municipality, said(r))
		}
	}
	here := ask(t, p, assistantv1.AskRequest{Question: "Hvordan foregår en vielse på rådhuset i Aarhus?"})
	r := ask(t, p, assistantv1.AskRequest{Question: "og hvilke dage?"}, here.Turn)
	if !strings.Contains(said(r), "torsdag") || r.Municipality != "0751" {
		t.Errorf("read as %q, %s for %q: %q", r.Read, r.Reason, r.Municipality, said(r))
	}
	if r := ask(t, p, assistantv1.AskRequest{Question: "Hvad koster et pas til voksne i Aarhus?"}, first.Turn); !strings.Contains(said(r), "893 kr.") {
		t.Errorf("a question of its own is read as %q: %q", r.Read, said(r))
	}
}

// Opening hours that an article has are quoted; where none has them it is said where they stand, and a person is offered.
func TestOpeningHours(t *testing.T) {
	know := append(records(), knowledgev1.Record{
		ID: "affald#plads", ArticleID: "affald", URL: "https://www.borger.dk/affald", Title: "Affald", Section: "Genbrugspladsen", Authority: "Kommunen",
		Text: "Genbrugspladsen har åbent alle dage kl. 10-18. Store maskiner afleveres først på kontoret.",
	})
	p := pipeline(t, llm.None, knows(t, know))
	if r := ask(t, p, assistantv1.AskRequest{Question: "Hvornår har genbrugspladsen åbent?"}); !r.Answered || !strings.Contains(said(r), "kl. 10-18") {
		t.Errorf("%s %.2f: %q", r.Reason, r.Score, said(r))
	}
	for text, says := range map[string]string{
		"Hvad er åbningstiderne på biblioteket?":    "De åbningstider kender jeg ikke",
		"Hvornår har jobcenteret i Odense åbent?":   "De åbningstider kender jeg ikke",
		"Hvornår har I telefontid?":                 "De åbningstider kender jeg ikke",
		"What are the opening hours of the police?": "I do not know those opening hours",
		"Hvornår åbner byens skøjtebane?":           "Det ved jeg ikke",
	} {
		r := ask(t, p, assistantv1.AskRequest{Question: text})
		if r.Answered || len(r.Sentences) > 0 || !strings.HasPrefix(r.Message, says) {
			t.Errorf("%q: %s %q %q", text, r.Reason, r.Message, said(r))
		}
		if !slices.ContainsFunc(r.Routes, func(way assistantv1.Route) bool { return way.Kind == assistantv1.RouteChat }) {
			t.Errorf("%q leads to nobody: %+v", text, r.Routes)
		}
	}
}

// Of two questions the first is answered, and the second is not lost.
func TestTwoQuestions(t *testing.T) {
	p := pipeline(t, llm.None)
	for text, second := range map[string]string{
		"Hvad koster en navneændring, og hvor lang tid tager det?":  "hvor lang tid tager det?",
		"Hvad koster en navneændring? Hvor henvender jeg mig?":      "Hvor henvender jeg mig?",
		"hvad koster en navneændring og hvornår skal jeg betale":    "hvornår skal jeg betale",
		"How much does a change of name cost and when do I pay it?": "when do I pay it?",
	} {
		if r := ask(t, p, assistantv1.AskRequest{Question: text}); !strings.Contains(said(r), "610") || !strings.Contains(r.Notice, second) {
			t.Errorf("%q: %s %q, notice %q", text, r.Reason, said(r), r.Notice)
		}
	}
	for _, text := range []string{"Hvad koster en navneændring?", "Hvad koster et pas og et kørekort?", "Kan jeg få boligstøtte, og hvad så?"} {
		if r := ask(t, p, assistantv1.AskRequest{Question: text}); r.Notice != "" {
			t.Errorf("%q: notice %q", text, r.Notice)
		}
	}
}

// A second question that says itself what it is about is answered too, with its own evidence; where nothing proves an answer it is told back.
func TestSecondQuestionByItself(t *testing.T) {
	p := pipeline(t, llm.None)
	r := ask(t, p, assistantv1.AskRequest{Question: "Hvad koster en navneændring, og hvor længe gælder et pas til voksne?"})
	i := slices.IndexFunc(r.Sentences, func(s assistantv1.Sentence) bool { return s.Question != "" })
	if i < 1 || r.Sentences[i].Question != "hvor længe gælder et pas til voksne?" || !strings.Contains(r.Sentences[0].Text, "610 kr.") || !strings.Contains(r.Sentences[i].Text, "10 år") {
		t.Fatalf("%d: %q, notice %q", i, said(r), r.Notice)
	}
	for n, s := range r.Sentences {
		if len(s.Evidence) != 1 || s.Evidence[0].Quote != s.Text || slices.ContainsFunc(r.Sentences[:n], func(o assistantv1.Sentence) bool { return o.ID == s.ID }) {
			t.Errorf("sentence %d: %+v", n, s)
		}
	}
	if len(r.Links) != 2 || r.Notice != "" || r.Authority != "Kommunen" {
		t.Errorf("links %v, notice %q, authority %q", r.Links, r.Notice, r.Authority)
	}
	const unknown = "hvornår kører færgen til Mars?"
	if r := ask(t, p, assistantv1.AskRequest{Question: "Hvad koster en navneændring, og " + unknown}); !r.Answered || !strings.Contains(r.Notice, unknown) || strings.Contains(said(r), "pas") {
		t.Errorf("%q, notice %q", said(r), r.Notice)
	}
}

// A long story that asks for help with nothing in particular gets a person, not an article that happens to share words with it.
func TestLongStory(t *testing.T) {
	const story = "Jeg bor til leje med mine to børn, og jeg er lige blevet fyret fra mit job i en butik, og min mand flyttede for to måneder siden, " +
		"og vi har ingen bolig at flytte til, og indkomst har jeg ikke, "
	p := pipeline(t, llm.None)
	if r := ask(t, p, assistantv1.AskRequest{Question: story + "kan man få noget hjælp"}); r.Answered {
		t.Errorf("%.2f %q", r.Score, said(r))
	}
	if r := ask(t, p, assistantv1.AskRequest{Question: story + "hvem kan få boligstøtte"}); !r.Answered {
		t.Errorf("%s %.2f", r.Reason, r.Score)
	}
}
