package portal

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/callv1"
)

// types tells of a line of real-time text.
func (p *place) types(t testing.TB, l callv1.TextLine) {
	t.Helper()
	if err := p.bus.NC.Publish(callv1.TextTopic(l.ConversationID), mustJSON(l)); err != nil {
		t.Fatal(err)
	}
}

// typedBack is what the page has sent of the caseworker's typing, put together.
func (p *place) typedBack() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, r := range p.controls {
		if r.Action == callv1.ActionType {
			b.WriteString(r.Value)
		}
	}
	return b.String()
}

// TestDeskRealTimeText: what the citizen types is there as it is typed, the caseworker types back, and colleagues see nothing.
func TestDeskRealTimeText(t *testing.T) {
	p := start(t)
	call := ringingCall()
	call.State, call.Caseworker, call.AnsweredAt, call.Text = callv1.StateTalking, "mette", time.Now().UTC(), true
	line := func(seq int64, id, role, text string, over bool) callv1.TextLine {
		return callv1.TextLine{
			ConversationID: call.ConversationID, Caseworker: "mette", ID: id, Seq: seq, Role: role, Text: text, Done: over,
			At: call.StartedAt.Add(time.Duration(seq) * time.Millisecond),
		}
	}
	p.mu.Lock()
	p.calls = append(p.calls, call)
	p.typed = []callv1.TextLine{line(1, "citizen-1", callv1.RoleCitizen, "Jeg er døv.", true)}
	p.mu.Unlock()
	b := chromium(t, p)
	b.login("mette")
	b.until(`document.querySelector("#typed-lines .said")?.textContent === "Jeg er døv." && !document.getElementById("typed-form").hidden`)

	p.types(t, line(3, "citizen-2", callv1.RoleCitizen, "Jeg skr", false))
	b.until(`document.querySelector("#typed-lines .tail .said")?.textContent === "Jeg skr"`)
	b.axe("typed")
	b.shot("typed")
	p.types(t, line(5, "citizen-2", callv1.RoleCitizen, "Jeg skriver hellere.", true))
	p.types(t, line(4, "citizen-2", callv1.RoleCitizen, "too late", false))
	other := line(6, "citizen-3", callv1.RoleCitizen, "not mine", false)
	other.Caseworker = "jonas"
	p.types(t, other)
	p.types(t, line(7, "citizen-4", callv1.RoleCitizen, "Hej", true))
	b.until(`[...document.querySelectorAll("#typed-lines .said")].map((e) => e.textContent).join("|") === "Jeg er døv.|Jeg skriver hellere.|Hej"`)
	b.until(`document.getElementById("typed-spoken").textContent === "Borger: Hej"`)

	b.run(chromedp.SendKeys("#typed-text", "Det er finr\be.\r", chromedp.ByQuery))
	wait(t, func() bool { return strings.HasSuffix(p.typedBack(), "\u2028") })
	if got := p.typedBack(); got != "Det er finr\be.\u2028" {
		t.Errorf("typed back: %q", got)
	}
	if v := eval[string](b, `document.getElementById("typed-text").value`); v != "" {
		t.Errorf("left in the field: %q", v)
	}

	// A call whose telephone has no text shows none of it.
	p.mu.Lock()
	p.calls[0].Text, p.typed = false, nil
	p.snapshot()
	p.mu.Unlock()
	b.until(`document.getElementById("typed-form").hidden`)
}
