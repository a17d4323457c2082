package portal

import (
	"net/http"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/portal/token"
)

// Who took part in somebody else's meeting finds it among the own, with the own choices, and nothing of the conversation.
func TestCitizenFindsAMeetingOfSomebodyElse(t *testing.T) {
	p := start(t)
	s, err := p.bus.Service("meetings", "script")
	if err != nil {
		t.Fatal(err)
	}
	no := false
	m := meetingv1.Attended{
		ID: "other-meeting", Title: "Opfølgning på genoptræning", State: meetingv1.Ended, ServiceArea: "boligstoette", Role: meetingv1.RoleCompanion,
		StartedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), EndedAt: time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC),
		Transcript: true, Recording: true, Transcribe: &no, EraseAt: time.Date(2026, 12, 20, 9, 0, 0, 0, time.UTC),
	}
	asked := make(chan meetingv1.MineRequest, 100)
	script(t, p, s, meetingv1.MineSubject, func(r meetingv1.MineRequest) (meetingv1.MineReply, error) {
		asked <- r
		own := m
		own.ID = demoConv // the citizen's own conversation stands once
		if r.MeetingID != "" && r.MeetingID != m.ID {
			return meetingv1.MineReply{Meetings: []meetingv1.Attended{}}, nil
		}
		return meetingv1.MineReply{Meetings: []meetingv1.Attended{m, own}}, nil
	})
	b := chromium(t, p)
	b.login("bente")
	p.fill(eval[string](b, `fetch("/api/v1/me").then((r) => r.json()).then((m) => m.party_ref)`))
	for _, l := range []string{"da", "en"} {
		b.language(l)
		b.open("/mit")
		b.until(`document.querySelectorAll('a[href="/mit/moede/other-meeting"]').length === 1 && document.querySelectorAll('a[href$="` + demoConv + `"]').length === 1 && document.querySelectorAll('a[href="/mit/` + demoConv + `"]').length === 1`)
		b.checked("mine-others-" + l)
		b.click(`a[href="/mit/moede/other-meeting"]`)
		b.until(`location.pathname === "/mit/moede/other-meeting" && document.readyState === "complete"`)
		b.shows("Opfølgning på genoptræning")
		b.shows(map[string]string{"da": "Udskrift af samtalen: nej", "en": "20 December 2026"}[l])
		b.checked("mine-meeting-" + l)
	}
	if r := <-asked; r.PartyRef == "" {
		t.Error("asked for nobody's")
	}
	c := p.browser(t)
	c.login(t, "bente")
	if status, _ := c.get(t, "/mit/moede/third-meeting"); status != http.StatusNotFound {
		t.Errorf("a meeting of others: %d", status)
	}
	if got := p.status(t, http.MethodGet, "/api/v1/mine/meetings", p.token(t, token.Caseworker, nil), ""); got != http.StatusForbidden {
		t.Errorf("a caseworker gets %d", got)
	}
}
