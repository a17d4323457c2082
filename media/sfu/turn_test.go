package sfu

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/turn/v5"
)

// relayed is an SFU with a TURN server that listens at an address by UDP.
func relayed(t *testing.T, change ...func(*Config)) (*SFU, string) {
	t.Helper()
	for { // an address that was free may be another's by now
		address := freeAddress(t, "udp")
		cfg := Config{UDP: []string{"127.0.0.1:0"}, TURN: TURNConfig{Secret: "secret", UDP: []string{address}}}
		for _, f := range change {
			f(&cfg)
		}
		s, err := New(cfg)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s, address
	}
}

// relayClient is one of a participant's connections to the TURN server.
func relayClient(t *testing.T, s *SFU, address string) *turn.Client {
	t.Helper()
	ice, ok := s.TURN("a", time.Hour, 12*time.Hour)
	if !ok {
		t.Fatal("no TURN server")
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: address, TURNServerAddr: address, Conn: conn, Username: ice.Username, Password: ice.Credential, Realm: "samtale",
		LoggerFactory: silence{}, RTO: patience / 2, // else it gives up after seconds
	})
	if err == nil {
		err = c.Listen()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		_ = conn.Close()
	})
	return c
}

// A login that is over makes no relay, but keeps up those that were made by it, for as long as it says.
func TestRelayOutlivesItsLogin(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	s, address := relayed(t, func(c *Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	c, other := relayClient(t, s, address), relayClient(t, s, address)
	relay, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	to := net.UDPAddrFromAddrPort(s.UDP()[0])
	later.Store(int64(2 * time.Hour))
	if err := c.CreatePermission(to); err != nil {
		t.Errorf("the relay that is there: %v", err)
	}
	if _, err := other.Allocate(); err == nil {
		t.Error("a login that is over makes a relay")
	}
	later.Store(int64(13 * time.Hour))
	if err := c.CreatePermission(to); err == nil {
		t.Error("a relay is kept up by a login of yesterday")
	}
}

// What is no login of ours opens nothing.
func TestRelayNeedsALogin(t *testing.T) {
	t.Parallel()
	s, _ := relayed(t)
	ice, _ := s.TURN("a", time.Hour, 12*time.Hour)
	if user, _, ok := s.login(&turn.RequestAttributes{Username: ice.Username}); !ok || user != "a" {
		t.Errorf("%q is %q, %v", ice.Username, user, ok)
	}
	before, _, _ := strings.Cut(ice.Username, ":")
	if user, _, ok := s.login(&turn.RequestAttributes{Username: before + ":a"}); !ok || user != "a" {
		t.Errorf("a login of the release before: %q, %v", user, ok)
	}
	for _, name := range []string{"", "a", ":a", "x:a", before, "-5:a", "1:a", before + ":a:", before + ":a:1", ice.Username + ":1", "99999999999999999999:a"} {
		if _, _, ok := s.login(&turn.RequestAttributes{Username: name}); ok {
			t.Errorf("%q is let in", name)
		}
	}
}

// Whoever is let into a meeting reaches the SFU by the relay, and no other service at its addresses.
func TestRelayLeadsToTheSFUAlone(t *testing.T) {
	t.Parallel()
	s, address := relayed(t)
	other, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c := relayClient(t, s, address)
	relay, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	if _, err := relay.WriteTo([]byte("OPTIONS sip:x SIP/2.0\r\n\r\n"), other.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SendBindingRequest(); err != nil { // what came before has been taken
		t.Fatal(err)
	}
	after, err := net.Dial("udp4", other.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if _, err := after.Write([]byte("after")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100)
	if n, _, err := other.ReadFrom(got); err != nil || string(got[:n]) != "after" {
		t.Errorf("another service got %q, %v", got[:n], err)
	}
	if _, err := relayClient(t, s, address).AllocateTCP(); err == nil {
		t.Error("TCP is relayed: every service of this machine can be reached")
	}
}

// One participant does not take the ports of all.
func TestRelaysOfOneParticipantAreBounded(t *testing.T) {
	t.Parallel()
	s, address := relayed(t)
	var last net.PacketConn
	for i := range maxRelays {
		relay, err := relayClient(t, s, address).Allocate()
		if err != nil {
			t.Fatalf("relay %d: %v", i, err)
		}
		last = relay
	}
	if _, err := relayClient(t, s, address).Allocate(); err == nil {
		t.Fatalf("a participant has more than %d relays", maxRelays)
	}
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "a relay in the place of the one that was given up", func() bool {
		_, err := relayClient(t, s, address).Allocate()
		return err == nil
	}, nil)
}
