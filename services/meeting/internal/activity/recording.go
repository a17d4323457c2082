package activity

import (
	"context"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/workflows/meeting"
)

// keepRecording is how long a recording is kept when neither its set-up nor its service area says.
const keepRecording = 30 * 24 * time.Hour

// recordingUntil is when the recording of a meeting that has ended is deleted; zero: there is none. It is decided once.
func (a *Activities) recordingUntil(ctx context.Context, rec booking.Record, keep time.Duration) (time.Time, error) {
	if rec.EndedAt.IsZero() {
		return time.Time{}, nil
	}
	if keep == 0 {
		areas, err := a.Book.Areas(ctx)
		if err != nil {
			return time.Time{}, err
		}
		for _, area := range areas {
			if area.ID == rec.ServiceArea {
				keep = area.KeepAfter
			}
		}
	}
	if keep == 0 {
		keep = keepRecording
	}
	return a.Archive.End(ctx, rec.ID, rec.EndedAt, rec.EndedAt.Add(keep))
}

// DeleteRecording implements meeting.Activities. A legal hold stops it.
func (a *Activities) DeleteRecording(ctx context.Context, in meeting.DeleteRecordingInput) (meeting.DeleteRecordingResult, error) {
	hold, err := bus.Request[consentv1.HoldReply](ctx, a.Bus, consentv1.HoldStateSubject, consentv1.ConversationRequest{
		ConversationID: in.MeetingID,
	})
	if err != nil || hold.On {
		return meeting.DeleteRecordingResult{Held: hold.On}, again(err)
	}
	return meeting.DeleteRecordingResult{}, again(a.Archive.Delete(ctx, in.MeetingID, "retention"))
}
