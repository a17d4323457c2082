// Package crisis finds out whether somebody may come to harm, before anything else looks at a question, and says whom to call. The
// texts and numbers are fixed; no model and no search is asked. It is made to miss nothing: of two readings it takes the worse,
// but questions about rules ("hvem anmelder et dødsfald", "arv efter selvmord") are no crisis.
//
// Everything is pure and safe for concurrent use.
package crisis

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Kind is what may be happening.
type Kind string

// The kinds, the most urgent first.
const (
	None      Kind = ""
	Emergency Kind = "emergency" // life in danger now: 112
	Poison    Kind = "poison"    // Giftlinjen
	Suicide   Kind = "suicide"   // Livslinien
	Child     Kind = "child"     // a child in danger, or a child who writes
	Violence  Kind = "violence"  // in close relations, rape, stalking, threats
	Threat    Kind = "threat"    // harm to others
)

// Find reads a text as it was sent.
func Find(text string) Kind {
	t := fold(text)
	for _, r := range rules {
		if r.matches(t) {
			return r.kind
		}
	}
	return None
}

// folded is a text with one spelling: lower case, no marks over letters, no doubled letters, æ ø å written out, words with one
// space around them.
type folded struct {
	text  string // " jeg vil ikke leve mer "
	words []string
}

func fold(text string) folded {
	var b strings.Builder
	var last rune
	low := strings.ToLower(norm.NFD.String(strings.NewReplacer("å", "aa", "Å", "aa").Replace(norm.NFC.String(text))))
	for _, r := range low {
		switch {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
			continue
		case r == '\'' || r == '’' || r == '´' || r == '`':
			continue
		case r == 'æ':
			b.WriteString("ae")
			last = 'e'
			continue
		case r == 'ø':
			b.WriteString("oe")
			last = 'e'
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = ' '
		}
		if r == last && (r == ' ' || unicode.IsLetter(r)) {
			continue
		}
		b.WriteRune(r)
		last = r
	}
	words := strings.Fields(b.String())
	for i, w := range words {
		if same, ok := spellings[w]; ok {
			words[i] = same
		}
	}
	return folded{" " + strings.Join(words, " ") + " ", words}
}

// spellings unify what people write and say in many ways. They are folded: doubled letters are one.
var spellings = func() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(`jeg: jeig jg jej jei jæg jaeg ja'
		ikke: ik ike iker igge ikki iken
		vil: vi'
		mere: mer mera meer
		gider: gidder giddr gidr gida
		selvmord: selvmor sælvmord saelvmord selmord sjelvmord selvmoord selmor sevmord selvmort saelvmor selvmordstanker selvmorstanker selvmordsplaner selvmordet
		doe: dø doo dø'
		slaar: slår slor slaa' slara slaaer slar
		draebe: drebe draeb dræbe draber dræber draeber
		orker: orke orkr orger
		kan: ka ken
		har: ha'
		mig: mi mæ mej maig
		skal: ska skl
		livet: live't livt`) {
		to, from, _ := strings.Cut(line, ":")
		for f := range strings.FieldsSeq(from) {
			out[f] = strings.TrimSpace(to)
		}
	}
	return out
}()

// rule is one way to see a crisis: one of the phrases, and none of those that make it harmless.
type rule struct {
	kind    Kind
	phrases []string // in folded writing; a leading or trailing * is an open word end
	unless  []string
}

func (r rule) matches(t folded) bool {
	found := false
	for _, p := range r.phrases {
		if t.has(p) {
			found = true
			break
		}
	}
	if !found {
		return false
	}
	for _, p := range r.unless {
		if t.has(p) {
			return false
		}
	}
	return true
}

// has reports the words of a phrase in a row; "…" stands for up to five words between.
func (t folded) has(phrase string) bool {
	parts := strings.Split(phrase, "…")
	return t.from(0, len(t.words), parts)
}

func (t folded) from(at, until int, parts []string) bool {
	want := strings.Fields(parts[0])
	for i := at; i < until && i+len(want) <= len(t.words); i++ {
		if !t.at(i, want) {
			continue
		}
		if len(parts) == 1 {
			return true
		}
		if t.from(i+len(want), min(len(t.words), i+len(want)+6), parts[1:]) {
			return true
		}
	}
	return false
}

func (t folded) at(i int, want []string) bool {
	for k, w := range want {
		if !same(w, t.words[i+k]) {
			return false
		}
	}
	return true
}

// same compares a word of a phrase with one of the text: "*" at an end is open, and long words may differ by one letter.
func same(pattern, w string) bool {
	for alt := range strings.SplitSeq(pattern, "/") {
		open := strings.HasSuffix(alt, "*")
		p := strings.Trim(alt, "*")
		switch {
		case strings.HasPrefix(alt, "*") && open && strings.Contains(w, p), !strings.HasPrefix(alt, "*") && open && strings.HasPrefix(w, p),
			strings.HasPrefix(alt, "*") && !open && strings.HasSuffix(w, p), p == w:
			return true
		case !open && len(p) >= 7 && near(p, w):
			return true
		}
	}
	return false
}

// near reports words that differ by one letter changed, added, left out, or two that changed places.
func near(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || a[0] != b[0] {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i == len(a) || a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
	}
	return a[i:] == b[i+1:]
}
