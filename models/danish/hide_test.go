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

func TestTyped(t *testing.T) {
	spans := Typed("det er 030303", "4321, tak")
	if len(spans) != 2 || spans[0].Text != "••••••-••••," || spans[0].Kind != KindCPR || spans[0].Clear != "030303-4321" || spans[1].Text != "tak" {
		t.Errorf("the second half of a personal number is %+v", spans)
	}
	if spans := Typed("ring til 77 88", "99 11"); len(spans) != 2 || spans[0].Kind != "" || spans[0].Text != "99" {
		t.Errorf("half a telephone number is %+v", spans)
	}
}
