package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/speech/internal/hearing"
)

// BenchmarkEndOfSpeechToFinal measures what the service adds: from the last frame of
// the closing silence to the final in the hands of a subscriber, with an engine that
// takes no time. The budget of 60 ms beyond the endpointing silence also has to hold
// the gateway's frame, this, and the desk.
func BenchmarkEndOfSpeechToFinal(b *testing.B) {
	for _, legs := range []int{1, 50} {
		b.Run(fmt.Sprintf("legs-%d", legs), func(b *testing.B) { benchmarkLatency(b, legs) })
	}
}

func benchmarkLatency(b *testing.B, others int) {
	w := newWorld(b)
	w.worker(nil)
	stop := make(chan struct{})
	var talkers sync.WaitGroup
	for range others - 1 {
		talkers.Add(1)
		go func() { defer talkers.Done(); talk(b, w, stop) }()
	}
	l, cfg := w.leg()
	finals := make(chan int64, 100)
	_, err := w.bus.NC.Subscribe(transcriptv1.FinalSubject(cfg.ConversationID, cfg.LegID), func(m *nats.Msg) {
		var f transcriptv1.Final
		if err := json.Unmarshal(m.Data, &f); err == nil {
			finals <- f.To
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	waitFor(b, "attached", func() bool { return l.Status().Attached })
	var took []time.Duration
	n := 0
	for b.Loop() {
		write(b, l, words(n%20000, n%20000, 15*320-320), 0) // one frame is missing to the end of the utterance
		n++
		end := l.Position() + 320
		begin := time.Now()
		write(b, l, make([]int16, 320), 0)
		for to := range finals {
			if to >= end {
				break
			}
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	close(stop)
	talkers.Wait()
}

// talk is a leg in real time: half speech, half silence.
func talk(b *testing.B, w *world, stop chan struct{}) {
	l, _ := w.leg()
	pcm := words(0, 4, 1600)
	pcm = append(pcm, make([]int16, len(pcm))...)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for at := 0; ; at += 320 {
		select {
		case <-stop:
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			l.End(ctx)
			return
		case now := <-tick.C:
			at %= len(pcm) / 320 * 320
			if err := l.WriteFrame(pcm[at:at+320], now, 0); err != nil {
				b.Error(err)
				return
			}
		}
	}
}

// BenchmarkManyLegs is the worker's own cost: 20 ms of a leg from the bus through
// voice detection, the way of a leg and commits, with an engine that takes no time.
// 20 ms divided by the processor time is the number of legs per core, with the
// gateway's part and the bus.
func BenchmarkManyLegs(b *testing.B) {
	const legs = 20
	w := newWorld(b)
	w.worker(func(c *Config) {
		c.Engine = &asrtest.Scripted{}
		c.Segmenter = func() hearing.Segmenter { return hearing.NewEndpointing(0) }
	})
	pcm, _ := asrtest.Speech(b)
	pcm = append(pcm, make([]int16, len(pcm))...) // people listen half of the time
	frames := max(legs, b.N) / legs
	b.ResetTimer()
	before := cpuTime(b)
	var all sync.WaitGroup
	for range legs {
		l, _ := w.leg()
		all.Go(func() {
			for i := range frames {
				at := i * 320 % (len(pcm) / 320 * 320)
				if err := l.WriteFrame(pcm[at:at+320], time.Now(), 0); err != nil {
					b.Error(err)
					return
				}
				for l.Position()-l.Status().Committed > 60*16000 { // the ring is not to overflow
					time.Sleep(time.Millisecond)
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			if err := l.End(ctx); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(frames*legs), "cpu-µs/frame")
}

// cpuTime is what this process has used: on a busy machine the clock says nothing.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
