package meeting

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Two caseworkers, one after the other, go on by video from one call: it is one meeting, and each is given a seat of their own first.
func TestCallGoesOnAsOneMeeting(t *testing.T) {
	w := newWorld(t)
	goesOn := func(r *meetingv1.BookRequest) { r.Follows, r.StartsAt = "call-1", time.Time{} }
	first := w.book(goesOn)
	colleague := meetingv1.Actor{ID: "ole", Role: "caseworker", Name: "Ole Vagt", Areas: mette.Areas}
	again := w.book(goesOn, func(r *meetingv1.BookRequest) {
		r.Actor, r.Participants = colleague, []meetingv1.Participant{{Role: meetingv1.RoleCitizen, Name: "Bente Holm"}}
	})
	if p := again.Participants[0]; again.ID != first.ID || p.User != "ole" || p.Role != meetingv1.RoleCaseworker || p.Link == "" {
		t.Errorf("meeting %s, was %s; first is %+v", again.ID, first.ID, p)
	}
	if w.book(goesOn).Participants[0].User != "mette" {
		t.Error("who booked it does not stand first any more")
	}
}

func colleague(id, area string) meetingv1.Actor {
	return meetingv1.Actor{ID: id, Role: "caseworker", Name: "Kollega " + id, Areas: []string{area}}
}

// seated opens the link of a colleague's own seat, logged in as who.
func (w *world) seated(meeting string, p meetingv1.Participant, who string) *guest {
	w.t.Helper()
	m := meetingv1.Meeting{ID: meeting, Participants: []meetingv1.Participant{p}}
	return w.enter(m, 0, &meetingv1.Login{Subject: who, Name: "Kollega " + who, Role: "caseworker", Level: meetingv1.LevelSubstantial})
}

// A colleague who asks for a meeting that is held goes in by a seat of their own, as a colleague by name and login.
func TestColleagueJoins(t *testing.T) {
	w := newWorld(t)
	var log []consentv1.Audit
	follow(w, "audit.v1.entry.>", func(e consentv1.Audit) { log = append(log, e) })
	goesOn := func(r *meetingv1.BookRequest) { r.Follows, r.StartsAt = "call-1", time.Time{} }
	m := w.book(goesOn)
	ref := func(a meetingv1.Actor) meetingv1.Ref { return meetingv1.Ref{ID: m.ID, Actor: a} }
	host := w.host(m).join()
	w.until("the meeting is held", func() bool { return len(w.started) == 1 })

	refused(w, errs.Denied, meetingv1.JoinSubject, ref(colleague("ida", "b")))
	citizen := colleague("bente", "a")
	citizen.Role = "citizen"
	refused(w, errs.Denied, meetingv1.JoinSubject, ref(citizen))
	seat := get[meetingv1.Participant](w, meetingv1.JoinSubject, ref(colleague("ole", "a")))
	again := get[meetingv1.Participant](w, meetingv1.JoinSubject, ref(colleague("ole", "a")))
	own := get[meetingv1.Participant](w, meetingv1.JoinSubject, ref(mette))
	if seat.Role != meetingv1.RoleColleague || seat.Name != "Kollega ole" || again.ID != seat.ID || again.Link != seat.Link || own.ID != host.seat.ParticipantID {
		t.Errorf("seats: %+v, again %+v, the host's %+v", seat, again, own)
	}
	w.until("who joins is in the audit log", func() bool {
		return slices.ContainsFunc(log, func(e consentv1.Audit) bool {
			return e.Actor == "ole" && e.Action == "join-meeting" && e.ConversationID == m.ID
		})
	})

	ole := w.seated(m.ID, seat, "ole")
	if e := ole.knock("Somebody Else", nil); e.Me.State != meetingv1.InRoom || e.Me.Name != "Kollega ole" || e.Me.Verified == "" || e.CanAct {
		t.Errorf("the colleague is %+v, leads: %v", e.Me, e.CanAct)
	}
	ole.join()
	w.eventually("sound of the colleague", func() bool { return host.hears(ole) > 5 && ole.hears(host) > 5 })
	seen := host.act(meetingv1.ActHand, "", "up").Meeting.Participants
	if !slices.ContainsFunc(seen, func(p meetingv1.Participant) bool {
		return p.ID == seat.ID && p.Role == meetingv1.RoleColleague && p.Verified != ""
	}) {
		t.Errorf("the host sees %+v", seen)
	}
	stranger := w.seated(m.ID, seat, "ida") // by the colleague's link
	if e := stranger.knock("Ida", nil); e.Me.State != meetingv1.InLobby || e.Me.Verified != "" {
		t.Errorf("somebody else by the colleague's link is %+v", e.Me)
	}
	stranger.decide(meetingv1.Refuse)

	// The call's desk asks for the meeting that goes on: the same seat, and one for another colleague.
	for who, id := range map[string]string{"ole": seat.ID, "eva": ""} {
		p := w.book(goesOn, func(r *meetingv1.BookRequest) {
			r.Actor, r.Participants = colleague(who, "a"), []meetingv1.Participant{{Role: meetingv1.RoleCitizen, Name: "Bente"}}
		}).Participants[0]
		if p.User != who || p.Role != meetingv1.RoleColleague || p.Link == "" || id != "" && p.ID != id {
			t.Errorf("%s is given %+v", who, p)
		}
	}

	host.act(meetingv1.ActRemove, seat.ID, "")
	refused(w, errs.Denied, meetingv1.JoinSubject, ref(colleague("ole", "a")))
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
	refused(w, errs.NotFound, meetingv1.JoinSubject, ref(colleague("eva", "a")))
}

