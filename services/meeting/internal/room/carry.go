package room

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// What a room has in memory only goes from the node that leaves to the node that takes over: the captions with their corrections,
// and the files of the chat. After a node was killed the captions are made again of the words in the stream; its files are gone.

// carryAsk asks the node that had a room for one thing: captions from a place on, the list of files, or a part of one. All empty:
// nothing more is needed.
type carryAsk struct {
	Captions bool   `json:"captions,omitempty"`
	From     int    `json:"from,omitempty"`
	Files    bool   `json:"files,omitempty"`
	File     string `json:"file,omitempty"`
	Part     int    `json:"part,omitempty"`
}

type carryReply struct {
	Captions []meetingv1.Caption `json:"captions,omitempty"`
	Files    []carryFile         `json:"files,omitempty"`
	Data     []byte              `json:"data,omitempty"`
}

type carryFile struct {
	meetingv1.File
	Parts int  `json:"parts"`
	Whole bool `json:"whole"`
}

const (
	// captionsAtOnce keep an answer below the bus's limit, also when people have put them right at length.
	captionsAtOnce = 100
	carryAnswer    = 3 * time.Second // for one answer
	inheritWithin  = time.Minute
	inheritPause   = 200 * time.Millisecond
)

func carrySubject(meeting string) string { return event.Join("meeting.v1.carry", meeting) }

// bequeath offers what only this node has to whoever opens the room next. The returned function waits until it was fetched, when
// there is somebody to do that.
func (r *room) bequeath() (wait func(context.Context)) {
	done := make(chan struct{})
	var once sync.Once
	sub, err := r.hall.Bus.NC.Subscribe(carrySubject(r.id), func(m *nats.Msg) {
		var q carryAsk
		if json.Unmarshal(m.Data, &q) != nil {
			return
		}
		if data, err := json.Marshal(r.carry(q)); err == nil {
			_ = m.Respond(data) // who does not get it asks again
		}
		if q == (carryAsk{}) {
			once.Do(func() { close(done) })
		}
	})
	if err != nil {
		r.log.Error("captions and files are not handed over", "err", err)
		return func(context.Context) {}
	}
	return func(ctx context.Context) {
		defer func() { _ = sub.Unsubscribe() }()
		r.mu.Lock()
		nothing := len(r.captions) == 0 && len(r.uploads) == 0
		r.mu.Unlock()
		if nothing || !r.hall.Successor() {
			return
		}
		select {
		case <-done:
		case <-ctx.Done():
			r.log.Warn("nobody has fetched captions and files")
		}
	}
}

func (r *room) carry(q carryAsk) (rep carryReply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case q.Captions && q.From >= 0 && q.From < len(r.captions):
		rep.Captions = slices.Clone(r.captions[q.From:min(len(r.captions), q.From+captionsAtOnce)])
	case q.Files:
		for _, u := range r.uploads {
			rep.Files = append(rep.Files, carryFile{u.File, len(u.parts), u.whole})
		}
	case q.File != "":
		if u := r.uploads[q.File]; u != nil && q.Part >= 0 && q.Part < len(u.parts) {
			rep.Data = u.parts[q.Part]
		}
	}
	return rep
}

// inherit fetches what the node before has in memory. Until then who asks for it is told to ask again.
func (r *room) inherit() {
	defer close(r.furnished)
	ctx, cancel := context.WithTimeout(context.Background(), inheritWithin)
	defer cancel()
	for {
		err := r.fetch(ctx)
		if errors.Is(err, nats.ErrNoResponders) { // nobody had it, or was killed
			err = r.replay(ctx)
		}
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			r.log.Warn("captions or files of before are not all here", "err", err)
			return
		case <-time.After(inheritPause):
		}
	}
}

func (r *room) ask(ctx context.Context, q carryAsk) (carryReply, error) {
	ctx, cancel := context.WithTimeout(ctx, carryAnswer)
	defer cancel()
	return bus.Request[carryReply](ctx, r.hall.Bus, carrySubject(r.id), q)
}

