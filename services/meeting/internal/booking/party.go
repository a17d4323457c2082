package booking

import (
	"context"
	"errors"
	"slices"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// attend notes in the record who of those who have logged in as citizens is in a meeting that is held; came are those who were not before:
// the seat by the citizen's pseudonym. It stays so when they go, or when their seat becomes another's.
func (rec *Record) attend() (came map[string]string) {
	if rec.State != meetingv1.Live {
		return nil
	}
	for _, p := range rec.Participants {
		s := rec.Seats[p.ID]
		ref := s.Known[s.Device].PartyRef
		inside := p.State == meetingv1.InRoom || p.State == meetingv1.InSide
		if _, known := rec.Attended[ref]; ref == "" || !inside || known {
			continue
		}
		if came == nil {
			came = map[string]string{}
		}
		if rec.Attended == nil {
			rec.Attended = map[string]string{}
		}
		rec.Attended[ref], came[ref] = p.ID, p.ID
	}
	return came
}

// mine is a meeting as somebody may see it afterwards who took part in it: that it was, as what they were there, and what they chose.
// What the others said and chose, who they were, the case and the note are not theirs.
func (rec *Record) mine(ref string) meetingv1.Attended {
	a := meetingv1.Attended{
		ID: rec.ID, Title: rec.Title, State: rec.State, ServiceArea: rec.ServiceArea, StartedAt: rec.StartedAt, EndedAt: rec.EndedAt,
		Transcript: rec.Choices.Transcript, Recording: rec.Choices.Recording, EraseAt: rec.EraseAt,
	}
	p := rec.Participant(rec.Attended[ref])
	if p == nil {
		return a
	}
	a.Role = p.Role
	if s := rec.Seats[p.ID]; s.Known[s.Device].PartyRef == ref { // else the seat has become another's
		a.Transcribe, a.Record, a.OnBehalfOf = p.Transcribe, p.Record, p.OnBehalfOf
	}
	return a
}

// Mine reads the meetings that a citizen took part in, newest first; one of them, if id is not empty.
func (b *Book) Mine(ctx context.Context, ref, id string) ([]meetingv1.Attended, error) {
	ids, err := b.Store.Read().Attended(ctx, ref)
	if err != nil {
		return nil, err
	}
	out := []meetingv1.Attended{}
	for _, m := range ids {
		if id != "" && id != m {
			continue
		}
		rec, _, err := b.Get(ctx, m)
		if errors.Is(err, errs.NotFound) { // its key is gone, the row follows
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, rec.mine(ref))
	}
	slices.SortFunc(out, func(x, y meetingv1.Attended) int { return y.StartedAt.Compare(x.StartedAt) })
	return out, nil
}

// Retain notes when the journal will delete a meeting's content, for those who took part in it.
func (b *Book) Retain(ctx context.Context, id string, at time.Time) error {
	_, err := b.Update(ctx, id, "retained", "", func(rec *Record) error {
		if rec.EraseAt.Equal(at) {
			return ErrUnchanged
		}
		rec.EraseAt = at
		return nil
	})
	return err
}

// keepParties writes who came.
func keepParties(ctx context.Context, tx *store.Tx, meeting string, came map[string]string) error {
	for ref, participant := range came {
		if err := tx.PutParty(ctx, ref, meeting, participant); err != nil {
			return err
		}
	}
	return nil
}
