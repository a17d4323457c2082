package meeting

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/recording"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
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

	backup := w.backup(m.ID)
	hold := consentv1.HoldRequest{ConversationID: m.ID, On: true, Reason: "sag", Actor: "jurist"}
	get[consentv1.HoldReply](w, consentv1.HoldSubject, hold)
	w.chooses(m.ID, true, "portal") // a yes takes nothing away
	w.chooses(m.ID, false, "portal")
	w.eventually("the tracks are out of sight", func() bool {
		list := of(w.recording(m.ID), me)
		return len(list) == 1 && !list[0].WithdrawnAt.IsZero() && list[0].ID == ""
	})
	shown := of(w.recording(m.ID), me)[0]
	if part, err := backup.Read(t.Context(), read); err != nil || len(part.Data) != 10 { // nothing is destroyed under a hold
		t.Errorf("in the backup: %d bytes, %v", len(part.Data), err)
	}
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

	// Whoever has a copy of the database and of the files, and every key that is left, reads the others' tracks alone.
	w.eventually("the citizen's track in the backup is sealed for good", func() bool { // once the test's own ring has been told
		_, err := backup.Read(t.Context(), read)
		return errors.Is(err, errs.NotFound)
	})
	row, err := backup.Store.Read().Recording(t.Context(), m.ID)
	w.must(err)
	var left struct{ Key []byte }
	w.must(seal.OpenJSON(t.Context(), w.keys, m.ID, "recording", row.Sealed, &left))
	if _, err := recording.Play(backup.Shelf, m.ID, camera.ID, left.Key); errs.KindOf(err) != errs.Internal {
		t.Errorf("with the recording's key alone: %v", err)
	}
	old, err := backup.About(t.Context(), get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette}))
	w.must(err)
	if list := of(old, me); len(list) != had || list[0].Size != 0 || len(list[0].Gaps) != 1 || list[0].Gaps[0].Reason != meetingv1.GapDeleted {
		t.Errorf("the backup shows %+v", list)
	}
	part, err := backup.Read(t.Context(), meetingv1.ReadRecordingRequest{MeetingID: m.ID, TrackID: sound.ID, Length: 10, Actor: mette})
	if err != nil || part.Size != sound.Size || len(part.Data) != 10 {
		t.Errorf("the host's track in the backup: %d bytes of %d, %v", len(part.Data), part.Size, err)
	}
}

// backup copies a recording's row and files, and opens the copy.
func (w *world) backup(meeting string) *recording.Archive {
	w.t.Helper()
	dir := w.t.TempDir()
	w.must(os.CopyFS(filepath.Join(dir, "recordings", meeting), os.DirFS(filepath.Join(w.data, "recordings", meeting))))
	row, err := w.node.Store.Read().Recording(w.t.Context(), meeting)
	w.must(err)
	db, err := platformstore.Open(w.t.Context(), "sqlite:"+filepath.Join(dir, "meeting.db"))
	w.must(err)
	w.t.Cleanup(func() { db.Close() })
	w.must(db.Migrate(w.t.Context(), store.Migrations()))
	st := store.New(db, "restored")
	w.must(st.InTx(w.t.Context(), func(tx *store.Tx) error {
		_, err := tx.AddRecording(w.t.Context(), meeting, row.BeganAt, row.Sealed)
		return err
	}))
	return &recording.Archive{
		Store: st, Keys: w.keys, Shelf: recording.Folder{Path: filepath.Join(dir, "recordings")}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
}
