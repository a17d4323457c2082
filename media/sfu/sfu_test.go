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

// meet connects anna and bo, and goes on until each hears and sees the other.
func meet(t *testing.T, a, b *client) {
	t.Helper()
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
}

// Two people hear and see each other, under the names that the page expects.
func TestTwoPeople(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "anna"}), join(t, r, PeerConfig{ID: "bo"})
	meet(t, a, b)
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
	send := func(c *client, as *sound) func() {
		av := &picture{to: c.video, height: 180}
		return func() { as.send(); av.send(av.frame%5 == 0) }
	}
	as := &sound{to: a.audio}
	first := send(a, as)
	until(t, "sound", func() bool { return len(b.packets("a~microphone")) > 10 }, first)
	a.peer.Mute(Microphone, true)
	muted := as.seq // what is sent from now on must not be heard
	until(t, "muted packets", func() bool { return s.Stats().Muted > 10 }, first)

	for i, peer := range []func() *Peer{
		func() *Peer { return a.peer },
		func() *Peer {
			p, err := r.Join(PeerConfig{ID: "a"})
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
	} {
		again := newClient(t, "a")
		again.peer = peer()
		again.publishBoth()
		as = &sound{to: again.audio, seq: uint16(10_000 * (i + 1))}
		seen := len(b.packets("a~camera"))
		until(t, "picture again", func() bool { return len(b.packets("a~camera")) > seen+20 && again.taken(Microphone) > as.seq-5 }, send(again, as))
		if !again.peer.Muted(Microphone) {
			t.Errorf("connection %d: not muted", i)
		}
		a = again
	}
	unmuted := a.taken(Microphone) // what comes later may be heard
	r.Peer("a").Mute(Microphone, false)
	heard := func() (n int) {
		for _, p := range b.packets("a~microphone") {
			if soundOf(p) > unmuted {
				n++
			}
		}
		return n
	}
	until(t, "sound after unmuting", func() bool { return heard() > 10 }, send(a, as))
	for _, p := range b.packets("a~microphone") {
		if n := soundOf(p); n > muted && n <= unmuted {
			t.Errorf("packet %d of a muted microphone", n)
		}
	}
}

// Nothing of a side room reaches those outside, and nothing from outside comes in.
func TestSideRoom(t *testing.T) {
	r := open(t, node(t), RoomConfig{})
	a, b, c := join(t, r, PeerConfig{ID: "a"}), join(t, r, PeerConfig{ID: "b"}), join(t, r, PeerConfig{ID: "c"})
	all := []*client{a, b, c}
	sounds := map[*client]*sound{}
	var senders []func()
	for _, x := range all {
		x.publishBoth()
		x.subscribe()
		s, v := &sound{to: x.audio}, &picture{to: x.video, height: 180}
		sounds[x] = s
		senders = append(senders, func() { s.send(); v.send(v.frame%5 == 0) }) // as many frames as packets of sound
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
	// What was on its way when the group changed, and when it changes back, may come in; nothing of the time between.
	sent := func(x *client) uint16 { return sounds[x].seq }
	type span struct{ from, to uint16 }
	apart := map[string]span{"a": {from: sent(a)}, "b": {from: sent(b)}, "c": {from: sent(c)}}
	until(t, "sound in the side room, and of who is not in it", func() bool {
		newest := func(at *client, from string) uint16 {
			p := at.packets(from + "~microphone")
			return soundOf(p[len(p)-1])
		}
		for _, x := range all {
			apart[x.id] = span{apart[x.id].from, min(x.taken(Microphone), x.taken(Camera))}
		}
		return newest(a, "b") > apart["b"].from+20 && newest(b, "a") > apart["a"].from+20 && apart["c"].to > apart["c"].from+20
	}, send)
	if err := r.SetGroup(MainGroup, "a", "b"); err != nil {
		t.Fatal(err)
	}
	crossed := func(at *client, from string) (again bool) {
		for _, p := range at.packets(from + "~microphone") {
			n := soundOf(p)
			if n > apart[from].from && n <= apart[from].to {
				t.Fatalf("%s heard packet %d of %s, who was elsewhere", at.id, n, from)
			}
			again = again || n > apart[from].to
		}
		for _, p := range at.packets(from + "~camera") {
			n, _, _ := frameOf(p)
			if n > int(apart[from].from) && n <= int(apart[from].to) {
				t.Fatalf("%s saw frame %d of %s, who was elsewhere", at.id, n, from)
			}
		}
		return again
	}
	until(t, "everybody hears everybody again", func() bool {
		return crossed(c, "a") && crossed(c, "b") && crossed(a, "c") && crossed(b, "c")
	}, send)
	if err := r.SetGroup("side", "a", "nobody"); !errors.Is(err, ErrNoPeer) || r.Peer("a").Group() != MainGroup {
		t.Errorf("group of somebody who is not there: %v", err)
	}
}

// Packets that are lost on either way are sent again. How many of them in which network, TestNetworks reckons.
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
	up, down := uint32(a.sender.GetParameters().Encodings[0].SSRC), b.packets("a~camera")[0].SSRC
	until(t, "what was lost on each way", func() bool {
		sent, got := map[uint16]bool{}, map[uint16]bool{} // by the publisher's numbers, and by those of the SFU
		for _, p := range b.packets("a~camera") {
			n, part, _ := frameOf(p)
			sent[uint16((n-1)*4+part+1)], got[p.SequenceNumber] = true, true
		}
		return a.pubLink.repaired(up, func(seq uint16) bool { return sent[seq] }) >= 10 &&
			b.subLink.repaired(down, func(seq uint16) bool { return got[seq] }) >= 10
	}, func() { v.send(v.frame%50 == 0) })
	if st := s.Stats(); st.Requested == 0 || st.Retransmitted == 0 {
		t.Errorf("%+v", st)
	}
}

