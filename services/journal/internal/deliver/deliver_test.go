package deliver

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/contract/journalv1"
)

func sample() deliveryv1.Note {
	at := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	section := func(id, title string, texts ...string) deliveryv1.Section {
		s := deliveryv1.Section{Section: journalv1.Section{ID: id, Title: title, Kind: "fact"}}
		for _, x := range texts {
			s.Sentences = append(s.Sentences, journalv1.Sentence{Text: x, Verdict: journalv1.Supported})
		}
		return s
	}
	return deliveryv1.Note{
		ID: "note-1", ConversationID: "conv-1", Version: 3, Channel: callv1.ChannelQueue, ServiceArea: "borgerservice",
		CaseNumber: "2026-17", Party: callv1.Party{Name: "Bente Holm"}, PartyID: "0101901234",
		StartedAt: at.Add(-time.Hour), EndedAt: at.Add(-50 * time.Minute), Title: "Boligstøtte & <flytning>", Template: "standard/1",
		Sections: []deliveryv1.Section{
			section("henvendelse", "Henvendelse", "Borgeren ringer om boligstøtte."), section("vurdering", "Vurdering"),
			section("aftalt", "Aftalt", "Borgeren sender lejekontrakten.", "Vi ringer tirsdag."),
		},
		Hash: strings.Repeat("ab", 32), Signature: "c2ln", ApprovedBy: "Karin Vestergaard", ApprovedAt: at, KLE: "99.99.99", Facet: "G01",
	}
}

// target is an adapter under test with the events that its case system holds.
type target struct {
	Adapter
	held func() []deliveryv1.Event
}

// TestAdapters is the contract of Adapter in code.
func TestAdapters(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) target{"folder": openFolder, "webhook": openWebhook} {
		t.Run(name, func(t *testing.T) {
			t.Run("holds what was approved", func(t *testing.T) { testHolds(t, open(t)) })
			t.Run("again gives the same receipt", func(t *testing.T) { testAgain(t, open(t)) })
			t.Run("at once from many", func(t *testing.T) { testConcurrent(t, open(t)) })
			t.Run("another version is another note", func(t *testing.T) { testVersions(t, open(t)) })
			t.Run("cancelled", func(t *testing.T) { testCancelled(t, open(t)) })
		})
	}
}

func openFolder(t *testing.T) target {
	dir := filepath.Join(t.TempDir(), "deep", "down")
	return target{Folder{Path: dir}, func() []deliveryv1.Event {
		files, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		var out []deliveryv1.Event
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, decodeEvent(t, text))
		}
		return out
	}}
}

func decodeEvent(t *testing.T, text []byte) deliveryv1.Event {
	t.Helper()
	var e deliveryv1.Event
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

var secret = []byte("a secret of the test")

// caseSystem takes signed notes as deliveryv1 says.
type caseSystem struct {
	t    *testing.T
	mu   sync.Mutex
	held map[string]deliveryv1.Event
}

func (c *caseSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender gave up
	}
	if err := deliveryv1.Verify(r.Header, secret, time.Now(), body); err != nil {
		c.t.Errorf("signature: %v", err)
	}
	if got := r.Header.Get("Content-Type"); got != deliveryv1.ContentType {
		c.t.Errorf("content type %q", got)
	}
	e := decodeEvent(c.t, body)
	if e.ID != r.Header.Get(deliveryv1.HeaderID) || e.ID != r.Header.Get("Idempotency-Key") {
		c.t.Errorf("ids differ: %q, %v", e.ID, r.Header)
	}
	c.mu.Lock()
	c.held[e.ID] = e
	c.mu.Unlock()
	json.NewEncoder(w).Encode(deliveryv1.Receipt{System: "Testsag", ID: "r-" + e.ID, ReceivedAt: sample().ApprovedAt})
}

func openWebhook(t *testing.T) target {
	c := &caseSystem{t: t, held: map[string]deliveryv1.Event{}}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	return target{patient(srv.URL), c.events}
}

// patient is a webhook that does not lose patience with a slow machine.
func patient(url string) *Webhook {
	w := NewWebhook(url, secret)
	w.client.Timeout = 2 * time.Minute
	return w
}

func (c *caseSystem) events() (out []deliveryv1.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.held {
		out = append(out, e)
	}
	return out
}

func testHolds(t *testing.T, a target) {
	r, err := a.Deliver(t.Context(), sample())
	if err != nil || r.ID == "" || r.System == "" || r.ReceivedAt.IsZero() {
		t.Fatalf("%+v %v", r, err)
	}
	held := a.held()
	if len(held) != 1 {
		t.Fatalf("held: %+v", held)
	}
	if diff := cmp.Diff(Event(sample()), held[0]); diff != "" {
		t.Fatal(diff)
	}
}

func testAgain(t *testing.T, a target) {
	first, err := a.Deliver(t.Context(), sample())
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.Deliver(t.Context(), sample())
	if err != nil || second.ID != first.ID || second.System != first.System || len(a.held()) != 1 {
		t.Fatalf("%+v, then %+v (%v), %d held", first, second, err, len(a.held()))
	}
}

func testConcurrent(t *testing.T, a target) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := a.Deliver(t.Context(), sample()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(a.held()) != 1 {
		t.Fatalf("%d held", len(a.held()))
	}
}

func testVersions(t *testing.T, a target) {
	other := sample()
	other.Hash = strings.Repeat("cd", 32)
	for _, n := range []deliveryv1.Note{sample(), other} {
		if _, err := a.Deliver(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.held()) != 2 {
		t.Fatalf("%d held", len(a.held()))
	}
}

func testCancelled(t *testing.T, a target) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.Deliver(ctx, sample())
	var p *Problem
	if !errors.As(err, &p) || p.Text == "" || len(a.held()) != 0 {
		t.Fatalf("%v, %d held", err, len(a.held()))
	}
	if strings.Contains(err.Error(), "boligstøtte") {
		t.Errorf("the error holds content: %v", err)
	}
}

