package portal

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/token"
)

// setups plays the meeting service's set-ups.
type setups struct {
	mu    sync.Mutex
	all   []meetingv1.Setup
	saved []meetingv1.Setup
	reset []meetingv1.SetupRef
}

func serveSetups(t *testing.T, p *place) *setups {
	t.Helper()
	su := &setups{all: []meetingv1.Setup{{
		ID: "hospital", Name: "Samtale med hospitalet", NameEN: "Hospital consultation", About: "Forundersøgelse.", ServiceArea: "borgerservice",
		Minutes: 20, Identity: meetingv1.LevelSubstantial, Template: "sundhed/1", KeepAfter: 14 * 24 * time.Hour, Delivered: true, Changed: true, Version: 3,
		Choices: meetingv1.Choices{Transcript: true, AINote: true},
		Participants: []meetingv1.Seat{
			{Role: meetingv1.RoleCitizen, Label: "Patient", Required: true}, {Role: meetingv1.RoleCompanion, Label: "Pårørende"}, {Role: meetingv1.RoleInterpreter, Label: "Tolk"},
		},
		Invitation: "Kom til {title}\n\nTid: {time}\n\n{link}", Info: "Find et roligt sted.", InvitationEN: "Come to {title} {time} {link}", InfoEN: "Find a quiet place.",
	}}}
	s, err := p.bus.Service("meeting-setups", "script")
	if err != nil {
		t.Fatal(err)
	}
	script(t, p, s, meetingv1.SetupsSubject, func(meetingv1.SetupsRequest) (meetingv1.SetupsReply, error) {
		su.mu.Lock()
		defer su.mu.Unlock()
		return meetingv1.SetupsReply{Setups: slices.Clone(su.all)}, nil
	})
	script(t, p, s, meetingv1.PreviewSubject, func(r meetingv1.Setup) (meetingv1.PreviewReply, error) {
		return meetingv1.PreviewReply{Letters: []meetingv1.Preview{
			{Language: "da", Subject: "Invitation: " + r.Name, Body: "Kære Patient\n\n" + r.Invitation, SMS: "Videomøde"},
			{Language: "en", Subject: "Invitation: " + r.NameEN, Body: "Dear Patient\n\n" + r.InvitationEN, SMS: "Video meeting"},
		}}, nil
	})
	script(t, p, s, meetingv1.SaveSetupSubject, func(r meetingv1.Setup) (meetingv1.Setup, error) {
		su.mu.Lock()
		defer su.mu.Unlock()
		if strings.Contains(r.Name, "imens") {
			return r, errs.E(errs.Conflict, "Opsætningen er ændret af en anden imens. Åbn den igen, og ret den.", nil)
		}
		if !strings.Contains(r.Invitation, "{link}") {
			return r, errs.E(errs.Invalid, "Invitationen skal have {time} og {link} med.", nil)
		}
		su.saved = append(su.saved, r)
		return r, nil
	})
	script(t, p, s, meetingv1.SetupChangesSubject, func(r meetingv1.SetupChangesRequest) (meetingv1.SetupChangesReply, error) {
		su.mu.Lock()
		defer su.mu.Unlock()
		return su.changes(r), nil
	})
	script(t, p, s, meetingv1.ResetSetupSubject, func(r meetingv1.SetupRef) (meetingv1.SetupsReply, error) {
		su.mu.Lock()
		defer su.mu.Unlock()
		su.reset = append(su.reset, r)
		return meetingv1.SetupsReply{Setups: su.all}, nil
	})
	return su
}

// changes are a change of the set-up, then its reset; an older one made it.
func (su *setups) changes(r meetingv1.SetupChangesRequest) meetingv1.SetupChangesReply {
	now := su.all[0]
	was := now
	was.Name, was.Identity, was.Choices.AINote, was.Invitation, was.InfoEN = "Samtale på sygehuset", "", false, "Kom til {title} {time}: {link}", ""
	was.Participants = now.Participants[:2]
	at := time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC)
	if r.Below > 0 {
		return meetingv1.SetupChangesReply{Changes: []meetingv1.SetupChange{{Version: 1, At: at, Actor: "bo", After: &was}}}
	}
	return meetingv1.SetupChangesReply{More: true, Changes: []meetingv1.SetupChange{
		{Version: 3, At: at.Add(2 * time.Hour), Actor: "ida", Reset: true, Before: &was, After: &now},
		{Version: 2, At: at.Add(time.Hour), Actor: "bo", Before: &was, After: &was},
	}}
}

