package receiver

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/contract/journalv1"
)

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	clock0 = time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
)

func sample() deliveryv1.Event {
	return deliveryv1.Event{
		SpecVersion: "1.0", ID: "evt-1", Source: "https://samtale.example.dk", Type: deliveryv1.Type,
		Subject: "note-1", Time: clock0, DataContentType: "application/json",
		Data: deliveryv1.Note{
			ID: "note-1", ConversationID: "c-1", ServiceArea: "borgerservice", Title: "Boligstøtte <b>",
			Party: callv1.Party{Name: "Bente Holm"}, ApprovedBy: "Mette Krog", ApprovedAt: clock0, StartedAt: clock0,
			Sections: []deliveryv1.Section{{
				Section: journalv1.Section{ID: "oplyst", Title: "Oplyst"},
				Sentences: []journalv1.Sentence{{
					Text: "Borgeren mangler lønsedlen for juni.", Verdict: journalv1.Supported,
					Evidence: []journalv1.Evidence{{Start: 3.2, End: 6, Quote: "lønsedlen for juni"}},
				}},
			}},
		},
	}
}

type site struct {
	*httptest.Server
	t   *testing.T
	dir string
	now time.Time
}

func start(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: filepath.Join(t.TempDir(), "receiver"), now: clock0}
	st, err := openStore(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := handler(st, secret, func() time.Time { return s.now }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func (s *site) post(body []byte, change func(h http.Header)) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest("POST", s.URL+Path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", deliveryv1.ContentType)
	deliveryv1.Sign(req.Header, secret, "evt-1", s.now, body)
	if change != nil {
		change(req.Header)
	}
	return s.do(req)
}

func (s *site) get(path string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest("GET", s.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(req)
}

func (s *site) do(req *http.Request) (int, string) {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		s.t.Errorf("%s %s: policy %q", req.Method, req.URL.Path, csp)
	}
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(out)
}

func encode(t *testing.T, e deliveryv1.Event) []byte {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTakeAndShow(t *testing.T) {
	s := start(t)
	if code, body := s.get("/"); code != 200 || !strings.Contains(body, "ikke kommet nogen notater") {
		t.Fatalf("empty page: %d\n%s", code, body)
	}
	code, body := s.post(encode(t, sample()), nil)
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	var got deliveryv1.Receipt
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.System != System || got.ID == "" || !got.ReceivedAt.Equal(clock0) {
		t.Fatalf("receipt %+v", got)
	}
	_, page := s.get("/")
	for _, want := range []string{"Boligstøtte &lt;b&gt;", got.ID, "20. november 2026 kl. 10.30", `href="/notater/evt-1"`} {
		if !strings.Contains(page, want) {
			t.Errorf("list lacks %q", want)
		}
	}
	_, page = s.get("/notater/evt-1")
	for _, want := range []string{"Bente Holm", "Mette Krog", "lønsedlen for juni", "belæg i samtalen", "3,2–6,0 s", "Demo."} {
		if !strings.Contains(page, want) {
			t.Errorf("note lacks %q", want)
		}
	}
}

// A case system answers twice, or its answer is lost: the receipt stays the same.
func TestTakeTwice(t *testing.T) {
	s := start(t)
	body := encode(t, sample())
	_, first := s.post(body, nil)
	s.now = s.now.Add(time.Hour)
	code, second := s.post(body, nil)
	if code != 200 {
		t.Fatalf("%d %s", code, second)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Fatal(diff)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	other := sample()
	other.Data.Title = "Noget andet"
	if code, _ := s.post(encode(t, other), nil); code != http.StatusConflict {
		t.Fatalf("other content under the same id: %d", code)
	}
}

func TestRefuses(t *testing.T) {
	good := encode(t, sample())
	wrongID, wrongType := sample(), sample()
	wrongID.ID = "evt-2"
	wrongType.Type = "dk.other"
	for _, tt := range []struct {
		name   string
		body   []byte
		change func(http.Header)
		code   int
	}{
		{"no signature", good, func(h http.Header) { h.Del(deliveryv1.HeaderSignature) }, 401},
		{"another secret", good, func(h http.Header) {
			deliveryv1.Sign(h, []byte("another"), "evt-1", clock0, good)
		}, 401},
		{"another body", good, func(h http.Header) {
			deliveryv1.Sign(h, secret, "evt-1", clock0, []byte("{}"))
		}, 401},
		{"old", good, func(h http.Header) {
			deliveryv1.Sign(h, secret, "evt-1", clock0.Add(-time.Hour), good)
		}, 401},
		{"from the future", good, func(h http.Header) {
			deliveryv1.Sign(h, secret, "evt-1", clock0.Add(time.Hour), good)
		}, 401},
		{"not JSON", []byte("hej"), nil, 400},
		{"another type", encode(t, wrongType), nil, 400},
		{"ids differ", encode(t, wrongID), nil, 400},
		{"content type", good, func(h http.Header) { h.Set("Content-Type", "text/plain") }, 400},
		{"too large", bytes.Repeat([]byte("x"), deliveryv1.MaxBody+1), nil, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t)
			if code, body := s.post(tt.body, tt.change); code != tt.code {
				t.Fatalf("%d %s", code, body)
			}
			entries, err := os.ReadDir(s.dir)
			if err != nil || len(entries) != 0 {
				t.Fatalf("stored: %v %v", entries, err)
			}
		})
	}
}

// Two signatures at once, as while the secret is being changed.
func TestSecondSignatureFits(t *testing.T) {
	s := start(t)
	body := encode(t, sample())
	code, out := s.post(body, func(h http.Header) {
		h.Set(deliveryv1.HeaderSignature, "v1,AAAA v2,x "+h.Get(deliveryv1.HeaderSignature))
	})
	if code != 200 {
		t.Fatalf("%d %s", code, out)
	}
}

func TestDiskTrouble(t *testing.T) {
	s := start(t)
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	code, _ := s.post(encode(t, sample()), nil)
	if code != http.StatusServiceUnavailable {
		t.Fatalf("got %d: a note that was not stored must not get a receipt", code)
	}
}

func TestUnknownNote(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/notater/nope", "/notater/..%2f..%2fmaster"} {
		if code, body := s.get(path); code != 404 || !strings.Contains(body, "findes ikke") {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}
