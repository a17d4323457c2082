package app

import (
	"net/http"

	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/portal/internal/who"
)

// actor is a caseworker as the assistant service knows one.
func actor(p who.Person) inquiryv1.Actor {
	return inquiryv1.Actor{ID: p.ID, Role: p.Role, Name: p.Name, Areas: p.Areas}
}

func inquiryRef(p who.Person) func(id string) inquiryv1.Ref {
	return func(id string) inquiryv1.Ref { return inquiryv1.Ref{ID: id, Actor: actor(p)} }
}

func (a *App) deskInquiries(w http.ResponseWriter, r *http.Request, p who.Person) error {
	rep, err := bus.Request[inquiryv1.ListReply](r.Context(), a.Bus, inquiryv1.ListSubject, inquiryv1.ListRequest{Actor: actor(p)})
	if err != nil {
		return err
	}
	if rep.Inquiries == nil {
		rep.Inquiries = []inquiryv1.Inquiry{}
	}
	return reply(w, rep)
}

func (a *App) deskInquiry(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[inquiryv1.Inquiry](a, w, r, inquiryv1.GetSubject, inquiryRef(p))
}

func (a *App) claimInquiry(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[inquiryv1.Inquiry](a, w, r, inquiryv1.ClaimSubject, inquiryRef(p))
}

func (a *App) releaseInquiry(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[inquiryv1.Inquiry](a, w, r, inquiryv1.ReleaseSubject, inquiryRef(p))
}

func (a *App) forwardInquiry(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req inquiryv1.ForwardRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	return forward[inquiryv1.Inquiry](a, w, r, inquiryv1.ForwardSubject, func(id string) inquiryv1.ForwardRequest {
		req.ID, req.Actor = id, actor(p)
		return req
	})
}

func (a *App) deskSay(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var req inquiryv1.SayRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	who := actor(p)
	m, err := a.say(r, p, inquiryv1.SayRequest{ID: req.ID, InquiryID: id, Text: req.Text, Actor: &who})
	if err != nil {
		return err
	}
	return reply(w, m)
}

func (a *App) deskHistory(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	after, err := afterOf(r)
	if err != nil {
		return err
	}
	who := actor(p)
	h, err := a.messages(r.Context(), inquiryv1.HistoryRequest{InquiryID: id, After: after, Actor: &who})
	if err != nil {
		return err
	}
	return reply(w, h)
}

func (a *App) calledInquiry(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req inquiryv1.CalledRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	return forward[inquiryv1.Inquiry](a, w, r, inquiryv1.CalledSubject, func(id string) inquiryv1.CalledRequest {
		req.ID, req.Actor = id, actor(p)
		return req
	})
}

func (a *App) videoInquiry(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req inquiryv1.VideoRequest
	if err := decodeOptional(r, &req); err != nil {
		return err
	}
	return forward[inquiryv1.Inquiry](a, w, r, inquiryv1.VideoSubject, func(id string) inquiryv1.VideoRequest {
		req.ID, req.Actor = id, actor(p)
		return req
	})
}

func (a *App) deskEnd(w http.ResponseWriter, r *http.Request, p who.Person) error {
	who := actor(p)
	return forward[inquiryv1.Inquiry](a, w, r, inquiryv1.EndSubject, func(id string) inquiryv1.EndRequest {
		return inquiryv1.EndRequest{ID: id, Actor: &who}
	})
}
