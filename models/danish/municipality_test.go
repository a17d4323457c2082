package danish

import "testing"

func TestMunicipalityIn(t *testing.T) {
	if n := len(Municipalities()); n != 98 {
		t.Errorf("%d municipalities", n)
	}
	for text, want := range map[string]string{
		"Hvilke dage kan man blive viet i Odense?":    "0461",
		"Har Aarhus Kommune åbent på lørdag?":         "0751",
		"hvornår er Københavns Rådhus åbent":          "0101",
		"jeg bor i Århus":                             "0751",
		"Where do I get married in Copenhagen?":       "0101",
		"Kan jeg hedde Greve til efternavn?":          "",
		"Min mand hedder Holbæk og vil skifte navn":   "",
		"Hvad koster det?":                            "",
		"er der borgerservice på Bornholm":            "0400",
		"hvad gør Høje-Taastrup kommune ved flytning": "0169",
		"Hvad koster det i hjallerup?":                "0810",
		"jeg bor på Vejen 3, 8220 Brabrand":           "0751",
		"Min datter hedder Skagen":                    "",
		"Der er et hul i vejen ud for Vejen 12":       "",
		"Hvornår er der åbent i Vejen?":               "0575",
		"hvad koster det i skive kommune":             "0779",
	} {
		m, ok := MunicipalityIn(text)
		if m.Code != want || ok != (want != "") {
			t.Errorf("%q gives %q", text, m.Code)
		}
	}
	if name, ok := MunicipalityName("0751"); !ok || name != "Aarhus" {
		t.Errorf("0751 is %q", name)
	}
	if name, ok := MunicipalityName("9999"); ok {
		t.Errorf("9999 is %q", name)
	}
}
