package batch

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"
)

func pair(t *testing.T) (*Socket, []*net.UDPConn) {
	t.Helper()
	socks, err := Listen("127.0.0.1:0", 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socks[0].Close() })
	var conns []*net.UDPConn
	for range 3 {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
	}
	return socks[0], conns
}

func addr(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// Datagrams of many sizes to three places come out whole and, for each place, in order, however they are grouped.
func TestOrderAndSizes(t *testing.T) {
	s, conns := pair(t)
	w := s.NewWriter(0)
	dests := make([]Dest, len(conns))
	for i, c := range conns {
		dests[i] = s.Dest(addr(c))
	}
	sizes := []int{1200, 1200, 1200, 700, 700, 1200, 40, 40, 40, 40, 1500, 8}
	for i := range 120 {
		b := w.Slot()
		n := sizes[i%len(sizes)]
		binary.BigEndian.PutUint32(b, uint32(i))
		w.Commit(&dests[i%3], n)
		if i == 60 {
			w.Flush()
		}
	}
	w.Flush()
	buf := make([]byte, 2000)
	for d, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute))
		for i := d; i < 120; i += 3 {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			if got := binary.BigEndian.Uint32(buf); int(got) != i || n != sizes[i%len(sizes)] {
				t.Fatalf("place %d: datagram %d of %d bytes, want %d of %d", d, got, n, i, sizes[i%len(sizes)])
			}
		}
	}
	if c := w.Counts(); c.Datagrams != 120 || c.Errors != 0 {
		t.Errorf("counts %+v", c)
	}
}

func TestRead(t *testing.T) {
	s, conns := pair(t)
	for i, c := range conns {
		if _, err := c.WriteToUDPAddrPort([]byte{byte(i), 1, 2}, s.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conns[0].WriteToUDPAddrPort(make([]byte, Size+100), s.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	r := s.NewReader(func() {})
	got, long := map[byte]bool{}, 0
	for len(got) < len(conns) || long == 0 {
		n, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			switch b, from := r.Datagram(i); {
			case b == nil:
				long++
			case len(b) != 3 || from != addr(conns[b[0]]):
				t.Fatalf("%d bytes from %v", len(b), from)
			default:
				got[b[0]] = true
			}
		}
	}
	s.Close()
	if _, err := r.Read(); err == nil {
		t.Error("read from a closed socket")
	}
}

// What comes while something is done before the wait ends the wait.
func TestIdle(t *testing.T) {
	s, conns := pair(t)
	waits := 0
	r := s.NewReader(func() {
		if waits++; waits > 1 {
			return // woken for nothing
		}
		if _, err := conns[0].WriteToUDPAddrPort([]byte{1}, s.LocalAddr()); err != nil {
			t.Error(err)
		}
	})
	if n, err := r.Read(); n != 1 || err != nil || waits == 0 {
		t.Errorf("%d datagrams, %v, after %d waits", n, err, waits)
	}
}

func TestSharedPort(t *testing.T) {
	socks, err := Listen("127.0.0.1:0", 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range socks {
		defer s.Close()
		if s.LocalAddr() != socks[0].LocalAddr() {
			t.Errorf("%v and %v", s.LocalAddr(), socks[0].LocalAddr())
		}
	}
	if other, err := Listen(socks[0].LocalAddr().String(), 2); err == nil {
		t.Errorf("%d sockets on a port that is taken", len(other))
	}
}

func TestNothingIsAllocated(t *testing.T) {
	s, conns := pair(t)
	w, r := s.NewWriter(0), s.NewReader(func() {})
	self := s.Dest(s.LocalAddr())
	other := s.Dest(addr(conns[0]))
	got := testing.AllocsPerRun(50, func() {
		for range 4 {
			w.Commit(&self, 1000)
			w.Commit(&other, 1000)
		}
		w.Flush()
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
		r.Datagram(0)
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}
