package bwe

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtcp"
)

// told is what a report says of one packet.
type told struct {
	Seq     uint16
	Came    bool
	Arrival int64
}

// report is one of packets of these statuses, in chunks of all kinds, from number 65530 on, and how many of its bytes are needed.
func report(t *testing.T, statuses []int) (b []byte, needed int) {
	t.Helper()
	fb := rtcp.TransportLayerCC{
		Header:     rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback},
		SenderSSRC: 1, MediaSSRC: 2, BaseSequenceNumber: 65530, PacketStatusCount: uint16(len(statuses)), ReferenceTime: 0x123456,
	}
	for i, s := range statuses {
		if s == 1 {
			fb.RecvDeltas = append(fb.RecvDeltas, &rtcp.RecvDelta{Type: rtcp.TypeTCCPacketReceivedSmallDelta, Delta: int64(i%256) * 250})
		}
		if s == 2 {
			fb.RecvDeltas = append(fb.RecvDeltas, &rtcp.RecvDelta{Type: rtcp.TypeTCCPacketReceivedLargeDelta, Delta: int64(100-70*i) * 250})
		}
	}
	for rest := statuses; len(rest) > 0; {
		n, large := 0, false
		for n < len(rest) && rest[n] == rest[0] {
			n++
		}
		for _, s := range rest[:min(14, len(rest))] {
			large = large || s > 1
		}
		switch {
		case n > 7:
			fb.PacketChunks = append(fb.PacketChunks, &rtcp.RunLengthChunk{PacketStatusSymbol: uint16(rest[0]), RunLength: uint16(n)})
		default:
			c := &rtcp.StatusVectorChunk{Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: rtcp.TypeTCCSymbolSizeOneBit}
			n = 14
			if large {
				c.SymbolSize = rtcp.TypeTCCSymbolSizeTwoBit
				n = 7
			}
			for i := range n {
				s := 0
				if i < len(rest) {
					s = rest[i]
				}
				c.SymbolList = append(c.SymbolList, uint16(s))
			}
			fb.PacketChunks = append(fb.PacketChunks, c)
		}
		rest = rest[min(n, len(rest)):]
	}
	needed = reportHead + 2*len(fb.PacketChunks)
	for _, s := range statuses {
		needed += deltaLen(s)
	}
	fb.Header.Length = uint16(fb.MarshalSize()/4 - 1)
	b, err := fb.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b, needed
}

// pions is what pion reads in a report; false if it finds it broken.
func pions(b []byte) (all []told, ok bool) {
	var fb rtcp.TransportLayerCC
	if fb.Unmarshal(b) != nil {
		return nil, false
	}
	arrival := int64(fb.ReferenceTime) * 64000
	one := func(symbol uint16) {
		if len(all) == int(fb.PacketStatusCount) {
			return
		}
		came := symbol == 1 || symbol == 2
		if came {
			arrival += fb.RecvDeltas[0].Delta
			fb.RecvDeltas = fb.RecvDeltas[1:]
		}
		all = append(all, told{fb.BaseSequenceNumber + uint16(len(all)), came, arrival})
	}
	for _, c := range fb.PacketChunks {
		switch c := c.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				one(c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			for _, s := range c.SymbolList {
				one(s)
			}
		}
	}
	return all, true
}

func ours(b []byte) (all []told, ok bool) {
	ok = walk(b, func(seq uint16, came bool, arrival int64) { all = append(all, told{seq, came, arrival}) })
	return all, ok
}

// same: what pion takes is read as pion reads it.
func same(t *testing.T, b []byte) {
	t.Helper()
	want, ok := pions(b)
	if !ok {
		return
	}
	got, ok := ours(b)
	if d := cmp.Diff(want, got); !ok || d != "" {
		t.Errorf("%x: %v, %s", b, ok, d)
	}
}

func TestReport(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, kinds := range [][]int{{1}, {0, 1}, {0, 1, 1, 1, 2}, {0}, {2}} {
		for n := range 60 {
			var statuses []int
			for len(statuses) < n {
				s := kinds[random.IntN(len(kinds))]
				for range 1 + random.IntN(4)*random.IntN(6) {
					statuses = append(statuses, s)
				}
			}
			b, needed := report(t, statuses)
			if _, ok := pions(b); !ok {
				t.Fatalf("pion does not read %x", b)
			}
			same(t, b)
			got, _ := ours(b)
			if len(got) != len(statuses) {
				t.Errorf("%d packets of %d", len(got), len(statuses))
			}
			for cut := range needed { // none is taken in part
				if all, ok := ours(b[:cut]); ok || len(all) > 0 {
					t.Errorf("%d bytes of %d are taken: %d packets, %v", cut, needed, len(all), ok)
				}
			}
		}
	}
}
