package ingest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"samtale.dk/samtale/models/vector/embedded"
	"samtale.dk/samtale/services/assistant/internal/ingest"
	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/assistant/internal/schema"
	"samtale.dk/samtale/services/assistant/internal/source/borger/borgertest"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
	workflow "samtale.dk/samtale/workflows/ingest"
)

var written = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// harness is an assistant that fetches; time stands still but for what a test moves.
type harness struct {
	*knowledge.Library
	ingest *ingest.Ingest
	folder string
	now    time.Time
}

// private are the hosts that a test serves.
func start(t *testing.T, db *store.DB, private ...string) *harness {
	t.Helper()
	h := &harness{folder: t.TempDir(), now: written.Add(time.Hour)}
	ix, err := embedded.Open(embedded.Config{})
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	h.Library, err = knowledge.New(knowledge.Config{
		DB: db, Bus: bustest.New(t), Index: ix, Log: log, Metrics: prometheus.NewRegistry(), Now: func() time.Time { return h.now }, SyncWithin: patience,
	})
	must(t, err)
	h.ingest = ingest.New(ingest.Config{
		Library: h.Library, DB: db, Folder: h.folder, Private: private, Gap: time.Microsecond, Timeout: time.Minute, Log: log,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	for h.Ready(t.Context()) != nil {
		time.Sleep(time.Millisecond)
	}
	return h
}

func sqlite(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	must(t, db.Migrate(t.Context(), schema.Migrations()))
	return db
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	return u.Host
}

func (h *harness) save(t *testing.T, s knowledgev1.Source) {
	t.Helper()
	s.Title = "Kilde"
	_, err := h.SaveSource(t.Context(), s)
	must(t, err)
}

// fetch takes a source through the workflow with the real activities.
func (h *harness) fetch(t *testing.T, id string) knowledgev1.Run {
	t.Helper()
	h.now = h.now.Add(time.Hour)
	var s testsuite.WorkflowTestSuite
	s.SetLogger(quiet{})
	env := s.NewTestWorkflowEnvironment()
	env.SetTestTimeout(patience) // of an activity
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: patience})
	env.RegisterActivity(h.ingest.Activities())
	env.ExecuteWorkflow(workflow.Ingest, workflow.Input{SourceID: id})
	if err := env.GetWorkflowError(); err != nil || !env.IsWorkflowCompleted() {
		t.Fatalf("the workflow ended %v: %v", env.IsWorkflowCompleted(), err)
	}
	return h.last(t, id)
}

// quiet drops the SDK's lines.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

func (h *harness) last(t *testing.T, id string) knowledgev1.Run {
	t.Helper()
	rep, err := h.Sources(t.Context(), knowledgev1.SourcesRequest{})
	must(t, err)
	for _, s := range rep.Sources {
		if s.ID == id && s.LastRun != nil {
			return *s.LastRun
		}
	}
	t.Fatalf("%s has no run", id)
	return knowledgev1.Run{}
}

// counts is a run in short.
func counts(r knowledgev1.Run) string {
	return fmt.Sprintf("%s %d/%d +%d ~%d =%d -%d !%d", r.State, r.Seen, r.Total, r.Added, r.Changed, r.Unchanged, r.Removed, r.Failed)
}

func want(t *testing.T, r knowledgev1.Run, short string) {
	t.Helper()
	if got := counts(r); got != short {
		t.Fatalf("run %s, want %s (%s %+v)", got, short, r.Problem, r.Failures)
	}
}

func (h *harness) found(t *testing.T, query, municipality string) []string {
	t.Helper()
	rep, err := h.Search(t.Context(), knowledgev1.SearchRequest{Query: query, Municipality: municipality})
	must(t, err)
	var out []string
	for _, hit := range rep.Hits {
		out = append(out, hit.ID)
	}
	return out
}

func article(id int, title string, microArticles ...string) borgertest.Article {
	var b strings.Builder
	for i, text := range microArticles {
		fmt.Fprintf(&b, `<div id="microArticle_%c"><h2>Afsnit %d</h2><p>%s</p></div>`, 'A'+i, i+1, text)
	}
	return borgertest.Article{
		ID: id, Title: title, URL: fmt.Sprintf("https://www.borger.dk/%d", id), Updated: written,
		Content: `<div id="kernetekst">` + b.String() + `</div>`,
	}
}