// A receiver's request for a keyframe reaches the sender.
func TestKeyframeRequests(t *testing.T) {
	r := open(t, node(t), RoomConfig{})
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
}

// Of a flood of requests for keyframes few reach the sender.
func TestKeyframeFlood(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	s, v := w.speak(PeerConfig{ID: "a"}), w.watch(PeerConfig{ID: "b"})
	w.run(5 * time.Second)
	before := w.room.stats.Keyframes
	w.each = append(w.each, func(now time.Time) {
		v.control(now, &rtcp.PictureLossIndication{MediaSSRC: v.got["a~camera"].slot.ssrc})
	})
	keys := s.sizes[2].keys
	w.run(5 * time.Second)
	if n := w.room.stats.Keyframes - before; s.sizes[2].keys == keys || n > 10 {
		t.Errorf("%d requests in 5 s, of which %d reached the sender of what is shown", n, s.sizes[2].keys-keys)
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
			if dc.Protocol() != textProtocol || !strings.HasPrefix(dc.Label(), "t140:a:") {
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
		if m.Label != TextLabel || !m.Text || m.Group != MainGroup {
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

// Numbered text that is sent again on another channel comes out once, also when the peer has joined again, and a mark where some is
// missing.
func TestTextSentAgain(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	owner := make(chan string, 100)
	var a *client
	write := func(label string, parts ...string) {
		t.Helper()
		protocol, ordered := textProtocol, true
		dc, err := a.sub.CreateDataChannel(label, &webrtc.DataChannelInit{Protocol: &protocol, Ordered: &ordered})
		if err != nil {
			t.Fatal(err)
		}
		opened := make(chan struct{})
		dc.OnOpen(func() { close(opened) })
		<-opened
		for _, part := range parts {
			if err := dc.SendText(part); err != nil {
				t.Fatal(err)
			}
		}
	}
	heard := func(want string) {
		t.Helper()
		for got := ""; got != want; {
			got += <-owner
			if !strings.HasPrefix(want, got) {
				t.Fatalf("%q, want %q", got, want)
			}
		}
	}
	enter := func() {
		a = join(t, r, PeerConfig{ID: "a", Message: func(m Message) { owner <- string(m.Data) }})
		a.subscribe()
	}
	enter()
	write("t140:one:1", "j", "e")
	heard("je")
	write("t140:one:1", "j", "e", "", "g")
	heard("g")
	enter()
	write("t140:one:2", "e", "", "g", " ")
	heard(" ")
	write("t140:one:8", "her")
	heard(missingText + "her")
	write("t140:two:5", "på") // of its beginning nobody knows: this may be a page that was loaded before the room was opened
	heard("på")
	for _, plain := range []string{"t140", "t140:two:0", "t140:two:x", "t140::1", "t140:two:1:1"} {
		write(plain, "ny")
		heard("ny")
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
	until(t, "the forged check is counted", func() bool { return s.Stats().Malformed > 0 }, nil)
	out := s.newEgress(0, 8)
	for _, b := range [][]byte{{0x80}, make([]byte, 12), {0x80, 200, 0, 1, 0, 0, 0, 0}, {22, 254}, {0, 1, 0, 0}} {
		s.datagram(out, time.Now(), 0, nil, from, slices.Clone(b))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.peer.pub.dst.Addr != from {
		t.Error("media was led to a stranger")
	}
}
