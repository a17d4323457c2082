package notes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
)

// Extract drafts a note from what was said, without a model. Every sentence is a report of one sentence of the
// transcript, or of a question and its answer, and is supported by it.
func Extract(t Template, tr Transcript) Draft {
	x := extraction{template: t, source: tr.Source(), said: tr.sentences()}
	x.reason()
	x.answers()
	for _, s := range x.said {
		if s.used || s.asks {
			continue
		}
		section, ok := place(s)
		if ok && section == Told || !ok && s.states() {
			section = x.template.field(s)
		}
		if ok || section != "" && section != Told {
			x.add(section, s)
		}
	}
	d := Draft{Template: t, Title: title(x.said), Sentences: x.sorted(), By: "extract"}
	if x.left > 0 {
		d.Notice = fmt.Sprintf("Samtalen er lang. Sætninger, der ikke er med i kladden: %d.", x.left)
	}
	return d
}

// extraction is the work on one draft.
type extraction struct {
	template Template
	source   evidence.Source
	said     []*said
	out      []placed
	left     int // sentences for which their section had no room
}

// placed is a sentence of the draft with the time at which it was said.
type placed struct {
	Sentence
	start int64
}

// sorted gives the sentences by section, and by time inside each.
func (x *extraction) sorted() []Sentence {
	slices.SortStableFunc(x.out, func(a, b placed) int { return cmp.Compare(a.start, b.start) })
	var out []Sentence
	for _, p := range x.out {
		out = append(out, p.Sentence)
	}
	x.template.sortSentences(out)
	return out
}

// Bounds that keep a note readable. A section that is full takes no more; the transcript stays beside the note.
const (
	maxReasons    = 3
	maxPerSection = 12
)

// add reports a sentence in a section, rewritten where that is safe and quoted otherwise.
func (x *extraction) add(section string, s *said) {
	for _, text := range reports(s) {
		if x.keep(section, s.start, evidence.Claim{Text: text, Spans: []evidence.Span{s.span()}}) {
			s.used = true
			return
		}
	}
}

// keep takes a sentence that the template has a place for and the verifier supports.
func (x *extraction) keep(section string, start int64, c evidence.Claim) bool {
	if _, ok := x.template.section(section); !ok {
		return false
	}
	v := evidence.Verify(c, x.source)
	if v.Level != evidence.Supported {
		return false
	}
	if slices.ContainsFunc(x.out, func(o placed) bool { return o.Section == section && o.Text == c.Text }) {
		return true // said twice
	}
	if x.count(section) >= maxPerSection {
		x.left++
		return true
	}
	x.out = append(x.out, placed{Sentence{Section: section, Claim: c, Verdict: v}, start})
	return true
}

func (x *extraction) count(section string) int {
	n := 0
	for _, s := range x.out {
		if s.Section == section {
			n++
		}
	}
	return n
}

// reason finds why the citizen came: sentences with which people open, else the first with any substance, and the
// questions that they ask.
func (x *extraction) reason() {
	for _, s := range x.said {
		if s.role == evidence.Citizen && s.has(openings...) && s.content() >= 1 && !s.identity() && x.count(Reason) < 2 {
			x.add(Reason, s)
		}
	}
	for _, s := range x.said {
		if x.count(Reason) == 0 && s.role == evidence.Citizen && s.content() >= 2 && !s.identity() {
			x.add(Reason, s)
		}
	}
	for _, s := range x.said {
		if !s.used && s.asks && s.role == evidence.Citizen && s.content() >= 2 && x.count(Reason) < maxReasons {
			x.add(Reason, s)
		}
	}
}

var openings = []string{
	"jeg ringer", "jeg ringede", "jeg skriver", "det er om", "det drejer sig om", "det handler om", "jeg vil gerne", "jeg vil også gerne", "jeg ville gerne",
	"jeg vil også", "jeg ville høre", "jeg vil høre", "jeg skal høre", "jeg har et spørgsmål", "jeg har brug for", "jeg har fået et brev",
	"jeg har fået en besked", "jeg kontakter", "jeg henvender mig", "det er fordi", "jeg skulle", "jeg forstår ikke", "jeg vil søge",
	"jeg vil klage", "mit ærinde", "jeg ønsker", "jeg vil melde", "jeg vil anmelde", "spørgsmål om", "jeg mangler", "jeg skal flytte", "jeg har mistet",
}

