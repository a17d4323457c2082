package worker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/speech/internal/hearing"
)

const (
	// sounds is how many short sounds are heard at once, beside the legs.
	sounds = 4
	// hearLimit bounds the work on one.
	hearLimit = 20 * time.Second
)

// hear writes down one short sound that belongs to no conversation.
func (w *Worker) hear(ctx context.Context, r audiov1.HearRequest) (audiov1.HearReply, error) {
	rep := audiov1.HearReply{Engine: w.cfg.Engine.Name(), Demo: w.cfg.Engine.Demo()}
	if len(r.PCM) == 0 || len(r.PCM)%2 != 0 || len(r.PCM) > 2*audiov1.HearSeconds*audiov1.SampleRate {
		return rep, errs.E(errs.Invalid, "Lyden er tom eller for lang. Tal i højst 15 sekunder.", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, hearLimit)
	defer cancel()
	var said heard
	h := hearing.New(ctx, hearing.Config{Engine: w.engine, Segmenter: w.cfg.Segmenter(), Output: &said, Language: cmp.Or(r.Language, "da")})
	defer h.Close()
	go feed(h, r.PCM)
	<-h.Done()
	if err := h.Err(); err != nil {
		return rep, errs.E(errs.Unavailable, "Talegenkenderen svarer ikke. Skriv i stedet, eller prøv igen om lidt.", err)
	}
	if ctx.Err() != nil {
		return rep, errs.E(errs.Unavailable, "Talegenkenderen svarer ikke. Skriv i stedet, eller prøv igen om lidt.", ctx.Err())
	}
	rep.Text = strings.Join(said, " ")
	return rep, nil
}

// feed writes the sound; errors end the Hearing, which says so itself.
func feed(h *hearing.Hearing, data []byte) {
	frame := make([]int16, 0, audiov1.FrameSamples)
	for part := range slices.Chunk(data, 2*audiov1.FrameSamples) {
		if h.Write(audiov1.Samples(frame, part), false) != nil {
			return
		}
	}
	h.End()
}

// heard collects what is heard.
type heard []string

// Commit implements hearing.Output.
func (s *heard) Commit(_ context.Context, b hearing.Batch) error {
	for _, x := range b.Words {
		*s = append(*s, x.Text)
	}
	for _, x := range b.Ledger {
		if x.State == transcriptv1.Lost {
			return errors.New("a part was not heard")
		}
	}
	return nil
}

// Partial implements hearing.Output.
func (*heard) Partial(int64, []transcriptv1.Word) {}
