package sfu

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// scaled publishes a camera in three sizes and three frame rates in one VP9 stream, as browsers do that are asked for L3T3: frame
// rates go 0 2 1 2, larger sizes are predicted from smaller ones.
type scaled struct {
	*end
	peer    *Peer
	began   time.Time
	seq     uint16
	picture int
	base    uint8
	since   int // pictures since the keyframe
	key     bool
	keys    int
	silent  bool // it never says where a higher frame rate can begin
}

const scaledSSRC = 500

var pattern = [4]uint8{0, 2, 1, 2}

func (w *world) scale(cfg PeerConfig) *scaled {
	w.t.Helper()
	s := &scaled{peer: w.join(cfg), began: w.now(), key: true, seq: 65000, base: 250}
	_, err := s.peer.Publish(speakerHead +
		speakerSection("video", "98 99", "1", "a=rtpmap:98 VP9/90000", "a=fmtp:98 profile-id=0", "a=rtpmap:99 rtx/90000", "a=fmtp:99 apt=98",
			"a=ssrc:500 cname:x"))
	if err != nil {
		w.t.Fatal(err)
	}
	s.end = w.connect(s.peer.pub)
	s.rtcp = func(_ time.Time, p rtcp.Packet) {
		if _, ok := p.(*rtcp.PictureLossIndication); ok {
			s.key = true
			s.keys++
		}
	}
	w.each = append(w.each, s.tick)
	return s
}

func (s *scaled) tick(now time.Time) {
	ms := now.Sub(s.began).Milliseconds()
	if ms*30/1000 < int64(s.picture) {
		return
	}
	s.picture++
	if s.key {
		s.since = 0
	}
	tid := pattern[s.since%4]
	s.since++
	if tid == 0 {
		s.base++
	}
	for sid := range uint8(3) {
		size := []int{600, 1800, 4500}[sid]
		if s.key {
			size *= 4
		}
		parts := (size + 1099) / 1100
		for i := range parts {
			b := s.describe(sid, tid, i == 0, i == parts-1)
			b = append(b, make([]byte, size/parts)...)
			binary.BigEndian.PutUint32(b[len(b)-4:], uint32(s.picture))
			s.seq++
			s.send(now, &rtp.Packet{Header: rtp.Header{
				Version: 2, PayloadType: 98, SSRC: scaledSSRC, SequenceNumber: s.seq, Timestamp: uint32(90 * ms), Marker: sid == 2 && i == parts-1,
			}, Payload: b})
		}
	}
	s.key = false
}

// describe is a payload descriptor (RFC 9628 section 4.2).
func (s *scaled) describe(sid, tid uint8, first, last bool) []byte {
	b := []byte{0xa0, 0x80 | byte(s.picture>>8&0x7f), byte(s.picture), tid<<5 | sid<<1, s.base}
	if !s.key {
		b[0] |= 0x40
	}
	if first {
		b[0] |= 0x08
	}
	if last {
		b[0] |= 0x04
	}
	if tid > 0 && s.since%4 != 0 && !s.silent { // not in the last of a row, which needs the one before
		b[3] |= 0x10
	}
	if sid > 0 {
		b[3] |= 1
	}
	if s.key && sid == 0 && first {
		b[0] |= 0x02
		b = append(b, 0x50, 1, 0x40, 0, 180, 2, 0x80, 1, 0x68, 5, 0, 2, 0xd0)
	}
	return b
}

