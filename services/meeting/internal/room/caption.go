package room

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/event"
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
	r.caption(p.LegID, p.From, p.Words, false)
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
	r.caption(f.LegID, f.From, body.Words, true)
}

// caption shows a stretch of a leg. One that replaces a tail has the tail's id: a leg has one open line at a time.
func (r *room) caption(legID string, from int64, words []transcriptv1.Word, final bool) {
	if len(words) == 0 {
		return
	}
	r.mu.Lock()
	who := ""
	for id, l := range r.legs {
		if l.ID == legID {
			who = id
		}
	}
	r.mu.Unlock()
	if who == "" {
		return
	}
	var text []string
	for _, w := range words {
		text = append(text, w.Text)
	}
	r.show(meetingv1.Caption{
		ID: legID + "-" + strconv.FormatInt(from, 10), From: who, Text: strings.Join(text, " "), At: r.hall.Now(), Final: final,
	})
}

// show sends a caption out and keeps final ones for those who come late.
func (r *room) show(c meetingv1.Caption) {
	r.mu.Lock()
	if c.Final {
		if len(r.captions) == maxCaptions {
			r.captions = append(r.captions[:0], r.captions[1:]...)
		}
		r.captions = append(r.captions, c)
	}
	r.mu.Unlock()
	r.hall.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventCaption, Caption: &c})
}

func (r *room) corrected(id, text string) bool {
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
	if c == nil {
		return false
	}
	r.hall.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventCaption, Caption: c})
	return true
}

// typed takes real-time text (T.140). The characters themselves go from browser to browser through the SFU as they are typed;
// here whole lines are kept for the chat, so that they can be read again.
func (r *room) typed(participant string, m sfu.Message) {
	if m.Label != sfu.TextLabel {
		return
	}
	r.mu.Lock()
	b := r.lines[participant]
	if b == nil {
		b = &strings.Builder{}
		r.lines[participant] = b
	}
	lines := t140(b, string(m.Data))
	s := r.seats[participant]
	aside := s != nil && s.side
	r.mu.Unlock()
	for _, line := range lines {
		msg := meetingv1.Message{ID: event.NewID(r.hall.Now()), At: r.hall.Now(), From: participant, Text: line, Side: aside}
		if r.keep(msg) {
			r.hall.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventMessage, Message: &msg, Side: aside})
		}
	}
}

// maxLine is the longest line of real-time text that is held back, in bytes; a longer one is kept in pieces.
const maxLine = 2000

// t140 adds typed characters to a line and returns the lines that were ended. Backspace takes the last character away; the
// line separator and CR LF end a line (ITU-T T.140, 7 and 8).
func t140(b *strings.Builder, typed string) (lines []string) {
	line := []rune(b.String())
	flush := func() {
		if text := strings.TrimSpace(string(line)); text != "" {
			lines = append(lines, text)
		}
		line = line[:0]
	}
	for _, c := range typed {
		switch {
		case c == '\b':
			if len(line) > 0 {
				line = line[:len(line)-1]
			}
		case c == '\u2028' || c == '\n':
			flush()
		case c == '\r' || c == '\ufeff' || c < ' ':
		default:
			line = append(line, c)
			if len(line) >= maxLine {
				flush()
			}
		}
	}
	b.Reset()
	b.WriteString(string(line))
	return lines
}
