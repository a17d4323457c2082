// Package transcript puts the finals of a conversation's legs together: words in the
// order in which they were said, gaps, and how much of the sound is covered. It is
// pure; the caller opens the sealed words.
package transcript

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/internal/store"
)

const (
	// rate is the sample rate of positions, in Hz.
	rate = 16000
	// typed is the engine of words that nobody heard: chat and real-time text.
	typed = "typed"
)

// Final is a stored final with its words opened; without words when they were erased.
type Final struct {
	store.Final
	Words []transcriptv1.Word
}

// Assemble builds the transcript of a conversation. Legs and finals are as the store
// lists them.
func Assemble(c store.Conversation, legs []store.Leg, finals []Final) journalv1.Transcript {
	t := journalv1.Transcript{
		ConversationID: c.ID, Demo: Demo(legs), ErasedAt: c.ErasedAt,
		Complete: Complete(c, legs), Coverage: Coverage(c, legs), Words: []journalv1.Word{}, Legs: []callv1.Leg{},
	}
	var turns []turn
	for _, l := range legs {
		t.Legs = append(t.Legs, l.Contract())
		switch {
		case l.Engine == typed:
			t.Typed = append(t.Typed, l.ID)
			t.Engine = cmp.Or(t.Engine, typed)
		case l.Engine != "":
			t.Engine = l.Engine
		}
		shown, _ := heard(finalsOf(finals, l.ID))
		offset := offset(c.StartedAt, l.StartedAt)
		turns = append(turns, divide(l.ID, offset, shown)...)
		t.Gaps = append(t.Gaps, gaps(c, l, offset, shown)...)
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(a.start, b.start) })
	slices.SortStableFunc(t.Gaps, func(a, b journalv1.Gap) int { return cmp.Compare(a.Start, b.Start) })
	for _, u := range turns {
		t.Words = append(t.Words, u.words...)
	}
	t.Text = text(t.Words)
	return t
}

// Demo reports whether the demo recogniser heard any of it.
func Demo(legs []store.Leg) bool {
	return slices.ContainsFunc(legs, func(l store.Leg) bool { return l.Demo })
}

// Complete reports whether every sample of a call that has ended is accounted for.
func Complete(c store.Conversation, legs []store.Leg) bool {
	if c.EndedAt.IsZero() {
		return false
	}
	return !c.Transcribed || !slices.ContainsFunc(legs, func(l store.Leg) bool { return !l.Complete() })
}

// Coverage sums the ledgers of the live pass. Once nothing more is waited for, what a leg captured and
// nobody accounted for is lost.
func Coverage(c store.Conversation, legs []store.Leg) journalv1.Coverage {
	var transcribed, silence, masked, lost int64
	for _, l := range legs {
		transcribed += l.Transcribed
		silence += l.Silence
		masked += l.Masked
		lost += l.Lost + missing(c, l)
	}
	return journalv1.Coverage{
		Captured:    seconds(transcribed + silence + masked + lost),
		Transcribed: seconds(transcribed), Silence: seconds(silence), Masked: seconds(masked), Lost: seconds(lost),
	}
}

// missing is how many samples at the leg's end were never accounted for.
func missing(c store.Conversation, l store.Leg) int64 {
	if c.ClosedAt.IsZero() || !l.Expected || l.Samples == store.Unknown {
		return 0
	}
	return max(0, l.Samples-l.HeardTo)
}

func seconds(samples int64) float64 { return float64(samples) / rate }

// offset is where a leg begins in its conversation. A leg that the call has not told
// about yet, or that began before by another clock, begins with it.
func offset(conversation, leg time.Time) float64 {
	if leg.IsZero() {
		return 0
	}
	return max(0, leg.Sub(conversation).Seconds())
}

func finalsOf(all []Final, leg string) []Final {
	var out []Final
	for _, f := range all {
		if f.LegID == leg {
			out = append(out, f)
		}
	}
	return out
}

// heard is what is shown of a leg: the finals of the live pass in order of place, and for
// each that a stronger pass has heard again in full, that pass's words and ledger of the
// same stretch. replaced are the live words in whose place they stand.
func heard(finals []Final) (shown []Final, replaced []transcriptv1.Word) {
	var at int64
	for _, f := range live(finals) {
		better, ok := stronger(finals, max(f.From, at), f.To)
		at = max(at, f.To)
		if !ok {
			shown = append(shown, f)
			continue
		}
		shown = append(shown, better)
		replaced = append(replaced, f.Words...)
	}
	return shown, replaced
}

