package room

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	limit "golang.org/x/time/rate"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/setups"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Telephones. The phone service has a seat for each, as a browser has, and calls are its own affair: what is decided here is who a
// code is for, who is called and let in, and what sounds (phone_sound.go).

// tries limits wrong codes, by caller.
type tries struct {
	mu  sync.Mutex
	all map[string]*limit.Limiter
}

const (
	// wrongCodes is how many wrong codes a caller has in an hour. All who withhold their number share theirs.
	wrongCodes = 10
	withheld   = 60
	maxCallers = 10000
	// ringFor is how long a telephone can be ringing: then its caller has died without saying so.
	ringFor = 2 * time.Minute
)

func (t *tries) of(caller string) *limit.Limiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.all[caller]
	if l != nil {
		return l
	}
	if t.all == nil || len(t.all) >= maxCallers {
		t.all = map[string]*limit.Limiter{}
	}
	n := wrongCodes
	if caller == "" {
		n = withheld
	}
	l = limit.NewLimiter(limit.Every(time.Hour/time.Duration(n)), n)
	t.all[caller] = l
	return l
}

// DialIn gives a caller the seat that a code is for. It is as good as the link: a place in the lobby.
func (h *Hall) DialIn(ctx context.Context, r meetingv1.DialInRequest) (meetingv1.DialInReply, error) {
	if len(r.Device) < 16 || len(r.Caller) > 64 {
		return meetingv1.DialInReply{}, errs.E(errs.Invalid, "", nil)
	}
	caller := h.tries.of(r.Caller)
	if caller.Tokens() < 1 {
		return meetingv1.DialInReply{Problem: meetingv1.CodeLimited}, nil
	}
	rec, id, err := h.Book.OpenByCode(ctx, r.Code)
	switch {
	case errors.Is(err, errs.NotFound) && rec.ID == "":
		caller.Allow()
		return meetingv1.DialInReply{Problem: meetingv1.CodeWrong}, nil
	case errors.Is(err, errs.NotFound):
		return meetingv1.DialInReply{Problem: meetingv1.CodeOver}, nil
	case err != nil:
		return meetingv1.DialInReply{}, err
	case h.Book.Early(rec):
		return meetingv1.DialInReply{Problem: meetingv1.CodeEarly}, nil
	}
	device := booking.Device(r.Device)
	_, err = h.Book.Update(ctx, rec.ID, "entered", id, func(rec *booking.Record) error {
		s := rec.Seats[id]
		if _, known := s.Lines[device]; known {
			return booking.ErrUnchanged
		}
		s.Remember(device, booking.Line{Tail: tail(r.Tail)})
		rec.Seats[id] = s
		return nil
	})
	if err != nil {
		return meetingv1.DialInReply{}, err
	}
	return meetingv1.DialInReply{
		Seat: h.seatOf(rec.ID, id, device), ServiceArea: rec.ServiceArea, Transcript: rec.Choices.Transcript, Language: rec.Participant(id).Language,
	}, nil
}

func (h *Hall) seatOf(meeting, participant, device string) *meetingv1.SeatRef {
	return &meetingv1.SeatRef{MeetingID: meeting, ParticipantID: participant, Key: booking.Key(h.Master, meeting, participant, device)}
}

// tail is the last two digits of a number, if it ends in digits; of a SIP address its user's.
func tail(number string) string {
	if _, address, ok := strings.Cut(number, ":"); ok {
		number, _, _ = strings.Cut(address, "@")
	}
	number = strings.ReplaceAll(number, " ", "")
	if len(number) < 2 || strings.Trim(number[len(number)-2:], "0123456789") != "" {
		return ""
	}
	return number[len(number)-2:]
}

// shown is what one participant may see of another's number: two digits if it leads the meeting, nothing else. Of those who are not
// there they say that one can call them, so the number must be known here.
func shown(me *meetingv1.Participant, p meetingv1.Participant) string {
	switch {
	case !moderates(me):
		return ""
	case p.Phone != "" && !in(p.State) && p.State != meetingv1.InLobby:
		return tail(p.Phone)
	case in(p.State) || p.State == meetingv1.InLobby:
		return p.Tail
	}
	return ""
}

// dial has somebody called: a participant who has not come, or somebody new.
func (h *Hall) dial(ctx context.Context, rec booking.Record, me *meetingv1.Participant, q meetingv1.ActRequest) (meetingv1.Entry, error) {
	if !moderates(me) {
		return meetingv1.Entry{}, errs.E(errs.Denied, "Det kan kun den, der leder mødet.", nil)
	}
	device, target, number, fresh := booking.Device(rand.Text()), q.Target, "", q.Target == me.ID
	rec, err := h.Book.UpdateWith(ctx, rec.ID, "moderated", "", func(rec *booking.Record) error {
		p := rec.Participant(target)
		if fresh {
			var err error
			if p, err = newcomer(rec, q, h.Now()); err != nil {
				return err
			}
			target = p.ID
		}
		if p == nil {
			return errs.E(errs.NotFound, "Deltageren er ikke længere med.", nil)
		}
		if in(p.State) || line(*p, h.Now()) == meetingv1.LineRinging {
			return errs.E(errs.Conflict, "Deltageren er allerede med eller bliver ringet op.", nil)
		}
		if number = strings.TrimSpace(q.Value); number == "" {
			number = p.Phone
		}
		if number == "" || len(number) > 100 {
			return errs.E(errs.Invalid, "Skriv et telefonnummer.", nil)
		}
		s := rec.Seats[p.ID]
		p.Phone, p.Line, p.Since, s.Device = number, meetingv1.LineRinging, h.Now(), device
		if p.State != meetingv1.InLobby {
			p.State = meetingv1.Invited
		}
		s.Remember(device, booking.Line{Tail: tail(number)})
		rec.Seats[p.ID] = s
		return nil
	}, func(tx *store.Tx, rec booking.Record) error { return h.log(ctx, tx, rec, me, led(me, q)) })
	if err != nil {
		return meetingv1.Entry{}, err
	}
	_, err = bus.Request[meetingv1.BringReply](ctx, h.Bus, meetingv1.BringSubject, meetingv1.BringRequest{
		Seat: *h.seatOf(rec.ID, target, device), To: number, ServiceArea: rec.ServiceArea, Transcript: rec.Choices.Transcript,
		Language: rec.Participant(target).Language,
	})
	if err != nil {
		h.notCalled(ctx, rec.ID, target, fresh)
		return meetingv1.Entry{}, err
	}
	h.announce(rec)
	mine, _ := booking.CheckKey(h.Master, q.Seat)
	return h.entry(ctx, rec, me.ID, mine)
}