// A source from first to last: all is new, nothing changes, one changes, one goes.
func TestIncremental(t *testing.T) {
	storetest.Run(t, schema.Migrations(), func(t *testing.T, db *store.DB) {
		moving := article(1, "Flytning", "Meld flytning senest fem dage efter.", "Send en fuldmagt.")
		passport := article(2, "Pas", "Passet henter du i borgerservice.")
		srv := borgertest.New(t, moving, passport)
		h := start(t, db, host(t, srv.URL))
		h.save(t, knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, URL: srv.URL})
		want(t, h.fetch(t, "borger"), "done 2/2 +3 ~0 =0 -0 !0")
		if diff := cmp.Diff([]string{"GetAllArticles", "GetArticleByID 1", "GetArticleByID 2"}, srv.Calls()); diff != "" {
			t.Error(diff)
		}
		want(t, h.fetch(t, "borger"), "done 2/2 +0 ~0 =3 -0 !0")
		if diff := cmp.Diff([]string{"GetAllArticles"}, srv.Calls()); diff != "" {
			t.Error(diff)
		}
		c, err := h.Chunk(t.Context(), "borger/1#a")
		must(t, err)
		if !c.FetchedAt.Equal(h.now) || !c.UpdatedAt.Equal(written) {
			t.Errorf("fetched %v, updated %v", c.FetchedAt, c.UpdatedAt)
		}
		moving = article(1, "Flytning", "Meld flytning senest syv dage efter.")
		moving.Updated = written.Add(24 * time.Hour)
		srv.Put(moving)
		want(t, h.fetch(t, "borger"), "done 2/2 +0 ~1 =1 -1 !0")
		if got := h.found(t, "send en fuldmagt", ""); slices.Contains(got, "borger/1#b") {
			t.Errorf("removed text is found: %v", got)
		}
		srv.Remove(2)
		r := h.fetch(t, "borger")
		want(t, r, "done 1/1 +0 ~0 =1 -1 !0")
		if diff := cmp.Diff([]knowledgev1.Change{{ChunkID: "borger/2#a", Title: "Pas: Afsnit 1", What: "removed"}}, r.Changes); diff != "" {
			t.Error(diff)
		}
		if got := h.found(t, "passet i borgerservice", ""); slices.Contains(got, "borger/2#a") {
			t.Errorf("a vanished article is found: %v", got)
		}
	})
}

func TestMunicipalities(t *testing.T) {
	a := article(1, "Flytning", "Meld flytning senest fem dage efter.")
	a.Local = map[string]string{"0751": `<div id="kernetekst"><div id="microArticle_A"><h2>Afsnit 1</h2><p>Meld flytning senest fem dage efter.</p>` +
		`<p>I Aarhus hjælper Dokk1.</p></div></div>`}
	srv := borgertest.New(t, a)
	h := start(t, sqlite(t), host(t, srv.URL))
	s := knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, URL: srv.URL, Municipalities: []string{"0751", "0101"}}
	h.save(t, s)
	want(t, h.fetch(t, "borger"), "done 3/3 +2 ~0 =0 -0 !0")
	if diff := cmp.Diff([]string{"borger/1#a", "borger/1#a@0751"}, h.found(t, "melde flytning", "0751")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"borger/1#a"}, h.found(t, "melde flytning", "0101")); diff != "" {
		t.Error(diff)
	}
	want(t, h.fetch(t, "borger"), "done 3/3 +0 ~0 =2 -0 !0")
	s.Municipalities = nil // nobody wants the editions any more
	h.save(t, s)
	want(t, h.fetch(t, "borger"), "done 1/1 +0 ~0 =1 -1 !0")
}

