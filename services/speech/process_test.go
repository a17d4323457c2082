package speech

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
)

// TestMain lets the test binary stand in for the service's own process.
func TestMain(m *testing.M) {
	if os.Getenv("SPEECH_TEST_PROCESS") != "" {
		env, err := process.NewEnv(os.Environ(), os.Stderr)
		if err == nil {
			ctx, cancel := process.Signals()
			defer cancel()
			err = Run(ctx, env)
		}
		if err != nil {
			slog.Error("speech", "err", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func startProcess(t *testing.T, url string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SPEECH_TEST_PROCESS=1", "SAMTALE_NATS_URL="+url, "SAMTALE_LOG_LEVEL=error")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// serveKeys answers for the consent service.
func serveKeys(t *testing.T, b *bus.Bus) seal.Keys {
	t.Helper()
	svc, err := b.Service("consent", "keys for a test")
	if err != nil {
		t.Fatal(err)
	}
	key := seal.NewKey()
	err = bus.Handle(b, svc, consentv1.KeySubject, 10, func(context.Context, consentv1.KeyRequest) (consentv1.KeyReply, error) {
		return consentv1.KeyReply{KeyID: "1", Key: key}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.NewRing(b)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// The service's process is killed with SIGKILL while somebody counts. The transcript
// holds every number once.
func TestKillTheProcess(t *testing.T) {
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir(), Host: "127.0.0.1", Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	b, err := bus.Connect("test", bus.Config{URL: srv.URL()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	keys := serveKeys(t, b)
	reg := prometheus.NewRegistry()
	g := audiofeed.New(audiofeed.Config{Name: "test", Bus: b, Log: slog.New(slog.DiscardHandler), Metrics: reg})
	defer g.Close()

	counted := []string{
		"jeg ringer om min boligstøtte", "jeg har fået et brev fra kommunen", "jeg vil gerne søge om pension",
		"hvornår kan jeg få et svar", "jeg har sendt mine papirer", "tak for hjælpen",
	}
	var sound []int16
	for _, s := range counted {
		sound = append(sound, asrtest.Say(t, asrtest.Voice{}, s)...)
		sound = append(sound, make([]int16, pcm.Rate)...)
	}
	// What the recogniser makes of it when nobody disturbs it.
	calm := transcribe(t, sound)

	leg, err := g.Open(audiofeed.LegConfig{ConversationID: event.NewID(time.Now()), LegID: event.NewID(time.Now()), Role: "citizen"})
	if err != nil {
		t.Fatal(err)
	}
	proc := startProcess(t, srv.URL())
	kills := 0
	for at := 0; at < len(sound); at += pcm.FrameSamples {
		if err := leg.WriteFrame(sound[at:min(at+pcm.FrameSamples, len(sound))], time.Now(), 0); err != nil {
			t.Fatal(err)
		}
		// Twice, in the middle of a sentence, after something was committed.
		if kills < 2 && at > (2*kills+1)*len(sound)/5 {
			before := leg.Status().Committed
			waitFor(t, "something is committed", func() bool { return leg.Status().Committed > before || leg.Status().Committed > int64(at)/2 })
			proc.Process.Kill()
			proc.Wait()
			kills++
			proc = startProcess(t, srv.URL())
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := leg.End(ctx); err != nil {
		t.Fatal(err)
	}
	// Where the sound was cut the recogniser may hear another ending; no word is missing, and none is there twice.
	got := finals(t, b, keys)
	with, without := strings.Fields(danish.Fold(got)), strings.Fields(danish.Fold(calm))
	other := 0
	for i := range min(len(with), len(without)) {
		if with[i] != without[i] {
			other++
		}
	}
	// On a slow machine the gateway may have taken a worker that is alive for a dead one as well.
	if cuts := attached(t, reg) - 1; len(with) != len(without) || cuts < kills || other > cuts {
		t.Errorf("with %d cuts: %s\nundisturbed: %s", cuts, got, calm)
	}
}

// attached is how often the gateway has found a worker.
func attached(t *testing.T, reg *prometheus.Registry) (n int) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "samtale_test_feed_attaches_total" && m.GetLabel()[0].GetValue() == "ok" {
				n += int(m.GetCounter().GetValue())
			}
		}
	}
	return n
}

func transcribe(t *testing.T, sound []int16) string {
	t.Helper()
	tr, err := Transcribe(t.Context(), strings.NewReader(string(wav(t, pcm.Rate, sound))), Options{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	return tr.Text
}

// finals reads the words of all finals up to the last one of the leg.
func finals(t *testing.T, b *bus.Bus, keys seal.Keys) string {
	t.Helper()
	cons, err := b.JS.OrderedConsumer(t.Context(), transcriptv1.Stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for {
		m, err := cons.Next(jetstream.FetchMaxWait(2 * time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		var f transcriptv1.Final
		if err := json.Unmarshal(m.Data(), &f); err != nil {
			t.Fatal(err)
		}
		var body transcriptv1.Body
		if err := seal.OpenJSON(t.Context(), keys, f.ConversationID, "body", f.Sealed, &body); err != nil {
			t.Fatal(err)
		}
		for _, w := range body.Words {
			words = append(words, w.Text)
		}
		for _, r := range f.Ledger {
			if r.State == transcriptv1.Lost {
				t.Errorf("lost %+v", r)
			}
		}
		if f.Last {
			return strings.Join(words, " ")
		}
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}
