package rtpx

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"samtale.dk/samtale/media/jitter"
	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/vad"
)

func localhostPort(port int) netip.AddrPort { return netip.AddrPortFrom(localhost, uint16(port)) }

// packets makes ready packets of a sound, sealed if there is a key.
func packets(t testing.TB, c Codec, n int, key *Crypto) [][]byte {
	t.Helper()
	var out [][]byte
	var seal *cipher
	if key != nil {
		var err error
		seal, err = newCipher(*key)
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := NewSender(SenderConfig{Formats: formats(c), SSRC: 9, Send: func(b []byte) error {
		if seal != nil {
			var err error
			b, err = seal.sealRTP(b)
			if err != nil {
				return err
			}
		}
		out = append(out, append([]byte(nil), b...))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.ExpectLoss(0.1)
	s.SetSource(pcm.NewClip(mediatest.Chirps(n*pcm.FrameSamples, pcm.Rate, 8000, 3), true))
	now := time.Unix(1000, 0)
	for range n {
		s.Tick(now)
		now = now.Add(pcm.FrameDuration)
	}
	return out
}

// chain is the receiving half of a leg from the bytes of a packet to what
// would be published: SRTP, RTP, jitter buffer, decoder, 16 kHz, detector.
type chain struct {
	t       testing.TB
	packets [][]byte
	next    int
	now     time.Time
	open    *cipher
	key     *Crypto
	r       *Receiver
	det     *vad.Endpointer
	sum     int
}

func newChain(t testing.TB, c Codec, key *Crypto, n int) *chain {
	t.Helper()
	ch := &chain{t: t, packets: packets(t, c, n, key), now: time.Unix(5000, 0), key: key}
	ch.det = vad.NewEndpointer(vad.Config{}, 0)
	var err error
	ch.r, err = NewReceiver(ReceiverConfig{Formats: formats(c), Frame: func(f Frame) {
		if _, ok := ch.det.Write(f.Samples); ok {
			ch.sum++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if key != nil {
		ch.open, err = newCipher(*key)
		if err != nil {
			t.Fatal(err)
		}
	}
	return ch
}

func (c *chain) step() {
	b := c.packets[c.next]
	c.next++
	var err error
	if c.open != nil {
		b, err = c.open.openRTP(b)
		if err != nil {
			c.t.Fatal(err)
		}
	}
	err = c.r.Packet(c.now, b)
	if err != nil {
		c.t.Fatal(err)
	}
	c.r.Tick(c.now)
	c.now = c.now.Add(pcm.FrameDuration)
}

func key(t testing.TB, suite string) *Crypto {
	t.Helper()
	if suite == "" {
		return nil
	}
	k, err := NewCrypto(1, suite)
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

var chains = []struct {
	name  string
	codec Codec
	suite string
}{
	{"telephone/PCMA", PCMA, ""},
	{"telephone/PCMA-SRTP", PCMA, "AES_CM_128_HMAC_SHA1_80"},
	{"telephone/G722", G722, ""},
	{"webrtc/Opus-GCM", Opus, "AEAD_AES_128_GCM"},
	{"webrtc/Opus-CM", Opus, "AES_CM_128_HMAC_SHA1_80"},
}

func TestReceiveAllocatesNothing(t *testing.T) {
	for _, tt := range chains {
		c := newChain(t, tt.codec, key(t, tt.suite), 600)
		for range 100 {
			c.step()
		}
		if a := testing.AllocsPerRun(400, c.step); a != 0 {
			t.Errorf("%s: %v allocations a packet", tt.name, a)
		}
	}
}

// Losses take other ways through the code: no allocation there either.
func TestConcealingAllocatesNothing(t *testing.T) {
	for _, codec := range []Codec{PCMA, G722, Opus} {
		c := newChain(t, codec, nil, 1200)
		random := rand.New(rand.NewPCG(1, 2))
		step := func() {
			if random.IntN(5) == 0 {
				c.next++
				c.r.Tick(c.now)
				c.now = c.now.Add(pcm.FrameDuration)
				return
			}
			c.step()
		}
		for range 300 {
			step()
		}
		if a := testing.AllocsPerRun(800, step); a != 0 {
			t.Errorf("%v: %v allocations a packet", codec, a)
		}
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	for _, codec := range []Codec{PCMA, PCMU, G722, Opus} {
		for _, suite := range []string{"", "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"} {
			var seal *cipher
			if suite != "" {
				var err error
				seal, err = newCipher(*key(t, suite))
				if err != nil {
					t.Fatal(err)
				}
			}
			s, err := NewSender(SenderConfig{Formats: formats(codec), Send: func(b []byte) error {
				if seal == nil {
					return nil
				}
				_, err := seal.sealRTP(b)
				return err
			}})
			if err != nil {
				t.Fatal(err)
			}
			s.SetSource(pcm.NewClip(mediatest.Chirps(pcm.Rate, pcm.Rate, 8000, 3), true))
			now := time.Unix(1000, 0)
			step := func() {
				s.Tick(now)
				now = now.Add(pcm.FrameDuration)
			}
			for range 100 {
				step()
			}
			if a := testing.AllocsPerRun(200, step); a != 0 {
				t.Errorf("%v %s: %v allocations a packet", codec, suite, a)
			}
		}
	}
}

// BenchmarkReceive is one packet to one 16 kHz frame with its speech decision;
// the budget is 40 µs for a telephone and 80 µs for WebRTC, publishing
// included, which is not here. The baseline does the same the simple way:
// buffers made anew for each packet, no jitter buffer, linear interpolation,
// the same detector.
func BenchmarkReceive(b *testing.B) {
	for _, tt := range chains {
		b.Run(tt.name, func(b *testing.B) {
			c := newChain(b, tt.codec, key(b, tt.suite), b.N+200)
			for range 100 {
				c.step()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				c.step()
			}
		})
	}
	b.Run("baseline-telephone", func(b *testing.B) {
		ps := packets(b, PCMA, 500, nil)
		det := vad.New(pcm.Rate)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			naive(ps[i%len(ps)], det)
			i++
		}
	})
}

func naive(packet []byte, det *vad.Detector) {
	_, payload, err := Parse(append([]byte(nil), packet...))
	if err != nil {
		panic(err)
	}
	narrow := make([]int16, len(payload))
	d, err := newDecoder(PCMA)
	if err != nil {
		panic(err)
	}
	_, _ = d.decode(narrow, payload)
	wide := make([]int16, 2*len(narrow))
	for i, s := range narrow {
		wide[2*i] = s
		wide[2*i+1] = s
		if i+1 < len(narrow) {
			wide[2*i+1] = int16((int(s) + int(narrow[i+1])) / 2)
		}
	}
	det.Speech(wide)
}

// BenchmarkSend is one 16 kHz frame to one packet.
func BenchmarkSend(b *testing.B) {
	for _, codec := range []Codec{PCMA, G722, Opus} {
		b.Run(codec.String(), func(b *testing.B) {
			s, err := NewSender(SenderConfig{Formats: formats(codec)})
			if err != nil {
				b.Fatal(err)
			}
			s.SetSource(pcm.NewClip(mediatest.Chirps(pcm.Rate, pcm.Rate, 8000, 3), true))
			now := time.Unix(1000, 0)
			b.ReportAllocs()
			for b.Loop() {
				s.Tick(now)
				now = now.Add(pcm.FrameDuration)
			}
		})
	}
}

func BenchmarkJitterBuffer(b *testing.B) {
	buf := jitter.New(jitter.Config{})
	payload := make([]byte, 160)
	now := time.Unix(1, 0)
	p := jitter.Packet{Payload: payload}
	b.ReportAllocs()
	for b.Loop() {
		buf.Push(now, p)
		it := buf.Pop(now, 160)
		if it.Kind == jitter.Ready {
			buf.Advance(160)
		}
		p.Seq++
		p.Timestamp += 160
		now = now.Add(pcm.FrameDuration)
	}
}

// BenchmarkHundredLegs runs 100 calls over real sockets for three seconds and
// prints how late frames are, measured against the time they are due by the
// jitter buffer's delay (budget: p99 of 10 ms), and what a frame costs in CPU
// time, both parties and the kernel's share together.
func BenchmarkHundredLegs(b *testing.B) {
	const calls = 100
	ports, err := NewPorts("22000-22999")
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var late []time.Duration
	clock := NewClock(0)
	var legs []*Leg
	open := func() *Leg {
		var l *Leg
		l, err := NewLeg(LegConfig{Ports: ports, Local: localhost, Clock: clock, Receive: ReceiverConfig{
			Frame: func(f Frame) {
				if f.Origin != Heard {
					return
				}
				d := time.Since(f.At) - l.recv.playout.delay
				mu.Lock()
				late = append(late, d)
				mu.Unlock()
			},
		}})
		if err != nil {
			b.Fatal(err)
		}
		legs = append(legs, l)
		return l
	}
	sound := mediatest.Chirps(pcm.Rate, pcm.Rate, 8000, 1)
	for b.Loop() {
		for range calls {
			x, y := open(), open()
			for _, l := range [][2]*Leg{{x, y}, {y, x}} {
				err := l[0].Configure(Media{
					Remote:  localhostPort(l[1].LocalPort()),
					Receive: formats(PCMA), Send: formats(PCMA), Sending: true, Receiving: true,
				})
				if err != nil {
					b.Fatal(err)
				}
				l[0].SetSource(pcm.NewClip(sound, true))
			}
		}
		time.Sleep(500 * time.Millisecond) // the start is not measured
		var before, after syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		mu.Lock()
		late = late[:0]
		mu.Unlock()
		time.Sleep(3 * time.Second)
		for _, l := range legs {
			_ = l.Close()
		}
		legs = nil
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		slices.Sort(late)
		n := len(late)
		b.ReportMetric(float64(late[n/2].Microseconds())/1000, "ms-p50")
		b.ReportMetric(float64(late[n*99/100].Microseconds())/1000, "ms-p99")
		cpu := cpuTime(after) - cpuTime(before)
		b.ReportMetric(float64(cpu.Nanoseconds())/float64(n), "cpu-ns/frame")
		b.ReportMetric(float64(n), "frames")
	}
}

func cpuTime(r syscall.Rusage) time.Duration {
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
