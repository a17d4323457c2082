package sfu

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

// described publishes a camera in three sizes and three frame rates in one AV1 stream. Sizes need each other in each picture, or, as
// browsers do that are asked for L3T3_KEY, only in keyframes.
type described struct {
	*end
	apart   bool // sizes need each other in keyframes only
	began   time.Time
	seq     uint16
	picture int
	since   int
	key     bool
	keys    int
}

func (w *world) described(cfg PeerConfig, apart bool) *described {
	w.t.Helper()
	p := w.join(cfg)
	s := &described{apart: apart, began: w.now(), key: true}
	_, err := p.Publish(speakerHead + speakerSection("video", "45 46", "1", "a=rtpmap:45 AV1/90000", "a=rtpmap:46 rtx/90000",
		"a=fmtp:46 apt=45", "a=ssrc:500 cname:x"))
	if err != nil {
		w.t.Fatal(err)
	}
	s.end = w.connect(p.pub)
	s.rtcp = func(_ time.Time, p rtcp.Packet) {
		if _, ok := p.(*rtcp.PictureLossIndication); ok {
			s.key = true
			s.keys++
		}
	}
	w.each = append(w.each, s.tick)
	return s
}

func (s *described) tick(now time.Time) {
	ms := now.Sub(s.began).Milliseconds()
	if ms*30/1000 < int64(s.picture) {
		return
	}
	s.picture++
	if s.key {
		s.since = 0
	}
	tid := pattern[s.since%4]
	for sid := range 3 {
		size := []int{600, 1800, 4500}[sid]
		if s.key {
			size *= 4
		}
		parts := (size + 1099) / 1100
		for i := range parts {
			first, last := i == 0, i == parts-1
			b := make([]byte, 16+size/parts)
			if s.key && sid == 0 && first {
				b[0] = 0x08
			}
			needs := s.needs(sid)
			binary.BigEndian.PutUint32(b[len(b)-4:], uint32(s.picture))
			b[len(b)-5] = uint8(sid)
			b[len(b)-6] = uint8(len(needs))
			for k, d := range needs {
				b[len(b)-7-k] = uint8(d)
			}
			s.seq++
			p := &rtp.Packet{Header: rtp.Header{
				Version: 2, PayloadType: 45, SSRC: scaledSSRC, SequenceNumber: s.seq, Timestamp: uint32(90 * ms), Marker: sid == 2 && last,
			}, Payload: b}
			if err := p.SetExtension(extDD, s.desc(sid, int(tid), needs, first, last)); err != nil {
				s.w.t.Fatal(err)
			}
			s.send(now, p)
		}
	}
	s.since++
	s.key = false
}

// needs are the differences to the frames that one needs; frames of a picture have consecutive numbers.
func (s *described) needs(sid int) (diffs []int) {
	if s.since > 0 {
		diffs = append(diffs, 3*[]int{4, 1, 2, 1}[s.since%4])
	}
	if sid > 0 && (s.key || !s.apart) {
		diffs = append(diffs, 1)
	}
	return diffs
}

// is what a frame is to the target with layers up to (spatial, temporal).
func (s *described) is(sid, tid, spatial, temporal int, key bool) uint8 {
	switch {
	case tid > temporal || sid > spatial || s.apart && !key && sid != spatial:
		return packet.NotPresent
	case sid < spatial && !key:
		return packet.Required
	case tid == 2:
		return packet.Discardable
	}
	return packet.Switch
}

