package rtpx

import (
	"errors"
	"fmt"
	"time"

	"samtale.dk/samtale/media/pcm"
)

const (
	// digitLength and digitPause are what exchanges are known to accept
	// (ITU-T Q.24 wants 40 ms of each).
	digitLength = 100 * time.Millisecond
	digitPause  = 80 * time.Millisecond

	// endPackets: the last packet of an event comes three times (RFC 4733
	// section 2.5.1.4).
	endPackets = 3

	// keyVolume in −dBm0: the usual one.
	keyVolume = 10

	// maxDigits is how many keys may wait to be sent.
	maxDigits = 64
)

// ErrDigits says that a key does not exist or that too many wait.
var ErrDigits = errors.New("rtpx: keys cannot be sent")

// keypad makes event packets of keys, one after another.
type keypad struct {
	waiting []byte // event codes

	pressed   bool
	code      uint8
	timestamp uint32 // of the start of the press
	elapsed   time.Duration
	ends      int           // end packets sent
	pause     time.Duration // left until the next key may begin
}

// add puts keys behind those that wait, all or none.
func (k *keypad) add(keys string) error {
	n := len(k.waiting)
	if n+len(keys) > maxDigits {
		return fmt.Errorf("%w: %d wait already", ErrDigits, n)
	}
	for i := range len(keys) {
		code, ok := eventCode(keys[i])
		if !ok {
			k.waiting = k.waiting[:n]
			return fmt.Errorf("%w: there is no such key", ErrDigits)
		}
		k.waiting = append(k.waiting, code)
	}
	return nil
}

// next is to be called every 20 ms. It returns the event to send and the
// header's marker and timestamp, or false when sound may be sent.
func (k *keypad) next(timestamp uint32, clock int) (event, Header, bool) {
	if !k.pressed && !k.press(timestamp) {
		return event{}, Header{}, false
	}
	if k.ends == 0 {
		k.elapsed += pcm.FrameDuration
	}
	e := event{
		code: k.code, volume: keyVolume, end: k.elapsed >= digitLength,
		duration: uint16(k.elapsed * time.Duration(clock) / time.Second),
	}
	h := Header{Marker: k.elapsed == pcm.FrameDuration, Timestamp: k.timestamp}
	if e.end {
		k.ends++
	}
	if k.ends == endPackets {
		k.pressed, k.pause = false, digitPause
	}
	return e, h, true
}

// press begins with the next key that waits, when the pause is over.
func (k *keypad) press(timestamp uint32) bool {
	k.pause = max(k.pause-pcm.FrameDuration, 0)
	if len(k.waiting) == 0 || k.pause > 0 {
		return false
	}
	k.pressed, k.code, k.timestamp = true, k.waiting[0], timestamp
	k.elapsed, k.ends = 0, 0
	k.waiting = k.waiting[:copy(k.waiting, k.waiting[1:])]
	return true
}
