package inquiry

import (
	"context"
	"errors"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/errs"
)

// view is an inquiry as a side (inquiryv1.FromCitizen or FromCaseworker) may see it.
func (s *Service) view(ctx context.Context, i store.Inquiry, side string) (inquiryv1.Inquiry, error) {
	return s.viewIn(ctx, lines{}, i, side)
}

// viewIn is view with the areas' lines that were read already.
func (s *Service) viewIn(ctx context.Context, known lines, i store.Inquiry, side string) (inquiryv1.Inquiry, error) {
	a, err := s.areas.get(ctx, i.ServiceArea)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	v := inquiryv1.Inquiry{
		ID: i.ID, ConversationID: i.ConversationID, Channel: i.Channel, State: i.State, ServiceArea: i.ServiceArea,
		AreaName: a.name(i.Language), Language: i.Language, Caseworker: i.Caseworker, CreatedAt: i.CreatedAt, ClaimBy: i.ClaimBy,
		EscalatedAt: i.EscalatedAt, ClaimedAt: i.ClaimedAt, EndedAt: i.EndedAt, CallID: i.CallID, Messages: i.Messages, Open: a.Open(s.Now()),
	}
	if err := s.people(ctx, i, &v); err != nil {
		return v, err
	}
	if side == inquiryv1.FromCitizen { // ids of employees and of other conversations are nobody else's business
		v.Caseworker, v.CallID = "", ""
	} else { // the number opens the citizen's side
		v.Receipt = ""
	}
	seen := i.WorkerSeen
	if side == inquiryv1.FromCitizen {
		seen = i.CitizenSeen
	}
	v.Unread, err = s.store.Read().Unread(ctx, i.ID, side, seen)
	if err != nil {
		return v, err
	}
	return v, s.queued(ctx, known, &v, a)
}

// people opens what is sealed. Of what was erased nothing is there, and that is said.
func (s *Service) people(ctx context.Context, i store.Inquiry, v *inquiryv1.Inquiry) error {
	c, erased, err := s.contentOf(ctx, i)
	if err != nil {
		return err
	}
	steps, err := s.store.Read().Steps(ctx, i.ID)
	if err != nil {
		return err
	}
	for _, st := range steps {
		note, err := opened[string](ctx, s.Keys, i.ConversationID, fieldStep, st.Note)
		if err != nil && !errors.Is(err, errs.NotFound) {
			return err
		}
		v.Steps = append(v.Steps, inquiryv1.Step{At: st.At, What: st.What, Area: st.Area, Note: note})
	}
	v.Erased = erased
	if erased {
		return nil
	}
	v.Receipt, v.Summary, v.Sources, v.Name, v.Phone = c.Receipt, c.Summary.Text, c.Sources, c.Name, c.Phone
	v.CaseworkerName, err = opened[string](ctx, s.Keys, i.ConversationID, fieldName, i.WorkerName)
	if err != nil {
		return err
	}
	v.VideoURL, err = opened[string](ctx, s.Keys, i.ConversationID, fieldVideo, i.Video)
	return err
}
