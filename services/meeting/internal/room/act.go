package room

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// Act does one thing in the room: to oneself, or as a moderator to others. What changes is in the booking, so that a reload or a
// restart finds it: who was muted comes back muted.
func (h *Hall) Act(ctx context.Context, q meetingv1.ActRequest) (meetingv1.Entry, error) {
	rec, me, err := h.seat(ctx, q.Seat, true)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if q.Target == "" {
		q.Target = me.ID
	}
	switch q.Action {
	case meetingv1.ActEnd:
		return h.end(ctx, rec, me, q)
	case meetingv1.ActCorrect:
		return h.correct(ctx, rec, me, q)
	case meetingv1.ActDial:
		return h.dial(ctx, rec, me, q)
	}
	var then func(*room)
	rec, err = h.Book.UpdateWith(ctx, rec.ID, "moderated", q.Target, func(rec *booking.Record) error {
		me := rec.Participant(q.Seat.ParticipantID)
		target := rec.Participant(q.Target)
		if me == nil || target == nil {
			return errs.E(errs.NotFound, "Deltageren er ikke længere med.", nil)
		}
		var err error
		then, err = act(rec, me, target, q)
		return err
	}, func(tx *store.Tx, rec booking.Record) error { return h.log(ctx, tx, rec, me, led(me, q)) })
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if r := h.find(rec.ID); r != nil {
		r.live(rec)
		if then != nil {
			then(r)
		}
	}
	if q.Action == meetingv1.ActTranscribe {
		h.choose(ctx, rec, rec.Participant(me.ID), q.Value == "yes", "")
	}
	if q.Action == meetingv1.ActRecord && (q.Value == "yes" || q.Value == "no") {
		h.chooseTape(ctx, rec, rec.Participant(me.ID), q.Value == "yes")
	}
	h.announce(rec)
	device, _ := booking.CheckKey(h.Master, q.Seat)
	return h.entry(ctx, rec, me.ID, device)
}

// led says what was done to others, or to the meeting, in words that the citizen reads; empty: it was about oneself.
func led(me *meetingv1.Participant, q meetingv1.ActRequest) string {
	switch on := q.Value == "on"; {
	case q.Action == meetingv1.ActMute && q.Target != me.ID:
		return "Slå en deltagers mikrofon fra"
	case q.Action == meetingv1.ActRemove:
		return "Tage en deltager ud af mødet"
	case q.Action == meetingv1.ActLock && on:
		return "Låse mødet"
	case q.Action == meetingv1.ActLock:
		return "Låse mødet op"
	case q.Action == meetingv1.ActPause:
		return "Holde pause i det, der bliver skrevet ned og optaget"
	case q.Action == meetingv1.ActContinue:
		return "Gå videre efter en pause"
	case q.Action == meetingv1.ActSide && q.Value == "open":
		return "Tale i enrum"
	case q.Action == meetingv1.ActSide:
		return "Slutte samtalen i enrum"
	case q.Action == meetingv1.ActRecord && on:
		return "Fortsætte optagelsen"
	case q.Action == meetingv1.ActRecord && q.Value == "off":
		return "Stoppe optagelsen"
	case q.Action == meetingv1.ActDial:
		return "Ringe en deltager op"
	case q.Action == meetingv1.ActEnd:
		return "Slutte mødet for alle"
	}
	return ""
}

// log writes what who leads the meeting has done into the audit log; what is empty was nothing.
func (h *Hall) log(ctx context.Context, tx *store.Tx, rec booking.Record, me *meetingv1.Participant, what string) error {
	if what == "" || !moderates(me) {
		return nil
	}
	return tx.Publish(ctx, audited(rec, cmp.Or(me.User, rec.CreatedBy), what, h.Now()))
}

func audited(rec booking.Record, actor, what string, now time.Time) consentv1.Audit {
	return consentv1.Audit{
		Meta: event.NewMeta("audit.v1.entry", Source, now), ConversationID: rec.ID, Actor: actor, Role: "caseworker",
		Action: "lead-meeting", Purpose: what,
	}
}

