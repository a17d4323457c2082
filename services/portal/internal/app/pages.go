package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/login"
	"samtale.dk/samtale/services/portal/internal/testlogin"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

const langCookie = "samtale_lang"

// view is what every template gets.
type view struct {
	Lang    texts.Lang
	texts   texts.Catalogue
	Title   string
	Name    string // of the page
	Path    string
	Person  who.Person
	Known   bool // somebody is logged in
	Home    string
	Left    int // seconds until the session ends
	Demo    bool
	Styled  bool
	Contact Contact
	Private bool // the page's address is a secret
	Data    any
}

// T is the catalogue for templates.
func (v view) T(key string, pairs ...any) string { return v.texts.T(key, pairs...) }

// Has reports whether the catalogue has key.
func (v view) Has(key string) bool { _, ok := v.texts[key]; return ok }

// With is the same view of other data, for parts of a page.
func (v view) With(data any) view {
	v.Data = data
	return v
}

// Examples are questions to begin with. Each language has its own: fewer matters have articles in English.
func (v view) Examples() []string {
	return []string{v.T("q.example.1"), v.T("q.example.2"), v.T("q.example.3"), v.T("q.example.4"), v.T("q.example.5")}
}

// Day, Clock and When write times for people in Denmark.
func (v view) Day(t time.Time) string { return day(t, v.texts) }

// Clock gives hours and minutes.
func (v view) Clock(t time.Time) string {
	if v.Lang == texts.English {
		return t.In(copenhagen).Format("15:04")
	}
	return t.In(copenhagen).Format("15.04")
}

// When gives day and time.
func (v view) When(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return v.T("time.when", "day", v.Day(t), "clock", v.Clock(t))
}

// Date writes a date of a source, 2006-01-02, in words; as it stands when it is none.
func (v view) Date(s string) string {
	t, err := time.ParseInLocation(time.DateOnly, s, copenhagen)
	if err != nil {
		return s
	}
	return v.Day(t)
}

// ISO is for <time datetime>.
func (v view) ISO(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func day(t time.Time, c texts.Catalogue) string {
	t = t.In(copenhagen)
	return c.T("time.day", "weekday", c.T(fmt.Sprintf("time.weekday.%d", int(t.Weekday()))),
		"day", t.Day(), "month", c.T(fmt.Sprintf("time.month.%d", int(t.Month()))), "year", t.Year())
}

var copenhagen = mustLoad("Europe/Copenhagen")

func mustLoad(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // tzdata is linked in
	}
	return l
}

// page renders a page in the layout.
func (a *App) page(w http.ResponseWriter, r *http.Request, p who.Person, status int, name, title string, data any) error {
	v := a.view(r, p, data)
	v.Name, v.Title, v.Private = name, title, w.Header().Get("Referrer-Policy") == "no-referrer"
	if v.Has(title) {
		v.Title = v.T(title)
	}
	if status == http.StatusBadRequest && name != "problem" { // a form with something to correct: heard first
		v.Title = v.T("title.problem", "title", v.Title)
	}
	html, err := a.Web.Render(name, v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(v.Lang))
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-cache")
	}
	w.WriteHeader(status)
	_, err = w.Write(html)
	return err
}

// view is what templates get for a request.
func (a *App) view(r *http.Request, p who.Person, data any) view {
	l := lang(r)
	v := view{
		Lang: l, texts: texts.For(l), Path: r.URL.Path, Person: p, Known: p.ID != "", Home: home(p),
		Demo: a.Test != nil, Styled: a.Web.Styled, Contact: a.Contact, Data: data,
	}
	if v.Known && p.Session != "" {
		v.Left = max(0, int(p.Expires.Sub(a.Now()).Seconds()))
	}
	return v
}

// home is the page where a role's work is.
func home(p who.Person) string {
	switch p.Role {
	case token.Caseworker:
		return "/desk"
	case token.Citizen:
		return "/mit"
	case token.Editor:
		return "/redaktion"
	case token.Operator:
		return "/drift"
	case token.Auditor:
		return "/revision"
	}
	return "/"
}

func (a *App) desk(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.page(w, r, p, http.StatusOK, "desk", "desk.title", nil)
}

