package bwe

import "encoding/binary"

// What a report says of a packet (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.1).
const (
	smallDelta = 1 // it came; one byte
	largeDelta = 2 // it came; two bytes, signed
)

const (
	reportHead = 20
	tick       = 250    // µs, of the deltas
	refTick    = 64_000 // µs, of the time that they begin at
)

// IsReport tells transport-wide feedback from other RTCP packets.
func IsReport(b []byte) bool { return len(b) >= 2 && b[0]&0x1f == 15 && b[1] == 205 }

// chunk is the status of some packets: of a run of equal ones, of 14 in a bit each, or of 7 in two.
type chunk uint16

func (c chunk) len() int {
	switch {
	case c&0x8000 == 0:
		return int(c & 0x1fff)
	case c&0x4000 == 0:
		return 14
	}
	return 7
}

func (c chunk) status(i int) int {
	switch {
	case c&0x8000 == 0:
		return int(c >> 13 & 3)
	case c&0x4000 == 0:
		return int(c >> (13 - i) & 1)
	}
	return int(c >> (12 - 2*i) & 3)
}

// walk goes through a report: arrival is in µs of the receiver's clock. It is done with nothing when the report is broken.
func walk(b []byte, f func(seq uint16, came bool, arrival int64)) bool {
	if len(b) < reportHead || !IsReport(b) {
		return false
	}
	count := int(binary.BigEndian.Uint16(b[14:]))
	at, deltas := reportHead, 0
	for left := count; left > 0; at += 2 {
		if at+2 > len(b) {
			return false
		}
		c := chunk(binary.BigEndian.Uint16(b[at:]))
		n := min(c.len(), left)
		for i := range n {
			deltas += deltaLen(c.status(i))
		}
		left -= n
	}
	if at+deltas > len(b) {
		return false
	}
	chunks, delta := b[reportHead:at], b[at:]
	seq, arrival := binary.BigEndian.Uint16(b[12:]), int64(binary.BigEndian.Uint32(b[16:])>>8)*refTick
	for left := count; left > 0; chunks = chunks[2:] {
		c := chunk(binary.BigEndian.Uint16(chunks))
		n := min(c.len(), left)
		for i := range n {
			s := c.status(i)
			switch s {
			case smallDelta:
				arrival += int64(delta[0]) * tick
			case largeDelta:
				arrival += int64(int16(binary.BigEndian.Uint16(delta))) * tick
			}
			delta = delta[deltaLen(s):]
			f(seq, s == smallDelta || s == largeDelta, arrival)
			seq++
		}
		left -= n
	}
	return true
}

func deltaLen(status int) int {
	switch status {
	case smallDelta, largeDelta:
		return status
	}
	return 0
}
