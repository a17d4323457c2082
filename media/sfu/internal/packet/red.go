package packet

import "encoding/binary"

// Block is one of a RED payload's blocks (RFC 2198).
type Block struct {
	Type   uint8
	Offset uint32 // how much older than the packet, in timestamp units
	Data   []byte
}

// MaxBlocks is how many are taken: browsers send at most the two packets before.
const MaxBlocks = 4

// RED splits a payload into blocks, oldest first; the last is the packet's own. Zero: it is none.
func RED(payload []byte, into *[MaxBlocks]Block) int {
	var sizes [MaxBlocks]int
	n := 0
	b := payload
	for {
		if len(b) == 0 || n == MaxBlocks {
			return 0
		}
		if b[0]&0x80 == 0 {
			into[n] = Block{Type: b[0]}
			b = b[1:]
			n++
			break
		}
		if len(b) < 4 {
			return 0
		}
		v := binary.BigEndian.Uint32(b)
		into[n] = Block{Type: uint8(v>>24) & 0x7f, Offset: v >> 10 & 0x3fff}
		sizes[n] = int(v & 0x3ff)
		b = b[4:]
		n++
	}
	for i := range n - 1 {
		if sizes[i] > len(b) {
			return 0
		}
		into[i].Data, b = b[:sizes[i]], b[sizes[i]:]
	}
	into[n-1].Data = b
	return n
}

// RetypeRED writes one payload type into all block headers.
func RetypeRED(payload []byte, t uint8) {
	for len(payload) > 0 {
		more := payload[0]&0x80 != 0
		payload[0] = payload[0]&0x80 | t
		if !more || len(payload) < 4 {
			return
		}
		payload = payload[4:]
	}
}
