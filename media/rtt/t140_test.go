package rtt

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestScanner(t *testing.T) {
	for _, tt := range []struct{ name, typed, want string }{
		{"new lines", "a\u2028b\r\nc\rd\ne\u0085f\u2029g\r\r\nh", "a\nb\nc\nd\ne\nf\ng\n\nh"},
		{"erasure", "ab\b\b\b", "ab\b\b\b"},
		{"controls", "a\x00\x07\t\x7f\u0080\u009f\ufeffb", "ab"},
		{"how it looks", "\u009b1mfed\u009b0m \x1b[3;31mrød\x1b[m.", "fed rød."},
		{"what is no text", "a\u0098any string\u009cb\x1bXanother\x1b\\c", "abc"},
		{"interrupt", "a\x1bab", "ab"},
		{"escape with intermediates", "a\x1b(Bb", "ab"},
		{"a function that does not end", "\u0098abc\nd\u009b12\u2028e\x1b\nf", "\nd\ne\nf"},
		{"escape in a string", "\u0098a\x1bb\u009cc", "c"},
		{"two escapes", "\x1b\x1b[1mx", "x"},
		{"lost text stays", "a\uFFFDb", "a\uFFFDb"},
	} {
		var whole, single Scanner
		if got := whole.Read(tt.typed); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		got := ""
		for _, c := range tt.typed {
			got += single.Read(string(c))
		}
		if got != tt.want {
			t.Errorf("%s, one by one: %q, want %q", tt.name, got, tt.want)
		}
	}
	var s Scanner
	if got := s.Read("\u0098" + strings.Repeat("x", 2*maxString)); len(got) < maxString-1 {
		t.Errorf("a string without an end swallows all but %d characters", len(got))
	}
	var l Scanner
	if got := l.Read("\u009b" + strings.Repeat("1", 2*maxControl) + "m"); len(got) < maxControl {
		t.Errorf("a sequence without an end swallows all but %d characters", len(got))
	}
}

func TestText(t *testing.T) {
	var x Text
	x.Apply("Hej\b\b\b\bGod\r")
	x.Apply("\ndat\bg\u2028\x07Ja")
	x.Apply("\x1b")
	if got := x.String(); got != "God\ndag\nJa" || x.Len() != 10 {
		t.Errorf("got %q, %d", got, x.Len())
	}
}

func TestLine(t *testing.T) {
	var l Line
	got := l.Type(" God dat\bg \r")
	got = append(got, l.Type("\n\u2028\b\bhvad")...)
	got = append(got, l.Type("r\b")...)
	if want := []string{"God dag"}; !slices.Equal(got, want) || l.String() != "hvad" || l.Len() != 4 {
		t.Errorf("got %q and %q", got, l.String())
	}
	if got := l.Type(strings.Repeat("æ", MaxLine)); len(got) != 1 || l.Len() != 4 {
		t.Errorf("a long line: %d lines, %d characters left", len(got), l.Len())
	}
}

// shown is what a terminal has of a mixer.
type shown struct {
	t   *testing.T
	m   Mixer
	x   Text
	now time.Time
}

func (s *shown) take() time.Duration {
	text, again := s.m.Take(s.now)
	s.x.Apply(text)
	return again
}

func (s *shown) types(from, text string) time.Duration {
	s.m.Write(from, from, text, s.now)
	return s.take()
}

func (s *shown) is(want string) {
	s.t.Helper()
	if got := s.x.String(); got != want {
		s.t.Errorf("shown:\n%q, want\n%q", got, want)
	}
}

func TestMixerTurns(t *testing.T) {
	s := &shown{t: t, now: time.Unix(0, 0)}
	s.types("Anna", "Go")
	s.types("Anna", "d dag\b\bag.")
	s.is("[Anna] God dag.")
	if again := s.types("Bo", "Helx\blo"); again != restTurn {
		t.Errorf("Bo waits for %v", again)
	}
	s.types("Cici", "Mig også\u2028og her")
	s.is("[Anna] God dag.")
	s.types("Anna", " Ja\u2028")
	s.is("[Anna] God dag. Ja\n[Bo] Hello")
	s.now = s.now.Add(restTurn)
	s.take()
	s.is("[Anna] God dag. Ja\n[Bo] Hello\n[Cici] Mig også\nog her")
	s.types("Bo", "!\b\b\b?\u2028") // one that it had shown
	s.types("Cici", "\u2028")
	s.is("[Anna] God dag. Ja\n[Bo] Hello\n[Cici] Mig også\nog her\n[Bo] XX?\n")
	s.types("Bo", "\b\u2028\u2028")
	s.is("[Anna] God dag. Ja\n[Bo] Hello\n[Cici] Mig også\nog her\n[Bo] XX?\n")
}

