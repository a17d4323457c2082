package calls

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/errs"
)

func TestQueue(t *testing.T) {
	q := newQueue()
	for _, id := range []string{"a", "b", "c", "b"} {
		q.join("x", id)
	}
	q.join("y", "d")
	q.leave("x", "a")
	q.leave("x", "nobody")
	for id, want := range map[string]int{"a": 0, "b": 1, "c": 2, "d": 0} {
		if got := q.position("x", id); got != want {
			t.Errorf("%s is %d, want %d", id, got, want)
		}
	}
	if _, ok := q.expected("x", 1); ok {
		t.Error("a wait is expected before anything was answered")
	}
	now := time.Now()
	for i := range 10 {
		q.answered("x", now.Add(time.Duration(i)*2*time.Minute))
	}
	if d, ok := q.expected("x", 3); !ok || d != 6*time.Minute {
		t.Errorf("expected %s, %v", d, ok)
	}
	q.answered("x", now.Add(100*time.Hour)) // a night between
	if d, _ := q.expected("x", 1); d != 2*time.Minute {
		t.Errorf("a quiet night makes it %s", d)
	}
}

func TestWaitID(t *testing.T) {
	for d, want := range map[time.Duration]announce.ID{
		0: announce.WaitShort, 3 * time.Minute: announce.Wait5, 9 * time.Minute: announce.Wait10,
		10 * time.Minute: announce.Wait20, time.Hour: announce.WaitLong,
	} {
		if got := waitID(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}

func TestTrunkURI(t *testing.T) {
	trunk := Trunk{Proxy: "sip:sbc.example:5070;transport=tcp"}
	for _, c := range []struct {
		trunk    Trunk
		to, want string
	}{
		{trunk, "+45 12 34-56 78", "sip:+4512345678@sbc.example:5070"},
		{trunk, "sip:a@b.example", "sip:a@b.example"},
		{trunk, "sip:", ""},
		{trunk, "hej", ""},
		{trunk, "", ""},
		{trunk, "12;34", ""},
		{Trunk{}, "12345678", ""},
		{Trunk{}, "sips:a@b", "sips:a@b"},
	} {
		got, err := c.trunk.URI(c.to)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q, %v", c.to, got, err)
		}
	}
}

func TestOutboxKeepsOrderAndRepeats(t *testing.T) {
	o := newOutbox(t.Context(), slog.New(slog.DiscardHandler))
	var got []string
	fails := 2
	o.add("a", func(context.Context) error {
		if fails--; fails >= 0 {
			return errors.New("away")
		}
		got = append(got, "a")
		return nil
	})
	o.add("b", func(context.Context) error { got = append(got, "b"); return nil })
	o.close()
	<-o.done
	if len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("sent %v", got)
	}
}

func TestOutboxGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := newOutbox(ctx, slog.New(slog.DiscardHandler))
	var tries atomic.Int32
	o.add("a", func(context.Context) error { tries.Add(1); cancel(); return errors.New("away") })
	o.close()
	<-o.done
	if tries.Load() != 1 {
		t.Errorf("%d tries", tries.Load())
	}
}

