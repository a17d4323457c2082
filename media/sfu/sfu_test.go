package sfu

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

// Two people hear and see each other, under the names that the page expects.
func TestTwoPeople(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "anna"}), join(t, r, PeerConfig{ID: "bo"})
	a.publishBoth()
	b.publishBoth()
	a.subscribe()
	b.subscribe()
	as, av, bs, bv := &sound{to: a.audio}, &picture{to: a.video, height: 360, per: 3}, &sound{to: b.audio}, &picture{to: b.video, height: 360, per: 3}
	until(t, "sound and picture both ways", func() bool {
		return len(a.packets("bo~microphone")) > 20 && len(a.packets("bo~camera")) > 60 &&
			len(b.packets("anna~microphone")) > 20 && len(b.packets("anna~camera")) > 60
	}, func() {
		as.send()
		bs.send()
		av.send(av.frame%10 == 0)
		bv.send(bv.frame%10 == 0)
	})
	for _, c := range []*client{a, b} {
		c.mu.Lock()
		for id, x := range c.tracks {
			if x.stream != "anna" && x.stream != "bo" || x.stream == c.id {
				t.Errorf("%s got %s in stream %s", c.id, id, x.stream)
			}
		}
		c.mu.Unlock()
	}
	st := s.Stats()
	if st.Rooms != 1 || st.Peers != 2 || st.PacketsOut == 0 || st.Malformed != 0 || st.Replayed != 0 {
		t.Errorf("%+v", st)
	}
}

// inOrder sorts packets as a receiver does, and leaves out what came twice: what is sent again to measure the way has been there before.
func inOrder(packets []*rtp.Packet) []*rtp.Packet {
	all := slices.Clone(packets)
	slices.SortStableFunc(all, func(a, b *rtp.Packet) int { return int(int16(a.SequenceNumber - b.SequenceNumber)) })
	return slices.CompactFunc(all, func(a, b *rtp.Packet) bool { return a.SequenceNumber == b.SequenceNumber })
}

// unbroken checks that packets are what a receiver expects of one sender, without holes.
func unbroken(t *testing.T, packets []*rtp.Packet) {
	t.Helper()
	all := inOrder(packets)
	for i, p := range all {
		if i == 0 {
			continue
		}
		q := all[i-1]
		if p.SSRC != q.SSRC {
			t.Fatalf("packet %d: SSRC %d after %d", i, p.SSRC, q.SSRC)
		}
		if d := p.SequenceNumber - q.SequenceNumber; d > 1 {
			t.Errorf("packet %d: sequence number %d after %d", i, p.SequenceNumber, q.SequenceNumber)
		}
		if int32(p.Timestamp-q.Timestamp) < 0 {
			t.Errorf("packet %d: timestamp %d after %d", i, p.Timestamp, q.Timestamp)
		}
	}
}

// pictures checks that a stream of VP8 frames can be decoded: it begins with a keyframe, picture ids follow each other, and after a
// change of layer (frames of another height) comes a keyframe.
func pictures(t *testing.T, packets []*rtp.Packet) {
	t.Helper()
	unbroken(t, packets)
	all := inOrder(packets)
	var last uint16
	height := 0
	for i, p := range all {
		_, part, id := frameOf(p)
		if part > 0 {
			continue
		}
		d, ok := packet.ParseVP8(p.Payload)
		if !ok {
			t.Fatalf("packet %d is not VP8", i)
		}
		h := int(p.Payload[14]) | int(p.Payload[15])<<8
		if (i == 0 || h != height) && !d.Key {
			t.Errorf("packet %d: height %d after %d without a keyframe", i, h, height)
		}
		if i > 0 && id != (last+1)&0x7fff {
			t.Errorf("packet %d: picture %d after %d", i, id, last)
		}
		last, height = id, h
	}
}

