package rtpx

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

func TestCodecNames(t *testing.T) {
	for _, c := range []Codec{PCMU, PCMA, G722, Opus, Event, Comfort} {
		if got := ParseCodec(strings.ToUpper(c.String())); got != c {
			t.Errorf("%v became %v", c, got)
		}
	}
	if ParseCodec("GSM") != Unknown || ParseCodec("") != Unknown {
		t.Error("a codec that is not ours was found")
	}
	for typ, want := range map[uint8]Codec{0: PCMU, 8: PCMA, 9: G722, 13: Comfort, 3: Unknown, 96: Unknown} {
		if got := StaticCodec(typ); got != want {
			t.Errorf("type %d is %v, want %v", typ, got, want)
		}
	}
}

// Our parser and pion's must agree about good packets.
func TestParseAgreesWithPion(t *testing.T) {
	p := rtp.Packet{
		Header: rtp.Header{
			Version: 2, Marker: true, PayloadType: 96, SequenceNumber: 65535, Timestamp: 1 << 31,
			SSRC: 7, CSRC: []uint32{1, 2},
		},
		Payload: []byte{1, 2, 3, 4, 5},
	}
	err := p.SetExtension(1, []byte{9, 9})
	if err != nil {
		t.Fatal(err)
	}
	p.Header.Padding = true
	p.Header.PaddingSize = 3
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	h, payload, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	want := Header{Marker: true, Type: 96, Seq: 65535, Timestamp: 1 << 31, SSRC: 7}
	if h != want || !bytes.Equal(payload, p.Payload) {
		t.Errorf("parsed %+v %v", h, payload)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0x80, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3})
	f.Add([]byte{0xb1, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1, 0xbe, 0xde, 0, 0, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, err := Parse(b)
		if err != nil {
			return
		}
		if len(payload)+headerLen > len(b) {
			t.Fatalf("payload of %d in %d", len(payload), len(b))
		}
		again := make([]byte, headerLen)
		h.put(again)
		h2, _, err := Parse(again)
		if err != nil || h2 != h {
			t.Fatalf("%+v became %+v", h, h2)
		}
		var p rtp.Packet
		if err := p.Unmarshal(b); err == nil && !bytes.Equal(p.Payload, payload) {
			t.Fatalf("pion has another payload: %d and %d bytes", len(p.Payload), len(payload))
		}
	})
}

// A whole receiver fed with anything must go on making frames.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte{16, 0x80, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4})
	f.Add([]byte{14, 0x80, 101, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := int64(0)
		r, err := NewReceiver(ReceiverConfig{
			Formats: []Format{{0, PCMU, 0}, {8, PCMA, 0}, {9, G722, 0}, {96, Opus, 0}, {101, Event, 0}, {13, Comfort, 0}},
			Frame: func(f Frame) {
				if f.Pos != n {
					t.Fatalf("frame at %d, want %d", f.Pos, n)
				}
				n += int64(len(f.Samples))
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1000, 0)
		for len(b) > 0 {
			size := min(int(b[0]), len(b)-1)
			_ = r.Packet(now, b[1:1+size])
			b = b[1+size:]
			now = now.Add(7 * time.Millisecond)
			r.Tick(now)
		}
		r.Tick(now.Add(2 * time.Second))
		r.Close()
	})
}

// Our reports must be what pion understands, and the other way round.
func TestReportsAgreeWithPion(t *testing.T) {
	info := &senderInfo{ntp: 0x1122334455667788, timestamp: 99, packets: 5, octets: 800}
	block := &reportBlock{ssrc: 7, fraction: 64, lost: -3, highest: 1<<16 + 5, jitter: 12, lastSR: 0xabcd, delay: 65536}
	ps, err := rtcp.Unmarshal(appendBye(appendReport(nil, 42, info, block, "abcdef"), 42))
	if err != nil {
		t.Fatal(err)
	}
	want := []rtcp.Packet{
		&rtcp.SenderReport{
			SSRC: 42, NTPTime: info.ntp, RTPTime: 99, PacketCount: 5, OctetCount: 800,
			Reports: []rtcp.ReceptionReport{{
				SSRC: 7, FractionLost: 64, TotalLost: 0xfffffd, LastSequenceNumber: 1<<16 + 5,
				Jitter: 12, LastSenderReport: 0xabcd, Delay: 65536,
			}},
		},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: 42, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "abcdef"}},
		}}},
		&rtcp.Goodbye{Sources: []uint32{42}},
	}
	if d := cmp.Diff(want, ps); d != "" {
		t.Error(d)
	}

	b, err := rtcp.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseReport(b, 7)
	if err != nil {
		t.Fatal(err)
	}
	if r.ssrc != 42 || !r.sender || r.ntp != info.ntp || !r.block || r.fraction != 0.25 || r.lost != -3 || !r.goodbye {
		t.Errorf("parsed %+v", r)
	}
	r, err = parseReport(b, 8)
	if err != nil || r.block {
		t.Errorf("a block about another stream was taken: %+v, %v", r, err)
	}
}