// stronger gives [from, to) as the strongest pass has it that is complete there: without a
// hole, and with nothing lost or withdrawn.
func stronger(finals []Final, from, to int64) (Final, bool) {
	passes := map[int][]Final{}
	for _, f := range finals {
		if f.Revision > 0 && f.To > from && f.From < to {
			passes[f.Revision] = append(passes[f.Revision], f)
		}
	}
	for _, revision := range slices.Backward(slices.Sorted(maps.Keys(passes))) {
		out, ok := cut(passes[revision], from, to)
		if out.Revision = revision; ok {
			return out, true
		}
	}
	return Final{}, false
}

// cut joins the finals of one pass to one of exactly [from, to); ok is false when they do
// not cover it.
func cut(pass []Final, from, to int64) (out Final, ok bool) {
	slices.SortFunc(pass, func(a, b Final) int { return cmp.Compare(a.From, b.From) })
	out.From, out.To = from, to
	at := from
	for _, f := range pass {
		if f.From > at || f.Withdrawn {
			return out, false
		}
		for _, r := range f.Ledger {
			r.Start, r.End = max(r.Start, at), min(r.End, to)
			if r.Start >= r.End {
				continue
			}
			if r.State == transcriptv1.Lost {
				return out, false
			}
			out.Ledger = append(out.Ledger, r)
		}
		for _, w := range f.Words {
			if w.Start >= at && w.Start < to {
				out.Words = append(out.Words, w)
			}
		}
		at = max(at, min(f.To, to))
	}
	return out, at >= to && from < to
}

// Replaced gives the live words that a stronger pass stands in for. They are not shown, but
// a note that was written from them points at them.
func Replaced(c store.Conversation, legs []store.Leg, finals []Final) []journalv1.Word {
	var out []journalv1.Word
	for _, l := range legs {
		_, old := heard(finalsOf(finals, l.ID))
		for _, w := range old {
			out = append(out, word(l.ID, offset(c.StartedAt, l.StartedAt), 0, w))
		}
	}
	return out
}

// turn is a run of words that is read as one: a sentence, or its part before a pause.
type turn struct {
	start float64
	words []journalv1.Word
}

// pause between two words after which another speaker's words may stand between them.
const pause = rate // 1 s

func divide(leg string, offset float64, shown []Final) []turn {
	var out []turn
	var end int64 // of the word before
	for _, p := range inOrder(shown) {
		v := word(leg, offset, p.revision, p.Word)
		if len(out) == 0 || p.Sentence || p.Start-end > pause {
			out = append(out, turn{start: v.Start})
		}
		end = p.End
		last := &out[len(out)-1]
		last.words = append(last.words, v)
	}
	return out
}

// passed is a word with the pass that heard it.
type passed struct {
	transcriptv1.Word
	revision int
}

func inOrder(shown []Final) []passed {
	var out []passed
	for _, f := range shown {
		for _, w := range f.Words {
			out = append(out, passed{w, f.Revision})
		}
	}
	slices.SortStableFunc(out, func(a, b passed) int { return cmp.Compare(a.Start, b.Start) })
	return out
}

// word is a word as others see it: nothing clear, times of the conversation.
func word(leg string, offset float64, revision int, w transcriptv1.Word) journalv1.Word {
	return journalv1.Word{
		ID: w.ID, Leg: leg, Text: w.Text, Start: offset + seconds(w.Start), End: offset + seconds(w.End),
		Confidence: w.Confidence, Masked: w.Masked, Sentence: w.Sentence, Revision: revision,
	}
}

// gaps lists what of a leg is not written down though something was captured there.
func gaps(c store.Conversation, l store.Leg, offset float64, shown []Final) []journalv1.Gap {
	var out []journalv1.Gap
	add := func(start, end int64, state transcriptv1.State) {
		if start >= end || state != transcriptv1.Lost && state != transcriptv1.Masked {
			return
		}
		from, to := offset+seconds(start), offset+seconds(end)
		if n := len(out); n > 0 && out[n-1].State == state && out[n-1].End == from {
			out[n-1].End = to
			return
		}
		out = append(out, journalv1.Gap{Leg: l.ID, Start: from, End: to, State: state})
	}
	var at int64
	for _, f := range shown {
		add(at, f.From, transcriptv1.Lost)
		for _, r := range f.Ledger {
			add(max(r.Start, at), r.End, r.State)
		}
		at = max(at, f.To)
	}
	add(at, at+missing(c, l), transcriptv1.Lost)
	return out
}

// live gives the finals of the live pass in order of place.
func live(finals []Final) []Final {
	var out []Final
	for _, f := range finals {
		if f.Revision == 0 {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b Final) int { return cmp.Compare(a.From, b.From) })
	return out
}

// text is the transcript for reading: a line for each stretch of one speaker.
func text(words []journalv1.Word) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case words[i-1].Leg != w.Leg:
			b.WriteByte('\n')
		default:
			b.WriteByte(' ')
		}
		b.WriteString(w.Text)
	}
	return b.String()
}
