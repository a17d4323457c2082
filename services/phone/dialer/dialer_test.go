package dialer

import (
	"testing"

	"samtale.dk/samtale/media/pcm"
)

// What is played is over when the line's clock has taken all of it, however long that takes.
func TestPlayed(t *testing.T) {
	p := newPlayed(make([]int16, 2*pcm.FrameSamples+1))
	frame := make([]int16, pcm.FrameSamples)
	for n := range 3 {
		if !p.ReadFrame(frame) {
			t.Fatalf("no frame %d", n)
		}
		select {
		case <-p.over:
			t.Fatalf("over with frame %d", n)
		default:
		}
	}
	for range 2 { // a clock asks on
		if p.ReadFrame(frame) {
			t.Fatal("more than there is")
		}
	}
	<-p.over
}
