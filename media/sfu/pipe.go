package sfu

import (
	"net"
	"os"
	"sync"
	"time"

	"github.com/pion/transport/v4/deadline"

	"samtale.dk/samtale/media/sfu/internal/batch"
)

// pipeDepth is how many DTLS records may wait: a flight of the handshake, or a burst of data. Drop rule: what comes then is dropped,
// as the network would; DTLS and SCTP send again.
const pipeDepth = 64

// pipe is DTLS's view of the shared sockets: a packet connection to one peer.
type pipe struct {
	in     chan []byte
	write  func([]byte)
	read   *deadline.Deadline
	once   sync.Once
	closed chan struct{}
}

func newPipe() *pipe {
	return &pipe{in: make(chan []byte, pipeDepth), read: deadline.New(), closed: make(chan struct{})}
}

// push copies a record in.
func (p *pipe) push(b []byte) {
	select {
	case p.in <- append([]byte(nil), b...):
	default:
	}
}

// ReadFrom implements net.PacketConn.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case x := <-p.in:
		return copy(b, x), pipeAddr{}, nil
	case <-p.read.Done():
		return 0, nil, os.ErrDeadlineExceeded
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case <-p.closed:
		return 0, net.ErrClosed
	default:
	}
	if len(b) <= batch.Size {
		p.write(b)
	}
	return len(b), nil
}

// Close implements net.PacketConn.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (p *pipe) LocalAddr() net.Addr { return pipeAddr{} }

// SetDeadline implements net.PacketConn; writes never wait.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.read.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

// pipeAddr stands for the peer, wherever ICE finds it.
type pipeAddr struct{}

// Network implements net.Addr.
func (pipeAddr) Network() string { return "udp" }

func (pipeAddr) String() string { return "peer" }
