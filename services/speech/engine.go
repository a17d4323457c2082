package speech

import (
	"fmt"
	"strings"
	"time"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/demo"
	"samtale.dk/samtale/models/asr/openai"
)

// engineSettings choose the recogniser.
type engineSettings struct {
	ASR    string `env:"SAMTALE_ASR" envDefault:"demo"` // demo, or openai=URL[,model=NAME]
	ASRKey string `env:"SAMTALE_ASR_KEY"`               // bearer token of an openai server
	// Second hears everything again, for better words beside the live ones: none, or openai=URL[,model=NAME].
	Second    string `env:"SAMTALE_ASR_SECOND" envDefault:"none"`
	SecondKey string `env:"SAMTALE_ASR_SECOND_KEY"`
	// EndpointSilence ends an utterance.
	EndpointSilence time.Duration `env:"SAMTALE_ENDPOINT_SILENCE" envDefault:"600ms"`
}

// How long the openai adapter waits for one answer and tries one utterance, before the
// worker takes the audio back and tries again, here or elsewhere. Together shorter than
// the worker's limit for a hung engine.
const (
	openaiTimeout  = 45 * time.Second
	openaiPatience = 25 * time.Second
)

// engine makes the configured recogniser.
func (s engineSettings) engine() (asr.Engine, error) {
	if s.EndpointSilence < 100*time.Millisecond || s.EndpointSilence > 5*time.Second {
		return nil, fmt.Errorf("settings: SAMTALE_ENDPOINT_SILENCE must be between 100ms and 5s")
	}
	kind, rest, _ := strings.Cut(s.ASR, "=")
	switch kind {
	case "demo":
		if rest != "" {
			return nil, fmt.Errorf("settings: SAMTALE_ASR: demo takes no value")
		}
		return demo.New(demo.Config{})
	case "openai":
		return remote("SAMTALE_ASR", rest, s.ASRKey)
	}
	return nil, fmt.Errorf("settings: SAMTALE_ASR: %q is not known; use demo or openai=http://…[,model=NAME]", kind)
}

// second makes the engine of the second pass; nil when there is none.
func (s engineSettings) second() (asr.Engine, error) {
	kind, rest, _ := strings.Cut(s.Second, "=")
	switch {
	case kind == "openai":
		return remote("SAMTALE_ASR_SECOND", rest, s.SecondKey)
	case s.Second == "none" || s.Second == "":
		return nil, nil
	}
	return nil, fmt.Errorf("settings: SAMTALE_ASR_SECOND: %q is not known; use none or openai=http://…[,model=NAME]", kind)
}

// remote makes an openai engine from what stands behind "openai=".
func remote(setting, value, key string) (asr.Engine, error) {
	c := openai.Config{Key: key, Timeout: openaiTimeout, Patience: openaiPatience}
	var options string
	c.BaseURL, options, _ = strings.Cut(value, ",")
	if options != "" {
		model, ok := strings.CutPrefix(options, "model=")
		if !ok || model == "" {
			return nil, fmt.Errorf("settings: %s: after the address only model=NAME is known", setting)
		}
		c.Model = model
	}
	e, err := openai.New(c)
	if err != nil {
		return nil, fmt.Errorf("settings: %s: %w", setting, err)
	}
	return e, nil
}
