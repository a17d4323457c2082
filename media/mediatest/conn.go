package mediatest

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Conn is a UDP socket with a network before it, in real time: what is written goes up a Link and what is read came down another. It
// has two goroutines, which Close ends.
type Conn struct {
	*net.UDPConn
	in   chan datagram
	done chan struct{}
	once sync.Once
	wg   sync.WaitGroup

	mu       sync.Mutex
	up, down Link
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

// addressLen is how much stands before a packet on a link: its IPv4 address and port.
const addressLen = 6

// NewConn takes the socket over.
func NewConn(c *net.UDPConn) *Conn {
	n := &Conn{UDPConn: c, in: make(chan datagram, 4096), done: make(chan struct{})}
	n.wg.Go(n.receive)
	n.wg.Go(n.carry)
	return n
}

// Set changes the network.
func (c *Conn) Set(f func(up, down *Link)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.up, &c.down)
}

func addressed(a netip.AddrPort, b []byte) []byte {
	ip := a.Addr().Unmap().As4()
	return append(append(ip[:], byte(a.Port()>>8), byte(a.Port())), b...)
}

func address(b []byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), uint16(b[4])<<8|uint16(b[5]))
}

func (c *Conn) receive() {
	buf := make([]byte, 2048)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.down.Send(time.Now(), addressed(from, buf[:n]))
		c.mu.Unlock()
	}
}

// carry delivers what is due.
func (c *Conn) carry() {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case now := <-ticker.C:
			c.mu.Lock()
			c.up.Deliver(now, func(_ time.Time, b []byte) { _, _ = c.WriteToUDPAddrPort(b[addressLen:], address(b)) })
			c.down.Deliver(now, func(_ time.Time, b []byte) {
				select {
				case c.in <- datagram{address(b), b[addressLen:]}:
				default: // nobody reads
				}
			})
			c.mu.Unlock()
		}
	}
}

// ReadFrom implements net.PacketConn. It has no deadline.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-c.in:
		return copy(b, d.data), net.UDPAddrFromAddrPort(d.from), nil
	case <-c.done:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up.Send(time.Now(), addressed(to.(*net.UDPAddr).AddrPort(), b))
	return len(b), nil
}

// Close implements net.PacketConn.
func (c *Conn) Close() error {
	c.once.Do(func() {
		close(c.done)
		_ = c.UDPConn.Close()
	})
	c.wg.Wait()
	return nil
}
