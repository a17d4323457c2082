package llmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Server speaks the part of Ollama's API that the adapter uses and answers by scripts, one a request; the last repeats.
type Server struct {
	URL string

	http     *httptest.Server
	mu       sync.Mutex
	scripts  []Script
	requests []map[string]any
	release  chan struct{} // closed when the test ends: lets hanging answers go
}

// NewServer starts a server that stops with the test.
func NewServer(t *testing.T, scripts ...Script) *Server {
	s := &Server{scripts: scripts, release: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/chat", s.chat)
	s.http = httptest.NewServer(mux)
	s.URL = s.http.URL
	t.Cleanup(func() {
		close(s.release)
		s.http.Close()
	})
	if len(scripts) > 0 && scripts[0].Fault == Down {
		s.http.Close()
	}
	return s
}

// Requests are the decoded request bodies so far.
func (s *Server) Requests() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]map[string]any(nil), s.requests...)
}

func (s *Server) next(r *http.Request) (Script, error) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return Script{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := min(len(s.requests), len(s.scripts)-1)
	s.requests = append(s.requests, body)
	return s.scripts[i], nil
}

// refusals are answers that come before any token, as the server words them.
var refusals = map[Fault]struct {
	code int
	text string
}{
	Busy:      {http.StatusServiceUnavailable, "server busy, please try again. maximum pending requests exceeded"},
	TooLong:   {http.StatusBadRequest, "the input length exceeds the context length"},
	BadSchema: {http.StatusInternalServerError, "failed to load model vocabulary required for format"},
	NoModel:   {http.StatusNotFound, `model "x" not found`},
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	script, err := s.next(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if no, ok := refusals[script.Fault]; ok {
		w.WriteHeader(no.code)
		json.NewEncoder(w).Encode(map[string]string{"error": no.text})
		return
	}
	if script.Fault == HangFirst {
		s.hang(r)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	for _, p := range script.Parts {
		line(w, map[string]any{"model": "x", "message": map[string]string{"role": "assistant", "content": p}, "done": false})
	}
	s.end(w, r, script)
}

// end finishes the stream, or does not.
func (s *Server) end(w http.ResponseWriter, r *http.Request, script Script) {
	done := map[string]any{"model": "x", "message": map[string]string{"role": "assistant", "content": ""}, "done": true, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": len(script.Parts)}
	switch script.Fault {
	case CutStream:
		panic(http.ErrAbortHandler)
	case NoDone:
	case HangMiddle:
		s.hang(r)
	case ErrorLine:
		line(w, map[string]any{"error": "llama runner process has terminated"})
	case Limit:
		done["done_reason"] = "length"
		line(w, done)
	default:
		line(w, done)
	}
}

func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.release:
	}
}

func line(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(w, "%s\n", data)
	w.(http.Flusher).Flush()
}
