package pulse

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestSteps(t *testing.T) {
	p := newPulse(t)
	const step = 5 * time.Millisecond
	from := time.Now()
	p.Set(step)
	for range 3 {
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(from); d < 3*step {
		t.Errorf("three steps of %v took %v", step, d)
	}
}

// Standing still it waits until it is closed.
func TestClose(t *testing.T) {
	p := newPulse(t)
	p.Set(time.Hour)
	p.Set(0)
	ended := make(chan error)
	go func() { ended <- p.Wait() }()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v, want that it is closed", err)
	}
	if err := p.Wait(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v after it was closed", err)
	}
}

func newPulse(t *testing.T) *Pulse {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}
