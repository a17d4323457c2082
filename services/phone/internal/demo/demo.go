// Package demo places demo calls to ourselves: a dialer calls the queue or the
// message line over loopback and plays the citizen's part of a written
// conversation, spoken by espeak-ng where it is installed, else from a sound file.
//
// Each demo has its own goroutine and dialer; a few may run at once.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sort"
	"strings"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/models/tts"
	"samtale.dk/samtale/models/tts/espeak"
	"samtale.dk/samtale/models/tts/recorded"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

const (
	// answerLimit is how long a demo caller waits for a caseworker.
	answerLimit = 10 * time.Minute
	// turn is the pause after each of the citizen's lines: there somebody answers.
	turn = 1500 * time.Millisecond
	// atOnce bounds demo calls.
	atOnce = 4
	// setupLimit is for the call to be answered by our own server.
	setupLimit = 8 * time.Second
)

// Script is a written conversation.
type Script struct {
	Name     string             `json:"name"`
	Title    string             `json:"title"`
	To       string             `json:"to"`
	Speakers map[string]Speaker `json:"speakers"`
	Lines    []Line             `json:"lines"`
}

// Speaker is a voice of espeak-ng.
type Speaker struct {
	Voice string `json:"voice"`
	Speed int    `json:"speed"`
	Pitch int    `json:"pitch"`
}

// Line is what one speaker says in one turn.
type Line struct {
	Speaker string `json:"speaker"`
	Text    string `json:"text"`
}

