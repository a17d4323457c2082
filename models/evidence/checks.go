package evidence

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"samtale.dk/samtale/models/danish"
)

// checkFacts wants every number, date, amount, time and address of the claim in the source.
func checkFacts(claim *text, src *source) []Reason {
	var out []Reason
	for _, f := range claim.facts {
		if !slices.ContainsFunc(src.facts, func(s danish.Fact) bool { return s.Supports(f) }) {
			out = append(out, Reason{Fact, claim.words(f.Tokens)})
		}
	}
	for _, tk := range claim.tokens {
		if !tk.inFact && strings.ContainsAny(tk.low, "0123456789") && !src.hasWord(tk.low) {
			out = append(out, Reason{Fact, tk.raw})
		}
	}
	return out
}

func (t *text) words(at []int) string {
	var parts []string
	for _, i := range at {
		parts = append(parts, t.tokens[i].raw)
	}
	return strings.Join(parts, " ")
}

// sameKind gives the facts of the source that could be taken for f.
func sameKind(facts []danish.Fact, f danish.Fact) []danish.Fact {
	var out []danish.Fact
	for _, s := range facts {
		if s.Kind == f.Kind && unitOf(s) == unitOf(f) {
			out = append(out, s)
		}
	}
	return out
}

func unitOf(f danish.Fact) string {
	_, unit, _ := strings.Cut(f.Value, " ")
	return unit
}

// checkBinding catches a value that the source states, but of something else: of "huslejen er 7.500 og indtægten 18.250"
// the claim says "huslejen er 18.250". It looks at the word that stands nearest to the value in the claim.
func checkBinding(claim *text, src *source) []Reason {
	var out []Reason
	for _, f := range claim.facts {
		rivals := sameKind(src.facts, f)
		if !differ(rivals) {
			continue
		}
		anchor, before, ok := claim.anchor(f, src)
		if ok && !src.bound(anchor, before, f, rivals) {
			out = append(out, Reason{Binding, claim.words(f.Tokens)})
		}
	}
	return out
}

func differ(facts []danish.Fact) bool {
	for _, f := range facts {
		if f.Value != facts[0].Value {
			return true
		}
	}
	return false
}

// anchor finds the content word nearest to the fact: before it, but not past another value of its kind, else after it.
func (t *text) anchor(f danish.Fact, src *source) (anchor token, before, ok bool) {
	first, last := f.Tokens[0], f.Tokens[len(f.Tokens)-1]
	usable := func(i int) bool { return t.tokens[i].content() && src.has(t.tokens[i]) }
	for i := first - 1; i >= max(0, first-6) && !t.tokens[i].inFact; i-- {
		if usable(i) {
			return t.tokens[i], true, true
		}
	}
	for i := last + 1; i < min(len(t.tokens), last+4) && !t.tokens[i].inFact; i++ {
		if usable(i) {
			return t.tokens[i], false, true
		}
	}
	return token{}, false, false
}

// bound reports that at some place of the anchor in the source no other value of the kind is closer than f. A value on the
// side on which the claim has it is three times as close.
func (s *source) bound(anchor token, before bool, f danish.Fact, rivals []danish.Fact) bool {
	for i, tk := range s.tokens {
		if !related(anchor, tk) {
			continue
		}
		best, distance := danish.Fact{}, 1<<30
		for _, r := range rivals {
			d := r.Tokens[0] - i
			if d < 0 {
				d = i - r.Tokens[len(r.Tokens)-1]
			}
			if before != (r.Tokens[0] > i) {
				d *= 3
			}
			if s.tokens[r.Tokens[0]].clause != tk.clause {
				d += 6
			}
			if d < distance {
				best, distance = r, d
			}
		}
		if best.Supports(f) {
			return true
		}
	}
	return false
}

// checkOrder catches two values of a kind that have changed places: "fra 1995 til 2005".
func checkOrder(claim *text, src *source) []Reason {
	for i, f := range claim.facts {
		for _, g := range claim.facts[i+1:] {
			if f.Kind != g.Kind || f.Value == g.Value {
				continue
			}
			if src.position(f) >= 0 && src.position(g) >= 0 && !src.before(f, g) {
				return []Reason{{Order, claim.words(f.Tokens) + ", " + claim.words(g.Tokens)}}
			}
		}
	}
	return nil
}

func (s *source) position(f danish.Fact) int {
	return slices.IndexFunc(s.facts, func(o danish.Fact) bool { return o.Supports(f) })
}

