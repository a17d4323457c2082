package room

import (
	"cmp"
	"context"
	"errors"
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
	"samtale.dk/samtale/services/meeting/internal/invite"
	"samtale.dk/samtale/services/meeting/internal/store"
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
	if errors.Is(err, booking.ErrDropped) {
		return dropped(rec, id), nil
	}
	if err != nil {
		return meetingv1.Entry{}, err
	}
	device := booking.Device(r.Device)
	rec, err = h.Book.Update(ctx, rec.ID, "entered", id, func(rec *booking.Record) error {
		p := rec.Participant(id)
		if p == nil {
			return errs.E(errs.NotFound, "Du er ikke længere med i mødet.", nil)
		}
		if !identify(rec, p, device, r.Login) {
			return booking.ErrUnchanged
		}
		return nil
	})
	if err != nil {
		return meetingv1.Entry{}, err
	}
	p := rec.Participant(id)
	leads := host(rec, p, r.Login)
	away := (leads || colleague(rec, p, device)) && in(p.State) && rec.Seats[id].Device != device
	if away && !r.Take {
		e, err := h.entry(ctx, rec, id, device)
		e.Elsewhere = true
		return e, err
	}
	if away {
		if rec, err = h.bring(ctx, rec.ID, id, device); err != nil {
			return meetingv1.Entry{}, err
		}
	} else if leads {
		rec, err = h.seatHost(ctx, rec.ID, id, device)
		if err != nil {
			return meetingv1.Entry{}, err
		}
	}
	e, err := h.entry(ctx, rec, id, device)
	if err == nil && e.Me.Role == meetingv1.RoleCitizen {
		var s meetingv1.Setup
		s, _, err = booking.SetupOf(ctx, h.Book.Store.Read(), rec)
		_, e.Info = invite.Texts(s, e.Me.Language) // what citizens are to know beforehand
	}
	return e, err
}

// dropped is what a link opens whose owner is not to come any more: that the meeting which they know is held without them.
func dropped(rec booking.Record, id string) meetingv1.Entry {
	e := meetingv1.Entry{Dropped: true, Meeting: meetingv1.Meeting{ID: rec.ID, Title: rec.Title, StartsAt: rec.StartsAt, Minutes: rec.Minutes}}
	for _, d := range rec.Dropped {
		if d.ID == id {
			e.Me.Role, e.Me.Language = d.Role, d.Language
		}
	}
	return e
}

// Changed tells those who are not to come any more since a change, and have the page open or wait in the lobby.
func (h *Hall) Changed(rec booking.Record) {
	for _, d := range rec.Dropped {
		h.tell(meetingv1.RoomEvent{MeetingID: rec.ID, Kind: meetingv1.EventNotice, To: d.ID, Notice: meetingv1.NoticeDropped})
	}
}

// bring gives a seat to another device of the person whose it is. The one before is told, and its sound and picture end.
func (h *Hall) bring(ctx context.Context, meeting, id, device string) (booking.Record, error) {
	before := ""
	rec, err := h.Book.Update(ctx, meeting, "admitted", id, func(rec *booking.Record) error {
		p, s := rec.Participant(id), rec.Seats[id]
		if p == nil || !in(p.State) || s.Device == device {
			return booking.ErrUnchanged
		}
		before, s.Device = s.Device, device
		if s.Knocks == device { // it has waited there before
			s.Knocks, p.Again = "", false
		}
		p.Since, p.Camera, p.Screen, p.Report, p.Away, p.Quality = h.Now(), false, false, nil, false, ""
		rec.Seats[id] = s
		return nil
	})
	if err != nil || before == "" {
		return rec, err
	}
	if r := h.find(rec.ID); r != nil {
		r.leave(id)
	}
	h.tell(meetingv1.RoomEvent{MeetingID: rec.ID, Kind: meetingv1.EventNotice, To: id, Device: before, Notice: noticeElsewhere})
	h.announce(rec)
	return rec, nil
}

// maxKnown is on how many devices of a seat a login is remembered.
const maxKnown = 8

