package packet

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"
)

// What Put writes is what pion reads, and what pion writes is what Parse reads.
func TestHeader(t *testing.T) {
	desc := bytes.Repeat([]byte{7}, 40)
	for _, o := range []Out{
		{Type: 96, Seq: 65535, Timestamp: 1 << 31, SSRC: 7},
		{Marker: true, Type: 111, Seq: 1, SSRC: 1 << 31, Wide: 3, WideSeq: 513},
		{Type: 45, SSRC: 2, Wide: 3, WideSeq: 9, Desc: desc, DescID: 11},
	} {
		b := make([]byte, MaxOut+4)
		n := o.Put(b)
		copy(b[n:], "data")
		var p rtp.Packet
		if err := p.Unmarshal(b[:n+4]); err != nil {
			t.Fatal(err)
		}
		if p.Marker != o.Marker || p.PayloadType != o.Type || p.SequenceNumber != o.Seq || p.Timestamp != o.Timestamp || p.SSRC != o.SSRC {
			t.Errorf("%+v became %+v", o, p.Header)
		}
		if string(p.Payload) != "data" || !bytes.Equal(p.GetExtension(o.DescID), o.Desc) {
			t.Errorf("%+v lost its payload or descriptor", o)
		}
		if o.Wide != 0 && !bytes.Equal(p.GetExtension(3), []byte{byte(o.WideSeq >> 8), byte(o.WideSeq)}) {
			t.Errorf("wide sequence number %x", p.GetExtension(3))
		}
		h, ok := Parse(b[:n+4])
		if !ok || h.At != n || h.Seq != o.Seq || !bytes.Equal(h.Extension(o.DescID), o.Desc) {
			t.Errorf("Parse: %+v, %v", h, ok)
		}
	}
}

func TestMalformedHeaders(t *testing.T) {
	for name, b := range map[string][]byte{
		"short":       make([]byte, 11),
		"version":     make([]byte, 12),
		"sources":     append([]byte{0x8f}, make([]byte, 20)...),
		"extension":   append([]byte{0x90}, make([]byte, 11)...),
		"long":        {0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0xff, 0xff},
		"no version2": {0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		if _, ok := Parse(b); ok {
			t.Errorf("%s was taken", name)
		}
	}
	b := append([]byte{0xa0}, make([]byte, 12)...)
	h, _ := Parse(b)
	if _, ok := h.Payload(b); ok {
		t.Error("padding of 0 bytes was taken")
	}
}

func TestVP8(t *testing.T) {
	key := []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01}
	for _, tt := range []struct {
		name string
		p    []byte
		want VP8Desc
	}{
		{"plain", []byte{0x10, 1}, VP8Desc{Start: true, len: 1}},
		{"not the first", []byte{0x00, 0}, VP8Desc{len: 1}},
		{"second partition", []byte{0x11, 0}, VP8Desc{len: 1}},
		{"short id", append([]byte{0x90, 0x80, 0x11}, key...), VP8Desc{Start: true, Key: true, HasID: true, ID: 0x11, Width: 640, Height: 360, idAt: 2, len: 3}},
		{
			"all", append([]byte{0x90, 0xe0, 0x81, 0x02, 9, 0x60}, 1),
			VP8Desc{Start: true, HasID: true, Wide: true, ID: 0x102, HasTL0: true, TL0: 9, HasTID: true, TID: 1, Sync: true, idAt: 2, tl0At: 4, len: 6},
		},
	} {
		d, ok := ParseVP8(tt.p)
		if !ok {
			t.Errorf("%s: refused", tt.name)
		}
		if diff := cmp.Diff(tt.want, d, cmp.AllowUnexported(VP8Desc{})); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		d.Rewrite(tt.p, 0x55, 77)
		again, _ := ParseVP8(tt.p)
		if d.HasID && again.ID != 0x55 || d.HasTL0 && again.TL0 != 77 || again.Key != d.Key || again.TID != d.TID {
			t.Errorf("%s: rewritten to %+v", tt.name, again)
		}
	}
	for _, p := range [][]byte{{}, {0x80}, {0x80, 0x80}, {0x80, 0x80, 0x80}, {0x80, 0x40}, {0x80, 0x20}} {
		if _, ok := ParseVP8(p); ok {
			t.Errorf("%x was taken", p)
		}
	}
}

