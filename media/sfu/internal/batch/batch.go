// Package batch reads and writes UDP datagrams many at a time. On Linux it uses recvmmsg and sendmmsg, and gives datagrams of one size
// that go to one place to the kernel as one (UDP_SEGMENT): a call into the kernel per datagram would be most of the cost of forwarding
// it. Only RTCP waits for others, at most ten milliseconds and where much comes.
//
// A Socket may be written by many goroutines, each with a Writer of its own, and is read by one, with a Reader.
package batch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

const (
	// Size is the longest datagram that is taken or sent: an Ethernet frame.
	Size = 1500

	// readSlots: more than one video frame's packets from a few senders.
	readSlots = 64

	// writeSlots holds a picture of five packets to each of 100 receivers, so that it goes out in as many segmented datagrams.
	writeSlots = 512
)

// Dest is where a datagram goes, in the form the kernel takes. The zero Dest is nowhere.
type Dest struct {
	Addr netip.AddrPort
	sa   [28]byte
	n    uint32
}

// Valid reports whether it is somewhere.
func (d *Dest) Valid() bool { return d.n != 0 }

// Socket is a UDP port.
type Socket struct {
	local netip.AddrPort
	v6    bool
	sys   sysSocket
}

// LocalAddr is the address it listens on.
func (s *Socket) LocalAddr() netip.AddrPort { return s.local }

// Close ends Read too.
func (s *Socket) Close() error { return s.sys.close() }

// Dest makes a destination that this socket can send to.
func (s *Socket) Dest(a netip.AddrPort) Dest {
	d := Dest{Addr: a}
	d.encode(s.v6)
	return d
}

// Listen opens n sockets on one address that share its datagrams by sender. More than one is possible on Linux only.
func Listen(address string, n int) ([]*Socket, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("udp address: %w", err)
	}
	network := "udp4"
	if addr.IP != nil && addr.IP.To4() == nil {
		network = "udp6"
	}
	for attempt := 1; ; attempt++ {
		all, err := listen(network, addr, n)
		// Between the look at a free port and its sharing somebody else may get it; another free one will do.
		if err == nil || addr.Port != 0 || attempt == 10 || !errors.Is(err, syscall.EADDRINUSE) {
			return all, err
		}
	}
}

func listen(network string, addr *net.UDPAddr, n int) ([]*Socket, error) {
	// Alone first: a port that another process shares must be an error, not half of the datagrams.
	first, err := net.ListenUDP(network, addr)
	if err != nil {
		return nil, fmt.Errorf("udp: %w", err)
	}
	if !canShare {
		s, err := newSocket(first, nil, network == "udp6")
		if err != nil {
			return nil, err
		}
		return []*Socket{s}, nil
	}
	addr = first.LocalAddr().(*net.UDPAddr)
	if err := first.Close(); err != nil {
		return nil, fmt.Errorf("udp: %w", err)
	}
	return listenShared(network, addr, max(1, n))
}

// newSocket takes one socket, and another one for RTCP if there is one.
func newSocket(media, control *net.UDPConn, v6 bool) (*Socket, error) {
	for _, c := range []*net.UDPConn{media, control} {
		if c != nil {
			// Bursts of many senders must fit while a reader works. The kernel gives what it allows.
			_ = c.SetReadBuffer(4 << 20)
			_ = c.SetWriteBuffer(4 << 20)
		}
	}
	s := &Socket{local: media.LocalAddr().(*net.UDPAddr).AddrPort(), v6: v6}
	if err := s.sys.open(media, control); err != nil {
		return nil, fmt.Errorf("udp: %w", err)
	}
	return s, nil
}

// Counts of a Writer.
type Counts struct {
	Datagrams, Calls, Errors uint64
}

// packet is one datagram waiting to be sent.
type packet struct {
	to   *Dest
	n    int
	next int32 // in the same segment group; -1: last
	buf  [Size]byte
}

// Writer collects datagrams for a socket. It belongs to one goroutine at a time.
type Writer struct {
	sock   *Socket
	n      int
	slots  []packet
	groups []group
	counts Counts
	sys    sysWriter
}

// group is datagrams that go out as one: all of one size but the last, which may be shorter.
type group struct {
	to          *Dest
	first, last int32
	count, size int
	bytes       int
	closed      bool
}

// NewWriter makes a writer with room for so many datagrams; 0 is the usual number.
func (s *Socket) NewWriter(slots int) *Writer {
	if slots <= 0 {
		slots = writeSlots
	}
	w := &Writer{sock: s, slots: make([]packet, slots), groups: make([]group, 0, slots)}
	w.sys.init(w, slots)
	return w
}

// Slot is room for the next datagram. Commit sends what was written there; without it the slot is used again.
func (w *Writer) Slot() []byte { return w.slots[w.n].buf[:] }

// Commit takes the first n bytes of the slot, to be sent by Flush. The destination must not change until then.
func (w *Writer) Commit(to *Dest, n int) {
	if n <= 0 || n > Size || !to.Valid() {
		return
	}
	w.slots[w.n].to, w.slots[w.n].n = to, n
	w.n++
	if w.n == len(w.slots) {
		w.Flush()
	}
}

// Counts since the writer was made.
func (w *Writer) Counts() Counts { return w.counts }

// Flush sends what waits, in order for each destination. What the kernel does not take now is dropped and counted: the sound that
// comes next is worth more than what waits for a full interface.
func (w *Writer) Flush() {
	if w.n == 0 {
		return
	}
	w.group()
	w.send()
	w.n = 0
}

// maxSegments and maxBytes are the kernel's limits for one segmented datagram.
const (
	maxSegments = 64
	maxBytes    = 65000
)

// group makes groups of what waits.
func (w *Writer) group() {
	w.groups = w.groups[:0]
	for i := range w.n {
		p := &w.slots[i]
		p.next = -1
		g := w.open(p)
		if g == nil {
			w.groups = append(w.groups, group{to: p.to, first: int32(i), last: int32(i), count: 1, size: p.n, bytes: p.n, closed: !w.sock.segments()})
			continue
		}
		w.slots[g.last].next = int32(i)
		g.last = int32(i)
		g.count++
		g.bytes += p.n
		g.closed = p.n < g.size
	}
}

// open finds a group that p may join. A later group to the same place closes the earlier one, so that order is kept.
func (w *Writer) open(p *packet) *group {
	for i := len(w.groups) - 1; i >= 0; i-- {
		g := &w.groups[i]
		if g.to != p.to {
			continue
		}
		if g.closed || p.n > g.size || g.count >= maxSegments || g.bytes+p.n > maxBytes {
			return nil
		}
		return g
	}
	return nil
}
