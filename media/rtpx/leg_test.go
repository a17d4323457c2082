package rtpx

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
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
	for range 12000 { // two minutes
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

// newPorts is a range that no other test uses: who still sends to the port of a call that is over would be a stranger to the next.
func newPorts(t *testing.T) *Ports {
	t.Helper()
	low := 21000 + ranges.Add(1)%90*10
	ports, err := NewPorts(fmt.Sprintf("%d-%d", low, low+9))
	if err != nil {
		t.Fatal(err)
	}
	return ports
}

var ranges atomic.Uint32 // given out

// Sound and keys must cross a real pair of sockets with every codec and suite.
func TestCall(t *testing.T) {
	for _, tt := range []struct {
		codec Codec
		suite string
	}{
		{PCMA, ""},
		{PCMU, "AES_CM_128_HMAC_SHA1_80"},
		{PCMA, "AES_CM_128_HMAC_SHA1_32"},
		{G722, "AEAD_AES_128_GCM"},
		{Opus, "AEAD_AES_256_GCM"},
		{Opus, ""},
	} {
		t.Run(tt.codec.String()+" "+tt.suite, func(t *testing.T) {
			t.Parallel()
			ports, clock := newPorts(t), NewClock(1)
			a, b := newParty(t, ports, clock), newParty(t, ports, clock)
			connect(t, a, b, tt.codec, tt.suite)
			sent := mediatest.Chirps(pcm.Rate/2, pcm.Rate, 8000, 1)
			a.SetSource(pcm.NewClip(sent, true)) // over and over: a busy machine has holes in some of it
			eventually(t, "the sound is heard as it was", func() bool {
				got := b.sound()
				if len(got) < pcm.Rate {
					return false
				}
				_, likeness := mediatest.Align(sent, got[len(got)-pcm.Rate:], pcm.Rate/2)
				return likeness >= 0.6
			})
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

// While one party holds the other, nothing is lost and nothing is heard, and
// the call goes on afterwards.
func TestHold(t *testing.T) {
	t.Parallel()
	ports, clock := newPorts(t), NewClock(1)
	a, b := newParty(t, ports, clock), newParty(t, ports, clock)
	connect(t, a, b, PCMA, "AES_CM_128_HMAC_SHA1_80")
	a.SetSource(pcm.NewClip(mediatest.Tone(pcm.Rate, pcm.Rate, 400, 8000), true))
	loud := func() bool {
		got := b.sound()
		return len(got) > 3200 && mediatest.Goertzel(got[len(got)-1600:], pcm.Rate, 400) > 6000
	}
	eventually(t, "sound", loud)
	b.Leg.mu.Lock()
	inKey, outKey, remote := b.inKey, b.outKey, b.latch.remote()
	b.Leg.mu.Unlock()
	hold := Media{Remote: remote, Receive: formats(PCMA), Send: formats(PCMA)}
	in, err := ParseCrypto(inKey)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ParseCrypto(outKey)
	if err != nil {
		t.Fatal(err)
	}
	hold.LocalKey, hold.RemoteKey = &out, &in
	err = b.Configure(hold)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "quiet", func() bool {
		got := b.sound()
		return mediatest.RMS(got[len(got)-1600:]) == 0
	})
	before := a.Stats().Receiver.Packets
	resume := hold
	resume.Sending, resume.Receiving = true, true
	err = b.Configure(resume)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "sound again", loud)
	eventually(t, "the other direction again", func() bool { return a.Stats().Receiver.Packets > before+10 })
	if s := b.Stats(); s.Unsafe != 0 || s.Receiver.LostSamples != 0 {
		t.Errorf("trouble: %+v", s)
	}
}

// Strangers who know the port are not heard.
func TestStranger(t *testing.T) {
	t.Parallel()
	ports, clock := newPorts(t), NewClock(1)
	a, b, evil := newParty(t, ports, clock), newParty(t, ports, clock), newParty(t, ports, clock)
	connect(t, a, b, PCMA, "")
	a.SetSource(pcm.NewClip(mediatest.Tone(pcm.Rate, pcm.Rate, 400, 8000), true))
	eventually(t, "sound", func() bool { return b.Stats().Receiver.Packets > 10 })
	err := evil.Configure(Media{Remote: b.address(), Send: formats(PCMA), Sending: true})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "packets refused", func() bool { return b.Stats().Strangers > 20 })
	if s := b.Stats(); s.Remote != a.address() || s.Receiver.SSRC != a.send.SSRC() {
		t.Errorf("the stranger took over: %+v", s)
	}
}

// Both parties learn by RTCP how they are received and how far away they are.
func TestReports(t *testing.T) {
	t.Parallel()
	for _, mux := range []bool{false, true} {
		ports, clock := newPorts(t), NewClock(1)
		a, b := newParty(t, ports, clock), newParty(t, ports, clock)
		for p, other := range map[*party]*party{a: b, b: a} {
			err := p.Configure(Media{
				Remote: other.address(), Mux: mux, Receive: formats(PCMA), Send: formats(PCMA),
				Sending: true, Receiving: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			p.SetSource(pcm.NewClip(mediatest.Tone(pcm.Rate, pcm.Rate, 400, 8000), true))
		}
		eventually(t, "packets", func() bool { return a.Stats().Receiver.Packets > 5 && b.Stats().Receiver.Packets > 5 })
		// Reports are due every 5 s; the test need not wait for that.
		for range 2 {
			for _, p := range []*party{a, b} {
				before := b.reports() + a.reports()
				p.Leg.mu.Lock()
				p.nextReport = time.Now()
				p.Leg.mu.Unlock()
				eventually(t, "report", func() bool { return a.reports()+b.reports() > before })
			}
		}
		eventually(t, "how far away the other one is", func() bool { return a.Stats().RoundTrip > 0 }) // others may have been due meanwhile
		if s := a.Stats(); s.BadRTCP != 0 {
			t.Errorf("mux %v: %+v", mux, s)
		}
	}
}

// reports counts the RTCP packets that were understood.
func (p *party) reports() uint64 {
	p.Leg.mu.Lock()
	defer p.Leg.mu.Unlock()
	return p.stats.Reports
}
