package meeting

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// dialIn is the number to call for meetings in tests.
const dialIn = "+45 70 00 00 00"

// phone is a telephone as the phone service brings it: a seat, and sound over the bus. The test sends each frame itself.
type phone struct {
	w       *world
	seat    meetingv1.SeatRef
	session string
	tone    []int16

	alive context.CancelFunc // ends what shows that it is there

	mu     sync.Mutex
	number uint64
	at     int64
	frames int // with samples
	heard  []int16
}

func (w *world) withCodes() meetingv1.Meeting {
	w.t.Helper()
	return w.book(func(r *meetingv1.BookRequest) { r.Choices.DialIn = true })
}

// byPhone is a meeting with a citizen on a telephone, whom the host hears; all that they have said is at the recogniser.
func (w *world) byPhone() (meetingv1.Meeting, *guest, *phone) {
	w.t.Helper()
	m := w.withCodes()
	host := w.host(m).join()
	yes := true
	rep := w.dialIn(m.Participants[1].DialCode, "bente")
	get[meetingv1.Entry](w, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: *rep.Seat, Transcribe: &yes, Heard: "v7"})
	get[meetingv1.Meeting](w, meetingv1.AdmitSubject, meetingv1.AdmitRequest{
		MeetingID: m.ID, ParticipantID: rep.Seat.ParticipantID, Decision: meetingv1.Admit, Actor: mette,
	})
	p := w.connect(*rep.Seat)
	caller := &guest{seat: p.seat}
	w.until("what the telephone says at the host", func() bool { p.say(5, 0, 0); return host.hears(caller) > 20 })
	before, _ := p.sent()
	w.eventually("all of it at the recogniser", func() bool { return w.legOf(m.ID, rep.Seat.ParticipantID).clear == before })
	return m, host, p
}

func (w *world) dialIn(code, caller string) meetingv1.DialInReply {
	w.t.Helper()
	return get[meetingv1.DialInReply](w, meetingv1.DialInSubject, meetingv1.DialInRequest{
		Code: code, Device: "telephone-" + event.NewID(time.Now()), Caller: caller, Tail: "78",
	})
}

// sound asks for sound both ways.
func (p *phone) sound() (meetingv1.Entry, error) {
	return ask[meetingv1.Entry](p.w, meetingv1.SoundSubject, meetingv1.SoundRequest{Seat: p.seat, Session: p.session})
}

// phone is a telephone without sound yet.
func (w *world) phone(seat meetingv1.SeatRef) *phone {
	return &phone{w: w, seat: seat, session: event.NewID(time.Now()), tone: mediatest.Tone(pcm.FrameSamples, pcm.Rate, 450, 8000)}
}

// connect begins a session; what the telephone hears is kept.
func (w *world) connect(seat meetingv1.SeatRef) *phone {
	w.t.Helper()
	p := w.phone(seat)
	_, err := w.bus.NC.Subscribe(meetingv1.DownSubject(p.session), func(m *nats.Msg) {
		var f audiov1.Frame
		if err := f.Decode(m.Data); err != nil {
			w.t.Errorf("down: %v", err)
			return
		}
		w.note(func() {
			p.mu.Lock()
			p.heard = append(p.heard, f.PCM...)
			p.mu.Unlock()
		})
	})
	w.must(err)
	e, err := p.sound()
	w.must(err)
	if e.Me.State != meetingv1.InRoom {
		w.t.Fatalf("with sound: %+v", e.Me)
	}
	p.live()
	return p
}

