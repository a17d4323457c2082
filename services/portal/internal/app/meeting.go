package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/cookie"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// Meetings: the booking side is for caseworkers, the room side for whoever has a seat. A seat is proven by the header
// Samtale-Seat, "participant key": the page that the link opens gets it, and nothing else does.

const (
	seatHeader = "Samtale-Seat"
	// deviceCookie tells the meeting service whether a link is used on the device that was admitted with it.
	deviceCookie = "samtale_device"
	deviceLife   = 90 * 24 * time.Hour
	// maxSDP bounds an offer: a meeting of 25 has a long one.
	maxSDP = 256 << 10
)

// host is a caseworker as the meeting service knows one.
func host(p who.Person) meetingv1.Actor {
	return meetingv1.Actor{ID: p.ID, Role: p.Role, Name: p.Name, Areas: p.Areas}
}

func (a *App) meetingRoutes() []route {
	worker := []string{token.Caseworker}
	const room = "/api/v1/meetings/{id}/room/"
	return []route{
		{pattern: "GET /moeder", roles: worker, handle: a.meetingsPage},
		{pattern: "GET /moede/{id}/{secret}", public: true, handle: a.meetingPage},
		{pattern: "POST /moede/{id}/{secret}", public: true, handle: a.takeSeat},

		{pattern: "GET /api/v1/meetings", roles: worker, handle: a.listMeetings},
		{pattern: "POST /api/v1/meetings", roles: worker, handle: a.bookMeeting},
		{pattern: "GET /api/v1/meetings/{id}", roles: worker, handle: a.getMeeting},
		{pattern: "PUT /api/v1/meetings/{id}", roles: worker, handle: a.changeMeeting},
		{pattern: "POST /api/v1/meetings/{id}/cancel", roles: worker, handle: a.cancelMeeting},
		{pattern: "POST /api/v1/meetings/{id}/join", roles: worker, handle: a.joinMeeting},
		{pattern: "POST /api/v1/meetings/{id}/admit", roles: worker, handle: a.admitToMeeting},
		{pattern: "GET /api/v1/meetings/{id}/outbox", roles: worker, handle: a.meetingOutbox},

		{pattern: "POST " + room + "knock", public: true, handle: a.knock},
		{pattern: "POST " + room + "publish", public: true, handle: a.publishMedia},
		{pattern: "POST " + room + "subscribe", public: true, handle: a.subscribeMedia},
		{pattern: "POST " + room + "look", public: true, handle: a.lookIntoRoom},
		{pattern: "POST " + room + "leave", public: true, handle: a.leaveRoom},
		{pattern: "POST " + room + "act", public: true, handle: a.actInRoom},
		{pattern: "POST " + room + "say", public: true, handle: a.sayInRoom},
		{pattern: "POST " + room + "file", public: true, body: 2 * meetingv1.MaxPart, handle: a.fileInRoom},
		{pattern: "GET " + room + "history", public: true, handle: a.roomHistory},
		{pattern: "GET " + room + "events", public: true, stream: true, handle: a.roomEvents},

		{pattern: "POST /whip/{room}", roles: token.Roles(), body: maxSDP, handle: a.whip},
		{pattern: "PATCH /whip/{room}/{session}", roles: token.Roles(), body: maxSDP, handle: a.whipICE},
		{pattern: "DELETE /whip/{room}/{session}", roles: token.Roles(), handle: a.whipEnded},
		{pattern: "POST /whep/{room}", roles: token.Roles(), body: maxSDP, handle: a.whep},
		{pattern: "PATCH /whep/{room}/{session}", roles: token.Roles(), body: maxSDP, handle: a.whepICE},
		{pattern: "DELETE /whep/{room}/{session}", roles: token.Roles(), handle: a.whepEnded},
	}
}

// withLinks makes the links of a meeting absolute.
func (a *App) withLinks(m meetingv1.Meeting) meetingv1.Meeting {
	for i := range m.Participants {
		if p := &m.Participants[i]; p.Link != "" {
			p.Link = a.Public.JoinPath(p.Link).String()
		}
	}
	return m
}

func (a *App) bookMeeting(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req meetingv1.BookRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	req.Actor = host(p)
	if req.ID == "" { // asked twice, it is one meeting all the same
		req.ID = event.NewID(time.Now())
	}
	m, err := askBooking[meetingv1.Meeting](r.Context(), a, meetingv1.BookSubject, req)
	if err != nil {
		return err
	}
	return reply(w, a.withLinks(m))
}

