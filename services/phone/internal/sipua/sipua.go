// Package sipua is the user-agent core of the phone service: SIP transports,
// dialogs, the INVITE machinery on both sides, re-INVITE and UPDATE with glare,
// session timers (RFC 4028), reliable provisional responses (RFC 3262), REFER, Replaces,
// digest, and the limits at the edge. It stands on sipgo's transport and
// transaction layers and knows nothing of media or of what a call is for.
//
// A UA owns its sockets and the table of dialogs. Every request runs on its own
// goroutine (sipgo's); a Dialog guards itself with a mutex and calls its Peer
// without holding it. DESIGN.md tells who may call what when.
package sipua

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

const (
	// allow is what the UA answers to inside and outside dialogs.
	allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY, PRACK"
	// accept is the bodies that an INVITE may carry (RFC 7866 for multipart).
	accept = "application/sdp, multipart/mixed, application/dtmf-relay, application/rs-metadata+xml"
	// supported option tags.
	supported = "timer, 100rel, replaces"

	// DefaultSessionExpires is what we ask for when the other side has no wish.
	DefaultSessionExpires = 30 * time.Minute
	// DefaultMinSE is the shortest refresh interval we accept (RFC 4028, section 5).
	DefaultMinSE = 90 * time.Second

	// maxMessage bounds a datagram that we send. sipgo's default of 1300 bytes
	// refuses answers to requests with long Via chains; responses may not change
	// transport, so fragments are the lesser evil.
	maxMessage = 8192
)

// Config of a UA. Zero values of the durations and limits mean the defaults.
type Config struct {
	Addr    string // UDP and TCP, host:port; port 0 picks one for both
	TLSAddr string // empty: no TLS listener
	TLS     *tls.Config
	Host    string // in Contact and Via; empty: the address that faces the peer
	Name    string // User-Agent and Server

	Access         Access
	MaxDialogs     int     // calls at once; more get 503 [500]
	Rate           float64 // new calls a second from one address [20]
	Burst          int     // [60]
	SessionExpires time.Duration
	MinSE          time.Duration

	Log *slog.Logger
	// Refused counts requests that were turned away before they became a call.
	Refused func(reason string)
}

func (c Config) withDefaults() Config {
	if c.MaxDialogs <= 0 {
		c.MaxDialogs = 500
	}
	if c.Rate <= 0 {
		c.Rate = 20
	}
	if c.Burst <= 0 {
		c.Burst = 60
	}
	if c.SessionExpires <= 0 {
		c.SessionExpires = DefaultSessionExpires
	}
	if c.MinSE <= 0 {
		c.MinSE = DefaultMinSE
	}
	if c.Name == "" {
		c.Name = "Samtale"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Refused == nil {
		c.Refused = func(string) {}
	}
	return c
}

// Handler takes new calls. Invite runs on the request's goroutine and must have
// answered or rejected when it returns; what then goes on runs elsewhere.
type Handler interface {
	Invite(in *Incoming)
}

// Peer is the owner of a dialog: what the call does when the other side asks.
// Methods are called one at a time per kind of transaction, never under a lock.
type Peer interface {
	// Offer takes a new offer and returns the answer; an error is answered 488.
	Offer(b Body) (answer []byte, err error)
	// LocalOffer is our full present description, for refreshes and late offers.
	LocalOffer() ([]byte, error)
	// Answer takes the answer to an offer that we made in a 200.
	Answer(b Body) error
	// Info takes the body of an INFO; false is answered 415.
	Info(b Body) bool
	// Ended says that the dialog is over and why: "bye", "timeout", "gone".
	Ended(reason string)
}

// Body is a message body with its type.
type Body struct {
	Type string
	Data []byte
}

// Empty reports whether there is no body.
func (b Body) Empty() bool { return len(b.Data) == 0 }

// UA is the user-agent core.
type UA struct {
	cfg     Config
	ua      *sipgo.UserAgent
	srv     *sipgo.Server
	client  *sipgo.Client
	handler Handler
	limit   *rateLimit
	nonces  *nonces

	udp, tcp, tlsl sip.Addr // bound addresses

	mu       sync.Mutex
	dialogs  map[string]*Dialog // by Call-ID and our tag
	past     map[string]string  // remote tags of dialogs that ended lately; see remember
	pending  map[string]string  // INVITEs at work: Call-ID, From tag, CSeq → branch
	draining atomic.Bool
	closers  []func()
	wg       sync.WaitGroup
}

// stack sets once what sipgo has for the whole process.
var stack sync.Once

// New makes a UA that does not listen yet.
func New(cfg Config, h Handler) (*UA, error) {
	stack.Do(func() {
		sip.UDPMTUSize = maxMessage
		// Connections log addresses of callers here, outside any UA's logger.
		sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
	})
	cfg = cfg.withDefaults()
	quiet := quietLogger(cfg.Log)
	ua, err := sipgo.NewUA(
		sipgo.WithUserAgent(cfg.Name),
		sipgo.WithUserAgenTLSConfig(cfg.TLS),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet),
			sip.WithTransportLayerReadFilter(newPeers(cfg).filter)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})),
	)
	if err != nil {
		return nil, fmt.Errorf("SIP: %w", err)
	}
	u := &UA{
		cfg: cfg, ua: ua, handler: h,
		limit: newRateLimit(cfg.Rate, cfg.Burst), nonces: newNonces(),
		dialogs: map[string]*Dialog{}, past: map[string]string{}, pending: map[string]string{},
	}
	u.srv, err = sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		return nil, fmt.Errorf("SIP: %w", err)
	}
	u.client, err = sipgo.NewClient(ua, sipgo.WithClientLogger(quiet))
	if err != nil {
		return nil, fmt.Errorf("SIP: %w", err)
	}
	u.routes()
	return u, nil
}

