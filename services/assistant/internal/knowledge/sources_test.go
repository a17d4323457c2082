package knowledge_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

func TestSaveSource(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		ctx := t.Context()
		s, err := h.SaveSource(ctx, knowledgev1.Source{
			ID: "borger", Kind: knowledgev1.KindBorger, Title: " borger.dk ", Municipalities: []string{"0751", "0101", "0751"}, Every: 24 * time.Hour,
			Actor: "redaktør",
		})
		must(t, err)
		want := knowledgev1.Source{
			ID: "borger", Kind: knowledgev1.KindBorger, Title: "borger.dk", URL: "https://www.borger.dk/_vti_bin/borger/ArticleExport.svc",
			Municipalities: []string{"0101", "0751"}, Every: 24 * time.Hour, Actor: "redaktør",
		}
		if diff := cmp.Diff(want, s); diff != "" {
			t.Error(diff)
		}
		crawler := knowledgev1.Source{ID: "kommune", Kind: knowledgev1.KindSitemap, Title: "Kommunen", URL: "https://kommune.example/sitemap.xml", Include: []string{"/borger/"}}
		s, err = h.SaveSource(ctx, crawler)
		must(t, err)
		if !s.Paused {
			t.Error("a new crawler is on")
		}
		s, err = h.SaveSource(ctx, crawler)
		must(t, err)
		if s.Paused {
			t.Error("a crawler that was switched on is off")
		}
		rep, err := h.Sources(ctx, knowledgev1.SourcesRequest{})
		must(t, err)
		if len(rep.Sources) != 2 || rep.Sources[0].ID != "kommune" || rep.Sources[1].ID != "borger" {
			t.Errorf("%+v", rep.Sources)
		}
	})
}

