package watch

import (
	"slices"
	"testing"
	"time"
)

// A frame that is late holds those behind it up; one that never comes is asked for and jumped over by a keyframe.
func TestViewer(t *testing.T) {
	big, small := &Camera{Width: 1280, Height: 720, Rate: 1_500_000, FPS: 30}, &Camera{Width: 320, Height: 180, Rate: 100_000, FPS: 30}
	v := &Viewer{}
	now := time.Unix(1, 0)
	give := func(payloads [][]byte) {
		for _, p := range payloads {
			v.Packet(now, p)
		}
	}
	step := func() { now = now.Add(time.Second / 30) }
	give(big.Frame(1, now, false))
	if v.Shown != 0 {
		t.Error("shown without a keyframe")
	}
	give(big.Frame(2, now, true))
	step()
	late := big.Frame(3, now, false)
	give(late[1:])
	step()
	give(big.Frame(4, now, false))
	if v.Shown != 1 {
		t.Errorf("%d shown although one is missing", v.Shown)
	}
	give(late[:1])
	if v.Shown != 3 || v.Freezes != 0 || v.Delay(1).Round(time.Millisecond) != 33*time.Millisecond {
		t.Errorf("%d shown, %d freezes, %v", v.Shown, v.Freezes, v.Delay(1))
	}
	for i := range 15 { // 5 never comes
		step()
		give(big.Frame(6+i, now, false))
	}
	if v.Shown != 3 || !v.Asks(now) || v.Asks(now) {
		t.Errorf("%d shown, or not asked for a keyframe once", v.Shown)
	}
	give(small.Frame(30, now, true))
	give(big.Frame(31, now, false))
	if v.Shown != 4 || v.Freezes != 1 || v.Frozen.Round(time.Millisecond) != 500*time.Millisecond || !slices.Equal(v.Heights, []int{720, 180}) || v.Height() != 180 {
		t.Errorf("%d shown, %d freezes of %v, heights %v", v.Shown, v.Freezes, v.Frozen, v.Heights)
	}
	v.Packet(now, []byte("no picture"))
	v.Reset()
	if v.Shown != 0 || v.Height() != 180 {
		t.Errorf("after Reset: %+v", v)
	}
}
