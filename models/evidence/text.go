package evidence

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"samtale.dk/samtale/models/danish"
)

// token is one word of a text, prepared for comparison.
type token struct {
	raw     string // without punctuation around it
	low     string
	stem    string
	clause  int
	inFact  bool // part of a number, date, …: the facts are compared instead
	inQuote bool
}

// content reports a word that carries meaning and that no other check compares.
func (t token) content() bool {
	return t.low != "" && !t.inFact && !frames[t.low] && !danish.Stop(t.low) && !negators[t.low] && !modals[t.low] && !hedges[t.low]
}

// text is a claim or a passage, divided.
type text struct {
	raw     string
	tokens  []token
	facts   []danish.Fact // token indexes are those of tokens
	clauses int
	quoted  []quote
}

// source is what the spans of a claim say together.
type source struct {
	text
	passages []Passage
	ends     []int   // for each passage the number of clauses up to and with it
	context  *source // the whole sentences that the spans belong to
}

func newText(raw string) *text {
	tokens := danish.Tokens(raw)
	t := &text{raw: raw, facts: danish.Facts(tokens), quoted: quotes(raw)}
	inside := map[int]bool{} // tokens of a fact, but its first: no clause begins there
	for _, f := range t.facts {
		for _, i := range f.Tokens[1:] {
			inside[i] = true
		}
	}
	quote, boundary := false, false
	for i, tk := range tokens {
		if strings.ContainsAny(tk.Text, "»“") || strings.HasPrefix(tk.Text, `"`) {
			quote, boundary = true, true
		}
		w := strings.TrimFunc(tk.Text, notWord)
		low := strings.ToLower(w)
		if i > 0 && !inside[i] && (boundary || t.conjunction(low)) {
			t.clauses++
		}
		t.tokens = append(t.tokens, token{raw: w, low: low, stem: danish.Stem(low), clause: t.clauses, inQuote: quote})
		boundary = strings.ContainsAny(tail(tk.Text, w), ".,;:?!…–") && !abbreviated(tk.Text)
		if strings.ContainsAny(tk.Text, "«”") || strings.HasSuffix(strings.TrimRight(tk.Text, ".,!?"), `"`) && quote {
			quote = false
		}
	}
	t.clauses++
	for _, f := range t.facts {
		for _, i := range f.Tokens {
			t.tokens[i].inFact = true
		}
	}
	return t
}

func notWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '%' && r != '•'
}

// tail is what follows the word in its token.
func tail(token, word string) string {
	i := strings.LastIndex(token, word)
	if i < 0 {
		return token
	}
	return token[i+len(word):]
}

// abbreviated reports "kr." and "3.", whose dot ends no clause.
func abbreviated(s string) bool {
	s = strings.ToLower(s)
	if !strings.HasSuffix(s, ".") {
		return false
	}
	switch s {
	case "kr.", "kl.", "nr.", "ca.", "evt.", "f.eks.", "bl.a.", "tlf.", "d.":
		return true
	}
	return len(s) <= 3 && strings.Trim(s, "0123456789.") == ""
}

// conjunction reports a word that begins a clause: what is denied before it need not be denied after it.
func (t *text) conjunction(low string) bool {
	switch low {
	case "men", "fordi", "hvis", "når", "så", "at", "som", "mens", "selvom", "medmindre":
		return true
	case "og", "eller":
		for i := len(t.tokens) - 1; i >= 0 && t.tokens[i].clause == t.clauses; i-- {
			if t.tokens[i].low == "hverken" {
				return false
			}
		}
		return low == "og"
	}
	return false
}

// quote is what stands between quotation marks, and the role named last before it.
type quote struct{ text, role string }

func quotes(s string) []quote {
	var out []quote
	for _, marks := range [][2]string{{"»", "«"}, {"“", "”"}, {`"`, `"`}} {
		role, rest := "", s
		for {
			before, after, ok := strings.Cut(rest, marks[0])
			if !ok {
				break
			}
			role = cmp.Or(lastRole(before), role)
			in, more, _ := strings.Cut(after, marks[1]) // an open quotation goes to the end
			out = append(out, quote{in, role})
			rest = more
		}
	}
	return out
}

func lastRole(s string) string {
	role := ""
	for _, w := range strings.Fields(s) {
		role = cmp.Or(roles[strings.ToLower(strings.TrimFunc(w, notWord))], role)
	}
	return role
}

func newSource(passages []Passage) *source {
	src, context := &source{passages: passages}, &source{passages: passages}
	for _, p := range passages {
		src.append(p.Text)
		context.append(cmp.Or(p.Context, p.Text))
	}
	src.context = context
	return src
}

