package meeting

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
)

func yes() *bool { y := true; return &y }

// eventually waits for what may be asked of the service.
func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(50 * time.Millisecond) { // a seat may ask 25 times a second
		if time.Now().After(end) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

func TestGuestComesThroughTheLobby(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	g := w.enter(m, 1, nil)
	if g.entry.Me.State != meetingv1.Invited || g.entry.Me.Verified != "" || g.entry.CanAct || len(g.entry.Meeting.Participants) != 1 {
		t.Errorf("before the lobby a guest sees %+v", g.entry)
	}
	refused(w, errs.Denied, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, SDP: "v=0"})
	refused(w, errs.Denied, meetingv1.HistorySubject, g.seat)
	report := &meetingv1.Report{Camera: "ok", Network: "slow"}
	e := get[meetingv1.Entry](w, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: g.seat, Name: " Bente Holm ", Transcribe: yes(), Report: report})
	if e.Me.State != meetingv1.InLobby || e.Me.Place != 1 || e.Me.Name != "Bente Holm" || len(e.Meeting.Participants) != 1 {
		t.Errorf("in the lobby: %+v", e)
	}
	other := w.enter(m, 2, nil)
	if e := other.knock("Ole", nil); e.Me.Place != 2 {
		t.Errorf("the second waits as number %d", e.Me.Place)
	}
	host := w.host(m)
	if host.entry.Me.State != meetingv1.InRoom || !host.entry.CanAct {
		t.Errorf("the caseworker: %+v", host.entry.Me)
	}
	for _, p := range host.entry.Meeting.Participants {
		if p.ID == g.seat.ParticipantID && (p.Report == nil || p.Report.Network != "slow") {
			t.Error("the caseworker does not see what the device check found")
		}
	}
	g.decide(meetingv1.Tell)
	w.until("the message in the lobby", func() bool {
		return slices.ContainsFunc(w.events, func(e meetingv1.RoomEvent) bool {
			return e.Notice == "told" && e.To == g.seat.ParticipantID && e.Device != "" && strings.HasPrefix(g.seat.Key, e.Device+".")
		})
	})
	g.decide(meetingv1.Postpone)
	if p := w.participant(m.ID, g.seat.ParticipantID); p.State != meetingv1.Invited {
		t.Errorf("postponed: %s", p.State)
	}
	g.knock("Bente Holm", yes())
	g.decide(meetingv1.Admit)
	if e := g.act(meetingv1.ActHand, "", "up"); e.Me.State != meetingv1.InRoom || !e.Me.Hand {
		t.Errorf("admitted: %+v", e.Me)
	}
	other.decide(meetingv1.Refuse)
	refused(w, errs.Denied, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: other.seat})
	refused(w, errs.Conflict, meetingv1.AdmitSubject, meetingv1.AdmitRequest{MeetingID: m.ID, ParticipantID: other.seat.ParticipantID, Decision: "admit", Actor: mette})
	w.until("the choice at the consent service", func() bool {
		return slices.ContainsFunc(w.choices, func(c consentv1.Choice) bool { return c.ConversationID == m.ID && c.Value })
	})
}

func TestVerifiedIdentityBelongsToOneDevice(t *testing.T) {
	w := newWorld(t)
	m := w.book(func(r *meetingv1.BookRequest) { r.Identity = meetingv1.LevelSubstantial })
	login := func(name, level string) *meetingv1.Login {
		return &meetingv1.Login{Subject: name, Name: name, Role: "citizen", Level: level}
	}
	g := w.enter(m, 1, nil)
	if !g.entry.NeedLogin || !g.knock("Bente Holm", nil).NeedLogin || g.entry.Me.State == meetingv1.InLobby {
		t.Errorf("without a login: %+v", g.entry.Me)
	}
	if low := w.enter(m, 1, login("Bente Holm", meetingv1.LevelLow)); !low.entry.NeedLogin {
		t.Error("a level below what is asked for is enough")
	}
	g = w.enter(m, 1, login("Bente Holm", meetingv1.LevelSubstantial))
	if g.entry.NeedLogin || g.entry.Me.Verified != meetingv1.LevelSubstantial {
		t.Errorf("with a login: %+v", g.entry)
	}
	if e := g.knock("Somebody Else", nil); e.Me.Name != "Bente Holm" {
		t.Errorf("a verified name is typed over: %s", e.Me.Name)
	}
	g.decide(meetingv1.Admit)
	stranger := w.enter(m, 1, login("Karl Krum", meetingv1.LevelHigh))
	if p := w.participant(m.ID, g.seat.ParticipantID); p.Name != "Bente Holm" || p.Verified != meetingv1.LevelSubstantial {
		t.Errorf("who is in the room has become %s (%s)", p.Name, p.Verified)
	}
	if me := stranger.entry.Me; me.State != meetingv1.Invited || me.Name != "Karl Krum" {
		t.Errorf("the stranger is %+v", me)
	}
	if e := w.enter(m, 1, nil).entry; !e.NeedLogin || e.Me.Verified != "" || e.Me.Name != "" {
		t.Errorf("a device without login is somebody: %+v", e.Me)
	}
}

