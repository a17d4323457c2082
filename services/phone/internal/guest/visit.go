package guest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/phone/internal/line"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// visit is one telephone. Its fields belong to its goroutine.
type visit struct {
	s      *Service
	way    string
	line   *line.Line
	log    *slog.Logger
	device string      // random: to the meeting it is what a browser's cookie is
	caller string      // for the limit of wrong codes
	tail   string      // last two digits
	person func() bool // gives the line to a person; nil: there is nobody
	given  bool        // the line is somebody else's

	inbox chan any
	over  chan struct{} // closed when the line is gone
	mouth *mouth
	ear   *ear
	page  *line.Page // what the telephone shows

	keyboard keyboard
	coding   bool // what is typed are the keys of a code
	scan     rtt.Scanner
	draft    rtt.Line // that is being typed
	change   int      // of the draft
	said     string   // to who leads the meeting, from the lobby
	placed   announce.ID

	seat       meetingv1.SeatRef
	area       string
	language   string // empty: Danish
	asks       bool   // whether what is said may be written down
	transcribe *bool  // the answer
	me         meetingv1.Participant
	next       announce.ID // to be said at the next occasion
	events     *nats.Subscription

	// In the meeting.
	muted   bool
	star    bool // the last key was a star
	reading bool // what the others say
	told    bool // how to read it
	away    bool // the meeting is not heard
	checked time.Time
}

// Posts to a visit.
type (
	digit byte
	held  bool                // the telephone has put us on hold, or took us back
	news  meetingv1.RoomEvent // of our seat, or of the whole meeting
	again struct{}            // the meeting is heard again
)

// Outcomes of a visit, for the figures; those of calls are meetingv1's states of a line, too.
const (
	outHungUp    = "hung-up"
	outNoCode    = "no-code"
	outEarly     = "early"
	outOver      = "over"
	outAway      = "away"
	outRefused   = "refused"
	outPostponed = "postponed"
	outStopped   = "stopped"
	outPerson    = "person"
)

// stateOver is the state of a seat whose meeting has ended.
const stateOver = "over"

func (s *Service) visit(way, peer string) (*visit, error) {
	v := &visit{
		s: s, way: way, log: s.cfg.Log, device: rand.Text(), inbox: make(chan any, 64), over: make(chan struct{}),
		mouth: newMouth(),
	}
	v.ear = newEar(func() { v.post(again{}) }, s.dropped.Inc)
	var once sync.Once
	l, err := line.New(s.cfg.Line, peer, nil, line.Hooks{
		Frame: v.mouth.frame, Gap: v.mouth.gap, Digit: func(b byte) { v.post(digit(b)) }, Text: v.typed,
		Held:  func(on bool) { v.mouth.hold(on); v.post(held(on)) },
		Ended: func(string) { once.Do(func() { close(v.over) }) },
	})
	if err != nil {
		return nil, err
	}
	v.line, v.page = l, l.Page()
	return v, nil
}

// post gives the visit something to do. It never blocks: what is dropped is told again by the next answer of the meeting.
func (v *visit) post(p any) bool {
	select {
	case v.inbox <- p:
		return true
	default:
		v.log.Warn("a visit is too busy, an event was dropped")
		return false
	}
}

// forget drops the keys that wait to be read, and what was typed.
func (v *visit) forget() {
	v.keyboard.hand(nil)
	v.draft = rtt.Line{}
	for range len(v.inbox) {
		if p := <-v.inbox; !isDigit(p) {
			v.post(p)
		}
	}
}

func isDigit(p any) bool {
	_, ok := p.(digit)
	return ok
}

// outcome of waiting.
type outcome uint8

const (
	through outcome = iota // what was waited for has happened, or the time is over
	stopped                // the handler said so
	gone                   // the line is, or we must stop
)

// wait handles posts until handle stops it, done is closed, d is over (0: no limit) or the line is gone.
func (v *visit) wait(done <-chan struct{}, d time.Duration, handle func(any) (stop bool)) outcome {
	var limit <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		limit = t.C
	}
	for {
		select {
		case <-v.over:
			return gone
		case <-v.s.ctx.Done():
			return gone
		case <-done:
			return through
		case <-limit:
			return through
		case p := <-v.inbox:
			if v.take(p, handle) {
				return stopped
			}
		}
	}
}

