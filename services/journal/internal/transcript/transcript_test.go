package transcript

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/internal/store"
)

var begin = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// w is a word of a fifth of a second, at a place in seconds.
func w(id, text string, at float64, sentence bool) transcriptv1.Word {
	start := int64(at * rate)
	return transcriptv1.Word{ID: id, Text: text, Start: start, End: start + rate/5, Confidence: 0.9, Sentence: sentence, Spoken: "spoken", Clear: "clear"}
}

func f(leg string, revision int, from, to float64, ledger []transcriptv1.Range, words ...transcriptv1.Word) Final {
	return Final{Words: words, Final: store.Final{LegID: leg, Revision: revision, From: int64(from * rate), To: int64(to * rate), Ledger: ledger}}
}

func r(from, to float64, s transcriptv1.State) transcriptv1.Range {
	return transcriptv1.Range{Start: int64(from * rate), End: int64(to * rate), State: s}
}

var citizen = store.Leg{ID: "citizen", StartedAt: begin}

var caseworker = store.Leg{ID: "caseworker", StartedAt: begin.Add(2 * time.Second)} // answered after 2 s

func TestOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		finals []Final
		want   string
	}{
		"nothing": {nil, ""},
		"legs by time, a leg's place is its start": {
			[]Final{
				f("caseworker", 0, 0, 3, nil, w("k1", "Goddag.", 0.5, true)), // at 2.5 s
				f("citizen", 0, 0, 5, nil, w("c1", "Hallo?", 1, true), w("c2", "Hej.", 3, true)),
			},
			"Hallo?\nGoddag.\nHej.",
		},
		"a sentence is not torn by a word in between": {
			[]Final{
				f("citizen", 0, 0, 3, nil, w("c1", "Jeg", 1, true), w("c2", "ringer", 1.6, false), w("c3", "nu.", 2.4, false)),
				f("caseworker", 0, 0, 3, nil, w("k1", "Ja.", 0.2, true)), // at 2.2 s
			},
			"Jeg ringer nu.\nJa.",
		},
		"after a pause the other one may come between": {
			[]Final{
				f("citizen", 0, 0, 9, nil, w("c1", "Det", 1, true), w("c2", "er", 6, false)),
				f("caseworker", 0, 0, 3, nil, w("k1", "Ja?", 1, true)), // at 3 s
			},
			"Det\nJa?\ner",
		},
		"a stronger pass replaces what it heard again": {
			[]Final{
				f("citizen", 0, 0, 2, nil, w("c1", "Jae", 0.5, true)),
				f("citizen", 0, 2, 4, nil, w("c2", "vejen", 2.5, false)),
				f("citizen", 1, 0, 2, nil, w("c1r1", "Ja", 0.5, true)),
			},
			"Ja vejen", // one leg, one line
		},
		"a stronger pass with a hole replaces nothing": {
			[]Final{
				f("citizen", 0, 0, 4, nil, w("c1", "Jae", 0.5, true), w("c2", "vejen", 2.5, false)),
				f("citizen", 1, 0, 1, nil, w("c1r1", "Ja", 0.5, true)),
				f("citizen", 1, 2, 4, nil, w("c2r1", "Vejle", 2.5, true)),
			},
			"Jae vejen",
		},
		"nor does one that lost something": {
			[]Final{
				f("citizen", 0, 0, 4, nil, w("c1", "Jae", 0.5, true)),
				f("citizen", 1, 0, 4, []transcriptv1.Range{r(0, 3, transcriptv1.Transcribed), r(3, 4, transcriptv1.Lost)}, w("c1r1", "Ja", 0.5, true)),
			},
			"Jae",
		},
		"pieces of another length that fit together; what hangs over waits": {
			[]Final{
				f("citizen", 0, 0, 4, nil, w("c1", "Jae", 0.5, true), w("c2", "vejen", 3.5, false)),
				f("citizen", 0, 4, 8, nil, w("c3", "hus", 5, false)),
				f("citizen", 1, 0, 3, nil, w("c1r1", "Ja", 0.5, true)),
				f("citizen", 1, 3, 6, nil, w("c2r1", "Vejle", 3.5, false), w("c3r1", "huset", 5, false)),
			},
			"Ja Vejle hus",
		},
		"the strongest that is complete": {
			[]Final{
				f("citizen", 0, 0, 4, nil, w("c1", "Jae", 0.5, true)),
				f("citizen", 1, 0, 4, nil, w("c1r1", "Ja", 0.5, true)),
				f("citizen", 2, 0, 3, nil, w("c1r2", "Jo", 0.5, true)),
			},
			"Ja",
		},
		"one that heard nothing there": {
			[]Final{
				f("citizen", 0, 0, 4, nil, w("c1", "øh", 0.5, true)),
				f("citizen", 1, 0, 4, []transcriptv1.Range{r(0, 4, transcriptv1.Silence)}),
			},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Assemble(store.Conversation{ID: "c", StartedAt: begin}, []store.Leg{citizen, caseworker}, tc.finals)
			if got.Text != tc.want {
				t.Fatalf("got %q, want %q", got.Text, tc.want)
			}
		})
	}
}

