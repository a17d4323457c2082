package portal

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// meetingRoom is a meeting service with one room: what a participant is in it, the test says. It has no media but what
// the test gives it.
type meetingRoom struct {
	mu     sync.Mutex
	entry  meetingv1.Entry
	acts   chan meetingv1.ActRequest
	knocks []meetingv1.KnockRequest
	room   int64                                                      // as HistoryReply has it
	offer  string                                                     // as HistoryReply has it
	said   []meetingv1.Message                                        // history has them after its first
	levels []meetingv1.Level                                          // as HistoryReply has them
	media  func(meetingv1.MediaRequest) (meetingv1.MediaReply, error) // nil: refused

	gone    error  // what a look and a knock are answered with
	taken   bool   // the seat was brought here from another device
	entered func() // what happens as soon as the page has been made, with mu held
	looked  func() // what happens while the answer to a look is on its way
}

const demoMeeting = "0199a0c0-0000-7000-8000-0000000000aa"

func serveMeeting(t *testing.T, p *place, role string) *meetingRoom {
	t.Helper()
	r := &meetingRoom{acts: make(chan meetingv1.ActRequest, 100)}
	me := meetingv1.Participant{ID: "me", Role: role, State: meetingv1.Invited}
	host := meetingv1.Participant{ID: "host", Role: meetingv1.RoleCaseworker, Name: "Mette Lund", State: meetingv1.InRoom}
	r.entry = meetingv1.Entry{
		Seat: meetingv1.SeatRef{MeetingID: demoMeeting, ParticipantID: "me", Key: "dev.proof"}, Me: me, AreaName: "Boligstøtte", Purpose: "Så vi kan hjælpe dig.",
		CanAct: role == meetingv1.RoleCaseworker,
		Meeting: meetingv1.Meeting{
			ID: demoMeeting, Title: "Opfølgning på din ansøgning", State: meetingv1.Live, StartsAt: time.Now(), Minutes: 30,
			ServiceArea: "boligstoette", Choices: meetingv1.Choices{Transcript: true, AINote: true}, Participants: []meetingv1.Participant{me, host},
		},
	}
	s, err := p.bus.Service("meeting", "script")
	if err != nil {
		t.Fatal(err)
	}
	script(t, p, s, meetingv1.EnterSubject, func(q meetingv1.EnterRequest) (meetingv1.Entry, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken = r.taken || q.Take
		r.entry.Elsewhere = r.entry.Elsewhere && !q.Take
		e := r.entry
		if r.entered != nil {
			r.entered()
		}
		return e, nil
	})
	script(t, p, s, meetingv1.KnockSubject, func(q meetingv1.KnockRequest) (meetingv1.Entry, error) {
		r.be(func(me *meetingv1.Participant) {
			if me.State != meetingv1.InRoom {
				me.Name, me.State, me.Place, me.WaitMins = q.Name, meetingv1.InLobby, 2, 4
			}
		})
		r.mu.Lock()
		r.knocks = append(r.knocks, q)
		gone := r.gone
		r.mu.Unlock()
		return r.now(), gone
	})
	script(t, p, s, meetingv1.ActSubject, func(q meetingv1.ActRequest) (meetingv1.Entry, error) {
		r.acts <- q
		r.be(func(me *meetingv1.Participant) {
			switch q.Action {
			case meetingv1.ActMute, meetingv1.ActUnmute:
				me.Muted = q.Action == meetingv1.ActMute
			case meetingv1.ActHand:
				me.Hand = q.Value == "up"
			case meetingv1.ActTranscribe:
				yes := q.Value == "yes"
				me.Transcribe = &yes
			case meetingv1.ActRecord:
				yes := q.Value == "yes"
				me.Record = &yes
			}
		})
		return r.now(), nil
	})
	script(t, p, s, meetingv1.SaySubject, func(q meetingv1.SayRequest) (meetingv1.Message, error) {
		return meetingv1.Message{ID: q.ID, At: time.Now(), From: "me", Text: q.Text}, nil
	})
	script(t, p, s, meetingv1.LookSubject, func(meetingv1.SeatRef) (meetingv1.Entry, error) {
		e := r.now()
		r.mu.Lock()
		gone, looked := r.gone, r.looked
		r.mu.Unlock()
		if looked != nil {
			looked()
		}
		return e, gone
	})
	script(t, p, s, meetingv1.LeaveSubject, func(meetingv1.SeatRef) (meetingv1.Entry, error) {
		r.be(func(me *meetingv1.Participant) { me.State = meetingv1.Left })
		return r.now(), nil
	})
	script(t, p, s, meetingv1.HistorySubject, func(meetingv1.SeatRef) (meetingv1.HistoryReply, error) {
		if st := r.now().Me.State; st != meetingv1.InRoom && st != meetingv1.InSide {
			return meetingv1.HistoryReply{}, errs.E(errs.Denied, "", nil)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		said := append([]meetingv1.Message{{ID: "old", From: "host", Text: "Velkommen"}}, r.said...)
		return meetingv1.HistoryReply{Messages: said, Captions: []meetingv1.Caption{}, Room: r.room, Offer: r.offer, Levels: r.levels}, nil
	})
	media := func(q meetingv1.MediaRequest) (meetingv1.MediaReply, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.media == nil || q.Trial {
			return meetingv1.MediaReply{}, errs.E(errs.Denied, "Her er intet medie.", nil)
		}
		return r.media(q)
	}
	script(t, p, s, meetingv1.PublishSubject, media)
	script(t, p, s, meetingv1.SubscribeSubject, media)
	return r
}

func (r *meetingRoom) now() meetingv1.Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entry
}

