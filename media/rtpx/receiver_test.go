package rtpx

import (
	"math"
	"testing"
	"time"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/pcm"
)

// rig is a sender, a link and a receiver on a clock that the test turns.
type rig struct {
	t    *testing.T
	now  time.Time
	link mediatest.Link
	s    *Sender
	r    *Receiver

	heard  []int16
	frames []Frame
	gaps   []Gap
	digits []byte
	drop   func(Header) bool // loses packets by choice
}

func newRig(t *testing.T, c Codec, extra ...Format) *rig {
	t.Helper()
	g := &rig{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), drop: func(Header) bool { return false }}
	g.link.Delay = 15 * time.Millisecond
	all := append(formats(c), extra...)
	var err error
	g.s, err = NewSender(SenderConfig{Formats: all, Send: g.send, SSRC: 77})
	if err != nil {
		t.Fatal(err)
	}
	g.r, err = NewReceiver(ReceiverConfig{Formats: all, Frame: g.frame, Gap: g.gap, Digit: g.digit})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *rig) send(b []byte) error {
	h, _, err := Parse(b)
	if err != nil {
		g.t.Fatal(err)
	}
	if !g.drop(h) {
		g.link.Send(g.now, b)
	}
	return nil
}

func (g *rig) frame(f Frame) {
	if want := int64(len(g.frames)) * pcm.FrameSamples; f.Pos != want {
		g.t.Fatalf("frame at %d, want %d", f.Pos, want)
	}
	if len(f.Samples) != pcm.FrameSamples {
		g.t.Fatalf("frame of %d samples", len(f.Samples))
	}
	g.heard = append(g.heard, f.Samples...)
	f.Samples = nil
	g.frames = append(g.frames, f)
}

func (g *rig) gap(gap Gap) {
	last := int64(0)
	if n := len(g.gaps); n > 0 {
		last = g.gaps[n-1].To
	}
	if gap.Len() <= 0 || gap.From < last || gap.To > int64(len(g.heard)) {
		g.t.Fatalf("gap %+v after one up to %d, at %d", gap, last, len(g.heard))
	}
	g.gaps = append(g.gaps, gap)
}

func (g *rig) digit(d Digit) { g.digits = append(g.digits, d.Symbol) }

// run lets time pass.
func (g *rig) run(d time.Duration) {
	for end := g.now.Add(d); g.now.Before(end); g.now = g.now.Add(tick) {
		g.s.Tick(g.now)
		g.link.Deliver(g.now, func(at time.Time, b []byte) { _ = g.r.Packet(at, b) })
		g.r.Tick(g.now)
	}
}

// inject gives the receiver a packet of its own.
func (g *rig) inject(h Header, payload []byte) error {
	b := make([]byte, headerLen, headerLen+len(payload))
	h.put(b)
	return g.r.Packet(g.now, append(b, payload...))
}

func (g *rig) total(kind GapKind) time.Duration {
	var n int64
	for _, gap := range g.gaps {
		if gap.Kind == kind {
			n += gap.Len()
		}
	}
	return pcm.Duration(n, pcm.Rate)
}

func near(got, want, by time.Duration) bool { return (got - want).Abs() <= by }

func TestCleanSoundArrivesWhole(t *testing.T) {
	for _, c := range []Codec{PCMA, PCMU, G722, Opus} {
		t.Run(c.String(), func(t *testing.T) {
			g := newRig(t, c)
			sent := mediatest.Chirps(4*pcm.Rate, pcm.Rate, 8000, 7)
			g.s.SetSource(pcm.NewClip(sent, false))
			g.run(5 * time.Second)
			delay, likeness := mediatest.Align(sent[pcm.Rate:2*pcm.Rate], g.heard[pcm.Rate:], 3000)
			want := 0.98
			if c == Opus {
				want = 0.9 // a waveform is not what Opus keeps
			}
			if likeness < want {
				t.Errorf("likeness %.3f", likeness)
			}
			if d := pcm.Duration(int64(delay), pcm.Rate); d > 80*time.Millisecond {
				t.Errorf("sound is %v late on a network of 15 ms", d)
			}
			if g.total(Lost) != 0 {
				t.Errorf("lost %v of nothing", g.total(Lost))
			}
		})
	}
}

