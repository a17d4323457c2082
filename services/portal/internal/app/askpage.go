package app

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// The page where citizens ask. Without scripts, a question is a form and its answer a page. With scripts the same form is
// sent for event-stream: then the server renders the same templates, piece by piece, and the script only puts them in.

// askData is the page.
type askData struct {
	Turns          []turn // oldest first
	Question       string // in the field
	Municipality   string
	Problem        string
	Deleted        bool
	Action         string // of forms that ask
	Embedded       bool
	Session        string // only where there are no cookies
	Municipalities []danish.Municipality
}

// turn is one question with its answer, as it is shown.
type turn struct {
	assistantv1.Answer
	Cited    []cited
	Sources  []source
	Action   string // of forms that ask
	Embedded bool
	Session  string // only where there are no cookies
	Thanks   bool   // whether it helped was just said
}

// Said is the language of the sentences. They stand as in their articles, which may be in Danish only.
func (t turn) Said() string {
	for _, s := range t.Sources {
		if s.Language != "" {
			return s.Language
		}
	}
	return t.Language
}

// Place names the municipality that the answer is for.
func (t turn) Place() string {
	name, _ := danish.MunicipalityName(t.Answer.Municipality)
	return name
}

// Municipalities are for the question which one.
func (t turn) Municipalities() []danish.Municipality { return danish.Municipalities() }

// Lead is the first sentence of what is said instead of an answer, as its heading; Rest is the rest.
func (t turn) Lead() string {
	lead, _ := t.message()
	return lead
}

// Rest is what follows Lead.
func (t turn) Rest() string {
	_, rest := t.message()
	return rest
}

// maxLead is the longest heading in bytes.
const maxLead = 90

func (t turn) message() (lead, rest string) {
	i := strings.IndexAny(t.Message, ".?!")
	if i < 0 || i >= maxLead || t.Reason == assistantv1.ReasonCrisis {
		return "", t.Message
	}
	return strings.TrimSuffix(t.Message[:i+1], "."), strings.TrimSpace(t.Message[i+1:])
}

// AsOfDay is the day of AsOf, the zero time when it has none.
func (t turn) AsOfDay() time.Time { return dayOf(t.AsOf) }

// LawDay is the day on which a law behind a source changed.
func (s source) LawDay() time.Time { return dayOf(s.Law) }

func dayOf(s string) time.Time {
	d, err := time.ParseInLocation(knowledgev1.DateLayout, s, copenhagen)
	if err != nil {
		return time.Time{}
	}
	return d
}

// Ways are the routes to show: with a proven answer only those that are about its matter, as a person is always one tap
// away; without one all of them, and a person at least.
func (t turn) Ways() []way {
	var out []way
	for _, r := range t.Routes {
		w := t.way(r)
		act := slices.ContainsFunc(t.Links, func(l knowledgev1.Link) bool { return l.URL == r.Target }) // stands there already
		if w.URL == "" || act || t.Answered && w.Person {
			continue
		}
		out = append(out, w)
	}
	unhelped := slices.Contains([]string{assistantv1.ReasonUnknown, assistantv1.ReasonUnproven, assistantv1.ReasonOwnCase}, t.Reason)
	if unhelped && !slices.ContainsFunc(out, func(w way) bool { return w.Person }) {
		out = append(out, t.way(assistantv1.Route{Kind: assistantv1.RouteChat}), t.way(assistantv1.Route{Kind: assistantv1.RouteCallBack}))
	}
	return out
}

// way is a route with its address. Person means that it leads to the page that hands over.
type way struct {
	Kind, Label string
	URL         template.URL
	Person      bool
}

// way makes the address of the page that hands over itself: the session comes with the cookie, never in an address.
func (t turn) way(r assistantv1.Route) way {
	switch r.Kind {
	case assistantv1.RouteChat, assistantv1.RouteCallBack, assistantv1.RouteVideo:
		q := url.Values{"kanal": {r.Kind}}
		if t.Area != "" {
			q.Set("omraade", t.Area)
		}
		return way{r.Kind, r.Label, template.URL("/henvendelse?" + q.Encode()), true}
	}
	return way{r.Kind, r.Label, routeURL(r.Target), r.Kind == assistantv1.RoutePhone}
}

// SelfService are the links to act on the answer.
func (t turn) SelfService() []way {
	var out []way
	for _, l := range t.Links {
		if u := routeURL(l.URL); u != "" {
			out = append(out, way{Label: l.Label, URL: u})
		}
	}
	return out
}

