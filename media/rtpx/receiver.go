package rtpx

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"samtale.dk/samtale/media/jitter"
	"samtale.dk/samtale/media/pcm"
)

const (
	// slack is how far from the target the delay may be before quiet parts are
	// shortened or repeated; it keeps the two from chasing each other.
	slack = 10 * time.Millisecond

	// hurry is the excess beyond which voiced sound is shortened too.
	hurry = 100 * time.Millisecond

	// quietLevel in dBov: sound above it is never taken for background.
	quietLevel = -35

	// concealFor is how long a hole is filled with made-up sound before it is
	// filled with silence.
	concealFor = 100 * time.Millisecond

	// asleep: after so long without a tick (a suspended machine) the receiver
	// goes on from now instead of catching up.
	asleep = time.Minute
)

// ReceiverConfig says where the sound goes. Callbacks may be nil.
type ReceiverConfig struct {
	Formats []Format // payload types to accept

	Frame func(Frame) // every 20 ms, from Tick
	Gap   func(Gap)   // from Tick and Close
	Digit func(Digit) // from Packet

	// Delay bounds of the jitter buffer; zero values give its defaults.
	MinDelay, MaxDelay, StartDelay time.Duration
}

// ReceiverStats counts since the receiver was made.
type ReceiverStats struct {
	Packets   uint64 // accepted, of any kind
	Malformed uint64 // not RTP, or with a payload that its codec refuses
	Foreign   uint64 // of a payload type that was not negotiated
	Strays    uint64 // of another stream, or far off the sequence numbers
	Late      uint64 // came after their turn
	Duplicate uint64
	Overflow  uint64 // dropped because the jitter buffer was full

	Lost     int           // by sequence numbers, of the present stream
	Jitter   time.Duration // interarrival jitter of RFC 3550
	Target   time.Duration // the jitter buffer's target delay
	Delay    time.Duration // what it adds now
	LastSeen time.Time     // last accepted packet; zero if there was none
	SSRC     uint32        // of the present stream

	LostSamples, SilentSamples, Shortened, Stretched int64 // samples at pcm.Rate
}

// Receiver turns the RTP packets of one peer into frames. Packet may be called
// by one goroutine while another one calls Tick and Close.
type Receiver struct {
	cfg ReceiverConfig

	mu      sync.Mutex
	formats [128]Format
	decs    [Comfort + 1]decoder // by codec, made when negotiated
	buf     *jitter.Buffer
	src     source
	clock   int // of the sound that comes in
	events  eventFilter
	paused  bool
	stats   ReceiverStats

	// What Tick uses.
	due     time.Time // of the next frame
	aligned bool
	playout playout
}

// NewReceiver makes a receiver. Its position 0 is the time of its first Tick.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) {
	if cfg.Frame == nil {
		cfg.Frame = func(Frame) {}
	}
	if cfg.Gap == nil {
		cfg.Gap = func(Gap) {}
	}
	if cfg.Digit == nil {
		cfg.Digit = func(Digit) {}
	}
	r := &Receiver{
		cfg: cfg,
		buf: jitter.New(jitter.Config{
			Min: cfg.MinDelay, Max: cfg.MaxDelay, Start: cfg.StartDelay, Bytes: maxPayload,
		}),
		clock:   8000,
		playout: newPlayout(),
	}
	return r, r.SetFormats(cfg.Formats)
}

// SetFormats changes which payload types are accepted, as after a new offer
// and answer. Sound that is buffered still comes out.
func (r *Receiver) SetFormats(formats []Format) error {
	var table [128]Format
	for _, f := range formats {
		err := f.check()
		if err != nil {
			return err
		}
		table[f.Type] = f
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range formats {
		if !f.Codec.Audio() || r.decs[f.Codec] != nil {
			continue
		}
		d, err := newDecoder(f.Codec)
		if err != nil {
			return fmt.Errorf("rtpx: decoder: %w", err)
		}
		r.decs[f.Codec] = d
	}
	r.formats = table
	return nil
}

// SetPaused makes the receiver drop what comes, as while it holds the peer,
// and take it again. Frames go on, quiet.
func (r *Receiver) SetPaused(paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paused && !paused {
		r.buf.Restart(0) // what was dropped is not lost
	}
	r.paused = paused
}

// errForeign is for packets of a payload type that was not negotiated.
var errForeign = errors.New("rtpx: payload type was not negotiated")

// errStray is for packets that do not belong to the stream.
var errStray = errors.New("rtpx: packet of another stream")

// Packet takes one RTP packet, without SRTP, that came at the given time. The
// error says why a packet was not taken; it is counted already.
func (r *Receiver) Packet(at time.Time, b []byte) error {
	h, payload, err := Parse(b)
	r.mu.Lock()
	if err != nil {
		r.stats.Malformed++
		r.mu.Unlock()
		return err
	}
	digit, pressed, err := r.accept(at, h, payload)
	r.mu.Unlock()
	if pressed {
		r.cfg.Digit(digit)
	}
	return err
}

// expects reports whether a packet with this header belongs to a negotiated
// payload type.
func (r *Receiver) expects(h Header) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.formats[h.Type].Codec != Unknown
}

