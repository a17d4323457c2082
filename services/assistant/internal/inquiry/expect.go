package inquiry

import (
	"context"
	"slices"
	"time"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/inquiryv1"
)

// What people are told to expect. An estimate is never shorter than a person needs to read a summary, and never pretends to
// know what happens in more than two hours.
const (
	recent        = 50 // inquiries that the pace is measured by
	handleDefault = 8 * time.Minute
	handleLeast   = 2 * time.Minute
	handleMost    = time.Hour
	waitLeast     = 2 * time.Minute
	waitMost      = 2 * time.Hour
)

// expect is how long somebody with ahead inquiries before theirs waits, in minutes.
func expect(p store.Pace, ahead int) int {
	handle := handleDefault
	if len(p.Handled) > 0 {
		handle = slices.Sorted(slices.Values(p.Handled))[len(p.Handled)/2]
	}
	handle = min(max(handle, handleLeast), handleMost)
	// Whoever is at work now is on average halfway through; as many inquiries move on at once as there are people.
	wait := (time.Duration(ahead)*handle + handle/2) / time.Duration(max(1, p.Active))
	wait = min(max(wait, waitLeast), waitMost)
	return int((wait + time.Minute - 1) / time.Minute)
}

// line is who waits in an area, in order, and how fast it goes there.
type line struct {
	waiting []string
	pace    store.Pace
}

// lines are those of the areas that one request has to do with.
type lines map[string]line

// line reads an area's, once.
func (s *Service) line(ctx context.Context, known lines, area string) (line, error) {
	l, ok := known[area]
	if ok {
		return l, nil
	}
	var err error
	l.waiting, err = s.store.Read().Queue(ctx, area)
	if err != nil {
		return l, err
	}
	l.pace, err = s.store.Read().Pace(ctx, area, recent)
	known[area] = l
	return l, err
}

// choices are the ways to reach a person of an area, with what to expect now.
func (s *Service) choices(ctx context.Context, a area) ([]inquiryv1.Choice, error) {
	l, err := s.line(ctx, lines{}, a.ID)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	var out []inquiryv1.Choice
	for _, channel := range []string{inquiryv1.Chat, inquiryv1.CallBack, inquiryv1.Video} {
		c := inquiryv1.Choice{Channel: channel, Open: a.Open(now), Ahead: len(l.waiting)}
		if c.Open {
			c.WaitMins = expect(l.pace, c.Ahead)
		} else {
			c.OpensAt, c.Closed = a.Next(now), a.WhyClosed(now)
		}
		out = append(out, c)
	}
	return out, nil
}

// queued adds to a view what somebody who waits wants to know.
func (s *Service) queued(ctx context.Context, known lines, v *inquiryv1.Inquiry, a area) error {
	if v.State != inquiryv1.Waiting {
		return nil
	}
	l, err := s.line(ctx, known, v.ServiceArea)
	if err != nil {
		return err
	}
	v.Position = slices.Index(l.waiting, v.ID) + 1 // 0, unknown, when it was claimed this moment
	if !v.Open {
		v.OpensAt = a.Next(s.Now())
		return nil
	}
	v.WaitMins = expect(l.pace, max(0, v.Position-1))
	return nil
}
