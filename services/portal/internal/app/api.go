package app

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// pathID returns the {id} of a path, which becomes part of bus subjects and requests.
func pathID(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if err := event.CheckToken(id); err != nil {
		return "", errs.E(errs.NotFound, "", err)
	}
	return id, nil
}

// forward asks a service about the {id} of a path and passes the answer on.
func forward[Resp, Req any](a *App, w http.ResponseWriter, r *http.Request, subject string, req func(id string) Req) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	resp, err := bus.Request[Resp](r.Context(), a.Bus, subject, req(id))
	if err != nil {
		return err
	}
	return reply(w, resp)
}

func ref(p who.Person) func(id string) journalv1.Ref {
	return func(id string) journalv1.Ref { return journalv1.Ref{ID: id, Actor: p.Actor("")} }
}

func (a *App) me(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return reply(w, p)
}

func (a *App) listAreas(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	areas, err := a.areas(r.Context())
	if err != nil {
		return err
	}
	return reply(w, consentv1.AreasReply{Areas: areas})
}

func (a *App) listConversations(w http.ResponseWriter, r *http.Request, p who.Person) error {
	q := r.URL.Query()
	req := journalv1.ListRequest{Actor: p.Actor(""), State: q.Get("state"), Before: q.Get("before")}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 500 {
			return errs.E(errs.Invalid, "limit skal være et tal fra 1 til 500.", err)
		}
		req.Limit = n
	}
	rep, err := bus.Request[journalv1.ListReply](r.Context(), a.Bus, journalv1.ListSubject, req)
	if err != nil {
		return err
	}
	if rep.Conversations == nil {
		rep.Conversations = []journalv1.Conversation{}
	}
	return reply(w, rep)
}

func (a *App) getConversation(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[journalv1.Conversation](a, w, r, journalv1.GetSubject, ref(p))
}

// word is a transcript word with the role of its speaker beside the leg's id.
type word struct {
	journalv1.Word
	Role string `json:"role"`
}

type transcript struct {
	journalv1.Transcript
	Words []word `json:"words"`
}

func (a *App) getTranscript(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	t, err := bus.Request[journalv1.Transcript](r.Context(), a.Bus, journalv1.TranscriptSubject, ref(p)(id))
	if err != nil {
		return err
	}
	roles := map[string]string{}
	for _, l := range t.Legs {
		roles[l.ID] = l.Role
	}
	out := transcript{Transcript: t, Words: make([]word, len(t.Words))}
	for i, wd := range t.Words {
		out.Words[i] = word{wd, roles[wd.Leg]}
	}
	return reply(w, out)
}

func (a *App) getNote(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[journalv1.Note](a, w, r, journalv1.NoteSubject, ref(p))
}

func (a *App) redraftNote(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[journalv1.Note](a, w, r, journalv1.RedraftSubject, ref(p))
}

func (a *App) deliverNote(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[journalv1.Note](a, w, r, journalv1.DeliverSubject, ref(p))
}

func (a *App) closeTask(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[journalv1.Conversation](a, w, r, journalv1.CloseTaskSubject, ref(p))
}

func (a *App) putNote(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req journalv1.SaveRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	return forward[journalv1.Note](a, w, r, journalv1.SaveSubject, func(id string) journalv1.SaveRequest {
		req.NoteID, req.Actor = id, p.Actor("")
		return req
	})
}

func (a *App) confirmSentence(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req journalv1.ConfirmRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if strings.TrimSpace(req.Reason) == "" {
		return errs.E(errs.Invalid, "Skriv, hvorfor sætningen er rigtig. Begrundelsen gemmes sammen med notatet.", nil)
	}
	return forward[journalv1.Note](a, w, r, journalv1.ConfirmSubject, func(id string) journalv1.ConfirmRequest {
		req.NoteID, req.Actor = id, p.Actor("")
		return req
	})
}

// approveNote takes an empty body too: the current version.
func (a *App) approveNote(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req journalv1.ApproveRequest
	if r.ContentLength != 0 {
		if err := decode(r, &req); err != nil {
			return err
		}
	}
	return forward[journalv1.Note](a, w, r, journalv1.ApproveSubject, func(id string) journalv1.ApproveRequest {
		req.NoteID, req.Actor = id, p.Actor("")
		return req
	})
}

func (a *App) discardNote(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req journalv1.DiscardRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if strings.TrimSpace(req.Reason) == "" {
		return errs.E(errs.Invalid, "Skriv, hvorfor notatet kasseres.", nil)
	}
	return forward[journalv1.Note](a, w, r, journalv1.DiscardSubject, func(id string) journalv1.DiscardRequest {
		req.NoteID, req.Actor = id, p.Actor("")
		return req
	})
}

