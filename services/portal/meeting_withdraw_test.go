package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/portal/token"
)

// After a meeting the citizen takes back that they may be recorded, also when they said so only late in the meeting, and the page of the
// recording says what became of it.
func TestCitizenWithdrawsARecording(t *testing.T) {
	p := start(t)
	rec := serveRecording(t, p, []byte("not played here"))
	b := chromium(t, p)
	for _, l := range []string{"da", "en"} {
		b.language(l)
		b.login("bente")
		p.fill(eval[string](b, `fetch("/api/v1/me").then((r) => r.json()).then((m) => m.party_ref)`))
		p.mu.Lock()
		conv := &p.convs[0]
		conv.Channel = callv1.ChannelMeeting
		p.choices = nil
		for i, yes := range []bool{true, false} {
			p.choices = append(p.choices, consentv1.Choice{
				ConversationID: demoConv, Kind: consentv1.Recording, Value: yes, How: consentv1.HowButton, Who: "citizen", At: conv.StartedAt.Add(time.Duration(i) * time.Minute),
				Purpose: "Sager om boligstøtte", Basis: "samtykke",
			})
		}
		p.mu.Unlock()
		b.open("/mit/" + demoConv)
		b.click(`a[href$="/valg/recording"]`)
		b.until(`document.querySelector("form[action$='/valg/recording']") !== null`)
		b.checked("mit-withdraw-recording-" + l)
		b.click(`form[action$="/valg/recording"] button`)
		b.until(`document.querySelector("#valg .alert-success") !== null && document.querySelector("a[href$='/valg/recording']") === null`)
		b.checked("mit-withdrawn-recording-" + l)
		p.mu.Lock()
		if last := p.choices[len(p.choices)-1]; len(p.choices) != 3 || last.Kind != consentv1.Recording || last.Value || last.Source != "portal" {
			t.Errorf("stored %+v", p.choices)
		}
		p.mu.Unlock()
		b.logout()
		b.login("mette")
		rec.withdraw(time.Time{})
		b.open("/optagelse/" + demoMeeting)
		b.checked("recording-withdrawn-held-" + l)
		rec.withdraw(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
		b.open("/optagelse/" + demoMeeting)
		b.checked("recording-withdrawn-" + l)
		text := eval[string](b, `document.querySelector("main").textContent`) // also what is folded away
		want := map[string]string{
			"da": "Slettet søndag 22. november 2026 kl. 11.00, fordi Bente Holm trak sit samtykke tilbage.", "en": "because Bente Holm withdrew their consent.",
		}[l]
		if !strings.Contains(text, want) || eval[bool](b, `document.querySelector("video") !== null`) {
			t.Errorf("%q is not on the page, or there is still a picture:\n%s", want, text)
		}
		b.logout()
	}
}

// While the meeting is held the choice is made in it: one that the room does not hear of is refused.
func TestRecordingIsChosenInTheMeeting(t *testing.T) {
	p := start(t)
	p.fill("x")
	p.mu.Lock()
	p.convs[0].Channel = callv1.ChannelMeeting
	given, ended := len(p.choices), p.convs[0].EndedAt
	p.convs[0].EndedAt = time.Time{}
	p.mu.Unlock()
	worker, path := p.token(t, token.Caseworker, nil), "/api/v1/conversations/"+demoConv+"/choices"
	if got := p.status(t, "POST", path, worker, `{"kind":"recording","value":false}`); got != http.StatusConflict {
		t.Errorf("while it is held: %d", got)
	}
	if got := p.status(t, "POST", path, worker, `{"kind":"transcription","value":false}`); got != http.StatusOK {
		t.Errorf("another choice: %d", got)
	}
	p.mu.Lock()
	p.convs[0].EndedAt = ended
	p.mu.Unlock()
	if got := p.status(t, "POST", path, worker, `{"kind":"recording","value":false}`); got != http.StatusOK {
		t.Errorf("afterwards: %d", got)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.choices) != given+2 {
		t.Errorf("%d choices are stored", len(p.choices)-given)
	}
}

// withdraw makes the first person's tracks withdrawn, and deleted at a time; zero: held.
func (a *archive) withdraw(deleted time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := a.rec.Tracks[0]
	a.rec.Tracks[0] = meetingv1.Track{
		ParticipantID: first.ParticipantID, Name: first.Name, Role: first.Role, BeganAt: first.BeganAt, WithdrawnAt: first.BeganAt.Add(time.Hour), DeletedAt: deleted,
	}
}
