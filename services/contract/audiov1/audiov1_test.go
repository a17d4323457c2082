package audiov1

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
)

// golden is the wire form, byte by byte; it never changes within v1.
const golden = "01030000" + // version, flags (end, lost), reserved
	"40010000" + // 320 samples lost
	"80bb000000000000" + // position 48000
	"0010a5d4e8000000" + // captured
	"0700000000000000" + // epoch
	"0000" + "0100" + "ffff" + "ff7f" + "0080" // samples 0, 1, -1, 32767, -32768

func frame() Frame {
	return Frame{Flags: FlagEnd | FlagLost, Lost: 320, Position: 48000, Captured: 1000000000000, Epoch: 7, PCM: []int16{0, 1, -1, 32767, -32768}}
}

func TestGolden(t *testing.T) {
	want, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	f := frame()
	if got := f.Append(nil); !bytes.Equal(got, want) {
		t.Fatalf("got  %x\nwant %x", got, want)
	}
	var back Frame
	if err := back.Decode(want); err != nil {
		t.Fatal(err)
	}
	if !same(back, f) {
		t.Fatalf("got %+v", back)
	}
}

func same(a, b Frame) bool {
	return a.Flags == b.Flags && a.Lost == b.Lost && a.Position == b.Position && a.Captured == b.Captured &&
		a.Epoch == b.Epoch && slices.Equal(a.PCM, b.PCM)
}

func TestDecodeRefuses(t *testing.T) {
	f := frame()
	good := f.Append(nil)
	change := func(at int, b byte) []byte { c := bytes.Clone(good); c[at] = b; return c }
	long := Frame{PCM: make([]int16, MaxFrameSamples+1)}
	for name, b := range map[string][]byte{
		"empty": nil, "short": good[:HeaderSize-1], "half a sample": good[:len(good)-1], "another version": change(0, 2),
		"too long": long.Append(nil), "negative position": change(15, 0x80), "absurd position": change(15, 0x7f),
	} {
		var got Frame
		if err := got.Decode(b); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
	end := Frame{Flags: FlagEnd}
	var got Frame
	if err := got.Decode(end.Append(nil)); err != nil || len(got.PCM) != 0 {
		t.Errorf("an empty last frame: %v", err)
	}
}

// The audio path copies nothing to the heap.
func TestNoAllocations(t *testing.T) {
	f := Frame{PCM: make([]int16, FrameSamples)}
	buf := make([]byte, 0, HeaderSize+2*FrameSamples)
	var back Frame
	back.PCM = make([]int16, 0, FrameSamples)
	n := testing.AllocsPerRun(100, func() {
		b := f.Append(buf[:0])
		if err := back.Decode(b); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Fatalf("%v allocations a frame", n)
	}
}

func FuzzDecode(f *testing.F) {
	g := frame()
	f.Add(g.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a, again Frame
		if a.Decode(b) != nil {
			return
		}
		if err := again.Decode(a.Append(nil)); err != nil || !same(a, again) {
			t.Fatalf("%+v became %+v: %v", a, again, err)
		}
	})
}

func TestSubjects(t *testing.T) {
	for want, got := range map[string]string{
		"audio.v1.c.l":           Subject("c", "l"),
		"speech.v1.progress.c.l": ProgressSubject("c", "l"),
		"audio.v1.replay.c.l":    ReplaySubject("c", "l"),
		"speech.v1.attach":       AttachSubject,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