func (a *App) reveal(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req journalv1.RevealRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if strings.TrimSpace(req.Reason) == "" {
		return errs.E(errs.Invalid, "Skriv, hvorfor du har brug for at se oplysningen.", nil)
	}
	return forward[journalv1.RevealReply](a, w, r, journalv1.RevealSubject, func(id string) journalv1.RevealRequest {
		req.ConversationID, req.Actor = id, p.Actor(req.Reason)
		return req
	})
}

func (a *App) putParty(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req journalv1.PartyRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	req.ID = Identity(req.ID)
	return forward[journalv1.Conversation](a, w, r, journalv1.PartySubject, func(id string) journalv1.PartyRequest {
		req.ConversationID, req.Actor = id, p.Actor("")
		return req
	})
}

var cprForm = regexp.MustCompile(`^(\d{6})[ -]?(\d{4})$`)

// Identity gives an identity one written form, so that a CPR number with and without
// its hyphen is the same person.
func Identity(s string) string {
	s = strings.TrimSpace(s)
	if m := cprForm.FindStringSubmatch(s); m != nil {
		return m[1] + m[2]
	}
	return s
}

func (a *App) postComment(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req journalv1.CommentRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	return forward[journalv1.Conversation](a, w, r, journalv1.CommentSubject, func(id string) journalv1.CommentRequest {
		req.ConversationID, req.Actor = id, p.Actor("")
		return req
	})
}

// mayRead asks the journal, which knows whose conversation it is, and returns it.
func (a *App) mayRead(r *http.Request, p who.Person) (journalv1.Conversation, error) {
	id, err := pathID(r)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	return bus.Request[journalv1.Conversation](r.Context(), a.Bus, journalv1.GetSubject, ref(p)(id))
}

func (a *App) getChoices(w http.ResponseWriter, r *http.Request, p who.Person) error {
	c, err := a.mayRead(r, p)
	if err != nil {
		return err
	}
	rep, err := a.choices(r, c.ID, p)
	if err != nil {
		return err
	}
	return reply(w, rep)
}

func (a *App) choices(r *http.Request, id string, p who.Person) (consentv1.ChoicesReply, error) {
	rep, err := bus.Request[consentv1.ChoicesReply](r.Context(), a.Bus, consentv1.ChoicesSubject, consentv1.ConversationRequest{ConversationID: id})
	if err != nil {
		return rep, err
	}
	if rep.Choices == nil {
		rep.Choices = []consentv1.Choice{}
	}
	if p.Is(token.Citizen) { // which employee noted it is not shown to citizens
		for i := range rep.Choices {
			if rep.Choices[i].Who != token.Citizen {
				rep.Choices[i].Who = token.Caseworker
			}
		}
	}
	return rep, nil
}

// choiceBody is what people send; basis, purpose and text version come from the area.
type choiceBody struct {
	Kind       string `json:"kind"`
	Value      bool   `json:"value"`
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
}

func (a *App) postChoice(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var b choiceBody
	if err := decode(r, &b); err != nil {
		return err
	}
	switch b.Kind {
	case consentv1.Recording, consentv1.Transcription, consentv1.AINote:
	default:
		return errs.E(errs.Invalid, "kind skal være recording, transcription eller ai_note.", nil)
	}
	conv, err := a.mayRead(r, p)
	if err != nil {
		return err
	}
	if b.Kind == consentv1.Recording && conv.Channel == callv1.ChannelMeeting && conv.EndedAt.IsZero() { // the room would not hear of it
		return errs.E(errs.Conflict, "Mødet er i gang. Hver deltager vælger i mødet, om de vil optages.", nil)
	}
	c, err := a.choose(r, p, conv, b)
	if err != nil {
		return err
	}
	return reply(w, c)
}

// choose stores what a person decided about a conversation that they may read.
func (a *App) choose(r *http.Request, p who.Person, conv journalv1.Conversation, b choiceBody) (consentv1.Choice, error) {
	area, err := a.area(r, conv.ServiceArea)
	if err != nil {
		return consentv1.Choice{}, err
	}
	now := a.Now()
	c := consentv1.Choice{
		Meta: event.NewMeta("consent.v1.choice", "portal", now), ConversationID: conv.ID, Kind: b.Kind, Value: b.Value,
		Basis: area.Basis, Purpose: area.Purpose, TextVersion: area.TextVersion, Language: string(lang(r)), OnBehalfOf: b.OnBehalfOf,
		How: consentv1.HowOral, Who: p.ID, At: now.UTC(),
	}
	if p.Is(token.Citizen) {
		c.How, c.Who = consentv1.HowButton, token.Citizen
	}
	return bus.Request[consentv1.Choice](r.Context(), a.Bus, consentv1.ChoiceSubject, c)
}