// Positions of the sound must not move over a long call with jitter: the
// beginning and the end of the call are equally late, within the jitter.
func TestJitterDoesNotLoseSound(t *testing.T) {
	g := newRig(t, PCMA)
	g.link.Jitter = 60 * time.Millisecond
	g.link.Duplicate = 0.05
	g.link.Seed = 3
	sent := mediatest.Chirps(20*pcm.Rate, pcm.Rate, 8000, 7)
	g.s.SetSource(pcm.NewClip(sent, false))
	g.run(21 * time.Second)
	s := g.r.Stats()
	if lost := g.total(Lost); lost > 100*time.Millisecond {
		t.Errorf("lost %v", lost)
	}
	if s.Target < 40*time.Millisecond || s.Target > 80*time.Millisecond {
		t.Errorf("target %v for a jitter of 60 ms", s.Target)
	}
	if s.Duplicate == 0 {
		t.Error("duplicates were not seen")
	}
	late := map[int]time.Duration{}
	for _, sec := range []int{8, 12, 18} {
		part := sent[sec*pcm.Rate : sec*pcm.Rate+pcm.Rate/2]
		d, likeness := mediatest.Align(part, g.heard[sec*pcm.Rate:], 5000)
		if likeness < 0.9 {
			t.Errorf("second %d: likeness %.2f", sec, likeness)
		}
		late[sec] = pcm.Duration(int64(d), pcm.Rate)
	}
	if !near(late[8], late[18], 30*time.Millisecond) {
		t.Errorf("delay moved: %v", late)
	}
}

func TestLossIsConcealedAndTold(t *testing.T) {
	g := newRig(t, PCMA)
	g.s.SetSource(pcm.NewClip(mediatest.Tone(10*pcm.Rate, pcm.Rate, 300, 8000), false))
	lost := 0
	n := 0
	g.drop = func(Header) bool {
		n++
		if n > 50 && n%10 == 0 {
			lost++
			return true
		}
		return false
	}
	g.run(5 * time.Second)
	want := time.Duration(lost) * pcm.FrameDuration
	if got := g.total(Lost); !near(got, want, pcm.FrameDuration) {
		t.Errorf("told %v lost of %v", got, want)
	}
	if got := g.r.Stats().Lost; got < lost-1 || got > lost {
		t.Errorf("counted %d lost of %d", got, lost)
	}
	// A concealed frame of a tone is nearly the tone.
	for _, gap := range g.gaps {
		if gap.Kind != Lost {
			continue
		}
		level := mediatest.Goertzel(g.heard[gap.From:gap.To], pcm.Rate, 300)
		if level < 4000 {
			t.Fatalf("gap at %d is at %.0f", gap.From, level)
		}
	}
}

// Opus carries a copy of each packet in the next one when the peer loses some:
// single losses are heard all the same.
func TestOpusRecoversLosses(t *testing.T) {
	told := map[bool]time.Duration{}
	for _, expected := range []bool{false, true} {
		g := newRig(t, Opus)
		g.s.SetSource(pcm.NewClip(mediatest.Speech(t, "da", "Goddag, jeg vil gerne melde flytning til en ny adresse."), true))
		n := 0
		g.drop = func(Header) bool { n++; return n > 50 && n%10 == 0 }
		if expected {
			g.s.ExpectLoss(0.1)
		}
		g.run(6 * time.Second)
		told[expected] = g.total(Lost)
	}
	if told[false] < 450*time.Millisecond {
		t.Errorf("without copies %v were lost of 500 ms", told[false])
	}
	if told[true] > told[false]/2 {
		t.Errorf("with copies %v are lost, without %v", told[true], told[false])
	}
}