// The journal is told who has logged in, when they are let in and not before, and for whom they act.
func TestCitizenWhoLoggedInIsIntroduced(t *testing.T) {
	w := newWorld(t)
	var parties []callv1.Introduced
	follow(w, "call.v1.changed.>", func(e callv1.Changed) {
		if len(e.Sealed) == 0 {
			return
		}
		var p callv1.Introduced
		if err := seal.OpenJSON(t.Context(), w.keys, e.ConversationID, "party", e.Sealed, &p); err != nil {
			t.Errorf("who the citizen is: %v", err)
		}
		parties = append(parties, p)
	})
	m := w.book()
	host := w.host(m).join()
	w.until("the meeting is held", func() bool { return len(w.started) == 1 })
	lone := w.enter(m, 1, &meetingv1.Login{
		Subject: "l", Name: "Lone Holm", Role: "citizen", Level: meetingv1.LevelSubstantial, OnBehalfOf: "Bente Holm", PartyRef: "pseudonym-7",
	})
	yes := true
	lone.knock("", &yes)
	w.mu.Lock()
	early := len(parties)
	w.mu.Unlock()
	lone.decide(meetingv1.Admit)
	w.until("the journal is told", func() bool { return len(parties) > early })
	want := callv1.Introduced{Party: callv1.Party{Name: "Lone Holm", Number: m.Participants[1].Phone}, Ref: "pseudonym-7", OnBehalfOf: "Bente Holm"}
	w.mu.Lock()
	if early != 0 || parties[0] != want {
		t.Errorf("told %d times before, and then %+v, want %+v", early, parties[0], want)
	}
	w.mu.Unlock()
	seen := host.act(meetingv1.ActHand, "", "up").Meeting.Participants
	if i := slices.IndexFunc(seen, func(p meetingv1.Participant) bool { return p.ID == lone.seat.ParticipantID }); i < 0 ||
		seen[i].Verified != meetingv1.LevelSubstantial || seen[i].OnBehalfOf != "Bente Holm" {
		t.Errorf("the others see %+v", seen)
	}
}

// Of two parents who are logged in it is the conversation of the one who came first: it does not become the other's when they leave.
func TestConversationStaysTheFirstCitizens(t *testing.T) {
	w := newWorld(t)
	refs := []string{}
	follow(w, "call.v1.changed.>", func(e callv1.Changed) {
		var p callv1.Introduced
		if len(e.Sealed) == 0 {
			return
		}
		if err := seal.OpenJSON(t.Context(), w.keys, e.ConversationID, "party", e.Sealed, &p); err != nil {
			t.Errorf("who the citizen is: %v", err)
		}
		refs = append(refs, p.Ref)
	})
	m := w.book(func(r *meetingv1.BookRequest) { r.Participants[2].Role = meetingv1.RoleCitizen })
	host := w.host(m).join()
	w.until("the meeting is held", func() bool { return len(w.started) == 1 })
	parents := map[string]*guest{}
	for i, ref := range []string{"mother", "father"} {
		login := &meetingv1.Login{Subject: ref, Name: ref, Role: "citizen", Level: meetingv1.LevelSubstantial, PartyRef: ref}
		g := w.enter(m, 2-i, login)
		g.knock("", yes())
		g.decide(meetingv1.Admit)
		parents[ref] = g
	}
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, parents["mother"].seat)
	host.act(meetingv1.ActHand, "", "up")
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID) // all that was told before has come
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(slices.Compact(refs), []string{"mother"}) {
		t.Errorf("it was told as the conversation of %q", refs)
	}
}

// The link of who leads the meeting shows nobody else to who is not logged in.
func TestLeadersLinkAloneTellsNothing(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	w.enter(m, 1, nil).knock("Bente Holm", nil)
	if got := w.enter(m, 0, nil).entry.Meeting.Participants; len(got) != 1 || got[0].ID != m.Participants[0].ID {
		t.Errorf("it shows %+v", got)
	}
	if got := w.host(m).entry.Meeting.Participants; len(got) < 2 {
		t.Errorf("to who leads it shows %+v", got)
	}
}

// What a set-up says of the note and of how long it is kept goes with the conversation.
func TestSetUpGoesWithTheConversation(t *testing.T) {
	w := newWorld(t)
	w.host(w.book(func(r *meetingv1.BookRequest) { r.Setup = "skole-hjem" })).join()
	w.until("the meeting is held", func() bool { return len(w.started) == 1 })
	if got := w.started[0]; got.Template != "barn/1" || got.KeepAfter != 7*24*time.Hour {
		t.Errorf("template %q, kept %v", got.Template, got.KeepAfter)
	}
}

func TestForwardedLinkDisturbsNobody(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente Holm", true).join()
	w.eventually("sound", func() bool { return host.hears(g) > 5 && g.hears(host) > 5 })
	stranger := w.enter(m, 1, nil)
	if e := stranger.knock("Karl Krum", nil); e.Me.State != meetingv1.InLobby || e.Me.Place != 1 {
		t.Errorf("the stranger: %+v", e.Me)
	}
	refused(w, errs.Denied, meetingv1.HistorySubject, stranger.seat)
	refused(w, errs.Denied, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: stranger.seat})
	p := w.participant(m.ID, g.seat.ParticipantID)
	if p.State != meetingv1.InRoom || p.Name != "Bente Holm" || !p.Again {
		t.Errorf("who is in the room is %+v", p)
	}
	g.say("m1", "jeg er her")
	w.mu.Lock()
	for _, e := range w.events {
		if e.Kind == meetingv1.EventRoom && e.Device != "" && strings.HasPrefix(stranger.seat.Key, e.Device+".") && len(e.Meeting.Participants) != 1 {
			t.Errorf("the stranger's device is told of %d people", len(e.Meeting.Participants))
		}
	}
	w.mu.Unlock()
	g.decide(meetingv1.Refuse)
	refused(w, errs.Denied, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: stranger.seat})
	if p := w.participant(m.ID, g.seat.ParticipantID); p.State != meetingv1.InRoom || p.Again {
		t.Errorf("after the refusal: %+v", p)
	}
	own := w.enter(m, 1, nil) // the same person on a telephone
	own.knock("Bente Holm", yes())
	own.decide(meetingv1.Admit)
	refused(w, errs.Denied, meetingv1.SaySubject, meetingv1.SayRequest{ID: "m2", Seat: g.seat, Text: "x"})
	own.join()
	w.eventually("sound of the second device", func() bool { return own.hears(host) > 5 })
}

