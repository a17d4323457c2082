package rtpx

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/pcm"
)

var localhost = netip.MustParseAddr("127.0.0.1")

// party is one end of a call in a test.
type party struct {
	*Leg
	mu     sync.Mutex
	heard  []int16
	frames []Frame
	gaps   []Gap
	digits []byte
}

func newParty(t *testing.T, ports *Ports, clock *Clock) *party {
	t.Helper()
	p := &party{}
	var err error
	p.Leg, err = NewLeg(LegConfig{
		Ports: ports, Local: localhost, Clock: clock,
		Receive: ReceiverConfig{Frame: p.frame, Gap: p.gap, Digit: p.digit},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := p.Close()
		if err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *party) frame(f Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, f.Samples...)
	f.Samples = nil
	p.frames = append(p.frames, f)
}

func (p *party) gap(g Gap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gaps = append(p.gaps, g)
}

func (p *party) digit(d Digit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.digits = append(p.digits, d.Symbol)
}

func (p *party) sound() []int16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

func (p *party) pressed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.digits)
}

func (p *party) address() netip.AddrPort {
	return netip.AddrPortFrom(localhost, uint16(p.LocalPort()))
}

// eventually waits for a condition; the limit only bounds a failing test.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never happened: %s", what)
}

func formats(c Codec) []Format {
	typ := uint8(96)
	if s := codecs[c].static; s >= 0 {
		typ = uint8(s)
	}
	return []Format{{Type: typ, Codec: c}, {Type: 101, Codec: Event, Clock: c.Clock()}}
}

func connect(t *testing.T, a, b *party, c Codec, suite string) {
	t.Helper()
	ma := Media{Remote: b.address(), Receive: formats(c), Send: formats(c), Sending: true, Receiving: true}
	mb := ma
	mb.Remote = a.address()
	if suite != "" {
		ka, err := NewCrypto(1, suite)
		if err != nil {
			t.Fatal(err)
		}
		kb, err := NewCrypto(1, suite)
		if err != nil {
			t.Fatal(err)
		}
		ma.LocalKey, ma.RemoteKey = &ka, &kb
		mb.LocalKey, mb.RemoteKey = &kb, &ka
	}
	for p, m := range map[*party]Media{a: ma, b: mb} {
		err := p.Configure(m)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func newPorts(t *testing.T) *Ports {
	t.Helper()
	ports, err := NewPorts("21000-21399")
	if err != nil {
		t.Fatal(err)
	}
	return ports
}

// Sound and keys must cross a real pair of sockets with every codec and suite.
func TestCall(t *testing.T) {
	for _, tt := range []struct {
		codec Codec
		suite string
	}{
		{PCMA, ""}, {PCMU, "AES_CM_128_HMAC_SHA1_80"}, {PCMA, "AES_CM_128_HMAC_SHA1_32"},
		{G722, "AEAD_AES_128_GCM"}, {Opus, "AEAD_AES_256_GCM"}, {Opus, ""},
	} {
		t.Run(tt.codec.String()+" "+tt.suite, func(t *testing.T) {
			t.Parallel()
			ports, clock := newPorts(t), NewClock(1)
			a, b := newParty(t, ports, clock), newParty(t, ports, clock)
			connect(t, a, b, tt.codec, tt.suite)
			sent := mediatest.Chirps(pcm.Rate*2, pcm.Rate, 8000, 1)
			a.SetSource(pcm.NewClip(sent, false))
			eventually(t, "all sound heard", func() bool {
				got := b.sound()
				tail := sent[len(sent)-pcm.Rate/2:]
				return len(got) > len(sent) && mediatest.RMS(got[len(got)-1600:]) < 50 &&
					mediatest.RMS(tail) > 1000
			})
			got := b.sound()
			_, likeness := mediatest.Align(sent[:pcm.Rate], got, pcm.Rate)
			if likeness < 0.6 {
				t.Errorf("likeness of the sound is %.2f", likeness)
			}
			err := b.SendDigits("12#")
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "keys", func() bool { return a.pressed() == "12#" })
			if s := b.Stats(); s.Unsafe != 0 || s.Strangers != 0 || s.Receiver.Malformed != 0 {
				t.Errorf("trouble: %+v", s)
			}
		})
	}
}
