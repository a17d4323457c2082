package temporal

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
)

// StopLimit is how long a stopping worker lets its activities finish. Their context
// ends at once; what is not done is taken up again by another worker.
const StopLimit = 5 * time.Second

// Worker describes one worker of a process.
type Worker struct {
	Queue    string
	Register func(r worker.Registry) // workflows and activities
	// Activities bounds activities at work at once; 0 means 16. A service that does
	// heavy work (drafting with a model) sets less.
	Activities int
}

// Work polls a queue until ctx ends, then stops gracefully. It returns an error when
// the worker could not go on (the namespace is gone, a registration is wrong). Errors
// of activities cross to the workflow by ToFailure.
func Work(ctx context.Context, c client.Client, w Worker) error {
	fatal := make(chan error, 1)
	run := worker.New(c, w.Queue, w.options(func(err error) {
		select {
		case fatal <- err:
		default:
		}
	}))
	if w.Register != nil {
		w.Register(run)
	}
	if err := run.Start(); err != nil {
		return fmt.Errorf("worker on queue %s: %w", w.Queue, err)
	}
	defer run.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-fatal:
		return fmt.Errorf("worker on queue %s: %w", w.Queue, err)
	}
}

func (w Worker) options(onFatal func(error)) worker.Options {
	n := w.Activities
	if n == 0 {
		n = 16
	}
	return worker.Options{
		MaxConcurrentActivityExecutionSize: n,
		// Two pollers suffice: queues have one partition and calls come by the minute.
		MaxConcurrentWorkflowTaskPollers: 2,
		MaxConcurrentActivityTaskPollers: 2,
		WorkerStopTimeout:                StopLimit,
		// After a worker was killed its workflows wait this long for it, then go to
		// another; the default of 5 s is more than people should notice.
		StickyScheduleToStartTimeout: 2 * time.Second,
		OnFatalError:                 onFatal,
		Interceptors:                 []interceptor.WorkerInterceptor{&activities{}},
	}
}
