package recording

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// Keys are those of conversations, and of the people who are recorded in them.
type Keys interface {
	seal.Keys
	// Erase destroys a key, also one that was never made.
	Erase(ctx context.Context, conversation, reason, actor string) error
}

// Archive is the recordings of all meetings: their keys and when they are deleted. It is safe for concurrent use.
type Archive struct {
	Store *store.Store
	Keys  Keys
	Shelf Shelf
	Limit int64 // bytes of one meeting
	Log   *slog.Logger
	Now   func() time.Time
	// Metrics counts what is recorded here.
	Metrics *Metrics
}

// field of what is sealed in a recording's row.
const field = "recording"

// secret is what a recording's row has sealed.
type secret struct {
	Key   []byte `json:"key"`
	Basis string `json:"basis"`
}

// personal names the key of one who is recorded. The consent service keeps it, apart from the recording: what it has destroyed is in
// no copy of this service's database or files.
func personal(meeting, who string) string { return "rec-" + meeting + "-" + who }

// key is what a person's tracks are sealed under; errs.NotFound when it was destroyed.
func (a *Archive) key(ctx context.Context, meeting, who string, s secret, create bool) ([]byte, error) {
	own, err := a.Keys.Key(ctx, personal(meeting, who), create)
	if err != nil {
		return nil, err
	}
	return seal.Both(s.Key, own)
}

// keyWithin bounds how long the writing waits for the key of somebody who was not expected.
const keyWithin = 2 * time.Second

// keys gives the keys of those who are recorded. People's are there at once, so that nobody's first word waits for another service.
func (a *Archive) keys(ctx context.Context, meeting string, s secret, people []string) (func(who string) ([]byte, error), error) {
	have := map[string][]byte{}
	for _, who := range people {
		k, err := a.key(ctx, meeting, who, s, true)
		if err != nil {
			return nil, err
		}
		have[who] = k
	}
	return func(who string) ([]byte, error) {
		if k, ok := have[who]; ok {
			return k, nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), keyWithin)
		defer cancel()
		return a.key(ctx, meeting, who, s, true)
	}, nil
}

// Begin starts the recording of a meeting, or goes on with it where another node has stopped. People are those who are expected to be
// recorded. Stopped as in Config.
func (a *Archive) Begin(ctx context.Context, meeting, basis string, people []string, stopped func(problem string)) (*Recorder, error) {
	sealed, err := seal.JSON(ctx, a.Keys, meeting, field, secret{Key: seal.NewKey(), Basis: basis})
	if err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.AddRecording(ctx, meeting, a.Now(), sealed)
		return err
	})
	if err != nil {
		return nil, err
	}
	_, s, err := a.open(ctx, meeting)
	if err != nil {
		return nil, err
	}
	keys, err := a.keys(ctx, meeting, s, people)
	if err != nil {
		return nil, err
	}
	size, err := a.size(meeting)
	if err != nil {
		return nil, err
	}
	return New(Config{
		Shelf: a.Shelf, Key: keys, Meeting: meeting, Limit: a.Limit, Log: a.Log.With("meeting_id", meeting), Now: a.Now, Stopped: stopped,
		Metrics: a.Metrics,
	}, size), nil
}

// open reads a recording's row and its key; errs.NotFound when there is none, or it was deleted.
func (a *Archive) open(ctx context.Context, meeting string) (store.Recording, secret, error) {
	row, err := a.Store.Read().Recording(ctx, meeting)
	if err != nil {
		return row, secret{}, err
	}
	if !row.DeletedAt.IsZero() {
		return row, secret{}, errs.E(errs.NotFound, "Optagelsen er slettet.", nil)
	}
	var s secret
	err = seal.OpenJSON(ctx, a.Keys, meeting, field, row.Sealed, &s)
	return row, s, err
}

