package danish

import (
	"strings"
	"testing"
)

// rule is one line of a written test list: what is said, and how it is written.
type rule struct{ spoken, written string }

func checkRules(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.spoken, func(t *testing.T) {
			got := Text(Normalise(Tokens(r.spoken)))
			if got != r.written {
				t.Errorf("Normalise(%q)\n got %q\nwant %q", r.spoken, got, r.written)
			}
		})
	}
}

func TestCardinals(t *testing.T) {
	checkRules(t, []rule{
		{"tretten", "13"},
		{"tyve", "20"},
		{"enogtyve", "21"},
		{"en og tyve", "21"},
		{"toogtredive", "32"},
		{"treogfyrre", "43"},
		{"fireoghalvtreds", "54"},
		{"femogtres", "65"},
		{"femogtreds", "65"},
		{"seksoghalvfjerds", "76"},
		{"syvogfirs", "87"},
		{"otteoghalvfems", "98"},
		{"tooghalvfems", "92"},
		{"to og halvfems", "92"},
		{"ni og halvfemsindstyve", "99"},
		{"fyrretyve", "40"},
		{"et hundrede", "100"},
		{"hundrede og en", "101"},
		{"et hundrede og enogtyve", "121"},
		{"to hundrede", "200"},
		{"tohundrede", "200"},
		{"tohundredeogfem", "205"},
		{"tre hundrede femogtyve", "325"},
		{"ni hundrede nioghalvfems", "999"},
		{"ni hundred og ni og halvfems", "999"},
		{"et tusind", "1.000"},
		{"tusind og en", "1.001"},
		{"to tusind fem hundrede", "2.500"},
		{"totusind", "2.000"},
		{"tolv tusind tre hundrede", "12.300"},
		{"tolvtusindtrehundrede", "12.300"},
		{"hundrede tusind", "100.000"},
		{"to hundrede fem tusind", "205.000"},
		{"tre hundrede og femogtyve tusinde fire hundrede og en", "325.401"},
		{"en million", "1.000.000"},
		{"to millioner tre hundrede tusind", "2.300.000"},
		{"en milliard", "1.000.000.000"},
		{"nioghalvfems tusind ni hundrede og nioghalvfems", "99.999"},
		{"tretten komma fem", "13,5"},
		{"to komma femogtyve", "2,25"},
		{"nul komma nul fem", "0,05"},
		{"en komma fem millioner", "1.500.000"},
		{"minus femten", "minus 15"},
		{"fjorten og femten", "14 og 15"},
		{"side to", "side 2"},
		{"uge tolv", "uge 12"},
		{"paragraf fem", "paragraf 5"},
		{"tast et", "tast 1"},
		{"tryk to for at tale med os", "tryk 2 for at tale med os"},
		{"vestergade fem", "vestergade 5"},
		{"otte tusind aarhus", "8000 aarhus"},
	})
}

func TestWordsStayWords(t *testing.T) {
	for _, s := range []string{
		"en ansøgning", "et brev", "to gange", "jeg har to børn", "en af dem", "det ene og det andet", "en anden sag", "tusind tak",
		"et par tusind kroner", "nogle hundrede kroner", "hundrede gange", "den ene eller den anden", "første gang", "for det andet",
		"en entre med plads", "tre af os", "både fire og fem", "det var en til", "vi er to om det", "en to tre fire fem seks syv otte ni ti",
		"to ud af tre", "en eller to", "jeg er en af de tolv", "i det hele taget", "toget til odense", "det koster en krone",
		"han er født i byen", "halvanden time", "den anden vej", "for det første", "på den anden side", "ti eller tolv stykker",
		"den tredje ansøgning", "en time", "et år", "en uge", "i en måned", "fem stykker", "tre breve og to kvitteringer",
		"om en dag", "den anden i tredje række", "mange tusinde mennesker", "en halv time",
	} {
		t.Run(s, func(t *testing.T) {
			if got := Text(Normalise(Tokens(s))); got != s {
				t.Errorf("Normalise(%q) = %q, want it unchanged", s, got)
			}
		})
	}
}

