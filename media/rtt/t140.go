package rtt

import "strings"

const (
	backspace     = '\b'
	lineSeparator = '\u2028'

	// Newline ends a line as we send it (ITU-T T.140 prefers it to CR LF).
	Newline = string(lineSeparator)

	// MaxLine is the longest line that is held back until it is ended, in characters; a longer one is ended there.
	MaxLine = 2000

	// maxString and maxControl bound the control functions that are left out: without their end they are text again, so that a
	// lost one swallows nothing for long. T.140 section 8 has 256 characters for strings.
	maxString  = 256
	maxControl = 32
)

// escaped is how far a control function has come (ISO/IEC 6429).
type escaped uint8

const (
	plain    escaped = iota
	escape           // after ESC
	sequence         // after CSI: parameters, then one final character
	str              // after SOS: a string, until ST
	strEnd           // after ESC in a string: a backslash makes it ST
)

// Scanner reads T.140 as it arrives, in pieces that are cut anywhere. The zero value is ready.
type Scanner struct {
	in escaped
	n  int  // characters of the control function so far
	cr bool // the last character was a CR: an LF after it is the same new line
}

// Read returns what a piece means: characters as they are, '\b' for each that is erased, and '\n' for each new line. That is the
// line separator, CR LF, and, as some telephones send them, CR or LF alone, NEL and the paragraph separator. Control functions
// that say how text looks (SGR) or are no text (SOS … ST, ESC a) are left out whole, other control characters and byte order
// marks too.
func (s *Scanner) Read(piece string) string {
	var out strings.Builder
	for _, c := range piece {
		if r, ok := s.next(c); ok {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func (s *Scanner) next(c rune) (r rune, ok bool) {
	if s.in != plain && s.inside(c) {
		return 0, false
	}
	after := s.cr
	s.cr = c == '\r'
	switch {
	case c == '\n' && after:
		return 0, false
	case c == lineSeparator, c == '\u2029', c == '\n', c == '\r', c == '\u0085':
		return '\n', true
	case c == backspace:
		return backspace, true
	case c == 0x1b:
		s.begin(escape)
	case c == 0x9b:
		s.begin(sequence)
	case c == 0x98:
		s.begin(str)
	case c < ' ', c >= 0x7f && c < 0xa0, c == '\ufeff':
	default:
		return c, true
	}
	return 0, false
}

func (s *Scanner) begin(in escaped) { s.in, s.n = in, 0 }

// inside takes a character of a control function; false: it is none of it, and the function is over.
func (s *Scanner) inside(c rune) bool {
	s.n++
	switch s.in {
	case escape:
		return s.escaped(c)
	case sequence:
		return s.parameter(c)
	case strEnd:
		s.in = str
		if c == '\\' {
			s.in = plain
			return true
		}
	}
	switch {
	case c == 0x9c: // ST
		s.in = plain
	case c == lineSeparator, c == '\n', c == '\r', s.n > maxString:
		s.in = plain
		return false
	case c == 0x1b:
		s.in = strEnd
	}
	return true
}

// escaped takes what comes after ESC: a C1 control character in seven bits, or a function of one character, as INT (ESC a).
func (s *Scanner) escaped(c rune) bool {
	switch {
	case c == '[':
		s.begin(sequence)
	case c == 'X':
		s.begin(str)
	case c >= ' ' && c <= '/' && s.n < maxControl: // goes on
	case c >= '0' && c <= '~':
		s.in = plain
	default:
		s.in = plain
		return false
	}
	return true
}

// parameter takes what comes after CSI.
func (s *Scanner) parameter(c rune) bool {
	switch {
	case c >= ' ' && c <= '?' && s.n < maxControl:
	case c >= '@' && c <= '~':
		s.in = plain
	default:
		s.in = plain
		return false
	}
	return true
}

// Text is what a person has typed so far, with what was erased gone (ITU-T T.140 section 8).
type Text struct {
	scan  Scanner
	runes []rune
}

// Apply types more.
func (t *Text) Apply(s string) {
	for _, c := range t.scan.Read(s) {
		if c != backspace {
			t.runes = append(t.runes, c)
		} else if n := len(t.runes); n > 0 {
			t.runes = t.runes[:n-1]
		}
	}
}

// Len is how many characters stand.
func (t *Text) Len() int { return len(t.runes) }

// String is the text as it stands.
func (t *Text) String() string { return string(t.runes) }

// Line is the line that somebody is typing. What was ended is not erased any more.
type Line struct {
	scan  Scanner
	runes []rune
}

// Type adds to the line and returns the lines that were ended, without space around them; empty ones are left out.
func (l *Line) Type(s string) (ended []string) {
	for _, c := range l.scan.Read(s) {
		switch {
		case c == backspace && len(l.runes) > 0:
			l.runes = l.runes[:len(l.runes)-1]
		case c == backspace:
		case c == '\n':
			ended = l.end(ended)
		default:
			if l.runes = append(l.runes, c); len(l.runes) >= MaxLine {
				ended = l.end(ended)
			}
		}
	}
	return ended
}

func (l *Line) end(ended []string) []string {
	if text := strings.TrimSpace(string(l.runes)); text != "" {
		ended = append(ended, text)
	}
	l.runes = l.runes[:0]
	return ended
}

// Len is how many characters stand.
func (l *Line) Len() int { return len(l.runes) }

// String is the line as it stands.
func (l *Line) String() string { return string(l.runes) }
