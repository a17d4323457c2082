package sipua

import (
	"net"
	"net/netip"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// maxPeers bounds the UDP addresses that may send to us until the next start: sipgo
// remembers every one for ever, and sender addresses of UDP can be made up. Listed
// trunks are always heard.
const maxPeers = 100_000

// peers counts UDP sources.
type peers struct {
	access  Access
	limit   int
	refused func(reason string)

	mu   sync.Mutex
	seen map[netip.AddrPort]struct{}
}

func newPeers(cfg Config) *peers {
	return &peers{access: cfg.Access, limit: maxPeers, refused: cfg.Refused, seen: map[netip.AddrPort]struct{}{}}
}

// filter is a sip.TransportReadFilter: nothing returned drops the packet.
func (p *peers) filter(info sip.TransportReadProps, data []byte) ([]byte, error) {
	a, ok := info.RemoteAddr.(*net.UDPAddr)
	if !ok {
		return data, nil // connections are forgotten when they close
	}
	ap := a.AddrPort()
	if p.access.listed(ap.Addr().Unmap()) {
		return data, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.seen[ap]; known {
		return data, nil
	}
	if len(p.seen) >= p.limit {
		p.refused("sources")
		return nil, nil
	}
	p.seen[ap] = struct{}{}
	return data, nil
}