// follows reports whether a packet with this header continues the stream that
// is being received.
func (r *Receiver) follows(h Header) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.src.known || h.SSRC != r.src.ssrc {
		return false
	}
	d := int(int16(h.Seq - r.src.max))
	return d < maxDropout && d > -maxMisorder
}

func (r *Receiver) accept(at time.Time, h Header, payload []byte) (Digit, bool, error) {
	f := r.formats[h.Type]
	if f.Codec == Unknown {
		r.stats.Foreign++
		return Digit{}, false, errForeign
	}
	switch r.src.accept(at, h) {
	case drop:
		r.stats.Strays++
		return Digit{}, false, errStray
	case restarts:
		r.buf.Restart(0)
		r.events = eventFilter{}
	}
	r.stats.Packets++
	r.stats.LastSeen = at
	if r.paused {
		return Digit{}, false, nil
	}
	if f.Codec == Event {
		d, ok := r.event(at, h, payload)
		return d, ok, nil
	}
	if f.Codec == Comfort && f.clock() != r.clock {
		r.buf.Note(h.Seq)
		return Digit{}, false, nil
	}
	if f.clock() != r.clock {
		r.clock = f.clock()
		r.buf.Restart(r.clock)
	}
	r.src.time(at, h, r.clock)
	r.buf.Push(at, jitter.Packet{Seq: h.Seq, Timestamp: h.Timestamp, Type: h.Type, Payload: payload})
	return Digit{}, false, nil
}

func (r *Receiver) event(at time.Time, h Header, payload []byte) (Digit, bool) {
	r.buf.Note(h.Seq)
	e, ok := parseEvent(payload)
	if !ok {
		r.stats.Malformed++
		return Digit{}, false
	}
	symbol, ok := r.events.press(h.Timestamp, e)
	return Digit{Symbol: symbol, At: at}, ok
}

// Stats returns the counters.
func (r *Receiver) Stats() ReceiverStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	b := r.buf.Stats()
	s.Late, s.Duplicate, s.Overflow, s.Target = b.Late, b.Duplicate, b.Overflow, b.Target
	s.Malformed += b.Oversize
	s.Lost = r.src.lost()
	s.SSRC = r.src.ssrc
	if r.src.clock > 0 {
		s.Jitter = time.Duration(r.src.jitter / float64(r.src.clock) * float64(time.Second))
	}
	return s
}

// report fills a reception report about the present stream.
func (r *Receiver) report() (block reportBlock, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.src.known {
		return reportBlock{}, false
	}
	return reportBlock{
		ssrc: r.src.ssrc, fraction: r.src.fraction(), lost: r.src.lost(),
		highest: r.src.highest(), jitter: uint32(r.src.jitter),
	}, true
}

// Tick plays everything that is due: one frame every 20 ms since the last
// call. Frames are due in the phase of the packets, so that they need not wait
// for the clock.
func (r *Receiver) Tick(now time.Time) {
	if r.due.IsZero() || now.Sub(r.due) > asleep {
		r.due = now
	}
	if !r.aligned {
		r.align()
	}
	for !now.Before(r.due) {
		at := r.due
		r.due = at.Add(pcm.FrameDuration)
		r.play(at)
	}
}

// wants reports whether Tick will look for packets: when a frame is due, and always
// until the first packet has told the phase.
func (r *Receiver) wants(now time.Time) bool { return !r.aligned || !now.Before(r.due) }