// People come and go while others talk; each subscriber gets a new offer for each change.
func TestRenegotiation(t *testing.T) {
	r := open(t, node(t), RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	b.subscribe() // nobody publishes yet
	a.publishBoth()
	a.subscribe()
	as, av := &sound{to: a.audio}, &picture{to: a.video, height: 180}
	send := func() { as.send(); av.send(av.frame%10 == 0) }
	until(t, "a's picture at b", func() bool { return len(b.packets("a~camera")) > 10 }, send)
	c := join(t, r, PeerConfig{ID: "c"})
	c.publishBoth()
	cs, cv := &sound{to: c.audio}, &picture{to: c.video, height: 180}
	until(t, "c's sound and picture at a and b", func() bool {
		return len(a.packets("c~microphone")) > 10 && len(b.packets("c~microphone")) > 10 && len(a.packets("c~camera")) > 10
	}, func() { send(); cs.send(); cv.send(cv.frame%10 == 0) })
	c.peer.Leave()
	d := join(t, r, PeerConfig{ID: "d"})
	d.publishBoth() // takes c's sections
	ds, dv := &sound{to: d.audio}, &picture{to: d.video, height: 180}
	until(t, "d's sound at a and b", func() bool {
		return len(a.packets("d~microphone")) > 10 && len(b.packets("d~camera")) > 10
	}, func() { send(); ds.send(); dv.send(dv.frame%10 == 0) })
	pictures(t, b.packets("a~camera"))
	unbroken(t, b.packets("a~microphone"))
	if got := strings.Count(b.sub.CurrentRemoteDescription().SDP, "\nm="); got != 5 {
		t.Errorf("%d sections after people came and went, want 5", got)
	}
}

// What is muted stays so when the client comes back by a new connection or as a new peer, before its first packet.
func TestMuteOutlivesReconnect(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	a.publishBoth()
	b.subscribe()
	send := func(c *client) func() {
		as, av := &sound{to: c.audio}, &picture{to: c.video, height: 180}
		return func() { as.send(); av.send(av.frame%5 == 0) }
	}
	first := send(a)
	until(t, "sound", func() bool { return len(b.packets("a~microphone")) > 10 }, first)
	a.peer.Mute(Microphone, true)
	heard := 0
	until(t, "muted packets", func() bool { return s.Stats().Muted > 10 }, first)
	heard = len(b.packets("a~microphone"))

	for name, peer := range map[string]func() *Peer{
		"new connection": func() *Peer { return a.peer },
		"new peer": func() *Peer {
			p, err := r.Join(PeerConfig{ID: "a"})
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
	} {
		again := &client{t: t, id: "a", api: api(t), peer: peer(), tracks: map[string]*remote{}, changed: make(chan struct{}, 1)}
		t.Cleanup(again.close)
		again.publishBoth()
		seen := len(b.packets("a~camera"))
		until(t, name+": picture again", func() bool { return len(b.packets("a~camera")) > seen+20 }, send(again))
		if n := len(b.packets("a~microphone")); n > heard+1 {
			t.Errorf("%s: %d packets of a muted microphone", name, n-heard)
		}
		if !again.peer.Muted(Microphone) {
			t.Errorf("%s: not muted", name)
		}
		a = again
	}
	r.Peer("a").Mute(Microphone, false)
	until(t, "sound after unmuting", func() bool { return len(b.packets("a~microphone")) > heard+10 }, send(a))
}

// Nothing of a side room reaches those outside, and nothing from outside comes in.
func TestSideRoom(t *testing.T) {
	r := open(t, node(t), RoomConfig{})
	a, b, c := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"}), join(t, r, PeerConfig{ID: "c"})
	all := []*client{a, b, c}
	var senders []func()
	for _, x := range all {
		x.publishBoth()
		x.subscribe()
		s, v := &sound{to: x.audio}, &picture{to: x.video, height: 180}
		senders = append(senders, func() { s.send(); v.send(v.frame%5 == 0) })
	}
	send := func() {
		for _, f := range senders {
			f()
		}
	}
	count := func(at *client, from string) int { return len(at.packets(from + "~microphone")) }
	until(t, "everybody hears everybody", func() bool {
		return count(a, "b") > 5 && count(a, "c") > 5 && count(b, "a") > 5 && count(b, "c") > 5 && count(c, "a") > 5 && count(c, "b") > 5
	}, send)
	if err := r.SetGroup("side", "a", "b"); err != nil {
		t.Fatal(err)
	}
	// What was on its way when the group changed may still come in; then nothing more.
	ab := count(a, "b")
	until(t, "a hears b in the side room", func() bool { return count(a, "b") > ab+10 }, send)
	before := []int{count(c, "a"), count(c, "b"), count(a, "c"), count(b, "c"), len(c.packets("a~camera"))}
	ab = count(a, "b")
	until(t, "a hears b more", func() bool { return count(a, "b") > ab+20 }, send)
	after := []int{count(c, "a"), count(c, "b"), count(a, "c"), count(b, "c"), len(c.packets("a~camera"))}
	if !slices.Equal(before, after) {
		t.Errorf("media crossed: %v then %v", before, after)
	}
	if err := r.SetGroup(MainGroup, "a", "b"); err != nil {
		t.Fatal(err)
	}
	until(t, "everybody hears everybody again", func() bool { return count(c, "a") > before[0]+10 && count(a, "c") > before[2]+10 }, send)
	if err := r.SetGroup("side", "a", "nobody"); !errors.Is(err, ErrNoPeer) || r.Peer("a").Group() != MainGroup {
		t.Errorf("group of somebody who is not there: %v", err)
	}
}

// Packets are lost on either way; all of them arrive.
func TestLossIsRepaired(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	a.pubLink, b.subLink = newLink(t, s), newLink(t, s)
	a.publishBoth()
	b.subscribe()
	v := &picture{to: a.video, height: 180, per: 4}
	until(t, "picture", func() bool { return len(b.packets("a~camera")) > 0 }, func() { v.send(v.frame%10 == 0) })
	a.pubLink.set(func() { a.pubLink.up = 0.05 })
	b.subLink.set(func() { b.subLink.down = 0.05 })
	for range 200 {
		v.send(v.frame%50 == 0)
		time.Sleep(8 * time.Millisecond)
	}
	lost := 0
	a.pubLink.set(func() { a.pubLink.up, lost = 0, lost+a.pubLink.lost })
	b.subLink.set(func() { b.subLink.down, lost = 0, lost+b.subLink.lost })
	missing := func() int {
		have := map[int]bool{}
		first := 1 << 30
		for _, p := range b.packets("a~camera") {
			n, part, _ := frameOf(p)
			have[n*4+part] = true
			first = min(first, n)
		}
		gone := 0
		for n := first; n <= 200; n++ {
			for part := range 4 {
				if !have[n*4+part] {
					gone++
				}
			}
		}
		return gone
	}
	defer func() { t.Logf("%d missing, %+v", missing(), s.Stats()) }()
	// A packet that is lost again and again, or asked for when its sender has forgotten it, is given up.
	until(t, "what was lost", func() bool { return 20*missing() <= lost }, func() { v.send(false); time.Sleep(10 * time.Millisecond) })
	st := s.Stats()
	if st.Requested == 0 || st.Retransmitted == 0 || a.pubLink.lost == 0 || b.subLink.lost == 0 {
		t.Errorf("%+v, %d and %d lost", st, a.pubLink.lost, b.subLink.lost)
	}
}

// A receiver's request for a keyframe reaches the sender, but not each of a flood.
func TestKeyframeRequests(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	a.publishBoth()
	b.subscribe()
	v := &picture{to: a.video, height: 180}
	until(t, "picture", func() bool { return len(b.packets("a~camera")) > 5 }, func() { v.send(v.frame%10 == 0) })
	asked := func() int { a.mu.Lock(); defer a.mu.Unlock(); return a.pli }
	before := asked()
	ssrc := b.packets("a~camera")[0].SSRC
	until(t, "request at the sender", func() bool { return asked() > before }, func() {
		for range 10 {
			_ = b.sub.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
		}
		v.send(false)
	})
	if n := s.Stats().Keyframes; n > 20 {
		t.Errorf("%d requests", n)
	}
}

// What is replayed or forged on the way is not forwarded.
func TestReplay(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"})
	a.pubLink = newLink(t, s)
	a.publishBoth()
	b.subscribe()
	as := &sound{to: a.audio}
	until(t, "sound", func() bool { return len(b.packets("a~microphone")) > 5 }, as.send)
	a.pubLink.set(func() { a.pubLink.double, a.pubLink.bad = true, true })
	until(t, "doubled packets", func() bool { return s.Stats().Replayed > 40 }, as.send)
	seen := map[uint16]bool{}
	for _, p := range b.packets("a~microphone") {
		if seen[p.SequenceNumber] {
			t.Errorf("packet %d came twice", p.SequenceNumber)
		}
		seen[p.SequenceNumber] = true
	}
	unbroken(t, b.packets("a~microphone"))
}

// What is typed comes out at all who hear the writer, in order, and at the owner, also when characters are cut in two.
func TestText(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	owner := make(chan Message, 100)
	a := join(t, r, PeerConfig{ID: "a", Message: func(m Message) { owner <- m }})
	b, c := join(t, r, PeerConfig{ID: "b"}), join(t, r, PeerConfig{ID: "c"})
	a.subscribe()
	var got [2]chan string
	for i, x := range []*client{b, c} {
		got[i] = make(chan string, 100)
		x.subscribe()
		x.sub.OnDataChannel(func(dc *webrtc.DataChannel) {
			if dc.Protocol() != textProtocol || dc.Label() != "t140:a" {
				t.Errorf("channel %q of %q", dc.Label(), dc.Protocol())
			}
			dc.OnMessage(func(m webrtc.DataChannelMessage) { got[i] <- string(m.Data) })
		})
	}
	protocol, ordered := textProtocol, true
	dc, err := a.sub.CreateDataChannel(TextLabel, &webrtc.DataChannelInit{Protocol: &protocol, Ordered: &ordered})
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	dc.OnOpen(func() { close(opened) })
	<-opened
	ready := func(x *client) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		ch := x.peer.reach()
		if ch == nil {
			return false
		}
		ch.mu.Lock()
		defer ch.mu.Unlock()
		return ch.assoc != nil
	}
	until(t, "data channels", func() bool { return ready(b) && ready(c) }, nil)
	if err := r.SetGroup("side", "c"); err != nil {
		t.Fatal(err)
	}
	want := "på Ærø\b"
	for _, part := range [][]byte{[]byte("p"), {0xc3}, {0xa5}, []byte(" Ærø"), []byte("\b")} {
		if err := dc.Send(part); err != nil {
			t.Fatal(err)
		}
	}
	text := ""
	for len(text) < len(want) {
		text += <-got[0]
	}
	heard := ""
	for len(heard) < len(want) {
		m := <-owner
		if m.Label != TextLabel || !m.Text {
			t.Errorf("message %+v", m)
		}
		heard += string(m.Data)
	}
	if text != want || heard != want {
		t.Errorf("%q at the other, %q at the owner", text, heard)
	}
	if err := r.SetGroup(MainGroup, "c"); err != nil {
		t.Fatal(err)
	}
	if err := a.peer.Send(Message{Label: TextLabel, Data: []byte("!")}); err != nil {
		t.Fatal(err)
	}
	if x := <-got[1]; x != "!" {
		t.Errorf("%q came out of the side room", x)
	}
	if err := a.peer.Send(Message{Label: "other"}); !errors.Is(err, ErrLimit) {
		t.Errorf("message of another kind: %v", err)
	}
}

// A sender far over the limit does not get more than the limit through.
func TestFlood(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a := join(t, r, PeerConfig{ID: "a"})
	a.publishBoth()
	payload := make([]byte, 1100)
	seq := uint16(0)
	begin := time.Now()
	until(t, "packets over the limit", func() bool { return s.Stats().Throttled > 500 }, func() {
		for range 100 {
			seq++
			_ = a.video.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: payload})
		}
	})
	limit := float64(maxBurst) + maxRate/8*time.Since(begin).Seconds()
	if got := s.Stats().BytesIn; float64(got) > 1.05*limit+1e5 {
		t.Errorf("%d bytes got in, the limit is %.0f", got, limit)
	}
}

