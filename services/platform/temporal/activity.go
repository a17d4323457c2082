package temporal

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
)

// activities is the worker interceptor around every activity: errors cross with their
// kind, and an activity whose options ask for heartbeats gives them without a line of
// its own. So a worker that was killed is noticed after the heartbeat timeout, not
// after the whole time that the activity may take.
type activities struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*activities) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &inbound{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type inbound struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *inbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if timeout := activity.GetInfo(ctx).HeartbeatTimeout; timeout > 0 {
		stop := beat(ctx, timeout/3)
		defer stop()
	}
	res, err := a.Next.ExecuteActivity(ctx, in)
	if err != nil {
		return res, ToFailure(err)
	}
	return res, nil
}

// beat records a heartbeat every interval until stop is called; it has joined then.
func beat(ctx context.Context, interval time.Duration) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(interval)
		defer t.Stop()
		for {
			select {
			case <-quit:
				return
			case <-t.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() { close(quit); <-done }
}
