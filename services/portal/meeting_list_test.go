package portal

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// serveList plays the meeting service's list of 120 meetings, three a day, and tells what was asked to be cancelled.
func serveList(t *testing.T, p *place, change func(i int, m *meetingv1.Meeting)) <-chan meetingv1.CancelRequest {
	t.Helper()
	s, err := p.bus.Service("meetings", "script")
	if err != nil {
		t.Fatal(err)
	}
	var all []meetingv1.Meeting
	for i := range 120 {
		m := meetingv1.Meeting{
			ID: fmt.Sprintf("m-%03d", i), Title: fmt.Sprintf("Opfølgning %d", i), State: meetingv1.Booked, Minutes: 30, ServiceArea: "boligstoette",
			StartsAt: time.Date(2083, 6, 1+i/3, 8+i%3, 0, 0, 0, time.UTC), CreatedBy: "ole",
			Participants: []meetingv1.Participant{{ID: "host", Role: meetingv1.RoleCaseworker, User: "ole", Name: "Ole Vagt", State: meetingv1.Invited}},
		}
		change(i, &m)
		all = append(all, m)
	}
	script(t, p, s, meetingv1.SetupsSubject, func(meetingv1.SetupsRequest) (meetingv1.SetupsReply, error) {
		return meetingv1.SetupsReply{Setups: []meetingv1.Setup{}}, nil
	})
	script(t, p, s, meetingv1.ListSubject, func(r meetingv1.ListRequest) (rep meetingv1.ListReply, err error) {
		rep.Meetings = []meetingv1.Meeting{}
		for _, m := range all {
			if m.ID <= r.After || !strings.Contains(m.Title+" "+m.CaseNumber, r.Find) {
				continue
			}
			if len(rep.Meetings) == r.Limit {
				rep.Next = rep.Meetings[r.Limit-1].ID
				break
			}
			rep.Meetings = append(rep.Meetings, m)
		}
		return rep, nil
	})
	cancelled := make(chan meetingv1.CancelRequest, 1)
	script(t, p, s, meetingv1.CancelSubject, func(r meetingv1.CancelRequest) (meetingv1.Meeting, error) {
		cancelled <- r
		return all[0], nil
	})
	return cancelled
}

// The list comes a page at a time under its days, and what is looked for is found in all of it.
func TestMeetingListInPages(t *testing.T) {
	p := start(t)
	serveList(t, p, func(i int, m *meetingv1.Meeting) {
		if i == 110 {
			m.Title, m.CaseNumber = "Knæ", "2026-9981"
		}
	})
	b := chromium(t, p)
	b.login("mette")
	b.open("/moeder")
	cards := func(n int) { b.until(fmt.Sprintf(`document.querySelectorAll(".m-card").length === %d`, n)) }
	cards(50)
	if days := eval[[]string](b, `[...document.querySelectorAll(".m-day")].map((e) => e.textContent)`); len(days) != 17 || !strings.HasPrefix(days[0], "tirsdag 1. juni") {
		t.Errorf("days: %q", days)
	}
	b.click("#b-more")
	cards(100)
	b.until(`document.activeElement === document.querySelectorAll(".m-card")[50]`)
	b.click("#b-more")
	cards(120)
	b.until(`document.getElementById("b-more").hidden`)
	b.write("#b-find", "9981")
	cards(1)
	b.shows("Knæ")
	b.checked("meetings-found")
	b.write("#b-find", "x")
	b.shows("Ingen møder passer til det, du søger efter.")
	b.run(chromedp.Evaluate(`document.getElementById("b-find").value = ""; document.getElementById("b-search").requestSubmit()`, nil))
	cards(50)
	b.language("en")
	b.open("/moeder")
	cards(50)
	b.checked("meetings-en")
	for path, want := range map[string]int{"limit=2": http.StatusOK, "limit=0": http.StatusBadRequest, "limit=501": http.StatusBadRequest, "limit=x": http.StatusBadRequest} {
		if got := p.status(t, http.MethodGet, "/api/v1/meetings?"+path, p.areaToken(t, "mette", "boligstoette"), ""); got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
}

// Where who leads a meeting has lost the connection a colleague is offered to lead it, and one that was opened early can be cancelled.
func TestMeetingListShowsWhoIsAway(t *testing.T) {
	p := start(t)
	cancelled := serveList(t, p, func(i int, m *meetingv1.Meeting) {
		if i == 0 {
			m.State, m.Leaderless = meetingv1.Live, true
			m.Participants[0].State, m.Participants[0].Away = meetingv1.InRoom, true
		}
	})
	b := chromium(t, p)
	b.login("mette")
	b.open("/moeder")
	b.until(`document.documentElement.dataset.ready === "meetings" && document.querySelectorAll(".m-card").length === 50`)
	first := eval[string](b, `document.querySelector(".m-card").innerText`)
	if !strings.Contains(first, "uden forbindelse") || strings.Contains(first, "er inde") {
		t.Errorf("the first says %q", first)
	}
	buttons := func(n int) []string {
		return eval[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(".m-card")[%d].querySelectorAll(".acts button")].map((x) => x.textContent)`, n))
	}
	if got := buttons(0); !slices.Contains(got, "Led mødet i stedet") || !slices.Contains(got, "Aflys mødet") || slices.Contains(got, "Ret mødet") {
		t.Errorf("the first offers %q", got)
	}
	if got := buttons(1); slices.Contains(got, "Led mødet i stedet") {
		t.Errorf("the second offers %q", got)
	}
	b.run(chromedp.Evaluate(`[...document.querySelectorAll(".m-card")[0].querySelectorAll(".acts button")].find((x) => x.textContent === "Aflys mødet").click()`, nil))
	b.until(`document.querySelector("dialog[open] textarea") !== null`)
	b.write("dialog[open] textarea", "Ole er syg.")
	b.click(`dialog[open] button[value="yes"]`)
	if r := <-cancelled; r.ID != "m-000" || r.Reason != "Ole er syg." {
		t.Errorf("cancelled %+v", r)
	}
}

// The page of a link opens in the language that the participant is booked with, until they choose another.
func TestMeetingPageInTheParticipantsLanguage(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCitizen)
	r.be(func(me *meetingv1.Participant) { me.Language = "en" })
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.until(`document.documentElement.lang === "en" && document.documentElement.dataset.ready === "meeting"`)
	b.open("/om") // what follows is in it, too
	b.until(`document.documentElement.lang === "en"`)
	b.open("/moede/" + demoMeeting + "/secret?sprog=da")
	b.until(`document.documentElement.lang === "da" && document.documentElement.dataset.ready === "meeting"`)
	b.open("/sprog/da")
	b.open("/moede/" + demoMeeting + "/secret")
	b.until(`document.documentElement.lang === "da" && document.documentElement.dataset.ready === "meeting"`)
}