// Descriptions, packets and checks that are not what they should be change nothing.
func TestMalformed(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a := join(t, r, PeerConfig{ID: "a"})
	for _, sdp := range []string{"", "v=0", strings.Repeat("x", 1<<20)} {
		if _, err := a.peer.Publish(sdp); !errors.Is(err, ErrSDP) {
			t.Errorf("Publish: %v", err)
		}
		if _, err := a.peer.SubscribeOffer(sdp); !errors.Is(err, ErrSDP) {
			t.Errorf("SubscribeOffer: %v", err)
		}
		if err := a.peer.Answer(sdp); !errors.Is(err, ErrSDP) {
			t.Errorf("Answer: %v", err)
		}
	}
	if _, err := a.peer.RestartICE(Publishing, "x"); !errors.Is(err, ErrState) {
		t.Errorf("RestartICE: %v", err)
	}
	for _, id := range []string{"", "a b", "a~b", strings.Repeat("a", 49)} {
		if _, err := r.Join(PeerConfig{ID: id}); err == nil {
			t.Errorf("peer %q was let in", id)
		}
	}
	a.publishBoth()
	r.mu.Lock()
	from, ufrag := a.peer.pub.dst.Addr, a.peer.pub.cred().ufrag
	r.mu.Unlock()
	forged, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(ufrag+":x"), stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.NewShortTermIntegrity("guess"), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(s.UDP()[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	for _, b := range [][]byte{forged.Raw, {}, {0}, make([]byte, 1500), {0x80}, make([]byte, 20), {22, 254, 253}} {
		_, _ = stranger.Write(b)
	}
	out := s.newEgress(0, 8)
	for _, b := range [][]byte{{0x80}, make([]byte, 12), {0x80, 200, 0, 1, 0, 0, 0, 0}, {22, 254}, {0, 1, 0, 0}} {
		s.datagram(out, time.Now(), 0, nil, from, slices.Clone(b))
	}
	until(t, "the forged check is counted", func() bool { return s.Stats().Malformed > 0 }, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.peer.pub.dst.Addr != from {
		t.Error("media was led to a stranger")
	}
}