// The caseworker who booked a meeting is ill: a colleague takes it over when it is to begin, and not while somebody leads it.
func TestColleagueTakesOver(t *testing.T) {
	w := newWorld(t)
	lead := func(m meetingv1.Meeting) meetingv1.Ref {
		return meetingv1.Ref{ID: m.ID, Actor: colleague("ole", "a"), Lead: true}
	}
	refused(w, errs.Conflict, meetingv1.JoinSubject, lead(w.book(func(r *meetingv1.BookRequest) { r.StartsAt = time.Now().Add(24 * time.Hour) })))
	m := w.book()
	host := w.host(m)
	refused(w, errs.Conflict, meetingv1.JoinSubject, lead(m))
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, host.seat)
	as := get[meetingv1.Participant](w, meetingv1.JoinSubject, meetingv1.Ref{ID: m.ID, Actor: colleague("ole", "a")})
	seat := get[meetingv1.Participant](w, meetingv1.JoinSubject, lead(m))
	if seat.ID != as.ID || seat.Role != meetingv1.RoleCaseworker {
		t.Errorf("who takes over, as a colleague before, has the seat %+v", seat)
	}
	ole := w.seated(m.ID, seat, "ole")
	if ole.entry.Me.State != meetingv1.InRoom || !ole.entry.CanAct {
		t.Errorf("who takes over is %+v", ole.entry.Me)
	}
	bente := w.enter(m, 1, nil)
	bente.knock("Bente", yes())
	get[meetingv1.Meeting](w, meetingv1.AdmitSubject, meetingv1.AdmitRequest{
		MeetingID: m.ID, ParticipantID: bente.seat.ParticipantID, Decision: meetingv1.Admit, Actor: colleague("ole", "a"),
	})
	ole.act(meetingv1.ActEnd, "", "")
	w.eventually("the meeting is over", func() bool { return w.state(m.ID) == meetingv1.Ended })
}

