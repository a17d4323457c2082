package sfu

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"samtale.dk/samtale/media/mediatest"
)

// A picture and a voice come through networks that lose, delay, overtake and double. The time is made up and the chance always the
// same: figures of real sockets are sfuproof's.
func TestNetworks(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name     string
		down, up func(*mediatest.Link)
		height   int           // at the end
		fps      float64       // at least
		frozen   time.Duration // at most, of 30 s
		delay    time.Duration // of 95% of the frames, at most
		sound    float64       // share that comes, at least
	}{
		{name: "nothing is wrong", height: 720, fps: 30, delay: 40 * ms, sound: 1},
		{name: "2% lost", down: func(l *mediatest.Link) { l.Loss = 0.02 }, height: 720, fps: 29, frozen: 500 * ms, delay: 120 * ms, sound: 0.96},
		{name: "5% lost", down: func(l *mediatest.Link) { l.Loss = 0.05 }, height: 720, fps: 28, frozen: 1500 * ms, delay: 160 * ms, sound: 0.92},
		{name: "10% lost", down: func(l *mediatest.Link) { l.Loss = 0.10 }, height: 180, fps: 27, frozen: 3 * time.Second, delay: 200 * ms, sound: 0.87},
		{name: "5% lost on the way in", up: func(l *mediatest.Link) { l.Loss = 0.05 }, height: 720, fps: 28, frozen: 1500 * ms, delay: 160 * ms, sound: 0.92},
		{name: "30 ms jitter", down: func(l *mediatest.Link) { l.Jitter = 30 * ms }, height: 720, fps: 29.5, delay: 80 * ms, sound: 0.99},
		{name: "100 ms jitter", down: func(l *mediatest.Link) { l.Jitter = 100 * ms }, height: 720, fps: 29, delay: 150 * ms, sound: 0.99},
		{name: "30 ms jitter in a queue", down: func(l *mediatest.Link) { l.Jitter, l.Ordered = 30*ms, true }, height: 720, fps: 29, delay: 150 * ms, sound: 0.99},
		{name: "stalls of 100 ms", down: func(l *mediatest.Link) { l.Spike, l.SpikeEvery = 100*ms, 100 }, height: 720, fps: 29, delay: 150 * ms, sound: 0.99},
		{name: "5% overtaken", down: func(l *mediatest.Link) { l.Reorder, l.Behind = 0.05, 30*ms }, height: 720, fps: 29.5, delay: 80 * ms, sound: 0.99},
		{name: "20% doubled", down: func(l *mediatest.Link) { l.Duplicate = 0.2 }, height: 720, fps: 29.9, delay: 40 * ms, sound: 1},
		{
			name: "2 Mbit/s", down: func(l *mediatest.Link) { l.Rate, l.Queue = 2_000_000, 200*ms },
			height: 720, fps: 29.5, delay: 120 * ms, sound: 0.99,
		},
		{
			name: "300 kbit/s", down: func(l *mediatest.Link) { l.Rate, l.Queue = 300_000, 200*ms },
			height: 180, fps: 24, frozen: 5 * time.Second, delay: 300 * ms, sound: 0.94,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, RoomConfig{})
			s := w.speak(PeerConfig{ID: "a"})
			v := w.watch(PeerConfig{ID: "b"})
			if tt.down != nil {
				tt.down(&v.down)
				v.up.Loss = v.down.Loss
			}
			if tt.up != nil {
				tt.up(&s.up)
			}
			const long = 30
			w.run(long * time.Second)
			x, sound := &v.got["a~camera"].viewer, float64(len(v.got["a~microphone"].packets))/(50*long)
			fps := float64(x.Shown) / long
			t.Logf("%.1f frames/s, %d keyframes, %v frozen, delay %v and %v, heights %v, sound %.3f, told %v",
				fps, x.Keys, x.Frozen, x.Delay(0.5), x.Delay(0.95), x.Heights, sound, v.told)
			if x.Height() < tt.height || fps < tt.fps || x.Frozen > tt.frozen || x.Delay(0.95) > tt.delay || sound+2.0/(50*long) < tt.sound {
				t.Errorf("want height %d, %.1f frames/s, %v frozen, delay %v, sound %.3f", tt.height, tt.fps, tt.frozen, tt.delay, tt.sound)
			}
			if slices.Contains(v.told, AudioOnly) {
				t.Errorf("picture was given up: %v", v.told)
			}
		})
	}
}