func (a *App) changeMeeting(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req meetingv1.BookRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	return a.onMeeting(w, r, meetingv1.ChangeSubject, func(id string) any { req.ID, req.Actor = id, host(p); return req })
}

func (a *App) getMeeting(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.onMeeting(w, r, meetingv1.GetSubject, func(id string) any { return meetingv1.Ref{ID: id, Actor: host(p)} })
}

func (a *App) cancelMeeting(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req meetingv1.CancelRequest
	if err := decodeOptional(r, &req); err != nil {
		return err
	}
	return a.onMeeting(w, r, meetingv1.CancelSubject, func(id string) any { req.ID, req.Actor = id, host(p); return req })
}

func (a *App) joinMeeting(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var ref meetingv1.Ref
	id, err := pathID(r)
	if err == nil {
		err = decodeOptional(r, &ref)
	}
	if err != nil {
		return err
	}
	ref.ID, ref.Actor = id, host(p)
	seat, err := askMeeting[meetingv1.Participant](r.Context(), a, meetingv1.JoinSubject, ref)
	if err != nil {
		return err
	}
	seat.Link = a.Public.JoinPath(seat.Link).String()
	return reply(w, seat)
}

func (a *App) admitToMeeting(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req meetingv1.AdmitRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	return a.onMeeting(w, r, meetingv1.AdmitSubject, func(id string) any { req.MeetingID, req.Actor = id, host(p); return req })
}

// onMeeting asks the meeting service about the {id} of a path; the answer is the meeting.
func (a *App) onMeeting(w http.ResponseWriter, r *http.Request, subject string, req func(id string) any) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	m, err := askMeeting[meetingv1.Meeting](r.Context(), a, subject, req(id))
	if err != nil {
		return err
	}
	return reply(w, a.withLinks(m))
}

func (a *App) listMeetings(w http.ResponseWriter, r *http.Request, p who.Person) error {
	q := r.URL.Query()
	req := meetingv1.ListRequest{Actor: host(p), Find: q.Get("find"), After: q.Get("after")}
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > meetingv1.MaxList {
			return errs.E(errs.Invalid, fmt.Sprintf("Vælg mellem 1 og %d møder (limit).", meetingv1.MaxList), err)
		}
		req.Limit = n
	}
	for name, at := range map[string]*time.Time{"from": &req.From, "to": &req.To} {
		v := q.Get(name)
		t, err := time.Parse(time.RFC3339, v)
		if v != "" && err != nil {
			return errs.E(errs.Invalid, "Tidspunktet skal skrives som 2026-11-22T09:00:00Z.", err)
		}
		*at = t
	}
	rep, err := askBooking[meetingv1.ListReply](r.Context(), a, meetingv1.ListSubject, req)
	if err != nil {
		return err
	}
	for i := range rep.Meetings {
		rep.Meetings[i] = a.withLinks(rep.Meetings[i])
	}
	return reply(w, rep)
}

func (a *App) meetingOutbox(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[meetingv1.OutboxReply](a, w, r, meetingv1.OutboxSubject, func(id string) meetingv1.OutboxRequest {
		return meetingv1.OutboxRequest{MeetingID: id, Actor: host(p)}
	})
}

// Pages.

// meetingData is the page of one participant.
type meetingData struct {
	Entry meetingv1.Entry
	JSON  string // the same for the page's script
	Login string // where to log in and come back, when the meeting asks for it
	Level string // of who is logged in already, and not sure enough
}

// meetingPage opens a link. Cameras are allowed on this page alone; its address is a secret.
func (a *App) meetingPage(w http.ResponseWriter, r *http.Request, p who.Person) error {
	private(w)
	w.Header().Set("Permissions-Policy", "microphone=(self), camera=(self), display-capture=(self), speaker-selection=(self), geolocation=()")
	e, err := a.enter(w, r, p, false)
	if err != nil {
		return err
	}
	r = inLanguage(w, r, e.Me.Language)
	if e.Dropped {
		return a.page(w, r, p, http.StatusGone, "meeting_dropped", "m.dropped", e.Meeting)
	}
	script, err := json.Marshal(e)
	if err != nil {
		return err
	}
	d := meetingData{Entry: e, JSON: string(script), Login: "/login?" + url.Values{"next": {r.URL.Path}, "niveau": {e.Meeting.Identity}}.Encode()}
	if p.Is(token.Citizen) {
		d.Level = p.Level
	}
	return a.page(w, r, p, http.StatusOK, "meeting", e.Meeting.Title, d)
}

