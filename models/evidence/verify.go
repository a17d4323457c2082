package evidence

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
)

// Level is how well a claim is proven.
type Level string

// The levels, as they stand in notes and answers.
const (
	Supported   Level = "supported"
	Weak        Level = "weak"
	Unsupported Level = "unsupported"
)

// Code names what is wrong with a claim.
type Code string

// The codes of reasons.
const (
	NoSpan    Code = "no_span"   // nothing cited, or the place does not exist
	Fact      Code = "fact"      // a number, date, amount, time or address that the source does not state
	Binding   Code = "binding"   // the source states the number of something else
	Order     Code = "order"     // two values have changed places
	Negation  Code = "negation"  // one denies what the other says
	Opposite  Code = "opposite"  // the source has the opposite word
	Name      Code = "name"      // a name that the source does not have
	Quantity  Code = "quantity"  // how much or how many differs
	Time      Code = "time"      // "i morgen" and the like differ
	Modal     Code = "modal"     // must, may and can differ
	Tense     Code = "tense"     // done, or still to do
	Speaker   Code = "speaker"   // somebody else said it, or shall do it
	Quote     Code = "quote"     // the quoted words are not in the source
	Asked     Code = "asked"     // the source only asks
	Condition Code = "condition" // the source makes a reservation that the claim leaves out
	Apart     Code = "apart"     // the words are there, but in different clauses
	Content   Code = "content"   // words that the source does not have
	Empty     Code = "empty"     // the claim states nothing
)

// A Reason says why a claim is not fully supported. What is the word concerned, if there is one.
type Reason struct {
	Code Code
	What string
}

// String is the reason in Danish, for people.
func (r Reason) String() string {
	text := map[Code]string{
		NoSpan: "Stedet i samtalen findes ikke", Fact: "Oplysningen findes ikke i kilden", Binding: "Tallet hører til noget andet i kilden",
		Order: "Værdierne er byttet om", Negation: "Kilden siger det modsatte (ikke)", Opposite: "Kilden siger det modsatte",
		Name: "Navnet findes ikke i kilden", Quantity: "Mængden står ikke sådan i kilden", Time: "Tidspunktet står ikke sådan i kilden",
		Modal: "Kilden siger ikke, om det skal eller kan", Tense: "Kilden siger ikke, om det er sket", Speaker: "Det var en anden, der sagde eller skal gøre det",
		Quote: "Citatet står ikke ordret i kilden", Asked: "Kilden er et spørgsmål", Condition: "Kilden tager et forbehold",
		Apart: "Ordene står ikke sammen i kilden", Content: "Ordene findes ikke i kilden", Empty: "Sætningen siger intet, der kan efterprøves",
	}[r.Code]
	if r.What != "" {
		text += ": " + r.What
	}
	return text
}

// A Verdict is the level of a claim and every reason against more.
type Verdict struct {
	Level   Level
	Reasons []Reason
}

// soft codes make a claim weak; all others make it unsupported.
func soft(c Code) bool {
	return c == Condition || c == Content || c == Empty || c == Modal || c == Apart
}

// enough is the share of the claim's words that must be in the source for a claim to be at least weak. Full support needs
// them all.
const enough = 0.6

// Verify checks the claim against its sources.
func Verify(c Claim, src Source) Verdict {
	if len(c.Spans) == 0 {
		return verdict([]Reason{{Code: NoSpan}})
	}
	var passages []Passage
	for _, s := range c.Spans {
		p, err := src.Passage(s)
		if err != nil {
			return verdict([]Reason{{Code: NoSpan, What: s.Source}})
		}
		passages = append(passages, p)
	}
	return judge(c.Text, passages)
}

// judge runs every check; each adds its own reasons.
func judge(text string, passages []Passage) Verdict {
	if verbatim(text, passages) {
		return verdict(nil)
	}
	claim, source := newText(text), newSource(passages)
	var reasons []Reason
	for _, check := range checks {
		reasons = append(reasons, check(claim, source)...)
	}
	v := verdict(reasons)
	if v.Level != Unsupported && claim.coverage(source) < enough {
		v.Level = Unsupported
	}
	return v
}

// verbatim reports a claim that is a whole sentence of an article, word for word. It needs no reading, and reading it may fail: a
// sentence that denies in one half what it says in the other proves neither half, but itself.
func verbatim(claim string, passages []Passage) bool {
	if len(passages) != 1 || passages[0].Role != "" || strings.HasSuffix(claim, "?") || !strings.ContainsFunc(claim, unicode.IsLetter) {
		return false
	}
	p := passages[0]
	whole := strings.TrimSpace(cmp.Or(p.Context, p.Text))
	return claim == p.Text && (claim == whole || "- "+claim == whole)
}

var checks = []func(claim *text, src *source) []Reason{
	checkFacts, checkBinding, checkOrder, checkNames, checkNegation, checkOpposites, checkQuantities, checkTimes, checkBounds, checkModals, checkTense, checkWishes, checkSpeaker,
	checkQuotes, checkAsked, checkConditions, checkTogether, checkContent, checkCounts, checkDenials, checkUnits,
}

func verdict(reasons []Reason) Verdict {
	v := Verdict{Level: Supported, Reasons: reasons}
	for _, r := range reasons {
		if !soft(r.Code) {
			v.Level = Unsupported
			return v
		}
		v.Level = Weak
	}
	return v
}

// String is for tests and logs of codes only; it holds no words of the claim.
func (v Verdict) String() string {
	codes := make([]string, len(v.Reasons))
	for i, r := range v.Reasons {
		codes[i] = string(r.Code)
	}
	return fmt.Sprintf("%s [%s]", v.Level, strings.Join(codes, " "))
}
