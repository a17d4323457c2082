package pcm

import "errors"

// Tee gives every frame to all of its writers, in order. A writer that fails
// does not keep the others from hearing.
type Tee []Writer

// WriteFrame gives the frame to every writer and joins their errors.
func (t Tee) WriteFrame(samples []int16) error {
	var first error
	for _, w := range t {
		err := w.WriteFrame(samples)
		if err != nil {
			first = errors.Join(first, err)
		}
	}
	return first
}

// Close closes every writer and joins their errors.
func (t Tee) Close() error {
	var first error
	for _, w := range t {
		first = errors.Join(first, w.Close())
	}
	return first
}
