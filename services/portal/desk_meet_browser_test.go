package portal

import (
	"testing"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/meetingv1"
)

// Asked twice for the meeting that a call goes on as, the desk shows the same one, and does not say that a message is on its way to
// an address that the meeting does not have.
func TestDeskAsksTwiceForOneMeeting(t *testing.T) {
	p := start(t)
	p.fill("x")
	call := ringingCall()
	call.ConversationID, call.State, call.Caseworker, call.ServiceArea = demoConv, callv1.StateTalking, "mette", "boligstoette"
	p.mu.Lock()
	p.calls = []callv1.Call{call}
	p.mu.Unlock()
	s, err := p.bus.Service("meeting", "script")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan meetingv1.BookRequest, 2)
	script(t, p, s, meetingv1.BookSubject, func(r meetingv1.BookRequest) (meetingv1.Meeting, error) {
		asked <- r
		return meetingv1.Meeting{ID: demoMeeting, State: meetingv1.Live, Participants: []meetingv1.Participant{
			{ID: "host", Role: meetingv1.RoleCaseworker, User: "ole", Link: "/moede/" + demoMeeting + "/host"},
			{ID: "me", Role: meetingv1.RoleCitizen, Link: "/moede/" + demoMeeting + "/me", Phone: "+4512345678"},
			{ID: "colleague", Role: meetingv1.RoleColleague, User: "mette", Link: "/moede/" + demoMeeting + "/colleague"},
		}}, nil
	})
	b := chromium(t, p)
	b.login("mette")
	b.open("/desk?samtale=" + demoConv)
	b.deskReady()
	for _, tt := range []struct{ phone, says string }{{"+4512345678", "på vej"}, {"+4587654321", "Giv borgeren linket"}} {
		b.until(`!document.getElementById("c-meet").hidden`)
		b.click("#c-meet")
		b.until(`document.getElementById("meet-dialog").open && !document.getElementById("meet-start").hidden && !document.getElementById("meet-start").disabled`)
		eval[bool](b, `(document.getElementById("meet-phone").value = "`+tt.phone+`") !== ""`)
		b.click("#meet-start")
		b.until(`document.activeElement.id === "meet-go" && document.getElementById("meet-done").textContent.includes("` + tt.says + `")`)
		b.until(`document.getElementById("meet-link").value === location.origin + "/moede/` + demoMeeting + `/me" && new URL(document.getElementById("meet-go").href).pathname === "/moede/` + demoMeeting + `/colleague"`)
		if r := <-asked; r.Follows != demoConv || !r.StartsAt.IsZero() || r.Participants[0].Phone != tt.phone {
			t.Errorf("asked for %+v", r)
		}
		b.click("#meet-dialog [data-close]")
		b.until(`!document.getElementById("meet-dialog").open`)
	}
}
