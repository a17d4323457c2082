package cache

import (
	"bytes"
	"testing"
)

func TestCache(t *testing.T) {
	c := New()
	if c.Get(0) != nil {
		t.Error("an empty cache has packet 0")
	}
	start := uint16(65000)
	for i := range uint16(2 * Slots) {
		c.Put(start+i, bytes.Repeat([]byte{byte(i)}, int(i)+1))
	}
	for i := range uint16(2 * Slots) {
		got := c.Get(start + i)
		if i < Slots && got != nil {
			t.Fatalf("packet %d is still there", i)
		}
		if i >= Slots && !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, int(i)+1)) {
			t.Fatalf("packet %d has %d bytes", i, len(got))
		}
	}
}

func TestFullCacheDoesNotAllocate(t *testing.T) {
	c := New()
	data := make([]byte, 1200)
	for i := range uint16(Slots) {
		c.Put(i, data)
	}
	seq := uint16(Slots)
	if n := testing.AllocsPerRun(1000, func() { c.Put(seq, data); seq++ }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
