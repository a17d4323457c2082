// Package openai hears speech through a server with OpenAI's transcription API (POST /v1/audio/transcriptions): speaches,
// vLLM, whisper.cpp forks, OpenAI itself. One request per utterance, so there are no partials.
//
// A Session owns the samples of the utterance being written and a short queue of finished ones; one goroutine per session
// sends them in order. Audio is given up only when the server refuses it for good. A failing server is tried again with growing
// pauses for Config.Patience; then the session ends with asr.ErrBusy or asr.ErrUnavailable and the caller, who still has the
// audio, may open another. An Engine may be used by many sessions; at most Config.Parallel requests are under way at once.
package openai

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"samtale.dk/samtale/models/asr"
)

// Config of the engine. BaseURL is required; other zero values mean the defaults named.
type Config struct {
	BaseURL  string        // of the server, for example http://speaches:8000 or https://host/v1
	Model    string        // "whisper-1"
	Key      string        // sent as bearer token when set
	Timeout  time.Duration // of one request; 60 s
	Patience time.Duration // how long one utterance is tried; 2 minutes
	Backoff  time.Duration // the first pause between tries, doubled up to 10 s; 250 ms
	Longest  time.Duration // an utterance longer than this is sent in pieces; 28 s, what whisper hears at once
	Parallel int           // requests under way; 4
	Client   *http.Client  // http.DefaultClient
}

// Engine implements asr.Engine.
type Engine struct {
	c        Config
	endpoint string
	turns    chan struct{}
}

// New checks the configuration. It does not contact the server.
func New(c Config) (*Engine, error) {
	u, err := url.Parse(strings.TrimRight(c.BaseURL, "/"))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("openai: %q is not the address of a server", c.BaseURL)
	}
	if !strings.HasSuffix(u.Path, "/v1") {
		u.Path += "/v1"
	}
	c = c.withDefaults()
	if c.Longest < 2*time.Second {
		return nil, errors.New("openai: Longest must be at least 2 s")
	}
	return &Engine{c: c, endpoint: u.String() + "/audio/transcriptions", turns: make(chan struct{}, c.Parallel)}, nil
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{{&c.Timeout, time.Minute}, {&c.Patience, 2 * time.Minute}, {&c.Backoff, 250 * time.Millisecond}, {&c.Longest, 28 * time.Second}} {
		if *d.v <= 0 {
			*d.v = d.d
		}
	}
	if c.Model == "" {
		c.Model = "whisper-1"
	}
	if c.Parallel <= 0 {
		c.Parallel = 4
	}
	if c.Client == nil {
		c.Client = http.DefaultClient
	}
	return c
}

// Name implements asr.Engine.
func (e *Engine) Name() string { return "openai " + e.c.Model }

// Demo implements asr.Engine.
func (e *Engine) Demo() bool { return false }

// Open implements asr.Engine. It does not contact the server.
func (e *Engine) Open(ctx context.Context, o asr.Options) (asr.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(asr.ErrClosed, err)
	}
	if o.Language == "" {
		o.Language = "da"
	}
	o.Language, _, _ = strings.Cut(o.Language, "-") // the API wants ISO 639-1
	return newSession(ctx, e, o), nil
}
