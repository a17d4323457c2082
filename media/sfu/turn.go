package sfu

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/turn/v5"
)

// turnServer relays for clients whose network lets nothing else through (RFC 8656).
type turnServer struct {
	server *turn.Server
	urls   []string
	secret string
	reach  *reach
}

func (t *turnServer) permits(ip net.IP) bool { return t.reach.permit(nil, ip) }

// startTURN returns nil when none is configured.
func startTURN(s *SFU) (*turnServer, error) {
	cfg := s.cfg.TURN
	if len(cfg.UDP)+len(cfg.TCP)+len(cfg.TLS) == 0 {
		return nil, nil
	}
	if cfg.Secret == "" {
		return nil, fmt.Errorf("sfu: TURN without a secret")
	}
	if len(cfg.TLS) > 0 && cfg.Certificate == nil {
		return nil, fmt.Errorf("sfu: TURN over TLS without a certificate")
	}
	log := silence{}.NewLogger("")
	sc := turn.ServerConfig{
		Realm: cfg.Realm, LoggerFactory: silence{},
		AuthHandler: turn.LongTermTURNRESTAuthHandler(cfg.Secret, log),
	}
	if sc.Realm == "" {
		sc.Realm = "samtale"
	}
	reach := newReach(s)
	if err := turnListen(cfg, reach, &sc); err != nil {
		closeAll(&sc)
		return nil, err
	}
	server, err := turn.NewServer(sc)
	if err != nil {
		closeAll(&sc)
		return nil, fmt.Errorf("sfu TURN: %w", err)
	}
	return &turnServer{server: server, urls: cfg.URLs, secret: cfg.Secret, reach: reach}, nil
}

func turnListen(cfg TURNConfig, reach *reach, sc *turn.ServerConfig) error {
	for _, a := range cfg.UDP {
		c, err := net.ListenPacket("udp", a)
		if err != nil {
			return fmt.Errorf("sfu TURN: %w", err)
		}
		sc.PacketConnConfigs = append(sc.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn: c, RelayAddressGenerator: reach, PermissionHandler: reach.permit,
		})
	}
	for i, a := range append(append([]string(nil), cfg.TCP...), cfg.TLS...) {
		ln, err := net.Listen("tcp", a)
		if err != nil {
			return fmt.Errorf("sfu TURN: %w", err)
		}
		if i >= len(cfg.TCP) {
			ln = tls.NewListener(ln, cfg.Certificate)
		}
		sc.ListenerConfigs = append(sc.ListenerConfigs, turn.ListenerConfig{
			Listener: ln, RelayAddressGenerator: reach, PermissionHandler: reach.permit,
		})
	}
	return nil
}

func closeAll(sc *turn.ServerConfig) {
	for _, c := range sc.PacketConnConfigs {
		_ = c.PacketConn.Close()
	}
	for _, l := range sc.ListenerConfigs {
		_ = l.Listener.Close()
	}
}

func (t *turnServer) close() { _ = t.server.Close() }

// reach is what a relay may talk to: this SFU's addresses.
type reach struct {
	turn.RelayAddressGeneratorStatic
	ours map[netip.Addr]bool
}

func newReach(s *SFU) *reach {
	r := &reach{ours: map[netip.Addr]bool{}}
	for _, p := range s.ports {
		addrs, _ := s.addresses(p.socks[0].LocalAddr())
		for _, a := range addrs {
			r.ours[a.Addr()] = true
			if !r.RelayAddress.IsGlobalUnicast() {
				r.RelayAddress = a.Addr().AsSlice()
			}
		}
		r.Address = p.socks[0].LocalAddr().Addr().String()
	}
	return r
}

// permit lets a client reach the SFU and nothing else: an open relay would be used for all sorts of things.
func (r *reach) permit(_ net.Addr, peer net.IP) bool {
	a, ok := netip.AddrFromSlice(peer)
	return ok && r.ours[a.Unmap()]
}

// TURN mints credentials for the built-in TURN server that work for so long. False: there is no server.
func (s *SFU) TURN(user string, life time.Duration) (ICEServer, bool) {
	if s.turn == nil {
		return ICEServer{}, false
	}
	name, password, err := turn.GenerateLongTermTURNRESTCredentials(s.turn.secret, user, life)
	if err != nil {
		return ICEServer{}, false
	}
	return ICEServer{URLs: s.turn.urls, Username: name, Credential: password}, true
}
