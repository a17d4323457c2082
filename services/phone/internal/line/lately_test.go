package line

import (
	"testing"
	"time"

	"samtale.dk/samtale/media/rtpx"
)

// TestLossCountsLately: what was lost is seen soon and forgotten soon, however long the call is.
func TestLossCountsLately(t *testing.T) {
	var r lately
	now, st := time.Unix(0, 0), rtpx.ReceiverStats{SSRC: 1}
	after := func(d time.Duration, packets uint64, lost int) (float64, bool) {
		now = now.Add(d)
		st.Packets += packets
		st.Lost += lost
		return r.loss(now, st)
	}
	expect := func(what string, part float64, ok bool, low, high float64) {
		t.Helper()
		if !ok || part < low || part > high {
			t.Errorf("%s: %.3f, %v", what, part, ok)
		}
	}
	if _, ok := after(0, telling-1, 0); ok {
		t.Error("too little can tell")
	}
	part, ok := after(0, 51, 10)
	expect("one in ten", part, ok, 0.1, 0.1)
	for range 9 {
		part, ok = after(time.Second, 50, 0)
	}
	expect("nine seconds later", part, ok, 0.015, 0.02)
	for range 3 {
		part, ok = after(time.Second, 50, 0)
	}
	expect("when it is past", part, ok, 0, 0)
	for range 3600 {
		part, ok = after(time.Second, 50, 0)
	}
	expect("after an hour", part, ok, 0, 0)
	part, ok = after(5*time.Second, 250, 50)
	expect("a fault after an hour", part, ok, 0.05, 0.1)
	part, ok = after(time.Hour, 0, 0)
	expect("after a silence, of the sound before it", part, ok, 0.1, 0.2)
	part, ok = after(time.Second, 10, -50)
	expect("what was late has come", part, ok, 0, 0)
	st.SSRC, st.Lost = 2, 0
	if _, ok := after(time.Second, 10, 0); ok {
		t.Error("a new stream is judged by the one before")
	}
	part, ok = after(time.Second, 100, 10)
	expect("a new stream", part, ok, 0.09, 0.1)
	if len(r.marks) > 20 {
		t.Errorf("%d marks are kept", len(r.marks))
	}
}
