package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// split is Samtale as separate processes.
type split struct {
	system
	env   []string
	parts map[string]*process
}

var splitServices = []string{"consent", "journal", "worker", "speech", "phone", "portal"}

func (b *bench) startSplit(ctx context.Context, data string) (*split, error) {
	s := &split{parts: map[string]*process{}}
	e, err := b.startEngines(ctx, filepath.Join(data, "engines"))
	if err != nil {
		return nil, err
	}
	s.parts["engines"] = e.process
	if err := freeAddrs(&s.http, &s.sip); err != nil {
		s.stop()
		return nil, err
	}
	s.env = []string{
		"SAMTALE_DATA=" + data, "SAMTALE_HTTP_ADDR=" + s.http, "SAMTALE_SIP_ADDR=" + s.sip,
		"SAMTALE_RTP_PORTS=" + rtpPorts, "SAMTALE_DRAIN=1s", "SAMTALE_LOG_LEVEL=warn",
		"SAMTALE_NATS_URL=nats://" + e.natsAddr, "SAMTALE_TEMPORAL_ADDR=" + e.temporalAddr,
		"SAMTALE_MASTER_KEY=" + strings.Repeat("5a", 32), // of nothing but this run
	}
	for _, name := range splitServices {
		if err := s.launch(b, name); err != nil {
			s.stop()
			return nil, err
		}
	}
	if err := s.ready(ctx, b); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *split) launch(b *bench, name string) error {
	p, err := startProcess(s.env, filepath.Join(b.bin, "samtale"), name)
	if err != nil {
		return err
	}
	s.parts[name] = p
	return nil
}

// ready waits until requests through portal, journal, consent and phone are answered.
func (s *split) ready(ctx context.Context, b *bench) error {
	if err := s.login(ctx, b, s.env); err != nil {
		return err
	}
	return s.parts["portal"].until(ctx, "all services answer", 100*time.Millisecond, func() error {
		var any struct{}
		for _, path := range []string{"/api/v1/conversations", "/api/v1/areas", "/api/v1/calls"} {
			if err := s.get(ctx, path, &any); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *split) stop() {
	for _, p := range s.parts {
		p.kill() // its data goes too
	}
}

// measureRecovery kills services in the middle of a spoken message, starts each again at
// once, as whatever supervises it does, and watches the words at the desk.
func measureRecovery(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp("", "samtale-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.say("kill -9 of services during a call")
	s, err := b.startSplit(ctx, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	speech, others := []string{"speech", "speech", "speech"}, []string{"journal", "consent", "worker", "portal"}
	if b.quick {
		speech, others = speech[:1], []string{"portal"}
	}
	r, err := s.killDuringCall(ctx, b, speech, others)
	if err != nil {
		return err
	}
	undisturbed := &baseline{fmt.Sprintf("the longest pause in %s of the same speech without a kill", watchAfter), r.undisturbed.Seconds()}
	b.add(row{
		What: "recovery: kill -9 of the speech service → words flow again", Budget: "≤ 3 s", Value: slices.Max(r.speech).Seconds(), Limit: 3, Unit: "s",
		Baseline: undisturbed,
		Note: fmt.Sprintf("The worst of %d kills in one call, all services as processes of their own; it is started again at once. "+
			"Best %.2f s. A gateway gives a silent worker 2 s before it attaches another. Of the whole call, with all kills, %.2f s of sound were lost.",
			len(r.speech), slices.Min(r.speech).Seconds(), r.lost),
	})
	b.add(row{
		What: "recovery: kill -9 of another service, longest pause between words", Budget: "≤ 3 s", Value: slices.Max(r.others).Seconds(), Limit: 3, Unit: "s",
		Baseline: undisturbed, Note: strings.Join(others, ", ") + ", one after the other in the same call; the desk's event stream connects again by itself.",
	})
	return nil
}

// recovery is the longest pause between words after each kill.
type recovery struct {
	undisturbed    time.Duration
	speech, others []time.Duration
	lost           float64 // seconds of the call
}

// watchAfter a kill: the pauses in this time count, and the one at its end as far as it
// takes.
const watchAfter = 5 * time.Second

func (s *split) killDuringCall(ctx context.Context, b *bench, speech, others []string) (r recovery, err error) {
	sound, err := speechWithoutPauses()
	if err != nil {
		return r, err
	}
	d, err := newDialer()
	if err != nil {
		return r, err
	}
	defer d.Close()
	m, err := s.leaveMessage(ctx, d)
	if err != nil {
		return r, err
	}
	defer func() { m.hangUp(ctx) }()
	m.call.Loop(sound)
	if err := pause(ctx, 3*time.Second); err != nil {
		return r, err
	}
	if len(m.ear.heard()) == 0 {
		return r, errors.New("no words before the kill")
	}
	if r.undisturbed, err = s.longestPause(ctx, m, time.Now()); err != nil {
		return r, err
	}
	for i, name := range slices.Concat(speech, others) {
		took, err := s.kill(ctx, b, m, name)
		if err != nil {
			return r, err
		}
		if i < len(speech) {
			r.speech = append(r.speech, took)
		} else {
			r.others = append(r.others, took)
		}
	}
	m.hangUp(ctx)
	r.lost, err = s.lost(ctx, m.call.ConversationID)
	return r, err
}

// kill ends a service as a crash does, starts it again and returns the longest pause
// between words.
func (s *split) kill(ctx context.Context, b *bench, m *message, name string) (time.Duration, error) {
	s.parts[name].kill()
	begin := time.Now()
	m.ear.heard() // the words before
	if err := s.launch(b, name); err != nil {
		return 0, err
	}
	took, err := s.longestPause(ctx, m, begin)
	if err != nil {
		return 0, fmt.Errorf("after a kill of %s: %w\n%s", name, err, s.parts[name].log)
	}
	return took, nil
}

func (s *split) longestPause(ctx context.Context, m *message, begin time.Time) (longest time.Duration, err error) {
	last := begin
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	for last.Sub(begin) < watchAfter {
		select {
		case e := <-m.ear.events:
			longest = max(longest, e.at.Sub(last))
			last = e.at
		case <-m.ear.ended:
			if err := s.followAgain(ctx, m); err != nil {
				return 0, err
			}
		case <-limit.C:
			return 0, fmt.Errorf("no words within %s", waitLimit)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return longest, nil
}

// followAgain connects the desk after its event stream has broken off. The finals that it
// has are not sent again.
func (s *split) followAgain(ctx context.Context, m *message) error {
	e, err := s.followFrom(ctx, m.call.ConversationID, m.ear.lastID())
	if err == nil {
		m.ear = e
	}
	return err
}

// lost is how much of the conversation no recogniser heard, in seconds.
func (s *split) lost(ctx context.Context, conversation string) (float64, error) {
	var t struct {
		Complete bool `json:"complete"`
		Coverage struct {
			Lost float64 `json:"lost_s"`
		} `json:"coverage"`
	}
	err := s.parts["portal"].until(ctx, "the whole transcript", 200*time.Millisecond, func() error {
		err := s.get(ctx, "/api/v1/conversations/"+conversation+"/transcript", &t)
		if err == nil && !t.Complete {
			err = errors.New("not complete")
		}
		return err
	})
	return t.Coverage.Lost, err
}
