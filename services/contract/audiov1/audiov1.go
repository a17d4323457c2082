// Package audiov1 is how captured audio travels from a gateway (phone, meeting) to
// a speech worker: the attach request, the frames, the worker's progress and the
// replay request. Audio and progress go over core NATS and are stored nowhere.
//
// The gateway owns the conversation and a ring of each leg's last 120 s. It asks
// for a worker (AttachSubject, queue group), publishes frames on Subject and
// listens on ProgressSubject. A worker that sees a hole asks for a replay from the
// first missing sample; a gateway that sees no progress for HeartbeatLimit attaches
// another worker and replays from the last committed sample.
package audiov1

import (
	"encoding/binary"
	"errors"
	"time"

	"samtale.dk/samtale/services/contract/event"
)

const (
	// SampleRate of all audio on the bus, in Hz, mono, signed 16 bit.
	SampleRate = 16000
	// FrameSamples is the usual frame: 20 ms.
	FrameSamples = 320
	// MaxFrameSamples bounds a frame (replay may send longer ones).
	MaxFrameSamples = 8000

	// HeartbeatEvery is the longest pause between two Progress messages.
	HeartbeatEvery = 500 * time.Millisecond
	// HeartbeatLimit is how long a gateway waits before it attaches another worker.
	HeartbeatLimit = 2 * time.Second
	// RingSeconds is how much audio a gateway keeps for replay.
	RingSeconds = 120

	// LeadSamples is how much audio before the last committed sample a gateway still
	// keeps: a worker that takes over inside a sentence hears it too, so that the
	// first word has its beginning. 1 s.
	LeadSamples = SampleRate

	// AttachSubject is the request subject that speech workers share.
	AttachSubject = "speech.v1.attach"

	// HearSubject is the request subject for one short sound that is written down at once: HearRequest → HearReply. It belongs
	// to no conversation, and nothing of it is stored.
	HearSubject = "speech.v1.hear"
	// HearSeconds is the longest such sound: it must fit into one message.
	HearSeconds = 15

	// SaySubject is the request subject for one sentence that is spoken at once: SayRequest → SayReply. Nothing of it is stored.
	SaySubject = "speech.v1.say"
	// SayBytes is the longest such sentence, SaySeconds what may come of it: it must fit into one message.
	SayBytes   = 160
	SaySeconds = 20
	// VoicesSubject is the request subject for what can be spoken here: VoicesRequest → VoicesReply.
	VoicesSubject = "speech.v1.voices"
)

// Subject carries the frames of one leg.
func Subject(conversation, leg string) string { return event.Join("audio.v1", conversation, leg) }

// ProgressSubject carries a worker's Progress for one leg.
func ProgressSubject(conversation, leg string) string {
	return event.Join("speech.v1.progress", conversation, leg)
}

// ReplaySubject is answered by the gateway that owns the leg.
func ReplaySubject(conversation, leg string) string {
	return event.Join("audio.v1.replay", conversation, leg)
}

// Attach asks for a worker for one leg. Committed is the first sample not yet
// decided; the worker may know better from the stored finals.
type Attach struct {
	ConversationID string    `json:"conversation_id"`
	LegID          string    `json:"leg_id"`
	Role           string    `json:"role"` // citizen, caseworker, other
	Committed      int64     `json:"committed"`
	Language       string    `json:"language"` // "da"
	StartedAt      time.Time `json:"started_at"`
	Epoch          uint64    `json:"epoch"` // grows with every attach of this leg
}

// Attached is the worker's answer: it is subscribed and wants audio from Resume, which
// is up to LeadSamples before the first sample that it will commit.
type Attached struct {
	Worker string `json:"worker"`
	Resume int64  `json:"resume"`
	Engine string `json:"engine"`
	Demo   bool   `json:"demo"`
	// Done: the leg's last final is stored already; nothing needs to be sent.
	Done bool `json:"done,omitempty"`
}

// Progress tells the gateway how far a worker is. Samples before Committed are
// stored as words or ledger ranges and need never be replayed. Samples before
// Received have arrived without a hole; when it stands still below what was
// published, the gateway publishes again from there.
type Progress struct {
	Worker    string `json:"worker"`
	Epoch     uint64 `json:"epoch"` // of the attach; others are ignored
	Received  int64  `json:"received"`
	Committed int64  `json:"committed"`
	Done      bool   `json:"done"`             // the leg ended and all is committed
	Failed    string `json:"failed,omitempty"` // the worker gives up; attach another
}