func TestLockedEarlyRemoved(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true)
	host.act(meetingv1.ActLock, "", "on")
	late := w.enter(m, 2, nil)
	refused(w, errs.Denied, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: late.seat})
	g.knock("Bente", nil) // who is in may reload
	host.act(meetingv1.ActLock, "", "off")
	late.knock("Ole", nil)
	refused(w, errs.Denied, meetingv1.ActSubject, meetingv1.ActRequest{Seat: g.seat, Action: meetingv1.ActRemove, Target: host.seat.ParticipantID})
	host.act(meetingv1.ActRemove, g.seat.ParticipantID, "")
	refused(w, errs.Denied, meetingv1.HistorySubject, g.seat)
	refused(w, errs.Denied, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: g.seat})
	refused(w, errs.Denied, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: w.enter(m, 1, nil).seat}) // nor on another device
	token := func() meetingv1.EnterRequest {
		return meetingv1.EnterRequest{MeetingID: m.ID, Device: "prog", Token: true, Login: &meetingv1.Login{Subject: "prog", Name: "Program", Role: "citizen"}}
	}
	prog := get[meetingv1.Entry](w, meetingv1.EnterSubject, token())
	host.act(meetingv1.ActRemove, prog.Me.ID, "")
	refused(w, errs.Denied, meetingv1.EnterSubject, token())
	for _, action := range []string{meetingv1.ActRecord, meetingv1.ActDial, "dance"} {
		refused(w, errs.Invalid, meetingv1.ActSubject, meetingv1.ActRequest{Seat: host.seat, Action: action, Value: "on"})
	}

	tomorrow := w.book(func(r *meetingv1.BookRequest) { r.StartsAt = time.Now().Add(24 * time.Hour) })
	refused(w, errs.Conflict, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: w.enter(tomorrow, 1, nil).seat})
	early := token()
	early.MeetingID = tomorrow.ID
	refused(w, errs.Conflict, meetingv1.EnterSubject, early)
	if got := get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: tomorrow.ID, Actor: mette}); len(got.Participants) != len(tomorrow.Participants) {
		t.Errorf("who came too early is there: %v", got.Participants)
	}
	get[meetingv1.Meeting](w, meetingv1.CancelSubject, meetingv1.CancelRequest{ID: tomorrow.ID, Actor: mette})
	refused(w, errs.NotFound, meetingv1.EnterSubject, meetingv1.EnterRequest{
		MeetingID: tomorrow.ID, Secret: filepath.Base(tomorrow.Participants[1].Link), Device: "0123456789abcdef",
	})
}

// Who came by a token and has left makes room for others, and comes back when there is room.
func TestWhoLeftMakesRoom(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	token := func(i int) meetingv1.EnterRequest {
		who := fmt.Sprintf("program-%d", i)
		return meetingv1.EnterRequest{MeetingID: m.ID, Device: who, Token: true, Login: &meetingv1.Login{Subject: who, Name: who, Role: "citizen"}}
	}
	room := 25 - len(m.Participants)
	var first meetingv1.Entry
	for i := range room {
		if e := get[meetingv1.Entry](w, meetingv1.EnterSubject, token(i)); i == 0 {
			first = e
		}
	}
	refused(w, errs.Limited, meetingv1.EnterSubject, token(room))
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, first.Seat)
	next := get[meetingv1.Entry](w, meetingv1.EnterSubject, token(room))
	refused(w, errs.Limited, meetingv1.EnterSubject, token(0))
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, next.Seat)
	if e := get[meetingv1.Entry](w, meetingv1.EnterSubject, token(0)); e.Me.ID != first.Me.ID || e.Me.State != meetingv1.InRoom {
		t.Errorf("who comes back is %+v", e.Me)
	}
}

// What is no offer begins no meeting: it can still be moved and cancelled. Nor does it bring in who has a token.
func TestBrokenOfferBeginsNothing(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	for _, sdp := range []string{"v=0", "v=0\r\na=setup:passive\r\n"} {
		refused(w, errs.Invalid, meetingv1.EnterSubject, meetingv1.EnterRequest{
			MeetingID: m.ID, Device: "prog", Token: true, Offer: sdp, Login: &meetingv1.Login{Subject: "prog", Name: "Program", Role: "citizen"},
		})
	}
	if got := get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette}); len(got.Participants) != len(m.Participants) {
		t.Errorf("a broken offer has brought in %+v", got.Participants)
	}
	host := w.host(m)
	for _, sdp := range []string{"", "v=0", "v=0\r\na=setup:passive\r\n"} {
		refused(w, errs.Invalid, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: host.seat, SDP: sdp})
	}
	refused(w, errs.Invalid, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: host.seat, SDP: "v=0"})
	if got := get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette}); got.State != meetingv1.Booked {
		t.Errorf("the meeting is %s", got.State)
	}
}

// One of two connections can be ended alone, by whose they are; who ends both has left.
func TestConnectionsEndOneByOne(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	g := w.admitted(m, 1, "Bente", true).join()
	state := func() string {
		return get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette}).Participants[1].State
	}
	forged := g.seat
	forged.Key += "0"
	refused(w, errs.Unauthenticated, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: forged, End: true})
	get[meetingv1.MediaReply](w, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: g.seat, End: true})
	if got := state(); got != meetingv1.InRoom {
		t.Errorf("with one connection left they are %s", got)
	}
	get[meetingv1.MediaReply](w, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, End: true})
	if got := state(); got != meetingv1.Left {
		t.Errorf("without a connection they are %s", got)
	}
	refused(w, errs.Denied, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, End: true})
}