func (a *App) front(w http.ResponseWriter, r *http.Request, p who.Person) error {
	if p.ID != "" && !p.Is(token.Citizen) {
		http.Redirect(w, r, home(p), http.StatusSeeOther)
		return nil
	}
	d, err := a.askData(r, "")
	if err != nil {
		return err
	}
	d.Deleted = r.URL.Query().Get("slettet") == "1"
	return a.askPage(w, r, p, http.StatusOK, d)
}

// askData is the page as the session has it. An assistant that does not answer costs the history, not the page.
func (a *App) askData(r *http.Request, named string) (askData, error) {
	d := askData{Municipalities: danish.Municipalities()}
	s, err := a.history(r.Context(), a.askSession(r, named))
	if err != nil && !errors.Is(err, errs.Unavailable) {
		return d, err
	}
	chunks := a.chunksOf(r.Context(), s.Answers)
	for _, ans := range s.Answers {
		t := a.newTurn(ans, chunks)
		t.Thanks = r.URL.Query().Get("tak") == ans.ID
		d.Turns = append(d.Turns, t)
		d.Municipality = ans.Municipality
	}
	return d, nil
}

func (a *App) newTurn(ans assistantv1.Answer, chunks map[string]*knowledgev1.Chunk) turn {
	t := turn{Answer: ans}
	t.Cited, t.Sources = cite(ans, chunks, a.Now().In(copenhagen).Format(knowledgev1.DateLayout))
	return t
}

// Outdated reports that an article behind the answer is not in force any more, or is gone.
func (t turn) Outdated() bool {
	return slices.ContainsFunc(t.Sources, func(s source) bool { return s.Gone || s.Until != "" })
}

// UntilDay is the last day of a source that is not in force any more.
func (s source) UntilDay() time.Time { return dayOf(s.Until) }

func (a *App) askPage(w http.ResponseWriter, r *http.Request, p who.Person, status int, d askData) error {
	w.Header().Set("Cache-Control", "no-store") // it holds what was asked
	name := "ask"
	if d.Embedded {
		name = "embed"
	}
	d.Action = action(r, d.Embedded)
	for i := range d.Turns {
		d.Turns[i].Embedded, d.Turns[i].Session, d.Turns[i].Action = d.Embedded, d.Session, d.Action
	}
	return a.page(w, r, p, status, name, "q.title", d)
}

// action is where a page's questions go. A frame has no cookie for the language.
func action(r *http.Request, embedded bool) string {
	if embedded {
		return "/indlejret?sprog=" + string(lang(r))
	}
	return "/"
}

// askForm takes a question from the page.
func (a *App) askForm(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.askFrom(w, r, p, false)
}

func (a *App) askFrom(w http.ResponseWriter, r *http.Request, p who.Person, embedded bool) error {
	b, err := questionForm(r)
	if err != nil {
		return a.askProblem(w, r, p, b, embedded, err)
	}
	req, err := a.question(w, r, p, b)
	if err != nil {
		return a.askProblem(w, r, p, b, embedded, err)
	}
	session := ""
	if embedded {
		session = req.Session
	}
	if wantsEvents(r) {
		return a.askEvents(w, r, req, a.pieces(r, p, embedded, session))
	}
	d, err := a.askData(r, b.Session)
	if err != nil {
		return err
	}
	ans, err := a.answerTo(w, r, req)
	if err != nil {
		return a.askProblem(w, r, p, b, embedded, err)
	}
	d.Turns = append(d.Turns, a.newTurn(ans, a.chunksOf(r.Context(), []assistantv1.Answer{ans})))
	d.Municipality, d.Embedded, d.Session = b.Municipality, embedded, session
	return a.askPage(w, r, p, http.StatusOK, d)
}

func questionForm(r *http.Request) (askBody, error) {
	var b askBody
	if err := r.ParseForm(); err != nil {
		err = longQuestion(r, err)
		if errs.KindOf(err) != errs.Invalid {
			err = errs.E(errs.Invalid, "", err)
		}
		return b, err
	}
	b = askBody{Question: r.PostFormValue("question"), Session: r.PostFormValue("session"), Municipality: r.PostFormValue("municipality"), At: r.PostFormValue("at")}
	return b, nil
}

// askProblem shows what went wrong above the form, which still holds the question.
func (a *App) askProblem(w http.ResponseWriter, r *http.Request, p who.Person, b askBody, embedded bool, err error) error {
	if wantsEvents(r) {
		return err
	}
	prob := problem(err, lang(r))
	d, derr := a.askData(r, b.Session)
	if derr != nil {
		return derr
	}
	d.Problem, d.Question, d.Municipality, d.Embedded = prob.Detail, b.Question, b.Municipality, embedded
	if embedded {
		d.Session = b.Session
	}
	if prob.Status >= 500 {
		a.Log.Error("question failed", "err", err)
	}
	retryAfter(w, prob)
	return a.askPage(w, r, p, prob.Status, d)
}