func TestWordsCarryTimesOfTheConversationAndNothingClear(t *testing.T) {
	got := Assemble(store.Conversation{ID: "c", StartedAt: begin}, []store.Leg{caseworker},
		[]Final{f("caseworker", 0, 0, 3, nil, w("k1", "••••••-••••", 0.5, true))})
	want := []journalv1.Word{{ID: "k1", Leg: "caseworker", Text: "••••••-••••", Start: 2.5, End: 2.7, Confidence: 0.9, Sentence: true}}
	if diff := cmp.Diff(want, got.Words); diff != "" {
		t.Fatal(diff)
	}
}

func TestGaps(t *testing.T) {
	done := store.Conversation{ID: "c", StartedAt: begin, EndedAt: begin.Add(time.Minute), ClosedAt: begin.Add(time.Minute), Transcribed: true}
	leg := store.Leg{ID: "citizen", StartedAt: begin, Samples: 10 * rate, Expected: true, HeardTo: 8 * rate}
	finals := []Final{
		f("citizen", 0, 0, 2, []transcriptv1.Range{r(0, 1, transcriptv1.Silence), r(1, 2, transcriptv1.Lost)}),
		f("citizen", 0, 3, 6, []transcriptv1.Range{r(3, 4, transcriptv1.Lost), r(4, 5, transcriptv1.Masked), r(5, 6, transcriptv1.Transcribed)}),
		f("citizen", 0, 6, 8, []transcriptv1.Range{r(6, 8, transcriptv1.Transcribed)}),
	}
	got := Assemble(done, []store.Leg{leg}, finals)
	want := []journalv1.Gap{
		{Leg: "citizen", Start: 1, End: 4, State: transcriptv1.Lost},
		{Leg: "citizen", Start: 4, End: 5, State: transcriptv1.Masked},
		{Leg: "citizen", Start: 8, End: 10, State: transcriptv1.Lost},
	}
	if diff := cmp.Diff(want, got.Gaps); diff != "" {
		t.Fatal(diff)
	}
	open := done
	open.ClosedAt = time.Time{}
	if got := Assemble(open, []store.Leg{leg}, finals); len(got.Gaps) != 2 {
		t.Fatalf("what may still come counts as lost: %+v", got.Gaps)
	}
}