// answers reports questions of the caseworker with the short answers of the citizen, which say nothing on their own.
func (x *extraction) answers() {
	for i, q := range x.said {
		if q.role != evidence.Caseworker || !q.asks || q.content() < 1 || q.identity() {
			continue
		}
		a := x.answer(i)
		if a == nil {
			continue
		}
		text := "Adspurgt " + quote(q) + " svarer borgeren: " + quote(a) + "."
		if x.keep(x.template.field(q, a), q.start, evidence.Claim{Text: text, Spans: []evidence.Span{q.span(), a.span()}}) {
			q.used, a.used = true, true
		}
	}
}

// maxAnswer is the longest answer, in words, that needs its question beside it.
const maxAnswer = 7

// answer finds the citizen's next sentence after a question, when it is short and says something. A longer one is marked
// as a reply.
func (x *extraction) answer(i int) *said {
	for _, s := range x.said[i+1:] {
		if s.role == evidence.Caseworker && s.content() > 0 {
			return nil
		}
		if s.role != evidence.Citizen || s.used {
			continue
		}
		yes := slices.Contains([]string{"ja", "nej", "jo"}, s.low[0])
		if len(s.low) <= maxAnswer && !s.asks && (yes || (len(s.facts) > 0 || s.content() >= 1) && !s.has("jeg")) {
			return s
		}
		s.replies = true
		return nil
	}
	return nil
}

// identity reports sentences that only say who somebody is or how well the line is. They do not belong in a note.
func (s *said) identity() bool {
	switch {
	case s.role == evidence.Caseworker && (s.low[0] == "goddag" || s.low[0] == "hej"):
		return true
	case s.role == evidence.Citizen && s.has("jeg ringer om", "jeg ringer fordi", "det drejer sig om", "det handler om", "jeg vil gerne"):
		return false
	case s.begins("cpr", "personnummer", danish.Placeholder(danish.KindCPR)):
		return s.content() <= 4
	}
	return s.has("kan du høre", "hvad hedder du", "dit navn", "mit navn er", "du taler med", "det er mig", "øjeblik", "et øjeblik", "hvem taler jeg med",
		"godt du ringede", "hvad kan jeg hjælpe", "hvad kan jeg gøre", "cifre", "ringet forkert", "det er kommunen")
}

// place decides the section of a statement by who says what.
func place(s *said) (section string, ok bool) {
	promise := s.role == evidence.Caseworker && s.content() > 0 && s.has(promising...) // "jeg ringer på tirsdag" says enough
	if s.identity() || s.content() < 2 && !promise {
		return "", false
	}
	switch s.role {
	case evidence.Caseworker:
		return placeCaseworker(s)
	case evidence.Citizen:
		return placeCitizen(s)
	}
	return "", false
}

// states reports a statement of the citizen with something in it: a template may have a field for it where the standard
// one has no place.
func (s *said) states() bool {
	return s.role == evidence.Citizen && !s.identity() && s.content() >= 2
}

func placeCaseworker(s *said) (string, bool) {
	switch {
	case s.has(assessing...):
		return Assessed, true
	case s.has(promising...):
		return FollowUp, true
	case s.has(agreeing...):
		return Agreed, true
	case s.telling():
		return Told, true
	}
	return "", false
}

// telling reports a statement with a number or date, or about a document or event.
func (s *said) telling() bool {
	return len(s.facts) > 0 || s.begins(documents...) || s.begins(events...) || s.has("bor", "pas")
}

func placeCitizen(s *said) (string, bool) {
	switch {
	case s.has("jeg sender", "jeg indsender", "jeg vil sende", "så sender jeg", "jeg kommer forbi", "jeg afleverer", "jeg ringer igen", "jeg skal nok",
		"vi aftaler", "det aftaler vi", "det er en aftale", "jeg finder", "jeg uploader", "jeg betaler det", "jeg søger i", "jeg møder op", "jeg giver besked"):
		return Agreed, true
	case s.has("ring gerne", "ring til mig", "ring mig op", "i må gerne ringe", "du må gerne ringe", "vil i ringe", "ring tilbage"):
		return FollowUp, true
	case s.replies || s.telling() || s.begins("telefonnum", "mobil", "mail", "e-mail", "adresse"):
		return Told, true
	}
	return "", false
}

