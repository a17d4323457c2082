package espeak

import (
	"errors"
	"os"
	"testing"

	"samtale.dk/samtale/models/tts"
	"samtale.dk/samtale/models/tts/ttstest"
)

func TestVoice(t *testing.T) {
	if _, err := New(Config{}); err != nil {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	ttstest.Run(t, "Goddag, det er Borgerservice.", func(t *testing.T) tts.Synthesiser {
		v, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		return v
	})
}

func TestNotInstalled(t *testing.T) {
	_, err := New(Config{Program: "no-such-program-here"})
	if !errors.Is(err, tts.ErrNoVoice) {
		t.Errorf("err = %v", err)
	}
}