func (a *App) area(r *http.Request, id string) (consentv1.Area, error) {
	areas, err := a.areas(r.Context())
	if err != nil {
		return consentv1.Area{}, err
	}
	for _, ar := range areas {
		if ar.ID == id {
			return ar, nil
		}
	}
	return consentv1.Area{}, errs.E(errs.NotFound, "Fagområdet findes ikke.", nil)
}

func (a *App) getAudit(w http.ResponseWriter, r *http.Request, p who.Person) error {
	c, err := a.mayRead(r, p)
	if err != nil {
		return err
	}
	rep, err := a.audit(r, c.ID, p)
	if err != nil {
		return err
	}
	return reply(w, rep)
}

// audit lists who looked: dates and purposes for the citizen, all of it for an auditor.
func (a *App) audit(r *http.Request, id string, p who.Person) (consentv1.AuditReply, error) {
	rep, err := bus.Request[consentv1.AuditReply](r.Context(), a.Bus, consentv1.AuditListSubject, consentv1.AuditQuery{ConversationID: id, Limit: 500})
	if err != nil {
		return rep, err
	}
	if rep.Entries == nil {
		rep.Entries = []consentv1.Audit{}
	}
	if !p.Is(token.Auditor) {
		for i := range rep.Entries {
			rep.Entries[i].Actor = ""
		}
	}
	return rep, nil
}

// Calls.

func (a *App) listCalls(w http.ResponseWriter, r *http.Request, p who.Person) error {
	rep, err := bus.Request[callv1.ListReply](r.Context(), a.Bus, callv1.ListSubject, callv1.ListRequest{})
	if err != nil {
		return err
	}
	return reply(w, visibleCalls(rep, p))
}

// visibleCalls leaves the calls that p may see: a caseworker's own, and those of their
// areas that nobody has taken; an operator sees all without who is calling.
func visibleCalls(all callv1.ListReply, p who.Person) callv1.ListReply {
	out := callv1.ListReply{Calls: []callv1.Call{}}
	for _, c := range all.Calls {
		switch {
		case p.Is(token.Operator):
			c.Party = callv1.Party{}
		case c.Caseworker == p.ID:
		case c.Caseworker == "" && p.Sees(c.ServiceArea):
		default:
			continue
		}
		out.Calls = append(out.Calls, c)
	}
	return out
}

func (a *App) dial(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req callv1.DialRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if !p.Sees(req.ServiceArea) {
		return errs.E(errs.Denied, "Du kan kun ringe op fra dine egne fagområder.", nil)
	}
	req.Caseworker = p.ID
	rep, err := bus.Request[callv1.AnswerReply](r.Context(), a.Bus, callv1.DialSubject, req)
	if err != nil {
		return err
	}
	return reply(w, rep)
}

func (a *App) answer(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req callv1.AnswerRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if _, err := a.mayHandle(r, p); err != nil {
		return err
	}
	return forward[callv1.AnswerReply](a, w, r, callv1.AnswerSubject, func(id string) callv1.AnswerRequest {
		return callv1.AnswerRequest{ConversationID: id, Caseworker: p.ID, SDP: req.SDP}
	})
}

func (a *App) control(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req callv1.ControlRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	call, err := a.mayHandle(r, p)
	if err != nil {
		return err
	}
	if call.Caseworker != p.ID {
		return errs.E(errs.Denied, "Du har ikke dette opkald.", nil)
	}
	return forward[callv1.Call](a, w, r, callv1.ControlSubject, func(id string) callv1.ControlRequest {
		return callv1.ControlRequest{ConversationID: id, Caseworker: p.ID, Action: req.Action, Value: req.Value}
	})
}

// mayHandle returns the live call of the path when it is p's to see.
func (a *App) mayHandle(r *http.Request, p who.Person) (callv1.Call, error) {
	id, err := pathID(r)
	if err != nil {
		return callv1.Call{}, err
	}
	call, err := bus.Request[callv1.Call](r.Context(), a.Bus, callv1.CheckSubject, callv1.CheckRequest{ConversationID: id})
	if err != nil {
		return call, err
	}
	if len(visibleCalls(callv1.ListReply{Calls: []callv1.Call{call}}, p).Calls) == 0 {
		return call, errs.E(errs.Denied, "", errors.New("call of another desk or area"))
	}
	return call, nil
}

func (a *App) demoCall(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	var req callv1.DemoRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	rep, err := bus.Request[callv1.DemoReply](r.Context(), a.Bus, callv1.DemoSubject, req)
	if err != nil {
		return err
	}
	return reply(w, rep)
}
