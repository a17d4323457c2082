package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/speech/internal/speechtest"
)

// stronger hears other words than script.
func stronger() *speechtest.Speller {
	e := speechtest.Engine(func(k int) string { return fmt.Sprintf("s%d", k) }, 10*asr.SampleRate)
	e.EngineName = "stronger"
	return e
}

// second is what the second pass has stored of a leg so far: its words, and how far it reaches without a hole. When a leg
// was attached twice, two passes overlap; they are put together by place, as the journal does.
func (w *world) second(cfg audiofeed.LegConfig) (words []string, to int64) {
	w.t.Helper()
	stream, err := w.bus.JS.Stream(w.t.Context(), transcriptv1.Stream)
	if err != nil {
		w.t.Fatal(err)
	}
	subject := transcriptv1.RevisionSubject(cfg.ConversationID, cfg.LegID, secondPass)
	var finals []transcriptv1.Final
	for seq := uint64(1); ; {
		m, err := stream.GetMsg(w.t.Context(), seq, jetstream.WithGetMsgSubject(subject))
		if err != nil {
			break
		}
		seq = m.Sequence + 1
		var f transcriptv1.Final
		if err := json.Unmarshal(m.Data, &f); err != nil {
			w.t.Fatal(err)
		}
		if f.Revision != secondPass || f.Engine != "stronger" || f.Last {
			w.t.Errorf("final: %+v", f)
		}
		finals = append(finals, f)
	}
	slices.SortStableFunc(finals, func(x, y transcriptv1.Final) int { return cmp.Compare(x.From, y.From) })
	ids := map[string]bool{}
	for _, f := range finals {
		if f.From > to {
			break
		}
		var body transcriptv1.Body
		if err := seal.OpenJSON(w.t.Context(), w.keys, cfg.ConversationID, "body", f.Sealed, &body); err != nil {
			w.t.Fatal(err)
		}
		for _, x := range body.Words {
			if ids[x.ID] {
				w.t.Errorf("word id %s twice", x.ID)
			}
			ids[x.ID] = true
			if x.Start >= to {
				words = append(words, strings.ToLower(strings.TrimRight(x.Text, ".?")))
			}
		}
		to = max(to, f.To)
	}
	return words, to
}

// heardAgain waits until the second pass reaches to the end of the leg.
func (w *world) heardAgain(cfg audiofeed.LegConfig, end int64) []string {
	w.t.Helper()
	var words []string
	var to int64
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if words, to = w.second(cfg); to >= end {
			return words
		}
	}
	w.t.Fatalf("the second pass has %v up to %d of %d", words, to, end)
	return nil
}

// counted is a counter's value.
func counted(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("%s is not there", name)
	return 0
}

func numbered(letter string, first, last int) (out []string) {
	for k := first; k <= last; k++ {
		out = append(out, fmt.Sprintf("%s%d", letter, k))
	}
	return out
}

// TestHearAgain: the words of the second engine stand beside those of the first, of which none changes.
func TestHearAgain(t *testing.T) {
	w := newWorld(t)
	w.worker(func(c *Config) { c.Second = stronger() })
	l, cfg := w.leg()
	write(t, l, words(1, 12, 8000), 0)
	end(t, l)
	tr := w.transcript(cfg)
	if d := gocmp.Diff(numbered("w", 1, 12), tr.texts()); d != "" {
		t.Errorf("live words (-want +got):\n%s", d)
	}
	got := w.heardAgain(cfg, tr.finals[len(tr.finals)-1].To)
	if d := gocmp.Diff(numbered("s", 1, 12), got); d != "" {
		t.Errorf("second pass (-want +got):\n%s", d)
	}
}

// fragile is an engine whose first sessions fail. If all did, a leg that is written faster than time would get nowhere.
type fragile struct {
	asr.Engine
	then asr.Engine
	left atomic.Int32
}

func (f *fragile) Open(ctx context.Context, o asr.Options) (asr.Session, error) {
	if f.left.Add(-1) >= 0 {
		return f.Engine.Open(ctx, o)
	}
	return f.then.Open(ctx, o)
}

// TestHearAgainWhenTheLiveEngineFails: audio that is sent again for the live pass is not heard twice by the second.
func TestHearAgainWhenTheLiveEngineFails(t *testing.T) {
	w := newWorld(t)
	failing := script()
	failing.FailAt = 4 * asr.SampleRate // of each session
	e := &fragile{Engine: failing, then: script()}
	e.left.Store(5)
	w.worker(func(c *Config) { c.Engine, c.Second = e, stronger() })
	l, cfg := w.leg()
	write(t, l, words(1, 20, 8000), 0)
	end(t, l)
	tr := w.transcript(cfg)
	if d := gocmp.Diff(numbered("w", 1, 20), tr.texts()); d != "" {
		t.Errorf("live words (-want +got):\n%s", d)
	}
	if d := gocmp.Diff(numbered("s", 1, 20), w.heardAgain(cfg, tr.finals[len(tr.finals)-1].To)); d != "" {
		t.Errorf("second pass (-want +got):\n%s", d)
	}
}

// TestTheSecondEngineFails: the live pass knows nothing of it.
func TestTheSecondEngineFails(t *testing.T) {
	w := newWorld(t)
	broken := stronger()
	broken.OpenErr = asr.ErrUnavailable
	reg := prometheus.NewRegistry()
	r := w.worker(func(c *Config) { c.Second, c.Metrics, c.Limits.Drain = broken, reg, patience })
	l, cfg := w.leg()
	write(t, l, words(1, 6, 8000), 0)
	end(t, l)
	tr := w.transcript(cfg)
	if d := gocmp.Diff(numbered("w", 1, 6), tr.texts()); d != "" {
		t.Errorf("live words (-want +got):\n%s", d)
	}
	r.stop()
	<-r.done // second passes have ended as well
	if got := counted(t, reg, "samtale_speech_second_failures_total"); got == 0 {
		t.Error("no failure was counted")
	}
	if words, _ := w.second(cfg); len(words) > 0 {
		t.Errorf("heard: %v", words)
	}
}

// TestNoRoomForTheSecondPass: what does not fit is left out and counted; what follows is heard.
func TestNoRoomForTheSecondPass(t *testing.T) {
	reg, wk := prometheus.NewRegistry(), &Worker{}
	wk.metrics = newMetrics(reg, wk)
	a := &again{w: wk, wake: make(chan struct{}, 1)}
	offer := func(from, n int64, flags uint8, ended bool) {
		b := batch{pieces: []piece{{n, flags}}, ended: ended}
		if flags&audiov1.FlagLost == 0 {
			b.samples = make([]int16, n)
		}
		a.offer(from, &b)
	}
	offer(0, againLimit-1000, 0, false)
	offer(againLimit-2000, 2000, 0, false) // half of it is known, and what is new fits
	offer(againLimit-1000, 1000, 0, false) // known
	offer(againLimit, 500, 0, false)       // no room
	first, _ := a.take()                   // room
	offer(againLimit+500, 300, audiov1.FlagLost, true)
	var got [][2]int64
	for {
		s, ok := a.take()
		if !ok {
			break
		}
		got = append(got, [2]int64{s.from, s.length()})
	}
	want := [][2]int64{{againLimit - 1000, 1000}, {againLimit + 500, 300}}
	if first.length() != againLimit-1000 || !slices.Equal(got, want) {
		t.Errorf("took %d, then %v, want %v", first.length(), got, want)
	}
	if left := counted(t, reg, "samtale_speech_second_left_seconds_total") * audiov1.SampleRate; left != 500 {
		t.Errorf("%v samples counted as left out", left)
	}
}