func (r *room) fetch(ctx context.Context) error {
	for from := 0; ; {
		rep, err := r.ask(ctx, carryAsk{Captions: true, From: from})
		if err != nil {
			return err
		}
		r.recall(rep.Captions)
		if from += len(rep.Captions); len(rep.Captions) == 0 {
			break
		}
	}
	list, err := r.ask(ctx, carryAsk{Files: true})
	if err != nil {
		return err
	}
	for _, f := range list.Files {
		if r.has(f.ID) {
			continue
		}
		u := &upload{File: f.File, whole: f.Whole}
		for part := range f.Parts {
			rep, err := r.ask(ctx, carryAsk{File: f.ID, Part: part})
			if err != nil {
				return err
			}
			u.parts = append(u.parts, rep.Data)
		}
		r.mu.Lock()
		r.uploads[u.ID] = u
		r.mu.Unlock()
	}
	_, err = r.ask(ctx, carryAsk{})
	return err
}

func (r *room) has(file string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.uploads[file] != nil
}

// recall adds captions of before.
func (r *room) recall(list []meetingv1.Caption) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range list {
		i := slices.IndexFunc(r.captions, func(o meetingv1.Caption) bool { return o.ID == c.ID })
		switch {
		case i < 0:
			r.captions = append(r.captions, c)
		case c.Corrected:
			r.captions[i] = c
		}
	}
	slices.SortStableFunc(r.captions, func(a, b meetingv1.Caption) int { return a.At.Compare(b.At) })
	if over := len(r.captions) - maxCaptions; over > 0 {
		r.captions = slices.Delete(r.captions, 0, over)
	}
}

// replay makes the captions again of what the recogniser has said of the legs of before. What people had put right is lost.
func (r *room) replay(ctx context.Context) error {
	r.mu.Lock()
	known := len(r.former)
	r.mu.Unlock()
	if known == 0 {
		return nil
	}
	cons, err := r.hall.Bus.JS.OrderedConsumer(ctx, transcriptv1.Stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"transcript.v1.final." + r.id + ".*"}, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return err
	}
	for {
		batch, err := cons.FetchNoWait(captionsAtOnce)
		if err != nil {
			return err
		}
		n := 0
		for m := range batch.Messages() {
			n++
			if err := r.replayed(ctx, m.Data()); err != nil {
				return err
			}
		}
		if err := batch.Error(); err != nil || n == 0 {
			return err
		}
	}
}

func (r *room) replayed(ctx context.Context, data []byte) error {
	var f transcriptv1.Final
	if json.Unmarshal(data, &f) != nil || f.Revision > 0 {
		return nil
	}
	r.mu.Lock()
	l, ok := r.former[f.LegID]
	r.mu.Unlock()
	if !ok {
		return nil
	}
	var body transcriptv1.Body
	if err := seal.OpenJSON(ctx, r.hall.Keys, r.id, fieldBody, f.Sealed, &body); err != nil {
		return err
	}
	if len(body.Words) > 0 {
		at := l.StartedAt.Add(time.Duration(f.To) * time.Second / rate)
		r.recall([]meetingv1.Caption{captionOf(f.LegID, l.participant, f.From, body.Words, at, true)})
	}
	return nil
}

// formerLeg is a leg that another node has fed.
type formerLeg struct {
	callv1.Leg
	participant string
}

// there waits until what the node before had in memory is here, or says that it takes a moment.
func (r *room) there(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, carryAnswer)
	defer cancel()
	select {
	case <-r.furnished:
		return nil
	case <-ctx.Done():
		return &errs.Error{
			Kind: errs.Unavailable, Text: "Mødet er lige flyttet til en anden maskine. Prøv igen om et øjeblik.", RetryAfter: time.Second, Cause: ctx.Err(),
		}
	}
}
