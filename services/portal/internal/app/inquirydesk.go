package app

import (
	"net/http"
	"slices"
	"strings"

	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
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
	req.Name = ""
	if req.Caseworker != "" {
		here, err := a.Sessions.Here(r.Context())
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(here, func(c who.Person) bool { return c.ID == req.Caseworker && c.Is(token.Caseworker) }); i >= 0 {
			req.Name = here[i].Name
		}
	}
	return forward[inquiryv1.Inquiry](a, w, r, inquiryv1.ForwardSubject, func(id string) inquiryv1.ForwardRequest {
		req.ID, req.Actor = id, actor(p)
		return req
	})
}

// colleague is one who can take an inquiry over.
type colleague struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// colleagues are the caseworkers of an area who are logged in. There is no directory of employees: who is away is reached by
// their login's name.
func (a *App) colleagues(w http.ResponseWriter, r *http.Request, p who.Person) error {
	area := r.URL.Query().Get("area")
	if !p.Sees(area) {
		return errs.E(errs.Denied, "", nil)
	}
	here, err := a.Sessions.Here(r.Context())
	if err != nil {
		return err
	}
	list := []colleague{}
	for _, c := range here {
		if c.ID != p.ID && c.Is(token.Caseworker) && c.Sees(area) {
			list = append(list, colleague{ID: c.ID, Name: c.Name})
		}
	}
	slices.SortFunc(list, func(a, b colleague) int { return strings.Compare(a.Name, b.Name) })
	return reply(w, map[string][]colleague{"colleagues": list})
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
