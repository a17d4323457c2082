package meeting

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/opus"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/activity"
	"samtale.dk/samtale/services/platform/errs"
	meetingflow "samtale.dk/samtale/workflows/meeting"
)

// recorded books a meeting that is recorded.
func (w *world) recorded() meetingv1.Meeting {
	return w.book(func(r *meetingv1.BookRequest) {
		r.Choices.Recording, r.Choices.Basis = true, "Samtykke, artikel 6, stk. 1, litra a"
	})
}

// agrees comes through the lobby with a choice about being recorded.
func (w *world) agrees(m meetingv1.Meeting, who int, name string, record bool) *guest {
	w.t.Helper()
	g := w.enter(m, who, nil)
	yes := true
	get[meetingv1.Entry](w, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: g.seat, Name: name, Transcribe: &yes, Record: &record})
	g.decide(meetingv1.Admit)
	return g
}

// film publishes a tone and made-up VP8 pictures in the place of what join sends, until the page is closed.
func (g *guest) film() {
	t := g.w.t
	t.Helper()
	g.hush()
	pc := g.connection()
	mic, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "stream")
	g.w.must(err)
	_, err = pc.AddTrack(mic)
	g.w.must(err)
	camera, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "camera", "stream")
	g.w.must(err)
	_, err = pc.AddTrack(camera)
	g.w.must(err)
	offer, err := pc.CreateOffer(nil)
	g.w.must(err)
	sdp, err := gathered(pc, offer)
	g.w.must(err)
	rep := get[meetingv1.MediaReply](g.w, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, SDP: sdp})
	g.w.must(pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: rep.SDP}))
	g.connected(pc)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go film(t, mic, camera, stop)
}

func film(t *testing.T, mic, camera *webrtc.TrackLocalStaticRTP, stop chan struct{}) {
	enc, err := opus.NewEncoder(pcm.Rate, 24000)
	if err != nil {
		t.Error(err)
		return
	}
	tone := mediatest.Tone(pcm.Rate, pcm.Rate, 500, 12000)
	buf := make([]byte, opus.MaxBytes)
	picture := append([]byte{0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01}, bytes.Repeat([]byte{7}, 500)...)
	tick := time.NewTicker(pcm.FrameDuration)
	defer tick.Stop()
	for seq := uint16(1); ; seq++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		at := int(seq) % 50 * pcm.FrameSamples
		n, err := enc.Encode(buf, tone[at:at+pcm.FrameSamples])
		if err != nil {
			t.Error(err)
			return
		}
		h := rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960}
		_ = mic.WriteRTP(&rtp.Packet{Header: h, Payload: buf[:n]})
		h.Timestamp, h.Marker = uint32(seq)*1800, true
		_ = camera.WriteRTP(&rtp.Packet{Header: h, Payload: picture})
	}
}

func (w *world) recording(id string) meetingv1.Recording {
	w.t.Helper()
	return get[meetingv1.Recording](w, meetingv1.RecordingSubject, meetingv1.RecordingRequest{MeetingID: id, Actor: mette})
}

// grows waits until a track of a participant has more than so many bytes on the disk.
func (w *world) grows(meeting, who, source string, size int64) {
	w.t.Helper()
	w.until("a recording of "+source, func() bool {
		files, _ := filepath.Glob(filepath.Join(w.data, "recordings", meeting, who+"_"+source+"_*"))
		if len(files) != 1 {
			return false
		}
		st, err := os.Stat(files[0])
		return err == nil && st.Size() > size
	})
}

// whole reads a track in parts.
func (w *world) whole(meeting string, t meetingv1.Track) []byte {
	w.t.Helper()
	var b []byte
	for int64(len(b)) < t.Size {
		p := get[meetingv1.RecordingPart](w, meetingv1.ReadRecordingSubject, meetingv1.ReadRecordingRequest{
			MeetingID: meeting, TrackID: t.ID, From: int64(len(b)), Length: 10000, Actor: mette,
		})
		if len(p.Data) == 0 || p.Size != t.Size || p.Type != t.Type {
			w.t.Fatalf("part at %d of %d: %d bytes, %s", len(b), p.Size, len(p.Data), p.Type)
		}
		b = append(b, p.Data...)
	}
	return b
}