// A long hole fades to silence, its length is told when it ends, and the
// sound after it is on the sample where it belongs.
func TestLongOutage(t *testing.T) {
	g := newRig(t, PCMA)
	sent := mediatest.Chirps(6*pcm.Rate, pcm.Rate, 8000, 9)
	g.s.SetSource(pcm.NewClip(sent, false))
	g.run(2 * time.Second)
	before, _ := mediatest.Align(sent[pcm.Rate:pcm.Rate*3/2], g.heard[pcm.Rate:], 3000)
	g.drop = func(Header) bool { return true }
	g.run(1500 * time.Millisecond)
	middle := g.heard[len(g.heard)-pcm.Rate/2:]
	if rms := mediatest.RMS(middle); rms > 1 {
		t.Errorf("noise of %.0f in a hole", rms)
	}
	g.drop = func(Header) bool { return false }
	g.run(2 * time.Second)
	if got := g.total(Lost); !near(got, 1500*time.Millisecond, 45*time.Millisecond) {
		t.Errorf("told %v lost of 1.5 s (gaps %+v)", got, g.gaps)
	}
	after, likeness := mediatest.Align(sent[4*pcm.Rate:4*pcm.Rate+8000], g.heard[4*pcm.Rate:], 3000)
	if likeness < 0.9 || math.Abs(float64(after-before)) > 320 {
		t.Errorf("sound after the hole is %d samples late, before %d (likeness %.2f)", after, before, likeness)
	}
}

// A pause of the sender (silence suppression, hold) is silence and not loss,
// and what follows is on the right sample.
func TestPauseIsSilent(t *testing.T) {
	for _, pause := range []time.Duration{300 * time.Millisecond, 3 * time.Second, 30 * time.Second} {
		g := newRig(t, PCMU)
		sent := mediatest.Chirps(40*pcm.Rate, pcm.Rate, 8000, 5)
		g.s.SetSource(pcm.NewClip(sent, false))
		g.run(2 * time.Second)
		g.s.SetPaused(true)
		g.run(pause)
		g.s.SetPaused(false)
		g.run(2 * time.Second)
		if got := g.total(Lost); got != 0 {
			t.Errorf("%v: told %v lost", pause, got)
		}
		if got := g.total(Silent); !near(got, pause, 45*time.Millisecond) {
			t.Errorf("%v: told %v silent", pause, got)
		}
		at := int(pcm.Samples(pause+3*time.Second, pcm.Rate))
		late, likeness := mediatest.Align(sent[at:at+8000], g.heard[at:], 3000)
		if likeness < 0.9 || late > 80*16 {
			t.Errorf("%v: sound after it is %d samples late (likeness %.2f)", pause, late, likeness)
		}
	}
}

// Comfort noise packets begin a pause.
func TestComfortNoise(t *testing.T) {
	g := newRig(t, PCMA, Format{Type: 13, Codec: Comfort})
	g.s.SetSource(pcm.NewClip(mediatest.Tone(8*pcm.Rate, pcm.Rate, 300, 8000), false))
	var last Header
	g.drop = func(h Header) bool { last = h; return false }
	g.run(time.Second)
	g.s.SetPaused(true)
	g.run(5 * time.Millisecond)
	err := g.inject(Header{Type: 13, Seq: last.Seq + 1, Timestamp: last.Timestamp + 160, SSRC: 77}, []byte{60})
	if err != nil {
		t.Fatal(err)
	}
	g.s.mu.Lock()
	g.s.seq++
	g.s.mu.Unlock()
	from := len(g.heard)
	g.run(time.Second)
	quiet := g.heard[from+80*16 : from+15000]
	if rms := mediatest.RMS(quiet); rms != 0 {
		t.Errorf("pause is at %.1f", rms)
	}
	g.s.SetPaused(false)
	g.run(time.Second)
	if got := g.total(Lost); got != 0 {
		t.Errorf("told %v lost", got)
	}
	if got := g.total(Silent); !near(got, time.Second, 45*time.Millisecond) {
		t.Errorf("told %v silent", got)
	}
}

