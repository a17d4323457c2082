package bus

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"samtale.dk/samtale/services/platform/errs"
)

// insistPause is between an answer that promises another one soon and the next try.
const insistPause = 250 * time.Millisecond

// lastResort is how many times as long as for a member the answer is waited for when there is no other one to ask.
const lastResort = 5

// Insist asks like [Request] until ctx ends, which must have a deadline: a member of the service that reports, else whoever the request
// comes to. Who has not answered after patience may hang: another member is asked as well, when all were asked whoever it comes to, and
// the first answer counts. So what is asked must be the same when it is done twice, or be done [Once]: all that is asked by one Insist
// has the same name. After an error of which again says so it is asked anew.
func Insist[Resp, Req any](ctx context.Context, b *Bus, subject string, req Req, patience time.Duration, again func(error) bool) (Resp, error) {
	ctx, cancel := context.WithCancel(named(ctx, strconv.FormatUint(rand.Uint64(), 36)))
	defer cancel()
	type answer struct {
		resp   Resp
		err    error
		member string
	}
	answers := make(chan answer)
	next := time.NewTimer(0)
	defer next.Stop()
	members := b.crew(subject)
	var asked []string // in this round
	waiting := 0       // for so many answers
	last := answer{err: errs.E(errs.Unavailable, "", context.DeadlineExceeded)}
	for {
		select {
		case <-next.C:
			member, to := members.pick(asked), subject
			if member != "" {
				asked, to = append(asked, member), At(member, subject)
			}
			go func() {
				resp, err := Request[Resp](ctx, b, to, req)
				select {
				case answers <- answer{resp, err, member}:
				case <-ctx.Done():
				}
			}()
			waiting++
			if members.pick(asked) != "" {
				next.Reset(patience)
			} else {
				next.Reset(lastResort * patience)
			}
		case a := <-answers:
			waiting--
			if waiting > 0 && errs.KindOf(a.err) == errs.Limited { // too much for who was asked as well
				continue
			}
			last = a
			switch {
			case last.member != "" && nobody(last.err): // it is gone, the others are there
				members.drop(last.member)
				next.Reset(0)
			case !again(last.err):
				return last.resp, last.err
			default:
				asked = nil
				next.Reset(insistPause)
			}
		case <-ctx.Done():
			return last.resp, last.err
		}
	}
}
