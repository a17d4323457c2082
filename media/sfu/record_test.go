package sfu

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

// kept collects what a tap gives.
type kept struct {
	seqs []uint16
	want bool
}

func (k *kept) WritePacket(p Packet) bool {
	k.seqs = append(k.seqs, p.Seq)
	return k.want
}

// The largest size is given from its first keyframe on, a smaller one only when the larger has stopped.
func TestTapTakesTheLargestSize(t *testing.T) {
	key := []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01}
	delta := []byte{0x10, 1, 0, 0}
	if !packet.Keyframe(packet.VP8, key) || packet.Keyframe(packet.VP8, delta) {
		t.Fatal("the test's own pictures are wrong")
	}
	now := time.Unix(1000, 0)
	var k kept
	tap := &tap{to: &k}
	layers := []*layer{{index: 0, started: true}, {index: 1, started: true}}
	give := func(layer int, seq uint16, payload []byte) {
		l := layers[layer]
		l.lastAt = now
		tap.take(now, l, &packet.Header{Seq: seq, SSRC: uint32(layer + 1)}, payloadType{codec: packet.VP8}, payload)
	}
	give(0, 1, delta) // no keyframe yet: nothing can be shown
	give(0, 2, key)
	give(1, 101, delta) // the larger one waits for its keyframe
	give(0, 3, delta)
	give(1, 102, key)
	give(0, 4, key) // late
	give(1, 103, delta)
	if !layers[1].wantKey {
		t.Error("the larger size was not asked for a keyframe")
	}
	now = now.Add(3 * time.Second) // the larger one has stopped
	give(0, 5, delta)
	give(0, 6, key)
	give(0, 7, nil) // a keepalive
	if diff := cmp.Diff([]uint16{2, 3, 102, 103, 6}, k.seqs); diff != "" {
		t.Error(diff)
	}
	layers[0].wantKey, k.want = false, true
	give(0, 8, delta)
	if !layers[0].wantKey {
		t.Error("a keyframe that was asked for by the one who keeps is not asked for")
	}
}

// Of copies in RED only those are given that stand for lost packets.
func TestTapFillsFromCopies(t *testing.T) {
	var k kept
	tap := &tap{to: &k}
	red := func(seq uint16) {
		// One block of a byte, 960 units older, then the packet's own.
		p := []byte{0x80 | 111, 960 >> 6, 960 << 2 & 0xff, 1, 111, 'o', 'n'}
		tap.take(time.Unix(1, 0), &layer{}, &packet.Header{Seq: seq, Timestamp: uint32(seq) * 960}, payloadType{codec: packet.Opus, red: true}, p)
	}
	red(10)
	red(11)
	red(13) // 12 is lost, its copy is in 13
	if diff := cmp.Diff([]uint16{10, 11, 12, 13}, k.seqs); diff != "" {
		t.Error(diff)
	}
}