// A network that becomes narrow gets a smaller picture, and the large one again when it is wide; sound goes on.
func TestNarrowAndWide(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	w.speak(PeerConfig{ID: "a"})
	v := w.watch(PeerConfig{ID: "b"})
	v.down.Rate, v.down.Queue = 2_000_000, 200*time.Millisecond
	w.run(20 * time.Second)
	g, sound := v.got["a~camera"], v.got["a~microphone"]
	if g.viewer.Height() != 720 {
		t.Fatalf("height %d before", g.viewer.Height())
	}
	heard := len(sound.packets)
	g.viewer.Reset()
	v.down.Rate = 300_000
	fell := w.until(t, "the smallest picture", 5*time.Second, func() bool { return g.viewer.Height() == 180 })
	w.run(20 * time.Second)
	t.Logf("narrow: fell within %v, %d shown, %d freezes of %v", fell, g.viewer.Shown, g.viewer.Freezes, g.viewer.Frozen)
	if g.viewer.Shown < 500 || g.viewer.Height() != 180 || g.viewer.Frozen > 4*time.Second {
		t.Errorf("heights %v", g.viewer.Heights)
	}
	if n := len(sound.packets) - heard; n < 900 {
		t.Errorf("%d packets of sound in 20 s on a narrow network", n)
	}
	if !slices.Contains(v.told, Fair) && !slices.Contains(v.told, Poor) {
		t.Errorf("told %v", v.told)
	}
	g.viewer.Reset()
	v.down.Rate = 2_000_000
	rose := w.until(t, "the largest picture", 30*time.Second, func() bool { return g.viewer.Height() == 720 })
	w.run(10 * time.Second)
	t.Logf("wide: rose within %v, %v frozen, told %v", rose, g.viewer.Frozen, v.told)
	if g.viewer.Height() != 720 || g.viewer.Frozen > time.Second || v.told[len(v.told)-1] != Good {
		t.Errorf("heights %v, frozen %v, told %v", g.viewer.Heights, g.viewer.Frozen, v.told)
	}
}

// until lets time pass until something holds.
func (w *world) until(t *testing.T, what string, limit time.Duration, holds func() bool) time.Duration {
	t.Helper()
	from := w.now()
	for !holds() {
		if w.now().Sub(from) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		w.run(10 * time.Millisecond)
	}
	return w.now().Sub(from)
}

// A network that carries no picture, or loses half of what it gets, gets sound, and its owner is told; the picture comes back with the
// network.
func TestSoundOnly(t *testing.T) {
	for _, tt := range []struct {
		name     string
		worse    func(*mediatest.Link)
		sound    int // packets in 10 s, at least
		pictures int // packets, at most: now and then it is tried
	}{
		{"100 kbit/s", func(l *mediatest.Link) { l.Rate = 100_000 }, 490, 0},
		{"50% lost", func(l *mediatest.Link) { l.Loss = 0.5 }, 200, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, RoomConfig{})
			w.speak(PeerConfig{ID: "a"})
			v := w.watch(PeerConfig{ID: "b"})
			v.down.Rate, v.down.Queue = 2_000_000, 200*time.Millisecond
			w.run(10 * time.Second)
			g, sound := v.got["a~camera"], v.got["a~microphone"]
			tt.worse(&v.down)
			w.until(t, "sound only", 30*time.Second, func() bool { return v.told[len(v.told)-1] == AudioOnly })
			if st, _ := w.room.counters(); st.SoundOnly != 1 {
				t.Errorf("%d subscribers are counted as sound only", st.SoundOnly)
			}
			w.run(time.Second)
			heard, seen := len(sound.packets), len(g.packets)
			w.run(10 * time.Second)
			if n, m := len(sound.packets)-heard, len(g.packets)-seen; n < tt.sound || m > tt.pictures {
				t.Errorf("%d packets of sound and %d of the picture in 10 s", n, m)
			}
			v.down.Rate, v.down.Loss = 2_000_000, 0
			seen = len(g.packets)
			back := w.until(t, "the picture", 30*time.Second, func() bool { return len(g.packets) > seen })
			w.until(t, "the owner is told", 20*time.Second, func() bool { return v.told[len(v.told)-1] != AudioOnly })
			w.until(t, "the largest", time.Minute, func() bool { return g.viewer.Height() == 720 })
			t.Logf("back within %v, told %v", back, v.told)
		})
	}
}

