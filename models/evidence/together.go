package evidence

import (
	"slices"

	"samtale.dk/samtale/models/danish"
)

// checkTogether wants the words of each clause of the claim in one clause of the source, and its values with them: "jeg
// flyttede, og min søn startede i maj" does not prove "Borgeren flyttede i maj". Values may come from another passage,
// because questions have their answers there.
func checkTogether(claim *text, src *source) []Reason {
	groups := src.groups()
	for c := range claim.clauses {
		words, values := claim.clauseWords(c), claim.clauseFacts(c)
		if len(words) == 0 || slices.ContainsFunc(words, func(w token) bool { return w.inQuote }) {
			continue
		}
		words = slices.DeleteFunc(words, func(w token) bool { return !src.has(w) }) // checkContent reports those
		if !slices.ContainsFunc(groups, func(g group) bool { return g.holds(src, words, values) }) {
			return []Reason{{Apart, claim.clauseText(c)}}
		}
	}
	return nil
}

// clauseFacts are the facts that begin in a clause.
func (t *text) clauseFacts(c int) []danish.Fact {
	return slices.DeleteFunc(slices.Clone(t.facts), func(f danish.Fact) bool { return t.tokens[f.Tokens[0]].clause != c })
}

// group is a clause of the source with the clauses before it that have no words of their own: "den 1. maj, der flyttede jeg".
type group struct{ from, to, passage int }

func (s *source) groups() []group {
	var out []group
	from := 0
	for c := range s.clauses {
		p := s.passageOf(c)
		if len(s.clauseWords(c)) == 0 && c+1 < s.clauses && s.passageOf(c+1) == p {
			continue
		}
		out = append(out, group{from, c, p})
		from = c + 1
	}
	return out
}

// passageOf gives the passage that a clause is in.
func (s *source) passageOf(clause int) int {
	at, _ := slices.BinarySearch(s.ends, clause+1)
	return at
}

func (g group) has(clause int) bool { return clause >= g.from && clause <= g.to }

// holds reports that the group has all the words, and all the values unless they are in another passage.
func (g group) holds(src *source, words []token, values []danish.Fact) bool {
	for _, w := range words {
		if !slices.ContainsFunc(src.tokens, func(o token) bool { return g.has(o.clause) && related(w, o) }) && !src.joined(w) {
			return false
		}
	}
	for _, v := range values {
		ok := slices.ContainsFunc(src.facts, func(f danish.Fact) bool {
			clause := src.tokens[f.Tokens[0]].clause
			return f.Supports(v) && (g.has(clause) || src.passageOf(clause) != g.passage)
		})
		if !ok && src.position(v) >= 0 { // checkFacts reports values that are nowhere
			return false
		}
	}
	return true
}