func (b *page) value(selector, v string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(`document.querySelector(`+string(mustJSON(selector))+`).value = `+string(mustJSON(v)), nil))
}

// An editor sees what a set-up makes of an invitation, changes it, is told what is wrong without losing a word, and gives it back.
func TestEditorChangesASetup(t *testing.T) {
	p := start(t)
	su := serveSetups(t, p)
	b := chromium(t, p)
	b.login("ida")
	b.open("/redaktion/moeder")
	b.shows("Samtale med hospitalet")
	b.shows("Rettet her")
	b.click(`.tile a`)
	b.until(`location.pathname === "/redaktion/moeder/hospital" && document.readyState === "complete"`)
	if got := eval[string](b, `document.querySelector('.ed-letter[lang="en"] .ed-body').innerText`); !strings.Contains(got, "Dear Patient") {
		t.Errorf("preview: %q", got)
	}

	// What is not saved is previewed; two are taken out and one is put in.
	b.value("#u-name", "Samtale på sygehuset")
	b.value("#u-invitation", "Velkommen til {title} {time}: {link}")
	b.value("#u-identity", "")
	b.value("#u-keep", "30")
	b.value("#u-role-1", "")
	b.value("#u-role-2", "")
	b.value("#u-role-3", meetingv1.RoleExpert)
	b.value("#u-label-3", "Overlæge")
	b.click(`button[value="preview"]`)
	b.shows("Velkommen til {title}")
	b.until(`document.readyState === "complete" && document.getElementById("u-name").value === "Samtale på sygehuset" && document.getElementById("u-label-1").value === "Overlæge"`)
	su.mu.Lock()
	if len(su.saved) != 0 {
		t.Errorf("a preview has saved %+v", su.saved)
	}
	su.mu.Unlock()

	// What is wrong is said, and what was written stays.
	b.value("#u-invitation", "Kom!")
	b.click(`button[value="save"]`)
	b.shows("Invitationen skal have {time} og {link} med.")
	b.until(`document.readyState === "complete" && document.getElementById("u-invitation").value === "Kom!"`)
	b.value("#u-invitation", "Velkommen til {title} {time}: {link}")
	b.run(chromedp.Evaluate(`document.getElementById("u-minutes").required = false; document.getElementById("u-minutes").value = ""`, nil))
	b.click(`button[value="save"]`)
	b.shows("Skriv mødets længde i minutter")
	b.until(`document.readyState === "complete"`)
	b.value("#u-minutes", "25")
	b.value("#u-name", "Rettet imens")
	b.click(`button[value="save"]`)
	b.shows("Opsætningen er ændret af en anden imens.")
	b.until(`document.readyState === "complete" && document.querySelector('.alert-error a[href="/redaktion/moeder/hospital"]') !== null && document.getElementById("u-minutes").value === "25"`)
	b.value("#u-name", "Samtale på sygehuset")
	b.click(`button[value="save"]`)
	b.shows("Opsætningen er gemt.")
	su.mu.Lock()
	saved := slices.Clone(su.saved)
	want := su.all[0]
	su.mu.Unlock()
	want.Name, want.Invitation, want.Identity, want.KeepAfter, want.Minutes, want.Actor = "Samtale på sygehuset", "Velkommen til {title} {time}: {link}", "", 30*24*time.Hour, 25, "ida"
	want.Participants = []meetingv1.Seat{{Role: meetingv1.RoleCitizen, Label: "Patient", Required: true}, {Role: meetingv1.RoleExpert, Label: "Overlæge"}}
	if len(saved) != 1 {
		t.Fatalf("saved %d times", len(saved))
	}
	if diff := cmp.Diff(want, saved[0]); diff != "" {
		t.Error(diff)
	}

	// Giving it back needs a yes.
	b.open("/redaktion/moeder/hospital")
	b.click(".ed-remove summary")
	b.run(chromedp.Evaluate(`document.getElementById("u-sure").required = false`, nil))
	b.click(".ed-remove button")
	b.shows("Der er ikke ændret noget.")
	b.until(`document.readyState === "complete"`)
	b.click(".ed-remove summary")
	b.click("#u-sure")
	b.click(".ed-remove button")
	b.shows("Opsætningen er nulstillet eller slettet.")
	su.mu.Lock()
	if !slices.Equal(su.reset, []meetingv1.SetupRef{{ID: "hospital", Version: 3, Actor: "ida"}}) {
		t.Errorf("reset %+v", su.reset)
	}
	su.mu.Unlock()

	// A new one.
	b.open("/redaktion/moeder/ny")
	b.value("#u-id", "tandpleje")
	b.value("#u-name", "Tandpleje")
	b.value("#u-invitation", "Kom til {title} {time}: {link}")
	b.click(`button[value="save"]`)
	b.shows("Opsætningen er gemt.")
	su.mu.Lock()
	if n := su.saved[len(su.saved)-1]; n.ID != "tandpleje" || n.Version != 0 || n.Minutes != 30 || len(n.Participants) != 1 || n.KeepAfter != 0 {
		t.Errorf("new: %+v", n)
	}
	su.mu.Unlock()
}

