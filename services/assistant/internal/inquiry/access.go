package inquiry

import (
	"context"
	"slices"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/audit"
	"samtale.dk/samtale/services/platform/errs"
)

// Roles in audit entries. Only caseworkers act on inquiries; citizens come with their receipt number.
const (
	roleCaseworker = "caseworker"
	roleCitizen    = "citizen"
)

// byReceipt is the actor of a look with a receipt number.
const byReceipt = "receipt"

// sees reports whether a caseworker may see an inquiry: it is in one of their areas, or has escalated there. Being handed one
// gives nobody an area.
func sees(a inquiryv1.Actor, i store.Inquiry) bool {
	if a.ID == "" || a.Role != roleCaseworker {
		return false
	}
	return slices.Contains(a.Areas, i.ServiceArea) || i.Also != "" && slices.Contains(a.Areas, i.Also)
}

// find reads an inquiry that the caseworker may see.
func (s *Service) find(ctx context.Context, id string, a inquiryv1.Actor) (store.Inquiry, error) {
	i, err := s.store.Read().Inquiry(ctx, id)
	if err != nil {
		return i, err
	}
	if !sees(a, i) {
		s.metrics.refused.Inc()
		return i, errs.E(errs.Denied, "", nil)
	}
	return i, nil
}

// Purposes, as citizens read them in their log.
const (
	purposeWork    = "Behandling af din henvendelse"
	purposeCitizen = "Du så selv din henvendelse med kvitteringsnummeret"
)

// look writes that somebody has looked, before anything is shown. No entry, no look.
func (s *Service) look(ctx context.Context, actor, role, action, purpose string, conversations ...string) error {
	look := audit.Look{Actor: actor, Role: role, Action: action, Purpose: purpose}
	return s.looks.Write(s.Now(), look, conversations, func(entries []consentv1.Audit) error {
		return s.store.InTx(ctx, func(tx *store.Tx) error {
			for _, e := range entries {
				if err := tx.Publish(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
