// Package jitter puts packets of sound back on a steady clock: an adaptive
// buffer that reorders, waits as long as the network's jitter asks for and no
// longer, and tells what was lost, and a concealer that fills holes in PCM.
//
// A [Buffer] and a [Concealer] belong to one goroutine; a caller that receives
// in one and plays in another holds a lock around Push and Pop. Neither reads
// a clock: the caller says what time it is. DESIGN.md tells how the delay is
// chosen.
package jitter

import "time"

const (
	// resyncAfter is how far a packet may be from where its timestamp says it
	// should be before the timestamps are taken to have jumped. More than any
	// delay that is worth keeping; hold and transfer jump by seconds.
	resyncAfter = time.Second

	// baseWindow is half the time over which the fastest packet is remembered,
	// so that a drifting sender clock (100 ppm is 1 ms in 10 s) is followed.
	baseWindow = 5 * time.Second
)

// Config sizes a buffer. Zero values give the defaults in brackets.
type Config struct {
	Clock int           // timestamp units a second [8000]
	Min   time.Duration // smallest target delay [20 ms]
	Max   time.Duration // largest target delay [300 ms]
	Start time.Duration // target before anything was measured [40 ms]
	Slots int           // packets held at most [128]
	Bytes int           // largest payload [1500]
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	defD := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.Clock, 8000)
	def(&c.Slots, 128)
	def(&c.Bytes, 1500)
	defD(&c.Min, 20*time.Millisecond)
	defD(&c.Max, 300*time.Millisecond)
	defD(&c.Start, 40*time.Millisecond)
	return c
}

// Packet is what the buffer needs to know of an RTP packet.
type Packet struct {
	Seq       uint16
	Timestamp uint32
	Type      uint8
	Payload   []byte
}

// Kind says what there is to play.
type Kind uint8

const (
	// Empty: nothing that can be played now. The sender pauses, or packets are
	// late or lost: the next one tells which.
	Empty Kind = iota
	// Ready: a packet.
	Ready
	// Lost: packets are missing and later ones are here.
	Lost
	// Silent: the sender left a hole in its timestamps and no packet is missing.
	Silent
)

// Item is what Pop found.
type Item struct {
	Kind Kind

	// Units is the length of a Lost or Silent stretch.
	Units int

	// Packet is set when Kind is Ready. When Kind is Lost and the hole ends after
	// Units, it is the packet that follows, which may carry a copy of what is
	// missing; it stays in the buffer. Its payload is valid until the next Push.
	Packet Packet

	// After tells for a Ready packet that ends a run of Empty what that run
	// was: Lost, Silent, or Ready when the packet is the one that was waited
	// for and only late. Empty when nothing was waited for.
	After Kind

	// Fresh is set on the first packet of a stream, and after its timestamps
	// jumped: what follows does not continue what was played before.
	Fresh bool
}

// Stats counts packets since the buffer was made.
type Stats struct {
	Received, Late, Duplicate, Overflow, Oversize, Resyncs uint64
	Target                                                 time.Duration
}

// Buffer holds packets until it is their time. Timestamps are unwrapped to 64
// bits; the play head is the timestamp that comes next.
type Buffer struct {
	cfg   Config
	clock int64
	epoch time.Time // durations below count from here
	stats Stats

	order []int32 // slots in use, in the order they are played
	free  []int32
	slots []slot

	segment int // counts streams and timestamp jumps
	stream  int // first segment of the newest stream
	playing int // segment of the play head
	head    int64
	running bool // the play head moves
	waiting bool // the play head ran into nothing
	lastSeq int64

	highSeq, highTS int64
	seen            seenSet

	base    baseline
	lastTS  int64         // of the packet measured last,
	lastAt  time.Duration // and when it came
	target  time.Duration
	held    time.Duration // what Delay said last
	spread  histogram
	started bool // something was pushed in this segment
}

type slot struct {
	seq, ts int64
	segment int
	typ     uint8
	size    int
	data    []byte
}