// align moves the frames, once, into the phase in which the first packet is
// due: at most 20 ms earlier.
func (r *Receiver) align() {
	r.mu.Lock()
	due, ok := r.buf.Due()
	r.mu.Unlock()
	if !ok {
		return
	}
	r.aligned = true
	shift := due.Sub(r.due) % pcm.FrameDuration
	if shift > 0 {
		shift -= pcm.FrameDuration
	}
	r.due = r.due.Add(shift)
}

// Close ends the last gap. There must be no more calls of Tick.
func (r *Receiver) Close() {
	p := &r.playout
	p.gaps.finish(jitter.Empty, p.end())
	r.tell(p.end())
}

// fill appends sound to the playout: a packet, or what stands for a missing
// one. The time is when its first sample is played.
func (r *Receiver) fill(at time.Time) {
	p := &r.playout
	r.mu.Lock()
	it := r.buf.Pop(at, p.clock/50)
	excess := r.buf.Excess(at)
	p.delay = r.buf.Delay(at)
	r.stats.Delay = p.delay
	f := r.formats[it.Packet.Type]
	dec := r.decs[f.Codec]
	p.payload = append(p.payload[:0], it.Packet.Payload...)
	r.mu.Unlock()

	switch it.Kind {
	case jitter.Empty:
		p.gaps.begin(Unexplained, p.end())
		p.wait()
	case jitter.Lost:
		n := it.Units * pcm.Rate / p.clock
		if it.Packet.Payload != nil && p.recover(dec, n) {
			return
		}
		p.gaps.begin(Lost, p.end())
		p.conceal(n)
	case jitter.Silent:
		p.gaps.begin(Silent, p.end())
		p.silence(it.Units * pcm.Rate / p.clock)
	case jitter.Ready:
		p.stretched += p.gaps.finish(it.After, p.end())
		r.playPacket(f, dec, excess, it.Fresh)
	}
}

// playPacket decodes the packet in p.payload.
func (r *Receiver) playPacket(f Format, dec decoder, excess time.Duration, fresh bool) {
	p := &r.playout
	if f.Codec == Comfort {
		p.comfort = true // its timestamp is where the pause begins
		return
	}
	if dec == nil { // the format went away while the packet waited
		r.playNothing(pcm.FrameSamples)
		return
	}
	p.begin(f, dec, fresh)
	n, err := dec.decode(p.sound[:maxDecoded], p.payload)
	if err != nil {
		r.mu.Lock()
		r.stats.Malformed++
		r.mu.Unlock()
		r.playNothing(pcm.FrameSamples)
		return
	}
	r.advance(n * p.clock / dec.rate())
	s := p.fit(p.sound[:n], excess)
	r.mu.Lock()
	r.stats.Stretched, r.stats.Shortened = p.stretched, p.shortened
	r.mu.Unlock()
	p.push(s)
	p.heard = p.end()
}

// playNothing stands for a packet that cannot be decoded.
func (r *Receiver) playNothing(samples int) {
	p := &r.playout
	p.gaps.begin(Lost, p.end())
	p.conceal(samples)
	r.advance(samples * p.clock / pcm.Rate)
}

func (r *Receiver) advance(units int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf.Advance(units)
}

// play makes the frame that is due at the given time and passes it on.
func (r *Receiver) play(at time.Time) {
	p := &r.playout
	for len(p.fifo) < pcm.FrameSamples {
		r.fill(at.Add(pcm.Duration(int64(len(p.fifo)), pcm.Rate)))
	}
	f := Frame{
		Samples: p.fifo[:pcm.FrameSamples], Pos: p.pos, At: at.Add(-p.delay), Origin: Quiet,
	}
	switch {
	case p.heard > p.pos:
		f.Origin = Heard
	case p.made > p.pos:
		f.Origin = Concealed
	}
	r.cfg.Frame(f)
	p.fifo = p.fifo[:copy(p.fifo, p.fifo[pcm.FrameSamples:])]
	p.pos += pcm.FrameSamples
	r.tell(p.pos)
}

// tell passes on the gaps that end up to a position.
func (r *Receiver) tell(pos int64) {
	for {
		g, ok := r.playout.gaps.take(pos)
		if !ok {
			return
		}
		r.count(g)
		r.cfg.Gap(g)
	}
}

func (r *Receiver) count(g Gap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch g.Kind {
	case Lost:
		r.stats.LostSamples += g.Len()
	case Silent:
		r.stats.SilentSamples += g.Len()
	}
}