// Start opens the sockets; when it fails nothing stays open.
func (u *UA) Start() error {
	err := u.listen()
	if err != nil {
		u.Close()
	}
	return err
}

func (u *UA) routes() {
	for m, h := range map[sip.RequestMethod]sipgo.RequestHandler{
		sip.INVITE: u.onInvite, sip.ACK: u.onAck, sip.CANCEL: u.onCancel, sip.BYE: u.onBye, sip.OPTIONS: u.onOptions,
		sip.INFO: u.onInfo, sip.UPDATE: u.onUpdate, sip.PRACK: u.onPrack, sip.NOTIFY: u.onNotify, sip.REFER: u.onRefer,
	} {
		u.srv.OnRequest(m, u.guarded(h))
	}
	u.srv.OnNoRoute(u.guarded(func(req *sip.Request, tx sip.ServerTransaction) {
		u.respond(tx, u.response(req, sip.StatusMethodNotAllowed, "Method Not Allowed", Body{}))
	}))
}

// guarded keeps a fault in the handling of one message from ending all calls. What belongs to no call of ours is answered without a
// state (RFC 3261 section 8.2.7), as are INVITEs that are not admitted: a transaction stands for 32 s and repeats its answer, so that a
// flood would fill the memory, and we would flood whoever it pretends to come from.
func (u *UA) guarded(h sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		defer func() {
			if p := recover(); p != nil {
				u.cfg.Log.Error("SIP request handler panicked", "method", req.Method, "panic", p, "stack", string(debug.Stack()))
				u.refuse(req, tx, "panic", sip.StatusInternalServerError, "Server Internal Error")
			}
		}()
		ours := req.Method == sip.INVITE || u.find(req) != nil
		h(req, tx)
		if !ours {
			tx.Terminate()
		}
	}
}

// Addr is where UDP and TCP listen.
func (u *UA) Addr() string { return u.udp.String() }

// Dialogs is the number of live dialogs.
func (u *UA) Dialogs() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.dialogs)
}

// Drain refuses new calls with 503 from now on.
func (u *UA) Drain() { u.draining.Store(true) }

// Probe sends an OPTIONS to our own listener and wants 200: the transport, the
// parser and the transaction layer are all at work.
func (u *UA) Probe(ctx context.Context) error {
	host := u.udp.IP.String()
	if u.udp.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	req := sip.NewRequest(sip.OPTIONS, sip.Uri{Scheme: "sip", User: "probe", Host: host, Port: u.udp.Port})
	req.SetTransport("UDP")
	req.SetDestination(net.JoinHostPort(host, strconv.Itoa(u.udp.Port)))
	// Without Laddr sipgo would take the listener's own socket for a connection
	// to itself; a fresh one makes it a real round trip.
	res, err := u.client.Do(ctx, req)
	if err != nil {
		return fmt.Errorf("SIP probe: %w", err)
	}
	if res.StatusCode != sip.StatusOK {
		return fmt.Errorf("SIP probe: answered %d", res.StatusCode)
	}
	return nil
}

// Close ends all transports without goodbye; see Drain and Dialog.Bye for a
// graceful end.
func (u *UA) Close() {
	u.mu.Lock()
	ds := make([]*Dialog, 0, len(u.dialogs))
	for _, d := range u.dialogs {
		ds = append(ds, d)
	}
	u.mu.Unlock()
	for _, d := range ds {
		d.end("gone")
	}
	for _, c := range u.closers {
		c()
	}
	u.ua.Close()
	u.wg.Wait()
}