func TestOrdinalsAndDates(t *testing.T) {
	checkRules(t, []rule{
		{"tredje november", "3. november"},
		{"den tredje november", "den 3. november"},
		{"den tredje i ellevte", "den 3. november"},
		{"den første i første", "den 1. januar"},
		{"den anden i tredje", "den 2. marts"},
		{"den enogtredivte december", "den 31. december"},
		{"den en og tyvende i femte", "den 21. maj"},
		{"tredje november tyve femogtyve", "3. november 2025"},
		{"den tredje november to tusind femogtyve", "den 3. november 2025"},
		{"den tredje november to tusind og femogtyve", "den 3. november 2025"},
		{"fjerde november nitten hundrede og tooghalvfems", "4. november 1992"},
		{"fjerde november nitten tooghalvfems", "4. november 1992"},
		{"fjerde november tooghalvfems", "4. november 92"},
		{"fjerde november nul fem", "4. november 05"},
		{"den fjerde i ellevte tooghalvfems", "den 4. november 92"},
		{"den femtende i sjette tyve fireogtyve", "den 15. juni 2024"},
		{"november tyve femogtyve", "november 2025"},
		{"i november to tusind og tyve", "i november 2020"},
		{"i tyve femogtyve", "i 2025"},
		{"siden nitten hundrede femoghalvfems", "siden 1995"},
		{"fra to tusind og ti", "fra 2010"},
		{"i to tusind og fem", "i 2005"},
		{"i nitten femoghalvfems", "i 1995"},
		{"i tyve nul fem", "i 2005"},
		{"den femtende", "den 15."},
		{"den enogtredivte", "den 31."},
		{"på tredje sal", "på 3. sal"},
		{"anden sal", "2. sal"},
		{"fjerde kvartal", "4. kvartal"},
		{"tredje kvartal to tusind og fireogtyve", "3. kvartal 2024"},
		{"den trettende klasse", "den 13. klasse"},
		{"senest den tiende april", "senest den 10. april"},
		{"mandag den tolvte maj", "mandag den 12. maj"},
		{"fra den første april til den tredivte juni", "fra den 1. april til den 30. juni"},
		{"den niogtyvende februar", "den 29. februar"},
		{"den første august tyve seksogtyve klokken ni", "den 1. august 2026 kl. 9"},
		{"den femte i fjerde", "den 5. april"},
		{"fjortende i tolvte", "14. december"},
		{"tyvende marts", "20. marts"},
		{"den tredivte september", "den 30. september"},
		{"fjerde juli to tusind", "4. juli 2000"},
		{"ottende oktober nul nul", "8. oktober 00"},
		{"født den syvende januar niogfirs", "født den 7. januar 89"},
		{"den tredje november femten personer", "den 3. november 15 personer"},
		{"den 3. november 2025", "den 3. november 2025"},
		{"3/11-2025", "3/11-2025"},
		{"fra den tredje til den syvende november", "fra den 3. til den 7. november"},
		{"den tredje eller fjerde maj", "den 3. eller 4. maj"},
		{"den første og den anden i tredje", "den 1. og den 2. marts"},
		{"den første og den anden række", "den første og den anden række"},
	})
}

func TestClock(t *testing.T) {
	checkRules(t, []rule{
		{"klokken ni", "kl. 9"},
		{"klokken et", "kl. 1"},
		{"klokken fjorten", "kl. 14"},
		{"klokken fjorten tredive", "kl. 14.30"},
		{"klokken fjorten nul fem", "kl. 14.05"},
		{"klokken ni nul nul", "kl. 9.00"},
		{"klokken otte femogfyrre", "kl. 8.45"},
		{"klokken otte fem og fyrre", "kl. 8.45"},
		{"klokken halv ni", "kl. 8.30"},
		{"halv ni", "kl. 8.30"},
		{"halv et", "kl. 12.30"},
		{"kvart over to", "kl. 2.15"},
		{"klokken kvart over to", "kl. 2.15"},
		{"kvart i to", "kl. 1.45"},
		{"kvart i et", "kl. 12.45"},
		{"klokken fem over ni", "kl. 9.05"},
		{"klokken ti i ni", "kl. 8.50"},
		{"fem minutter over ni", "kl. 9.05"},
		{"ti minutter i otte", "kl. 7.50"},
		{"fem i halv ni", "kl. 8.25"},
		{"fem over halv ni", "kl. 8.35"},
		{"klokken tyve over elleve", "kl. 11.20"},
		{"klokken tolv", "kl. 12"},
		{"klokken nul nul tredive", "kl. 0.30"},
		{"klokken tyve", "kl. 20"},
		{"klokken enogtyve femten", "kl. 21.15"},
		{"mellem klokken ti og tolv", "mellem kl. 10 og 12"},
		{"klokken ti til fjorten", "kl. 10 til 14"},
		{"fra klokken otte til halv ti", "fra kl. 8 til 9.30"},
		{"i morgen klokken tretten femten", "i morgen kl. 13.15"},
		{"klokken ni på mandag", "kl. 9 på mandag"},
		{"kl. 14.30", "kl. 14.30"},
		{"klokken 14.30", "klokken 14.30"},
		{"vi lukker klokken seksten", "vi lukker kl. 16"},
		{"klokken treogtyve niogfemtyve", "kl. 23 niogfemtyve"},
		{"ved halv tolv tiden", "ved kl. 11.30 tiden"},
		{"klokken syv femten", "kl. 7.15"},
		{"kvart over tolv", "kl. 12.15"},
		{"klokken ti nul ni", "kl. 10.09"},
		{"klokken tolv hos lægen", "kl. 12 hos lægen"},
		{"klokken fjorten halvtreds", "kl. 14.50"},
		{"halv fire i morgen", "kl. 3.30 i morgen"},
		{"klokken er halv ti", "klokken er 9.30"},
		{"klokken er ni", "klokken er 9"},
		{"klokken er mange", "klokken er mange"},
		{"mandag ti til femten", "mandag 10 til 15"},
	})
}