func (a *App) notePage(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	n, err := bus.Request[journalv1.Note](r.Context(), a.Bus, journalv1.NoteSubject, ref(p)(id))
	if err != nil {
		return err
	}
	return a.page(w, r, p, http.StatusOK, "note", "note.title", n)
}

func (a *App) conversations(r *http.Request, p who.Person) ([]journalv1.Conversation, error) {
	rep, err := bus.Request[journalv1.ListReply](r.Context(), a.Bus, journalv1.ListSubject, journalv1.ListRequest{Actor: p.Actor(""), Limit: 200})
	slices.SortStableFunc(rep.Conversations, func(x, y journalv1.Conversation) int { return y.StartedAt.Compare(x.StartedAt) }) // a meeting begins long after it was booked
	return rep.Conversations, err
}

func (a *App) delivered(w http.ResponseWriter, r *http.Request, p who.Person) error {
	all, err := a.conversations(r, p)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(c journalv1.Conversation) bool {
		return c.Receipt == nil && c.State != "approved" && c.State != "discarded"
	})
	return a.list(w, r, p, "delivered", "delivered.title", all)
}

// listData is a list of conversations with the names of their areas.
type listData struct {
	Conversations []journalv1.Conversation
	areas         []consentv1.Area
}

// Area names a service area.
func (d listData) Area(id string, l texts.Lang) string { return nameOf(areaOf(d.areas, id), l) }

func nameOf(ar consentv1.Area, l texts.Lang) string {
	if l == texts.English && ar.NameEN != "" {
		return ar.NameEN
	}
	return ar.Name
}

func (a *App) list(w http.ResponseWriter, r *http.Request, p who.Person, name, title string, all []journalv1.Conversation) error {
	areas, err := a.areas(r.Context())
	if err != nil {
		return err
	}
	return a.page(w, r, p, http.StatusOK, name, title, listData{all, areas})
}

// mineData is a citizen's conversation with all that the citizen may know about it.
type mineData struct {
	Conversation journalv1.Conversation
	Area         consentv1.Area
	Choices      []consentv1.Choice
	Hold         consentv1.HoldReply
	Looks        []consentv1.Audit
	Note         *journalv1.Note
	Sections     []section
	Draft        bool // there is a note, but nobody has approved it yet
	Sent         bool // a comment was just stored
	Problem      string
	Comment      string
	Withdrawn    string // the kind of a choice that was just withdrawn
}

// section is a part of an approved note that says something.
type section struct {
	Title     string
	Other     bool // sentences of sections that the template does not have
	Sentences []string
}

func sections(n journalv1.Note) []section {
	var out []section
	known := map[string]bool{}
	for _, s := range n.Sections {
		known[s.ID] = true
		part := section{Title: s.Title}
		for _, st := range n.Sentences {
			if st.Section == s.ID {
				part.Sentences = append(part.Sentences, st.Text)
			}
		}
		if part.Sentences != nil {
			out = append(out, part)
		}
	}
	other := section{Other: true}
	for _, st := range n.Sentences {
		if !known[st.Section] {
			other.Sentences = append(other.Sentences, st.Text)
		}
	}
	if other.Sentences != nil {
		out = append(out, other)
	}
	return out
}

// AreaName names the conversation's service area.
func (d mineData) AreaName(l texts.Lang) string { return nameOf(d.Area, l) }

func (a *App) mine(w http.ResponseWriter, r *http.Request, p who.Person) error {
	all, err := a.conversations(r, p)
	if err != nil {
		return err
	}
	areas, err := a.areas(r.Context())
	if err != nil {
		return err
	}
	var data struct {
		Own     []mineData
		Others  []attendedData // meetings that they took part in
		Missing bool           // which those are cannot be told now
	}
	for _, c := range all {
		data.Own = append(data.Own, mineData{Conversation: c, Area: areaOf(areas, c.ServiceArea)})
	}
	others, missing, err := a.others(r, p, all)
	if err != nil {
		return err
	}
	for _, m := range others {
		data.Others = append(data.Others, attendedData{Meeting: m, Area: areaOf(areas, m.ServiceArea)})
	}
	data.Missing = missing
	return a.page(w, r, p, http.StatusOK, "mine", "mine.title", data)
}

func areaOf(areas []consentv1.Area, id string) consentv1.Area {
	for _, ar := range areas {
		if ar.ID == id {
			return ar
		}
	}
	return consentv1.Area{ID: id, Name: id, NameEN: id}
}

