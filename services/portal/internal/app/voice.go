package app

import (
	"errors"
	"net/http"
	"slices"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
)

// maxVoice is a sound of the longest length at the highest usual rate: 48 kHz, 16 bit, mono, with its header.
const maxVoice = audiov1.HearSeconds*48000*2 + 1024

// voice writes down a spoken question. It is not asked here: the citizen reads and corrects it first. Nothing is stored.
func (a *App) voice(w http.ResponseWriter, r *http.Request, p who.Person) error {
	if err := a.mayAsk(r, p, ""); err != nil {
		return err
	}
	sound, err := pcm.ReadWAV(r.Body, audiov1.HearSeconds*48000+512)
	var big *http.MaxBytesError
	unfit := len(sound.Samples) == 0 || sound.Rate < 8000 || sound.Rate > 48000
	if errors.As(err, &big) || errors.Is(err, pcm.ErrWAV) || err == nil && unfit {
		return errs.E(errs.Invalid, "Lyden kan ikke bruges. Send en WAV-fil på højst 15 sekunder.", nil)
	}
	if err != nil {
		return err
	}
	req := audiov1.HearRequest{PCM: heardAt16k(sound)}
	rep, err := bus.Request[audiov1.HearReply](r.Context(), a.Bus, audiov1.HearSubject, req)
	if err != nil {
		return err
	}
	return reply(w, rep)
}

// heardAt16k gives the sound as the speech service takes it, at most its longest length.
func heardAt16k(sound pcm.WAV) []byte {
	samples := sound.Samples
	if sound.Rate != audiov1.SampleRate {
		c := resample.New(sound.Rate, audiov1.SampleRate)
		samples = make([]int16, c.Len(len(sound.Samples))+1)
		n := 0
		for part := range slices.Chunk(sound.Samples, sound.Rate/50) {
			n += c.Process(samples[n:], part)
		}
		samples = samples[:n]
	}
	samples = samples[:min(len(samples), audiov1.HearSeconds*audiov1.SampleRate)]
	return audiov1.AppendSamples(make([]byte, 0, 2*len(samples)), samples)
}
