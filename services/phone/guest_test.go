package phone

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// rightCode is the only one that the meeting of these tests knows.
const rightCode = "123456789"

// meetingDesk is the meeting service as telephones see it: one seat, whose state the test sets. It keeps what it was asked, sends
// a tone and keeps what it hears.
type meetingDesk struct {
	w      *world
	seat   meetingv1.SeatRef
	me     meetingv1.Participant
	codes  []meetingv1.DialInRequest
	knocks []meetingv1.KnockRequest
	acts   []string
	lines  []meetingv1.LineReport
	left   bool
	sounds int  // requests
	reads  bool // captions, as the last request says

	language string // of the seat's person

	session string
	silent  bool // nothing is sent
	typed   []meetingv1.Typed
	deaf    int    // so many pieces of text are not answered
	shown   uint64 // number of the last piece that was typed to the telephone
	heard   []int16
	lost    int64
}

// serveOnce serves a subject; on a slow machine the phone service asks again.
func serveOnce[Req, Resp any](w *world, svc micro.Service, subject string, f func(Req) (Resp, error)) error {
	once := new(bus.Once[Resp])
	return bus.Handle(w.bus, svc, subject, 16, func(ctx context.Context, r Req) (Resp, error) {
		return once.Do(ctx, func() (Resp, error) { return f(r) })
	})
}

func (w *world) meetingDesk() *meetingDesk {
	w.t.Helper()
	d := &meetingDesk{w: w, seat: meetingv1.SeatRef{MeetingID: "m-1", ParticipantID: "p-1", Key: "device.proof"}, me: meetingv1.Participant{ID: "p-1", State: meetingv1.Invited}}
	svc, err := w.bus.Service("meeting", "test")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, err := range []error{
		serveOnce(w, svc, meetingv1.DialInSubject, func(r meetingv1.DialInRequest) (rep meetingv1.DialInReply, _ error) {
			w.note(func() { d.codes = append(d.codes, r) })
			if r.Code != rightCode {
				return meetingv1.DialInReply{Problem: meetingv1.CodeWrong}, nil
			}
			return meetingv1.DialInReply{Seat: &d.seat, ServiceArea: "borgerservice", Transcript: true, Language: d.language}, nil
		}),
		serveOnce(w, svc, meetingv1.KnockSubject, func(r meetingv1.KnockRequest) (meetingv1.Entry, error) {
			return d.entry(func() {
				d.knocks = append(d.knocks, r)
				if d.me.State == meetingv1.Invited {
					d.me.State, d.me.Transcribe = meetingv1.InLobby, r.Transcribe
				}
			})
		}),
		serveOnce(w, svc, meetingv1.SoundSubject, func(r meetingv1.SoundRequest) (meetingv1.Entry, error) {
			return d.entry(func() { d.sounds++; d.reads = r.Captions; d.connect(r.Session) })
		}),
		serveOnce(w, svc, meetingv1.ActSubject, func(r meetingv1.ActRequest) (meetingv1.Entry, error) {
			return d.entry(func() {
				d.acts = append(d.acts, r.Action)
				switch r.Action {
				case meetingv1.ActMute, meetingv1.ActUnmute:
					d.me.Muted = r.Action == meetingv1.ActMute
				case meetingv1.ActTranscribe:
					yes := r.Value == "yes"
					d.me.Transcribe = &yes
				}
			})
		}),
		serveOnce(w, svc, meetingv1.LineSubject, func(r meetingv1.LineReport) (meetingv1.Entry, error) {
			return d.entry(func() {
				d.lines = append(d.lines, r)
				if r.Line == meetingv1.LineAnswered {
					d.me.State, d.me.Transcribe = meetingv1.InRoom, r.Transcribe
				}
			})
		}),
		serveOnce(w, svc, meetingv1.LeaveSubject, func(meetingv1.SeatRef) (meetingv1.Entry, error) {
			return d.entry(func() { d.left = true })
		}),
	} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return d
}

func (d *meetingDesk) entry(f func()) (e meetingv1.Entry, err error) {
	d.w.note(func() {
		f()
		e = meetingv1.Entry{Seat: d.seat, Me: d.me}
		if d.me.State == meetingv1.Removed {
			err = errs.E(errs.Denied, "", nil)
		}
	})
	return e, err
}