func TestComplete(t *testing.T) {
	ended := store.Conversation{EndedAt: begin, Transcribed: true}
	for name, tc := range map[string]struct {
		c    store.Conversation
		legs []store.Leg
		want bool
	}{
		"live":                          {store.Conversation{Transcribed: true}, []store.Leg{{Finished: true}}, false},
		"declined":                      {store.Conversation{EndedAt: begin}, []store.Leg{{Samples: 5}}, true},
		"all heard":                     {ended, []store.Leg{{Samples: 5, Expected: true, HeardTo: 5}}, true},
		"the last final is there":       {ended, []store.Leg{{Samples: store.Unknown, Finished: true}}, true},
		"one leg lags":                  {ended, []store.Leg{{Finished: true}, {Samples: 5, Expected: true, HeardTo: 4}}, false},
		"the call vanished":             {ended, []store.Leg{{Samples: store.Unknown}}, false},
		"a leg that nobody writes down": {ended, []store.Leg{{Finished: true}, {Samples: 5}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Complete(tc.c, tc.legs); got != tc.want {
				t.Fatalf("got %v", got)
			}
		})
	}
}

func TestCoverage(t *testing.T) {
	legs := []store.Leg{
		{Samples: 10 * rate, Expected: true, HeardTo: 8 * rate, Transcribed: 5 * rate, Silence: 2 * rate, Lost: rate},
		{Samples: 4 * rate, HeardTo: 4 * rate, Masked: 4 * rate},
	}
	got := Coverage(store.Conversation{ClosedAt: begin}, legs)
	want := journalv1.Coverage{Captured: 14, Transcribed: 5, Silence: 2, Masked: 4, Lost: 3}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestRevisionsAreTold(t *testing.T) {
	c := store.Conversation{ID: "c", StartedAt: begin}
	finals := []Final{
		f("citizen", 0, 0, 2, []transcriptv1.Range{r(0, 1, transcriptv1.Transcribed), r(1, 2, transcriptv1.Lost)}, w("c1", "Jae", 0.5, true)),
		f("citizen", 0, 2, 4, []transcriptv1.Range{r(2, 4, transcriptv1.Transcribed)}, w("c2", "vejen", 2.5, false)),
		f("citizen", 1, 0, 2, []transcriptv1.Range{r(0, 2, transcriptv1.Transcribed)}, w("c1r1", "Ja", 0.5, true), w("c1r2", "da", 1.5, false)),
	}
	got := Assemble(c, []store.Leg{citizen}, finals)
	revisions := map[string]int{}
	for _, w := range got.Words {
		revisions[w.ID] = w.Revision
	}
	if diff := cmp.Diff(map[string]int{"c1r1": 1, "c1r2": 1, "c2": 0}, revisions); diff != "" {
		t.Error(diff)
	}
	if len(got.Gaps) != 0 { // what the live pass lost is heard now
		t.Errorf("gaps: %+v", got.Gaps)
	}
	old := Replaced(c, []store.Leg{citizen}, finals)
	if len(old) != 1 || old[0].ID != "c1" || old[0].Revision != 0 {
		t.Errorf("replaced: %+v", old)
	}
}

func TestTypedLegsAreTold(t *testing.T) {
	leg := func(id, engine string) store.Leg { return store.Leg{ID: id, StartedAt: begin, Engine: engine} }
	for name, tc := range map[string]struct {
		legs   []store.Leg
		engine string
		typed  []string
	}{
		"spoken only":      {[]store.Leg{leg("a", "vosk")}, "vosk", nil},
		"spoken and typed": {[]store.Leg{leg("a", "vosk"), leg("b", "typed"), leg("c", "typed")}, "vosk", []string{"b", "c"}},
		"typed first":      {[]store.Leg{leg("b", "typed"), leg("a", "vosk")}, "vosk", []string{"b"}},
		"typed only":       {[]store.Leg{leg("b", "typed")}, "typed", []string{"b"}},
	} {
		got := Assemble(store.Conversation{StartedAt: begin}, tc.legs, nil)
		if diff := cmp.Diff(tc.typed, got.Typed); diff != "" || got.Engine != tc.engine {
			t.Errorf("%s: engine %q, typed %s", name, got.Engine, diff)
		}
	}
}
