package pcm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"
)

func TestWAVRoundTrip(t *testing.T) {
	want := []int16{0, 1, -1, math.MaxInt16, math.MinInt16}
	var b bytes.Buffer
	err := WriteWAV(&b, 16000, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadWAV(&b, 100)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rate != 16000 || !slices.Equal(got.Samples, want) {
		t.Errorf("got %+v", got)
	}
}

// file builds a WAV file: the format chunk, other chunks, the data.
func file(tag, channels, bits int, size uint32, data []byte, before ...byte) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF"), 0, 0, 0, 0)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, 8000)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, uint16(bits))
	b = append(b, before...)
	b = append(b, "data"...)
	b = le.AppendUint32(b, size)
	return append(b, data...)
}

func TestWAVEncodings(t *testing.T) {
	f32 := binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.5))
	nan := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN())))
	list := []byte{'L', 'I', 'S', 'T', 3, 0, 0, 0, 1, 2, 3, 0} // odd, with its pad byte
	for _, tt := range []struct {
		name string
		file []byte
		want []int16
	}{
		{"16 bit", file(1, 1, 16, 4, []byte{1, 0, 255, 255}), []int16{1, -1}},
		{"8 bit", file(1, 1, 8, 3, []byte{128, 255, 0}), []int16{0, 127 << 8, -128 << 8}},
		{"24 bit", file(1, 1, 24, 3, []byte{9, 2, 1}), []int16{0x102}},
		{"32 bit", file(1, 1, 32, 4, []byte{9, 9, 2, 1}), []int16{0x102}},
		{"float", file(3, 1, 32, 8, append(f32, nan...)), []int16{16384, 0}},
		{"A-law", file(6, 1, 8, 2, []byte{0xd5, 0x55}), []int16{8, -8}},
		{"mu-law", file(7, 1, 8, 1, []byte{0x80}), []int16{32124}},
		{"stereo", file(1, 2, 16, 4, []byte{10, 0, 20, 0}), []int16{15}},
		{"other chunks", file(1, 1, 16, 2, []byte{1, 0}, list...), []int16{1}},
		{"length unknown", file(1, 1, 16, 0xffffffff, []byte{1, 0, 2, 0}), []int16{1, 2}},
		{"length 0", file(1, 1, 16, 0, []byte{1, 0, 2, 0}), []int16{1, 2}},
		{"cut off", file(1, 1, 16, 100, []byte{1, 0, 2}), []int16{1}},
		{"chunk after the data", file(1, 1, 16, 2, []byte{1, 0, 'L', 'I', 'S', 'T'}), []int16{1}},
		{"no samples", file(1, 1, 16, 0, nil), []int16{}},
	} {
		got, err := ReadWAV(bytes.NewReader(tt.file), 100)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !slices.Equal(got.Samples, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got.Samples, tt.want)
		}
	}
}

func TestWAVRefusals(t *testing.T) {
	good := file(1, 1, 16, 4, []byte{1, 0, 2, 0})
	for name, b := range map[string][]byte{
		"empty":       nil,
		"not RIFF":    []byte("OggS and what follows it, long enough to be a header"),
		"no data":     good[:36],
		"cut format":  good[:20],
		"MP3 inside":  file(0x55, 1, 16, 2, []byte{1, 0}),
		"no channels": file(1, 0, 16, 2, []byte{1, 0}),
		"channels":    file(1, 1000, 16, 2, []byte{1, 0}),
		"12 bits":     file(1, 1, 12, 2, []byte{1, 0}),
		"too long":    file(1, 1, 16, 400, make([]byte, 400)),
		"endless":     file(1, 1, 16, 0, make([]byte, 400)),
		"data first":  append(append([]byte("RIFF\x00\x00\x00\x00WAVE"), "data\x02\x00\x00\x00"...), 1, 0),
		"huge format": append([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), 0xff, 0xff, 0xff, 0x7f),
	} {
		_, err := ReadWAV(bytes.NewReader(b), 100)
		if !errors.Is(err, ErrWAV) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add(file(1, 2, 16, 4, []byte{10, 0, 20, 0}))
	f.Add(file(0xfffe, 1, 8, 0, []byte{10}))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := ReadWAV(bytes.NewReader(b), 1000)
		if err != nil {
			return
		}
		if len(w.Samples) > 1000 || w.Rate < 1000 {
			t.Fatalf("%d samples at %d", len(w.Samples), w.Rate)
		}
		var out bytes.Buffer
		err = WriteWAV(&out, w.Rate, w.Samples)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadWAV(&out, 1000)
		if err != nil || !slices.Equal(again.Samples, w.Samples) {
			t.Fatalf("did not survive: %v", err)
		}
	})
}