// assessing are phrases with which a caseworker weighs.
var assessing = []string{
	"jeg vurderer", "min vurdering", "vores vurdering", "vi vurderer", "det ser ud til", "det ser ud som", "det lyder som", "det lyder til",
	"du er berettiget", "du har ret til", "du har ikke ret til", "du opfylder", "du kan ikke få", "du kan godt få", "det kan du få", "jeg mener",
	"jeg tror", "efter reglerne", "efter loven", "ifølge reglerne", "det betyder at", "du er ikke berettiget", "du vil være berettiget",
}

// promising are phrases with which a caseworker takes something on.
var promising = []string{
	"jeg sender", "jeg ringer", "jeg opretter", "jeg noterer", "jeg sørger for", "jeg laver", "jeg kontakter", "jeg undersøger", "jeg vender tilbage",
	"jeg booker", "jeg bestiller", "jeg giver besked", "jeg skriver til", "jeg følger op", "jeg videresender", "jeg stiller", "vi sender", "vi ringer", "vi vender tilbage",
	"vi kontakter", "vi behandler", "vi følger op", "så ringer jeg", "så sender jeg", "så opretter jeg", "så noterer jeg", "så laver jeg",
	"jeg vil sende", "jeg skal nok", "så booker jeg", "du hører fra", "du får svar", "du får et brev", "du får en mail", "du får besked", "jeg har noteret",
	"jeg har oprettet", "jeg har booket", "du bliver ringet op", "ringer vi", "sender vi", "ringer jeg", "sender jeg",
}

// agreeing are phrases with which two people agree, or one is told what to do.
var agreeing = []string{
	"vi aftaler", "så aftaler vi", "det aftaler vi", "vi siger", "så siger vi", "du skal", "skal du", "du bedes", "husk at", "du sender", "du må gerne",
	"du kan sende", "du kan søge", "du kan logge", "du kan klage", "fristen er", "senest", "inden", "du møder", "du kommer", "så sender du", "du udfylder",
	"bare send", "kan du sende", "mødet er", "vi ses", "vi mødes", "du har en tid", "aftalen er", "du uploader", "husk",
}

// documents and events are stems of what is worth noting.
var (
	documents = []string{
		"lønsed", "kontrakt", "lejekontrakt", "brev", "afgørelse", "årsopgørelse", "kvittering", "ansøgning", "dokumentation", "lægeerklæring", "attest", "skema",
		"blanket", "faktura", "regning", "forskudsopgørelse", "kontoudtog", "ansættelseskontrakt", "opsigelse", "kørekort", "fuldmagt", "klage", "passet",
	}
	events = []string{
		"flytte", "skilt", "separere", "gift", "opsagt", "mistet", "fyret", "født", "fødte", "syg", "sygemeld", "afslag", "bevil", "ansøg", "søgt", "død", "gravid",
		"barsel", "pension", "ledig", "arbejdsløs", "studer", "uddannelse", "indlagt", "operer", "betal", "skyld", "husleje", "indtægt", "udgift", "børn", "barn",
		"arbejd", "samlever", "ægtefælle", "kæreste", "partiel", "forældremyndighed", "tilskud", "støtte", "godkend", "afvis",
	}
)

// title names the matter by the word that the citizen used after "om".
func title(all []*said) string {
	for _, s := range all {
		if s.role != evidence.Citizen || s.identity() || !s.has(openings...) {
			continue
		}
		for i, w := range s.low {
			if w != "om" {
				continue
			}
			if noun := topic(s.low[i+1:]); noun != "" {
				return "Henvendelse om " + noun
			}
		}
	}
	return "Henvendelse"
}

// topic is the first noun-like word of the words after "om"; a letter or an application is about something in turn.
func topic(words []string) string {
	for _, w := range words {
		switch w {
		case "min", "mit", "mine", "en", "et", "noget", "den", "det", "de", "nogle", "vores", "ny", "nyt", "lidt", "sin", "om", "ansøgning", "brev",
			"afgørelse", "besked":
			continue
		case "måneden", "ugen", "året", "dagen", "at", "morgenen", "aftenen":
			return ""
		}
		if len(w) < 4 && strings.ToUpper(w) != name(w) || smallTalk[w] || danish.Stop(w) || strings.ContainsAny(w, "•0123456789") {
			return ""
		}
		return name(w)
	}
	return ""
}

// name spells a proper noun.
func name(w string) string {
	n, _ := danish.ProperNoun(w)
	return n
}