func TestRoundTrip(t *testing.T) {
	sent := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	r := peerReport{block: true, lastSR: uint32(ntpTime(sent) >> 16), sinceSR: 65536 / 2}
	if got := r.roundTrip(sent.Add(580 * time.Millisecond)); !near(got, 80*time.Millisecond, time.Millisecond) {
		t.Errorf("round trip %v", got)
	}
	if got := r.roundTrip(sent.Add(400 * time.Millisecond)); got != 0 {
		t.Errorf("round trip %v from the future", got)
	}
}

func FuzzReport(f *testing.F) {
	f.Add(appendReport(nil, 42, &senderInfo{}, &reportBlock{ssrc: 7}, "abc"))
	f.Add(appendBye(appendReport(nil, 42, nil, nil, "abc"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseReport(b, 7)
		if err == nil && r.block && (r.fraction < 0 || r.fraction > 1) {
			t.Fatalf("%+v", r)
		}
	})
}

func TestSequenceNumbers(t *testing.T) {
	at := time.Unix(1000, 0)
	h := func(seq uint16, ssrc uint32) Header { return Header{Seq: seq, SSRC: ssrc} }
	for _, tt := range []struct {
		name string
		in   []Header
		want string // one letter each: f follows, r restarts, d drop
		lost int
	}{
		{"in order", []Header{h(1, 1), h(2, 1), h(3, 1)}, "rff", 0},
		{"wraps", []Header{h(65534, 1), h(65535, 1), h(0, 1), h(2, 1)}, "rfff", 1},
		{"reordered", []Header{h(1, 1), h(3, 1), h(2, 1)}, "rff", 0},
		{"lost", []Header{h(1, 1), h(11, 1)}, "rf", 9},
		{"one stray number", []Header{h(1, 1), h(30000, 1), h(2, 1)}, "rdf", 0},
		{"restart", []Header{h(1, 1), h(30000, 1), h(30001, 1), h(30002, 1)}, "rdrf", 0},
		{"new stream needs two", []Header{h(1, 1), h(7, 2), h(2, 1), h(8, 2)}, "rdfr", 0},
		{"strays of many streams", []Header{h(1, 1), h(7, 2), h(8, 3), h(9, 4), h(2, 1)}, "rdddf", 0},
		{"marker begins a stream", []Header{h(1, 1), {Seq: 7, SSRC: 2, Marker: true}}, "rr", 0},
	} {
		var s source
		got := ""
		for _, h := range tt.in {
			got += string("dfr"[s.accept(at, h)])
		}
		if got != tt.want || s.lost() != tt.lost {
			t.Errorf("%s: %s, lost %d; want %s, %d", tt.name, got, s.lost(), tt.want, tt.lost)
		}
	}
	var s source
	s.accept(at, h(1, 1))
	if s.accept(at.Add(time.Second), h(1, 2)) != restarts {
		t.Error("a new stream after silence was not taken at once")
	}
}

func TestReportedLossAndJitter(t *testing.T) {
	at := time.Unix(1000, 0)
	var s source
	for i := range 100 {
		if i%4 == 3 {
			continue
		}
		arrival := at.Add(time.Duration(i) * 20 * time.Millisecond)
		if i%2 == 1 {
			arrival = arrival.Add(10 * time.Millisecond)
		}
		h := Header{Seq: uint16(i), Timestamp: uint32(i * 160), SSRC: 1}
		s.accept(arrival, h)
		s.time(arrival, h, 8000)
	}
	if s.lost() != 24 {
		t.Errorf("lost %d", s.lost())
	}
	if f := s.fraction(); f < 60 || f > 66 {
		t.Errorf("fraction %d/256", f)
	}
	if f := s.fraction(); f != 0 {
		t.Errorf("fraction %d/256 of nothing", f)
	}
	// Two of three steps change by 10 ms, 80 units.
	if s.jitter < 40 || s.jitter > 70 {
		t.Errorf("jitter %.0f units", s.jitter)
	}
}

func TestEventsTellEachKeyOnce(t *testing.T) {
	var f eventFilter
	got := ""
	feed := func(ts uint32, code uint8, duration uint16, end bool) {
		b := make([]byte, eventLen)
		event{code: code, duration: duration, end: end, volume: 10}.put(b)
		e, ok := parseEvent(b)
		if !ok || e.duration != duration || e.end != end || e.volume != 10 {
			t.Fatalf("parsed %+v", e)
		}
		if s, ok := f.press(ts, e); ok {
			got += string(s)
		}
	}
	feed(1000, 5, 160, false)
	feed(1000, 5, 320, false)
	for range 3 {
		feed(1000, 5, 800, true)
	}
	feed(3000, 5, 800, true) // the same key again; only an end packet came
	feed(3000, 5, 800, true)
	feed(1000, 5, 800, true) // very late
	feed(5000, 11, 160, false)
	feed(9000, 9, 0xffff, false) // long: goes on in the next segment
	feed(9000+0xffff, 9, 320, true)
	feed(200000, 200, 160, false) // no key
	if got != "55#9" {
		t.Errorf("heard %q", got)
	}
	if _, ok := parseEvent([]byte{1, 2, 3}); ok {
		t.Error("took three bytes")
	}
}

func TestCryptoAttributes(t *testing.T) {
	for _, suite := range Suites() {
		c, err := NewCrypto(3, suite)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseCrypto(c.Value())
		if err != nil || again.Tag != 3 || again.Suite != suite || !bytes.Equal(again.key, c.key) {
			t.Errorf("%s: %v", suite, err)
		}
		if _, err := ParseCrypto(strings.TrimRight(c.Value(), "=") + "|2^31"); err != nil {
			t.Errorf("%s with lifetime, without padding: %v", suite, err)
		}
		other, _ := NewCrypto(3, suite)
		if bytes.Equal(other.key, c.key) {
			t.Error("two keys are the same")
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "crypto", c)
		secret := c.Value()[len(c.Value())-20:]
		for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%v %+v %#v %s", c, c, c, c), log.String()} {
			if strings.Contains(s, secret) {
				t.Errorf("the key is in %q", s)
			}
		}
	}
}

