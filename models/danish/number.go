package danish

import (
	"strconv"
	"strings"
)

// morphKind is the role of a part of a number word.
type morphKind uint8

const (
	unitMorph morphKind = iota + 1
	teenMorph
	tensMorph
	hundredMorph
	scaleMorph // thousand and more
	andMorph
)

// morph is one part of a number word: "tooghalvfems" is to + og + halvfems.
type morph struct {
	kind    morphKind
	value   int64
	ordinal bool
}

// lexicon holds every part that number words are made of, with the spellings that recognisers and people use.
var lexicon = map[string]morph{
	"nul": {unitMorph, 0, false}, "en": {unitMorph, 1, false}, "et": {unitMorph, 1, false}, "én": {unitMorph, 1, false},
	"ét": {unitMorph, 1, false}, "een": {unitMorph, 1, false}, "eet": {unitMorph, 1, false},
	"to": {unitMorph, 2, false}, "tre": {unitMorph, 3, false}, "fire": {unitMorph, 4, false}, "fem": {unitMorph, 5, false},
	"seks": {unitMorph, 6, false}, "syv": {unitMorph, 7, false}, "otte": {unitMorph, 8, false}, "ni": {unitMorph, 9, false},
	"ti": {teenMorph, 10, false}, "elleve": {teenMorph, 11, false}, "tolv": {teenMorph, 12, false},
	"tretten": {teenMorph, 13, false}, "fjorten": {teenMorph, 14, false}, "femten": {teenMorph, 15, false},
	"seksten": {teenMorph, 16, false}, "sytten": {teenMorph, 17, false}, "atten": {teenMorph, 18, false},
	"nitten": {teenMorph, 19, false},
	"tyve":   {tensMorph, 20, false}, "tredive": {tensMorph, 30, false}, "tredve": {tensMorph, 30, false},
	"fyrre": {tensMorph, 40, false}, "fyrretyve": {tensMorph, 40, false}, "halvtreds": {tensMorph, 50, false},
	"halvtres": {tensMorph, 50, false}, "halvtredsindstyve": {tensMorph, 50, false}, "tres": {tensMorph, 60, false},
	"treds": {tensMorph, 60, false}, "tresindstyve": {tensMorph, 60, false}, "halvfjerds": {tensMorph, 70, false},
	"halvfjers": {tensMorph, 70, false}, "halvfjerdsindstyve": {tensMorph, 70, false}, "firs": {tensMorph, 80, false},
	"firsindstyve": {tensMorph, 80, false}, "halvfems": {tensMorph, 90, false}, "halvfemsindstyve": {tensMorph, 90, false},
	"hundred": {hundredMorph, 100, false}, "hundrede": {hundredMorph, 100, false},
	"tusind": {scaleMorph, 1e3, false}, "tusinde": {scaleMorph, 1e3, false}, "million": {scaleMorph, 1e6, false},
	"millioner": {scaleMorph, 1e6, false}, "mio": {scaleMorph, 1e6, false}, "milliard": {scaleMorph, 1e9, false},
	"milliarder": {scaleMorph, 1e9, false}, "mia": {scaleMorph, 1e9, false},
	"og":     {andMorph, 0, false},
	"første": {unitMorph, 1, true}, "anden": {unitMorph, 2, true}, "andet": {unitMorph, 2, true},
	"tredje": {unitMorph, 3, true}, "fjerde": {unitMorph, 4, true}, "femte": {unitMorph, 5, true},
	"sjette": {unitMorph, 6, true}, "syvende": {unitMorph, 7, true}, "ottende": {unitMorph, 8, true},
	"niende": {unitMorph, 9, true}, "tiende": {teenMorph, 10, true}, "ellevte": {teenMorph, 11, true},
	"elvte": {teenMorph, 11, true}, "tolvte": {teenMorph, 12, true}, "trettende": {teenMorph, 13, true},
	"fjortende": {teenMorph, 14, true}, "femtende": {teenMorph, 15, true}, "sekstende": {teenMorph, 16, true},
	"syttende": {teenMorph, 17, true}, "attende": {teenMorph, 18, true}, "nittende": {teenMorph, 19, true},
	"tyvende": {tensMorph, 20, true}, "tredivte": {tensMorph, 30, true}, "tredvte": {tensMorph, 30, true},
	"fyrretyvende": {tensMorph, 40, true}, "halvtredsindstyvende": {tensMorph, 50, true},
	"tresindstyvende": {tensMorph, 60, true}, "halvfjerdsindstyvende": {tensMorph, 70, true},
	"firsindstyvende": {tensMorph, 80, true}, "halvfemsindstyvende": {tensMorph, 90, true},
	"hundredende": {hundredMorph, 100, true}, "tusindende": {scaleMorph, 1e3, true},
}

// longestMorph is the length in bytes of the longest entry of the lexicon.
const longestMorph = len("halvfjerdsindstyvende")

