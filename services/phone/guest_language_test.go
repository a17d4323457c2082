package phone

import (
	"testing"

	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/phone/internal/announce"
)

// Whoever the meeting says is to be spoken to in English is asked in English, and the choice says which wording it answers.
func TestGuestIsAskedInEnglish(t *testing.T) {
	w := start(t)
	d := w.meetingDesk()
	d.language = announce.English
	c, err := w.dialer(dialer.Config{User: "+4511223344"}).Dial(t.Context(), dialer.Options{To: w.uri("moede")})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Press(t.Context(), rightCode); err != nil {
		t.Fatal(err)
	}
	d.pressing(c, "1", "a knock with a yes", func() bool { return len(d.knocks) > 0 })
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := d.knocks[0]; k.Heard != announce.VersionEnglish {
		t.Errorf("knocked: %+v", k)
	}
}
