package room

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/meetingv1"
)

// phoneText is the real-time text of a telephone. What it types is published in the room as if it had come on a data channel; what
// the others type goes to it over the bus, with who types. How one terminal shows several writers is the phone service's affair.
type phoneText struct {
	sub   *nats.Subscription // behind telephone.mu
	reads atomic.Bool        // it has text now
	hears atomic.Bool        // it wants captions

	// These belong to the subscription's goroutine.
	typedTo uint64 // number of the last message that it typed
	scan    rtt.Scanner

	mu    sync.Mutex
	shown uint64 // number of the last message that was sent to it
}

// wants takes what the telephone shows.
func (p *phoneText) wants(q meetingv1.SoundRequest) {
	p.reads.Store(q.Text)
	p.hears.Store(q.Captions)
}

// typed takes what the telephone types. It is answered when the room has it: else it comes again, here or where the room is then.
func (t *telephone) typed(m *nats.Msg) {
	var v meetingv1.Typed
	if err := json.Unmarshal(m.Data, &v); err != nil {
		t.room.log.Warn("typed text that cannot be read", "participant_id", t.who)
		return
	}
	t.mu.Lock()
	closed := t.closed
	t.mu.Unlock()
	if closed {
		return
	}
	if v.Number > t.text.typedTo {
		text := v.Text
		if t.text.typedTo > 0 && v.Number != t.text.typedTo+1 {
			text = string(rtt.MissingText) + text
		}
		text = strings.ReplaceAll(t.text.scan.Read(text), "\n", rtt.Newline) // telephones have more ways to say it than browsers know
		if err := t.peer.Send(sfu.Message{Label: sfu.TextLabel, Data: []byte(text)}); err != nil {
			t.room.log.Warn("typed text is not published", "participant_id", t.who, "err", err)
		}
		t.text.typedTo = v.Number
	}
	_ = m.Respond(nil) // when the connection is gone, it comes again
}

// onPhones puts what somebody types, or has sent to the chat, on the telephones that are in the same place; captions on those that
// want them.
func (r *room) onPhones(v meetingv1.Typed, group string) {
	r.mu.Lock()
	p := r.people[v.From]
	var phones []*telephone
	for id, s := range r.seats {
		if id != v.From && s.phone != nil && s.phone.text.reads.Load() && (!v.Caption || s.phone.text.hears.Load()) {
			phones = append(phones, s.phone)
		}
	}
	r.mu.Unlock()
	v.Name, v.Role = p.Name, p.Role
	for _, t := range phones {
		if t.peer.Group() == group { // asked for outside of our lock: the SFU's is taken before it
			t.show(v)
		}
	}
}

// captionOnPhones shows what was said. Nothing is said into the transcript in a side room, so who is
// there does not read what was said outside.
func (r *room) captionOnPhones(from, text string, corrected bool) {
	r.onPhones(meetingv1.Typed{Text: text, From: from, Caption: true, Corrected: corrected}, sfu.MainGroup)
}

// showMessage shows what was sent to the chat; of a file its name.
func (r *room) showMessage(m meetingv1.Message) {
	text := m.Text
	if m.File != nil {
		text = strings.TrimSpace(text + " " + m.File.Name)
	}
	group := sfu.MainGroup
	if m.Side {
		group = sideGroup
	}
	r.onPhones(meetingv1.Typed{Text: text + rtt.Newline, From: m.From, Chat: true}, group)
}

// show sends what somebody types. What the bus loses, the numbers show.
func (t *telephone) show(v meetingv1.Typed) {
	t.text.mu.Lock()
	defer t.text.mu.Unlock()
	t.text.shown++
	v.Number = t.text.shown
	nc := t.room.hall.Bus.NC
	data, err := json.Marshal(v)
	if err == nil && nc.IsConnected() {
		err = nc.Publish(meetingv1.TextDownSubject(t.session), data)
	}
	if err != nil {
		t.room.log.Debug("typed text is not sent to a telephone", "participant_id", t.who, "err", err)
	}
}