// inLanguage opens a participant's page in the language that they are booked with, unless this browser's user has chosen one.
func inLanguage(w http.ResponseWriter, r *http.Request, language string) *http.Request {
	l := texts.Lang(language)
	if _, err := r.Cookie(langCookie); err == nil || !l.Known() || texts.Lang(r.URL.Query().Get("sprog")).Known() {
		return r
	}
	setLanguageCookie(w, l) // for what the page asks for, and the login that it may lead to
	r = r.Clone(r.Context())
	r.AddCookie(&http.Cookie{Name: langCookie, Value: language})
	return r
}

// takeSeat brings the own seat here from another device, and shows the page then.
func (a *App) takeSeat(w http.ResponseWriter, r *http.Request, p who.Person) error {
	private(w)
	if _, err := a.enter(w, r, p, true); err != nil {
		return err
	}
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
	return nil
}

func (a *App) enter(w http.ResponseWriter, r *http.Request, p who.Person, take bool) (meetingv1.Entry, error) {
	id, err := pathID(r)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	return askMeeting[meetingv1.Entry](r.Context(), a, meetingv1.EnterSubject, meetingv1.EnterRequest{
		MeetingID: id, Secret: r.PathValue("secret"), Device: a.device(w, r), Login: loginOf(p), Take: take,
	})
}

// loginOf is who is logged in, as the meeting service is told. The level is what the provider said.
func loginOf(p who.Person) *meetingv1.Login {
	if p.ID == "" {
		return nil
	}
	return &meetingv1.Login{Subject: p.ID, Name: p.Name, Role: p.Role, Level: p.Level, OnBehalfOf: p.Behalf, PartyRef: p.PartyRef}
}

func (a *App) device(w http.ResponseWriter, r *http.Request) string {
	if id := cookie.Get(r, a.secure(), deviceCookie); len(id) >= 16 && event.CheckToken(id) == nil {
		return id
	}
	id := rand.Text()
	cookie.Set(w, a.secure(), deviceCookie, id, int(deviceLife/time.Second))
	return id
}

func (a *App) meetingsPage(w http.ResponseWriter, r *http.Request, p who.Person) error {
	areas, err := a.areas(r.Context())
	if err != nil {
		return err
	}
	return a.page(w, r, p, http.StatusOK, "meetings", "meetings.title", listData{areas: areas})
}

// The room.

// seat is whose seat a request proves.
func seat(r *http.Request) (meetingv1.SeatRef, error) {
	id, err := pathID(r)
	if err != nil {
		return meetingv1.SeatRef{}, err
	}
	participant, key, ok := strings.Cut(r.Header.Get(seatHeader), " ")
	if !ok || event.CheckToken(participant) != nil {
		return meetingv1.SeatRef{}, errs.E(errs.Denied, "Åbn mødet igen med dit link.", nil)
	}
	return meetingv1.SeatRef{MeetingID: id, ParticipantID: participant, Key: key}, nil
}

// inRoom asks the meeting service on behalf of a seat; set puts the seat into the request.
func inRoom[Resp, Req any](a *App, w http.ResponseWriter, r *http.Request, subject string, req *Req, set func(*Req, meetingv1.SeatRef)) error {
	private(w)
	s, err := seat(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		if err := decodeOptional(r, req); err != nil {
			return err
		}
	}
	set(req, s)
	resp, err := askMeeting[Resp](r.Context(), a, subject, *req)
	if err != nil {
		return err
	}
	return reply(w, resp)
}

func (a *App) knock(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return inRoom[meetingv1.Entry](a, w, r, meetingv1.KnockSubject, &meetingv1.KnockRequest{},
		func(q *meetingv1.KnockRequest, s meetingv1.SeatRef) { q.Seat = s })
}

func (a *App) publishMedia(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return inRoom[meetingv1.MediaReply](a, w, r, meetingv1.PublishSubject, &meetingv1.MediaRequest{},
		func(q *meetingv1.MediaRequest, s meetingv1.SeatRef) { q.Seat = s })
}

func (a *App) subscribeMedia(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return inRoom[meetingv1.MediaReply](a, w, r, meetingv1.SubscribeSubject, &meetingv1.MediaRequest{},
		func(q *meetingv1.MediaRequest, s meetingv1.SeatRef) { q.Seat = s })
}