// The sound that keys replace is not lost, and each key is told once however
// many of its packets come.
func TestKeys(t *testing.T) {
	for _, loss := range []float64{0, 0.2} {
		g := newRig(t, PCMA)
		g.link.Loss, g.link.Duplicate, g.link.Jitter, g.link.Seed = loss, 0.3, 30*time.Millisecond, 8
		g.s.SetSource(pcm.NewClip(mediatest.Tone(20*pcm.Rate, pcm.Rate, 300, 8000), false))
		g.run(time.Second)
		err := g.s.SendDigits("0123456789*#ABCDd!")
		if err != nil {
			t.Fatal(err)
		}
		g.run(6 * time.Second)
		if got := string(g.digits); got != "0123456789*#ABCDD!" {
			t.Errorf("loss %.1f: heard %q", loss, got)
		}
		if got := g.total(Lost); loss == 0 && got != 0 {
			t.Errorf("told %v lost", got)
		}
	}
}

func TestKeysThatCannotBeSent(t *testing.T) {
	g := newRig(t, PCMA)
	if err := g.s.SendDigits("12x"); err == nil {
		t.Error("x is no key")
	}
	err := g.s.SetFormats(formats(PCMA)[:1])
	if err != nil {
		t.Fatal(err)
	}
	if err := g.s.SendDigits("1"); err == nil {
		t.Error("a peer without events got a key")
	}
}

// Codec and stream may change in the middle of a call.
func TestChanges(t *testing.T) {
	g := newRig(t, PCMA)
	err := g.r.SetFormats([]Format{{Type: 8, Codec: PCMA}, {Type: 0, Codec: PCMU}, {Type: 9, Codec: G722}, {Type: 96, Codec: Opus}})
	if err != nil {
		t.Fatal(err)
	}
	sent := mediatest.Chirps(30*pcm.Rate, pcm.Rate, 8000, 5)
	g.s.SetSource(pcm.NewClip(sent, false))
	for i, c := range []Codec{PCMA, Opus, G722, PCMU, Opus, PCMA} {
		err := g.s.SetFormats(formats(c)[:1])
		if err != nil {
			t.Fatal(err)
		}
		g.s.mu.Lock()
		g.s.ssrc += uint32(i % 2) // every other time the stream is new too
		g.s.mu.Unlock()
		from := len(g.heard)
		g.run(2 * time.Second)
		at := from + pcm.Rate
		late, likeness := mediatest.Align(sent[at:at+8000], g.heard[at-320:], 3000)
		if likeness < 0.85 {
			t.Errorf("%v: likeness %.2f at %d", c, likeness, late)
		}
	}
	if lost := g.total(Lost); lost > 60*time.Millisecond {
		t.Errorf("lost %v in changes", lost)
	}
}

// A sender whose clock is wrong by 200 ppm must not fill or starve the buffer.
func TestClockDrift(t *testing.T) {
	g := newRig(t, PCMA)
	g.link.Jitter = 10 * time.Millisecond
	silence := make([]byte, 160)
	for i := range silence {
		silence[i] = 0xd5
	}
	for _, ppm := range []int{-200, 200} {
		start := g.now
		h := Header{Type: 8, SSRC: uint32(ppm + 1000)}
		for i := range 50 * 120 {
			h.Marker = i == 0
			at := start.Add(time.Duration(i) * (20*time.Millisecond + time.Duration(ppm*20)))
			for g.now.Before(at) {
				g.now = g.now.Add(tick)
				g.r.Tick(g.now)
			}
			err := g.inject(h, silence)
			if err != nil {
				t.Fatal(err)
			}
			h.Seq++
			h.Timestamp += 160
		}
		if lost := g.total(Lost); lost != 0 {
			t.Errorf("%d ppm: lost %v", ppm, lost)
		}
		if d := g.r.Stats().Delay; d == 0 || d > 90*time.Millisecond {
			t.Errorf("%d ppm: delay grew to %v", ppm, d)
		}
	}
}

