package recording

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp/codecs"
)

// fromBrowser is a sequence header as Chromium sends it for 640 × 360, with what a container says of it before.
const fromBrowser = "81010c00" + "0a0a0000000cc4ff67006802"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSequenceHeader(t *testing.T) {
	all := unhex(t, fromBrowser)
	s, ok := parseSequence(all[6:])
	s.unit = all[4:]
	if !ok || s.width != 640 || s.height != 360 || !bytes.Equal(s.av1C(), all) {
		t.Errorf("%v, %+v, %x", ok, s, s.av1C())
	}
	if got := av1MIME(all); got != "video/webm; codecs=av01.0.01M.08" {
		t.Errorf("it is called %s", got)
	}
	for n := range len(all) - 6 - 1 { // the last byte is the end's bits alone
		if _, ok := parseSequence(all[6 : 6+n]); ok {
			t.Errorf("%d bytes of it are enough", n)
		}
	}
	for name, tt := range map[string]struct {
		bits string
		want sequence
	}{
		// A still picture with a reduced header: level 4, 16 × 8 in 4 and 3 bits, profile 1 has all of its colour.
		"reduced": {"001" + "1" + "1" + "00100" + "0011" + "0010" + "1111" + "111" + "000" + "000" + "1" + "0" + "0", sequence{
			width: 16, height: 8, profile: 1, level: 4, reduced: 1, high: 1,
		}},
		// Twelve bits, grey, with timing and a decoder model, two operating points of which the first is of a high tier.
		"professional": {
			"010" + "0" + "0" + "1" + b32 + b32 + "1" + "1" + "1" + "00111" + b32 + "00000" + "00000" + "1" + "00001" +
				"000000000011" + "01001" + "1" + "1" + "00000000" + "00000000" + "0" + "1" + "0101" + "000000000001" + "00001" + "0" + "0" +
				"0111" + "0111" + "11111111" + "01111111" + "1" + "0000000" + "000" + "0000" + "0" + "1" + "1" + "000" + "1" + "1" + "1" + "0" + "0",
			sequence{width: 256, height: 128, profile: 2, level: 9, tier: 1, high: 1, twelve: 1, mono: 1, subX: 1, subY: 1},
		},
	} {
		got, ok := parseSequence(bitsOf(tt.bits))
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(sequence{})); diff != "" || !ok {
			t.Errorf("%s: %v %s", name, ok, diff)
		}
	}
}

const b32 = "00000000000000000000000000000001"

// bitsOf makes bytes of ones and zeros.
func bitsOf(s string) []byte {
	b := make([]byte, (len(s)+7)/8)
	for i, c := range s {
		if c == '1' {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return b
}

// Temporal units are put together from packets whose bytes are used again, and one that lost a packet is not taken for a keyframe.
func TestPicturesOfAV1(t *testing.T) {
	unit := func(first byte, n int) []byte {
		return append([]byte{0x32, byte(n)&0x7f | 0x80, byte(n >> 7), first}, bytes.Repeat([]byte{5}, n-1)...)
	}
	key := append(unhex(t, fromBrowser)[4:], unit(0x10, 3000)...)
	delta := unit(0x30, 900)
	p := newPictures("AV1")
	var out []picture
	send := func(tu []byte, lose int) {
		parts := (&codecs.AV1Payloader{}).Payload(500, tu)
		for i, b := range parts {
			if i == lose {
				p.reset() // as the track does
				continue
			}
			pic, ok := p.take(&item{payload: b, marker: i == len(parts)-1})
			clear(b)
			if ok {
				pic.data = bytes.Clone(pic.data)
				out = append(out, pic)
			}
		}
	}
	send(key, -1)
	send(delta, -1)
	send(key, 2)
	send(key, 0)
	send(key, -1)
	if len(out) < 3 || !bytes.Equal(out[0].data, key) || !out[0].key || out[0].width != 640 || hex.EncodeToString(out[0].private) != fromBrowser {
		t.Fatalf("%d pictures, the first one %+v", len(out), out[0])
	}
	if !bytes.Equal(out[1].data, delta) || out[1].key {
		t.Error("the second one is another")
	}
	last := out[len(out)-1]
	for _, pic := range out[2 : len(out)-1] {
		if pic.key {
			t.Error("what is not whole is a keyframe")
		}
	}
	if !bytes.Equal(last.data, key) || !last.key {
		t.Error("after a loss no keyframe comes")
	}
}

// Whatever comes over the network is taken or left.
func FuzzPictures(f *testing.F) {
	f.Add(uint8(0), append([]byte{0x18}, unhex(f, fromBrowser)[4:]...), []byte{0x10, 0x32, 1, 0x10})
	f.Add(uint8(1), []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a}, []byte{0x10})
	f.Add(uint8(2), []byte{0x8a, 0x80, 0x01, 0x02}, []byte{0})
	f.Add(uint8(3), []byte{0x67, 0x42, 0xc0, 0x1f, 0x8c}, []byte{0x78, 0, 3, 0x65, 1, 2})
	names := []string{"AV1", "VP8", "VP9", "H264"}
	f.Fuzz(func(t *testing.T, codec uint8, a, b []byte) {
		p := newPictures(names[int(codec)%len(names)])
		for _, payload := range [][]byte{a, b, a} {
			for _, marker := range []bool{false, true} {
				if pic, ok := p.take(&item{payload: payload, marker: marker}); ok && len(pic.data) == 0 {
					t.Error("a picture of nothing")
				}
			}
		}
	})
}
