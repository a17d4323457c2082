package rtpx

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"samtale.dk/samtale/media/pcm"
)

// readBuffer holds the packets that come while the machine is busy: 200 ms of
// a leg are 10, but the kernel counts its own overhead too.
const readBuffer = 256 << 10

// LegConfig is what a leg needs before anything is negotiated.
type LegConfig struct {
	Ports *Ports
	Local netip.Addr // to listen on; unspecified for all
	Clock *Clock
	Log   *slog.Logger

	// Receive holds the callbacks; its formats are set by Configure.
	Receive ReceiverConfig
}

// Media is what offer and answer agreed on.
type Media struct {
	Remote     netip.AddrPort // from SDP; packets may teach better
	RemoteRTCP netip.AddrPort // zero is the next port
	Mux        bool           // RTCP comes on the RTP port (RFC 5761)

	Receive []Format // payload types that the peer may use
	Send    []Format // payload types that the peer takes, the best first

	// Sending and Receiving are the direction from our side. What comes
	// although we do not receive is dropped.
	Sending, Receiving bool

	// LocalKey protects what we send, RemoteKey what we receive; nil both for
	// plain RTP.
	LocalKey, RemoteKey *Crypto
}

// LegStats are a leg's figures so far.
type LegStats struct {
	Receiver   ReceiverStats
	Sender     SenderStats
	Remote     netip.AddrPort // where we send to
	Unsafe     uint64         // packets that SRTP refused
	Strangers  uint64         // packets from addresses that may not send to us
	Reports    uint64         // RTCP packets taken
	BadRTCP    uint64
	RemoteLoss float64 // what the peer lost of ours lately, 0 to 1
	RemoteLost int
	RoundTrip  time.Duration // 0 until known
}

// Leg is one party on the telephone side.
type Leg struct {
	log       *slog.Logger
	rtp, rtcp *net.UDPConn
	clock     *Clock
	recv      *Receiver
	send      *Sender
	cname     string
	readers   sync.WaitGroup
	poller    *poller                                 // fetches RTP on the clock; nil: a goroutine reads
	take      func(time.Time, netip.AddrPort, []byte) // packet, made once

	mu         sync.Mutex // guards what follows
	started    bool
	closed     bool
	sending    bool
	mux        bool
	latch      latch
	rtcpRemote netip.AddrPort
	in, out    *cipher // nil for plain RTP
	inControl  *cipher // of their own, because they run concurrently
	inKey      string  // the keys that in and out were made of
	outKey     string
	stats      LegStats
	srTime     time.Time // when the peer's last sender report came
	srNTP      uint32
	nextReport time.Time
	report     []byte
}

// NewLeg opens the sockets, so that their port can be offered. Nothing is
// received or sent before Configure.
func NewLeg(cfg LegConfig) (*Leg, error) {
	recv, err := NewReceiver(cfg.Receive)
	if err != nil {
		return nil, err
	}
	l := &Leg{
		log: cfg.Log, clock: cfg.Clock, recv: recv, cname: randomName(),
		report: make([]byte, 0, 256),
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.send, err = NewSender(SenderConfig{Send: l.write})
	if err != nil {
		return nil, err
	}
	l.rtp, l.rtcp, err = cfg.Ports.listen(cfg.Local)
	if err != nil {
		return nil, err
	}
	// Best effort: the kernel may cap it.
	_ = l.rtp.SetReadBuffer(readBuffer)
	l.poller, l.take = newPoller(l.rtp), l.packet
	return l, nil
}

// randomName is a CNAME that says nothing about us (RFC 7022).
func randomName() string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// LocalPort is the RTP port to put into SDP; RTCP is on the next one.
func (l *Leg) LocalPort() int { return l.rtp.LocalAddr().(*net.UDPAddr).Port }

// Configure puts into force what was negotiated: first to start the leg, then
// after every new offer and answer. A call is never interrupted by it. On an
// error nothing has changed but formats may have.
func (l *Leg) Configure(m Media) error {
	if (m.LocalKey == nil) != (m.RemoteKey == nil) {
		return fmt.Errorf("%w: one direction has no key", ErrCrypto)
	}
	err := l.recv.SetFormats(m.Receive)
	if err != nil {
		return err
	}
	err = l.send.SetFormats(m.Send)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	err = l.setKeys(m)
	if err != nil {
		return err
	}
	l.latch.signal(m.Remote)
	l.rtcpRemote = m.RemoteRTCP
	l.mux = m.Mux
	l.sending = m.Sending
	l.send.SetPaused(!m.Sending)
	l.recv.SetPaused(!m.Receiving)
	l.start()
	return nil
}

// setKeys makes ciphers of keys that are new. The same keys go on as they are:
// starting again would count packets from 0 and look like a replay.
func (l *Leg) setKeys(m Media) error {
	if m.LocalKey == nil {
		l.in, l.inControl, l.out = nil, nil, nil
		l.inKey, l.outKey = "", ""
		return nil
	}
	if k := m.RemoteKey.Value(); k != l.inKey {
		in, err := newCipher(*m.RemoteKey)
		if err != nil {
			return err
		}
		control, err := newCipher(*m.RemoteKey)
		if err != nil {
			return err
		}
		l.in, l.inControl, l.inKey = in, control, k
	}
	if k := m.LocalKey.Value(); k != l.outKey {
		out, err := newCipher(*m.LocalKey)
		if err != nil {
			return err
		}
		l.out, l.outKey = out, k
	}
	return nil
}

func (l *Leg) start() {
	if l.started {
		return
	}
	l.started = true
	if l.poller == nil {
		l.readers.Go(func() { read(l.rtp, l.packet) })
	}
	l.readers.Go(func() { read(l.rtcp, l.control) })
	l.clock.Add(l)
}

// SetSource changes what the peer hears, from the next frame on. Nil is
// silence.
func (l *Leg) SetSource(r pcm.Reader) { l.send.SetSource(r) }

// SendDigits presses keys.
func (l *Leg) SendDigits(keys string) error { return l.send.SendDigits(keys) }

// Tick is for the clock.
func (l *Leg) Tick(now time.Time) {
	if l.poller != nil && l.recv.wants(now) {
		l.poller.poll(l.take)
	}
	l.recv.Tick(now)
	l.send.Tick(now)
	l.reportIfDue(now)
}

// read passes packets on until the socket is closed. Errors that ICMP brings
// back (the peer's port is closed) are no reason to stop.
func read(conn *net.UDPConn, take func(time.Time, netip.AddrPort, []byte)) {
	buf := make([]byte, 2*maxPayload)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		take(time.Now(), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), buf[:n])
	}
}