func TestVP9(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    []byte
		want VP9Desc
	}{
		{"plain", []byte{0x0c, 1}, VP9Desc{Start: true, End: true, len: 1}},
		{"short id", []byte{0x8c, 0x11, 1}, VP9Desc{Start: true, End: true, HasID: true, ID: 0x11, idAt: 1, len: 2}},
		{
			"layers",
			[]byte{0xe8, 0x81, 0x02, 0x53, 9, 1},
			VP9Desc{Start: true, Inter: true, HasID: true, Wide: true, ID: 0x102, Layers: true, TID: 2, Up: true, SID: 1, HasTL0: true, TL0: 9, idAt: 1, tl0At: 4, len: 5},
		},
		{
			"references",
			[]byte{0xf4, 0x81, 0x02, 0x22, 0x03, 0x04, 1},
			VP9Desc{End: true, Inter: true, HasID: true, Wide: true, ID: 0x102, Layers: true, TID: 1, SID: 1, idAt: 1, len: 6},
		},
		{
			"structure",
			[]byte{0x2a, 0x00, 7, 0x38, 1, 0x40, 0, 0xb4, 2, 0x80, 1, 0x68, 1, 0x04, 1, 1},
			VP9Desc{
				Start: true, Layers: true, HasTL0: true, TL0: 7, tl0At: 2, Spatial: 2,
				Widths: [8]uint16{320, 640}, Heights: [8]uint16{180, 360}, len: 15,
			},
		},
	} {
		d, ok := ParseVP9(tt.p)
		if !ok {
			t.Errorf("%s: refused", tt.name)
		}
		if diff := cmp.Diff(tt.want, d, cmp.AllowUnexported(VP9Desc{})); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		d.Rewrite(tt.p, 0x55, 77)
		again, _ := ParseVP9(tt.p)
		if d.HasID && again.ID != 0x55 || d.HasTL0 && again.TL0 != 77 || again.SID != d.SID || again.TID != d.TID {
			t.Errorf("%s: rewritten to %+v", tt.name, again)
		}
	}
	for _, p := range [][]byte{{}, {0x80}, {0x80, 0x80}, {0x20}, {0x20, 0}, {0x50}, {0x50, 3, 3, 3}, {0x02}, {0x02, 0x10, 0}, {0x02, 0x08}, {0x02, 0x08, 2, 0x0c, 1}} {
		if _, ok := ParseVP9(p); ok {
			t.Errorf("%x was taken", p)
		}
	}
}

