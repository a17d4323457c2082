package speech

import (
	"errors"
	"fmt"
	"strings"

	"samtale.dk/samtale/models/tts"
	"samtale.dk/samtale/models/tts/espeak"
	"samtale.dk/samtale/models/tts/openai"
)

// voiceSettings choose who reads aloud.
type voiceSettings struct {
	TTS    string `env:"SAMTALE_TTS" envDefault:"espeak"` // espeak (where it is installed), none, or openai=URL[,model=NAME][,voice=NAME]
	TTSKey string `env:"SAMTALE_TTS_KEY"`                 // bearer token of an openai server
}

// espeakVoices are espeak-ng's names of the languages that answers come in.
var espeakVoices = map[string]string{"da": "da", "en": "en-gb"}

// voices makes the configured ones, by language; none where nothing can speak.
func (s voiceSettings) voices() (map[string]tts.Synthesiser, error) {
	kind, rest, _ := strings.Cut(s.TTS, "=")
	switch {
	case s.TTS == "none":
		return nil, nil
	case s.TTS == "espeak":
		out := map[string]tts.Synthesiser{}
		for language, name := range espeakVoices {
			v, err := espeak.New(espeak.Config{Voice: name})
			if errors.Is(err, tts.ErrNoVoice) { // not installed
				return nil, nil
			}
			if err != nil {
				return nil, fmt.Errorf("settings: SAMTALE_TTS: %w", err)
			}
			out[language] = v
		}
		return out, nil
	case kind != "openai":
		return nil, fmt.Errorf("settings: SAMTALE_TTS: %q is not known; use espeak, none or openai=http://…[,model=NAME][,voice=NAME]", kind)
	}
	c := openai.Config{Key: s.TTSKey}
	address, options, _ := strings.Cut(rest, ",")
	c.BaseURL = address
	for o := range strings.SplitSeq(options, ",") {
		name, value, _ := strings.Cut(o, "=")
		switch {
		case name == "model" && value != "":
			c.Model = value
		case name == "voice" && value != "":
			c.Voice = value
		case options != "":
			return nil, errors.New("settings: SAMTALE_TTS: after the address only model=NAME and voice=NAME are known")
		}
	}
	v, err := openai.New(c)
	if err != nil {
		return nil, fmt.Errorf("settings: SAMTALE_TTS: %w", err)
	}
	return map[string]tts.Synthesiser{"da": v, "en": v}, nil
}