// live shows that the telephone is there: however slow the machine is, it is not taken for gone.
func (p *phone) live() {
	ctx, cancel := context.WithCancel(p.w.t.Context())
	p.alive = cancel
	go func() {
		for ctx.Err() == nil {
			p.send(nil, 0)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
}

// send sends a frame.
func (p *phone) send(samples []int16, lost int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number++
	f := audiov1.Frame{Epoch: p.number, Position: p.at, PCM: samples, Lost: uint32(lost)}
	if lost > 0 {
		f.Flags = audiov1.FlagLost
	}
	_ = p.w.bus.NC.Publish(meetingv1.UpSubject(p.session), f.Append(nil)) // when the test has ended
	p.at += int64(len(samples))
	if len(samples) > 0 {
		p.frames++
	}
}

// sent is how much it has said: samples with those that were skipped, and frames.
func (p *phone) sent() (at int64, frames int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at, p.frames
}

// skip leaves samples out, and messages.
func (p *phone) skip(samples int64, messages uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at += samples
	p.number += messages
}

// say sends frames of the tone. Before the first lie skipped samples, of which lost are lost.
func (p *phone) say(frames int, skipped, lost int64) {
	p.skip(skipped, 0)
	for range frames {
		p.send(p.tone, lost)
		lost = 0
	}
}

// leg is what the recogniser has of a participant's sound.
func (w *world) legOf(meeting, participant string) (h heard) {
	id := ""
	for _, p := range get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: meeting, Actor: mette}).Participants {
		if p.ID == participant {
			id = p.LegID
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.heard[id]; l != nil {
		return *l
	}
	return heard{}
}

// TestTelephoneByCode: wrong codes are limited; who has the right one waits in the lobby, is let in, is heard and hears, and is
// written down to the sample.
func TestTelephoneByCode(t *testing.T) {
	w := newWorld(t)
	m := w.withCodes()
	citizen := m.Participants[1]
	if m.DialNumber != dialIn || len(citizen.DialCode) != 9 || m.Participants[0].DialCode != "" {
		t.Fatalf("booked: %+v", m)
	}
	host := w.host(m).join()
	companion := w.admitted(m, 2, "Ole", false)
	for i := range 10 {
		if rep := w.dialIn("100000000", "guesser"); rep.Problem != meetingv1.CodeWrong {
			t.Fatalf("wrong code %d: %+v", i, rep)
		}
	}
	if rep := w.dialIn(citizen.DialCode, "guesser"); rep.Problem != meetingv1.CodeLimited {
		t.Errorf("the right code after many wrong ones: %+v", rep)
	}
	rep := w.dialIn(citizen.DialCode, "bente")
	if rep.Seat == nil || !rep.Transcript || rep.ServiceArea != "a" {
		t.Fatalf("the right code: %+v", rep)
	}
	yes := true
	e := get[meetingv1.Entry](w, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: *rep.Seat, Transcribe: &yes, Heard: "v7", Help: true})
	if e.Me.State != meetingv1.InLobby || !e.Me.ByPhone || !e.Me.Hand {
		t.Errorf("knocked: %+v", e.Me)
	}
	if _, err := ask[meetingv1.Entry](w, meetingv1.SoundSubject, meetingv1.SoundRequest{Seat: *rep.Seat, Session: "s"}); errs.KindOf(err) != errs.Denied {
		t.Errorf("sound in the lobby: %v", err)
	}
	get[meetingv1.Meeting](w, meetingv1.AdmitSubject, meetingv1.AdmitRequest{
		MeetingID: m.ID, ParticipantID: citizen.ID, Decision: meetingv1.Admit, Actor: mette,
	})
	p := w.connect(*rep.Seat)
	caller := &guest{seat: p.seat}
	w.until("what the telephone says at the host", func() bool {
		p.say(5, 0, 0)
		return host.hears(caller) > 20
	})
	w.until("what the host says at the telephone", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.heard) > pcm.Rate
	})
	w.until("the choice", func() bool {
		return len(w.choices) > 0 && w.choices[0].How == consentv1.HowDTMF && w.choices[0].TextVersion == "t-1+v7" && w.choices[0].Value
	})

	p.say(10, 3200, 0)    // a pause
	p.say(10, 6400, 1600) // a pause with a loss in it
	p.skip(4*320, 4)      // messages that did not come
	p.say(10, 0, 0)
	said, _ := p.sent() // all of it is accounted for
	lost := int64(1600 + 4*320)
	await := func(what string, ok func(heard) bool) {
		t.Helper()
		for limit := time.After(patience); ; {
			if ok(w.legOf(m.ID, citizen.ID)) {
				return
			}
			select {
			case <-limit:
				t.Fatalf("%s: %+v of %d", what, w.legOf(m.ID, citizen.ID), said)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	await("the leg to the sample", func(h heard) bool { return h.missing == lost && h.clear+h.missing == said })

	get[meetingv1.Entry](w, meetingv1.ActSubject, meetingv1.ActRequest{Seat: p.seat, Action: meetingv1.ActMute})
	_, open := p.sent()
	p.say(20, 0, 0)
	said, _ = p.sent()
	await("time goes on while it is muted", func(h heard) bool { return h.clear+h.missing == said })
	get[meetingv1.Entry](w, meetingv1.ActSubject, meetingv1.ActRequest{Seat: p.seat, Action: meetingv1.ActUnmute})
	p.say(10, 0, 0)
	said, _ = p.sent()
	await("what is said after that", func(h heard) bool { return h.clear+h.missing == said })
	if n := host.hears(caller); n > open+10 {
		t.Errorf("a muted telephone is heard: %d packets of %d frames", n, open+10)
	}

	get[meetingv1.Entry](w, meetingv1.ActSubject, meetingv1.ActRequest{Seat: p.seat, Action: meetingv1.ActTranscribe, Value: "no"})
	p.say(10, 0, 0)
	await("who takes the yes back is not written down", func(h heard) bool { return h.masked == 10*320 })

	w.mu.Lock()
	for _, e := range w.events {
		if e.To != companion.seat.ParticipantID || e.Meeting == nil {
			continue
		}
		for _, o := range e.Meeting.Participants {
			if o.Tail != "" || o.DialCode != "" {
				t.Errorf("another participant is told %+v", o)
			}
		}
	}
	w.mu.Unlock()
	if got := w.participant(m.ID, citizen.ID); got.Tail != "78" || got.Line != "" {
		t.Errorf("who leads the meeting sees %+v", got)
	}
	get[meetingv1.Entry](w, meetingv1.LineSubject, meetingv1.LineReport{Seat: p.seat, Line: meetingv1.LineHeld})
	if got := w.participant(m.ID, citizen.ID); got.Line != meetingv1.LineHeld {
		t.Errorf("on hold: %+v", got)
	}
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, p.seat)
	if got := w.participant(m.ID, citizen.ID); got.State != meetingv1.Left || got.Line != "" {
		t.Errorf("hung up: %+v", got)
	}
	if _, err := p.sound(); errs.KindOf(err) != errs.Denied {
		t.Errorf("sound after hanging up: %v", err)
	}
	host.act(meetingv1.ActEnd, "", "")
	end := w.over(m.ID)
	said, _ = p.sent()
	for _, l := range end.Legs {
		if l.Role == "citizen" && l.Samples != said {
			t.Errorf("the leg has %d samples, not %d", l.Samples, said)
		}
	}
	if rep := w.dialIn(citizen.DialCode, "bente"); rep.Problem != meetingv1.CodeOver {
		t.Errorf("the code after the end: %+v", rep)
	}
}

// TestTelephoneGone: a telephone of which nothing is heard any more is shown as gone; when its service is back, so is it.
func TestTelephoneGone(t *testing.T) {
	w := newWorld(t)
	m := w.withCodes()
	w.host(m).join()
	rep := w.dialIn(m.Participants[1].DialCode, "bente")
	get[meetingv1.Entry](w, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: *rep.Seat})
	get[meetingv1.Meeting](w, meetingv1.AdmitSubject, meetingv1.AdmitRequest{
		MeetingID: m.ID, ParticipantID: rep.Seat.ParticipantID, Decision: meetingv1.Admit, Actor: mette,
	})
	p := w.connect(*rep.Seat)
	p.say(5, 0, 0)
	p.alive()
	shown := func() meetingv1.Participant { return w.participant(m.ID, p.seat.ParticipantID) }
	for limit := time.After(patience); shown().State != meetingv1.Left; {
		select {
		case <-limit:
			t.Fatalf("a silent telephone: %+v", shown())
		case <-time.After(200 * time.Millisecond):
		}
	}
	if got := shown(); got.Line != meetingv1.LineLost {
		t.Errorf("gone: %+v", got)
	}
	if e, err := p.sound(); err != nil || e.Me.State != meetingv1.InRoom || e.Me.Line != "" {
		t.Errorf("back: %+v %v", e.Me, err)
	}
}

