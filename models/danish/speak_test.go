package danish

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// said lists written text and its words. Reading the words back must give the text again, except where noted.
func TestSpeakAndBack(t *testing.T) {
	for _, c := range []rule{
		{"tolv tusind tre hundrede kroner", "12.300 kr."},
		{"fem kroner", "5 kr."},
		{"tolv kroner og halvtreds øre", "12,50 kr."},
		{"femogtyve procent", "25 %"},
		{"to komma fem procent", "2,5 %"},
		{"klokken fjorten tredive", "kl. 14.30"},
		{"klokken otte nul fem", "kl. 8.05"},
		{"klokken ni", "kl. 9"},
		{"klokken et", "kl. 1"},
		{"den tredje november tyve femogtyve", "den 3. november 2025"},
		{"den fjerde november nitten tooghalvfems", "den 4. november 1992"},
		{"den femtende juni", "den 15. juni"},
		{"ring på toogtyve treogtredive fireogfyrre femoghalvtreds", "ring på 22 33 44 55"},
		{"plus femogfyrre toogtyve treogtredive fireogfyrre femoghalvtreds", "+45 22 33 44 55"},
		{"nul fire elleve tooghalvfems toogtyve elleve", "041192-2211"},
		{"nul fire elleve tooghalvfems nul fem nul nul", "041192-0500"},
		{"bente punktum holm snabel a eksempel punktum dk", "bente.holm@eksempel.dk"},
		{"tre uger", "3 uger"},
		{"fjorten dage", "14 dage"},
		{"i tyve femogtyve", "i 2025"},
		{"siden nitten femoghalvfems", "siden 1995"},
		{"på tredje sal", "på 3. sal"},
		{"side to", "side 2"},
		{"uge femogfyrre", "uge 45"},
		{"mit cpr-nummer er nul en nul en en og firs tolv fireogtredive", "mit CPR-nummer er 010181-1234"},
	} {
		t.Run(c.written, func(t *testing.T) {
			back := Text(Normalise(Tokens(c.spoken)))
			if back != c.written {
				t.Errorf("Normalise(%q) = %q, want %q", c.spoken, back, c.written)
			}
			again := Text(Normalise(Tokens(speak(c.written))))
			if again != c.written {
				t.Errorf("Normalise(speak(%q)) = %q; speak gave %q", c.written, again, speak(c.written))
			}
		})
	}
}

func TestSpeakSentence(t *testing.T) {
	for written, want := range map[string]string{
		"Du får 12.300 kr. om måneden.":           "Du får tolv tusind tre hundrede kroner om måneden.",
		"Vi ses kl. 14.30, den 3. november 2025.": "Vi ses klokken fjorten tredive, den tredje november tyve femogtyve.",
		"Send det f.eks. til os.":                 "Send det for eksempel til os.",
		"Det er 25 % af 1.000.000 kr.":            "Det er femogtyve procent af en million kroner",
		"Se § 15 i loven.":                        "Se paragraf femten i loven.",
	} {
		if got := speak(written); got != want {
			t.Errorf("speak(%q)\n got %q\nwant %q", written, got, want)
		}
	}
}

// Every number that is spoken is read back: all small ones, and a sample up to 9,999,999.
func TestNumbersRoundTrip(t *testing.T) {
	check := func(v int64) {
		want := group(v) + " kr."
		if got := Text(Normalise(Tokens(cardinal(v) + " kroner"))); got != want && v != 1 {
			t.Errorf("%d: %q was read as %q", v, cardinal(v), got)
		}
		n, ok := numberAt(oneSpeaker(cardinal(v)), 0)
		if !ok || n.value != v {
			t.Errorf("%d: %q was read as %d", v, cardinal(v), n.value)
		}
		glued := oneSpeaker(joinWords(cardinal(v)))
		if n, ok := numberAt(glued, 0); v < 1000 && (!ok || n.value != v) {
			t.Errorf("%d: as one word %q was read as %d", v, glued[0].core, n.value)
		}
	}
	for v := range int64(2000) {
		check(v)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		check(rng.Int64N(10_000_000))
	}
}

func joinWords(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != ' ' {
			b = append(b, s[i])
		}
	}
	return string(b)
}

func TestDatesRoundTrip(t *testing.T) {
	for d := time.Date(1930, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2035; d = d.AddDate(0, 0, 7) {
		want := "den " + date{year: d.Year(), month: int(d.Month()), day: d.Day()}.String()
		spoken := speak(want)
		if got := Text(Normalise(Tokens(spoken))); got != want {
			t.Errorf("%q was spoken %q and read %q", want, spoken, got)
		}
	}
}

func TestClockRoundTrip(t *testing.T) {
	for h := range 24 {
		for m := range 60 {
			want := fmt.Sprintf("kl. %d.%02d", h, m)
			if got := Text(Normalise(Tokens(speak(want)))); got != want {
				t.Errorf("%q was spoken %q and read %q", want, speak(want), got)
			}
		}
	}
}

func TestIdentifiersRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		d := time.Date(1920+rng.IntN(100), time.Month(1+rng.IntN(12)), 1+rng.IntN(28), 0, 0, 0, 0, time.UTC)
		cpr := fmt.Sprintf("%s-%04d", d.Format("020106"), rng.IntN(4000))
		phone := fmt.Sprintf("%02d %02d %02d %02d", 20+rng.IntN(80), rng.IntN(100), rng.IntN(100), rng.IntN(100))
		for _, want := range []string{cpr, phone} {
			spans := masked(Tokens(speak(want)))
			if len(spans) != 1 || spans[0].Clear != want {
				t.Errorf("%q was spoken %q and masked as %q", want, speak(want), Text(spans))
			}
		}
	}
}
