package portal

import (
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/callv1"
)

// A call that comes while a stream's first list is on its way is not taken back by that list.
func TestCallsChangeWhileTheListIsOnItsWay(t *testing.T) {
	p := start(t)
	call := ringingCall()
	p.mu.Lock()
	p.listed = func() {
		p.listed = nil
		p.calls = []callv1.Call{call}
		p.snapshot()
		if err := p.bus.NC.Flush(); err != nil { // it is there before the list
			t.Error(err)
		}
	}
	p.mu.Unlock()
	r := p.events(t, "/api/v1/events", p.token(t, "operator", nil), "")
	r.next("calls")
	if e := r.next("calls"); !strings.Contains(e.data, call.ConversationID) {
		t.Errorf("the last list is %s", e.data)
	}
}
