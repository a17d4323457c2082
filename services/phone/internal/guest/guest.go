// Package guest brings telephones into meetings: callers who key in a code, and people whom a meeting has called. The meeting is
// another service's: a guest is its client with a seat, as a browser is, and what is said is the meeting's conversation, not one
// of ours. So nothing is recorded, transcribed or told here, and a number goes no further than this package.
//
// A Service owns the visits. Each visit has one goroutine that goes through its steps from top to bottom; SIP, media and the bus
// only post to it. Sound takes another way: the media clock hands it to the mouth (what the guest says) and takes it from the
// stage (what the guest hears).
package guest

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/phone/internal/line"
	"samtale.dk/samtale/services/phone/internal/sipua"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Trunk is where calls go out.
type Trunk interface {
	URI(number string) (string, error)
	Outgoing(uri string) sipua.Outgoing
}

// Config of a Service.
type Config struct {
	Bus    *bus.Bus
	Sounds *announce.Library
	Line   line.Config // UA is set by Attach
	Trunk  Trunk
	// OfferText: those who are called are offered real-time text. TextPause is without typing, after which a line is ended.
	OfferText bool
	TextPause time.Duration
	Numbers   []string // SIP users that are called for meetings
	// Person tells how a caller without a code gets to a person: the line is another's then, unless take says no. Nil: not at all.
	Person  func(in *sipua.Incoming, l *line.Line) (take func() bool)
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Service is all guests of a process.
type Service struct {
	cfg     Config
	visits  *prometheus.GaugeVec   // way
	ends    *prometheus.CounterVec // way, outcome
	dropped prometheus.Counter
	secret  []byte          // makes callers' numbers unreadable; new with each process
	ctx     context.Context // of all visits
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// New returns a Service without guests. Drain ends it.
func New(cfg Config) *Service {
	s := &Service{
		cfg: cfg, secret: []byte(rand.Text()),
		visits: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "samtale_phone_guests", Help: "Telephones on their way into meetings, or in them."}, []string{"way"}),
		ends:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "samtale_phone_guests_total", Help: "Telephones for meetings, by how far they came."}, []string{"way", "outcome"}),
	}
	s.dropped = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "samtale_phone_guest_frames_dropped_total", Help: "Frames of a meeting's sound (20 ms) that a telephone did not take in time.",
	})
	s.ctx, s.stop = context.WithCancel(context.Background())
	cfg.Metrics.MustRegister(s.visits, s.ends, s.dropped)
	return s
}

// Attach tells which user agent to call through; before the first call.
func (s *Service) Attach(u *sipua.UA) { s.cfg.Line.UA = u }

// Takes tells whether a SIP user is a number for meetings.
func (s *Service) Takes(user string) bool {
	return slices.ContainsFunc(s.cfg.Numbers, func(n string) bool { return strings.EqualFold(n, user) })
}

// ways that visits come about.
const (
	wayIn  = "in"
	wayOut = "out"
)

// Invite answers a caller.
func (s *Service) Invite(in *sipua.Incoming) {
	v, err := s.visit(wayIn, in.Source())
	if err != nil {
		in.Reject(sip.StatusServiceUnavailable, "Service Unavailable", sip.NewHeader("Retry-After", "10"))
		return
	}
	_, number, _ := in.From()
	v.caller, v.tail = s.caller(number), number[max(0, len(number)-2):]
	v.person = s.cfg.Person(in, v.line)
	err = in.Progress(sip.StatusRinging, "Ringing", sipua.Body{})
	if err == nil {
		err = v.line.Accept(in, "")
	}
	if err != nil {
		v.line.Close()
		var n *line.NegotiationError
		if errors.As(err, &n) {
			in.RejectText(sip.StatusNotAcceptableHere, "Not Acceptable Here", err.Error())
		}
		return
	}
	s.start(v, v.dialledIn)
}

// caller tells callers apart without saying who they are; empty when the number is withheld.
func (s *Service) caller(number string) string {
	if number == "" || strings.EqualFold(number, "anonymous") {
		return ""
	}
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(number))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// bring calls somebody for a meeting. The answer comes at once; what comes of the call is told by meetingv1.LineSubject.
func (s *Service) bring(_ context.Context, r meetingv1.BringRequest) (meetingv1.BringReply, error) {
	uri, err := s.cfg.Trunk.URI(r.To)
	if err != nil {
		return meetingv1.BringReply{}, err
	}
	out := s.cfg.Trunk.Outgoing(uri)
	peer := uri
	if out.Via != "" {
		peer = out.Via
	}
	v, err := s.visit(wayOut, hostOf(peer))
	if err != nil {
		return meetingv1.BringReply{}, errs.E(errs.Limited, "Alle telefonlinjer er optaget. Prøv igen om lidt.", err)
	}
	v.seat, v.area, v.asks, v.language = r.Seat, r.ServiceArea, r.Transcript, r.Language
	s.start(v, func() string { return v.calledUp(out) })
	return meetingv1.BringReply{}, nil
}

func hostOf(uri string) string {
	var u sip.Uri
	if err := sip.ParseUri(uri, &u); err != nil {
		return ""
	}
	return u.Host
}

// Serve answers requests on the bus as part of svc.
func (s *Service) Serve(svc micro.Service) error {
	if err := bus.Handle(s.cfg.Bus, svc, meetingv1.BringSubject, atOnce, s.bring); err != nil {
		return fmt.Errorf("phone requests: %w", err)
	}
	return nil
}

// atOnce bounds the requests that are worked on.
const atOnce = 64

func (s *Service) start(v *visit, run func() string) {
	s.visits.WithLabelValues(v.way).Inc()
	s.wg.Go(func() {
		outcome := run()
		v.end()
		s.visits.WithLabelValues(v.way).Dec()
		s.ends.WithLabelValues(v.way, outcome).Inc()
		v.log.Info("a telephone's visit is over", "outcome", outcome)
	})
}

// Drain lets the visits end by themselves as long as ctx lives, then ends them.
func (s *Service) Drain(ctx context.Context) {
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	s.stop()
	<-done
}

// requestLimit is how long a visit waits for the meeting service: longer, and the caller must be told.
const requestLimit = 5 * time.Second

// nodePatience is how long one node may take before another is asked, too: it may hang, and not yet be known to.
const nodePatience = 400 * time.Millisecond

// ask sends a request to the meeting service, again while it says that it takes a moment.
func ask[Resp, Req any](v *visit, subject string, r Req) (Resp, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.s.ctx), requestLimit)
	defer cancel()
	return bus.Insist[Resp](ctx, v.s.cfg.Bus, subject, r, nodePatience, func(err error) bool {
		var e *errs.Error
		return errors.As(err, &e) && e.Kind == errs.Unavailable && e.RetryAfter > 0
	})
}