func TestCryptoRefusals(t *testing.T) {
	good, err := NewCrypto(1, "AES_CM_128_HMAC_SHA1_80")
	if err != nil {
		t.Fatal(err)
	}
	v := good.Value()
	for name, s := range map[string]string{
		"empty":      "",
		"no key":     "1 AES_CM_128_HMAC_SHA1_80",
		"suite":      strings.Replace(v, "AES_CM", "F8", 1),
		"tag":        "x" + v,
		"short key":  "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
		"not base64": "1 AES_CM_128_HMAC_SHA1_80 inline:****************************************",
		"MKI":        v + "|2^20|1:4",
		"two keys":   v + ";inline:AAAA",
		"parameter":  v + " UNENCRYPTED_SRTP",
	} {
		_, err := ParseCrypto(s)
		if !errors.Is(err, ErrCrypto) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32")
	f.Add("1 AEAD_AES_128_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCrypto(s)
		if err != nil {
			return
		}
		_, err = newCipher(c)
		if err != nil {
			t.Fatalf("was parsed but cannot be used: %v", err)
		}
		again, err := ParseCrypto(c.Value())
		if err != nil || !bytes.Equal(again.key, c.key) {
			t.Fatalf("did not survive: %v", err)
		}
	})
}

func TestPorts(t *testing.T) {
	for spec, want := range map[string]int{
		"20000-20199": 100, "20001-20199": 99, "20000-20001": 1, "20000-20002": 1, " 20000 - 20003 ": 2,
	} {
		p, err := NewPorts(spec)
		if err != nil || p.Len() != want {
			t.Errorf("%q: %v, %v", spec, p, err)
		}
	}
	for _, spec := range []string{"", "20000", "20000-", "a-b", "20001-20001", "20000-20000", "30000-20000", "0-100", "65000-70000"} {
		_, err := NewPorts(spec)
		if err == nil {
			t.Errorf("%q was taken", spec)
		}
	}
}

