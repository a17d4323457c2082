package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/speech/internal/hearing"
	"samtale.dk/samtale/services/speech/internal/speechtest"
)

const wordSamples = speechtest.WordSamples

func script() *speechtest.Speller { return speechtest.Engine(nil, 10*asr.SampleRate) }

// keys is a key ring without a service.
type keys struct {
	key []byte
	err func() error // nil means none
}

func (k keys) Key(context.Context, string, bool) ([]byte, error) {
	if k.err != nil {
		if err := k.err(); err != nil {
			return nil, err
		}
	}
	return k.key, nil
}

// world is a bus with what hangs on it.
type world struct {
	t    testing.TB
	srv  *bustest.Server
	bus  *bus.Bus // of the gateway and the test
	keys keys
	gate *audiofeed.Gateway
	n    int
}

// patience is what a slow machine may take, for what has to happen at all.
const patience = 2 * time.Minute

// newWorld has a gateway that takes no slow worker for a dead one.
func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldThat(t, patience)
}

// newWorldThat has a gateway that gives a worker up that is silent for so long.
func newWorldThat(t testing.TB, heartbeat time.Duration) *world {
	t.Helper()
	w := &world{t: t, srv: bustest.NewServer(t), keys: keys{key: seal.NewKey()}}
	w.bus = w.connect("gateway")
	w.gate = audiofeed.New(audiofeed.Config{
		Name: "test", Bus: w.bus, Log: slog.New(slog.DiscardHandler),
		Limits: audiofeed.Limits{
			Heartbeat: heartbeat, Attach: 400 * time.Millisecond,
			RetryMin: 10 * time.Millisecond, RetryMax: 50 * time.Millisecond,
			Idle: 100 * time.Millisecond, Stall: 150 * time.Millisecond,
			// Tests speak faster than time: 120 s would be full in no time.
			RingLimit: 600 * audiov1.SampleRate,
		},
	})
	t.Cleanup(w.gate.Close)
	return w
}

func (w *world) connect(name string) *bus.Bus {
	w.t.Helper()
	b, err := bus.Connect(name, bus.Config{}, slog.New(slog.DiscardHandler), w.srv.Option())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(b.NC.Close)
	return b
}

// running is a worker with its own connection, as a process would have.
type running struct {
	*Worker
	bus  *bus.Bus
	stop context.CancelFunc
	done chan struct{}
}

