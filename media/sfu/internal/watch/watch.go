// Package watch makes pictures for measurements and tells what somebody would see of them: how many frames a second, how old they are,
// when they stand still. The pictures are VP8 to everybody on the way and hold nothing but their number and when they were taken.
// Cameras and viewers belong to one goroutine each and have no clock.
package watch

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// packetSize in bytes of payload, as browsers have it.
	packetSize = 1150

	// keyCost is how much larger a keyframe is than other frames.
	keyCost = 5

	// head is the VP8 payload descriptor (RFC 7741) and frame header (RFC 6386), trailer what is written at the end of each payload.
	head, trailer = 16, 21

	// A picture that stays for longer than stillAfter beyond the usual has frozen, as browsers count it (webrtc-stats,
	// freezeCount). A viewer asks for a keyframe when it has waited for a missing packet for so long as askAfter.
	stillAfter = 150 * time.Millisecond
	askAfter   = 300 * time.Millisecond

	// keep bounds the frames that wait for an earlier one.
	keep = 300
)

// Camera makes the frames of one size.
type Camera struct {
	Width, Height int
	Rate          int // bit/s
	FPS           int

	random *rand.Rand
}

// Frame makes the payloads of a frame. Sizes of one picture share its number.
func (c *Camera) Frame(number int, taken time.Time, key bool) [][]byte {
	if c.random == nil {
		c.random = rand.New(rand.NewPCG(uint64(c.Height), 1))
	}
	size := c.Rate / 8 / c.FPS
	size = size*4/5 + c.random.IntN(1+size*2/5)
	if key {
		size *= keyCost
	}
	parts := max(1, (size+packetSize-1)/packetSize)
	payloads := make([][]byte, parts)
	for i := range payloads {
		b := make([]byte, max(head+trailer, size/parts))
		c.write(b, number, key, i == 0)
		end := b[len(b)-trailer:]
		binary.BigEndian.PutUint32(end, uint32(number))
		binary.BigEndian.PutUint16(end[4:], uint16(i))
		binary.BigEndian.PutUint16(end[6:], uint16(parts))
		binary.BigEndian.PutUint16(end[8:], uint16(c.Height))
		binary.BigEndian.PutUint64(end[10:], uint64(taken.UnixMicro()))
		end[18] = 0
		if key {
			end[18] = 1
		}
		payloads[i] = b
	}
	return payloads
}

func (c *Camera) write(b []byte, number int, key, first bool) {
	copy(b, []byte{0x80, 0xe0, 0x80 | byte(number>>8&0x7f), byte(number), byte(number), 0})
	if first {
		b[0] |= 0x10
	}
	if !key || !first {
		b[6] = 1
		return
	}
	copy(b[9:], []byte{0x9d, 0x01, 0x2a})
	binary.LittleEndian.PutUint16(b[12:], uint16(c.Width))
	binary.LittleEndian.PutUint16(b[14:], uint16(c.Height))
}

type frame struct {
	parts, have int
	key         bool
	taken       time.Time
	came        []bool
}

type which struct{ number, height int }

// Viewer shows what comes as soon as it can be decoded: complete, and a keyframe or the next one of the same size.
type Viewer struct {
	Shown   int
	Keys    int
	Freezes int
	Frozen  time.Duration   // all of them together
	Delays  []time.Duration // from camera to screen, of each frame shown
	Heights []int           // as they changed

	frames  map[which]*frame
	last    int
	at      time.Time // when the last was shown
	asked   time.Time
	waiting time.Time // since when a frame waits for an earlier one
}

// Packet takes a payload and when it came; what it cannot read it leaves.
func (v *Viewer) Packet(at time.Time, payload []byte) {
	if len(payload) < head+trailer {
		return
	}
	end := payload[len(payload)-trailer:]
	number := int(binary.BigEndian.Uint32(end))
	part, parts := int(binary.BigEndian.Uint16(end[4:])), int(binary.BigEndian.Uint16(end[6:]))
	key := end[18] == 1
	w := which{number, int(binary.BigEndian.Uint16(end[8:]))}
	if part >= parts || v.past(w, key) {
		return
	}
	if v.frames == nil {
		v.frames = map[which]*frame{}
	}
	f := v.frames[w]
	if f == nil {
		f = &frame{parts: parts, key: key, came: make([]bool, parts)}
		f.taken = time.UnixMicro(int64(binary.BigEndian.Uint64(end[10:])))
		v.frames[w] = f
	}
	if !f.came[part] {
		f.came[part] = true
		f.have++
	}
	v.show(at)
}

// past reports whether a frame comes after a later one was shown. A keyframe of another size may repeat the picture.
func (v *Viewer) past(w which, key bool) bool {
	return w.number < v.last || w.number == v.last && (!key || w.height == v.Height())
}

// show shows all that can be.
func (v *Viewer) show(at time.Time) {
	all := slices.SortedFunc(maps.Keys(v.frames), func(a, b which) int {
		return cmp.Or(a.number-b.number, a.height-b.height)
	})
	for _, w := range all {
		f := v.frames[w]
		if f.have == f.parts && !v.past(w, f.key) && (f.key || w.number == v.last+1 && w.height == v.Height()) {
			v.shown(at, w, f)
		}
	}
	waits := false
	for w, f := range v.frames {
		if v.past(w, f.key) || w.number < all[len(all)-1].number-keep {
			delete(v.frames, w)
			continue
		}
		waits = waits || f.have == f.parts
	}
	switch {
	case !waits:
		v.waiting = time.Time{}
	case v.waiting.IsZero():
		v.waiting = at
	}
}

func (v *Viewer) shown(at time.Time, w which, f *frame) {
	if v.Shown > 0 {
		if gap := at.Sub(v.at); gap > time.Second/30+stillAfter {
			v.Freezes++
			v.Frozen += gap
		}
	}
	if w.height != v.Height() {
		v.Heights = append(v.Heights, w.height)
	}
	v.last, v.at = w.number, at
	v.Shown++
	v.Delays = append(v.Delays, at.Sub(f.taken))
	if f.key {
		v.Keys++
	}
}

// LastAt is when the last frame was shown.
func (v *Viewer) LastAt() time.Time { return v.at }

// Height of what is shown; 0: nothing yet.
func (v *Viewer) Height() int {
	if len(v.Heights) == 0 {
		return 0
	}
	return v.Heights[len(v.Heights)-1]
}

// Asks reports whether to ask for a keyframe now: frames wait for one that does not come.
func (v *Viewer) Asks(now time.Time) bool {
	if v.waiting.IsZero() || now.Sub(v.waiting) < askAfter || now.Sub(v.asked) < askAfter {
		return false
	}
	v.asked = now
	return true
}

// Reset forgets what was counted, not what is shown: a new measurement begins.
func (v *Viewer) Reset() {
	v.Shown, v.Keys, v.Freezes, v.Frozen, v.Delays = 0, 0, 0, 0, nil
	v.Heights = v.Heights[max(0, len(v.Heights)-1):]
}

// Delay that so large a share of the frames did not exceed.
func (v *Viewer) Delay(share float64) time.Duration {
	if len(v.Delays) == 0 {
		return 0
	}
	all := slices.Sorted(slices.Values(v.Delays))
	return all[min(len(all)-1, int(share*float64(len(all))))]
}
