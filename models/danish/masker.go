package danish

import (
	"slices"
	"strings"
)

// A Masker masks a stream of recognised words, speaker by speaker, and holds back the smallest tail that may still
// become personal data or part of a written number: a civil registration number that a pause, a hesitation or the other
// speaker cuts in two never leaves it in clear.
//
// It belongs to one goroutine. Use one per conversation, so that a question by one speaker explains the digits of the
// other; one per leg works too. Token indexes in its spans count the committed tokens of the conversation from 0, in the
// order of [Masker.Commit].
type Masker struct {
	history []Token // the last committed tokens, released or not
	first   int     // index of history[0] in the conversation
	open    []int   // indexes in history that are not released, ascending
	cue     cues    // as indexes in the conversation; older than history too
}

// maxHistory is how many released tokens are kept before the first that is held: as far as a label stands before its
// digits, with the other speaker's words between.
const maxHistory = 40

// holdLimit is how long in samples an unfinished number waits for its rest: people look up the second half of a number in
// a purse or a phone. 12 s at 16 kHz.
const holdLimit = 12 * 16000

// Commit takes words that will not change and returns the spans that are now safe. Those of each speaker come in order.
func (m *Masker) Commit(tokens ...Token) []Span {
	from := len(m.history)
	for _, t := range tokens {
		m.history = append(m.history, t)
		m.open = append(m.open, len(m.history)-1)
	}
	said := speakers(m.history)
	m.cue = m.cue.with(newCues(said), from, m.first)
	return m.release(said, func(string) bool { return false })
}

// EndUtterance says that the speaker paused or that the turn ended. Everything is released except what may be the start
// of an identifier: that waits for the rest of it, at most for [Masker.Expire].
func (m *Masker) EndUtterance(speaker string) []Span {
	return m.release(speakers(m.history), func(s string) bool { return s == speaker })
}

// Expire releases what has waited too long at the stream position now, in samples.
func (m *Masker) Expire(now int64) []Span {
	late := map[string]bool{}
	for _, i := range m.open {
		t := m.history[i]
		late[t.Speaker] = now-t.End > holdLimit
	}
	return m.flush(func(s string) bool { return late[s] })
}

// Close releases everything. The Masker may be used on.
func (m *Masker) Close() []Span { return m.flush(func(string) bool { return true }) }

// Held reports how many committed tokens are held back.
func (m *Masker) Held() int { return len(m.open) }

// Tail shows the words that may still change, after the held ones, for the screen: masked like committed ones, and with
// what may become personal data hidden. Nothing is committed. Token indexes continue after the committed ones.
func (m *Masker) Tail(tokens []Token) []Span {
	all := append(slices.Clone(m.history), tokens...)
	shown := slices.Clone(m.open)
	for i := range tokens {
		shown = append(shown, len(m.history)+i)
	}
	said := speakers(all)
	cue := m.cue.with(newCues(said), len(m.history), m.first).from(m.first)
	spans := m.write(all, cue, shown)
	hidden := hiddenTail(said, cue, shown)
	for i := range spans {
		if spans[i].Kind == KindNone && slices.ContainsFunc(spans[i].Tokens, func(t int) bool { return hidden[t-m.first] }) {
			spans[i].Text = strings.Map(hideRune, spans[i].Text)
		}
	}
	return spans
}

func hideRune(r rune) rune {
	if r == ' ' || r == '.' || r == ',' || r == '-' {
		return r
	}
	return maskRune
}

// release gives out everything except the held tail of each speaker, of what is said in the history.
func (m *Masker) release(said [][]word, ended func(speaker string) bool) []Span {
	hold := map[int]bool{}
	for _, ws := range said {
		speaker := m.history[ws[0].tok].Speaker
		for _, w := range ws[heldFrom(ws, ended(speaker)):] {
			hold[w.tok] = true
		}
	}
	return m.give(func(i int) bool { return !hold[i] })
}

func (m *Masker) flush(speaker func(string) bool) []Span {
	return m.give(func(i int) bool { return speaker(m.history[i].Speaker) })
}

// give writes the open tokens that are free to go and forgets them.
func (m *Masker) give(free func(i int) bool) []Span {
	var out, rest []int
	for _, i := range m.open {
		if free(i) {
			out = append(out, i)
		} else {
			rest = append(rest, i)
		}
	}
	if len(out) == 0 {
		return nil
	}
	spans := m.write(m.history, m.cue.from(m.first), out)
	m.open = rest
	m.trim()
	return spans
}

// write masks and normalises the tokens at the indexes, with the rest of the tokens as context, and returns spans of
// those indexes only.
func (m *Masker) write(tokens []Token, cue cues, at []int) []Span {
	inside := map[int]bool{}
	for _, i := range at {
		inside[i] = true
	}
	var out []Span
	for _, s := range mask(tokens, cue) {
		keep := slices.DeleteFunc(slices.Clone(s.Tokens), func(i int) bool { return !inside[i] })
		if len(keep) == 0 {
			continue
		}
		if len(keep) < len(s.Tokens) && s.Kind == KindNone {
			out = append(out, m.plain(tokens, keep)...)
			continue
		}
		s.Tokens = keep
		s.Start, s.End = tokens[keep[0]].Start, tokens[keep[len(keep)-1]].End
		out = append(out, s)
	}
	for i := range out {
		for k := range out[i].Tokens {
			out[i].Tokens[k] += m.first
		}
	}
	return out
}

// plain writes words whose number was cut by a release as they were said.
func (m *Masker) plain(tokens []Token, at []int) []Span {
	out := make([]Span, len(at))
	for k, i := range at {
		out[k] = newSpan(tokens, tokens[i].Text, []int{i})
	}
	return out
}

