package inquiry

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/inquiryv1"
)

func TestWrite(t *testing.T) {
	for name, tt := range map[string]struct {
		before, text, want string
		clear              []string
	}{
		"plain":                 {"", "Hej,  jeg har et spørgsmål.\r\n\r\nDet er om   pas.", "Hej, jeg har et spørgsmål.\n\nDet er om pas.", nil},
		"numbers":               {"", "Mit cpr er 010190-1234, ring 22 33 44 55!", "Mit cpr er ••••••-••••, ring •• •• •• ••!", []string{"010190-1234", "22 33 44 55"}},
		"hidden characters":     {"", "Sk\u200bjult\u202e tekst\u0007", "Skjult tekst", nil},
		"over two lines":        {"", "Cpr 010190\n1234", "Cpr ••••••-••••\n••••••-••••", []string{"010190", "010190-1234"}},
		"over two messages":     {"Mit cpr-nummer er 010190", "1234.", "••••••-••••.", []string{"010190-1234"}},
		"a year, then a sum":    {"Jeg flyttede i 2024", "1500 kr. om måneden", "1500 kr. om måneden", nil},
		"the message before it": {"Mit cpr-nummer er 010190-1234", "Tak for det", "Tak for det", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := write(tt.before, tt.text)
			var clear []string
			for _, w := range got.Words {
				if w.Clear != "" {
					clear = append(clear, w.Clear)
				}
			}
			if got.Text != tt.want {
				t.Errorf("got %q, want %q", got.Text, tt.want)
			}
			if diff := cmp.Diff(tt.clear, clear); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A number that is sent in two messages is never in clear as a whole, whoever writes in between.
func TestNumberInTwoMessages(t *testing.T) {
	w := newWorld(t)
	i := w.claimed(inquiryv1.Chat)
	w.says(i, karin, "Hvad er dit cpr-nummer?")
	w.citizenSays(i, "Det er 010190")
	w.says(i, karin, "Ja?")
	if m := w.citizenSays(i, "1234"); strings.Contains(m.Text, "1234") {
		t.Errorf("got %q", m.Text)
	}
}
