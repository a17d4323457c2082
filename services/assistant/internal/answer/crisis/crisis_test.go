package crisis

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for text, want := range map[string]Kind{
		"jeg orker ikke at leve mere":                                     Suicide,
		"JEG VIL IKKE LEVE MERE":                                          Suicide,
		"jæ vil ik leve mer":                                              Suicide,
		"jeg har sælvmordstanker":                                         Suicide,
		"jeg tænker på at tage livet af mig":                              Suicide,
		"det hele er lige meget, jeg vil bare dø":                         Suicide,
		"I want to kill myself":                                           Suicide,
		"i dont want to live anymore":                                     Suicide,
		"alle ville have det bedre uden mig":                              Suicide,
		"j e g":                                                           None,
		"min mand slår mig":                                               Violence,
		"min kærste slor mig og a tør ik gå hjem":                         Violence,
		"jeg er bange for min ekskæreste":                                 Violence,
		"My husband beats me, where can I go?":                            Violence,
		"jeg er blevet voldtaget":                                         Violence,
		"min far slår mig når han er fuld":                                Child,
		"naboen slår sine børn":                                           Child,
		"min søn har slugt et batteri":                                    Poison,
		"han trækker ikke vejret":                                         Emergency,
		"der er brand i opgangen, hvem ringer jeg til":                    Emergency,
		"min mor er faldet om":                                            Emergency,
		"jeg slår min sagsbehandler ihjel":                                Threat,
		"Hvordan anmelder jeg et dødsfald?":                               None,
		"Hvornår kan jeg få folkepension?":                                None,
		"Hvad sker der med min pension, når jeg dør?":                     None,
		"Kan jeg slå navnet op i registret?":                              None,
		"Kan jeg ikke mere få boligstøtte, når min søn flytter?":          None,
		"Jeg kan ikke logge på med MitID mere":                            None,
		"Hvad skal jeg gøre, hvis jeg har mistet mit pas i udlandet?":     None,
		"Hvad koster det at blive gift på rådhuset?":                      None,
		"Arver jeg min samlever, hvis hun dør?":                           None,
		"Hvordan får jeg adressebeskyttelse?":                             None,
		"Hvor lang tid må jeg være i udlandet og beholde min boligydelse": None,
		"min mand har fået en blodprop lige nu":                           Emergency,
		"hun har en blodprop i benet nu":                                  Emergency,
		"han har haft en blodprop og er nu sygemeldt, hvad får han":       None,
		"Kan man få genoptræning nu, når man har haft en blodprop?":       None,
		"min kæreste tvinger mig":                                         Violence,
		"han tvinger mig til at gifte mig":                                Violence,
		"Kan jobcentret tvinge mig i praktik?":                            None,
		"Kommunen tvinger mig til et kursus, må de det?":                  None,
		"How do I register a death?":                                      None,
		"Kan jeg få hjælp til tandlæge?":                                  None,
		"Skal jeg betale for min mands gæld, når han er død?":             None,
	} {
		if got := Find(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

// Hiding a word behind invisible characters, marks or doubled letters does not help.
func TestFolding(t *testing.T) {
	for _, text := range []string{"jeg vil begå selv\u200bmord", "SELVMOOOORD", "sélvmord", "jeg vil tage liivet af mig", "jeg-vil-dø", "jeg vil dø\u0301"} {
		if got := Find(text); got != Suicide {
			t.Errorf("%q gives %q", text, got)
		}
	}
}

func TestText(t *testing.T) {
	for k, numbers := range map[Kind]string{
		Emergency: "112", Poison: "82 12 12 12", Suicide: "70 201 201", Child: "116 111", Violence: "1888", Threat: "112",
	} {
		for _, lang := range []string{"da", "en"} {
			text, routes := Text(k, lang)
			if !strings.Contains(text, numbers) || !strings.Contains(text, "112") || len(routes) == 0 {
				t.Errorf("%s in %s: %q, %v", k, lang, text, routes)
			}
		}
	}
}
