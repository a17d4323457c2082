package rtpx

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// ErrNoPort says that every port of the range is taken: refuse the call.
var ErrNoPort = errors.New("rtpx: no free port in the range")

// Ports gives out pairs of UDP ports, even for RTP and the next for RTCP (RFC
// 3550 section 11). They go round, so that late packets of a call that ended
// do not reach the next one. It may be used concurrently.
type Ports struct {
	mu        sync.Mutex
	low, high int // both even: first and last RTP port
	next      int
}

// NewPorts takes a range as "20000-20199", both ends included.
func NewPorts(spec string) (*Ports, error) {
	a, b, ok := strings.Cut(spec, "-")
	low, err1 := strconv.Atoi(strings.TrimSpace(a))
	high, err2 := strconv.Atoi(strings.TrimSpace(b))
	if !ok || err1 != nil || err2 != nil {
		return nil, fmt.Errorf("rtpx: port range %q is not like 20000-20199", spec)
	}
	low += low & 1
	last := (high - 1) &^ 1 // its pair must be in the range too
	if low < 1024 || high > 65535 || last < low {
		return nil, fmt.Errorf("rtpx: port range %q has no pair between 1024 and 65535", spec)
	}
	return &Ports{low: low, high: last, next: low}, nil
}

// Len is the number of pairs: the most legs there can be.
func (p *Ports) Len() int { return (p.high-p.low)/2 + 1 }

// listen opens the next free pair.
func (p *Ports) listen(ip netip.Addr) (rtp, rtcp *net.UDPConn, err error) {
	for range p.Len() {
		port := p.take()
		rtp, err = listenUDP(ip, port)
		if err != nil {
			continue
		}
		rtcp, err = listenUDP(ip, port+1)
		if err == nil {
			return rtp, rtcp, nil
		}
		_ = rtp.Close()
	}
	return nil, nil, fmt.Errorf("%w: %w", ErrNoPort, err)
}

func (p *Ports) take() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	port := p.next
	p.next += 2
	if p.next > p.high {
		p.next = p.low
	}
	return port
}

func listenUDP(ip netip.Addr, port int) (*net.UDPConn, error) {
	addr := netip.AddrPortFrom(ip, uint16(port))
	return net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
}
