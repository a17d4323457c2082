package ollama

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/models/embed"
)

// answers makes a server that gives one answer, and notes what it was asked.
func answers(t *testing.T, status int, body string) (*Embedder, *map[string]any) {
	t.Helper()
	asked := &map[string]any{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = nil
		if err := json.NewDecoder(r.Body).Decode(asked); err != nil {
			t.Errorf("request: %v", err)
		}
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	e, err := New(Config{URL: s.URL, Model: "m", Dimension: 2, Timeout: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return e, asked
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"busy":         {503, `{"error":"server busy, please try again"}`, embed.ErrBusy},
		"too long":     {400, `{"error":"the input length exceeds the context length"}`, embed.ErrTooLong},
		"not a number": {500, `{"error":"failed to encode response: json: unsupported value: NaN"}`, embed.ErrOutput},
		"no model":     {404, `{"error":"model 'm' not found"}`, embed.ErrModel},
		"broken":       {500, `{"error":"llama runner process no longer running"}`, embed.ErrUnavailable},
		"cut":          {200, `{"embeddings":[[1,`, embed.ErrUnavailable},
		"too few":      {200, `{"embeddings":[]}`, embed.ErrOutput},
		"zero":         {200, `{"embeddings":[[0,0]]}`, embed.ErrOutput},
		"dimension":    {200, `{"embeddings":[[1,2,3]]}`, embed.ErrModel},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := answers(t, c.status, c.body)
			if v, err := e.Query(t.Context(), "hemmelig"); !errors.Is(err, c.want) || v != nil {
				t.Errorf("%v, %v, want %v", v, err, c.want)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	e, asked := answers(t, 200, `{"embeddings":[[3,4]]}`)
	e.cfg.QueryPrefix = "q: "
	v, err := e.Query(t.Context(), "pas")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{.6, .8}, v); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want := map[string]any{
		"model": "m", "input": []any{"q: pas"}, "truncate": false, "options": map[string]any{"num_ctx": 8192., "num_gpu": 0.},
	}
	if diff := cmp.Diff(want, *asked); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAdmission(t *testing.T) {
	arrived, release := make(chan struct{}, 3), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		w.Write([]byte(`{"embeddings":[[1,0]]}`))
	}))
	defer s.Close()
	defer close(release)
	e, err := New(Config{URL: s.URL, Dimension: 2, Concurrent: 1, Waiting: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	ask := func() {
		_, err := e.Query(ctx, "pas")
		ended <- err
	}
	go ask()
	<-arrived
	go ask()
	for e.server.Inside() < 2 {
		time.Sleep(time.Millisecond) // until the second waits
	}
	if _, err := e.Query(ctx, "pas"); !errors.Is(err, embed.ErrBusy) {
		t.Errorf("the third gets %v", err)
	}
	cancel()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if n := e.server.Inside(); n != 0 {
		t.Errorf("%d inside after all have gone", n)
	}
}

func TestHangingServer(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	e, err := New(Config{URL: s.URL, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Query(t.Context(), "pas"); !errors.Is(err, embed.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestNewRefusesBadAddresses(t *testing.T) {
	for _, u := range []string{"", "127.0.0.1:11434", "ftp://x", "http://", "http://a b"} {
		if _, err := New(Config{URL: u}); err == nil {
			t.Errorf("%q was accepted", u)
		}
	}
}
