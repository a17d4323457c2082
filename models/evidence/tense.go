package evidence

import (
	"strings"

	"samtale.dk/samtale/models/danish"
)

// aspect is whether something is done or still to do.
type aspect uint8

const (
	unknown aspect = iota
	done           // "har sendt", "sendte", "er sendt"
	open           // "sender", "skal sende", "bliver sendt"
)

var (
	doneBy = set("har havde er var blev fik")
	openBy = set("bliver blive skal vil kan må bør får få skulle ville kunne")
)

// aspectAt gives the aspect of the word at i, if it can be a verb: by its form and the auxiliary at most four words
// before it.
func (t *text) aspectAt(i int) aspect {
	low := t.tokens[i].low
	if strings.HasSuffix(low, "ede") || strings.HasSuffix(low, "te") && !strings.HasSuffix(low, "tte") {
		return done
	}
	participle := strings.HasSuffix(low, "t")
	for k := i - 1; k >= max(0, i-4) && t.tokens[k].clause == t.tokens[i].clause; k-- {
		switch aux := t.tokens[k].low; {
		case doneBy[aux] && participle:
			return done
		case openBy[aux]:
			return open
		}
	}
	switch {
	case participle:
		return unknown
	case strings.HasSuffix(low, "er"), strings.HasSuffix(low, "år"):
		return open
	}
	return unknown
}

// checkTense keeps what somebody will do from becoming what is done, and the other way round: "jeg sender den" proves
// neither "Borgeren har sendt den" nor the opposite.
func checkTense(claim *text, src *source) []Reason {
	var out []Reason
	for i, tk := range claim.tokens {
		want := claim.aspectAt(i)
		if want == unknown || !tk.content() || tk.inQuote {
			continue
		}
		same, other := false, false
		for k, o := range src.tokens {
			if !related(tk, o) {
				continue
			}
			switch got := src.aspectAt(k); {
			case got == want, got == unknown, tk.low == o.low && want == open:
				same = true
			default:
				other = true
			}
		}
		if other && !same {
			out = append(out, Reason{Tense, tk.raw})
		}
	}
	return out
}

// bounds stand before a value and say on which side of it: "senest den 1. maj" is not "den 1. maj".
var bounds = set("før efter inden senest tidligst siden indtil under over mindst højst højest maksimalt cirka ca omkring fra til ultimo primo")

// boundsBefore are the bounds at most two words before a fact.
func (t *text) boundsBefore(f danish.Fact) map[string]bool {
	out := map[string]bool{}
	for i := max(0, f.Tokens[0]-2); i < f.Tokens[0]; i++ {
		if bounds[t.tokens[i].low] && t.tokens[i].clause == t.tokens[f.Tokens[0]].clause {
			out[t.tokens[i].low] = true
		}
	}
	return out
}

// checkBounds compares the bounds of each value. One that the source lacks is an error; one that the claim leaves out
// makes it weak.
func checkBounds(claim *text, src *source) []Reason {
	var out []Reason
	for _, f := range claim.facts {
		best := []Reason{{Time, claim.words(f.Tokens)}}
		for _, s := range src.facts {
			if !s.Supports(f) {
				continue
			}
			r := compareBounds(claim.boundsBefore(f), src.boundsBefore(s), claim.words(f.Tokens))
			if len(r) == 0 || soft(r[0].Code) {
				best = r
			}
			if len(r) == 0 {
				break
			}
		}
		if src.position(f) >= 0 {
			out = append(out, best...)
		}
	}
	return out
}

func compareBounds(claim, source map[string]bool, what string) []Reason {
	for b := range claim {
		if !source[b] {
			return []Reason{{Time, what}}
		}
	}
	for b := range source {
		if !claim[b] {
			return []Reason{{Condition, b}}
		}
	}
	return nil
}

// wishes are words that report a wish, and the words with which people wish. "Jeg har klaget" is no wish to complain.
var wishes = map[string][]string{
	"ønsker": {"vil", "ville", "gerne", "ønsker", "håber"}, "ønskede": {"vil", "ville", "gerne", "ønsker", "ønskede"},
	"lover": {"lover", "nok", "lovet"}, "tilbyder": {"kan", "tilbyder", "vil"},
}

func checkWishes(claim *text, src *source) []Reason {
	var out []Reason
	for _, tk := range claim.tokens {
		words, ok := wishes[tk.low]
		for _, w := range words {
			ok = ok && !src.hasWord(w)
		}
		if ok && !tk.inQuote {
			out = append(out, Reason{Tense, tk.raw})
		}
	}
	return out
}
