// Package vectortest is the contract of vector.Index in code, with the corpora that it is tried on.
package vectortest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/models/vector"
)

// Model is the model of the vectors that the suite makes.
var Model = embed.Model{Name: "test", Digest: "1", Dimension: 4}

// Run checks that the indexes made by open keep the contract. open gives an empty index for a model, nil for none, and closes it
// when the test ends.
func Run(t *testing.T, open func(t *testing.T, m *embed.Model) vector.Index) {
	small := func(t *testing.T) vector.Index {
		ix := open(t, nil)
		mustRebuild(t, ix, Small())
		return ix
	}
	t.Run("empty", func(t *testing.T) {
		ix := open(t, nil)
		expect(t, ix, vector.Query{Text: "flytning"})
		if err := ix.Delete(t.Context(), []string{"findes ikke"}); err != nil {
			t.Errorf("delete of nothing: %v", err)
		}
		if err := ix.Upsert(t.Context(), nil); err != nil {
			t.Errorf("upsert of nothing: %v", err)
		}
		if n := info(t, ix).Count; n != 0 {
			t.Errorf("count %d", n)
		}
	})
	t.Run("finds", func(t *testing.T) { finds(t, small(t)) })
	t.Run("explains", func(t *testing.T) { explains(t, small(t)) })
	t.Run("payload", func(t *testing.T) { payload(t, open(t, nil)) })
	t.Run("asked", func(t *testing.T) { asked(t, small(t)) })
	t.Run("wholly asked", func(t *testing.T) { whollyAsked(t, small(t)) })
	t.Run("filters", func(t *testing.T) { filters(t, small(t)) })
	t.Run("changes", func(t *testing.T) { changes(t, small(t)) })
	t.Run("refuses", func(t *testing.T) { refuses(t, small(t)) })
	t.Run("rebuild", func(t *testing.T) { rebuild(t, small(t)) })
	t.Run("rebuild keeps changes", func(t *testing.T) { rebuildKeeps(t, small(t)) })
	t.Run("dense", func(t *testing.T) { dense(t, open(t, &Model)) })
	t.Run("at once", func(t *testing.T) { atOnce(t, small(t)) })
	t.Run("closed", func(t *testing.T) { closed(t, small(t)) })
}

