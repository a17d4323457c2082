package room

import (
	"context"
	"fmt"
	"slices"
	"time"

	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// What is typed in the main room, in the chat or in real time, is kept for those who come back, and reaches the transcript as words
// of a leg that its writer has beside the spoken one. Places in the leg are the time since the meeting began, as if the words had
// been spoken then.
const (
	// engine names what "heard" typed words.
	engine = "typed"
	// perWord is a typed word's length; a whole message takes a second at most, so that places stay near the clock.
	perWord   = rate / 20
	pastable  = rate
	fieldSaid = "meeting-said"
	fieldBody = "body"
	// keepWithin bounds how long the database is waited for at once.
	keepWithin = 10 * time.Second
)

// typist is who writes, with the leg of the typed words. heardTo and next are behind room.writing.
type typist struct {
	callv1.Leg
	heardTo, next int64
	before        string // the message before, of which a personal number may go on
}

func samples(d time.Duration) int64 { return int64(d / time.Microsecond * rate / 1e6) }

// restore brings back what an earlier node has written down.
func (r *room) restore(ctx context.Context, rec booking.Record) error {
	r.live(rec)
	said, err := r.hall.Book.Store.Read().Said(ctx, r.id, maxMessages)
	if err != nil {
		return err
	}
	for _, sealed := range said {
		var m meetingv1.Message
		if err := seal.OpenJSON(ctx, r.hall.Keys, r.id, fieldSaid, sealed, &m); err != nil {
			return err
		}
		r.messages = append(r.messages, m)
	}
	legs, err := r.hall.Book.Store.Read().Legs(ctx, r.id)
	for _, l := range legs {
		i := slices.IndexFunc(rec.Legs, func(o callv1.LegEnd) bool { return o.ID == l.ID })
		switch {
		case i < 0:
		case l.Writer != "":
			r.typists[l.Writer] = &typist{Leg: rec.Legs[i].Leg, heardTo: l.Samples, next: l.NextWord}
		case l.Speaker != "":
			r.former[l.ID] = formerLeg{rec.Legs[i].Leg, l.Speaker}
		}
	}
	return err
}

// say keeps a message, writes it down if its writer agrees, and shows it. The same one again changes nothing. Off: it is not to be
// written down. Live: it is a line of real-time text, which telephones have shown as it was typed.
func (r *room) say(ctx context.Context, m meetingv1.Message, off, live bool) (meetingv1.Message, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	i := slices.IndexFunc(r.messages, func(o meetingv1.Message) bool { return o.ID == m.ID })
	var old meetingv1.Message
	if i >= 0 {
		old = r.messages[i]
	}
	p, known := r.people[m.From]
	written := known && !off && !m.Side && m.Text != "" && !r.masked(p) && !r.started.IsZero()
	r.mu.Unlock()
	switch {
	case i >= 0 && old.From != m.From:
		return m, errs.E(errs.Conflict, "Beskedens id er brugt.", nil)
	case i >= 0:
		return old, nil
	}
	var t *typist
	if written {
		var err error
		if t, err = r.typist(ctx, p); err != nil {
			return m, err
		}
	}
	added, err := r.keep(ctx, m, t)
	if err != nil || !added {
		return m, err
	}
	r.mu.Lock()
	if len(r.messages) == maxMessages {
		r.messages = slices.Delete(r.messages, 0, 1)
	}
	r.messages = append(r.messages, m)
	r.mu.Unlock()
	r.hall.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventMessage, Message: &m, Side: m.Side})
	if !live {
		r.showMessage(m)
	}
	return m, nil
}

// typist finds or opens the leg of a participant's typed words. r.writing is held.
func (r *room) typist(ctx context.Context, p meetingv1.Participant) (*typist, error) {
	if t := r.typists[p.ID]; t != nil {
		return t, nil
	}
	r.mu.Lock()
	t := &typist{Leg: callv1.Leg{ID: event.NewID(r.hall.Now()), Role: callRole(p.Role), User: p.User, StartedAt: r.started}}
	r.mu.Unlock()
	err := r.tellLeg(ctx, p.ID, t.Leg, func(tx *store.Tx) error {
		return tx.PutLeg(ctx, r.id, store.Leg{ID: t.ID, Writer: p.ID})
	})
	if err != nil {
		return nil, err
	}
	r.typists[p.ID] = t
	return t, nil
}

// keep writes a message to the database, and its words to the transcript when there is a leg for them.
func (r *room) keep(ctx context.Context, m meetingv1.Message, t *typist) (added bool, err error) {
	sealed, err := seal.JSON(ctx, r.hall.Keys, r.id, fieldSaid, m)
	if err != nil {
		return false, err
	}
	var next typist
	defer r.hall.Book.Store.Turn(r.id)()
	err = r.hall.Book.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Fence(ctx, r.id, r.epoch); err != nil {
			return err
		}
		added, err = tx.AddSaid(ctx, r.id, m.ID, m.At, sealed)
		if err != nil || !added || t == nil {
			return err
		}
		next = *t
		return r.utter(ctx, tx, &next, m)
	})
	if err == nil && added && t != nil {
		*t = next
	}
	return added, r.refused(err)
}

