// Package room is the meeting while it is held: lobby, seats, media, moderation, chat, captions, and what of it is written down.
//
// A Hall has the rooms of one node. A room is one lock over its state; the SFU calls it from one goroutine per room. What must
// outlive the node (who was admitted, who declined, that the meeting began and ended) is written to the booking first.
package room

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	limit "golang.org/x/time/rate"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/recording"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// Config is what a Hall needs.
type Config struct {
	Book *booking.Book
	SFU  *sfu.SFU
	Feed *audiofeed.Gateway
	// Archive has the recordings.
	Archive *recording.Archive
	Bus     *bus.Bus
	Keys    seal.Keys
	// Area gives a service area's rules.
	Area   func(ctx context.Context, id string) (consentv1.Area, error)
	Master []byte // of the seats' keys
	ICE    []meetingv1.ICEServer
	Log    *slog.Logger
	Now    func() time.Time
	// After calls f once, later, unless stopped before.
	After func(d time.Duration, f func()) (stop func() bool)
	// Successor tells whether another node takes rooms over, and TURN where the others' TURN servers are.
	Successor func() bool
	TURN      func() []string
	// Hold is how often it is noted how far the rooms have come: as much of a leg's length a node that is killed takes with it. 0 means 5 s.
	Hold time.Duration
	// Awake tells whether the rooms here are known to be here still: false after this process was stopped, until CheckAll has returned.
	Awake func() bool
}

// Hall is the rooms of this node.
type Hall struct {
	Config
	opening singleflight.Group // of rooms, by meeting

	mu      sync.Mutex
	rooms   map[string]*room
	leaving bool
	limits  map[string]*limit.Limiter // by participant
	tries   tries
}

// New returns a Hall without rooms.
func New(cfg Config) *Hall {
	return &Hall{Config: cfg, rooms: map[string]*room{}, limits: map[string]*limit.Limiter{}}
}

// Rooms counts the rooms and the people in them.
func (h *Hall) Rooms() (rooms, people int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rooms {
		r.mu.Lock()
		people += len(r.seats)
		r.mu.Unlock()
	}
	return len(h.rooms), people
}

// find gives the room of a meeting, if it is open here.
func (h *Hall) find(id string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[id]
}

// full gives the SFU's errors their meaning for people.
func full(err error) error {
	switch {
	case errors.Is(err, sfu.ErrDraining):
		return store.ErrElsewhere
	case errors.Is(err, sfu.ErrLimit):
		return errs.E(errs.Unavailable, "Mødet kan ikke tage flere ind lige nu. Prøv igen om lidt.", err)
	case errors.Is(err, sfu.ErrSDP):
		return errs.E(errs.Invalid, "Browseren og mødet kunne ikke blive enige om lyd og billede. Prøv en anden browser.", err)
	case errors.Is(err, sfu.ErrState), errors.Is(err, sfu.ErrNoPeer), errors.Is(err, sfu.ErrClosed):
		return errs.E(errs.Conflict, "Forbindelsen til mødet er ikke klar. Prøv igen.", err)
	}
	return err
}

// close forgets a room that has ended.
func (h *Hall) close(r *room) {
	h.mu.Lock()
	if h.rooms[r.id] == r {
		delete(h.rooms, r.id)
	}
	h.mu.Unlock()
}

// tell sends an event to the browsers in a room.
func (h *Hall) tell(e meetingv1.RoomEvent) {
	data, err := json.Marshal(e)
	if err == nil {
		err = h.Bus.NC.Publish(meetingv1.RoomSubject(e.MeetingID), data)
	}
	if err != nil {
		h.Log.Warn("room event", "meeting_id", e.MeetingID, "kind", e.Kind, "err", err)
	}
}

// seat opens a meeting for who has a key to a seat in it. Inside: the participant must have been admitted on that device.
func (h *Hall) seat(ctx context.Context, s meetingv1.SeatRef, inside bool) (booking.Record, *meetingv1.Participant, error) {
	device, ok := booking.CheckKey(h.Master, s)
	if !ok {
		return booking.Record{}, nil, errs.E(errs.Unauthenticated, "Åbn mødet igen med dit link.", nil)
	}
	if !h.allow(s.ParticipantID) {
		return booking.Record{}, nil, errs.E(errs.Limited, "Det går for hurtigt. Vent et øjeblik.", nil)
	}
	rec, _, err := h.Book.Get(ctx, s.MeetingID)
	if err != nil {
		return rec, nil, err
	}
	p := rec.Participant(s.ParticipantID)
	if p == nil {
		return rec, nil, errs.E(errs.Denied, "Du er ikke længere med i mødet.", nil)
	}
	switch rec.State {
	case meetingv1.Ended, meetingv1.Cancelled, meetingv1.NoShow:
		return rec, p, errs.E(errs.NotFound, "Mødet er slut.", nil)
	}
	if inside && (!in(p.State) || rec.Seats[p.ID].Device != device) {
		return rec, p, errs.E(errs.Denied, "Du er ikke lukket ind i mødet.", nil)
	}
	if r := h.find(rec.ID); r != nil && in(p.State) && rec.Seats[p.ID].Device == device {
		r.saw(p.ID)
	}
	return rec, p, nil
}

// perSecond and burst bound the requests of one seat: more is no person at a page. A file of full size is forty requests.
const (
	perSecond = 25
	burst     = 150
	maxLimits = 10000
)

func (h *Hall) allow(participant string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.limits[participant]
	if l == nil {
		if len(h.limits) >= maxLimits {
			maps.DeleteFunc(h.limits, func(_ string, l *limit.Limiter) bool { return l.Tokens() >= burst })
		}
		l = limit.NewLimiter(perSecond, burst)
		h.limits[participant] = l
	}
	return l.AllowN(h.Now(), 1)
}

// in tells whether a state is one of being in the meeting.
func in(state string) bool { return state == meetingv1.InRoom || state == meetingv1.InSide }

// moderates tells whether a participant may act on others.
func moderates(p *meetingv1.Participant) bool { return p.Role == meetingv1.RoleCaseworker }

// public is a meeting as a participant may see it: others' addresses, links and device reports are left out. Who is not in the
// room sees nobody else.
func (h *Hall) public(rec booking.Record, me *meetingv1.Participant) meetingv1.Meeting {
	m := rec.Meeting
	m.CaseNumber, m.CreatedBy = "", ""
	m.Participants = nil
	for _, p := range rec.Participants {
		if p.ID == me.ID {
			p = *me
		}
		p.Place, p.WaitMins = queue(rec, p, h.Now())
		p.Line = line(p, h.Now())
		p.Tail = shown(me, p)
		p.Email, p.Phone, p.User, p.Link = "", "", "", ""
		mine := p.ID == me.ID
		host := moderates(me) && in(me.State) // a link alone makes nobody a caseworker
		if !mine && !host {
			p.Report = nil
			if !in(me.State) || !in(p.State) {
				continue
			}
		}
		m.Participants = append(m.Participants, p)
	}
	return m
}
