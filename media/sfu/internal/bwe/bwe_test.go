package bwe

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
)

// link is a bottleneck with a queue; time is made up.
type link struct {
	t        *testing.T
	e        *Estimator
	rec      *twcc.Recorder
	start    time.Time
	now      time.Duration
	free     time.Duration // when the bottleneck has sent all that waits
	bits     float64       // what it carries, bit/s
	loss     float64
	jitter   time.Duration // besides 2 ms
	more     int           // what would be sent if it could
	reports  float64       // share of the feedback that is lost
	queue    time.Duration // longest
	seq      uint16
	random   *rand.Rand
	fedBack  time.Duration
	overflow int
	deepest  time.Duration
}

func newLink(t *testing.T, bits float64) *link {
	start := time.Unix(1000, 0)
	return &link{
		t: t, e: New(start), rec: twcc.NewRecorder(1), start: start, bits: bits, queue: 300 * time.Millisecond,
		random: rand.New(rand.NewPCG(1, 2)),
	}
}

// run sends at the estimated rate, at most at need, for so long.
func (l *link) run(d time.Duration, need int) {
	const size = 1000
	l.deepest = 0
	for end := l.now + d; l.now < end; {
		rate := min(float64(l.e.Rate()), float64(need))
		l.e.Need(max(need, l.more))
		l.now += time.Duration(float64(size*8) / rate * float64(time.Second))
		l.seq++
		l.e.Sent(l.seq, l.start.Add(l.now), size)
		l.free = max(l.free, l.now)
		l.deepest = max(l.deepest, l.free-l.now)
		switch {
		case l.free-l.now > l.queue:
			l.overflow++
		case l.random.Float64() < l.loss:
		default:
			l.free += time.Duration(size * 8 / l.bits * float64(time.Second))
			arrival := l.free + 20*time.Millisecond + time.Duration(l.random.IntN(2000))*time.Microsecond
			if l.jitter > 0 {
				arrival += time.Duration(l.random.Int64N(int64(l.jitter)))
			}
			l.rec.Record(1, l.seq, arrival.Microseconds())
		}
		if l.now-l.fedBack > 50*time.Millisecond {
			l.fedBack = l.now
			for _, p := range l.rec.BuildFeedbackPacket() {
				if l.random.Float64() < l.reports {
					continue
				}
				b, err := p.Marshal()
				if err != nil {
					l.t.Fatal(err)
				}
				if !l.e.Feedback(l.start.Add(l.now+40*time.Millisecond), b) {
					l.t.Fatalf("a report is broken: %x", b)
				}
			}
		}
	}
}

func (l *link) rate() float64 { return float64(l.e.Rate()) / l.bits }

func TestFindsWhatALinkCarries(t *testing.T) {
	for _, bits := range []float64{300_000, 1_500_000, 6_000_000} {
		l := newLink(t, bits)
		l.run(60*time.Second, 10_000_000)
		if r := l.rate(); r < 0.6 || r > 1.15 {
			t.Errorf("%v bit/s: estimated %.2f of it", bits, r)
		}
		l.run(30*time.Second, 10_000_000)
		if l.deepest > 250*time.Millisecond {
			t.Errorf("%v bit/s: %v wait in the queue", bits, l.deepest)
		}
	}
}

func TestFollowsSteps(t *testing.T) {
	l := newLink(t, 3_000_000)
	l.run(30*time.Second, 5_000_000)
	l.bits = 500_000
	l.run(5*time.Second, 5_000_000)
	if r := l.rate(); r > 1.2 {
		t.Errorf("5 s after a fall: %.2f of what the link carries", r)
	}
	l.bits = 3_000_000
	l.run(90*time.Second, 5_000_000)
	if r := l.rate(); r < 0.5 {
		t.Errorf("90 s after a rise: %.2f of what the link carries", r)
	}
}

func TestSmallLossIsNoReason(t *testing.T) {
	l := newLink(t, 5_000_000)
	l.loss = 0.02
	l.run(30*time.Second, 2_000_000)
	if l.e.Rate() < 2_000_000 {
		t.Errorf("%d bit/s at 2%% loss", l.e.Rate())
	}
	l.loss = 0.3
	l.run(10*time.Second, 2_000_000)
	if l.e.Rate() > 1_000_000 {
		t.Errorf("%d bit/s at 30%% loss", l.e.Rate())
	}
}

