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
		slices.Sort(p.Handled)
		handle = p.Handled[len(p.Handled)/2]
	}
	handle = min(max(handle, handleLeast), handleMost)
	// Whoever is at work now is on average halfway through; as many inquiries move on at once as there are people.
	wait := (time.Duration(ahead)*handle + handle/2) / time.Duration(max(1, p.Active))
	wait = min(max(wait, waitLeast), waitMost)
	return int((wait + time.Minute - 1) / time.Minute)
}

// choices are the ways to reach a person of an area, with what to expect now.
func (s *Service) choices(ctx context.Context, a area) ([]inquiryv1.Choice, error) {
	waiting, err := s.store.Read().Queue(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	pace, err := s.store.Read().Pace(ctx, a.ID, recent)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	var out []inquiryv1.Choice
	for _, channel := range []string{inquiryv1.Chat, inquiryv1.CallBack, inquiryv1.Video} {
		c := inquiryv1.Choice{Channel: channel, Open: a.Open(now), Ahead: len(waiting)}
		if c.Open {
			c.WaitMins = expect(pace, c.Ahead)
		} else {
			c.OpensAt, c.Closed = a.Next(now), a.WhyClosed(now)
		}
		out = append(out, c)
	}
	return out, nil
}

// queued adds to a view what somebody who waits wants to know.
func (s *Service) queued(ctx context.Context, v *inquiryv1.Inquiry, a area) error {
	if v.State != inquiryv1.Waiting {
		return nil
	}
	waiting, err := s.store.Read().Queue(ctx, v.ServiceArea)
	if err != nil {
		return err
	}
	v.Position = slices.Index(waiting, v.ID) + 1 // 0, unknown, when it was claimed this moment
	now := s.Now()
	v.Open = a.Open(now)
	if !v.Open {
		v.OpensAt = a.Next(now)
		return nil
	}
	pace, err := s.store.Read().Pace(ctx, v.ServiceArea, recent)
	if err != nil {
		return err
	}
	v.WaitMins = expect(pace, max(0, v.Position-1))
	return nil
}