func TestSaveSourceRefuses(t *testing.T) {
	h := onSQLite(t).start(t)
	_, err := h.SaveSource(t.Context(), knowledgev1.Source{ID: "mappe", Kind: knowledgev1.KindFolder, Title: "Mappe"})
	must(t, err)
	for name, s := range map[string]knowledgev1.Source{
		"id":                    {ID: "a.b", Kind: knowledgev1.KindBorger, Title: "T"},
		"kind":                  {ID: "a", Kind: "ftp", Title: "T"},
		"made by hand":          {ID: "a", Kind: knowledgev1.KindStarter, Title: "T"},
		"other kind":            {ID: "mappe", Kind: knowledgev1.KindBorger, Title: "T"},
		"title":                 {ID: "a", Kind: knowledgev1.KindBorger},
		"every":                 {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Every: time.Second},
		"negative every":        {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Every: -time.Hour},
		"municipality":          {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Municipalities: []string{"751"}},
		"no such municipality":  {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Municipalities: []string{"0751", "9999"}},
		"municipalities of all": {ID: "a", Kind: knowledgev1.KindLife, Title: "T", Municipalities: []string{"0751"}},
		"include":               {ID: "a", Kind: knowledgev1.KindSitemap, Title: "T", URL: "https://x.example/s.xml", Include: []string{"borger"}},
		"no feed":               {ID: "a", Kind: knowledgev1.KindLaws, Title: "T"},
		"no sitemap":            {ID: "a", Kind: knowledgev1.KindSitemap, Title: "T"},
		"file":                  {ID: "a", Kind: knowledgev1.KindSitemap, Title: "T", URL: "file:///etc/passwd"},
		"user in the address":   {ID: "a", Kind: knowledgev1.KindLaws, Title: "T", URL: "https://a:b@x.example/"},
		"folder above":          {ID: "a", Kind: knowledgev1.KindFolder, Title: "T", URL: "../../etc"},
		"area":                  {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Area: "to områder"},
		"authority's area":      {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Areas: []knowledgev1.AuthorityArea{{Authority: "Politiet"}}},
		"nobody's area":         {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Areas: []knowledgev1.AuthorityArea{{Area: "pas"}}},
		"topic without an area": {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Topics: []knowledgev1.TopicArea{{Topic: "32"}}},
		"area without a topic":  {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Topics: []knowledgev1.TopicArea{{Topic: " ", Area: "pas"}}},
		"too many topics":       {ID: "a", Kind: knowledgev1.KindBorger, Title: "T", Topics: make([]knowledgev1.TopicArea, knowledgev1.MaxTopics+1)},
		"whole path":            {ID: "a", Kind: knowledgev1.KindFolder, Title: "T", URL: "/etc"},
	} {
		_, err := h.SaveSource(t.Context(), s)
		if errs.KindOf(err) != errs.Invalid || errs.Text(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a source brings without a service area has the source's, as soon as that is saved: that of who wrote it, else the common one.
func TestAreaOfSource(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		ctx := t.Context()
		at := func(name, authority, area string) knowledgev1.Record {
			return knowledgev1.Record{
				ID: name, URL: "https://x.example/" + name, Title: "Boligstøtte " + name, Text: "Boligstøtte søges digitalt.", Authority: authority, Area: area,
			}
		}
		h.load(t, "kommunen", true, at("egen", "", "pension"), at("anden", "udbetaling danmark", ""), at("ingen", "", ""))
		if diff := cmp.Diff(map[string]string{"egen": "pension", "anden": "", "ingen": ""}, areasOf(t, h, "boligstøtte")); diff != "" {
			t.Error(diff)
		}
		s, err := h.Source(ctx, "kommunen")
		must(t, err)
		s.Area, s.Areas = "borgerservice", []knowledgev1.AuthorityArea{{Authority: " Udbetaling  Danmark", Area: "boligstoette"}}
		s, err = h.SaveSource(ctx, s)
		must(t, err)
		if diff := cmp.Diff([]knowledgev1.AuthorityArea{{Authority: "Udbetaling Danmark", Area: "boligstoette"}}, s.Areas); diff != "" || s.Area != "borgerservice" {
			t.Errorf("%q %s", s.Area, diff)
		}
		if diff := cmp.Diff(map[string]string{"egen": "pension", "anden": "boligstoette", "ingen": "borgerservice"}, areasOf(t, h, "boligstøtte")); diff != "" {
			t.Error(diff)
		}
		h.load(t, "kommunen", true, at("egen", "", ""), at("ingen", "", "")) // an import says nothing of the source's areas
		if diff := cmp.Diff(map[string]string{"egen": "borgerservice", "ingen": "borgerservice"}, areasOf(t, h, "boligstøtte")); diff != "" {
			t.Error(diff)
		}
	})
}

// The source's own topics come before who wrote it, the narrowest that has an area first; a record's own area comes before all. Editors
// see which topics there are.
func TestAreaOfTopic(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		ctx := t.Context()
		housing, money := knowledgev1.Topic{ID: "32.18", Name: "Boligstøtte"}, knowledgev1.Topic{ID: "32", Name: "Økonomisk hjælp"}
		at := func(name, area string, topics ...knowledgev1.Topic) knowledgev1.Record {
			return knowledgev1.Record{
				ID: name, URL: "https://x.example/" + name, Title: "Boligstøtte " + name, Text: "Boligstøtte søges digitalt.", Authority: "Udbetaling Danmark",
				Area: area, Topics: topics,
			}
		}
		unnamed := knowledgev1.Topic{Name: " Uden  nummer"}
		h.load(t, "kommunen", true, at("egen", "borgerservice", housing), at("snæver", "", housing, money), at("bred", "", money, knowledgev1.Topic{}, money), at("navn", "", unnamed), at("ingen", ""))
		s, err := h.Source(ctx, "kommunen")
		must(t, err)
		s.Area, s.Areas = "borgerservice", []knowledgev1.AuthorityArea{{Authority: "Udbetaling Danmark", Area: "udbetaling"}}
		s.Topics = []knowledgev1.TopicArea{{Topic: " 32", Area: "ydelser"}, {Topic: "32.18", Area: "boligstoette"}, {Topic: "32", Area: "anden"}, {Topic: "Uden nummer", Area: "pension"}}
		s, err = h.SaveSource(ctx, s)
		must(t, err)
		want := []knowledgev1.Topic{money, housing, {ID: "Uden nummer", Name: "Uden nummer"}}
		if diff := cmp.Diff(want, s.Known); diff != "" || len(s.Topics) != 3 {
			t.Errorf("%+v %s", s.Topics, diff)
		}
		all := map[string]string{"egen": "borgerservice", "snæver": "boligstoette", "bred": "ydelser", "navn": "pension", "ingen": "udbetaling"}
		if diff := cmp.Diff(all, areasOf(t, h, "boligstøtte")); diff != "" {
			t.Error(diff)
		}
		s.Topics = s.Topics[:1] // of 32.18 nothing is said any more: the wider one holds
		_, err = h.SaveSource(ctx, s)
		must(t, err)
		all["snæver"], all["navn"] = "ydelser", "udbetaling"
		if diff := cmp.Diff(all, areasOf(t, h, "boligstøtte")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRunSource(t *testing.T) {
	h := onSQLite(t).start(t)
	ctx := t.Context()
	s := knowledgev1.Source{ID: "mappe", Kind: knowledgev1.KindFolder, Title: "Mappe"}
	_, err := h.SaveSource(ctx, s)
	must(t, err)
	first, err := h.RunSource(ctx, knowledgev1.SourceRef{ID: "mappe"})
	must(t, err)
	again, err := h.RunSource(ctx, knowledgev1.SourceRef{ID: "mappe"})
	must(t, err)
	if first.ID != again.ID || first.State != knowledgev1.RunRunning {
		t.Errorf("%+v, then %+v", first, again)
	}
	planned, err := h.Unplanned(ctx)
	must(t, err)
	if len(planned) != 1 || !planned[0].Wanted {
		t.Errorf("%+v", planned)
	}
	must(t, h.SetPlanned(ctx, planned[0], time.Time{}))
	if planned, err = h.Unplanned(ctx); err != nil || len(planned) != 0 {
		t.Errorf("after planning: %+v %v", planned, err)
	}
	s.Paused = true
	_, err = h.SaveSource(ctx, s)
	must(t, err)
	_, err = h.RunSource(ctx, knowledgev1.SourceRef{ID: "mappe"})
	wantKind(t, err, errs.Conflict)
	_, err = h.RunSource(ctx, knowledgev1.SourceRef{ID: "ingen"})
	wantKind(t, err, errs.NotFound)
	before, err := h.Unplanned(ctx)
	must(t, err)
	_, err = h.Remove(ctx, knowledgev1.SourceRef{ID: "mappe"})
	must(t, err)
	must(t, h.SetPlanned(ctx, before[0], time.Time{})) // its plan was being carried out as it was removed
	planned, err = h.Unplanned(ctx)
	must(t, err)
	if len(planned) != 1 || !planned[0].Removed {
		t.Fatalf("%+v", planned)
	}
	must(t, h.SetPlanned(ctx, planned[0], time.Time{}))
	_, err = h.Remove(ctx, knowledgev1.SourceRef{ID: "mappe"})
	wantKind(t, err, errs.NotFound)
}

// A law that changes flags the articles that name it and are older; a newer article is not flagged, and a rewritten one no more.
func TestLawChanged(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		ctx := t.Context()
		law := []knowledgev1.Link{{Label: "CPR-loven", URL: "https://www.retsinformation.dk/eli/lta/2017/646"}}
		old := knowledgev1.Record{ID: "gammel", Title: "Flytning", Text: "Meld flytning.", Legal: law}
		h.load(t, "by", false, old, knowledgev1.Record{ID: "anden", Title: "Pas", Text: "Hent passet."})
		_, err := h.SaveSource(ctx, knowledgev1.Source{ID: "love", Kind: knowledgev1.KindLaws, Title: "Love", URL: "https://love.example/feed"})
		must(t, err)
		r, err := h.BeginRun(ctx, "love")
		must(t, err)
		flag := func(day string) {
			t.Helper()
			must(t, h.LawChanged(ctx, r.ID, "lta/2017/646", day))
		}
		changed := func(id string) string {
			t.Helper()
			c, err := h.Chunk(ctx, id)
			must(t, err)
			return c.LawChanged
		}
		flag("2026-06-01") // before it was written
		if got := changed("by/gammel"); got != "" {
			t.Errorf("flagged %s", got)
		}
		flag("2026-12-01")
		flag("2026-11-30") // told late
		if got := changed("by/gammel"); got != "2026-12-01" {
			t.Errorf("flagged %q", got)
		}
		if got := changed("by/anden"); got != "" {
			t.Errorf("names no law, and is flagged %q", got)
		}
		h.now = h.now.Add(30 * 24 * time.Hour)
		h.load(t, "by", false, old)
		if got := changed("by/gammel"); got != "2026-12-01" {
			t.Errorf("unchanged, and flagged %q", got)
		}
		old.Text = "Meld flytning efter den nye lov."
		h.load(t, "by", false, old)
		if got := changed("by/gammel"); got != "" {
			t.Errorf("rewritten, and flagged %q", got)
		}
	})
}

// The editors' page needs all sources in one message of the bus (1 MB), however much went wrong in each.
func TestSourcesFitIntoAMessage(t *testing.T) {
	h := onSQLite(t)
	h.start(t)
	ctx := t.Context()
	for i := range 3 {
		id := fmt.Sprintf("mappe%d", i)
		_, err := h.SaveSource(ctx, knowledgev1.Source{ID: id, Kind: knowledgev1.KindFolder, Title: id})
		must(t, err)
		r, err := h.BeginRun(ctx, id)
		must(t, err)
		for n := range 10 {
			must(t, h.FailItem(ctx, r.ID, fmt.Sprint(n), strings.Repeat("x", 20_000)))
		}
	}
	rep, err := h.Sources(ctx, knowledgev1.SourcesRequest{})
	must(t, err)
	data, err := json.Marshal(rep)
	must(t, err)
	if len(data) > 900_000 {
		t.Errorf("%d bytes", len(data))
	}
	for _, s := range rep.Sources {
		if s.LastRun != nil && s.LastRun.Source != "starter" && (s.LastRun.Failed != 10 || len(s.LastRun.Failures) == 0) {
			t.Errorf("%s: %d failed, %d listed", s.ID, s.LastRun.Failed, len(s.LastRun.Failures))
		}
	}
}

// areasOf is, by article, which area what is found for a text leads to.
func areasOf(t *testing.T, h *harness, text string) map[string]string {
	t.Helper()
	rep, err := h.Search(t.Context(), knowledgev1.SearchRequest{Query: text})
	must(t, err)
	out := map[string]string{}
	for _, hit := range rep.Hits {
		out[hit.ArticleID] = hit.Area
	}
	return out
}
