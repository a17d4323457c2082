package app

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/micro"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/platform/audit"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Recordings are for the caseworkers of the meeting's area. Each look is an audit entry, also of what is played.

func (a *App) recordingEndpoints(svc micro.Service) error {
	return errors.Join(
		bus.Handle(a.Bus, svc, meetingv1.RecordingSubject, requestLimit, a.recording),
		bus.Handle(a.Bus, svc, meetingv1.ReadRecordingSubject, requestLimit, a.readRecording),
		bus.Handle(a.Bus, svc, meetingv1.DeleteRecordingSubject, requestLimit, a.deleteRecording),
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

// erase forgets a conversation whose key is destroyed.
func (a *App) erase(ctx context.Context, e consentv1.Erased) error {
	if err := a.Hall.Archive.Delete(ctx, e.ConversationID, e.Reason); err != nil {
		return err
	}
	return a.Book.Erase(ctx, e.ConversationID)
}
