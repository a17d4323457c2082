package sfu

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"samtale.dk/samtale/media/sfu/internal/packet"
	"samtale.dk/samtale/media/sfu/internal/protect"
)

// encrypted makes the datagrams that a publisher sends, under keys that its connection is given.
func encrypted(t *testing.T, via *transport, ssrc uint32, kind uint8, n int) [][]byte {
	t.Helper()
	key, salt := make([]byte, 16), make([]byte, 12)
	client, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	via.in, err = protect.New(srtp.ProtectionProfileAeadAes128Gcm, key, salt)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for i := range n {
		p := rtp.Packet{Header: rtp.Header{
			Version: 2, PayloadType: kind, SSRC: ssrc, SequenceNumber: uint16(i + 1), Timestamp: uint32(i) * 3000, Marker: true,
		}, Payload: append(vp8(true, 0, uint16(i), 1, 360, 1), make([]byte, 1000)...)}
		if via.ext.wide == 0 {
			t.Fatal("no transport-wide numbers were agreed on")
		}
		if err := p.SetExtension(via.ext.wide, []byte{byte(i >> 8), byte(i)}); err != nil {
			t.Fatal(err)
		}
		plain, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		b, err := client.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// A camera's feedback comes ten times a second, that of sound alone, which tells of less, less often.
func TestFeedbackShare(t *testing.T) {
	for _, c := range []struct {
		name       string
		size, want int // bytes of what comes 50 times a second; times in ten seconds
	}{{"camera", 1200, 83}, {"sound", 110, 38}, {"nothing", 0, 0}} {
		t.Run(c.name, func(t *testing.T) {
			p := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7}}
			if err := p.SetExtension(1, []byte{0, 1}); err != nil {
				t.Fatal(err)
			}
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			h, ok := packet.Parse(b)
			if !ok {
				t.Fatal("not parsed")
			}
			begin := time.Now()
			via, times := &transport{began: begin, ext: extIDs{wide: 1}}, 0
			for at := time.Duration(0); at < 10*time.Second; at += tick {
				if c.size > 0 {
					via.record(begin.Add(at), &h, c.size)
				}
				if via.wideDue(begin.Add(at)) {
					via.wideSince = time.Time{}
					times++
				}
			}
			if times != c.want {
				t.Errorf("%d times, want %d", times, c.want)
			}
		})
	}
}

// From the socket's datagram to the socket again nothing is allocated: one allocation in fifty packets would be seen.
func TestDatagramDoesNotAllocate(t *testing.T) {
	const each, runs = 100, 20
	r, out, s, u := wired(t, packet.VP8)
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	from := netip.MustParseAddrPort("192.0.2.1:5000")
	r.sfu.addAddr(from, u.via)
	now := r.sfu.now()

	r.mu.Lock()
	kind := uint8(0)
	for pt, x := range u.via.types {
		if x.codec == packet.VP8 && !x.rtx {
			kind = uint8(pt)
		}
	}
	ssrc := u.layers[0].ssrc
	datagrams := encrypted(t, u.via, ssrc, kind, 1200+each*runs)
	dest := r.sfu.ports[0].socks[0].Dest(sink.LocalAddr().(*net.UDPAddr).AddrPort())
	s.peer.sub.path = path{dst: &dest}
	r.mu.Unlock()

	next := 0
	some := func(n int) {
		for _, b := range datagrams[next : next+n] {
			now = now.Add(2 * time.Millisecond)
			r.mu.Lock()
			s.target, s.halted, r.ticked = u.layers[0], false, now // what is due by time is another matter
			r.mu.Unlock()
			r.sfu.datagram(out, now, 0, nil, from, b)
			if next++; next%5 == 0 {
				out.flush()
			}
		}
	}
	feedback := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		u.via.wide.BuildFeedbackPacket()
	}
	for range 1200 / each { // fill the cache
		some(each)
		feedback()
	}
	least := 1e9
	for range runs {
		// It runs twice. The runtime allocates too now and then, so the quietest of some times counts.
		least = min(least, testing.AllocsPerRun(1, func() { some(each / 2) }))
		feedback()
	}
	if least != 0 {
		t.Errorf("%v allocations for %d packets", least, each/2)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.packets < uint32(len(datagrams)) {
		t.Errorf("%d packets were sent, want %d", s.packets, len(datagrams))
	}
}
