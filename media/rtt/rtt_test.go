package rtt

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// A payload written out by hand from RFC 4103 section 7 and RFC 2198 section 3.
func TestFormat(t *testing.T) {
	s := NewSender(98)
	s.Write("æ")
	first, marker, ok := s.Payload(1000)
	if !ok || !marker || !bytes.Equal(first, []byte{98, 0xc3, 0xa6}) {
		t.Errorf("first payload %x, marker %v, %v", first, marker, ok)
	}
	s.Write("bc")
	second, marker, _ := s.Payload(1300)
	// F=1, type 98, 300 units old, 2 bytes.
	want := []byte{0x80 | 98, 0x04, 0xb0, 0x02, 98, 0xc3, 0xa6, 'b', 'c'}
	if marker || !bytes.Equal(second, want) {
		t.Errorf("second payload %x, want %x, marker %v", second, want, marker)
	}
}

func TestPauseAfterAllIsRepeated(t *testing.T) {
	s := NewSender(98)
	if _, _, ok := s.Payload(0); ok {
		t.Fatal("sent nothing")
	}
	s.Write("a")
	sent := 0
	for i := range 10 {
		if _, _, ok := s.Payload(uint32(i * 300)); ok {
			sent++
		}
	}
	if sent != 1+Generations {
		t.Errorf("sent %d packets for one letter", sent)
	}
	s.Write("b")
	payload, marker, ok := s.Payload(90000)
	// Two empty blocks of redundancy, their age cut to what can be said.
	want := []byte{0x80 | 98, 0xff, 0xfc, 0, 0x80 | 98, 0xff, 0xfc, 0, 98, 'b'}
	if !ok || !marker || !bytes.Equal(payload, want) {
		t.Errorf("after a pause: %x, marker %v, %v", payload, marker, ok)
	}
}

func TestLossIsMendedOrTold(t *testing.T) {
	const text = "hej på øen"
	for _, tt := range []struct {
		name string
		lost map[int]bool
		want string
	}{
		{"none", nil, text},
		{"one", map[int]bool{3: true}, text},
		{"two", map[int]bool{3: true, 4: true}, text},
		{"the last", map[int]bool{9: true}, text},
		{"three", map[int]bool{3: true, 4: true, 5: true}, "hej\uFFFDå øen"},
	} {
		s, r := NewSender(98), &Receiver{}
		letters := []rune(text)
		got := ""
		seq := uint16(65530)
		for i := range 20 {
			if i < len(letters) {
				s.Write(string(letters[i]))
			}
			payload, _, ok := s.Payload(uint32(i * 300))
			if !ok {
				continue
			}
			if !tt.lost[i] {
				add, err := r.Packet(seq, payload)
				if err != nil {
					t.Fatal(err)
				}
				again, _ := r.Packet(seq, payload)
				got += add + again
			}
			seq++
		}
		if strings.ReplaceAll(got, "p", "") != strings.ReplaceAll(tt.want, "p", "") {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPlainPackets(t *testing.T) {
	r := &Receiver{}
	b := []byte("blåbær\uFEFF")
	got := r.Plain(1, b[:3]) + r.Plain(2, b[3:5]) + r.Plain(2, b[3:5]) + r.Plain(3, b[5:]) + r.Plain(5, []byte("x"))
	if got != "blåbær\uFFFDx" {
		t.Errorf("got %q", got)
	}
}

func TestLongPasteIsCutAtCharacters(t *testing.T) {
	s, r := NewSender(98), &Receiver{}
	text := strings.Repeat("æøå€", 700)
	s.Write(text)
	got := ""
	for i := range 20 {
		payload, _, ok := s.Payload(uint32(i * 300))
		if !ok {
			break
		}
		blocks, err := parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			if !utf8.ValidString(b) {
				t.Fatal("a character was cut")
			}
		}
		add, err := r.Packet(uint16(i), payload)
		if err != nil {
			t.Fatal(err)
		}
		got += add
	}
	if got != text {
		t.Errorf("%d bytes of %d", len(got), len(text))
	}
}

// Any loss of at most two packets in a row, doubled and reordered ones too,
// must give the text that was typed.
func TestRandomNetworks(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		s, r := NewSender(98), &Receiver{}
		want, got := "", ""
		run, seq := 0, uint16(0)
		for i := range 60 {
			if i < 50 && random.IntN(3) > 0 {
				typed := []string{"a", "ø", "€", "ab\b"}[random.IntN(4)]
				want += typed
				s.Write(typed)
			}
			payload, _, ok := s.Payload(uint32(i * 300))
			if !ok {
				continue
			}
			seq++
			if seq > 1 && run < Generations && random.IntN(4) == 0 {
				run++
				continue
			}
			run = 0
			for range 1 + random.IntN(2) {
				add, err := r.Packet(seq, payload)
				if err != nil {
					t.Fatal(err)
				}
				got += add
			}
		}
		// The end may be missing when the very last packets were lost.
		if !strings.HasPrefix(want, got) || len(want)-len(got) > 12 {
			t.Fatalf("seed %d: %q, want %q", seed, got, want)
		}
	}
}

func FuzzReceiver(f *testing.F) {
	f.Add(uint16(1), []byte{0x80 | 98, 0x04, 0xb0, 0x02, 98, 0xc3, 0xa6, 'b', 'c'})
	f.Add(uint16(9), []byte{98, 0xc3})
	f.Fuzz(func(t *testing.T, seq uint16, b []byte) {
		r := &Receiver{}
		var x Text
		for i := range uint16(3) {
			text, err := r.Packet(seq*i, b)
			if err != nil {
				text = r.Plain(seq+i, b)
			}
			if !utf8.ValidString(text) {
				t.Fatalf("%q is no UTF-8", text)
			}
			x.Apply(text)
		}
		if !utf8.ValidString(x.String()) {
			t.Fatal("no UTF-8")
		}
	})
}
