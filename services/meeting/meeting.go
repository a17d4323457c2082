// Package meeting is the service of video meetings: bookings with their invitations, the lobby, and the rooms with their media
// (media/sfu). What is said is sent to the recogniser a person at a time, and the conversation goes to the journal as a call's
// does.
package meeting

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/activity"
	"samtale.dk/samtale/services/meeting/internal/app"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/invite"
	"samtale.dk/samtale/services/meeting/internal/nodes"
	"samtale.dk/samtale/services/meeting/internal/recording"
	"samtale.dk/samtale/services/meeting/internal/room"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/areas"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/temporal"
	"samtale.dk/samtale/workflows/meeting"
	"samtale.dk/samtale/workflows/phonecall"
)

// Settings of the meeting service.
type Settings struct {
	process.Common
	Temporal temporal.Config
	DB       string   `env:"SAMTALE_MEETING_DB"`                           // empty: SQLite in the data folder
	UDP      []string `env:"SAMTALE_MEETING_UDP" envDefault:"127.0.0.1:0"` // media of all rooms; 0: a free port
	TCP      []string `env:"SAMTALE_MEETING_TCP"`                          // for networks without UDP
	IPs      []string `env:"SAMTALE_MEETING_PUBLIC_IP"`                    // told to browsers behind 1:1 NAT
	TURN     []string `env:"SAMTALE_MEETING_TURN_UDP"`                     // built-in TURN server; empty: none
	TURNTCP  []string `env:"SAMTALE_MEETING_TURN_TCP"`
	TURNTLS  []string `env:"SAMTALE_MEETING_TURN_TLS"`      // for networks that let nothing but HTTPS out
	TURNCert string   `env:"SAMTALE_MEETING_TURN_TLS_CERT"` // PEM; usually by SAMTALE_MEETING_TURN_TLS_CERT_FILE
	TURNKey  string   `env:"SAMTALE_MEETING_TURN_TLS_KEY"`  // PEM; usually by SAMTALE_MEETING_TURN_TLS_KEY_FILE
	TURNURLs []string `env:"SAMTALE_MEETING_TURN_URLS"`     // how browsers reach it, as turn:meet1.example.dk:3478
	// Recordings is the folder of the recordings of meetings, which all nodes share; empty: in the data folder. A meeting's has at
	// most so many MB, and so many of the disk are left free.
	Recordings     string `env:"SAMTALE_MEETING_RECORDINGS"`
	RecordingMB    int64  `env:"SAMTALE_MEETING_RECORDING_MB" envDefault:"8192"`
	RecordingSpare int64  `env:"SAMTALE_MEETING_RECORDING_SPARE_MB" envDefault:"1024"`

	Public   string `env:"SAMTALE_PUBLIC_URL"` // of the portal, for links; empty: http:// and its address
	HTTPAddr string `env:"SAMTALE_HTTP_ADDR" envDefault:"127.0.0.1:8080"`

	// DialIn is the number that people call for meetings; empty: nobody comes by calling.
	DialIn string `env:"SAMTALE_MEETING_DIALIN"`

	Sender      string `env:"SAMTALE_SENDER_NAME" envDefault:"Borgerservice"`
	SenderMail  string `env:"SAMTALE_SENDER_EMAIL" envDefault:"moede@samtale.invalid"`
	SenderPhone string `env:"SAMTALE_CONTACT_PHONE"`
	SenderCVR   string `env:"SAMTALE_SENDER_CVR"` // makes MeMo messages for Digital Post
	SMTP        string `env:"SAMTALE_SMTP"`       // host:port; empty: messages are only kept, to be seen at the desk
	SMTPUser    string `env:"SAMTALE_SMTP_USER"`
	SMTPSecret  string `env:"SAMTALE_SMTP_PASSWORD"`
	SMTPPlain   bool   `env:"SAMTALE_SMTP_PLAIN"` // no TLS: a server on the same machine
}

// seats is the purpose of the key that proves a participant's seat.
const seats = "meeting seats v1"

// codes is the purpose of the key that telephones' codes are kept under.
const codes = "meeting codes v1"

// turns is the purpose of the key that signs TURN credentials. All nodes have the same, so that credentials hold at any of them.
const turns = "meeting turn v1"