// Replay asks the gateway to publish again from sample From.
type Replay struct {
	Epoch uint64 `json:"epoch"`
	From  int64  `json:"from"`
}

// Replayed answers: the gateway publishes from Start (later than From when the
// ring no longer holds it; the samples between are lost).
type Replayed struct {
	Start int64 `json:"start"`
}

// HearRequest is one short sound: samples as signed 16 bit, little endian, mono, at SampleRate.
type HearRequest struct {
	PCM      []byte `json:"pcm"`
	Language string `json:"language,omitempty"` // empty: "da"
}

// HearReply is what was said, with personal data masked; empty when there were no words.
type HearReply struct {
	Text   string `json:"text"`
	Engine string `json:"engine"`
	Demo   bool   `json:"demo,omitempty"`
}

// SayRequest is one sentence.
type SayRequest struct {
	Text     string `json:"text"`
	Language string `json:"language,omitempty"` // empty: "da"
}

// SayReply is its sound: samples as signed 16 bit, little endian, mono, at SampleRate.
type SayReply struct {
	PCM []byte `json:"pcm"`
}

// VoicesRequest asks what can be spoken here.
type VoicesRequest struct{}

// VoicesReply lists the languages that have a voice.
type VoicesReply struct {
	Languages []string `json:"languages"`
}

// Flag bits of a frame.
const (
	FlagEnd    = 1 << 0 // the leg ends after this frame (which may be empty)
	FlagLost   = 1 << 1 // Lost samples before Position are gone for good
	FlagFilled = 1 << 2 // concealment, hold or DTX: not captured sound
	FlagMasked = 1 << 3 // paused by a person: not to be recognised
)

// HeaderSize is the size of the binary frame header in bytes.
const HeaderSize = 32

// Frame is one piece of audio with its place in the leg. An empty frame carries
// flags, or only shows that the gateway lives while nothing is captured; its
// position is the next sample. A worker drops frames of an earlier epoch than its
// own, and stops when it sees a later one: another worker has taken over.
// Wire form, little endian: version u8, flags u8, reserved u16, lost u32,
// position u64, capture time u64 (Unix ns), epoch u64, then samples s16.
type Frame struct {
	Flags    uint8
	Lost     uint32 // samples missing before Position, with FlagLost
	Position int64  // of the first sample since the leg began, at SampleRate
	Captured int64  // Unix nanoseconds of the first sample
	Epoch    uint64 // attach that this frame was published for; 0 = any
	PCM      []int16
}

// ErrFrame reports bytes that are not a frame of this version.
var ErrFrame = errors.New("not an audio.v1 frame")

// Append adds the wire form of f to b and returns the extended buffer; with a
// buffer of enough capacity it does not allocate.
func (f *Frame) Append(b []byte) []byte {
	b = append(b, 1, f.Flags, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, f.Lost)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.Position))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.Captured))
	b = binary.LittleEndian.AppendUint64(b, f.Epoch)
	return AppendSamples(b, f.PCM)
}

// AppendSamples adds the wire form of samples, signed 16 bit little endian, to b.
func AppendSamples(b []byte, pcm []int16) []byte {
	for _, s := range pcm {
		b = append(b, byte(s), byte(uint16(s)>>8))
	}
	return b
}

// Samples adds the samples that b is the wire form of to pcm. Half a sample at the end is left out.
func Samples(pcm []int16, b []byte) []int16 {
	for i := 1; i < len(b); i += 2 {
		pcm = append(pcm, int16(uint16(b[i-1])|uint16(b[i])<<8))
	}
	return pcm
}

// Decode reads b into f, reusing f.PCM's capacity.
func (f *Frame) Decode(b []byte) error {
	if len(b) < HeaderSize || b[0] != 1 || (len(b)-HeaderSize)%2 != 0 {
		return ErrFrame
	}
	n := (len(b) - HeaderSize) / 2
	if n > MaxFrameSamples {
		return ErrFrame
	}
	f.Flags = b[1]
	f.Lost = binary.LittleEndian.Uint32(b[4:])
	f.Position = int64(binary.LittleEndian.Uint64(b[8:]))
	f.Captured = int64(binary.LittleEndian.Uint64(b[16:]))
	f.Epoch = binary.LittleEndian.Uint64(b[24:])
	if f.Position < 0 || f.Position > 1<<48 {
		return ErrFrame
	}
	f.PCM = Samples(f.PCM[:0], b[HeaderSize:])
	return nil
}
