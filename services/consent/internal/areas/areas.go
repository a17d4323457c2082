// Package areas holds the authority's service areas (fagområder): who is called, on
// what legal basis, and how long what is kept. They are settings: a JSON file, or the
// built-in demo areas. Read once at start; immutable afterwards.
package areas

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
)

//go:embed areas.json
var builtIn []byte

// Load reads the areas from a JSON file; an empty path gives the demo areas.
func Load(path string) ([]consentv1.Area, error) {
	data := builtIn
	if path != "" {
		var err error
		data, err = os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("service areas (SAMTALE_AREAS): %w", err)
		}
	}
	list, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("service areas (SAMTALE_AREAS): %w", err)
	}
	return list, nil
}

// file is the form that people write: durations as "48h".
type file struct {
	consentv1.Area
	ApproveWithin duration `json:"approve_within"`
	RemindAfter   duration `json:"remind_after"`
	KeepAfter     duration `json:"keep_after"`
	ClaimWithin   duration `json:"claim_within"`
}

type duration time.Duration

func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = duration(v)
	return err
}

func parse(data []byte) ([]consentv1.Area, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields() // a misspelt retention rule must not be ignored
	var in []file
	if err := dec.Decode(&in); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands after the list")
	}
	var out []consentv1.Area
	for _, f := range in {
		a := f.Area
		a.ApproveWithin = time.Duration(f.ApproveWithin)
		a.RemindAfter = time.Duration(f.RemindAfter)
		a.KeepAfter = time.Duration(f.KeepAfter)
		a.ClaimWithin = time.Duration(f.ClaimWithin)
		out = append(out, a)
	}
	return out, validate(out)
}

var (
	kle   = regexp.MustCompile(`^\d{2}\.\d{2}\.\d{2}$`)
	facet = regexp.MustCompile(`^[A-ZÆØÅ]\d{2}$`)
	clock = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d$|^24:00$`)
)

func validate(list []consentv1.Area) error {
	if len(list) == 0 {
		return errors.New("the list is empty")
	}
	ids, numbers := map[string]bool{}, map[string]string{}
	for _, a := range list {
		if err := check(a); err != nil {
			return fmt.Errorf("area %q: %w", a.ID, err)
		}
		if ids[a.ID] {
			return fmt.Errorf("area %q stands twice", a.ID)
		}
		ids[a.ID] = true
		for _, n := range a.Numbers {
			if other := numbers[n]; other != "" {
				return fmt.Errorf("number %q belongs to both %q and %q", n, other, a.ID)
			}
			numbers[n] = a.ID
		}
	}
	for _, a := range list {
		if a.EscalateTo != "" && !ids[a.EscalateTo] {
			return fmt.Errorf("area %q: escalate_to names %q, which is no area", a.ID, a.EscalateTo)
		}
	}
	return nil
}

func check(a consentv1.Area) error {
	if err := event.CheckToken(a.ID); err != nil {
		return err
	}
	for field, v := range map[string]string{
		"name": a.Name, "basis": a.Basis, "purpose": a.Purpose, "text_version": a.TextVersion, "template": a.Template,
	} {
		if v == "" {
			return fmt.Errorf("%s is missing", field)
		}
	}
	switch {
	case a.ApproveWithin <= 0:
		return errors.New("approve_within must be more than 0")
	case a.RemindAfter <= 0 || a.RemindAfter >= a.ApproveWithin:
		return errors.New("remind_after must lie between 0 and approve_within")
	case a.KeepAfter < 0:
		return errors.New("keep_after cannot be negative")
	case a.AllowAINote && !a.AllowTranscript:
		return errors.New("allow_ai_note needs allow_transcript")
	case a.KLE != "" && !kle.MatchString(a.KLE):
		return errors.New("kle must look like 99.99.99")
	case a.Facet != "" && !facet.MatchString(a.Facet):
		return errors.New("facet must look like G01")
	case a.ClaimWithin < 0:
		return errors.New("claim_within cannot be negative")
	}
	return open(a)
}

// open checks the opening times.
func open(a consentv1.Area) error {
	for _, h := range a.Hours {
		if h.Day < 1 || h.Day > 7 || !clock.MatchString(h.From) || !clock.MatchString(h.To) || h.From >= h.To {
			return fmt.Errorf("hours: want day 1 to 7 and times like 09:00, from before to, not %+v", h)
		}
	}
	for _, c := range a.Closed {
		if _, err := time.Parse(time.DateOnly, c.Date); err != nil || c.Why == "" {
			return fmt.Errorf("closed: want a date like 2026-12-24 and a reason, not %+v", c)
		}
	}
	return nil
}
