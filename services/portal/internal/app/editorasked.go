package app

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

// How citizens ask: an editor writes the phrases by which a micro-article is to be found, and sees how high it comes.

const (
	triedAmong = 100 // hits that a question is tried among: the most that a search gives
	triedShown = 5   // of them, besides the article itself
)

// askedData is the page of one micro-article. What it embeds is the try-out of a question.
type askedData struct {
	searchData
	Article       knowledgev1.Chunk
	Asked, Not    phraseField // what the article answers, and what is near it that it does not
	Changed       bool        // somebody has saved others since
	NoAnswer      bool        // for a gap that the article is near and does not answer
	Done          string      // what was just done, as the end of a text's key
	Before        string      // place of the article before that; "" when no question was tried
	Model         string      // that can propose phrases; "": none
	Proposals     []string    // of it, to be ticked
	Proposed      bool        // it was asked
	Max, MaxChars int
	today         string
}

// add puts what was ticked below what is written.
func (f *phraseField) add(ticked []string) {
	if len(ticked) > 0 {
		f.Written = strings.Join(append(phrases(f.Written), ticked...), "\n")
	}
}

// phraseField is a field of editors' phrases, one a line.
type phraseField struct {
	Written string // as they stand in the field
	Known   string // as they were saved when the field was filled
	Problem string
}

// fieldOf fills a field with what is saved.
func fieldOf(saved []string) phraseField {
	known := strings.Join(saved, "\n")
	return phraseField{Written: known, Known: known}
}

// propose puts what citizens have written below what is saved: to be edited, nothing is saved yet.
func (f *phraseField) propose(saved []string, query string) bool {
	if query == "" || slices.Contains(saved, query) {
		return false
	}
	f.Written = strings.Join(append(slices.Clone(saved), query), "\n")
	return true
}

// stale reports that others were saved after the field was filled, and fills in those.
func (f *phraseField) stale(saved []string) bool {
	now := strings.Join(saved, "\n")
	if slices.Equal(phrases(f.Known), phrases(now)) {
		return false
	}
	f.Known = now
	return true
}

// MaxField bounds the field.
func (d askedData) MaxField() int { return d.Max * (d.MaxChars + 1) }

// Rank is the article's place among the hits, from 1; 0 when it is not there.
func (d askedData) Rank() int {
	return 1 + slices.IndexFunc(d.Hits, func(h knowledgev1.Hit) bool { return h.ID == d.Article.ID })
}

// Among is how many hits a question is tried among.
func (askedData) Among() int { return triedAmong }

// rankedHit is a hit with its place.
type rankedHit struct {
	Rank int
	This bool
	knowledgev1.Hit
}

// First are the first hits, and the article at its place.
func (d askedData) First() []rankedHit {
	var out []rankedHit
	for i, h := range d.Hits {
		if this := h.ID == d.Article.ID; this || i < triedShown {
			out = append(out, rankedHit{i + 1, this, h})
		}
	}
	return out
}

// Valid reports whether the article is in force today: no other is found.
func (d askedData) Valid() bool {
	return d.Article.ValidFrom <= d.today && (d.Article.ValidTo == "" || d.Article.ValidTo >= d.today)
}

