package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/cookie"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

const (
	// askCookie holds the session of somebody who asks. It ends with the browser, so that the next person at a library's
	// computer does not see it.
	askCookie = "samtale_ask"
	// sessionHeader is the same for programs and for pages that browsers give no cookies, such as an embedded one.
	sessionHeader = "Samtale-Session"
	// maxQuestion bounds what is read of a question. What is longer than assistantv1.MaxQuestion, but not absurdly so, the
	// assistant answers itself.
	maxQuestion = 32 << 10
	// askLimit is how long an answer may take: a language model on a slow machine writes for a while.
	askLimit = 60 * time.Second
)

// askBody is one question as the API and the page take it.
type askBody struct {
	Question     string `json:"question"`
	Session      string `json:"session,omitempty"`
	Municipality string `json:"municipality,omitempty"`
	At           string `json:"at,omitempty"`
	Language     string `json:"language,omitempty"`
}

func (b askBody) check(t texts.Catalogue) error {
	if err := aMunicipality(b.Municipality, t); err != nil {
		return err
	}
	if _, err := time.Parse(knowledgev1.DateLayout, b.At); b.At != "" && err != nil {
		return errs.E(errs.Invalid, "Datoen skal skrives som år-måned-dag, for eksempel 2026-11-22.", err)
	}
	if b.Language != "" && b.Language != "da" && b.Language != "en" {
		return errs.E(errs.Invalid, "Sproget skal være da eller en.", nil)
	}
	if b.Session != "" && event.CheckToken(b.Session) != nil {
		return errs.E(errs.Invalid, "Samtalens nummer er ikke gyldigt. Udelad det for at begynde en ny.", nil)
	}
	return nil
}

// aMunicipality refuses a code that no municipality has; "" is the whole country.
func aMunicipality(code string, t texts.Catalogue) error {
	if _, ok := danish.MunicipalityName(code); !ok && code != "" {
		return errs.E(errs.Invalid, t.T("municipality.none", "code", shortened(code)), errTranslated)
	}
	return nil
}

// shortened is what somebody wrote, as far as it can be told back in a sentence.
func shortened(s string) string {
	const most = 20
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// ask answers one question: as JSON when it is done, or as events while it is made.
func (a *App) ask(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var b askBody
	if err := decode(r, &b); err != nil {
		return longQuestion(r, err)
	}
	req, err := a.question(w, r, p, b)
	if err != nil {
		return err
	}
	if wantsEvents(r) {
		return a.askEvents(w, r, req, func(e assistantv1.Event) (sse, error) { return plainEvent(e), nil })
	}
	ans, err := a.answerTo(w, r, req)
	if err != nil {
		return err
	}
	return reply(w, ans)
}

// longQuestion says of a body over the limit what it is about; other errors stay as they are.
func longQuestion(r *http.Request, err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return translated(r, errs.Invalid, "q.long")
	}
	return err
}

// mayAsk takes a question from what this address and this session may ask. Both say when to try again.
func (a *App) mayAsk(r *http.Request, p who.Person, session string) error {
	err := a.asks.take(a.limitKey(r, p))
	if err == nil && session != "" {
		err = a.people.take("session:" + session)
	}
	var limited *errs.Error
	if errors.As(err, &limited) {
		e := translated(r, errs.Limited, "q.many")
		e.RetryAfter = limited.RetryAfter
		return e
	}
	return err
}

// question checks and limits what was asked, and gives it its number and session.
func (a *App) question(w http.ResponseWriter, r *http.Request, p who.Person, b askBody) (assistantv1.AskRequest, error) {
	if err := b.check(texts.For(lang(r))); err != nil {
		return assistantv1.AskRequest{}, err
	}
	session := a.askSession(r, b.Session)
	if err := a.mayAsk(r, p, session); err != nil {
		return assistantv1.AskRequest{}, err
	}
	if session == "" {
		session = rand.Text()
		a.setAskSession(w, session)
	}
	return assistantv1.AskRequest{
		ID: event.NewID(a.Now()), Session: session, Question: b.Question, Municipality: b.Municipality, At: b.At,
		Language: b.Language, Audience: audience(p),
	}, nil
}

func audience(p who.Person) string {
	if p.Is(token.Caseworker, token.Editor) {
		return assistantv1.AudienceCaseworker
	}
	return assistantv1.AudienceCitizen
}

// askSession is the session that a request belongs to, "" when it names none.
func (a *App) askSession(r *http.Request, named string) string {
	if named == "" {
		named = r.Header.Get(sessionHeader)
	}
	if named == "" {
		named = cookie.Get(r, a.secure(), askCookie)
	}
	if event.CheckToken(named) != nil {
		return ""
	}
	return named
}

func (a *App) setAskSession(w http.ResponseWriter, session string) {
	seconds := 0
	if session == "" {
		seconds = -1
	}
	cookie.Set(w, a.secure(), askCookie, session, seconds)
}

