//go:build linux && (amd64 || arm64)

package batch

import "time"

const (
	// RTCP that need not be waited for is looked for with media that comes after controlEvery, and alone after controlPause.
	controlEvery = 5 * time.Millisecond
	controlPause = 10 * time.Millisecond

	leastPause = 100 * time.Microsecond

	// window is how long what comes is counted before it is decided how to wait.
	window = 100 * time.Millisecond

	// RTCP waits from ten senders a window on, more than a call or two has, if with the media it would wake the process more often
	// than a timer does.
	muchControl = 10
	muchAll     = int(window / controlEvery * 3 / 2)
)

// pace decides whether RTCP waits for media, as a network card moderates its interrupts.
type pace struct {
	media, control int // senders, each as often as the one before was another, since then
	since          time.Time
	waits          bool
}

// next says whether it waits now.
func (p *pace) next(now time.Time) bool {
	passed := now.Sub(p.since)
	if passed < window {
		return p.waits
	}
	// What has begun goes on until it is clearly less.
	much := func(count, least int) bool {
		rate := count * int(window) / int(passed)
		return rate >= least || p.waits && rate >= least*3/4
	}
	p.waits = much(p.control, muchControl) && much(p.media+p.control, muchAll)
	p.media, p.control, p.since = 0, 0, now
	return p.waits
}