// identify remembers who is logged in on a device. The seat takes the identity over unless it is in use on another device: a
// forwarded link must not make anybody somebody else, in neither direction.
func identify(rec *booking.Record, p *meetingv1.Participant, device string, l *meetingv1.Login) (changed bool) {
	s := rec.Seats[p.ID]
	if l == nil || !proves(p, l) || rank(l.Level) <= rank(s.Known[device].Level) || len(s.Known) >= maxKnown {
		return false
	}
	if s.Known == nil {
		s.Known = map[string]booking.Identity{}
	}
	s.Known[device] = booking.Identity{Level: l.Level, Name: l.Name, OnBehalfOf: l.OnBehalfOf, PartyRef: l.PartyRef}
	rec.Seats[p.ID] = s
	if holder(p, s) == "" || holder(p, s) == device {
		assume(p, s, device)
	}
	return true
}

// proves tells whether a login says who a participant is. A seat that is one person's is proven by nobody else's login.
func proves(p *meetingv1.Participant, l *meetingv1.Login) bool {
	if p.User != "" {
		return p.Role == meetingv1.RoleColleague && l.Role == "caseworker" && l.Subject == p.User
	}
	return p.Role != meetingv1.RoleCaseworker && l.Role == "citizen"
}

// colleague tells whether a device is one of the authority's people who has an own seat and has logged in for it.
func colleague(rec booking.Record, p *meetingv1.Participant, device string) bool {
	return p.User != "" && p.Role == meetingv1.RoleColleague && rec.Seats[p.ID].Known[device].Level != ""
}

// holder is the device on which a seat is in use.
func holder(p *meetingv1.Participant, s booking.Seat) string {
	switch {
	case in(p.State):
		return s.Device
	case p.State == meetingv1.InLobby:
		return s.Knocks
	}
	return ""
}

// assume gives a participant the identity that is known of a device, and no other.
func assume(p *meetingv1.Participant, s booking.Seat, device string) {
	id := s.Known[device]
	if id.Level != "" {
		p.Name = id.Name
	} else if p.Verified != "" {
		p.Name = "" // it was another's
	}
	p.Verified, p.OnBehalfOf = id.Level, id.OnBehalfOf
	l, phone := s.Lines[device]
	p.ByPhone, p.Tail, p.Line = phone, l.Tail, ""
}