func TestAmountsAndUnits(t *testing.T) {
	checkRules(t, []rule{
		{"tolv tusind tre hundrede kroner", "12.300 kr."},
		{"fem kroner", "5 kr."},
		{"hundrede kroner", "100 kr."},
		{"tusind kroner", "1.000 kr."},
		{"to tusind kroner om måneden", "2.000 kr. om måneden"},
		{"tolv kroner og halvtreds øre", "12,50 kr."},
		{"tolv kroner og halvtreds", "12,50 kr."},
		{"tolv komma fem kroner", "12,5 kr."},
		{"halvtreds øre", "50 øre"},
		{"en million kroner", "1.000.000 kr."},
		{"halvfjerds tusind kroner", "70.000 kr."},
		{"fire hundrede og femoghalvfjerds kroner", "475 kr."},
		{"nittenhundrede kroner", "1.900 kr."},
		{"nitten hundrede femoghalvfems kroner", "1.995 kr."},
		{"femogtyve procent", "25 %"},
		{"to procent", "2 %"},
		{"en procent", "1 %"},
		{"to komma fem procent", "2,5 %"},
		{"hundrede procent", "100 %"},
		{"fem minutter", "5 minutter"},
		{"tre uger", "3 uger"},
		{"fjorten dage", "14 dage"},
		{"to år", "2 år"},
		{"seks måneder", "6 måneder"},
		{"fireogtyve timer", "24 timer"},
		{"fem arbejdsdage", "5 arbejdsdage"},
		{"firs kvadratmeter", "80 kvadratmeter"},
		{"tolv kilometer", "12 kilometer"},
		{"halvtreds euro", "50 euro"},
		{"fem tusind kr", "5.000 kr."},
		{"det koster tre hundrede kroner.", "det koster 300 kr."},
		{"tre hundrede kroner, tak", "300 kr., tak"},
		{"ti grader", "10 grader"},
		{"syvogtredive timer om ugen", "37 timer om ugen"},
		{"femten hundrede kroner", "1.500 kr."},
		{"otte tusind ni hundrede femogtyve kroner", "8.925 kr."},
		{"en komma to millioner kroner", "1.200.000 kr."},
		{"2 millioner kroner", "2.000.000 kr."},
		{"12.300 kr.", "12.300 kr."},
		{"tre til fem uger", "3 til 5 uger"},
		{"nul kroner", "0 kr."},
		{"halvanden million", "1.500.000"},
		{"halvanden million kroner", "1.500.000 kr."},
		{"fire en halv tusind kroner", "4.500 kr."},
		{"to en halv time", "2,5 time"},
		{"tre og en halv måned", "3,5 måned"},
		{"mellem tre og fem tusind kroner", "mellem tre og 5.000 kr."},
		{"en til to uger", "1 til 2 uger"},
		{"to og tre uger", "2 og 3 uger"},
		{"femogtyve hundrede kroner", "2.500 kr."},
		{"femogtyvehundrede kroner", "2.500 kr."},
		{"tolv hundrede kroner", "1.200 kr."},
		{"nioghalvfems hundrede kroner", "9.900 kr."},
	})
}

