package setups

import (
	"errors"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

func TestBuiltInSetupsAreValid(t *testing.T) {
	all, err := All(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 5 {
		t.Errorf("%d set-ups", len(all))
	}
	for _, s := range all {
		if err := Check(s); err != nil {
			t.Errorf("%s: %v", s.ID, err)
		}
	}
}

func TestChangedSetupTakesItsPlace(t *testing.T) {
	all, err := All(map[string]string{
		"hospital": `{"id": "hospital", "name": "Nyt", "minutes": 40, "version": 3}`, "zoo": `{"id": "zoo", "name": "Ny", "version": 1}`,
		"psykiatri": Reset(4), "gone": Reset(2),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 6 || all[0].ID != "hospital" || all[5].ID != "zoo" || all[4].ID != "psykiatri" {
		t.Fatalf("got %+v", all)
	}
	// What an editor took out is out: the level of identity and the texts in English.
	if s := all[0]; s.Minutes != 40 || s.Identity != "" || s.InvitationEN != "" || len(s.Participants) != 0 || !s.Changed || !s.Delivered || s.Version != 3 {
		t.Errorf("changed: %+v", s)
	}
	if s := all[5]; !s.Changed || s.Delivered {
		t.Errorf("added: %+v", s)
	}
	if s := all[4]; s.Changed || !s.Delivered || s.Version != 4 || s.Invitation == "" {
		t.Errorf("reset: %+v", s)
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	all, err := All(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*meetingv1.Setup){
		"id":          func(s *meetingv1.Setup) { s.ID = "a b" },
		"name":        func(s *meetingv1.Setup) { s.Name = " " },
		"minutes":     func(s *meetingv1.Setup) { s.Minutes = 0 },
		"link":        func(s *meetingv1.Setup) { s.Invitation = "Kom {time}" },
		"note":        func(s *meetingv1.Setup) { s.Choices = meetingv1.Choices{AINote: true} },
		"english":     func(s *meetingv1.Setup) { s.InvitationEN = "Come {time}" },
		"identity":    func(s *meetingv1.Setup) { s.Identity = "mitid" },
		"dial in":     func(s *meetingv1.Setup) { s.Choices.DialIn = true },
		"template":    func(s *meetingv1.Setup) { s.Template = "digt/1" },
		"keep":        func(s *meetingv1.Setup) { s.KeepAfter = -time.Hour },
		"text":        func(s *meetingv1.Setup) { s.Info = strings.Repeat("æ", 4001) },
		"label":       func(s *meetingv1.Setup) { s.Participants[0].Label = strings.Repeat("æ", 121) },
		"too many":    func(s *meetingv1.Setup) { s.Participants = make([]meetingv1.Seat, 26) },
		"recording":   func(s *meetingv1.Setup) { s.Choices.Recording = true },
		"role":        func(s *meetingv1.Setup) { s.Participants[1].Role = "king" },
		"no citizens": func(s *meetingv1.Setup) { s.Participants = s.Participants[1:] },
	} {
		s := all[0]
		s.Participants = append([]meetingv1.Seat{}, s.Participants...)
		change(&s)
		if err := Check(s); !errors.Is(err, errs.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
