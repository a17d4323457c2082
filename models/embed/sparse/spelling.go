package sparse

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// speller finds the words of the corpus that a misspelt word may be.
type speller struct {
	stems   map[string]int   // of every word that was seen, also once: in how many documents the most frequent of them
	plain   map[string]entry // words with the letters æ, ø or å, by how they look without
	sounds  map[string]entry // words by how they sound
	entries []entry
}

type entry struct {
	word  string
	runes []rune
	has   uint64 // which letters, a bit each
	docs  int
}

func newSpeller(l *Lexicon) *speller {
	s := &speller{stems: map[string]int{}, plain: map[string]entry{}, sounds: map[string]entry{}}
	for w, n := range l.words {
		st := stem(w, false)
		s.stems[st] = max(s.stems[st], n)
		if l.titles[w] {
			s.stems[st] = max(s.stems[st], rare+1)
		}
		if !l.known(w) || stop(w, false) {
			continue
		}
		e := entry{w, []rune(w), Letters(w), n}
		s.entries = append(s.entries, e)
		if f := plain(w); f != w && (n > s.plain[f].docs || n == s.plain[f].docs && w < s.plain[f].word) {
			s.plain[f] = e
		}
		if f := sound(w); n > s.sounds[f].docs || n == s.sounds[f].docs && w < s.sounds[f].word {
			s.sounds[f] = e
		}
	}
	slices.SortFunc(s.entries, func(a, b entry) int { return strings.Compare(a.word, b.word) })
	return s
}

// Letters has a bit for each letter of a word: two words whose bits differ much cannot be near each other, and one that lacks a bit of
// another does not have it within.
func Letters(w string) uint64 {
	var b uint64
	for _, r := range w {
		b |= 1 << (uint32(r) % 64)
	}
	return b
}

// maxSuggestions of one word: more would be guessing.
const maxSuggestions = 2

// What people ask is misspelt in the corpus as well. A word that stands in so few documents may be one of those, if it is near a word that
// stands in so many times as many.
const (
	rare     = 10
	likelier = 8
)

// suggest gives the nearest words of the corpus for a word that it does not have, or hardly, best first.
func (s *speller) suggest(w string) []string {
	st := stem(w, false)
	n, seen := utf8.RuneCountInString(w), s.stems[st]
	if n < 3 || n > 40 || seen > rare {
		return nil
	}
	likely := func(e entry) bool {
		of := stem(e.word, false)
		return seen == 0 || max(e.docs, s.stems[of]) >= likelier*seen && of != st
	}
	if e, ok := s.plain[plain(w)]; ok && likely(e) {
		return []string{e.word}
	}
	if e, ok := s.sounds[sound(w)]; ok && likely(e) {
		return []string{e.word}
	}
	if n < 5 || seen > 0 && n < 6 {
		return nil // too many words are near it
	}
	limit := 1
	if n >= 8 && seen == 0 {
		limit = 2
	}
	type found struct {
		entry
		distance int
	}
	var best []found
	rs, has := []rune(w), Letters(w)
	for _, e := range s.entries {
		if d := len(e.runes) - n; d > limit || d < -limit || bits.OnesCount64(e.has^has) > 2*limit || !sameStart(e.runes, rs) {
			continue
		}
		if d := distance(rs, e.runes, limit); d <= limit && likely(e) {
			best = append(best, found{e, d})
			limit = min(limit, d)
		}
	}
	slices.SortStableFunc(best, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(b.docs, a.docs))
	})
	var out []string
	for _, f := range best {
		if f.distance == best[0].distance && len(out) < maxSuggestions {
			out = append(out, f.word)
		}
	}
	return out
}

// sameStart says that one of the first two letters agrees: people seldom miss both.
func sameStart(a, b []rune) bool { return a[0] == b[0] || a[1] == b[1] }

// sound writes a word as it sounds, roughly: silent letters, double ones and those that sound alike are where Danes slip.
func sound(w string) string {
	if len(w) > 2 && w[0] == 'h' && (w[1] == 'v' || w[1] == 'j') {
		w = w[1:]
	}
	w = alike.Replace(w)
	var b strings.Builder
	last := rune(0)
	for _, r := range w {
		if r != last {
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

// alike are letters by how they sound. Earlier ones win where both stand.
var alike = strings.NewReplacer("tion", "sjon", "sion", "sjon", "eg", "aj", "ej", "aj", "nd", "n", "ld", "l", "rd", "r", "dt", "t", "ds", "s",
	"ce", "se", "ci", "si", "cy", "sy", "ch", "sj", "c", "k", "z", "s", "q", "k", "x", "ks", "w", "v", "æ", "e", "å", "o")

// plain writes a word as a foreign keyboard does: ø as oe or o.
func plain(w string) string { return foreign.Replace(w) }

var foreign = strings.NewReplacer("ae", "a", "oe", "o", "æ", "a", "ø", "o", "å", "a")

// distance counts the letters to insert, delete, replace or swap with the next one; more than limit is limit+1.
func distance(a, b []rune, limit int) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		least := row[0]
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			d := min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = d
			least = min(least, d)
		}
		if least > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
