package app

import (
	"errors"
	"net/http"
	"strings"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
)

// auditData is the auditor's page of one conversation. A legal hold stops its erasure until it is lifted.
type auditData struct {
	mineData
	Reason  string // as typed, when it was refused
	Problem string
}

func (a *App) auditOne(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.auditPageOf(w, r, p, http.StatusOK, auditData{})
}

func (a *App) auditPageOf(w http.ResponseWriter, r *http.Request, p who.Person, status int, d auditData) error {
	var err error
	if d.mineData, err = a.mineData(r, p); err != nil {
		return err
	}
	return a.page(w, r, p, status, "audit_one", "audit.one", d)
}

func (a *App) auditHold(w http.ResponseWriter, r *http.Request, p who.Person) error {
	b := holdBody{On: r.PostFormValue("on") == "true", Reason: r.PostFormValue("reason")}
	c, err := a.mayRead(r, p)
	if err != nil {
		return err
	}
	_, err = a.setHold(r, p, c, b)
	switch {
	case err == nil:
		http.Redirect(w, r, "/revision/"+c.ID+"#fredning", http.StatusSeeOther)
		return nil
	case errors.Is(err, errs.Invalid), errors.Is(err, errs.Conflict):
		return a.auditPageOf(w, r, p, http.StatusBadRequest, auditData{Reason: b.Reason, Problem: errs.Text(err)})
	}
	return err
}

// holdBody is what people send.
type holdBody struct {
	On     bool   `json:"on"`
	Reason string `json:"reason"`
}

func (a *App) getHold(w http.ResponseWriter, r *http.Request, p who.Person) error {
	c, err := a.mayRead(r, p)
	if err != nil {
		return err
	}
	rep, err := a.hold(r, c.ID)
	if err != nil {
		return err
	}
	return reply(w, rep)
}

func (a *App) putHold(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var b holdBody
	if err := decode(r, &b); err != nil {
		return err
	}
	c, err := a.mayRead(r, p)
	if err != nil {
		return err
	}
	rep, err := a.setHold(r, p, c, b)
	if err != nil {
		return err
	}
	return reply(w, rep)
}

func (a *App) hold(r *http.Request, id string) (consentv1.HoldReply, error) {
	return bus.Request[consentv1.HoldReply](r.Context(), a.Bus, consentv1.HoldStateSubject, consentv1.ConversationRequest{ConversationID: id})
}

func (a *App) setHold(r *http.Request, p who.Person, c journalv1.Conversation, b holdBody) (consentv1.HoldReply, error) {
	if b.On && !c.ErasedAt.IsZero() {
		return consentv1.HoldReply{}, errs.E(errs.Conflict, "Samtalens indhold er allerede slettet.", nil)
	}
	return bus.Request[consentv1.HoldReply](r.Context(), a.Bus, consentv1.HoldSubject, consentv1.HoldRequest{
		ConversationID: c.ID, On: b.On, Reason: strings.TrimSpace(b.Reason), Actor: p.ID, Role: p.Role,
	})
}
