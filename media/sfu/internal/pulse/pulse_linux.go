package pulse

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Pulse is used by one goroutine, but for Close.
type Pulse struct{ file *os.File }

// New makes a pulse that stands still.
func New() (*Pulse, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("timer: %w", err)
	}
	return &Pulse{os.NewFile(uintptr(fd), "timer")}, nil
}

// Set begins with a step from now on; 0: it stands still.
func (p *Pulse) Set(step time.Duration) {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return // closed, as Wait says
	}
	each := unix.NsecToTimespec(step.Nanoseconds())
	_ = raw.Control(func(fd uintptr) {
		// It cannot fail.
		_ = unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Interval: each, Value: each}, nil)
	})
}

// Wait waits for the end of a step. Those that ended before count as one.
func (p *Pulse) Wait() error {
	var passed [8]byte
	if _, err := p.file.Read(passed[:]); err != nil {
		return fmt.Errorf("timer: %w", err)
	}
	return nil
}

// Close ends Wait too.
func (p *Pulse) Close() error { return p.file.Close() }