// tone counts a track's packets with the tone that was sent, and those without. A slow machine sends few: the rest of the time is silence.
func tone(t *testing.T, file []byte) (loud, quiet int) {
	t.Helper()
	dec, err := opus.NewDecoder(pcm.Rate)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]int16, pcm.Rate/8)
	for _, packet := range packets(file) {
		n, err := dec.Decode(buf, packet)
		if err != nil {
			t.Fatal(err)
		}
		switch level := pcm.Level(buf[:n]); {
		case level > -25:
			loud++
		case level < -60:
			quiet++
		}
	}
	return loud, quiet
}

// packets finds the simple blocks of a WebM file that this service has written: sizes have eight bytes.
func packets(file []byte) (out [][]byte) {
	cluster := []byte{0x1f, 0x43, 0xb6, 0x75, 1}
	for at := bytes.Index(file, cluster); at >= 0 && at < len(file); {
		if bytes.HasPrefix(file[at:], cluster) {
			at += 4 + 8 + 1 + 8 + 8 // and its time
			continue
		}
		if file[at] != 0xa3 {
			return out
		}
		size := int(file[at+7])<<8 | int(file[at+8])
		out = append(out, file[at+9+4:at+9+size])
		at += 9 + size
	}
	return out
}

// enough packets of 20 ms that it is no accident.
const enough = 20

func track(r meetingv1.Recording, who, source string) (meetingv1.Track, bool) {
	i := slices.IndexFunc(r.Tracks, func(t meetingv1.Track) bool { return t.ParticipantID == who && t.Source == source })
	if i < 0 {
		return meetingv1.Track{}, false
	}
	return r.Tracks[i], true
}