// Of a meeting that is locked, or has not begun, a colleague waits in the lobby, and does not let themselves in.
func TestColleagueWaits(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	ole := w.seated(m.ID, get[meetingv1.Participant](w, meetingv1.JoinSubject, meetingv1.Ref{ID: m.ID, Actor: colleague("ole", "a")}), "ole")
	if e := ole.knock("", nil); e.Me.State != meetingv1.InLobby {
		t.Errorf("before it has begun: %+v", e.Me)
	}
	ole.decide(meetingv1.Postpone)
	host := w.host(m).join()
	w.until("the meeting is held", func() bool { return len(w.started) == 1 })
	host.act(meetingv1.ActLock, "", "on")
	if e := ole.knock("", nil); e.Me.State != meetingv1.InLobby {
		t.Errorf("while it is locked: %+v", e.Me)
	}
	refused(w, errs.Denied, meetingv1.AdmitSubject, meetingv1.AdmitRequest{
		MeetingID: m.ID, ParticipantID: ole.seat.ParticipantID, Decision: meetingv1.Admit, Actor: colleague("ole", "a"),
	})
	ole.decide(meetingv1.Admit)
	if e := get[meetingv1.Entry](w, meetingv1.LookSubject, ole.seat); e.Me.State != meetingv1.InRoom || e.Me.Verified == "" || len(e.Meeting.Participants) != 2 {
		t.Errorf("let in: %+v", e)
	}
	late := w.enter(m, 1, nil)
	if e := get[meetingv1.Entry](w, meetingv1.LookSubject, late.seat); e.Me.State != meetingv1.Invited || len(e.Meeting.Participants) != 1 {
		t.Errorf("one who has not knocked: %+v", e)
	}
}

// Whoever is logged in as whose seat it is brings it along to another device, without a lobby; the device before is told, and is out.
func TestSeatFollowsItsOwner(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host := w.host(m).join()
	w.until("the meeting is held", func() bool { return len(w.started) == 1 })
	seat := get[meetingv1.Participant](w, meetingv1.JoinSubject, meetingv1.Ref{ID: m.ID, Actor: colleague("ole", "a")})
	ole := w.seated(m.ID, seat, "ole")
	ole.knock("", nil)
	ole.join()
	for name, c := range map[string]struct {
		before *guest
		link   string
		login  *meetingv1.Login
	}{
		"caseworker": {host, m.Participants[0].Link, &meetingv1.Login{Subject: "mette", Name: "Mette Lund", Role: "caseworker"}},
		"colleague":  {ole, seat.Link, &meetingv1.Login{Subject: "ole", Name: "Kollega ole", Role: "caseworker", Level: meetingv1.LevelSubstantial}},
	} {
		r := meetingv1.EnterRequest{MeetingID: m.ID, Secret: filepath.Base(c.link), Device: "device-second-" + name, Login: c.login}
		if e := get[meetingv1.Entry](w, meetingv1.EnterSubject, r); !e.Elsewhere || e.Me.State != meetingv1.Invited {
			t.Errorf("%s: before it is taken: %+v", name, e)
		}
		c.before.history() // is not disturbed
		stranger := r
		stranger.Device, stranger.Login, stranger.Take = "device-stranger-"+name, nil, true
		if e := get[meetingv1.Entry](w, meetingv1.EnterSubject, stranger); e.Elsewhere || e.Me.State != meetingv1.Invited {
			t.Errorf("%s: somebody without the login: %+v", name, e)
		}
		r.Take = true
		e := get[meetingv1.Entry](w, meetingv1.EnterSubject, r)
		if e.Elsewhere || e.Me.State != meetingv1.InRoom {
			t.Errorf("%s: taken: %+v", name, e)
		}
		refused(w, errs.Denied, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: c.before.seat})
		w.until("the device before is told", func() bool {
			return slices.ContainsFunc(w.events, func(ev meetingv1.RoomEvent) bool {
				return ev.Notice == "elsewhere" && ev.To == e.Seat.ParticipantID && strings.HasPrefix(c.before.seat.Key, ev.Device+".")
			})
		})
		*c.before = guest{w: w, seat: e.Seat, entry: e}
		c.before.join()
	}
	w.eventually("sound of the second devices", func() bool { return host.hears(ole) > 5 && ole.hears(host) > 5 })
}
