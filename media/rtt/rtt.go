// Package rtt is real-time text: characters as they are typed, in T.140 blocks
// over RTP with redundancy (RFC 4103, RFC 2198). It makes and reads payloads;
// sockets, sequence numbers and payload types of the session are the caller's.
// What the characters mean is read in one place (Scanner), for texts, lines, and
// what several type to one who can show only one text (Mixer).
// Senders, receivers, texts, lines and mixers belong to one goroutine each.
package rtt

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// Clock is the RTP clock rate in Hz.
	Clock = 1000

	// Interval is how long typed text is collected (RFC 4103 section 5.1).
	Interval = 300 * time.Millisecond

	// Generations is how many earlier blocks are repeated with each new one
	// (section 4.2 recommends two).
	Generations = 2

	// MissingText stands for text that was lost (section 5.3).
	MissingText = '\uFFFD'

	// maxBlock is the longest block that a redundancy header can describe.
	maxBlock = 1<<10 - 1

	// maxOffset is the largest age of a block that it can describe, in clock
	// units: 16 s.
	maxOffset = 1<<14 - 1
)

// ErrPayload is returned for bytes that are not a payload of RFC 2198.
var ErrPayload = errors.New("rtt: not a redundant text payload")

// DefaultRate is how many characters a second a receiver takes that has not said otherwise (section 6).
const DefaultRate = 30

// Format is what one side says that it takes, or both have agreed on.
type Format struct {
	Type        uint8 // payload type of t140
	Red         uint8 // payload type of red, when there are Generations
	Generations int   // earlier blocks in a packet; 0: no red, but plain t140
	Rate        int   // characters a second
}

type block struct {
	timestamp uint32
	text      string
}

// Sender makes payloads of what is typed.
type Sender struct {
	textType    uint8 // payload type of a single block inside, "t140"
	generations int
	most        int // characters in a packet; 0: any
	pending     []byte
	history     []block // the blocks of the last packets, oldest first
	idle        int     // intervals without anything to send
}

// NewSender makes a sender; textType is the payload type negotiated for
// t140, which stands inside the packets of the type negotiated for red.
func NewSender(textType uint8) *Sender {
	return &Sender{textType: textType & 0x7f, generations: Generations, idle: Generations + 1}
}

// Agree makes the sender keep to a format from the next packet on: without generations payloads are those of t140, and no more
// characters go than the other side takes.
func (s *Sender) Agree(f Format) {
	s.textType, s.generations = f.Type&0x7f, min(f.Generations, Generations)
	s.most = max(1, f.Rate*int(Interval/time.Millisecond)/1000)
	s.history = s.history[max(0, len(s.history)-s.generations):]
}

// Pending is how many bytes wait to be sent.
func (s *Sender) Pending() int { return len(s.pending) }

// Quiet reports whether all that was typed has been sent and repeated.
func (s *Sender) Quiet() bool { return len(s.pending) == 0 && s.idle >= s.generations }

// Write adds typed text. Bytes that are no UTF-8 become MissingText.
func (s *Sender) Write(text string) {
	s.pending = append(s.pending, strings.ToValidUTF8(text, string(MissingText))...)
}

// Payload is to be called every Interval with the RTP timestamp of now. It
// returns false when there is nothing to send: nothing was typed and all that
// was has been repeated. The marker is to be set in the first packet after a
// pause.
func (s *Sender) Payload(timestamp uint32) (payload []byte, marker, ok bool) {
	if len(s.pending) == 0 && s.idle >= s.generations {
		s.idle = Generations + 1
		return nil, false, false
	}
	marker = s.idle > Generations
	if len(s.pending) == 0 {
		s.idle++
	} else {
		s.idle = 0
	}
	now := block{timestamp: timestamp, text: s.take()}
	payload = s.build(now)
	s.history = append(s.history, now)
	if len(s.history) > s.generations {
		s.history = s.history[1:]
	}
	return payload, marker, true
}

