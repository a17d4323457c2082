package room

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Enter opens a link: who it is for, what the meeting is, and the key to the seat.
func (h *Hall) Enter(ctx context.Context, r meetingv1.EnterRequest) (meetingv1.Entry, error) {
	if r.Token {
		return h.enterByToken(ctx, r)
	}
	if len(r.Device) < 16 {
		return meetingv1.Entry{}, errs.E(errs.Invalid, "Åbn linket igen. Browseren skal tillade cookies på denne side.", nil)
	}
	rec, id, err := h.Book.Open(ctx, r.MeetingID, r.Secret)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	device := booking.Device(r.Device)
	need := false
	rec, err = h.Book.Update(ctx, rec.ID, "entered", id, func(rec *booking.Record) error {
		p := rec.Participant(id)
		if p == nil {
			return errs.E(errs.NotFound, "Du er ikke længere med i mødet.", nil)
		}
		var changed bool
		changed, need = identify(rec, p, r.Login, h.Book.Now())
		if !changed {
			return booking.ErrUnchanged
		}
		return nil
	})
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if host(rec, rec.Participant(id), r.Login) {
		rec, err = h.seatHost(ctx, rec.ID, id, device)
		if err != nil {
			return meetingv1.Entry{}, err
		}
	}
	return h.entry(ctx, rec, id, device, need)
}

// identify takes over who is logged in. It never takes an identity away: the same link without login stays what it was on the
// device that was admitted, and is a guest on another.
func identify(rec *booking.Record, p *meetingv1.Participant, l *meetingv1.Login, now time.Time) (changed, need bool) {
	if l != nil && l.Role == "citizen" && p.Role != meetingv1.RoleCaseworker && rank(l.Level) > rank(p.Verified) {
		p.Verified, p.Name, p.OnBehalfOf, changed = l.Level, l.Name, l.OnBehalfOf, true
	}
	need = rec.Identity != "" && p.Role == meetingv1.RoleCitizen && rank(p.Verified) < rank(rec.Identity)
	return changed, need
}

func rank(level string) int {
	return slices.Index([]string{meetingv1.LevelNone, meetingv1.LevelLow, meetingv1.LevelSubstantial, meetingv1.LevelHigh}, level)
}

// host tells whether a caseworker has come by an own link, logged in.
func host(rec booking.Record, p *meetingv1.Participant, l *meetingv1.Login) bool {
	return p != nil && p.Role == meetingv1.RoleCaseworker && l != nil && l.Role == "caseworker" &&
		(p.User == l.Subject || p.User == "" && rec.CreatedBy == l.Subject)
}

// seatHost lets a caseworker in without a lobby.
func (h *Hall) seatHost(ctx context.Context, meeting, id, device string) (booking.Record, error) {
	return h.Book.Update(ctx, meeting, "admitted", id, func(rec *booking.Record) error {
		p, s := rec.Participant(id), rec.Seats[id]
		if in(p.State) && s.Device == device {
			return booking.ErrUnchanged
		}
		p.State, p.Since, s.Device = meetingv1.InRoom, h.Now(), device
		rec.Seats[id] = s
		return nil
	})
}

// enterByToken seats the bearer of a room's token: a program or a tester, not a person with a link.
func (h *Hall) enterByToken(ctx context.Context, r meetingv1.EnterRequest) (meetingv1.Entry, error) {
	if r.Login == nil || r.Login.Subject == "" {
		return meetingv1.Entry{}, errs.E(errs.Unauthenticated, "", nil)
	}
	device, id := booking.Device("token:"+r.Device), ""
	rec, err := h.Book.Update(ctx, r.MeetingID, "admitted", "", func(rec *booking.Record) error {
		if rec.State != meetingv1.Booked && rec.State != meetingv1.Live {
			return errs.E(errs.NotFound, "Mødet er slut.", nil)
		}
		for pid, s := range rec.Seats {
			if s.Device == device {
				id = pid
				return booking.ErrUnchanged
			}
		}
		if len(rec.Participants) >= booking.MaxParticipants {
			return errs.E(errs.Limited, "Mødet er fuldt.", nil)
		}
		p := meetingv1.Participant{
			ID: event.NewID(h.Now()), Role: meetingv1.RoleExpert, Name: r.Login.Name, State: meetingv1.InRoom, Since: h.Now(),
		}
		switch r.Login.Role {
		case "caseworker":
			p.Role, p.User = meetingv1.RoleCaseworker, r.Login.Subject
		case "citizen":
			p.Role = meetingv1.RoleCitizen
		}
		id = p.ID
		rec.Participants = append(rec.Participants, p)
		rec.Seats[id] = booking.Seat{Device: device}
		return nil
	})
	if err != nil {
		return meetingv1.Entry{}, err
	}
	return h.entry(ctx, rec, id, device, false)
}