// TestMixerPhrases: the turn goes on at the end of a phrase or a sentence (RFC 9071 section 4.2.2), but not within a number.
func TestMixerPhrases(t *testing.T) {
	for _, tt := range []struct {
		typed string
		over  bool
	}{
		{"Ja, ", true},
		{"Det er sket. ", true},
		{"Er det?", true},
		{"Nej!", true},
		{"Altså: ", true},
		{"To;\u00a0", true},
		{"Ja,", false},
		{"1.000,50", false},
		{"kl.", false},
		{"Ja, d", false},
		{"og ", false},
		{"Ja, \b", false},
		{"Ja? n\b", false},
	} {
		s := &shown{t: t, now: time.Unix(0, 0)}
		s.types("Anna", "Hej")
		s.types("Anna", tt.typed)
		if again := s.types("Bo", "Her"); (again == 0) != tt.over || strings.Contains(s.x.String(), "[Bo]") != tt.over {
			t.Errorf("after %q Bo waits for %v: %q", tt.typed, again, s.x.String())
		}
	}
	s := &shown{t: t, now: time.Unix(0, 0)}
	s.types("Anna", "Jeg vil")
	s.types("Bo", "Vent, jeg")
	s.types("Anna", " søge, og")
	s.is("[Anna] Jeg vil søge, og") // one piece, which ends within the next phrase
	s.types("Anna", " så, ")
	s.is("[Anna] Jeg vil søge, og så, \n[Bo] Vent, jeg")
	s.types("Anna", "\b\b?")
	s.types("Bo", "\u2028")
	s.is("[Anna] Jeg vil søge, og så, \n[Bo] Vent, jeg\n[Anna] XX?")
}

// TestMixerLongTurn: who types on and on gives way at a word's end, and after long anywhere.
func TestMixerLongTurn(t *testing.T) {
	for _, tt := range []struct {
		end  string
		want time.Duration
	}{{" ", longTurn}, {"a", overTurn}} {
		s := &shown{t: t, now: time.Unix(0, 0)}
		s.types("Anna", "a")
		s.types("Bo", "b")
		began := s.now
		for !strings.Contains(s.x.String(), "[Bo]") && s.now.Sub(began) < time.Minute {
			s.now = s.now.Add(time.Second)
			s.types("Anna", "a"+tt.end)
		}
		if got := s.now.Sub(began); got != tt.want {
			t.Errorf("with %q Bo has the turn after %v", tt.end, got)
		}
		if again := s.take(); again == 0 && strings.Count(s.x.String(), "[Anna]") == 1 {
			s.types("Bo", "\u2028")
			s.types("Anna", "z")
		}
		if got := s.x.String(); !strings.HasSuffix(got, "z") || strings.Count(got, "[Anna]") != 2 {
			t.Errorf("at the end: %q", got)
		}
	}
}

func TestMixerNotes(t *testing.T) {
	s := &shown{t: t, now: time.Unix(0, 0)}
	s.m.Note("Velkommen.")
	s.m.Write("desk", "", "Hej", s.now)
	s.take()
	s.m.Note("Vent.")
	s.m.Write("desk", "", "\b du", s.now)
	s.m.Write("desk", "Sags[behandler]\u2028", "!", s.now) // now there are more
	s.take()
	s.is("Velkommen.\nHej\nVent.\nX du\n[Sags(behandler)] !")
	s.m.Write("third", strings.Repeat("n", 100), "\b", s.now)
	s.m.Write("gone", "x", "a\b", s.now)
	s.m.Write("third", strings.Repeat("n", 100), strings.Repeat("y", 2*maxWaiting), s.now)
	s.m.Write("desk", "Sags[behandler]", "\u2028", s.now)
	s.take()
	if got := s.x.String(); !strings.HasSuffix(got, "y\uFFFD") || strings.Contains(got, "[x]") || strings.Contains(got, strings.Repeat("n", maxLabel)) {
		t.Errorf("at the end: %q…", got[:100])
	}
}
