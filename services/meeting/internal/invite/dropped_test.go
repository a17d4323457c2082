package invite

import (
	"strings"
	"testing"
)

// Who is not to come any more is told so, and that the meeting is held: their calendar drops it, the others' does not.
func TestDropped(t *testing.T) {
	for language, want := range map[string][3]string{
		"":   {"Du skal ikke med mere: Opfølgning", "Mødet bliver holdt uden dig, og dit link virker ikke mere.", "Mødet bliver holdt uden dig."},
		"en": {"You no longer take part: Opfølgning", "The meeting goes on without you, and your link no longer works.", "The meeting goes on without you."},
	} {
		l := letter(Dropped)
		l.Link, l.To.Language = "", language
		m, err := Write(l)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(m.Subject, want[0]) || !strings.Contains(m.Body, want[1]) || !strings.Contains(m.SMS, want[2]) {
			t.Errorf("%q: %s\n%s\n%s", language, m.Subject, m.Body, m.SMS)
		}
		for _, text := range []string{m.Subject, m.Body, m.SMS} {
			if strings.Contains(text, "aflyst") || strings.Contains(text, "ancelled") {
				t.Errorf("the meeting is called off: %s", text)
			}
		}
		// RFC 5546, 3.2.5: with a status the whole meeting would be cancelled.
		if !strings.Contains(m.ICS, "METHOD:CANCEL\r\n") || strings.Contains(m.ICS, "STATUS:") || !strings.Contains(m.ICS, "ATTENDEE") || strings.Contains(m.MeMo, "AFTALE") {
			t.Errorf("calendar entry:\n%s", m.ICS)
		}
	}
}
