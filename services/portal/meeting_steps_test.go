package portal

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// The page's title says which step of the meeting it is: whoever does not see the page orients by it.
func TestMeetingTitleFollowsTheStep(t *testing.T) {
	for _, l := range []struct{ language, check, info, lobby, room, over string }{
		{"da", "Prøv kamera og lyd", "Det skal du vide", "Venteværelse", "Mødet", "Mødet er slut"},
		{"en", "Try camera and sound", "What you should know", "Waiting room", "The meeting", "The meeting is over"},
	} {
		t.Run(l.language, func(t *testing.T) {
			p := start(t)
			r := serveMeeting(t, p, meetingv1.RoleCitizen)
			b := chromium(t, p)
			b.language(l.language)
			titled := func(step, words string) {
				t.Helper()
				b.step(step)
				if got := eval[string](b, `document.title`); got != words+" – Opfølgning på din ansøgning – Samtale" {
					t.Errorf("%s is titled %q", step, got)
				}
			}
			b.open("/moede/" + demoMeeting + "/secret")
			titled("check", l.check)
			b.until(`document.documentElement.dataset.ready === "meeting" && document.getElementById("meeting").dataset.events === "on"`)
			b.click("#m-checked")
			titled("info", l.info)
			b.run(chromedp.SetValue("#m-name", "Bente Holm"))
			b.click(`input[name="m-transcribe"][value="yes"]`)
			b.click("#m-knock")
			titled("lobby", l.lobby)
			r.move(t, p, meetingv1.InRoom)
			titled("room", l.room)
			r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventEnded})
			titled("over", l.over)
		})
	}
}

// Whose network is bad reads what that means and what to do, also when the page is loaded again; who leads the meeting sees it.
func TestBadNetworkIsSaid(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCitizen)
	r.be(func(me *meetingv1.Participant) {
		me.State, me.Name, me.Quality = meetingv1.InRoom, "Bente Holm", "audio-only"
	})
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.until(`document.getElementById("m-network").textContent.startsWith("Dit netværk rækker kun til lyd lige nu.")`)
	b.checked("meeting-audio-only")
	b.until(`document.getElementById("meeting").dataset.events === "on"`)
	r.be(func(me *meetingv1.Participant) { me.Quality = "poor" })
	r.move(t, p, meetingv1.InRoom)
	b.until(`document.getElementById("m-network").textContent.startsWith("Dit netværk er dårligt.")`)
	r.be(func(me *meetingv1.Participant) { me.Quality = "good" })
	r.move(t, p, meetingv1.InRoom)
	b.until(`document.getElementById("m-network").textContent === ""`)
}

func TestCaseworkerSeesABadConnection(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	r.be(func(me *meetingv1.Participant) { me.State, me.Name = meetingv1.InRoom, "Mette Lund" })
	r.mu.Lock()
	r.entry.Meeting.Participants = append(r.entry.Meeting.Participants,
		meetingv1.Participant{ID: "bente", Role: meetingv1.RoleCitizen, Name: "Bente", State: meetingv1.InRoom, Quality: "audio-only"},
		meetingv1.Participant{ID: "ole", Role: meetingv1.RoleCompanion, Name: "Ole", State: meetingv1.InRoom, ByPhone: true, Tail: "78", Quality: "poor"},
		meetingv1.Participant{ID: "ana", Role: meetingv1.RoleInterpreter, Name: "Ana", State: meetingv1.InRoom, Quality: "good"})
	r.mu.Unlock()
	b := chromium(t, p)
	b.login("mette")
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	said := func(name, words string) {
		t.Helper()
		b.until(`[...document.querySelectorAll("#m-people li")].find((e) => e.innerText.startsWith("` + name + `"))?.querySelector(".m-weak")?.textContent === "` + words + `"`)
	}
	said("Bente", "dårlig forbindelse: kun lyd")
	said("Ole", "dårlig forbindelse")
	if n := eval[int](b, `document.querySelectorAll("#m-people .m-weak").length`); n != 2 {
		t.Errorf("%d are marked", n)
	}
	b.checked("meeting-weak")
}

// From whom nothing comes is marked for everybody, at the tile and in the list, until something comes or they count as away. Other bad
// connections are for who leads the meeting alone.
func TestLostConnectionIsMarked(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCitizen)
	r.be(func(me *meetingv1.Participant) { me.State, me.Name = meetingv1.InRoom, "Bente Holm" })
	is := func(quality string, away bool) {
		r.mu.Lock()
		mette := meetingv1.Participant{ID: "mette", Role: meetingv1.RoleCaseworker, Name: "Mette", State: meetingv1.InRoom, Quality: quality, Away: away}
		r.entry.Meeting.Participants = append(r.entry.Meeting.Participants[:1:1], mette)
		r.mu.Unlock()
	}
	is("lost", false)
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	marked := func(lost bool) {
		t.Helper()
		for _, place := range []string{"#m-people li", "#m-tiles figcaption"} {
			b.until(`[...document.querySelectorAll("` + place + `")].find((e) => e.innerText.includes("Mette"))?.innerText.includes("mister forbindelsen …") === ` + strconv.FormatBool(lost))
		}
	}
	marked(true)
	b.checked("meeting-lost")
	b.until(`document.getElementById("meeting").dataset.events === "on"`)
	is("poor", false)
	r.move(t, p, meetingv1.InRoom)
	marked(false)
	if n := eval[int](b, `document.querySelectorAll("#m-people .m-weak").length`); n != 0 {
		t.Errorf("%d are marked", n)
	}
	is("lost", false)
	r.move(t, p, meetingv1.InRoom)
	marked(true)
	is("lost", true)
	r.be(func(me *meetingv1.Participant) { me.Quality = "lost" })
	r.move(t, p, meetingv1.InRoom)
	marked(false)
	if said := eval[string](b, `document.getElementById("m-network").textContent`); said != "" {
		t.Errorf("one is told of oneself: %s", said)
	}
}

