package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/speech/internal/hearing"
)

const (
	typeFinal   = "transcript.v1.final"
	typePartial = "transcript.v1.partial"
	source      = "speech"

	// bodyField is the field name under which words are sealed.
	bodyField = "body"

	// publishLimit bounds one attempt to store a final: an acknowledgement that is
	// lost with a connection never comes.
	publishLimit = 2 * time.Second
)

// record is a leg's finals in the stream. Only one worker can append: each final names
// the sequence number of the one before, and a worker that is too late fails with
// errFenced.
type record struct {
	bus    *bus.Bus
	keys   seal.Keys
	log    *slog.Logger
	failed prometheus.Counter // attempts
	attach audiov1.Attach
	engine string
	demo   bool
	// revision is 0 for the live pass. A stronger pass has no fence and names its words by place.
	revision int

	mu      sync.Mutex
	to      int64 // committed up to here
	seq     uint64
	next    int // sequence number of the next word
	last    bool
	context []transcriptv1.Word // of the last final
	storing bool
}

// load finds where the leg's record stands.
func (r *record) load(ctx context.Context, stream jetstream.Stream) error {
	f, seq, err := lastFinal(ctx, stream, r.attach.ConversationID, r.attach.LegID)
	if err != nil {
		return err
	}
	r.to = max(0, r.attach.Committed)
	if f == nil {
		return nil
	}
	r.to, r.seq, r.next, r.last = f.To, seq, f.NextWord, f.Last
	var body transcriptv1.Body
	if err := seal.OpenJSON(ctx, r.keys, r.attach.ConversationID, bodyField, f.Sealed, &body); err == nil {
		r.context = body.Words // without it, a number cut by the crash has less context
	}
	return nil
}

func lastFinal(ctx context.Context, stream jetstream.Stream, conversation, leg string) (*transcriptv1.Final, uint64, error) {
	m, err := stream.GetLastMsgForSubject(ctx, transcriptv1.FinalSubject(conversation, leg))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read last final: %w", err)
	}
	var f transcriptv1.Final
	if err := json.Unmarshal(m.Data, &f); err != nil {
		return nil, 0, fmt.Errorf("read last final: %w", err)
	}
	return &f, m.Sequence, nil
}

// committed is the first sample not stored.
func (r *record) committed() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.to
}

// resume is where the audio for what follows begins.
func (r *record) resume() int64 { return max(0, r.committed()-audiov1.LeadSamples) }

// busy reports that a final is on its way into the stream.
func (r *record) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.storing
}

// words are the last ones stored.
func (r *record) words() []transcriptv1.Word {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.context
}

// commit stores a batch and returns when the stream has it. It tries as long as ctx
// lives: what is heard is not given up because a disk or the bus is away.
func (r *record) commit(ctx context.Context, b hearing.Batch, last bool) error {
	r.mu.Lock()
	r.storing = true
	r.mu.Unlock()
	seq, err := r.store(ctx, b, last)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.storing = false
	if err != nil {
		return err
	}
	r.to, r.seq, r.last = b.To, seq, last
	r.next += len(b.Words)
	if len(b.Words) > 0 {
		r.context = b.Words
	}
	return nil
}

func (r *record) store(ctx context.Context, b hearing.Batch, last bool) (seq uint64, err error) {
	var f *transcriptv1.Final
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		seq, err = r.tryStore(ctx, b, last, &f)
		switch {
		case err == nil, errors.Is(err, errFenced), ctx.Err() != nil:
			return seq, err
		case errors.Is(err, errs.NotFound):
			return 0, errErased
		}
		r.failed.Inc()
		r.log.Warn("not stored yet", "from", b.From, "to", b.To, "err", err)
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// tryStore makes the message once, so that every attempt publishes the same.
func (r *record) tryStore(ctx context.Context, b hearing.Batch, last bool, f **transcriptv1.Final) (seq uint64, err error) {
	if *f == nil {
		if *f, err = r.final(ctx, b, last); err != nil {
			return 0, err
		}
	}
	return r.publish(ctx, *f)
}

// final makes the message; its id is the same for the same range of a leg, whoever
// publishes it.
func (r *record) final(ctx context.Context, b hearing.Batch, last bool) (*transcriptv1.Final, error) {
	c, id := r.attach.ConversationID, r.attach.LegID
	for i := range b.Words {
		b.Words[i].ID = wordID(id, r.next+i)
		if r.revision > 0 {
			b.Words[i].ID = fmt.Sprintf("%s-r%d-%010d-%03d", legSuffix(id), r.revision, b.From, i)
		}
	}
	sealed, err := seal.JSON(ctx, r.keys, c, bodyField, transcriptv1.Body{Words: b.Words})
	if err != nil {
		return nil, err
	}
	f := &transcriptv1.Final{
		Meta:           event.NewMeta(typeFinal, source, time.Now()),
		ConversationID: c, LegID: id, Role: r.attach.Role, Revision: r.revision, From: b.From, To: b.To,
		Engine: r.engine, Demo: r.demo, Ledger: b.Ledger, Sealed: sealed, Last: last,
		NextWord: r.next + len(b.Words),
	}
	f.ID = fmt.Sprintf("%s-%s-%d-%d", c, id, f.From, f.Revision)
	if b.From == b.To {
		f.ID += "-last" // an empty final ends a leg at the position where the one before ended
	}
	return f, nil
}

// wordID is unique in the conversation and ordered in the leg.
func wordID(leg string, n int) string {
	s := strconv.Itoa(n)
	if len(s) < 6 {
		s = "000000"[len(s):] + s
	}
	return legSuffix(leg) + "-" + s
}

func legSuffix(leg string) string { return leg[max(0, len(leg)-8):] }

func (r *record) publish(ctx context.Context, f *transcriptv1.Final) (uint64, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return 0, fmt.Errorf("encode final: %w", err)
	}
	// What is on its way is waited for also when the hearing ends: if the stream has it and we do not know, it fences us.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishLimit)
	defer cancel()
	msg := &nats.Msg{Subject: f.Subject(), Data: data}
	opts := []jetstream.PublishOpt{jetstream.WithMsgID(f.ID)}
	if f.Revision == 0 {
		opts = append(opts, jetstream.WithExpectLastSequencePerSubject(r.seq))
	}
	ack, err := r.bus.JS.PublishMsg(ctx, msg, opts...)
	if err == nil && (!ack.Duplicate || f.Revision > 0) {
		return ack.Sequence, nil
	}
	var refused *jetstream.APIError
	if err != nil && !(errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence) {
		return 0, fmt.Errorf("publish final: %w", err)
	}
	return r.whose(ctx, f)
}

// whose decides, when the stream has a final in our place, if it is ours: an
// acknowledgement may have been lost.
func (r *record) whose(ctx context.Context, f *transcriptv1.Final) (uint64, error) {
	stream, err := r.bus.JS.Stream(ctx, transcriptv1.Stream)
	if err != nil {
		return 0, fmt.Errorf("look for a final: %w", err)
	}
	there, seq, err := lastFinal(ctx, stream, f.ConversationID, f.LegID)
	if err != nil {
		return 0, err
	}
	// The nonce of the sealed body makes every final different.
	if there != nil && there.To == f.To && string(there.Sealed) == string(f.Sealed) {
		return seq, nil
	}
	return 0, errFenced
}

func (r *record) partial(from int64, words []transcriptv1.Word) transcriptv1.Partial {
	return transcriptv1.Partial{
		Meta:           event.NewMeta(typePartial, source, time.Now()),
		ConversationID: r.attach.ConversationID, LegID: r.attach.LegID, From: from, Words: words,
	}
}
