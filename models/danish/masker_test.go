package danish

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// stream feeds a script of "speaker: words" lines to a Masker, one word at a time with the next words as partials, and
// returns everything that was released and everything that was ever shown.
type stream struct {
	m        *Masker
	now      int64
	released []Span
	shown    []string // every partial
}

func (s *stream) say(speaker, words string) {
	tokens := Tokens(words)
	for i := range tokens {
		tokens[i].Speaker = speaker
		tokens[i].Start, tokens[i].End = s.now, s.now+4000
		s.now += 6000
	}
	for i := range tokens {
		for end := i + 1; end <= min(i+3, len(tokens)); end++ {
			s.shown = append(s.shown, Text(s.m.Tail(tokens[i:end])))
		}
		s.released = append(s.released, s.m.Commit(tokens[i])...)
	}
	s.released = append(s.released, s.m.EndUtterance(speaker)...)
}

func TestMaskerNeverShowsCPR(t *testing.T) {
	for name, script := range map[string][][2]string{
		"in one breath": {{"b", "mit cpr nummer er nul fire elleve tooghalvfems toogtyve elleve tak skal du have"}},
		"in pauses":     {{"b", "nul fire"}, {"b", "elleve"}, {"b", "tooghalvfems"}, {"b", "toogtyve"}, {"b", "elleve"}, {"b", "det var det"}},
		"broken into": {
			{"s", "hvad er dit cpr nummer"},
			{"b", "nul fire elleve"},
			{"s", "ja"},
			{"b", "tooghalvfems øh"},
			{"s", "og så"},
			{"b", "toogtyve elleve"},
			{"s", "tak"},
			{"b", "selv tak"},
		},
		"digits":   {{"b", "nul fire en en ni to to to en en mere kan jeg ikke"}},
		"written":  {{"b", "04 11 92 22 11 det er mit nummer"}},
		"birthday": {{"s", "hvad er dit cpr nummer"}, {"b", "fjerde november tooghalvfems"}, {"s", "og de sidste fire"}, {"b", "toogtyve elleve"}, {"b", "ja tak"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stream{m: &Masker{}}
			for _, line := range script {
				s.say(line[0], line[1])
			}
			s.released = append(s.released, s.m.Close()...)
			all := append(slices.Clone(s.shown), Text(s.released))
			for _, text := range all {
				for _, leak := range []string{"tooghalvfems", "toogtyve", "92", "2211", "ni to", "en en", "elleve t", "november 92"} {
					if strings.Contains(text, leak) {
						t.Errorf("%q leaks in %q", leak, text)
					}
				}
			}
			clear := ""
			for _, sp := range s.released {
				clear += onlyDigits(sp.Clear)
			}
			if clear != "0411922211" {
				t.Errorf("the clear value is %q, want 0411922211; released %q", clear, Text(s.released))
			}
		})
	}
}

// masked is the whole text at once, with the personal data in it replaced.
func masked(tokens []Token) []Span { return mask(tokens, newCues(speakers(tokens))) }

// Whatever the pauses are, what comes out word by word is what masked gives for the whole, and nothing is lost.
func TestMaskerReleasesEverything(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	script := strings.Fields("goddag det er om min boligstøtte jeg betaler syv tusind fem hundrede kroner om måneden siden den tredje " +
		"november og jeg har to børn mit nummer er toogtyve treogtredive fireogfyrre femoghalvtreds og min mail er bente punktum holm " +
		"snabel a eksempel punktum dk klokken halv ni passer fint hej hej")
	var tokens []Token
	for i, w := range script {
		tokens = append(tokens, Token{Text: w, Start: int64(i * 5000), End: int64(i*5000 + 4000)})
	}
	want := Text(masked(tokens))
	for range 50 {
		var m Masker
		var got []Span
		for i := 0; i < len(tokens); {
			n := min(1+rng.IntN(4), len(tokens)-i)
			got = append(got, m.Commit(tokens[i:i+n]...)...)
			i += n
		}
		got = append(got, m.Close()...)
		if text := Text(got); text != want {
			t.Fatalf("got  %q\nwant %q", text, want)
		}
		for k, s := range got {
			if k > 0 && s.Tokens[0] != got[k-1].Tokens[len(got[k-1].Tokens)-1]+1 {
				t.Fatalf("span %d starts at token %d after %v", k, s.Tokens[0], got[k-1].Tokens)
			}
		}
	}
}