func (r *meetingRoom) heard(levels []meetingv1.Level) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.levels = levels
}

// acted waits for an act of a kind: the page sends it when its dialog has closed already.
func (r *meetingRoom) acted(t *testing.T, action string) meetingv1.ActRequest {
	t.Helper()
	for patience := time.After(2 * time.Minute); ; {
		select {
		case q := <-r.acts:
			if q.Action == action {
				return q
			}
		case <-patience:
			t.Fatalf("nobody acted: %s", action)
		}
	}
}

func (r *meetingRoom) be(f func(me *meetingv1.Participant)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	me := r.entry.Me
	f(&me)
	list := append([]meetingv1.Participant{me}, r.entry.Meeting.Participants[1:]...)
	r.entry.Me, r.entry.Meeting.Participants = me, list
}

// tell publishes an event of the room.
func (r *meetingRoom) tell(t *testing.T, p *place, e meetingv1.RoomEvent) {
	t.Helper()
	e.MeetingID = demoMeeting
	data, err := json.Marshal(e)
	if err == nil {
		err = p.bus.NC.Publish(meetingv1.RoomSubject(demoMeeting), data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (r *meetingRoom) move(t *testing.T, p *place, state string) {
	t.Helper()
	r.be(func(me *meetingv1.Participant) { me.State = state })
	m := r.now().Meeting
	r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventRoom, To: "me", Device: "dev", Meeting: &m})
}

func (b *page) step(name string) {
	b.t.Helper()
	b.until(`document.getElementById("meeting")?.dataset.step === "` + name + `" && document.activeElement.id === "m-` + name + `-h"`)
}

// tabTo goes to an element with the tabulator.
func (b *page) tabTo(selector string) {
	b.t.Helper()
	for range 40 {
		if eval[bool](b, `document.activeElement.matches(`+string(mustJSON(selector))+`)`) {
			return
		}
		b.key(kb.Tab)
	}
	b.t.Fatalf("the keyboard does not reach %s\n%s", selector, b.state())
}

// A citizen goes through a meeting with the keyboard alone; every step is checked in both languages.
func TestMeetingPages(t *testing.T) {
	for _, l := range []string{"da", "en"} {
		t.Run(l, func(t *testing.T) {
			p := start(t)
			r := serveMeeting(t, p, meetingv1.RoleCitizen)
			b := chromium(t, p)
			b.language(l)
			b.open("/moede/" + demoMeeting + "/secret")
			b.until(`document.documentElement.dataset.ready === "meeting" && !document.getElementById("m-net-again").hidden`)
			b.step("check")
			b.checked("meeting-check-" + l)
			b.tabTo("#m-checked")
			b.key(kb.Enter)
			b.step("info")
			b.checked("meeting-info-" + l)
			b.tabTo("#m-knock")
			b.key(kb.Enter)
			b.until(`!document.getElementById("m-problem").hidden`)
			b.run(chromedp.Focus("#m-name"), chromedp.SendKeys("#m-name", "Bente Holm"))
			b.tabTo(`[name="m-transcribe"]`)
			b.key(" ")
			b.tabTo("#m-knock")
			b.key(kb.Enter)
			b.step("lobby")
			b.until(`document.getElementById("meeting").dataset.events === "on"`)
			b.checked("meeting-lobby-" + l)
			r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventNotice, To: "me", Device: "other", Notice: "told", Text: "Til en anden enhed"})
			r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventNotice, To: "me", Device: "dev", Notice: "told", Text: "Vi kommer om lidt"})
			b.shows("Vi kommer om lidt")
			if eval[bool](b, `document.body.innerText.includes("anden enhed")`) {
				t.Error("another device's message is shown")
			}
			r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventCaption, Caption: &meetingv1.Caption{ID: "x", From: "host", Text: "hemmeligt", Final: true}})
			r.move(t, p, meetingv1.InRoom)
			b.step("room")
			r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventCaption, Caption: &meetingv1.Caption{ID: "c0", From: "host", Text: "goddag og vel"}})
			r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventCaption, Caption: &meetingv1.Caption{ID: "c1", From: "host", Text: "goddag og velkommen til mødet", Final: true}})
			b.until(`document.getElementById("m-captions").innerText.includes("velkommen til")`)
			if got := eval[string](b, `document.getElementById("m-heard").textContent`); got != "Mette Lund: goddag og velkommen til mødet" {
				t.Errorf("read out: %q", got)
			}
			b.checked("meeting-room-" + l)
			b.tabTo("#m-larger")
			before := eval[float64](b, `parseFloat(getComputedStyle(document.getElementById("m-captions")).fontSize)`)
			b.key(kb.Enter)
			b.key(kb.Enter)
			if now := eval[float64](b, `parseFloat(getComputedStyle(document.getElementById("m-captions")).fontSize)`); now < before*1.8 {
				t.Errorf("captions are %.0f px, were %.0f", now, before)
			}
			b.narrow("meeting-large-" + l)
			b.tabTo("#m-b-mic")
			b.key(kb.Enter)
			b.until(`document.getElementById("m-b-mic").getAttribute("aria-pressed") === "false"`)
			b.tabTo("#m-b-rtt")
			b.key(kb.Enter)
			b.until(`document.activeElement.id === "m-rtt"`)
			b.tabTo("#m-b-chat")
			b.key(kb.Enter)
			b.until(`document.activeElement.id === "m-text"`)
			b.run(chromedp.SendKeys("#m-text", "Tak"+kb.Enter))
			b.until(`document.getElementById("m-chat").innerText.includes("Tak")`)
			b.checked("meeting-chat-" + l)
			b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}, {Name: "prefers-reduced-motion", Value: "reduce"}}))
			b.shot("meeting-contrast-" + l)
			b.scheme("light")
			b.tabTo("#m-b-leave")
			b.key(kb.Enter)
			b.step("over")
			b.checked("meeting-over-" + l)
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(r.knocks) != 1 || r.knocks[0].Transcribe == nil || r.knocks[0].Report == nil || r.knocks[0].Report.Network == "" {
				t.Errorf("knocked %+v", r.knocks)
			}
			if eval[bool](b, `document.body.innerHTML.includes("hemmeligt")`) {
				t.Error("a caption reached the lobby")
			}
		})
	}
}