// desc is a dependency descriptor: nine templates, of which each frame has the layers and says the rest itself.
func (s *described) desc(sid, tid int, needs []int, first, last bool) []byte {
	var w bitWriter
	w.flag(first)
	w.flag(last)
	w.put(6, 3*sid+tid)
	w.put(16, (3*s.picture+sid)&0xffff)
	w.flag(s.key)
	w.put(4, 0b0110)
	if s.key {
		w.put(6, 0)
		w.put(5, 8)
		for _, next := range []int{1, 1, 2, 1, 1, 2, 1, 1, 3} {
			w.put(2, next)
		}
		for i := range 9 {
			for k := range 9 {
				w.put(2, int(s.is(i/3, i%3, k/3, k%3, false)))
			}
		}
		w.put(9, 0) // no differences
		w.put(3, 0) // no chains: ns(10) has three bits for what is less than 6
		w.flag(true)
		for i := range 3 {
			w.put(16, 320<<i-1)
			w.put(16, 180<<i-1)
		}
	}
	for k := range 9 {
		w.put(2, int(s.is(sid, tid, k/3, k%3, s.key)))
	}
	for _, d := range needs {
		w.put(2, 1)
		w.put(4, d-1)
	}
	w.put(2, 0)
	return w.b
}

type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) put(bits, v int) {
	for i := bits - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) flag(v bool) {
	if v {
		w.put(1, 1)
	} else {
		w.put(1, 0)
	}
}

// shown is what a decoder makes of a stream: how many pictures, of which size the last was, how many frames lacked one that they need,
// and how many frames came.
func shown(t *testing.T, packets []*rtp.Packet) (pictures int, size uint8, broken, all int) {
	t.Helper()
	unbroken(t, packets)
	known := map[int]bool{}
	last := uint32(0)
	for i, p := range packets {
		end := p.Payload[len(p.Payload)-20:]
		number := int(binary.BigEndian.Uint32(end[16:]))
		ends := i == len(packets)-1 || packets[i+1].Timestamp != p.Timestamp
		if p.Marker != ends {
			t.Errorf("packet %d of picture %d, size %d: marker %v", i, number, end[15], p.Marker)
		}
		if len(p.GetExtension(idDesc)) < 3 {
			t.Fatalf("packet %d has no descriptor", i)
		}
		frame := 3*number + int(end[15])
		if known[frame] {
			continue
		}
		all++
		known[frame] = true
		for k := range end[14] {
			if !known[frame-int(end[13-k])] {
				broken++
			}
		}
		if p.Timestamp != last {
			pictures++
			size = 0
		}
		last, size = p.Timestamp, max(size, end[15])
	}
	return pictures, size, broken, all
}

// The same of AV1, whose descriptor says what each frame needs.
func TestScalesOfAV1(t *testing.T) {
	for name, apart := range map[string]bool{"L3T3": false, "L3T3_KEY": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, RoomConfig{})
			s := w.described(PeerConfig{ID: "a"}, apart)
			v := w.watch(PeerConfig{ID: "b"})
			w.run(12 * time.Second)
			g := v.got["a~camera"]
			look := func(what string, want uint8) {
				t.Helper()
				w.run(time.Second)
				before, _, _, allBefore := shown(t, g.packets)
				w.run(2 * time.Second)
				pictures, size, broken, all := shown(t, g.packets)
				if n := pictures - before; n < 58 || n > 62 || size != want || broken > 0 {
					t.Errorf("%s: %d pictures in 2 s, size %d, %d broken frames", what, n, size, broken)
				}
				if perPicture := float64(all-allBefore) / 60; apart && perPicture > 1.2 {
					t.Errorf("%s: %.2f frames for each picture", what, perPicture)
				}
			}
			look("at first", 2)
			keys := s.keys
			v.peer.SetView("a", Camera, View{Height: 180})
			look("shown small", 0)
			if needed := s.keys > keys; needed != apart {
				t.Errorf("a smaller size began with a keyframe: %v", needed)
			}
			v.peer.SetView("a", Camera, View{Height: 360})
			look("shown larger", 1)
			v.peer.SetView("a", Camera, View{})
			look("shown large", 2)
			v.down.Rate, v.down.Queue = 100_000, 200*time.Millisecond
			w.run(15 * time.Second)
			if r := g.slot.target; r == nil || r.rung.spatial != 0 || r.rung.temporal == 2 {
				t.Errorf("on a narrow network the target is %+v", r)
			}
			v.down.Rate = 0
			w.until(t, "all of it again", time.Minute, func() bool { return g.slot.spatial == 2 && g.slot.temporal == 2 })
		})
	}
}