// needs tells whether the meeting asks a device for a login that it does not have.
func needs(rec booking.Record, p *meetingv1.Participant, device string) bool {
	return rec.Identity != "" && p.Role == meetingv1.RoleCitizen && rank(rec.Seats[p.ID].Known[device].Level) < rank(rec.Identity)
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
		p.State, p.Since, p.Away, s.Device = meetingv1.InRoom, h.Now(), false, device
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
		if h.early(*rec) {
			return errEarly
		}
		if r.Offer != "" {
			if err := sfu.CheckOffer(r.Offer); err != nil {
				return full(err)
			}
		}
		for pid, s := range rec.Seats {
			if s.Device == device {
				id = pid
				return back(rec, rec.Participant(pid), h.Now())
			}
		}
		if rec.Full() || len(rec.Participants) >= booking.MaxKnown {
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
	e, err := h.entry(ctx, rec, id, device)
	if err == nil {
		e.ICEServers = h.ice(id, stayFor, stayFor)
	}
	return e, err
}

// back lets one who left by itself in again.
func back(rec *booking.Record, p *meetingv1.Participant, now time.Time) error {
	switch {
	case p.State == meetingv1.Removed:
		return errs.E(errs.Denied, "Du er taget ud af mødet.", nil)
	case in(p.State):
		return booking.ErrUnchanged
	case rec.Full():
		return errs.E(errs.Limited, "Mødet er fuldt.", nil)
	}
	p.State, p.Since = meetingv1.InRoom, now
	return nil
}

// entry is what a participant gets to know.
func (h *Hall) entry(ctx context.Context, rec booking.Record, id, device string) (meetingv1.Entry, error) {
	area, err := h.Area(ctx, rec.ServiceArea)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	p := *as(rec, id, device)
	e := meetingv1.Entry{
		Seat: meetingv1.SeatRef{MeetingID: rec.ID, ParticipantID: id, Key: booking.Key(h.Master, rec.ID, id, device)},
		Me:   p, Meeting: h.public(rec, &p), AreaName: area.Name, Purpose: area.Purpose, NeedLogin: needs(rec, &p, device), CanAct: moderates(&p),
	}
	e.Me.Place, e.Me.WaitMins = queue(rec, p, h.Now())
	e.Me.Email, e.Me.Phone, e.Me.Link, e.Me.DialCode = "", "", "", rec.Seats[id].Code
	if in(p.State) {
		e.ICEServers = h.ice(id, turnFor, stayFor)
	}
	return e, nil
}

// as is a participant as one device may know the seat: where the seat is in use on another device, this one has yet to knock, or
// waits, and is not told who the other is.
func as(rec booking.Record, id, device string) *meetingv1.Participant {
	p, s := *rec.Participant(id), rec.Seats[id]
	if d := holder(&p, s); d == "" || d == device {
		return &p
	}
	p.Muted, p.Camera, p.Screen, p.Hand, p.Away, p.Report, p.Transcribe, p.Record, p.LegID = false, false, false, false, false, nil, nil, nil, ""
	p.Quality = ""
	assume(&p, s, device)
	p.State, p.Again = meetingv1.Invited, false
	if s.Knocks == device {
		p.State = meetingv1.InLobby
	}
	return &p
}

// Look tells how a seat stands: a client that has heard nothing for a while, or nothing yet, may have missed that.
func (h *Hall) Look(ctx context.Context, ref meetingv1.SeatRef) (meetingv1.Entry, error) {
	rec, me, err := h.seat(ctx, ref, false)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	device, _ := booking.CheckKey(h.Master, ref)
	return h.entry(ctx, rec, me.ID, device)
}

// turnFor is how long a participant can make relays by the TURN credentials; those that are there can be kept up for stayFor. Whoever makes
// new connections later looks first.
const turnFor = time.Hour

// stayFor is as long as anybody stays. A program is told of the servers once (RFC 9725 section 4.6) and may begin ICE again at any time.
const stayFor = 12 * time.Hour

func (h *Hall) ice(participant string, life, kept time.Duration) []meetingv1.ICEServer {
	out := slices.Clone(h.ICE)
	if s, ok := h.SFU.TURN(participant, life, kept); ok {
		urls := append(slices.Clone(s.URLs), h.TURN()...) // the room may move
		out = append(out, meetingv1.ICEServer{URLs: urls, Username: s.Username, Credential: s.Credential})
	}
	return out
}

// queue is the place of who waits, from 1, and the wait to expect: until the start, and then a few minutes for each before.
func queue(rec booking.Record, me meetingv1.Participant, now time.Time) (place, minutes int) {
	if me.State != meetingv1.InLobby {
		return 0, 0
	}
	place = 1
	for _, p := range rec.Participants {
		if p.State == meetingv1.InLobby && p.ID != me.ID && p.Since.Before(me.Since) {
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
	if needs(rec, me, device) {
		return h.entry(ctx, rec, me.ID, device)
	}
	if len(r.Name) > 120 || len(r.Say) > 120 {
		return meetingv1.Entry{}, errs.E(errs.Invalid, "Navnet er for langt.", nil)
	}
	before, own := "", false
	rec, err = h.Book.Update(ctx, rec.ID, "knocked", me.ID, func(rec *booking.Record) error {
		p := rec.Participant(me.ID)
		if p == nil {
			return errs.E(errs.Denied, "Du er ikke længere med i mødet.", nil)
		}
		if err := h.mayKnock(*rec, p, device); err != nil {
			return err
		}
		before = rec.Seats[p.ID].Knocks
		own = knock(rec, p, device, h.Now())
		if own {
			fill(p, r)
		}
		return nil
	})
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if own && r.Transcribe != nil {
		h.choose(ctx, rec, rec.Participant(me.ID), *r.Transcribe, r.Heard)
	}
	if own && r.Record != nil {
		h.chooseTape(ctx, rec, rec.Participant(me.ID), *r.Record)
	}
	if before != "" && before != device {
		h.tell(meetingv1.RoomEvent{MeetingID: rec.ID, Kind: meetingv1.EventNotice, To: me.ID, Device: before, Notice: noticeElsewhere})
	}
	h.announce(rec)
	return h.entry(ctx, rec, me.ID, device)
}

// noticeElsewhere tells a device that its link is in use on another one now.
const noticeElsewhere = "elsewhere"

func (h *Hall) mayKnock(rec booking.Record, p *meetingv1.Participant, device string) error {
	inside := in(p.State) && rec.Seats[p.ID].Device == device
	switch {
	case p.State == meetingv1.Removed || slices.Contains(rec.Seats[p.ID].Refused, device):
		return errs.E(errs.Denied, "Du er taget ud af mødet.", nil)
	case rec.Locked && !inside && !colleague(rec, p, device): // a colleague waits until somebody decides
		return errs.E(errs.Denied, "Mødet er låst. Ring, hvis du skal med.", nil)
	case h.Book.Early(rec) && p.State == meetingv1.Invited:
		return errs.E(errs.Conflict, "Det er for tidligt. Venteværelset åbner en halv time før mødet.", nil)
	}
	return nil
}

// knock puts a device into the lobby, and a colleague into a meeting that is held and open to all. Whoever is in the room by the same link stays there until the caseworker decides; own is
// false then: nothing of what the newcomer says is the other's.
func knock(rec *booking.Record, p *meetingv1.Participant, device string, now time.Time) (own bool) {
	s := rec.Seats[p.ID]
	if in(p.State) && s.Device == device {
		return true
	}
	if in(p.State) {
		p.Again, s.Knocks = true, device
		rec.Seats[p.ID] = s
		return false
	}
	if p.State != meetingv1.InLobby || s.Knocks != device {
		p.Since = now
	}
	assume(p, s, device)
	p.State, s.Knocks = meetingv1.InLobby, device
	if rec.State == meetingv1.Live && !rec.Locked && colleague(*rec, p, device) {
		p.State, s.Device, s.Knocks, p.Since = meetingv1.InRoom, device, "", now
	}
	rec.Seats[p.ID] = s
	return true
}

// fill takes over what a participant says of itself.
func fill(p *meetingv1.Participant, r meetingv1.KnockRequest) {
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
	if r.Record != nil {
		p.Record = r.Record
	}
	p.Hand = p.Hand || r.Help
}

// choose makes a participant's choice about being written down hold at once. The booking keeps everybody's own; the
// conversation's, which the citizen can take back later, is yes while any citizen says yes. Heard is the announcement that a
// telephone's choice answers.
func (h *Hall) choose(ctx context.Context, rec booking.Record, p *meetingv1.Participant, yes bool, heard string) {
	if r := h.find(rec.ID); r != nil {
		r.transcribe(p.ID, yes)
	}
	if p.Role != meetingv1.RoleCitizen || !yes && slices.ContainsFunc(rec.Participants, otherYes(p.ID)) {
		return
	}
	area, err := h.Area(ctx, rec.ServiceArea)
	if err == nil {
		now, how, version, language := h.Now(), consentv1.HowButton, area.TextVersion, "da"
		if p.ByPhone {
			how, language = consentv1.HowDTMF, cmp.Or(p.Language, language)
		}
		if heard != "" {
			version += "+" + heard
		}
		err = h.keepChoice(ctx, consentv1.Choice{
			Meta: event.NewMeta("consent.v1.choice", "meeting", now), ConversationID: rec.ID, Kind: consentv1.Transcription, Value: yes,
			Basis: area.Basis, Purpose: area.Purpose, TextVersion: version, Language: language, How: how,
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
	var d decision
	rec, err := h.Book.UpdateWith(ctx, r.MeetingID, "admitted", r.ParticipantID, func(rec *booking.Record) error {
		p := rec.Participant(r.ParticipantID)
		if p == nil || rec.Seats[r.ParticipantID].Knocks == "" || p.State != meetingv1.InLobby && !p.Again {
			return errs.E(errs.Conflict, "Deltageren venter ikke længere.", nil)
		}
		if p.Role == meetingv1.RoleColleague && p.User != "" && p.User == r.Actor.ID {
			return errs.E(errs.Denied, "En anden skal lukke dig ind.", nil)
		}
		var err error
		d, err = decide(rec, p, r, h.Now())
		return err
	}, func(tx *store.Tx, rec booking.Record) error {
		return tx.Publish(ctx, audited(rec, r.Actor.ID, decided(r.Decision), h.Now()))
	})
	if err != nil {
		return rec, err
	}
	tell := meetingv1.RoomEvent{MeetingID: rec.ID, Kind: meetingv1.EventNotice, To: r.ParticipantID, Device: d.device, Notice: d.notice, Text: d.text}
	h.tell(tell)
	if d.replaced != "" {
		if room := h.find(rec.ID); room != nil {
			room.leave(r.ParticipantID)
		}
		tell.Device, tell.Notice, tell.Text = d.replaced, noticeElsewhere, ""
		h.tell(tell)
	}
	h.announce(rec)
	return rec, nil
}

// decision is what must be told after one.
type decision struct {
	device       string // that waited
	notice, text string
	replaced     string // device that was in the room by the same link
}

// decided is a decision in words that the citizen reads.
func decided(decision string) string {
	switch decision {
	case meetingv1.Admit:
		return "Lukke en deltager ind i mødet"
	case meetingv1.Refuse:
		return "Afvise en, der ville ind i mødet"
	}
	return "Udskyde mødet for en, der ventede"
}

func decide(rec *booking.Record, p *meetingv1.Participant, r meetingv1.AdmitRequest, now time.Time) (decision, error) {
	s := rec.Seats[p.ID]
	d := decision{device: s.Knocks, text: strings.TrimSpace(r.Text)}
	switch r.Decision {
	case meetingv1.Admit:
		if p.Again {
			d.replaced = s.Device
			assume(p, s, d.device)
			p.Transcribe, p.Record, p.Report = nil, nil, nil // the other's
		}
		p.State, p.Since, p.Again, p.Away, p.Quality = meetingv1.InRoom, now, false, false, ""
		s.Device, s.Knocks, d.notice = s.Knocks, "", "admitted"
	case meetingv1.Refuse:
		s.Refuse(d.device)
		d.notice = "refused"
		if !p.Again {
			p.State, p.Since, s.Device = meetingv1.Removed, now, d.device
		}
		p.Again = false
	case meetingv1.Postpone:
		if !p.Again {
			p.State, p.Since, s.Device = meetingv1.Invited, now, d.device
		}
		p.Again, s.Knocks, d.notice = false, "", "postponed"
	case meetingv1.Tell:
		if d.text == "" || utf8.RuneCountInString(d.text) > 500 {
			return d, errs.E(errs.Invalid, "Skriv en besked på højst 500 tegn.", nil)
		}
		d.notice = "told"
		return d, booking.ErrUnchanged
	default:
		return d, errs.E(errs.Invalid, fmt.Sprintf("Beslutningen %q findes ikke.", r.Decision), nil)
	}
	rec.Seats[p.ID] = s
	return d, nil
}

// announce tells everybody who is where, each as much as is for them and for the device that the link is used on.
func (h *Hall) announce(rec booking.Record) {
	if r := h.find(rec.ID); r != nil && !r.live(rec) {
		return // something newer was told
	}
	for i := range rec.Participants {
		p := &rec.Participants[i]
		s := rec.Seats[p.ID]
		devices := []string{s.Device}
		if s.Knocks != "" && s.Knocks != s.Device {
			devices = append(devices, s.Knocks)
		}
		for _, d := range devices {
			if d == "" {
				continue
			}
			own := h.public(rec, as(rec, p.ID, d))
			h.tell(meetingv1.RoomEvent{MeetingID: rec.ID, Kind: meetingv1.EventRoom, To: p.ID, Device: d, Meeting: &own})
		}
	}
}
