//go:build !linux || !(amd64 || arm64)

package batch

import (
	"errors"
	"net"
	"net/netip"
)

const canShare = false

type sysSocket struct{ conn *net.UDPConn }

func (s *sysSocket) open(conn, _ *net.UDPConn) error {
	s.conn = conn
	return nil
}

func (s *sysSocket) close() error { return s.conn.Close() }

func (s *Socket) segments() bool { return false }

func listenShared(string, *net.UDPAddr, int) ([]*Socket, error) { return nil, errors.ErrUnsupported }

func (d *Dest) encode(v6 bool) {
	if v6 || d.Addr.Addr().Unmap().Is4() {
		d.n = 1
	}
}

// Reader takes datagrams from a socket. It belongs to one goroutine.
type Reader struct {
	sock *Socket
	idle func()
	buf  [Size + 1]byte
	n    int
	from netip.AddrPort
}

// NewReader makes the reader of a socket. It calls idle before it waits.
func (s *Socket) NewReader(idle func()) *Reader { return &Reader{sock: s, idle: idle} }

// Read waits for a datagram.
func (r *Reader) Read() (int, error) {
	r.idle()
	var err error
	r.n, r.from, err = r.sock.sys.conn.ReadFromUDPAddrPort(r.buf[:])
	return 1, err
}

// Datagram is what the last Read took; nil if it was too long.
func (r *Reader) Datagram(int) ([]byte, netip.AddrPort) {
	if r.n > Size {
		return nil, netip.AddrPort{}
	}
	return r.buf[:r.n:Size], netip.AddrPortFrom(r.from.Addr().Unmap(), r.from.Port())
}

type sysWriter struct{}

func (*sysWriter) init(*Writer, int) {}

func (w *Writer) send() {
	for i := range w.n {
		p := &w.slots[i]
		if _, err := w.sock.sys.conn.WriteToUDPAddrPort(p.buf[:p.n], p.to.Addr); err != nil {
			w.counts.Errors++
			continue
		}
		w.counts.Datagrams++
		w.counts.Calls++
	}
}
