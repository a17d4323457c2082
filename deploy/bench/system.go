package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"samtale.dk/samtale/services/phone/dialer"
)

// system is a running Samtale, as one process or as several.
type system struct {
	http, sip string // host:port
	token     string // of a caseworker
}

// login asks bin/samtale for a token, with the environment of the services.
func (s *system) login(ctx context.Context, b *bench, env []string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "samtale"), "token", "--role", "caseworker")
	cmd.Env = append(cmd.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("samtale token: %w %s", err, stderr.Bytes())
	}
	s.token = strings.TrimSpace(string(out))
	return nil
}

func (s *system) request(ctx context.Context, path string, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.http+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // for the error only
		return nil, fmt.Errorf("GET %s: %s %s", path, resp.Status, text)
	}
	return resp, nil
}

func (s *system) get(ctx context.Context, path string, into any) error {
	resp, err := s.request(ctx, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

// said is one event with words, as the desk gets it.
type said struct {
	at    time.Time
	final bool
	words int
}

// ear is a desk that follows one conversation by server-sent events.
type ear struct {
	events chan said
	states chan string // of the call
	cancel context.CancelFunc
	ended  chan struct{}
	last   atomic.Pointer[string] // id of the last event that had one
}

// follow tries for a while: a desk hears of a new call a moment after the caller does.
func (s *system) follow(ctx context.Context, conversation string) (*ear, error) {
	return s.followFrom(ctx, conversation, "")
}

// followFrom leaves out what came up to an event.
func (s *system) followFrom(ctx context.Context, conversation, last string) (*ear, error) {
	ctx, cancel := context.WithCancel(ctx)
	var resp *http.Response
	var err error
	for range 50 {
		resp, err = s.request(ctx, "/api/v1/conversations/"+conversation+"/events", "Last-Event-ID", last)
		if err == nil || pause(ctx, 100*time.Millisecond) != nil {
			break
		}
	}
	if err != nil {
		cancel()
		return nil, err
	}
	e := &ear{events: make(chan said, 4096), states: make(chan string, 64), cancel: cancel, ended: make(chan struct{})}
	e.last.Store(&last)
	go func() {
		defer close(e.ended)
		defer resp.Body.Close()
		e.read(resp.Body)
	}()
	return e, nil
}

func (e *ear) close() { e.cancel(); <-e.ended }

func (e *ear) lastID() string { return *e.last.Load() }

func (e *ear) read(body io.Reader) {
	sc := bufio.NewScanner(body)
	sc.Buffer(nil, 1<<20)
	var name string
	for sc.Scan() {
		at := time.Now()
		if v, ok := strings.CutPrefix(sc.Text(), "event: "); ok {
			name = v
		}
		if v, ok := strings.CutPrefix(sc.Text(), "id: "); ok {
			e.last.Store(&v)
		}
		data, ok := strings.CutPrefix(sc.Text(), "data: ")
		if !ok {
			continue
		}
		e.take(at, name, []byte(data))
	}
}

func (e *ear) take(at time.Time, name string, data []byte) {
	var v struct {
		Words []json.RawMessage `json:"words"`
		State string            `json:"state"`
	}
	if json.Unmarshal(data, &v) != nil {
		return
	}
	switch name {
	case "call":
		select {
		case e.states <- v.State:
		default: // nobody waits any more
		}
	case "partial", "final":
		if len(v.Words) > 0 {
			e.events <- said{at, name == "final", len(v.Words)}
		}
	}
}

// awaitMessage waits until the citizen may speak.
func (e *ear) awaitMessage(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	for {
		select {
		case s := <-e.states:
			if s == "message" {
				return nil
			}
		case <-e.ended:
			return fmt.Errorf("the desk's events ended")
		case <-ctx.Done():
			return fmt.Errorf("the message line did not listen: %w", ctx.Err())
		}
	}
}

// message is a citizen on the message line, with a desk that follows.
type message struct {
	call *dialer.Call
	ear  *ear
}

func (s *system) leaveMessage(ctx context.Context, d *dialer.Dialer) (*message, error) {
	c, err := d.Dial(ctx, dialer.Options{To: "sip:besked@" + s.sip})
	if err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	m := &message{call: c}
	m.ear, err = s.follow(ctx, c.ConversationID)
	if err == nil {
		err = m.ear.awaitMessage(ctx)
	}
	if err != nil {
		m.hangUp(ctx)
		return nil, err
	}
	return m, nil
}

func (m *message) hangUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = m.call.HangUp(ctx) // it may be over already
	if m.ear != nil {
		m.ear.close()
	}
}

func newDialer() (*dialer.Dialer, error) {
	return dialer.New(dialer.Config{RTPPorts: "25000-25199"})
}
