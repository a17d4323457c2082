package demo_test

import (
	"testing"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/models/asr/demo"
)

func engine(t testing.TB, c demo.Config) asr.Engine {
	t.Helper()
	e, err := demo.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestConformance(t *testing.T) {
	asrtest.Run(t, func(t *testing.T) asr.Engine { return engine(t, demo.Config{}) }, asrtest.WantPartials())
}
