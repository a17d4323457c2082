package knowledge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

func TestAskedIsCleaned(t *testing.T) {
	for name, tc := range map[string]struct{ in, want []string }{
		"as it is":         {[]string{"Hvad koster det?"}, []string{"Hvad koster det?"}},
		"twice":            {[]string{"Hvad koster det?", "hvad koster det", " "}, []string{"Hvad koster det?"}},
		"markup":           {[]string{`<b onclick="x()">Hvad</b> koster <script>alert(1)</script>det?`}, []string{"Hvad koster det?"}},
		"less than":        {[]string{"indtægt < 100.000 kr?"}, []string{"indtægt < 100.000 kr?"}},
		"nobody sees":      {[]string{"Hvad\u200b koster\u202e det?\n\nNu"}, []string{"Hvad koster det? Nu"}},
		"not UTF-8":        {[]string{"Hvad\xff koster det?"}, []string{"Hvad\uFFFD koster det?"}},
		"somebody's data":  {[]string{"Mit cpr er 030303-4321, hvad nu?", "Ring til 77 88 99 11"}, []string{"Mit cpr er ••••••-••••, hvad nu?", "Ring til •• •• •• ••"}},
		"nothing but data": {[]string{"<script>1</script>"}, nil},
	} {
		got, err := knowledge.Asked(tc.in)
		must(t, err)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, in := range map[string][]string{
		"a megabyte": {strings.Repeat("a", 1<<20)},
		"a text":     {strings.Repeat("ord ", 80)},
		"too many":   slices.Repeat([]string{"Hvad koster det?"}, knowledgev1.MaxAsked+1),
	} {
		_, err := knowledge.Asked(in)
		if errs.KindOf(err) != errs.Invalid || errs.Text(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a source brings is found by it; it changes the record, so that the index is renewed, and not the text that evidence is of.
func TestAskedOfASource(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		h.load(t, "by", false, records()...)
		query := knowledgev1.SearchRequest{Query: "rykket teltpælene op"}
		if got := h.found(t, query); got != nil {
			t.Fatalf("found before it was said: %v", got)
		}
		before, err := h.Chunk(t.Context(), "by/flytning-frist")
		must(t, err)
		rec := records()[0]
		rec.Asked = []string{"Vi har rykket teltpælene op, hvad så?"}
		english := records()[4]
		english.Asked = []string{"How many bucks for a travel booklet?"}
		if r := h.load(t, "by", false, rec, english); r.Changed != 2 {
			t.Fatalf("import: %+v", r)
		}
		if diff := cmp.Diff([]string{"by/flytning-frist"}, h.found(t, query)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"by/passport"}, h.found(t, knowledgev1.SearchRequest{Query: "how many bucks is the booklet", Language: "en"})); diff != "" {
			t.Error(diff)
		}
		after, err := h.Chunk(t.Context(), "by/flytning-frist")
		must(t, err)
		if diff := cmp.Diff(rec.Asked, after.Asked); diff != "" || after.SHA256 != before.SHA256 || after.Text != before.Text {
			t.Errorf("the text changed, or: %s", diff)
		}
		if r := h.load(t, "by", false, rec); r.Unchanged != 1 {
			t.Errorf("the same again: %+v", r)
		}
		rec.Asked = []string{strings.Repeat("a", 1<<20)}
		if r := h.load(t, "by", false, rec); r.Failed != 1 || !strings.Contains(r.Failures[0].Reason, "asked") {
			t.Errorf("a megabyte: %+v", r)
		}
		rec.Asked = nil
		h.load(t, "by", false, rec)
		if got := h.found(t, query); got != nil {
			t.Errorf("found by what is no longer said: %v", got)
		}
	})
}

// What editors add stands apart: a new fetch does not undo it, it comes back with an article that was away, and goes for good with it.
func TestAskedOfEditors(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		rec := records()[0]
		rec.Asked = []string{"Vi har rykket teltpælene op, hvad så?"}
		h.load(t, "by", true, rec, records()[3])
		set := func(asked ...string) knowledgev1.Chunk {
			t.Helper()
			c, err := h.SetAsked(t.Context(), knowledgev1.AskedRequest{ID: "by/flytning-frist", Asked: asked, Actor: "mette"})
			must(t, err)
			return c
		}
		query := knowledgev1.SearchRequest{Query: "pakket kufferten"}
		want := []string{"by/flytning-frist"}
		c := set("Jeg har <i>pakket</i> kufferten", "jeg har pakket kufferten")
		if diff := cmp.Diff([]string{"Jeg har pakket kufferten"}, c.EditorAsked); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(rec.Asked, c.Asked); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want, h.found(t, query)); diff != "" {
			t.Error(diff)
		}
		rec.HTML = "" // a new fetch with another text
		rec.Text, rec.Asked = "Meld flytning hurtigt.", nil
		h.load(t, "by", true, rec, records()[3])
		if diff := cmp.Diff(want, h.found(t, query)); diff != "" {
			t.Errorf("after a new fetch: %s", diff)
		}
		h.load(t, "by", true, records()[3])
		if got := h.found(t, query); got != nil {
			t.Errorf("of a removed article: %v", got)
		}
		_, err := h.SetAsked(t.Context(), knowledgev1.AskedRequest{ID: "by/flytning-frist", Asked: []string{"Hvad?"}})
		wantKind(t, err, errs.NotFound)
		h.load(t, "by", true, rec, records()[3])
		if diff := cmp.Diff(want, h.found(t, query)); diff != "" {
			t.Errorf("back again: %s", diff)
		}
		h.load(t, "by", true, records()[3])
		h.stop()
		h.now = h.now.Add(40 * 24 * time.Hour)
		h.start(t)
		h.await(t, func() error { // it answers before it forgets
			var n int
			err := h.db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM knowledge_asked`).Scan(&n)
			if err == nil && n > 0 {
				err = fmt.Errorf("%d phrases of editors are kept", n)
			}
			return err
		})
		h.load(t, "by", true, rec, records()[3])
		if got := h.found(t, query); got != nil {
			t.Errorf("after it was gone for good: %v", got)
		}
		set("kufferten er pakket")
		if c := set(); len(c.EditorAsked) != 0 {
			t.Errorf("none: %+v", c)
		}
		if got := h.found(t, query); got != nil {
			t.Errorf("after the editor took it back: %v", got)
		}
	})
}

func TestAskedRefused(t *testing.T) {
	h := onSQLite(t).start(t)
	h.load(t, "by", false, records()...)
	for name, tc := range map[string]struct {
		req  knowledgev1.AskedRequest
		kind errs.Kind
	}{
		"no such article":   {knowledgev1.AskedRequest{ID: "by/nothing", Asked: []string{"Hvad?"}}, errs.NotFound},
		"a megabyte":        {knowledgev1.AskedRequest{ID: "by/pas-pris", Asked: []string{strings.Repeat("a", 1<<20)}}, errs.Invalid},
		"a text unanswered": {knowledgev1.AskedRequest{ID: "by/pas-pris", Unanswered: []string{strings.Repeat("ord ", 80)}}, errs.Invalid},
		"an actor of lines": {knowledgev1.AskedRequest{ID: "by/pas-pris", Actor: "a\nb"}, errs.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.SetAsked(t.Context(), tc.req)
			wantKind(t, err, tc.kind)
		})
	}
}

// What a text does not answer is kept as carefully: cleaned, with the source's and the editors' apart, and none of it finds anything.
func TestUnanswered(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		rec := records()[0]
		rec.Unanswered = []string{"Skal min <b>udlejer</b> vide det?", "skal min udlejer vide det"}
		h.load(t, "by", true, rec)
		before, err := h.Chunk(t.Context(), "by/flytning-frist")
		must(t, err)
		if diff := cmp.Diff([]string{"Skal min udlejer vide det?"}, before.Unanswered); diff != "" {
			t.Error(diff)
		}
		set := func(req knowledgev1.AskedRequest) knowledgev1.Chunk {
			t.Helper()
			req.ID = "by/flytning-frist"
			c, err := h.SetAsked(t.Context(), req)
			must(t, err)
			kept, err := h.Chunk(t.Context(), req.ID)
			must(t, err)
			if diff := cmp.Diff(kept, c); diff != "" {
				t.Errorf("kept and answered: %s", diff)
			}
			return c
		}
		c := set(knowledgev1.AskedRequest{Asked: []string{"Vi er rykket"}, Unanswered: []string{"Mit cpr er 030303-4321, hvem flytter klaveret?"}})
		if diff := cmp.Diff([]string{"Mit cpr er ••••••-••••, hvem flytter klaveret?"}, c.EditorUnanswered); diff != "" || c.SHA256 != before.SHA256 {
			t.Errorf("%s, hash %s, before %s", diff, c.SHA256, before.SHA256)
		}
		for _, words := range []string{"udlejer", "klaveret"} {
			if got := h.found(t, knowledgev1.SearchRequest{Query: words}); got != nil {
				t.Errorf("%s finds %v", words, got)
			}
		}
		if c = set(knowledgev1.AskedRequest{Asked: []string{"Vi er rykket ud"}}); len(c.EditorUnanswered) != 1 {
			t.Errorf("not named, and gone: %q", c.EditorUnanswered)
		}
		rec.Unanswered = nil
		h.load(t, "by", true, rec)
		if c = set(knowledgev1.AskedRequest{Unanswered: []string{"Hvem flytter klaveret?"}}); c.Unanswered != nil || len(c.EditorUnanswered) != 1 || c.EditorAsked != nil {
			t.Errorf("after a new fetch: %q, %q, %q", c.Unanswered, c.EditorUnanswered, c.EditorAsked)
		}
		if c = set(knowledgev1.AskedRequest{Unanswered: []string{}}); c.EditorUnanswered != nil {
			t.Errorf("taken back: %q", c.EditorUnanswered)
		}
		rec.Unanswered = []string{strings.Repeat("ord ", 80)}
		if r := h.load(t, "by", false, rec); r.Failed != 1 || !strings.Contains(r.Failures[0].Reason, "unanswered") {
			t.Errorf("a text was taken: %+v", r)
		}
	})
}

// Over the bus an editor sees the phrases of a chunk; searches do not hand them out.
func TestAskedOverTheBus(t *testing.T) {
	h := onSQLite(t).start(t)
	svc, err := h.bus.Service("assistant", "test")
	must(t, err)
	defer svc.Stop()
	must(t, h.Register(svc))
	h.load(t, "by", false, records()...)
	asked := []string{"Jeg har pakket kufferten"}
	unanswered := []string{"Hvem flytter klaveret?"}
	c, err := bus.Request[knowledgev1.Chunk](patient(t), h.bus, knowledgev1.AskedSubject,
		knowledgev1.AskedRequest{ID: "by/flytning-frist", Asked: asked, Unanswered: unanswered, Actor: "mette"})
	must(t, err)
	again, err := bus.Request[knowledgev1.Chunk](patient(t), h.bus, knowledgev1.ChunkSubject, knowledgev1.ChunkRequest{ID: "by/flytning-frist"})
	must(t, err)
	if !slices.Equal(c.EditorAsked, asked) || !slices.Equal(again.EditorAsked, asked) || !slices.Equal(again.EditorUnanswered, unanswered) {
		t.Errorf("set %v, kept %v", c.EditorAsked, again.EditorAsked)
	}
	rep, err := bus.Request[knowledgev1.SearchReply](patient(t), h.bus, knowledgev1.SearchSubject, knowledgev1.SearchRequest{Query: "pakket kufferten"})
	must(t, err)
	if len(rep.Hits) != 1 || rep.Hits[0].ID != "by/flytning-frist" || rep.Hits[0].EditorAsked != nil || rep.Hits[0].EditorUnanswered != nil {
		t.Errorf("hits %+v", rep.Hits)
	}
}
