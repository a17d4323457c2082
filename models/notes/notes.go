// Package notes drafts journal notes from transcripts.
//
// [Extract] drafts without a model: it picks sentences that were said and reports them, quoted where no safe rewriting
// exists. [FromModel] lets a language model write, with evidence demanded for each sentence. Both go through the same
// verifier, so a draft never holds more trust than models/evidence gives it. Nothing is invented: a section about which
// nothing was said stays empty.
//
// All functions are pure, apart from the model's own call, and safe for concurrent use.
package notes

import (
	"cmp"
	"slices"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
)

// SectionKind keeps facts apart from assessments (offentlighedsloven §13).
type SectionKind string

// The kinds of sections.
const (
	Fact       SectionKind = "fact"
	Assessment SectionKind = "assessment"
)

// IDs of the sections that drafting knows. A template may leave some out.
const (
	Reason   = "henvendelse"
	Told     = "oplyst"
	Assessed = "vurdering"
	Agreed   = "aftalt"
	FollowUp = "opfoelgning"
)

// A Section is one heading of a note.
type Section struct {
	ID       string
	Title    string
	Kind     SectionKind
	Required bool // a draft without it says so
	// Stems of words by which something told belongs to this section; words that begin with one of Not do not count.
	Stems, Not []string
}

// A Template is what a service area wants its notes to hold.
type Template struct {
	Name        string // with its version, "standard/1"; it is signed with the note
	ServiceArea string
	Sections    []Section
}

// NotMentioned stands in sections about which nothing was said.
const NotMentioned = "Ikke omtalt"

// section gives the template's section of an ID.
func (t Template) section(id string) (Section, bool) {
	i := slices.IndexFunc(t.Sections, func(s Section) bool { return s.ID == id })
	if i < 0 {
		return Section{}, false
	}
	return t.Sections[i], true
}

// A Word is one word of a transcript, as written and masked.
type Word struct {
	ID         string
	Text       string
	Start, End int64 // samples at 16 kHz from the start of the leg
	Confidence float64
	Masked     danish.Kind
	Sentence   bool // first word of a sentence, where the recogniser's side knows
}

// A Leg is one speaker's words, in order.
type Leg struct {
	ID     string
	Role   string // evidence.Citizen, evidence.Caseworker or another
	Offset int64  // samples from the start of the conversation to the start of the leg
	Words  []Word
}

// A Transcript is what was said.
type Transcript struct {
	Legs []Leg
}

// Source makes the transcript a source of evidence.
func (t Transcript) Source() evidence.Source {
	var words []evidence.Word
	for _, l := range t.Legs {
		first := map[int]bool{}
		for _, p := range l.parts() {
			first[p.Tokens[0]] = true
		}
		for i, w := range l.Words {
			words = append(words, evidence.Word{ID: w.ID, Leg: l.ID, Role: l.Role, Text: w.Text, First: first[i]})
		}
	}
	return evidence.NewTranscript(words)
}

// A Sentence is one sentence of a draft.
type Sentence struct {
	Section string
	evidence.Claim
	Verdict evidence.Verdict
}

// A Draft is a note that nobody has approved.
type Draft struct {
	Template  Template
	Title     string
	Sentences []Sentence // in the order of the template's sections
	By        string     // "extract" or the model's name
	Notice    string     // in Danish, why the draft is not what was asked for
}

// Empty lists the sections about which nothing was said.
func (d Draft) Empty() []Section {
	return slices.DeleteFunc(slices.Clone(d.Template.Sections), func(s Section) bool {
		return slices.ContainsFunc(d.Sentences, func(x Sentence) bool { return x.Section == s.ID })
	})
}

// Missing lists the required sections that are empty.
func (d Draft) Missing() []Section {
	return slices.DeleteFunc(d.Empty(), func(s Section) bool { return !s.Required })
}

// sortSentences puts the sentences in the order of the template, without changing their order inside a section.
func (t Template) sortSentences(s []Sentence) {
	place := map[string]int{}
	for i, sec := range t.Sections {
		place[sec.ID] = i
	}
	slices.SortStableFunc(s, func(a, b Sentence) int { return cmp.Compare(place[a.Section], place[b.Section]) })
}
