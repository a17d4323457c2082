package embedded

import (
	"iter"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/models/vector"
)

// A segment holds points that were added together. It never changes: what is deleted is marked in the view over it.
type segment struct {
	file   string // name in the folder; empty in memory
	points []vector.Point
	filter []attributes
	words  inverted
	ngrams inverted
	dense  []float32 // dimension × points; all zero for a point without; nil when none has one
	dim    int
}

// attributes are what queries filter by, in a form that is fast to compare.
type attributes struct {
	from, to     int32 // days since 1970
	municipality string
	language     string
	dense        bool // it has a vector
}

// inverted lists for each dimension the documents that have it. A posting is a document's number and, in the lowest byte, its
// weight in steps of sparse.WeightStep.
type inverted struct {
	dims     []uint32
	starts   []uint32 // of each dimension's postings, and the end
	postings []uint32
}

// maxPoints of a segment: 24 bits number a document.
const maxPoints = 1 << 24

func posting(doc int, weight float32) uint32 {
	return uint32(doc)<<8 | uint32(math.Round(float64(weight)/sparse.WeightStep))
}

// list gives the postings of a dimension.
func (v *inverted) list(dim uint32) []uint32 {
	i, ok := slices.BinarySearch(v.dims, dim)
	if !ok {
		return nil
	}
	return v.postings[v.starts[i]:v.starts[i+1]]
}

// has reports whether a document has a dimension.
func (v *inverted) has(dim uint32, doc int) bool {
	_, ok := slices.BinarySearchFunc(v.list(dim), uint32(doc), func(p, d uint32) int { return int(p>>8) - int(d) })
	return ok
}

// build makes a segment of points.
func build(e *sparse.Encoder, dim int, points []vector.Point) *segment {
	s := &segment{points: make([]vector.Point, len(points)), dim: dim}
	words, ngrams := collector{}, collector{}
	for i, d := range documents(e, points) {
		p := points[i]
		words.add(i, d.Words)
		ngrams.add(i, d.NGrams)
		if len(p.Dense) > 0 {
			if s.dense == nil {
				s.dense = make([]float32, dim*len(points))
			}
			copy(s.dense[i*dim:], unit(p.Dense))
		}
		p.Dense, p.Asked = nil, nil
		s.points[i] = p
	}
	s.words, s.ngrams = words.inverted(), ngrams.inverted()
	s.attribute()
	return s
}

// encodedAtOnce is how many documents are encoded before they are gathered: enough for all processors, few enough for memory.
const encodedAtOnce = 256

// documents encodes the points with all processors and gives them in order.
func documents(e *sparse.Encoder, points []vector.Point) iter.Seq2[int, sparse.Document] {
	return func(yield func(int, sparse.Document) bool) {
		for from := 0; from < len(points); from += encodedAtOnce {
			part := points[from:min(from+encodedAtOnce, len(points))]
			out := make([]sparse.Document, len(part))
			var all errgroup.Group
			all.SetLimit(runtime.GOMAXPROCS(0))
			for i, p := range part {
				all.Go(func() error {
					out[i] = e.Document(p.Fields())
					return nil
				})
			}
			all.Wait()
			for i, d := range out {
				if !yield(from+i, d) {
					return
				}
			}
		}
	}
}

// unit gives the vector length 1; the one of zeros stays.
func unit(v []float32) []float32 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return v
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / math.Sqrt(sum))
	}
	return out
}

func (s *segment) attribute() {
	s.filter = make([]attributes, len(s.points))
	for i, p := range s.points {
		s.filter[i] = attributes{from: day(p.ValidFrom, math.MinInt32), to: day(p.ValidTo, math.MaxInt32), municipality: p.Municipality, language: p.Language}
		if s.dense != nil {
			v := s.dense[i*s.dim : (i+1)*s.dim]
			s.filter[i].dense = dot(v, v) > 0
		}
	}
}

// day counts days; otherwise is for an open end.
func day(s string, otherwise int32) int32 {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return otherwise
	}
	return int32(t.Unix() / (24 * 60 * 60))
}

// collector gathers postings by dimension. Documents come in ascending order.
type collector map[uint32][]uint32

func (c collector) add(doc int, v sparse.Vector) {
	for i, d := range v.Dims {
		c[d] = append(c[d], posting(doc, v.Weights[i]))
	}
}

func (c collector) inverted() inverted {
	n := 0
	dims := make([]uint32, 0, len(c))
	for d, list := range c {
		dims = append(dims, d)
		n += len(list)
	}
	slices.Sort(dims)
	v := inverted{dims: dims, starts: make([]uint32, 0, len(dims)+1), postings: make([]uint32, 0, n)}
	for _, d := range dims {
		v.starts = append(v.starts, uint32(len(v.postings)))
		v.postings = append(v.postings, c[d]...)
	}
	v.starts = append(v.starts, uint32(len(v.postings)))
	return v
}

// A view is a segment with what is deleted of it. It never changes either.
type view struct {
	*segment
	dead bits // nil: nothing
	gone int  // how many
}

func (v view) live() int { return len(v.points) - v.gone }

// without marks documents as deleted, in a new view.
func (v view) without(docs []int) view {
	dead := make(bits, (len(v.points)+63)/64)
	copy(dead, v.dead)
	for _, d := range docs {
		if !dead.has(d) {
			dead[d/64] |= 1 << (d % 64)
			v.gone++
		}
	}
	v.dead = dead
	return v
}

// frequency is how many living documents have a posting in the list.
func (v view) frequency(list []uint32) int {
	if v.gone == 0 {
		return len(list)
	}
	n := 0
	for _, p := range list {
		if !v.dead.has(int(p >> 8)) {
			n++
		}
	}
	return n
}

// bits is a set of small numbers.
type bits []uint64

func (b bits) has(i int) bool { return b != nil && b[i/64]&(1<<(i%64)) != 0 }

// merge makes one segment of what lives in several.
func merge(views []view) *segment {
	s := &segment{}
	words, ngrams := collector{}, collector{}
	dense := false
	for _, v := range views {
		dense, s.dim = dense || v.dense != nil, max(s.dim, v.dim)
	}
	for _, v := range views {
		place := make([]int, len(v.points)) // of each document in the new segment
		for i, p := range v.points {
			place[i] = -1
			if v.dead.has(i) {
				continue
			}
			place[i] = len(s.points)
			s.points = append(s.points, p)
			switch {
			case v.dense != nil:
				s.dense = append(s.dense, v.dense[i*v.dim:(i+1)*v.dim]...)
			case dense:
				s.dense = append(s.dense, make([]float32, s.dim)...)
			}
		}
		words.take(v.words, place)
		ngrams.take(v.ngrams, place)
	}
	s.words, s.ngrams = words.inverted(), ngrams.inverted()
	s.attribute()
	return s
}

// take adds the postings of another segment, whose documents have new places.
func (c collector) take(v inverted, place []int) {
	for i, d := range v.dims {
		for _, p := range v.postings[v.starts[i]:v.starts[i+1]] {
			if to := place[p>>8]; to >= 0 {
				c[d] = append(c[d], uint32(to)<<8|p&0xff)
			}
		}
	}
}