// New makes a buffer; all its memory is allocated here.
func New(cfg Config) *Buffer {
	cfg = cfg.withDefaults()
	b := &Buffer{
		cfg: cfg, clock: int64(cfg.Clock), target: cfg.Start,
		order: make([]int32, 0, cfg.Slots),
		free:  make([]int32, 0, cfg.Slots),
		slots: make([]slot, cfg.Slots),
	}
	data := make([]byte, cfg.Slots*cfg.Bytes)
	for i := range b.slots {
		b.slots[i].data = data[i*cfg.Bytes : (i+1)*cfg.Bytes : (i+1)*cfg.Bytes]
		b.free = append(b.free, int32(i))
	}
	b.spread.reset(cfg.Start)
	return b
}

// Restart says that a new stream follows (another SSRC, another clock rate).
// What is buffered still comes out of Pop, at once, before the new stream.
// A clock of 0 keeps the rate.
func (b *Buffer) Restart(clock int) {
	if clock > 0 {
		b.clock = int64(clock)
	}
	b.started = false
}

// Stats returns the counters and the present target delay.
func (b *Buffer) Stats() Stats {
	s := b.stats
	s.Target = b.target
	return s
}

// Note says that a packet without sound (an event) took this sequence number,
// so that it does not look lost.
func (b *Buffer) Note(seq uint16) {
	if b.started {
		b.seen.add(b.unwrapSeq(seq))
	}
}

func (b *Buffer) unwrapSeq(seq uint16) int64 {
	n := b.highSeq + int64(int16(seq-uint16(b.highSeq)))
	b.highSeq = max(b.highSeq, n)
	return n
}

// Push takes a packet that arrived at the given time and copies it. It reports
// whether the packet will be played; if not, a counter says why.
func (b *Buffer) Push(at time.Time, p Packet) bool {
	b.stats.Received++
	if len(p.Payload) > b.cfg.Bytes {
		b.stats.Oversize++
		return false
	}
	now := b.since(at)
	if !b.started {
		b.beginStream(p)
	}
	ts := b.highTS + int64(int32(p.Timestamp-uint32(b.highTS)))
	transit := now - b.span(ts)
	if b.base.known() && (transit-b.base.min()).Abs() > resyncAfter {
		b.stats.Resyncs++
		b.begin(p)
		ts = b.highTS
		transit = now - b.span(ts)
	}
	seq := b.unwrapSeq(p.Seq)
	if !b.seen.add(seq) {
		b.stats.Duplicate++
		return false
	}
	b.highTS = max(b.highTS, ts)
	b.measure(now, ts, transit)
	if b.running && b.segment == b.playing && ts < b.head {
		b.stats.Late++
		return false
	}
	b.insert(seq, ts, p)
	return true
}

func (b *Buffer) since(at time.Time) time.Duration {
	if b.epoch.IsZero() {
		b.epoch = at
	}
	return at.Sub(b.epoch)
}

// begin starts a segment with packet p, whose timestamps have nothing to do
// with the earlier ones.
func (b *Buffer) begin(p Packet) {
	b.segment++
	b.highTS = 1<<32 + int64(p.Timestamp) // room below for packets older than the first
	b.base.reset()
}

// beginStream starts a segment whose sequence numbers are new too.
func (b *Buffer) beginStream(p Packet) {
	b.begin(p)
	b.started = true
	b.stream = b.segment
	b.highSeq = 1<<16 + int64(p.Seq)
	b.seen.reset(b.highSeq)
}

// span is the time that timestamp units take.
func (b *Buffer) span(units int64) time.Duration {
	return time.Duration(units/b.clock)*time.Second + time.Duration(units%b.clock)*time.Second/time.Duration(b.clock)
}

// measure learns from a packet's transit time how far the target must be.
// When the network stands still for a while and then gives everything at once,
// that is one late packet and not fifty: playing waits for the first one, and
// then all others are in time.
func (b *Buffer) measure(now time.Duration, ts int64, transit time.Duration) {
	b.base.add(now, transit)
	late := transit - b.base.min()
	burst := late > b.target && ts > b.lastTS && now-b.lastAt < b.span(ts-b.lastTS)/2
	b.lastTS, b.lastAt = ts, now
	if burst {
		return
	}
	b.spread.add(late)
	b.target = min(max(b.spread.limit, b.cfg.Min), b.cfg.Max)
}

