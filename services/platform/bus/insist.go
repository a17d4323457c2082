package bus

import (
	"context"
	"time"

	"samtale.dk/samtale/services/platform/errs"
)

// insistPause is between an answer that promises another one soon and the next try.
const insistPause = 250 * time.Millisecond

// Insist asks like [Request] until ctx ends, which must have a deadline. Who has not answered after patience may hang: whoever the
// request comes to next is asked as well, and the first answer counts. So what is asked must be the same when it is done twice.
// After an error of which again says so it is asked anew.
func Insist[Resp, Req any](ctx context.Context, b *Bus, subject string, req Req, patience time.Duration, again func(error) bool) (Resp, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		resp Resp
		err  error
	}
	answers := make(chan answer)
	next := time.NewTimer(0)
	defer next.Stop()
	last := answer{err: errs.E(errs.Unavailable, "", context.DeadlineExceeded)}
	for {
		select {
		case <-next.C:
			go func() {
				resp, err := Request[Resp](ctx, b, subject, req)
				select {
				case answers <- answer{resp, err}:
				case <-ctx.Done():
				}
			}()
			next.Reset(patience)
		case last = <-answers:
			if !again(last.err) {
				return last.resp, last.err
			}
			next.Reset(insistPause)
		case <-ctx.Done():
			return last.resp, last.err
		}
	}
}
