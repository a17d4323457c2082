package portal

import (
	"testing"

	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// The form asks for each person's language: of letters, of the page and of the telephone.
func TestBookingAsksForTheLanguage(t *testing.T) {
	p := start(t)
	booked := serveBooking(t, p)
	s, err := p.bus.Service("meetings", "script")
	if err != nil {
		t.Fatal(err)
	}
	script(t, p, s, meetingv1.SetupsSubject, func(meetingv1.SetupsRequest) (meetingv1.SetupsReply, error) {
		return meetingv1.SetupsReply{Setups: []meetingv1.Setup{}}, nil
	})
	script(t, p, s, meetingv1.ListSubject, func(meetingv1.ListRequest) (meetingv1.ListReply, error) {
		return meetingv1.ListReply{Meetings: []meetingv1.Meeting{}}, nil
	})
	b := chromium(t, p)
	for _, l := range []string{"da", "en"} {
		b.language(l)
		b.login("mette")
		b.open("/moeder")
		b.until(`document.documentElement.dataset.ready === "meetings"`)
		b.click("#b-new")
		b.until(`document.querySelectorAll("#b-people .m-person").length === 1`)
		b.click("#b-dialin")
		b.click("#b-add")
		b.until(`document.querySelectorAll('#b-people .form-group:not([hidden]) > [name="language"]').length === 2`)
		b.checked("meetings-language-" + l)
		b.run(chromedp.SetValue(`#b-people .m-person:nth-child(2) [name="language"]`, "en"), chromedp.SetValue("#b-title", "Opfølgning"))
		b.click(`#b-form button.button-primary`)
		b.until(`document.getElementById("b-form").hidden`)
		if r := <-booked; !r.Choices.DialIn || len(r.Participants) != 2 || r.Participants[0].Language != "" || r.Participants[1].Language != "en" {
			t.Errorf("booked %+v", r)
		}
		b.logout()
	}
}

// A colleague's meeting is joined by a seat of one's own: the caseworker's link is not shown to others.
func TestColleagueAsksForASeat(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleColleague)
	r.be(func(me *meetingv1.Participant) {
		me.User, me.Name, me.Verified = "mette", "Mette Lund", meetingv1.LevelSubstantial
	})
	s, err := p.bus.Service("meetings", "script")
	if err != nil {
		t.Fatal(err)
	}
	meeting := r.now().Meeting
	meeting.Participants = []meetingv1.Participant{
		{ID: "host", Role: meetingv1.RoleCaseworker, User: "ole", Name: "Ole Vagt", State: meetingv1.InRoom, Link: "/moede/" + demoMeeting + "/host"},
		{ID: "citizen", Role: meetingv1.RoleCitizen, Name: "Bente Holm", State: meetingv1.InRoom, Link: "/moede/" + demoMeeting + "/citizen"},
	}
	script(t, p, s, meetingv1.SetupsSubject, func(meetingv1.SetupsRequest) (meetingv1.SetupsReply, error) {
		return meetingv1.SetupsReply{Setups: []meetingv1.Setup{}}, nil
	})
	script(t, p, s, meetingv1.ListSubject, func(meetingv1.ListRequest) (meetingv1.ListReply, error) {
		return meetingv1.ListReply{Meetings: []meetingv1.Meeting{meeting}}, nil
	})
	asked := make(chan meetingv1.Ref, 1)
	script(t, p, s, meetingv1.JoinSubject, func(r meetingv1.Ref) (meetingv1.Participant, error) {
		asked <- r
		return meetingv1.Participant{ID: "me", Role: meetingv1.RoleColleague, Link: "/moede/" + demoMeeting + "/own"}, nil
	})
	b := chromium(t, p)
	b.login("mette")
	b.open("/moeder")
	b.until(`document.documentElement.dataset.ready === "meetings" && document.querySelectorAll(".m-card").length === 1`)
	if eval[bool](b, `document.querySelector('.m-card a[href$="/host"]') !== null`) {
		t.Error("the caseworker's own link is shown to a colleague")
	}
	b.click(`.m-card .acts .button-secondary`)
	b.until(`location.pathname === "/moede/` + demoMeeting + `/own" && document.documentElement.dataset.ready === "meeting"`)
	if r := <-asked; r.ID != demoMeeting || r.Actor.ID != "mette" || r.Actor.Role != "caseworker" || len(r.Actor.Areas) == 0 {
		t.Errorf("asked for %+v", r)
	}
	b.step("check")
	b.click("#m-checked")
	b.step("info")
	b.until(`document.getElementById("m-name").closest(".form-group").hidden && document.getElementById("m-knock").textContent === "Gå ind til mødet"`)
	b.checked("meeting-colleague")
}
