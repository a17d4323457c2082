package sfu

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/selfsign"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/sfu/internal/batch"
	"samtale.dk/samtale/media/sfu/internal/packet"
	"samtale.dk/samtale/media/sfu/internal/pulse"
)

const (
	// tick is how often rooms do what is due by time: asking again for lost packets, feedback, choosing layers. It is done with a
	// packet that comes, since a timer would wake the process once more; rooms to which nothing comes are looked at less often.
	tick     = 20 * time.Millisecond
	tickIdle = 100 * time.Millisecond

	// together is how many datagrams are worked on at most before what came of them goes out, if others keep coming.
	together = 64

	// maxRooms and maxPeers bound what one node takes on: 25 with video is what a meeting is made for, others watch or phone in.
	maxRooms = 4096
	maxPeers = 128
)

// SFU is one node.
type SFU struct {
	cfg        Config
	log        *slog.Logger
	now        func() time.Time
	cert       tls.Certificate
	print      [32]byte
	ports      []*port
	listeners  []*tcpListener
	candidates []string
	slow       slowSender
	clock      *rtpx.Clock // of decoders and mixers
	turn       *turnServer
	wake       chan struct{} // a room was opened
	pulse      *pulse.Pulse  // of rooms to which nothing comes
	done       chan struct{}
	failed     atomic.Uint64 // datagrams that the kernel did not take
	wg         sync.WaitGroup

	mu       sync.RWMutex
	byAddr   map[netip.AddrPort]*transport
	byUfrag  map[string]*transport
	rooms    map[string]*Room
	past     Stats // of rooms that are closed
	draining bool
	closed   bool
}

// port is one UDP address.
type port struct {
	index int
	socks []*batch.Socket
}

// New listens and begins to serve.
func New(cfg Config) (*SFU, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Readers <= 0 {
		cfg.Readers = min(4, (runtime.GOMAXPROCS(0)+3)/4)
	}
	if len(cfg.UDP) == 0 && len(cfg.TCP) == 0 {
		return nil, errors.New("sfu: no address to listen on")
	}
	s := &SFU{
		cfg: cfg, log: cfg.Log, now: cfg.Now, clock: rtpx.NewClock(0),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		byAddr: map[netip.AddrPort]*transport{}, byUfrag: map[string]*transport{}, rooms: map[string]*Room{},
	}
	err := s.listen()
	if err == nil {
		s.pulse, err = pulse.New()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.slow.out = s.newEgress(0, slowSlots)
	for _, p := range s.ports {
		for i, sock := range p.socks {
			s.wg.Go(func() { s.read(p, i, sock) })
		}
	}
	for _, l := range s.listeners {
		s.wg.Go(l.serve)
	}
	s.wg.Go(s.run)
	return s, nil
}

func (s *SFU) listen() error {
	var err error
	// A certificate of its own for each start; clients learn its fingerprint with every description.
	s.cert, err = selfsign.GenerateSelfSigned()
	if err != nil {
		return fmt.Errorf("sfu certificate: %w", err)
	}
	s.print = sha256.Sum256(s.cert.Certificate[0])
	for i, a := range s.cfg.UDP {
		socks, err := batch.Listen(a, s.cfg.Readers)
		if err != nil {
			return fmt.Errorf("sfu: %w", err)
		}
		s.ports = append(s.ports, &port{index: i, socks: socks})
	}
	for _, a := range s.cfg.TCP {
		l, err := listenTCP(s, a)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, l)
	}
	if err := s.gather(); err != nil {
		return err
	}
	s.turn, err = startTURN(s)
	return err
}

// gather makes the candidates that clients are told (RFC 8839 section 5.1).
func (s *SFU) gather() error {
	for i, p := range s.ports {
		addrs, err := s.addresses(p.socks[0].LocalAddr())
		if err != nil {
			return err
		}
		for j, a := range addrs {
			s.candidates = append(s.candidates, fmt.Sprintf("u%dn%d 1 udp %d %s %d typ host", i, j, priority(126, i, j), a.Addr(), a.Port()))
		}
	}
	for i, l := range s.listeners {
		addrs, err := s.addresses(l.addr())
		if err != nil {
			return err
		}
		for j, a := range addrs {
			s.candidates = append(s.candidates,
				fmt.Sprintf("t%dn%d 1 tcp %d %s %d typ host tcptype passive", i, j, priority(90, i, j), a.Addr(), a.Port()))
		}
	}
	return nil
}

// priority of RFC 8445 section 5.1.2.1, for component 1.
func priority(kind, i, j int) int { return kind<<24 | max(0, 65535-256*i-j)<<8 | 255 }

