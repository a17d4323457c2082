package openai

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/models/asr"
)

const (
	maxBackoff  = 10 * time.Second
	maxResponse = 4 << 20 // bytes; 28 s of speech give some 20 kB
)

// failure is one failed try.
type failure struct {
	kind  error         // asr.ErrBusy, asr.ErrUnavailable or asr.ErrRejected
	text  string        // without anything the server wrote: that could be what was said
	cause error         // nil when the server answered
	after time.Duration // the server's wish
	large bool          // the server wants smaller pieces
}

func (f *failure) Error() string {
	if f.cause != nil {
		return "openai: " + f.text + ": " + f.cause.Error()
	}
	return "openai: " + f.text
}

func (f *failure) Unwrap() error { return f.kind }

// hear transcribes one utterance, trying again as long as that makes sense.
func (e *Engine) hear(ctx context.Context, o asr.Options, j job) ([]asr.Word, error) {
	select {
	case e.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-e.turns }()
	return e.try(ctx, o, j)
}

func (e *Engine) try(ctx context.Context, o asr.Options, j job) ([]asr.Word, error) {
	body, contentType, err := e.form(o, j.pcm)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(e.c.Patience)
	for pause := e.c.Backoff; ; pause = min(2*pause, maxBackoff) {
		r, f := e.once(ctx, body, contentType, len(j.pcm))
		if f == nil {
			return place(r, j), nil
		}
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case f.large && len(j.pcm) > 4*asr.SampleRate:
			return e.halves(ctx, o, j)
		case errors.Is(f, asr.ErrRejected):
			return nil, f
		}
		wait := max(pause/2+rand.N(pause), min(f.after, maxBackoff))
		if time.Now().Add(wait).After(deadline) {
			return nil, f
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// halves is for a server that finds the utterance too large.
func (e *Engine) halves(ctx context.Context, o asr.Options, j job) ([]asr.Word, error) {
	cut := quietest(j.pcm[:len(j.pcm)*3/4])
	a := job{from: j.from, to: j.from + int64(cut), pcm: j.pcm[:cut]}
	b := job{from: a.to, to: j.to, pcm: j.pcm[cut:]}
	first, err := e.try(ctx, o, a)
	if err != nil {
		return nil, err
	}
	second, err := e.try(ctx, o, b)
	return append(first, second...), err
}

// response is verbose_json. Servers differ in what they leave out.
type response struct {
	Duration *float64 `json:"duration"`
	Text     *string  `json:"text"`
	Segments []struct {
		Start    float64  `json:"start"`
		End      float64  `json:"end"`
		Text     string   `json:"text"`
		LogProb  *float64 `json:"avg_logprob"`
		NoSpeech float64  `json:"no_speech_prob"`
		Words    []word   `json:"words"`
	} `json:"segments"`
	Words []word `json:"words"`
}

type word struct {
	Word        string   `json:"word"`
	Start       *float64 `json:"start"`
	End         *float64 `json:"end"`
	Probability *float64 `json:"probability"`
	Confidence  *float64 `json:"confidence"`
}

func (e *Engine) once(ctx context.Context, body []byte, contentType string, samples int) (*response, *failure) {
	ctx, cancel := context.WithTimeout(ctx, e.c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, &failure{kind: asr.ErrRejected, text: "request", cause: err}
	}
	req.Header.Set("Content-Type", contentType)
	if e.c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+e.c.Key)
	}
	res, err := e.c.Client.Do(req)
	if err != nil {
		return nil, &failure{kind: asr.ErrUnavailable, text: "server cannot be reached", cause: err}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
		return nil, refusal(res)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxResponse+1))
	if err != nil {
		return nil, &failure{kind: asr.ErrUnavailable, text: "answer breaks off", cause: err}
	}
	var r response
	if len(b) > maxResponse || json.Unmarshal(b, &r) != nil || r.Text == nil {
		return nil, &failure{kind: asr.ErrUnavailable, text: "answer is not a transcription"}
	}
	// A server that heard less than it got has lost audio, with status 200. A second is for rounding and resampling.
	if sent := float64(samples) / asr.SampleRate; r.Duration != nil && *r.Duration > 0 && *r.Duration < 0.8*sent-1 {
		return nil, &failure{kind: asr.ErrUnavailable, text: fmt.Sprintf("server heard %.1f of %.1f s", *r.Duration, sent)}
	}
	return &r, nil
}

func refusal(res *http.Response) *failure {
	f := &failure{text: "server answers " + res.Status}
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		f.kind = asr.ErrBusy
	case res.StatusCode == http.StatusRequestTimeout || res.StatusCode >= 500:
		f.kind = asr.ErrUnavailable
	default:
		f.kind = asr.ErrRejected
		f.large = res.StatusCode == http.StatusRequestEntityTooLarge
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		f.after = time.Duration(s) * time.Second
	}
	return f
}

// form is the multipart body.
func (e *Engine) form(o asr.Options, pcm []int16) ([]byte, string, error) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	fields := [][2]string{
		{"model", e.c.Model},
		{"language", o.Language},
		{"response_format", "verbose_json"},
		{"timestamp_granularities[]", "word"},
		{"timestamp_granularities[]", "segment"},
		{"temperature", "0"},
	}
	if len(o.Hints) > 0 {
		fields = append(fields, [2]string{"prompt", strings.Join(o.Hints, ", ")})
	}
	for _, f := range fields {
		if err := m.WriteField(f[0], f[1]); err != nil {
			return nil, "", fmt.Errorf("openai: form: %w", err)
		}
	}
	w, err := m.CreateFormFile("file", "utterance.wav")
	if err != nil {
		return nil, "", fmt.Errorf("openai: form: %w", err)
	}
	if err := writeWAV(w, pcm); err != nil {
		return nil, "", fmt.Errorf("openai: form: %w", err)
	}
	if err := m.Close(); err != nil {
		return nil, "", fmt.Errorf("openai: form: %w", err)
	}
	return b.Bytes(), m.FormDataContentType(), nil
}

// writeWAV writes 16-bit mono PCM with the 44-byte header.
func writeWAV(w io.Writer, pcm []int16) error {
	n := uint32(2 * len(pcm))
	h := make([]byte, 0, 44)
	h = append(h, "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, 36+n)
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16)
	h = binary.LittleEndian.AppendUint16(h, 1) // PCM
	h = binary.LittleEndian.AppendUint16(h, 1) // channels
	h = binary.LittleEndian.AppendUint32(h, asr.SampleRate)
	h = binary.LittleEndian.AppendUint32(h, 2*asr.SampleRate)
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint16(h, 16)
	h = append(h, "data"...)
	h = binary.LittleEndian.AppendUint32(h, n)
	if _, err := w.Write(h); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, pcm)
}