// Load reads all scripts, by name.
func Load(files fs.FS) ([]Script, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var out []Script
	for _, n := range names {
		b, err := fs.ReadFile(files, n)
		if err != nil {
			return nil, fmt.Errorf("demo call: %w", err)
		}
		var s Script
		if err := json.Unmarshal(b, &s); err != nil {
			return nil, fmt.Errorf("demo call %s: %w", n, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// Speak makes the sound of one speaker's part, with a pause after each line.
func (s Script) Speak(ctx context.Context, who string) ([]int16, error) {
	sp := s.Speakers[who]
	v, err := espeak.New(espeak.Config{Voice: sp.Voice, Speed: sp.Speed, Pitch: sp.Pitch})
	if err != nil {
		return nil, err
	}
	var out []int16
	for _, l := range s.Lines {
		if l.Speaker != who {
			continue
		}
		said, err := v.Say(ctx, l.Text)
		if err != nil {
			return nil, err
		}
		out = append(append(out, said...), make([]int16, pcm.Samples(turn, pcm.Rate))...)
	}
	return out, nil
}

// Config of a Player.
type Config struct {
	Files fs.FS
	SIP   string // host:port of our own server
	Bus   *bus.Bus
	Log   *slog.Logger
}

// Player places demo calls.
type Player struct {
	cfg     Config
	scripts []Script
	slots   chan struct{}
	ctx     context.Context //nolint:containedctx // ends all demos with the service
}

// New reads the scripts. ctx ends all demos.
func New(ctx context.Context, cfg Config) (*Player, error) {
	s, err := Load(cfg.Files)
	if err != nil {
		return nil, err
	}
	if len(s) == 0 {
		return nil, errors.New("no demo calls")
	}
	return &Player{cfg: cfg, scripts: s, slots: make(chan struct{}, atOnce), ctx: ctx}, nil
}

// pick finds a script by name, or the first one for a destination.
func (p *Player) pick(r callv1.DemoRequest) (Script, string, error) {
	for _, s := range p.scripts {
		to := r.To
		if to == "" {
			to = s.To
		}
		if s.Name == r.Name || r.Name == "" && s.To == to {
			return s, to, nil
		}
	}
	if r.Name == "" {
		return p.scripts[0], r.To, nil
	}
	return Script{}, "", errs.E(errs.NotFound, "Demosamtalen findes ikke.", nil)
}

// Play starts a demo call and returns its conversation once it is answered.
func (p *Player) Play(ctx context.Context, r callv1.DemoRequest) (string, error) {
	s, to, err := p.pick(r)
	if err != nil {
		return "", err
	}
	select {
	case p.slots <- struct{}{}:
	default:
		return "", errs.E(errs.Limited, "Der kører allerede flere demoopkald. Vent, til et af dem er slut.", nil)
	}
	id := make(chan string, 1)
	fail := make(chan error, 1)
	go func() {
		defer func() { <-p.slots }()
		if err := p.run(p.ctx, s, to, id); err != nil {
			fail <- err
			p.cfg.Log.Warn("demo call ended early", "name", s.Name, "err", err)
		}
	}()
	select {
	case v := <-id:
		return v, nil
	case err := <-fail:
		return "", errs.E(errs.Unavailable, "Demoopkaldet kom ikke igennem.", err)
	case <-ctx.Done():
		return "", errs.E(errs.Unavailable, "", ctx.Err())
	}
}

func (p *Player) run(ctx context.Context, s Script, to string, id chan<- string) error {
	sound, err := p.sound(ctx, s)
	if err != nil {
		return err
	}
	host, _, _ := strings.Cut(p.cfg.SIP, ":")
	d, err := dialer.New(dialer.Config{Local: host, User: "demo", Name: "Demo: " + s.Title, Log: p.cfg.Log})
	if err != nil {
		return err
	}
	defer d.Close()
	w, err := p.watch()
	if err != nil {
		return err
	}
	defer w.stop()
	setup, cancel := context.WithTimeout(ctx, setupLimit)
	defer cancel()
	c, err := d.Dial(setup, dialer.Options{To: "sip:" + to + "@" + p.cfg.SIP})
	if err != nil {
		return err
	}
	defer c.HangUp(context.WithoutCancel(ctx))
	id <- c.ConversationID
	return p.talk(ctx, c, w, sound)
}

// talk plays the part when somebody listens: a caseworker, or the message line.
func (p *Player) talk(ctx context.Context, c *dialer.Call, w *watch, sound []int16) error {
	if err := w.await(ctx, c); err != nil {
		return err
	}
	if err := c.Play(ctx, sound); err != nil {
		return err
	}
	if err := c.Press(ctx, "#"); err != nil {
		return err
	}
	err := c.Wait(ctx, 10*time.Second)
	if dialer.IsEnded(err) {
		return nil
	}
	return err
}

func (p *Player) sound(ctx context.Context, s Script) ([]int16, error) {
	v, err := s.Speak(ctx, "citizen")
	if errors.Is(err, tts.ErrNoVoice) {
		return recorded.Read(p.cfg.Files, s.Name+".al")
	}
	return v, err
}

// watch listens to the states of calls.
type watch struct {
	states chan callv1.Changed
	stop   func()
}

func (p *Player) watch() (*watch, error) {
	w := &watch{states: make(chan callv1.Changed, 256)}
	sub, err := bus.Listen(p.cfg.Bus, "call.v1.changed.*", func(_ context.Context, e callv1.Changed) {
		select {
		case w.states <- e:
		default: // many other calls; the next state of ours follows
		}
	})
	if err != nil {
		return nil, err
	}
	w.stop = func() { sub.Unsubscribe() }
	return w, nil
}

// await says yes to the question and waits until somebody listens.
func (w *watch) await(ctx context.Context, c *dialer.Call) error {
	limit := time.NewTimer(answerLimit)
	defer limit.Stop()
	for {
		select {
		case e := <-w.states:
			if e.ConversationID == c.ConversationID && e.Reason == callv1.ReasonAsking {
				if err := c.Press(ctx, "1"); err != nil {
					return err
				}
			}
			if e.ConversationID == c.ConversationID && (e.State == callv1.StateTalking || e.State == callv1.StateMessage) {
				return c.Wait(ctx, time.Second)
			}
		case <-c.Ended():
			return errors.New("the call ended before anybody answered")
		case <-limit.C:
			return errors.New("nobody answered the demo call")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
