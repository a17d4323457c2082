//go:build linux

package embedded

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/models/vector/vectortest"
)

// heap is what is in use after a collection, in bytes.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// clock measures operations twice: by the wall, and by the processor alone, which a busy machine does not lengthen.
type clock struct{ wall, cpu []time.Duration }

func (c *clock) time(b *testing.B, do func() error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start, cpu := time.Now(), processor(b)
	if err := do(); err != nil {
		b.Fatal(err)
	}
	c.wall, c.cpu = append(c.wall, time.Since(start)), append(c.cpu, processor(b)-cpu)
}

// processor is the time that this thread has run.
func processor(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// report gives the middle and the slowest of a hundred.
func (c *clock) report(b *testing.B) {
	for name, took := range map[string][]time.Duration{"": c.wall, "cpu-": c.cpu} {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, name+"p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, name+"p99-ms")
	}
}

func BenchmarkSearch(b *testing.B) {
	questions := vectortest.Questions()
	for _, n := range []int{5_000, 50_000} {
		for _, dimension := range []int{0, 1024} {
			if dimension > 0 && n > 5_000 {
				continue // many dense vectors are for Qdrant
			}
			b.Run(fmt.Sprintf("points=%d/dense=%d", n, dimension), func(b *testing.B) {
				before := heap()
				ix, q := large(b, n, dimension)
				var c clock
				for i := 0; b.Loop(); i++ {
					q.Text = questions[i%len(questions)].Text
					c.time(b, func() error {
						_, err := ix.Search(b.Context(), q)
						return err
					})
				}
				c.report(b)
				b.ReportMetric((heap()-before)/(1<<20), "heap-MB")
				runtime.KeepAlive(ix)
			})
		}
	}
}

// large makes an index of n points, and a query with the filters that a citizen's has.
func large(b *testing.B, n, dimension int) (*Index, vector.Query) {
	q := vector.Query{Municipality: "0751", On: vectortest.Today}
	cfg := Config{}
	points := vectortest.Synthetic(b, n)
	if dimension > 0 {
		cfg.Dense = &embed.Model{Name: "bench", Dimension: dimension}
		for i := range points {
			points[i].Dense = make([]float32, dimension)
			for d := range dimension {
				points[i].Dense[d] = float32((i*31+d*17)%101) - 50
			}
		}
		q.Dense = points[n/2].Dense
	}
	ix := open(b, cfg)
	if err := ix.Rebuild(b.Context(), vectortest.Points(points)); err != nil {
		b.Fatal(err)
	}
	return ix, q
}

// BenchmarkUpsert adds one point to a saved index.
func BenchmarkUpsert(b *testing.B) {
	ix := open(b, Config{Dir: b.TempDir()})
	points := vectortest.Synthetic(b, 5_000)
	if err := ix.Rebuild(b.Context(), vectortest.Points(points)); err != nil {
		b.Fatal(err)
	}
	var c clock
	for i := 0; b.Loop(); i++ {
		c.time(b, func() error { return ix.Upsert(b.Context(), points[i%len(points):i%len(points)+1]) })
	}
	c.report(b)
}

func BenchmarkRebuild(b *testing.B) {
	points := vectortest.Synthetic(b, 5_000)
	ix := open(b, Config{})
	for b.Loop() {
		if err := ix.Rebuild(b.Context(), vectortest.Points(points)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{5_000, 50_000} {
		b.Run(fmt.Sprintf("points=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			ix := open(b, Config{Dir: dir})
			if err := ix.Rebuild(b.Context(), vectortest.Points(vectortest.Synthetic(b, n))); err != nil {
				b.Fatal(err)
			}
			ix.Close()
			size := int64(0)
			entries, err := os.ReadDir(dir)
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range entries {
				if f, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), ending) {
					size += f.Size()
				}
			}
			for b.Loop() {
				again, err := Open(Config{Dir: dir})
				if err != nil {
					b.Fatal(err)
				}
				again.Close()
			}
			b.ReportMetric(float64(size)/(1<<20), "disk-MB")
		})
	}
}
