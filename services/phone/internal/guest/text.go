package guest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/phone/internal/announce"
)

// Real-time text of a guest. All that is said is written, too. Until the guest is in, what is typed stands for keys: characters of
// the code, whole lines afterwards; another line in the lobby is for who leads the meeting. In the meeting everything typed is the
// meeting's (pen), and the page shows what the others type.

const (
	// maxUnread bounds what may wait to be read, in bytes.
	maxUnread = 4 << 10
	// maxSaid is the longest line that who leads the meeting sees of somebody in the lobby, in bytes.
	maxSaid = 120
	// readLimit is what who reads and types gets instead of shorter times to answer.
	readLimit = time.Minute
	// penLimit bounds one attempt to bring typed text into the room; penAgain is the pause before the next.
	penLimit = 2 * time.Second
	penAgain = 200 * time.Millisecond
	// lastWords bounds how long the end waits for what was typed before it.
	lastWords = 3 * time.Second
)

// answers are the lines that stand for keys.
var answers = map[string]digit{"1": '1', "ja": '1', "yes": '1', "2": '2', "nej": '2', "no": '2', "0": '0', "#": '#'}

// Posts about text.
type (
	typedIn struct{}             // there is something to read
	rested  struct{ change int } // nobody has typed for a while
	erase   struct{}             // of the last key
	wrote   string               // a line that stands for no key
	// asksForCaptions is a line that does, typed in the meeting.
	asksForCaptions struct{}
)

// keyboard is what a guest types, until it is read.
type keyboard struct {
	mu   sync.Mutex
	text string
	told bool
	pen  *pen     // in the meeting
	line rtt.Line // that is typed there: looked at for who asks for captions
}

// typed is for the line's socket.
func (v *visit) typed(s string) {
	k := &v.keyboard
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pen != nil {
		k.pen.write(s)
		if slices.ContainsFunc(k.line.Type(s), announce.AsksForCaptions) {
			v.post(asksForCaptions{})
		}
		return
	}
	if len(k.text)+len(s) > maxUnread { // nobody's to read: it is only looked for answers
		return
	}
	k.text += s
	if !k.told {
		k.told = v.post(typedIn{})
	}
}

// next takes one character.
func (k *keyboard) next() (c string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.text == "" {
		k.told = false
		return "", false
	}
	_, n := utf8.DecodeRuneInString(k.text)
	c, k.text = k.text[:n], k.text[n:]
	return c, true
}

// hand lets the pen have what is typed from now on; nil: nobody. What waits to be read was typed elsewhere, and goes.
func (k *keyboard) hand(p *pen) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pen, k.text, k.line = p, "", rtt.Line{}
}

// read takes what was typed as keys and lines. What comes after one that stops is read next.
func (v *visit) read(handle func(any) bool) (stop bool) {
	for {
		c, ok := v.keyboard.next()
		if !ok {
			return false
		}
		if v.char(c, handle) {
			v.post(typedIn{})
			return true
		}
	}
}

func (v *visit) char(c string, handle func(any) bool) (stop bool) {
	if v.coding {
		return v.codeChar(c, handle)
	}
	stop = v.lines(v.draft.Type(c), handle)
	v.change++
	if v.draft.Len() > 0 {
		r := rested{v.change}
		time.AfterFunc(v.s.cfg.TextPause, func() { v.post(r) })
	}
	return stop
}

// codeChar is a character of a code. What separates groups of digits says nothing.
func (v *visit) codeChar(c string, handle func(any) bool) (stop bool) {
	for _, r := range v.scan.Read(c) {
		switch {
		case r >= '0' && r <= '9', r == '*', r == '#':
			return handle(digit(r))
		case r == '\n':
			return handle(digit('#'))
		case r == '\b':
			return handle(erase{})
		}
	}
	return false
}

// lines hands lines on, as keys or as they are.
func (v *visit) lines(ended []string, handle func(any) bool) (stop bool) {
	for _, l := range ended {
		var p any = wrote(l)
		if key, ok := answers[strings.ToLower(strings.Trim(l, " .!"))]; ok {
			p = key
		}
		stop = handle(p) || stop
	}
	return stop
}

// patience is how long is waited for an answer.
func (v *visit) patience(d time.Duration) time.Duration {
	if v.line.HasText() {
		return max(d, readLimit)
	}
	return d
}

// write shows an announcement, if the telephone has text.
func (v *visit) write(language string, id announce.ID) { v.note(announce.WrittenIn(language, id)) }

