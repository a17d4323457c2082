package line

import (
	"sync"
	"time"

	"samtale.dk/samtale/media/rtpx"
)

const (
	// recently is how far back loss counts: what has passed is no news any more, and what begins is seen soon.
	recently = 10 * time.Second
	// telling is how many packets can tell: a second of sound. While fewer came, it counts further back.
	telling = 50
	// markEvery is the time between two marks.
	markEvery = time.Second
)

// lately tells what part of a line's packets was lost in the last seconds, of counters that only grow. It is safe for concurrent use.
type lately struct {
	mu    sync.Mutex
	ssrc  uint32
	marks []mark // oldest first: what is counted begins at the first one
}

// mark is how the counters stood.
type mark struct {
	at      time.Time
	packets uint64
	lost    int
}

// loss looks at the counters as they are now; false: too little has come to tell.
func (r *lately) loss(now time.Time, st rtpx.ReceiverStats) (part float64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.marks) == 0:
		r.ssrc, r.marks = st.SSRC, []mark{{at: now}}
	case st.SSRC != r.ssrc: // another stream, whose losses are counted anew
		r.ssrc, r.marks = st.SSRC, []mark{{at: now, packets: st.Packets}}
	}
	last := r.marks[len(r.marks)-1]
	if now.Sub(last.at) >= markEvery && st.Packets > last.packets {
		r.marks = append(r.marks, mark{now, st.Packets, st.Lost})
	}
	for len(r.marks) > 1 && now.Sub(r.marks[1].at) >= recently && st.Packets-r.marks[1].packets >= telling {
		r.marks = r.marks[1:]
	}
	first := r.marks[0]
	came := st.Packets - first.packets
	lost := max(0, st.Lost-first.lost) // fewer, when some of it came late
	return float64(lost) / float64(max(1, came)), came >= telling
}