func TestForgedSeats(t *testing.T) {
	w := newWorld(t)
	m, other := w.book(), w.book()
	host, g := w.host(m), w.admitted(m, 1, "Bente", true)
	stolen := g.seat
	stolen.ParticipantID = host.seat.ParticipantID
	elsewhere := g.seat
	elsewhere.MeetingID = other.ID
	forged := g.seat
	forged.Key = strings.Split(forged.Key, ".")[0] + "." + strings.Repeat("0", 64)
	for _, s := range []meetingv1.SeatRef{stolen, elsewhere, forged, {MeetingID: m.ID, ParticipantID: g.seat.ParticipantID}, {}} {
		refused(w, errs.Unauthenticated, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: s})
		refused(w, errs.Unauthenticated, meetingv1.ActSubject, meetingv1.ActRequest{Seat: s, Action: meetingv1.ActEnd})
		refused(w, errs.Unauthenticated, meetingv1.HistorySubject, s)
		refused(w, errs.Unauthenticated, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: s})
	}
	for _, r := range []meetingv1.EnterRequest{
		{MeetingID: m.ID, Secret: filepath.Base(other.Participants[1].Link), Device: "0123456789abcdef"},
		{MeetingID: m.ID, Secret: "", Device: "0123456789abcdef"},
		{MeetingID: "no.such", Secret: "x", Device: "0123456789abcdef"},
	} {
		refused(w, errs.NotFound, meetingv1.EnterSubject, r)
	}
	stranger := mette
	stranger.Areas = []string{"b"}
	refused(w, errs.Denied, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: stranger})
	refused(w, errs.Denied, meetingv1.AdmitSubject, meetingv1.AdmitRequest{MeetingID: m.ID, ParticipantID: g.seat.ParticipantID, Decision: "admit", Actor: stranger})
	refused(w, errs.Invalid, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, SDP: "v=0\r\nnonsense"})
}

func TestMuteAndReconnect(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true).join()
	w.eventually("sound both ways", func() bool { return host.hears(g) > 5 && g.hears(host) > 5 })
	host.act(meetingv1.ActMute, g.seat.ParticipantID, "")
	refused(w, errs.Denied, meetingv1.ActSubject, meetingv1.ActRequest{Seat: host.seat, Action: meetingv1.ActUnmute, Target: g.seat.ParticipantID})
	refused(w, errs.Denied, meetingv1.ActSubject, meetingv1.ActRequest{Seat: g.seat, Action: meetingv1.ActMute, Target: host.seat.ParticipantID})
	g.hush()
	g.join() // a reload: everything is set up anew
	marker := g.hears(host)
	w.eventually("the host's sound again", func() bool { return g.hears(host) > marker+20 })
	// What is on its way when it is muted still comes; afterwards nothing does, while others' sound goes on.
	before, theirs := host.hears(g), g.hears(host)
	w.eventually("half a second of the host's sound", func() bool { return g.hears(host) > theirs+25 })
	if n := host.hears(g); n > before+2 {
		t.Errorf("%d packets of who is muted since the reconnect", n-before)
	}
	g.act(meetingv1.ActUnmute, "", "")
	before = host.hears(g)
	w.eventually("sound after unmuting", func() bool { return host.hears(g) > before+10 })
}

// leg is what the worker heard of a participant's newest leg.
func (w *world) leg(meeting, participant string) *heard {
	w.t.Helper()
	id := ""
	w.eventually("a leg", func() bool { id = w.participant(meeting, participant).LegID; return id != "" })
	w.until("a worker for the leg", func() bool { return w.heard[id] != nil })
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heard[id]
}

// Who comes back while somebody speaks learns it from the history.
func TestHistorySaysWhoIsHeard(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true).join()
	host.loud.Store(true)
	w.eventually("the host is heard", func() bool {
		l := g.history().Levels
		return len(l) == 1 && l[0].ParticipantID == host.seat.ParticipantID && l[0].Active
	})
	host.loud.Store(false)
	w.eventually("nobody is heard", func() bool { return len(g.history().Levels) == 0 })
}

func TestSideRoom(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g, tolk := w.host(m).join(), w.admitted(m, 1, "Bente", true).join(), w.admitted(m, 3, "Ana", true).join()
	w.eventually("all hear all", func() bool {
		return g.hears(host) > 5 && g.hears(tolk) > 5 && host.hears(g) > 5 && tolk.hears(host) > 5
	})
	refused(w, errs.Denied, meetingv1.ActSubject, meetingv1.ActRequest{Seat: g.seat, Action: meetingv1.ActSide, Value: "open", Targets: []string{tolk.seat.ParticipantID}})
	refused(w, errs.Invalid, meetingv1.ActSubject, meetingv1.ActRequest{Seat: host.seat, Action: meetingv1.ActSide, Value: "open"})
	host.act(meetingv1.ActSide, "", "open", tolk.seat.ParticipantID)
	// What was on its way comes in; then nothing more, however much is said.
	w.eventually("sound in the side room, and none that leaves it", func() bool {
		before, among := g.hears(host)+g.hears(tolk), tolk.hears(host)
		w.eventually("sound in the side room", func() bool { return tolk.hears(host) > among+25 })
		return g.hears(host)+g.hears(tolk) == before
	})
	l := w.leg(m.ID, host.seat.ParticipantID)
	w.until("masked sound", func() bool { return l.masked > 16000/4 })
	w.mu.Lock()
	clear := l.clear
	w.mu.Unlock()
	secret := host.say("s1", "det siger vi ikke")
	if !secret.Side || len(g.history().Messages) != 0 || len(tolk.history().Messages) != 1 {
		t.Error("the side room's chat is not the side room's")
	}
	w.until("more masked sound", func() bool { return l.masked > 16000/2 })
	w.mu.Lock()
	if l.clear > clear {
		t.Errorf("%d samples of the side room reached the recogniser", l.clear-clear)
	}
	w.mu.Unlock()
	host.act(meetingv1.ActSide, "", "close")
	before := g.hears(host)
	w.eventually("the host in the main room", func() bool { return g.hears(host) > before+10 })
	host.say("m1", "vi er tilbage")
	w.eventually("the typed words", func() bool { return len(w.typed(m.ID)) == 3 })
	if strings.Contains(fmt.Sprint(w.typed(m.ID)), "siger") {
		t.Error("the side room's chat is in the transcript")
	}
}