// What borger.dk says of an article's place in FORM leads handovers to the area that editors gave it, without a new fetch.
func TestTopicsGiveTheArea(t *testing.T) {
	a := article(1, "Flytning", "Meld flytning senest fem dage efter.")
	a.Services, a.Tasks = map[string]string{"27": "Sociale ydelser"}, map[string]string{"27.12": "Bolig"}
	srv := borgertest.New(t, a)
	h := start(t, sqlite(t), host(t, srv.URL))
	s := knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, URL: srv.URL, Area: "borgerservice"}
	h.save(t, s)
	want(t, h.fetch(t, "borger"), "done 1/1 +1 ~0 =0 -0 !0")
	area := func() string {
		t.Helper()
		c, err := h.Chunk(t.Context(), "borger/1#a")
		must(t, err)
		return c.Area
	}
	if got := area(); got != "borgerservice" {
		t.Errorf("area %q before any topic has one", got)
	}
	s.Topics = []knowledgev1.TopicArea{{Topic: "27.12", Area: "boligstoette"}}
	h.save(t, s)
	if got := area(); got != "boligstoette" {
		t.Errorf("area %q", got)
	}
	a.Tasks, a.Updated = nil, written.Add(time.Hour) // borger.dk moves it
	srv.Put(a)
	want(t, h.fetch(t, "borger"), "done 1/1 +0 ~1 =0 -0 !0")
	if got := area(); got != "borgerservice" {
		t.Errorf("area %q after it was moved", got)
	}
}

// One article that cannot be taken stops nothing; what is kept of it stays.
func TestBadArticle(t *testing.T) {
	good, bad := article(1, "Flytning", "Meld flytning."), article(2, "Pas", "Hent passet.")
	srv := borgertest.New(t, good, bad, article(3, "Bolig", "Søg boligstøtte."))
	h := start(t, sqlite(t), host(t, srv.URL))
	h.save(t, knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, URL: srv.URL})
	want(t, h.fetch(t, "borger"), "done 3/3 +3 ~0 =0 -0 !0")
	bad.Content, bad.Updated = "<script>x</script>", written.Add(time.Hour)
	srv.Put(bad)
	r := h.fetch(t, "borger")
	want(t, r, "done 3/3 +0 ~0 =2 -0 !1")
	if diff := cmp.Diff([]knowledgev1.Failure{{Item: "2", Reason: "Artiklen har ingen tekst."}}, r.Failures); diff != "" {
		t.Error(diff)
	}
	if got := h.found(t, "hente passet", ""); !slices.Contains(got, "borger/2#a") {
		t.Errorf("found %v", got)
	}
	bad.NotExportable = true // its authority does not give it away any more
	srv.Put(bad)
	r = h.fetch(t, "borger")
	want(t, r, "done 3/3 +0 ~0 =2 -1 !1")
	if got := h.found(t, "hente passet", ""); slices.Contains(got, "borger/2#a") {
		t.Errorf("found %v", got)
	}
	want(t, h.fetch(t, "borger"), "done 3/3 +0 ~0 =2 -0 !0") // it is not asked for again until it changes
}

// A list that is suddenly empty, or misses most of what was there, removes nothing.
func TestShortList(t *testing.T) {
	var all []borgertest.Article
	for id := range 10 {
		all = append(all, article(id+1, fmt.Sprintf("Artikel %d", id+1), "Noget om flytning."))
	}
	srv := borgertest.New(t, all...)
	h := start(t, sqlite(t), host(t, srv.URL))
	h.save(t, knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, URL: srv.URL})
	want(t, h.fetch(t, "borger"), "done 10/10 +10 ~0 =0 -0 !0")
	srv.Remove(1, 2, 3, 4, 5, 6, 7)
	r := h.fetch(t, "borger")
	want(t, r, "done 3/3 +0 ~0 =3 -0 !0")
	if !strings.Contains(r.Problem, "mangler 7 artikler") {
		t.Errorf("problem %q", r.Problem)
	}
	srv.Remove(8, 9, 10)
	r = h.fetch(t, "borger")
	if r.State != knowledgev1.RunFailed || !strings.Contains(r.Problem, "tom liste") {
		t.Errorf("%s: %q", r.State, r.Problem)
	}
	if got := h.found(t, "flytning", ""); len(got) != 10 {
		t.Errorf("found %v", got)
	}
}

// A server that dies in the middle is tried again, and then the run fails with what it has done; the next one does the rest.
func TestServerDies(t *testing.T) {
	var all []borgertest.Article
	for id := range 20 {
		all = append(all, article(id+1, fmt.Sprintf("Artikel %d", id+1), "Noget om flytning."))
	}
	srv := borgertest.New(t, all...)
	h := start(t, sqlite(t), host(t, srv.URL))
	h.save(t, knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, URL: srv.URL})
	var n atomic.Int32
	srv.Intercept(func(http.ResponseWriter, *http.Request) bool {
		if n.Add(1) > 9 { // the list and eight articles
			panic(http.ErrAbortHandler)
		}
		return false
	})
	r := h.fetch(t, "borger")
	want(t, r, "failed 8/20 +8 ~0 =0 -0 !0")
	if r.Problem != "Serveren svarer ikke." {
		t.Errorf("problem %q", r.Problem)
	}
	srv.Intercept(nil)
	want(t, h.fetch(t, "borger"), "done 20/20 +12 ~0 =8 -0 !0")
}

