package sparse

import (
	"strings"
)

// phrase is what citizens say for what authorities call official.
type phrase struct {
	citizen  string
	stems    []string // all of them stand in the question; with = before it, the word as it is
	official string   // in Danish
	english  string   // the same in English texts
	weight   float64
}

// phrases finds the phrases of the table by their first stem.
type phrases struct{ danish, english map[string][]phrase }

func newPhrases() *phrases {
	p := &phrases{danish: map[string][]phrase{}, english: map[string][]phrase{}}
	p.read(p.danish, citizenWords, officialWeight, false)
	p.read(p.danish, askedWords, askedWeight, false)
	p.read(p.english, englishWords, officialWeight, true)
	return p
}

// read adds the lines of a table.
func (*phrases) read(out map[string][]phrase, lines string, weight float64, english bool) {
	for line := range strings.Lines(lines) {
		said, official, ok := strings.Cut(line, "=")
		official, other, _ := strings.Cut(official, "|")
		if !ok {
			continue
		}
		for c := range strings.SplitSeq(said, ",") {
			p := phrase{citizen: strings.TrimSpace(c), official: strings.TrimSpace(official), english: other, weight: weight}
			for f := range strings.FieldsSeq(c) {
				for _, w := range words(f) {
					st := stem(strings.TrimSuffix(w, "-"), english)
					if strings.HasSuffix(f, "!") {
						st = "=" + w
					}
					p.stems = append(p.stems, st)
				}
			}
			if len(p.stems) > 0 {
				out[p.stems[0]] = append(out[p.stems[0]], p)
			}
		}
	}
}

// find gives the phrases whose words all stand in the question, in any order: "skifte adresse" is also "adressen er skiftet".
func (ps *phrases) find(ws []string, english bool) []phrase {
	by := ps.danish
	if english {
		by = ps.english
	}
	has := map[string]bool{}
	for _, w := range ws {
		has[stem(w, english)], has["="+w] = true, true
	}
	var out []phrase
	seen := map[string]bool{}
	for _, w := range ws {
		for _, key := range []string{stem(w, english), "=" + w} {
			if seen[key] {
				continue
			}
			seen[key] = true
		next:
			for _, p := range by[key] {
				for _, s := range p.stems {
					if !has[s] {
						continue next
					}
				}
				out = append(out, p)
			}
		}
	}
	return out
}
