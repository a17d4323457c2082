package app

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

// The pages on the way to a person: what is sent on, and where it stands. All of it works without scripts.

// handoverData is the page before anything is sent.
type handoverData struct {
	inquiryv1.Prepared
	ID      string // of the inquiry to be: the same form sent twice is one inquiry
	Text    string // the summary as the citizen has it
	Channel string
	Name    string
	Phone   string
	AINote  bool
	Cite    bool // what the answers stood on goes along
	Areas   []consentv1.Area
	Errors  []fieldError
}

// fieldError is what is wrong with one field.
type fieldError struct{ Field, Text string }

// Error is what is wrong with a field, "" for nothing.
func (d handoverData) Error(field string) string {
	for _, e := range d.Errors {
		if e.Field == field {
			return e.Text
		}
	}
	return ""
}

// Titles names what the summary's answers stood on, each article once.
func (d handoverData) Titles() []string { return titles(d.Sources) }

func titles(sources []assistantv1.Evidence) []string {
	var out []string
	for _, s := range sources {
		t := s.Title
		if s.Section != "" {
			t += ": " + s.Section
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// AreaLabel names an area in the page's language.
func (d handoverData) AreaLabel(a consentv1.Area, l texts.Lang) string { return nameOf(a, l) }

func (a *App) handover(w http.ResponseWriter, r *http.Request, p who.Person) error {
	q := r.URL.Query()
	d, err := a.handoverData(r, q.Get("omraade"))
	if err != nil {
		return err
	}
	d.ID, d.Text, d.Channel, d.Cite = event.NewID(a.Now()), d.Summary, q.Get("kanal"), true
	return a.handoverPage(w, r, p, http.StatusOK, d)
}

func (a *App) handoverData(r *http.Request, area string) (handoverData, error) {
	prep, err := a.prepare(r, inquiryv1.PrepareRequest{Area: area})
	if err != nil {
		return handoverData{}, err
	}
	areas, err := a.areas(r.Context())
	return handoverData{Prepared: prep, Areas: areas}, err
}

func (a *App) handoverPage(w http.ResponseWriter, r *http.Request, p who.Person, status int, d handoverData) error {
	if !slices.ContainsFunc(d.Choices, func(c inquiryv1.Choice) bool { return c.Channel == d.Channel }) {
		d.Channel = ""
	}
	w.Header().Set("Cache-Control", "no-store")
	return a.page(w, r, p, status, "handover", "h.title", d)
}

// handoverSent sends the summary on, or shows the form again: with what is wrong, or for another area.
func (a *App) handoverSent(w http.ResponseWriter, r *http.Request, p who.Person) error {
	f := r.PostFormValue
	area := f("omraade")
	if f("skift") != "" {
		area = f("skift")
	}
	d, err := a.handoverData(r, area)
	if err != nil {
		return err
	}
	d.ID, d.Text, d.Channel, d.Name, d.Phone = f("id"), f("summary"), f("channel"), f("name"), f("phone")
	d.AINote, d.Cite = f("ai_note") == "yes", f("cite") == "yes"
	if f("skift") != "" {
		return a.handoverPage(w, r, p, http.StatusOK, d)
	}
	if d.Errors = d.check(texts.For(lang(r))); d.Errors != nil {
		return a.handoverPage(w, r, p, http.StatusBadRequest, d)
	}
	req := inquiryv1.OpenRequest{
		ID: d.ID, Channel: d.Channel, ServiceArea: d.ServiceArea, Summary: d.Text, Name: strings.TrimSpace(d.Name),
		Language: string(lang(r)), AINote: d.AskNote && d.AINote,
	}
	if d.Cite {
		req.Sources = d.Sources
	}
	if d.Channel == inquiryv1.CallBack {
		req.Phone = cleanPhone(d.Phone)
	}
	i, err := a.sendInquiry(r, p, req)
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Limited || kind == errs.Unavailable {
		prob := problem(err, lang(r)) // what was written stays
		d.Errors = []fieldError{{"summary", prob.Detail}}
		retryAfter(w, prob)
		return a.handoverPage(w, r, p, prob.Status, d)
	}
	if err != nil {
		return err
	}
	private(w)
	http.Redirect(w, r, "/henvendelse/"+i.Receipt, http.StatusSeeOther)
	return nil
}

// maxName is the longest name that is sent on, in characters.
const maxName = 120

func (d handoverData) check(c texts.Catalogue) []fieldError {
	var out []fieldError
	bad := func(field, text string) { out = append(out, fieldError{field, text}) }
	switch n := utf8.RuneCountInString(d.Text); {
	case strings.TrimSpace(d.Text) == "":
		bad("summary", c.T("h.summary.empty"))
	case n > inquiryv1.MaxMessage:
		bad("summary", c.T("h.summary.long", "n", inquiryv1.MaxMessage))
	}
	if !slices.ContainsFunc(d.Choices, func(ch inquiryv1.Choice) bool { return ch.Channel == d.Channel }) {
		bad("channel", c.T("h.channel.none"))
	}
	if utf8.RuneCountInString(d.Name) > maxName {
		bad("name", c.T("h.name.long"))
	}
	if d.Channel == inquiryv1.CallBack && cleanPhone(d.Phone) == "" {
		bad("phone", c.T("h.phone.bad"))
	}
	return out
}

var phoneForm = regexp.MustCompile(`^(\+?[0-9]{8,15})$`)

// cleanPhone gives a number one form: +45 and 0045 are Denmark's, spaces and hyphens mean nothing. "" when it is no number.
func cleanPhone(s string) string {
	s = strings.NewReplacer(" ", "", "-", "", "\u00a0", "", ".", "", "(", "", ")", "").Replace(strings.TrimSpace(s))
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	if !phoneForm.MatchString(s) || !strings.HasPrefix(s, "+") && len(s) != 8 {
		return ""
	}
	if len(s) == 8 {
		s = "+45" + s
	}
	if strings.HasPrefix(s, "+45") && len(s) != len("+4512345678") {
		return ""
	}
	return s
}

// handoverBegun comes from a frame on another site, where there are no cookies: it brings the session along.
func (a *App) handoverBegun(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	if s := r.PostFormValue("session"); event.CheckToken(s) == nil {
		a.setAskSession(w, s)
	}
	to := "/henvendelse"
	switch k := r.PostFormValue("kanal"); k {
	case inquiryv1.Chat, inquiryv1.CallBack, inquiryv1.Video:
		to += "?kanal=" + k
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// receiptFound leads from a typed receipt number to its page.
func (a *App) receiptFound(w http.ResponseWriter, r *http.Request, p who.Person) error {
	receipt, err := cleanReceipt(r.PostFormValue("kvittering")), error(nil)
	if receipt != "" {
		_, err = bus.Request[inquiryv1.Inquiry](r.Context(), a.Bus, inquiryv1.StatusSubject, inquiryv1.ReceiptRequest{Receipt: receipt})
	}
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	private(w)
	if receipt != "" && err == nil {
		http.Redirect(w, r, "/henvendelse/"+receipt, http.StatusSeeOther)
		return nil
	}
	d, err := a.handoverData(r, "")
	if err != nil {
		return err
	}
	d.ID, d.Text, d.Cite = event.NewID(a.Now()), d.Summary, true
	d.Errors = []fieldError{{"receipt", texts.For(lang(r)).T("h.receipt.unknown")}}
	return a.handoverPage(w, r, p, http.StatusNotFound, d)
}

// inquiryData is the page of an inquiry by its receipt number.
type inquiryData struct {
	inquiryv1.Inquiry
	Chat     []inquiryv1.Message
	ID       string // of the next message
	Text     string // of a message that could not be sent
	Problem  string
	Now      string // the channel and state, as the key of what is told
	Articles []string
}

// Over reports that nothing more happens here.
func (d inquiryData) Over() bool {
	return d.State == inquiryv1.Ended || d.State == inquiryv1.Withdrawn || d.State == inquiryv1.Forwarded
}

// inquiryPage shows where an inquiry stands. A change of language stays here: the address must not travel as a referrer.
func (a *App) inquiryPage(w http.ResponseWriter, r *http.Request, p who.Person) error {
	private(w)
	if l := texts.Lang(r.URL.Query().Get("sprog")); l.Known() {
		setLanguageCookie(w, l)
		http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
		return nil
	}
	return a.showInquiry(w, r, p, http.StatusOK, "", nil)
}

func (a *App) showInquiry(w http.ResponseWriter, r *http.Request, p who.Person, status int, text string, trouble error) error {
	private(w)
	receipt, err := pathReceipt(r)
	if err != nil {
		return err
	}
	h, err := a.messages(r.Context(), inquiryv1.HistoryRequest{Receipt: receipt})
	if err != nil {
		return err
	}
	i := forCitizen(h.Inquiry)
	i.Receipt = receipt
	d := inquiryData{Inquiry: i, Chat: h.Messages, ID: event.NewID(a.Now()), Text: text, Now: i.State, Articles: titles(i.Sources)}
	if i.State == inquiryv1.Waiting || i.State == inquiryv1.Claimed {
		d.Now = i.State + "." + i.Channel
	}
	if trouble != nil {
		d.Problem = problem(trouble, lang(r)).Detail
	}
	return a.page(w, r, p, status, "inquiry", "i.title", d)
}

func (a *App) inquirySaid(w http.ResponseWriter, r *http.Request, p who.Person) error {
	receipt, err := pathReceipt(r)
	if err != nil {
		return err
	}
	text := r.PostFormValue("text")
	_, err = a.say(r, p, inquiryv1.SayRequest{ID: r.PostFormValue("id"), Receipt: receipt, Text: text})
	if err != nil && !errors.Is(err, errs.NotFound) {
		return a.showInquiry(w, r, p, problem(err, lang(r)).Status, text, err)
	}
	return backToInquiry(w, r, receipt, "#i-write", err)
}

func (a *App) inquiryEnded(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	receipt, err := pathReceipt(r)
	if err != nil {
		return err
	}
	_, err = bus.Request[inquiryv1.Inquiry](r.Context(), a.Bus, inquiryv1.EndSubject, inquiryv1.EndRequest{Receipt: receipt})
	return backToInquiry(w, r, receipt, "", err)
}

func backToInquiry(w http.ResponseWriter, r *http.Request, receipt, at string, err error) error {
	if err != nil {
		return err
	}
	private(w)
	http.Redirect(w, r, "/henvendelse/"+receipt+at, http.StatusSeeOther)
	return nil
}