func TestWhoDeclinesIsNotWrittenDown(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", false).join()
	l, theirs := w.leg(m.ID, g.seat.ParticipantID), w.leg(m.ID, host.seat.ParticipantID)
	w.until("the length of who declined, the sound of who did not", func() bool { return l.masked > 16000/2 && theirs.clear > 16000/2 })
	g.say("m1", "det her skal ikke skrives ned")
	host.say("m2", "mit nummer er 010180-1236")
	host.say("m2a", "og hendes er 020304")
	host.say("m2b", "4321")
	host.act(meetingv1.ActPause, "", "")
	w.until("masked while paused", func() bool { return theirs.masked > 16000/4 })
	host.say("m3", "under pausen")
	refused(w, errs.Denied, meetingv1.ActSubject, meetingv1.ActRequest{Seat: g.seat, Action: meetingv1.ActContinue})
	host.act(meetingv1.ActContinue, "", "")
	clear := int64(-1)
	w.until("sound after the pause", func() bool {
		if clear < 0 {
			clear = theirs.clear
		}
		return theirs.clear > clear+16000/4
	})
	host.act(meetingv1.ActEnd, "", "")
	end := w.over(m.ID)
	words := w.typed(m.ID)
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.clear != 0 {
		t.Errorf("%d samples of who declined reached the recogniser", l.clear)
	}
	found := 0
	for _, e := range end.Legs {
		if h := w.heard[e.ID]; h != nil {
			found++
			if e.Samples != h.length() || !e.Transcribed {
				t.Errorf("leg %s has %d samples, the worker got %d", e.ID, e.Samples, h.length())
			}
		}
	}
	if found != 2 || end.Reason != "hangup" || !end.Transcribed || end.Caseworker != "mette" {
		t.Errorf("the end: %+v", end)
	}
	text := fmt.Sprint(words)
	if strings.Contains(text, "skrives") || strings.Contains(text, "pausen") {
		t.Errorf("typed words that nobody agreed to: %s", text)
	}
	masked := 0
	for _, x := range words {
		if x.Masked == "cpr" && x.Text != x.Clear {
			masked++
		}
	}
	if masked != 2 {
		t.Errorf("a number is not masked, or only when it is in one message: %s", text)
	}
}

func TestChatFilesLimits(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true)
	for i := range 5 {
		g.say(fmt.Sprintf("m%d", i), fmt.Sprintf("linje %d", i))
	}
	again := g.say("m2", "noget andet")
	if again.Text != "linje 2" {
		t.Errorf("the same id again says %q", again.Text)
	}
	refused(w, errs.Conflict, meetingv1.SaySubject, meetingv1.SayRequest{ID: "m2", Seat: host.seat, Text: "x"})
	var got []string
	for _, x := range host.history().Messages {
		got = append(got, x.ID)
	}
	if !slices.Equal(got, []string{"m0", "m1", "m2", "m3", "m4"}) {
		t.Errorf("history %v", got)
	}
	for _, q := range []meetingv1.SayRequest{{ID: "x", Text: " "}, {ID: "x", Text: strings.Repeat("æ", 2001)}, {ID: "a.b", Text: "x"}, {Text: "x"}} {
		q.Seat = g.seat
		refused(w, errs.Invalid, meetingv1.SaySubject, q)
	}
	refused(w, errs.NotFound, meetingv1.SaySubject, meetingv1.SayRequest{ID: "f", Seat: g.seat, File: "nope"})

	pdf := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("x"), 1000)...)
	send := func(id string, part, parts int, data []byte) meetingv1.FileRequest {
		return meetingv1.FileRequest{Seat: g.seat, File: meetingv1.File{ID: id, Name: `c:\mine\svar.pdf`, Type: "text/html"}, Part: part, Parts: parts, Data: data}
	}
	for name, q := range map[string]meetingv1.FileRequest{
		"a program":        send("f1", 0, 1, []byte("MZ\x90\x00\x03\x00\x00\x00")),
		"a page":           send("f2", 0, 1, []byte("<html><script>alert(1)</script>")),
		"a drawing":        send("f3", 0, 1, []byte(`<?xml version="1.0"?><svg onload="x()">`)),
		"too many parts":   send("f4", 0, 41, pdf),
		"too large a part": send("f5", 0, 1, make([]byte, meetingv1.MaxPart+1)),
		"a bad id":         send("f.6", 0, 1, pdf),
	} {
		t.Run(name, func(*testing.T) { refused(w, errs.Invalid, meetingv1.FileSubject, q) })
	}
	refused(w, errs.Conflict, meetingv1.FileSubject, send("f", 1, 2, pdf))
	get[meetingv1.FilePart](w, meetingv1.FileSubject, send("f", 0, 2, pdf))
	get[meetingv1.FilePart](w, meetingv1.FileSubject, send("f", 0, 2, pdf)) // the answer was lost
	refused(w, errs.Conflict, meetingv1.FileSubject, send("f", 0, 2, pdf[1:]))
	refused(w, errs.NotFound, meetingv1.SaySubject, meetingv1.SayRequest{ID: "f", Seat: g.seat, File: "f"})
	refused(w, errs.Invalid, meetingv1.FileSubject, send("f", 1, 1, pdf)) // a file that says it is shorter each time would never end
	if p := get[meetingv1.FilePart](w, meetingv1.FileSubject, send("f", 1, 2, pdf)); !p.Last || p.File.Type != "application/pdf" || p.File.Name != "svar.pdf" {
		t.Errorf("the file is %+v", p.File)
	}
	msg := get[meetingv1.Message](w, meetingv1.SaySubject, meetingv1.SayRequest{ID: "f", Seat: g.seat, File: "f"})
	if msg.File == nil || msg.File.Size != int64(2*len(pdf)) {
		t.Fatalf("the message: %+v", msg)
	}
	p := get[meetingv1.FilePart](w, meetingv1.FileSubject, meetingv1.FileRequest{Seat: host.seat, File: *msg.File, Part: 1})
	if !bytes.Equal(p.Data, pdf) || !p.Last {
		t.Error("the file came otherwise than it was sent")
	}
}

