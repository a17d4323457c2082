package speech

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
)

// TestSecondPass: with one setting a server with OpenAI's transcription API hears what the demo recogniser hears, and its words
// stand beside the live ones.
func TestSecondPass(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/audio/transcriptions" || r.Header.Get("Authorization") != "Bearer hemmelig" || r.FormValue("model") != "stor" {
			t.Errorf("request %s, model %q", r.URL.Path, r.FormValue("model"))
		}
		io.WriteString(w, `{"duration":2,"text":"Hej der","words":[{"word":"Hej","start":0.4,"end":0.7},{"word":"der","start":0.8,"end":1.1}]}`)
	}))
	defer api.Close()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	b, err := bus.Connect("test", bus.Config{}, slog.New(slog.DiscardHandler), srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	keys := serveKeys(t, b)
	env, err := process.NewEnv([]string{"SAMTALE_ASR_SECOND=openai=" + api.URL + ",model=stor", "SAMTALE_ASR_SECOND_KEY=hemmelig"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	env.NATS = []nats.Option{srv.Option()}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- Run(ctx, env) }()
	defer func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}()

	g := audiofeed.New(audiofeed.Config{
		Name: "test", Bus: b, Log: slog.New(slog.DiscardHandler),
		Limits: audiofeed.Limits{Heartbeat: 2 * time.Minute}, // a worker that is only slow is not to begin again
	})
	defer g.Close()
	cfg := audiofeed.LegConfig{ConversationID: event.NewID(time.Now()), LegID: event.NewID(time.Now()), Role: "citizen"}
	leg, err := g.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for sound := voiced(t); len(sound) > 0; {
		n := min(pcm.FrameSamples, len(sound))
		if err := leg.WriteFrame(sound[:n], time.Now(), 0); err != nil {
			t.Fatal(err)
		}
		sound = sound[n:]
	}
	ended, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := leg.End(ended); err != nil {
		t.Fatal(err)
	}
	var said string
	waitFor(t, "the second engine's words", func() bool {
		said = heardBy(t, b, keys, "openai stor", transcriptv1.RevisionSubject(cfg.ConversationID, cfg.LegID, 1))
		return said != ""
	})
	if said != "Hej der." {
		t.Errorf("second pass: %s", said)
	}
	if live := heardBy(t, b, keys, "demo", transcriptv1.FinalSubject(cfg.ConversationID, cfg.LegID)); live == "" {
		t.Error("no live words")
	}
}

// heardBy is what the finals on a subject say, all by one engine.
func heardBy(t *testing.T, b *bus.Bus, keys seal.Keys, engine, subject string) string {
	t.Helper()
	stream, err := b.JS.Stream(t.Context(), transcriptv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for seq := uint64(1); ; {
		m, err := stream.GetMsg(t.Context(), seq, jetstream.WithGetMsgSubject(subject))
		if err != nil {
			return strings.Join(words, " ")
		}
		seq = m.Sequence + 1
		var f transcriptv1.Final
		if err := json.Unmarshal(m.Data, &f); err != nil {
			t.Fatal(err)
		}
		if f.Engine != engine {
			t.Errorf("heard by %q", f.Engine)
		}
		var body transcriptv1.Body
		if err := seal.OpenJSON(t.Context(), keys, f.ConversationID, "body", f.Sealed, &body); err != nil {
			t.Fatal(err)
		}
		for _, w := range body.Words {
			words = append(words, w.Text)
		}
	}
}
