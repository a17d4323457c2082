package sfu

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

// witness is a speaker and a watcher of whom nothing may be lost, whatever others in the room do.
type witness struct {
	s *speaker
	v *watcher
}

func (w *world) witness() witness {
	x := witness{s: w.speak(PeerConfig{ID: "anna"}), v: w.watch(PeerConfig{ID: "bo"})}
	w.run(5 * time.Second)
	return x
}

// unharmed lets time pass in which the witness must see and hear everything.
func (x witness) unharmed(t *testing.T, d time.Duration) {
	t.Helper()
	w, picture, sound := x.v.w, x.v.got["anna~camera"], x.v.got["anna~microphone"]
	picture.viewer.Reset()
	heard := len(sound.packets)
	w.run(d)
	if n, want := len(sound.packets)-heard, int(d/(20*time.Millisecond)); n < want-2 {
		t.Errorf("%d of %d packets of sound came", n, want)
	}
	if n, want := picture.viewer.Shown, int(d.Seconds()*30); n < want-2 || picture.viewer.Freezes > 0 {
		t.Errorf("%d of %d frames came, %d freezes", n, want, picture.viewer.Freezes)
	}
	unbroken(t, sound.packets)
	unbroken(t, picture.packets)
}

// A member whose packets are authentic and nonsense harms nobody but himself.
func TestNonsenseOfAMember(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	x := w.witness()
	mad := w.speak(PeerConfig{ID: "mad"})
	eye := w.watch(PeerConfig{ID: "madeye"})
	w.run(2 * time.Second)
	random := rand.New(rand.NewPCG(1, 1))
	bytes := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	before := w.room.stats
	w.each = append(w.each, func(now time.Time) {
		p := &rtp.Packet{Header: rtp.Header{
			Version: 2, Marker: random.IntN(2) == 0, PayloadType: []uint8{111, 96, 97, 63, 5, uint8(random.IntN(128))}[random.IntN(6)],
			SequenceNumber: uint16(random.Uint32()), Timestamp: random.Uint32(), SSRC: []uint32{voiceSSRC, 100, 101, 1102, random.Uint32()}[random.IntN(5)],
		}, Payload: bytes(random.IntN(300))}
		for _, id := range []uint8{extLevel, extWideSeq, extMid, extRid, extRRid} {
			if random.IntN(2) == 0 {
				_ = p.SetExtension(id, bytes(1+random.IntN(8)))
			}
		}
		mad.send(now, p)
		// Control packets: of all types that are read, about all streams, with nonsense in them.
		header := rtcp.Header{Count: uint8(random.IntN(32)), Type: rtcp.PacketType(200 + random.IntN(8))}
		body := bytes(4 * (1 + random.IntN(40)))
		header.Length = uint16(len(body) / 4)
		head, err := header.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []*end{mad.end, eye.end} {
			b, err := e.out.EncryptRTCP(nil, append(head, body...), nil)
			if err != nil {
				t.Fatal(err)
			}
			e.raw(now, b)
		}
		eye.control(now, &rtcp.PictureLossIndication{MediaSSRC: random.Uint32()},
			&rtcp.TransportLayerNack{MediaSSRC: eye.peer.slots[random.IntN(len(eye.peer.slots))].ssrc, Nacks: []rtcp.NackPair{{PacketID: uint16(random.Uint32()), LostPackets: 0xffff}}})
	})
	x.unharmed(t, 5*time.Second)
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	if w.room.stats.Malformed == before.Malformed {
		t.Error("nothing was malformed")
	}
	if n := len(mad.peer.pub.ssrcs); n > maxSSRCs {
		t.Errorf("%d streams are kept", n)
	}
}

// Who sends ten times what is allowed gets what is allowed through, and the others notice nothing.
func TestTenTimesTheBandwidth(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	x := w.witness()
	flood := w.speak(PeerConfig{ID: "flood"})
	x.v.peer.SetView("flood", Camera, View{Paused: true})
	w.run(time.Second)
	before := w.room.stats
	payload := make([]byte, 1150)
	seq := uint16(0)
	const perMillisecond = 10 * maxRate / 8 / 1000 / 1150
	w.each = append(w.each, func(now time.Time) {
		for range perMillisecond {
			seq++
			flood.send(now, &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 102, SequenceNumber: seq}, Payload: payload})
		}
	})
	const long = 4 * time.Second
	x.unharmed(t, long)
	st := w.room.stats
	limit := float64(maxBurst) + long.Seconds()*(maxRate+2_500_000)/8 // and what the witness sends
	if got := float64(st.BytesIn - before.BytesIn); got > limit || st.Throttled == before.Throttled {
		t.Errorf("%.0f bytes got in, the limit is %.0f; %d were refused", got, limit, st.Throttled-before.Throttled)
	}
}

