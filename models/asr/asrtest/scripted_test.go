package asrtest_test

import (
	"errors"
	"slices"
	"testing"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
)

func TestScripted(t *testing.T) {
	asrtest.Run(t, func(*testing.T) asr.Engine { return &asrtest.Scripted{Words: []string{"hej", "med", "dig"}} }, asrtest.WantPartials())
}

func loud(n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = 1000
	}
	return out
}

func TestScriptedSaysTheScript(t *testing.T) {
	e := &asrtest.Scripted{Words: []string{"et", "to", "tre"}, WordSamples: 100}
	s, err := e.Open(t.Context(), asr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		s.Write(loud(250))
		s.Skip(1000)
		s.Write(loud(50))
		s.Flush(1)
		s.Close()
	}()
	var got []string
	for ev := range s.Events() {
		if ev.Kind == asr.Final {
			for _, w := range ev.Words {
				got = append(got, w.Text)
			}
		}
	}
	if want := []string{"et", "to", "tre"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestScriptedFails(t *testing.T) {
	s, err := (&asrtest.Scripted{FailAt: 500}).Open(t.Context(), asr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Write(loud(500)); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(loud(1)); !errors.Is(err, asr.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if _, err := (&asrtest.Scripted{OpenErr: asr.ErrBusy}).Open(t.Context(), asr.Options{}); !errors.Is(err, asr.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
}
