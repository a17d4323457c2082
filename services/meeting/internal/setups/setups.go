// Package setups holds the ready set-ups for kinds of meetings as data. Those that people have changed in the database take the
// place of the built-in ones.
package setups

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/models/notes"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

//go:embed setups.json
var builtIn []byte

// All gives the built-in set-ups in their order with changed ones in their places; added ones come last, by id. What is kept of a
// set-up that was reset has a version and no id.
func All(changed map[string]string) ([]meetingv1.Setup, error) {
	dec := json.NewDecoder(bytes.NewReader(builtIn))
	dec.DisallowUnknownFields()
	var out []meetingv1.Setup
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("set-ups: %w", err)
	}
	for i := range out {
		out[i].Delivered = true
	}
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		var s meetingv1.Setup
		if err := json.Unmarshal([]byte(changed[id]), &s); err != nil {
			return nil, fmt.Errorf("set-up %s: %w", id, err)
		}
		s.Changed = s.ID != ""
		switch i := slices.IndexFunc(out, func(o meetingv1.Setup) bool { return o.ID == id }); {
		case i >= 0 && s.Changed:
			s.Delivered = true
			out[i] = s
		case i >= 0:
			out[i].Version = s.Version
		case s.Changed:
			out = append(out, s)
		}
	}
	return out, nil
}

// Find gives one of them by id; ok is false when there is none.
func Find(changed map[string]string, id string) (s meetingv1.Setup, ok bool, err error) {
	all, err := All(changed)
	if i := slices.IndexFunc(all, func(s meetingv1.Setup) bool { return s.ID == id }); i >= 0 {
		return all[i], true, err
	}
	return s, false, err
}

// Limits of what a set-up holds; of texts in characters.
const (
	maxSeats   = 25
	maxName    = 120
	maxAbout   = 500
	maxText    = 4000
	maxBasis   = 300
	longestFor = 10 * 365 * 24 * time.Hour
)

// Check says what is wrong with a set-up, for the person who edits it.
func Check(s meetingv1.Setup) error {
	invalid := func(text string) error { return errs.E(errs.Invalid, text, nil) }
	long := func(text string, most int) bool { return utf8.RuneCountInString(text) > most }
	tells := func(text string) bool { return strings.Contains(text, "{link}") && strings.Contains(text, "{time}") }
	switch {
	case event.CheckToken(s.ID) != nil:
		return invalid("Opsætningens id må kun have bogstaver, tal og bindestreg.")
	case strings.TrimSpace(s.Name) == "" || long(s.Name, maxName) || long(s.NameEN, maxName):
		return invalid("Skriv et navn til opsætningen (højst 120 tegn).")
	case long(s.About, maxAbout):
		return invalid("Beskrivelsen er for lang (højst 500 tegn).")
	case s.Minutes < 5 || s.Minutes > 8*60:
		return invalid("Et møde varer mellem 5 minutter og 8 timer.")
	case !tells(s.Invitation):
		return invalid("Invitationen skal have {time} og {link} med.")
	case s.InvitationEN != "" && !tells(s.InvitationEN):
		return invalid("Den engelske invitation skal have {time} og {link} med.")
	case long(s.Invitation, maxText) || long(s.InvitationEN, maxText) || long(s.Info, maxText) || long(s.InfoEN, maxText):
		return invalid("En af teksterne er for lang (højst 4.000 tegn).")
	case s.Choices.AINote && !s.Choices.Transcript:
		return invalid("Et notat fra AI kræver, at mødet skrives ned.")
	case s.Choices.Recording && strings.TrimSpace(s.Choices.Basis) == "":
		return invalid("Skriv det lovgrundlag, som møderne optages på, eller slå optagelse fra.")
	case long(s.Choices.Basis, maxBasis):
		return invalid("Lovgrundlaget er for langt (højst 300 tegn).")
	case !slices.Contains([]string{meetingv1.LevelNone, meetingv1.LevelLow, meetingv1.LevelSubstantial, meetingv1.LevelHigh}, s.Identity):
		return invalid("Kravet til identitet skal være low, substantial eller high, eller intet.")
	case s.Identity != "" && s.Choices.DialIn: // no such meeting can be booked
		return invalid("Et møde, der kræver login, kan man ikke ringe ind til. Slå det ene fra.")
	case s.Template != "" && !slices.Contains(notes.Names(), s.Template):
		return invalid("Skabelonen til notatet findes ikke.")
	case s.KeepAfter < 0 || s.KeepAfter > longestFor:
		return invalid("Tiden til sletning skal være mellem 0 dage og 10 år. 0 betyder: som fagområdet har bestemt.")
	case len(s.Participants) > maxSeats:
		return invalid("Der er for mange deltagere (højst 25).")
	}
	return checkSeats(s.Participants)
}

func checkSeats(seats []meetingv1.Seat) error {
	citizens := 0
	for _, p := range seats {
		if !KnownRole(p.Role) {
			return errs.E(errs.Invalid, "Deltageren "+p.Label+" har en rolle, der ikke findes.", nil)
		}
		if utf8.RuneCountInString(p.Label) > maxName {
			return errs.E(errs.Invalid, "En deltagers navn er for langt (højst 120 tegn).", nil)
		}
		if p.Role == meetingv1.RoleCitizen {
			citizens++
		}
	}
	if citizens == 0 {
		return errs.E(errs.Invalid, "Der skal være mindst én borger med.", nil)
	}
	return nil
}

// KnownRole tells whether it is one of a participant's roles.
func KnownRole(role string) bool {
	return slices.Contains([]string{
		meetingv1.RoleCaseworker, meetingv1.RoleCitizen, meetingv1.RoleCompanion, meetingv1.RoleInterpreter,
		meetingv1.RoleColleague, meetingv1.RoleExpert,
	}, role)
}

// Encode writes a set-up as it is kept.
func Encode(s meetingv1.Setup) (string, error) {
	s.Actor, s.Delivered, s.Changed = "", false, false
	body, err := json.Marshal(s)
	return string(body), err
}

// Decode reads what Encode has written; nil of what is empty.
func Decode(body string) (*meetingv1.Setup, error) {
	if body == "" {
		return nil, nil
	}
	var s meetingv1.Setup
	err := json.Unmarshal([]byte(body), &s)
	return &s, err
}

// Reset is what is kept of a set-up that was reset, so that its versions go on.
func Reset(version int64) string { return fmt.Sprintf(`{"version":%d}`, version) }
