package demo

import "math"

// stream runs the network frame by frame. A block gives frame t once it has seen frame t+ahead; what lies before the first
// and after the last frame counts as zero, as in training. Not safe for concurrent use.
type stream struct {
	n       *network
	state   []blockState
	in      []float32
	logits  []float32
	probs   []float32
	hidden  []float32
	scratch [2][]float32
	emit    func(probs []float32) // log probabilities of one frame, valid during the call
}

type blockState struct {
	ring []float32 // [taps][channels]
	seen int       // frames taken, zeros at the end included
}

func newStream(n *network, emit func([]float32)) *stream {
	s := &stream{
		n: n, emit: emit, in: make([]float32, n.input.cols), logits: make([]float32, n.out), probs: make([]float32, n.out),
		hidden: make([]float32, n.hidden),
	}
	for i := range s.scratch {
		s.scratch[i] = make([]float32, n.channels)
	}
	for range n.blocks {
		s.state = append(s.state, blockState{ring: make([]float32, n.taps*n.channels)})
	}
	return s
}

func (s *stream) reset() {
	for i := range s.state {
		clear(s.state[i].ring)
		s.state[i].seen = 0
	}
}

// frame takes the features of one frame.
func (s *stream) frame(f []float32) {
	copy(s.in, f)
	x := s.scratch[0]
	s.n.input.apply(x, s.in)
	s.push(0, x)
}

// finish lets the frames come out that wait for look-ahead.
func (s *stream) finish() {
	for i := range s.n.blocks {
		for range s.n.blocks[i].ahead {
			s.push(i, nil)
		}
	}
}

// push gives block i its next input (nil: past the end) and, when an output is due, passes it on.
func (s *stream) push(i int, x []float32) {
	if i == len(s.n.blocks) {
		s.classify(x)
		return
	}
	b, st, c := &s.n.blocks[i], &s.state[i], s.n.channels
	slot := st.ring[st.seen%s.n.taps*c:][:c]
	if x == nil {
		clear(slot)
	} else {
		copy(slot, x)
	}
	st.seen++
	t := st.seen - 1 - b.ahead // the frame that is due
	if t < 0 {
		return
	}
	y := s.scratch[1]
	copy(y, b.bias)
	first := st.seen - s.n.taps // the ring holds frames first … seen-1
	for k := range s.n.taps {
		if first+k < 0 {
			continue
		}
		axpy(y, st.ring[(first+k)%s.n.taps*c:][:c], b.taps[k*c:][:c])
	}
	normalise(y, b.gain, b.shift)
	b.up.apply(s.hidden, y)
	for j, v := range s.hidden {
		s.hidden[j] = max(v, 0)
	}
	b.down.apply(y, s.hidden)
	out := s.scratch[0]
	for j, v := range st.ring[t%s.n.taps*c:][:c] {
		out[j] = v + y[j]
	}
	s.push(i+1, out)
}

// axpy adds the product of x and w to y, element by element.
func axpy(y, x, w []float32) {
	x, w = x[:len(y)], w[:len(y)]
	for j := range y {
		y[j] += x[j] * w[j]
	}
}

func (s *stream) classify(x []float32) {
	normalise(x, s.n.gain, s.n.shift)
	s.n.output.apply(s.logits, x)
	top := s.logits[0]
	for _, v := range s.logits {
		top = max(top, v)
	}
	var sum float64
	for _, v := range s.logits {
		sum += math.Exp(float64(v - top))
	}
	z := top + float32(math.Log(sum))
	for i, v := range s.logits {
		s.probs[i] = v - z
	}
	s.emit(s.probs)
}