// trim forgets released tokens that are too old to explain anything.
func (m *Masker) trim() {
	drop := len(m.history) - maxHistory
	if len(m.open) > 0 {
		drop = min(drop, m.open[0])
	}
	if drop <= 0 {
		return
	}
	m.history = append(m.history[:0], m.history[drop:]...)
	m.first += drop
	for k := range m.open {
		m.open[k] -= drop
	}
}

// heldFrom gives the index of the first word that must wait for what comes after the words.
func heldFrom(ws []word, ended bool) int {
	held := len(ws)
	for i := max(0, len(ws)-30); i < len(ws); i++ {
		if openRun(ws, i) || openAddress(ws, i) {
			held = i
			break
		}
	}
	if ended {
		return held
	}
	for i := max(0, len(ws)-12); i < held; i++ {
		if openNumber(ws, i) {
			return i
		}
	}
	return min(held, max(0, len(ws)-1)) // the last word may be the start of an address
}

// openRun reports digits at word i that reach the end of the words and may be the start of an identifier.
func openRun(ws []word, i int) bool {
	if reachesEnd(ws, birthday(ws, i)) {
		return true
	}
	if coreAt(ws, i) == "plus" && i == len(ws)-1 {
		return true
	}
	r, ok := runAt(ws, i)
	if !ok || !reachesEnd(ws, r.to()) {
		return false
	}
	// A lone "en" at the end of an utterance is an article, not a digit.
	return len(r.atoms) > 1 || len(r.atoms[0].digits) > 1 || ws[i].core != "en" && ws[i].core != "et"
}

// birthday gives the word after a full date at word i, or 0: four more digits would make it a registration number.
func birthday(ws []word, i int) int {
	it, ok := dateItem(ws, i)
	if !ok || it.fact.Kind != Date || parseCanonicalDate(it.fact.Value).day == 0 {
		return 0
	}
	return it.to
}

// reachesEnd reports that only hesitation stands between word i and the end.
func reachesEnd(ws []word, i int) bool {
	if i == 0 {
		return false
	}
	return i >= len(ws) || skip(ws, i) >= len(ws) || skipLink(ws, i) >= len(ws)
}

// openAddress reports an address that reaches the end of the words.
func openAddress(ws []word, i int) bool {
	if h, ok := emailAt(ws, i); ok && h.to-i > 1 {
		return h.to >= len(ws) || connector(coreAt(ws, h.to)) != "" && h.to == len(ws)-1
	}
	if connector(ws[i].core) != "" || startless(ws[i].core) || len(ws)-i > 16 {
		return false
	}
	seen := false
	for j := i; j < len(ws); j++ {
		seen = seen || j > i && connector(ws[j].core) != "" || ws[j].core == "snabel"
		if j > i && connector(ws[j].core) == "" && connector(ws[j-1].core) == "" && ws[j].core != "snabel" {
			if _, ok := numberAt(ws, j); !ok && len(ws[j].core) > 1 {
				return false
			}
		}
	}
	return seen
}

// openNumber reports a number, date or time at word i that further words may complete.
func openNumber(ws []word, i int) bool {
	switch ws[i].core {
	case "klokken", "kl", "halv", "kvart", "minus", "plus", "mit", "nem", "e":
		if i >= len(ws)-2 {
			return true
		}
	}
	it, ok := itemAt(ws, i)
	if ok && it.to >= len(ws)-1 && (it.text != "" || it.fact.Kind != "") {
		return it.to == len(ws) || continuesNumber(ws[len(ws)-1].core)
	}
	n, ok := numberAt(ws, i)
	return ok && (n.next == len(ws) || n.next == len(ws)-1 && continuesNumber(ws[n.next].core))
}

// continuesNumber are words that stand inside numbers, dates and times.
func continuesNumber(core string) bool {
	switch core {
	case "og", "komma", "i", "over", "minutter", "til", "punktum", "kroner":
		return true
	}
	return false
}

// hiddenDigits is how many digits of an unfinished number a screen may show: a day of the month identifies nobody.
const hiddenDigits = 3

// hiddenTail marks the shown tokens that may become personal data.
func hiddenTail(said [][]word, cue cues, shown []int) map[int]bool {
	out := map[int]bool{}
	for _, ws := range said {
		for i := max(0, len(ws)-30); i < len(ws); i++ {
			if n, ok := numberAt(ws, i); ok && n.value >= 1000 && !n.written() {
				i = n.next - 1 // an amount; its last words are no digits of their own
				continue
			}
			if r, ok := runAt(ws, i); ok && identifies(labelBefore(ws, i)) {
				i = r.to() - 1 // a case number
				continue
			}
			if !sensitive(ws, i, cue) {
				continue
			}
			for _, w := range ws[i:] {
				out[w.tok] = slices.Contains(shown, w.tok)
			}
			break
		}
	}
	return out
}

// sensitive reports that the words from i to the end may become personal data.
func sensitive(ws []word, i int, cue cues) bool {
	if openAddress(ws, i) {
		return true
	}
	if !openRun(ws, i) {
		return false
	}
	asked := near(cue.cpr, ws[i].tok)
	if asked && birthday(ws, i) > 0 {
		return true
	}
	r, ok := runAt(ws, i)
	if !ok {
		return false
	}
	d := r.digits()
	hundreds := len(r.atoms) == 1 && r.atoms[0].spoken && len(d) == 3 // "fem hundrede" begins no identifier
	return asked || len(d) >= hiddenDigits && !hundreds
}
