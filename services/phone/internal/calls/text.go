package calls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// Real-time text of a call. What the citizen types goes to the desk as it is typed, what the caseworker types to the citizen's
// telephone. A line that is ended answers the announcements, as keys do, or becomes words of a leg of the transcript.

const (
	// maxUnread bounds what a line may have typed before its call reads it, in bytes.
	maxUnread = 4 << 10
	// longLine is how long a line may take: then what there is of it is kept.
	longLine = 2 * time.Minute
	// inNumber is the pause that ends a line after a digit: half a number would not be known as one, and not be masked.
	inNumber = 30 * time.Second
	// maxShown is how many lines a desk that comes back gets again.
	maxShown = 100
	// maxTyped bounds what a caseworker sends at once, in bytes.
	maxTyped = 2000
	// typedEngine names what "heard" typed words.
	typedEngine = "typed"
	// perWord is a typed word's length; a whole line takes a second at most, so that places stay near the clock.
	perWord  = pcm.Rate / 20
	pastable = pcm.Rate
)

// answers are the lines that count as keys where keys count.
var answers = map[string]digit{
	"1": '1', "ja": '1', "yes": '1', "2": '2', "nej": '2', "no": '2', "9": '9', "#": '#',
}

// Posts about text.
type (
	typedIn struct{ from *end } // there is something to read
	rested  struct {            // nobody has typed for a while
		d      *draft
		change int64
	}
)

// unread is what was typed on a line and not read by its call yet. One post at a time says so: who types fast cannot fill the inbox.
type unread struct {
	mu   sync.Mutex
	text string
	told bool
}

// typed takes characters from the line.
func (e *end) typed(s string) {
	at := e.seat.Load()
	if at == nil {
		return
	}
	e.unread.mu.Lock()
	defer e.unread.mu.Unlock()
	if len(e.unread.text)+len(s) > maxUnread {
		if strings.HasSuffix(e.unread.text, string(rtt.MissingText)) {
			return
		}
		s = string(rtt.MissingText)
	}
	e.unread.text += s
	if e.unread.told {
		return
	}
	e.unread.told = true
	if !at.call.post(typedIn{e}) {
		go at.call.insist(typedIn{e})
	}
}

// read takes what was typed.
func (u *unread) read() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.text
	u.text, u.told = "", false
	return s
}

// retell leaves what was typed for another call, which is told with the next character.
func (u *unread) retell() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.told = false
}

// draft is the line that one side is typing.
type draft struct {
	role   string
	user   string // who types, of caseworkers
	scan   rtt.Scanner
	text   rtt.Text
	open   bool
	off    bool // some of it was typed while it was not to be written down
	n      int  // of the line
	began  time.Time
	last   time.Time
	change int64
	timer  *time.Timer
}

// saidLine is a line that was ended.
type saidLine struct {
	by   *draft
	user string
	text string
	off  bool
}

// read takes what was typed on a line. Lines of the citizen that are answers are keys to h.
func (c *Call) read(e *end, h handler) verdict {
	switch {
	case e == c.line:
	case c.consult != nil && e == c.consult.line:
		c.readOther()
		return done
	default:
		e.unread.retell()
		return done
	}
	text := e.unread.read()
	c.pass(callv1.RoleCitizen, text)
	if c.whoReads() == elsewhere { // theirs alone
		return done
	}
	v := done
	for _, l := range c.add(&c.theirs, text) {
		if c.said(l, h) == stop {
			v = stop
		}
	}
	return v
}

// said takes a line of the citizen.
func (c *Call) said(l saidLine, h handler) verdict {
	if announce.AsksForCaptions(l.text) && c.captionable() {
		c.toggleCaptions(c.line)
		return done
	}
	if key, ok := answers[strings.ToLower(strings.Trim(l.text, " .!"))]; ok && h != nil {
		if v := h(key); v != pass {
			return v
		}
	}
	c.utter(l)
	return done
}

// rest ends a line that nobody goes on with.
func (c *Call) rest(v rested, h handler) verdict {
	if !v.d.open || v.change != v.d.change {
		return done
	}
	l, ok := c.endLine(v.d)
	switch {
	case !ok:
	case v.d == &c.theirs:
		return c.said(l, h)
	default:
		c.utter(l)
	}
	return done
}

// unfinished ends what is being typed, as there is no more to come.
func (c *Call) unfinished() {
	if c.line != nil {
		c.read(c.line, nil)
	}
	for _, d := range []*draft{&c.theirs, &c.ours, &c.others} {
		c.endAndUtter(d)
	}
}

func (c *Call) endAndUtter(d *draft) {
	if l, ok := c.endLine(d); ok {
		c.utter(l)
	}
}

