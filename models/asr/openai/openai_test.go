package openai_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/models/asr/openai"
)

// server speaks the documented API: it checks the form, and says "ord" for each 300 ms of sound in the file.
type server struct {
	t        *testing.T
	requests atomic.Int64
	// answer, when set, is asked first; it returns true when it has answered.
	answer func(n int64, w http.ResponseWriter, r *http.Request, pcm []int16) bool
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.requests.Add(1)
	if r.Method != http.MethodPost || r.URL.Path != "/v1/audio/transcriptions" {
		s.t.Errorf("%s %s", r.Method, r.URL.Path)
	}
	if err := r.ParseMultipartForm(32 << 20); err != nil {
		return // the client has gone
	}
	want := map[string][]string{
		"model": {"whisper-1"}, "language": {"da"}, "response_format": {"verbose_json"},
		"timestamp_granularities[]": {"word", "segment"}, "temperature": {"0"},
	}
	if d := cmp.Diff(want, map[string][]string(r.MultipartForm.Value)); d != "" {
		s.t.Errorf("form (-want +got):\n%s", d)
	}
	f, _, err := r.FormFile("file")
	if err != nil {
		s.t.Errorf("file: %v", err)
		return
	}
	defer f.Close()
	pcm := s.wav(f)
	if s.answer != nil && s.answer(n, w, r, pcm) {
		return
	}
	json.NewEncoder(w).Encode(transcribe(pcm))
}

func (s *server) wav(r io.Reader) []int16 {
	b, err := io.ReadAll(r)
	if err != nil || len(b) < 44 || string(b[:4]) != "RIFF" || string(b[36:40]) != "data" {
		s.t.Errorf("not a WAV file of %d bytes: %v", len(b), err)
		return nil
	}
	if rate := binary.LittleEndian.Uint32(b[24:]); rate != asr.SampleRate {
		s.t.Errorf("rate %d", rate)
	}
	if n := binary.LittleEndian.Uint32(b[40:]); int(n) != len(b)-44 {
		s.t.Errorf("data of %d bytes in a file of %d", n, len(b))
	}
	pcm := make([]int16, (len(b)-44)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
	}
	return pcm
}

type m = map[string]any

func transcribe(pcm []int16) m {
	words, text, sound := []m{}, "", 0
	for i, v := range pcm {
		if v > 200 || v < -200 {
			sound++
		}
		if sound == 4800 {
			sound = 0
			end := float64(i) / asr.SampleRate
			words = append(words, m{"word": " ord", "start": max(0, end-0.3), "end": end})
			text += " ord"
		}
	}
	return m{"task": "transcribe", "language": "danish", "duration": float64(len(pcm)) / asr.SampleRate, "text": text, "words": words}
}

func engine(t *testing.T, s *server, change ...func(*openai.Config)) asr.Engine {
	t.Helper()
	s.t = t
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	c := openai.Config{BaseURL: h.URL, Backoff: time.Millisecond, Patience: 2 * time.Minute}
	for _, f := range change {
		f(&c)
	}
	e, err := openai.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestConformance(t *testing.T) {
	asrtest.Run(t, func(t *testing.T) asr.Engine { return engine(t, &server{}) })
}

func loud(seconds float64) []int16 {
	out := make([]int16, int(seconds*asr.SampleRate))
	for i := range out {
		out[i] = int16(3000 - 6000*(i/40%2))
	}
	return out
}

// hear writes one utterance after a second of skipped silence and gives the decided words, and what Close says.
func hear(t *testing.T, e asr.Engine, pcm []int16) (words []asr.Word, marker bool, err error) {
	t.Helper()
	s, err := e.Open(t.Context(), asr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.Skip(asr.SampleRate), s.Write(pcm), s.Flush(1)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for ev := range s.Events() {
		if ev.Kind == asr.Final {
			words = append(words, ev.Words...)
		}
		if ev.Kind == asr.Marker {
			marker = true
			break
		}
	}
	return words, marker, s.Close()
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "hemmeligt", code) }
}

