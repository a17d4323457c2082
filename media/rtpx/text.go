package rtpx

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"samtale.dk/samtale/media/rtt"
)

const (
	// maxTyped bounds what waits to be sent, in bytes: at the usual 30 characters a second, some minutes.
	maxTyped = 8 << 10
	// textPause is the silence after which another source may take a text stream over at once: its packets come every 300 ms while
	// somebody types.
	textPause = 2 * rtt.Interval
	// settle is before the first packet: a telephone that has just been answered may not listen yet, and unlike of sound nothing of
	// text may be missing. Linphone takes 0.7 s.
	settle = 1500 * time.Millisecond
)

// opening is a byte order mark, which shows nothing: it is sent first, before anybody has typed, so that the way through firewalls is
// open and the other side knows where we are (RFC 9071 section 3.2).
const opening = "\uFEFF"

// ErrTextFull says that too much waits to be sent.
var ErrTextFull = errors.New("rtpx: more text than the line can take")

// TextConfig is what a text stream needs before anything is negotiated.
type TextConfig struct {
	Ports *Ports
	Local netip.Addr // to listen on; unspecified for all
	Clock *Clock
	// Receive takes what the peer types. It runs on the socket's goroutine and must not block.
	Receive func(text string)
}

// TextMedia is what offer and answer agreed on.
type TextMedia struct {
	Remote             netip.AddrPort
	Format             rtt.Format
	Sending, Receiving bool    // from our side
	LocalKey           *Crypto // nil both for plain RTP
	RemoteKey          *Crypto
}

// Text is the real-time text of one party: RFC 4103 beside the sound of a Leg, on ports of its own. Who may send is decided as for
// sound. The ports' second one is only held: what is lost is mended by redundancy, and nobody reports it by RTCP.
type Text struct {
	cfg       TextConfig
	rtp, rtcp *net.UDPConn
	readers   sync.WaitGroup

	mu       sync.Mutex // guards what follows
	started  bool
	closed   bool
	media    TextMedia
	latch    latch
	in, out  *cipher // nil for plain RTP
	inKey    string  // the keys that in and out were made of
	outKey   string
	send     *rtt.Sender
	next     time.Time // when a packet may be sent
	began    time.Time
	header   Header // of our last packet
	offset   uint32 // of our timestamps
	recv     *rtt.Receiver
	source   Header // of the last packet taken
	last     time.Time
	newcomer Header // of a source that wants to take over
}

// NewText opens the sockets, so that their port can be offered.
func NewText(cfg TextConfig) (*Text, error) {
	t := &Text{cfg: cfg, send: rtt.NewSender(0), began: time.Now(), offset: rand.Uint32()}
	t.header = Header{SSRC: rand.Uint32(), Seq: uint16(rand.Uint32())}
	var err error
	t.rtp, t.rtcp, err = cfg.Ports.listen(cfg.Local)
	return t, err
}

// LocalPort is the port to put into SDP.
func (t *Text) LocalPort() int { return t.rtp.LocalAddr().(*net.UDPAddr).Port }

// Configure puts into force what was negotiated. What waits to be sent stays.
func (t *Text) Configure(m TextMedia) error {
	if (m.LocalKey == nil) != (m.RemoteKey == nil) {
		return fmt.Errorf("%w: one direction has no key", ErrCrypto)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return net.ErrClosed
	}
	if err := t.setKeys(m); err != nil {
		return err
	}
	t.media = m
	t.latch.signal(m.Remote)
	t.send.Agree(m.Format)
	if !t.started {
		t.started, t.next = true, time.Now().Add(settle)
		t.send.Write(opening)
		t.readers.Go(func() { read(t.rtp, t.packet) })
		t.cfg.Clock.Add(t)
	}
	return nil
}

// setKeys makes ciphers of keys that are new.
func (t *Text) setKeys(m TextMedia) (err error) {
	if m.LocalKey == nil {
		t.in, t.out, t.inKey, t.outKey = nil, nil, "", ""
		return nil
	}
	if k := m.RemoteKey.Value(); k != t.inKey {
		if t.in, err = newCipher(*m.RemoteKey); err != nil {
			return err
		}
		t.inKey = k
	}
	if k := m.LocalKey.Value(); k != t.outKey {
		if t.out, err = newCipher(*m.LocalKey); err != nil {
			return err
		}
		t.outKey = k
	}
	return nil
}