// before reports that some place of f stands before some place of g.
func (s *source) before(f, g danish.Fact) bool {
	at := s.position(f)
	return slices.ContainsFunc(s.facts[at+1:], func(o danish.Fact) bool { return o.Supports(g) && !o.Supports(f) })
}

// checkNames wants every name of the claim in the source. A name is written with a capital inside a sentence, or known.
func checkNames(claim *text, src *source) []Reason {
	var out []Reason
	for i, tk := range claim.tokens {
		first := i == 0 || claim.tokens[i-1].clause != tk.clause
		if tk.raw == "" || tk.inFact || frames[tk.low] {
			continue
		}
		_, known := danish.ProperNoun(tk.low)
		upper := unicode.IsUpper([]rune(tk.raw)[0])
		switch {
		case !upper && !known, first && !known && danish.Stop(tk.low), first && modals[tk.low]:
			continue
		case first && !known && i > 0: // a quotation or a new sentence inside the claim
			continue
		}
		twice := known && i > 0 && claim.tokens[i-1].low == tk.low // "Odense, Odense og Aalborg": one stands for another
		if !src.named(tk) || twice {
			out = append(out, Reason{Name, tk.raw})
		}
	}
	return out
}

// named looks for the name itself, with or without the genitive's s.
func (s *source) named(t token) bool {
	bare := strings.TrimSuffix(t.low, "s")
	_, known := danish.ProperNoun(t.low)
	return s.joined(t) || slices.ContainsFunc(s.tokens, func(o token) bool {
		inflected := !known && len(t.stem) > 3 && o.stem == t.stem // a noun with a capital, not a name
		return strings.TrimSuffix(o.low, "s") == bare || inflected
	})
}

// checkNegation compares each clause of the claim with the clauses of the source that it is most like.
func checkNegation(claim *text, src *source) []Reason {
	var out []Reason
	for c := range claim.clauses {
		words := claim.clauseWords(c)
		if len(words) == 0 {
			if claim.negated(c) && !slices.ContainsFunc(src.context.tokens, func(t token) bool { return negators[t.low] }) {
				out = append(out, Reason{Code: Negation})
			}
			continue
		}
		if slices.ContainsFunc(words, func(w token) bool { return w.inQuote }) {
			continue // checkQuotes compares word for word
		}
		denied, affirmed := src.context.polarity(words)
		if want := claim.negated(c); denied && !want || affirmed && want {
			out = append(out, Reason{Negation, claim.clauseText(c)})
		}
	}
	return out
}

// clauseWords are the words by which a clause is recognised.
func (t *text) clauseWords(c int) []token {
	var out []token
	for _, tk := range t.tokens {
		if tk.clause == c && tk.content() {
			out = append(out, tk)
		}
	}
	return out
}

func (t *text) clauseText(c int) string {
	var parts []string
	for _, tk := range t.tokens {
		if tk.clause == c {
			parts = append(parts, tk.raw)
		}
	}
	return strings.Join(parts, " ")
}

// negated reports an odd number of negators in the clause.
func (t *text) negated(c int) bool {
	n := 0
	for _, tk := range t.tokens {
		if tk.clause == c && negators[tk.low] {
			n++
		}
	}
	return n%2 == 1
}

// polarity gives whether some of the clauses most like the words are negated, and whether some are not. Both are true where
// the source says both; then it proves neither.
func (s *source) polarity(words []token) (denied, affirmed bool) {
	best := 1
	for c := range s.clauses {
		n := s.overlap(c, words)
		if n > best {
			best, denied, affirmed = n, false, false
		}
		if n == best {
			denied, affirmed = denied || s.negated(c), affirmed || !s.negated(c)
		}
	}
	return denied, affirmed
}

// overlap counts the words that a clause has.
func (s *source) overlap(clause int, words []token) int {
	n := 0
	for _, w := range words {
		n += boolInt(slices.ContainsFunc(s.tokens, func(o token) bool { return o.clause == clause && related(w, o) }))
	}
	return n
}

// checkOpposites finds a word whose opposite the source has and which it lacks itself.
func checkOpposites(claim *text, src *source) []Reason {
	var out []Reason
	for _, tk := range claim.tokens {
		if tk.inQuote {
			continue
		}
		for _, o := range opposite(tk.low) {
			if src.phrase(o) && !src.phrase(tk.low) {
				out = append(out, Reason{Opposite, tk.raw})
			}
		}
		for _, o := range src.tokens {
			if tk.content() && o.content() && prefixed(tk.low, o.low) && !src.hasWord(tk.low) && turned(tk.low, o.low) {
				out = append(out, Reason{Opposite, tk.raw})
			}
		}
	}
	return out
}

