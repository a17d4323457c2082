package rtpx

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"samtale.dk/samtale/media/pcm"
)

// maxLate: a sender that was not ticked for longer leaves out what it missed
// instead of sending a burst.
const maxLate = 100 * time.Millisecond

// ErrNoEvents says that digits cannot be sent: the peer takes no
// telephone-event.
var ErrNoEvents = errors.New("rtpx: peer takes no telephone-event")

// SenderConfig says what is sent where.
type SenderConfig struct {
	// Formats as negotiated: the first one with sound is sent; the event
	// format of the same clock carries digits.
	Formats []Format

	// Send takes each RTP packet, from Tick; the bytes are valid during the
	// call. Its error is counted.
	Send func(packet []byte) error

	SSRC uint32 // 0 chooses one
}

// SenderStats counts since the sender was made.
type SenderStats struct {
	Packets, Octets uint64 // as sent; octets of payload
	Failed          uint64 // refused by Send or by the encoder
	Idle            uint64 // frames of silence because the source had nothing
	Skipped         uint64 // frames left out because nobody ticked
}

// Sender plays a source into RTP packets of 20 ms on a steady clock. When the
// source has nothing it sends silence, so that the peer and every address
// translator between see a call that lives. Tick is called by one goroutine;
// all else may be called concurrently.
type Sender struct {
	send func([]byte) error

	mu     sync.Mutex
	source pcm.Reader
	sound  Format
	enc    encoder
	event  Format
	paused bool
	stats  SenderStats

	keys keypad

	ssrc      uint32
	seq       uint16
	timestamp uint32 // of the frame that is due
	due       time.Time
	talking   bool      // the last frame was sent: no marker
	sentTS    uint32    // of the last frame that was due
	sentAt    time.Time // when the last packet went out

	frame  []int16
	packet []byte
}

// NewSender makes a sender that is silent until it has a source.
func NewSender(cfg SenderConfig) (*Sender, error) {
	if cfg.Send == nil {
		cfg.Send = func([]byte) error { return nil }
	}
	for cfg.SSRC == 0 {
		cfg.SSRC = rand.Uint32()
	}
	s := &Sender{
		send: cfg.Send, ssrc: cfg.SSRC,
		seq: uint16(rand.Uint32() >> 17), timestamp: rand.Uint32(), // below 32768: libsrtp likes it
		frame:  make([]int16, pcm.FrameSamples),
		packet: make([]byte, headerLen+maxPayload),
		keys:   keypad{waiting: make([]byte, 0, maxDigits)},
	}
	return s, s.SetFormats(cfg.Formats)
}