// segment divides a word into number parts, or returns nil when it is no number word. A compound must be one number by
// the grammar: "entre" has the parts en and tre but is no number.
func segment(s string) []morph {
	if m, ok := lexicon[s]; ok {
		return []morph{m}
	}
	parts := split(s)
	if parts == nil {
		return nil
	}
	_, n := parseNumber(parts)
	if n != len(parts) {
		return nil
	}
	return parts
}

func split(s string) []morph {
	if s == "" {
		return []morph{}
	}
	for n := min(len(s), longestMorph); n > 0; n-- {
		m, ok := lexicon[s[:n]]
		if !ok {
			continue
		}
		rest := split(s[n:])
		if rest != nil {
			return append([]morph{m}, rest...)
		}
	}
	return nil
}

// parsed is what the grammar read: its value, and how it was said.
type parsed struct {
	value   int64
	ordinal bool
	bare    bool // starts with "hundrede" or "tusind" without a count before it
	century bool // "nitten hundrede": said as years are
}

func at(m []morph, i int) morph {
	if i < len(m) {
		return m[i]
	}
	return morph{}
}

// below100 reads a unit, a teen, tens, or unit-and-tens.
func below100(m []morph) (parsed, int) {
	first := at(m, 0)
	switch first.kind {
	case unitMorph:
		tens := at(m, 2)
		if first.value > 0 && !first.ordinal && at(m, 1).kind == andMorph && tens.kind == tensMorph {
			return parsed{value: tens.value + first.value, ordinal: tens.ordinal}, 3
		}
		return parsed{value: first.value, ordinal: first.ordinal}, 1
	case teenMorph, tensMorph:
		return parsed{value: first.value, ordinal: first.ordinal}, 1
	}
	return parsed{}, 0
}

// below1000 reads hundreds too, and 1100 to 9900 said in hundreds.
func below1000(m []morph) (parsed, int) {
	p, n := below100(m)
	if p.ordinal {
		return p, n
	}
	h := at(m, n)
	counts := p.value >= 1 && p.value <= 99 && (p.value < 10 || p.value%10 != 0) // "femogtyve hundrede" is 2500
	if h.kind != hundredMorph || n > 0 && !counts {
		return p, n
	}
	out := parsed{value: max(p.value, 1) * 100, bare: n == 0, ordinal: h.ordinal, century: p.value > 9 && p.value < 20}
	n++
	if h.ordinal {
		return out, n
	}
	k := n
	if at(m, k).kind == andMorph {
		k++
	}
	rest, c := below100(m[min(k, len(m)):])
	if c == 0 || rest.value == 0 || at(m, k+c).kind == hundredMorph {
		return out, n
	}
	out.value += rest.value
	out.ordinal = rest.ordinal
	return out, k + c
}

// parseNumber reads the longest number at the start of the parts and says how many parts it took.
func parseNumber(m []morph) (parsed, int) {
	out, pos := below1000(m)
	next := at(m, pos)
	if next.kind != scaleMorph || out.ordinal || pos > 0 && out.value == 0 {
		return out, pos
	}
	total := parsed{bare: pos == 0 || out.bare}
	if pos == 0 {
		out.value = 1
	}
	for {
		total.value += out.value * next.value
		total.ordinal = next.ordinal
		pos++
		if total.ordinal {
			return total, pos
		}
		last := next.value
		k := pos
		if at(m, k).kind == andMorph {
			k++
		}
		var c int
		out, c = below1000(m[min(k, len(m)):])
		next = at(m, k+c)
		smaller := next.kind == scaleMorph && next.value < last
		switch {
		case c == 0, out.value == 0, out.value >= 1000, next.kind == scaleMorph && !smaller:
			return total, pos
		case !smaller:
			total.value += out.value
			total.ordinal = out.ordinal
			return total, k + c
		}
		pos = k + c
	}
}

// number is a number found in the words.
type number struct {
	parsed
	next    int    // index after its last word
	frac    string // decimals, as digits
	raw     string // a written numeral as its digits; leading zeros count
	article bool   // a lone "en" or "et", which is nearly always an article
	grouped bool
}

func (n number) written() bool { return n.raw != "" }

// numberAt reads the number that starts at word i.
func numberAt(ws []word, i int) (number, bool) {
	if i >= len(ws) {
		return number{}, false
	}
	if ws[i].digits != "" {
		return writtenAt(ws, i)
	}
	if ws[i].core == "halvanden" || ws[i].core == "halvandet" {
		return scaled(ws, number{parsed: parsed{value: 1}, frac: "5", next: i + 1}), true
	}
	if ws[i].morphs == nil || ws[i].morphs[0].kind == andMorph {
		return number{}, false
	}
	n, ok := spokenAt(ws, i, parseNumber)
	if !ok || n.ordinal {
		return n, ok
	}
	n.bare = n.bare && n.next == i+1 && len(ws[i].morphs) == 1
	n.article = n.next == i+1 && (ws[i].core == "en" || ws[i].core == "et")
	return decimals(ws, n), true
}

