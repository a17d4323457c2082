package openai

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/models/tts"
	"samtale.dk/samtale/models/tts/ttstest"
)

// speak answers as the documented API does: 24 kHz, a tone of 60 ms a letter.
func speak(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Model, Voice, Input string
			Format              string `json:"response_format"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPost || r.URL.Path != "/v1/audio/speech" || r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("%s %s, %q", r.Method, r.URL.Path, r.Header.Get("Authorization"))
		}
		if body.Model != "piper" || body.Voice != "alloy" || body.Format != "wav" {
			t.Errorf("asked for %+v", body)
		}
		tone := make([]int16, len(body.Input)*24*60)
		for i := range tone {
			tone[i] = int16(8000 * math.Sin(float64(i)/10))
		}
		if err := pcm.WriteWAV(w, 24000, tone); err != nil {
			t.Error(err)
		}
	}
}

func voice(t *testing.T, h http.Handler) *Voice {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	v, err := New(Config{BaseURL: srv.URL, Model: "piper", Key: "k", Timeout: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVoice(t *testing.T) {
	ttstest.Run(t, "Goddag, det er Borgerservice.", func(t *testing.T) tts.Synthesiser { return voice(t, speak(t)) })
	v := voice(t, speak(t))
	got, err := v.Say(t.Context(), "Hej!")
	if want := 4 * 60 * tts.Rate / 1000; err != nil || len(got) != want {
		t.Errorf("%d samples, want %d: %v", len(got), want, err)
	}
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		none   bool
	}{
		"no such voice": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "voice", http.StatusBadRequest) }, true},
		"no such model": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "model", http.StatusNotFound) }, true},
		"busy":          {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "later", http.StatusServiceUnavailable) }, false},
		"no sound file": {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hello")) }, false},
		"an empty one":  {func(w http.ResponseWriter, _ *http.Request) { pcm.WriteWAV(w, 16000, nil) }, false},
	} {
		_, err := voice(t, tt.answer).Say(t.Context(), "Hej")
		if err == nil || errors.Is(err, tts.ErrNoVoice) != tt.none {
			t.Errorf("%s: %v", name, err)
		}
	}
	v, err := New(Config{BaseURL: "http://127.0.0.1:1/v1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Say(t.Context(), "Hej"); err == nil || errors.Is(err, tts.ErrNoVoice) {
		t.Errorf("nobody there: %v", err)
	}
	for _, bad := range []string{"", "here", "ftp://x"} {
		if _, err := New(Config{BaseURL: bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// A server that hangs is given up.
func TestHanging(t *testing.T) {
	release := make(chan struct{})
	v := voice(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer close(release)
	v.c.Timeout = 50 * time.Millisecond
	if _, err := v.Say(t.Context(), "Hej"); err == nil || t.Context().Err() != nil {
		t.Errorf("err = %v", err)
	}
}