// act changes the record and says what the room must do afterwards.
func act(rec *booking.Record, me, target *meetingv1.Participant, q meetingv1.ActRequest) (then func(*room), err error) {
	self, host := me.ID == target.ID, moderates(me)
	denied := errs.E(errs.Denied, "Det kan kun den, der leder mødet.", nil)
	on := q.Value == "on" || q.Value == "up"
	switch q.Action {
	case meetingv1.ActMute:
		if !self && !host {
			return nil, denied
		}
		target.Muted = true
		return func(r *room) { r.fit(target.ID) }, nil
	case meetingv1.ActUnmute:
		if !self {
			return nil, errs.E(errs.Denied, "Kun deltageren selv kan slå sin mikrofon til.", nil)
		}
		me.Muted = false
		return func(r *room) { r.fit(me.ID) }, nil
	case meetingv1.ActCamera:
		me.Camera = on
	case meetingv1.ActScreen:
		me.Screen = on
	case meetingv1.ActHand:
		if !self && !host {
			return nil, denied
		}
		target.Hand = on
	case meetingv1.ActTranscribe:
		yes := q.Value == "yes"
		me.Transcribe = &yes
	case meetingv1.ActQuality:
		if grade(q.Value) < 0 || q.Value == string(sfu.Lost) { // who says so is not
			return nil, errs.E(errs.Invalid, "Ukendt kvalitet.", nil)
		}
		return func(r *room) { r.rate(me.ID, byPage, q.Value) }, booking.ErrUnchanged
	case meetingv1.ActRemove:
		if !host || self {
			return nil, denied
		}
		target.State, target.Camera, target.Screen, target.Again, target.Line = meetingv1.Removed, false, false, false, ""
		s := rec.Seats[target.ID]
		s.Refuse(s.Device, s.Knocks)
		rec.Seats[target.ID] = s
		return func(r *room) { r.leave(target.ID) }, nil
	case meetingv1.ActLock:
		if !host {
			return nil, denied
		}
		rec.Locked = on
	case meetingv1.ActPause, meetingv1.ActContinue:
		// Anybody may ask for a pause in the writing: it is what is said about them. Going on is the host's.
		if q.Action == meetingv1.ActContinue && !host {
			return nil, denied
		}
		rec.Paused = q.Action == meetingv1.ActPause
	case meetingv1.ActSide:
		if !host {
			return nil, denied
		}
		return side(rec, me, q)
	case meetingv1.ActRecord:
		return nil, record(rec, me, q.Value)
	default:
		return nil, errs.E(errs.Invalid, fmt.Sprintf("Handlingen %q findes ikke.", q.Action), nil)
	}
	return nil, nil
}

// side opens the private room for the host and some others, or brings everybody back.
func side(rec *booking.Record, me *meetingv1.Participant, q meetingv1.ActRequest) (func(*room), error) {
	var moved []string
	to := meetingv1.InRoom
	if q.Value == "open" {
		to = meetingv1.InSide
		if len(q.Targets) == 0 {
			return nil, errs.E(errs.Invalid, "Vælg, hvem du vil tale med i enrum.", nil)
		}
	}
	for i := range rec.Participants {
		p := &rec.Participants[i]
		chosen := to == meetingv1.InRoom || p.ID == me.ID || slices.Contains(q.Targets, p.ID)
		if chosen && in(p.State) && p.State != to {
			p.State = to
			moved = append(moved, p.ID)
		}
	}
	return func(r *room) { r.fit(moved...) }, nil
}

// end ends the meeting for all.
func (h *Hall) end(ctx context.Context, rec booking.Record, me *meetingv1.Participant, q meetingv1.ActRequest) (meetingv1.Entry, error) {
	if !moderates(me) {
		return meetingv1.Entry{}, errs.E(errs.Denied, "Det kan kun den, der leder mødet.", nil)
	}
	err := h.Book.Store.InTx(ctx, func(tx *store.Tx) error { return h.log(ctx, tx, rec, me, led(me, q)) })
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if r := h.find(rec.ID); r != nil {
		go h.over(r, "hangup")
	} else if err := h.finish(ctx, rec.ID, "hangup", nil, 0); err != nil {
		return meetingv1.Entry{}, err
	}
	device, _ := booking.CheckKey(h.Master, q.Seat)
	return h.entry(ctx, rec, me.ID, device)
}

// correct lets a human captioner put a caption right. All who are in the room see it, and the transcript has it.
func (h *Hall) correct(ctx context.Context, rec booking.Record, me *meetingv1.Participant, q meetingv1.ActRequest) (meetingv1.Entry, error) {
	if me.Role == meetingv1.RoleCitizen || me.Role == meetingv1.RoleCompanion {
		return meetingv1.Entry{}, errs.E(errs.Denied, "Kun myndighedens folk og tolken kan rette teksten.", nil)
	}
	text := strings.TrimSpace(q.Value)
	if text == "" || utf8.RuneCountInString(text) > maxText {
		return meetingv1.Entry{}, errs.E(errs.Invalid, "Skriv den rigtige tekst.", nil)
	}
	r := h.find(rec.ID)
	if r == nil || !r.shows(q.Target) {
		return meetingv1.Entry{}, errs.E(errs.NotFound, "Teksten findes ikke længere.", nil)
	}
	if err := r.rewrite(ctx, q.Target, text); err != nil {
		return meetingv1.Entry{}, err
	}
	r.corrected(q.Target, text)
	device, _ := booking.CheckKey(h.Master, q.Seat)
	return h.entry(ctx, rec, me.ID, device)
}