// utter commits a message as words of a leg, with the silence before.
func (r *room) utter(ctx context.Context, tx *store.Tx, t *typist, m meetingv1.Message) error {
	words := typedWords(t.before, m.Text)
	if len(words) == 0 {
		return nil
	}
	t.before = m.Text
	from := t.heardTo
	begin := max(samples(m.At.Sub(t.StartedAt)), from)
	long := max(1, min(perWord, pastable/int64(len(words))))
	for i := range words {
		w := &words[i]
		w.ID = fmt.Sprintf("%s-%05d", t.ID[len(t.ID)-8:], t.next)
		w.Start = begin + int64(i)*long
		w.End = w.Start + long
		t.next++
	}
	t.heardTo = begin + int64(len(words))*long
	ledger := []transcriptv1.Range{{Start: begin, End: t.heardTo, State: transcriptv1.Transcribed}}
	if begin > from {
		ledger = append([]transcriptv1.Range{{Start: from, End: begin, State: transcriptv1.Silence}}, ledger...)
	}
	if err := tx.PutLeg(ctx, r.id, store.Leg{ID: t.ID, Writer: m.From, Samples: t.heardTo, NextWord: t.next}); err != nil {
		return err
	}
	f := transcriptv1.Final{From: from, To: t.heardTo, Ledger: ledger, NextWord: int(t.next)}
	return r.hall.heard(ctx, tx, r.id, t.Leg, f, transcriptv1.Body{Words: words})
}

// heard publishes a stretch of a typed leg.
func (h *Hall) heard(ctx context.Context, tx *store.Tx, meeting string, l callv1.Leg, f transcriptv1.Final, body transcriptv1.Body) error {
	sealed, err := seal.JSON(ctx, h.Keys, meeting, fieldBody, body)
	if err != nil {
		return err
	}
	f.Meta = event.NewMeta("transcript.v1.final", "meeting", h.Now())
	f.ConversationID, f.LegID, f.Role, f.Engine, f.Sealed = meeting, l.ID, l.Role, engine, sealed
	return tx.Publish(ctx, f)
}

// lastTyped accounts for typed legs to the end of the meeting.
func (h *Hall) lastTyped(ctx context.Context, tx *store.Tx, rec booking.Record, known []store.Leg) error {
	for _, k := range known {
		i := slices.IndexFunc(rec.Legs, func(l callv1.LegEnd) bool { return l.ID == k.ID })
		if k.Writer == "" || i < 0 {
			continue
		}
		end := rec.Legs[i].Samples
		f := transcriptv1.Final{From: k.Samples, To: end, Last: true, Ledger: []transcriptv1.Range{}, NextWord: int(k.NextWord)}
		if end > k.Samples {
			f.Ledger = append(f.Ledger, transcriptv1.Range{Start: k.Samples, End: end, State: transcriptv1.Silence})
		}
		if err := h.heard(ctx, tx, rec.ID, rec.Legs[i].Leg, f, transcriptv1.Body{}); err != nil {
			return err
		}
	}
	return nil
}

// typedWords are the words of a message, with personal data masked as in spoken ones: the clear values are in the sealed body.
func typedWords(before, text string) []transcriptv1.Word {
	var out []transcriptv1.Word
	for i, s := range danish.Typed(before, text) {
		out = append(out, transcriptv1.Word{Text: s.Text, Confidence: 1, Masked: string(s.Kind), Clear: s.Clear, Sentence: i == 0})
	}
	return out
}

// typed takes real-time text (T.140). The characters themselves go from browser to browser through the SFU as they are typed, and
// to telephones from here; whole lines are kept, so that they can be read again.
func (r *room) typed(participant string, m sfu.Message) {
	if m.Label != sfu.TextLabel {
		return
	}
	r.onPhones(meetingv1.Typed{Text: string(m.Data), From: participant}, m.Group)
	r.write(draft{participant, m.Group == sideGroup}, string(m.Data))
}

// draft is a line that somebody writes. What was begun in the side room is another than what goes on outside.
type draft struct {
	who   string
	aside bool
}

// text is a draft so far.
type text struct {
	rtt.Line
	off bool // some of it was typed while it was not to be written down
}

// write adds to a draft and keeps the lines that it ends.
func (r *room) write(d draft, typed string) {
	r.mu.Lock()
	b := r.lines[d]
	if b == nil {
		b = &text{}
		r.lines[d] = b
	}
	p, known := r.people[d.who]
	now := !known || r.masked(p)
	off := b.off && b.Len() > 0 || now
	lines := b.Type(typed)
	b.off = off
	if len(lines) > 0 {
		b.off = now
	}
	r.mu.Unlock()
	for _, line := range lines {
		r.line(d, line, off)
		off = now
	}
}

// unfinished keeps the lines whose writer has gone before ending them.
func (r *room) unfinished(participant string) {
	for _, aside := range []bool{false, true} {
		r.write(draft{participant, aside}, rtt.Newline)
	}
}

// line keeps a line of real-time text. One that the database does not take at once is not lost: it is tried again as long as the
// room is here.
func (r *room) line(d draft, line string, off bool) {
	now := r.hall.Now()
	m := meetingv1.Message{ID: event.NewID(now), At: now, From: d.who, Text: line, Side: d.aside}
	if err := r.keepLine(m, off); err != nil {
		r.log.Warn("a line of real-time text is not kept yet", "participant_id", d.who, "err", err)
		go r.keepLater(m, off)
	}
}

func (r *room) keepLine(m meetingv1.Message, off bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	_, err := r.say(ctx, m, off, true)
	return err
}

func (r *room) keepLater(m meetingv1.Message, off bool) {
	for pause := time.Second; ; pause = min(2*pause, keepWithin) {
		time.Sleep(pause)
		err := r.keepLine(m, off)
		switch {
		case err == nil:
			return
		case r.hall.find(r.id) != r:
			r.log.Error("a line of real-time text is not kept", "participant_id", m.From, "err", err)
			return
		}
	}
}