// SetFormats changes what is sent, as after a new offer and answer. With no
// format of sound nothing is sent.
func (s *Sender) SetFormats(formats []Format) error {
	var sound, event Format
	for _, f := range formats {
		err := f.check()
		if err != nil {
			return err
		}
		if f.Codec.Audio() && sound.Codec == Unknown {
			sound = f
		}
	}
	for _, f := range formats {
		if f.Codec == Event && (event.Codec == Unknown || f.clock() == sound.clock()) {
			event = f
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sound.Codec != Unknown && (sound.Codec != s.sound.Codec || s.enc == nil) {
		enc, err := newEncoder(sound.Codec)
		if err != nil {
			return fmt.Errorf("rtpx: encoder: %w", err)
		}
		s.enc = enc
		s.talking = false
	}
	s.sound, s.event = sound, event
	return nil
}

// SetSource changes what is played, from the next frame on. Nil is silence.
func (s *Sender) SetSource(r pcm.Reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source = r
}

// SetPaused stops sending, as while the peer holds us, and starts it again.
// Time goes on: the timestamps tell how long the pause was. The source is
// still read, so live sound does not pile up.
func (s *Sender) SetPaused(paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if paused != s.paused {
		s.paused, s.talking = paused, false
	}
}

// ExpectLoss tells which share of the packets the peer loses, 0 to 1, as its
// reports say. Opus then repeats each packet in the next one.
func (s *Sender) ExpectLoss(share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enc != nil {
		s.enc.expectLoss(int(math.Ceil(100 * share)))
	}
}

// SendDigits sends keys (0–9 * # A–D, and ! for flash) after those that wait.
// None of them is sent if one cannot be.
func (s *Sender) SendDigits(keys string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.event.Codec != Event {
		return ErrNoEvents
	}
	return s.keys.add(keys)
}

// Stats returns the counters.
func (s *Sender) Stats() SenderStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// SSRC identifies the stream.
func (s *Sender) SSRC() uint32 { return s.ssrc }

// Tick sends what is due. Nothing is sent before the first call.
func (s *Sender) Tick(now time.Time) {
	s.catchUp(now)
	for {
		packet, due := s.next(now)
		if !due {
			return
		}
		if packet != nil {
			s.sent(now, packet, s.send(packet))
		}
	}
}

func (s *Sender) catchUp(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due.IsZero() {
		s.due = now
	}
	if late := now.Sub(s.due); late > maxLate {
		n := late / pcm.FrameDuration
		s.stats.Skipped += uint64(n)
		s.step(int(n))
	}
}

// next makes the packet of the frame that is due; nil if there is none to
// send for it, false if no frame is due.
func (s *Sender) next(now time.Time) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.due) {
		return nil, false
	}
	packet := s.play()
	s.sentTS = s.timestamp
	s.step(1)
	return packet, true
}

func (s *Sender) sent(now time.Time, packet []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.stats.Failed++
		return
	}
	s.stats.Packets++
	s.stats.Octets += uint64(len(packet) - headerLen)
	s.sentAt = now
}

// step moves the clock on by n frames.
func (s *Sender) step(n int) {
	s.due = s.due.Add(time.Duration(n) * pcm.FrameDuration)
	s.timestamp += uint32(n * s.rtpClock() / 50)
}

func (s *Sender) rtpClock() int {
	if s.sound.Codec == Unknown {
		return 8000
	}
	return s.sound.clock()
}

// play makes the packet of one frame: sound, or a piece of a key press.
func (s *Sender) play() []byte {
	ok := s.source != nil && s.source.ReadFrame(s.frame)
	if !ok {
		clear(s.frame)
		s.stats.Idle++
	}
	if s.paused || s.sound.Codec == Unknown {
		return nil
	}
	packet := s.playKey()
	if packet != nil {
		s.talking = false
		return packet
	}
	n, err := s.enc.encode(s.packet[headerLen:], s.frame)
	if err != nil {
		s.stats.Failed++
		return nil
	}
	marker := !s.talking
	s.talking = true
	return s.finish(Header{Marker: marker, Type: s.sound.Type, Timestamp: s.timestamp}, n)
}

// finish puts the header before a payload of n bytes that is in place.
func (s *Sender) finish(h Header, n int) []byte {
	h.SSRC, h.Seq = s.ssrc, s.seq
	s.seq++
	h.put(s.packet)
	return s.packet[:headerLen+n]
}

// playKey makes one packet of the present or next key press, nil when there
// is none.
func (s *Sender) playKey() []byte {
	e, h, ok := s.keys.next(s.timestamp, s.rtpClock())
	if !ok {
		return nil
	}
	e.put(s.packet[headerLen:])
	h.Type = s.event.Type
	return s.finish(h, eventLen)
}

// sentInfo is what a sender report needs; false when nothing was sent yet.
func (s *Sender) sentInfo(now time.Time) (senderInfo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stats.Packets == 0 {
		return senderInfo{}, false
	}
	since := uint32(now.Sub(s.sentAt) * time.Duration(s.rtpClock()) / time.Second)
	return senderInfo{
		ntp: ntpTime(now), timestamp: s.sentTS + since,
		packets: uint32(s.stats.Packets), octets: uint32(s.stats.Octets),
	}, true
}
