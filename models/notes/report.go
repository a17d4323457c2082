package notes

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"samtale.dk/samtale/models/evidence"
)

// reports gives ways to report a sentence, best first. Danish verbs have one form for all persons, so exchanging the
// pronouns in place makes a correct sentence in the third person; where a pronoun could mean somebody else, or the
// sentence asks, only the quotation is left.
func reports(s *said) []string {
	who := "Borgeren"
	if s.role == evidence.Caseworker {
		who = "Sagsbehandleren"
	}
	if s.asks {
		return []string{who + " spørger: " + quote(s) + "."}
	}
	quoted := who + " oplyser: " + quote(s) + "."
	text, ok := rewrite(s)
	if !ok {
		return []string{quoted}
	}
	return []string{text, quoted}
}

// quote puts a sentence between quotation marks, without greetings before it and without the full stop.
func quote(s *said) string {
	words := strings.Fields(s.text)
	for i := 0; len(words) > 1 && greeting(s.low[i]); i++ {
		words = words[1:]
	}
	text := strings.Join(words, " ")
	if !strings.HasSuffix(text, "kr.") {
		text = strings.TrimSuffix(text, ".")
	}
	return "»" + upperFirst(text) + "«"
}

// greeting are words before a sentence that say nothing about it; "ja", "nej" and "så" do.
func greeting(w string) bool {
	switch w {
	case "og", "men", "tak", "hej", "goddag", "undskyld", "okay", "ok", "fint", "godt", "jamen", "nå", "øh", "øhm", "altså":
		return true
	}
	return false
}

// maxRewrite is the longest sentence, in words, that is rewritten. Longer ones have several clauses, in which a pronoun
// may mean anything.
const maxRewrite = 22

// rewrite puts a sentence into the third person.
func rewrite(s *said) (string, bool) {
	words, low := trimmed(s)
	if len(words) < 3 || len(words) > maxRewrite || imperative(low[0]) {
		return "", false
	}
	p := pronouns{citizen: s.role == evidence.Citizen}
	head := opening(low)
	out := make([]string, 0, len(words))
	if head > 0 && p.citizen {
		out = append(out, "Henvendelsen drejer sig om")
		words, low = words[head:], low[head:]
		p.changed = true
	}
	for i, w := range words {
		if startsClause(low, i) {
			p.subject = ""
		}
		core := strings.TrimFunc(w, notLetter)
		to, ok := p.exchange(strings.ToLower(core), low, i)
		if !ok {
			return "", false
		}
		if to != "" {
			w = strings.Replace(w, core, to, 1)
		}
		out = append(out, w)
	}
	if !p.changed || p.times > 2 {
		return "", false
	}
	text := upperFirst(strings.Join(out, " "))
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text, true
}

// trimmed gives the words without hesitation and without the words that open a turn. After "så" Danish puts the verb first;
// without it the subject goes first.
func trimmed(s *said) (words, low []string) {
	so := false
	for i, w := range strings.Fields(s.text) {
		if strings.HasPrefix(s.low[i], "øh") || len(words) == 0 && leading(s.low[i]) {
			so = so || s.low[i] == "så"
			continue
		}
		words, low = append(words, w), append(low, s.low[i])
	}
	if so && len(low) > 2 && (low[1] == "jeg" || low[1] == "du") {
		words[0], words[1] = words[1], words[0]
		low[0], low[1] = low[1], low[0]
	}
	return words, low
}

// imperative are words of request, which have no subject to exchange.
func imperative(w string) bool {
	switch w {
	case "ring", "send", "husk", "skriv", "kom", "vent", "se", "tag", "giv", "lad", "prøv", "bare", "vær":
		return true
	}
	return false
}

// opening gives the length of "det drejer sig om" and its like at the start.
func opening(low []string) int {
	for _, p := range []string{"det drejer sig om", "det handler om", "det er om"} {
		if n := len(strings.Fields(p)); len(low) > n && strings.Join(low[:n], " ") == p {
			return n
		}
	}
	return 0
}

// leading are words that open a turn and carry nothing.
func leading(w string) bool {
	switch w {
	case "ja", "jo", "nej", "så", "fordi", "jep", "":
		return true
	}
	return greeting(w)
}

func startsClause(low []string, i int) bool {
	switch low[i] {
	case "og", "men", "fordi", "at", "hvis", "når", "så", "som", "der", "hvornår", "hvad", "hvor", "hvordan", "hvorfor":
		return true
	}
	return false
}

// pronouns exchanges the persons of one sentence.
type pronouns struct {
	citizen bool   // the citizen speaks
	subject string // "jeg" or "du", once the clause has it
	changed bool
	times   int // how often a person was named
}

// exchange gives the word in the third person, "" where it stays, and false where that is not safe.
func (p *pronouns) exchange(w string, low []string, i int) (string, bool) {
	own, other := "sagsbehandleren", "borgeren"
	if p.citizen {
		own, other = other, own
	}
	switch w {
	case "jeg":
		return p.person("jeg", own), true
	case "du":
		if p.citizen {
			return "", false
		}
		return p.person("du", other), true
	case "mig":
		return p.object("jeg", own), true
	case "dig":
		if p.citizen {
			return "", false
		}
		return p.object("du", other), true
	case "min", "mit", "mine":
		return p.possessive("jeg", own, "s"+w[1:], low, i), true
	case "din", "dit", "dine":
		if p.citizen {
			return "", false
		}
		return p.possessive("du", other, "s"+w[1:], low, i), true
	case "vi", "os", "vores", "i", "jer", "jeres", "man":
		return "", w == "i" && !subjectI(low, i)
	}
	return "", true
}

// subjectI tells "I" (you) from the preposition: "kan i", "har i" and "i skal".
func subjectI(low []string, i int) bool {
	verb := func(w string) bool {
		switch w {
		case "kan", "har", "skal", "vil", "må", "er", "får", "sender", "siger", "mener", "gør":
			return true
		}
		return false
	}
	return i+1 < len(low) && verb(low[i+1]) || i > 0 && verb(low[i-1]) && (i+1 == len(low) || low[i+1] == "ikke" || low[i+1] == "så")
}

func (p *pronouns) person(subject, name string) string {
	p.subject, p.changed = subject, true
	p.times++
	return name
}

func (p *pronouns) object(subject, name string) string {
	p.changed = true
	if p.subject == subject {
		return "sig"
	}
	p.times++
	return name
}

func (p *pronouns) possessive(subject, name, own string, low []string, i int) string {
	p.changed = true
	first := i+2 < len(low) && finite(low[i+2]) // "om min sag er": it is the subject itself
	if p.subject == subject && !first {
		return own
	}
	p.times++
	return name + "s"
}

func finite(w string) bool {
	switch w {
	case "er", "var", "bliver", "blev", "har", "havde", "kan", "skal", "vil", "må", "får", "fik", "kommer":
		return true
	}
	return false
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}
