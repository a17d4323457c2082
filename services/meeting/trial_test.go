package meeting

import (
	"testing"

	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Before anybody is let in, a browser tries the way to the media: it connects, again and again, and the meeting does not begin.
func TestTrialBeforeTheMeeting(t *testing.T) {
	w := newWorld(t, byHand(&hand{})) // a trial ends after a while
	m := w.book()
	g := w.enter(m, 1, nil)
	forged := g.seat
	forged.Key += "0"
	refused(w, errs.Unauthenticated, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: forged, Trial: true})
	refused(w, errs.Invalid, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, Trial: true, SDP: "v=0"})
	get[meetingv1.MediaReply](w, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, Trial: true})
	page := &tab{w: w, seat: g.seat}
	for range 2 {
		pc := page.connection()
		_, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		w.must(err)
		offer, err := pc.CreateOffer(nil)
		w.must(err)
		sdp, err := gathered(pc, offer)
		w.must(err)
		rep := get[meetingv1.MediaReply](w, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, Trial: true, SDP: sdp})
		w.must(pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: rep.SDP}))
		page.connected(pc)
	}
	if got := get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette}); got.State != meetingv1.Booked {
		t.Errorf("the meeting is %s", got.State)
	}
}
