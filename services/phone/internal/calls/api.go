package calls

import (
	"cmp"
	"context"
	"errors"
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
		func() error { return bus.Handle(b, svc, callv1.TextSubject, atOnce, s.text) },
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

// check knows a call until all its events are sent, however long the bus or consent is away: whoever took it for vanished would write
// its note without the words that are still to come.
func (s *Service) check(_ context.Context, r callv1.CheckRequest) (callv1.Call, error) {
	if err := event.CheckToken(r.ConversationID); err != nil {
		return callv1.Call{}, errs.E(errs.Invalid, "", err)
	}
	s.mu.Lock()
	c := cmp.Or(s.calls[r.ConversationID], s.ended[r.ConversationID]) // at once: it may just be going from there to here
	s.mu.Unlock()
	if c == nil {
		return callv1.Call{}, errOver()
	}
	return *c.snap.Load(), nil
}

// answer connects a browser to a call.
func (s *Service) answer(ctx context.Context, r callv1.AnswerRequest) (callv1.AnswerReply, error) {
	c, err := s.find(r.ConversationID)
	if err != nil {
		return callv1.AnswerReply{}, err
	}
	if r.Caseworker == "" {
		return callv1.AnswerReply{}, errs.E(errs.Invalid, "", errors.New("no caseworker"))
	}
	if by := c.snap.Load().Caseworker; by != "" && by != r.Caseworker {
		return callv1.AnswerReply{}, errs.E(errs.Conflict, "En anden medarbejder har taget opkaldet.", nil)
	}
	d, sdp, err := c.newDesk(ctx, r.Caseworker, r.SDP)
	if err != nil {
		return callv1.AnswerReply{}, err
	}
	reply := make(chan error, 1)
	if err := c.ask(ctx, connect{d, reply}, reply); err != nil {
		d.phone.Close()
		return callv1.AnswerReply{}, err
	}
	call := *c.snap.Load()
	call.Caseworker = r.Caseworker
	return callv1.AnswerReply{Call: call, SDP: sdp}, nil
}

// dial places an outgoing call; the answer comes at once, the call goes on ringing.
func (s *Service) dial(ctx context.Context, r callv1.DialRequest) (callv1.AnswerReply, error) {
	area, ok := s.cfg.Areas.ID(r.ServiceArea)
	if !ok {
		return callv1.AnswerReply{}, errs.E(errs.NotFound, "Fagområdet findes ikke.", nil)
	}
	if r.Caseworker == "" {
		return callv1.AnswerReply{}, errs.E(errs.Invalid, "", errors.New("no caseworker"))
	}
	uri, err := s.cfg.Trunk.URI(r.To)
	if err != nil {
		return callv1.AnswerReply{}, err
	}
	c := s.newCall(callv1.ChannelOutgoing, area)
	c.party = callv1.Party{Number: r.To, URI: uri}
	c.caseworker, c.regarding = r.Caseworker, r.Regarding
	peer := uri
	if s.cfg.Trunk.Proxy != "" {
		peer = s.cfg.Trunk.Proxy
	}
	l, err := s.newEnd(hostOf(peer))
	if err != nil {
		return callv1.AnswerReply{}, errs.E(errs.Limited, "", err)
	}
	c.line = l
	if s.cfg.OfferText {
		l.OfferText()
	}
	l.sit(&seat{call: c, ear: &c.ear})
	d, sdp, err := c.newDesk(ctx, r.Caseworker, r.SDP)
	if err != nil {
		l.Close()
		return callv1.AnswerReply{}, err
	}
	c.desk = d
	c.watchDesk(s.cfg.Times.Connect)
	c.state = callv1.StateRinging
	c.s.cfg.Metrics.state("", callv1.StateRinging)
	c.snapshot()
	call := *c.snap.Load()
	s.start(c, dialing)
	return callv1.AnswerReply{Call: call, SDP: sdp}, nil
}

func (s *Service) control(ctx context.Context, r callv1.ControlRequest) (callv1.Call, error) {
	c, err := s.find(r.ConversationID)
	if err != nil {
		return callv1.Call{}, err
	}
	reply := make(chan error, 1)
	if err := c.ask(ctx, control{r, reply}, reply); err != nil {
		return callv1.Call{}, err
	}
	return *c.snap.Load(), nil
}

func (s *Service) demo(ctx context.Context, r callv1.DemoRequest) (callv1.DemoReply, error) {
	if s.cfg.Demo == nil {
		return callv1.DemoReply{}, errs.E(errs.Unavailable, "Demoopkald er slået fra.", nil)
	}
	id, err := s.cfg.Demo(ctx, r)
	if err != nil {
		return callv1.DemoReply{}, err
	}
	return callv1.DemoReply{ConversationID: id}, nil
}
