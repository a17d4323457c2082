package portal

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// The inbox lists the caseworker's own meetings of today, and says when somebody waits to be let in.
func TestDeskMeetingsOfToday(t *testing.T) {
	p := start(t)
	s, err := p.bus.Service("meetings", "script")
	if err != nil {
		t.Fatal(err)
	}
	meeting := func(id, title, user, guest string) meetingv1.Meeting {
		return meetingv1.Meeting{
			ID: id, Title: title, State: meetingv1.Live, StartsAt: time.Now(), Minutes: 30, ServiceArea: "boligstoette", CreatedBy: user,
			Participants: []meetingv1.Participant{
				{ID: "host", Role: meetingv1.RoleCaseworker, User: user, State: meetingv1.Invited, Link: "/moede/" + id + "/host.secret"},
				{ID: "guest", Role: meetingv1.RoleCitizen, Name: "Bente Holm", State: guest},
			},
		}
	}
	later := meeting("m-later", "Om to dage", "mette", meetingv1.Invited)
	later.State, later.StartsAt = meetingv1.Booked, time.Now().Add(48*time.Hour)
	script(t, p, s, meetingv1.ListSubject, func(meetingv1.ListRequest) (meetingv1.ListReply, error) {
		return meetingv1.ListReply{Meetings: []meetingv1.Meeting{
			meeting("m-own", "Om boligstøtte", "mette", meetingv1.InLobby), meeting("m-other", "En kollegas", "jonas", meetingv1.InLobby), later,
		}}, nil
	})
	b := chromium(t, p)
	b.login("mette")
	b.until(`document.querySelectorAll(".box-group.meetings .item").length === 1`)
	b.shows("Møder i dag")
	b.shows("Om boligstøtte")
	b.shows("1 venter på at komme ind")
	if got := eval[string](b, `document.querySelector(".box-group.meetings .item").getAttribute("href")`); got != "/moede/m-own/host.secret" {
		t.Errorf("the meeting leads to %s", got)
	}
	b.key("j") // reaches it without opening another page
	b.until(`document.activeElement.matches(".box-group.meetings .item")`)
	b.axe("meetings of today")
	b.narrow("meetings of today")
}