func TestIdentifiers(t *testing.T) {
	checkRules(t, []rule{
		{"toogtyve treogtredive fireogfyrre femoghalvtreds", "22 33 44 55"},
		{"to to tre tre fire fire fem fem", "22 33 44 55"},
		{"to og tyve tre og tredive fire og fyrre fem og halvtreds", "22 33 44 55"},
		{"mit nummer er tyve tredive fyrre halvtreds", "mit nummer er 20 30 40 50"},
		{"plus femogfyrre toogtyve treogtredive fireogfyrre femoghalvtreds", "+45 22 33 44 55"},
		{"toogtyve øh treogtredive fireogfyrre femoghalvtreds", "22 33 44 55"},
		{"nul fire elleve tooghalvfems toogtyve elleve", "041192-2211"},
		{"nul fire en en ni to to to en en", "041192-2211"},
		{"nul fire elleve ni to tooghalvfems elleve", "041192-9211"},
		{"nul fire elleve tooghalvfems streg toogtyve elleve", "041192-2211"},
		{"nul fire elleve to og halvfems og så to og tyve elleve", "041192-2211"},
		{"fireogtres elleve tooghalvfems toogtyve elleve", "641192-2211"},
		{"cvr nummer tolv fireogtredive seksoghalvtreds otteoghalvfjerds", "CVR nummer 12345678"},
		{"sagsnummer to fem nul en to", "sagsnummer 25012"},
		{"koden er fem to tre nul", "koden er 5230"},
		{"bente punktum holm snabel a eksempel punktum dk", "bente.holm@eksempel.dk"},
		{"bente snabela gmail punktum com", "bente@gmail.com"},
		{"min mail er bente punktum holm snabel a eksempel punktum dk", "min mail er bente.holm@eksempel.dk"},
		{"bente syvogtres snabel a mail punktum dk", "bente67@mail.dk"},
		{"b h snabel a mail punktum dk", "bh@mail.dk"},
		{"bente understreg holm snabel a mail punktum dk", "bente_holm@mail.dk"},
		{"bente bindestreg holm snabel a mail punktum dk", "bente-holm@mail.dk"},
		{"gå ind på borger punktum dk", "gå ind på borger.dk"},
		{"log ind med mit id", "log ind med MitID"},
		{"din nem konto", "din NemKonto"},
		{"se i e boks", "se i e-Boks"},
		{"nul fire elleve tooghalvfems toogtyve hundrede og elleve", "041192-2211"},
		{"nul fire elleve tooghalvfems to tusind to hundrede og elleve", "041192-2211"},
		{"enogtres nul en nul nul fyrre tolv", "610100-4012"},
		{"otteogtyve nul to halvtreds nul nul nul en", "280250-0001"},
		{"tyve tyve fyrre fyrre", "20 20 40 40"},
		{"halvtreds nul et nul to nul tre", "50 01 02 03"},
		{"mit telefonnummer er seks ni seks ni halvtreds tres", "mit telefonnummer er 69 69 50 60"},
		{"kontonummer nul nul tolv fireogtredive seksoghalvtreds", "kontonummer 00123456"},
		{"kode nul nul syv", "kode 007"},
		{"ring et et to", "ring 112"},
		{"en en to", "112"},
		{"ring atten tretten", "ring 1813"},
		{"ring toogtyve treogtredive fireogfyrre femoghalvtreds", "ring 22 33 44 55"},
		{"postnummer otte nul nul nul", "postnummer 8000"},
		{"sagsnummer femogtyve nul en tolv fireogtredive", "sagsnummer 25011234"},
		{"www punktum borger punktum dk", "www punktum borger.dk"},
		{"skriv til post snabel a kommune punktum dk.", "skriv til post@kommune.dk."},
		{"d k halvtreds nul nul fyrre nul fire fire nul elleve toogtres treogfyrre", "DK50 0040 0440 1162 43"},
	})
}

// Every token is in exactly one span, whatever the words are.
func TestEveryTokenOnce(t *testing.T) {
	text := "jeg er født den fjerde i ellevte tooghalvfems øh mit nummer er toogtyve treogtredive fireogfyrre femoghalvtreds " +
		"og det koster tolv tusind kroner klokken halv ni skriv til bente snabel a mail punktum dk tak"
	tokens := Tokens(text)
	for i := range tokens {
		if i%3 == 0 {
			tokens[i].Speaker = "b"
		}
	}
	seen := make([]int, len(tokens))
	for _, s := range Normalise(tokens) {
		for _, i := range s.Tokens {
			seen[i]++
			if tokens[i].Speaker != s.Speaker {
				t.Errorf("span %q of %q has a token of %q", s.Text, s.Speaker, tokens[i].Speaker)
			}
		}
	}
	for i, n := range seen {
		if n != 1 {
			t.Errorf("token %d (%s) is in %d spans", i, tokens[i].Text, n)
		}
	}
}

func TestSpansKeepTimes(t *testing.T) {
	tokens := Tokens("det er tolv tusind tre hundrede kroner om året")
	for i := range tokens {
		tokens[i].Start, tokens[i].End = int64(i*100), int64(i*100+80)
		tokens[i].Confidence = 1 - float64(i)/10
	}
	for _, s := range Normalise(tokens) {
		if !strings.HasPrefix(s.Text, "12.300") {
			continue
		}
		if s.Start != 200 || s.End != 680 || s.Confidence != tokens[6].Confidence {
			t.Errorf("got %d–%d confidence %v, want 200–680 and %v", s.Start, s.End, s.Confidence, tokens[6].Confidence)
		}
		return
	}
	t.Fatal("no span for the amount")
}