// decoded is what a decoder makes of a stream: the number and size of each picture that it can decode, and how many it cannot.
func decoded(t *testing.T, packets []*rtp.Packet) (spatial []uint8, numbers []int, broken int) {
	t.Helper()
	unbroken(t, packets)
	type at struct {
		number int
		sid    uint8
	}
	known := map[at]bool{}
	parity := map[int]int{} // pictures since the keyframe, by number
	last := 0
	for i := 0; i < len(packets); {
		ts, top, number, good := packets[i].Timestamp, uint8(0), 0, true
		for ; i < len(packets) && packets[i].Timestamp == ts; i++ {
			p := packets[i].Payload
			sid, inter := p[3]>>1&7, p[0]&0x40 != 0
			number = int(binary.BigEndian.Uint32(p[len(p)-4:]))
			ends := i == len(packets)-1 || packets[i+1].Timestamp != ts
			if packets[i].Marker != ends {
				t.Errorf("packet %d of picture %d: marker %v", i, number, packets[i].Marker)
			}
			top = max(top, sid)
			if p[0]&0x08 == 0 {
				continue
			}
			if !inter {
				parity[number] = 0
			} else {
				n, ok := parity[last]
				if !ok {
					good = false
				}
				parity[number] = n + number - last
				back := []int{4, 1, 2, 1}[parity[number]%4]
				good = good && known[at{number - back, sid}]
			}
			good = good && (sid == 0 || known[at{number, sid - 1}])
			known[at{number, sid}] = good
		}
		last = number
		if !good {
			broken++
			continue
		}
		spatial, numbers = append(spatial, top), append(numbers, number)
	}
	return spatial, numbers, broken
}

// Of a stream with several sizes and frame rates in it a subscriber gets what it looks at and what its network carries, always such that
// it can be decoded; frame rate comes before size.
func TestScales(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	s := w.scale(PeerConfig{ID: "a"})
	v := w.watch(PeerConfig{ID: "b"})
	w.run(12 * time.Second)
	g := v.got["a~camera"]
	look := func(what string, d time.Duration, want uint8, fps float64) {
		t.Helper()
		from := len(g.packets)
		w.run(d)
		_, before, _ := decoded(t, g.packets[:from])
		sizes, numbers, broken := decoded(t, g.packets)
		sizes = sizes[len(before):]
		if rate := float64(len(sizes)) / d.Seconds(); broken > 0 || rate < fps*0.95 || rate > fps*1.05 {
			t.Errorf("%s: %.1f pictures/s, %d cannot be decoded", what, rate, broken)
		}
		if got := sizes[len(sizes)-1]; got != want {
			t.Errorf("%s: size %d of picture %d, want %d", what, got, numbers[len(numbers)-1], want)
		}
	}
	look("at first", 2*time.Second, 2, 30)
	keys := s.keys
	v.peer.SetView("a", Camera, View{Height: 180})
	look("shown small", 2*time.Second, 0, 30)
	if s.keys != keys {
		t.Error("a smaller size was waited for with a keyframe")
	}
	v.peer.SetView("a", Camera, View{Height: 360})
	look("shown larger", 2*time.Second, 1, 30)
	v.peer.SetView("a", Camera, View{})
	look("shown large", 2*time.Second, 2, 30)
	if s.keys < keys+2 {
		t.Errorf("%d keyframes asked for", s.keys-keys)
	}
	v.down.Rate, v.down.Queue = 400_000, 200*time.Millisecond
	w.run(10 * time.Second) // what was lost on the way was asked for
	v.down.Rate = 0
	w.until(t, "the largest", time.Minute, func() bool { return g.slot.spatial == 2 })
	if g.slot.temporal != 2 {
		t.Errorf("frame rate %d", g.slot.temporal)
	}
}

// On a network that carries only part of the smallest size's frames there are fewer of them, but for an interpreter's.
func TestFrameRates(t *testing.T) {
	for _, interpreter := range []bool{false, true} {
		w := newWorld(t, RoomConfig{})
		s := w.scale(PeerConfig{ID: "a", Interpreter: interpreter})
		v := w.watch(PeerConfig{ID: "b"})
		w.run(5 * time.Second)
		g := v.got["a~camera"]
		v.down.Rate, v.down.Queue = 100_000, 200*time.Millisecond
		w.run(20 * time.Second)
		from := len(g.packets)
		w.run(10 * time.Second)
		n := 0
		for _, p := range g.packets[from:] {
			if p.Marker {
				n++
			}
		}
		t.Logf("interpreter %v: %.1f pictures/s, told %v", interpreter, float64(n)/10, v.told)
		if interpreter && n > 10 || !interpreter && (n < 50 || n > 200) {
			t.Errorf("interpreter %v: %d pictures in 10 s", interpreter, n)
		}
		s.silent = !interpreter // then only a keyframe begins a higher frame rate
		v.down.Rate = 0
		w.until(t, "all frames", time.Minute, func() bool { return g.slot.temporal == 2 && g.slot.layer != nil })
	}
}
