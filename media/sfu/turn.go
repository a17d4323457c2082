package sfu

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v3"
	"github.com/pion/turn/v5"
)

// turnServer relays for clients whose network lets nothing else through (RFC 8656).
type turnServer struct {
	server *turn.Server
	urls   []string
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
	sc := turn.ServerConfig{
		Realm: cfg.Realm, LoggerFactory: silence{},
		AuthHandler: s.login,
	}
	if sc.Realm == "" {
		sc.Realm = "samtale"
	}
	reach := newReach(s)
	held := &held{by: map[string]int{}}
	sc.QuotaHandler = held.room
	sc.EventHandler.OnAllocationCreated = held.taken
	sc.EventHandler.OnAllocationDeleted = held.freed
	if err := turnListen(cfg, reach, &sc); err != nil {
		closeAll(&sc)
		return nil, err
	}
	server, err := turn.NewServer(sc)
	if err != nil {
		closeAll(&sc)
		return nil, fmt.Errorf("sfu TURN: %w", err)
	}
	return &turnServer{server: server, urls: cfg.URLs, reach: reach}, nil
}

// login checks what TURN mints: the user's name is "EXPIRES:USER:KEPT". Without KEPT it is of the release before.
func (s *SFU) login(a *turn.RequestAttributes) (user string, key []byte, ok bool) {
	at := strings.Split(a.Username, ":")
	if len(at) != 2 && len(at) != 3 {
		return "", nil, false
	}
	until := at[0]
	if a.Method != stun.MethodAllocate && len(at) == 3 {
		until = at[2]
	}
	end, err := strconv.ParseInt(until, 10, 64)
	if err != nil || s.now().Unix() > end {
		return "", nil, false
	}
	return at[1], turn.GenerateAuthKey(a.Username, a.Realm, s.password(a.Username)), true
}

// password is the one that the user's name has by draft-uberti-behave-turn-rest, so that another TURN server may check it.
func (s *SFU) password(username string) string {
	mac := hmac.New(sha1.New, []byte(s.cfg.TURN.Secret))
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
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

// maxRelays is how many relays one participant may hold at once: two connections by some ways and over some networks, and again while
// the ones of a page that was loaded anew have not expired.
const maxRelays = 40

// held counts who holds how many relays.
type held struct {
	mu sync.Mutex
	by map[string]int
}

func (h *held) room(user, _ string, _ net.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.by[user] < maxRelays
}

func (h *held) taken(_, _ net.Addr, _, user, _ string, _ net.Addr, _ int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.by[user]++
}

func (h *held) freed(_, _ net.Addr, _, user, _ string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by[user]--; h.by[user] <= 0 {
		delete(h.by, user)
	}
}

// reach is what a relay may talk to: this SFU's UDP ports. Whatever else listens at the same addresses is not for those who are let
// into a meeting.
type reach struct {
	turn.RelayAddressGeneratorStatic
	ours  map[netip.Addr]bool
	ports map[netip.AddrPort]bool
}

func newReach(s *SFU) *reach {
	r := &reach{ours: map[netip.Addr]bool{}, ports: map[netip.AddrPort]bool{}}
	for _, p := range s.ports {
		addrs, _ := s.addresses(p.socks[0].LocalAddr())
		for _, a := range addrs {
			r.ours[a.Addr()], r.ports[a] = true, true
			if !r.RelayAddress.IsGlobalUnicast() {
				r.RelayAddress = a.Addr().AsSlice()
			}
		}
		r.Address = p.socks[0].LocalAddr().Addr().String()
	}
	return r
}

// permit lets a client reach the SFU's addresses and no others: an open relay would be used for all sorts of things. It is asked
// without the port.
func (r *reach) permit(_ net.Addr, peer net.IP) bool {
	a, ok := netip.AddrFromSlice(peer)
	return ok && r.ours[a.Unmap()]
}

// AllocatePacketConn implements turn.RelayAddressGenerator: what is relayed goes to the SFU's ports.
func (r *reach) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	conn, addr, err := r.RelayAddressGeneratorStatic.AllocatePacketConn(c)
	if err != nil {
		return nil, nil, err
	}
	return relay{conn, r.ports}, addr, nil
}

var errRelayTCP = errors.New("sfu TURN: only UDP is relayed")

// AllocateListener implements turn.RelayAddressGenerator. Relays of TCP (RFC 6062) would lead to every service of this machine, and
// media needs none.
func (r *reach) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errRelayTCP
}

// AllocateConn implements turn.RelayAddressGenerator.
func (r *reach) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errRelayTCP }

// relay is a relay's socket. What is for elsewhere than some ports is dropped, as a network would.
type relay struct {
	net.PacketConn
	ports map[netip.AddrPort]bool
}

// WriteTo implements net.PacketConn.
func (r relay) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok || !r.ports[netip.AddrPortFrom(u.AddrPort().Addr().Unmap(), u.AddrPort().Port())] {
		return len(b), nil
	}
	return r.PacketConn.WriteTo(b, to)
}

// TURN mints credentials for the built-in TURN server, by which relays can be made for so long, and those that are there kept up for so
// long: a client goes on with the login that it came by, and is asked for it each time (RFC 8656 section 7.3). False: there is no server.
func (s *SFU) TURN(user string, life, kept time.Duration) (ICEServer, bool) {
	if s.turn == nil {
		return ICEServer{}, false
	}
	now := s.now()
	name := fmt.Sprintf("%d:%s:%d", now.Add(life).Unix(), user, now.Add(kept).Unix())
	return ICEServer{URLs: s.turn.urls, Username: name, Credential: s.password(name)}, true
}
