package main

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/rtp"

	"samtale.dk/samtale/media/sfu/internal/batch"
)

// floor is what the kernel and being woken cost by themselves: it reads and writes sockets as package sfu does, and sends what comes
// to the others of the room unchanged. No connections, no encryption, no feedback.
type floor struct {
	sock *batch.Socket
	done sync.WaitGroup

	mu   sync.Mutex
	from map[netip.AddrPort]*sender
	to   map[string][]*receiver // by room
}

type sender struct{ room, peer string }

type receiver struct {
	peer string
	dest batch.Dest
}

func newFloor() (*floor, error) {
	socks, err := batch.Listen("127.0.0.1:0", 1)
	if err != nil {
		return nil, err
	}
	f := &floor{sock: socks[0], from: map[netip.AddrPort]*sender{}, to: map[string][]*receiver{}}
	f.done.Go(f.run)
	return f, nil
}

func (f *floor) close() {
	_ = f.sock.Close()
	f.done.Wait()
}

func (f *floor) run() {
	w := f.sock.NewWriter(0)
	r := f.sock.NewReader(w.Flush)
	for {
		n, err := r.Read()
		if err != nil {
			return
		}
		f.mu.Lock()
		for i := range n {
			f.forward(w, r, i)
		}
		f.mu.Unlock()
	}
}

func (f *floor) forward(w *batch.Writer, r *batch.Reader, i int) {
	b, from := r.Datagram(i)
	s := f.from[from]
	if s == nil {
		return
	}
	for _, to := range f.to[s.room] {
		if to.peer != s.peer {
			w.Commit(&to.dest, copy(w.Slot(), b))
		}
	}
}

func (f *floor) publish(room, peer, addr string) (string, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.from[a] = &sender{room, peer}
	return f.sock.LocalAddr().String(), nil
}

func (f *floor) subscribe(room, peer, addr string) (string, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to[room] = append(f.to[room], &receiver{peer, f.sock.Dest(a)})
	return f.sock.LocalAddr().String(), nil
}

// plain is the process of a floor, whose clients are sockets and nothing else.
type plain struct{ *process }

func startFloor(profile string) (server, error) {
	p, err := startProcess("floor", profile)
	return plain{p}, err
}

// sealed is how much longer a packet of the others' clients is: header extensions and what encryption adds.
const sealed = 24

func (p plain) publish(l *load, room, peer string) (*source, error) {
	w, err := l.socket()
	if err != nil {
		return nil, err
	}
	text, err := p.ask("publish", room, peer, w.LocalAddr().String())
	if err != nil {
		return nil, err
	}
	to, err := net.ResolveUDPAddr("udp4", text)
	if err != nil {
		return nil, err
	}
	return &source{wire: w, write: func(p *rtp.Packet) error {
		b, err := p.Marshal()
		if err == nil {
			_, err = w.WriteTo(append(b, make([]byte, sealed)...), to)
		}
		return err
	}}, nil
}

func (p plain) subscribe(l *load, room, peer string, tracks int) error {
	w, err := l.socket()
	if err != nil {
		return err
	}
	if _, err := p.ask("subscribe", room, peer, w.LocalAddr().String()); err != nil {
		return err
	}
	go l.count(func(b []byte) (int, error) {
		n, _, err := w.ReadFrom(b)
		return n, err
	})
	l.begun.Add(int64(tracks))
	return nil
}