// append adds a passage: its words follow, its clauses are its own.
func (s *source) append(passage string) {
	part, offset := newText(passage), len(s.tokens)
	for _, tk := range part.tokens {
		tk.clause += s.clauses
		s.tokens = append(s.tokens, tk)
	}
	for _, f := range part.facts {
		at := make([]int, len(f.Tokens))
		for i, k := range f.Tokens {
			at[i] = k + offset
		}
		f.Tokens = at
		s.facts = append(s.facts, f)
	}
	s.clauses += part.clauses
	s.ends = append(s.ends, s.clauses)
}

// has reports a word of the source that is the same, inflected otherwise, or part of a compound.
func (s *source) has(t token) bool {
	return s.joined(t) || slices.ContainsFunc(s.tokens, func(o token) bool { return related(t, o) })
}

// joined reports a word that the source has as two: "mit id".
func (s *source) joined(t token) bool {
	for i := 1; i < len(s.tokens); i++ {
		if a, b := s.tokens[i-1].low, s.tokens[i].low; len(a)+len(b) == len(t.low) && a+b == t.low {
			return true
		}
	}
	return false
}

func (t *text) hasWord(low string) bool {
	for _, o := range t.tokens {
		if o.low == low {
			return true
		}
	}
	return false
}

// synonyms are words that a note writes for what people say. Each must be safe in every sentence.
var synonyms = map[string]string{
	"indsende": "sende", "indsender": "sende", "fremsende": "sende", "fremsender": "sende", "indsendt": "sende", "fremsendt": "sende",
	"sender": "sende", "sendt": "sende", "sendte": "sende", "modtaget": "få", "modtager": "få", "modtog": "få", "telefonnr": "telefonnummer",
	"mail": "mail", "e-mail": "mail", "mailadresse": "mail", "lønseddel": "lønsedler", "lønsedlen": "lønsedler", "lønsedlerne": "lønsedler",
	"vedlægger": "vedlagt", "børn": "barn", "børnene": "barn", "barnet": "barn", "ringer": "ringe", "ringet": "ringe", "ringede": "ringe",
	"bøger": "bog", "mænd": "mand", "brødre": "bror", "søgt": "søge", "søger": "søge", "søgte": "søge", "taget": "tage", "skrevet": "skrive",
	"skriver": "skrive", "betalt": "betale", "betaler": "betale", "flyttet": "flytte", "flytter": "flytte", "mistet": "miste", "fik": "få",
	"fået": "få", "får": "få",
}

func base(t token) string {
	if s, ok := synonyms[t.low]; ok {
		return danish.Stem(s)
	}
	return t.stem
}

// related compares two words. Words of six letters and more may share all but an ending; a part of a compound of at least
// five letters stands for it.
func related(a, b token) bool {
	if a.low == b.low {
		return true
	}
	x, y := base(a), base(b)
	if x == y {
		return !prefixed(a.low, b.low)
	}
	if prefixed(a.low, b.low) || prefixed(b.low, a.low) {
		return false
	}
	short, long := x, y
	if len(short) > len(long) {
		short, long = long, short
	}
	if utf8.RuneCountInString(short) >= 6 && strings.HasPrefix(long, short) && len(long)-len(short) <= 3 {
		return true
	}
	return utf8.RuneCountInString(short) >= 5 && strings.HasSuffix(long, short) && len(long)-len(short) >= 3
}

// prefixed reports that one word is the other turned round by u-, in-, mis- or af-: "ugyldig" and "gyldig".
func prefixed(a, b string) bool {
	for _, p := range []string{"u", "mis", "ikke-", "af", "fra", "gen"} {
		if strings.TrimPrefix(b, p) != b && strings.HasPrefix(strings.TrimPrefix(b, p), firstN(a, len(a)-2)) && len(a) > 4 {
			return true
		}
		if strings.TrimPrefix(a, p) != a && strings.HasPrefix(strings.TrimPrefix(a, p), firstN(b, len(b)-2)) && len(b) > 4 {
			return true
		}
	}
	return false
}

func firstN(s string, n int) string {
	if n < 1 || n > len(s) {
		return s
	}
	return s[:n]
}

// coverage is the share of the claim's words that the source has.
func (t *text) coverage(src *source) float64 {
	n, found := 0, 0
	for _, tk := range t.tokens {
		if !tk.content() {
			continue
		}
		n++
		if src.has(tk) {
			found++
		}
	}
	if n == 0 {
		return 1
	}
	return float64(found) / float64(n)
}
