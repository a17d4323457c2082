// Package ttstest is the contract of a tts.Synthesiser in code.
package ttstest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/models/tts"
)

// Run checks a synthesiser that has a voice for text.
func Run(t *testing.T, text string, open func(t *testing.T) tts.Synthesiser) {
	t.Run("speaks", func(t *testing.T) {
		s := say(t, open(t), text)
		seconds := float64(len(s)) / tts.Rate
		if seconds < 0.3 || seconds > 60 {
			t.Errorf("%d bytes of text gave %.1f s", len(text), seconds)
		}
		if l := pcm.Level(s); l < -50 || l > -3 {
			t.Errorf("level is %.0f dBov", l)
		}
	})
	t.Run("the same again", func(t *testing.T) {
		v := open(t)
		a, b := say(t, v, text), say(t, v, text)
		if len(a) != len(b) {
			t.Errorf("%d samples, then %d", len(a), len(b))
		}
		a[0]++ // the samples are ours
	})
	t.Run("at once", func(t *testing.T) {
		v := open(t)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := v.Say(context.Background(), text); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
	for name, bad := range map[string]string{"empty": "", "blank": " \n", "too long": strings.Repeat("ord ", tts.MaxText)} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t).Say(t.Context(), bad)
			if !errors.Is(err, tts.ErrText) {
				t.Errorf("err = %v", err)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := open(t).Say(ctx, text)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
	})
}

func say(t *testing.T, s tts.Synthesiser, text string) []int16 {
	t.Helper()
	pcm, err := s.Say(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}