func TestRecording(t *testing.T) {
	w := newWorld(t)
	m := w.recorded()
	host := w.host(m).join()
	bente := w.agrees(m, 1, "Bente", true).join()
	ole := w.agrees(m, 2, "Ole", false).join()
	ana := w.enter(m, 3, nil) // who was not asked is not recorded
	ana.knock("Ana", nil)
	ana.decide(meetingv1.Admit)
	ana.join()
	bente.film()
	ole.film()
	b, hostID := bente.seat.ParticipantID, host.seat.ParticipantID

	w.until("all see that it is recorded", func() bool {
		return slices.ContainsFunc(w.events, func(e meetingv1.RoomEvent) bool {
			return e.To == b && e.Meeting != nil && e.Meeting.Recording
		})
	})
	w.until("the choice with its basis", func() bool {
		return slices.ContainsFunc(w.choices, func(c consentv1.Choice) bool {
			return c.Kind == consentv1.Recording && c.Value && c.Basis == "Samtykke, artikel 6, stk. 1, litra a"
		})
	})
	w.grows(m.ID, b, "microphone", 8000)
	w.grows(m.ID, b, "camera", 40_000)
	w.grows(m.ID, hostID, "microphone", 500)
	if r := w.recording(m.ID); r.State != meetingv1.RecordingRunning || len(r.Tracks) != 0 {
		t.Errorf("while it runs: %+v", r)
	}
	refused(w, errs.Conflict, meetingv1.ReadRecordingSubject, meetingv1.ReadRecordingRequest{MeetingID: m.ID, TrackID: b + "_microphone_opus", Length: 10, Actor: mette})
	refused(w, errs.Conflict, meetingv1.DeleteRecordingSubject, meetingv1.RecordingRequest{MeetingID: m.ID, Actor: mette})

	// A pause is one in the recording, too. Only who leads the meeting stops it, and everybody may say no at any time.
	bente.act(meetingv1.ActPause, "", "")
	heard := host.hears(bente)
	w.until("what is said in the pause", func() bool { return host.hears(bente) > heard+150 })
	host.act(meetingv1.ActContinue, "", "")
	heard = host.hears(bente)
	w.until("what is said after it", func() bool { return host.hears(bente) > heard+50 })
	refused(w, errs.Denied, meetingv1.ActSubject, meetingv1.ActRequest{Seat: bente.seat, Action: meetingv1.ActRecord, Value: "off"})
	if e := host.act(meetingv1.ActRecord, "", "off"); e.Meeting.Recording {
		t.Error("it runs on")
	}
	host.act(meetingv1.ActRecord, "", "on")
	bente.act(meetingv1.ActRecord, "", "no")
	heard = host.hears(bente)
	w.until("what is said after saying no", func() bool { return host.hears(bente) > heard+50 })
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)

	r := w.recording(m.ID)
	if r.State != meetingv1.RecordingKept || r.Basis == "" || r.Held {
		t.Fatalf("%+v", r)
	}
	sound, ok := track(r, b, "microphone")
	if !ok || sound.Name != "Bente" || sound.Role != meetingv1.RoleCitizen || !sound.Whole {
		t.Fatalf("%+v", r.Tracks)
	}
	reasons := map[string]bool{}
	for _, g := range sound.Gaps {
		reasons[g.Reason] = true
	}
	if !reasons[meetingv1.GapPaused] || !reasons[meetingv1.GapDeclined] {
		t.Errorf("gaps %+v", sound.Gaps)
	}
	if loud, quiet := tone(t, w.whole(m.ID, sound)); loud < enough || quiet < enough {
		t.Errorf("%d packets with the tone that was sent, %d without, as in a pause", loud, quiet)
	}
	picture, ok := track(r, b, "camera")
	if got := packets(w.whole(m.ID, picture)); !ok || len(got) < 20 || len(got[0]) != 510 {
		t.Errorf("%d pictures", len(got))
	}
	for _, tr := range r.Tracks {
		if tr.ParticipantID == ana.seat.ParticipantID || tr.ParticipantID == ole.seat.ParticipantID && (tr.Size > 0 || tr.ID != "") {
			t.Errorf("there is a track of somebody who did not say yes: %+v", tr)
		}
	}
	if tr, ok := track(r, ole.seat.ParticipantID, ""); !ok || len(tr.Gaps) != 1 || tr.Gaps[0].Reason != meetingv1.GapDeclined {
		t.Error("that somebody said no is not told")
	}

	stranger := meetingv1.Actor{ID: "lars", Role: "caseworker", Areas: []string{"b"}}
	citizen := meetingv1.Actor{ID: "bente", Role: "citizen", Areas: []string{"a"}}
	for _, actor := range []meetingv1.Actor{stranger, citizen} {
		refused(w, errs.Denied, meetingv1.RecordingSubject, meetingv1.RecordingRequest{MeetingID: m.ID, Actor: actor})
		refused(w, errs.Denied, meetingv1.ReadRecordingSubject, meetingv1.ReadRecordingRequest{MeetingID: m.ID, TrackID: sound.ID, Length: 10, Actor: actor})
		refused(w, errs.Denied, meetingv1.DeleteRecordingSubject, meetingv1.RecordingRequest{MeetingID: m.ID, Actor: actor})
	}
	looks := map[string]int{}
	w.until("looks in the audit log", func() bool {
		rep, err := ask[consentv1.AuditReply](w, consentv1.AuditListSubject, consentv1.AuditQuery{ConversationID: m.ID, Limit: 50})
		clear(looks)
		for _, e := range rep.Entries {
			if e.Actor == "mette" && e.Purpose != "" {
				looks[e.Action]++
			}
		}
		return err == nil && looks["view-recording"] > 0 && looks["play-recording"] > 0
	})
	if looks["play-recording"] > 2 { // both tracks were read in parts; one look, or two when a quarter of an hour began meanwhile
		t.Errorf("looks %v", looks)
	}

	// A legal hold keeps it; then it is deleted, and shown as deleted.
	get[consentv1.HoldReply](w, consentv1.HoldSubject, consentv1.HoldRequest{ConversationID: m.ID, On: true, Reason: "sag", Actor: "jurist"})
	refused(w, errs.Conflict, meetingv1.DeleteRecordingSubject, meetingv1.RecordingRequest{MeetingID: m.ID, Actor: mette})
	if !w.recording(m.ID).Held {
		t.Error("the hold is not shown")
	}
	get[consentv1.HoldReply](w, consentv1.HoldSubject, consentv1.HoldRequest{ConversationID: m.ID, Reason: "sag", Actor: "jurist"})
	if r := get[meetingv1.Recording](w, meetingv1.DeleteRecordingSubject, meetingv1.RecordingRequest{MeetingID: m.ID, Actor: mette}); r.State != meetingv1.RecordingDeleted || r.DeletedAt.IsZero() || len(r.Tracks) != 0 {
		t.Errorf("%+v", r)
	}
	refused(w, errs.NotFound, meetingv1.ReadRecordingSubject, meetingv1.ReadRecordingRequest{MeetingID: m.ID, TrackID: sound.ID, Length: 10, Actor: mette})
	if _, err := os.Stat(filepath.Join(w.data, "recordings", m.ID)); !os.IsNotExist(err) {
		t.Error("files are left")
	}
}