// addresses are where clients reach a port.
func (s *SFU) addresses(a netip.AddrPort) ([]netip.AddrPort, error) {
	if len(s.cfg.PublicIPs) > 0 {
		var all []netip.AddrPort
		for _, text := range s.cfg.PublicIPs {
			ip, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("sfu public address: %w", err)
			}
			all = append(all, netip.AddrPortFrom(ip, a.Port()))
		}
		return all, nil
	}
	if !a.Addr().IsUnspecified() {
		return []netip.AddrPort{a}, nil
	}
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("sfu addresses: %w", err)
	}
	var all, loop []netip.AddrPort
	for _, x := range found {
		n, ok := x.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		ip = ip.Unmap()
		switch {
		case !ok || ip.IsLinkLocalUnicast() || ip.Is4() != a.Addr().Unmap().Is4():
		case ip.IsLoopback():
			loop = append(loop, netip.AddrPortFrom(ip, a.Port()))
		default:
			all = append(all, netip.AddrPortFrom(ip, a.Port()))
		}
	}
	return append(all, loop...), nil
}

// UDP are the addresses that were given by Config.UDP, with their real ports.
func (s *SFU) UDP() []netip.AddrPort {
	var all []netip.AddrPort
	for _, p := range s.ports {
		all = append(all, p.socks[0].LocalAddr())
	}
	return all
}

// read carries what comes to one socket all the way.
func (s *SFU) read(p *port, index int, sock *batch.Socket) {
	out := s.newEgress(index, 0)
	r := sock.NewReader(out.flush)
	taken := 0
	for {
		n, err := r.Read()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		now := s.now()
		for i := range n {
			b, from := r.Datagram(i)
			s.datagram(out, now, p.index, nil, from, b)
		}
		// What comes while a packet is worked on goes out with it, as the rest of a picture: fewer calls, longer segments.
		if taken += n; taken >= together {
			out.flush()
			taken = 0
		}
	}
}

// datagram tells STUN, DTLS and RTP apart (RFC 7983).
func (s *SFU) datagram(out *egress, now time.Time, port int, tcp *tcpConn, from netip.AddrPort, b []byte) {
	if len(b) == 0 {
		return
	}
	if b[0] < 4 {
		out.carrier = nil // the address may become another's
		s.stun(out, now, port, tcp, from, b)
		return
	}
	var t *transport
	if tcp != nil {
		t = tcp.transport.Load()
	} else {
		t = out.sender(from)
	}
	if t == nil {
		return
	}
	switch {
	case b[0] >= 20 && b[0] < 64:
		t.pipe.push(b)
	case b[0] >= 128 && b[0] < 192:
		t.room.mu.Lock()
		switch {
		case t.closed: // since it was looked up
		case packet.IsRTCP(b):
			t.rtcp(out, now, b)
		default:
			t.rtp(out, now, b)
		}
		t.room.due(out, now)
		t.room.mu.Unlock()
	}
}

// run ticks while there are rooms.
func (s *SFU) run() {
	s.pulse.Set(tickIdle)
	out := s.newEgress(0, 0)
	for {
		rooms := s.snapshot()
		if len(rooms) == 0 {
			s.pulse.Set(0)
			select {
			case <-s.wake:
				s.pulse.Set(tickIdle)
			case <-s.done:
				return
			}
		}
		now := s.now()
		for _, r := range rooms {
			r.tick(out, now)
		}
		out.flush()
		if s.pulse.Wait() != nil {
			return // closed
		}
	}
}

func (s *SFU) snapshot() []*Room {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Room, 0, len(s.rooms))
	for _, r := range s.rooms {
		all = append(all, r)
	}
	return all
}

// Open makes a room. ErrLimit: there is one of this name, or there are too many.
func (s *SFU) Open(id string, cfg RoomConfig) (*Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.draining:
		return nil, ErrDraining
	case s.rooms[id] != nil || len(s.rooms) >= maxRooms:
		return nil, fmt.Errorf("%w: room", ErrLimit)
	}
	r := newRoom(s, id, cfg)
	s.rooms[id] = r
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return r, nil
}

// Room finds a room; nil if there is none.
func (s *SFU) Room(id string) *Room {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rooms[id]
}

// forget ends a room's part of the tables and keeps its counters.
func (s *SFU) forget(r *Room, counted Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.id] == r {
		delete(s.rooms, r.id)
		s.past.add(counted)
	}
}

// Drain refuses new rooms and new peers from now on; what runs goes on until Close.
func (s *SFU) Drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
}

func (s *SFU) isDraining() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.draining || s.closed
}