// The network stops for a while and then gives everything at once: nothing is
// lost, and the delay goes back to normal.
func TestBurstAfterStall(t *testing.T) {
	g := newRig(t, PCMA)
	g.link.Spike, g.link.SpikeEvery = 700*time.Millisecond, 200
	sent := mediatest.Chirps(12*pcm.Rate, pcm.Rate, 8000, 5)
	g.s.SetSource(pcm.NewClip(sent, false))
	g.run(12 * time.Second)
	if lost := g.total(Lost); lost != 0 {
		t.Errorf("lost %v", lost)
	}
	if s := g.r.Stats(); s.Shortened == 0 || s.Delay > 180*time.Millisecond {
		t.Errorf("did not catch up: %+v", s)
	}
}

func TestFramesGoOnWithoutPackets(t *testing.T) {
	g := newRig(t, PCMA)
	g.s.SetPaused(true)
	g.run(time.Second)
	if len(g.frames) != 50 {
		t.Fatalf("%d frames in a second", len(g.frames))
	}
	for _, f := range g.frames {
		if f.Origin != Quiet {
			t.Fatalf("frame of origin %d", f.Origin)
		}
	}
	g.r.Close()
	g.r.Close() // once more changes nothing
	if len(g.gaps) != 1 || g.gaps[0].Kind != Unexplained || g.gaps[0].Len() != pcm.Rate {
		t.Errorf("gaps %+v", g.gaps)
	}
}

// The time of capture must be the time when the sound was sent, plus the
// network's delay, however long the jitter buffer is.
func TestCaptureTime(t *testing.T) {
	g := newRig(t, PCMA)
	g.link.Jitter = 60 * time.Millisecond
	start := g.now
	sent := mediatest.Chirps(10*pcm.Rate, pcm.Rate, 8000, 5)
	g.s.SetSource(pcm.NewClip(sent, false))
	g.run(10 * time.Second)
	at := 5 * pcm.Rate
	late, _ := mediatest.Align(sent[at:at+8000], g.heard[at:], 5000)
	pos := int64(at + late)
	f := g.frames[pos/pcm.FrameSamples]
	captured := f.At.Add(pcm.Duration(pos-f.Pos, pcm.Rate)).Sub(start)
	if want := 5*time.Second + 15*time.Millisecond; !near(captured, want, 12*time.Millisecond) {
		t.Errorf("captured at %v, want %v", captured, want)
	}
}

func TestBadPackets(t *testing.T) {
	g := newRig(t, PCMA)
	good := make([]byte, 172)
	Header{Type: 8, SSRC: 1}.put(good)
	for name, b := range map[string][]byte{
		"empty":            {},
		"short":            good[:11],
		"version":          append([]byte{0x40}, good[1:]...),
		"csrc cut off":     append([]byte{0x8f}, good[1:20]...),
		"extension cut":    append([]byte{0x90}, append(good[1:12:12], 0, 0, 0xff, 0xff)...),
		"padding of 0":     append([]byte{0xa0}, good[1:]...),
		"padding too long": append([]byte{0xa0}, append(good[1:20:20], 200)...),
		"payload type":     append([]byte{0x80, 33}, good[2:]...),
	} {
		if err := g.r.Packet(g.now, b); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if s := g.r.Stats(); s.Packets != 0 || s.Malformed != 7 || s.Foreign != 1 {
		t.Errorf("counted %+v", s)
	}
	g.run(100 * time.Millisecond)
}
