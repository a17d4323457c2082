package setups

import (
	"errors"
	"testing"

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
	all, err := All(map[string]string{"hospital": `{"minutes": 40}`, "zoo": `{"id": "zoo", "name": "Ny"}`})
	if err != nil {
		t.Fatal(err)
	}
	if all[0].ID != "hospital" || all[0].Minutes != 40 || all[0].Name == "" || all[5].ID != "zoo" {
		t.Errorf("got %+v", all)
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