// packet takes one packet of the RTP socket.
func (l *Leg) packet(at time.Time, from netip.AddrPort, b []byte) {
	if isRTCP(b) {
		l.control(at, from, b)
		return
	}
	b, ok := l.admit(at, from, b)
	if !ok {
		return
	}
	err := l.recv.Packet(at, b)
	if err != nil {
		return // counted there
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latch.confirm(at, from)
}

// admit checks address and authenticity and returns the packet in the clear.
func (l *Leg) admit(at time.Time, from netip.AddrPort, b []byte) ([]byte, bool) {
	h, _, err := parseHeader(b)
	expected := err == nil && l.recv.expects(h)
	same := expected && l.recv.follows(h)
	l.mu.Lock()
	defer l.mu.Unlock()
	// Who has the key is the peer, wherever it is.
	if l.in == nil && !l.latch.allow(at, from, same) {
		l.stats.Strangers++
		return nil, false
	}
	if !expected || l.in == nil {
		return b, true // the receiver counts what is wrong
	}
	b, err = l.in.openRTP(b)
	if err != nil {
		l.stats.Unsafe++
		return nil, false
	}
	return b, true
}

// write sends one RTP packet of the sender.
func (l *Leg) write(b []byte) error {
	l.mu.Lock()
	to, out := l.latch.remote(), l.out
	if out != nil {
		var err error
		b, err = out.sealRTP(b)
		if err != nil {
			l.mu.Unlock()
			return err
		}
	}
	l.mu.Unlock()
	return writeTo(l.rtp, b, to)
}

func writeTo(conn *net.UDPConn, b []byte, to netip.AddrPort) error {
	if !to.IsValid() || to.Addr().IsUnspecified() {
		return errNowhere
	}
	_, err := conn.WriteToUDPAddrPort(b, to)
	return err
}

// errNowhere: SDP gave no address (an old way to hold) and no packet came.
var errNowhere = errors.New("rtpx: no address to send to")

// Stats returns the figures so far.
func (l *Leg) Stats() LegStats {
	l.mu.Lock()
	s := l.stats
	s.Remote = l.latch.remote()
	l.mu.Unlock()
	s.Receiver, s.Sender = l.recv.Stats(), l.send.Stats()
	return s
}

// Close says goodbye, closes the sockets and waits until no callback runs. It
// may be called twice. It must not be called from a callback.
func (l *Leg) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	started := l.started
	l.mu.Unlock()
	l.clock.Remove(l)
	if started {
		l.mu.Lock()
		l.sendReport(time.Now(), true)
		l.mu.Unlock()
	}
	err := errors.Join(l.rtp.Close(), l.rtcp.Close())
	l.readers.Wait()
	if started {
		l.recv.Close()
	}
	l.logSummary()
	if err != nil {
		return fmt.Errorf("rtpx: close leg: %w", err)
	}
	return nil
}

// logSummary tells what a call's trouble was, once; nothing about the peer.
func (l *Leg) logSummary() {
	s := l.Stats()
	l.log.LogAttrs(context.Background(), slog.LevelDebug, "media leg closed",
		slog.Uint64("received", s.Receiver.Packets), slog.Int("lost", s.Receiver.Lost),
		slog.Uint64("late", s.Receiver.Late), slog.Uint64("malformed", s.Receiver.Malformed),
		slog.Uint64("strangers", s.Strangers), slog.Uint64("unsafe", s.Unsafe),
		slog.Uint64("sent", s.Sender.Packets), slog.Uint64("failed", s.Sender.Failed),
		slog.Duration("jitter", s.Receiver.Jitter), slog.Duration("round_trip", s.RoundTrip))
}