func (a *Archive) size(meeting string) (sum int64, err error) {
	ids, err := a.Shelf.Tracks(meeting)
	for _, id := range ids {
		t, err := a.Shelf.Open(meeting, id)
		if err != nil {
			return 0, err
		}
		n, err := t.Size()
		t.Close()
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, err
}

// Stop notes that a recording has stopped before its meeting.
func (a *Archive) Stop(ctx context.Context, meeting, problem string) error {
	a.Metrics.failures.WithLabelValues(problem).Inc()
	return a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.StopRecording(ctx, meeting, problem) })
}

// End notes that a meeting is over, and until when its recording is kept; zero: there is none. The first answer stands.
func (a *Archive) End(ctx context.Context, meeting string, ended, until time.Time) (time.Time, error) {
	err := a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.EndRecording(ctx, meeting, ended, until) })
	if err != nil {
		return time.Time{}, err
	}
	row, err := a.Store.Read().Recording(ctx, meeting)
	if errors.Is(err, errs.NotFound) || !row.DeletedAt.IsZero() {
		return time.Time{}, nil
	}
	return row.EraseAt, err
}

// About tells what was recorded of a meeting. Live: it is still held, and nothing can be played yet.
func (a *Archive) About(ctx context.Context, m meetingv1.Meeting) (meetingv1.Recording, error) {
	rep := meetingv1.Recording{MeetingID: m.ID, ServiceArea: m.ServiceArea, Tracks: []meetingv1.Track{}}
	row, s, err := a.open(ctx, m.ID)
	rep.Problem, rep.BeganAt, rep.EraseAt, rep.DeletedAt = row.Problem, row.BeganAt, row.EraseAt, row.DeletedAt
	switch {
	case err == nil:
		rep.Basis = s.Basis
	case row.BeganAt.IsZero() && errors.Is(err, errs.NotFound):
		return rep, nil
	case errors.Is(err, errs.NotFound):
		rep.State = meetingv1.RecordingDeleted
		return rep, nil
	default:
		return rep, err
	}
	if m.State == meetingv1.Live {
		rep.State = meetingv1.RecordingRunning
		return rep, nil
	}
	rep.State = meetingv1.RecordingKept
	rep.Tracks, err = a.tracks(ctx, m, row, s)
	return rep, err
}

