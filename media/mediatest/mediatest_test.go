package mediatest

import (
	"errors"
	"fmt"
	"math"
	"net"
	"testing"
	"time"
)

func TestMeasures(t *testing.T) {
	tone := Tone(16000, 16000, 440, 8000)
	if a := Goertzel(tone, 16000, 440); math.Abs(a-8000) > 10 {
		t.Errorf("amplitude %.0f", a)
	}
	if a := Goertzel(tone, 16000, 1000); a > 10 {
		t.Errorf("%.0f of a frequency that is not there", a)
	}
	if r := RMS(tone); math.Abs(r-8000/math.Sqrt2) > 5 {
		t.Errorf("root mean square %.0f", r)
	}
	noisy := Mix(tone, WhiteNoise(len(tone), 80, 1))
	if snr := SNR(tone, noisy); math.Abs(snr-20*math.Log10(8000/math.Sqrt2/80)) > 0.5 {
		t.Errorf("signal to noise %.1f dB", snr)
	}
	sent := Chirps(8000, 16000, 8000, 1)
	got := append(make([]int16, 321), sent...)
	if d, l := Align(sent[:4000], got, 1000); d != 321 || l < 0.999 {
		t.Errorf("found at %d with %.3f", d, l)
	}
	if _, l := Align(sent[:4000], WhiteNoise(8000, 3000, 2), 1000); l > 0.3 {
		t.Errorf("noise is %.2f like it", l)
	}
}

func TestNoisesAreAsLoudAsAsked(t *testing.T) {
	for name, s := range map[string][]int16{
		"white": WhiteNoise(160000, 1000, 1), "pink": PinkNoise(160000, 1000, 1),
	} {
		if r := RMS(s); math.Abs(r-1000) > 30 {
			t.Errorf("%s: %.0f", name, r)
		}
	}
	low, high := band(PinkNoise(160000, 1000, 1), 100, 200), band(PinkNoise(160000, 1000, 1), 1600, 3200)
	if d := 10 * math.Log10(low/high); math.Abs(d) > 3 {
		t.Errorf("octaves of pink noise differ by %.1f dB", d)
	}
}

// band is the power between two frequencies, sampled.
func band(s []int16, lo, hi float64) float64 {
	sum := 0.0
	for f := lo; f < hi; f += (hi - lo) / 60 {
		a := Goertzel(s, 16000, f)
		sum += a * a
	}
	return sum * (hi - lo)
}

func TestLinkIsTheSameEveryTime(t *testing.T) {
	run := func(seed uint64) string {
		l := Link{Delay: 10 * time.Millisecond, Jitter: 50 * time.Millisecond, Loss: 0.2, Duplicate: 0.1, Seed: seed}
		now, log, last := time.Unix(1, 0), "", time.Time{}
		for i := range byte(100) {
			l.Send(now, []byte{i})
			now = now.Add(20 * time.Millisecond)
			l.Deliver(now, func(at time.Time, p []byte) {
				if at.After(now) || at.Before(last) {
					t.Errorf("delivered at %v", at)
				}
				last = at
				log += fmt.Sprint(p[0], " ")
			})
		}
		if l.Lost < 10 || l.Lost > 30 {
			t.Errorf("lost %d of 100", l.Lost)
		}
		return log
	}
	first, again := run(1), run(1)
	if first != again {
		t.Error("two runs differ")
	}
	if first == run(2) {
		t.Error("two seeds do not")
	}
}

// A link of 80 kbit/s carries ten packets of 1000 bytes a second, keeps some waiting and loses the rest; a cut one loses all.
func TestLinkHasAWidth(t *testing.T) {
	l := Link{Rate: 80_000, Queue: 500 * time.Millisecond}
	now, got := time.Unix(1, 0), 0
	count := func(time.Time, []byte) { got++ }
	for range 100 { // in one second
		l.Send(now, make([]byte, 1000))
		now = now.Add(10 * time.Millisecond)
	}
	l.Deliver(now, count)
	if got != 10 || l.Lost < 80 || l.Lost > 90 {
		t.Errorf("%d came, %d were lost", got, l.Lost)
	}
	l.Deliver(now.Add(time.Second), count)
	if got+l.Lost != 100 {
		t.Errorf("%d came at last, %d were lost", got, l.Lost)
	}
	l.Cut = true
	l.Send(now.Add(time.Hour), nil)
	l.Deliver(now.Add(2*time.Hour), func(time.Time, []byte) { t.Error("it came over a cut link") })
}

func TestLinkKeepsOrderOrNot(t *testing.T) {
	for _, tt := range []struct {
		name  string
		link  Link
		order bool
	}{
		{"jitter in a queue", Link{Jitter: 50 * time.Millisecond, Ordered: true}, true},
		{"some overtake", Link{Delay: 10 * time.Millisecond, Reorder: 0.1, Behind: 25 * time.Millisecond}, false},
	} {
		now, last, order, n := time.Unix(1, 0), byte(0), true, 0
		take := func(_ time.Time, p []byte) { order = order && p[0] >= last; last = p[0]; n++ }
		for i := range byte(200) {
			tt.link.Send(now, []byte{i})
			now = now.Add(5 * time.Millisecond)
			tt.link.Deliver(now, take)
		}
		tt.link.Deliver(now.Add(time.Second), take)
		if order != tt.order || n != 200 {
			t.Errorf("%s: in order %v, %d came", tt.name, order, n)
		}
	}
}

// What goes through a Conn comes at the other end unless the network is cut.
func TestConn(t *testing.T) {
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	far := listen()
	defer far.Close()
	near := NewConn(listen())
	say := func(word string) {
		if _, err := near.WriteTo([]byte(word), far.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	near.Set(func(up, _ *Link) { up.Cut = true })
	say("lost")
	near.Set(func(up, down *Link) { up.Cut, up.Delay, down.Delay = false, time.Millisecond, time.Millisecond })
	say("heard")
	b := make([]byte, 10)
	n, from, err := far.ReadFrom(b)
	if err != nil || string(b[:n]) != "heard" {
		t.Fatalf("%q came, %v", b[:n], err)
	}
	if _, err := far.WriteTo([]byte("answer"), from); err != nil {
		t.Fatal(err)
	}
	n, from, err = near.ReadFrom(b)
	if err != nil || string(b[:n]) != "answer" || from.String() != far.LocalAddr().String() {
		t.Errorf("%q came from %v, %v", b[:n], from, err)
	}
	if err := near.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := near.ReadFrom(b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed socket: %v", err)
	}
}
