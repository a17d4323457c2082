// Package activity is the meeting service's side of the workflow `meeting`: it reads the plan from the booking, tells
// participants, and decides about meetings that nobody came to or ended. Everything may run twice.
package activity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/invite"
	"samtale.dk/samtale/services/meeting/internal/recording"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/meeting"
)

// Activities implements meeting.Activities.
type Activities struct {
	Book    *booking.Book
	Archive *recording.Archive
	Bus     *bus.Bus
	Way     invite.Way
	From    invite.Sender
	// Public is the portal's address, without a slash at the end.
	Public string
	// Over ends a room that is still open here.
	Over func(ctx context.Context, id string) error
	Log  *slog.Logger
	Now  func() time.Time
}

var _ meeting.Activities = (*Activities)(nil)

// again makes an error that nothing here expects one that is tried again: a workflow that failed over it would leave its meeting
// unattended, and its booking undeleted.
func again(err error) error {
	if err == nil || errs.KindOf(err) == errs.Unavailable {
		return err
	}
	return errs.E(errs.Internal, "", err)
}

const (
	// lookAgain is how often a meeting is looked at that somebody waits in the lobby of and nobody begins.
	lookAgain = 10 * time.Minute
	// openFor is how long after its planned end a meeting that nobody ends is let go on.
	openFor = 12 * time.Hour
	// keepBooking is how long a booking that became no conversation is kept, when its set-up does not say.
	keepBooking = 14 * 24 * time.Hour
	// insist is for how long a letter that the mail server did not take is sent again. What waits for the workflow waits as long.
	insist = 30 * time.Minute
)

// Plan implements meeting.Activities.
func (a *Activities) Plan(ctx context.Context, in meeting.PlanInput) (meeting.PlanResult, error) {
	rec, _, err := a.Book.Get(ctx, in.MeetingID)
	if errors.Is(err, errs.NotFound) { // erased, or its key is
		return meeting.PlanResult{}, nil
	}
	if err != nil {
		return meeting.PlanResult{}, again(err)
	}
	return a.plan(ctx, rec)
}

func (a *Activities) plan(ctx context.Context, rec booking.Record) (meeting.PlanResult, error) {
	p := meeting.PlanResult{
		State: rec.State, Sequence: rec.Sequence, StartsAt: rec.StartsAt, SettleAt: rec.StartsAt.Add(booking.NoShowAfter),
		Held: !rec.StartedAt.IsZero(),
	}
	if rec.State == meetingv1.Live {
		p.SettleAt = lastly(rec)
	}
	if now := a.Now(); a.awaited(rec) && !now.Before(p.SettleAt) {
		p.SettleAt = now.Add(lookAgain)
	}
	s, err := a.setup(ctx, rec)
	if err != nil {
		return p, again(err)
	}
	keep := keepBooking
	if s.KeepAfter > 0 {
		keep = s.KeepAfter
	}
	p.ForgetAt = rec.StartsAt.Add(keep)
	p.RecordingUntil, err = a.recordingUntil(ctx, rec, s.KeepAfter)
	return p, again(err)
}

// lastly is when a meeting is over, whatever becomes of it.
func lastly(rec booking.Record) time.Time {
	return rec.StartsAt.Add(time.Duration(rec.Minutes)*time.Minute + openFor)
}

// awaited tells whether somebody waits for a meeting that nobody has begun yet: they have not missed it.
func (a *Activities) awaited(rec booking.Record) bool {
	return rec.State == meetingv1.Booked && rec.Waits() && a.Now().Before(lastly(rec))
}

func (a *Activities) setup(ctx context.Context, rec booking.Record) (meetingv1.Setup, error) {
	s, _, err := booking.SetupOf(ctx, a.Book.Store.Read(), rec)
	return s, err
}