func (b *Buffer) insert(seq, ts int64, p Packet) {
	if len(b.free) == 0 {
		b.stats.Overflow++
		b.release(0)
	}
	n := b.free[len(b.free)-1]
	b.free = b.free[:len(b.free)-1]
	s := &b.slots[n]
	s.seq, s.ts, s.segment, s.typ = seq, ts, b.segment, p.Type
	s.size = copy(s.data, p.Payload)
	b.order = append(b.order, n)
	for i := len(b.order) - 1; i > 0 && s.before(&b.slots[b.order[i-1]]); i-- {
		b.order[i], b.order[i-1] = b.order[i-1], n
	}
}

func (s *slot) packet() Packet {
	return Packet{Seq: uint16(s.seq), Timestamp: uint32(s.ts), Type: s.typ, Payload: s.data[:s.size]}
}

func (s *slot) before(o *slot) bool {
	if s.segment != o.segment {
		return s.segment < o.segment
	}
	if s.ts != o.ts {
		return s.ts < o.ts
	}
	return s.seq < o.seq
}

// release frees the slot at place i of the order.
func (b *Buffer) release(i int) {
	b.free = append(b.free, b.order[i])
	b.order = append(b.order[:i], b.order[i+1:]...)
}

// due is when a packet of the newest segment is to be played.
func (b *Buffer) due(ts int64) time.Duration {
	return b.base.min() + b.span(ts) + b.target
}

// Due is when the first packet held is to be played, and false if there is
// none.
func (b *Buffer) Due() (time.Time, bool) {
	if len(b.order) == 0 {
		return time.Time{}, false
	}
	s := &b.slots[b.order[0]]
	if s.segment != b.segment {
		return b.epoch, true
	}
	return b.epoch.Add(b.due(s.ts)), true
}

// Pop says what to play at the given time, for at most frame units. After a
// Ready item the caller tells by Advance how long the packet was.
func (b *Buffer) Pop(at time.Time, frame int) Item {
	if len(b.order) == 0 {
		b.waiting = b.running
		return Item{}
	}
	now := b.since(at)
	s := &b.slots[b.order[0]]
	if s.segment != b.playing {
		// The rest of an old segment is played at once, a new one when due.
		if s.segment == b.segment && now < b.due(s.ts) {
			b.waiting = b.running
			return Item{}
		}
		it := Item{Fresh: true}
		if b.waiting && b.playing >= b.stream {
			it.After = b.gapBefore(s)
		}
		b.playing = s.segment
		b.running = true
		return b.take(s, it)
	}
	if s.ts <= b.head {
		it := Item{}
		if b.waiting {
			it.After = Ready
		}
		return b.take(s, it)
	}
	kind := b.gapBefore(s)
	if !b.waiting {
		it := Item{Kind: kind, Units: int(min(s.ts-b.head, int64(frame)))}
		b.head += int64(it.Units)
		if kind == Lost && b.head == s.ts {
			it.Packet = s.packet()
		}
		return it
	}
	if s.segment == b.segment && now < b.due(s.ts) {
		return Item{}
	}
	return b.take(s, Item{After: kind})
}

// gapBefore tells what the hole before s is: Silent when every packet since
// the last one played was seen, as a sender with silence suppression or
// between two events leaves it.
func (b *Buffer) gapBefore(s *slot) Kind {
	if b.seen.all(b.lastSeq+1, s.seq) {
		return Silent
	}
	return Lost
}

func (b *Buffer) take(s *slot, it Item) Item {
	it.Kind = Ready
	it.Packet = s.packet()
	b.head = s.ts
	b.lastSeq = s.seq
	b.waiting = false
	b.release(0)
	return it
}

// Advance moves the play head by the length of the packet just popped.
func (b *Buffer) Advance(units int) { b.head += int64(units) }

// Excess is how much later than the target the play head runs at the given
// time: positive when sound may be left out, negative when it should be
// stretched. It is 0 when nothing is playing.
func (b *Buffer) Excess(at time.Time) time.Duration {
	if !b.running || b.waiting || b.playing != b.segment {
		return 0
	}
	return b.delay(at) - b.target
}

// Delay is how far the play head is behind the fastest packets at the given
// time: what the buffer adds to the network's own delay. While nothing plays
// it is what it was.
func (b *Buffer) Delay(at time.Time) time.Duration {
	if b.running && !b.waiting && b.playing == b.segment {
		b.held = b.delay(at)
	}
	if !b.running {
		return b.target
	}
	return b.held
}

func (b *Buffer) delay(at time.Time) time.Duration {
	return b.since(at) - b.base.min() - b.span(b.head)
}