// add types characters and returns the lines that they end.
func (c *Call) add(d *draft, typed string) []saidLine {
	var out []saidLine
	end := func() {
		if l, ok := c.endLine(d); ok {
			out = append(out, l)
		}
	}
	for _, r := range d.scan.Read(typed) {
		if r == '\n' {
			end()
			continue
		}
		c.begin(d)
		d.text.Apply(string(r))
		if d.text.Len() >= rtt.MaxLine {
			end()
		}
	}
	if d.open && time.Since(d.began) > longLine {
		end()
	}
	if d.open {
		c.show(d, false)
		c.await(d)
	}
	return out
}

// begin opens a line when there is none, and notes whether it may be written down.
func (c *Call) begin(d *draft) {
	d.last = time.Now()
	d.change++
	if !d.open {
		d.open, d.off, d.began = true, false, d.last
		d.n++
		if d == &c.ours {
			d.user = c.caseworker
		}
	}
	d.off = d.off || !c.written() || d != &c.theirs && c.private()
}

// await ends the line when nobody goes on with it.
func (c *Call) await(d *draft) {
	if d.timer != nil {
		d.timer.Stop()
	}
	pause := c.s.cfg.Times.TextPause
	if last, _ := utf8.DecodeLastRuneInString(d.text.String()); unicode.IsDigit(last) && answers[d.text.String()] == 0 {
		pause = max(pause, inNumber)
	}
	v := rested{d, d.change}
	d.timer = time.AfterFunc(pause, func() { c.post(v) })
}

// endLine ends a line; false when there was nothing in it.
func (c *Call) endLine(d *draft) (l saidLine, ok bool) {
	if !d.open {
		return l, false
	}
	l = saidLine{d, d.user, strings.TrimSpace(d.text.String()), d.off}
	c.show(d, true)
	d.open, d.text = false, rtt.Text{}
	return l, l.text != ""
}

// show tells the desk how a line stands.
func (c *Call) show(d *draft, over bool) {
	c.shownSeq++
	l := callv1.TextLine{
		ConversationID: c.id, ID: fmt.Sprintf("%s-%d", d.role, d.n), Seq: c.shownSeq, Role: d.role,
		Text: d.text.String(), Done: over, At: d.began.UTC(),
	}
	lines := c.lines()
	i := slices.IndexFunc(lines, func(o callv1.TextLine) bool { return o.ID == l.ID })
	switch {
	case i >= 0:
		lines = slices.Clone(lines)
		lines[i] = l
	default:
		lines = append(slices.Clone(lines), l)
		lines = lines[max(0, len(lines)-maxShown):]
	}
	c.shown.Store(&lines)
	c.tellLine(l)
}

// lines are what a desk is shown. It may be called from anywhere.
func (c *Call) lines() []callv1.TextLine {
	if p := c.shown.Load(); p != nil {
		return *p
	}
	return nil
}

func (c *Call) tellLine(l callv1.TextLine) {
	l.Caseworker = c.caseworker
	data, err := json.Marshal(l)
	if err == nil {
		err = c.s.cfg.Bus.NC.Publish(callv1.TextTopic(c.id), data)
	}
	if err != nil {
		c.log.Debug("typed text not published", "err", err)
	}
}

// retellLines shows a desk that comes what was typed before.
func (c *Call) retellLines() {
	for _, l := range c.lines() {
		c.tellLine(l)
	}
}

// forgetLines is for when others come, to whom it was not said.
func (c *Call) forgetLines() {
	c.shown.Store(nil)
	for _, d := range []*draft{&c.theirs, &c.ours, &c.others} {
		d.open, d.text = false, rtt.Text{}
	}
}

// text answers what was typed so far, to the caseworker who has the call.
func (s *Service) text(_ context.Context, r callv1.TextRequest) (callv1.TextReply, error) {
	c, err := s.find(r.ConversationID)
	if err != nil {
		return callv1.TextReply{}, err
	}
	if r.Caseworker == "" || r.Caseworker != c.snap.Load().Caseworker {
		return callv1.TextReply{}, errNotYours()
	}
	rep := callv1.TextReply{Lines: []callv1.TextLine{}}
	for _, l := range c.lines() {
		l.Caseworker = r.Caseworker
		rep.Lines = append(rep.Lines, l)
	}
	return rep, nil
}

// write puts a sentence of ours on the citizen's telephone, if it has text.
func (c *Call) write(text string) {
	c.writeTo(c.line, text)
}

// writeOnce writes an announcement, unless it was while the call was in this state: the place in the queue is told again and again
// to those who listen, and stands there for those who read.
func (c *Call) writeOnce(id announce.ID) {
	if c.wrote[id] {
		return
	}
	if c.wrote == nil {
		c.wrote = map[announce.ID]bool{}
	}
	c.wrote[id] = true
	c.write(announce.Written(id))
}

