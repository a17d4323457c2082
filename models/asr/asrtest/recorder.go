package asrtest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/models/asr"
)

// recorder reads a session's events all the time and checks each of them.
type recorder struct {
	t   *testing.T
	ses asr.Session

	mu     sync.Mutex
	events []asr.Event
	upTo   int64
	ended  bool
	news   chan struct{}
}

func collect(t *testing.T, ses asr.Session) *recorder {
	r := &recorder{t: t, ses: ses, news: make(chan struct{}, 1)}
	go r.read()
	return r
}

func (r *recorder) read() {
	for e := range r.ses.Events() {
		r.mu.Lock()
		if err := check(e, r.upTo); err != nil {
			r.t.Error(err)
		}
		if e.Kind == asr.Final {
			r.upTo = e.To
		}
		r.events = append(r.events, e)
		r.mu.Unlock()
		r.tell()
	}
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.tell()
}

func (r *recorder) tell() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// write hands over pcm in pieces through one buffer that is spoiled after each call: the slice is the caller's.
func (r *recorder) write(pcm []int16, size int) {
	r.t.Helper()
	buf := make([]int16, size)
	for c := range slices.Chunk(pcm, size) {
		n := copy(buf, c)
		if err := r.ses.Write(buf[:n]); err != nil {
			r.t.Fatalf("write: %v", err)
		}
		for i := range buf {
			buf[i] = 12345
		}
	}
}

func (r *recorder) skip(n int64) {
	r.t.Helper()
	if err := r.ses.Skip(n); err != nil {
		r.t.Fatalf("skip: %v", err)
	}
}

func (r *recorder) flush(marker uint64) {
	r.t.Helper()
	if err := r.ses.Flush(marker); err != nil {
		r.t.Fatalf("flush: %v", err)
	}
}

func (r *recorder) close() {
	r.t.Helper()
	if err := r.ses.Close(); err != nil {
		r.t.Errorf("close: %v", err)
	}
	r.waitClosed()
}

func (r *recorder) wait(what string, done func() bool) {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		ok, ended := done(), r.ended
		r.mu.Unlock()
		if ok {
			return
		}
		if ended {
			r.t.Fatalf("events ended before %s", what)
		}
		select {
		case <-r.news:
		case <-deadline:
			r.t.Fatalf("no %s in %v", what, patience)
		}
	}
}

func (r *recorder) waitFor(what string, is func(asr.Event) bool) {
	r.t.Helper()
	r.wait(what, func() bool { return slices.ContainsFunc(r.events, is) })
}

func (r *recorder) waitMarker(m uint64) {
	r.t.Helper()
	r.waitFor("marker", func(e asr.Event) bool { return e.Kind == asr.Marker && e.Marker == m })
}

func (r *recorder) waitClosed() {
	r.t.Helper()
	r.wait("end of events", func() bool { return r.ended })
}

func (r *recorder) decided() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.upTo
}

func (r *recorder) words() []asr.Word {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []asr.Word
	for _, e := range r.events {
		if e.Kind == asr.Final {
			out = append(out, e.Words...)
		}
	}
	return out
}

func (r *recorder) markers() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []uint64
	for _, e := range r.events {
		if e.Kind == asr.Marker {
			out = append(out, e.Marker)
		}
	}
	return out
}