// answerTo waits for the whole answer.
func (a *App) answerTo(w http.ResponseWriter, r *http.Request, req assistantv1.AskRequest) (assistantv1.Answer, error) {
	if err := http.NewResponseController(w).SetWriteDeadline(a.Now().Add(askLimit + streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return assistantv1.Answer{}, err
	}
	return a.requestAnswer(r.Context(), req)
}

func (a *App) requestAnswer(ctx context.Context, req assistantv1.AskRequest) (assistantv1.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	return bus.Request[assistantv1.Answer](ctx, a.Bus, assistantv1.AskSubject, req)
}

func wantsEvents(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// plainEvent is an answer's event as the API tells it.
func plainEvent(e assistantv1.Event) sse {
	switch e.Kind {
	case assistantv1.EventSentence:
		return sse{name: e.Kind, data: e.Sentence}
	case assistantv1.EventAnswer:
		return sse{name: e.Kind, data: e.Answer, last: true}
	}
	return sse{name: e.Kind, data: map[string]string{"status": e.Status}}
}

// askEvents brings an answer as it is made. The last event is answer, or problem. The whole answer comes from the request's
// own reply, so it is right also where an event on the way was lost.
func (a *App) askEvents(w http.ResponseWriter, r *http.Request, req assistantv1.AskRequest, show func(assistantv1.Event) (sse, error)) error {
	s := a.newStream(w, r)
	s.still = func() error { return nil } // anybody may ask
	defer s.close()
	put := func(e assistantv1.Event) {
		shown, err := show(e)
		if err != nil {
			s.problem(r, err)
			return
		}
		s.put(shown)
	}
	err := listen(s, assistantv1.AnswerSubject(req.ID), func(e assistantv1.Event) {
		if e.Kind == assistantv1.EventStatus || e.Kind == assistantv1.EventSentence && e.Sentence != nil {
			put(e)
		}
	})
	if err != nil {
		return err
	}
	go func() {
		ans, err := a.requestAnswer(r.Context(), req)
		if err != nil {
			s.problem(r, err)
			return
		}
		put(assistantv1.Event{AnswerID: req.ID, Kind: assistantv1.EventAnswer, Answer: &ans})
	}()
	return s.run()
}

// problem ends a stream that has begun with what went wrong.
func (s *stream) problem(r *http.Request, err error) {
	p := problem(err, lang(r))
	if p.Status >= 500 && r.Context().Err() == nil {
		s.app.Log.Error("stream failed", "route", r.Pattern, "err", err)
	}
	s.put(sse{name: "problem", data: p, last: true})
}

// Session of the asker.

func (a *App) getAskSession(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	s, err := a.history(r.Context(), a.askSession(r, ""))
	if err != nil {
		return err
	}
	return reply(w, s)
}

// history is what was asked before in a session; none is empty.
func (a *App) history(ctx context.Context, session string) (assistantv1.Session, error) {
	out := assistantv1.Session{Session: session}
	if session != "" {
		got, err := bus.Request[assistantv1.Session](ctx, a.Bus, assistantv1.SessionSubject, assistantv1.SessionRef{Session: session})
		if err != nil && !errors.Is(err, errs.NotFound) {
			return out, err
		}
		out = got
	}
	if out.Answers == nil {
		out.Answers = []assistantv1.Answer{}
	}
	return out, nil
}

func (a *App) deleteAskSession(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	f, err := a.forget(w, r, "")
	if err != nil {
		return err
	}
	return reply(w, f)
}

// forget deletes the history, and only then the cookie that leads to it.
func (a *App) forget(w http.ResponseWriter, r *http.Request, named string) (assistantv1.Forgotten, error) {
	session := a.askSession(r, named)
	if session == "" {
		return assistantv1.Forgotten{ForgottenAt: a.Now().UTC()}, nil
	}
	f, err := bus.Request[assistantv1.Forgotten](r.Context(), a.Bus, assistantv1.ForgetSubject, assistantv1.SessionRef{Session: session})
	if err == nil {
		a.setAskSession(w, "")
	}
	return f, err
}

// feedback stores whether an answer helped. Whoever has the answer's number may say so; the last word counts.
func (a *App) feedback(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	var b assistantv1.Feedback
	if err := decode(r, &b); err != nil {
		return err
	}
	id, err := pathID(r)
	if err != nil {
		return err
	}
	b.AnswerID = id
	if err := a.rate(r.Context(), b); err != nil {
		return err
	}
	return reply(w, b)
}

func (a *App) rate(ctx context.Context, f assistantv1.Feedback) error {
	switch f.Why {
	case "", "wrong", "unclear", "missing", "other":
	default:
		return errs.E(errs.Invalid, "why skal være wrong, unclear, missing eller other.", nil)
	}
	_, err := bus.Request[assistantv1.Feedback](ctx, a.Bus, assistantv1.FeedbackSubject, f)
	return err
}

// decodeOptional reads a body that may be empty.
func decodeOptional(r *http.Request, v any) error {
	err := json.NewDecoder(r.Body).Decode(v)
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	return notDecoded(err)
}
