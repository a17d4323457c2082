// Package openai speaks through a server with OpenAI's speech API (POST /v1/audio/speech): speaches, Kokoro and Piper servers, OpenAI
// itself. One request per text. A Voice may be used concurrently; few requests are under way at once.
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/models/tts"
)

// maxSamples bounds what is read of one answer: five minutes at 48 kHz.
const maxSamples = 5 * 60 * 48000

// Config of a voice. BaseURL is required; other zero values mean the defaults named.
type Config struct {
	BaseURL  string        // of the server, for example http://speaches:8000 or https://host/v1
	Model    string        // "tts-1"
	Voice    string        // "alloy"
	Key      string        // sent as bearer token when set
	Timeout  time.Duration // of one request; 20 s
	Parallel int           // requests under way; 4
	Client   *http.Client  // http.DefaultClient
}

// Voice is a tts.Synthesiser.
type Voice struct {
	c        Config
	endpoint string
	turns    chan struct{}
}

// New checks the configuration. It does not contact the server.
func New(c Config) (*Voice, error) {
	u, err := url.Parse(strings.TrimRight(c.BaseURL, "/"))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("openai: %q is not the address of a server", c.BaseURL)
	}
	if !strings.HasSuffix(u.Path, "/v1") {
		u.Path += "/v1"
	}
	if c.Model == "" {
		c.Model = "tts-1"
	}
	if c.Voice == "" {
		c.Voice = "alloy"
	}
	if c.Timeout <= 0 {
		c.Timeout = 20 * time.Second
	}
	if c.Parallel <= 0 {
		c.Parallel = 4
	}
	if c.Client == nil {
		c.Client = http.DefaultClient
	}
	return &Voice{c: c, endpoint: u.String() + "/audio/speech", turns: make(chan struct{}, c.Parallel)}, nil
}

// Say implements tts.Synthesiser. A server that refuses the text is tts.ErrNoVoice. The text is not part of an error.
func (v *Voice) Say(ctx context.Context, text string) ([]int16, error) {
	if err := tts.Check(text); err != nil {
		return nil, err
	}
	select {
	case v.turns <- struct{}{}:
		defer func() { <-v.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	short, cancel := context.WithTimeout(ctx, v.c.Timeout)
	defer cancel()
	w, err := v.request(short, text)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("speech server: %w", err)
	}
	return tts.AtRate(w.Samples, w.Rate), nil
}

func (v *Voice) request(ctx context.Context, text string) (pcm.WAV, error) {
	body, err := json.Marshal(map[string]string{"model": v.c.Model, "voice": v.c.Voice, "input": text, "response_format": "wav"})
	if err != nil {
		return pcm.WAV{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.endpoint, bytes.NewReader(body))
	if err != nil {
		return pcm.WAV{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if v.c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+v.c.Key)
	}
	res, err := v.c.Client.Do(req)
	if err != nil {
		return pcm.WAV{}, errors.New("cannot be reached") // the cause may repeat the address with its password
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
		if res.StatusCode == http.StatusBadRequest || res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusUnprocessableEntity {
			return pcm.WAV{}, fmt.Errorf("%w: status %d", tts.ErrNoVoice, res.StatusCode)
		}
		return pcm.WAV{}, fmt.Errorf("status %d", res.StatusCode)
	}
	w, err := pcm.ReadWAV(res.Body, maxSamples)
	if err == nil && len(w.Samples) == 0 {
		err = errors.New("no sound")
	}
	return w, err
}
