// Package ollama is the adapter to the embedding models of an Ollama server (https://github.com/ollama/ollama).
//
// The server has traps that this package closes: a chat model embeds too, without an error, so the model's capability and the
// dimension are checked; long texts are cut in silence unless Truncate is false; on some graphics cards models such as bge-m3 give
// NaN, so they run on the processor unless the settings say otherwise; a changed num_ctx reloads the model, so it is constant.
//
// An Embedder is safe for concurrent use. It admits few requests at once; texts of one call go in batches.
package ollama

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ollama/ollama/api"
	"github.com/ollama/ollama/types/model"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/internal/ollama"
)

// Config says which model to use and how. Only URL is required.
type Config struct {
	URL       string // of the server, "http://127.0.0.1:11434"
	Model     string // default bge-m3
	Dimension int    // of its vectors; default 1024, that of bge-m3
	// QueryPrefix and PassagePrefix stand before questions and texts. bge-m3 wants none; embeddinggemma wants
	// "task: search result | query: " and "title: none | text: ".
	QueryPrefix, PassagePrefix string
	// GPU lets the server use a graphics card.
	GPU bool
	// Context is num_ctx, in tokens: longer texts give embed.ErrTooLong. Default 8192, that of bge-m3.
	Context int
	// Batch is how many texts go in one request. Default 16.
	Batch int
	// Concurrent requests go to the server, Waiting calls wait here; more get embed.ErrBusy. Defaults 2 and 16.
	Concurrent, Waiting int
	// Timeout bounds one request, with loading the model. Default 2 minutes.
	Timeout time.Duration
	// Client is the HTTP client. Default a new one.
	Client *http.Client
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Dimension, 1024)
	def(&c.Context, 8192)
	def(&c.Batch, 16)
	def(&c.Concurrent, 2)
	def(&c.Waiting, 16)
	if c.Model == "" {
		c.Model = "bge-m3"
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
	}
	if c.Client == nil {
		c.Client = &http.Client{}
	}
	return c
}

// Embedder is one model on one server.
type Embedder struct {
	cfg    Config
	server *ollama.Server
}

var _ embed.Embedder = (*Embedder)(nil)

// New makes an Embedder. It does not reach the server; [Embedder.Describe] does.
func New(cfg Config) (*Embedder, error) {
	cfg = cfg.withDefaults()
	server, err := ollama.New(cfg.URL, cfg.Client, cfg.Concurrent, cfg.Waiting)
	if err != nil {
		return nil, err
	}
	return &Embedder{cfg: cfg, server: server}, nil
}

// Describe implements [embed.Embedder]. A model that is not made for embedding is embed.ErrModel.
func (e *Embedder) Describe(ctx context.Context) (embed.Model, error) {
	short, cancel := context.WithTimeout(ctx, e.cfg.Timeout)
	defer cancel()
	shown, err := e.server.Show(short, &api.ShowRequest{Model: e.cfg.Model})
	if err != nil {
		return embed.Model{}, meaning(ctx, err)
	}
	if len(shown.Capabilities) > 0 && !slices.Contains(shown.Capabilities, model.CapabilityEmbedding) {
		return embed.Model{}, fmt.Errorf("%s is not for embedding: %w", e.cfg.Model, embed.ErrModel)
	}
	digest, err := e.digest(short)
	if err != nil {
		return embed.Model{}, meaning(ctx, err)
	}
	if _, err := e.Query(ctx, "Hvordan melder jeg flytning?"); err != nil {
		return embed.Model{}, err
	}
	return embed.Model{Name: e.cfg.Model, Digest: digest, Dimension: e.cfg.Dimension}, nil
}