func TestFloodIsBounded(t *testing.T) {
	noon := time.Now().UTC().Truncate(time.Second)
	w := newWorld(t, func(w *world) { w.on.now = func() time.Time { return noon } }) // all in one moment
	m := w.book()
	host, g := w.host(m), w.admitted(m, 1, "Bente", true)
	limited := 0
	for range 200 {
		if _, err := ask[meetingv1.Entry](w, meetingv1.ActSubject, meetingv1.ActRequest{Seat: g.seat, Action: meetingv1.ActHand, Value: "up"}); errs.KindOf(err) == errs.Limited {
			limited++
		}
	}
	if limited < 50 {
		t.Errorf("of a flood only %d requests are refused", limited)
	}
	host.act(meetingv1.ActHand, g.seat.ParticipantID, "down") // others are not held up
}

// final is what the recogniser says of a leg.
func (w *world) final(meeting, leg string, from int64, text string) {
	w.t.Helper()
	var body transcriptv1.Body
	for i, x := range strings.Fields(text) {
		body.Words = append(body.Words, transcriptv1.Word{ID: fmt.Sprintf("w-%d-%d", from, i), Text: x, Start: from, End: from + 1, Confidence: 1})
	}
	sealed, err := sealJSON(w, meeting, body)
	w.must(err)
	w.must(w.bus.Publish(w.t.Context(), transcriptv1.Final{
		Meta: event.NewMeta("transcript.v1.final", "test", time.Now()), ConversationID: meeting, LegID: leg, Role: "citizen", From: from, To: from + 1,
		Engine: "demo", Ledger: []transcriptv1.Range{{Start: from, End: from + 1, State: transcriptv1.Transcribed}}, Sealed: sealed,
	}))
}

func TestCaptions(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true).join()
	w.leg(m.ID, g.seat.ParticipantID)
	leg := w.participant(m.ID, g.seat.ParticipantID).LegID
	w.final(m.ID, leg, 0, "jeg vil søge bolig støtte")
	w.final(m.ID, "another-leg", 0, "ikke fra mødet")
	var c meetingv1.Caption
	w.until("the caption", func() bool {
		for _, e := range w.events {
			if e.Kind == meetingv1.EventCaption && e.Caption.Final {
				c = *e.Caption
			}
		}
		return c.ID != ""
	})
	if c.From != g.seat.ParticipantID || c.Text != "jeg vil søge bolig støtte" {
		t.Errorf("caption %+v", c)
	}
	right := meetingv1.ActRequest{Seat: g.seat, Action: meetingv1.ActCorrect, Target: c.ID, Value: "jeg vil søge boligstøtte"}
	refused(w, errs.Denied, meetingv1.ActSubject, right)
	right.Seat = host.seat
	get[meetingv1.Entry](w, meetingv1.ActSubject, right)
	again := right
	again.Value = "jeg vil søge boligstøtte, mit cpr-nummer er 010190-1234"
	get[meetingv1.Entry](w, meetingv1.ActSubject, again)
	get[meetingv1.Entry](w, meetingv1.ActSubject, right)
	right.Target = "nope"
	refused(w, errs.NotFound, meetingv1.ActSubject, right)
	// The transcript has it beside what was heard, the later correction as the stronger.
	var passes []transcriptv1.Final
	w.until("the corrections in the transcript", func() bool {
		passes = slices.DeleteFunc(slices.Clone(w.finals), func(f transcriptv1.Final) bool { return f.Revision == 0 })
		return len(passes) == 3
	})
	ids, texts := map[string]bool{}, []string{}
	for _, f := range slices.SortedFunc(slices.Values(passes), func(x, y transcriptv1.Final) int { return x.Revision - y.Revision }) {
		var body transcriptv1.Body
		w.must(seal.OpenJSON(t.Context(), w.keys, m.ID, "body", f.Sealed, &body))
		words := []string{}
		for _, x := range body.Words {
			ids[x.ID] = true
			words = append(words, x.Text)
			if x.Start < f.From || x.Start >= f.To {
				t.Errorf("a word at %d of [%d, %d)", x.Start, f.From, f.To)
			}
		}
		texts = append(texts, strings.Join(words, " "))
		if f.LegID != leg || f.From != 0 || f.To != 1 {
			t.Errorf("a correction of %s [%d, %d)", f.LegID, f.From, f.To)
		}
	}
	if texts[2] != right.Value || strings.Contains(texts[1], "1234") || len(ids) != 4+4+len(strings.Fields(texts[1])) {
		t.Errorf("the transcript has %q, %d words", texts, len(ids))
	}
	w.final(m.ID, leg, 0, "jeg vil søge bolig støtte") // told twice
	w.final(m.ID, leg, 10, "tak")
	w.eventually("the second caption", func() bool { return len(g.history().Captions) == 2 })
	if h := g.history().Captions; h[0].Text != "jeg vil søge boligstøtte" || !h[0].Corrected {
		t.Errorf("history %+v", h)
	}
}