// Notify implements meeting.Activities. One participant's address that does not work keeps nobody else from being told, and who was told
// by an earlier try is not told again. It fails as long as there are letters that are worth another try.
func (a *Activities) Notify(ctx context.Context, in meeting.NotifyInput) (meeting.NotifyResult, error) {
	rec, _, err := a.Book.Get(ctx, in.MeetingID)
	if err != nil {
		if errors.Is(err, errs.NotFound) {
			err = nil
		}
		return meeting.NotifyResult{}, again(err)
	}
	if in.Kind != meeting.Cancellation && in.Kind != meeting.NoShow && in.Sequence != rec.Sequence {
		return meeting.NotifyResult{}, nil // it was changed since: what holds now is told next
	}
	s, err := a.setup(ctx, rec)
	if err != nil {
		return meeting.NotifyResult{}, again(err)
	}
	before, err := a.Book.Sent(ctx, rec.ID)
	if err != nil {
		return meeting.NotifyResult{}, again(err)
	}
	round := round{before: before}
	for _, p := range rec.Participants {
		if p.Role == meetingv1.RoleCaseworker && p.Email == "" || in.Kind == meeting.NoShow && p.Role != meetingv1.RoleCitizen {
			continue
		}
		to := in
		if in.Kind == meeting.Change && !told(before, p.ID, in.Sequence) {
			to.Kind = meeting.Invitation
		}
		if err := a.send(ctx, rec, s, p, to, &round); err != nil {
			return meeting.NotifyResult{}, again(err)
		}
	}
	if err := a.notComing(ctx, rec, s, in, &round); err != nil {
		return meeting.NotifyResult{}, again(err)
	}
	if round.left > 0 {
		return meeting.NotifyResult{}, errs.E(errs.Unavailable, "", fmt.Errorf("%d letters could not be sent yet", round.left))
	}
	return meeting.NotifyResult{}, nil
}

// round is one try at telling everybody.
type round struct {
	before []meetingv1.Sent // what went out, or should have, before it
	left   int              // letters that are worth another try
}

// earlier is what came of a letter before; nil: it was not tried.
func (r *round) earlier(id string) *meetingv1.Sent {
	if i := slices.IndexFunc(r.before, func(m meetingv1.Sent) bool { return m.ID == id }); i >= 0 {
		return &r.before[i]
	}
	return nil
}

// notComing tells those who were invited and are not to come any more.
func (a *Activities) notComing(
	ctx context.Context, rec booking.Record, s meetingv1.Setup, in meeting.NotifyInput, r *round,
) error {
	if in.Kind != meeting.Change {
		return nil
	}
	for _, p := range rec.Dropped {
		off := slices.ContainsFunc(r.before, func(m meetingv1.Sent) bool {
			return (m.Kind == invite.Dropped || m.Kind == invite.Cancellation) && strings.HasPrefix(m.ID, p.ID+"-") && m.Problem == ""
		})
		if off || !told(r.before, p.ID, in.Sequence) {
			continue
		}
		to := in
		to.Kind = invite.Dropped
		if err := a.send(ctx, p.Knew(rec), s, p.Participant, to, r); err != nil {
			return err
		}
	}
	return nil
}

// told tells whether a participant knows the meeting already: from a letter that went out, of an earlier state of the booking.
func told(before []meetingv1.Sent, participant string, sequence int) bool {
	return slices.ContainsFunc(before, func(m meetingv1.Sent) bool {
		return strings.HasPrefix(m.ID, participant+"-") && m.ID != sentID(participant, meeting.Invitation, sequence) && m.Problem == ""
	})
}

// sentID is the id of a message: the same one to the same participant is one.
func sentID(participant, kind string, sequence int) string {
	return fmt.Sprintf("%s-%s-%d", participant, kind, sequence)
}