// digest is the version of the model that the server has.
func (e *Embedder) digest(ctx context.Context) (string, error) {
	all, err := e.server.List(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range all.Models {
		if m.Name == e.cfg.Model || strings.TrimSuffix(m.Name, ":latest") == e.cfg.Model {
			return m.Digest, nil
		}
	}
	return "", fmt.Errorf("%s is not on the list: %w", e.cfg.Model, embed.ErrModel)
}

// Query implements [embed.Embedder].
func (e *Embedder) Query(ctx context.Context, text string) ([]float32, error) {
	out, err := e.embed(ctx, []string{e.cfg.QueryPrefix + text})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// Passages implements [embed.Embedder].
func (e *Embedder) Passages(ctx context.Context, texts []string) ([][]float32, error) {
	in := make([]string, len(texts))
	for i, t := range texts {
		in[i] = e.cfg.PassagePrefix + t
	}
	return e.embed(ctx, in)
}

// embed sends the texts in batches.
func (e *Embedder) embed(ctx context.Context, texts []string) ([][]float32, error) {
	leave, err := e.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var out [][]float32
	for some := range slices.Chunk(texts, e.cfg.Batch) {
		vectors, err := e.request(ctx, some)
		if err != nil {
			return nil, err
		}
		out = append(out, vectors...)
	}
	return out, nil
}

// admit waits for a slot, or refuses when too many wait already.
func (e *Embedder) admit(ctx context.Context) (leave func(), err error) {
	leave, err = e.server.Admit(ctx)
	if errors.Is(err, ollama.ErrFull) {
		err = fmt.Errorf("%w: %w", embed.ErrBusy, err)
	}
	return leave, err
}

func (e *Embedder) request(ctx context.Context, texts []string) ([][]float32, error) {
	short, cancel := context.WithTimeout(ctx, e.cfg.Timeout)
	defer cancel()
	no := false
	req := &api.EmbedRequest{Model: e.cfg.Model, Input: texts, Truncate: &no, Options: map[string]any{"num_ctx": e.cfg.Context}}
	if !e.cfg.GPU {
		req.Options["num_gpu"] = 0
	}
	resp, err := e.server.Embed(short, req)
	if err != nil {
		return nil, meaning(ctx, err)
	}
	if len(resp.Embeddings) != len(texts) {
		return nil, fmt.Errorf("%d vectors for %d texts: %w", len(resp.Embeddings), len(texts), embed.ErrOutput)
	}
	for i, v := range resp.Embeddings {
		if resp.Embeddings[i], err = e.unit(v); err != nil {
			return nil, err
		}
	}
	return resp.Embeddings, nil
}

// unit checks a vector and gives it length 1.
func (e *Embedder) unit(v []float32) ([]float32, error) {
	if len(v) != e.cfg.Dimension {
		return nil, fmt.Errorf("%s gives %d dimensions, the settings say %d: %w", e.cfg.Model, len(v), e.cfg.Dimension, embed.ErrModel)
	}
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) || sum == 0 {
		return nil, fmt.Errorf("%s gives a vector without direction: %w", e.cfg.Model, embed.ErrOutput)
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v, nil
}

// meaning gives an error of the server its meaning. The server's text is kept: it does not repeat what was sent.
func meaning(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var answer api.StatusError
	if errors.Is(err, embed.ErrModel) {
		return err
	}
	if !errors.As(err, &answer) {
		return fmt.Errorf("%w: %w", embed.ErrUnavailable, err)
	}
	message := strings.ToLower(answer.ErrorMessage)
	kind := embed.ErrUnavailable
	switch {
	case answer.StatusCode == http.StatusServiceUnavailable || answer.StatusCode == http.StatusTooManyRequests:
		kind = embed.ErrBusy
	case strings.Contains(message, "context length") || strings.Contains(message, "input length") || strings.Contains(message, "exceed"):
		kind = embed.ErrTooLong
	case strings.Contains(message, "nan") || strings.Contains(message, "unsupported value"):
		kind = embed.ErrOutput
	case answer.StatusCode >= 400 && answer.StatusCode < 500:
		kind = embed.ErrModel
	}
	return fmt.Errorf("%w: %w", kind, err)
}
