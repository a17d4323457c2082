package portal

import (
	"testing"

	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Who stops sharing the screen is heard and seen afterwards, also when the connection for that is refused at first.
func TestMeetingGoesOnAfterASharedScreen(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	far := &farEnd{}
	t.Cleanup(far.close)
	refuse, refused := false, false
	r.media = func(q meetingv1.MediaRequest) (meetingv1.MediaReply, error) { // r.mu is held
		if refuse && q.SDP != "" && q.Session == "" {
			refuse, refused = false, true
			return meetingv1.MediaReply{}, errs.E(errs.Internal, "", nil)
		}
		sdp, err := far.take(q)
		return meetingv1.MediaReply{SDP: sdp}, err
	}
	r.be(func(me *meetingv1.Participant) { me.Screen = true })
	b := inRoom(t, p, r)
	r.mu.Lock()
	refuse = true
	r.mu.Unlock()
	b.run(chromedp.Evaluate(`document.getElementById("meeting").dataset.out = ""`, nil))
	b.click("#m-b-screen")
	b.until(connected)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !refused {
		t.Error("no connection was refused")
	}
}
