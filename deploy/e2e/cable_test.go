package e2e

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// cable is the network between the browsers and the media server, for datagrams: it can be pulled out. Browsers reach the server at
// the cable's address, the same port of another address of this machine.
type cable struct {
	out  atomic.Bool
	port *net.UDPConn // where browsers send to
	mu   sync.Mutex
	ways map[string]*net.UDPConn // by browser's address: a connection to the server
}

// newCable lays a cable; the settings tell the server where it goes.
func newCable(t *testing.T) (*cable, []string) {
	t.Helper()
	server, err := net.ResolveUDPAddr("udp4", freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{ways: map[string]*net.UDPConn{}}
	c.port, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: server.Port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.port.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, w := range c.ways {
			w.Close()
		}
	})
	go c.carry(server)
	return c, []string{"SAMTALE_MEETING_UDP=" + server.String(), "SAMTALE_MEETING_PUBLIC_IP=127.0.0.2"}
}

// carry takes the browsers' datagrams to the server, until the port is closed.
func (c *cable) carry(server *net.UDPAddr) {
	buf := make([]byte, 2048)
	for {
		n, from, err := c.port.ReadFromUDP(buf)
		if err != nil {
			return
		}
		w := c.way(from, server)
		if w == nil || c.out.Load() {
			continue
		}
		_, _ = w.Write(buf[:n]) // a server that was killed has no port
	}
}

func (c *cable) way(from, server *net.UDPAddr) *net.UDPConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.ways[from.String()]; w != nil {
		return w
	}
	w, err := net.DialUDP("udp4", nil, server)
	if err != nil {
		return nil
	}
	c.ways[from.String()] = w
	go func() {
		buf := make([]byte, 2048)
		for {
			n, err := w.Read(buf)
			if err == nil && !c.out.Load() {
				_, _ = c.port.WriteToUDP(buf[:n], from)
			}
			if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
				return
			}
		}
	}()
	return w
}