// idleLimit is for how long a node that hangs in the middle of a transaction keeps a meeting locked: less than until its rooms are taken.
const idleLimit = time.Second

// maxLegs is how many people are written down at once.
const maxLegs = 500

// addresses finds those that are none.
func (s Settings) addresses() error {
	for name, list := range map[string][]string{"SAMTALE_MEETING_UDP": s.UDP, "SAMTALE_MEETING_TCP": s.TCP, "SAMTALE_SMTP": {s.SMTP}} {
		for _, addr := range list {
			if _, _, err := net.SplitHostPort(addr); addr != "" && err != nil {
				return fmt.Errorf("settings: %s: %q is not HOST:PORT", name, addr)
			}
		}
	}
	for _, ip := range s.IPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			return fmt.Errorf("settings: SAMTALE_MEETING_PUBLIC_IP: %q is not an IP address", ip)
		}
	}
	return nil
}

// Run serves until ctx is done.
func Run(ctx context.Context, env process.Env) error {
	var cfg Settings
	if err := env.Load(&cfg); err != nil {
		return err
	}
	if cfg.DB == "" {
		cfg.DB = "sqlite:" + cfg.Data + "/meeting.db"
	}
	if cfg.Recordings == "" {
		cfg.Recordings = filepath.Join(cfg.Data, "recordings")
	}
	if cfg.Public == "" {
		cfg.Public = "http://" + cfg.HTTPAddr
	}
	relay, err := cfg.relay()
	if err := errors.Join(cfg.Temporal.Check(), cfg.addresses(), err); err != nil || env.CheckOnly {
		return err
	}
	master, err := masterkey.LoadOrCreate(cfg.MasterKey, cfg.Data)
	if err != nil {
		return err
	}
	db, err := platformstore.Open(ctx, cfg.DB)
	if err != nil {
		return fmt.Errorf("meeting: %w", err)
	}
	defer db.Close()
	db.LimitIdle(idleLimit)
	if err := db.Migrate(ctx, store.Migrations()); err != nil {
		return fmt.Errorf("meeting: %w", err)
	}
	b, err := env.Connect("meeting", cfg.Bus)
	if err != nil {
		return err
	}
	defer b.Close()
	relay.Secret = hex.EncodeToString(master.Derive(turns))
	unit, err := sfu.New(sfu.Config{UDP: cfg.UDP, TCP: cfg.TCP, PublicIPs: cfg.IPs, TURN: relay, Log: env.Log.With("service", "meeting")})
	if err != nil {
		return fmt.Errorf("meeting: %w", err)
	}
	defer unit.Close()
	feed := audiofeed.New(audiofeed.Config{Name: "meeting", Bus: b, Log: env.Log, Metrics: env.Metrics, MaxLegs: maxLegs})
	defer feed.Close()
	a, err := assemble(cfg, env, master, store.New(db, event.NewID(time.Now())), b, unit, feed, machine())
	if err != nil {
		return err
	}
	env.Health.Add("meeting", a.Ready)
	return a.Run(ctx)
}

// clocks are what a node has of its machine; tests have their own.
type clocks struct {
	now   func() time.Time
	ran   func() time.Time // see nodes.Config
	after func(d time.Duration, f func()) (stop func() bool)
	cpu   func() float64
	times nodes.Times
	hold  time.Duration // see room.Config
	limit app.Limits
}

func machine() clocks {
	return clocks{
		now:   func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
		ran:   func() time.Time { return time.Now().Round(0) }, // also the time that a machine was suspended for
		after: func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop },
		cpu:   new(nodes.Meter).Read,
	}
}

