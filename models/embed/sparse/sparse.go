// Package sparse turns text into sparse vectors whose dot product is BM25, without a model: the encoder of both knowledge indexes.
//
// A text has two vectors. The words vector holds Snowball stems, the parts of compounds and numbers; the n-grams vector holds the
// characters of words in fours, which forgive misspelling and join what the splitter misses. The document's side carries term
// frequency with length normalisation over its fields, the question's side how much each term matters; the index multiplies with
// the inverse document frequency that it alone knows ([IDF]), as Qdrant does with its IDF modifier.
//
// The question's side also reads what citizens mean: the official terms for their own words, words that they divide
// ("bolig støtte") or misspell, and the Danish for common English words.
//
// An [Encoder] knows the words of its corpus by a [Lexicon] and never changes; it is safe for concurrent use. The same text and
// lexicon give the same vectors on every machine, as long as [Version] is the same.
package sparse

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"strings"
)

// Version of the encoder. An index keeps the version that it was made with; vectors of two versions cannot be compared. Change
// it with everything that changes vectors.
const Version = "samtale-sparse-4"

// A Vector has ascending dimensions, each with a weight above 0.
type Vector struct {
	Dims    []uint32
	Weights []float32
}

// Fields are the texts of a micro-article, by how much they say about what it is for.
type Fields struct {
	Title        string
	Section      string
	Text         string
	Asked        []string // questions as people put them that the text answers
	Language     string   // "en" is read as English, all else as Danish
	Municipality string   // four digits, or empty
}

func (f Fields) asked() string { return strings.Join(f.Asked, "\n") }

// A Document is the index's side of the encoding.
type Document struct {
	Words  Vector
	NGrams Vector
}

// Ways in which a term came out of a question.
const (
	ViaWord     = "word"     // it stands there
	ViaPart     = "part"     // part of a compound that stands there
	ViaJoined   = "joined"   // two words that are one
	ViaSpelling = "spelling" // a word of the corpus that differs by a letter or two
	ViaOfficial = "official" // what authorities call it
)

// A Term is one dimension of a question's words vector.
type Term struct {
	Dim    uint32
	Weight float32
	Text   string // the stem
	Word   string // of the question
	Via    string
}

// A Question is the other side of the encoding.
type Question struct {
	Terms  []Term // ascending by Dim
	Words  Vector // the terms, each also in titles, and marks
	NGrams Vector
	needs  []need
}

// IDF is the inverse document frequency of BM25, as Qdrant computes it: n documents, with the term in df of them.
func IDF(n, df int) float32 {
	return float32(math.Log(1 + (float64(n-df)+.5)/(float64(df)+.5)))
}

// Constants of BM25. b is per field below.
const k1 = 1.2

// WeightStep divides all weights of documents, so that an index may keep them in a byte: they lie below k1+1.
const WeightStep = 1.0 / 100

// A field counts its words so many times, and its length against what is usual for it. The usual lengths are constants and not
// those of the corpus, so that a document's vector does not change when others come.
type field struct {
	weight, b, usual float64
}

var (
	titleField   = field{weight: 3, b: .3, usual: 4}
	sectionField = field{weight: 4, b: .3, usual: 5}
	askedField   = field{weight: 1, b: .6, usual: 25}  // all phrases together
	textField    = field{weight: 1, b: .6, usual: 110} // in words that are no stop words, with the parts of compounds
)

// bag collects how often each dimension stands in a document.
type bag map[uint32]float64

// add counts the terms of one field.
func (b bag) add(f field, terms []count) {
	length := 0.0
	for _, t := range terms {
		length += t.n
	}
	norm := f.weight / (1 - f.b + f.b*length/f.usual)
	for _, t := range terms {
		b[t.dim] += t.n * norm
	}
}

// count is a dimension and how much of it a word brings.
type count struct {
	dim uint32
	n   float64
}

// vector saturates the counts.
func (b bag) vector() Vector {
	dims := make([]uint32, 0, len(b))
	for d := range b {
		dims = append(dims, d)
	}
	slices.Sort(dims)
	v := Vector{Dims: dims[:0], Weights: make([]float32, 0, len(dims))}
	for _, d := range dims {
		tf := b[d]
		steps := math.Round(tf * (k1 + 1) / (tf + k1) / WeightStep)
		if steps < 1 {
			continue
		}
		v.Dims = append(v.Dims, d)
		v.Weights = append(v.Weights, float32(steps*WeightStep))
	}
	return v
}

// weigh makes a vector of a question's weights.
func weigh(weights map[uint32]float32) Vector {
	v := Vector{Dims: make([]uint32, 0, len(weights))}
	for d := range weights {
		v.Dims = append(v.Dims, d)
	}
	slices.Sort(v.Dims)
	for _, d := range v.Dims {
		v.Weights = append(v.Weights, weights[d])
	}
	return v
}

// Dot is the product of two vectors, for tests and small sets; indexes have inverted lists.
func (v Vector) Dot(w Vector) float32 {
	var sum float32
	for i, j := 0, 0; i < len(v.Dims) && j < len(w.Dims); {
		switch c := cmp.Compare(v.Dims[i], w.Dims[j]); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			sum += v.Weights[i] * w.Weights[j]
			i, j = i+1, j+1
		}
	}
	return sum
}

// Has reports whether the vector has a dimension.
func (v Vector) Has(dim uint32) bool {
	_, ok := slices.BinarySearch(v.Dims, dim)
	return ok
}

// dim is the dimension of a term. With 32 bits and the 20,000 terms of a large corpus, two terms share one with probability 0.05.
func dim(term string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(term))
	return h.Sum32()
}
