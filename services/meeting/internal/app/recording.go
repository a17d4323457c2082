package app

import (
	"context"
	"errors"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/room"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/audit"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Recordings are for the caseworkers of the meeting's area. Each look is an audit entry, also of what is played.

func (a *App) recordingEndpoints(d doors) error {
	return errors.Join(
		anywhere(a, d, meetingv1.RecordingSubject, a.recording),
		anywhere(a, d, meetingv1.ReadRecordingSubject, a.readRecording),
		anywhere(a, d, meetingv1.DeleteRecordingSubject, a.deleteRecording),
	)
}

func (a *App) recording(ctx context.Context, r meetingv1.RecordingRequest) (meetingv1.Recording, error) {
	rec, row, err := a.Book.Get(ctx, r.MeetingID)
	if errors.Is(err, errs.NotFound) && !row.ErasedAt.IsZero() { // that it is deleted can be told
		rec.ID, rec.ServiceArea, rec.State, err = row.ID, row.ServiceArea, row.State, nil
	}
	if err == nil {
		err = may(r.Actor, rec.ServiceArea)
	}
	if err != nil {
		return meetingv1.Recording{}, err
	}
	return a.aboutRecording(ctx, r.Actor, rec)
}

func (a *App) aboutRecording(ctx context.Context, actor meetingv1.Actor, rec booking.Record) (meetingv1.Recording, error) {
	rep, err := a.Hall.Archive.About(ctx, rec.Meeting)
	if err != nil || rep.State != meetingv1.RecordingKept {
		return rep, err
	}
	hold, err := bus.Request[consentv1.HoldReply](ctx, a.Bus, consentv1.HoldStateSubject, consentv1.ConversationRequest{ConversationID: rec.ID})
	if err != nil {
		return rep, err
	}
	rep.Held = hold.On
	return rep, a.recordingSeen(ctx, actor, rec.ID, "view-recording", "Se, hvad der er optaget af et møde")
}

func (a *App) recordingSeen(ctx context.Context, actor meetingv1.Actor, id, action, purpose string) error {
	look := audit.Look{Actor: actor.ID, Role: actor.Role, Action: action, Purpose: purpose}
	return a.looks.Write(a.Book.Now(), look, []string{id}, func(entries []consentv1.Audit) error {
		return a.Bus.Publish(ctx, entries[0])
	})
}

func (a *App) readRecording(ctx context.Context, r meetingv1.ReadRecordingRequest) (meetingv1.RecordingPart, error) {
	rec, err := a.find(ctx, r.MeetingID, r.Actor)
	if err != nil {
		return meetingv1.RecordingPart{}, err
	}
	if rec.State == meetingv1.Live {
		return meetingv1.RecordingPart{}, errs.E(errs.Conflict, "Optagelsen kan afspilles, når mødet er slut.", nil)
	}
	part, err := a.Hall.Archive.Read(ctx, r)
	if err != nil || len(part.Data) == 0 {
		return part, err
	}
	if err := a.recordingSeen(ctx, r.Actor, r.MeetingID, "play-recording", "Høre eller se optagelsen af et møde"); err != nil {
		return meetingv1.RecordingPart{}, err
	}
	return part, nil
}

func (a *App) deleteRecording(ctx context.Context, r meetingv1.RecordingRequest) (meetingv1.Recording, error) {
	rec, err := a.find(ctx, r.MeetingID, r.Actor)
	if err != nil {
		return meetingv1.Recording{}, err
	}
	if rec.State == meetingv1.Live {
		return meetingv1.Recording{}, errs.E(errs.Conflict, "Optagelsen kan slettes, når mødet er slut.", nil)
	}
	hold, err := bus.Request[consentv1.HoldReply](ctx, a.Bus, consentv1.HoldStateSubject, consentv1.ConversationRequest{ConversationID: rec.ID})
	if err != nil {
		return meetingv1.Recording{}, err
	}
	if hold.On {
		return meetingv1.Recording{}, errs.E(errs.Conflict, "Samtalen er fredet. Optagelsen må ikke slettes.", nil)
	}
	if err := a.recordingSeen(ctx, r.Actor, r.MeetingID, "delete-recording", "Slette optagelsen af et møde"); err != nil {
		return meetingv1.Recording{}, err
	}
	if err := a.Hall.Archive.Delete(ctx, rec.ID, r.Actor.ID); err != nil {
		return meetingv1.Recording{}, err
	}
	return a.aboutRecording(ctx, r.Actor, rec)
}

// withdrawn deletes what was recorded of the citizens of a meeting that is over, when they take back that they may be recorded. A no
// that is said in the meeting counts from then on, and is the room's to obey.
func (a *App) withdrawn(ctx context.Context, e consentv1.Choice) error {
	if e.Kind != consentv1.Recording || e.Value || e.Source == room.Source {
		return nil
	}
	rec, _, err := a.Book.Get(ctx, e.ConversationID)
	if errors.Is(err, errs.NotFound) { // a call, or what is erased
		return nil
	}
	if err != nil || rec.State == meetingv1.Live {
		return err
	}
	if err := a.Hall.Archive.Withdraw(ctx, rec.Meeting); err != nil {
		return err
	}
	return a.clear(ctx, rec.ID)
}

// unheld goes on where a legal hold had stopped a deletion.
func (a *App) unheld(ctx context.Context, e consentv1.Hold) error {
	if e.On {
		return nil
	}
	return a.clear(ctx, e.ConversationID)
}

// clear deletes the tracks of those who have withdrawn, unless a legal hold forbids it.
func (a *App) clear(ctx context.Context, id string) error {
	due, err := a.Hall.Archive.Withdrawn(ctx, id)
	if err != nil || !due {
		return err
	}
	hold, err := bus.Request[consentv1.HoldReply](ctx, a.Bus, consentv1.HoldStateSubject, consentv1.ConversationRequest{ConversationID: id})
	if err != nil || hold.On {
		return err
	}
	return a.Hall.Archive.Clear(ctx, id, func(tx *store.Tx) error {
		return tx.Publish(ctx, consentv1.Audit{
			Meta: event.NewMeta("audit.v1.entry", "meeting", a.Book.Now()), ConversationID: id, Actor: "meeting", Role: "system",
			Action: "withdraw-recording", Purpose: "Du har trukket dit ja til optagelse tilbage. Det, der var optaget af dig, er slettet.",
		})
	})
}

// erase forgets a conversation whose key is destroyed.
func (a *App) erase(ctx context.Context, e consentv1.Erased) error {
	if err := a.Hall.Archive.Delete(ctx, e.ConversationID, e.Reason); err != nil {
		return err
	}
	return a.Book.Erase(ctx, e.ConversationID)
}