func (w *world) worker(change func(*Config)) *running {
	w.t.Helper()
	w.n++
	name := fmt.Sprintf("worker-%d", w.n)
	b := w.connect(name)
	cfg := Config{
		Name: name, Bus: b, Keys: w.keys, Engine: script(), Segmenter: func() hearing.Segmenter { return &speechtest.Loud{} },
		Streams: 100, Log: slog.New(slog.DiscardHandler),
		Limits: Limits{
			Report: 40 * time.Millisecond, Idle: patience, RetryMin: 10 * time.Millisecond, RetryMax: 40 * time.Millisecond, Drain: 5 * time.Second,
		},
	}
	if change != nil {
		change(&cfg)
	}
	r := &running{Worker: New(cfg), bus: b, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() {
		defer close(r.done)
		if err := r.Run(ctx); err != nil && ctx.Err() == nil && b.NC.IsConnected() {
			w.t.Error(err)
		}
	}()
	w.t.Cleanup(func() { cancel(); b.NC.Close() })
	return r
}

// kill is kill -9 as far as anybody can tell: nothing is sent any more, nothing said
// good-bye to.
func (r *running) kill() { r.bus.NC.Close() }

func (w *world) leg() (*audiofeed.Leg, audiofeed.LegConfig) {
	w.t.Helper()
	cfg := audiofeed.LegConfig{
		ConversationID: event.NewID(time.Now()), LegID: event.NewID(time.Now()), Role: "citizen", StartedAt: time.Now(),
	}
	l, err := w.gate.Open(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return l, cfg
}

// write sends samples in frames.
func write(t testing.TB, l *audiofeed.Leg, pcm []int16, flags uint8) {
	t.Helper()
	for len(pcm) > 0 {
		n := min(audiov1.FrameSamples, len(pcm))
		if err := l.WriteFrame(pcm[:n], time.Now(), flags); err != nil {
			t.Fatal(err)
		}
		pcm = pcm[n:]
	}
}

func words(first, last, pause int) []int16 { return speechtest.Words(first, last, pause) }

func end(t testing.TB, l *audiofeed.Leg) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := l.End(ctx); err != nil {
		t.Fatal(err)
	}
}

// transcript is all finals of a leg put together and checked: contiguous, with a
// ledger that covers each, and words in their ranges, in order, with ids counted on.
type transcript struct {
	finals []transcriptv1.Final
	words  []transcriptv1.Word
	ledger []transcriptv1.Range
}

func (w *world) transcript(cfg audiofeed.LegConfig) transcript {
	w.t.Helper()
	var tr transcript
	cons, err := w.bus.JS.OrderedConsumer(w.t.Context(), transcriptv1.Stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{transcriptv1.FinalSubject(cfg.ConversationID, cfg.LegID)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	at, wordAt := int64(0), int64(0)
	for {
		m, err := cons.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			w.t.Fatalf("after %d finals: %v", len(tr.finals), err)
		}
		var f transcriptv1.Final
		if err := json.Unmarshal(m.Data(), &f); err != nil {
			w.t.Fatal(err)
		}
		if f.From != at || f.To < f.From {
			w.t.Errorf("final covers [%d, %d) after %d", f.From, f.To, at)
		}
		for _, r := range f.Ledger {
			if r.Start != at || r.End <= r.Start {
				w.t.Errorf("ledger has [%d, %d) after %d", r.Start, r.End, at)
			}
			at = r.End
			tr.account(r)
		}
		if at != f.To {
			w.t.Errorf("ledger ends at %d, final at %d", at, f.To)
		}
		var body transcriptv1.Body
		if err := seal.OpenJSON(w.t.Context(), w.keys, cfg.ConversationID, "body", f.Sealed, &body); err != nil {
			w.t.Fatal(err)
		}
		for _, word := range body.Words {
			if want := fmt.Sprintf("%s-%06d", cfg.LegID[len(cfg.LegID)-8:], len(tr.words)); word.ID != want {
				w.t.Errorf("word id %s, want %s", word.ID, want)
			}
			if word.Start < max(wordAt, f.From) || word.End < word.Start || word.End > f.To {
				w.t.Errorf("word at [%d, %d) after %d in final [%d, %d)", word.Start, word.End, wordAt, f.From, f.To)
			}
			wordAt = word.End
			tr.words = append(tr.words, word)
		}
		tr.finals = append(tr.finals, f)
		if f.Last {
			return tr
		}
	}
}

func (tr *transcript) account(r transcriptv1.Range) {
	if n := len(tr.ledger); n > 0 && tr.ledger[n-1].State == r.State && tr.ledger[n-1].Reason == r.Reason {
		tr.ledger[n-1].End = r.End
		return
	}
	tr.ledger = append(tr.ledger, r)
}

func (tr *transcript) texts() []string {
	var out []string
	for _, w := range tr.words {
		out = append(out, strings.ToLower(strings.TrimRight(w.Text, ".?")))
	}
	return out
}

func (tr *transcript) seconds(s transcriptv1.State) (n int64) {
	for _, r := range tr.ledger {
		if r.State == s {
			n += r.End - r.Start
		}
	}
	return n
}

func count(first, last int) []string {
	var out []string
	for k := first; k <= last; k++ {
		out = append(out, fmt.Sprintf("w%d", k))
	}
	return out
}

func checkWords(t testing.TB, tr transcript, want []string) {
	t.Helper()
	if d := cmp.Diff(want, tr.texts()); d != "" {
		t.Errorf("words (-want +got):\n%s", d)
	}
}

func TestLegBecomesFinals(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	l, cfg := w.leg()
	write(t, l, make([]int16, 16000), 0)
	write(t, l, words(0, 9, 1600), 0) // one utterance
	write(t, l, make([]int16, 32000), 0)
	write(t, l, words(10, 12, 8000), 0) // three
	end(t, l)
	tr := w.transcript(cfg)
	checkWords(t, tr, count(0, 12))
	if got := tr.finals[len(tr.finals)-1].To; got != l.Position() {
		t.Errorf("settled up to %d of %d", got, l.Position())
	}
	if !tr.words[0].Sentence || tr.words[0].Text != "W0" {
		t.Errorf("first word %+v does not begin a sentence", tr.words[0])
	}
	if s := tr.seconds(transcriptv1.Lost) + tr.seconds(transcriptv1.Masked); s != 0 {
		t.Errorf("%d samples lost or masked", s)
	}
	if tr.seconds(transcriptv1.Silence) == 0 || tr.seconds(transcriptv1.Transcribed) < 13*wordSamples {
		t.Errorf("ledger %v", tr.ledger)
	}
}

func TestEmptyLeg(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	l, cfg := w.leg()
	end(t, l)
	if tr := w.transcript(cfg); len(tr.finals) != 1 || tr.finals[0].To != 0 {
		t.Errorf("finals %+v", tr.finals)
	}
}

// Workers are killed at random points of a leg; whatever the point, no word is lost,
// none is said twice, and every sample has one state.
func TestKilledWorkersLoseNothing(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 42))
			w := newWorldThat(t, audiov1.HeartbeatLimit)
			l, cfg := w.leg()
			at := w.worker(nil)
			n := 0
			for kill := range 4 {
				// Utterances of one to fifty words: some are decided in pieces.
				for range rnd.IntN(4) + 1 {
					k := rnd.IntN(50) + 1
					write(t, l, words(n, n+k-1, rnd.IntN(4000)/320*320), 0)
					write(t, l, make([]int16, rnd.IntN(60000)), 0)
					n += k
				}
				if kill == 3 {
					break
				}
				point := l.Position() * int64(rnd.IntN(100)) / 100
				waitFor(t, "some of it is committed, or the worker has had its time", func() bool {
					return l.Status().Committed >= point/2 || rnd.IntN(20) == 0
				})
				at.kill()
				if rnd.IntN(2) == 0 { // sometimes the next one comes late
					write(t, l, make([]int16, 8000), 0)
				}
				at = w.worker(nil)
			}
			end(t, l)
			tr := w.transcript(cfg)
			checkWords(t, tr, count(0, n-1))
			if tr.seconds(transcriptv1.Lost) != 0 || tr.finals[len(tr.finals)-1].To != l.Position() {
				t.Errorf("ledger %v, leg of %d samples", tr.ledger, l.Position())
			}
		})
	}
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}
