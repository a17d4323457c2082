package room

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/seal"
)

// captionSubjects are what the recogniser says of this meeting: tails that may still change, and committed words. Captions are
// made of what passes by; what must not be lost goes to the journal on its own way.
func (r *room) captionSubjects() map[string]nats.MsgHandler {
	return map[string]nats.MsgHandler{
		"transcript.v1.partial." + r.id + ".*": r.partial,
		"transcript.v1.final." + r.id + ".*":   r.final,
	}
}

func (r *room) partial(m *nats.Msg) {
	var p transcriptv1.Partial
	if json.Unmarshal(m.Data, &p) != nil {
		return
	}
	r.caption(p.LegID, p.From, p.Words, nil)
}

func (r *room) final(m *nats.Msg) {
	var f transcriptv1.Final
	if json.Unmarshal(m.Data, &f) != nil || f.Revision > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var body transcriptv1.Body
	if err := seal.OpenJSON(ctx, r.hall.Keys, r.id, "body", f.Sealed, &body); err != nil {
		r.log.Warn("caption", "err", err)
		return
	}
	r.caption(f.LegID, f.From, body.Words, &f)
}

// caption shows a stretch of a leg. One that replaces a tail has the tail's id: a leg has one open line at a time. Final is nil of what
// may still change.
func (r *room) caption(legID string, from int64, words []transcriptv1.Word, final *transcriptv1.Final) {
	if len(words) == 0 {
		return
	}
	r.mu.Lock()
	who := r.former[legID].participant
	for id, l := range r.legs {
		if l.ID == legID {
			who = id
		}
	}
	r.mu.Unlock()
	if who == "" {
		return
	}
	if r.show(captionOf(legID, who, from, words, r.hall.Now(), final != nil)) && final != nil {
		r.captionOnPhones(who, typedOut(words, final.Ledger), false)
	}
}

// typedOut is what was said as a telephone shows it: each sentence on a line, with a mark where sound was lost. The line stays open: a
// stretch may end within a sentence.
func typedOut(words []transcriptv1.Word, ledger []transcriptv1.Range) string {
	var out strings.Builder
	say := func(until int64) {
		for ; len(words) > 0 && words[0].Start < until; words = words[1:] {
			if words[0].Sentence {
				out.WriteString(rtt.Newline)
			}
			out.WriteString(words[0].Text + " ")
		}
	}
	for _, g := range ledger {
		say(g.End)
		if g.State == transcriptv1.Lost {
			out.WriteString(string(rtt.MissingText) + " ")
		}
	}
	say(math.MaxInt64)
	return out.String()
}

func captionOf(legID, who string, from int64, words []transcriptv1.Word, at time.Time, final bool) meetingv1.Caption {
	var text []string
	for _, w := range words {
		text = append(text, w.Text)
	}
	return meetingv1.Caption{ID: legID + "-" + strconv.FormatInt(from, 10), From: who, Text: strings.Join(text, " "), At: at, Final: final}
}

// show sends a caption out and keeps final ones for those who come late. False: it is there already.
func (r *room) show(c meetingv1.Caption) bool {
	r.mu.Lock()
	if c.Final {
		if slices.ContainsFunc(r.captions, func(o meetingv1.Caption) bool { return o.ID == c.ID }) {
			r.mu.Unlock() // told twice: somebody may have corrected it since
			return false
		}
		if len(r.captions) == maxCaptions {
			r.captions = append(r.captions[:0], r.captions[1:]...)
		}
		r.captions = append(r.captions, c)
	}
	r.mu.Unlock()
	r.hall.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventCaption, Caption: &c})
	return true
}

// shows tells whether a caption is there.
func (r *room) shows(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.captions, func(c meetingv1.Caption) bool { return c.ID == id })
}

// corrected shows a caption as it should have been.
func (r *room) corrected(id, text string) {
	r.mu.Lock()
	var c *meetingv1.Caption
	for i := range r.captions {
		if r.captions[i].ID == id {
			r.captions[i].Text, r.captions[i].Corrected = text, true
			now := r.captions[i]
			c = &now
		}
	}
	r.mu.Unlock()
	if c != nil {
		r.hall.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventCaption, Caption: c})
		r.captionOnPhones(c.From, text+rtt.Newline, true)
	}
}
