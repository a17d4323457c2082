package review

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/errs"
)

var words = NewWords(journalv1.Transcript{
	Legs: []callv1.Leg{{ID: "b", Role: callv1.RoleCitizen}, {ID: "s", Role: callv1.RoleCaseworker}},
	Words: []journalv1.Word{
		{ID: "b1", Leg: "b", Text: "Jeg", Start: 1, End: 1.2},
		{ID: "b2", Leg: "b", Text: "flyttede", Start: 1.2, End: 1.8},
		{ID: "b3", Leg: "b", Text: "i", Start: 1.8, End: 1.9},
		{ID: "b4", Leg: "b", Text: "marts.", Start: 1.9, End: 2.5},
		{ID: "s1", Leg: "s", Text: "Godt.", Start: 3, End: 3.5},
	},
})

func body() Body {
	return Body{
		Title:    "Flytning",
		Sections: []journalv1.Section{{ID: "oplyst", Title: "Oplyst"}, {ID: "aftalt", Title: "Aftalt"}},
		Sentences: []journalv1.Sentence{
			{
				ID: "1", Section: "oplyst", Text: "Borgeren flyttede i marts.", Verdict: journalv1.Supported, By: "extract",
				Evidence: []journalv1.Evidence{{Leg: "b", WordIDs: []string{"b1", "b2", "b3", "b4"}}},
			},
			{ID: "2", Section: "aftalt", Text: "Der er aftalt noget.", Verdict: journalv1.Unsupported, By: "extract", Reasons: []string{"r"}},
		},
	}
}

func TestSave(t *testing.T) {
	type s = journalv1.Sentence
	for name, tc := range map[string]struct {
		in   []s
		want []string // id or "new", section, verdict, by
		kind errs.Kind
	}{
		"unchanged keep their verdict, whatever the client says": {
			in:   []s{{ID: "1", Section: "oplyst", Text: "Borgeren flyttede i marts.", Verdict: journalv1.Edited}, {ID: "2", Section: "aftalt", Text: "Der er aftalt noget.", Verdict: journalv1.Supported}},
			want: []string{"1 oplyst supported extract", "2 aftalt unsupported extract"},
		},
		"moved to another section": {
			in:   []s{{ID: "2", Section: "oplyst", Text: "Der er aftalt noget."}},
			want: []string{"2 oplyst unsupported extract"},
		},
		"changed, still proven by the same words": {
			in:   []s{{ID: "1", Section: "oplyst", Text: "Borgeren flyttede."}},
			want: []string{"1 oplyst supported cw"},
		},
		"changed beyond the words": {
			in:   []s{{ID: "1", Section: "oplyst", Text: "Borgeren flyttede i april."}},
			want: []string{"1 oplyst edited cw"},
		},
		"new, without evidence": {
			in:   []s{{Section: "aftalt", Text: "Vi ringer."}},
			want: []string{"new aftalt edited cw"},
		},
		"in the order of the sections": {
			in:   []s{{Section: "aftalt", Text: "B."}, {Section: "oplyst", Text: "A."}, {Section: "aftalt", Text: "C."}},
			want: []string{"new oplyst edited cw", "new aftalt edited cw", "new aftalt edited cw"},
		},
		"emptied sentences are deleted": {in: []s{{ID: "1", Section: "oplyst", Text: "  "}}},
		"evidence across legs is cut to one": {
			in:   []s{{Section: "oplyst", Text: "Godt, at borgeren flyttede i marts.", Evidence: []journalv1.Evidence{{WordIDs: []string{"b1", "s1", "b2"}}}}},
			want: []string{"new oplyst edited cw"},
		},
		"unknown id":      {in: []s{{ID: "9", Section: "oplyst", Text: "x"}}, kind: errs.Conflict},
		"twice":           {in: []s{{ID: "1", Section: "oplyst", Text: "x"}, {ID: "1", Section: "oplyst", Text: "y"}}, kind: errs.Invalid},
		"unknown section": {in: []s{{Section: "andet", Text: "x"}}, kind: errs.Invalid},
		"too long":        {in: []s{{Section: "oplyst", Text: strings.Repeat("å", maxSentence+1)}}, kind: errs.Invalid},
		"too many":        {in: make([]s, maxSentences+1), kind: errs.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			before := body()
			got, err := before.Save("Titel", tc.in, words, "cw")
			if errs.KindOf(err) != tc.kind {
				t.Fatalf("got %v, want %q", err, tc.kind)
			}
			if diff := cmp.Diff(body(), before); diff != "" {
				t.Fatalf("the old body changed: %s", diff)
			}
			if err != nil {
				return
			}
			var list []string
			for _, x := range got.Sentences {
				id := x.ID
				if len(id) > 1 {
					id = "new"
				}
				list = append(list, id+" "+x.Section+" "+x.Verdict+" "+x.By)
				if x.Evidence == nil && x.Verdict == journalv1.Edited {
					t.Error("evidence must be a list, also an empty one")
				}
			}
			if diff := cmp.Diff(tc.want, list); diff != "" {
				t.Fatal(diff)
			}
		})
	}
	if _, err := body().Save(strings.Repeat("x", maxTitle+1), nil, words, "cw"); !errors.Is(err, errs.Invalid) {
		t.Errorf("a title without end: %v", err)
	}
}