// phrase reports the words in the source, in a row.
func (s *source) phrase(p string) bool {
	want := strings.Fields(p)
	for i := range s.tokens {
		if i+len(want) > len(s.tokens) {
			return false
		}
		ok := true
		for k, w := range want {
			ok = ok && s.tokens[i+k].low == w
		}
		if ok {
			return true
		}
	}
	return false
}

// turned reports that exactly one of two words starts with u-.
func turned(a, b string) bool {
	return strings.HasPrefix(a, "u") != strings.HasPrefix(b, "u")
}

func checkQuantities(claim *text, src *source) []Reason {
	return missing(claim, src, quantities, Quantity)
}

// missing reports words of the set that the claim has and the source has not.
func missing(claim *text, src *source, of map[string]bool, code Code) []Reason {
	var out []Reason
	for _, tk := range claim.tokens {
		if of[tk.low] && !tk.inFact && !src.hasWord(tk.low) {
			out = append(out, Reason{code, tk.raw})
		}
	}
	return out
}

func checkTimes(claim *text, src *source) []Reason { return missing(claim, src, times, Time) }

// checkModals compares must, may and can. A different one in the source is an error; none at all is weak.
func checkModals(claim *text, src *source) []Reason {
	var out []Reason
	for _, tk := range claim.tokens {
		m := modalOf(tk.low)
		if m == "" || tk.inQuote {
			continue
		}
		same, other := false, false
		for _, o := range src.tokens {
			om := modalOf(o.low)
			same = same || om == m
			other = other || om != "" && om != m
		}
		switch {
		case same:
		case other:
			out = append(out, Reason{Opposite, tk.raw})
		default:
			out = append(out, Reason{Modal, tk.raw})
		}
	}
	return out
}

func modalOf(low string) string {
	if m, ok := modalStem[low]; ok {
		return m
	}
	if modals[low] {
		return low
	}
	return ""
}