// take cuts one block of whole characters off what is pending.
func (s *Sender) take() string {
	n := len(s.pending)
	if n > maxBlock {
		n = maxBlock
		for !utf8.RuneStart(s.pending[n]) {
			n--
		}
	}
	if s.most > 0 {
		n = min(n, firstRunes(s.pending, s.most))
	}
	text := string(s.pending[:n])
	s.pending = s.pending[:copy(s.pending, s.pending[n:])]
	return text
}

// firstRunes is how many bytes the first characters take.
func firstRunes(b []byte, runes int) (n int) {
	for ; runes > 0 && n < len(b); runes-- {
		_, size := utf8.DecodeRune(b[n:])
		n += size
	}
	return n
}

// build puts the redundant blocks, oldest first, before the new one.
func (s *Sender) build(now block) []byte {
	if s.generations == 0 {
		return []byte(now.text)
	}
	var heads, texts []byte
	for _, b := range s.history {
		// Only blocks without text get old: they end every burst. They are
		// repeated too, so that their loss does not look like lost text.
		age := min(now.timestamp-b.timestamp, maxOffset)
		heads = binary.BigEndian.AppendUint32(heads, 1<<31|uint32(s.textType)<<24|age<<10|uint32(len(b.text)))
		texts = append(texts, b.text...)
	}
	heads = append(heads, s.textType)
	return append(append(heads, texts...), now.text...)
}

// parse splits a payload into its blocks, oldest first; the last one is the
// new one.
func parse(payload []byte) ([]string, error) {
	var lengths []int
	b := payload
	for {
		if len(b) == 0 {
			return nil, ErrPayload
		}
		if b[0]&0x80 == 0 {
			b = b[1:]
			break
		}
		if len(b) < 4 {
			return nil, ErrPayload
		}
		lengths = append(lengths, int(binary.BigEndian.Uint32(b)&maxBlock))
		b = b[4:]
	}
	blocks := make([]string, 0, len(lengths)+1)
	for _, n := range lengths {
		if n > len(b) {
			return nil, ErrPayload
		}
		blocks = append(blocks, string(b[:n]))
		b = b[n:]
	}
	return append(blocks, string(b)), nil
}

// Receiver puts the text of one stream together.
type Receiver struct {
	started bool
	next    uint16 // sequence number expected
	rest    []byte // the beginning of a character whose end has not come
}

// Packet takes a packet of the red type and returns the text that it adds.
// What was lost is taken from the redundancy; if that does not reach back far
// enough, MissingText stands in its place. Old and doubled packets add nothing.
func (r *Receiver) Packet(seq uint16, payload []byte) (string, error) {
	blocks, err := parse(payload)
	if err != nil {
		return "", err
	}
	if !r.started {
		// The redundancy of the first packet is what was typed before we came.
		r.started, r.next = true, seq+1
		return r.decode(strings.Join(blocks, "")), nil
	}
	lost := int(int16(seq - r.next))
	if lost < 0 {
		return "", nil
	}
	r.next = seq + 1
	return r.decode(withLost(blocks, lost)), nil
}

// Plain takes a packet of the t140 type, without redundancy.
func (r *Receiver) Plain(seq uint16, payload []byte) string {
	lost := int(int16(seq - r.next))
	if r.started && lost < 0 {
		return ""
	}
	text := string(payload)
	if r.started && lost > 0 {
		text = string(MissingText) + text
	}
	r.started, r.next = true, seq+1
	return r.decode(text)
}

// withLost is the new block with as many redundant ones before it as packets
// were lost.
func withLost(blocks []string, lost int) string {
	have := len(blocks) - 1
	if lost > have {
		return string(MissingText) + strings.Join(blocks, "")
	}
	return strings.Join(blocks[have-lost:], "")
}

// decode makes valid UTF-8 of text and keeps a character that is cut in two
// until its second half comes. Byte order marks, which some senders use to
// keep the connection alive, go.
func (r *Receiver) decode(text string) string {
	b := append(r.rest, text...)
	end := len(b)
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		c := b[len(b)-i]
		if utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				end = len(b) - i
			}
			break
		}
	}
	r.rest = append([]byte(nil), b[end:]...)
	s := strings.ToValidUTF8(string(b[:end]), string(MissingText))
	return strings.ReplaceAll(s, "\uFEFF", "")
}
