package protect

// windowSize in packets: more than any reordering or retransmission that is still wanted.
const windowSize = 512

// window knows which of the latest packets of a stream came, by their index: the sequence number with how often it began anew (RFC 3711
// section 3.3.1), or the number that RTCP carries.
type window struct {
	any    bool
	newest uint64
	seen   [windowSize / 64]uint64
}

// index of a sequence number: what is nearest to the newest. False is before the beginning.
func (w *window) index(seq uint16) (uint64, bool) {
	if !w.any {
		return uint64(seq), true
	}
	i := int64(w.newest) + int64(int16(seq-uint16(w.newest)))
	return uint64(i), i >= 0
}

// fresh reports whether a packet did not come yet and is not too old to know.
func (w *window) fresh(i uint64) bool {
	if !w.any || i > w.newest {
		return true
	}
	return w.newest-i < windowSize && w.seen[i%windowSize/64]&(1<<(i%64)) == 0
}

// reach moves on to an index that is newer.
func (w *window) reach(i uint64) {
	if !w.any || i > w.newest {
		w.any, w.newest = true, i
	}
}

// mark notes a packet that is fresh.
func (w *window) mark(i uint64) {
	if w.any && i > w.newest {
		if i-w.newest >= windowSize {
			clear(w.seen[:])
		} else {
			for j := w.newest + 1; j < i; j++ {
				w.seen[j%windowSize/64] &^= 1 << (j % 64)
			}
		}
	}
	w.reach(i)
	w.seen[i%windowSize/64] |= 1 << (i % 64)
}
