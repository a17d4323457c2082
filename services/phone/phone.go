// Package phone is the telephone service: SIP trunks, SIPREC recorders, the
// caseworkers' softphones, queues and messages. Run wires it together; the parts
// are in internal: sipua (SIP), offer (SDP), line (a party on the telephone),
// softphone (a party in the browser), announce (what callers hear), calls (what
// happens), guest (telephones in meetings). The dialer folder is a client to call with.
package phone

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/models/tts"
	"samtale.dk/samtale/models/tts/espeak"
	seeds "samtale.dk/samtale/seeds/calls"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/phone/internal/calls"
	"samtale.dk/samtale/services/phone/internal/demo"
	"samtale.dk/samtale/services/phone/internal/guest"
	"samtale.dk/samtale/services/phone/internal/line"
	"samtale.dk/samtale/services/phone/internal/sipua"
	"samtale.dk/samtale/services/phone/internal/softphone"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
)

// flushLimit is how long stopping waits, after the calls, for events and audio.
const flushLimit = 10 * time.Second

// Run serves calls until ctx is done, then lets them finish within SAMTALE_DRAIN.
func Run(ctx context.Context, env process.Env) error {
	var cfg Settings
	if err := env.Load(&cfg); err != nil {
		return err
	}
	parts, err := cfg.parse()
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if env.CheckOnly {
		return nil
	}
	log := env.Log.With("service", "phone")
	var ready atomic.Pointer[sipua.UA] // set once calls are taken
	env.Health.Add("phone", func(ctx context.Context) error {
		u := ready.Load()
		if u == nil {
			return errs.E(errs.Unavailable, "", errors.New("not listening yet"))
		}
		return u.Probe(ctx)
	})
	b, err := env.Connect("phone", cfg.Bus)
	if err != nil {
		return err
	}
	defer b.Close()
	err = b.EnsureStreams(ctx, streams.Call(), streams.Consent(), streams.Transcript())
	if err != nil {
		return err
	}
	keys, err := seal.NewRing(b)
	if err != nil {
		return err
	}
	feed := audiofeed.New(audiofeed.Config{Name: "phone", Bus: b, Log: log, Metrics: env.Metrics, MaxLegs: 2 * cfg.MaxCalls})
	defer feed.Close()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	areas := calls.NewAreas(b, log)
	go areas.Run(work)
	sounds := announce.New(cfg.recordings(), voice(), log)
	go sounds.Speak(ctx)
	clock := rtpx.NewClock(0)
	phones, err := softphone.NewMaker(cfg.softphone(parts, clock, env))
	if err != nil {
		return err
	}
	demos, err := demo.New(work, demo.Config{Files: seeds.Files, SIP: cfg.loopback(), Bus: b, Log: log})
	if err != nil {
		return err
	}
	metrics := calls.NewMetrics(env.Metrics)
	svc := calls.New(calls.Config{
		Bus: b, Keys: keys, Feed: feed, Areas: areas, Sounds: sounds, Phones: phones,
		Line:     line.Config{Ports: parts.ports, Listen: parts.listen, Public: parts.public, Clock: clock, Log: log},
		Messages: parts.messages, Users: parts.users, RecordArea: cfg.RecordArea, Trunk: cfg.trunk(), Refer: words(cfg.Refer), Times: cfg.times(), Log: log, Metrics: metrics,
		OfferText: cfg.TextOffer,
		Demo:      demos.Play,
	})
	person := func(in *sipua.Incoming, l *line.Line) func() bool {
		if _, ok := areas.ID(cfg.Help); !ok {
			return nil
		}
		return func() bool { return svc.Take(in, l, cfg.Help) }
	}
	guests := guest.New(guest.Config{
		Person: person, Bus: b, Sounds: sounds, Trunk: cfg.trunk(), Numbers: words(cfg.Meetings), Log: log, Metrics: env.Metrics,
		Line:      line.Config{Ports: parts.ports, Listen: parts.listen, Public: parts.public, Clock: clock, Log: log},
		OfferText: cfg.TextOffer, TextPause: cfg.TextPause,
	})
	ua, err := sipua.New(cfg.sip(parts, log, metrics.Refused), reception{guests, svc})
	if err != nil {
		return err
	}
	svc.Attach(ua)
	guests.Attach(ua)
	for _, begin := range []func(context.Context) error{svc.FollowChoices, svc.KeepWills} {
		if err := b.Retry(ctx, func() error { return begin(work) }); err != nil {
			return err
		}
	}
	if err := ua.Start(); err != nil {
		return err
	}
	defer ua.Close()
	go svc.Run(work)
	api, err := svc.Serve()
	if err != nil {
		return err
	}
	defer api.Stop()
	if err := guests.Serve(api); err != nil {
		return err
	}
	ready.Store(ua)
	log.Info("phone is ready", "sip", ua.Addr(), "rtp_ports", cfg.RTPPorts)
	<-ctx.Done()
	ua.Drain()
	drain, cancel := context.WithTimeout(context.Background(), cfg.Drain)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() { guests.Drain(drain) })
	svc.Drain(drain, flushLimit)
	all.Wait()
	return nil
}

// reception sends those who call for a meeting to the guests, and all others to the calls.
type reception struct {
	guests *guest.Service
	calls  *calls.Service
}

// Invite implements sipua.Handler.
func (r reception) Invite(in *sipua.Incoming) {
	if r.guests.Takes(in.User()) {
		r.guests.Invite(in)
		return
	}
	r.calls.Invite(in)
}

// voice is espeak-ng when it is installed.
func voice() tts.Synthesiser {
	v, err := espeak.New(espeak.Config{})
	if err != nil {
		return nil
	}
	return v
}

// listenAddr is the address part of host:port; all addresses when there is none.
func listenAddr(hostport string) (netip.Addr, error) {
	host, _, err := splitHostPort(hostport)
	if err != nil {
		return netip.Addr{}, err
	}
	if host == "" {
		return netip.IPv4Unspecified(), nil
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", host)
	}
	return a, nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