func (a *App) mineOne(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d, err := a.mineData(r, p)
	if err != nil {
		return err
	}
	d.Sent = r.URL.Query().Get("sendt") == "1"
	d.Withdrawn = d.justWithdrawn(r.URL.Query().Get("valg"))
	return a.page(w, r, p, http.StatusOK, "mine_one", "mine.one", d)
}

func (a *App) mineData(r *http.Request, p who.Person) (mineData, error) {
	var d mineData
	c, err := a.mayRead(r, p)
	if err != nil {
		return d, err
	}
	areas, err := a.areas(r.Context())
	if err != nil {
		return d, err
	}
	choices, err := a.choices(r, c.ID, p)
	if err != nil {
		return d, err
	}
	looks, err := a.audit(r, c.ID, p)
	if err != nil {
		return d, err
	}
	hold, err := a.hold(r, c.ID)
	if err != nil {
		return d, err
	}
	d = mineData{Conversation: c, Area: areaOf(areas, c.ServiceArea), Choices: choices.Choices, Looks: looks.Entries, Hold: hold}
	if c.NoteID == "" {
		return d, nil
	}
	n, err := bus.Request[journalv1.Note](r.Context(), a.Bus, journalv1.NoteSubject, ref(p)(c.NoteID))
	switch {
	case errors.Is(err, errs.Denied), errors.Is(err, errs.NotFound):
		d.Draft = c.NoteState == journalv1.NoteDraft
	case err != nil:
		return d, err
	case n.State == journalv1.NoteDraft:
		d.Draft = true
	default:
		d.Note, d.Sections = &n, sections(n)
	}
	return d, nil
}

func (a *App) mineComment(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(r.PostFormValue("text"))
	if text != "" {
		_, err = bus.Request[journalv1.Conversation](r.Context(), a.Bus, journalv1.CommentSubject,
			journalv1.CommentRequest{ConversationID: id, Text: text, Actor: p.Actor("")})
		if err == nil {
			http.Redirect(w, r, "/mit/"+id+"?sendt=1#bemaerkning", http.StatusSeeOther)
			return nil
		}
		if !errors.Is(err, errs.Invalid) && !errors.Is(err, errs.Conflict) {
			return err
		}
	}
	d, derr := a.mineData(r, p)
	if derr != nil {
		return derr
	}
	d.Comment, d.Problem = text, texts.For(lang(r)).T("mine.comment.empty")
	if err != nil {
		d.Problem = errs.Text(err)
	}
	return a.page(w, r, p, http.StatusBadRequest, "mine_one", "mine.one", d)
}

func (a *App) statement(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.page(w, r, p, http.StatusOK, "statement", "statement.title", nil)
}

func (a *App) was(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	http.Redirect(w, r, "/tilgaengelighed", http.StatusSeeOther)
	return nil
}

func (a *App) notices(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.page(w, r, p, http.StatusOK, "notices", "notices.title", struct{ Version, Text string }{a.Web.Version, a.Web.File("LICENSE.md")})
}

// Login.

func (a *App) loginBegin(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	if r.Host != a.Public.Host { // cookies and the provider's way back belong to one name
		http.Redirect(w, r, a.Public.JoinPath("login").String()+"?"+r.URL.RawQuery, http.StatusSeeOther)
		return nil
	}
	w.Header().Set("Cache-Control", "no-store")
	return a.Login.Begin(w, r, r.URL.Query().Get("next"), r.URL.Query().Get("niveau"))
}