// TestTelephoneAsksTwice: a telephone that asks for its sound again before it has an answer has it once.
func TestTelephoneAsksTwice(t *testing.T) {
	w := newWorld(t)
	m := w.book(func(r *meetingv1.BookRequest) { // to begin its recording takes the first one a moment
		r.Choices.DialIn, r.Choices.Recording, r.Choices.Basis = true, true, "art. 6"
	})
	rep := w.dialIn(m.Participants[1].DialCode, "bente")
	get[meetingv1.Entry](w, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: *rep.Seat})
	get[meetingv1.Meeting](w, meetingv1.AdmitSubject, meetingv1.AdmitRequest{
		MeetingID: m.ID, ParticipantID: rep.Seat.ParticipantID, Decision: meetingv1.Admit, Actor: mette,
	})
	p := w.phone(*rep.Seat)
	p.live()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := p.sound(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	host, caller := w.host(m).join(), &guest{seat: p.seat}
	w.until("what the telephone says at the host", func() bool { p.say(5, 0, 0); return host.hears(caller) > 20 })
	said, _ := p.sent()
	if h := w.legOf(m.ID, p.seat.ParticipantID); h.length() > said {
		t.Errorf("%d samples are heard as %d", said, h.length())
	}
}

// exchange is a phone service that is asked to call people.
func (w *world) exchange() <-chan meetingv1.BringRequest {
	w.t.Helper()
	asked := make(chan meetingv1.BringRequest, 4)
	svc, err := w.bus.Service("phone", "test")
	w.must(err)
	w.must(bus.Handle(w.bus, svc, meetingv1.BringSubject, 4, func(_ context.Context, r meetingv1.BringRequest) (meetingv1.BringReply, error) {
		if strings.HasPrefix(r.To, "x") {
			return meetingv1.BringReply{}, errs.E(errs.Invalid, "Skriv et telefonnummer eller en SIP-adresse.", nil)
		}
		asked <- r
		return meetingv1.BringReply{}, nil
	}))
	return asked
}

