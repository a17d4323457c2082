// Package rtpx carries the sound of one party: RTP on the one side, 20 ms
// frames of 16 kHz mono PCM with positions on the other.
//
// A [Leg] is a telephone party: a pair of UDP sockets, symmetric RTP, SRTP,
// RTCP, a [Receiver] and a [Sender]. Where something else owns the transport
// (WebRTC), Receiver and Sender are used alone: one takes RTP packets as bytes,
// the other gives them.
//
// What runs concurrently: a [Clock], shared by all legs, has a few goroutines that
// every 5 ms play out what is due: fetching packets, decoding, the Frame and Gap
// callbacks, encoding and sending all happen there, one call stack per frame. Each Leg
// has a goroutine that reads RTCP (and one that reads RTP where the system cannot be
// asked without waiting). The Digit callback comes from whoever reads. Callbacks must not
// block, and must not close the leg that calls them. DESIGN.md has the reasons.
package rtpx

import (
	"fmt"
	"strings"
	"time"

	"samtale.dk/samtale/media/pcm"
)

// Codec is what a payload type stands for.
type Codec uint8

// The codecs that a leg understands. Event (RFC 4733) and Comfort (RFC 3389)
// carry no sound of their own.
const (
	Unknown Codec = iota
	PCMU
	PCMA
	G722
	Opus
	Event
	Comfort
)

// codecs holds the encoding names of SDP, the RTP clock rates, and the static
// payload types of RFC 3551. The clock of G.722 is 8000 by an old mistake
// that RFC 3551 section 4.5.2 keeps.
var codecs = [...]struct {
	name   string
	clock  int
	static int
}{
	Unknown: {"", 8000, -1},
	PCMU:    {"PCMU", 8000, 0},
	PCMA:    {"PCMA", 8000, 8},
	G722:    {"G722", 8000, 9},
	Opus:    {"opus", 48000, -1},
	Event:   {"telephone-event", 8000, -1},
	Comfort: {"CN", 8000, 13},
}

// String is the encoding name as SDP writes it.
func (c Codec) String() string {
	if int(c) >= len(codecs) {
		return ""
	}
	return codecs[c].name
}

// Clock is the usual RTP clock rate in Hz.
func (c Codec) Clock() int { return codecs[c].clock }

// Audio reports whether the codec carries sound.
func (c Codec) Audio() bool { return c >= PCMU && c <= Opus }

// ParseCodec finds a codec by its encoding name, in any case; Unknown if it is
// not one of ours.
func ParseCodec(name string) Codec {
	for c := PCMU; int(c) < len(codecs); c++ {
		if strings.EqualFold(codecs[c].name, name) {
			return c
		}
	}
	return Unknown
}

// StaticCodec is the codec of a static payload type, for SDP without rtpmap.
func StaticCodec(payloadType uint8) Codec {
	for c := PCMU; int(c) < len(codecs); c++ {
		if codecs[c].static == int(payloadType) {
			return c
		}
	}
	return Unknown
}

// Format is a payload type as negotiated.
type Format struct {
	Type  uint8
	Codec Codec
	Clock int // in Hz; 0 is the codec's own. Events run on the clock of the sound beside them.
}

func (f Format) clock() int {
	if f.Clock > 0 {
		return f.Clock
	}
	return f.Codec.Clock()
}

func (f Format) check() error {
	if f.Type > 127 || f.Codec == Unknown || int(f.Codec) >= len(codecs) {
		return fmt.Errorf("rtpx: payload type %d with codec %q", f.Type, f.Codec)
	}
	return nil
}

// Origin says where the sound of a frame comes from.
type Origin uint8

const (
	// Heard: at least partly received.
	Heard Origin = iota
	// Concealed: made up to fill a hole; a Gap may follow.
	Concealed
	// Quiet: digital silence, because nothing was sent (pause, hold, comfort
	// noise) or nothing has come for longer than can be concealed.
	Quiet
)

// Frame is 20 ms of sound.
type Frame struct {
	Samples []int16   // pcm.FrameSamples at pcm.Rate, valid during the call
	Pos     int64     // position of the first sample since the receiver began; no position is missing
	At      time.Time // when the first sample was captured, as the fastest packets tell
	Origin  Origin
}

// GapKind says why a stretch of sound was not received.
type GapKind uint8

const (
	// Lost: the peer sent it and it did not come, or came too late.
	Lost GapKind = iota
	// Silent: the peer sent nothing, on purpose.
	Silent
	// Unexplained: nothing came and nothing tells why: before the first packet,
	// after the last, between two streams.
	Unexplained
)

func (k GapKind) String() string {
	return [...]string{"lost", "silent", "unexplained"}[k]
}

// Gap is a stretch of positions that holds no received sound. It is told when
// it has ended and its kind is known, after the frames it covers.
type Gap struct {
	pcm.Range
	Kind GapKind
}