// The caseworker puts a caption right, and sees that a link waits twice.
func TestMeetingHostPage(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	r.be(func(me *meetingv1.Participant) { me.Name, me.State = "Ole Vagt", meetingv1.InRoom })
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.until(`document.getElementById("meeting").dataset.events === "on"`)
	r.mu.Lock()
	r.entry.Meeting.Participants = append(r.entry.Meeting.Participants, meetingv1.Participant{ID: "bente", Role: meetingv1.RoleCitizen, Name: "Bente Holm", State: meetingv1.InRoom, Again: true})
	r.mu.Unlock()
	r.move(t, p, meetingv1.InRoom)
	b.until(`[...document.querySelectorAll("#m-people li")].some((x) => x.innerText.includes("anden enhed") && x.querySelectorAll("button").length === 6)`)
	caption := meetingv1.Caption{ID: "c1", From: "bente", Text: "jeg søger bolig støtte", Final: true}
	r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventCaption, Caption: &caption})
	b.until(`document.querySelector(".m-fix") !== null`)
	b.checked("meeting-host")
	b.click(".m-fix")
	b.until(`document.querySelector("dialog[open] #ask-input")?.value === "jeg søger bolig støtte"`)
	b.axe("correct a caption")
	b.run(chromedp.Evaluate(`document.getElementById("ask-input").value = ""`, nil), chromedp.SendKeys("#ask-input", "jeg søger boligstøtte"))
	b.click("#ask-yes")
	b.until(`!document.querySelector("dialog[open]")`)
	if q := r.acted(t, meetingv1.ActCorrect); q.Target != "c1" || q.Value != "jeg søger boligstøtte" {
		t.Errorf("acted %+v", q)
	}
	caption.Text, caption.Corrected = "jeg søger boligstøtte", true
	r.tell(t, p, meetingv1.RoomEvent{Kind: meetingv1.EventCaption, Caption: &caption})
	b.until(`document.querySelector("#m-captions .corrected span")?.textContent === "jeg søger boligstøtte"`)
}

