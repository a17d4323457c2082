package meeting

import (
	"path/filepath"
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// of gives what is shown of one person's tracks.
func of(r meetingv1.Recording, who string) (list []meetingv1.Track) {
	for _, t := range r.Tracks {
		if t.ParticipantID == who {
			list = append(list, t)
		}
	}
	return list
}

// chooses keeps a citizen's choice about a recording as the portal does.
func (w *world) chooses(meeting string, value bool, source string) {
	w.t.Helper()
	now := w.node.Book.Now()
	get[consentv1.Choice](w, consentv1.ChoiceSubject, consentv1.Choice{
		Meta: event.NewMeta("consent.v1.choice", source, now), ConversationID: meeting, Kind: consentv1.Recording, Value: value, Basis: "art. 6", Purpose: "hjælp",
		TextVersion: "t-1", Language: "da", How: consentv1.HowButton, Who: "citizen", At: now,
	})
}

// A citizen takes back, after the meeting, that they may be recorded: their tracks are out of sight at once and deleted when no legal
// hold forbids it; what others said stays.
func TestWithdrawnConsentDeletesTracks(t *testing.T) {
	w := newWorld(t)
	var purposes []string
	follow(w, "audit.v1.entry.>", func(e consentv1.Audit) {
		if e.Action == "withdraw-recording" {
			purposes = append(purposes, e.Purpose)
		}
	})
	m := w.recorded()
	host, citizen := w.host(m).join(), w.agrees(m, 1, "Bente Holm", true).join()
	host.film()
	citizen.film()
	me, other := citizen.seat.ParticipantID, host.seat.ParticipantID
	w.grows(m.ID, me, "camera", 8000)
	w.grows(m.ID, other, "microphone", 8000)
	citizen.act(meetingv1.ActRecord, "", "no") // counts from now on, and deletes nothing
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
	before := w.recording(m.ID)
	camera, ok := track(before, me, "camera")
	if !ok {
		t.Fatalf("recorded %+v", before.Tracks)
	}
	files := func() (mine, all int) {
		list, err := filepath.Glob(filepath.Join(w.data, "recordings", m.ID, "*"))
		w.must(err)
		for _, f := range list {
			if strings.HasPrefix(filepath.Base(f), me+"_") {
				mine++
			}
		}
		return mine, len(list)
	}
	had, all := files()
	read := meetingv1.ReadRecordingRequest{MeetingID: m.ID, TrackID: camera.ID, Length: 10, Actor: mette}
	get[meetingv1.RecordingPart](w, meetingv1.ReadRecordingSubject, read)

	hold := consentv1.HoldRequest{ConversationID: m.ID, On: true, Reason: "sag", Actor: "jurist"}
	get[consentv1.HoldReply](w, consentv1.HoldSubject, hold)
	w.chooses(m.ID, true, "portal") // a yes takes nothing away
	w.chooses(m.ID, false, "portal")
	w.eventually("the tracks are out of sight", func() bool {
		list := of(w.recording(m.ID), me)
		return len(list) == 1 && !list[0].WithdrawnAt.IsZero() && list[0].ID == ""
	})
	shown := of(w.recording(m.ID), me)[0]
	if n, _ := files(); !shown.DeletedAt.IsZero() || n != had || shown.Name != "Bente Holm" {
		t.Errorf("under a hold %d of %d files are there, shown is %+v", n, had, shown)
	}
	refused(w, errs.NotFound, meetingv1.ReadRecordingSubject, read)

	hold.On = false
	get[consentv1.HoldReply](w, consentv1.HoldSubject, hold)
	w.eventually("it is shown as deleted", func() bool { return !of(w.recording(m.ID), me)[0].DeletedAt.IsZero() })
	if mine, n := files(); mine != 0 || n != all-had {
		t.Errorf("%d of %d files are the citizen's, of %d before", mine, n, all)
	}
	w.until("the citizen can read about it", func() bool { return len(purposes) > 0 })
	sound, _ := track(w.recording(m.ID), other, "microphone")
	if loud, _ := tone(t, w.whole(m.ID, sound)); loud < enough {
		t.Errorf("%d packets of the host's tone", loud)
	}
	refused(w, errs.NotFound, meetingv1.ReadRecordingSubject, read)
}
