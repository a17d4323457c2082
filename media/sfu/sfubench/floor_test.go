package main

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// A packet comes to the other of the room, and to nobody else before what is sent later.
func TestFloor(t *testing.T) {
	f, err := newFloor()
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	conns := map[string]*net.UDPConn{"": listen(t)} // one is of no room
	var to *net.UDPAddr
	for _, id := range []string{"ra", "rb", "qa", "qb"} {
		conns[id] = listen(t)
		addr := conns[id].LocalAddr().String()
		if _, err := f.subscribe(id[:1], id[1:], addr); err != nil {
			t.Fatal(err)
		}
		at, err := f.publish(id[:1], id[1:], addr)
		if err != nil {
			t.Fatal(err)
		}
		to = net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at))
	}
	for _, id := range []string{"", "ra", "rb", "qa", "qb"} {
		if _, err := conns[id].WriteTo([]byte("from "+id), to); err != nil {
			t.Fatal(err)
		}
	}
	for id, from := range map[string]string{"ra": "rb", "rb": "ra", "qa": "qb", "qb": "qa"} {
		b := make([]byte, 100)
		_ = conns[id].SetReadDeadline(time.Now().Add(2 * time.Minute))
		n, _, err := conns[id].ReadFrom(b)
		if got := string(b[:n]); err != nil || got != "from "+from {
			t.Errorf("to %s: %q, %v, want that of %s", id, got, err, from)
		}
	}
}

func listen(t *testing.T) *net.UDPConn {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