func (a *App) loginFinish(w http.ResponseWriter, r *http.Request, old who.Person) error {
	w.Header().Set("Cache-Control", "no-store")
	p, next, err := a.Login.Finish(w, r)
	if err != nil {
		return err
	}
	if old.Session != "" { // a new login is a new session
		if err := a.Sessions.End(r.Context(), w, r); err != nil {
			return err
		}
	}
	if err := a.Sessions.Start(r.Context(), w, p); err != nil {
		return err
	}
	if next == "/" {
		next = home(p)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// loggedOutData is the page after a logout, for who is still logged in elsewhere.
type loggedOutData struct {
	Elsewhere int
	Ticket    string // ends the others
}

func (a *App) logout(w http.ResponseWriter, r *http.Request, p who.Person) error {
	if err := a.Sessions.End(r.Context(), w, r); err != nil {
		return err
	}
	d, err := a.elsewhere(r, p)
	if err != nil {
		a.Log.Error("logged out, but not told where else somebody is logged in", "err", err)
	}
	if d.Elsewhere == 0 {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	w.Header().Set("Cache-Control", "no-store")
	return a.page(w, r, who.Person{}, http.StatusOK, "logged_out", "session.ended", d)
}

// elsewhere is where else the person who has just logged out is logged in.
func (a *App) elsewhere(r *http.Request, p who.Person) (d loggedOutData, err error) {
	if p.Session == "" {
		return d, nil
	}
	others, err := a.Sessions.Of(r.Context(), p.ID)
	if err != nil || len(others) == 0 {
		return d, err
	}
	ticket, err := a.Sessions.Ticket(p.ID)
	if err != nil {
		return d, err
	}
	return loggedOutData{len(others), ticket}, nil
}

// logoutEverywhere ends the other sessions of who has just logged out.
func (a *App) logoutEverywhere(w http.ResponseWriter, r *http.Request, p who.Person) error {
	if err := r.ParseForm(); err != nil {
		return errs.E(errs.Invalid, "", err)
	}
	n, err := a.Sessions.EndAll(r.Context(), r.PostForm.Get("ticket"))
	if errs.KindOf(err) == errs.Unauthenticated {
		return errs.E(errs.Invalid, "Der er gået for lang tid. Log ind igen, og log så ud.", err)
	}
	if err != nil {
		return err
	}
	a.Log.Info("logged out everywhere", "sessions", n)
	return a.page(w, r, p, http.StatusOK, "logged_out", "session.ended", loggedOutData{})
}

// testData is the test provider's page.
type testData struct {
	Request string
	People  []testlogin.Person
	areas   []consentv1.Area // none while the consent service is away: the ids stand instead
}

// Area names a service area.
func (d testData) Area(id string, l texts.Lang) string { return nameOf(areaOf(d.areas, id), l) }

func (a *App) testChoose(w http.ResponseWriter, r *http.Request, p who.Person) error {
	if a.Test == nil {
		return a.notFound(w, r, p)
	}
	areas, err := a.areas(r.Context())
	if err != nil {
		a.Log.Debug("names of areas", "err", err)
	}
	return a.page(w, r, who.Person{}, http.StatusOK, "testlogin", "testlogin.title",
		testData{r.URL.Query().Get("request"), testlogin.People(), areas})
}

func (a *App) testChosen(w http.ResponseWriter, r *http.Request, p who.Person) error {
	if a.Test == nil {
		return a.notFound(w, r, p)
	}
	to, err := a.Test.Choose(r.PostFormValue("request"), r.PostFormValue("person"))
	if err != nil {
		return errs.E(errs.Invalid, "Login blev ikke færdig. Start forfra; intet er gået tabt.", err)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (a *App) setLanguage(w http.ResponseWriter, r *http.Request, p who.Person) error {
	l := texts.Lang(r.PathValue("lang"))
	if !l.Known() {
		return a.notFound(w, r, p)
	}
	setLanguageCookie(w, l)
	next := "/"
	if u, err := url.Parse(r.Referer()); err == nil && u.Host == r.Host {
		next = login.SafePath(u.RequestURI())
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func setLanguageCookie(w http.ResponseWriter, l texts.Lang) {
	http.SetCookie(w, &http.Cookie{Name: langCookie, Value: string(l), Path: "/", MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteLaxMode, HttpOnly: true})
}

// Files.

func (a *App) static(w http.ResponseWriter, r *http.Request, p who.Person) error {
	if !a.Web.Serve(w, r) {
		return a.notFound(w, r, p)
	}
	return nil
}

// textScript is the catalogue as a script that leaves it as samtaleTexts: pages load it before their modules.
func (a *App) textScript(w http.ResponseWriter, r *http.Request, p who.Person) error {
	l := texts.Lang(strings.TrimSuffix(r.PathValue("lang"), ".js"))
	if !l.Known() {
		return a.notFound(w, r, p)
	}
	data, err := json.Marshal(texts.For(l))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	fmt.Fprintf(w, "samtaleTexts = %s;\n", data)
	return nil
}
