package recording

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// A track that another node went on with in a file of its own has a gap between the two, and one to the end if it was not ended.
func TestPiecesOfATrack(t *testing.T) {
	began := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	list := []meetingv1.Track{
		{ID: "anna_microphone_opus", BeganAt: at(0), Millis: 10_000, Gaps: []meetingv1.Gap{{From: 1000, To: 2000, Reason: meetingv1.GapPaused}}},
		{ID: "anna_microphone_opus_2", BeganAt: at(13), Millis: 5_000, Whole: true},
		{ID: "anna_camera_vp8", BeganAt: at(0), Millis: 20_000, Whole: true}, // had its file back
		{ID: "anna_camera_vp8_2", BeganAt: at(13), Millis: 5_000},
		{ID: "bo_microphone_opus", BeganAt: at(1), Millis: 10_000},
	}
	bridge(list, at(30))
	interrupted := func(from, to int64) meetingv1.Gap {
		return meetingv1.Gap{From: from, To: to, Reason: meetingv1.GapInterrupted}
	}
	want := [][]meetingv1.Gap{
		{{From: 1000, To: 2000, Reason: meetingv1.GapPaused}, interrupted(10_000, 13_000)}, nil, nil, nil, {interrupted(10_000, 29_000)},
	}
	for i, w := range want {
		if diff := cmp.Diff(w, list[i].Gaps); diff != "" {
			t.Errorf("%s: %s", list[i].ID, diff)
		}
	}
}
