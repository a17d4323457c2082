package nodes

import (
	"runtime"
	"syscall"
	"time"
)

// Meter measures how much of the machine's processors this process uses. It is read from one goroutine.
type Meter struct {
	at    time.Time
	used  time.Duration
	share float64
}

// Read returns the share, 0 to 1, of the time since the last reading and, less and less, of before.
func (m *Meter) Read() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return m.share
	}
	now, used := time.Now(), time.Duration(u.Utime.Nano()+u.Stime.Nano())
	if wall := now.Sub(m.at); !m.at.IsZero() && wall > 0 {
		// The two clocks are not read at once: over a short time it may seem more than all.
		m.share = (m.share + min(1, float64(used-m.used)/float64(wall)/float64(runtime.NumCPU()))) / 2
	}
	m.at, m.used = now, used
	return m.share
}
