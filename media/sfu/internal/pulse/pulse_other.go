//go:build !linux

package pulse

import (
	"os"
	"sync"
	"time"
)

// Pulse is used by one goroutine, but for Close.
type Pulse struct {
	ticker *time.Ticker
	closed chan struct{}
	once   sync.Once
}

// New makes a pulse that stands still.
func New() (*Pulse, error) {
	p := &Pulse{ticker: time.NewTicker(time.Hour), closed: make(chan struct{})}
	p.ticker.Stop()
	return p, nil
}

// Set begins with a step from now on; 0: it stands still.
func (p *Pulse) Set(step time.Duration) {
	if step == 0 {
		p.ticker.Stop()
	} else {
		p.ticker.Reset(step)
	}
}

// Wait waits for the end of a step. Those that ended before count as one.
func (p *Pulse) Wait() error {
	select {
	case <-p.ticker.C:
		return nil
	case <-p.closed:
		return os.ErrClosed
	}
}

// Close ends Wait too.
func (p *Pulse) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}
