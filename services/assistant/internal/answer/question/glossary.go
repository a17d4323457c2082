package question

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
)

//go:embed glossary.txt
var glossaryText string

// A matter is a line of glossary.txt: what Danish articles call something that people ask about in English.
type matter struct {
	english []string // its entries, as [plain] gives them
	terms   []string
	side    bool // says which side of a matter is asked about
}

// glossary has the matters by what people call them, as [plain] gives it.
var glossary, longestEntry = read(glossaryText)

func read(text string) (out map[string]matter, longest int) {
	out = map[string]matter{}
	for line := range strings.Lines(text) {
		line, side := strings.CutPrefix(strings.TrimSpace(line), "~")
		english, danish, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		m := matter{side: side}
		for t := range strings.SplitSeq(danish, "|") {
			m.terms = append(m.terms, strings.TrimPrefix(strings.TrimSpace(t), "+"))
		}
		for e := range strings.SplitSeq(english, ",") {
			ws := plain(e)
			m.english = append(m.english, strings.Join(ws, " "))
			longest = max(longest, len(ws))
		}
		for _, e := range m.english {
			out[e] = m
		}
	}
	return out, longest
}

// InDanish is what an English question is about in the words of Danish articles. It finds articles, and says nothing to anybody.
type InDanish struct {
	matters []matter
	sides   []matter
	Known   float64 // which part of the words that say what the question is about the glossary has
}

// Glossed looks an English question up in the glossary.
func Glossed(text string) InDanish {
	var g InDanish
	ws := plain(text)
	known, all := 0, 0
	for i := 0; i < len(ws); {
		m, n := entry(ws[i:])
		switch {
		case n == 0 && !small(ws[i]):
			all++
		case n > 0:
			g.add(m)
			if !m.side {
				known, all = known+n, all+n
			}
		}
		i += max(n, 1)
	}
	if all > 0 {
		g.Known = float64(known) / float64(all)
	}
	return g
}

// entry is the longest one that words begin with, and how many of them it is.
func entry(ws []string) (matter, int) {
	for n := min(longestEntry, len(ws)); n > 0; n-- {
		if m, ok := glossary[strings.Join(ws[:n], " ")]; ok {
			return m, n
		}
	}
	return matter{}, 0
}

func (g *InDanish) add(m matter) {
	to := &g.matters
	if m.side {
		to = &g.sides
	}
	if !slices.ContainsFunc(*to, func(o matter) bool { return o.terms[0] == m.terms[0] }) {
		*to = append(*to, m)
	}
}

// Empty reports that no matter is known.
func (g InDanish) Empty() bool { return len(g.matters) == 0 }

// Query is what to search Danish articles for.
func (g InDanish) Query() string {
	var out []string
	for _, m := range slices.Concat(g.matters, g.sides) {
		out = append(out, m.terms...)
	}
	return strings.Join(out, " ")
}

// In is which part of the matters a text is about, by its words.
func (g InDanish) In(text string) float64 {
	if g.Empty() {
		return 0
	}
	ws, n := danishWordsOf(text), 0
	for _, m := range g.matters {
		if slices.ContainsFunc(m.terms, func(t string) bool { return named(ws, danishWordsOf(t)) }) {
			n++
		}
	}
	return float64(n) / float64(len(g.matters))
}

// Names reports a text that has any of the matters, in Danish or by all words of what people call it in English.
func (g InDanish) Names(text string) bool {
	if g.In(text) > 0 {
		return true
	}
	ws := plain(text)
	return slices.ContainsFunc(g.matters, func(m matter) bool {
		return slices.ContainsFunc(m.english, func(e string) bool {
			return !slices.ContainsFunc(strings.Fields(e), func(w string) bool { return !slices.Contains(ws, w) })
		})
	})
}

// beginning is how many bytes a word must have that longer words may begin with: "husleje" is in "huslejen", "pas" not in "pasning".
const beginning = 5

// named reports that words have those of a term in a row.
func named(ws, term []string) bool {
	for i := 0; i+len(term) <= len(ws); i++ {
		ok := true
		for j, t := range term {
			w := ws[i+j]
			ok = ok && (w == t || len(t) >= beginning && strings.HasPrefix(w, t))
		}
		if ok {
			return true
		}
	}
	return false
}

func danishWordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// joints are the small words that entries and questions are compared without.
var joints = set("a an the my our your his her their its this that of for to in on at from with and or about as own some any someone by out up into please")

// plain is an English text as the glossary compares it: its words without the smallest ones, endings and American spelling.
func plain(text string) []string {
	var out []string
	text = strings.NewReplacer("’", "'", "n't", "nt").Replace(strings.ToLower(text))
	for f := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' }) {
		w, _, _ := strings.Cut(f, "'")
		if w != "" && !joints[w] {
			out = append(out, base(w))
		}
	}
	return out
}

var american = strings.NewReplacer("license", "licence", "center", "centre", "programme", "programme", "program", "programme", "ization", "isation", "authoriz", "authoris", "hospitaliz", "hospitalis", "check", "cheque")

// base is an English word without the endings of the plural and of verbs. It need be no word: both sides are compared so.
func base(w string) string {
	w = american.Replace(w)
	if small(w) || len(w) < 4 {
		return w
	}
	switch {
	case strings.HasSuffix(w, "ies") || strings.HasSuffix(w, "ied"):
		return w[:len(w)-3] + "i"
	case strings.HasSuffix(w, "sses") || strings.HasSuffix(w, "xes") || strings.HasSuffix(w, "ches") || strings.HasSuffix(w, "shes"):
		w = w[:len(w)-2]
	case strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us"):
		w = w[:len(w)-1]
	}
	for _, end := range []string{"ing", "ed"} {
		if cut, ok := strings.CutSuffix(w, end); ok && len(cut) >= 3 {
			if w = cut; len(w) == 3 && !strings.ContainsAny(w[2:], "aeiouwxy") { // "moving"
				w += "e"
			}
			break
		}
	}
	if len(w) > 4 { // "care" is no "car"
		w = strings.TrimSuffix(w, "e")
	}
	if n := len(w); w[n-1] == w[n-2] { // "enrolled", "enrol"
		w = w[:n-1]
	}
	if cut, ok := strings.CutSuffix(w, "y"); ok && len(w) > 3 {
		w = cut + "i"
	}
	return w
}

// circumstances are words about the asker rather than about the matter, besides those of [Subject].
var circumstances = set(`am no one two three four five six seven eight nine ten person people somebody anyone everybody thing stuff way lot rid report notify inform register receive give given start stop end begin become keep happen change money kroner dkk amount rule call ring phone
	contact ask say said tell told know think want wish like try tried send sent sign fill live home house flat apartment garden street town city here there
	today tomorrow yesterday last next year month week day old young year high low big small first best broken work job friend family brother sister grandmother grandfather
	aunt uncle neighbour girlfriend boyfriend fiance danish denmark local municipality government state public also still just really only more less bit between possible free`)

// small reports an English word that says nothing about the matter.
func small(w string) bool {
	return len(w) < 2 || circumstances[w] || englishSmall[w] || englishShared[w] || generic[w] || courtesy[w] || pointers[w]
}
