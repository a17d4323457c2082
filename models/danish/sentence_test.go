package danish

import (
	"strings"
	"testing"
)

// talk makes tokens of a script: "/" is a pause of 400 ms, "//" of 900 ms, "B>" and "S>" change the speaker. A word takes
// 250 ms with 50 ms to the next.
func talk(script string) []Token {
	var out []Token
	var now int64
	speaker := ""
	for f := range fields(script) {
		switch {
		case f == "/":
			now += 350 * 16
		case f == "//":
			now += 850 * 16
		case strings.HasSuffix(f, ">"):
			speaker = f
			now += 200 * 16
		default:
			out = append(out, Token{Text: f, Start: now, End: now + 250*16, Speaker: speaker})
			now += 300 * 16
		}
	}
	return out
}

func TestSentences(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		// Pauses and turns.
		{"jeg ringer om min boligstøtte // jeg har fået et brev", "Jeg ringer om min boligstøtte.|Jeg har fået et brev."},
		{"jeg ringer om min boligstøtte / jeg har fået et brev", "Jeg ringer om min boligstøtte.|Jeg har fået et brev."},
		{"jeg ringer om min / boligstøtte", "Jeg ringer om min boligstøtte."},
		{"jeg ringer om min // boligstøtte", "Jeg ringer om min boligstøtte."},
		{"jeg sender det og // så ringer jeg", "Jeg sender det og så ringer jeg."},
		{"B> ja tak S> selv tak", "Ja tak.|Selv tak."},
		{"B> jeg bor S> ja B> i odense", "Jeg bor.|Ja.|I Odense."},
		{"det er fint // tak // farvel", "Det er fint.|Tak.|Farvel."},
		{"jeg har boet her i to år / og jeg vil gerne flytte", "Jeg har boet her i 2 år.|Og jeg vil gerne flytte."},
		{"brevet / og lønsedlen", "Brevet og lønsedlen."},
		{"mit navn er bente jensen jeg ringer om min sag", "Mit navn er Bente Jensen.|Jeg ringer om min sag."},
		{"hej jeg ringer fordi jeg er syg", "Hej jeg ringer fordi jeg er syg."},
		// Questions.
		{"hvad er dit navn", "Hvad er dit navn?"},
		{"hvornår får jeg svar", "Hvornår får jeg svar?"},
		{"hvor lang tid tager det", "Hvor lang tid tager det?"},
		{"kan du hjælpe mig", "Kan du hjælpe mig?"},
		{"har du sendt den", "Har du sendt den?"},
		{"er det i orden", "Er det i orden?"},
		{"skal jeg gøre noget", "Skal jeg gøre noget?"},
		{"og hvad så", "Og hvad så?"},
		{"koster det noget at skifte læge", "Koster det noget at skifte læge?"},
		{"arbejder du stadig", "Arbejder du stadig?"},
		{"efter det gik jeg", "Efter det gik jeg."},
		{"der er han jo", "Der er han jo."},
		{"for det har jeg ikke", "For det har jeg ikke."},
		{"ja hvad gør jeg så", "Ja hvad gør jeg så?"},
		{"tak hvad betaler du i husleje", "Tak hvad betaler du i husleje?"},
		{"det ser jeg på hvad er dit nummer", "Det ser jeg på.|Hvad er dit nummer?"},
		{"jeg ved ikke hvad jeg skal gøre", "Jeg ved ikke hvad jeg skal gøre."},
		{"jeg vil høre hvornår det kommer", "Jeg vil høre hvornår det kommer."},
		{"så skal du sende den", "Så skal du sende den."},
		{"det er hvad der skete", "Det er hvad der skete."},
		{"jeg kan hjælpe dig", "Jeg kan hjælpe dig."},
		// Capitals and names.
		{"jeg bor i københavn", "Jeg bor i København."},
		{"den tredje november i odense", "Den 3. november i Odense."},
		{"jeg hedder bente jensen", "Jeg hedder Bente Jensen."},
		{"det er mandag den første maj", "Det er mandag den 1. maj."},
		{"brug mit id eller digital post", "Brug MitID eller Digital Post."},
		{"udbetaling danmark har skrevet", "Udbetaling Danmark har skrevet."},
		{"det skal ind på min nemkonto", "Det skal ind på min NemKonto."},
		{"jeg har skrevet til skattestyrelsen", "Jeg har skrevet til Skattestyrelsen."},
		{"det ligger i e boks", "Det ligger i e-Boks."},
		{"min mand hedder hans jensen", "Min mand hedder Hans Jensen."},
		{"det er hans pension", "Det er hans pension."},
		{"en skive brød", "En skive brød."},
		{"jeg bor på vestergade fem i vejle", "Jeg bor på Vestergade 5 i Vejle."},
		{"danmarks regler", "Danmarks regler."},
		{"jeg betaler skat", "Jeg betaler skat."},
		{"brevet er fra skat", "Brevet er fra SKAT."},
		{"tooghalvfems personer", "92 personer."},
		// Punctuation that the engine wrote.
		{"Hej. Jeg ringer om min sag.", "Hej.|Jeg ringer om min sag."},
		{"Det koster 300 kr. om året.", "Det koster 300 kr. om året."},
		{"Det koster 300 kr. Tak.", "Det koster 300 kr.|Tak."},
		{"Den 3. november er fint.", "Den 3. november er fint."},
		{"Det var i 2025. Nu er det slut.", "Det var i 2025.|Nu er det slut."},
		{"Vi ses kl. 14.30. Farvel!", "Vi ses kl. 14.30.|Farvel!"},
		{"Send f.eks. brevet, tak.", "Send f.eks. brevet, tak."},
		{"Er det rigtigt? Ja.", "Er det rigtigt?|Ja."},
		// Masked values.
		{"nul fire elleve tooghalvfems toogtyve elleve", "••••••-••••."},
		{"mit nummer er toogtyve treogtredive fireogfyrre femoghalvtreds // tak", "Mit nummer er •• •• •• ••.|Tak."},
		{"Mit cpr-nummer er 041192-2211.", "Mit CPR-nummer er ••••••-••••."},
	} {
		t.Run(c.script, func(t *testing.T) {
			var got []string
			for _, s := range Sentences(masked(talk(c.script))) {
				got = append(got, s.Text)
			}
			if joined := strings.Join(got, "|"); joined != c.want {
				t.Errorf("got  %s\nwant %s", joined, c.want)
			}
		})
	}
}

