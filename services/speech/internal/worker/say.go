package worker

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"samtale.dk/samtale/models/tts"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/platform/errs"
)

const (
	// sentences is how many are spoken at once.
	sentences = 8
	// sayLimit bounds the work on one.
	sayLimit = 25 * time.Second
)

// voices tells in which languages something can be spoken here.
func (w *Worker) voices(context.Context, audiov1.VoicesRequest) (audiov1.VoicesReply, error) {
	return audiov1.VoicesReply{Languages: slices.Sorted(maps.Keys(w.cfg.Voices))}, nil
}

// say speaks one sentence.
func (w *Worker) say(ctx context.Context, r audiov1.SayRequest) (audiov1.SayReply, error) {
	if len(r.Text) > audiov1.SayBytes {
		return audiov1.SayReply{}, errs.E(errs.Invalid, "Sætningen er for lang til at blive læst op.", nil)
	}
	v := w.cfg.Voices[cmp.Or(r.Language, "da")]
	if v == nil {
		return audiov1.SayReply{}, errs.E(errs.NotFound, "Der er ingen stemme til det sprog.", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, sayLimit)
	defer cancel()
	sound, err := v.Say(ctx, r.Text)
	switch {
	case errors.Is(err, tts.ErrText):
		return audiov1.SayReply{}, errs.E(errs.Invalid, "Der er intet at læse op.", err)
	case err != nil:
		return audiov1.SayReply{}, errs.E(errs.Unavailable, "Oplæsningen virker ikke lige nu. Prøv igen om lidt.", err)
	case len(sound) > audiov1.SaySeconds*audiov1.SampleRate:
		return audiov1.SayReply{}, errs.E(errs.Invalid, "Sætningen er for lang til at blive læst op.", nil)
	}
	return audiov1.SayReply{PCM: audiov1.AppendSamples(make([]byte, 0, 2*len(sound)), sound)}, nil
}
