// Package api is the command line's client of the portal's JSON API.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"samtale.dk/samtale/services/platform/errs"
)

// Client calls the API of one installation with one token; safe for concurrent use.
type Client struct {
	url   string
	token string
	http  *http.Client
}

// New returns a client of the API at url, e.g. "http://127.0.0.1:8080".
func New(url, token string) *Client {
	return &Client{url: strings.TrimRight(url, "/"), token: token, http: &http.Client{Timeout: 30 * time.Second}}
}

// ErrNoAnswer: nobody answers at the API's address.
var ErrNoAnswer = errors.New("no answer")

// maxAnswer bounds an answer: the longest is the transcript of a long call.
const maxAnswer = 64 << 20

// Do sends body (nil: none) as JSON and decodes the answer into v (nil: ignored).
// Problems of the API come back with their kind and text.
func (c *Client) Do(ctx context.Context, method, path string, body, v any) error {
	var rd io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		rd = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, rd)
	if err != nil {
		return fmt.Errorf("address of the API: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return errs.E(errs.Unavailable, "", fmt.Errorf("%w from %s (is it running?): %w", ErrNoAnswer, c.url, errors.Unwrap(err)))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return errs.E(errs.Unavailable, "", fmt.Errorf("answer was cut short: %w", err))
	}
	if resp.StatusCode >= 300 {
		return problem(resp, data)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s %s: answer is not the JSON that was expected: %w", method, path, err)
	}
	return nil
}

// problem reads the API's problem+json (RFC 9457); a proxy's error page has none.
func problem(resp *http.Response, data []byte) error {
	var p struct {
		Kind   errs.Kind `json:"kind"`
		Detail string    `json:"detail"`
	}
	if json.Unmarshal(data, &p) == nil && p.Kind.Known() {
		return errs.E(p.Kind, p.Detail, nil)
	}
	kind := errs.Internal
	if resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusServiceUnavailable {
		kind = errs.Unavailable
	}
	return errs.E(kind, "", fmt.Errorf("%s answered %s", resp.Request.URL.Host, resp.Status))
}
