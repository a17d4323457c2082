package app

import (
	"net/http"
	"slices"
	"strconv"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

// What editors have done with a set-up, newest first.

// setupChangesData is the page of a set-up's changes.
type setupChangesData struct {
	ID, Name string
	Gone     bool // deleted: it has no page
	Changes  []setupChange
	Older    int64 // where older ones go on; 0: there are none
	Below    int64 // where these begin; 0: at the newest
}

// setupChange is one of them with the fields that it changed.
type setupChange struct {
	meetingv1.SetupChange
	What   string // end of a key of texts
	Fields []setupField
}

// setupField is what a field said before and after.
type setupField struct {
	Key           string // of its name
	Before, After []setupLine
}

// setupLine is a line of a field: words in a language of their own, and ours.
type setupLine struct{ Text, Lang, Ours string }

func (a *App) editorSetupChanges(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	below, _ := strconv.ParseInt(r.URL.Query().Get("foer"), 10, 64) // what is no number is the newest
	rep, err := askBooking[meetingv1.SetupChangesReply](r.Context(), a, meetingv1.SetupChangesSubject, meetingv1.SetupChangesRequest{ID: id, Below: below})
	if err != nil {
		return err
	}
	areas, err := a.areas(r.Context())
	if err != nil {
		return err
	}
	all, err := a.allSetups(r)
	if err != nil {
		return err
	}
	d := setupChangesData{ID: id, Below: below}
	in := setupWords{lang: lang(r), texts: texts.For(lang(r)), areas: areas}
	for _, c := range rep.Changes {
		d.Changes = append(d.Changes, in.change(c))
	}
	if rep.More {
		d.Older = rep.Changes[len(rep.Changes)-1].Version
	}
	i := slices.IndexFunc(all, func(s meetingv1.Setup) bool { return s.ID == id })
	switch {
	case i >= 0:
		d.Name = all[i].Name
	case len(rep.Changes) > 0:
		d.Name, d.Gone = lastName(rep.Changes[0]), true
	default:
		return errs.E(errs.NotFound, "Opsætningen findes ikke. Den er måske slettet.", nil)
	}
	return a.page(w, r, p, http.StatusOK, "editor_setup_changes", "editor.setup.history", d)
}

func lastName(c meetingv1.SetupChange) string {
	if c.After != nil {
		return c.After.Name
	}
	if c.Before != nil {
		return c.Before.Name
	}
	return ""
}

// setupWords writes set-ups for people.
type setupWords struct {
	lang  texts.Lang
	texts texts.Catalogue
	areas []consentv1.Area
}

func (in setupWords) change(c meetingv1.SetupChange) setupChange {
	out := setupChange{SetupChange: c, What: "changed"}
	switch {
	case c.After == nil:
		out.What = "deleted"
	case c.Reset:
		out.What = "reset"
	case c.Before == nil:
		out.What = "added"
	}
	before, after := in.fields(c.Before), in.fields(c.After)
	for i := range before {
		if f := (setupField{Key: before[i].Key, Before: before[i].After, After: after[i].After}); !slices.Equal(f.Before, f.After) {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

// fields are all of a set-up's, in the order of its form, as After; of none they are empty.
func (in setupWords) fields(s *meetingv1.Setup) []setupField {
	there := s != nil
	if !there {
		s = &meetingv1.Setup{}
	}
	var out []setupField
	add := func(key string, lines ...setupLine) {
		if !there {
			lines = nil
		}
		out = append(out, setupField{Key: key, After: slices.DeleteFunc(lines, func(l setupLine) bool { return l == setupLine{} })})
	}
	words := func(key, language, text string) {
		if text == "" {
			add(key)
			return
		}
		add(key, setupLine{Text: text, Lang: language})
	}
	ours := func(key, text string) { add(key, setupLine{Ours: text}) }
	yes := func(key string, on bool) {
		if on {
			ours(key, in.texts.T("yes"))
			return
		}
		ours(key, in.texts.T("no"))
	}
	words("editor.setup.name", "da", s.Name)
	words("editor.setup.name.en", "en", s.NameEN)
	words("editor.setup.about", "da", s.About)
	ours("col.area", nameOf(areaOf(in.areas, s.ServiceArea), in.lang))
	ours("meetings.minutes", strconv.Itoa(s.Minutes))
	add("m.people", in.seats(s.Participants)...)
	yes("meetings.transcript", s.Choices.Transcript)
	yes("meetings.note", s.Choices.AINote)
	yes("meetings.dialin", s.Choices.DialIn)
	yes("meetings.record", s.Choices.Recording)
	words("meetings.basis", "da", s.Choices.Basis)
	ours("meetings.identity", in.identity(s.Identity))
	ours("editor.setup.template", in.template(s.Template))
	ours("editor.setup.keep", in.keep(s))
	words("editor.setup.invitation", "da", s.Invitation)
	words("editor.setup.info", "da", s.Info)
	words("editor.setup.invitation.en", "en", s.InvitationEN)
	words("editor.setup.info.en", "en", s.InfoEN)
	return out
}

func (in setupWords) seats(seats []meetingv1.Seat) []setupLine {
	var out []setupLine
	for _, s := range seats {
		l := setupLine{Ours: in.texts.T("m.role." + s.Role)}
		if s.Label != "" {
			l.Text, l.Lang, l.Ours = s.Label, "da", " · "+l.Ours
		}
		if s.Required {
			l.Ours += " · " + in.texts.T("editor.setup.required")
		}
		out = append(out, l)
	}
	return out
}

func (in setupWords) identity(level string) string {
	if level == meetingv1.LevelNone {
		return in.texts.T("meetings.identity.none")
	}
	return in.texts.T("meetings.identity." + level)
}

// template is its name in words; one that this release does not know stands as it is.
func (in setupWords) template(name string) string {
	if name == "" {
		return in.texts.T("editor.setup.template.area")
	}
	short := setupData{}.Short(name)
	if text, ok := in.texts["editor.setup.template."+short]; ok {
		return text
	}
	return short
}

func (in setupWords) keep(s *meetingv1.Setup) string {
	if s.KeepAfter == 0 {
		return in.texts.T("editor.setup.template.area")
	}
	return strconv.Itoa(int(s.KeepAfter / dayLong))
}

func (a *App) listSetupChanges(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	below, _ := strconv.ParseInt(r.URL.Query().Get("below"), 10, 64) // what is no number is the newest
	return forward[meetingv1.SetupChangesReply](a, w, r, meetingv1.SetupChangesSubject, func(id string) meetingv1.SetupChangesRequest {
		return meetingv1.SetupChangesRequest{ID: id, Below: below}
	})
}
