package app

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

// sourceRow is a source as the list and its own page show it.
type sourceRow struct {
	knowledgev1.Source
	Runs []knowledgev1.Run // newest first
	now  time.Time
}

// Fetched reports whether the system fetches it, so that it can be run and paused.
func (s sourceRow) Fetched() bool {
	return s.Kind != knowledgev1.KindImport && s.Kind != knowledgev1.KindStarter
}

// Fresh is when it was last fetched whole.
func (s sourceRow) Fresh() time.Time {
	for _, r := range s.Runs {
		if r.State == knowledgev1.RunDone {
			return r.EndedAt
		}
	}
	if s.LastRun != nil && s.LastRun.State == knowledgev1.RunDone {
		return s.LastRun.EndedAt
	}
	return time.Time{}
}

// Stale reports that two fetches in a row did not happen.
func (s sourceRow) Stale() bool {
	return s.Every > 0 && !s.Paused && !s.Fresh().IsZero() && s.now.Sub(s.Fresh()) > 2*s.Every
}

// every are the choices of how often a source is fetched.
var every = []time.Duration{0, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// kinds are the kinds of source that an editor can add.
var kinds = []string{knowledgev1.KindBorger, knowledgev1.KindLife, knowledgev1.KindSitemap, knowledgev1.KindFolder, knowledgev1.KindLaws}

// sourceData is the page of one source, or of a new one.
type sourceData struct {
	sourceRow
	New     bool
	Problem string
	Choices []consentv1.Area // service areas
	Wrote   *string          // the authorities' areas as they were typed, when they cannot be read
}

// Kinds and Intervals are what can be chosen.
func (sourceData) Kinds() []string { return kinds }

// Intervals holds the source's own interval too, when that is another.
func (d sourceData) Intervals() []time.Duration {
	all := slices.Clone(every)
	if !slices.Contains(all, d.Every) {
		all = append(all, d.Every)
		slices.Sort(all)
	}
	return all
}

// Cities and Paths are the lists as they are written.
func (d sourceData) Cities() string { return strings.Join(d.Municipalities, ", ") }

// Paths is one a line.
func (d sourceData) Paths() string { return strings.Join(d.Include, "\n") }

// Authorities are the service areas by authority as they are written, one a line.
func (d sourceData) Authorities() string {
	if d.Wrote != nil {
		return *d.Wrote
	}
	var lines []string
	for _, x := range d.Areas {
		name := x.Area
		if i := slices.IndexFunc(d.Choices, func(a consentv1.Area) bool { return a.ID == x.Area }); i >= 0 {
			name = d.Choices[i].Name
		}
		lines = append(lines, x.Authority+" = "+name)
	}
	return strings.Join(lines, "\n")
}

// topicRow is one of a source's topics with the service area that takes handovers about it.
type topicRow struct {
	knowledgev1.Topic
	Area string
	Gone bool // there is no such area any more
}

// TopicRows are the topics of what the source holds, and those that have an area though it holds nothing of them now.
func (d sourceData) TopicRows() []topicRow {
	var rows []topicRow
	for _, t := range d.Known {
		rows = append(rows, topicRow{Topic: t})
	}
	for _, t := range d.Topics {
		i := slices.IndexFunc(rows, func(r topicRow) bool { return r.ID == t.Topic })
		if i < 0 {
			i, rows = len(rows), append(rows, topicRow{Topic: knowledgev1.Topic{ID: t.Topic}})
		}
		rows[i].Area = t.Area
		rows[i].Gone = !slices.ContainsFunc(d.Choices, func(a consentv1.Area) bool { return a.ID == t.Area })
	}
	return rows
}

// topicAreas are the source's with what the form says of the topics that it names.
func topicAreas(r *http.Request, had []knowledgev1.TopicArea) []knowledgev1.TopicArea {
	named, areas := r.PostForm["topic"], r.PostForm["topicarea"]
	out := slices.DeleteFunc(slices.Clone(had), func(t knowledgev1.TopicArea) bool { return slices.Contains(named, t.Topic) })
	for i, topic := range named[:min(len(named), len(areas))] {
		if areas[i] != "" {
			out = append(out, knowledgev1.TopicArea{Topic: topic, Area: areas[i]})
		}
	}
	return out
}

// authorities reads them. An area may be written by its name or its id; ok is false where there is none such.
func authorities(text string, choices []consentv1.Area) (out []knowledgev1.AuthorityArea, ok bool) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		at := strings.LastIndex(line, "=")
		if at < 0 {
			return nil, false
		}
		who, area := strings.TrimSpace(line[:at]), strings.TrimSpace(line[at+1:])
		i := slices.IndexFunc(choices, func(a consentv1.Area) bool { return a.ID == area || strings.EqualFold(a.Name, area) })
		if i < 0 {
			return nil, false
		}
		out = append(out, knowledgev1.AuthorityArea{Authority: who, Area: choices[i].ID})
	}
	return out, true
}

