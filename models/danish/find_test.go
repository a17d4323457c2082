package danish

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// personal lists what must be found, as "kind clear", in spoken and written form.
var personal = []struct {
	text string
	want []string
}{
	{"nul fire elleve tooghalvfems toogtyve elleve", []string{"cpr 041192-2211"}},
	{"nul fire en en ni to to to en en", []string{"cpr 041192-2211"}},
	{"nul fire elleve ni to toogtyve en en", []string{"cpr 041192-2211"}},
	{"mit cpr nummer er nul fire elleve tooghalvfems toogtyve elleve tak", []string{"cpr 041192-2211"}},
	{"nul fire øh elleve øhm tooghalvfems og så toogtyve elleve", []string{"cpr 041192-2211"}},
	{"nul fire elleve tooghalvfems streg toogtyve elleve", []string{"cpr 041192-2211"}},
	{"041192-2211", []string{"cpr 041192-2211"}},
	{"0411922211", []string{"cpr 041192-2211"}},
	{"041192 2211", []string{"cpr 041192-2211"}},
	{"04 11 92 22 11", []string{"cpr 041192-2211"}},
	{"041192 - 2211", []string{"cpr 041192-2211"}},
	{"0411, 92, 2211.", []string{"cpr 041192-2211"}},
	{"cpr 641192-2211", []string{"cpr 641192-2211"}},
	{"fireogtres elleve tooghalvfems toogtyve elleve", []string{"cpr 641192-2211"}},
	{"enogtredive tolv nioghalvfems tolv fireogtredive", []string{"cpr 311299-1234"}},
	{"290200-4123", []string{"cpr 290200-4123"}},
	{"fjerde november tooghalvfems toogtyve elleve", []string{"cpr 041192-2211"}},
	{"den fjerde i ellevte tooghalvfems og de sidste fire er toogtyve elleve", []string{"cpr 041192-2211"}},
	{"den fjerde november nitten tooghalvfems toogtyve elleve", []string{"cpr 041192-2211"}},
	{"mit cpr er nul fire tolv nej nul fire elleve tooghalvfems toogtyve elleve", []string{"cpr 041192-2211"}},
	{"personnummer nul fire nul fire elleve tooghalvfems toogtyve elleve", []string{"cpr 040411922211"}},
	{"hvad er de sidste fire cifre toogtyve elleve", []string{"cpr 2211"}},
	{"cpr nummeret er nul fire elleve tooghalvfems", []string{"cpr 041192"}},
	{"toogtyve treogtredive fireogfyrre femoghalvtreds", []string{"phone 22 33 44 55"}},
	{"to to tre tre fire fire fem fem", []string{"phone 22 33 44 55"}},
	{"ring på 22334455", []string{"phone 22 33 44 55"}},
	{"ring til mig på telefon tolv fireogtredive seksoghalvtreds otteoghalvfjerds", []string{"phone 12 34 56 78"}},
	{"ring 22 33 44 55", []string{"phone 22 33 44 55"}},
	{"ring toogtyve treogtredive fireogfyrre femoghalvtreds", []string{"phone 22 33 44 55"}},
	{"ring på 22 33 44 55 i morgen", []string{"phone 22 33 44 55"}},
	{"2233 4455", []string{"phone 22 33 44 55"}},
	{"22.33.44.55", []string{"phone 22 33 44 55"}},
	{"+4522334455", []string{"phone +45 22 33 44 55"}},
	{"+45 22 33 44 55", []string{"phone +45 22 33 44 55"}},
	{"004522334455", []string{"phone +45 22 33 44 55"}},
	{"plus femogfyrre toogtyve treogtredive fireogfyrre femoghalvtreds", []string{"phone +45 22 33 44 55"}},
	{"toogtyve treogtredive øh fireogfyrre femoghalvtreds", []string{"phone 22 33 44 55"}},
	{"bente.holm@eksempel.dk", []string{"email bente.holm@eksempel.dk"}},
	{"skriv til bente@eksempel.dk.", []string{"email bente@eksempel.dk"}},
	{"bente punktum holm snabel a eksempel punktum dk", []string{"email bente.holm@eksempel.dk"}},
	{"min mail er bente holm snabel a eksempel punktum dk", []string{"email holm@eksempel.dk"}},
	{"det er bente syvogtres snabela gmail dot com", []string{"email bente67@gmail.com"}},
	{"4571 0000 0000 0001", []string{"card 4571 0000 0000 0001"}},
	{"kortnummer 4571 1234 5678 9012", []string{"card 4571 1234 5678 9012"}},
	{"femogfyrre enoghalvfjerds nul nul nul nul nul nul nul nul nul nul nul en", []string{"card 4571 0000 0000 0001"}},
	{"5019717010103742", []string{"card 5019 7170 1010 3742"}},
	{"DK5000400440116243", []string{"account DK50 0040 0440 1162 43"}},
	{"DK50 0040 0440 1162 43", []string{"account DK50 0040 0440 1162 43"}},
	{"kontonummer 1234 0012345678", []string{"account 1234 0012345678"}},
	{"reg 1234 konto 0012345678", []string{"account 1234", "account 0012345678"}},
	{
		"registreringsnummer tolv fireogtredive og konto nul nul tolv fireogtredive seksoghalvtreds otteoghalvfjerds",
		[]string{"account 1234", "account 0012345678"},
	},
	{"9570-0012345678", []string{"account 9570 0012345678"}},
	{
		"mit nummer er toogtyve treogtredive fireogfyrre femoghalvtreds og mit cpr er 041192-2211",
		[]string{"phone 22 33 44 55", "cpr 041192-2211"},
	},
	{"cvr nummer 10150817", []string{"cvr 10150817"}},
	{"cvr ti femten nul otte sytten", []string{"cvr 10150817"}},
}

