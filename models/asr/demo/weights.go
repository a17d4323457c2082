package demo

import (
	"bytes"
	_ "embed" // the weights
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

//go:embed weights.bin
var weightsFile []byte

// matrix is a linear layer: int8 rows with a scale each. Rows are padded to a multiple of 32 columns.
type matrix struct {
	rows, cols int
	scale      []float32
	q          []int8
	bias       []float32
	wide       []float32 // q as float32, kept only where there is no vector kernel
}

// block is a depthwise convolution over time, a layer norm, and C→H→C around a ReLU.
type block struct {
	ahead             int
	taps              []float32 // [tap][channel]
	bias, gain, shift []float32
	up, down          matrix
}

// network holds the weights; sessions share it read-only.
type network struct {
	channels, hidden, in, out, taps int
	input, output                   matrix
	blocks                          []block
	gain, shift                     []float32
	ahead                           int // frames of look-ahead in all
}

var errWeights = errors.New("demo: damaged weights")

type weightReader struct {
	r   *bytes.Reader
	err error
}

func (w *weightReader) read(v any) {
	if w.err == nil {
		w.err = binary.Read(w.r, binary.LittleEndian, v)
	}
}

func (w *weightReader) floats(n int) []float32 {
	v := make([]float32, n)
	w.read(v)
	return v
}

func (w *weightReader) matrix(rows, cols int) matrix {
	m := matrix{rows: rows, cols: (cols + 31) / 32 * 32}
	m.scale = w.floats(rows)
	m.q = make([]int8, rows*m.cols)
	w.read(m.q)
	m.bias = w.floats(rows)
	return m
}

func (m *matrix) widen() {
	m.wide = make([]float32, len(m.q))
	for i, v := range m.q {
		m.wide[i] = float32(v) * m.scale[i/m.cols]
	}
}

// widen makes all products run without the vector kernel.
func (n *network) widen() {
	n.input.widen()
	n.output.widen()
	for i := range n.blocks {
		n.blocks[i].up.widen()
		n.blocks[i].down.widen()
	}
}

func loadNetwork(b []byte) (*network, error) {
	w := &weightReader{r: bytes.NewReader(b)}
	var magic [4]byte
	var head [7]uint32
	w.read(&magic)
	w.read(&head)
	if w.err != nil || string(magic[:]) != "SDAS" || head[0] != 1 {
		return nil, fmt.Errorf("%w: header", errWeights)
	}
	for _, v := range head {
		if v == 0 || v > 4096 {
			return nil, fmt.Errorf("%w: sizes %v", errWeights, head)
		}
	}
	n := &network{channels: int(head[1]), hidden: int(head[2]), in: int(head[3]), out: int(head[4]), taps: int(head[5])}
	ahead := make([]uint32, head[6])
	w.read(ahead)
	n.input = w.matrix(n.channels, n.in)
	for _, a := range ahead {
		b := block{ahead: int(a), taps: w.floats(n.taps * n.channels), bias: w.floats(n.channels), gain: w.floats(n.channels), shift: w.floats(n.channels)}
		b.up = w.matrix(n.hidden, n.channels)
		b.down = w.matrix(n.channels, n.hidden)
		n.blocks = append(n.blocks, b)
		n.ahead += b.ahead
	}
	n.gain, n.shift = w.floats(n.channels), w.floats(n.channels)
	n.output = w.matrix(n.out, n.channels)
	if w.err != nil || w.r.Len() != 0 || n.in != features || n.out != letters {
		return nil, fmt.Errorf("%w: %d bytes left", errWeights, w.r.Len())
	}
	if !haveVector {
		n.widen()
	}
	return n, nil
}

// apply computes y = m·x + bias. x is padded to m.cols.
func (m *matrix) apply(y, x []float32) {
	if m.wide == nil {
		dotRows(&y[0], &x[0], &m.q[0], &m.scale[0], &m.bias[0], m.rows, m.cols)
		return
	}
	for r := range m.rows {
		w := m.wide[r*m.cols : (r+1)*m.cols]
		xs := x[:len(w)]
		var a, b, c, d float32
		for i := 0; i+4 <= len(w); i += 4 {
			a += w[i] * xs[i]
			b += w[i+1] * xs[i+1]
			c += w[i+2] * xs[i+2]
			d += w[i+3] * xs[i+3]
		}
		y[r] = a + b + c + d + m.bias[r]
	}
}

func normalise(x, gain, shift []float32) {
	var sum, sq float32
	for _, v := range x {
		sum += v
	}
	mean := sum / float32(len(x))
	for _, v := range x {
		sq += (v - mean) * (v - mean)
	}
	r := float32(1 / math.Sqrt(float64(sq/float32(len(x)))+1e-5))
	for i, v := range x {
		x[i] = (v-mean)*r*gain[i] + shift[i]
	}
}