func assemble(
	cfg Settings, env process.Env, master masterkey.Key, st *store.Store, b *bus.Bus, unit *sfu.SFU, feed *audiofeed.Gateway, on clocks,
) (*app.App, error) {
	ring, err := seal.NewRing(b)
	if err != nil {
		return nil, err
	}
	log := env.Log.With("service", "meeting")
	rules := areas.New(b)
	book := &booking.Book{Store: st, Keys: ring, Areas: rules.All, Now: on.now, DialIn: cfg.DialIn, CodeKey: master.Derive(codes)}
	var a *app.App // made last, of all that follows
	var hall *room.Hall
	others := nodes.New(nodes.Config{
		ID: st.Node(), Bus: b, Log: log, Now: on.now, Ran: on.ran, CPU: on.cpu, Times: on.times,
		Load: func() nodes.Load {
			rooms, people := hall.Rooms()
			return nodes.Load{Rooms: rooms, People: people, Leaving: hall.Leaving(), TURN: cfg.TURNURLs}
		},
		Holders: func(ctx context.Context) ([]string, error) { return st.Read().Holders(ctx) },
		Evict:   func(ctx context.Context, node string) error { return a.Evict(ctx, node) },
		Wake:    func(ctx context.Context) error { return a.Awake(ctx) },
		Evicted: func(ctx context.Context) error { return hall.CheckAll(ctx) },
	})
	archive := &recording.Archive{
		Store: st, Keys: ring, Log: log, Now: on.now, Limit: cfg.RecordingMB << 20, Metrics: recording.NewMetrics(env.Metrics),
		Shelf: recording.Folder{Path: cfg.Recordings, Spare: cfg.RecordingSpare << 20},
	}
	hall = room.New(room.Config{
		Book: book, SFU: unit, Archive: archive, Feed: feed, Bus: b, Keys: ring, Master: master.Derive(seats), Log: log, Now: on.now, After: on.after, Hold: on.hold,
		Successor: others.Successor, TURN: others.TURN, Awake: others.Awake,
		Area: func(ctx context.Context, id string) (consentv1.Area, error) { return area(ctx, rules, id) },
	})
	from := invite.Sender{Name: cfg.Sender, Email: cfg.SenderMail, Phone: cfg.SenderPhone, CVR: cfg.SenderCVR}
	acts := &activity.Activities{
		Book: book, Archive: archive, Bus: b, Way: cfg.way(), Public: strings.TrimSuffix(cfg.Public, "/"), Log: log, Now: on.now, From: from,
		Over: func(ctx context.Context, id string) error { return a.Over(ctx, id) },
	}
	a, err = app.New(app.Config{
		Store: st, Bus: b, Book: book, Hall: hall, Nodes: others, Log: log, Metrics: env.Metrics, Queue: phonecall.WorkflowQueue, Limits: on.limit,
		Alone: strings.HasPrefix(cfg.DB, "sqlite:"),
		Sample: func(s meetingv1.Setup, language string) (meetingv1.Preview, error) {
			return invite.Sample(s, language, from, acts.Public, on.now())
		},
		Dial: func(ctx context.Context) (client.Client, error) {
			return temporal.Dial(ctx, "meeting", cfg.Temporal, master, env.Log)
		},
		Work: func(ctx context.Context, c client.Client) error {
			return temporal.Work(ctx, c, temporal.Worker{Queue: meeting.Queue, Register: func(r worker.Registry) { r.RegisterActivity(acts) }})
		},
	})
	return a, err
}

// relay is the built-in TURN server, without the secret.
func (s Settings) relay() (sfu.TURNConfig, error) {
	c := sfu.TURNConfig{UDP: s.TURN, TCP: s.TURNTCP, TLS: s.TURNTLS, URLs: s.TURNURLs}
	if len(c.UDP)+len(c.TCP)+len(c.TLS) > 0 && len(c.URLs) == 0 {
		return c, errors.New("settings: SAMTALE_MEETING_TURN_URLS: say how browsers reach the TURN server")
	}
	if len(c.TLS) == 0 {
		return c, nil
	}
	pair, err := tls.X509KeyPair([]byte(s.TURNCert), []byte(s.TURNKey))
	if err != nil {
		return c, fmt.Errorf("settings: SAMTALE_MEETING_TURN_TLS_CERT: %w", err)
	}
	c.Certificate = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	return c, nil
}

// way is how messages reach people.
func (s Settings) way() invite.Way {
	if s.SMTP == "" {
		return invite.Kept{}
	}
	return invite.SMTP{Addr: s.SMTP, User: s.SMTPUser, Password: s.SMTPSecret, From: s.SenderMail, NoTLS: s.SMTPPlain}
}

func area(ctx context.Context, rules *areas.Client, id string) (consentv1.Area, error) {
	a, ok, err := rules.Find(ctx, id)
	if err == nil && !ok {
		err = errs.E(errs.NotFound, "Fagområdet findes ikke længere.", nil)
	}
	return a, err
}
