// Package review holds the rules of a note under review: what a person may change,
// which sentences have proof, and when the note may be approved. It is pure: storage,
// sealing and roles are the caller's.
package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/models/notes"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Body is what of a note is sealed.
type Body struct {
	Title     string               `json:"title"`
	Sections  []journalv1.Section  `json:"sections"`
	Sentences []journalv1.Sentence `json:"sentences"`
	DraftedBy string               `json:"drafted_by"`
	Notice    string               `json:"notice,omitempty"`
	// ApprovedBy is the name that stands on the approved note.
	ApprovedBy string `json:"approved_by,omitempty"`
}

// Form as DraftedBy: no machine has written, a person fills the template in.
const Form = "form"

// Emptied is the note after a consent was withdrawn: an empty form, with what a person has
// written. What a machine wrote goes, also where a person has confirmed it. Without
// transcript there is no evidence any more either.
func (b Body) Emptied(notice string, transcript bool) Body {
	kept := []journalv1.Sentence{}
	for _, s := range b.Sentences {
		if s.By == b.DraftedBy || s.Confirm != "" {
			continue
		}
		if !transcript {
			s.Evidence, s.Verdict = []journalv1.Evidence{}, journalv1.Edited
		}
		kept = append(kept, s)
	}
	b.Title, b.Sentences, b.DraftedBy, b.Notice = "", kept, Form, notice
	return b
}

// Unquoted is an approved note without the words that it was written from. Its text and
// its places stay as they were signed.
func (b Body) Unquoted() Body {
	b.Sentences = slices.Clone(b.Sentences)
	for i, s := range b.Sentences {
		b.Sentences[i].Evidence = slices.Clone(s.Evidence)
		for j := range s.Evidence {
			b.Sentences[i].Evidence[j].Quote = ""
		}
	}
	return b
}

// Words are the transcript's words by id: what evidence points at.
type Words struct {
	source *evidence.Transcript
	byID   map[string]journalv1.Word
}

// NewWords indexes a transcript.
func NewWords(t journalv1.Transcript) Words {
	roles := map[string]string{}
	for _, l := range t.Legs {
		roles[l.ID] = l.Role
	}
	w := Words{byID: map[string]journalv1.Word{}}
	var list []evidence.Word
	for _, x := range t.Words {
		w.byID[x.ID] = x
		list = append(list, evidence.Word{ID: x.ID, Leg: x.Leg, Role: roles[x.Leg], Text: x.Text, First: x.Sentence})
	}
	w.source = evidence.NewTranscript(list)
	return w
}

// FromDraft turns a draft into a note's body.
func FromDraft(d notes.Draft, words Words) Body {
	b := Body{Title: d.Title, DraftedBy: d.By, Notice: d.Notice, Sections: sections(d.Template), Sentences: []journalv1.Sentence{}}
	for _, s := range d.Sentences {
		b.Sentences = append(b.Sentences, journalv1.Sentence{
			ID: newID(), Section: s.Section, Text: s.Text, By: d.By,
			Verdict: string(s.Verdict.Level), Reasons: reasons(s.Verdict), Evidence: words.evidence(s.Spans),
		})
	}
	return b
}

func sections(t notes.Template) []journalv1.Section {
	var out []journalv1.Section
	for _, s := range t.Sections {
		out = append(out, journalv1.Section{ID: s.ID, Title: s.Title, Kind: string(s.Kind), Empty: notes.NotMentioned})
	}
	return out
}

func newID() string { return event.NewID(time.Now()) }

func reasons(v evidence.Verdict) []string {
	var out []string
	for _, r := range v.Reasons {
		out = append(out, r.String())
	}
	return out
}

// evidence describes spans for people: time and quotation.
func (w Words) evidence(spans []evidence.Span) []journalv1.Evidence {
	out := []journalv1.Evidence{}
	for _, s := range spans {
		if e, ok := w.describe(s.Words); ok {
			out = append(out, e)
		}
	}
	return out
}

// describe builds the evidence of some words of one leg; words that are not in the
// transcript are left out.
func (w Words) describe(ids []string) (journalv1.Evidence, bool) {
	var e journalv1.Evidence
	var quote []string
	for _, id := range ids {
		x, ok := w.byID[id]
		if !ok || e.Leg != "" && x.Leg != e.Leg {
			continue
		}
		if e.Leg == "" {
			e.Leg, e.Start = x.Leg, x.Start
		}
		e.End = max(e.End, x.End)
		e.WordIDs = append(e.WordIDs, id)
		quote = append(quote, x.Text)
	}
	e.Quote = strings.Join(quote, " ")
	return e, e.Leg != ""
}

// claim is a sentence as the verifier and the signature see it.
func claim(s journalv1.Sentence) evidence.Claim {
	c := evidence.Claim{Text: s.Text}
	for _, e := range s.Evidence {
		c.Spans = append(c.Spans, evidence.Span{Source: e.Leg, Words: e.WordIDs})
	}
	return c
}

// Document is a note's body as it is hashed and signed.
func (b Body) Document(template string) evidence.Document {
	d := evidence.Document{Template: template, Title: b.Title}
	for _, s := range b.Sentences {
		d.Parts = append(d.Parts, evidence.Part{Section: s.Section, Claim: claim(s)})
	}
	return d
}

// Limits of what a person may write, in characters and sentences: a note, not a book.
const (
	maxTitle     = 200
	maxSentence  = 2000
	maxSentences = 200
	maxReason    = 500
)

