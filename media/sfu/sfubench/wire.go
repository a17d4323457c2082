package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/net/ipv4"
)

// wire is a client's socket. It loses media both ways; handshakes and checks pass. A frame's packets leave it together, by one call, as
// they come out of an access network that sends what waits at its next turn; spaced, each leaves alone.
type wire struct {
	net.PacketConn
	loss   float64
	spaced bool
	batch  *ipv4.PacketConn
	sent   *atomic.Int64 // RTP that left, repeated packets included

	mu   sync.Mutex
	held bool
	wait []ipv4.Message
}

func newWire(loss float64, spaced bool, sent *atomic.Int64) (*wire, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	_ = conn.SetReadBuffer(1 << 20)
	return &wire{PacketConn: conn, loss: loss, spaced: spaced, sent: sent, batch: ipv4.NewPacketConn(conn)}, nil
}

func media(b []byte) bool { return len(b) > 0 && b[0] >= 128 && b[0] < 192 }

// hold keeps media back until release.
func (w *wire) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = !w.spaced
}

func (w *wire) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = false
	for left := w.wait; len(left) > 0; {
		n, err := w.batch.WriteBatch(left, 0)
		if err != nil {
			break
		}
		left = left[n:]
	}
	w.wait = w.wait[:0]
}

// WriteTo implements net.PacketConn.
func (w *wire) WriteTo(b []byte, to net.Addr) (int, error) {
	if media(b) {
		if rand.Float64() < w.loss {
			return len(b), nil
		}
		if len(b) > 1 && (b[1] < 192 || b[1] > 223) { // RTCP
			w.sent.Add(1)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.held {
			w.wait = append(w.wait, ipv4.Message{Buffers: [][]byte{append([]byte(nil), b...)}, Addr: to})
			return len(b), nil
		}
	}
	return w.PacketConn.WriteTo(b, to)
}

// ReadFrom implements net.PacketConn.
func (w *wire) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := w.PacketConn.ReadFrom(b)
		if err != nil || !media(b[:n]) || rand.Float64() >= w.loss {
			return n, from, err
		}
	}
}