// Requests of a member without end change what they may and leave nothing behind.
func TestSignallingFlood(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	x := w.witness()
	p := w.join(PeerConfig{ID: "flood"})
	for i := range 500 {
		var many []string
		for k := range 100 {
			many = append(many, speakerSection("video", "96", fmt.Sprint("m", i, "x", k), "a=rtpmap:96 VP8/90000", fmt.Sprint("a=ssrc:", 1000*i+k, " cname:x")))
		}
		offer := strings.Replace(speakerHead+strings.Join(many, ""), "\r\na=group:BUNDLE 0 1", "", 1)
		if i%2 == 0 { // another connection each time
			offer = strings.ReplaceAll(offer, "00:01\r\n", fmt.Sprintf("%02X:01\r\n", i%256))
		}
		if i%25 == 0 { // parsing a hundred sections is what costs here
			if _, err := p.Publish(offer); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Subscribe(); err != nil {
			t.Fatal(err)
		}
		_ = p.Answer("v=0")
		_, _ = p.RestartICE(Publishing, fmt.Sprintf("a=ice-ufrag:abc%d\r\na=ice-pwd:0123456789012345678901\r\n", i))
		p.SetView(fmt.Sprint("nobody", i), Camera, View{Height: i})
		_ = p.Send(Message{Label: TextLabel, Data: make([]byte, 4096)})
	}
	until(t, "connections that were replaced are forgotten", func() bool {
		w.sfu.mu.RLock()
		defer w.sfu.mu.RUnlock()
		return len(w.sfu.byUfrag) <= 2*4
	}, nil)
	w.room.mu.Lock()
	if len(p.ups) > maxTracks || len(p.slots) > maxSlots || len(p.views) > maxPeers*4 || len(p.pub.creds) > 2 {
		t.Errorf("%d tracks, %d sections, %d views, %d credentials", len(p.ups), len(p.slots), len(p.views), len(p.pub.creds))
	}
	dropped := w.room.stats.MessagesDropped
	w.room.mu.Unlock()
	if dropped < 400 {
		t.Errorf("%d of 500 long messages at once were refused", dropped)
	}
	x.unharmed(t, 2*time.Second)
}

// What was recorded on the way and is sent again, at once or late, on its connection or on another one's, is refused.
func TestReplayOfRecorded(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	x := w.witness()
	thief := w.speak(PeerConfig{ID: "thief"})
	w.run(time.Second)
	var tape [][]byte
	x.s.sent = func(b []byte) { tape = append(tape, slices.Clone(b)) }
	w.run(3 * time.Second)
	x.s.sent = nil
	before := w.room.stats
	now := w.now()
	for _, b := range tape {
		x.s.up.Send(now, b)
		thief.up.Send(now, b)
	}
	x.unharmed(t, 3*time.Second)
	st := w.room.stats
	if n := st.Replayed - before.Replayed + st.Throttled - before.Throttled; n != uint64(2*len(tape)) {
		t.Errorf("%d of %d were refused", n, 2*len(tape))
	}
	if st.Replayed == before.Replayed {
		t.Error("none was seen as a replay")
	}
}

// A member who uses another's stream numbers, section or name reaches only what is his own.
func TestForgedIDs(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	x := w.witness()
	thief := w.join(PeerConfig{ID: "thief"})
	_, err := thief.Publish(speakerHead + speakerSection("audio", "111", "0", "a=rtpmap:111 opus/48000/2", fmt.Sprintf("a=ssrc:%d cname:anna", voiceSSRC), "a=msid:anna anna~microphone"))
	if err != nil {
		t.Fatal(err)
	}
	e := w.connect(thief.pub)
	seq := uint16(30_000)
	w.each = append(w.each, func(now time.Time) {
		seq++
		p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SSRC: voiceSSRC, SequenceNumber: seq, Timestamp: uint32(seq)}, Payload: []byte("forged")}
		_ = p.SetExtension(extMid, []byte("0"))
		if now.UnixMilli()%20 == 0 {
			e.send(now, p)
			e.control(now, &rtcp.SenderReport{SSRC: voiceSSRC, NTPTime: 1, RTPTime: 1}, &rtcp.Goodbye{Sources: []uint32{voiceSSRC}})
		}
	})
	x.unharmed(t, 3*time.Second)
	for id, g := range x.v.got {
		for _, p := range g.packets {
			if forged := string(p.Payload) == "forged"; forged != (id == "thief~microphone") {
				t.Fatalf("%s has a packet %q", id, p.Payload)
			}
		}
	}
	if x.v.got["thief~microphone"] == nil {
		t.Error("the thief's own voice did not come as his own")
	}
	offer := x.v.peer.slots[0].describe()
	if offer.Stream != "anna" {
		t.Errorf("the first section is %s's", offer.Stream)
	}
	for _, u := range thief.ups {
		if stream, track := u.names(); stream != "thief" || track != "thief~microphone" || u.codec != packet.Opus {
			t.Errorf("the thief is offered as %s, %s", stream, track)
		}
	}
}

// Strangers on the TCP port who send no frames, or too large ones, are cut off; those who are silent after a frame harm nobody.
func TestNonsenseByTCP(t *testing.T) {
	s := node(t, func(c *Config) { c.TCP = []string{"127.0.0.1:0"} })
	address := s.listeners[0].addr().String()
	for _, tt := range []struct {
		name string
		send []byte
		cut  bool
	}{
		{"no frame", []byte("GET / HTTP/1.1\r\n\r\n"), true},
		{"a long one", append([]byte{0xff, 0xff}, make([]byte, 3000)...), true},
		{"an empty one", []byte{0, 0}, false},
		{"nonsense", append([]byte{0, 20}, make([]byte, 20)...), false},
		{"media of nobody", append([]byte{0, 12}, 0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7), false},
	} {
		c, err := net.Dial("tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(tt.send); err != nil {
			t.Fatal(err)
		}
		if tt.cut {
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s was answered", tt.name)
			}
		}
		defer c.Close()
	}
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	a.publishBoth()
	b.subscribe()
	as := &sound{to: a.audio}
	until(t, "sound", func() bool { return len(b.packets("a~microphone")) > 10 }, as.send)
}