// A run that a crash left behind is gone on with, not begun again.
func TestAfterCrash(t *testing.T) {
	srv := borgertest.New(t, article(1, "Flytning", "Meld flytning."), article(2, "Pas", "Hent passet."))
	h := start(t, sqlite(t), host(t, srv.URL))
	h.save(t, knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, URL: srv.URL})
	acts := h.ingest.Activities()
	open, err := acts.OpenIngest(t.Context(), workflow.OpenIngestInput{SourceID: "borger"})
	must(t, err)
	run := open.RunID
	_, err = acts.ListArticles(t.Context(), workflow.ListArticlesInput{RunID: run})
	must(t, err)
	// The process dies after the first article.
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int32
	srv.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if n.Add(1) != 2 {
			return false
		}
		cancel()
		<-r.Context().Done()
		return true
	})
	if _, err := acts.FetchArticles(ctx, workflow.FetchArticlesInput{RunID: run}); err == nil {
		t.Fatal("went on")
	}
	srv.Intercept(nil)
	srv.Calls()
	part, err := acts.FetchArticles(t.Context(), workflow.FetchArticlesInput{RunID: run})
	must(t, err)
	if !part.Done {
		t.Error("not done")
	}
	if diff := cmp.Diff([]string{"GetArticleByID 2"}, srv.Calls()); diff != "" {
		t.Error(diff)
	}
	_, err = acts.CloseIngest(t.Context(), workflow.CloseIngestInput{RunID: run})
	must(t, err)
	want(t, h.last(t, "borger"), "done 2/2 +2 ~0 =0 -0 !0")
}

func TestFolder(t *testing.T) {
	h := start(t, sqlite(t))
	write := func(name, text string) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(h.folder, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(h.folder, name), []byte(text), 0o644))
	}
	write("by/a.jsonl", `{"id":"1","title":"Flytning","text":"Meld flytning."}`+"\nikke JSON\n"+`{"id":"2","title":"Pas","text":"Hent passet."}`)
	write("by/readme.txt", "ikke viden")
	write("anden/b.jsonl", `{"id":"9","title":"Hemmelig","text":"Ikke for denne kilde."}`)
	h.save(t, knowledgev1.Source{ID: "by", Kind: knowledgev1.KindFolder, URL: "by"})
	r := h.fetch(t, "by")
	want(t, r, "done 1/1 +2 ~0 =0 -0 !1")
	if r.Failures[0].Item != "a.jsonl linje 2" {
		t.Errorf("%+v", r.Failures)
	}
	write("by/a.jsonl", `{"id":"2","title":"Pas","text":"Hent passet."}`)
	want(t, h.fetch(t, "by"), "done 1/1 +0 ~0 =1 -1 !0")
	want(t, h.fetch(t, "by"), "done 1/1 +0 ~0 =1 -0 !0")
}

// A crawled site: pages that have not changed are not sent again, old addresses bring nothing twice, what is gone goes.
func TestSitemap(t *testing.T) {
	pages := map[string]string{"/pas": "Passet koster 911 kr.", "/flytning": "Meld flytning.", "/bolig": "Søg boligstøtte."}
	var sent atomic.Int32
	var gone atomic.Bool
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/sitemap.xml":
			for _, p := range []string{"/bolig", "/flytning", "/gammel", "/pas"} {
				fmt.Fprintf(w, "%s<url><loc>http://%s%s</loc></url>", map[bool]string{true: "<urlset>"}[p == "/bolig"], r.Host, p)
			}
			fmt.Fprint(w, "</urlset>")
		case r.URL.Path == "/gammel":
			http.Redirect(w, r, "/pas", http.StatusMovedPermanently)
		case pages[r.URL.Path] == "" || gone.Load() && r.URL.Path == "/bolig":
			http.NotFound(w, r)
		case r.Header.Get("If-None-Match") == `"1"`:
			w.WriteHeader(http.StatusNotModified)
		default:
			sent.Add(1)
			w.Header().Set("ETag", `"1"`)
			fmt.Fprintf(w, "<title>Side</title><main><h1>Side</h1><p>%s</p></main>", pages[r.URL.Path])
		}
	}))
	t.Cleanup(site.Close)
	h := start(t, sqlite(t), host(t, site.URL))
	s := knowledgev1.Source{ID: "sider", Kind: knowledgev1.KindSitemap, URL: site.URL + "/sitemap.xml"}
	h.save(t, s)
	h.save(t, s) // switched on
	want(t, h.fetch(t, "sider"), "done 4/4 +3 ~0 =0 -0 !0")
	if sent.Store(0); len(h.found(t, "hvad koster passet", "")) != 1 {
		t.Errorf("found %v", h.found(t, "hvad koster passet", ""))
	}
	gone.Store(true)
	r := h.fetch(t, "sider")
	want(t, r, "done 4/4 +0 ~0 =2 -1 !1")
	if r.Failures[0].Reason != "Siden findes ikke mere." || sent.Load() != 0 {
		t.Errorf("%+v, %d pages sent", r.Failures, sent.Load())
	}
}