func TestFolderLeavesNothingHalf(t *testing.T) {
	dir := t.TempDir()
	if _, err := (Folder{Path: dir}).Deliver(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"note-1-abababababababab.json", "note-1-abababababababab.xml"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatal(diff)
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Folder{Path: file}.Deliver(t.Context(), sample())
	var p *Problem
	if !errors.As(err, &p) {
		t.Fatalf("got %v", err)
	}
	bad := sample()
	bad.ID = "../../etc/passwd"
	if _, err := (Folder{Path: t.TempDir()}).Deliver(t.Context(), bad); !errors.As(err, &p) {
		t.Fatalf("got %v", err)
	}
}

func TestJournalPostHasTheShapeOfSF2900(t *testing.T) {
	text, err := journalPost(sample())
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	dec := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			order = append(order, e.Name.Local)
		}
	}
	want := []string{
		"DistributionJournalPost", "ID", "KLEEmneForslag", "HandlingFacetForslag", "SagForslag",
		"PartAngivelse", "ObjektType", "ReferenceID",
		"Registrering", "FraTidsPunkt", "LivscyklusKode", "BrugerRef", "RegistreringItSystem",
		"RelationListe", "JournalPost", "Virkning", "FraTidsPunkt", "Rolle", "Indeks",
		"JournalnotatAttributter", "Titel", "Notat", "JournalpostAttributter", "Dokumenttitel",
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Fatal(diff)
	}
	var got distribution
	if err := xml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	entry := got.Registration.Posts.Posts[0]
	wantText := "Henvendelse\nBorgeren ringer om boligstøtte.\n\nAftalt\nBorgeren sender lejekontrakten.\nVi ringer tirsdag.\n"
	if entry.Note.Text != wantText || entry.Note.Title != sample().Title || got.Party.Type != "Person" || got.Registration.Life != "Oprettet" {
		t.Fatalf("%+v", got)
	}
}

func TestWebhookAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   string // in the problem's text; "" means delivered
	}{
		"receipt":             {200, `{"id":"r1","system":"Sag"}`, ""},
		"created":             {201, `{"id":"r1"}`, ""},
		"more fields":         {200, `{"id":"r1","system":"Sag","url":"https://x"}`, ""},
		"server error":        {500, `{"id":"r1","system":"Sag"}`, "svar 500"},
		"refused":             {401, ``, "svar 401"},
		"conflict":            {409, `{"id":"r1","system":"Sag"}`, "svar 409"},
		"redirect":            {302, ``, "svar 302"},
		"accepted for later":  {202, `{"id":"r1","system":"Sag"}`, "svar 202"},
		"no receipt":          {200, ``, "uden kvittering"},
		"not JSON":            {200, `<html>OK</html>`, "uden kvittering"},
		"receipt without id":  {200, `{"system":"Sag"}`, "uden kvittering"},
		"a very long id":      {200, `{"id":"` + strings.Repeat("x", 500) + `"}`, "uden kvittering"},
		"an answer of 100 kB": {200, `{"id":"r1","x":"` + strings.Repeat("x", 100<<10) + `"}`, "uden kvittering"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				io.WriteString(w, tc.body)
			}))
			defer srv.Close()
			r, err := patient(srv.URL).Deliver(t.Context(), sample())
			if tc.want == "" {
				if err != nil || r.ID != "r1" || r.System == "" || r.ReceivedAt.IsZero() {
					t.Fatalf("%+v %v", r, err)
				}
				return
			}
			if err == nil || !strings.Contains(Text(err), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestWebhookThatHangsThenFailsThenWorks(t *testing.T) {
	good := &caseSystem{t: t, held: map[string]deliveryv1.Event{}}
	var mood atomic.Value
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch mood.Load() {
		case "hangs": // stores nothing and never answers
			<-release
		case "fails": // stores it, but the answer is lost
			good.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
		default:
			good.ServeHTTP(w, r)
		}
	}))
	defer srv.Close()
	defer close(release)
	w := patient(srv.URL)
	mood.Store("hangs")
	w.client.Timeout = 50 * time.Millisecond
	if _, err := w.Deliver(t.Context(), sample()); err == nil || Text(err) != "Modtageren svarer ikke." {
		t.Fatalf("hanging: %v", err)
	}
	w = patient(srv.URL)
	mood.Store("fails")
	if _, err := w.Deliver(t.Context(), sample()); err == nil {
		t.Fatal("502 counts as delivered")
	}
	mood.Store("works")
	if _, err := w.Deliver(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	if n := len(good.events()); n != 1 {
		t.Fatalf("held %d times", n)
	}
}

func TestNew(t *testing.T) {
	for setting, ok := range map[string]bool{
		"folder=/x": true, "webhook=http://127.0.0.1/x": true, "webhook=https://sag.example.dk": true,
		"": false, "folder": false, "folder=": false, "webhook=": false, "webhook=ftp://x": false, "webhook=/x": false, "mail=x": false,
	} {
		if _, err := New(setting, "s"); (err == nil) != ok {
			t.Errorf("%q: %v", setting, err)
		}
	}
	if _, err := New("webhook=http://127.0.0.1/x", ""); err == nil {
		t.Error("an unsigned webhook was accepted")
	}
	if Text(errors.New("inside")) == "inside" {
		t.Error("an inner error is shown to people")
	}
}