// Points makes a sequence for Rebuild.
func Points(points []vector.Point) iter.Seq2[vector.Point, error] {
	return func(yield func(vector.Point, error) bool) {
		for _, p := range points {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func mustRebuild(t *testing.T, ix vector.Index, points []vector.Point) {
	t.Helper()
	if err := ix.Rebuild(t.Context(), Points(points)); err != nil {
		t.Fatalf("rebuild: %v", err)
	}
}

func info(t *testing.T, ix vector.Index) vector.Info {
	t.Helper()
	i, err := ix.Info(t.Context())
	if err != nil {
		t.Fatalf("info: %v", err)
	}
	return i
}

// search gives the IDs of the hits.
func search(t *testing.T, ix vector.Index, q vector.Query) []string {
	t.Helper()
	r, err := ix.Search(t.Context(), q)
	if err != nil {
		t.Fatalf("search %+v: %v", q, err)
	}
	return IDs(r)
}

// IDs of the hits, best first.
func IDs(r vector.Result) []string {
	var out []string
	for _, h := range r.Hits {
		out = append(out, h.ID)
	}
	return out
}

func expect(t *testing.T, ix vector.Index, q vector.Query, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, search(t, ix, q)); diff != "" {
		t.Errorf("%+v (-want +got)\n%s", q, diff)
	}
}

// first expects a point at the top by words and n-grams; others that only look alike may follow.
func first(t *testing.T, ix vector.Index, text, want string) {
	t.Helper()
	r, err := ix.Search(t.Context(), vector.Query{Text: text})
	if err != nil || len(r.Hits) == 0 || r.Hits[0].ID != want || r.Hits[0].Coverage == 0 {
		t.Errorf("%q finds %q, want %q, %v", text, IDs(r), want, err)
	}
}

// missing expects that no point has a word of the text; some may look alike.
func missing(t *testing.T, ix vector.Index, text string) {
	t.Helper()
	r, err := ix.Search(t.Context(), vector.Query{Text: text})
	if err != nil {
		t.Errorf("%q: %v", text, err)
	}
	for _, h := range r.Hits {
		if h.Coverage > 0 {
			t.Errorf("%q finds %s", text, h.ID)
		}
	}
}

func finds(t *testing.T, ix vector.Index) {
	for text, want := range map[string]string{
		"hvad er fristen for at flytte":       "flytning#frist",
		"bøde for sent meldt flytning":        "flytning#boede",
		"hjælp til husleje":                   "boligstoette#hvem",
		"jeg vil ansøge om bolig støtte":      "boligstoette#ansoeg",
		"boligstøtteansøgning lejekontrakt":   "boligstoette#ansoeg",
		"bolgistøte":                          "boligstoette#hvem",
		"hvad er satserne for børnepengene":   "ungeydelse#satser",
		"mistet sygesikringskortet":           "sundhedskort",
		"hvor afleverer jeg storskrald":       "affald",
		"when must I report that I am moving": "moving",
	} {
		if got := search(t, ix, vector.Query{Text: text}); len(got) == 0 || got[0] != want {
			t.Errorf("%q finds %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", "og det er", "?!", "\u200b", "日本語", strings.Repeat("zqxw ", 700)} {
		expect(t, ix, vector.Query{Text: text})
	}
	if got := search(t, ix, vector.Query{Text: "flytning boligstøtte pas", K: 2}); len(got) != 2 {
		t.Errorf("k 2 gives %q", got)
	}
}

func explains(t *testing.T, ix vector.Index) {
	r, err := ix.Search(t.Context(), vector.Query{Text: "får jeg børnepenge hvert kvartal"})
	if err != nil || len(r.Hits) == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	h := r.Hits[0]
	if h.ID != "ungeydelse#satser" || h.Coverage < .5 || h.Coverage > 1 || h.Score <= 0 {
		t.Errorf("first hit %s, coverage %g, score %g", h.ID, h.Coverage, h.Score)
	}
	for i, name := range []string{vector.Words, vector.NGrams} {
		if len(h.Why) != 2 || h.Why[i].Ranking != name || h.Why[i].Rank != 1 || h.Why[i].Score <= 0 {
			t.Fatalf("why %+v", h.Why)
		}
	}
	if !slices.Contains(h.Why[0].Terms, sparse.Stem("kvartal", false)) || !slices.Contains(h.Why[0].Terms, sparse.Stem("børneydelse", false)) {
		t.Errorf("terms %q", h.Why[0].Terms)
	}
	sum, official := 0.0, false
	for _, term := range r.Terms {
		sum += term.Weight
		official = official || term.Via == sparse.ViaOfficial && term.Word == "børnepenge"
	}
	if sum < .999 || sum > 1.001 || !official {
		t.Errorf("terms %+v weigh %g", r.Terms, sum)
	}
	far, err := ix.Search(t.Context(), vector.Query{Text: "hvordan bager jeg en kagemand med glasur til kvartalet"})
	if err != nil || len(far.Hits) > 0 && far.Hits[0].Coverage >= h.Coverage {
		t.Errorf("a question of something else is covered by %g, %v", far.Hits[0].Coverage, err)
	}
}

func payload(t *testing.T, ix vector.Index) {
	want := vector.Point{
		ID: "kilde/æøå#1", ArticleID: "a", URL: "https://eksempel.dk/?a=1&b=2", Title: "Titel", Section: "Afsnit", Text: "Teksten\n\n- med \"linjer\" 👍",
		Municipality: "0751", ValidFrom: "2026-01-01", ValidTo: "2026-12-31", Language: "da", SHA256: "abc",
	}
	if err := ix.Upsert(t.Context(), []vector.Point{want}); err != nil {
		t.Fatal(err)
	}
	r, err := ix.Search(t.Context(), vector.Query{Text: "teksten", Municipality: "0751", On: "2026-12-31"})
	if err != nil || len(r.Hits) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if diff := cmp.Diff(want, r.Hits[0].Point); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// asked: a point is found by what people ask, also after a change of it, and does not bring it back.
func asked(t *testing.T, ix vector.Index) {
	p := vector.Point{ID: "zebra", Title: "Udrejse", Text: "Meld det til kommunen.", Asked: []string{"Hvad gør jeg med zebraen?"}}
	query := vector.Query{Text: "zebra"}
	expect(t, ix, query)
	for _, change := range []func() error{
		func() error { return ix.Upsert(t.Context(), []vector.Point{p}) },
		func() error { return ix.Rebuild(t.Context(), Points([]vector.Point{p})) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		r, err := ix.Search(t.Context(), query)
		if err != nil || len(r.Hits) != 1 || r.Hits[0].ID != p.ID || r.Hits[0].Asked != nil {
			t.Errorf("got %+v, %v", r.Hits, err)
		}
	}
	p.Asked = nil
	if err := ix.Upsert(t.Context(), []vector.Point{p}); err != nil {
		t.Fatal(err)
	}
	expect(t, ix, query)
}

// whollyAsked: the text of which a phrase is the question comes first, before those that are all about its words.
func whollyAsked(t *testing.T, ix vector.Index) {
	var points []vector.Point
	for i := range 12 {
		points = append(points, vector.Point{
			ID: fmt.Sprint("zebra", i), Title: "Zebra med striber", Section: "Zebraens striber", Text: "Hvor mange striber har en zebra? Zebraen har mange striber.",
		})
	}
	much := vector.Point{ID: "dyr", Title: "Dyr", Text: "Ring til kommunen."}
	for i := range 40 {
		much.Asked = append(much.Asked, fmt.Sprintf("Må jeg have elefant nummer %d i haven, når den er større end skuret?", i))
	}
	much.Asked[17] = "Hvor mange striber må min zebra have?"
	if err := ix.Upsert(t.Context(), append(points, much)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"hvor mange striber må min zebra have", "Min zebra: hvor mange striber må den have?"} {
		r, err := ix.Search(t.Context(), vector.Query{Text: text})
		if err != nil || len(r.Hits) == 0 || r.Hits[0].ID != "dyr" {
			t.Errorf("%s: got %+v, %v", text, r.Hits, err)
		}
	}
}

func filters(t *testing.T, ix vector.Index) {
	waste := vector.Query{Text: "genbrugsplads"}
	has := func(q vector.Query, want ...string) {
		t.Helper()
		got := search(t, ix, q)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-want +got)\n%s", q, diff)
		}
	}
	has(waste, "affald")
	waste.Municipality = "0751"
	has(waste, "affald", "affald@0751")
	waste.Municipality = "0999"
	has(waste, "affald")
	waste.Municipality = vector.Everywhere
	has(waste, "affald", "affald@0101", "affald@0751")

	price := vector.Query{Text: "hvad koster et pas til en voksen", K: 2}
	for day, want := range map[string][]string{
		"": {"pas#pris", "pas#pris-gammel"}, "2025-12-31": {"pas#pris-gammel"}, "2026-01-01": {"pas#pris"}, "2030-06-01": {"pas#pris"}, "2023-12-31": nil,
	} {
		price.On = day
		got := slices.DeleteFunc(search(t, ix, price), func(id string) bool { return !strings.HasPrefix(id, "pas#") })
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" && len(got)+len(want) > 0 {
			t.Errorf("on %q (-want +got)\n%s", day, diff)
		}
	}
	for language, want := range map[string]string{"en": "moving", "da": "flytning#"} {
		if got := search(t, ix, vector.Query{Text: "moving flytning address", Language: language}); len(got) == 0 || !strings.HasPrefix(got[0], want) {
			t.Errorf("language %s finds %q", language, got)
		}
	}
	has(vector.Query{Text: "flytning", Language: "fr"})
}

func changes(t *testing.T, ix vector.Index) {
	ctx := t.Context()
	count := info(t, ix).Count
	bike := vector.Point{ID: "cykel", Text: "En fundet cykel afleveres til politiet."}
	if err := ix.Upsert(ctx, []vector.Point{{ID: "cykel", Text: "Noget om knallerter."}, bike}); err != nil {
		t.Fatal(err)
	}
	first(t, ix, "cykler", "cykel")
	if n := info(t, ix).Count; n != count+1 {
		t.Errorf("count %d after one more than %d", n, count)
	}
	bike.Text = "En fundet barnevogn afleveres til politiet."
	if err := ix.Upsert(ctx, []vector.Point{bike}); err != nil {
		t.Fatal(err)
	}
	missing(t, ix, "knallerter")
	first(t, ix, "barnevogn", "cykel")
	if err := ix.Delete(ctx, []string{"cykel", "findes ikke", "cykel"}); err != nil {
		t.Fatal(err)
	}
	missing(t, ix, "barnevogn politi")
	if n := info(t, ix).Count; n != count {
		t.Errorf("count %d, want %d", n, count)
	}
	// What replaced others is found, once each.
	for i := range 40 {
		if err := ix.Upsert(ctx, []vector.Point{{ID: fmt.Sprint("ny", i%7), Text: fmt.Sprintf("Regel nummer%d om ridestier", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	got := slices.DeleteFunc(search(t, ix, vector.Query{Text: "ridestier", K: 50}), func(id string) bool { return !strings.HasPrefix(id, "ny") })
	if len(got) != 7 {
		t.Errorf("finds %q", got)
	}
	first(t, ix, "nummer39", "ny4")
}

func refuses(t *testing.T, ix vector.Index) {
	ctx := t.Context()
	good := vector.Point{ID: "god", Text: "gravhund"}
	for name, p := range map[string]vector.Point{
		"no id": {Text: "x"}, "long id": {ID: strings.Repeat("x", vector.MaxID+1)}, "long text": {ID: "x", Text: strings.Repeat("x", vector.MaxText+1)},
		"bytes": {ID: "x", Text: "\xff\xfe"}, "much asked": {ID: "x", Asked: []string{strings.Repeat("x", vector.MaxText+1)}}, "day": {ID: "x", ValidTo: "31-12-2026"}, "dense": {ID: "x", Dense: []float32{1, 0, 0, 0}},
	} {
		if err := ix.Upsert(ctx, []vector.Point{good, p}); !errors.Is(err, vector.ErrPoint) {
			t.Errorf("%s gives %v", name, err)
		}
		if err := ix.Rebuild(ctx, Points([]vector.Point{good, p})); !errors.Is(err, vector.ErrPoint) {
			t.Errorf("rebuild with %s gives %v", name, err)
		}
	}
	expect(t, ix, vector.Query{Text: "gravhund"})
	for name, q := range map[string]vector.Query{
		"long": {Text: strings.Repeat("x", vector.MaxQuery+1)}, "k": {Text: "x", K: vector.MaxK + 1}, "negative": {Text: "x", K: -1},
		"day": {Text: "x", On: "i dag"}, "dense": {Text: "x", Dense: []float32{1}},
	} {
		if _, err := ix.Search(ctx, q); !errors.Is(err, vector.ErrQuery) {
			t.Errorf("%s gives %v", name, err)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := ix.Search(gone, vector.Query{Text: "flytning"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled search gives %v", err)
	}
	if err := ix.Upsert(gone, []vector.Point{good}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled upsert gives %v", err)
	}
	expect(t, ix, vector.Query{Text: "gravhund"})
}

func rebuild(t *testing.T, ix vector.Index) {
	if i := info(t, ix); i.Learned != len(Small()) || i.Encoder != sparse.Version {
		t.Errorf("info %+v", i)
	}
	broken := errors.New("disk")
	err := ix.Rebuild(t.Context(), func(yield func(vector.Point, error) bool) {
		_ = yield(vector.Point{ID: "ny", Text: "gravhund"}, nil) && yield(vector.Point{}, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	expect(t, ix, vector.Query{Text: "gravhund"})
	expect(t, ix, vector.Query{Text: "storskrald"}, "affald")
	mustRebuild(t, ix, []vector.Point{{ID: "ny", Text: "gammelt"}, {ID: "ny", Text: "gravhund"}})
	expect(t, ix, vector.Query{Text: "gravhund"}, "ny")
	expect(t, ix, vector.Query{Text: "storskrald"})
	if i := info(t, ix); i.Count != 1 || i.Learned != 1 {
		t.Errorf("info %+v", i)
	}
	mustRebuild(t, ix, nil)
	expect(t, ix, vector.Query{Text: "gravhund"})
}

// rebuildKeeps changes the index from within the sequence of a rebuild, when the old content is read already.
func rebuildKeeps(t *testing.T, ix vector.Index) {
	ctx := t.Context()
	err := ix.Rebuild(ctx, func(yield func(vector.Point, error) bool) {
		for i, p := range Small() {
			if !yield(p, nil) {
				return
			}
			if i != 0 {
				continue
			}
			if err := ix.Delete(ctx, []string{"flytning#frist", "affald"}); err != nil {
				t.Errorf("delete: %v", err)
			}
			if err := ix.Upsert(ctx, []vector.Point{{ID: "sundhedskort", Text: "gravhund"}}); err != nil {
				t.Errorf("upsert: %v", err)
			}
			expect(t, ix, vector.Query{Text: "storskrald"})
			expect(t, ix, vector.Query{Text: "gravhund"}, "sundhedskort")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, ix, vector.Query{Text: "storskrald"})
	expect(t, ix, vector.Query{Text: "gravhund"}, "sundhedskort")
	if got := search(t, ix, vector.Query{Text: "melde flytning"}); slices.Contains(got, "flytning#frist") || !slices.Contains(got, "flytning#boede") {
		t.Errorf("finds %q", got)
	}
}

func dense(t *testing.T, ix vector.Index) {
	points := []vector.Point{
		{ID: "nord", Text: "gravhund", Dense: []float32{3, 0, 0, 0}},
		{ID: "øst", Text: "puddel", Dense: []float32{0, 1, 0, 0}},
		{ID: "nordøst", Text: "puddel", Dense: []float32{1, 1, 0, 0}, Municipality: "0751"},
		{ID: "uden", Text: "schæferhund"},
	}
	mustRebuild(t, ix, points[:2])
	if err := ix.Upsert(t.Context(), points[2:]); err != nil {
		t.Fatal(err)
	}
	q := vector.Query{Dense: []float32{.5, 0, 0, 0}, Municipality: "0751"}
	r, err := ix.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if got := IDs(r); len(got) < 2 || got[0] != "nord" || got[1] != "nordøst" || slices.Contains(got, "uden") {
		t.Fatalf("finds %q", got)
	}
	for i, want := range []float64{1, .7071} {
		why := r.Hits[i].Why
		if len(why) != 1 || why[0].Ranking != vector.Dense || why[0].Rank != i+1 || why[0].Score < want-.01 || why[0].Score > want+.01 {
			t.Errorf("why %+v", why)
		}
	}
	if r.Hits[0].Dense != nil {
		t.Error("the vector came back")
	}
	q.Municipality = ""
	if got := search(t, ix, q); slices.Contains(got, "nordøst") {
		t.Errorf("finds %q", got)
	}
	q.Text = "schæferhund"
	if got := search(t, ix, q); !slices.Contains(got[:2], "uden") || !slices.Contains(got[:2], "nord") {
		t.Errorf("both rankings find %q", got)
	}
	expect(t, ix, vector.Query{Text: "schæferhund", K: 1}, "uden")
	if i := info(t, ix); i.Dense == nil || *i.Dense != Model {
		t.Errorf("info %+v", i)
	}
	if err := ix.Upsert(t.Context(), []vector.Point{{ID: "x", Dense: []float32{1}}}); !errors.Is(err, vector.ErrPoint) {
		t.Errorf("another dimension gives %v", err)
	}
}

// atOnce changes and rebuilds while others search: each search sees whole states.
func atOnce(t *testing.T, ix vector.Index) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var searching, changing sync.WaitGroup
	for range 4 {
		searching.Go(func() {
			for ctx.Err() == nil {
				r, err := ix.Search(ctx, vector.Query{Text: "storskrald ridestier"})
				if ctx.Err() != nil {
					return
				}
				if err != nil || !slices.Contains(IDs(r), "affald") {
					t.Errorf("%q, %v", IDs(r), err)
					return
				}
			}
		})
	}
	for w := range 2 {
		changing.Go(func() {
			for i := range 15 {
				id := fmt.Sprintf("w%d-%d", w, i%4)
				if err := ix.Upsert(ctx, []vector.Point{{ID: id, Text: "ridestier"}, {ID: id + "b", Text: "ridestier"}}); err != nil {
					t.Errorf("upsert: %v", err)
				}
				if err := ix.Delete(ctx, []string{id}); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	changing.Go(func() {
		for range 2 {
			if err := ix.Rebuild(ctx, Points(Small())); err != nil {
				t.Errorf("rebuild: %v", err)
			}
		}
	})
	changing.Wait()
	cancel()
	searching.Wait()
	for _, id := range search(t, ix, vector.Query{Text: "ridestier", K: 50}) {
		if strings.HasPrefix(id, "w") && !strings.HasSuffix(id, "b") {
			t.Errorf("%s was deleted", id)
		}
	}
}

func closed(t *testing.T, ix vector.Index) {
	for range 2 {
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	_, searched := ix.Search(ctx, vector.Query{Text: "flytning"})
	_, told := ix.Info(ctx)
	for name, err := range map[string]error{
		"search": searched, "info": told, "upsert": ix.Upsert(ctx, Small()), "delete": ix.Delete(ctx, []string{"affald"}),
		"rebuild": ix.Rebuild(ctx, Points(Small())),
	} {
		if !errors.Is(err, vector.ErrClosed) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}