// pieces renders an answer's events for the page's script.
func (a *App) pieces(r *http.Request, p who.Person, embedded bool, session string) func(assistantv1.Event) (sse, error) {
	c := texts.For(lang(r))
	languages := languages{}
	return func(e assistantv1.Event) (sse, error) {
		switch e.Kind {
		case assistantv1.EventStatus:
			return sse{name: e.Kind, data: map[string]string{"text": statusText(c, e.Status)}}, nil
		case assistantv1.EventSentence:
			data := map[string]string{"text": e.Sentence.Text, "language": languages.of(r.Context(), a, *e.Sentence)}
			if e.Sentence.Question != "" {
				data["question"] = e.Sentence.Question
			}
			if e.Sentence.List > 0 {
				data["list"] = strconv.Itoa(e.Sentence.List)
			}
			if e.Sentence.Number > 0 {
				data["number"] = strconv.Itoa(e.Sentence.Number)
			}
			return sse{name: e.Kind, data: data}, nil
		}
		t := a.newTurn(*e.Answer, a.chunksOf(r.Context(), []assistantv1.Answer{*e.Answer}))
		t.Embedded, t.Session, t.Action = embedded, session, action(r, embedded)
		html, err := a.Web.Fragment("ask", "q-turn", a.view(r, p, t))
		if err != nil {
			return sse{}, err
		}
		language := t.Language
		if t.Message == "" {
			language = t.Said()
		}
		data := map[string]string{
			"id": t.ID, "html": string(html), "say": t.Message, "language": language, "session": session, "municipality": t.Answer.Municipality, "reason": t.Reason,
		}
		return sse{name: e.Kind, data: data, last: true}, nil
	}
}

// languages are those of the articles that the sentences of one answer stand on, by chunk: most stand on the same.
type languages map[string]string

// of is the language of a sentence, "" where it cannot be had.
func (l languages) of(ctx context.Context, a *App, s assistantv1.Sentence) string {
	for _, e := range s.Evidence {
		if known := l[e.ChunkID]; known != "" {
			return known
		}
	}
	for id, c := range a.chunksOf(ctx, []assistantv1.Answer{{Sentences: []assistantv1.Sentence{s}}}) {
		if c != nil && c.Language != "" {
			l[id] = c.Language
			return c.Language
		}
	}
	return ""
}

// statusText says what is being done, for people who wait.
func statusText(c texts.Catalogue, status string) string {
	key := "q.status." + status
	if _, ok := c[key]; ok {
		return c.T(key)
	}
	return c.T("q.status.reading")
}

// askRated takes from the page whether an answer helped.
func (a *App) askRated(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	session := r.PostFormValue("embedded")
	if session != "" {
		if err := a.framed(w); err != nil { // also what goes wrong is shown in the frame
			return err
		}
	}
	id, err := pathID(r)
	if err != nil {
		return err
	}
	f := assistantv1.Feedback{AnswerID: id, Helpful: r.PostFormValue("helpful") == "yes", Why: r.PostFormValue("why")}
	if session != "" {
		return a.ratedInFrame(w, r, f, session)
	}
	if err := a.rate(r.Context(), f); err != nil {
		return err
	}
	http.Redirect(w, r, "/?tak="+id+"#a-"+id, http.StatusSeeOther)
	return nil
}

// ratedInFrame answers with the page in the frame of another site, where there are no cookies.
func (a *App) ratedInFrame(w http.ResponseWriter, r *http.Request, f assistantv1.Feedback, session string) error {
	if err := a.rate(r.Context(), f); err != nil {
		return a.askProblem(w, r, who.Person{}, askBody{Session: session}, true, err)
	}
	d, err := a.askData(r, session)
	if err != nil {
		return err
	}
	d.Embedded, d.Session = true, session
	for i := range d.Turns {
		d.Turns[i].Thanks = d.Turns[i].ID == f.AnswerID
	}
	return a.askPage(w, r, who.Person{}, http.StatusOK, d)
}

// askForgotten deletes the history from the page.
func (a *App) askForgotten(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	to := "/?slettet=1"
	if l := texts.Lang(r.PostFormValue("embedded")); l.Known() {
		if err := a.framed(w); err != nil {
			return err
		}
		to = "/indlejret?slettet=1&sprog=" + string(l)
	}
	if _, err := a.forget(w, r, r.PostFormValue("session")); err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// about says what Samtale is.
func (a *App) about(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.page(w, r, p, http.StatusOK, "about", "front.title", nil)
}