// serveBooking is a meeting service that books; it tells what was booked.
func serveBooking(t *testing.T, p *place) <-chan meetingv1.BookRequest {
	t.Helper()
	s, err := p.bus.Service("meeting", "script")
	if err != nil {
		t.Fatal(err)
	}
	booked := make(chan meetingv1.BookRequest, 1)
	script(t, p, s, meetingv1.BookSubject, func(r meetingv1.BookRequest) (meetingv1.Meeting, error) {
		booked <- r
		citizen := r.Participants[0]
		return meetingv1.Meeting{ID: demoMeeting, Participants: []meetingv1.Participant{
			{ID: "host", Role: meetingv1.RoleCaseworker, Link: "/moede/" + demoMeeting + "/host"},
			{ID: "me", Role: meetingv1.RoleCitizen, Link: "/moede/" + demoMeeting + "/me", Phone: citizen.Phone, Email: citizen.Email},
		}}, nil
	})
	return booked
}

// From an inquiry at the desk the caseworker opens a meeting, and the citizen gets the link.
func TestDeskOpensMeeting(t *testing.T) {
	p := start(t)
	i := p.assistant.wants(t, p, inquiryv1.Video, "Fatima Demir", "Jeg vil gerne vise mine papirer")
	booked := serveBooking(t, p)
	b := chromium(t, p)
	b.login("mette")
	b.until(`document.querySelector(".inq-waiting .item") !== null`)
	b.click(".inq-waiting .item")
	b.until(`!document.getElementById("inq-claim").hidden`)
	b.click("#inq-claim")
	b.until(`document.activeElement.id === "inq-video"`)
	b.run(chromedp.Evaluate(`window.open = (url) => { window.opened = url; }`, nil))
	b.click("#inq-video")
	b.until(`document.getElementById("video-dialog").open`)
	b.click("#video-now")
	b.until(`window.opened?.endsWith("/host") === true && document.getElementById("video-url").value === location.origin + "/moede/` + demoMeeting + `/me"`)
	b.axe("a meeting is open")
	if r := <-booked; r.Follows != i.ConversationID || r.Follows == "" || r.ServiceArea != i.ServiceArea || r.Actor.ID != "mette" {
		t.Errorf("booked %+v", r)
	}
}

// Who speaks is marked, on the tile and in words, and nobody else is.
func TestMeetingMarksWhoSpeaks(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCitizen)
	r.be(func(me *meetingv1.Participant) { me.State, me.Name = meetingv1.InRoom, "Bente Holm" })
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.until(`document.getElementById("meeting").dataset.events === "on" && document.querySelectorAll("#m-tiles .m-tile").length === 2`)
	for _, speak := range [][]string{{"host"}, {"me"}, {"host", "me"}, {}} {
		e := meetingv1.RoomEvent{Kind: meetingv1.EventSpeak}
		for i, id := range speak {
			e.Levels = append(e.Levels, meetingv1.Level{ParticipantID: id, DB: 20 + i, Active: i == 0})
		}
		r.heard(e.Levels)
		r.tell(t, p, e)
		b.until(`[...document.querySelectorAll("#m-tiles .m-tile")].every((x) => {
  const speaks = ` + string(mustJSON(append([]string{}, speak...))) + `.includes(x.dataset.person);
  return x.classList.contains("speaking") === speaks && x.innerText.includes("taler") === speaks && x.classList.contains("active") === (x.dataset.person === ` + string(mustJSON(append(speak, "nobody")[0])) + `);
})`)
		b.axe("speaking: " + strings.Join(speak, ", "))
	}
	// Who comes while somebody speaks hears of it without a new event.
	r.heard([]meetingv1.Level{{ParticipantID: "host", DB: 20, Active: true}})
	b.open("/moede/" + demoMeeting + "/secret")
	b.until(`document.querySelector(".m-tile.speaking.active")?.dataset.person === "host"`)
}

