package sfu

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"samtale.dk/samtale/media/sfu/internal/batch"
)

const (
	// tcpQueue is how many packets wait for a slow TCP connection. Drop rule: what comes then is dropped; the receiver asks again.
	tcpQueue = 256

	// tcpIdle ends connections that say nothing: checks come every few seconds.
	tcpIdle = 30 * time.Second

	// maxTCP bounds connections, most of them strangers' when it is reached.
	maxTCP = 4096
)

// tcpListener takes connections of clients without UDP (RFC 6544).
type tcpListener struct {
	sfu *SFU
	ln  net.Listener

	mu    sync.Mutex
	conns map[*tcpConn]bool
}

func listenTCP(s *SFU, address string) (*tcpListener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
	}
	return &tcpListener{sfu: s, ln: ln, conns: map[*tcpConn]bool{}}, nil
}

func (l *tcpListener) addr() netip.AddrPort { return l.ln.Addr().(*net.TCPAddr).AddrPort() }

func (l *tcpListener) serve() {
	for {
		conn, err := l.ln.Accept()
		if err != nil {
			return // closed
		}
		c := &tcpConn{listener: l, conn: conn, queue: make(chan []byte, tcpQueue), done: make(chan struct{})}
		if !l.add(c) {
			_ = conn.Close()
			continue
		}
		l.sfu.wg.Go(c.read)
		l.sfu.wg.Go(c.write)
	}
}

func (l *tcpListener) add(c *tcpConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= maxTCP {
		return false
	}
	l.conns[c] = true
	return true
}

func (l *tcpListener) close() {
	_ = l.ln.Close()
	l.mu.Lock()
	var all []*tcpConn
	for c := range l.conns {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		c.close()
	}
}

// tcpConn carries packets with a length before each (RFC 4571). It has a goroutine for each direction.
type tcpConn struct {
	listener  *tcpListener
	conn      net.Conn
	transport atomic.Pointer[transport]
	queue     chan []byte
	once      sync.Once
	done      chan struct{}
}

func (c *tcpConn) close() {
	c.once.Do(func() {
		close(c.done)
		_ = c.conn.Close()
		c.listener.mu.Lock()
		delete(c.listener.conns, c)
		c.listener.mu.Unlock()
	})
}

// send copies a packet into the queue. It allocates: TCP is the exception.
func (c *tcpConn) send(b []byte) {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b)))
	select {
	case c.queue <- append(framed, b...):
	default:
	}
}

func (c *tcpConn) write() {
	defer c.close()
	for {
		select {
		case b := <-c.queue:
			_ = c.conn.SetWriteDeadline(time.Now().Add(tcpIdle))
			if _, err := c.conn.Write(b); err != nil {
				return
			}
		case <-c.done:
			return
		}
	}
}

func (c *tcpConn) read() {
	defer c.close()
	s := c.listener.sfu
	out := s.newEgress(0, 0)
	from := c.conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	buf := make([]byte, 2+batch.Size)
	for {
		_ = c.conn.SetReadDeadline(time.Now().Add(tcpIdle))
		if _, err := io.ReadFull(c.conn, buf[:2]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(buf))
		if n > batch.Size {
			return
		}
		if _, err := io.ReadFull(c.conn, buf[2:2+n]); err != nil {
			return
		}
		s.datagram(out, s.now(), 0, c, from, buf[2:2+n:2+batch.Size])
		out.flush()
	}
}