// Save returns the body with title and sentences replaced. Sentences whose text is
// unchanged keep their verdict; others are verified again, and count as written by by
// where the verifier finds no proof. Empty sentences are dropped.
func (b Body) Save(title string, in []journalv1.Sentence, words Words, by string) (Body, error) {
	title = strings.TrimSpace(title)
	if utf8.RuneCountInString(title) > maxTitle {
		return b, invalid("Titlen er for lang (højst %d tegn).", maxTitle)
	}
	if len(in) > maxSentences {
		return b, invalid("Notatet har for mange sætninger (højst %d).", maxSentences)
	}
	seen := map[string]bool{}
	out := []journalv1.Sentence{}
	for _, s := range in {
		s.Text = strings.TrimSpace(s.Text)
		if s.Text == "" {
			continue
		}
		if s.ID != "" && seen[s.ID] {
			return b, invalid("Den samme sætning står der to gange.")
		}
		seen[s.ID] = true
		s, err := b.merge(s, words, by)
		if err != nil {
			return b, err
		}
		out = append(out, s)
	}
	b.Title, b.Sentences = title, b.inOrder(out)
	return b, nil
}

// Same reports whether title and sentences are already as given.
func (b Body) Same(title string, in []journalv1.Sentence) bool {
	var want []journalv1.Sentence
	for _, s := range in {
		if s.Text = strings.TrimSpace(s.Text); s.Text != "" {
			want = append(want, s)
		}
	}
	return strings.TrimSpace(title) == b.Title && slices.EqualFunc(b.inOrder(want), b.Sentences, func(x, y journalv1.Sentence) bool {
		return x.Text == y.Text && x.Section == y.Section && (x.ID == "" || x.ID == y.ID)
	})
}

// inOrder puts sentences in the order of the sections, keeping theirs inside of one.
func (b Body) inOrder(s []journalv1.Sentence) []journalv1.Sentence {
	slices.SortStableFunc(s, func(x, y journalv1.Sentence) int { return cmp.Compare(b.place(x.Section), b.place(y.Section)) })
	return s
}

// place is a section's index, or -1.
func (b Body) place(section string) int {
	return slices.IndexFunc(b.Sections, func(x journalv1.Section) bool { return x.ID == section })
}

func (b Body) merge(s journalv1.Sentence, words Words, by string) (journalv1.Sentence, error) {
	if utf8.RuneCountInString(s.Text) > maxSentence {
		return s, invalid("En sætning er for lang (højst %d tegn).", maxSentence)
	}
	if b.place(s.Section) < 0 {
		return s, invalid("En sætning står i et afsnit, som notatet ikke har.")
	}
	old, known := b.sentence(s.ID)
	switch {
	case s.ID != "" && !known:
		return s, errs.E(errs.Conflict, "En af sætningerne findes ikke længere. Hent den nyeste udgave af notatet.", nil)
	case known && old.Text == s.Text:
		old.Section = s.Section
		return old, nil
	case !known:
		s.ID = newID()
	case len(s.Evidence) == 0:
		s.Evidence = old.Evidence
	}
	return words.verify(journalv1.Sentence{ID: s.ID, Section: s.Section, Text: s.Text, Evidence: s.Evidence, By: by}), nil
}

// verify gives a sentence that a person wrote its verdict.
func (w Words) verify(s journalv1.Sentence) journalv1.Sentence {
	var ev []journalv1.Evidence
	for _, e := range s.Evidence {
		if d, ok := w.describe(e.WordIDs); ok {
			ev = append(ev, d)
		}
	}
	s.Evidence = ev
	s.Verdict = journalv1.Edited
	if evidence.Verify(claim(s), w.source).Level == evidence.Supported {
		s.Verdict = journalv1.Supported
	}
	if s.Evidence == nil {
		s.Evidence = []journalv1.Evidence{}
	}
	return s
}

func (b Body) sentence(id string) (journalv1.Sentence, bool) {
	for _, s := range b.Sentences {
		if s.ID == id {
			return s, true
		}
	}
	return journalv1.Sentence{}, false
}

// Confirm returns the body with one sentence confirmed by a person, who says why.
func (b Body) Confirm(id, reason, by string) (Body, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > maxReason {
		return b, invalid("Skriv kort, hvorfor sætningen er rigtig (højst %d tegn).", maxReason)
	}
	b.Sentences = slices.Clone(b.Sentences)
	for i, s := range b.Sentences {
		if s.ID == id {
			s.Verdict, s.Confirm, s.By = journalv1.Confirmed, reason, by
			b.Sentences[i] = s
			return b, nil
		}
	}
	return b, errs.E(errs.NotFound, "Sætningen findes ikke længere. Hent den nyeste udgave af notatet.", nil)
}

// Ready reports, as errs.Invalid, what stands in the way of approval. The text names
// places, not what is written there.
func (b Body) Ready() error {
	if len(b.Sentences) == 0 {
		return invalid("Notatet er tomt. Skriv mindst én sætning, eller kassér notatet.")
	}
	var open []string
	number := map[string]int{}
	for _, s := range b.Sentences {
		number[s.Section]++
		if s.Verdict == journalv1.Weak || s.Verdict == journalv1.Unsupported {
			open = append(open, fmt.Sprintf("nr. %d under %s", number[s.Section], b.Sections[b.place(s.Section)].Title))
		}
	}
	if len(open) == 0 {
		return nil
	}
	return invalid("Notatet kan ikke godkendes endnu. Disse sætninger er ikke fundet i samtalen: %s. Ret dem, bekræft dem med en grund, eller slet dem.",
		strings.Join(open, ", "))
}

func invalid(format string, args ...any) error {
	return errs.E(errs.Invalid, fmt.Sprintf(format, args...), nil)
}