func TestFind(t *testing.T) {
	for _, c := range personal {
		t.Run(c.text, func(t *testing.T) {
			var got []string
			for _, m := range Find(Tokens(c.text)) {
				got = append(got, fmt.Sprintf("%s %s", m.Kind, m.Clear))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What must stay readable: a masked case number or amount makes a note useless.
func TestNotMasked(t *testing.T) {
	for _, s := range []string{
		"sagsnummer 2501201234", "sagsnummeret er femogtyve nul en tyve tolv fireogtredive", "journalnummer 041192-2211",
		"sagsnummer tolv toogtyve treogtredive fireogfyrre femoghalvtreds",
		"det koster 22.334.455 kroner", "12.300 kr.", "fra 1995 til 2005", "2024 2025", "1995-2005", "den 3. november 2025",
		"03-11-2025", "3/11-2025", "klokken 14.30", "i tyve fireogtyve tyve femogtyve", "jeg er 45 år", "14 dage", "25 %",
		"den fjerde november nitten tooghalvfems", "en to tre fire fem seks syv otte ni ti", "32 timer om ugen",
		"8000 Aarhus", "postnummer 8000", "lejligheden er på 80 kvadratmeter", "paragraf 42", "uge 45 og uge 46",
		"cvr nummer 10150817", "den 4. november 1992 fik jeg 1200 kroner", "faktura 12345678 er betalt",
		"2025-11-03", "huslejen er 7.500 kroner og indtægten 18.250 kroner", "ordrenummer 4571000000000001",
		"jeg har tre børn på fem syv og ni år", "fem ti femten tyve", "de sidste fire måneder", "2023, 2024 og 2025",
		"kundenummer toogtyve treogtredive fireogfyrre femoghalvtreds", "halv ni den tredje november", "99 procent",
		"1, 2, 3, 4, 5, 6, 7, 8", "side 22 og 33", "vestergade 12 2. th.", "i alt 1.234.567,89 kr.", "telefontid 10-12",
	} {
		t.Run(s, func(t *testing.T) {
			for _, sp := range masked(Tokens(s)) {
				if sp.Kind != KindNone {
					t.Errorf("%q was masked as %s", sp.Clear, sp.Kind)
				}
			}
		})
	}
}

func TestModulus11OnlyRaisesConfidence(t *testing.T) {
	with := Find(Tokens("070761-4285"))
	without := Find(Tokens("070761-4286"))
	if len(with) != 1 || len(without) != 1 {
		t.Fatalf("found %d and %d, want 1 and 1", len(with), len(without))
	}
	if with[0].Confidence <= without[0].Confidence {
		t.Errorf("confidence %v with and %v without modulus 11", with[0].Confidence, without[0].Confidence)
	}
}

func TestDateGate(t *testing.T) {
	for d, want := range map[string]bool{
		"0411922211": true, "3102922211": false, "2902011234": false, "2902004123": true, "0013922211": false, "6411922211": true,
		"9112992211": true, "9212992211": false, "3204922211": false, "0100922211": false, "2902991234": false, "2902961234": true,
	} {
		if got := cprDate(d); got != want {
			t.Errorf("cprDate(%s) = %v, want %v", d, got, want)
		}
	}
}

// The other speaker breaks in between the halves of the number.
func TestMaskAcrossSpeakers(t *testing.T) {
	var tokens []Token
	say := func(speaker, text string) {
		for _, tk := range Tokens(text) {
			tk.Speaker = speaker
			tokens = append(tokens, tk)
		}
	}
	say("caseworker", "hvad er dit cpr nummer")
	say("citizen", "det er nul fire elleve")
	say("caseworker", "ja")
	say("citizen", "tooghalvfems øh")
	say("caseworker", "mm og de sidste")
	say("citizen", "toogtyve elleve tak")
	spans := masked(tokens)
	text := Text(spans)
	for _, leak := range []string{"nul", "elleve", "tooghalvfems", "toogtyve", "92", "22"} {
		if strings.Contains(text, leak) {
			t.Errorf("%q leaks in %q", leak, text)
		}
	}
	found := 0
	for _, s := range spans {
		if s.Kind == KindCPR {
			found++
			if s.Clear != "041192-2211" || s.Speaker != "citizen" {
				t.Errorf("got %q of %s", s.Clear, s.Speaker)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d numbers masked in %q, want 1", found, text)
	}
}

// readAloud says digits as people do: one by one, in pairs as one word or three, with hesitation, or as figures.
func readAloud(rng *rand.Rand, digits string) string {
	var out []string
	for len(digits) > 0 {
		n := min(1+rng.IntN(2), len(digits))
		v := atoi(digits[:n])
		word := cardinal(int64(v))
		switch {
		case n == 2 && v < 10:
			word = speakPair(v)
		case rng.IntN(6) == 0:
			word = digits[:n]
		case n == 2 && v > 20 && v%10 != 0 && rng.IntN(2) == 0:
			word = ones[v%10] + " og " + tens[v/10]
		}
		out = append(out, word)
		digits = digits[n:]
		if rng.IntN(6) == 0 && len(digits) > 0 {
			out = append(out, []string{"øh", "streg", "og så", "øhm øh", "ja"}[rng.IntN(5)])
		}
	}
	return strings.Join(out, " ")
}

// Whatever way a civil registration, telephone or card number is read, all of it is masked and the clear value is right.
func TestReadAloud(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 4000 {
		d := time.Date(1920+rng.IntN(100), time.Month(1+rng.IntN(12)), 1+rng.IntN(28), 0, 0, 0, 0, time.UTC)
		cpr := fmt.Sprintf("%s%04d", d.Format("020106"), rng.IntN(4000))
		phone := fmt.Sprintf("%08d", 20000000+rng.IntN(79999999))
		for kind, digits := range map[Kind]string{KindCPR: cpr, KindPhone: phone} {
			said := readAloud(rng, digits)
			spans := masked(Tokens("det er " + said + " tak"))
			if len(spans) != 4 || spans[2].Kind != kind || onlyDigits(spans[2].Clear) != digits {
				t.Errorf("%s %s said %q came out as %q", kind, digits, said, Text(spans))
			}
		}
	}
}
