package sparse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Lexicon is what the encoder knows of a corpus: its words and in how many documents they stand. The zero value knows none.
// It is made by [Lexicon.Learn] and not changed while an Encoder has it.
type Lexicon struct {
	documents int
	words     map[string]int
	titles    map[string]bool // words of titles and headings: they count as known when they stand but once
}

// Documents is how many documents were learned.
func (l *Lexicon) Documents() int { return l.documents }

// Learn adds a document.
func (l *Lexicon) Learn(f Fields) {
	if l.words == nil {
		l.words, l.titles = map[string]int{}, map[string]bool{}
	}
	l.documents++
	seen := map[string]bool{}
	for i, text := range []string{f.Title, f.Section, f.Text, f.asked()} {
		for _, w := range words(text) {
			w = strings.TrimSuffix(w, "-")
			if !learnable(w) {
				continue
			}
			if i < 2 {
				l.titles[w] = true
			}
			if !seen[w] {
				seen[w] = true
				l.words[w]++
			}
		}
	}
}

func learnable(w string) bool {
	n := 0
	for _, r := range w {
		if !unicode.IsLetter(r) {
			return false
		}
		n++
	}
	return n >= 3 && n <= maxCompound
}

// known reports a word that may be part of a compound: it is no slip of somebody's pen.
func (l *Lexicon) known(w string) bool { return l.words[w] >= 2 || l.titles[w] }

const lexiconHeader = "samtale-lexicon-1"

// MarshalText writes the lexicon as lines: the header, then a word, its documents and a t for titles, in order.
func (l *Lexicon) MarshalText() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintln(&b, lexiconHeader, l.documents)
	for _, w := range slices.Sorted(maps.Keys(l.words)) {
		b.WriteString(w)
		b.WriteByte(' ')
		b.WriteString(strconv.Itoa(l.words[w]))
		if l.titles[w] {
			b.WriteString(" t")
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// UnmarshalText reads what MarshalText wrote.
func (l *Lexicon) UnmarshalText(data []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	if !lines.Scan() {
		return errors.New("lexicon is empty")
	}
	head, count, _ := strings.Cut(lines.Text(), " ")
	n, err := strconv.Atoi(count)
	if head != lexiconHeader || err != nil || n < 0 {
		return errors.New("lexicon has no valid first line")
	}
	*l = Lexicon{documents: n, words: map[string]int{}, titles: map[string]bool{}}
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 2 || len(f) > 3 || !utf8.ValidString(f[0]) {
			return errors.New("lexicon has a bad line")
		}
		c, err := strconv.Atoi(f[1])
		if err != nil || c < 1 || c > n {
			return errors.New("lexicon has a bad count")
		}
		l.words[f[0]] = c
		if len(f) == 3 {
			l.titles[f[0]] = true
		}
	}
	return lines.Err()
}
