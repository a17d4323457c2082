package inquiry

import (
	"time"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/workflows/inquiry"
)

// Times after which something happens by itself.
const (
	// callWithin is the opening time in which a claimed call-back is made: they are agreed for a time of day.
	callWithin = 4 * time.Hour
	// patience is how many times the area's time to claim passes before the next reminder, or before an inquiry is taken
	// from who does not react.
	patience = 3
	// quietAfter without the citizen's page open they are told that the chat stays. People look things up for long.
	quietAfter = 30 * time.Minute
	// closeAfter without a word from anybody an inquiry ends, so that its note is written. Longer than a weekend.
	closeAfter = 72 * time.Hour
	// receiptKept is for how long after the end the receipt number opens the status.
	receiptKept = 30 * 24 * time.Hour
)

// plan is what an inquiry needs next, and when. It depends on the row and the area only, so that whoever asks gets the same
// answer, today or after a restart.
func plan(i store.Inquiry, a area) inquiry.PlanResult {
	switch i.State {
	case inquiryv1.Waiting:
		if i.EscalatedAt.IsZero() {
			return inquiry.PlanResult{Step: inquiry.Escalate, At: i.ClaimBy}
		}
		return inquiry.PlanResult{Step: inquiry.Remind, At: a.Add(latest(i.EscalatedAt, i.RemindedAt), patience*a.ClaimWithin)}
	case inquiryv1.Claimed:
		if since, within := owed(i, a); !since.IsZero() {
			if i.RemindedAt.Before(since) {
				return inquiry.PlanResult{Step: inquiry.Remind, At: a.Add(since, within)}
			}
			return inquiry.PlanResult{Step: inquiry.Return, At: a.Add(i.RemindedAt, patience*within)}
		}
		// A page that is left open keeps no inquiry open: what counts is what was said and done.
		end := inquiry.PlanResult{Step: inquiry.Close, At: latest(i.WorkerWroteAt, i.CitizenWroteAt, i.CalledAt, i.ClaimedAt).Add(closeAfter)}
		quiet := latest(i.CitizenAt, i.WorkerWroteAt).Add(quietAfter)
		if i.Channel == inquiryv1.Chat && i.QuietAt.Before(i.CitizenAt) && quiet.Before(end.At) {
			return inquiry.PlanResult{Step: inquiry.Quiet, At: quiet}
		}
		return end
	}
	return after(i)
}

// after is what is left to do when an inquiry is over.
func after(i store.Inquiry) inquiry.PlanResult {
	switch {
	case !i.ExpiredAt.IsZero():
		return inquiry.PlanResult{}
	case i.ErasedAt.IsZero() && !i.EraseAt.IsZero():
		return inquiry.PlanResult{Step: inquiry.Erase, At: i.EraseAt}
	}
	return inquiry.PlanResult{Step: inquiry.Expire, At: i.EndedAt.Add(receiptKept)}
}

// owed is since when the citizen waits for who has the inquiry, and for how much opening time that is fine; the zero time
// when it is the citizen's turn.
func owed(i store.Inquiry, a area) (since time.Time, within time.Duration) {
	switch {
	case i.Channel == inquiryv1.CallBack && i.CalledAt.IsZero():
		return i.ClaimedAt, max(callWithin, a.ClaimWithin)
	case i.Channel == inquiryv1.Video && len(i.Video) == 0, i.Channel == inquiryv1.Chat && i.WorkerWroteAt.Before(i.ClaimedAt):
		return i.ClaimedAt, a.ClaimWithin
	case i.CitizenWroteAt.After(latest(i.WorkerWroteAt, i.CalledAt)) && i.Channel != inquiryv1.Video:
		return i.CitizenWroteAt, a.ClaimWithin
	}
	return time.Time{}, 0
}

func latest(times ...time.Time) time.Time {
	var out time.Time
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}