func TestEvidenceIsDescribedFromTheTranscript(t *testing.T) {
	got, ok := words.describe([]string{"b2", "nowhere", "b3", "s1"})
	want := journalv1.Evidence{Leg: "b", Start: 1.2, End: 1.9, WordIDs: []string{"b2", "b3"}, Quote: "flyttede i"}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Fatal(diff)
	}
	if _, ok := words.describe([]string{"nowhere"}); ok {
		t.Fatal("evidence of nothing")
	}
}

// Where the recogniser writes no full stops, its sentence starts keep what comes after from weighing on a sentence.
func TestSentencesEndWhereTheNextBegins(t *testing.T) {
	said := journalv1.Transcript{Legs: []callv1.Leg{{ID: "b", Role: callv1.RoleCitizen}}}
	for i, text := range strings.Fields("Jeg flytter i marts det sker ikke igen") {
		said.Words = append(said.Words, journalv1.Word{ID: text, Leg: "b", Text: text, Start: float64(i), End: float64(i) + .5, Sentence: i == 0 || text == "det"})
	}
	in := journalv1.Sentence{Section: "oplyst", Text: "Borgeren flytter i marts.", Evidence: []journalv1.Evidence{{WordIDs: []string{"Jeg", "flytter", "i", "marts"}}}}
	if got := NewWords(said).verify(in).Verdict; got != journalv1.Supported {
		t.Errorf("got %s", got)
	}
	for i := range said.Words {
		said.Words[i].Sentence = false
	}
	if got := NewWords(said).verify(in).Verdict; got == journalv1.Supported {
		t.Error("one sentence with a negation proves its opposite")
	}
}

func TestReadyAndConfirm(t *testing.T) {
	b := body()
	err := b.Ready()
	if !errors.Is(err, errs.Invalid) || !strings.Contains(errs.Text(err), "nr. 1 under Aftalt") || strings.Contains(errs.Text(err), "Oplyst") {
		t.Fatalf("got %v", err)
	}
	for _, id := range []string{"2", "9"} {
		if _, err := b.Confirm(id, " ", "cw"); !errors.Is(err, errs.Invalid) {
			t.Fatalf("without a reason: %v", err)
		}
	}
	if _, err := b.Confirm("9", "fordi", "cw"); !errors.Is(err, errs.NotFound) {
		t.Fatal(err)
	}
	c, err := b.Confirm("2", " fordi ", "cw")
	if err != nil || c.Ready() != nil || c.Sentences[1].Confirm != "fordi" {
		t.Fatalf("%+v %v", c, err)
	}
	if b.Sentences[1].Verdict != journalv1.Unsupported {
		t.Fatal("the old body changed")
	}
	if err := (Body{}).Ready(); !errors.Is(err, errs.Invalid) {
		t.Fatal("an empty note can be approved")
	}
}

func TestSame(t *testing.T) {
	b := body()
	in := []journalv1.Sentence{{Section: "aftalt", Text: "Der er aftalt noget. "}, {ID: "1", Section: "oplyst", Text: "Borgeren flyttede i marts."}, {Text: " "}}
	if !b.Same(" Flytning", in) {
		t.Error("the same in another order of sections")
	}
	for name, change := range map[string]func([]journalv1.Sentence) []journalv1.Sentence{
		"text":    func(s []journalv1.Sentence) []journalv1.Sentence { s[0].Text += "x"; return s },
		"section": func(s []journalv1.Sentence) []journalv1.Sentence { s[0].Section = "oplyst"; return s },
		"id":      func(s []journalv1.Sentence) []journalv1.Sentence { s[1].ID = "2"; return s },
		"fewer":   func(s []journalv1.Sentence) []journalv1.Sentence { return s[:1] },
	} {
		if b.Same("Flytning", change(append([]journalv1.Sentence{}, in...))) {
			t.Errorf("another %s counts as the same", name)
		}
	}
}

func TestDocumentIsWhatIsSigned(t *testing.T) {
	h := body().Document("standard/1").Hash()
	for name, change := range map[string]func(*Body){
		"text":     func(b *Body) { b.Sentences[0].Text += "." },
		"evidence": func(b *Body) { b.Sentences[0].Evidence[0].WordIDs = []string{"b1"} },
		"section":  func(b *Body) { b.Sentences[0].Section = "aftalt" },
		"title":    func(b *Body) { b.Title = "x" },
	} {
		b := body()
		change(&b)
		if b.Document("standard/1").Hash() == h {
			t.Errorf("another %s has the same hash", name)
		}
	}
	if body().Document("andet/1").Hash() == h {
		t.Error("another template has the same hash")
	}
}
