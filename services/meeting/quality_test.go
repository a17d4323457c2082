package meeting

import (
	"testing"

	"github.com/pion/rtcp"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// reports has a page's browser tell the server how much of what it gets is lost: of 256 packets.
func (g *tab) reports(lost uint8) {
	report := &rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{FractionLost: lost}}}
	_ = g.sub.WriteRTCP([]rtcp.Packet{report}) // right after the handshake it may not be possible yet
}

// The caseworker sees that a participant's network is bad, though the participant's page does not say it, and that it is good again. What a
// page says itself counts where it is worse.
func TestServerTellsOfABadNetwork(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	w.host(m).join()
	bente := w.admitted(m, 1, "Bente", true).joins(true)
	quality := func() string { return w.participant(m.ID, bente.seat.ParticipantID).Quality }
	w.eventually("the network is found bad", func() bool { bente.tab.reports(80); return quality() == "poor" })
	bente.act(meetingv1.ActQuality, "", "audio-only")
	w.eventually("the page finds it worse", func() bool { bente.tab.reports(80); return quality() == "audio-only" })
	w.until("the caseworker's page is told", func() bool {
		for _, e := range w.events {
			if e.Kind == meetingv1.EventRoom && e.To == m.Participants[0].ID {
				for _, p := range e.Meeting.Participants {
					if p.ID == bente.seat.ParticipantID && p.Quality == "audio-only" {
						return true
					}
				}
			}
		}
		return false
	})
	refused(w, errs.Invalid, meetingv1.ActSubject, meetingv1.ActRequest{Seat: bente.seat, Action: meetingv1.ActQuality, Value: "lost"}) // who says so is not
	bente.act(meetingv1.ActQuality, "", "fair")
	w.eventually("it is as bad as the server finds it", func() bool { bente.tab.reports(80); return quality() == "poor" })
	bente.act(meetingv1.ActQuality, "", "good")
	w.eventually("it is good again", func() bool { bente.tab.reports(0); return quality() == "good" })
}

// Of a telephone the phone service tells.
func TestTelephoneWithABadLine(t *testing.T) {
	w := newWorld(t)
	m, _, p := w.byPhone()
	quality := func() string { return w.participant(m.ID, p.seat.ParticipantID).Quality }
	says := func(q string) {
		t.Helper()
		_, err := ask[meetingv1.Entry](w, meetingv1.SoundSubject, meetingv1.SoundRequest{Seat: p.seat, Session: p.session, Quality: q})
		w.must(err)
	}
	says("poor")
	w.eventually("the line is bad", func() bool { return quality() == "poor" })
	says("") // not known: as before
	says("unheard-of")
	says("good")
	w.eventually("the line is good again", func() bool { return quality() == "good" })
}
