package sipua

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// listen binds UDP and TCP to the same port, and TLS when configured.
func (u *UA) listen() error {
	pc, l, err := listenBoth(u.cfg.Addr)
	if err != nil {
		return fmt.Errorf("SIP on %s (SAMTALE_SIP_ADDR): %w", u.cfg.Addr, err)
	}
	u.udp, u.tcp = toAddr(pc.LocalAddr()), toAddr(l.Addr())
	u.serve(func() { u.srv.ServeUDP(pc) }, pc)
	u.serve(func() { u.srv.ServeTCP(l) }, l)
	if err := u.serving(); err != nil {
		return err
	}
	if u.cfg.TLSAddr == "" {
		return nil
	}
	if u.cfg.TLS == nil {
		return errors.New("SIP over TLS needs a certificate and its key")
	}
	tl, err := tls.Listen("tcp", u.cfg.TLSAddr, u.cfg.TLS)
	if err != nil {
		return fmt.Errorf("SIP over TLS on %s: %w", u.cfg.TLSAddr, err)
	}
	u.tlsl = toAddr(tl.Addr())
	u.serve(func() { u.srv.ServeTLS(tl) }, tl)
	return nil
}

// serving waits until sipgo knows the UDP socket: a request sent before would try
// to open it again.
func (u *UA) serving() error {
	pool := u.ua.TransportLayer().Pool("udp")
	for range 1000 {
		if c := pool.Get(u.udp.String()); c != nil {
			c.TryClose()
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("SIP: the UDP listener did not start")
}

// connected reports whether a connection to a peer is open.
func (u *UA) connected(transport, peer string) bool {
	c := u.ua.TransportLayer().Pool(transport).Get(peer)
	if c == nil {
		return false
	}
	c.TryClose() // gives the reference back
	return true
}

func (u *UA) serve(f func(), c interface{ Close() error }) {
	u.closers = append(u.closers, func() { c.Close() })
	u.wg.Go(f)
}

// listenBoth tries a few times when the port is 0, since the one that UDP got may
// be taken on TCP. An IPv4 address is listened on as such: Go would open all of
// IPv6 for 0.0.0.0, and peers would see addresses of the other family.
func listenBoth(addr string) (net.PacketConn, net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, err
	}
	family := ""
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		family = "4"
	}
	for range 10 {
		var pc net.PacketConn
		pc, err = net.ListenPacket("udp"+family, addr)
		if err != nil {
			return nil, nil, err
		}
		p := port
		if p == "0" {
			p = strconv.Itoa(pc.LocalAddr().(*net.UDPAddr).Port)
		}
		var l net.Listener
		l, err = net.Listen("tcp"+family, net.JoinHostPort(host, p))
		if err == nil {
			return pc, l, nil
		}
		pc.Close()
	}
	return nil, nil, err
}

func toAddr(a net.Addr) sip.Addr {
	switch a := a.(type) {
	case *net.UDPAddr:
		return sip.Addr{IP: a.IP, Port: a.Port}
	case *net.TCPAddr:
		return sip.Addr{IP: a.IP, Port: a.Port}
	}
	return sip.Addr{}
}

// host is the address that a peer can reach us at.
func (u *UA) host(peer string) string {
	if u.cfg.Host != "" {
		return u.cfg.Host
	}
	if !u.udp.IP.IsUnspecified() {
		return u.udp.IP.String()
	}
	return LocalIP(peer)
}

// LocalIP is the address of the interface that faces peer ("host" or "host:port").
func LocalIP(peer string) string {
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		host = peer
	}
	c, err := net.Dial("udp", net.JoinHostPort(host, "9")) // sends nothing
	if err != nil {
		return "127.0.0.1"
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).IP.String()
}

// bound is the listener's address for a transport.
func (u *UA) bound(transport string) sip.Addr {
	switch sip.NetworkToUpper(transport) {
	case "TLS":
		return u.tlsl
	case "TCP":
		return u.tcp
	}
	return u.udp
}

func (u *UA) contact(transport, peer string) *sip.ContactHeader {
	uri := sip.Uri{Scheme: "sip", User: "samtale", Host: u.host(peer), Port: u.bound(transport).Port}
	if t := sip.NetworkToLower(transport); t != "udp" {
		uri.UriParams = sip.NewParams()
		uri.UriParams.Add("transport", t)
	}
	return &sip.ContactHeader{Address: uri}
}

// quietLogger keeps sipgo's own log lines but not what they quote: messages
// carry phone numbers and names. There is one a second at most: anybody can send nonsense.
func quietLogger(l *slog.Logger) *slog.Logger { return slog.New(quiet{l.Handler(), &pace{}}) }

type quiet struct {
	next slog.Handler
	pace *pace
}

// pace lets one line a second pass and counts the others.
type pace struct {
	mu   sync.Mutex
	last time.Time
	kept int
}

func (p *pace) pass(now time.Time) (kept int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.last) < time.Second {
		p.kept++
		return 0, false
	}
	kept, p.kept, p.last = p.kept, 0, now
	return kept, true
}

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l > slog.LevelInfo && q.next.Enabled(ctx, l-4)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	kept, ok := q.pace.pass(r.Time)
	if !ok {
		return nil
	}
	out := slog.NewRecord(r.Time, min(r.Level, slog.LevelWarn), "SIP stack: "+r.Message, r.PC)
	if kept > 0 {
		out.AddAttrs(slog.Int("others_before", kept))
	}
	return q.next.Handle(ctx, out)
}

func (q quiet) WithAttrs([]slog.Attr) slog.Handler { return q }

func (q quiet) WithGroup(string) slog.Handler { return q }
