package rtpx

import (
	"encoding/binary"
	"strings"
	"time"
)

// eventSymbols are the DTMF events of RFC 4733 section 3.2 in their order; 16
// is the flash hook.
const eventSymbols = "0123456789*#ABCD!"

// Digit is a key that was pressed.
type Digit struct {
	Symbol byte // one of 0–9 * # A–D, ! for flash
	At     time.Time
}

func eventCode(symbol byte) (uint8, bool) {
	i := strings.IndexByte(eventSymbols, symbol)
	if i < 0 && symbol >= 'a' && symbol <= 'd' {
		i = strings.IndexByte(eventSymbols, symbol-'a'+'A')
	}
	return uint8(i), i >= 0
}

// event is the payload of a telephone-event packet (RFC 4733 section 2.3).
type event struct {
	code     uint8
	end      bool
	volume   uint8 // −dBm0
	duration uint16
}

// eventLen is the length of its payload.
const eventLen = 4

func parseEvent(b []byte) (event, bool) {
	if len(b) < eventLen {
		return event{}, false
	}
	return event{
		code: b[0], end: b[1]&0x80 != 0, volume: b[1] & 0x3f,
		duration: binary.BigEndian.Uint16(b[2:]),
	}, true
}

func (e event) put(b []byte) {
	b[0], b[1] = e.code, e.volume
	if e.end {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], e.duration)
}

// eventFilter makes one key press of the many packets that tell about it: all
// have the timestamp of its start, and the last comes three times.
type eventFilter struct {
	known     bool
	timestamp uint32
	last      event
}

// press reports the symbol when the packet is the first of its event.
func (f *eventFilter) press(timestamp uint32, e event) (byte, bool) {
	old := *f
	if old.known && int32(timestamp-old.timestamp) < 0 {
		return 0, false // reordered, of an earlier event
	}
	*f = eventFilter{known: true, timestamp: timestamp, last: e}
	if old.known && timestamp == old.timestamp && e.code == old.last.code {
		return 0, false
	}
	// An event longer than 65535 units goes on in a next segment (section 2.5.1.3).
	if old.known && !old.last.end && e.code == old.last.code &&
		timestamp == old.timestamp+uint32(old.last.duration) && old.last.duration == 0xffff {
		return 0, false
	}
	if int(e.code) >= len(eventSymbols) {
		return 0, false
	}
	return eventSymbols[e.code], true
}
