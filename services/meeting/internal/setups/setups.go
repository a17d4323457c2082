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

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

//go:embed setups.json
var builtIn []byte

// All gives the built-in set-ups in their order with changed ones in their places; added ones come last, by id.
func All(changed map[string]string) ([]meetingv1.Setup, error) {
	dec := json.NewDecoder(bytes.NewReader(builtIn))
	dec.DisallowUnknownFields()
	var out []meetingv1.Setup
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("set-ups: %w", err)
	}
	changed = maps.Clone(changed)
	for i := range out {
		if body, ok := changed[out[i].ID]; ok {
			if err := json.Unmarshal([]byte(body), &out[i]); err != nil {
				return nil, fmt.Errorf("set-up %s: %w", out[i].ID, err)
			}
			delete(changed, out[i].ID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		var s meetingv1.Setup
		if err := json.Unmarshal([]byte(changed[id]), &s); err != nil {
			return nil, fmt.Errorf("set-up %s: %w", id, err)
		}
		out = append(out, s)
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

// Check says what is wrong with a set-up, for the person who edits it.
func Check(s meetingv1.Setup) error {
	invalid := func(text string) error { return errs.E(errs.Invalid, text, nil) }
	switch {
	case event.CheckToken(s.ID) != nil:
		return invalid("Opsætningens id må kun have bogstaver, tal og bindestreg.")
	case strings.TrimSpace(s.Name) == "":
		return invalid("Skriv et navn til opsætningen.")
	case s.Minutes < 5 || s.Minutes > 8*60:
		return invalid("Et møde varer mellem 5 minutter og 8 timer.")
	case !strings.Contains(s.Invitation, "{link}") || !strings.Contains(s.Invitation, "{time}"):
		return invalid("Invitationen skal have {time} og {link} med.")
	case s.Choices.AINote && !s.Choices.Transcript:
		return invalid("Et notat fra AI kræver, at mødet skrives ned.")
	case s.Choices.Recording && strings.TrimSpace(s.Choices.Basis) == "":
		return invalid("Skriv det lovgrundlag, som møderne optages på, eller slå optagelse fra.")
	}
	citizens := 0
	for _, p := range s.Participants {
		if !KnownRole(p.Role) {
			return invalid("Deltageren " + p.Label + " har en rolle, der ikke findes.")
		}
		if p.Role == meetingv1.RoleCitizen {
			citizens++
		}
	}
	if citizens == 0 {
		return invalid("Der skal være mindst én borger med.")
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
	body, err := json.Marshal(s)
	return string(body), err
}