// phrases are the lines of a field that say something.
func phrases(field string) []string {
	out := []string{}
	for line := range strings.Lines(field) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// What an editor says of a gap: this article answers it, or this is the nearest one and we have no answer.
const (
	gapAnswered = "1"
	gapNot      = "nej"
)

// askedOf begins the page of the micro-article that an address names, and the question that is to be tried, before either is looked up.
func (a *App) askedOf(r *http.Request) askedData {
	d := askedData{Max: knowledgev1.MaxAsked, MaxChars: knowledgev1.MaxAskedText, today: a.Now().In(copenhagen).Format(knowledgev1.DateLayout)}
	d.numbers, d.Article.ID = numbersOf(lang(r)), r.URL.Query().Get("id")
	d.Query, d.Gap, d.NoAnswer = strings.TrimSpace(r.FormValue("q")), r.FormValue("hul") == gapAnswered, r.FormValue("hul") == gapNot
	return d
}

// try looks for the micro-article as a citizen would meet it. A search that is away takes nothing from the page but the places.
func (a *App) try(r *http.Request, d *askedData) {
	d.Municipality, d.Language = d.Article.Municipality, d.Article.Language
	if err := a.find(r, &d.searchData, triedAmong); err != nil {
		d.Problem = problem(err, lang(r)).Detail
	}
}

func (a *App) editorAsked(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d := a.askedOf(r)
	c, err := a.chunk(r.Context(), d.Article.ID)
	if err != nil {
		return err
	}
	d.Article, d.Asked, d.Not = c, fieldOf(c.EditorAsked), fieldOf(c.EditorUnanswered)
	d.Gap = d.Gap && d.Asked.propose(c.EditorAsked, d.Query)
	d.NoAnswer = d.NoAnswer && d.Not.propose(c.EditorUnanswered, d.Query)
	if done := r.FormValue("udfoert"); done == "saved" || done == "tidied" {
		d.Done = done
		if n, err := strconv.Atoi(r.FormValue("foer")); err == nil && n >= 0 && n <= triedAmong {
			d.Before = strconv.Itoa(n)
		}
	}
	a.try(r, &d)
	return a.askedPage(w, r, p, http.StatusOK, d)
}

// askedPage shows the page, with the button for proposals where there is a model.
func (a *App) askedPage(w http.ResponseWriter, r *http.Request, p who.Person, status int, d askedData) error {
	if d.Model == "" {
		got, err := bus.Request[assistantv1.Proposed](r.Context(), a.Bus, assistantv1.ProposeSubject, assistantv1.ProposeRequest{})
		if err == nil {
			d.Model = got.Model
		}
	}
	return a.page(w, r, p, status, "editor_asked", "editor.asked", d)
}

// propose asks the model. What it has written is shown to be ticked; nothing is saved.
func (a *App) propose(w http.ResponseWriter, r *http.Request, p who.Person, d askedData) error {
	if err := http.NewResponseController(w).SetWriteDeadline(a.Now().Add(askLimit + streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	got, err := bus.Request[assistantv1.Proposed](ctx, a.Bus, assistantv1.ProposeSubject, assistantv1.ProposeRequest{ChunkID: d.Article.ID})
	if err != nil {
		return a.askedAgain(w, r, p, d, err)
	}
	d.Model, d.Proposals, d.Proposed = got.Model, got.Phrases, true
	return a.askedPage(w, r, p, http.StatusOK, d)
}

// editorAskedSaved saves what was written, or only tries the question or asks the model. Whatever is wrong, what was written stands in the field again.
func (a *App) editorAskedSaved(w http.ResponseWriter, r *http.Request, p who.Person) error {
	if err := r.ParseForm(); err != nil { // a part of the phrases must not be taken for all
		return errs.E(errs.Invalid, "", err)
	}
	d := a.askedOf(r)
	d.Asked = phraseField{Written: r.PostFormValue("asked"), Known: r.PostFormValue("known")}
	d.Asked.add(r.PostForm["keep"])
	d.Not = phraseField{Written: r.PostFormValue("unanswered"), Known: r.PostFormValue("knownnot")}
	c, err := a.chunk(r.Context(), d.Article.ID)
	if err != nil {
		return a.askedAgain(w, r, p, d, err)
	}
	d.Article = c
	a.try(r, &d)
	switch r.PostFormValue("do") {
	case "try":
		return a.askedPage(w, r, p, http.StatusOK, d)
	case "propose":
		return a.propose(w, r, p, d)
	}
	askedChanged, notChanged := d.Asked.stale(c.EditorAsked), d.Not.stale(c.EditorUnanswered)
	if d.Changed = askedChanged || notChanged; d.Changed {
		return a.askedAgain(w, r, p, d, translated(r, errs.Conflict, "editor.asked.changed"))
	}
	asked, not := phrases(d.Asked.Written), phrases(d.Not.Written)
	if err := tooMuch(asked, texts.For(lang(r))); err != nil {
		return a.askedAgain(w, r, p, d, err)
	}
	if err := tooMuch(not, texts.For(lang(r))); err != nil {
		d.Not.Problem = problem(err, lang(r)).Detail
		return a.askedAgain(w, r, p, d, err)
	}
	c, err = a.setAsked(r, p, d.Article.ID, asked, not)
	if err != nil {
		return a.askedAgain(w, r, p, d, err)
	}
	http.Redirect(w, r, d.after(slices.Equal(asked, c.EditorAsked) && slices.Equal(not, c.EditorUnanswered)), http.StatusSeeOther)
	return nil
}

// askedAgain shows the page with what is wrong beside the field: the first one, unless it is known to be the other.
func (a *App) askedAgain(w http.ResponseWriter, r *http.Request, p who.Person, d askedData, err error) error {
	pr := problem(err, lang(r))
	if pr.Status >= http.StatusInternalServerError {
		a.Log.Error("phrases not saved", "err", err)
	}
	if d.Not.Problem == "" {
		d.Asked.Problem = pr.Detail
	}
	retryAfter(w, pr)
	return a.askedPage(w, r, p, pr.Status, d)
}

// after is the page that says what was saved, with the place that the article had before.
func (d askedData) after(asWritten bool) string {
	q := url.Values{"id": {d.Article.ID}, "udfoert": {"saved"}}
	if !asWritten {
		q.Set("udfoert", "tidied")
	}
	if d.Query != "" {
		q.Set("q", d.Query)
	}
	if d.Tried {
		q.Set("foer", strconv.Itoa(d.Rank()))
	}
	return "/redaktion/afsnit?" + q.Encode()
}

// tooMuch says which phrase is too long, which the assistant, that has the last word, cannot.
func tooMuch(asked []string, t texts.Catalogue) error {
	if len(asked) > knowledgev1.MaxAsked {
		return errs.E(errs.Invalid, t.T("editor.asked.many", "n", len(asked), "max", knowledgev1.MaxAsked), errTranslated)
	}
	for i, phrase := range asked {
		if len(phrase) > knowledgev1.MaxAskedText {
			return errs.E(errs.Invalid, t.T("editor.asked.long", "n", i+1, "max", knowledgev1.MaxAskedText), errTranslated)
		}
	}
	return nil
}

// setAsked sets the editors' phrases; unanswered of nil leaves those that are not answered as they are.
func (a *App) setAsked(r *http.Request, p who.Person, id string, asked, unanswered []string) (knowledgev1.Chunk, error) {
	return bus.Request[knowledgev1.Chunk](r.Context(), a.Bus, knowledgev1.AskedSubject,
		knowledgev1.AskedRequest{ID: id, Asked: asked, Unanswered: unanswered, Actor: p.ID})
}

// find searches for what the page asks. A question that cannot be searched for is a problem of the page.
func (a *App) find(r *http.Request, d *searchData, k int) error {
	if d.Query == "" {
		return nil
	}
	if err := aMunicipality(d.Municipality, texts.For(lang(r))); err != nil {
		d.Problem = problem(err, lang(r)).Detail
		return nil
	}
	rep, err := bus.Request[knowledgev1.SearchReply](r.Context(), a.Bus, knowledgev1.SearchSubject, knowledgev1.SearchRequest{
		Query: d.Query, K: k, Municipality: d.Municipality, Language: d.Language, At: d.At, Explain: true,
	})
	if errors.Is(err, errs.Invalid) {
		d.Problem = problem(err, lang(r)).Detail
		return nil
	}
	d.SearchReply, d.Tried = rep, err == nil
	if err == nil {
		d.Effect = a.effect(r, d)
	}
	return err
}

// effect is what the question would come to. What is known of it stands beside the places; without it the page is as good.
func (a *App) effect(r *http.Request, d *searchData) *assistantv1.Tried {
	tried, err := bus.Request[assistantv1.Tried](r.Context(), a.Bus, assistantv1.TrySubject,
		assistantv1.TryRequest{Question: d.Query, Municipality: d.Municipality, At: d.At, Language: d.Language})
	if err != nil {
		return nil
	}
	return &tried
}