// checkSpeaker compares who speaks or acts in the claim with who spoke. "Borgeren sender" needs "jeg sender" by the citizen
// or "du sender" by the caseworker; "til borgeren" needs "dig" by the caseworker or "mig" by the citizen.
func checkSpeaker(claim *text, src *source) []Reason {
	if len(claim.tokens) == 0 {
		return nil
	}
	subject := roles[claim.tokens[0].low]
	reports := len(claim.quoted) > 0 || len(claim.tokens) > 1 && reporting[claim.tokens[1].low]
	for _, p := range src.passages {
		switch {
		case p.Role != Citizen && p.Role != Caseworker:
		case subject != "" && reports && p.Role != subject,
			!reports && subject != "" && contradicts(p, subject),
			!reports && slices.ContainsFunc(claim.tokens[1:], func(t token) bool { return objectDenied(p, roles[t.low], subject) }):
			return []Reason{{Code: Speaker}}
		}
	}
	for _, role := range []string{Citizen, Caseworker} {
		if n := claim.mentions(role); n > 1 && n > src.persons(role)+boolInt(reports && subject == role && !src.has(claim.tokens[1])) {
			return []Reason{{Code: Speaker}}
		}
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mentions counts how often the claim names a role in its own words.
func (t *text) mentions(role string) int {
	n := 0
	for _, tk := range t.tokens {
		n += boolInt(!tk.inQuote && roles[tk.low] == role)
	}
	return n
}

// persons counts the pronouns of the source that stand for a role. Without any pronoun nothing can be said.
func (s *source) persons(role string) int {
	n, all := 0, 0
	for _, p := range s.passages {
		for _, tk := range newText(p.Text).tokens {
			who := pronounOf(tk.low)
			all += boolInt(who != 0)
			n += boolInt(who == firstPerson && p.Role == role || who == secondPerson && p.Role != role)
		}
	}
	if all == 0 {
		return 1 << 10
	}
	return n
}

// The grammatical persons.
const (
	firstPerson  = 1
	secondPerson = 2
)

func pronounOf(low string) int {
	switch low {
	case "jeg", "mig", "min", "mit", "mine", "vi", "os", "vores":
		return firstPerson
	case "du", "dig", "din", "dit", "dine", "jer", "jeres":
		return secondPerson
	}
	return 0
}

// reporting are verbs of which the subject must be the one who spoke.
var reporting = set("oplyser oplyste spørger spurgte siger sagde fortæller fortalte svarer svarede bekræfter forklarer beder lover ønsker nævner angiver vurderer tilbyder")

// roles are the words by which notes call people.
var roles = map[string]string{
	"borger": Citizen, "borgeren": Citizen, "borgerens": Citizen, "sagsbehandler": Caseworker, "sagsbehandleren": Caseworker,
	"sagsbehandlerens": Caseworker,
}

// persons are the pronouns of a passage.
type persons struct{ i, you, me, thee bool }

func personsOf(passage string) persons {
	var p persons
	for _, tk := range newText(passage).tokens {
		switch tk.low {
		case "jeg", "vi":
			p.i = true
		case "du":
			p.you = true
		case "mig", "min", "mit", "mine", "os", "vores":
			p.me = true
		case "dig", "din", "dit", "dine", "jer", "jeres":
			p.thee = true
		}
	}
	return p
}

// contradicts reports that the passage has somebody else as its subject.
func contradicts(passage Passage, subject string) bool {
	p := personsOf(passage.Text)
	own, other := p.i, p.you
	if own == other { // neither or both: the other pronouns decide
		own, other = own || p.me, other || p.thee
	}
	if passage.Role == subject {
		return other && !own
	}
	return own && !other
}

// objectDenied reports that the claim names a person as its object to whom the passage does not refer, while it refers to
// the other one.
func objectDenied(passage Passage, object, subject string) bool {
	if object == "" {
		return false
	}
	p := personsOf(passage.Text)
	own, other := p.me || p.i && object != subject, p.thee || p.you && object != subject
	if passage.Role == object {
		return other && !own
	}
	return own && !other
}

// checkQuotes wants what the claim quotes to stand in one passage of the one who is named before it, word for word apart
// from capitals and punctuation, and not cut off at a denial.
func checkQuotes(claim *text, src *source) []Reason {
	var out []Reason
	for _, q := range claim.quoted {
		want := plain(q.text)
		if want == "" {
			continue
		}
		best := Quote
		for _, p := range src.passages {
			switch {
			case !quotesFrom(q.text, p.Text):
			case q.role != "" && p.Role != q.role:
				best = Speaker
			case cutsDenial(want, plain(p.Text)):
				best = Negation
			default:
				best = ""
			}
			if best == "" {
				break
			}
		}
		if best != "" {
			out = append(out, Reason{Code: best})
		}
	}
	return out
}

// quotesFrom reports the quoted words in the passage, as they stand or with the numbers written.
func quotesFrom(quote, passage string) bool {
	return within(plain(quote), plain(passage)) || within(danish.Fold(quote), danish.Fold(passage))
}

func within(part, whole string) bool { return strings.Contains(" "+whole+" ", " "+part+" ") }

// cutsDenial reports a negator at most four words from the quotation, in its own clause.
func cutsDenial(quote, passage string) bool {
	before, after, ok := strings.Cut(" "+passage+" ", " "+quote+" ")
	if !ok {
		return false
	}
	head := strings.Fields(before)
	slices.Reverse(head)
	return deniesNear(head) || deniesNear(strings.Fields(after))
}

func deniesNear(words []string) bool {
	for _, w := range words[:min(4, len(words))] {
		if negators[w] {
			return true
		}
		if w == "men" || w == "og" || w == "fordi" || w == "hvis" || w == "så" || w == "at" {
			return false
		}
	}
	return false
}

// plain is a text in lower case without punctuation.
func plain(s string) string {
	var parts []string
	for _, f := range strings.Fields(s) {
		if w := strings.ToLower(strings.TrimFunc(f, notWord)); w != "" {
			parts = append(parts, w)
		}
	}
	return strings.Join(parts, " ")
}

// checkAsked refuses a statement whose only source is a question.
func checkAsked(claim *text, src *source) []Reason {
	if len(claim.quoted) > 0 || claim.hasWord("spørger") || claim.hasWord("spurgte") || danish.Question(claim.raw) {
		return nil
	}
	for _, p := range src.passages {
		if !danish.Question(cmp.Or(p.Context, p.Text)) {
			return nil
		}
	}
	return []Reason{{Code: Asked}}
}

// checkConditions finds a reservation in the source that the claim leaves out.
func checkConditions(claim *text, src *source) []Reason {
	if slices.ContainsFunc(claim.tokens, func(t token) bool { return hedges[t.low] }) {
		return missingHedge(claim, src)
	}
	for _, tk := range src.context.tokens {
		if hedges[tk.low] && !softHedges[tk.low] {
			return []Reason{{Condition, tk.raw}}
		}
	}
	return nil
}

// missingHedge wants the reservations of the claim in the source too.
func missingHedge(claim *text, src *source) []Reason {
	var out []Reason
	for _, tk := range claim.tokens {
		if hedges[tk.low] && !src.hasWord(tk.low) {
			out = append(out, Reason{Content, tk.raw})
		}
	}
	return out
}

// checkContent wants every word that carries meaning in the source.
func checkContent(claim *text, src *source) []Reason {
	var out []Reason
	carries := len(claim.facts) > 0
	for _, tk := range claim.tokens {
		if !tk.content() {
			continue
		}
		carries = true
		if !src.has(tk) {
			out = append(out, Reason{Content, tk.raw})
		}
	}
	if !carries && len(claim.quoted) == 0 {
		out = append(out, Reason{Code: Empty})
	}
	return out
}

// checkCounts wants a word that bounds, denies, orders or counts, and a value, no more often in the claim than in the source: "inden to
// uger inden flytningen" has a word of "inden to uger efter flytningen" twice, and one not at all. So is a word whose opposite is there.
// People repeat themselves, and notes put it otherwise: it is for articles.
func checkCounts(claim *text, src *source) []Reason {
	if !src.written() {
		return nil
	}
	var out []Reason
	seen := map[string]bool{}
	for _, tk := range claim.tokens {
		key := countable(tk)
		if key == "" && !tk.inQuote && slices.ContainsFunc(opposite(tk.low), src.phrase) {
			key = tk.low
		}
		if key == "" || seen[key] {
			continue
		}
		seen[key] = true
		if n := claim.count(key); n > 1 && n > src.count(key) {
			out = append(out, Reason{Apart, tk.raw})
		}
	}
	for i, f := range claim.facts {
		same := func(o danish.Fact) bool { return o.Supports(f) }
		if n := countFacts(claim.facts, same); n > 1 && n > countFacts(src.facts, same) && !slices.ContainsFunc(claim.facts[:i], same) {
			out = append(out, Reason{Apart, claim.words(f.Tokens)})
		}
	}
	return out
}

// written reports that the source is of articles.
func (s *source) written() bool {
	return !slices.ContainsFunc(s.passages, func(p Passage) bool { return p.Role != "" })
}

// countable is what a word counts as: modals in any form are one, words of bounds, times and quantities themselves, and numbers.
func countable(t token) string {
	switch m := modalOf(t.low); {
	case t.inQuote:
		return ""
	case m != "":
		return m
	case bounds[t.low], times[t.low], quantities[t.low], !t.inFact && strings.ContainsAny(t.low, "0123456789"):
		return t.low
	}
	return ""
}

func (t *text) count(key string) int {
	n := 0
	for _, tk := range t.tokens {
		n += boolInt(countable(tk) == key || !tk.inQuote && tk.low == key)
	}
	return n
}

func countFacts(facts []danish.Fact, is func(danish.Fact) bool) int {
	n := 0
	for _, f := range facts {
		n += boolInt(is(f))
	}
	return n
}

// checkDenials wants as many denials as the source has, where the claim says all that the source says: which of two clauses is denied
// cannot always be told by their words.
func checkDenials(claim *text, src *source) []Reason {
	if !src.written() {
		return nil
	}
	for _, tk := range src.tokens {
		if tk.content() && !slices.ContainsFunc(claim.tokens, func(o token) bool { return related(o, tk) }) {
			return nil
		}
	}
	if claim.denials() != src.denials() {
		return []Reason{{Code: Negation}}
	}
	return nil
}

// denials counts the words that deny, outside quotations.
func (t *text) denials() int {
	n := 0
	for _, tk := range t.tokens {
		n += boolInt(negators[tk.low] && !tk.inQuote)
	}
	return n
}

// checkUnits wants the unit after a number where a word stands between them ("4 hele måneder"), which makes no measure of the two.
func checkUnits(claim *text, src *source) []Reason {
	if !src.written() {
		return nil
	}
	var out []Reason
	for _, f := range claim.facts {
		unit := claim.unitAfter(f)
		if unit == "" {
			continue
		}
		if !slices.ContainsFunc(src.facts, func(o danish.Fact) bool { return o.Supports(f) && src.unitAfter(o) == unit }) {
			out = append(out, Reason{Binding, claim.words(f.Tokens)})
		}
	}
	return out
}

// unitAfter is the stem of a unit of time that stands one word after a plain number.
func (t *text) unitAfter(f danish.Fact) string {
	at := f.Tokens[len(f.Tokens)-1] + 2
	if f.Kind != danish.Number || at >= len(t.tokens) || t.tokens[at].clause != t.tokens[at-1].clause {
		return ""
	}
	switch stem := t.tokens[at].stem; stem {
	case "tim", "dag", "ug", "måned", "år", "minut", "kvartal", "døgn", "hverdag":
		return stem
	}
	return ""
}
