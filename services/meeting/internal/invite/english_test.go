package invite

import (
	"encoding/base64"
	"encoding/xml"
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// Whoever is booked with English gets every kind of letter in English, and nothing of it in Danish; the others' stay Danish.
func TestLettersInEnglish(t *testing.T) {
	dansk := []string{"Kære", "hilsen", "møde", "Tid:", "kl.", "aflyst", "Dit link", "ring til", "Husk", "siger", "optaget"}
	for kind, want := range map[string]struct{ subject, body, sms string }{
		Invitation:   {"Invitation: Talk, Friday 4 December 2026 at 14:30", "You are invited to a video meeting: Talk.", "Video meeting Friday 4 December"},
		Change:       {"Changed: Talk", "has been moved or changed. Your link is the same", "has been moved or changed"},
		Reminder:     {"Reminder: Talk", "This is a reminder", "Remember the video meeting"},
		Cancellation: {"Cancelled: Talk", "is cancelled.", "is cancelled."},
		NoShow:       {"We did not meet: Talk", "You did not come.", "We did not meet"},
	} {
		t.Run(kind, func(t *testing.T) {
			l := letter(kind)
			l.To.Language, l.To.Name, l.Text, l.Info, l.Meeting.Title, l.From.Name = "en", "Bente Holm", "", "", "Talk", "City"
			l.Meeting.Choices = meetingv1.Choices{Transcript: true, AINote: true, Recording: true, Basis: "Art. 6"}
			l.Meeting.Identity = meetingv1.LevelSubstantial
			if kind != Cancellation && kind != NoShow {
				l.Meeting.DialNumber, l.Code = "+45 70 00 00 00", "123456789"
			}
			m, err := Write(l)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(m.Subject, want.subject) || !strings.Contains(m.Body, want.body) || !strings.Contains(m.SMS, want.sms) {
				t.Errorf("subject %q, SMS %q, body:\n%s", m.Subject, m.SMS, m.Body)
			}
			if l.Code != "" {
				for _, s := range []string{"call +45 70 00 00 00 and key in the code 123 456 789", "log in with MitID", "An AI system writes down", "You can say no to what you say being written down, and to being recorded."} {
					if !strings.Contains(m.Body, s) {
						t.Errorf("body lacks %q:\n%s", s, m.Body)
					}
				}
			}
			texts := map[string]string{"subject": m.Subject, "body": m.Body, "SMS": m.SMS, "calendar": strings.ReplaceAll(m.ICS, "\r\n ", "")}
			if kind != NoShow {
				var post memoMessage
				if err := xml.Unmarshal([]byte(m.MeMo), &post); err != nil {
					t.Fatal(err)
				}
				digital, err := base64.StdEncoding.DecodeString(post.Body.Main.File.Content)
				if err != nil || post.Body.Main.File.Language != "en" || string(digital) != m.Body {
					t.Errorf("Digital Post in %q: %v", post.Body.Main.File.Language, err)
				}
				for _, a := range post.Body.Main.Actions {
					texts["action "+a.Code] = a.Label
				}
			}
			for where, text := range texts {
				for _, word := range dansk {
					// The link itself has a Danish path.
					if strings.Contains(strings.ReplaceAll(text, "/moede/", ""), word) {
						t.Errorf("%s holds %q:\n%s", where, word, text)
					}
				}
			}
			if len([]rune(m.SMS)) > 300 {
				t.Errorf("text message of %d characters", len([]rune(m.SMS)))
			}
		})
	}
}

// A set-up without an invitation in English has one that fits; what is to be known beforehand is better in Danish than not told.
func TestSampleOfASetup(t *testing.T) {
	s := meetingv1.Setup{
		Name: "Samtale med hospitalet", NameEN: "Hospital consultation", Minutes: 20, Identity: meetingv1.LevelSubstantial,
		Invitation: "Kom til {title} {time}: {link}", Info: "Tag din medicinliste med.",
		Participants: []meetingv1.Seat{{Role: meetingv1.RoleCitizen, Label: "Patient"}},
	}
	from := Sender{Name: "Region", Phone: "12 00 00 10"}
	for language, want := range map[string][]string{
		"da": {"Kære Patient", "Kom til Samtale med hospitalet søndag den 29. november 2026 kl. 10.00: https://x.dk/moede/", "Tag din medicinliste med.", "Region"},
		"en": {"Dear Patient", "You are invited to a video meeting: Hospital consultation.", "Sunday 29 November 2026 at 10:00", "log in with MitID", "Tag din medicinliste med."},
	} {
		p, err := Sample(s, language, from, "https://x.dk", letter(Invitation).Now)
		if err != nil || p.Language != language {
			t.Fatalf("%s: %+v, %v", language, p, err)
		}
		for _, w := range want {
			if !strings.Contains(p.Body, w) {
				t.Errorf("%s lacks %q:\n%s", language, w, p.Body)
			}
		}
	}
	s.InvitationEN, s.InfoEN = "Come to {title} {time}: {link}", "Bring your list of medicines."
	p, err := Sample(s, "en", from, "https://x.dk", letter(Invitation).Now)
	if err != nil || !strings.Contains(p.Body, "Come to Hospital consultation Sunday") || !strings.Contains(p.Body, "Bring your list") || strings.Contains(p.Body, "medicinliste") {
		t.Errorf("%v\n%s", err, p.Body)
	}
}