func (a *App) lookIntoRoom(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return inRoom[meetingv1.Entry](a, w, r, meetingv1.LookSubject, &meetingv1.SeatRef{},
		func(q *meetingv1.SeatRef, s meetingv1.SeatRef) { *q = s })
}

func (a *App) leaveRoom(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return inRoom[meetingv1.Entry](a, w, r, meetingv1.LeaveSubject, &meetingv1.SeatRef{},
		func(q *meetingv1.SeatRef, s meetingv1.SeatRef) { *q = s })
}

func (a *App) actInRoom(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return inRoom[meetingv1.Entry](a, w, r, meetingv1.ActSubject, &meetingv1.ActRequest{},
		func(q *meetingv1.ActRequest, s meetingv1.SeatRef) { q.Seat = s })
}

func (a *App) sayInRoom(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return inRoom[meetingv1.Message](a, w, r, meetingv1.SaySubject, &meetingv1.SayRequest{},
		func(q *meetingv1.SayRequest, s meetingv1.SeatRef) { q.Seat = s })
}

func (a *App) fileInRoom(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return inRoom[meetingv1.FilePart](a, w, r, meetingv1.FileSubject, &meetingv1.FileRequest{},
		func(q *meetingv1.FileRequest, s meetingv1.SeatRef) { q.Seat = s })
}

func (a *App) roomHistory(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	return inRoom[meetingv1.HistoryReply](a, w, r, meetingv1.HistorySubject, &meetingv1.SeatRef{},
		func(q *meetingv1.SeatRef, s meetingv1.SeatRef) { *q = s })
}

// roomEvents brings what happens in a room to one seat. Who is not in the room gets only what is addressed to the seat; what is
// said in the side room reaches only those who are in it.
func (a *App) roomEvents(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	private(w)
	ref, err := seat(r)
	if err != nil {
		return err
	}
	s := a.newStream(w, r)
	s.still = func() error { // the seat is checked by every request; removal comes as an event
		go a.present(r.Context(), ref)
		return nil
	}
	defer s.close()
	// Where the seat is, as the last event about the room has told. Events are heard before the first look, and wait for it.
	var mu sync.Mutex
	state := ""
	device, _, _ := strings.Cut(ref.Key, ".")
	pass := func(e meetingv1.RoomEvent) bool {
		mine := e.To == ref.ParticipantID && e.Device == device
		if e.Kind == meetingv1.EventRoom && mine {
			for _, p := range e.Meeting.Participants {
				if p.ID == ref.ParticipantID {
					state = p.State
				}
			}
		}
		inside := state == meetingv1.InRoom || state == meetingv1.InSide
		switch {
		case e.Device != "":
			return mine
		case e.To != "": // about media: not for whoever waits with the same link on another device
			return e.To == ref.ParticipantID && (inside || e.Notice == meetingv1.NoticeDropped)
		case e.Side:
			return state == meetingv1.InSide
		case e.Kind == meetingv1.EventEnded || e.Kind == meetingv1.EventMoved:
			return true
		}
		return inside
	}
	begin := func() error {
		mu.Lock()
		defer mu.Unlock()
		err := listen(s, meetingv1.RoomSubject(ref.MeetingID), func(e meetingv1.RoomEvent) {
			mu.Lock()
			defer mu.Unlock()
			if pass(e) {
				s.put(sse{name: e.Kind, data: e, last: e.Kind == meetingv1.EventEnded})
			}
		})
		if err != nil {
			return err
		}
		// History is what a seat in the room may read. Denied: a seat that waits; a key that is none is refused otherwise.
		history, err := askMeeting[meetingv1.HistoryReply](r.Context(), a, meetingv1.HistorySubject, ref)
		if err == nil {
			state = meetingv1.InRoom
		} else if errs.KindOf(err) != errs.Denied {
			return err
		}
		s.put(sse{name: "ready", data: roomReady{Room: history.Room}})
		return nil
	}
	if err := begin(); err != nil {
		return err
	}
	return s.run()
}

// present tells the room that a page is open, also one without sound and picture. Whether that was heard shows there.
func (a *App) present(ctx context.Context, ref meetingv1.SeatRef) {
	if _, err := askMeeting[meetingv1.Entry](ctx, a, meetingv1.LookSubject, ref); err != nil {
		a.Log.Debug("a page's presence", "meeting_id", ref.MeetingID, "participant_id", ref.ParticipantID, "err", err)
	}
}

// roomReady begins the events of a room. Room tells whether media that was set up before is still there, as in HistoryReply.
type roomReady struct {
	Room int64 `json:"room,omitempty"`
}
