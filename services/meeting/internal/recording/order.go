package recording

import (
	"slices"
	"time"
)

// item is a packet on its way to its track.
type item struct {
	tap     *Tap
	at      time.Time
	stream  uint32
	codec   string
	seq     uint16
	ts      uint32
	marker  bool
	why     string // nothing was kept since the packet before, for this reason
	lost    bool   // the packet before is missing
	payload []byte
	buf     [maxPacket]byte
}

// order puts packets into the order in which they were sent. What comes late enough to have been asked for again is waited for.
type order struct {
	started bool
	stream  uint32
	next    int64 // extended sequence number
	waiting []waiting
}

type waiting struct {
	*item
	ext int64
}

const (
	// patience is longer than the SFU asks for a lost packet.
	patience = 700 * time.Millisecond
	// maxWaiting bounds what is held back for one lost packet: half a second of the best picture.
	maxWaiting = 256
	// maxStep: a larger one of the sequence numbers is a new beginning.
	maxStep = 3000
)

// add takes a packet and gives those whose turn it is. free takes those that are of no use.
func (o *order) add(p *item, give, free func(*item)) {
	ext := o.next + int64(int16(p.seq-uint16(o.next)))
	switch {
	case !o.started || p.stream != o.stream || p.why != "" || ext-o.next > maxStep || o.next-ext > maxStep:
		o.flush(give)
		o.started, o.stream, o.next = true, p.stream, int64(p.seq)
		ext = o.next
	case ext < o.next:
		free(p)
		return
	}
	i, have := slices.BinarySearchFunc(o.waiting, ext, func(w waiting, ext int64) int { return int(w.ext - ext) })
	if have {
		free(p)
		return
	}
	o.waiting = slices.Insert(o.waiting, i, waiting{p, ext})
	o.settle(p.at, give)
}

// settle gives the packets whose turn it is, and gives up those that do not come.
func (o *order) settle(now time.Time, give func(*item)) {
	for len(o.waiting) > 0 {
		w := o.waiting[0]
		if w.ext != o.next && now.Sub(w.at) < patience && len(o.waiting) < maxWaiting {
			return
		}
		o.pop(give)
	}
}

func (o *order) pop(give func(*item)) {
	w := o.waiting[0]
	w.lost = w.ext != o.next
	o.next = w.ext + 1
	o.waiting = slices.Delete(o.waiting, 0, 1)
	give(w.item)
}

// flush gives all that waits.
func (o *order) flush(give func(*item)) {
	for len(o.waiting) > 0 {
		o.pop(give)
	}
}