func TestMaskerHoldsLittle(t *testing.T) {
	for words, want := range map[string]int{
		"jeg ringer om min sag":        1, // the last word may begin an address
		"det koster tolv tusind":       2,
		"nul fire elleve":              3,
		"nul fire elleve tooghalvfems": 4,
		"den fjerde november":          2,
		"mit nummer er toogtyve treogtredive fireogfyrre femoghalvtreds og tak": 1,
		"min mail er bente punktum holm":                                        3,
		"klokken":                                                               1,
	} {
		var m Masker
		m.Commit(Tokens(words)...)
		if m.Held() != want {
			t.Errorf("%q holds %d words, want %d", words, m.Held(), want)
		}
	}
}

func TestMaskerEndUtterance(t *testing.T) {
	for words, want := range map[string]int{
		"jeg ringer om min sag":  0,
		"jeg har sendt en":       0,
		"nul fire elleve":        3,
		"vi ses klokken":         0,
		"skriv til bente snabel": 2,
	} {
		var m Masker
		m.Commit(Tokens(words)...)
		m.EndUtterance("")
		if m.Held() != want {
			t.Errorf("%q holds %d words after the utterance, want %d", words, m.Held(), want)
		}
	}
}

func TestMaskerExpires(t *testing.T) {
	var m Masker
	m.Commit(Token{Text: "jeg", End: 100}, Token{Text: "har", End: 200}, Token{Text: "syv", Start: 200, End: 300})
	m.EndUtterance("")
	if got := m.Expire(300 + holdLimit/2); len(got) != 0 {
		t.Errorf("released %q too early", Text(got))
	}
	if got := Text(m.Expire(301 + holdLimit)); got != "syv" {
		t.Errorf("released %q, want syv", got)
	}
}

// A long conversation keeps only a bounded history, and token indexes go on counting.
func TestMaskerForgets(t *testing.T) {
	var m Masker
	n := 0
	for i := range 3000 {
		for _, s := range m.Commit(Token{Text: fmt.Sprintf("ord%c", 'a'+i%26)}) {
			if s.Tokens[0] != n {
				t.Fatalf("span of token %d, want %d", s.Tokens[0], n)
			}
			n += len(s.Tokens)
		}
	}
	if len(m.history) > maxHistory+1 {
		t.Errorf("keeps %d tokens", len(m.history))
	}
}

// Random numbers, split at random places with random hesitation and interruptions, never leave in clear.
func TestMaskerSplits(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		d := time.Date(1930+rng.IntN(80), time.Month(1+rng.IntN(12)), 1+rng.IntN(28), 0, 0, 0, 0, time.UTC)
		digits := fmt.Sprintf("%s%04d", d.Format("020106"), rng.IntN(10000))
		if !cprDate(digits) {
			continue
		}
		s := &stream{m: &Masker{}}
		s.say("s", "hvad er dit nummer")
		for _, w := range strings.Fields(speakDigits(digits)) {
			if rng.IntN(3) == 0 {
				s.say("s", "ja")
			}
			if rng.IntN(4) == 0 {
				w = "øh " + w
			}
			s.say("b", w)
		}
		s.say("b", "tak skal du have")
		s.released = append(s.released, s.m.Close()...)
		clear := ""
		for _, sp := range s.released {
			clear += onlyDigits(sp.Clear)
		}
		if clear != digits {
			t.Errorf("%s (%s) came out as %q", digits, speakDigits(digits), Text(s.released))
		}
	}
}

// What the screen shows while an amount is said is not hidden; digits that may become a number are.
func TestTail(t *testing.T) {
	for words, want := range map[string]string{
		"det koster syv tusind fem hundrede":            "det koster 7.500",
		"det koster fem hundrede":                       "det koster 500",
		"jeg har to":                                    "jeg har to",
		"mit nummer er toogtyve treogtredive":           "mit nummer er ••••",
		"mit cpr nummer er nul":                         "mit CPR nummer er •••",
		"sagsnummer tolv fireogtredive seksoghalvtreds": "sagsnummer 123456",
		"skriv til bente punktum":                       "skriv til ••••• •••••••",
	} {
		var m Masker
		if got := Text(m.Tail(Tokens(words))); got != want {
			t.Errorf("%q shows %q, want %q", words, got, want)
		}
	}
}