// tracks lists what there is to play, and who did not want to be recorded.
func (a *Archive) tracks(ctx context.Context, m meetingv1.Meeting, row store.Recording, s secret) ([]meetingv1.Track, error) {
	ids, err := a.Shelf.Tracks(m.ID)
	if err != nil {
		return nil, err
	}
	list, read := []meetingv1.Track{}, []meetingv1.Track{}
	for _, id := range ids {
		who, source := whose(id)
		if slices.Contains(row.Withdrawn, who) {
			continue
		}
		key, err := a.key(ctx, m.ID, who, s, false)
		if errors.Is(err, errs.NotFound) { // files of a backup, from before they were deleted
			list = append(list, unreadable(row, id, who, source, meetingv1.GapDeleted))
			continue
		}
		if err != nil {
			return nil, err
		}
		t, err := a.about(m.ID, id, key)
		if errors.Is(err, errs.NotFound) { // not even its first note was written
			continue
		}
		if err != nil { // the others still play
			a.Log.Error("a recorded track cannot be read", "meeting_id", m.ID, "track", id, "err", err)
			list = append(list, unreadable(row, id, who, source, meetingv1.GapLost))
			continue
		}
		read = append(read, t)
	}
	bridge(read, row.EndedAt)
	list = append(list, read...)
	for _, id := range row.Withdrawn {
		list = append(list, meetingv1.Track{ParticipantID: id, BeganAt: row.BeganAt, WithdrawnAt: row.WithdrawnAt, DeletedAt: row.ClearedAt})
	}
	for _, p := range m.Participants {
		if p.Record != nil && !*p.Record && !slices.ContainsFunc(list, func(t meetingv1.Track) bool { return t.ParticipantID == p.ID }) {
			list = append(list, meetingv1.Track{ParticipantID: p.ID, BeganAt: row.BeganAt, Gaps: []meetingv1.Gap{{Reason: meetingv1.GapDeclined}}})
		}
	}
	for i := range list {
		if j := slices.IndexFunc(m.Participants, func(p meetingv1.Participant) bool { return p.ID == list[i].ParticipantID }); j >= 0 {
			list[i].Name, list[i].Role = m.Participants[j].Name, m.Participants[j].Role
		}
	}
	slices.SortStableFunc(list, func(x, y meetingv1.Track) int {
		if c := strings.Compare(x.ParticipantID, y.ParticipantID); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return list, nil
}

func unreadable(row store.Recording, id, who, source, why string) meetingv1.Track {
	return meetingv1.Track{ID: id, ParticipantID: who, Source: source, BeganAt: row.BeganAt, Gaps: []meetingv1.Gap{{Reason: why}}}
}

// bridge makes the time between the pieces of a track a gap: one has several where a node that hung had its file still open when another
// took the room over. What is missing after the last piece is a gap until the recording ended, if it has.
func bridge(list []meetingv1.Track, ended time.Time) {
	end := func(t meetingv1.Track) time.Time { return t.BeganAt.Add(time.Duration(t.Millis) * time.Millisecond) }
	for i := range list {
		t, next, covered := &list[i], time.Time{}, false
		for _, o := range list {
			if source(o.ID) != source(t.ID) || !end(o).After(end(*t)) {
				continue
			}
			covered = covered || !o.BeganAt.After(end(*t))
			if next.IsZero() || o.BeganAt.Before(next) {
				next = o.BeganAt
			}
		}
		switch {
		case covered:
		case !next.IsZero():
			t.Gaps = append(t.Gaps, meetingv1.Gap{From: t.Millis, To: next.Sub(t.BeganAt).Milliseconds(), Reason: meetingv1.GapInterrupted})
		case !ended.IsZero():
			Rest(t, ended)
		}
	}
}

// source is what the pieces of a track have in common: person, source and codec.
func source(id string) string {
	parts := strings.Split(id, "_")
	return strings.Join(parts[:min(len(parts), 3)], "_")
}

// whose takes a track's id apart.
func whose(id string) (who, source string) {
	parts := strings.Split(id, "_")
	if len(parts) < 3 {
		return "", ""
	}
	return parts[0], parts[1]
}

func (a *Archive) about(meeting, id string, key []byte) (meetingv1.Track, error) {
	p, err := Play(a.Shelf, meeting, id, key)
	if err != nil {
		return meetingv1.Track{}, err
	}
	defer p.Close()
	t := p.About()
	t.ID = id
	return t, nil
}

// Read gives bytes of a track.
func (a *Archive) Read(ctx context.Context, r meetingv1.ReadRecordingRequest) (meetingv1.RecordingPart, error) {
	if r.From < 0 || r.Length < 0 || r.Length > meetingv1.MaxRecordingPart {
		return meetingv1.RecordingPart{}, errs.E(errs.Invalid, "Der kan højst læses 256 KB ad gangen.", nil)
	}
	row, s, err := a.open(ctx, r.MeetingID)
	if err != nil {
		return meetingv1.RecordingPart{}, err
	}
	who, _ := whose(r.TrackID)
	if slices.Contains(row.Withdrawn, who) {
		return meetingv1.RecordingPart{}, errs.E(errs.NotFound, "Personen har trukket sit samtykke tilbage. Optagelsen kan ikke afspilles.", nil)
	}
	if who == "" {
		return meetingv1.RecordingPart{}, errs.E(errs.NotFound, "Optagelsen findes ikke.", nil)
	}
	key, err := a.key(ctx, r.MeetingID, who, s, false)
	if err != nil {
		return meetingv1.RecordingPart{}, err
	}
	p, err := Play(a.Shelf, r.MeetingID, r.TrackID, key)
	if err != nil {
		return meetingv1.RecordingPart{}, err
	}
	defer p.Close()
	part := meetingv1.RecordingPart{Type: p.Type(), Size: p.Size()}
	if n := min(int64(r.Length), p.Size()-r.From); n > 0 {
		part.Data = make([]byte, n)
		if _, err := p.ReadAt(part.Data, r.From); err != nil {
			return meetingv1.RecordingPart{}, err
		}
	}
	return part, nil
}

// Withdraw takes the tracks of all citizens of a meeting that is over out of sight: what they agreed to does not hold any more.
// Clear deletes them.
func (a *Archive) Withdraw(ctx context.Context, m meetingv1.Meeting) error {
	row, err := a.Store.Read().Recording(ctx, m.ID)
	if errors.Is(err, errs.NotFound) || err == nil && !row.DeletedAt.IsZero() {
		return nil
	}
	if err != nil {
		return err
	}
	ids, err := a.Shelf.Tracks(m.ID)
	if err != nil {
		return err
	}
	var people []string
	for _, p := range m.Participants {
		mine := func(id string) bool { who, _ := whose(id); return who == p.ID }
		if p.Role == meetingv1.RoleCitizen && slices.ContainsFunc(ids, mine) {
			people = append(people, p.ID)
		}
	}
	if len(people) == 0 {
		return nil
	}
	return a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.WithdrawRecording(ctx, m.ID, people, a.Now()) })
}