func TestKeyframes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		codec Codec
		p     []byte
		want  bool
	}{
		{"opus", Opus, nil, true},
		{"H.264 IDR", H264, []byte{0x65, 1}, true},
		{"H.264 other", H264, []byte{0x61, 1}, false},
		{"H.264 STAP-A with SPS", H264, []byte{0x18, 0, 2, 0x67, 1, 0, 1, 0x68}, true},
		{"H.264 STAP-A without", H264, []byte{0x18, 0, 1, 0x61}, false},
		{"H.264 FU-A start of IDR", H264, []byte{0x7c, 0x85}, true},
		{"H.264 FU-A middle of IDR", H264, []byte{0x7c, 0x05}, false},
		{"H.264 nothing", H264, nil, false},
		{"VP9 key", VP9, []byte{0x08}, true},
		{"VP9 inter", VP9, []byte{0x48}, false},
		{"VP9 key, higher layer", VP9, []byte{0xa8, 0x81, 1, 0x02, 0}, false},
		{"VP9 key, lowest layer", VP9, []byte{0xa8, 0x81, 1, 0x00, 0}, true},
		{"AV1 new sequence", AV1, []byte{0x18}, true},
		{"AV1 other", AV1, []byte{0x10}, false},
	} {
		if got := Keyframe(tt.codec, tt.p); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestRED(t *testing.T) {
	p := []byte{0x80 | 111, 0x0f, 0x00, 2, 111, 'a', 'b', 'c'}
	var blocks [MaxBlocks]Block
	n := RED(p, &blocks)
	want := []Block{{111, 960, []byte("ab")}, {111, 0, []byte("c")}}
	if diff := cmp.Diff(want, blocks[:n]); diff != "" {
		t.Error(diff)
	}
	RetypeRED(p, 109)
	if p[0] != 0x80|109 || p[4] != 109 || p[5] != 'a' {
		t.Errorf("retyped to %x", p)
	}
	for _, p := range [][]byte{{}, {0x80}, {0x80, 0, 0, 9, 0, 1}, {0x80, 0, 0, 0}, bytes.Repeat([]byte{0x80, 0, 0, 0}, 9)} {
		if n := RED(p, &blocks); n != 0 {
			t.Errorf("%x has %d blocks", p, n)
		}
	}
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte{0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x31, 0, 1, 0, 0x90, 0xe0, 0x81, 2, 9, 0x60, 1}, uint8(3))
	f.Add([]byte{0x80, 98, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x2a, 0x00, 7, 0x38, 1, 0x40, 0, 0xb4, 2, 0x80, 1, 0x68, 1, 0x04, 1, 1}, uint8(3))
	f.Add([]byte{0x80, 63, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xef, 0x0f, 0, 2, 111, 1, 2, 3}, uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, id uint8) {
		h, ok := Parse(b)
		if !ok {
			return
		}
		_ = h.Extension(id)
		p, ok := h.Payload(b)
		if !ok {
			return
		}
		if d, ok := ParseVP8(p); ok {
			d.Rewrite(p, 1, 1)
			if again, ok := ParseVP8(p); !ok || again.Start != d.Start || again.TID != d.TID {
				t.Errorf("rewriting broke %x", p)
			}
		}
		if d, ok := ParseVP9(p); ok {
			d.Rewrite(p, 1, 1)
			if again, ok := ParseVP9(p); !ok || again.Start != d.Start || again.TID != d.TID || again.SID != d.SID {
				t.Errorf("rewriting broke %x", p)
			}
		}
		for c := None; c <= AV1; c++ {
			Keyframe(c, p)
		}
		var blocks [MaxBlocks]Block
		total := 0
		n := RED(p, &blocks)
		for _, x := range blocks[:n] {
			total += len(x.Data)
		}
		if n > 0 && total+4*(n-1)+1 != len(p) {
			t.Errorf("%d bytes of %d in %d blocks", total, len(p), n)
		}
		RetypeRED(p, 1)
	})
}

func TestControlLen(t *testing.T) {
	for _, x := range []struct {
		b    []byte
		want int
		ok   bool
	}{
		{nil, 0, false},
		{[]byte{0x80, 201, 0}, 0, false},
		{[]byte{0x80, 201, 0, 0}, 4, true},
		{[]byte{0x81, 201, 0, 1, 1, 2, 3, 4, 0x80, 202, 0, 0}, 8, true},
		{[]byte{0x81, 201, 0, 1, 1, 2, 3}, 8, false},
		{[]byte{0x41, 201, 0, 0}, 0, false},
		{[]byte{0x80, 201, 0xff, 0xff}, 4 * 65536, false},
	} {
		if n, ok := ControlLen(x.b); n != x.want || ok != x.ok {
			t.Errorf("%x: %d, %v, want %d, %v", x.b, n, ok, x.want, x.ok)
		}
	}
}