// leg opens a recorder that feeds into a bus without a worker: the ring keeps all.
func leg(t *testing.T) *recorder {
	t.Helper()
	b := bustest.New(t)
	g := audiofeed.New(audiofeed.Config{Name: "phone", Bus: b, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(g.Close)
	now := time.Now()
	id := event.NewID(now)
	feed, err := g.Open(audiofeed.LegConfig{ConversationID: event.NewID(now), LegID: id, Role: callv1.RoleCitizen, StartedAt: now})
	if err != nil {
		t.Fatal(err)
	}
	return newRecorder(callv1.Leg{ID: id, StartedAt: now}, feed)
}

func TestRecorderHoldsTheClock(t *testing.T) {
	frame := func(o rtpx.Origin, s []int16) rtpx.Frame {
		return rtpx.Frame{Samples: s, At: time.Now(), Origin: o}
	}
	loud, silent := announce.Tone(440, 20*time.Millisecond), make([]int16, pcm.FrameSamples)
	for _, c := range []struct {
		name string
		do   func(r *recorder)
		want int64 // frames
	}{
		{"heard", func(r *recorder) { feedN(r, frame(rtpx.Heard, loud), 10) }, 10},
		{"a pause, then sound", func(r *recorder) {
			feedN(r, frame(rtpx.Quiet, silent), holdBack+50)
			r.gap(rtpx.Gap{Kind: rtpx.Silent})
			feedN(r, frame(rtpx.Heard, loud), 1)
		}, holdBack + 51},
		{"a loss", func(r *recorder) {
			feedN(r, frame(rtpx.Quiet, silent), holdBack+50)
			r.gap(rtpx.Gap{Kind: rtpx.Lost})
		}, holdBack + 50},
		{"silence to the end", func(r *recorder) { feedN(r, frame(rtpx.Quiet, silent), holdBack+50) }, holdBack + 50},
		{"hold", func(r *recorder) {
			r.hold(true)
			feedN(r, frame(rtpx.Heard, loud), 7)
			r.hold(false)
			feedN(r, frame(rtpx.Heard, loud), 3)
		}, 10},
		{"pause by a person", func(r *recorder) { r.mask(true); feedN(r, frame(rtpx.Heard, loud), 5) }, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := leg(t)
			c.do(r)
			end := r.finish()
			if end.Samples != c.want*pcm.FrameSamples {
				t.Errorf("%d frames, want %d", end.Samples/pcm.FrameSamples, c.want)
			}
			r.frame(frame(rtpx.Heard, loud))
			if again := r.finish(); again != end {
				t.Errorf("the leg grew after its end: %+v", again)
			}
		})
	}
}

func feedN(r *recorder, f rtpx.Frame, n int) {
	for range n {
		r.frame(f)
	}
}

func TestRecorderKnowsSpeech(t *testing.T) {
	r := leg(t)
	for range 50 {
		r.frame(rtpx.Frame{Samples: announce.Tone(440, 20*time.Millisecond), Origin: rtpx.Heard})
		r.frame(rtpx.Frame{Samples: make([]int16, 320), Origin: rtpx.Heard})
	}
	if _, spoken := r.silence(); spoken != time.Second {
		t.Errorf("%s of speech", spoken)
	}
	if audiov1.SampleRate != pcm.Rate {
		t.Error("the bus and the media have different rates")
	}
}

func TestPlayer(t *testing.T) {
	p := newPlayer(make([]int16, 300), make([]int16, 400))
	dst := make([]int16, 320)
	n := 0
	for p.ReadFrame(dst) {
		n++
	}
	p.ReadFrame(dst) // the clock goes on asking
	select {
	case <-p.done:
	default:
		t.Error("the player does not say that it is through")
	}
	if n != 3 {
		t.Errorf("%d frames", n)
	}
}

// A browser whose sound fails for a moment is not lost because a loss that was timed earlier comes to its end just then.
func TestBrowserComesBack(t *testing.T) {
	s := New(Config{Log: slog.New(slog.DiscardHandler), Times: Times{AgentLost: time.Hour}})
	c := s.newCall(callv1.ChannelQueue, consentv1.Area{})
	c.desk = &desk{}
	state := func(up bool) {
		c.desk.up.Store(up)
		c.talk(deskUp{c.desk})
	}
	first := deskLost{c.desk, c.desk.ups} // of the answer
	state(true)
	state(false)
	second := deskLost{c.desk, c.desk.ups}
	if c.lost(first) {
		t.Error("it was there in time")
	}
	if !c.lost(second) {
		t.Error("it is gone")
	}
	state(true)
	state(false)
	if c.lost(second) {
		t.Error("it came back in time")
	}
}

// A call that ends is known all the time: first as a live one, then as one whose last events are on their way.
func TestKnownWhileItEnds(t *testing.T) {
	s := New(Config{Log: slog.New(slog.DiscardHandler)})
	for range 2000 {
		c := s.newCall(callv1.ChannelQueue, consentv1.Area{})
		s.calls[c.id] = c
		over := make(chan struct{})
		go func() { defer close(over); s.remove(c) }()
		for ending := true; ending; {
			select {
			case <-over:
				ending = false
			default:
			}
			if _, err := s.check(t.Context(), callv1.CheckRequest{ConversationID: c.id}); err != nil {
				t.Fatalf("while it ends: %v", err)
			}
		}
		s.told(c)
		if _, err := s.check(t.Context(), callv1.CheckRequest{ConversationID: c.id}); errs.KindOf(err) != errs.NotFound {
			t.Fatalf("when all is told: %v", err)
		}
	}
}
