package bus

import (
	"context"
	"sync"
	"time"

	"samtale.dk/samtale/services/platform/errs"
)

// headerName names a request, so that one that is asked of several members is known as the same.
const headerName = "Samtale-Request"

type (
	sendsName struct{} // key of the name of what is asked in a context
	hasName   struct{} // key of the name of what is served in it
)

func named(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, sendsName{}, name)
}

// Forward has requests of a handler go on as the one that it serves: under its name.
func Forward(ctx context.Context) context.Context {
	if name, _ := ctx.Value(hasName{}).(string); name != "" {
		return named(ctx, name)
	}
	return ctx
}

// onceKept is how long an answer is kept for who asks again; nobody asks for so long.
const onceKept = 15 * time.Second

// Once does what is asked by one [Insist] once in this process, however often it comes: who asks again waits for, or gets, the same
// answer. Errors are not kept. The zero value is ready, and safe for concurrent use.
type Once[Resp any] struct {
	mu   sync.Mutex
	done map[string]*doing[Resp]
}

type doing[Resp any] struct {
	ready chan struct{} // closed when what follows stands
	resp  Resp
	err   error
}

// Do does it, unless it is being done or was done.
func (o *Once[Resp]) Do(ctx context.Context, do func() (Resp, error)) (Resp, error) {
	name, _ := ctx.Value(hasName{}).(string)
	if name == "" {
		return do()
	}
	o.mu.Lock()
	d := o.done[name]
	if d != nil {
		o.mu.Unlock()
		select {
		case <-d.ready:
			return d.resp, d.err
		case <-ctx.Done():
			var none Resp
			return none, ctx.Err()
		}
	}
	d = &doing[Resp]{ready: make(chan struct{})}
	if o.done == nil {
		o.done = map[string]*doing[Resp]{}
	}
	o.done[name] = d
	o.mu.Unlock()
	forget := func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.done, name)
	}
	d.err = errs.E(errs.Internal, "", nil) // unless do returns
	defer func() {
		if d.err != nil {
			forget()
		} else {
			time.AfterFunc(onceKept, forget)
		}
		close(d.ready)
	}()
	d.resp, d.err = do()
	return d.resp, d.err
}
