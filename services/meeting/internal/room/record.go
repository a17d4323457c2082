package room

import (
	"context"
	"sync"
	"time"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/recording"
	"samtale.dk/samtale/services/platform/errs"
)

// A recording runs from the meeting's beginning where it was chosen with a legal basis; who leads the meeting may stop it and go on.
// Of each person it has what the person agrees to, in the main room, while nothing is paused.

// tape is a room's recording. Its lock is taken after the room's and the SFU's.
type tape struct {
	mu       sync.Mutex
	recorder *recording.Recorder // nil: nothing is recorded
}

func (t *tape) get() *recording.Recorder {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.recorder
}

func (t *tape) swap(r *recording.Recorder) (old *recording.Recorder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, t.recorder = t.recorder, r
	return old
}

// beginWithin bounds how long whoever joins waits for the recording to begin.
const beginWithin = 10 * time.Second

// tapeUp starts the recorder for the first who joins. A recording that cannot be made stops nobody from meeting. r.joining is held.
func (r *room) tapeUp(rec booking.Record) {
	if !rec.Choices.Recording || rec.RecordingProblem != "" || r.tape.get() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), beginWithin)
	defer cancel()
	recorder, err := r.hall.Archive.Begin(ctx, r.id, rec.Choices.Basis, expected(rec), r.untaped)
	if err != nil {
		r.log.Error("a meeting is not recorded", "err", err)
		go r.untaped(meetingv1.ProblemFailed)
		return
	}
	r.tape.swap(recorder)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tapes(r.record) // somebody may have said no meanwhile
}

// expected are those who are recorded as things stand.
func expected(rec booking.Record) (people []string) {
	for _, p := range rec.Participants {
		if recordable(p) {
			people = append(people, p.ID)
		}
	}
	return people
}

// tapes tells the recorder whom to record.
func (r *room) tapes(rec booking.Record) {
	recorder := r.tape.get()
	if recorder == nil {
		return
	}
	for _, p := range rec.Participants {
		recorder.Keep(p.ID, untold(rec, p))
	}
}

// untold says why a participant is not recorded now; empty: the participant is.
func untold(rec booking.Record, p meetingv1.Participant) string {
	switch {
	case !recordable(p):
		return meetingv1.GapDeclined
	case !rec.Recording:
		return meetingv1.GapOff
	case rec.Paused:
		return meetingv1.GapPaused
	case p.State == meetingv1.InSide:
		return meetingv1.GapSide
	}
	return ""
}

// recordable: citizens and all who come from outside decide for themselves; the authority's own people are at work, and may decline.
func recordable(p meetingv1.Participant) bool {
	if p.Record != nil {
		return *p.Record
	}
	return p.Role == meetingv1.RoleCaseworker || p.Role == meetingv1.RoleColleague
}

// tap is where a track's packets are recorded.
func (r *room) tap(participant string, t sfu.Track) sfu.PacketWriter {
	if recorder := r.tape.get(); recorder != nil {
		return recorder.Tap(participant, string(t.Source))
	}
	return nil
}

// untape ends the recording in good order. The room's media is closed.
func (r *room) untape() {
	if recorder := r.tape.swap(nil); recorder != nil {
		recorder.Close()
	}
}

// untaped makes everybody see that the recording has stopped, and why.
func (r *room) untaped(problem string) {
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	err := r.hall.Archive.Stop(ctx, r.id, problem)
	if err != nil {
		r.log.Error("that a recording has stopped is not noted", "err", err)
	}
	rec, err := r.hall.Book.Update(ctx, r.id, "moderated", "", func(rec *booking.Record) error {
		rec.Recording, rec.RecordingProblem = false, problem
		return nil
	})
	if err != nil {
		r.log.Error("that a recording has stopped is not told", "err", err)
		return
	}
	r.hall.announce(rec)
}

// record is what people do about the recording: choose for themselves, or, leading the meeting, stop it and go on.
func record(rec *booking.Record, me *meetingv1.Participant, value string) error {
	switch value {
	case "yes", "no":
		yes := value == "yes"
		me.Record = &yes
		return nil
	case "on", "off":
	default:
		return errs.E(errs.Invalid, "Valget om optagelse skal være yes eller no, on eller off.", nil)
	}
	switch {
	case !moderates(me):
		return errs.E(errs.Denied, "Det kan kun den, der leder mødet.", nil)
	case value == "off":
	case !rec.Choices.Recording:
		return errs.E(errs.Invalid, "Optagelse skal vælges med et lovgrundlag, når mødet bookes.", nil)
	case rec.RecordingProblem != "":
		return errs.E(errs.Conflict, "Optagelsen er stoppet og kan ikke begynde igen i dette møde.", nil)
	}
	rec.Recording = value == "on"
	return nil
}

// Source names this service in the events that come from its rooms.
const Source = "meeting"

// chooseTape keeps a citizen's choice with the consent service. The conversation's is yes while any citizen says yes.
func (h *Hall) chooseTape(ctx context.Context, rec booking.Record, p *meetingv1.Participant, yes bool) {
	if p.Role != meetingv1.RoleCitizen || !rec.Choices.Recording {
		return
	}
	for _, o := range rec.Participants {
		if !yes && o.ID != p.ID && o.Role == meetingv1.RoleCitizen && recordable(o) {
			return
		}
	}
	area, err := h.Area(ctx, rec.ServiceArea)
	if err == nil {
		now := h.Now()
		err = h.keepChoice(ctx, consentv1.Choice{
			Meta: event.NewMeta("consent.v1.choice", Source, now), ConversationID: rec.ID, Kind: consentv1.Recording, Value: yes,
			Basis: rec.Choices.Basis, Purpose: area.Purpose, TextVersion: area.TextVersion, Language: "da", How: consentv1.HowButton,
			Who: "citizen", OnBehalfOf: p.OnBehalfOf, At: now,
		})
	}
	if err != nil {
		h.Log.Error("choice is not recorded", "meeting_id", rec.ID, "participant_id", p.ID, "err", err)
	}
}
