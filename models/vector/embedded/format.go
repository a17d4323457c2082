package embedded

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// A segment's file holds, little-endian, each with its length before it: the points as a JSON array, the words' dimensions, starts
// and postings, those of the n-grams, and the dense numbers; last the dimension.

func (s *segment) encode() ([]byte, error) {
	points, err := json.Marshal(s.points)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(len(points) + 4*(len(s.words.postings)+len(s.ngrams.postings)+len(s.dense)) + 1<<16)
	length(&b, len(points))
	b.Write(points)
	for _, v := range []inverted{s.words, s.ngrams} {
		for _, list := range [][]uint32{v.dims, v.starts, v.postings} {
			numbers(&b, list)
		}
	}
	dense := make([]uint32, len(s.dense))
	for i, f := range s.dense {
		dense[i] = math.Float32bits(f)
	}
	numbers(&b, dense)
	length(&b, s.dim)
	return b.Bytes(), nil
}

func length(b *bytes.Buffer, n int) {
	b.Write(binary.LittleEndian.AppendUint32(b.AvailableBuffer(), uint32(n)))
}

func numbers(b *bytes.Buffer, list []uint32) {
	length(b, len(list))
	for _, n := range list {
		length(b, int(n))
	}
}

// reader takes a file apart. After the first error it gives nothing.
type reader struct {
	data []byte
	err  error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.data) {
		r.err = errors.New("file ends too early")
		return nil
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

func (r *reader) length() int {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return int(binary.LittleEndian.Uint32(b))
}

func (r *reader) numbers() []uint32 {
	n := r.length()
	b := r.take(4 * n)
	if b == nil {
		return nil
	}
	out := make([]uint32, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out
}

// decode reads a segment. The checksum was right, so what it checks is that nobody else wrote it.
func decode(data []byte) (*segment, error) {
	r := &reader{data: data}
	s := &segment{}
	points := r.take(r.length())
	for _, v := range []*inverted{&s.words, &s.ngrams} {
		v.dims, v.starts, v.postings = r.numbers(), r.numbers(), r.numbers()
	}
	if dense := r.numbers(); len(dense) > 0 {
		s.dense = make([]float32, len(dense))
		for i, n := range dense {
			s.dense[i] = math.Float32frombits(n)
		}
	}
	s.dim = r.length()
	if r.err != nil {
		return nil, r.err
	}
	if err := json.Unmarshal(points, &s.points); err != nil {
		return nil, fmt.Errorf("points: %w", err)
	}
	s.attribute()
	return s, s.check()
}

func (s *segment) check() error {
	for _, v := range []inverted{s.words, s.ngrams} {
		n := len(v.starts)
		if n != len(v.dims)+1 || int(v.starts[n-1]) != len(v.postings) || !slices.IsSorted(v.starts) || !slices.IsSorted(v.dims) {
			return errors.New("lists do not fit together")
		}
		for _, p := range v.postings {
			if int(p>>8) >= len(s.points) {
				return errors.New("posting of no document")
			}
		}
	}
	if s.dense != nil && len(s.dense) != s.dim*len(s.points) {
		return errors.New("dense vectors do not fit")
	}
	return nil
}