func TestFaultsAreTriedAgain(t *testing.T) {
	faults := map[string]func(http.ResponseWriter, *http.Request){
		"500":        status(500),
		"502":        status(502),
		"503":        status(503),
		"429":        status(429),
		"not JSON":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>ok</html>") },
		"other JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"error":"busy"}`) },
		"cut JSON":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"text":"ord or`) },
		"cut body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			fmt.Fprint(w, `{"text":"ord"}`)
		},
		"connection dropped": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"heard too little":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"text":"ord","duration":1.5}`) },
		"timeout":            func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			s := &server{answer: func(n int64, w http.ResponseWriter, r *http.Request, _ []int16) bool {
				if n <= 2 {
					fault(w, r)
				}
				return n <= 2
			}}
			e := engine(t, s, func(c *openai.Config) {
				if name == "timeout" {
					c.Timeout = 200 * time.Millisecond
				}
			})
			words, marker, err := hear(t, e, loud(6))
			if len(words) != 20 || !marker || err != nil {
				t.Errorf("%d words, marker %t, close %v; want 20 words after %d requests", len(words), marker, err, s.requests.Load())
			}
		})
	}
}

func TestGivesUpWithAMeaning(t *testing.T) {
	tests := []struct {
		status int
		want   error
		tries  bool // more than one
	}{
		{500, asr.ErrUnavailable, true},
		{503, asr.ErrUnavailable, true},
		{429, asr.ErrBusy, true},
		{400, asr.ErrRejected, false},
		{401, asr.ErrRejected, false},
		{404, asr.ErrRejected, false},
		{422, asr.ErrRejected, false},
	}
	for _, tt := range tests {
		t.Run(http.StatusText(tt.status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testGivesUp(t, tt.status, tt.want, tt.tries) })
		})
	}
}

// direct brings requests to a server without a network, for tests in a bubble: its clock knows no slow machine.
type direct struct{ server http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	w := httptest.NewRecorder()
	d.server.ServeHTTP(w, r)
	return w.Result(), nil
}

func testGivesUp(t *testing.T, code int, want error, tries bool) {
	s := &server{t: t, answer: func(_ int64, w http.ResponseWriter, r *http.Request, _ []int16) bool {
		status(code)(w, r)
		return true
	}}
	e, err := openai.New(openai.Config{BaseURL: "http://server", Client: &http.Client{Transport: direct{s}}})
	if err != nil {
		t.Fatal(err)
	}
	words, marker, err := hear(t, e, loud(1))
	if !errors.Is(err, want) || len(words) != 0 || marker {
		t.Errorf("%d words, marker %t, %v; want %v", len(words), marker, err, want)
	}
	if err != nil && strings.Contains(err.Error(), "hemmeligt") {
		t.Errorf("the error repeats what the server wrote: %v", err)
	}
	if n := s.requests.Load(); (n > 1) != tries {
		t.Errorf("%d requests", n)
	}
}

func TestTooLargeIsHalved(t *testing.T) {
	s := &server{answer: func(_ int64, w http.ResponseWriter, r *http.Request, pcm []int16) bool {
		if len(pcm) > 8*asr.SampleRate {
			status(413)(w, r)
			return true
		}
		return false
	}}
	words, _, err := hear(t, engine(t, s), loud(15))
	if len(words) < 48 || err != nil {
		t.Errorf("%d words, %v; want about 50", len(words), err)
	}
}

func TestLongUtteranceLosesNothing(t *testing.T) {
	var heard atomic.Int64
	s := &server{answer: func(_ int64, _ http.ResponseWriter, _ *http.Request, pcm []int16) bool {
		heard.Add(int64(len(pcm)))
		return false
	}}
	_, marker, err := hear(t, engine(t, s), loud(70))
	if heard.Load() != 70*asr.SampleRate || !marker || err != nil {
		t.Errorf("server heard %d samples of %d, marker %t, %v", heard.Load(), 70*asr.SampleRate, marker, err)
	}
	if s.requests.Load() < 3 {
		t.Errorf("sent in %d pieces", s.requests.Load())
	}
}

func TestSilenceIsNotSent(t *testing.T) {
	s := &server{answer: func(_ int64, w http.ResponseWriter, _ *http.Request, _ []int16) bool {
		fmt.Fprint(w, `{"text":"Tak fordi du så med."}`) // what whisper says to silence
		return true
	}}
	hum := make([]int16, 3*asr.SampleRate)
	for i := range hum {
		hum[i] = int16(i % 30)
	}
	words, marker, err := hear(t, engine(t, s), hum)
	if len(words) != 0 || !marker || err != nil || s.requests.Load() != 0 {
		t.Errorf("%d words, marker %t, %v, %d requests", len(words), marker, err, s.requests.Load())
	}
}

func TestAnswers(t *testing.T) {
	const s = asr.SampleRate
	w := func(text string, start, end int64, c float64) asr.Word {
		return asr.Word{Text: text, Start: s + start, End: s + end, Confidence: c} // hear skips a second first
	}
	tests := []struct {
		name, body string
		want       []asr.Word
	}{
		{"empty text", `{"text":"","duration":4,"words":[]}`, nil},
		{
			"words", `{"text":"Hej du.","words":[{"word":" Hej","start":0.5,"end":1},{"word":" du.","start":1,"end":1.5}]}`,
			[]asr.Word{w("Hej", s/2, s, 0), w("du.", s, 3*s/2, 0)},
		},
		{"confidence of a word", `{"text":"ja","words":[{"word":"ja","start":1,"end":2,"probability":0.75}]}`, []asr.Word{w("ja", s, 2*s, 0.75)}},
		{
			"words inside segments", `{"text":"ja","segments":[{"start":0,"end":4,"text":"ja","words":[{"word":"ja","start":1,"end":2,"confidence":2}]}]}`,
			[]asr.Word{w("ja", s, 2*s, 1)},
		},
		{"no times at all", `{"text":"abc abc"}`, []asr.Word{w("abc", 0, 2*s, 0), w("abc", 2*s, 4*s, 0)}},
		{"words without times", `{"text":"abc abc","words":[{"word":"abc"},{"word":"abc"}]}`, []asr.Word{w("abc", 0, 2*s, 0), w("abc", 2*s, 4*s, 0)}},
		{
			"segments only", `{"text":"abc abc","segments":[{"start":1,"end":3,"text":" abc abc","avg_logprob":0}]}`,
			[]asr.Word{w("abc", s, 2*s, 1), w("abc", 2*s, 3*s, 1)},
		},
		{"a little past the end", `{"text":"ja","words":[{"word":"ja","start":3.5,"end":4.3}]}`, []asr.Word{w("ja", 7*s/2, 4*s, 0)}},
		{"far past the end", `{"text":"ja","words":[{"word":"ja","start":30,"end":31}]}`, []asr.Word{w("ja", 0, 4*s, 0)}},
		{
			"going back", `{"text":"ja nu","words":[{"word":"ja","start":3,"end":3.5},{"word":"nu","start":1,"end":2}]}`,
			[]asr.Word{w("ja", 0, 2*s, 0), w("nu", 2*s, 4*s, 0)},
		},
		{"list lacks words", `{"text":"abc abc","words":[{"word":"abc","start":0,"end":1}]}`, []asr.Word{w("abc", 0, 2*s, 0), w("abc", 2*s, 4*s, 0)}},
		{"segment that is no speech", `{"text":"Tak.","segments":[{"start":0,"end":4,"text":"Tak.","avg_logprob":-1.5,"no_speech_prob":0.9}],
			"words":[{"word":"Tak.","start":1,"end":2}]}`, nil},
		{"blank words", `{"text":"ja","words":[{"word":" ","start":0,"end":1},{"word":"ja","start":1,"end":2}]}`, []asr.Word{w("ja", s, 2*s, 0)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := &server{answer: func(_ int64, w http.ResponseWriter, _ *http.Request, _ []int16) bool {
				fmt.Fprint(w, tt.body)
				return true
			}}
			got, marker, err := hear(t, engine(t, srv), loud(4))
			if d := cmp.Diff(tt.want, got); d != "" || !marker || err != nil {
				t.Errorf("marker %t, close %v, words (-want +got):\n%s", marker, err, d)
			}
		})
	}
}

func TestKeyAndAddress(t *testing.T) {
	srv := &server{answer: func(_ int64, _ http.ResponseWriter, r *http.Request, _ []int16) bool {
		if got := r.Header.Get("Authorization"); got != "Bearer k" {
			t.Errorf("authorization %q", got)
		}
		return false
	}}
	e := engine(t, srv, func(c *openai.Config) { c.Key, c.BaseURL = "k", c.BaseURL+"/v1/" })
	if _, _, err := hear(t, e, loud(1)); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "host:80", "ftp://host", "http://"} {
		if _, err := openai.New(openai.Config{BaseURL: bad}); err == nil {
			t.Errorf("address %q: no error", bad)
		}
	}
}