// Pause sends and takes nothing until Configure comes again.
func (t *Text) Pause() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.media.Sending, t.media.Receiving = false, false
}

// Write types to the peer.
func (t *Text) Write(text string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.send.Pending()+len(text) > maxTyped {
		return ErrTextFull
	}
	t.send.Write(text)
	return nil
}

// Quiet reports whether nothing waits to be sent, or to be repeated, that can be.
func (t *Text) Quiet() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed || !t.media.Sending || t.send.Quiet()
}

// Tick is for the clock.
func (t *Text) Tick(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || !t.media.Sending || now.Before(t.next) {
		return
	}
	stamp := t.offset + uint32(now.Sub(t.began).Milliseconds())
	payload, marker, ok := t.send.Payload(stamp)
	if !ok {
		return
	}
	t.next = now.Add(rtt.Interval)
	t.header.Seq++
	t.header.Timestamp, t.header.Marker, t.header.Type = stamp, marker, t.media.Format.Red
	if t.media.Format.Generations == 0 {
		t.header.Type = t.media.Format.Type
	}
	b := make([]byte, headerLen, headerLen+len(payload))
	t.header.put(b)
	b = append(b, payload...)
	if t.out != nil {
		var err error
		if b, err = t.out.sealRTP(b); err != nil {
			return
		}
	}
	_ = writeTo(t.rtp, b, t.latch.remote()) // lost on the way, or here: the next packets repeat it
}

// packet takes one packet of the socket.
func (t *Text) packet(at time.Time, from netip.AddrPort, b []byte) {
	if text := t.admit(at, from, b); text != "" {
		t.cfg.Receive(text)
	}
}

// admit returns what a packet adds to the text; nothing when it may not, or cannot be read.
func (t *Text) admit(at time.Time, from netip.AddrPort, b []byte) string {
	h, _, err := parseHeader(b)
	if err != nil || isRTCP(b) {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	red := t.media.Format.Generations > 0 && h.Type == t.media.Format.Red
	if t.closed || !t.media.Receiving || !red && h.Type != t.media.Format.Type {
		return ""
	}
	if t.in == nil && !t.latch.allow(at, from, t.follows(h)) {
		return ""
	}
	if t.in != nil {
		if b, err = t.in.openRTP(b); err != nil {
			return ""
		}
	}
	_, payload, err := Parse(b)
	if err != nil || !t.takes(at, h) {
		return ""
	}
	text, err := t.read(red, h.Seq, payload)
	if err != nil {
		return ""
	}
	t.source, t.last = h, at
	t.latch.confirm(at, from)
	return text
}

func (t *Text) read(red bool, seq uint16, payload []byte) (string, error) {
	if red {
		return t.recv.Packet(seq, payload)
	}
	return t.recv.Plain(seq, payload), nil
}

// follows reports whether a packet continues the stream that is being received (see latch).
func (t *Text) follows(h Header) bool {
	ahead := int16(h.Seq - t.source.Seq)
	return t.recv != nil && h.SSRC == t.source.SSRC && ahead > -100 && ahead < 3000
}

// takes reports whether a packet is of the source that is heard. Another one is when that has paused, when it says that it begins,
// or when two of its packets came in order (RFC 3550, appendix A.1).
func (t *Text) takes(at time.Time, h Header) bool {
	if t.recv != nil && h.SSRC == t.source.SSRC {
		return true
	}
	before := t.newcomer
	t.newcomer = h
	inOrder := before.SSRC == h.SSRC && before.Seq+1 == h.Seq
	if t.recv != nil && at.Sub(t.last) < textPause && !h.Marker && !inOrder {
		return false
	}
	t.recv = &rtt.Receiver{}
	return true
}

// Close closes the sockets and waits until no callback runs. It may be called twice, but not from a callback.
func (t *Text) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	t.mu.Unlock()
	t.cfg.Clock.Remove(t)
	err := errors.Join(t.rtp.Close(), t.rtcp.Close())
	t.readers.Wait()
	if err != nil {
		return fmt.Errorf("rtpx: close text: %w", err)
	}
	return nil
}
