package app

import (
	"net/http"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

// What the desk follows live of inquiries, and the assistant at a caseworker's side.

// inquiries tells a desk which inquiries moved on, so that it fetches them. One that has left the asker's areas is named
// only, so that it can leave the inbox. The assistant service may be away: calls ring without it.
func (s *stream) inquiries(p who.Person) error {
	return listen(s, inquiryv1.ChangedSubject("*"), func(c inquiryv1.Changed) {
		switch {
		case p.Sees(c.ServiceArea), c.Also != "" && p.Sees(c.Also):
			s.put(sse{name: "inquiry", data: c})
		case c.What == "forwarded", c.What == "claimed": // both may move it to another area
			s.put(sse{name: "inquiry", data: inquiryv1.Changed{InquiryID: c.InquiryID, What: c.What}})
		}
	})
}

// deskInquiryEvents follows one inquiry as a caseworker: messages (resumable by their number), its state, and that the
// citizen writes. The page says itself what of it is on screen, by asking for the history.
func (a *App) deskInquiryEvents(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	who := actor(p)
	f := &follower{
		stream: a.newStream(w, r), req: inquiryv1.HistoryRequest{InquiryID: id, After: int(lastID(r)), Actor: &who, Peek: true},
		from: inquiryv1.FromCitizen, view: func(i inquiryv1.Inquiry) inquiryv1.Inquiry { return i },
	}
	return f.run(r.Context())
}

// deskTyping tells the citizen that the caseworker writes.
func (a *App) deskTyping(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	i, err := bus.Request[inquiryv1.Inquiry](r.Context(), a.Bus, inquiryv1.GetSubject, inquiryRef(p)(id))
	if err != nil {
		return err
	}
	if i.Caseworker != p.ID {
		return errs.E(errs.Conflict, "Det er ikke dig, der har henvendelsen.", nil)
	}
	if err := a.publishTyping(id, inquiryv1.FromCaseworker); err != nil {
		return err
	}
	return reply(w, inquiryv1.Typing{From: inquiryv1.FromCaseworker})
}

// deskAsk answers a caseworker's question. It is in nobody's history: what is asked at the desk is about somebody else.
func (a *App) deskAsk(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var b askBody
	if err := decode(r, &b); err != nil {
		return longQuestion(r, err)
	}
	if err := b.check(texts.For(lang(r))); err != nil {
		return err
	}
	if err := a.people.take("desk:" + p.ID); err != nil {
		return err
	}
	ans, err := a.answerTo(w, r, assistantv1.AskRequest{
		ID: event.NewID(a.Now()), Question: b.Question, Municipality: b.Municipality, At: b.At, Language: b.Language,
		Audience: assistantv1.AudienceCaseworker,
	})
	if err != nil {
		return err
	}
	return reply(w, ans)
}

// deskSuggest finds what could help with what was just said.
func (a *App) deskSuggest(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req assistantv1.SuggestRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if err := event.CheckToken(req.ConversationID); err != nil {
		return errs.E(errs.Invalid, "conversation_id skal være samtalens id.", err)
	}
	if err := a.people.take("suggest:" + p.ID); err != nil {
		return err
	}
	rep, err := bus.Request[assistantv1.SuggestReply](r.Context(), a.Bus, assistantv1.SuggestSubject, req)
	if err != nil {
		return err
	}
	if rep.Suggestions == nil {
		rep.Suggestions = []assistantv1.Suggestion{}
	}
	return reply(w, rep)
}