// A node goes, another goes on: one track, with a gap. Erasing the conversation erases the recording.
func TestRecordingSurvivesNodeAndIsErased(t *testing.T) {
	w := newWorld(t)
	m := w.recorded()
	host := w.host(m).join()
	id := host.seat.ParticipantID
	host.film()
	w.grows(m.ID, id, "microphone", 8000)
	w.end(w.node, false)
	w.start()
	host.hush()
	host.join().film()
	w.grows(m.ID, id, "microphone", 20000)
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
	r := w.recording(m.ID)
	sound, _ := track(r, id, "microphone")
	if !slices.ContainsFunc(sound.Gaps, func(g meetingv1.Gap) bool { return g.Reason == meetingv1.GapInterrupted }) {
		t.Errorf("%+v", r.Tracks)
	}
	if loud, _ := tone(t, w.whole(m.ID, sound)); loud < enough {
		t.Errorf("%d packets with the tone that was sent", loud)
	}

	// The workflow is told until when it is kept, which the page shows, and deletes nothing under a legal hold.
	acts := &activity.Activities{Book: w.node.Book, Archive: w.node.Hall.Archive, Bus: w.bus, Now: w.node.Book.Now}
	plan, err := acts.Plan(t.Context(), meetingflow.PlanInput{MeetingID: m.ID})
	w.must(err)
	ended := get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette}).EndedAt
	if !plan.Held || !plan.RecordingUntil.Equal(ended.Add(time.Hour)) || !w.recording(m.ID).EraseAt.Equal(plan.RecordingUntil) {
		t.Errorf("planned %+v, the meeting ended %s", plan, ended)
	}
	get[consentv1.HoldReply](w, consentv1.HoldSubject, consentv1.HoldRequest{ConversationID: m.ID, On: true, Reason: "sag", Actor: "jurist"})
	out, err := acts.DeleteRecording(t.Context(), meetingflow.DeleteRecordingInput{MeetingID: m.ID})
	if err != nil || !out.Held || w.recording(m.ID).State != meetingv1.RecordingKept {
		t.Errorf("under a hold: %+v, %v", out, err)
	}
	get[consentv1.HoldReply](w, consentv1.HoldSubject, consentv1.HoldRequest{ConversationID: m.ID, Reason: "sag", Actor: "jurist"})

	get[consentv1.EraseReply](w, consentv1.EraseSubject, consentv1.EraseRequest{ConversationID: m.ID, Reason: "retention", Actor: "test"})
	w.until("the files are gone", func() bool {
		_, err := os.Stat(filepath.Join(w.data, "recordings", m.ID))
		return os.IsNotExist(err)
	})
	w.until("it is shown as deleted", func() bool {
		r, err := ask[meetingv1.Recording](w, meetingv1.RecordingSubject, meetingv1.RecordingRequest{MeetingID: m.ID, Actor: mette})
		row, err2 := w.node.Store.Read().Meeting(t.Context(), m.ID) // and so is the meeting
		return err == nil && r.State == meetingv1.RecordingDeleted && !r.DeletedAt.IsZero() && err2 == nil && !row.ErasedAt.IsZero()
	})
	refused(w, errs.Denied, meetingv1.RecordingSubject, meetingv1.RecordingRequest{MeetingID: m.ID, Actor: meetingv1.Actor{ID: "lars", Role: "caseworker"}})
	// A copy of the files, as in a backup, cannot be read either: their key was sealed under the conversation's, which is gone.
	if _, err := w.keys.Key(t.Context(), m.ID, false); errs.KindOf(err) != errs.NotFound {
		t.Errorf("the conversation's key: %v", err)
	}
	if row, err := w.node.Store.Read().Recording(t.Context(), m.ID); err != nil || row.Sealed != nil {
		t.Errorf("%v, the recording's key is there", err)
	}
	refused(w, errs.NotFound, meetingv1.ReadRecordingSubject, meetingv1.ReadRecordingRequest{MeetingID: m.ID, TrackID: sound.ID, Length: 10, Actor: mette})
}