// spokenAt collects the parts of the words from i on and takes the longest number that ends with a word.
func spokenAt(ws []word, i int, parse func([]morph) (parsed, int)) (number, bool) {
	var parts []morph
	var ends []int // ends[k] is the number of parts up to and with word i+k
	for j := i; j < len(ws) && ws[j].morphs != nil && (j == i || ws[j].pre == ""); j++ {
		parts = append(parts, ws[j].morphs...)
		ends = append(ends, len(parts))
		if ws[j].post != "" {
			break
		}
	}
	for len(ends) > 0 {
		p, n := parse(parts[:ends[len(ends)-1]])
		if n == 0 {
			return number{}, false
		}
		for k, e := range ends {
			if e == n {
				return number{parsed: p, next: i + k + 1}, true
			}
		}
		ends = ends[:len(ends)-1]
	}
	return number{}, false
}

// maxWritten is the most digits of a written numeral that is read as a quantity; longer ones are identifiers.
const maxWritten = 15

func writtenAt(ws []word, i int) (number, bool) {
	w := ws[i]
	if len(w.digits) > maxWritten {
		return number{}, false
	}
	v, err := strconv.ParseInt(w.digits, 10, 64)
	if err != nil {
		return number{}, false
	}
	n := number{parsed: parsed{value: v}, next: i + 1, frac: w.frac, raw: w.digits, grouped: w.grouped}
	if n.frac != "" {
		return scaled(ws, n), true
	}
	if w.post != "" || i+1 >= len(ws) {
		return n, true
	}
	scale := ws[i+1].morphs
	if len(scale) == 1 && scale[0].kind == scaleMorph && !scale[0].ordinal && v < 1000 {
		n.value *= scale[0].value
		n.next++
		n.grouped = true
	}
	return n, true
}

// decimals reads "komma" and the digits after it, and a scale after those: "en komma fem millioner".
func decimals(ws []word, n number) number {
	j := n.next
	if h := halfAfter(ws, n); h > 0 {
		n.frac, n.next, n.article = "5", h, false
		return scaled(ws, n)
	}
	if j >= len(ws) || ws[j].core != "komma" || ws[j].post != "" || ws[j-1].post != "" {
		return n
	}
	var frac strings.Builder
	next := j
	for k := j + 1; k < len(ws); {
		d, ok := digitsAt(ws, k)
		if !ok {
			break
		}
		frac.WriteString(strconv.FormatInt(d.value, 10))
		next = d.next
		k = d.next
		if d.value > 9 || ws[k-1].post != "" {
			break // "femogtyve" is both decimals at once
		}
	}
	if frac.Len() == 0 {
		return n
	}
	n.frac, n.next, n.article = frac.String(), next, false
	return scaled(ws, n)
}

// halfAfter gives the index after "en halv" or "og en halv" where a unit or scale follows: "to en halv time".
func halfAfter(ws []word, n number) int {
	j := n.next
	if coreAt(ws, j) == "og" {
		j++
	}
	if n.value < 2 || n.value > 99 || coreAt(ws, j) != "en" && coreAt(ws, j) != "et" || coreAt(ws, j+1) != "halv" && coreAt(ws, j+1) != "halvt" {
		return 0
	}
	end := j + 2
	if ws[n.next-1].post != "" || end >= len(ws) || ws[end-1].post != "" {
		return 0
	}
	m := ws[end].morphs
	if unitAt(ws, end) == "" && (len(m) != 1 || m[0].kind != scaleMorph) {
		return 0
	}
	return end
}

// scaled multiplies a number with decimals by the scale word after it, where the result is whole.
func scaled(ws []word, n number) number {
	if n.next >= len(ws) || ws[n.next-1].post != "" || len(n.frac) > 3 {
		return n
	}
	m := ws[n.next].morphs
	if len(m) != 1 || m[0].kind != scaleMorph || m[0].ordinal {
		return n
	}
	part, err := strconv.ParseInt(n.frac, 10, 64)
	if err != nil {
		return n
	}
	unit := m[0].value
	for range n.frac {
		unit /= 10
	}
	n.value = n.value*m[0].value + part*unit
	n.frac, n.grouped = "", true
	n.next++
	return n
}

// digitsAt reads a number of one or two digits without decimals of its own.
func digitsAt(ws []word, i int) (number, bool) {
	if i >= len(ws) || ws[i].digits != "" || ws[i].morphs == nil || ws[i].morphs[0].kind == andMorph {
		return number{}, false
	}
	n, ok := spokenAt(ws, i, below100)
	return n, ok && !n.ordinal
}

// group writes a number with the Danish thousands separator.
func group(v int64) string {
	s := strconv.FormatInt(v, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "." + s[i:]
	}
	return s
}
