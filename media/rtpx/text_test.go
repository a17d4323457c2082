package rtpx

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/media/rtt"
)

// textEnd is one side of a text stream and what it has read.
type textEnd struct {
	*Text
	mu   sync.Mutex
	text string
}

func newTextEnd(t *testing.T, ports *Ports, clock *Clock) *textEnd {
	t.Helper()
	e := &textEnd{}
	var err error
	e.Text, err = NewText(TextConfig{Ports: ports, Local: netip.MustParseAddr("127.0.0.1"), Clock: clock, Receive: func(s string) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.text += s
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func (e *textEnd) addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(e.LocalPort()))
}

func (e *textEnd) reads(t *testing.T, want string) {
	t.Helper()
	for till := time.Now().Add(2 * time.Minute); time.Now().Before(till); time.Sleep(5 * time.Millisecond) {
		e.mu.Lock()
		got := e.text
		e.mu.Unlock()
		if got == want {
			return
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	t.Fatalf("read %q, want %q", e.text, want)
}

func TestTextBothWays(t *testing.T) {
	ports, err := NewPorts("21800-21849")
	if err != nil {
		t.Fatal(err)
	}
	red := rtt.Format{Type: 98, Red: 100, Generations: 2, Rate: 30}
	for _, tt := range []struct {
		name   string
		format rtt.Format
		secure bool
	}{
		{"with redundancy", red, false},
		{"plain", rtt.Format{Type: 98, Rate: 30}, false},
		{"encrypted", red, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := NewClock(1)
			a, b := newTextEnd(t, ports, clock), newTextEnd(t, ports, clock)
			ma := TextMedia{Remote: b.addr(), Format: tt.format, Sending: true, Receiving: true}
			mb := TextMedia{Remote: a.addr(), Format: tt.format, Sending: true, Receiving: true}
			if tt.secure {
				ka, kb := newKey(t), newKey(t)
				ma.LocalKey, ma.RemoteKey, mb.LocalKey, mb.RemoteKey = ka, kb, kb, ka
			}
			for e, m := range map[*textEnd]TextMedia{a: ma, b: mb} {
				if err := e.Configure(m); err != nil {
					t.Fatal(err)
				}
			}
			const long = "Længere end ni tegn, som en pakke tager.\u2028"
			for e, s := range map[*textEnd]string{a: long, b: "hej\b\bå"} {
				if err := e.Write(s); err != nil {
					t.Fatal(err)
				}
			}
			b.reads(t, long)
			a.reads(t, "hej\b\bå")
			// On hold nothing goes, and nothing is forgotten.
			a.Pause()
			if err := a.Write("efter"); err != nil {
				t.Fatal(err)
			}
			if err := a.Configure(ma); err != nil {
				t.Fatal(err)
			}
			b.reads(t, long+"efter")
			if err := a.Write(strings.Repeat("x", maxTyped+1)); err == nil {
				t.Error("endless text is taken")
			}
		})
	}
}

// TestTextOpens: the first packet comes before anybody has typed, and shows nothing.
func TestTextOpens(t *testing.T) {
	ports, err := NewPorts("21860-21869")
	if err != nil {
		t.Fatal(err)
	}
	peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	e := newTextEnd(t, ports, NewClock(1))
	err = e.Configure(TextMedia{Remote: peer.LocalAddr().(*net.UDPAddr).AddrPort(), Format: rtt.Format{Type: 98, Rate: 30}, Sending: true})
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1500)
	if err := peer.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	n, err := peer.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	h, payload, err := Parse(b[:n])
	if err != nil || string(payload) != "\uFEFF" || !h.Marker {
		t.Errorf("first packet %+v: %q, %v", h, payload, err)
	}
}

func newKey(t *testing.T) *Crypto {
	t.Helper()
	k, err := NewCrypto(1, Suites()[2])
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

// TestTextOfStrangers: what is no text, not of the agreed types, or of somebody else changes nothing.
func TestTextOfStrangers(t *testing.T) {
	ports, err := NewPorts("21850-21859")
	if err != nil {
		t.Fatal(err)
	}
	e := newTextEnd(t, ports, NewClock(1))
	peer, stranger := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.66:4000")
	e.media = TextMedia{Remote: peer, Format: rtt.Format{Type: 98, Red: 100, Generations: 2, Rate: 30}, Receiving: true}
	e.latch.signal(peer)
	now := time.Now()
	for _, step := range []struct {
		name    string
		after   time.Duration
		from    netip.AddrPort
		packet  []byte
		fromNow string // what is read with it
	}{
		{"first", 0, peer, typed(1, 10, 98, "a"), "a"},
		{"empty", 0, peer, nil, "a"},
		{"no packet", 0, peer, []byte("x"), "a"},
		{"other type", 0, peer, typed(1, 11, 97, "x"), "a"},
		{"half a character of redundancy", 0, peer, typed(1, 11, 100, "\xe2"), "a"},
		{"no redundancy", 0, peer, typed(1, 11, 100, ""), "a"},
		{"the same again", 0, peer, typed(1, 10, 98, "a"), "a"},
		{"another source", 0, peer, typed(2, 500, 98, "x"), "a"},
		{"next", 0, peer, typed(1, 11, 98, "b"), "ab"},
		{"two are lost", 0, peer, typed(1, 14, 98, "d"), "ab\uFFFDd"},
		{"stranger", 0, stranger, typed(9, 1, 98, "x"), "ab\uFFFDd"},
		{"the same from another port", 0, stranger, typed(1, 15, 98, "e"), "ab\uFFFDde"},
		{"another source after a pause", textPause, peer, typed(3, 700, 98, "f"), "ab\uFFFDdef"},
		{"a source that begins", 0, peer, typed(4, 800, 98|0x80, "g"), "ab\uFFFDdefg"},
		{"once is an accident", 0, peer, typed(5, 900, 98, "x"), "ab\uFFFDdefg"},
		{"twice is a new source", 0, peer, typed(5, 901, 98, "h"), "ab\uFFFDdefgh"},
	} {
		now = now.Add(step.after)
		e.packet(now, step.from, step.packet)
		if e.text != step.fromNow {
			t.Fatalf("%s: %q", step.name, e.text)
		}
	}
}

// typed is a packet of text; the high bit of the type is the marker.
func typed(ssrc uint32, seq uint16, pt uint8, payload string) []byte {
	b := make([]byte, headerLen)
	Header{Type: pt & 0x7f, Marker: pt&0x80 != 0, Seq: seq, SSRC: ssrc}.put(b)
	return append(b, payload...)
}