func (v *visit) note(text string) {
	if text == "" || !v.line.HasText() {
		return
	}
	if err := v.page.Note(text); err != nil {
		v.log.Debug("a sentence is not written", "err", err)
	}
}

// tell lets who leads the meeting read what is typed in the lobby.
func (v *visit) tell(text string) (changed bool) {
	for len(text) > maxSaid {
		_, n := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-n]
	}
	v.said = text
	if v.knock(false) == "" {
		v.write(v.language, announce.MeetingSaid)
	}
	return v.me.State != meetingv1.InLobby
}

// reads shows what the others type. It runs on the subscription's goroutine.
func (v *visit) reads() nats.MsgHandler {
	last := uint64(0)
	language := v.language
	return func(m *nats.Msg) {
		var t meetingv1.Typed
		if err := json.Unmarshal(m.Data, &t); err != nil {
			v.log.Warn("typed text that cannot be read")
			return
		}
		if t.Number != last+1 && t.Number != 1 {
			t.Text = string(rtt.MissingText) + t.Text
		}
		last = t.Number
		from := t.From
		switch {
		case t.Chat:
			from += "/chat"
		case t.Caption && t.Corrected:
			from += "/corrected"
		case t.Caption:
			from += "/caption"
		}
		if err := v.page.Write(from, label(language, t), t.Text); err != nil {
			v.log.Debug("typed text is not shown", "err", err)
		}
	}
}

// label is who types or says it, by name and role.
func label(language string, t meetingv1.Typed) string {
	who := announce.Role(language, t.Role)
	if t.Name != "" {
		who = t.Name + ", " + who
	}
	if t.Caption {
		return announce.Captioned(language, who, t.Corrected)
	}
	return who
}

// captionKey turns captions on and off, as a line does for which announce.AsksForCaptions.
const captionKey = digit('3')

// toggleCaptions has what the others say come to the telephone, or not any more. The meeting decides what there is: what is written
// down of those who have said yes to that, as for everybody else.
func (v *visit) toggleCaptions() {
	v.reading = !v.reading
	switch {
	case !v.reading:
		v.write(v.language, announce.CaptionsOff)
	case v.asks:
		v.write(v.language, announce.MeetingCaptions)
	default:
		v.write(v.language, announce.MeetingNoCaptions)
	}
}

// offerCaptions tells once how to get them, where there can be any.
func (v *visit) offerCaptions() {
	if v.asks && !v.told && !v.reading {
		v.write(v.language, announce.MeetingCaptionsOffer)
	}
	v.told = true
}

// pen brings what is typed into the room: in order, each piece until the room has it.
type pen struct {
	due  chan struct{} // holds a token when there may be something
	over chan struct{} // no more is typed
	done chan struct{}

	mu   sync.Mutex
	text string
}

func newPen() *pen {
	return &pen{due: make(chan struct{}, 1), over: make(chan struct{}), done: make(chan struct{})}
}

func (p *pen) write(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.text)+len(s) > maxUnread {
		if strings.HasSuffix(p.text, string(rtt.MissingText)) {
			return
		}
		s = string(rtt.MissingText)
	}
	p.text += s
	select {
	case p.due <- struct{}{}:
	default:
	}
}

func (p *pen) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.text
	p.text = ""
	return s
}

// publish runs until all is in the room and no more is typed, or ctx ends.
func (p *pen) publish(ctx context.Context, nc *nats.Conn, session string) {
	defer close(p.done)
	t := meetingv1.Typed{}
	for over := false; !over; {
		select {
		case <-ctx.Done():
			return
		case <-p.over:
			over = true
		case <-p.due:
		}
		if t.Text = p.take(); t.Text == "" {
			continue
		}
		t.Number++
		data, err := json.Marshal(t)
		if err != nil {
			continue // cannot happen: strings and a number
		}
		for !reached(ctx, nc, meetingv1.TextUpSubject(session), data) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(penAgain):
			}
		}
	}
}

func reached(ctx context.Context, nc *nats.Conn, subject string, data []byte) bool {
	ctx, cancel := context.WithTimeout(ctx, penLimit)
	defer cancel()
	_, err := nc.RequestWithContext(ctx, subject, data)
	return err == nil
}

// finish waits for what was typed to be in the room.
func (p *pen) finish() {
	close(p.over)
	select {
	case <-p.done:
	case <-time.After(lastWords):
	}
}
