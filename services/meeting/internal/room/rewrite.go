package room

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// What a captioner has put right is the transcript's, too: a pass beside the live one that covers what the caption was made of, and
// is stronger than what a recogniser hears a second time. The journal shows it in the place of the live words, and the note is
// written from it. What was heard stays there, for evidence that points at it.

// captioner names what "heard" a correction.
const captioner = "captioner"

// firstCorrection is above the revisions of recognisers. Of two corrections of one caption the later counts: a correction's revision is
// this and the milliseconds since the meeting began.
const firstCorrection = 1000

// rewrite publishes what a caption should have been. It is durable when this returns.
func (r *room) rewrite(ctx context.Context, caption, text string) error {
	f, err := r.heardAs(ctx, caption)
	if err != nil {
		return err
	}
	var was transcriptv1.Body
	if err := seal.OpenJSON(ctx, r.hall.Keys, r.id, fieldBody, f.Sealed, &was); err != nil {
		return err
	}
	r.mu.Lock()
	f.Revision = firstCorrection + int(r.hall.Now().Sub(r.started)/time.Millisecond)
	r.mu.Unlock()
	begin, end := f.From, f.To
	if n := len(was.Words); n > 0 {
		begin, end = max(begin, was.Words[0].Start), min(end, was.Words[n-1].End)
	}
	now := transcriptv1.Body{Words: typedWords("", text)}
	for i := range now.Words {
		w, n := &now.Words[i], int64(len(now.Words))
		w.ID = fmt.Sprintf("%s-r%d-%010d-%03d", f.LegID[len(f.LegID)-min(8, len(f.LegID)):], f.Revision, f.From, i)
		w.Start, w.End = begin+(end-begin)*int64(i)/n, begin+(end-begin)*int64(i+1)/n
	}
	if f.Sealed, err = seal.JSON(ctx, r.hall.Keys, r.id, fieldBody, now); err != nil {
		return err
	}
	f.Meta = event.NewMeta("transcript.v1.final", Source, r.hall.Now())
	f.Engine, f.Demo, f.Last = captioner, false, false
	f.Ledger = []transcriptv1.Range{{Start: f.From, End: f.To, State: transcriptv1.Transcribed}}
	defer r.hall.Book.Store.Turn(r.id)()
	return r.refused(r.hall.Book.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Fence(ctx, r.id, r.epoch); err != nil {
			return err
		}
		return tx.Publish(ctx, f)
	}))
}

// heardAs finds the words that a caption was made of.
func (r *room) heardAs(ctx context.Context, caption string) (f transcriptv1.Final, err error) {
	cut := strings.LastIndexByte(caption, '-')
	from, err := strconv.ParseInt(caption[cut+1:], 10, 64)
	if err != nil || cut < 0 {
		return f, errs.E(errs.NotFound, "Teksten findes ikke længere.", err)
	}
	cons, err := r.hall.Bus.JS.OrderedConsumer(ctx, transcriptv1.Stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{transcriptv1.FinalSubject(r.id, caption[:cut])}, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return f, err
	}
	for {
		batch, err := cons.FetchNoWait(captionsAtOnce)
		if err != nil {
			return f, err
		}
		n := 0
		for m := range batch.Messages() {
			n++
			if json.Unmarshal(m.Data(), &f) == nil && f.From == from {
				return f, nil
			}
			f = transcriptv1.Final{}
		}
		if err := batch.Error(); err != nil {
			return f, err
		}
		if n == 0 {
			return f, errs.E(errs.NotFound, "Teksten findes ikke længere.", nil)
		}
	}
}