// Who is not to come any more is told that the meeting is held without them: by the page that is open, by one that has missed it, and by the
// link, in their language.
func TestDroppedParticipantIsToldSo(t *testing.T) {
	told := func(t *testing.T, b *page) {
		t.Helper()
		b.step("over")
		if got := eval[string](b, `document.getElementById("m-over").innerText`); !strings.Contains(got, "Du skal ikke længere være med i mødet") || strings.Contains(got, "aflyst") {
			t.Errorf("the page says %q", got)
		}
	}
	t.Run("the open page", func(t *testing.T) {
		p, r, b := inLobby(t)
		r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventNotice, To: "me", Notice: meetingv1.NoticeDropped})
		told(t, b)
		b.checked("meeting-dropped-open")
	})
	t.Run("a page that has missed it", func(t *testing.T) {
		_, r, b := inLobby(t)
		r.mu.Lock()
		r.gone = errs.E(errs.Denied, "Du er ikke længere med i mødet.", nil)
		r.mu.Unlock()
		b.open("/moede/" + demoMeeting + "/secret")
		told(t, b)
	})
	t.Run("the link", func(t *testing.T) {
		p := start(t)
		r := serveMeeting(t, p, meetingv1.RoleCitizen)
		b := chromium(t, p)
		for _, l := range [][2]string{{"", "bliver holdt uden dig"}, {"en", "goes on without you"}} { // once it is set, the browser keeps a language
			language, want := l[0], l[1]
			r.mu.Lock()
			r.entry = meetingv1.Entry{Dropped: true, Me: meetingv1.Participant{Language: language}, Meeting: meetingv1.Meeting{
				ID: demoMeeting, Title: "Opfølgning på din ansøgning", StartsAt: time.Date(2083, 6, 1, 12, 0, 0, 0, time.UTC),
			}}
			r.mu.Unlock()
			b.open("/moede/" + demoMeeting + "/secret")
			b.shows(want)
			b.shows("Opfølgning på din ansøgning")
			b.checked("meeting-dropped" + language)
		}
	})
}

// A set-up brings its area, which can be chosen otherwise, and an area has its set-ups first.
func TestSetupBringsItsArea(t *testing.T) {
	p := start(t)
	s, err := p.bus.Service("meetings", "script")
	if err != nil {
		t.Fatal(err)
	}
	seats := []meetingv1.Seat{{Role: meetingv1.RoleCitizen, Label: "Borger", Required: true}}
	script(t, p, s, meetingv1.SetupsSubject, func(meetingv1.SetupsRequest) (meetingv1.SetupsReply, error) {
		return meetingv1.SetupsReply{Setups: []meetingv1.Setup{
			{ID: "elders", Name: "Samtale om alt", NameEN: "General talk", ServiceArea: "borgerservice", Minutes: 40, Participants: seats},
			{ID: "home", Name: "Boligsamtale", NameEN: "Housing talk", ServiceArea: "boligstoette", Minutes: 20, Participants: seats},
			{ID: "other", Name: "Uden område", NameEN: "Elsewhere", ServiceArea: "zoo", Minutes: 15, Participants: seats},
		}}, nil
	})
	script(t, p, s, meetingv1.ListSubject, func(meetingv1.ListRequest) (meetingv1.ListReply, error) {
		return meetingv1.ListReply{Meetings: []meetingv1.Meeting{}}, nil
	})
	b := chromium(t, p)
	b.login("mette")
	b.open("/moeder")
	b.until(`document.documentElement.dataset.ready === "meetings"`)
	b.click("#b-new")
	pick := func(id, value string) {
		t.Helper()
		b.run(chromedp.Evaluate(`{ const e = document.getElementById("`+id+`"); e.value = "`+value+`"; e.dispatchEvent(new Event("change", { bubbles: true })); }`, nil))
	}
	const order = `[...document.querySelectorAll("#b-setup option")].map((o) => o.value).join(" ")`
	pick("b-area", "borgerservice")
	b.until(order + ` === " elders home other"`)
	pick("b-area", "boligstoette")
	b.until(order + ` === " home elders other" && document.querySelector("#b-setup optgroup").label === document.getElementById("b-area").selectedOptions[0].textContent`)
	pick("b-setup", "elders")
	b.until(`document.getElementById("b-area").value === "borgerservice" && document.getElementById("b-setup").value === "elders" && document.getElementById("b-minutes").value === "40"`)
	pick("b-area", "boligstoette") // it is changed, and the set-up stays
	b.until(`document.getElementById("b-setup").value === "elders" && ` + order + ` === " home elders other"`)
	pick("b-setup", "other") // of an area that is none of the caseworker's
	b.until(`document.getElementById("b-area").value === "boligstoette" && document.getElementById("b-minutes").value === "15"`)
	b.checked("meetings-setup-area")
}
