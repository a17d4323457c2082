//go:build linux && (amd64 || arm64)

package batch

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

func sender(t *testing.T, to *Socket) func(b ...byte) {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to.LocalAddr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return func(b ...byte) {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}

// RTCP comes to the sockets for it, everything else to the others, and all of one sender to one pair.
func TestSteer(t *testing.T) {
	kinds := [][]byte{{0, 1}, {22, 254}, {128, 96}, {144, 224}, {191, 191}, {128, 200}, {129, 201}, {191, 223}, {128, 192}, {200, 200}, {7}}
	const controls = 4
	addresses := []string{"127.0.0.1:0"}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil { // not every machine has IPv6
		l.Close()
		addresses = append(addresses, "[::1]:0")
	}
	for _, address := range addresses {
		for _, n := range []int{1, 3} {
			socks, err := Listen(address, n)
			if err != nil {
				t.Fatal(err)
			}
			const senders = 20
			for range senders {
				send := sender(t, socks[0])
				for _, k := range kinds {
					send(k...)
				}
			}
			where := map[netip.AddrPort]int{}
			used := map[int]bool{}
			control, others := 0, 0
			for until := time.Now().Add(2 * time.Minute); control+others < senders*len(kinds) && time.Now().Before(until); {
				for i, s := range socks {
					r := s.NewReader(func() {})
					for _, h := range []handle{s.sys.control, s.sys.media} {
						for r.recv(h.fd) {
							for j := range r.n {
								b, from := r.Datagram(j)
								if at, ok := where[from]; ok && at != i {
									t.Errorf("%s, %d: %v came to %d and %d", address, n, from, at, i)
								}
								where[from], used[i] = i, true
								rtcp := len(b) > 1 && b[0]>>6 == 2 && b[1] >= 192 && b[1] < 224
								if rtcp != (h == s.sys.control) {
									t.Errorf("%s, %d: %v at the wrong socket", address, n, b)
								}
								if rtcp {
									control++
								} else {
									others++
								}
							}
						}
					}
				}
			}
			if control != senders*controls || others != senders*(len(kinds)-controls) {
				t.Errorf("%s, %d: %d and %d came", address, n, control, others)
			}
			if len(used) < min(n, 2) {
				t.Errorf("%s, %d: all came to one of %d", address, n, n)
			}
			for _, s := range socks {
				s.Close()
			}
		}
	}
}

// However the reader waits, and while that changes, all that is sent before a wait is read after it.
func TestNothingIsMissedWhenTheWaitChanges(t *testing.T) {
	socks, err := Listen("127.0.0.1:0", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer socks[0].Close()
	first, second := sender(t, socks[0]), sender(t, socks[0])
	sent, read := 0, 0
	media, control := 0, 0 // before each wait; more than one come of two senders
	r := socks[0].NewReader(func() {
		for i := range media {
			[]func(...byte){first, second}[i%2](128, 96)
		}
		for i := range control {
			[]func(...byte){first, second}[i%2](128, 200)
		}
		sent += media + control
	})
	until := func(m, c int, reached func() bool) {
		media, control = m, c
		for !reached() {
			n, err := r.Read()
			if err != nil {
				t.Fatal(err)
			}
			read += n
		}
	}
	for range 2 {
		until(0, 10, func() bool { return r.held }) // as if many watched
		until(10, 2, func() bool { return read > 1000 && r.held })
		until(1, 0, func() bool { return !r.held }) // no reports
	}
	until(0, 0, func() bool { return read >= sent })
	if read != sent {
		t.Errorf("%d of %d came", read, sent)
	}
}
