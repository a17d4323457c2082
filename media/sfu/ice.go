package sfu

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pion/stun/v3"

	"samtale.dk/samtale/media/sfu/internal/batch"
)

// maxSTUN is the longest request that is looked at.
const maxSTUN = 1280

// stun answers a connectivity check (RFC 8445 section 7.3, as a lite agent). Whoever knows the password of a transport may have its
// media sent to where the request came from; nobody else is answered, so that nothing can be learned or amplified.
func (s *SFU) stun(out *egress, now time.Time, port int, tcp *tcpConn, from netip.AddrPort, b []byte) {
	if len(b) < 20 || len(b) > maxSTUN || !stun.IsMessage(b) {
		return
	}
	m := &stun.Message{Raw: slices.Clone(b)}
	if m.Decode() != nil || m.Type != stun.BindingRequest {
		return
	}
	var user stun.Username
	if user.GetFrom(m) != nil {
		return
	}
	ours, _, _ := strings.Cut(user.String(), ":")
	t := s.findUfrag(ours)
	if t == nil {
		return
	}
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	pwd, ok := t.password(ours)
	if !ok || stun.NewShortTermIntegrity(pwd).Check(m) != nil {
		t.room.stats.Malformed++
		return
	}
	reply := t.checked(now, port, tcp, from, m, pwd)
	if reply == nil {
		return
	}
	if tcp != nil {
		tcp.send(reply.Raw)
		return
	}
	way := path{dst: t.destination(port, from), port: port}
	n := copy(out.slot(&way), reply.Raw)
	out.commit(&way, n)
}

func (t *transport) password(ufrag string) (string, bool) {
	for _, c := range t.creds {
		if c.ufrag == ufrag && !t.closed {
			return c.pwd, true
		}
	}
	return "", false
}

// checked takes a request whose sender is proven, and makes the reply.
func (t *transport) checked(now time.Time, port int, tcp *tcpConn, from netip.AddrPort, m *stun.Message, pwd string) *stun.Message {
	integrity := stun.NewShortTermIntegrity(pwd)
	if m.Contains(stun.AttrICEControlled) {
		// We are lite and never in control (RFC 8445 section 7.3.1.1).
		return build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingError, stun.CodeRoleConflict, integrity, stun.Fingerprint)
	}
	if tcp != nil {
		tcp.transport.Store(t)
	} else {
		t.remember(from)
	}
	if !t.reachable() || m.Contains(stun.AttrUseCandidate) {
		t.move(port, tcp, from)
	}
	t.seen(now)
	t.start()
	return build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: net.IP(from.Addr().AsSlice()), Port: int(from.Port())}, integrity, stun.Fingerprint)
}

func build(setters ...stun.Setter) *stun.Message {
	m, err := stun.Build(setters...)
	if err != nil {
		return nil
	}
	return m
}

// remember lets media come from an address.
func (t *transport) remember(from netip.AddrPort) {
	if slices.Contains(t.addrs, from) {
		return
	}
	if len(t.addrs) == maxAddrs {
		t.sfu.removeTransport(t, nil, t.addrs[:1])
		t.addrs = t.addrs[1:]
	}
	t.addrs = append(t.addrs, from)
	t.sfu.addAddr(from, t)
}

// move sends media to a new place.
func (t *transport) move(port int, tcp *tcpConn, from netip.AddrPort) {
	if tcp != nil {
		t.path = path{tcp: tcp}
		return
	}
	if t.tcp == nil && t.dst != nil && t.port == port && t.dst.Addr == from {
		return
	}
	t.path = path{dst: t.destination(port, from), port: port}
}

func (t *transport) destination(port int, a netip.AddrPort) *batch.Dest {
	if t.tcp == nil && t.dst != nil && t.port == port && t.dst.Addr == a {
		return t.dst
	}
	d := t.sfu.ports[port].socks[0].Dest(a)
	return &d
}
