package worker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/models/tts"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// voice says 100 samples a byte.
type voice struct{ err error }

func (v voice) Say(_ context.Context, text string) ([]int16, error) {
	if err := tts.Check(text); err != nil {
		return nil, err
	}
	if strings.HasPrefix(text, "17") {
		return make([]int16, audiov1.SaySeconds*audiov1.SampleRate+1), nil
	}
	return make([]int16, 100*len(text)), v.err
}

func TestSay(t *testing.T) {
	w := newWorld(t)
	w.worker(func(c *Config) {
		c.Voices = map[string]tts.Synthesiser{"en": voice{errors.New("away")}, "da": voice{}}
	})
	var rep audiov1.VoicesReply
	var err error
	for range 6000 { // the worker is starting
		if rep, err = bus.Request[audiov1.VoicesReply](t.Context(), w.bus, audiov1.VoicesSubject, audiov1.VoicesRequest{}); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if diff := cmp.Diff([]string{"da", "en"}, rep.Languages); diff != "" || err != nil {
		t.Fatalf("voices: %v %s", err, diff)
	}
	for name, tt := range map[string]struct {
		req   audiov1.SayRequest
		bytes int
		kind  errs.Kind
	}{
		"Danish unless said":       {audiov1.SayRequest{Text: "Hej!"}, 800, ""},
		"the longest":              {audiov1.SayRequest{Text: strings.Repeat("a", audiov1.SayBytes), Language: "da"}, 200 * audiov1.SayBytes, ""},
		"too long":                 {audiov1.SayRequest{Text: strings.Repeat("a", audiov1.SayBytes+1)}, 0, errs.Invalid},
		"nothing":                  {audiov1.SayRequest{Text: " "}, 0, errs.Invalid},
		"more sound than may be":   {audiov1.SayRequest{Text: "17 17 17"}, 0, errs.Invalid},
		"a language with no voice": {audiov1.SayRequest{Text: "Servus", Language: "de"}, 0, errs.NotFound},
		"a voice that is away":     {audiov1.SayRequest{Text: "Hello", Language: "en"}, 0, errs.Unavailable},
	} {
		rep, err := bus.Request[audiov1.SayReply](t.Context(), w.bus, audiov1.SaySubject, tt.req)
		if len(rep.PCM) != tt.bytes || (err != nil) != (tt.kind != "") || err != nil && errs.KindOf(err) != tt.kind {
			t.Errorf("%s: %d bytes, %v", name, len(rep.PCM), err)
		}
	}
}