func TestLaws(t *testing.T) {
	feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<feed><entry><id>https://www.retsinformation.dk/eli/lta/2017/646</id><updated>2026-12-01T00:00:00Z</updated></entry></feed>`)
	}))
	t.Cleanup(feed.Close)
	h := start(t, sqlite(t), host(t, feed.URL))
	_, err := h.Import(t.Context(), knowledgev1.ImportRequest{Import: "i", Source: "by", Last: true, Records: []knowledgev1.Record{{
		ID: "1", Title: "Flytning", Text: "Meld flytning.", Legal: []knowledgev1.Link{{Label: "CPR-loven", URL: "https://www.retsinformation.dk/eli/lta/2017/646"}},
	}}})
	must(t, err)
	h.save(t, knowledgev1.Source{ID: "love", Kind: knowledgev1.KindLaws, URL: feed.URL})
	want(t, h.fetch(t, "love"), "done 1/1 +0 ~1 =0 -0 !0")
	c, err := h.Chunk(t.Context(), "by/1")
	must(t, err)
	if c.LawChanged != "2026-12-01" {
		t.Errorf("flagged %q", c.LawChanged)
	}
	want(t, h.fetch(t, "love"), "done 1/1 +0 ~0 =0 -0 !0")
}

func TestPauseAndRemoval(t *testing.T) {
	srv := borgertest.New(t, article(1, "Flytning", "Meld flytning."))
	h := start(t, sqlite(t), host(t, srv.URL))
	s := knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, URL: srv.URL}
	h.save(t, s)
	srv.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.Header.Get("SOAPAction"), "GetArticleByID") && !s.Paused {
			s.Paused = true // an editor, while the run is at work
			h.save(t, s)
		}
		return false
	})
	r := h.fetch(t, "borger")
	if r.State != knowledgev1.RunFailed || r.Problem != "Kilden blev sat på pause." {
		t.Errorf("%s: %s", r.State, r.Problem)
	}
	if got := h.found(t, "flytning", ""); got != nil {
		t.Errorf("a paused source answers: %v", got)
	}
	r2 := h.fetch(t, "borger") // by a schedule that was late: nothing happens
	if r2.ID != r.ID {
		t.Errorf("another run: %+v", r2)
	}
	s.Paused = false
	h.save(t, s)
	if got := h.found(t, "flytning", ""); len(got) != 1 {
		t.Errorf("after the pause: %v", got)
	}
	acts := h.ingest.Activities()
	open, err := acts.OpenIngest(t.Context(), workflow.OpenIngestInput{SourceID: "borger"})
	must(t, err)
	_, err = h.Remove(t.Context(), knowledgev1.SourceRef{ID: "borger"})
	must(t, err)
	run := open.RunID
	_, err = acts.ListArticles(t.Context(), workflow.ListArticlesInput{RunID: run})
	must(t, err)
	part, err := acts.FetchArticles(t.Context(), workflow.FetchArticlesInput{RunID: run})
	must(t, err)
	_, err = acts.CloseIngest(t.Context(), workflow.CloseIngestInput{RunID: run})
	must(t, err)
	if got := h.found(t, "flytning", ""); got != nil || !part.Done {
		t.Errorf("after the removal: %v %v", got, part.Done)
	}
}
