package question

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"  Hvad koster\n\tet pas? ":                      "Hvad koster et pas?",
		"<p>Hvad <b>koster</b> et pas?</p>":              "Hvad koster et pas?",
		"Hvad koster<script>alert('x')</script> et pas?": "Hvad koster et pas?",
		"pas\u200b\u202e\u2066 pris":                     "pas pris",
		"pas\U000E0069\U000E0067 pris":                   "pas pris",
		"Er man barn &lt; 18 år?":                        "Er man barn < 18 år?",
		"Er 3 < 5?":                                      "Er 3 < 5?",
		"a\u030A":                                        "å",
		"Hvad koster <img src=x onerror=alert(1) et pas": "Hvad koster",
		"Hvad er \xff\xfe et pas?":                       "Hvad er et pas?",
	} {
		got, err := Clean(in)
		if err != nil || got != want {
			t.Errorf("%q gives %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "  \u200b ", "<br>", "?!…"} {
		if _, err := Clean(in); !errors.Is(err, ErrEmpty) {
			t.Errorf("%q gives %v", in, err)
		}
	}
	for _, in := range []string{strings.Repeat("å", 501), strings.Repeat("<b>", 1<<20)} {
		if _, err := Clean(in); !errors.Is(err, ErrTooLong) {
			t.Errorf("%d bytes give %v", len(in), err)
		}
	}
}

func TestLanguage(t *testing.T) {
	for text, want := range map[string]string{
		"Hvad koster et pas?": Danish, "pas pris": Danish, "MitID": Danish, "hvo'n får a nyt pas": Danish, "SU 2026": Danish, "kan man få børnepenge i tyskland": Danish,
		"How much is a passport?": English, "I need help with my rent": English, "health card lost": English,
		"Wie bekomme ich einen neuen Pass?": Other, "Jak dostać paszport?": Other, "Скільки коштує паспорт": Other, "كم سعر جواز السفر": Other,
		"¿Cómo puedo renovar mi pasaporte?": Other, "Comment puis-je avoir un passeport ?": Other, "Pasaportumu nasıl yenilerim?": Other, "Hur mycket kostar ett pass för mitt barn?": Other,
	} {
		if got := Language(text); got != want {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestTalk(t *testing.T) {
	for text, want := range map[string]string{
		"Hej": Greeting, "Tak for hjælpen!": Thanks, "Er du et menneske?": WhoAreYou, "Hvad kan du?": CanYou, "Kan jeg tale med et menneske?": Person,
		"tak for hjælpen du er sød": Thanks, "tusind tak, det hjalp mig meget": Thanks, "Thanks, that was very helpful": Thanks, "tak, er der mere hjælp at få?": "",
		"det er noget lort det her, svar mig nu": Anger, "I er nogle idioter!": Anger, "I er fandme for dårlige, jeg har ringet fem gange": Anger, "useless": Anger,
		"hvorfor er det så fandens dyrt at få et pas": "", "det er dårlige tider, kan jeg få boligstøtte": "", "min lort af en udlejer giver mig ikke indskuddet": "",
		"forklar det": Unclear, "hvad?": Unclear, "Hej, hvad koster et pas?": "", "Tak. Og hvad koster det for børn?": "", "pas": "",
	} {
		if got := SmallTalk(text); got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
}

func TestOwnCase(t *testing.T) {
	for text, want := range map[string]bool{
		"Hvor langt er I med min sag?": true, "Hvorfor har jeg fået afslag?": true, "Er min ansøgning godkendt?": true, "Hvorfor er min boligstøtte sat ned?": true,
		"Has my application been approved?": true, "Hvad er min restskat?": true,
		"Hvornår kan jeg få folkepension?": false, "Kan jeg få boligstøtte, hvis jeg deler lejlighed?": false, "Hvordan klager jeg over et afslag?": false,
		"Hvad sker der med min pension, når jeg flytter?": false, "Hvordan søger jeg om pas til mit barn?": false, "How do I apply for housing benefit?": false,
		"Er det gratis at få MitID?": false, "Mit pas er blevet stjålet, hvad gør jeg?": false, "Hvordan får jeg lov at se papirerne i min sag?": false,
		"Jeg er blevet gift. Kan jeg få mit pas lavet om?": false, "Er mit pas blevet færdigt?": true, "Min ansøgning er blevet væk hos jer": true,
		"Kan du slå mit CPR-nummer op?": true, "Hvad står der i min sag?": true,
		"How can I see my file at the municipality?": false, "When do I have to pay back my student loan?": false, "How much do I owe?": true,
	} {
		if got := OwnCase(text); got != want {
			t.Errorf("%q gives %t", text, got)
		}
	}
}

func TestKindAndPeriod(t *testing.T) {
	for text, want := range map[string]Kind{
		"Hvad koster et pas?": Amount, "Hvornår kommer pengene?": When, "Hvilke dage er der åbent?": Hours, "Hvor lang tid tager det?": Duration, "Hvor gammel skal man være?": Age,
		"Hvem kan få støtte?": Who, "Hvordan søger jeg?": How, "Kan jeg få støtte?": Whether, "Hvor søger jeg?": Where, "pas": Open, "ved du hvad det koster": Amount,
	} {
		if got := KindOf(text); got != want {
			t.Errorf("%q asks for %s", text, got)
		}
	}
	today := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"Hvad kostede det i 2025?": "2025-12-31", "Hvad kostede det sidste år?": "2025-12-31", "Hvad koster det til næste år?": "2027-12-31",
		"Hvad var reglen den 1. marts 2025?": "2025-03-01",
	} {
		if got := Period(text, today); got.Last() != want {
			t.Errorf("%q is about %s", text, got.Last())
		}
	}
	for _, text := range []string{"Jeg er født i 2019, hvad kan jeg få?", "Jeg er født i 1964", "Hvad koster det?", "Vi blev gift i 2024, kan vi skifte navn?"} {
		if got := Period(text, today); !got.Zero() {
			t.Errorf("%q is about %+v", text, got)
		}
	}
}

func TestTopic(t *testing.T) {
	turns := []Turn{{Read: "Hvordan søger jeg om boligstøtte?"}}
	for text, want := range map[string]string{
		"og hvad koster det?": "boligstøtte", "Hvad så?": "", "Hvor søger jeg pas til mit barn i udlandet, når jeg arbejder der?": "",
		"hvad med studerende?": "hvordan søger jeg om boligstøtte",
	} {
		got, _ := Topic(text, turns)
		if want != "" && got != want || want == "" && text != "Hvad så?" && got != "" {
			t.Errorf("%q goes on about %q", text, got)
		}
	}
	if got := Subject("How do I get a passport?"); !slices.Equal(got, []string{"passport"}) { // a single letter is no subject
		t.Errorf("the subject is %q", got)
	}
	if got, _ := Topic("og hvad koster det?", nil); got != "" {
		t.Errorf("without history it goes on about %q", got)
	}
}

func TestWorld(t *testing.T) {
	for text, want := range map[string]bool{"Hvor mange danskere får pension?": true, "Hvor mange børn giver tilskud?": false, "Hvad koster en advokat i gennemsnit?": true, "Kan du skrive et digt?": true, "Kan jeg skrive et testamente?": false} {
		if got := Worldly(text); got != want {
			t.Errorf("%q gives %t", text, got)
		}
	}
}

func TestPlaces(t *testing.T) {
	for text, want := range map[string][2]string{ // abroad, and in Denmark
		"Hvad koster en skilsmisse i Tyskland?":             {"Tyskland", ""},
		"hvad koster en skilsmisse i tyskland":              {"tyskland", ""},
		"Hvad koster en lejlighed i New York?":              {"New York", ""},
		"Hvad giver renten hos Nordea?":                     {"Nordea", ""},
		"Hvad koster det i Danmark?":                        {"", ""},
		"Hvornår er der åbent i Aarhus?":                    {"", ""},
		"Hvornår er der åbent i hjallerup?":                 {"", ""}, // lies in Brønderslev
		"Hvad koster det i 2026?":                           {"", ""},
		"Hvad koster det i SU?":                             {"", ""},
		"Hvad gælder i Jylland?":                            {"", ""},
		"Can I get a letter in English?":                    {"", ""},
		"Hvad koster en parkeringslicens i Vester Hassing?": {"", "Vester Hassing"},
		"hvad koster en parkeringslicens i ravnstrup":       {"", "ravnstrup"},
		"Jeg bor i Nørre Kongerslev, hvad gør jeg?":         {"", "Nørre Kongerslev"},
		"Bor i Qqqby Kommune":                               {"", "Qqqby"},
		"hvad koster det i 9293 Kongerslev":                 {"", "Kongerslev"},
		"Hvad koster et kørekort i Viby J?":                 {"", "Viby J"},
		"kan jeg få hjælp i boligen":                        {"", ""},
		"hvad står der i bogen om børn":                     {"", ""},
	} {
		if got := [2]string{Abroad(text), Locality(text)}; got != want {
			t.Errorf("%q is about %q", text, got)
		}
	}
	for _, tt := range [][3]string{
		{"Hvad koster en parkeringslicens i Vester Hassing?", "Vester Hassing", "Hvad koster en parkeringslicens"},
		{"Hvad koster det i 9293 Kongerslev?", "Kongerslev", "Hvad koster det"},
		{"Hvad kostede det i 2025 Byrum?", "Byrum", "Hvad kostede det i 2025"},
	} {
		if got := WithoutPlace(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%q becomes %q", tt[0], got)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("<p>Hvad koster et pas?</p>")
	f.Add("pas\u200b \U000E0041 &lt;script>")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := Clean(in)
		if err != nil {
			return
		}
		if strings.ContainsAny(got, "\u200b\u202e\x00\n") || got != strings.TrimSpace(got) {
			t.Errorf("%q gives %q", in, got)
		}
		Language(got)
		KindOf(got)
		SmallTalk(got)
		OwnCase(got)
		Abroad(got)
		WithoutPlace(got, Locality(got))
	})
}

func TestOpening(t *testing.T) {
	for text, want := range map[string]bool{
		"Hvad er åbningstiderne i borgerservice?": true, "Hvornår har kommunen åbent?": true, "hvornår lukker genbrugspladsen": true, "Er jobcentret åbent på lørdag?": true,
		"Hvornår har I telefontid?": true, "Hvornår åbner I?": true, "When is the library open?": true, "What are your opening hours?": true,
		"Hvornår åbner ansøgningen til boligstøtte?": false, "Hvornår lukker kommunen min sag?": false, "Hvor ligger biblioteket?": false, "Kan jeg åbne en konto?": false,
	} {
		if Opening(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

func TestGlossed(t *testing.T) {
	for text, want := range map[string]string{
		"How do I apply for housing benefits?":                   "boligstøtte søg søger",
		"Is there child support for single mothers?":             "børnebidrag børnetilskud enlige forsørgere",
		"My father's driver's license has expired":               "kørekort forældre gælder",
		"Can we move the parking permit of my disabled son?":     "parkeringskort barn børn",
		"Who sorts the batteries?":                               "farligt affald",
		"We were divorced, and I've been fired":                  "skilsmisse ledig dagpenge",
		"What will the weather be?":                              "",
		"Is there anything about the nearest restaurant?":        "",
		"I was ill and could not work when my salary was lowest": "indkomst",
	} {
		g := Glossed(text)
		if got := g.Query(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]float64{
		"Where is my passport?": 1, "Where is the passport contest?": .5, "How do I bake bread?": 0, "": 0,
	} {
		if g := Glossed(text); g.Known != want {
			t.Errorf("%q is known by %v, want %v", text, g.Known, want)
		}
	}
	g := Glossed("Does a passport serve as a hearing aid?")
	for text, want := range map[string]float64{
		"Pas til voksne": .5, "Pasning af børn": 0, "Hjælpemidler, når du skal have pas": 1, "Passet og hjælpemidlerne": .5, "": 0,
	} {
		if got := g.In(text); got != want {
			t.Errorf("%q has %v of it, want %v", text, got, want)
		}
	}
	for text, want := range map[string]bool{
		"Getting passports": true, "Aids for hearing": true, "Passage to the town hall": false, "Pas til voksne": true, "": false,
	} {
		if g.Names(text) != want {
			t.Errorf("%q names it: %v", text, !want)
		}
	}
}