func TestRealTimeTextIsKept(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true).join()
	w.eventually("the channel", func() bool { return g.text.ReadyState().String() == "open" })
	at := func(text string) bool {
		host.mu.Lock()
		defer host.mu.Unlock()
		return strings.HasSuffix(host.written["t140:"+g.seat.ParticipantID], text)
	}
	w.eventually("the way to the host is there", func() bool { // until then what is typed is not kept for it
		w.must(g.text.SendText("x\b"))
		return at("x\b")
	})
	for _, c := range []string{"jeg ", "flytx", "\b", "ter\u2028", "og s"} {
		w.must(g.text.SendText(c))
	}
	w.eventually("the characters at the host", func() bool { return at("jeg flytx\bter\u2028og s") })
	w.eventually("the line", func() bool { return len(host.history().Messages) == 1 })
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, g.seat)
	w.eventually("the line that was not ended", func() bool { return len(host.history().Messages) == 2 })
	if h := host.history().Messages; h[0].Text != "jeg flytter" || h[1].Text != "og s" {
		t.Errorf("history %+v", h)
	}
	host.act(meetingv1.ActEnd, "", "")
	typed := w.typedLeg(w.over(m.ID))
	w.eventually("the last of the typed leg", func() bool { return w.accounted(typed.ID) == typed.Samples })
	if words := w.typed(m.ID); len(words) != 4 || words[0].Text != "jeg" || !words[2].Sentence {
		t.Errorf("typed words %+v", words)
	}
}

// told is a log whose messages can be looked for.
type told struct {
	slog.Handler
	mu   sync.Mutex
	said map[string]bool
}

func (l *told) Enabled(context.Context, slog.Level) bool { return true }
func (l *told) WithAttrs([]slog.Attr) slog.Handler       { return l }

func (l *told) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said[r.Message] = true
	return nil
}

func (l *told) has(message string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said[message]
}

// What is typed while the database takes nothing is written down when it does again.
func TestTextWaitsForTheDatabase(t *testing.T) {
	log := &told{said: map[string]bool{}}
	w := newWorld(t, func(w *world) { w.log = log })
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true).join()
	w.eventually("the channel", func() bool { return g.text.ReadyState().String() == "open" })
	db, err := platformstore.Open(t.Context(), w.dsn)
	w.must(err)
	defer db.Close()
	run := func(query string) {
		w.must(db.InTx(t.Context(), func(tx *platformstore.Tx) error {
			_, err := tx.Exec(t.Context(), query)
			return err
		}))
	}
	run(`CREATE TRIGGER full BEFORE INSERT ON said BEGIN SELECT RAISE(ABORT, 'full'); END`)
	w.must(g.text.SendText("jeg flytter\u2028"))
	w.eventually("the refusal", func() bool { return log.has("a line of real-time text is not kept yet") })
	run(`DROP TRIGGER full`)
	w.eventually("the line", func() bool { h := host.history().Messages; return len(h) == 1 && h[0].Text == "jeg flytter" })
	host.act(meetingv1.ActEnd, "", "")
	typed := w.typedLeg(w.over(m.ID))
	w.eventually("the last of the typed leg", func() bool { return w.accounted(typed.ID) == typed.Samples })
	if words := w.typed(m.ID); len(words) != 2 {
		t.Errorf("typed words %+v", words)
	}
}

// typedLeg is the one leg of a meeting that words were typed in.
func (w *world) typedLeg(end callv1.Ended) (leg callv1.LegEnd) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, l := range end.Legs {
		if slices.ContainsFunc(w.finals, func(f transcriptv1.Final) bool { return f.LegID == l.ID && f.Engine == "typed" }) {
			leg = l
			n++
		}
	}
	if n != 1 {
		w.t.Fatalf("%d typed legs in %+v", n, end.Legs)
	}
	return leg
}

// accounted is how far the ledger of a typed leg reaches without a hole, when it is ended; else -1.
func (w *world) accounted(leg string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var at int64
	for _, f := range w.finals {
		if f.LegID != leg {
			continue
		}
		for _, r := range f.Ledger {
			if r.Start != at {
				w.t.Errorf("a hole in the ledger at %d: %+v", at, r)
			}
			at = r.End
		}
		if f.Last {
			return at
		}
	}
	return -1
}

func TestDrainAndReturn(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host := w.host(m).join()
	host.act(meetingv1.ActMute, "", "")
	host.say("m1", "før genstart")
	first := w.leg(m.ID, host.seat.ParticipantID)
	w.until("sound", func() bool { return first.length() > 16000/4 })
	w.end(w.node, false)
	w.until("everybody is told", func() bool {
		return slices.ContainsFunc(w.events, func(e meetingv1.RoomEvent) bool { return e.Kind == meetingv1.EventMoved })
	})
	w.mu.Lock()
	if !first.ended {
		t.Error("the leg was not ended before the node stopped")
	}
	w.mu.Unlock()
	w.start()
	if h := func() meetingv1.HistoryReply { host.hush(); host.join(); return host.history() }(); len(h.Messages) != 1 || h.Messages[0].Text != "før genstart" {
		t.Errorf("history after the restart: %+v", h)
	}
	if me := w.participant(m.ID, host.seat.ParticipantID); !me.Muted {
		t.Error("who was muted is not")
	}
	host.say("m2", "efter genstart")
	w.eventually("a new leg", func() bool { return w.participant(m.ID, host.seat.ParticipantID).LegID != first.leg })
	w.leg(m.ID, host.seat.ParticipantID)
	host.act(meetingv1.ActEnd, "", "")
	end := w.over(m.ID)
	w.startedOnce(end)
	if n := len(w.typed(m.ID)); n != 4 {
		t.Errorf("%d typed words", n)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	typed, spoken := 0, 0
	for _, l := range end.Legs {
		switch h := w.heard[l.ID]; {
		case h == nil:
			typed++
		case h == first && l.Samples != first.length():
			t.Errorf("the first leg has %d samples, want %d", l.Samples, first.length())
		default:
			spoken++
		}
	}
	if typed != 1 || spoken != 2 {
		t.Errorf("%d typed and %d spoken legs", typed, spoken)
	}
}

func TestKilledNode(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host := w.host(m).join()
	host.say("m1", "før nedbruddet")
	l := w.leg(m.ID, host.seat.ParticipantID)
	known := func() (n int64) {
		legs, err := w.node.Store.Read().Legs(t.Context(), m.ID)
		w.must(err)
		for _, x := range legs {
			if x.ID == l.leg {
				n = x.Samples
			}
		}
		return n
	}
	w.eventually("the length of the leg is known", func() bool { return known() > 0 })
	w.end(w.node, true)
	host.hush()
	w.start()
	if got := get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette}); got.State != meetingv1.Live {
		t.Fatalf("after the crash the meeting is %s", got.State)
	}
	host.join()
	if h := host.history(); len(h.Messages) != 1 {
		t.Errorf("history after the crash: %+v", h)
	}
	w.eventually("a new leg", func() bool { return w.participant(m.ID, host.seat.ParticipantID).LegID != l.leg })
	host.act(meetingv1.ActEnd, "", "")
	end := w.over(m.ID)
	w.startedOnce(end)
	old := -1
	for i, x := range end.Legs {
		if x.ID == l.leg {
			old = i
		}
	}
	if old < 0 || end.Legs[old].Samples != known() {
		t.Errorf("the leg of before the crash: %d of %+v, known %d", old, end.Legs, known())
	}
}

