package calls

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/micro"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// atOnce bounds the requests of one kind that are worked on.
const atOnce = 64

// Serve answers requests on the bus until the returned service is stopped.
func (s *Service) Serve() (micro.Service, error) {
	b := s.cfg.Bus
	svc, err := b.Service("phone", "live telephone calls")
	if err != nil {
		return nil, fmt.Errorf("phone requests: %w", err)
	}
	for _, add := range []func() error{
		func() error {
			return bus.Handle(b, svc, callv1.ListSubject, atOnce, func(_ context.Context, r callv1.ListRequest) (callv1.ListReply, error) {
				return s.List(r.ServiceAreas), nil
			})
		},
		func() error { return bus.Handle(b, svc, callv1.CheckSubject, atOnce, s.check) },
		func() error { return bus.Handle(b, svc, callv1.AnswerSubject, atOnce, s.answer) },
		func() error { return bus.Handle(b, svc, callv1.DialSubject, atOnce, s.dial) },
		func() error { return bus.Handle(b, svc, callv1.ControlSubject, atOnce, s.control) },
		func() error { return bus.Handle(b, svc, callv1.DemoSubject, 4, s.demo) },
	} {
		if err := add(); err != nil {
			svc.Stop()
			return nil, fmt.Errorf("phone requests: %w", err)
		}
	}
	return svc, nil
}

func (s *Service) find(id string) (*Call, error) {
	if err := event.CheckToken(id); err != nil {
		return nil, errs.E(errs.Invalid, "", err)
	}
	return s.Call(id)
}

func (s *Service) check(_ context.Context, r callv1.CheckRequest) (callv1.Call, error) {
	c, err := s.find(r.ConversationID)
	if err != nil {
		return callv1.Call{}, err
	}
	return *c.snap.Load(), nil
}

func (s *Service) answer(ctx context.Context, r callv1.AnswerRequest) (callv1.AnswerReply, error) {
	return callv1.AnswerReply{}, errs.E(errs.Unavailable, "", nil)
}

func (s *Service) dial(ctx context.Context, r callv1.DialRequest) (callv1.AnswerReply, error) {
	return callv1.AnswerReply{}, errs.E(errs.Unavailable, "", nil)
}

func (s *Service) control(ctx context.Context, r callv1.ControlRequest) (callv1.Call, error) {
	return callv1.Call{}, errs.E(errs.Unavailable, "", nil)
}

func (s *Service) demo(ctx context.Context, r callv1.DemoRequest) (callv1.DemoReply, error) {
	return callv1.DemoReply{}, errs.E(errs.Unavailable, "", nil)
}
