package calls

import (
	"sync"
	"time"
)

// queue keeps who waits for which area, in order, and learns how long that takes.
// It is safe for concurrent use.
type queue struct {
	mu    sync.Mutex
	areas map[string]*lineup
}

type lineup struct {
	ids  []string
	pace time.Duration // smoothed time between two answers while somebody waits
	last time.Time     // of an answer
}

func newQueue() *queue { return &queue{areas: map[string]*lineup{}} }

func (q *queue) area(id string) *lineup {
	w := q.areas[id]
	if w == nil {
		w = &lineup{}
		q.areas[id] = w
	}
	return w
}

// join adds a call at the end, once.
func (q *queue) join(area, id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.area(area)
	if !in(w.ids, id) {
		w.ids = append(w.ids, id)
	}
}

// leave takes a call out, answered or not.
func (q *queue) leave(area, id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.area(area)
	for i, v := range w.ids {
		if v == id {
			w.ids = append(w.ids[:i], w.ids[i+1:]...)
			return
		}
	}
}

// answered learns from an answer.
func (q *queue) answered(area string, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.area(area)
	// Two answers an hour apart tell about a quiet day, not about waiting.
	if gap := now.Sub(w.last); !w.last.IsZero() && gap < time.Hour {
		if w.pace == 0 {
			w.pace = gap
		}
		w.pace += (gap - w.pace) / 4
	}
	w.last = now
}

// position of a call, from 1; 0 when it does not wait.
func (q *queue) position(area, id string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, v := range q.area(area).ids {
		if v == id {
			return i + 1
		}
	}
	return 0
}

// expected is how long the call at a position waits from now; false while nothing
// is known.
func (q *queue) expected(area string, position int) (time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.area(area)
	return w.pace * time.Duration(position), w.pace > 0
}
