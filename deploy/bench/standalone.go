package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	callsAtOnce   = 10
	deskCallers   = 5
	rtpPorts      = "26000-26199"
	idleWindow    = 30 * time.Second
	settleAfter   = 10 * time.Second // after the start: migrations, first schedules, page cache
	latencyRounds = 18               // utterances in each of deskCallers calls
)

// standalone is bin/standalone with a data folder and ports of its own.
type standalone struct {
	*process
	system
	env []string
}

func newStandalone(data string) (*standalone, error) {
	s := &standalone{}
	var receiver string
	if err := freeAddrs(&s.http, &s.sip, &receiver); err != nil {
		return nil, err
	}
	s.env = []string{
		"SAMTALE_DATA=" + data, "SAMTALE_HTTP_ADDR=" + s.http, "SAMTALE_SIP_ADDR=" + s.sip,
		"SAMTALE_RECEIVER_ADDR=" + receiver, "SAMTALE_RTP_PORTS=" + rtpPorts, "SAMTALE_DRAIN=1s",
	}
	return s, nil
}

// start returns how long it took until every service was ready.
func (s *standalone) start(ctx context.Context, b *bench, extra ...string) (time.Duration, error) {
	begin := time.Now()
	var err error
	s.process, err = startProcess(append(slices.Clone(s.env), extra...), filepath.Join(b.bin, "standalone"))
	if err != nil {
		return 0, err
	}
	err = s.until(ctx, "healthz", 20*time.Millisecond, func() error {
		resp, err := http.Get("http://" + s.http + "/healthz")
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
	took := time.Since(begin)
	if err == nil {
		err = s.login(ctx, b, s.env)
	}
	if err != nil {
		s.kill()
	}
	return took, err
}

// measureStandalone starts it twice: fresh with the demo recogniser, for everything that
// has to do with resources, and again with a recogniser that takes no time, for the
// latency of words.
func measureStandalone(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp("", "samtale-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newStandalone(dir)
	if err != nil {
		return err
	}
	if err := s.measureFresh(ctx, b); err != nil {
		return err
	}
	return s.measureDesk(ctx, b)
}

func (s *standalone) measureFresh(ctx context.Context, b *bench) error {
	b.say("standalone: start, then idle")
	ready, err := s.start(ctx, b)
	if err != nil {
		return err
	}
	defer s.stop()
	b.add(row{
		What: "standalone, ready (first start, empty data folder)", Budget: "≤ 5 s", Value: ready.Seconds(), Limit: 5, Unit: "s",
		Note: "From starting the process until /healthz answers 200, which probes every service.",
	})
	if err := s.measureIdle(ctx, b); err != nil {
		return err
	}
	b.say("standalone: %d calls at once", callsAtOnce)
	return s.measureCalls(ctx, b)
}

func (s *standalone) measureIdle(ctx context.Context, b *bench) error {
	if err := pause(ctx, b.window(settleAfter)); err != nil {
		return err
	}
	before, err := s.usage()
	if err != nil {
		return err
	}
	w := b.window(idleWindow)
	if err := pause(ctx, w); err != nil {
		return err
	}
	after, err := s.usage()
	if err != nil {
		return err
	}
	b.add(row{
		What: "standalone, idle, resident memory", Budget: "≤ 300 MB", Value: mb(after.RSS), Limit: 300, Unit: "MB",
		Note: "RSS in /proc, with the pages of the program file that are in memory.",
	})
	b.add(row{
		What: "standalone, idle, share of a core", Budget: "≤ 2 %", Value: 100 * float64(after.CPU-before.CPU) / float64(w), Limit: 2, Unit: "%",
		Note: fmt.Sprintf("CPU time over %s, %s after it was ready.", w, b.window(settleAfter)),
	})
	return nil
}

// measureCalls: one call first, so that what is allocated once (the recogniser's tables,
// connection pools, statements) is not counted as the calls'.
func (s *standalone) measureCalls(ctx context.Context, b *bench) error {
	if _, err := s.speakMessages(ctx, 1, 2, nil); err != nil {
		return err
	}
	if err := pause(ctx, b.window(5*time.Second)); err != nil {
		return err
	}
	before, err := s.usage()
	if err != nil {
		return err
	}
	var seen []int64
	n := 6
	if b.quick {
		n = 3
	}
	d, err := s.speakMessages(ctx, callsAtOnce, n, func() error {
		for range 2 * n {
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
			u, err := s.usage()
			if err != nil {
				return err
			}
			seen = append(seen, u.RSS)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(seen)
	b.add(row{
		What: "standalone, memory that a call adds", Budget: "≤ 2 MB", Value: mb(seen[len(seen)-1]-before.RSS) / callsAtOnce, Limit: 2, Unit: "MB",
		Note: fmt.Sprintf("%d spoken messages at once, heard by the demo recogniser: the largest of %d readings of RSS less the one before, divided by %d. %.0f MB before, after one call.",
			callsAtOnce, len(seen), callsAtOnce, mb(before.RSS)),
	})
	if len(d.all) == 0 {
		return errors.New("no words came to the desk")
	}
	r := deskRow(fmt.Sprintf("end of speech → final words on the desk, demo recogniser, %d calls, p99", callsAtOnce), d)
	r.Note += " The demo recogniser's time is in it."
	b.add(r)
	return nil
}

func (s *standalone) measureDesk(ctx context.Context, b *bench) error {
	b.say("standalone: start again, latency of words")
	engine, err := startInstant()
	if err != nil {
		return err
	}
	defer engine.Close()
	ready, err := s.start(ctx, b, "SAMTALE_ASR=openai=http://"+engine.addr)
	if err != nil {
		return err
	}
	defer s.stop()
	b.add(row{What: "standalone, ready (second start)", Budget: "≤ 5 s", Value: ready.Seconds(), Limit: 5, Unit: "s"})
	n := latencyRounds
	if b.quick {
		n = 4
	}
	d, err := s.speakMessages(ctx, deskCallers, n, nil)
	if err != nil {
		return err
	}
	if len(d.all) == 0 {
		return errors.New("no words came to the desk")
	}
	r := deskRow("end of speech → final words on the desk, engine time not counted, p99", d)
	r.Budget = "≤ 660 ms"
	r.Note += fmt.Sprintf(" %d SIP calls at once into bin/standalone, a server-sent-events client each; the recogniser is one behind HTTP that answers at once, so engine time is nothing. "+
		"End of speech is when the telephone sends the last packet with sound; the jitter buffer's delay is in the figure.", deskCallers)
	b.add(r)
	return nil
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }
