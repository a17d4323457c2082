package app

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/models/notes"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// Set-ups of meetings: what editors change by forms, and the same by the API.

func (a *App) setupRoutes() []route {
	editor := []string{token.Editor}
	return []route{
		{pattern: "GET /redaktion/moeder", roles: editor, handle: a.editorSetups},
		{pattern: "GET /redaktion/moeder/{id}", roles: editor, handle: a.editorSetup},
		{pattern: "POST /redaktion/moeder/{id}", roles: editor, handle: a.editorSetupSaved},
		{pattern: "GET /redaktion/moeder/{id}/aendringer", roles: editor, handle: a.editorSetupChanges},
		{pattern: "POST /redaktion/moeder/{id}/nulstil", roles: editor, handle: a.editorSetupReset},

		{pattern: "GET /api/v1/meetings/setups", roles: []string{token.Caseworker, token.Editor}, handle: a.listSetups},
		{pattern: "PUT /api/v1/meetings/setups/{id}", roles: editor, handle: a.saveSetup},
		{pattern: "POST /api/v1/meetings/setups/{id}/reset", roles: editor, handle: a.resetSetup},
		// Under meetings/setups/{id} a mux cannot tell it from meetings/{id}/recording/{track}.
		{pattern: "GET /api/v1/meeting-setups/{id}/changes", roles: editor, handle: a.listSetupChanges},
		{pattern: "POST /api/v1/meetings/setups/{id}/preview", roles: editor, handle: a.previewSetup},
	}
}

// newSetup is where a set-up that there is not yet is made; no set-up has this id.
const newSetup = "ny"

// setupData is the page of one set-up.
type setupData struct {
	meetingv1.Setup
	New      bool
	Problem  string
	Conflict bool // somebody else has changed it meanwhile
	Areas    []consentv1.Area
	Letters  []meetingv1.Preview // of what stands in the form
	Kept     string              // days to keep, as written
}

// Roles, Levels and Templates are what can be chosen.
func (setupData) Roles() []string {
	return []string{
		meetingv1.RoleCitizen, meetingv1.RoleCompanion, meetingv1.RoleInterpreter, meetingv1.RoleColleague, meetingv1.RoleExpert,
	}
}

// Levels are those that can be asked for; none is the first.
func (setupData) Levels() []string {
	return []string{meetingv1.LevelLow, meetingv1.LevelSubstantial, meetingv1.LevelHigh}
}

// Templates are the note's. Their number is left out of the name that is shown.
func (setupData) Templates() []string { return notes.Names() }

// Short is a template's name without its number.
func (setupData) Short(template string) string {
	name, _, _ := strings.Cut(template, "/")
	return name
}

// Seats are the participants and room for three more.
func (d setupData) Seats() []meetingv1.Seat {
	return append(slices.Clone(d.Participants), make([]meetingv1.Seat, 3)...)
}

const dayLong = 24 * time.Hour

func (a *App) allSetups(r *http.Request) ([]meetingv1.Setup, error) {
	rep, err := askBooking[meetingv1.SetupsReply](r.Context(), a, meetingv1.SetupsSubject, meetingv1.SetupsRequest{})
	return rep.Setups, err
}

func (a *App) editorSetups(w http.ResponseWriter, r *http.Request, p who.Person) error {
	all, err := a.allSetups(r)
	if err != nil {
		return err
	}
	d := struct {
		Setups []meetingv1.Setup
		Done   string
	}{Setups: all}
	if q := r.URL.Query().Get("udfoert"); q == "saved" || q == "reset" {
		d.Done = q
	}
	return a.page(w, r, p, http.StatusOK, "editor_setups", "editor.setups", d)
}

// setup finds the one that a path names; for a new one it is empty.
func (a *App) setup(r *http.Request) (setupData, error) {
	id, err := pathID(r)
	if err != nil {
		return setupData{}, err
	}
	areas, err := a.areas(r.Context())
	if err != nil {
		return setupData{}, err
	}
	if id == newSetup {
		return setupData{New: true, Areas: areas, Setup: meetingv1.Setup{
			Minutes: 30, Participants: []meetingv1.Seat{{Role: meetingv1.RoleCitizen, Required: true}},
		}}, nil
	}
	all, err := a.allSetups(r)
	if err != nil {
		return setupData{}, err
	}
	i := slices.IndexFunc(all, func(s meetingv1.Setup) bool { return s.ID == id })
	if i < 0 {
		return setupData{}, errs.E(errs.NotFound, "Opsætningen findes ikke. Den er måske slettet.", nil)
	}
	return setupData{Setup: all[i], Areas: areas, Kept: strconv.Itoa(int(all[i].KeepAfter / dayLong))}, nil
}

func (a *App) editorSetup(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d, err := a.setup(r)
	if err != nil {
		return err
	}
	return a.setupPage(w, r, p, http.StatusOK, d)
}

// setupPage shows a set-up with the letters that it makes.
func (a *App) setupPage(w http.ResponseWriter, r *http.Request, p who.Person, status int, d setupData) error {
	if !d.New || d.Invitation != "" {
		rep, err := askBooking[meetingv1.PreviewReply](r.Context(), a, meetingv1.PreviewSubject, d.Setup)
		if err != nil {
			return err
		}
		d.Letters = rep.Letters
	}
	title := d.Name
	if d.New || title == "" {
		title = "editor.setup.new"
	}
	return a.page(w, r, p, status, "editor_setup", title, d)
}

// writtenSetup is a set-up as a form tells it.
func writtenSetup(r *http.Request, s meetingv1.Setup) (meetingv1.Setup, error) {
	v := func(name string) string {
		return strings.TrimSpace(strings.ReplaceAll(r.PostFormValue(name), "\r\n", "\n"))
	}
	on := func(name string) bool { return r.PostFormValue(name) != "" }
	s.Name, s.NameEN, s.About, s.ServiceArea = v("name"), v("name_en"), v("about"), v("area")
	s.Identity, s.Template = v("identity"), v("template")
	s.Invitation, s.InvitationEN, s.Info, s.InfoEN = v("invitation"), v("invitation_en"), v("info"), v("info_en")
	s.Choices = meetingv1.Choices{Transcript: on("transcript"), AINote: on("note"), Recording: on("recording"), DialIn: on("dialin")}
	if s.Choices.Recording {
		s.Choices.Basis = v("basis")
	}
	s.Participants = nil
	for i, role := range r.PostForm["role"] {
		if role != "" {
			n := strconv.Itoa(i)
			s.Participants = append(s.Participants, meetingv1.Seat{Role: role, Label: v("label-" + n), Required: on("required-" + n)})
		}
	}
	s.Version, _ = strconv.ParseInt(v("version"), 10, 64) // what is no number was not read here
	var err error
	if s.Minutes, err = strconv.Atoi(v("minutes")); err != nil {
		return s, errs.E(errs.Invalid, "Skriv mødets længde i minutter, fx 30.", err)
	}
	days, err := strconv.Atoi(v("keep"))
	if v("keep") != "" && (err != nil || days < 0 || days > 3650) {
		return s, errs.E(errs.Invalid, "Skriv tiden til sletning i dage, mellem 0 og 3650. 0 betyder: som fagområdet har bestemt.", err)
	}
	s.KeepAfter = time.Duration(days) * dayLong
	return s, nil
}

func (a *App) editorSetupSaved(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d, err := a.setup(r)
	if err != nil {
		return err
	}
	if d.New {
		d.ID = strings.TrimSpace(r.PostFormValue("id"))
	}
	d.Setup, err = writtenSetup(r, d.Setup)
	d.Kept = r.PostFormValue("keep")
	if err == nil && d.New && (event.CheckToken(d.ID) != nil || d.ID == newSetup) {
		err = errs.E(errs.Invalid, "Skriv et kort navn med bogstaverne a-z, tal og bindestreg.", nil)
	}
	if r.PostFormValue("do") == "preview" && err == nil {
		return a.setupPage(w, r, p, http.StatusOK, d)
	}
	if err == nil {
		s := d.Setup
		s.Actor = p.ID
		_, err = askBooking[meetingv1.Setup](r.Context(), a, meetingv1.SaveSetupSubject, s)
	}
	if errors.Is(err, errs.Invalid) || errors.Is(err, errs.Conflict) {
		d.Problem, d.Conflict = problem(err, lang(r)).Detail, errors.Is(err, errs.Conflict) && !d.New
		if errors.Is(err, errs.Conflict) && d.New {
			d.Problem = texts.For(lang(r)).T("editor.setup.taken")
		}
		return a.setupPage(w, r, p, http.StatusBadRequest, d)
	}
	return seeSetups(w, r, err, "saved")
}

func seeSetups(w http.ResponseWriter, r *http.Request, err error, what string) error {
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/redaktion/moeder?"+url.Values{"udfoert": {what}}.Encode(), http.StatusSeeOther)
	return nil
}

func (a *App) editorSetupReset(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d, err := a.setup(r)
	if err != nil {
		return err
	}
	ref := meetingv1.SetupRef{ID: d.ID, Actor: p.ID}
	ref.Version, _ = strconv.ParseInt(r.PostFormValue("version"), 10, 64)
	if r.PostFormValue("sure") == "" {
		err = errs.E(errs.Invalid, texts.For(lang(r)).T("editor.setup.unsure"), nil)
	} else {
		_, err = askBooking[meetingv1.SetupsReply](r.Context(), a, meetingv1.ResetSetupSubject, ref)
	}
	if errors.Is(err, errs.Invalid) || errors.Is(err, errs.Conflict) {
		d.Problem, d.Conflict = problem(err, lang(r)).Detail, errors.Is(err, errs.Conflict)
		return a.setupPage(w, r, p, http.StatusBadRequest, d)
	}
	return seeSetups(w, r, err, "reset")
}

// The API.

func (a *App) listSetups(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	all, err := a.allSetups(r)
	if err != nil {
		return err
	}
	return reply(w, meetingv1.SetupsReply{Setups: all})
}

func (a *App) saveSetup(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var s meetingv1.Setup
	if err := decode(r, &s); err != nil {
		return err
	}
	return forward[meetingv1.Setup](a, w, r, meetingv1.SaveSetupSubject, func(id string) meetingv1.Setup {
		s.ID, s.Actor = id, p.ID
		return s
	})
}

func (a *App) resetSetup(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var ref meetingv1.SetupRef
	if err := decode(r, &ref); err != nil {
		return err
	}
	return forward[meetingv1.SetupsReply](a, w, r, meetingv1.ResetSetupSubject, func(id string) meetingv1.SetupRef {
		ref.ID, ref.Actor = id, p.ID
		return ref
	})
}

func (a *App) previewSetup(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	var s meetingv1.Setup
	if err := decode(r, &s); err != nil {
		return err
	}
	return forward[meetingv1.PreviewReply](a, w, r, meetingv1.PreviewSubject, func(id string) meetingv1.Setup {
		s.ID = id
		return s
	})
}