// A chat goes on by video with one press: the citizen has the link, and the meeting follows the chat.
func TestDeskChatGoesOnByVideo(t *testing.T) {
	p := start(t)
	i := p.assistant.wants(t, p, inquiryv1.Chat, "Bente Holm", "Jeg er flyttet")
	p.chatIsTold(i)
	p.mu.Lock()
	p.convs[len(p.convs)-1].CaseNumber = "2026-17"
	p.mu.Unlock()
	booked := serveBooking(t, p)
	b := chromium(t, p)
	b.login("mette")
	b.until(`document.querySelector(".inq-waiting .item") !== null`)
	b.click(".inq-waiting .item")
	b.until(`!document.getElementById("inq-claim").hidden`)
	b.click("#inq-claim")
	b.until(`document.activeElement.id === "inq-text" && document.getElementById("talk-title").textContent.includes("Bente Holm")`)
	b.click("#inq-meet")
	b.until(`document.activeElement.id === "meet-go" && document.activeElement.href === location.origin + "/moede/` + demoMeeting + `/host"`)
	if r := <-booked; r.Follows != i.ConversationID || r.CaseNumber != "2026-17" || r.ServiceArea != i.ServiceArea || r.Participants[0].Name != "Bente Holm" {
		t.Errorf("booked %+v", r)
	}
	link := `location.origin + "/moede/` + demoMeeting + `/me"`
	b.until(`document.getElementById("meet-link").value === ` + link + ` && document.querySelector("#inq-facts a")?.href === ` + link)
	b.checked("desk-meet-chat")
}

// A call goes on by video: the link goes out as a message, and each of the two conversations names the other.
func TestDeskCallGoesOnByVideo(t *testing.T) {
	p := start(t)
	p.fill("x")
	call := ringingCall()
	call.ConversationID, call.State, call.Caseworker, call.ServiceArea = demoConv, callv1.StateTalking, "mette", "boligstoette"
	p.mu.Lock()
	p.calls = []callv1.Call{call}
	c := &p.convs[0]
	c.CaseNumber = "2026-17"
	c.Follows = &journalv1.Related{ID: p.convs[1].ID, Channel: p.convs[1].Channel, StartedAt: p.convs[1].StartedAt}
	c.FollowedBy = []journalv1.Related{{ID: demoMeeting, Channel: callv1.ChannelMeeting, StartedAt: c.StartedAt.Add(time.Hour)}}
	p.mu.Unlock()
	booked := serveBooking(t, p)
	b := chromium(t, p)
	b.login("mette")
	b.open("/desk?samtale=" + demoConv)
	b.deskReady()
	b.until(`document.querySelectorAll(".s").length === 4 && !document.getElementById("c-meet").hidden`)
	for _, id := range []string{"related", "note-related"} {
		b.until(`document.getElementById("` + id + `").innerText.match(/Fortsættelse af: Besked .* kl\. [^]*Fortsat i: Videomøde /) !== null`)
	}
	b.click("#c-meet")
	b.until(`document.getElementById("meet-dialog").open && document.getElementById("meet-phone").value === "+4512345678"`)
	b.checked("desk-meet-call")
	b.run(chromedp.SendKeys("#meet-email", "bente@example.dk"+kb.Enter, chromedp.ByQuery))
	b.until(`document.activeElement.id === "meet-go" && document.getElementById("meet-done").textContent.includes("på vej")`)
	b.axe("a meeting goes on from a call")
	r := <-booked
	if r.Follows != demoConv || r.CaseNumber != "2026-17" || r.ServiceArea != "boligstoette" {
		t.Errorf("booked %+v", r)
	}
	if w := r.Participants[0]; w.Name != "Bente Holm" || w.Phone != "+4512345678" || w.Email != "bente@example.dk" || w.Role != meetingv1.RoleCitizen {
		t.Errorf("the citizen is booked as %+v", w)
	}
	b.click("#meet-dialog [data-close]")
	b.click("#related a")
	b.until(`document.getElementById("talk-title").textContent.includes("+4587654321") && location.pathname === "/desk" && document.getElementById("related").hidden`)
}
