package portal

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// A booked meeting is changed in the form that books it: who has a seat keeps it, and what is not changed stays.
func TestBookedMeetingIsChanged(t *testing.T) {
	p := start(t)
	s, err := p.bus.Service("meetings", "script")
	if err != nil {
		t.Fatal(err)
	}
	meeting := meetingv1.Meeting{
		ID: demoMeeting, Title: "Opfølgning", State: meetingv1.Booked, StartsAt: time.Date(2083, 6, 1, 12, 0, 0, 0, time.UTC), Minutes: 45,
		ServiceArea: "boligstoette", CaseNumber: "2026-17", Setup: "psykiatri", Identity: meetingv1.LevelHigh,
		Choices: meetingv1.Choices{Transcript: true, Recording: true, Basis: "Loven § 1"},
		Participants: []meetingv1.Participant{
			{ID: "host", Role: meetingv1.RoleCaseworker, User: "mette", Name: "Mette Lund", State: meetingv1.Invited},
			{ID: "citizen", Role: meetingv1.RoleCitizen, Name: "Bente Holm", Email: "bente@example.dk", Phone: "12345678", State: meetingv1.Invited},
			{ID: "helper", Role: meetingv1.RoleCompanion, Name: "Ole Holm", State: meetingv1.Invited},
		},
	}
	script(t, p, s, meetingv1.SetupsSubject, func(meetingv1.SetupsRequest) (meetingv1.SetupsReply, error) {
		return meetingv1.SetupsReply{Setups: []meetingv1.Setup{{ID: "psykiatri", Name: "Psykiatri", NameEN: "Psychiatry"}}}, nil
	})
	script(t, p, s, meetingv1.ListSubject, func(meetingv1.ListRequest) (meetingv1.ListReply, error) {
		return meetingv1.ListReply{Meetings: []meetingv1.Meeting{meeting}}, nil
	})
	changed := make(chan meetingv1.BookRequest, 1)
	script(t, p, s, meetingv1.ChangeSubject, func(r meetingv1.BookRequest) (meetingv1.Meeting, error) {
		changed <- r
		return meeting, nil
	})
	b := chromium(t, p)
	b.login("mette")
	b.open("/moeder")
	b.until(`document.documentElement.dataset.ready === "meetings" && document.querySelectorAll(".m-card").length === 1`)
	if got := eval[[]string](b, `[...document.querySelectorAll(".m-card li")].filter((x) => x.innerText.includes("Ingen e-mail")).map((x) => x.innerText)`); len(got) != 1 || !strings.Contains(got[0], "Ole Holm") {
		t.Errorf("who cannot be told: %q", got)
	}
	b.click(`.m-card .acts button:nth-of-type(1)`)
	b.until(`document.activeElement.id === "b-heading" && document.getElementById("b-heading").textContent === "Ret mødet"`)
	b.checked("meetings-change")
	b.run(chromedp.SetValue("#b-date", "2083-06-02"))
	b.click("#b-book")
	b.until(`document.getElementById("b-form").hidden`)
	r := <-changed
	if len(r.Participants) != 3 || r.Participants[0].ID != "host" || r.Participants[0].User != "mette" || r.Participants[1].ID != "citizen" ||
		r.Participants[1].Email != "bente@example.dk" || r.Participants[1].Phone != "12345678" {
		t.Errorf("people %+v", r.Participants)
	}
	if r.ID != demoMeeting || r.StartsAt.Sub(meeting.StartsAt) != 24*time.Hour || r.Minutes != 45 || r.CaseNumber != "2026-17" ||
		r.Setup != "psykiatri" || r.Identity != meetingv1.LevelHigh || r.Choices != meeting.Choices {
		t.Errorf("changed to %+v", r)
	}
}

// Who leads the meeting sees how a name is said, and can postpone with words that the one who waits reads.
func TestCaseworkerSeesHowANameIsSaidAndPostpones(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	r.be(func(me *meetingv1.Participant) { me.State = meetingv1.InRoom })
	r.mu.Lock()
	r.entry.Meeting.Participants = append(r.entry.Meeting.Participants,
		meetingv1.Participant{ID: "guest", Role: meetingv1.RoleCitizen, Name: "Njål", Say: "njåal", State: meetingv1.InLobby})
	r.mu.Unlock()
	s, err := p.bus.Service("lobby", "script")
	if err != nil {
		t.Fatal(err)
	}
	decided := make(chan meetingv1.AdmitRequest, 1)
	script(t, p, s, meetingv1.AdmitSubject, func(q meetingv1.AdmitRequest) (meetingv1.Meeting, error) {
		decided <- q
		return r.now().Meeting, nil
	})
	b := chromium(t, p)
	b.login("mette")
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.until(`document.getElementById("m-people").textContent.includes("siges: njåal")`)
	b.run(chromedp.Evaluate(`[...document.querySelectorAll("#m-people button")].find((e) => e.textContent === "Udskyd").click()`, nil))
	b.until(`document.getElementById("ask-dialog").open`)
	b.run(chromedp.SetValue("#ask-input", "Vi ringer i morgen"))
	b.click("#ask-yes")
	if q := <-decided; q.ParticipantID != "guest" || q.Decision != meetingv1.Postpone || q.Text != "Vi ringer i morgen" {
		t.Errorf("decided %+v", q)
	}
}

