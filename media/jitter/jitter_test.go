package jitter

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"samtale.dk/samtale/media/mediatest"
)

const (
	ms    = time.Millisecond
	frame = 160
)

// player feeds a buffer by a timetable and plays it every 20 ms.
type player struct {
	t   *testing.T
	b   *Buffer
	now time.Time

	arrivals []arrival
	played   []int // packet numbers in the order played; −1 a pause, −2 lost, −3 silent
	after    []Kind
}

type arrival struct {
	at time.Duration
	p  Packet
}

func newPlayer(t *testing.T, cfg Config) *player {
	return &player{t: t, b: New(cfg), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// packet number i of a stream of 20 ms packets.
func packet(i int) Packet {
	return Packet{
		Seq: uint16(65530 + i), Timestamp: uint32(math.MaxUint32 - 1000 + i*frame),
		Payload: binary.BigEndian.AppendUint32(nil, uint32(i)),
	}
}

func (p *player) arrive(at time.Duration, pkt Packet) {
	p.arrivals = append(p.arrivals, arrival{at, pkt})
}

// run plays for d, in steps of 20 ms.
func (p *player) run(d time.Duration) {
	start := p.now
	for at := time.Duration(0); at < d; at += 20 * ms {
		rest := p.arrivals[:0]
		for _, a := range p.arrivals {
			if a.at <= at {
				p.b.Push(start.Add(a.at), a.p)
			} else {
				rest = append(rest, a)
			}
		}
		p.arrivals = rest
		p.now = start.Add(at)
		p.play()
	}
}

func (p *player) play() {
	it := p.b.Pop(p.now, frame)
	p.after = append(p.after, it.After)
	switch it.Kind {
	case Empty:
		p.played = append(p.played, -1)
	case Lost:
		p.played = append(p.played, -2)
	case Silent:
		p.played = append(p.played, -3)
	case Ready:
		p.b.Advance(frame)
		p.played = append(p.played, int(binary.BigEndian.Uint32(it.Packet.Payload)))
	}
}

// sound is what was played without the pauses.
func (p *player) sound() []int {
	var s []int
	for _, n := range p.played {
		if n != -1 {
			s = append(s, n)
		}
	}
	return s
}

func (p *player) want(want ...int) {
	p.t.Helper()
	got := p.sound()
	if len(got) != len(want) {
		p.t.Fatalf("played %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			p.t.Fatalf("played %v, want %v", got, want)
		}
	}
}

func TestInOrderAfterTheStartDelay(t *testing.T) {
	p := newPlayer(t, Config{Start: 40 * ms})
	for i := range 5 {
		p.arrive(time.Duration(i)*20*ms, packet(i))
	}
	p.run(200 * ms)
	p.want(0, 1, 2, 3, 4)
	if p.played[0] != -1 || p.played[1] != -1 || p.played[2] != 0 {
		t.Errorf("played %v: the first one is due after 40 ms", p.played)
	}
}

func TestReorderedAndDoubled(t *testing.T) {
	p := newPlayer(t, Config{})
	p.arrive(0, packet(0))
	p.arrive(21*ms, packet(2))
	p.arrive(22*ms, packet(1))
	p.arrive(23*ms, packet(1))
	p.arrive(60*ms, packet(3))
	p.arrive(61*ms, packet(0))
	p.run(300 * ms)
	p.want(0, 1, 2, 3)
	if s := p.b.Stats(); s.Duplicate != 2 || s.Late != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestLostPacketIsToldWhenALaterOneIsHere(t *testing.T) {
	p := newPlayer(t, Config{})
	for _, i := range []int{0, 1, 2, 4, 5} {
		p.arrive(time.Duration(i)*20*ms, packet(i))
	}
	p.run(300 * ms)
	p.want(0, 1, 2, -2, 4, 5)
}

func TestLostTellsWhatFollows(t *testing.T) {
	b := New(Config{})
	now := time.Unix(1, 0)
	b.Push(now, packet(0))
	b.Push(now, packet(3))
	now = now.Add(time.Second)
	if it := b.Pop(now, frame); it.Kind != Ready {
		t.Fatalf("first %+v", it)
	}
	b.Advance(frame)
	if it := b.Pop(now, frame); it.Kind != Lost || it.Packet.Payload != nil {
		t.Errorf("the first of two lost: %+v", it)
	}
	if it := b.Pop(now, frame); it.Kind != Lost || it.Packet.Seq != packet(3).Seq {
		t.Errorf("the second of two lost: %+v", it)
	}
	if it := b.Pop(now, frame); it.Kind != Ready || it.Packet.Seq != packet(3).Seq {
		t.Errorf("the one that follows: %+v", it)
	}
}

func TestTooLateIsCounted(t *testing.T) {
	p := newPlayer(t, Config{})
	for _, i := range []int{0, 1, 2, 4, 5, 6, 7} {
		p.arrive(time.Duration(i)*20*ms, packet(i))
	}
	p.arrive(155*ms, packet(3))
	p.run(400 * ms)
	p.want(0, 1, 2, -2, 4, 5, 6, 7)
	if s := p.b.Stats(); s.Late != 1 {
		t.Errorf("stats %+v", s)
	}
}

// A packet that is late while nothing else came is waited for, and not lost.
func TestWaitsForALateOne(t *testing.T) {
	p := newPlayer(t, Config{})
	p.arrive(0, packet(0))
	p.arrive(20*ms, packet(1))
	for i := 2; i < 6; i++ {
		p.arrive(time.Duration(i)*20*ms+150*ms, packet(i))
	}
	p.run(500 * ms)
	p.want(0, 1, 2, 3, 4, 5)
	for i, n := range p.played {
		if n == 2 && p.after[i] != Ready {
			t.Errorf("the pause before it was told as %d", p.after[i])
		}
	}
}

// Timestamps that jump while sequence numbers do not are a pause, and sound
// after it keeps its place in time.
func TestPauseOfTheSender(t *testing.T) {
	p := newPlayer(t, Config{})
	p.arrive(0, packet(0))
	later := packet(10)
	later.Seq = packet(1).Seq
	p.arrive(200*ms, later)
	p.run(400 * ms)
	p.want(0, 10)
	if p.played[2] != 0 || p.played[12] != 10 {
		t.Errorf("played %v", p.played)
	}
	if p.after[12] != Silent {
		t.Errorf("the pause was told as %d", p.after[12])
	}
}

func TestEventsAreNotLost(t *testing.T) {
	p := newPlayer(t, Config{})
	p.arrive(0, packet(0))
	p.arrive(0, packet(4))
	p.b.Push(p.now, packet(0))
	for i := 1; i < 4; i++ {
		p.b.Note(packet(i).Seq)
	}
	p.run(300 * ms)
	p.want(0, -3, -3, -3, 4)
}

// A jump of the timestamps by hours, back or forward, starts anew.
func TestTimestampJump(t *testing.T) {
	for _, jump := range []uint32{1 << 30, math.MaxUint32 - 1<<30, 80000} {
		p := newPlayer(t, Config{})
		for i := range 10 {
			pkt := packet(i)
			if i >= 5 {
				pkt.Timestamp += jump
			}
			p.arrive(time.Duration(i)*20*ms, pkt)
		}
		p.run(500 * ms)
		p.want(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
		if s := p.b.Stats(); s.Resyncs != 1 {
			t.Errorf("jump %d: %+v", jump, s)
		}
	}
}

// A hold during which the sender's timestamps stand still.
func TestTimestampsThatStoodStill(t *testing.T) {
	p := newPlayer(t, Config{})
	for i := range 5 {
		p.arrive(time.Duration(i)*20*ms, packet(i))
	}
	for i := 5; i < 10; i++ {
		p.arrive(time.Duration(i)*20*ms+30*time.Second, packet(i))
	}
	p.run(31 * time.Second)
	p.want(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	if d := p.b.Delay(p.now); d > 100*ms {
		t.Errorf("delay is %v", d)
	}
}

func TestRestartPlaysTheOldStreamFirst(t *testing.T) {
	p := newPlayer(t, Config{})
	for i := range 3 {
		p.b.Push(p.now, packet(i))
	}
	p.b.Restart(16000)
	for i := range 3 {
		n := packet(100 + i)
		n.Seq, n.Timestamp = uint16(7+i), uint32(i*2*frame)
		p.b.Push(p.now, n)
	}
	for range 12 {
		p.play()
		p.now = p.now.Add(20 * ms)
		if last := p.played[len(p.played)-1]; last >= 100 {
			p.b.Advance(frame)
		}
	}
	p.want(0, 1, 2, 100, 101, 102)
}

func TestFullBufferDropsTheOldest(t *testing.T) {
	b := New(Config{Slots: 4})
	now := time.Unix(1, 0)
	for i := range 6 {
		b.Push(now, packet(i))
	}
	if s := b.Stats(); s.Overflow != 2 || len(b.order) != 4 {
		t.Errorf("%+v, holds %d", s, len(b.order))
	}
	if b.Push(now, Packet{Seq: 9, Payload: make([]byte, 1501)}) {
		t.Error("took a packet that does not fit")
	}
}

// The target follows the jitter: up within a second, down within half a
// minute, and it is what the jitter asks for.
func TestTargetFollowsJitter(t *testing.T) {
	b := New(Config{})
	now := time.Unix(1, 0)
	n := 0
	feed := func(d, jitter time.Duration) {
		for range int(d / (20 * ms)) {
			p := packet(n)
			// A jitter that is known: one packet in five is late by it.
			late := time.Duration(0)
			if n%5 == 0 {
				late = jitter
			}
			b.Push(now.Add(time.Duration(n)*20*ms+late), p)
			n++
		}
	}
	feed(10*time.Second, 5*ms)
	if target := b.Stats().Target; target != 20*ms {
		t.Errorf("calm: %v", target)
	}
	feed(time.Second, 80*ms)
	if target := b.Stats().Target; target < 80*ms || target > 90*ms {
		t.Errorf("after a second of jitter: %v", target)
	}
	feed(2*time.Second, 5*ms)
	if target := b.Stats().Target; target < 80*ms {
		t.Errorf("shrank at once to %v", target)
	}
	feed(30*time.Second, 5*ms)
	if target := b.Stats().Target; target != 20*ms {
		t.Errorf("did not shrink: %v", target)
	}
}

func TestBaselineFollowsDrift(t *testing.T) {
	var l baseline
	for i := range 60 {
		l.add(time.Duration(i)*time.Second, time.Duration(i)*ms)
	}
	if m := l.min(); m < 48*ms || m > 56*ms {
		t.Errorf("after a minute of 1 ms/s the base is %v", m)
	}
}

func TestConcealerKeepsAToneAndFades(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, hz := range []float64{80, 120, 210, 390} {
			c := NewConcealer(rate)
			s := mediatest.Tone(rate, rate, hz, 10000)
			c.Good(append([]int16(nil), s[:rate/2]...))
			out := make([]int16, rate/50)
			c.Conceal(out)
			want := s[rate/2 : rate/2+rate/50]
			if snr := mediatest.SNR(want, out); snr < 12 {
				t.Errorf("%.0f Hz at %d: first frame %.1f dB", hz, rate, snr)
			}
			for range 3 {
				c.Conceal(out)
			}
			c.Conceal(out)
			if rms := mediatest.RMS(out); rms != 0 {
				t.Errorf("after 80 ms it is still at %.0f", rms)
			}
		}
	}
}

func TestConcealerComesBackWithoutAClick(t *testing.T) {
	const rate = 8000
	s := mediatest.Tone(rate, rate, 200, 10000)
	c := NewConcealer(rate)
	c.Good(append([]int16(nil), s[:4000]...))
	lost := make([]int16, 160)
	c.Conceal(lost)
	// The tone goes on in another phase: without blending it would jump.
	back := append([]int16(nil), s[4160+20:4160+180]...)
	c.Good(back)
	joined := append(append([]int16(nil), lost...), back...)
	biggest := 0
	for i := 150; i < 220; i++ {
		biggest = max(biggest, abs(int(joined[i])-int(joined[i-1])))
	}
	// The tone itself moves by 1570 a sample.
	if biggest > 2600 {
		t.Errorf("jump of %d", biggest)
	}
	if c.missing > 0 {
		t.Error("still missing")
	}
}

func abs(v int) int { return max(v, -v) }

func TestConcealingSilenceIsSilence(t *testing.T) {
	c := NewConcealer(8000)
	out := mediatest.Tone(160, 8000, 300, 9000)
	c.Conceal(out)
	if mediatest.RMS(out) != 0 {
		t.Error("sound from nothing")
	}
}

func TestShortenKeepsThePitch(t *testing.T) {
	const rate = 8000
	for _, hz := range []float64{110, 150, 220, 350} {
		s := mediatest.Tone(320, rate, hz, 10000)
		got := Shorten(append([]int16(nil), s...), rate)
		cut := len(s) - len(got)
		if cut < 40 || cut > 80 {
			t.Errorf("%.0f Hz: left out %d samples", hz, cut)
		}
		biggest := 0
		for i := 1; i < len(got); i++ {
			biggest = max(biggest, abs(int(got[i])-int(got[i-1])))
		}
		if limit := int(10000 * 2 * math.Pi * hz / rate * 1.6); biggest > limit {
			t.Errorf("%.0f Hz: jump of %d", hz, biggest)
		}
	}
	if s := Shorten(make([]int16, 80), rate); len(s) != 80 {
		t.Error("10 ms were shortened")
	}
	if s := Cut(make([]int16, 80), 200); len(s) != 0 {
		t.Errorf("%d left", len(s))
	}
}

func TestNoAllocations(t *testing.T) {
	b, c := New(Config{}), NewConcealer(8000)
	now := time.Unix(1, 0)
	p := Packet{Payload: make([]byte, 160)}
	s := make([]int16, 160)
	a := testing.AllocsPerRun(500, func() {
		if p.Seq%7 != 0 {
			b.Push(now, p)
		}
		switch b.Pop(now, frame).Kind {
		case Ready:
			b.Advance(frame)
			c.Good(s)
		default:
			c.Conceal(s)
		}
		p.Seq++
		p.Timestamp += frame
		now = now.Add(20 * ms)
	})
	if a != 0 {
		t.Errorf("%v allocations a packet", a)
	}
}

// Whatever comes in whatever order, the buffer neither grows nor stops, and
// plays no packet twice.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 0, 1, 1, 2, 2, 40, 3, 3})
	f.Add([]byte{0, 0, 0, 200, 200, 255, 1, 128, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		b := New(Config{Slots: 8, Bytes: 16})
		now := time.Unix(1, 0)
		played := map[uint64]bool{}
		number := uint64(0)
		for len(script) >= 3 {
			now = now.Add(time.Duration(script[0]) * ms)
			number++
			seq := uint16(script[1]) << (script[2] % 9)
			ts := uint32(seq) * frame << (script[2] / 9 % 8)
			switch script[2] % 5 {
			case 0:
				b.Note(seq)
			case 1:
				b.Restart(int(script[0])%3*8000 + 8000)
			}
			b.Push(now, Packet{Seq: seq, Timestamp: ts, Payload: binary.BigEndian.AppendUint64(nil, number)})
			for range script[0] % 4 {
				it := b.Pop(now, frame)
				if it.Kind == Ready {
					n := binary.BigEndian.Uint64(it.Packet.Payload)
					if played[n] {
						t.Fatalf("packet %d was played twice", n)
					}
					played[n] = true
					b.Advance(frame)
				}
				if (it.Kind == Lost || it.Kind == Silent) && (it.Units < 1 || it.Units > frame) {
					t.Fatalf("hole of %d units", it.Units)
				}
			}
			script = script[3:]
		}
		if len(b.order) > 8 {
			t.Fatalf("holds %d", len(b.order))
		}
		for range 300 {
			now = now.Add(20 * ms)
			if b.Pop(now, 1<<20).Kind == Ready {
				b.Advance(frame)
			}
		}
		if len(b.order) != 0 {
			t.Fatalf("%d packets never come out", len(b.order))
		}
	})
}
