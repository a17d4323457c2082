package invite

import (
	"encoding/base64"
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// A letter says what is to be kept of the meeting, and to those who are asked that they may say no, in the e-mail and in Digital Post.
func TestLetterTellsWhatIsChosen(t *testing.T) {
	const (
		written  = "Et AI-system skriver ned, hvad der bliver sagt."
		note     = "kladde til et notat"
		recorded = "bliver optaget med lyd og billede, hver person for sig. Grundlag: Samtykke, artikel 6."
		noWords  = "Du kan sige nej til, at det, du siger, bliver skrevet ned."
		noBoth   = "Du kan sige nej til, at det, du siger, bliver skrevet ned, og til, at du bliver optaget."
		noRecord = "Du kan sige nej til, at du bliver optaget."
		same     = "Siger du nej, får du den samme hjælp."
		no       = "sige nej"
	)
	all := []string{written, note, recorded, noWords, noBoth, noRecord, same, no}
	for name, tt := range map[string]struct {
		kind, role string
		choices    meetingv1.Choices
		want       []string
	}{
		"nothing":      {Invitation, meetingv1.RoleCitizen, meetingv1.Choices{}, nil},
		"words":        {Invitation, meetingv1.RoleCitizen, meetingv1.Choices{Transcript: true}, []string{written, noWords, same, no}},
		"words, note":  {Invitation, meetingv1.RoleCitizen, meetingv1.Choices{Transcript: true, AINote: true}, []string{written, note, noWords, same, no}},
		"recording":    {Invitation, meetingv1.RoleCompanion, meetingv1.Choices{Recording: true, Basis: "Samtykke, artikel 6"}, []string{recorded, noRecord, same, no}},
		"all":          {Reminder, meetingv1.RoleCitizen, meetingv1.Choices{Transcript: true, AINote: true, Recording: true, Basis: "Samtykke, artikel 6."}, []string{written, note, recorded, noBoth, same, no}},
		"changed":      {Change, meetingv1.RoleCitizen, meetingv1.Choices{Transcript: true}, []string{written, noWords, same, no}},
		"interpreter":  {Invitation, meetingv1.RoleInterpreter, meetingv1.Choices{Transcript: true}, []string{written, noWords, no}},
		"at work":      {Invitation, meetingv1.RoleColleague, meetingv1.Choices{Transcript: true, Recording: true, Basis: "Samtykke, artikel 6"}, []string{written, recorded}},
		"cancelled":    {Cancellation, meetingv1.RoleCitizen, meetingv1.Choices{Transcript: true}, nil},
		"did not come": {NoShow, meetingv1.RoleCitizen, meetingv1.Choices{Transcript: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := letter(tt.kind)
			l.To.Role, l.Meeting.Choices = tt.role, tt.choices
			m, err := Write(l)
			if err != nil {
				t.Fatal(err)
			}
			texts := map[string]string{"mail": m.Body}
			if tt.kind != NoShow {
				var post memoMessage
				if err := xml.Unmarshal([]byte(m.MeMo), &post); err != nil {
					t.Fatal(err)
				}
				digital, err := base64.StdEncoding.DecodeString(post.Body.Main.File.Content)
				if err != nil {
					t.Fatal(err)
				}
				texts["MeMo"] = string(digital)
			}
			for where, text := range texts {
				for _, s := range all {
					wanted := slices.Contains(tt.want, s)
					if strings.Contains(text, s) != wanted {
						t.Errorf("%s: %q there is %v, want %v:\n%s", where, s, !wanted, wanted, text)
					}
				}
			}
		})
	}
}
