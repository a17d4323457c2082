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

// measureRecovery kills the speech service in the middle of a spoken message, starts it
// again at once, as whatever supervises it does, and waits for words at the desk.
func measureRecovery(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp("", "samtale-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.say("kill -9 of the speech service during a call")
	s, err := b.startSplit(ctx, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	kills := 3
	if b.quick {
		kills = 1
	}
	took, lost, err := s.killDuringCall(ctx, b, kills)
	if err != nil {
		return err
	}
	slices.Sort(took)
	b.add(row{
		What: "recovery: kill -9 of the speech service → words flow again", Budget: "≤ 3 s", Value: took[len(took)-1].Seconds(), Limit: 3, Unit: "s",
		Note: fmt.Sprintf("The worst of %d kills in one call, all services as processes of their own; it is started again at once. "+
			"Best %.2f s. A gateway gives a silent worker 2 s before it attaches another. Of the call %.2f s were lost.", len(took), took[0].Seconds(), lost),
	})
	return nil
}

func (s *split) killDuringCall(ctx context.Context, b *bench, kills int) (took []time.Duration, lost float64, err error) {
	sound, err := speechWithoutPauses()
	if err != nil {
		return nil, 0, err
	}
	d, err := newDialer()
	if err != nil {
		return nil, 0, err
	}
	defer d.Close()
	m, err := s.leaveMessage(ctx, d)
	if err != nil {
		return nil, 0, err
	}
	defer m.hangUp(ctx)
	m.call.Loop(sound)
	for range kills {
		if err := pause(ctx, 6*time.Second); err != nil {
			return nil, 0, err
		}
		if len(m.ear.heard()) == 0 {
			return nil, 0, errors.New("no words before the kill")
		}
		t, err := s.kill(ctx, b, m)
		if err != nil {
			return nil, 0, err
		}
		took = append(took, t)
	}
	m.hangUp(ctx)
	lost, err = s.lost(ctx, m.call.ConversationID)
	return took, lost, err
}

// kill returns how long it took until words came again.
func (s *split) kill(ctx context.Context, b *bench, m *message) (time.Duration, error) {
	p := s.parts["speech"]
	p.kill()
	begin := time.Now()
	m.ear.heard() // what was on its way
	if err := s.launch(b, "speech"); err != nil {
		return 0, err
	}
	t := time.NewTimer(waitLimit)
	defer t.Stop()
	for {
		select {
		case e := <-m.ear.events:
			// What the killed worker published arrives within moments; nothing of the
			// new one can.
			if took := e.at.Sub(begin); took > 100*time.Millisecond {
				return took, nil
			}
		case <-t.C:
			return 0, fmt.Errorf("no words within %s of the kill:\n%s", waitLimit, s.parts["speech"].log)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
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