// TestTelephoneCalled: who leads the meeting has somebody called, hears what came of it, and whoever says yes is in. Nobody else
// sees the number, and nothing is written down of who says no.
func TestTelephoneCalled(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host := w.host(m).join()
	companion := w.admitted(m, 2, "Ole", false)
	dial := func(g *guest, target, number string) (meetingv1.Entry, error) {
		return ask[meetingv1.Entry](w, meetingv1.ActSubject, meetingv1.ActRequest{
			Seat: g.seat, Action: meetingv1.ActDial, Target: target, Value: number, Name: "Karl", Role: meetingv1.RoleCitizen,
		})
	}
	if _, err := dial(host, "", "+4512345678"); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("without a phone service: %v", err)
	}
	asked := w.exchange()
	if _, err := dial(companion, "", "+4512345678"); errs.KindOf(err) != errs.Denied {
		t.Errorf("a companion calls: %v", err)
	}
	if _, err := dial(host, "", "x"); errs.KindOf(err) != errs.Invalid {
		t.Errorf("no number: %v", err)
	}
	if n := len(get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette}).Participants); n != 4 {
		t.Errorf("who was not called is there: %d participants", n)
	}
	e, err := dial(host, "", "+4512345678")
	w.must(err)
	call := <-asked
	if call.To != "+4512345678" || call.ServiceArea != "a" || !call.Transcript {
		t.Errorf("asked to call: %+v", call)
	}
	seen := func(e meetingv1.Entry) meetingv1.Participant {
		return e.Meeting.Participants[len(e.Meeting.Participants)-1]
	}
	if p := seen(e); p.Line != meetingv1.LineRinging || p.Tail != "78" || p.Phone != "" || p.Name != "Karl" {
		t.Errorf("while it rings the host sees %+v", p)
	}
	report := func(line string, transcribe *bool) (meetingv1.Entry, error) {
		return ask[meetingv1.Entry](w, meetingv1.LineSubject, meetingv1.LineReport{Seat: call.Seat, Line: line, Transcribe: transcribe})
	}
	_, err = report(meetingv1.LineBusy, nil)
	w.must(err)
	if p := w.participant(m.ID, call.Seat.ParticipantID); p.Line != meetingv1.LineBusy {
		t.Errorf("busy: %+v", p)
	}
	no := false
	if _, err := report(meetingv1.LineAnswered, &no); errs.KindOf(err) != errs.Denied {
		t.Errorf("an answer after the end of the call: %v", err)
	}
	old := call.Seat
	_, err = dial(host, call.Seat.ParticipantID, "")
	w.must(err)
	if call = <-asked; call.To != "+4512345678" || call.Seat.ParticipantID != old.ParticipantID || call.Seat.Key == old.Key {
		t.Errorf("called again: %+v", call)
	}
	if e, err = report(meetingv1.LineAnswered, &no); err != nil || e.Me.State != meetingv1.InRoom || !e.Me.ByPhone {
		t.Fatalf("answered: %+v %v", e.Me, err)
	}
	if _, err := dial(host, call.Seat.ParticipantID, ""); errs.KindOf(err) != errs.Conflict {
		t.Errorf("called while in the meeting: %v", err)
	}
	p := w.connect(call.Seat)
	p.say(50, 0, 0)
	for limit := time.After(patience); ; {
		h := w.legOf(m.ID, call.Seat.ParticipantID)
		if h.masked == 50*320 && h.clear == 0 {
			break
		}
		select {
		case <-limit:
			t.Fatalf("of who said no: %+v", h)
		case <-time.After(50 * time.Millisecond):
		}
	}
	host.act(meetingv1.ActRemove, call.Seat.ParticipantID, "")
	if _, err := p.sound(); errs.KindOf(err) != errs.Denied {
		t.Errorf("sound of who was taken out: %v", err)
	}
	w.mu.Lock()
	all, err := json.Marshal(w.events)
	w.mu.Unlock()
	w.must(err)
	own, err := json.Marshal(get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette}))
	w.must(err)
	if strings.Contains(string(all)+string(own), "12345678") {
		t.Error("the number is told")
	}
}
