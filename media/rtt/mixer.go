package rtt

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

const (
	// restTurn: who types nothing for so long has had their turn when somebody else waits. RFC 9071 section 4.2.2 has 10 s as its example;
	// here a line of which nothing comes for 4 s is over for the transcript, too.
	restTurn = 4 * time.Second
	// longTurn: after waiting so long the turn comes at the next end of a word; after overTurn at any character. The RFC's examples
	// are a minute and 15 s more: who waits to be read by an authority should not wait that long.
	longTurn = 12 * time.Second
	overTurn = 20 * time.Second
	// maxWaiting bounds what one writer has waiting, in characters.
	maxWaiting = 2 * MaxLine
	// maxLabel bounds the name before a text, in characters.
	maxLabel = 60
	// erased stands for a character that was erased when it could not be taken back any more, as somebody else had written after it.
	erased = 'X'
)

// Mixer makes one text of what several people type, for a terminal that can show only one (RFC 9071 section 4.2: endpoints that know
// nothing of several writers). One has the turn, and goes out as typed; what others type meanwhile waits for the end of a phrase, a
// sentence or the line, or a pause; then it is the turn of who has waited longest (4.2.2). Each turn is a new line, with the writer's
// label in brackets before it. Nobody can erase beyond their turn: X stands for what they wanted gone (4.2.4). Time is the caller's.
//
// Other than there, a line that was ended cannot be taken back at all, as it cannot on the desk and in the transcript; colours (SGR) and
// the bell are left out (Scanner), so that there is nothing to restore at a switch; and a packet may have the end of one turn and
// the beginning of the next (4.2.5): without a list of sources nobody could tell.
type Mixer struct {
	writers map[string]*writer
	waiting []*writer // in the order in which they began to wait
	turn    *writer
	last    time.Time // when the turn's writer typed
	space   bool      // the last character ended a word
	phrase  bool      // and it ended a phrase or a sentence
	mark    bool      // the last character may be the end of a phrase
	open    bool      // the line that is shown is not ended
	named   bool      // the turn's label stands before this text
	out     strings.Builder
}

// writer is one of them.
type writer struct {
	label string
	scan  Scanner
	held  []rune    // waits for the turn
	since time.Time // when it began to wait
	shown int       // characters of the line that can be erased
	cut   int       // characters of the line that stand before somebody else's
}

// Write takes what somebody types. Label is what stands before their text; empty: nothing does.
func (m *Mixer) Write(from, label, text string, now time.Time) {
	w := m.writers[from]
	if w == nil {
		w = &writer{}
		if m.writers == nil {
			m.writers = map[string]*writer{}
		}
		m.writers[from] = w
	}
	if w.label != label && w == m.turn {
		m.named = false
	}
	w.label = label
	typed := w.scan.Read(text)
	if typed == "" {
		return
	}
	if w != m.turn {
		m.wait(w, typed, now)
		return
	}
	m.last = now
	for _, c := range typed {
		m.put(w, c)
	}
}

// Note shows a sentence of nobody's, at once, on a line of its own.
func (m *Mixer) Note(text string) {
	m.breakLine()
	m.named = false
	var scan Scanner
	clean := strings.NewReplacer("\n", Newline, "\b", "").Replace(scan.Read(text))
	m.out.WriteString(clean + Newline)
}

// Take returns what is to be sent, and when to ask again though nothing was written; 0: not before.
func (m *Mixer) Take(now time.Time) (text string, again time.Duration) {
	for len(m.waiting) > 0 {
		if again = m.patience(now); again > 0 {
			break
		}
		m.next(now)
	}
	text = m.out.String()
	m.out.Reset()
	return text, again
}

// patience is how long the first who waits has to go on waiting.
func (m *Mixer) patience(now time.Time) time.Duration {
	if m.turn == nil || !m.open || m.phrase {
		return 0
	}
	waits := m.waiting[0].since
	long := waits.Add(overTurn)
	if m.space {
		long = waits.Add(longTurn)
	}
	rests := m.last.Add(restTurn)
	if long.Before(rests) {
		rests = long
	}
	return max(0, rests.Sub(now))
}

// next gives the turn to who has waited longest.
func (m *Mixer) next(now time.Time) {
	m.breakLine()
	w := m.waiting[0]
	m.waiting = m.waiting[1:]
	m.turn, m.named, m.last = w, false, now
	held := w.held
	w.held = nil
	for _, c := range held {
		m.put(w, c)
	}
}

// breakLine ends the line that is shown. What its writer goes on with cannot erase it any more.
func (m *Mixer) breakLine() {
	if !m.open {
		return
	}
	m.out.WriteString(Newline)
	m.open = false
	m.turn.cut += m.turn.shown
	m.turn.shown = 0
}

// wait keeps what is typed out of turn.
func (m *Mixer) wait(w *writer, typed string, now time.Time) {
	if !slices.Contains(m.waiting, w) {
		m.waiting = append(m.waiting, w)
		w.since = now
	}
	for _, c := range typed {
		n := len(w.held)
		switch {
		case c == backspace && n > 0 && w.held[n-1] != '\n' && w.held[n-1] != backspace:
			w.held = w.held[:n-1]
		case n < maxWaiting:
			w.held = append(w.held, c)
		case w.held[n-1] != MissingText:
			w.held = append(w.held, MissingText)
		}
	}
	if len(w.held) == 0 { // it has erased all
		m.waiting = slices.DeleteFunc(m.waiting, func(o *writer) bool { return o == w })
	}
}

// put shows a character of whose turn it is.
func (m *Mixer) put(w *writer, c rune) {
	gone := false
	switch {
	case c == '\n':
		w.shown, w.cut = 0, 0
		if m.open {
			m.out.WriteString(Newline)
			m.open = false
		}
		return
	case c == backspace && w.shown > 0:
		w.shown--
		m.phrase, m.mark = false, false
		m.out.WriteRune(backspace)
		return
	case c == backspace && w.cut > 0:
		w.cut--
		c, gone = erased, true
	case c == backspace:
		return
	}
	if !m.named && w.label != "" {
		m.breakLine()
		m.out.WriteString("[" + cleanLabel(w.label) + "] ")
	}
	if !gone {
		w.shown++
	}
	m.named, m.open = true, true
	// A point or comma ends something only with a space after it: it may be one of a number.
	ends := c == '!' || c == '?'
	m.phrase = ends || unicode.IsSpace(c) && m.mark
	m.mark = ends || strings.ContainsRune(".,;:…", c)
	m.space = unicode.IsSpace(c) || unicode.IsPunct(c)
	m.out.WriteRune(c)
}

// cleanLabel keeps what could be taken for the label's end, or for something else, out of it.
func cleanLabel(s string) string {
	var scan Scanner
	s = strings.Map(func(c rune) rune {
		switch c {
		case '[':
			return '('
		case ']':
			return ')'
		case backspace, '\n':
			return -1
		}
		return c
	}, scan.Read(s))
	if r := []rune(s); len(r) > maxLabel {
		return string(r[:maxLabel-1]) + "…"
	}
	return s
}