type sourcesData struct {
	Rows   []sourceRow
	Chunks int
	Done   string // what was just done, as the end of a text's key
}

func (a *App) sources(r *http.Request) ([]sourceRow, error) {
	rep, err := bus.Request[knowledgev1.SourcesReply](r.Context(), a.Bus, knowledgev1.SourcesSubject, knowledgev1.SourcesRequest{})
	if err != nil {
		return nil, err
	}
	var rows []sourceRow
	for _, s := range rep.Sources {
		row := sourceRow{Source: s, now: a.Now()}
		for _, run := range rep.Runs {
			if run.Source == s.ID {
				row.Runs = append(row.Runs, run)
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// done are the ends of texts that may stand in a page's address.
var done = []string{"saved", "started", "paused", "resumed", "removed"}

func (a *App) editorSources(w http.ResponseWriter, r *http.Request, p who.Person) error {
	rows, err := a.sources(r)
	if err != nil {
		return err
	}
	d := sourcesData{Rows: rows}
	for _, s := range rows {
		d.Chunks += s.Chunks
	}
	if q := r.URL.Query().Get("udfoert"); slices.Contains(done, q) {
		d.Done = q
	}
	return a.page(w, r, p, http.StatusOK, "editor_sources", "editor.title", d)
}

func (a *App) editorNew(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d := sourceData{New: true}
	d.Kind, d.Every = knowledgev1.KindBorger, 24*time.Hour
	return a.sourcePage(w, r, p, http.StatusOK, "editor.new", d)
}

func (a *App) sourcePage(w http.ResponseWriter, r *http.Request, p who.Person, status int, title string, d sourceData) error {
	var err error
	d.Choices, err = a.areas(r.Context())
	if err != nil {
		return err
	}
	return a.page(w, r, p, status, "editor_source", title, d)
}

// source finds the source that a path names.
func (a *App) source(r *http.Request) (sourceRow, error) {
	id, err := pathID(r)
	if err != nil {
		return sourceRow{}, err
	}
	rows, err := a.sources(r)
	if err != nil {
		return sourceRow{}, err
	}
	for _, s := range rows {
		if s.ID == id {
			return s, nil
		}
	}
	return sourceRow{}, errs.E(errs.NotFound, "Kilden findes ikke. Den er måske fjernet.", nil)
}

func (a *App) editorSource(w http.ResponseWriter, r *http.Request, p who.Person) error {
	s, err := a.source(r)
	if err != nil {
		return err
	}
	return a.sourcePage(w, r, p, http.StatusOK, s.Title, sourceData{sourceRow: s})
}

// written is a source as a form tells it.
func written(r *http.Request, s knowledgev1.Source) knowledgev1.Source {
	s.Title, s.URL = strings.TrimSpace(r.PostFormValue("title")), strings.TrimSpace(r.PostFormValue("url"))
	s.Municipalities, s.Include = split(r.PostFormValue("municipalities")), split(r.PostFormValue("include"))
	s.Every, _ = time.ParseDuration(cmp.Or(r.PostFormValue("every"), "0")) // what is not chosen from the list is by hand
	s.Paused = r.PostFormValue("paused") != ""
	s.Area = r.PostFormValue("area")
	s.Topics = topicAreas(r, s.Topics)
	return s
}

func (a *App) editorAdded(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d := sourceData{New: true}
	d.Source = written(r, knowledgev1.Source{ID: strings.TrimSpace(r.PostFormValue("id")), Kind: r.PostFormValue("kind")})
	if err := event.CheckToken(d.ID); err != nil {
		d.Problem = problem(errs.E(errs.Invalid, "Kildens korte navn må kun have bogstaverne a-z, tal, bindestreg og understreg.", err), lang(r)).Detail
		return a.sourcePage(w, r, p, http.StatusBadRequest, "editor.new", d)
	}
	rows, err := a.sources(r)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rows, func(s sourceRow) bool { return s.ID == d.ID }) {
		d.Problem = problem(errs.E(errs.Conflict, "Der er allerede en kilde med det korte navn.", nil), lang(r)).Detail
		return a.sourcePage(w, r, p, http.StatusConflict, "editor.new", d)
	}
	return a.saveSource(w, r, p, d, "editor.new")
}

func (a *App) editorSaved(w http.ResponseWriter, r *http.Request, p who.Person) error {
	s, err := a.source(r)
	if err != nil {
		return err
	}
	d := sourceData{sourceRow: s}
	d.Source = written(r, s.Source)
	return a.saveSource(w, r, p, d, s.Title)
}

// saveSource stores what was written, or shows it again with what is wrong.
func (a *App) saveSource(w http.ResponseWriter, r *http.Request, p who.Person, d sourceData, title string) error {
	choices, err := a.areas(r.Context())
	if err != nil {
		return err
	}
	wrote, ok := r.PostFormValue("areas"), false
	if d.Areas, ok = authorities(wrote, choices); !ok {
		d.Problem, d.Wrote = texts.For(lang(r)).T("editor.areas.unread"), &wrote
		return a.sourcePage(w, r, p, http.StatusBadRequest, title, d)
	}
	err = municipalities(d.Municipalities, texts.For(lang(r)))
	if err == nil {
		_, err = a.putSourceAs(r, p, d.Source)
	}
	if errors.Is(err, errs.Invalid) || errors.Is(err, errs.Conflict) {
		d.Problem = problem(err, lang(r)).Detail
		return a.sourcePage(w, r, p, http.StatusBadRequest, title, d)
	}
	return seeSources(w, r, err, "saved")
}

func (a *App) putSourceAs(r *http.Request, p who.Person, s knowledgev1.Source) (knowledgev1.Source, error) {
	s.Actor, s.LastRun = p.ID, nil
	return bus.Request[knowledgev1.Source](r.Context(), a.Bus, knowledgev1.SaveSourceSubject, s)
}

func seeSources(w http.ResponseWriter, r *http.Request, err error, what string) error {
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/redaktion?udfoert="+what, http.StatusSeeOther)
	return nil
}

func (a *App) editorRun(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	_, err = bus.Request[knowledgev1.Run](r.Context(), a.Bus, knowledgev1.RunSourceSubject, sourceRef(p)(id))
	return seeSources(w, r, err, "started")
}

func (a *App) editorPause(w http.ResponseWriter, r *http.Request, p who.Person) error {
	s, err := a.source(r)
	if err != nil {
		return err
	}
	s.Paused = r.PostFormValue("paused") == "1"
	_, err = a.putSourceAs(r, p, s.Source)
	if s.Paused {
		return seeSources(w, r, err, "paused")
	}
	return seeSources(w, r, err, "resumed")
}

func (a *App) editorRemove(w http.ResponseWriter, r *http.Request, p who.Person) error {
	s, err := a.source(r)
	if err != nil {
		return err
	}
	if r.PostFormValue("sure") == "" {
		return a.sourcePage(w, r, p, http.StatusBadRequest, s.Title, sourceData{sourceRow: s, Problem: texts.For(lang(r)).T("editor.remove.unsure")})
	}
	_, err = bus.Request[knowledgev1.Run](r.Context(), a.Bus, knowledgev1.RemoveSubject, sourceRef(p)(s.ID))
	return seeSources(w, r, err, "removed")
}