func TestNoPortLeft(t *testing.T) {
	ports, err := NewPorts("21990-21991")
	if err != nil {
		t.Fatal(err)
	}
	clock := NewClock(1)
	a, err := NewLeg(LegConfig{Ports: ports, Local: localhost, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewLeg(LegConfig{Ports: ports, Local: localhost, Clock: clock})
	if !errors.Is(err, ErrNoPort) {
		t.Errorf("second leg: %v", err)
	}
	for range 2 { // closing twice is fine
		err = a.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := NewLeg(LegConfig{Ports: ports, Local: localhost, Clock: clock})
	if err != nil {
		t.Fatalf("the port did not come back: %v", err)
	}
	if err := b.Configure(Media{Receive: []Format{{Type: 200, Codec: PCMA}}}); err == nil {
		t.Error("payload type 200 was taken")
	}
	err = b.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Configure(Media{}); err == nil {
		t.Error("a closed leg was configured")
	}
}

func TestLatch(t *testing.T) {
	at := time.Unix(1000, 0)
	addr := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	signalled, nat, moved, evil := addr("10.0.0.1:4000"), addr("192.0.2.1:5000"), addr("192.0.2.1:6000"), addr("203.0.113.9:9")
	var l latch
	l.signal(signalled)
	if l.remote() != signalled {
		t.Error("does not begin with the address of SDP")
	}
	if !l.allow(at, nat, false) {
		t.Fatal("the first address is refused")
	}
	l.confirm(at, nat)
	if l.remote() != nat {
		t.Error("did not latch")
	}
	if l.allow(at, evil, false) {
		t.Error("a stranger took over a call that runs")
	}
	if !l.allow(at, moved, true) {
		t.Error("the same stream from a new port is refused")
	}
	if !l.allow(at, signalled, false) {
		t.Error("the address of SDP is refused")
	}
	l.signal(signalled)
	if l.remote() != nat {
		t.Error("a refresh forgot what was learned")
	}
	if !l.allow(at.Add(3*time.Second), moved, false) {
		t.Error("a new port after silence is refused")
	}
	if l.allow(at.Add(time.Hour), evil, false) {
		t.Error("a stranger took over a call that is silent")
	}
	if !l.allow(at.Add(3*time.Second), evil, true) {
		t.Error("the same stream from a new network is refused")
	}
	l.signal(addr("10.0.0.2:4000"))
	if l.remote() != addr("10.0.0.2:4000") {
		t.Error("a new address in SDP has no effect")
	}
}
