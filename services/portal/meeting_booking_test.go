package portal

import (
	"testing"

	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// Where people may come by telephone the form asks for the language that it speaks to each.
func TestBookingAsksForTheLanguageOfTheTelephone(t *testing.T) {
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
		b.until(`document.querySelectorAll("#b-people .m-person").length === 1 && document.querySelector('[name="language"]').parentElement.hidden`)
		b.click("#b-dialin")
		b.until(`!document.querySelector('[name="language"]').parentElement.hidden`)
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