// entry is what a participant gets to know.
func (h *Hall) entry(ctx context.Context, rec booking.Record, id, device string, need bool) (meetingv1.Entry, error) {
	area, err := h.Area(ctx, rec.ServiceArea)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	p := *rec.Participant(id)
	if rec.Seats[id].Device != device && in(p.State) {
		p.State = meetingv1.Invited // the link is in use on another device: this one must knock
	}
	place, wait := queue(rec, id, h.Now())
	p.Place, p.WaitMins = place, wait
	e := meetingv1.Entry{
		Seat: meetingv1.SeatRef{MeetingID: rec.ID, ParticipantID: id, Key: booking.Key(h.Master, rec.ID, id, device)},
		Me:   p, Meeting: public(rec, &p), AreaName: area.Name, Purpose: area.Purpose, NeedLogin: need, CanAct: moderates(&p),
	}
	e.Me.Email, e.Me.Phone, e.Me.Link = "", "", ""
	if in(p.State) {
		e.ICEServers = h.ice(id)
	}
	return e, nil
}

// turnFor is how long a participant's TURN credentials work.
const turnFor = 12 * time.Hour

func (h *Hall) ice(participant string) []meetingv1.ICEServer {
	out := slices.Clone(h.ICE)
	if s, ok := h.SFU.TURN(participant, turnFor); ok {
		out = append(out, meetingv1.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	return out
}

// queue is the place of who waits, from 1, and the wait to expect: until the start, and then a few minutes for each before.
func queue(rec booking.Record, id string, now time.Time) (place, minutes int) {
	me := rec.Participant(id)
	if me == nil || me.State != meetingv1.InLobby {
		return 0, 0
	}
	place = 1
	for _, p := range rec.Participants {
		if p.State == meetingv1.InLobby && p.ID != id && p.Since.Before(me.Since) {
			place++
		}
	}
	if until := rec.StartsAt.Sub(now); until > 0 {
		minutes = int((until + time.Minute - 1) / time.Minute)
	}
	return place, minutes + place - 1
}

// Knock brings a participant into the lobby, with name, choice and what the device check found.
func (h *Hall) Knock(ctx context.Context, r meetingv1.KnockRequest) (meetingv1.Entry, error) {
	rec, me, err := h.seat(ctx, r.Seat, false)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	device, _ := booking.CheckKey(h.Master, r.Seat)
	need := rec.Identity != "" && me.Role == meetingv1.RoleCitizen && rank(me.Verified) < rank(rec.Identity)
	switch {
	case need:
		return h.entry(ctx, rec, me.ID, device, true)
	case me.State == meetingv1.Removed:
		return meetingv1.Entry{}, errs.E(errs.Denied, "Du er taget ud af mødet.", nil)
	case rec.Locked && !in(me.State):
		return meetingv1.Entry{}, errs.E(errs.Denied, "Mødet er låst. Ring, hvis du skal med.", nil)
	case h.Book.Early(rec) && me.State == meetingv1.Invited:
		return meetingv1.Entry{}, errs.E(errs.Conflict, "Det er for tidligt. Venteværelset åbner en halv time før mødet.", nil)
	}
	if len(r.Name) > 120 || len(r.Say) > 120 {
		return meetingv1.Entry{}, errs.E(errs.Invalid, "Navnet er for langt.", nil)
	}
	rec, err = h.Book.Update(ctx, rec.ID, "knocked", me.ID, func(rec *booking.Record) error {
		p, s := rec.Participant(me.ID), rec.Seats[me.ID]
		if p == nil {
			return errs.E(errs.Denied, "Du er ikke længere med i mødet.", nil)
		}
		if name := strings.TrimSpace(r.Name); name != "" && p.Verified == "" {
			p.Name = name // a verified name is not typed over
		}
		p.Say = strings.TrimSpace(r.Say)
		if r.Report != nil {
			p.Report = r.Report
		}
		if r.Transcribe != nil {
			p.Transcribe = r.Transcribe
		}
		if !in(p.State) || s.Device != device {
			if p.State != meetingv1.InLobby || s.Knocks != device {
				p.Since = h.Now()
			}
			p.State, s.Knocks = meetingv1.InLobby, device
			rec.Seats[p.ID] = s
		}
		return nil
	})
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if r.Transcribe != nil {
		h.choose(ctx, rec, rec.Participant(me.ID), *r.Transcribe)
	}
	h.announce(rec)
	return h.entry(ctx, rec, me.ID, device, false)
}

// choose makes a participant's choice about being written down hold at once. The booking keeps everybody's own; the
// conversation's, which the citizen can take back later, is yes while any citizen says yes.
func (h *Hall) choose(ctx context.Context, rec booking.Record, p *meetingv1.Participant, yes bool) {
	if r := h.find(rec.ID); r != nil {
		r.transcribe(p.ID, yes)
	}
	if p.Role != meetingv1.RoleCitizen || !yes && slices.ContainsFunc(rec.Participants, otherYes(p.ID)) {
		return
	}
	area, err := h.Area(ctx, rec.ServiceArea)
	if err == nil {
		now := h.Now()
		_, err = bus.Request[consentv1.Choice](ctx, h.Bus, consentv1.ChoiceSubject, consentv1.Choice{
			Meta: event.NewMeta("consent.v1.choice", "meeting", now), ConversationID: rec.ID, Kind: consentv1.Transcription, Value: yes,
			Basis: area.Basis, Purpose: area.Purpose, TextVersion: area.TextVersion, Language: "da", How: consentv1.HowButton,
			Who: "citizen", OnBehalfOf: p.OnBehalfOf, At: now,
		})
	}
	if err != nil {
		h.Log.Error("choice is not recorded", "meeting_id", rec.ID, "participant_id", p.ID, "err", err)
	}
}

func otherYes(id string) func(meetingv1.Participant) bool {
	return func(p meetingv1.Participant) bool {
		return p.ID != id && p.Role == meetingv1.RoleCitizen && p.Transcribe != nil && *p.Transcribe
	}
}

// Decide admits, refuses, postpones or tells who waits. The actor must be of the meeting's area.
func (h *Hall) Decide(ctx context.Context, r meetingv1.AdmitRequest) (booking.Record, error) {
	notice, text := "", strings.TrimSpace(r.Text)
	rec, err := h.Book.Update(ctx, r.MeetingID, "admitted", r.ParticipantID, func(rec *booking.Record) error {
		p := rec.Participant(r.ParticipantID)
		if p == nil || p.State != meetingv1.InLobby {
			return errs.E(errs.Conflict, "Deltageren venter ikke længere.", nil)
		}
		s := rec.Seats[p.ID]
		switch r.Decision {
		case meetingv1.Admit:
			p.State, p.Since, s.Device, s.Knocks, notice = meetingv1.InRoom, h.Now(), s.Knocks, "", "admitted"
		case meetingv1.Refuse:
			p.State, p.Since, s.Device, s.Knocks, notice = meetingv1.Removed, h.Now(), "", "", "refused"
		case meetingv1.Postpone:
			p.State, p.Since, s.Knocks, notice = meetingv1.Invited, h.Now(), "", "postponed"
		case meetingv1.Tell:
			if text == "" || len(text) > 500 {
				return errs.E(errs.Invalid, "Skriv en besked på højst 500 tegn.", nil)
			}
			notice = "told"
			return booking.ErrUnchanged
		default:
			return errs.E(errs.Invalid, fmt.Sprintf("Beslutningen %q findes ikke.", r.Decision), nil)
		}
		rec.Seats[p.ID] = s
		return nil
	})
	if err != nil {
		return rec, err
	}
	h.tell(meetingv1.RoomEvent{MeetingID: rec.ID, Kind: meetingv1.EventNotice, To: r.ParticipantID, Notice: notice, Text: text})
	h.announce(rec)
	return rec, nil
}

// announce tells everybody who is where, each as much as is for them.
func (h *Hall) announce(rec booking.Record) {
	if r := h.find(rec.ID); r != nil {
		r.live(&rec)
	}
	for i := range rec.Participants {
		p := &rec.Participants[i]
		p.Place, p.WaitMins = queue(rec, p.ID, h.Now())
		own := public(rec, p)
		h.tell(meetingv1.RoomEvent{MeetingID: rec.ID, Kind: meetingv1.EventRoom, To: p.ID, Meeting: &own})
	}
}