// Every token is in exactly one sentence, in order, with the times of its words.
func TestSentencesKeepTokens(t *testing.T) {
	tokens := talk("B> jeg ringer om min sag / det er den tredje november // S> tak hvad er dit nummer B> toogtyve treogtredive fireogfyrre femoghalvtreds")
	seen := map[int]bool{}
	for _, s := range Sentences(masked(tokens)) {
		for _, i := range s.Tokens {
			if seen[i] {
				t.Errorf("token %d is in two sentences", i)
			}
			seen[i] = true
		}
		if s.Start != tokens[s.Tokens[0]].Start || s.End != tokens[s.Tokens[len(s.Tokens)-1]].End {
			t.Errorf("%q is at %d–%d", s.Text, s.Start, s.End)
		}
	}
	if len(seen) != len(tokens) {
		t.Errorf("%d of %d tokens are in sentences", len(seen), len(tokens))
	}
}

// A talk without pauses is divided all the same.
func TestLongTalkIsDivided(t *testing.T) {
	script := strings.Repeat("jeg har sendt papirerne ind til kommunen og jeg har ikke hørt noget ", 8)
	for _, s := range Sentences(masked(talk(script))) {
		if n := len(strings.Fields(s.Text)); n > 40 {
			t.Errorf("a sentence of %d words", n)
		}
	}
}

func TestQuestion(t *testing.T) {
	for text, want := range map[string]bool{
		"Hvad er det?": true, "hvad er det": true, "Har du sendt den": true, "Du har sendt den.": false, "Det er hvad jeg ved.": false,
		"": false, "Kan jeg få hjælp": true, "»Hvornår?«": true, "Så har du ret.": false,
	} {
		if got := Question(text); got != want {
			t.Errorf("Question(%q) = %v", text, got)
		}
	}
}
