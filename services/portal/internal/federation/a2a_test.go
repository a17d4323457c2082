package federation

import (
	"fmt"
	"testing"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
)

func TestWaitingTasksAreForgotten(t *testing.T) {
	now := time.Now()
	w := &waiting{now: func() time.Time { return now }, tasks: map[a2a.TaskID]held{}}
	id := func(i int) a2a.TaskID { return a2a.TaskID(fmt.Sprint(i)) }
	for i := range maxWaiting + 5 {
		w.put(id(i), held{})
	}
	if _, ok := w.take(id(4)); ok || len(w.tasks) != maxWaiting {
		t.Errorf("%d tasks wait, the oldest among them: %v", len(w.tasks), ok)
	}
	if _, ok := w.take(id(5)); !ok {
		t.Error("a task in time is gone")
	}
	if _, ok := w.take(id(5)); ok {
		t.Error("a task is taken twice")
	}
	now = now.Add(waitFor)
	if _, ok := w.take(id(6)); ok {
		t.Error("a task waits for too long")
	}
	now = now.Add(time.Second)
	w.put("new", held{})
	if len(w.tasks) != 1 || len(w.order) != 1 {
		t.Errorf("%d tasks, %d in order: what is over stays", len(w.tasks), len(w.order))
	}
}