// newcomer adds somebody who is called and was not invited.
func newcomer(rec *booking.Record, q meetingv1.ActRequest, now time.Time) (*meetingv1.Participant, error) {
	name, role := strings.TrimSpace(q.Name), q.Role
	if role == "" {
		role = meetingv1.RoleCompanion
	}
	switch {
	case name == "" || utf8.RuneCountInString(name) > 120:
		return nil, errs.E(errs.Invalid, "Skriv, hvem du ringer op.", nil)
	case role == meetingv1.RoleCaseworker || !setups.KnownRole(role):
		return nil, errs.E(errs.Invalid, "Vælg, hvilken rolle personen har i mødet.", nil)
	case rec.Full():
		return nil, errs.E(errs.Limited, "Mødet er fuldt.", nil)
	}
	p := meetingv1.Participant{ID: event.NewID(now), Role: role, Name: name, State: meetingv1.Invited, Since: now}
	rec.Participants = append(rec.Participants, p)
	rec.Seats[p.ID] = booking.Seat{Secret: rand.Text()}
	return rec.Participant(p.ID), nil
}

// notCalled takes back a call that the phone service did not take.
func (h *Hall) notCalled(ctx context.Context, meeting, participant string, fresh bool) {
	rec, err := h.Book.Update(context.WithoutCancel(ctx), meeting, "moderated", participant, func(rec *booking.Record) error {
		p := rec.Participant(participant)
		if p == nil || p.Line != meetingv1.LineRinging {
			return booking.ErrUnchanged
		}
		if fresh {
			rec.Remove(participant)
			return nil
		}
		p.Line = meetingv1.LineFailed
		return nil
	})
	if err != nil {
		h.Log.Warn("a call that is none is shown as one", "meeting_id", meeting, "participant_id", participant, "err", err)
		return
	}
	h.announce(rec)
}

// line is how a participant's telephone stands now.
func line(p meetingv1.Participant, now time.Time) string {
	if p.Line == meetingv1.LineRinging && now.Sub(p.Since) > ringFor {
		return meetingv1.LineFailed
	}
	return p.Line
}

// Line takes what the phone service says of a line. Whoever was called and wants to come in is in.
func (h *Hall) Line(ctx context.Context, q meetingv1.LineReport) (meetingv1.Entry, error) {
	rec, me, err := h.seat(ctx, q.Seat, false)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	device, _ := booking.CheckKey(h.Master, q.Seat)
	entered := false
	rec, err = h.Book.Update(ctx, rec.ID, "line", me.ID, func(rec *booking.Record) error {
		p := rec.Participant(me.ID)
		if p == nil || rec.Seats[me.ID].Device != device {
			return errs.E(errs.Denied, "Du er ikke længere med i mødet.", nil)
		}
		entered = false
		if q.Line != meetingv1.LineAnswered {
			return lineState(p, q.Line, h.Now())
		}
		var err error
		entered, err = answered(rec, p, device, q.Transcribe, h.Now())
		return err
	})
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if entered && q.Transcribe != nil {
		h.choose(ctx, rec, rec.Participant(me.ID), *q.Transcribe, q.Heard)
	}
	h.announce(rec)
	return h.entry(ctx, rec, me.ID, device)
}

// answered lets in who was called. Whoever waits in the lobby by the same link waits on.
func answered(rec *booking.Record, p *meetingv1.Participant, device string, transcribe *bool, now time.Time) (entered bool, err error) {
	switch {
	case in(p.State):
		return false, booking.ErrUnchanged
	case p.State == meetingv1.Removed || p.Line != meetingv1.LineRinging:
		return false, errs.E(errs.Denied, "Du er ikke længere med i mødet.", nil)
	}
	s := rec.Seats[p.ID]
	assume(p, s, device)
	p.State, p.Since, p.Transcribe, p.Again = meetingv1.InRoom, now, transcribe, s.Knocks != ""
	return true, nil
}

func lineState(p *meetingv1.Participant, line string, now time.Time) error {
	switch line {
	case "", meetingv1.LineHeld:
		if !in(p.State) {
			return booking.ErrUnchanged
		}
	case meetingv1.LineBusy, meetingv1.LineNoAnswer, meetingv1.LineWrong, meetingv1.LineRefused, meetingv1.LineFailed:
		if p.Line != meetingv1.LineRinging {
			return booking.ErrUnchanged
		}
		p.Since = now
	default:
		return errs.E(errs.Invalid, "", nil)
	}
	p.Line = line
	return nil
}
