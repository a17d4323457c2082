package sparse

import (
	"strings"
	"sync"
)

// phrase is what citizens say for what authorities call official.
type phrase struct {
	citizen  string
	stems    []string // all of them stand in the question; with = before it, the word as it is
	official string   // in Danish
	english  string   // the same in English texts
	weight   float64
	small    bool // made of stop words only, which any question has: they stand together, in their order
}

// phrases finds the phrases of the table by their first stem.
type phrases struct{ danish, english map[string][]phrase }

// citizenPhrases are those of the tables, read once.
var citizenPhrases = sync.OnceValue(func() *phrases {
	p := &phrases{danish: map[string][]phrase{}, english: map[string][]phrase{}}
	p.read(p.danish, citizenWords, officialWeight, false)
	p.read(p.danish, askedWords, askedWeight, false)
	p.read(p.english, englishWords, officialWeight, true)
	return p
})

// read adds the lines of a table.
func (*phrases) read(out map[string][]phrase, lines string, weight float64, english bool) {
	for line := range strings.Lines(lines) {
		said, official, ok := strings.Cut(line, "=")
		official, other, _ := strings.Cut(official, "|")
		if !ok {
			continue
		}
		for c := range strings.SplitSeq(said, ",") {
			p := phrase{citizen: strings.TrimSpace(c), official: strings.TrimSpace(official), english: other, weight: weight, small: true}
			for f := range strings.FieldsSeq(c) {
				for _, w := range words(f) {
					st := key(strings.TrimSuffix(w, "-"), english)
					if strings.HasSuffix(f, "!") {
						st = "=" + w
					}
					p.stems = append(p.stems, st)
					p.small = p.small && stop(w, english)
				}
			}
			if len(p.stems) > 0 {
				out[p.stems[0]] = append(out[p.stems[0]], p)
			}
		}
	}
}

// key is what a word is found by: its stem. Small words have stems of their own, or "værelse" would be in every question that has "være".
func key(w string, english bool) string {
	if stop(w, english) {
		return "-" + stem(w, english)
	}
	return stem(w, english)
}

// find gives the phrases whose words all stand in the question, in any order: "skifte adresse" is also "adressen er skiftet".
func (ps *phrases) find(ws []string, english bool) []phrase {
	by := ps.danish
	if english {
		by = ps.english
	}
	has := map[string]bool{}
	var keys []string
	for _, w := range ws {
		k := key(w, english)
		keys = append(keys, k)
		has[k], has["="+w] = true, true
	}
	var out []phrase
	seen := map[string]bool{}
	for i, w := range ws {
		for _, first := range []string{keys[i], "=" + w} {
			if seen[first] {
				continue
			}
			seen[first] = true
			for _, p := range by[first] {
				if p.in(has) && (!p.small || p.together(ws, keys)) {
					out = append(out, p)
				}
			}
		}
	}
	return out
}

// in reports that all words of the phrase stand there.
func (p *phrase) in(has map[string]bool) bool {
	for _, s := range p.stems {
		if !has[s] {
			return false
		}
	}
	return true
}

// together reports that they stand in their order, with one other word between two of them at most.
func (p *phrase) together(ws, keys []string) bool {
	for at := range ws {
		if p.from(at, ws, keys) {
			return true
		}
	}
	return false
}

func (p *phrase) from(at int, ws, keys []string) bool {
	is := func(want string) bool { return at < len(ws) && (keys[at] == want || "="+ws[at] == want) }
	for i, want := range p.stems {
		if i > 0 && !is(want) {
			at++
		}
		if !is(want) {
			return false
		}
		at++
	}
	return true
}