// send writes one letter, sends it, and keeps it with what came of it; not if it went out before, or was tried for long enough.
func (a *Activities) send(
	ctx context.Context, rec booking.Record, s meetingv1.Setup, p meetingv1.Participant, in meeting.NotifyInput, r *round,
) error {
	id := sentID(p.ID, in.Kind, in.Sequence)
	if in.Kind == meeting.Reminder { // there are two, which are tried for less than the time between them
		id += "-" + map[bool]string{true: "day", false: "hour"}[rec.StartsAt.Sub(a.Now()) > 12*time.Hour]
	}
	was, now := r.earlier(id), a.Now()
	if was != nil && (was.Problem == "" || now.Sub(was.At) >= insist) {
		return nil
	}
	l := invite.Letter{
		ID: id, Kind: in.Kind, Meeting: rec.Meeting, To: p, Reason: rec.Reason, From: a.From,
		Sequence: in.Sequence, Now: now,
	}
	l.Text, l.Info = invite.Texts(s, p.Language)
	switch in.Kind {
	case invite.Cancellation, invite.Dropped, invite.NoShow:
	default:
		l.Link, l.Code = a.Public+rec.Path(p.ID), rec.Seats[p.ID].Code
	}
	m, err := invite.Write(l)
	if err != nil {
		return err
	}
	sent := meetingv1.Sent{
		ID: id, MeetingID: rec.ID, To: masked(p.Email), Kind: in.Kind, By: a.Way.Name(), Subject: m.Subject, Body: m.Body,
		ICS: m.ICS, MeMo: m.MeMo, SMS: m.SMS, At: now,
	}
	if err := a.Way.Send(ctx, id, l, m); err != nil {
		a.Log.Warn("message to a participant", "meeting_id", rec.ID, "participant_id", p.ID, "err", err)
		sent.Problem = errs.Text(err)
		if was != nil {
			sent.At = was.At // of the first try
		}
		if errs.KindOf(err) == errs.Unavailable {
			r.left++
		}
	}
	return a.Book.KeepSent(ctx, sent)
}

// masked leaves of an address what tells people apart who know it: "b…@example.dk".
func masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return ""
	}
	return address[:1] + "…" + address[at:]
}

// Settle implements meeting.Activities.
func (a *Activities) Settle(ctx context.Context, in meeting.SettleInput) (meeting.PlanResult, error) {
	rec, _, err := a.Book.Get(ctx, in.MeetingID)
	if errors.Is(err, errs.NotFound) {
		return meeting.PlanResult{}, nil
	}
	if err == nil && rec.State == meetingv1.Live {
		if err := a.Over(ctx, rec.ID); err != nil {
			return meeting.PlanResult{}, again(err)
		}
		return a.Plan(ctx, meeting.PlanInput(in))
	}
	if err == nil && rec.State == meetingv1.Booked {
		rec, err = a.Book.Update(ctx, rec.ID, "noshow", "", func(rec *booking.Record) error {
			if rec.State != meetingv1.Booked || a.awaited(*rec) {
				return booking.ErrUnchanged
			}
			rec.State, rec.EndedAt = meetingv1.Ended, a.Now()
			if rec.Missed(a.Now()) {
				rec.State = meetingv1.NoShow
			}
			return nil
		})
	}
	if err != nil {
		return meeting.PlanResult{}, again(err)
	}
	return a.plan(ctx, rec)
}

// Forget implements meeting.Activities: the key is destroyed first, so that no copy can be read; a legal hold stops it.
func (a *Activities) Forget(ctx context.Context, in meeting.ForgetInput) (meeting.ForgetResult, error) {
	_, err := bus.Request[consentv1.EraseReply](ctx, a.Bus, consentv1.EraseSubject, consentv1.EraseRequest{
		ConversationID: in.MeetingID, Reason: "retention", Actor: "meeting",
	})
	if errs.KindOf(err) == errs.Conflict { // held: asked again later
		wait := errs.E(errs.Unavailable, "", err)
		wait.RetryAfter = meeting.HoldCheck
		return meeting.ForgetResult{}, wait
	}
	if err != nil {
		return meeting.ForgetResult{}, again(err)
	}
	return meeting.ForgetResult{}, again(a.Book.Erase(ctx, in.MeetingID))
}
