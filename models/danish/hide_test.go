package danish

import "testing"

func TestHide(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing personal", "Slår  to sager op, se 2026-117.", "Slår to sager op, se 2026-117."},
		{"registration number", "Slår 030303-4321 op.", "Slår ••••••-•••• op."},
		{"telephone number at the end", "Ringede til 77 88 99 11.", "Ringede til •• •• •• ••."},
		{"both", "CPR 030303 4321, tlf. 77889911", "CPR ••••••-••••, tlf. •• •• •• ••"},
		{"address", "Skriv til bente@eksempel.dk!", "Skriv til •••@•••!"},
		{"spoken", "cpr nul tre nul tre nul tre fire tre to en", "cpr ••••••-••••"},
		{"spoken in tens", "mit cpr er nul syv nul syv enogtres toogfyrre femogfirs", "mit cpr er ••••••-••••"},
		{"amounts and years", "Hvad koster et pas til 893 kr. i 2026?", "Hvad koster et pas til 893 kr. i 2026?"},
		{"a company's number", "CVR 12345678 spørger", "CVR 12345678 spørger"},
		{"empty", " ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Hide(tt.in); got != tt.want {
				t.Errorf("Hide(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}