func TestEditorSetupPages(t *testing.T) {
	p := start(t)
	serveSetups(t, p)
	b := chromium(t, p)
	b.login("ida")
	for _, l := range []string{"da", "en"} {
		b.language(l)
		for name, path := range map[string]string{"setups": "/redaktion/moeder", "setup": "/redaktion/moeder/hospital", "setup-new": "/redaktion/moeder/ny", "setup-changes": "/redaktion/moeder/hospital/aendringer"} {
			b.open(path)
			b.until(`document.readyState === "complete" && document.querySelectorAll(".ed-nav [aria-current]").length === 1`)
			b.checked("editor-" + l + "-" + name)
		}
	}
	caseworker := p.token(t, token.Caseworker, nil)
	for _, path := range []string{"/api/v1/meetings/setups/hospital/reset", "/api/v1/meetings/setups/hospital/preview"} {
		if got := p.status(t, http.MethodPost, path, caseworker, "{}"); got != http.StatusForbidden {
			t.Errorf("%s: a caseworker gets %d", path, got)
		}
	}
}

// Who changed what stands on a page of its own, newest first, a row per field.
func TestEditorSeesASetupsChanges(t *testing.T) {
	p := start(t)
	serveSetups(t, p)
	b := chromium(t, p)
	b.login("ida")
	b.open("/redaktion/moeder/hospital")
	b.click(`a[href="/redaktion/moeder/hospital/aendringer"]`)
	b.until(`document.readyState === "complete" && document.querySelectorAll(".ed-part h2").length === 2`)
	heads := eval[[]string](b, `[...document.querySelectorAll(".ed-part h2")].map((h) => h.innerText)`)
	if want := []string{"Udgave 3: nulstillet af ida", "Udgave 2: rettet af bo"}; !slices.Equal(heads, want) {
		t.Errorf("headings %q", heads)
	}
	b.shows("Der blev gemt uden rettelser.")
	rows := eval[[]string](b, `[...document.querySelectorAll(".ed-changes tbody tr")].map((r) => [...r.children].map((c) => c.innerText.trim()).join(" | "))`)
	want := []string{
		"Navn på dansk | Samtale på sygehuset | Samtale med hospitalet",
		"Deltagere | Patient · borger · Er med fra start\n\nPårørende · bisidder eller pårørende | Patient · borger · Er med fra start\n\nPårørende · bisidder eller pårørende\n\nTolk · tolk",
		"AI laver et udkast til notat | nej | ja",
		"Krav til borgeren | Lukkes ind med navn | Log ind med MitID",
		"Invitation på dansk | Kom til {title} {time}: {link} | Kom til {title}\n\nTid: {time}\n\n{link}",
		"Det skal borgeren vide på forhånd, på engelsk | Tomt | Find a quiet place.",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if got := eval[string](b, `[...document.querySelectorAll(".ed-changes tr:last-child [lang]")].map((e) => e.lang).join()`); got != "en" {
		t.Errorf("the English text is said to be %q", got)
	}
	b.click(`a[href$="?foer=2"]`)
	b.shows("Udgave 1: tilføjet af bo")
	b.open("/redaktion/moeder/findes-ikke/aendringer?foer=2") // deleted since: its changes are still there
	b.shows("Ændringer: Samtale på sygehuset")
	if got := p.status(t, http.MethodGet, "/api/v1/meeting-setups/hospital/changes", p.token(t, token.Caseworker, nil), ""); got != http.StatusForbidden {
		t.Errorf("a caseworker gets %d", got)
	}
	if got := p.status(t, http.MethodGet, "/api/v1/meeting-setups/hospital/changes", p.token(t, token.Editor, nil), ""); got != http.StatusOK {
		t.Errorf("an editor gets %d", got)
	}
}
