package portal

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
)

// The desk says until when a call may go on when its telephone service stops.
func TestDeskTellsWhenACallEnds(t *testing.T) {
	p := start(t)
	p.fill("x")
	call := ringingCall()
	call.ConversationID, call.State, call.Caseworker, call.ServiceArea = demoConv, callv1.StateTalking, "mette", "boligstoette"
	p.mu.Lock()
	p.calls = []callv1.Call{call}
	p.mu.Unlock()
	b := chromium(t, p)
	b.login("mette")
	b.open("/desk?samtale=" + demoConv)
	b.deskReady()
	b.until(`!document.getElementById("controls").hidden && document.getElementById("ends-by").hidden`)
	p.mu.Lock()
	p.calls[0].EndsBy = time.Date(2026, 11, 22, 9, 40, 0, 0, time.UTC)
	p.snapshot()
	p.mu.Unlock()
	b.until(`!document.getElementById("ends-by").hidden && document.getElementById("ends-by").textContent.includes("afbrudt kl. 10.40")`)
	b.checked("desk-ends-by")
}