// connect begins a session, once. The world is locked.
func (d *meetingDesk) connect(session string) {
	if d.session == session {
		return
	}
	d.session = session
	nc := d.w.bus.NC
	sub, err := nc.Subscribe(meetingv1.UpSubject(session), func(m *nats.Msg) {
		var f audiov1.Frame
		if err := f.Decode(m.Data); err != nil {
			d.w.t.Errorf("up: %v", err)
			return
		}
		d.w.note(func() { d.heard = append(d.heard, f.PCM...); d.lost += int64(f.Lost) })
	})
	if err != nil {
		d.w.t.Error(err)
		return
	}
	text, err := nc.Subscribe(meetingv1.TextUpSubject(session), d.takeText)
	if err != nil {
		d.w.t.Error(err)
		return
	}
	ctx := d.w.t.Context()
	context.AfterFunc(ctx, func() { _, _ = sub.Unsubscribe(), text.Unsubscribe() })
	go func() {
		f := audiov1.Frame{PCM: mediatest.Tone(pcm.FrameSamples, pcm.Rate, 700, 8000)}
		tick := time.NewTicker(pcm.FrameDuration)
		defer tick.Stop()
		for {
			f.Epoch++
			d.w.mu.Lock()
			silent := d.silent
			d.w.mu.Unlock()
			if !silent {
				_ = nc.Publish(meetingv1.DownSubject(session), f.Append(nil)) // when the test is over
			}
			f.Position += pcm.FrameSamples
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
}

// move changes the seat and tells the telephone, as the meeting does.
func (d *meetingDesk) move(f func(*meetingv1.Participant)) {
	var m meetingv1.Meeting
	d.w.note(func() { f(&d.me); m.Participants = []meetingv1.Participant{d.me} })
	d.tell(meetingv1.RoomEvent{Kind: meetingv1.EventRoom, To: d.seat.ParticipantID, Device: "device", Meeting: &m})
}

func (d *meetingDesk) tell(e meetingv1.RoomEvent) {
	d.w.t.Helper()
	e.MeetingID = d.seat.MeetingID
	data, err := json.Marshal(e)
	if err != nil {
		d.w.t.Fatal(err)
	}
	if err := d.w.bus.NC.Publish(meetingv1.RoomSubject(d.seat.MeetingID), data); err != nil {
		d.w.t.Fatal(err)
	}
}

// until waits for a condition on the desk.
func (d *meetingDesk) until(what string, ok func() bool) {
	d.w.t.Helper()
	d.w.until(what, func() bool {
		d.w.mu.Lock()
		defer d.w.mu.Unlock()
		return ok()
	})
}

// pressing presses a key again and again until something has come of it: when exactly it counts, the telephone does not know.
func (d *meetingDesk) pressing(c *dialer.Call, key, what string, ok func() bool) {
	d.w.t.Helper()
	d.w.until(what, func() bool {
		d.w.mu.Lock()
		done := ok()
		d.w.mu.Unlock()
		if !done {
			if err := c.Press(d.w.t.Context(), key); err != nil {
				d.w.t.Fatalf("%s: %v", what, err)
			}
		}
		return done
	})
}

// talk checks that the telephone and the meeting hear each other.
func (d *meetingDesk) talk(c *dialer.Call) {
	d.w.t.Helper()
	c.Loop(mediatest.Tone(pcm.Rate, pcm.Rate, 440, 8000))
	d.until("the telephone in the meeting", func() bool {
		return mediatest.Goertzel(d.heard[max(0, len(d.heard)-8000):], pcm.Rate, 440) > 3000
	})
	d.w.until("the meeting at the telephone", func() bool {
		heard := c.Heard()
		return mediatest.Goertzel(heard[max(0, len(heard)-8000):], pcm.Rate, 700) > 3000
	})
}

// slowQuestions is a folder with short announcements, and questions that leave time for an answer.
func slowQuestions(t *testing.T) string {
	t.Helper()
	return "SAMTALE_ANNOUNCEMENTS=" + writeSoundsBut(t, 200*time.Millisecond, map[announce.ID]time.Duration{
		announce.MeetingAsk: time.Minute, announce.MeetingJoinAsk: time.Minute,
	})
}

// TestGuestCallsIn: a caller keys in a wrong code and the right one, answers, waits, is let in, is heard and hears, and has keys.
// The call itself is no conversation.
func TestGuestCallsIn(t *testing.T) {
	w := start(t, slowQuestions(t))
	d := w.meetingDesk()
	c, err := w.dialer(dialer.Config{User: "+4511223344"}).Dial(t.Context(), dialer.Options{To: w.uri("moede"), Record: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Press(t.Context(), "4711#"); err != nil {
		t.Fatal(err)
	}
	d.until("the wrong code", func() bool { return len(d.codes) == 1 && d.codes[0].Code == "4711" })
	if err := c.Press(t.Context(), rightCode); err != nil {
		t.Fatal(err)
	}
	d.until("the right code", func() bool { return len(d.codes) == 2 && d.codes[1].Code == rightCode })
	d.pressing(c, "1", "a knock with a yes", func() bool { return len(d.knocks) > 0 })
	w.mu.Lock()
	if k := d.knocks[0]; k.Transcribe == nil || !*k.Transcribe || k.Heard == "" {
		t.Errorf("knocked: %+v", k)
	}
	if q := d.codes[1]; q.Tail != "44" || strings.Contains(q.Caller, "1122") || q.Caller == "" {
		t.Errorf("the meeting is told of the caller: %+v", q)
	}
	w.mu.Unlock()
	d.pressing(c, "0", "help in the lobby", func() bool {
		return slices.ContainsFunc(d.knocks, func(k meetingv1.KnockRequest) bool { return k.Help })
	})
	d.move(func(p *meetingv1.Participant) { p.State = meetingv1.InRoom })
	d.until("sound", func() bool { return d.session != "" })
	d.talk(c)

	has := func(action string) func() bool { return func() bool { return slices.Contains(d.acts, action) } }
	for _, k := range []struct{ keys, action string }{{"1", meetingv1.ActMute}, {"*6", meetingv1.ActUnmute}, {"0", meetingv1.ActHand}, {"2", meetingv1.ActTranscribe}} {
		if err := c.Press(t.Context(), k.keys); err != nil {
			t.Fatal(err)
		}
		d.until(k.action+" by "+k.keys, has(k.action))
	}
	w.mu.Lock()
	asked := d.sounds
	w.mu.Unlock()
	d.move(func(p *meetingv1.Participant) { p.Muted = true }) // by who leads the meeting: the next key opens it
	d.until("the telephone has asked where it stands", func() bool { return d.sounds > asked+1 })
	if err := c.Press(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	d.until("the microphone open again", func() bool { return !d.me.Muted })
	d.tell(meetingv1.RoomEvent{Kind: meetingv1.EventEnded})
	select {
	case <-c.Ended():
	case <-time.After(2 * time.Minute):
		t.Fatal("the meeting is over, the call is not")
	}
	d.until("it has left", func() bool { return d.left })
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.started)+len(w.legs)+len(w.choices) != 0 {
		t.Errorf("the call is a conversation: %v %v %v", w.started, w.legs, w.choices)
	}
}

// TestGuestWaitsForTheMeeting: a meeting that is away for long is said to be, with a tone for the time; when it sounds again, it is heard.
func TestGuestWaitsForTheMeeting(t *testing.T) {
	w := start(t, slowQuestions(t))
	d := w.meetingDesk()
	c, err := w.dialer(dialer.Config{}).Dial(t.Context(), dialer.Options{To: w.uri("moede"), Record: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Press(t.Context(), rightCode); err != nil {
		t.Fatal(err)
	}
	d.pressing(c, "1", "a knock", func() bool { return len(d.knocks) > 0 })
	d.move(func(p *meetingv1.Participant) { p.State = meetingv1.InRoom })
	d.until("sound", func() bool { return d.session != "" })
	d.talk(c)
	w.note(func() { d.silent = true })
	w.until("a tone instead of the meeting", func() bool {
		heard := c.Heard()
		last := heard[max(0, len(heard)-8000):]
		return pcm.Level(last) > -50 && mediatest.Goertzel(last, pcm.Rate, 700) < 100
	})
	w.note(func() { d.silent = false })
	d.talk(c)
}

// TestGuestWithoutCode: three wrong codes end the call, and the meeting hears of nobody.
func TestGuestWithoutCode(t *testing.T) {
	w := start(t, slowQuestions(t))
	d := w.meetingDesk()
	c, err := w.dialer(dialer.Config{}).Dial(t.Context(), dialer.Options{To: w.uri("moede")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := c.Press(t.Context(), "99#"); err != nil && !dialer.IsEnded(err) {
			t.Fatal(err)
		}
		d.until("a code", func() bool { return len(d.codes) > i })
	}
	select {
	case <-c.Ended():
	case <-time.After(2 * time.Minute):
		t.Fatal("the call goes on")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(d.codes) != 3 || len(d.knocks) != 0 || d.left {
		t.Errorf("codes %+v, knocks %+v", d.codes, d.knocks)
	}
}

// TestGuestAsksForAPerson: who has no code keys 0, and goes on as a call to the service area that helps.
func TestGuestAsksForAPerson(t *testing.T) {
	for _, keys := range []string{"0#", "4711#0", "47*0"} {
		t.Run(keys, func(t *testing.T) {
			w := start(t, "SAMTALE_ANNOUNCEMENTS="+writeSoundsBut(t, 200*time.Millisecond, map[announce.ID]time.Duration{announce.Ask: 2 * time.Minute}))
			d := w.meetingDesk()
			c, err := w.dialer(dialer.Config{User: "+4511223344"}).Dial(t.Context(), dialer.Options{To: w.uri("moede")})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Press(t.Context(), keys); err != nil {
				t.Fatal(err)
			}
			var call callv1.Started
			w.until("a call to the area", func() bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				for _, s := range w.started {
					call = s
				}
				return call.ServiceArea == "borgerservice" && call.Channel == callv1.ChannelQueue
			})
			w.asked(call.ConversationID)
			if err := c.Press(t.Context(), "1"); err != nil { // the line is the call's
				t.Fatal(err)
			}
			w.choiceIs(call.ConversationID, true)
			if p := w.snapshot(call.ConversationID).Party; p.Number != "+4511223344" {
				t.Errorf("the caller is %+v", p)
			}
			w.hangUp(c)
			w.endOf(call.ConversationID)
			w.mu.Lock()
			defer w.mu.Unlock()
			if len(d.codes) != strings.Count(keys, "4711") || d.left {
				t.Errorf("the meeting was asked for %v, left: %v", d.codes, d.left)
			}
		})
	}
}

// TestGuestWithoutHelp: where nobody helps, 0 is a code like others. A # that comes after a whole code is none.
func TestGuestWithoutHelp(t *testing.T) {
	w := start(t, slowQuestions(t), "SAMTALE_MEETING_HELP=none")
	d := w.meetingDesk()
	c, err := w.dialer(dialer.Config{}).Dial(t.Context(), dialer.Options{To: w.uri("moede")})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Press(t.Context(), "0#987654321#"+rightCode); err != nil {
		t.Fatal(err)
	}
	d.until("three codes", func() bool { return len(d.codes) == 3 })
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.codes[0].Code != "0" || d.codes[1].Code != "987654321" || d.codes[2].Code != rightCode {
		t.Errorf("codes %+v", d.codes)
	}
}

// TestGuestIsCalled: a meeting has people called. Whoever takes it is asked, and is in with a key; the others' reason is told.
func TestGuestIsCalled(t *testing.T) {
	w := start(t, slowQuestions(t))
	d := w.meetingDesk()
	answered := make(chan *dialer.Call, 1)
	there := w.dialer(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { c.Keep(); answered <- c }})
	busy := w.dialer(dialer.Config{Local: "127.0.0.1"})
	bring := func(to string) error {
		_, err := ask[meetingv1.BringReply](w, meetingv1.BringSubject, meetingv1.BringRequest{Seat: d.seat, To: to, ServiceArea: "borgerservice", Transcript: true})
		return err
	}
	told := func(line string) func() bool {
		return func() bool {
			return slices.ContainsFunc(d.lines, func(r meetingv1.LineReport) bool { return r.Line == line })
		}
	}
	if err := bring("nobody"); errs.KindOf(err) != errs.Invalid {
		t.Errorf("no number: %v", err)
	}
	if err := bring("sip:x@" + busy.Addr()); err != nil {
		t.Fatal(err)
	}
	d.until("busy", told(meetingv1.LineBusy))
	if err := bring(w.uri("findes-ikke")); err != nil {
		t.Fatal(err)
	}
	d.until("no such number", told(meetingv1.LineWrong))

	if err := bring("sip:karl@" + there.Addr()); err != nil {
		t.Fatal(err)
	}
	c := <-answered
	d.pressing(c, "2", "in without a yes", told(meetingv1.LineAnswered))
	w.mu.Lock()
	if i := slices.IndexFunc(d.lines, func(r meetingv1.LineReport) bool { return r.Line == meetingv1.LineAnswered }); d.lines[i].Transcribe == nil || *d.lines[i].Transcribe {
		t.Errorf("told: %+v", d.lines[i])
	}
	w.mu.Unlock()
	d.until("sound", func() bool { return d.session != "" })
	d.talk(c)
	d.move(func(p *meetingv1.Participant) { p.State = meetingv1.Removed })
	select {
	case <-c.Ended():
	case <-time.After(2 * time.Minute):
		t.Fatal("who was taken out is still on the line")
	}

	d.move(func(p *meetingv1.Participant) { p.State = meetingv1.Invited })
	if err := bring("sip:karl@" + there.Addr()); err != nil {
		t.Fatal(err)
	}
	c = <-answered
	w.hangUp(c)
	d.until("who hangs up on the question does not want to come", told(meetingv1.LineRefused))
}
