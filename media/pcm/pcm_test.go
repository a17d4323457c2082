package pcm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPositionsAndDurations(t *testing.T) {
	for _, tt := range []struct {
		n    int64
		rate int
		d    time.Duration
	}{
		{0, 16000, 0},
		{320, 16000, 20 * time.Millisecond},
		{1, 8000, 125 * time.Microsecond},
		{-160, 8000, -20 * time.Millisecond},
		{16000 * 86400 * 365 * 10, 16000, 10 * 365 * 24 * time.Hour},
	} {
		if got := Duration(tt.n, tt.rate); got != tt.d {
			t.Errorf("%d at %d is %v, want %v", tt.n, tt.rate, got, tt.d)
		}
		if got := Samples(tt.d, tt.rate); got != tt.n {
			t.Errorf("%v at %d is %d, want %d", tt.d, tt.rate, got, tt.n)
		}
	}
	r := Range{From: 16000, To: 48000}
	if r.Len() != 32000 {
		t.Errorf("range %d", r.Len())
	}
}

func TestLevels(t *testing.T) {
	square, sine := make([]int16, 1600), make([]int16, 1600)
	for i := range square {
		square[i] = math.MinInt16
		sine[i] = int16(32767 * math.Sin(2*math.Pi*float64(i)/16))
	}
	for _, tt := range []struct {
		name string
		s    []int16
		want float64
	}{
		{"square", square, 0},
		{"sine", sine, -3.01},
		{"silence", make([]int16, 100), Silence},
		{"nothing", nil, Silence},
		{"one bit", []int16{1}, -90.3},
	} {
		if got := Level(tt.s); math.Abs(got-tt.want) > 0.05 {
			t.Errorf("%s is at %.2f dBov, want %.2f", tt.name, got, tt.want)
		}
	}
}

func TestQueueDropsTheOldest(t *testing.T) {
	q := NewQueue(2, 3)
	dropped := 0
	q.OnDrop(func() { dropped++ })
	for i := range int16(5) {
		err := q.WriteFrame([]int16{i, -i})
		if err != nil {
			t.Fatal(err)
		}
	}
	if dropped != 2 || q.Len() != 3 {
		t.Fatalf("dropped %d, holds %d", dropped, q.Len())
	}
	var got []int16
	f := make([]int16, 2)
	for q.ReadFrame(f) {
		got = append(got, f...)
	}
	if want := []int16{2, -2, 3, -3, 4, -4}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestQueueFrameLengths(t *testing.T) {
	q := NewQueue(3, 2)
	if err := q.WriteFrame(make([]int16, 4)); !errors.Is(err, ErrFrameLength) {
		t.Errorf("long frame: %v", err)
	}
	_ = q.WriteFrame([]int16{7, 7, 7})
	_ = q.WriteFrame([]int16{5})
	f := make([]int16, 3)
	q.ReadFrame(f)
	q.ReadFrame(f)
	if !slices.Equal(f, []int16{5, 0, 0}) {
		t.Errorf("short frame became %v", f)
	}
}

func TestQueueAcrossGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1, 100)
		done := make(chan []int16)
		go func() {
			var got []int16
			f := make([]int16, 1)
			for len(got) < 50 && q.Next(t.Context(), f) == nil {
				got = append(got, f[0])
			}
			done <- got
		}()
		for i := range int16(50) {
			if i%7 == 0 {
				synctest.Wait() // let the reader run dry
			}
			_ = q.WriteFrame([]int16{i})
		}
		if got := <-done; len(got) != 50 || got[49] != 49 {
			t.Errorf("got %v", got)
		}
	})
}

func TestQueueWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := NewQueue(1, 1).Next(ctx, make([]int16, 1))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestClip(t *testing.T) {
	f := make([]int16, 3)
	c := NewClip([]int16{1, 2, 3, 4}, false)
	var got []int16
	for c.ReadFrame(f) {
		got = append(got, f...)
	}
	if fmt.Sprint(got) != "[1 2 3 4 0 0]" {
		t.Errorf("played %v", got)
	}
	c = NewClip([]int16{1, 2}, true)
	got = nil
	for range 3 {
		c.ReadFrame(f)
		got = append(got, f...)
	}
	if fmt.Sprint(got) != "[1 2 1 2 1 2 1 2 1]" {
		t.Errorf("repeated %v", got)
	}
	if NewClip(nil, true).ReadFrame(f) {
		t.Error("an empty clip has sound")
	}
}

func TestQueueAllocatesNothing(t *testing.T) {
	q := NewQueue(FrameSamples, 8)
	f := make([]int16, FrameSamples)
	a := testing.AllocsPerRun(100, func() {
		_ = q.WriteFrame(f)
		q.ReadFrame(f)
	})
	if a != 0 {
		t.Errorf("%v allocations a frame", a)
	}
}