// inLobby is a citizen's page that waits to be let in.
func inLobby(t *testing.T) (*place, *meetingRoom, *page) {
	t.Helper()
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCitizen)
	r.be(func(me *meetingv1.Participant) { me.State, me.Name, me.Place = meetingv1.InLobby, "Bente Holm", 1 })
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("lobby")
	b.until(`document.getElementById("meeting").dataset.events === "on"`)
	b.until(`document.getElementById("m-place").textContent.includes("nummer 2")`) // what was found of the network is told
	return p, r, b
}

// Who waits is told that the meeting is postponed or cancelled, with the caseworker's words.
func TestWhoWaitsIsToldWhy(t *testing.T) {
	for name, c := range map[string]struct {
		event   meetingv1.RoomEvent
		heading string
	}{
		"postponed": {meetingv1.RoomEvent{Kind: meetingv1.EventNotice, To: "me", Device: "dev", Notice: "postponed"}, "Mødet er udskudt"},
		"cancelled": {meetingv1.RoomEvent{Kind: meetingv1.EventEnded, Notice: meetingv1.Cancelled}, "Mødet er aflyst"},
	} {
		t.Run(name, func(t *testing.T) {
			p, r, b := inLobby(t)
			c.event.MeetingID, c.event.Text = demoMeeting, "Vi ringer i morgen"
			r.tell(t, p, c.event)
			b.step("over")
			if got := eval[string](b, `document.getElementById("m-over").innerText`); !strings.Contains(got, c.heading) || !strings.Contains(got, "Vi ringer i morgen") {
				t.Errorf("the page says %q", got)
			}
		})
	}
}

// looking counts what the page asks for about its seat, and the answers that it has taken.
const looking = `(() => {
  const real = window.fetch;
  window.looks = { asked: 0, taken: 0 };
  window.fetch = async (url, options) => {
    if (!String(url).endsWith("/room/look")) return real(url, options);
    looks.asked++;
    const r = await real(url, options);
    const json = r.json.bind(r);
    r.json = async () => {
      const v = await json();
      setTimeout(() => looks.taken++);
      return v;
    };
    return r;
  };
})()`

// An answer that was on its way while the meeting was postponed does not bring the lobby back.
func TestPostponedStaysPostponed(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCitizen)
	r.be(func(me *meetingv1.Participant) { me.State, me.Name = meetingv1.InLobby, "Bente Holm" })
	b := chromium(t, p)
	b.before(looking)
	b.before(cut)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("lobby")
	b.until(`looks.asked > 0 && looks.taken === looks.asked && document.getElementById("m-place").textContent.includes("nummer 2")`)
	answer := make(chan struct{})
	release := sync.OnceFunc(func() { close(answer) })
	t.Cleanup(release)
	r.mu.Lock()
	r.looked = func() { <-answer }
	r.mu.Unlock()
	b.run(chromedp.Evaluate(`cut()`, nil))
	b.until(`looks.asked > looks.taken`)
	r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventNotice, To: "me", Device: "dev", Notice: "postponed", Text: "Vi ringer i morgen"})
	b.step("over")
	release()
	b.until(`looks.taken === looks.asked`)
	b.step("over")
	b.shows("Vi ringer i morgen")
}

// Each may change at any time whether what they say is written down, and all see a pause.
func TestChoiceOfWritingIsChangedInTheMeeting(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCitizen)
	yes := true
	r.be(func(me *meetingv1.Participant) {
		me.State, me.Name, me.Transcribe = meetingv1.InRoom, "Bente Holm", &yes
	})
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.until(`document.getElementById("meeting").dataset.events === "on"`)
	b.until(`document.getElementById("m-write-state").textContent === "Det, du siger, bliver skrevet ned"`)
	b.click("#m-write-acts button")
	if q := r.acted(t, meetingv1.ActTranscribe); q.Value != "no" {
		t.Errorf("asked for %+v", q)
	}
	b.until(`document.getElementById("m-write-state").textContent === "Det, du siger, bliver ikke skrevet ned"`)
	b.checked("meeting-writing")
	r.mu.Lock()
	r.entry.Meeting.Paused = true
	r.mu.Unlock()
	r.move(t, p, meetingv1.InRoom)
	b.until(`document.getElementById("m-write-state").textContent.startsWith("Pause")`)
}