// Neither packets that overtake each other nor reports that are lost are a full queue or a lossy one.
func TestJitterAndLostReportsAreNoReason(t *testing.T) {
	l := newLink(t, 5_000_000)
	l.jitter, l.reports = 100*time.Millisecond, 0.1
	l.run(60*time.Second, 1_500_000)
	if l.e.Rate() < 1_500_000 || l.e.Loss() > 0.02 || !l.e.Fresh() {
		t.Errorf("%d bit/s, loss %.2f", l.e.Rate(), l.e.Loss())
	}
}

// Numbers that were given and not used do not end the counting of losses.
func TestGapsInTheNumbers(t *testing.T) {
	l := newLink(t, 5_000_000)
	l.run(2*time.Second, 1_000_000)
	l.seq += 3
	l.loss = 0.3
	l.run(5*time.Second, 1_000_000)
	if l.e.Loss() < 0.15 {
		t.Errorf("loss %.2f", l.e.Loss())
	}
}

// After a failure a train finds out what there is without anything larger being sent; a train on a full network finds nothing.
func TestTrains(t *testing.T) {
	for _, tt := range []struct{ bits, atLeast, atMost float64 }{{4_000_000, 2_000_000, 4_000_000}, {300_000, 150_000, 420_000}} {
		l := newLink(t, 300_000)
		l.run(20*time.Second, 2_000_000)
		l.bits = tt.bits
		for range 40 {
			l.more = 3_000_000 // but in one piece, of which 200,000 is the one below
			l.run(200*time.Millisecond, 200_000)
			l.train()
		}
		if r := float64(l.e.Rate()); r < tt.atLeast || r > tt.atMost {
			t.Errorf("%.0f bit/s carried, %.0f estimated", tt.bits, r)
		}
	}
}

// train sends one if the estimator wants one.
func (l *link) train() {
	bytes := l.e.Train(l.start.Add(l.now))
	if bytes == 0 {
		return
	}
	first, n := l.seq+1, 0
	for ; n < 3 || bytes > 0; n++ {
		l.seq++
		bytes -= 1000
		l.e.Sent(l.seq, l.start.Add(l.now), 1000)
		l.free = max(l.free, l.now) + time.Duration(8000/l.bits*float64(time.Second))
		l.rec.Record(1, l.seq, (l.free + 20*time.Millisecond).Microseconds())
	}
	l.e.Probe(first, n)
}

// What is not used is not believed in, beyond what would be.
func TestUnusedIsBounded(t *testing.T) {
	l := newLink(t, 50_000_000)
	l.run(60*time.Second, 800_000)
	if l.e.Rate() > 1_500_000 {
		t.Errorf("%d bit/s after sending 800,000", l.e.Rate())
	}
}

func TestNothingIsAllocated(t *testing.T) {
	e := New(time.Unix(0, 0))
	seq := uint16(0)
	if n := testing.AllocsPerRun(100, func() { seq++; e.Sent(seq, time.Unix(1, 0), 1000) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	b, _ := report(t, []int{1, 2, 0, 1, 1, 1, 1, 2})
	if n := testing.AllocsPerRun(100, func() { e.Feedback(time.Unix(2, 0), b) }); n != 0 {
		t.Errorf("%v allocations for a report", n)
	}
}

func FuzzFeedback(f *testing.F) {
	rec := twcc.NewRecorder(1)
	for i := range uint16(30) {
		if i%7 != 0 {
			rec.Record(1, i, int64(i)*5000)
		}
	}
	for _, p := range rec.BuildFeedbackPacket() {
		b, _ := p.Marshal()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := New(time.Unix(0, 0))
		for i := range uint16(2000) {
			e.Sent(i, time.Unix(0, int64(i)*1e6), 1000)
		}
		e.Feedback(time.Unix(3, 0), b)
		e.Feedback(time.Unix(4, 0), b)
		if r := e.Rate(); r < Min || r > Max {
			t.Errorf("rate %d", r)
		}
		same(t, b)
	})
}