func TestEveryoneLeaves(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host := w.host(m).join()
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, host.seat)
	host.hush()
	if rooms, people := w.node.Hall.Rooms(); rooms != 1 || people != 0 {
		t.Errorf("%d rooms, %d people", rooms, people)
	}
	// The workflow ends what nobody ends.
	w.must(w.node.Hall.Over(t.Context(), m.ID))
	if end := w.over(m.ID); end.Reason != "left-open" {
		t.Errorf("ended by %s", end.Reason)
	}
	refused(w, errs.NotFound, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: host.seat})
}

func TestErasedMeetingIsGone(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host := w.host(m).join()
	host.say("m1", "hemmeligt")
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
	get[consentv1.EraseReply](w, consentv1.EraseSubject, consentv1.EraseRequest{ConversationID: m.ID, Reason: "retention", Actor: "test"})
	w.must(w.bus.Publish(t.Context(), consentv1.Erased{
		Meta: event.NewMeta("consent.v1.erased", "test", time.Now()), ConversationID: m.ID, Reason: "retention",
	}))
	w.eventually("nothing is left", func() bool {
		_, err := ask[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette})
		said, err2 := w.node.Store.Read().Said(t.Context(), m.ID, 10)
		return errs.KindOf(err) == errs.NotFound && err2 == nil && len(said) == 0
	})
}

// What is typed in the side room stays there, also when the line was begun there and goes on outside.
func TestTextOfTheSideRoom(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g, tolk := w.host(m).join(), w.admitted(m, 1, "Bente", true).join(), w.admitted(m, 3, "Ana", true).join()
	w.eventually("the channel", func() bool { return host.text.ReadyState().String() == "open" })
	reads := func(at *guest, text string) bool {
		at.mu.Lock()
		defer at.mu.Unlock()
		return strings.HasSuffix(at.written["t140:"+host.seat.ParticipantID], text)
	}
	w.eventually("the ways to the others are there", func() bool {
		w.must(host.text.SendText("x\b"))
		return reads(g, "x\b") && reads(tolk, "x\b")
	})
	host.act(meetingv1.ActSide, "", "open", tolk.seat.ParticipantID)
	w.must(host.text.SendText("hemmeligt"))
	w.eventually("the words in the side room", func() bool { return reads(tolk, "hemmeligt") })
	host.act(meetingv1.ActSide, "", "close")
	w.must(host.text.SendText("åbent\u2028"))
	w.eventually("the words outside", func() bool { return reads(g, "åbent\u2028") })
	w.eventually("the line", func() bool { return len(g.history().Messages) == 1 })
	if h := g.history().Messages; h[0].Text != "åbent" || reads(g, "hemmeligtåbent\u2028") {
		t.Errorf("outside one reads %+v", h)
	}
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
	if words := w.typed(m.ID); len(words) != 1 || words[0].Text != "åbent" {
		t.Errorf("typed words %+v", words)
	}
	said, err := w.node.Store.Read().Said(t.Context(), m.ID, 10)
	if err != nil || len(said) != 2 {
		t.Errorf("%d lines are kept, %v", len(said), err)
	}
}

// Of a line that was begun while nothing was to be written down, nothing is, also when it is ended later.
func TestTextOfAPause(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true).join()
	w.eventually("the channel", func() bool { return host.text.ReadyState().String() == "open" })
	reads := func(text string) bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return strings.HasSuffix(g.written["t140:"+host.seat.ParticipantID], text)
	}
	w.eventually("the way to the guest is there", func() bool {
		w.must(host.text.SendText("x\b"))
		return reads("x\b")
	})
	host.act(meetingv1.ActPause, "", "")
	kept := func(n int) {
		w.eventually("the line", func() bool { return len(g.history().Messages) == n })
	}
	w.must(host.text.SendText("først\u2028hemmeligt "))
	kept(1) // and what follows it is there, too
	host.act(meetingv1.ActContinue, "", "")
	w.must(host.text.SendText("endnu\u2028åbent\u2028"))
	kept(3)
	if h := g.history().Messages; h[1].Text != "hemmeligt endnu" || h[2].Text != "åbent" {
		t.Errorf("one reads %+v", h)
	}
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
	if words := w.typed(m.ID); len(words) != 1 || words[0].Text != "åbent" {
		t.Errorf("typed words %+v", words)
	}
}
