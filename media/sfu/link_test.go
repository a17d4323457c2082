package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

// link is a network between clients and the SFU: it loses, doubles and counts what it carries. Handshakes and checks pass.
type link struct {
	sfu   netip.AddrPort
	front *net.UDPConn

	mu     sync.Mutex
	back   map[netip.AddrPort]*net.UDPConn
	random *rand.Rand
	up     float64 // loss of media towards the SFU, and from it
	down   float64
	double bool        // everything towards the SFU comes twice
	bad    bool        // and once with a byte changed
	dead   bool        // nothing comes, either way
	gone   map[id]bool // media that was lost
}

// id is a packet's.
type id struct {
	ssrc uint32
	seq  uint16
}

func newLink(t *testing.T, s *SFU) *link {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	l := &link{sfu: s.UDP()[0], front: front, back: map[netip.AddrPort]*net.UDPConn{}, gone: map[id]bool{}, random: rand.New(rand.NewPCG(1, 1))}
	go l.forward(t)
	t.Cleanup(l.close)
	return l
}

func (l *link) close() {
	l.front.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.back {
		c.Close()
	}
}

// through makes a description lead through the link.
func (l *link) through(sdp string) string {
	direct := "127.0.0.1 " + portOf(l.sfu)
	return strings.ReplaceAll(sdp, direct, "127.0.0.1 "+portOf(l.front.LocalAddr().(*net.UDPAddr).AddrPort()))
}

func portOf(a netip.AddrPort) string { return strings.TrimPrefix(a.String(), a.Addr().String()+":") }

func (l *link) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func media(b []byte) bool { return len(b) > 0 && b[0] >= 128 && b[0] < 192 }

func (l *link) loses(share float64, b []byte) bool {
	if l.dead {
		return true
	}
	if !media(b) || l.random.Float64() >= share {
		return false
	}
	if len(b) >= 12 && !packet.IsRTCP(b) {
		l.gone[id{binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[2:])}] = true
	}
	return true
}

// repaired counts the packets of a stream that were lost here and came nevertheless.
func (l *link) repaired(ssrc uint32, came func(seq uint16) bool) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.gone {
		if p.ssrc == ssrc && came(p.seq) {
			n++
		}
	}
	return n
}

func (l *link) forward(t *testing.T) {
	buf := make([]byte, 2000)
	for {
		n, from, err := l.front.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		l.mu.Lock()
		back := l.back[from]
		if back == nil {
			back, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(l.sfu))
			if err != nil {
				t.Error(err)
				l.mu.Unlock()
				return
			}
			l.back[from] = back
			go l.backward(back, from)
		}
		lost, double, bad := l.loses(l.up, buf[:n]), l.double && media(buf[:n]), l.bad && media(buf[:n])
		l.mu.Unlock()
		if lost {
			continue
		}
		_, _ = back.Write(buf[:n])
		if double {
			_, _ = back.Write(buf[:n])
		}
		if bad {
			buf[n-1] ^= 1
			_, _ = back.Write(buf[:n])
		}
	}
}

func (l *link) backward(back *net.UDPConn, to netip.AddrPort) {
	buf := make([]byte, 2000)
	for {
		n, err := back.Read(buf)
		if err != nil {
			return
		}
		l.mu.Lock()
		lost := l.loses(l.down, buf[:n])
		l.mu.Unlock()
		if !lost {
			_, _ = l.front.WriteToUDPAddrPort(buf[:n], to)
		}
	}
}