// Who joins sees at once what the network carries: trains find it out, and nothing too large is tried.
func TestJoining(t *testing.T) {
	for _, tt := range []struct {
		rate, height int
		within       time.Duration
	}{
		{300_000, 180, time.Second},
		{1_000_000, 360, 3 * time.Second},
		{2_000_000, 720, 10 * time.Second}, // there is hardly room for it
		{5_000_000, 720, 3 * time.Second},
		{100_000_000, 720, 3 * time.Second},
	} {
		w := newWorld(t, RoomConfig{})
		w.speak(PeerConfig{ID: "a"})
		v := w.watch(PeerConfig{ID: "b"})
		v.down.Rate, v.down.Queue = tt.rate, 200*time.Millisecond
		took := w.until(t, fmt.Sprint(tt.height, " lines at ", tt.rate, " bit/s"), tt.within, func() bool {
			return v.got["a~camera"] != nil && v.got["a~camera"].viewer.Height() == tt.height
		})
		w.run(10*time.Second - took)
		x := &v.got["a~camera"].viewer
		t.Logf("%d bit/s: %d lines after %v, %v frozen, %d packets lost", tt.rate, tt.height, took, x.Frozen, v.down.Lost)
		if x.Frozen > time.Second || slices.Max(x.Heights) > tt.height || len(v.got["a~microphone"].packets) < 490 {
			t.Errorf("%d bit/s: %v frozen, heights %v, %d packets of sound in 10 s", tt.rate, x.Frozen, x.Heights, len(v.got["a~microphone"].packets))
		}
	}
}

// In a large meeting where few speak, silent voices take no bandwidth from the picture that is looked at.
func TestSilentVoices(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	w.speak(PeerConfig{ID: "a"})
	v := w.watch(PeerConfig{ID: "b"})
	for i := range 12 {
		s := w.speak(PeerConfig{ID: fmt.Sprint("silent", i)})
		v.peer.SetView(s.peer.ID(), Camera, View{Paused: true})
		w.run(200 * time.Millisecond)
		s.idle = true
	}
	v.down.Rate, v.down.Queue = 800_000, 200*time.Millisecond
	w.run(20 * time.Second)
	if h := v.got["a~camera"].viewer.Height(); h != 360 {
		t.Errorf("height %d among 12 silent ones", h)
	}
}

// After a cut, sound and picture go on as soon as the network does.
func TestCut(t *testing.T) {
	for _, cut := range []time.Duration{time.Second, 3 * time.Second} {
		w := newWorld(t, RoomConfig{})
		w.speak(PeerConfig{ID: "a"})
		v := w.watch(PeerConfig{ID: "b"})
		w.run(10 * time.Second)
		v.up.Cut, v.down.Cut = true, true
		w.run(cut)
		v.up.Cut, v.down.Cut = false, false
		g, sound := v.got["a~camera"], v.got["a~microphone"]
		shown, heard := g.viewer.Shown, len(sound.packets)
		voice := w.until(t, "sound", 100*time.Millisecond, func() bool { return len(sound.packets) > heard })
		picture := w.until(t, "picture", time.Second, func() bool { return g.viewer.Shown > shown })
		t.Logf("%v cut: sound after %v, picture after %v", cut, voice, voice+picture)
		w.until(t, "the largest", 20*time.Second, func() bool { return g.viewer.Height() == 720 })
	}
}