// Withdrawn tells whether tracks are out of sight that are to be deleted.
func (a *Archive) Withdrawn(ctx context.Context, meeting string) (bool, error) {
	row, err := a.Store.Read().Recording(ctx, meeting)
	if errors.Is(err, errs.NotFound) {
		return false, nil
	}
	return err == nil && !row.WithdrawnAt.IsZero() && row.ClearedAt.IsZero() && row.DeletedAt.IsZero(), err
}

// Clear deletes the tracks that Withdraw has taken out of sight: the people's keys, which makes copies of the files unreadable as well,
// then the files. With does more in the transaction that notes it.
func (a *Archive) Clear(ctx context.Context, meeting string, with func(*store.Tx) error) error {
	row, err := a.Store.Read().Recording(ctx, meeting)
	if err != nil {
		return err
	}
	if err := a.destroy(ctx, meeting, row.Withdrawn, "withdrawn"); err != nil {
		return err
	}
	ids, err := a.Shelf.Tracks(meeting)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if who, _ := whose(id); !slices.Contains(row.Withdrawn, who) {
			continue
		}
		if err := a.Shelf.Remove(meeting, id); err != nil {
			return err
		}
	}
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		cleared, err := tx.ClearRecording(ctx, meeting, a.Now())
		if err != nil || !cleared {
			return err
		}
		return with(tx)
	})
}

// destroy destroys people's keys.
func (a *Archive) destroy(ctx context.Context, meeting string, people []string, reason string) error {
	for _, who := range people {
		if err := a.Keys.Erase(ctx, personal(meeting, who), reason, "meeting"); err != nil {
			return err
		}
	}
	return nil
}

// Delete destroys a recording: its key and those of its people, then the files. By names who, or what rule. Again does nothing but to make sure.
func (a *Archive) Delete(ctx context.Context, meeting, by string) error {
	err := a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.DeleteRecording(ctx, meeting, by, a.Now()) })
	if err != nil {
		return err
	}
	if err := a.Store.Scrub(ctx); err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	ids, err := a.Shelf.Tracks(meeting)
	if err != nil {
		return err
	}
	var people []string
	for _, id := range ids {
		if who, _ := whose(id); who != "" && !slices.Contains(people, who) {
			people = append(people, who)
		}
	}
	if err := a.destroy(ctx, meeting, people, "discarded"); err != nil {
		return err
	}
	return a.Shelf.Delete(meeting)
}
