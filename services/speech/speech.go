// Package speech is the service that hears and speaks: gateways attach legs of
// conversations, and committed words with a ledger of every sample come out; a sentence
// goes in, and its sound comes out. Run serves; Transcribe hears a file, in process.
//
// DESIGN.md describes the protocol with the gateways and what happens when a part
// fails.
package speech

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/speech/internal/hearing"
	"samtale.dk/samtale/services/speech/internal/worker"
)

type settings struct {
	process.Common
	Engine  engineSettings
	Voice   voiceSettings
	Streams int `env:"SAMTALE_SPEECH_STREAMS"` // legs at once; 0: by the engine and the processors
}

// legsPerCore is what the demo engine hears on one core, with room to spare: its
// budget is 0.03 of real time.
const legsPerCore = 24

// legsRemote is how many legs an engine on another machine gets unless settings say
// otherwise.
const legsRemote = 64

// Run serves until ctx is done and the legs have ended or were handed over.
func Run(ctx context.Context, env process.Env) error {
	var cfg settings
	if err := env.Load(&cfg); err != nil {
		return err
	}
	if cfg.Streams < 0 {
		return fmt.Errorf("settings: SAMTALE_SPEECH_STREAMS must not be negative")
	}
	engine, err := cfg.Engine.engine()
	if err != nil {
		return err
	}
	second, err := cfg.Engine.second()
	if err != nil {
		return err
	}
	voices, err := cfg.Voice.voices()
	if err != nil || env.CheckOnly {
		return err
	}
	b, err := env.Connect("speech", cfg.Bus)
	if err != nil {
		return err
	}
	defer b.Close()
	keys, err := seal.NewRing(b)
	if err != nil {
		return err
	}
	w := worker.New(worker.Config{
		Name: workerName(), Bus: b, Keys: keys, Engine: engine, Second: second, Voices: voices,
		Segmenter: func() hearing.Segmenter { return hearing.NewEndpointing(cfg.Engine.EndpointSilence) },
		Streams:   streams(cfg.Streams, engine), Log: env.Log.With("service", "speech"), Metrics: env.Metrics,
	})
	env.Health.Add("speech", w.Ready)
	return w.Run(ctx)
}

func streams(set int, engine asr.Engine) int {
	switch {
	case set > 0:
		return set
	case engine.Demo():
		return legsPerCore * runtime.GOMAXPROCS(0)
	}
	return legsRemote
}

// workerName tells workers apart in logs and at the gateways.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "speech"
	}
	id := event.NewID(time.Now())
	return host + "-" + id[len(id)-6:]
}