// typeBack sends what the caseworker types.
func (c *Call) typeBack(s string) error {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '\u2028'
		case r == '\b' || !unicode.IsControl(r) && r != '\ufeff':
			return r
		}
		return -1
	}, s)
	if s == "" || len(s) > maxTyped {
		return errs.E(errs.Invalid, "Der kan højst sendes 2000 tegn ad gangen.", nil)
	}
	to := c.readers()
	if len(to) == 0 {
		return errs.E(errs.Conflict, "Borgerens telefon kan ikke vise tekst.", nil)
	}
	if err := to[0].page.Write(callv1.RoleCaseworker, c.label(to[0], callv1.RoleCaseworker), s); errors.Is(err, rtpx.ErrTextFull) {
		return errs.E(errs.Limited, "Der venter for meget tekst. Prøv igen om lidt.", err)
	} else if err != nil {
		return errs.E(errs.Unavailable, "", err)
	}
	for _, e := range to[1:] {
		_ = e.page.Write(callv1.RoleCaseworker, c.label(e, callv1.RoleCaseworker), s) // a gap shows what it cannot take
	}
	for _, l := range c.add(&c.ours, s) {
		c.utter(l)
	}
	return nil
}

// The transcript.

// written reports whether what is typed now is written down: the same as for sound, but that who waits on hold is read.
func (c *Call) written() bool {
	yes := c.transcribe != nil && *c.transcribe && c.area.AllowTranscript && !c.paused
	talk := c.desk != nil && (c.state == callv1.StateTalking || c.state == callv1.StateHeld)
	return yes && (talk || c.state == callv1.StateMessage)
}

// typist is a leg of typed words.
type typist struct {
	leg      callv1.Leg
	heardTo  int64
	nextWord int
	before   string // the line before, of which a personal number may go on
	over     bool   // somebody else has come into the place
}

// typist finds or opens the leg of who types.
func (c *Call) typist(role, user string) *typist {
	for _, t := range c.typists {
		if t.leg.Role == role && t.leg.User == user && !t.over {
			return t
		}
	}
	now := time.Now()
	t := &typist{leg: callv1.Leg{ID: event.NewID(now), Role: role, User: user, StartedAt: now.UTC()}}
	c.typists = append(c.typists, t)
	c.tell("typed")
	return t
}

// utter commits a line as words of its writer's leg, with the silence before.
func (c *Call) utter(l saidLine) {
	if l.off {
		return
	}
	t := c.typist(l.by.role, l.user)
	words := typedWords(t.before, l.text)
	if len(words) == 0 {
		return
	}
	t.before = l.text
	from := t.heardTo
	begin := max(int64(time.Since(t.leg.StartedAt)/time.Microsecond)*pcm.Rate/1e6, from)
	long := max(1, min(perWord, pastable/int64(len(words))))
	for i := range words {
		w := &words[i]
		w.ID = fmt.Sprintf("%s-%05d", t.leg.ID[len(t.leg.ID)-8:], t.nextWord)
		w.Start = begin + int64(i)*long
		w.End = w.Start + long
		t.nextWord++
	}
	t.heardTo = begin + int64(len(words))*long
	f := transcriptv1.Final{
		Meta:           event.NewMeta("transcript.v1.final", source, time.Now()),
		ConversationID: c.id, LegID: t.leg.ID, Role: t.leg.Role, From: from, To: t.heardTo, Engine: typedEngine, NextWord: t.nextWord,
		Ledger: []transcriptv1.Range{{Start: begin, End: t.heardTo, State: transcriptv1.Transcribed}},
	}
	if begin > from {
		f.Ledger = slices.Insert(f.Ledger, 0, transcriptv1.Range{Start: from, End: begin, State: transcriptv1.Silence})
	}
	ends := c.typedEnds()
	c.typedOpen.Store(&ends)
	c.out.add("typed", func(ctx context.Context) error {
		sealed, err := seal.JSON(ctx, c.s.cfg.Keys, c.id, "body", transcriptv1.Body{Words: words})
		if err != nil {
			return err
		}
		f.Sealed = sealed
		return c.s.cfg.Bus.Publish(ctx, f)
	})
}

// typedEnds are the typed legs with their lengths.
func (c *Call) typedEnds() []callv1.LegEnd {
	out := make([]callv1.LegEnd, len(c.typists))
	for i, t := range c.typists {
		out[i] = callv1.LegEnd{Leg: t.leg, Samples: t.heardTo, Transcribed: true}
	}
	return out
}

// typedWords are the words of a line, with personal data masked as in spoken ones: the clear values are in the sealed body.
func typedWords(before, text string) []transcriptv1.Word {
	var out []transcriptv1.Word
	for i, s := range danish.Typed(before, text) {
		out = append(out, transcriptv1.Word{Text: s.Text, Confidence: 1, Masked: string(s.Kind), Clear: s.Clear, Sentence: i == 0})
	}
	return out
}
