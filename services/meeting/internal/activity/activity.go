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
	"samtale.dk/samtale/services/platform/temporal"
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

const (
	// lookAgain is how often a meeting is looked at that somebody waits in the lobby of and nobody begins.
	lookAgain = 10 * time.Minute
	// openFor is how long after its planned end a meeting that nobody ends is let go on.
	openFor = 12 * time.Hour
	// keepBooking is how long a booking that became no conversation is kept, when its set-up does not say.
	keepBooking = 14 * 24 * time.Hour
)

// Plan implements meeting.Activities.
func (a *Activities) Plan(ctx context.Context, in meeting.PlanInput) (meeting.PlanResult, error) {
	rec, _, err := a.Book.Get(ctx, in.MeetingID)
	if errors.Is(err, errs.NotFound) { // erased, or its key is
		return meeting.PlanResult{}, nil
	}
	if err != nil {
		return meeting.PlanResult{}, temporal.ToFailure(err)
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
		return p, temporal.ToFailure(err)
	}
	keep := keepBooking
	if s.KeepAfter > 0 {
		keep = s.KeepAfter
	}
	p.ForgetAt = rec.StartsAt.Add(keep)
	p.RecordingUntil, err = a.recordingUntil(ctx, rec, s.KeepAfter)
	return p, temporal.ToFailure(err)
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
	s, ok, err := booking.SetupOf(ctx, a.Book.Store.Read(), rec)
	if !ok {
		s.Invitation = plain
	}
	return s, err
}

// plain is the invitation of a meeting without a set-up.
const plain = "Du er inviteret til et videomøde: {title}.\n\nTid: {time}\n\nDu deltager ved at åbne dette link på telefon, tablet eller " +
	"computer. Du skal ikke installere noget:\n{link}\n\nLinket er kun til dig. Vil du hellere tales ved i telefon? Så ring til os."

// Notify implements meeting.Activities. One participant's address that does not work keeps nobody else from being told.
func (a *Activities) Notify(ctx context.Context, in meeting.NotifyInput) (meeting.NotifyResult, error) {
	rec, _, err := a.Book.Get(ctx, in.MeetingID)
	if err != nil {
		if errors.Is(err, errs.NotFound) {
			err = nil
		}
		return meeting.NotifyResult{}, temporal.ToFailure(err)
	}
	s, err := a.setup(ctx, rec)
	if err != nil {
		return meeting.NotifyResult{}, temporal.ToFailure(err)
	}
	before, err := a.Book.Sent(ctx, rec.ID)
	if err != nil {
		return meeting.NotifyResult{}, temporal.ToFailure(err)
	}
	for _, p := range rec.Participants {
		if p.Role == meetingv1.RoleCaseworker && p.Email == "" || in.Kind == meeting.NoShow && p.Role != meetingv1.RoleCitizen {
			continue
		}
		to := in
		if in.Kind == meeting.Change && !told(before, p.ID, in.Sequence) {
			to.Kind = meeting.Invitation
		}
		if err := a.send(ctx, rec, s, p, to); err != nil {
			return meeting.NotifyResult{}, temporal.ToFailure(err)
		}
	}
	return meeting.NotifyResult{}, temporal.ToFailure(a.notComing(ctx, rec, s, in, before))
}

// notComing tells those who were invited and are not to come any more.
func (a *Activities) notComing(
	ctx context.Context, rec booking.Record, s meetingv1.Setup, in meeting.NotifyInput, before []meetingv1.Sent,
) error {
	if in.Kind != meeting.Change {
		return nil
	}
	for _, p := range rec.Dropped {
		off := slices.ContainsFunc(before, func(m meetingv1.Sent) bool {
			return m.Kind == meeting.Cancellation && strings.HasPrefix(m.ID, p.ID+"-")
		})
		if off || !told(before, p.ID, in.Sequence) {
			continue
		}
		to := in
		to.Kind = meeting.Cancellation
		if err := a.send(ctx, rec, s, p, to); err != nil {
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

// send writes one letter, sends it, and keeps it with what came of it.
func (a *Activities) send(ctx context.Context, rec booking.Record, s meetingv1.Setup, p meetingv1.Participant, in meeting.NotifyInput) error {
	id := sentID(p.ID, in.Kind, in.Sequence)
	if in.Kind == meeting.Reminder {
		id += "-" + a.Now().UTC().Format("2006010215")
	}
	l := invite.Letter{
		ID: id, Kind: in.Kind, Meeting: rec.Meeting, To: p, Text: s.Invitation, Info: s.Info, Reason: rec.Reason, From: a.From,
		Sequence: in.Sequence, Now: a.Now(),
	}
	if in.Kind != meeting.Cancellation && in.Kind != meeting.NoShow {
		l.Link, l.Code = a.Public+rec.Path(p.ID), rec.Seats[p.ID].Code
	}
	m, err := invite.Write(l)
	if err != nil {
		return err
	}
	sent := meetingv1.Sent{
		ID: id, MeetingID: rec.ID, To: masked(p.Email), Kind: in.Kind, By: a.Way.Name(), Subject: m.Subject, Body: m.Body,
		ICS: m.ICS, MeMo: m.MeMo, SMS: m.SMS, At: a.Now(),
	}
	if err := a.Way.Send(ctx, id, l, m); err != nil {
		a.Log.Warn("message to a participant", "meeting_id", rec.ID, "participant_id", p.ID, "err", err)
		sent.Problem = errs.Text(err)
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
			return meeting.PlanResult{}, temporal.ToFailure(err)
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
		return meeting.PlanResult{}, temporal.ToFailure(err)
	}
	return a.plan(ctx, rec)
}

// Forget implements meeting.Activities: the key is destroyed first, so that no copy can be read; a legal hold stops it.
func (a *Activities) Forget(ctx context.Context, in meeting.ForgetInput) (meeting.ForgetResult, error) {
	_, err := bus.Request[consentv1.EraseReply](ctx, a.Bus, consentv1.EraseSubject, consentv1.EraseRequest{
		ConversationID: in.MeetingID, Reason: "retention", Actor: "meeting",
	})
	if err != nil {
		return meeting.ForgetResult{}, temporal.ToFailure(err)
	}
	return meeting.ForgetResult{}, temporal.ToFailure(a.Book.Erase(ctx, in.MeetingID))
}