// Close ends all rooms and frees the ports.
func (s *SFU) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.mu.Unlock()
	for _, r := range s.snapshot() {
		r.Close()
	}
	close(s.done)
	if s.pulse != nil {
		_ = s.pulse.Close()
	}
	for _, p := range s.ports {
		for _, sock := range p.socks {
			_ = sock.Close()
		}
	}
	for _, l := range s.listeners {
		l.close()
	}
	if s.turn != nil {
		s.turn.close()
	}
	s.wg.Wait()
}

// Stats returns the counters.
func (s *SFU) Stats() Stats {
	s.mu.RLock()
	total := s.past
	rooms := make([]*Room, 0, len(s.rooms))
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	s.mu.RUnlock()
	total.Rooms = len(rooms)
	total.SendErrors = s.failed.Load()
	for _, r := range rooms {
		c, peers := r.counters()
		total.add(c)
		total.Peers += peers
	}
	return total
}

func (a *Stats) add(b Stats) {
	a.SoundOnly += b.SoundOnly
	a.PacketsIn += b.PacketsIn
	a.BytesIn += b.BytesIn
	a.PacketsOut += b.PacketsOut
	a.BytesOut += b.BytesOut
	a.Retransmitted += b.Retransmitted
	a.Requested += b.Requested
	a.Keyframes += b.Keyframes
	a.Malformed += b.Malformed
	a.Replayed += b.Replayed
	a.Throttled += b.Throttled
	a.Muted += b.Muted
	a.QueueDropped += b.QueueDropped
	a.MessagesIn += b.MessagesIn
	a.MessagesOut += b.MessagesOut
	a.MessagesDropped += b.MessagesDropped
}

// addUfrag makes a transport's user name known.
func (s *SFU) addUfrag(ufrag string, t *transport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byUfrag[ufrag] = t
}

func (s *SFU) findUfrag(ufrag string) *transport {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byUfrag[ufrag]
}

// addAddr sends what comes from an address to a transport.
func (s *SFU) addAddr(a netip.AddrPort, t *transport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byAddr[a] = t
}

// removeTransport forgets what leads to it.
func (s *SFU) removeTransport(t *transport, ufrags []string, addrs []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range ufrags {
		delete(s.byUfrag, u)
	}
	for _, a := range addrs {
		if s.byAddr[a] == t {
			delete(s.byAddr, a)
		}
	}
}

// egress is where one goroutine puts what it sends; flush sends it.
type egress struct {
	sfu     *SFU
	index   int // which of a port's sockets
	slots   int
	writers []*batch.Writer // by port, made when first used
	failed  uint64
	scratch [batch.Size]byte

	// Who sent the datagram before, in this batch: a frame's packets come together.
	from    netip.AddrPort
	carrier *transport
}

func (s *SFU) newEgress(index, slots int) *egress {
	return &egress{sfu: s, index: index, slots: slots, writers: make([]*batch.Writer, len(s.ports))}
}

// sender is the transport that an address belongs to.
func (o *egress) sender(from netip.AddrPort) *transport {
	if o.carrier == nil || from != o.from {
		o.sfu.mu.RLock()
		o.from, o.carrier = from, o.sfu.byAddr[from]
		o.sfu.mu.RUnlock()
	}
	return o.carrier
}

// slot is room for one packet to a transport.
func (o *egress) slot(t *path) []byte {
	if t.tcp != nil {
		return o.scratch[:]
	}
	w := o.writers[t.port]
	if w == nil {
		socks := o.sfu.ports[t.port].socks
		w = socks[min(o.index, len(socks)-1)].NewWriter(o.slots)
		o.writers[t.port] = w
	}
	return w.Slot()
}

// commit sends the first n bytes of the slot with the next flush.
func (o *egress) commit(t *path, n int) {
	if t.tcp != nil {
		t.tcp.send(o.scratch[:n])
		return
	}
	o.writers[t.port].Commit(t.dst, n)
}

func (o *egress) flush() {
	var failed uint64
	o.carrier = nil
	for _, w := range o.writers {
		if w != nil {
			w.Flush()
			failed += w.Counts().Errors
		}
	}
	if failed != o.failed {
		o.sfu.failed.Add(failed - o.failed)
		o.failed = failed
	}
}

// slowSender is for what is sent now and then: handshakes and data channels.
type slowSender struct {
	mu  sync.Mutex
	out *egress
}

// slowSlots: one at a time.
const slowSlots = 2

func (s *slowSender) send(t *transport, b []byte) {
	t.room.mu.Lock()
	ok := t.reachable()
	way := t.path
	t.room.mu.Unlock()
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(s.out.slot(&way), b)
	s.out.commit(&way, n)
	s.out.flush()
}