// take handles a post; what was typed becomes keys and lines first.
func (v *visit) take(p any, handle func(any) bool) (stop bool) {
	switch p := p.(type) {
	case typedIn:
		return v.read(handle)
	case rested:
		return p.change == v.change && v.lines(v.draft.Type(rtt.Newline), handle)
	}
	return handle(p)
}

// play lets the guest hear sounds to their end, unless stopped.
func (v *visit) play(handle func(any) bool, parts ...[]int16) outcome {
	c := newClip(parts...)
	v.line.SetSource(c)
	o := v.wait(c.done, 0, handle)
	if o != through {
		v.line.SetSource(nil)
	}
	return o
}

// farewellLimit is for a telephone that has us on hold and hears nothing.
const farewellLimit = 30 * time.Second

// farewell says why it is over.
func (v *visit) farewell(id announce.ID, outcome string) string {
	c := newClip(v.sound(id))
	v.line.SetSource(c)
	v.wait(c.done, farewellLimit, ignore)
	return outcome
}

// sound is an announcement, which is also written where the telephone has text.
func (v *visit) sound(id announce.ID) []int16 {
	v.write(v.language, id)
	return v.spoken(id)
}

func (v *visit) spoken(id announce.ID) []int16 { return v.s.cfg.Sounds.In(v.language, v.area, id) }

// heardVersion is the wording of the question that a choice answers.
func (v *visit) heardVersion() string {
	version := announce.Version
	if v.language == announce.English {
		version = announce.VersionEnglish
	}
	if v.line.HasText() {
		version += announce.InWriting
	}
	return version
}

// follow listens to what happens to the seat.
func (v *visit) follow() error {
	v.log = v.log.With("meeting_id", v.seat.MeetingID, "participant_id", v.seat.ParticipantID)
	device, _, _ := strings.Cut(v.seat.Key, ".")
	mine := v.seat.ParticipantID
	var err error
	v.events, err = bus.Listen(v.s.cfg.Bus, meetingv1.RoomSubject(v.seat.MeetingID), func(_ context.Context, e meetingv1.RoomEvent) {
		if e.Kind == meetingv1.EventEnded || e.Kind == meetingv1.EventMoved || e.To == mine && e.Device == device {
			v.post(news(e))
		}
	})
	return err
}

// heard takes an event over and reports whether there is something to do about it.
func (v *visit) heard(e news) bool {
	switch e.Kind {
	case meetingv1.EventEnded:
		v.me.State = stateOver
		return true
	case meetingv1.EventMoved: // the sound is asked for at once
		return true
	case meetingv1.EventNotice:
		if e.Notice != "told" {
			return false
		}
		v.next = announce.MeetingTold
		v.note(e.Text)
		return true
	case meetingv1.EventRoom:
		for _, p := range e.Meeting.Participants {
			if p.ID == v.seat.ParticipantID {
				changed := p.State != v.me.State || p.Muted != v.muted
				v.me = p
				return changed
			}
		}
	}
	return false
}

// leaveTries: the meeting finds out by itself, too, but later.
const leaveTries = 3

// end leaves the meeting and hangs up.
func (v *visit) end() {
	if v.given {
		return
	}
	if v.events != nil {
		_ = v.events.Unsubscribe() // the connection may be gone already
	}
	if v.seat.ParticipantID != "" {
		v.leave()
	}
	if err := v.line.HangUp(context.Background()); err != nil {
		v.log.Debug("hang up", "err", err)
	}
}

func (v *visit) leave() {
	if v.way == wayOut {
		v.report(meetingv1.LineFailed) // changes nothing but a call that nobody has told the end of
	}
	for range leaveTries {
		_, err := ask[meetingv1.Entry](v, meetingv1.LeaveSubject, v.seat)
		if err == nil || errs.KindOf(err) != errs.Unavailable {
			return
		}
	}
	v.log.Warn("the meeting is not told that a telephone is gone")
}

// report says how the line stands.
func (v *visit) report(line string) {
	if _, err := ask[meetingv1.Entry](v, meetingv1.LineSubject, meetingv1.LineReport{Seat: v.seat, Line: line}); err != nil {
		v.log.Warn("the meeting is not told how a line stands", "err", err)
	}
}

// loop plays a sound over and over.
func loop(s []int16) pcm.Reader { return pcm.NewClip(s, true) }
