package sfu

import (
	"time"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

// Packet is one of a track's RTP packets, decrypted and without what was only for the way: extensions, padding, retransmission
// and redundancy (RED) are undone.
type Packet struct {
	At        time.Time
	Stream    uint32 // another one: sequence numbers and timestamps begin anew
	Codec     string // as Track has it
	Seq       uint16
	Timestamp uint32
	Marker    bool
	Payload   []byte // valid during the call
}

// PacketWriter takes what one track sends while it is not muted: of a picture in several sizes the largest that comes, changed at
// keyframes. Packets come as they arrive, so late ones come late. The call is made while the room is locked: it must neither block
// nor call the SFU. Returning true asks the publisher for a keyframe.
type PacketWriter interface {
	WritePacket(p Packet) (key bool)
}

// tap chooses of a track's packets what its PacketWriter gets. The room's lock guards it.
type tap struct {
	to    PacketWriter
	layer *layer // the size that is given now; nil before the first
	got   recent // of sound: which of the copies in RED are needed
}

// take gives a packet of a layer on.
func (t *tap) take(now time.Time, l *layer, h *packet.Header, pt payloadType, payload []byte) {
	if len(payload) == 0 { // a keepalive
		return
	}
	p := Packet{
		At: now, Stream: h.SSRC, Codec: pt.codec.String(), Seq: h.Seq, Timestamp: h.Timestamp, Marker: h.Marker, Payload: payload,
	}
	if pt.codec.Video() {
		if t.choose(now, l, pt.codec, payload) && t.to.WritePacket(p) {
			l.wantKey = true
		}
		return
	}
	if !pt.red {
		t.sound(p)
		return
	}
	var blocks [packet.MaxBlocks]packet.Block
	n := packet.RED(payload, &blocks)
	for i, b := range blocks[:n] {
		p.Seq, p.Timestamp, p.Payload = h.Seq-uint16(n-1-i), h.Timestamp-b.Offset, b.Data
		if len(b.Data) > 0 && (i == n-1 || t.got.missed(p.Seq)) {
			t.sound(p)
		}
	}
}

func (t *tap) sound(p Packet) {
	t.got.note(p.Seq)
	t.to.WritePacket(p)
}

// choose reports whether a layer's packet is to be given. Another layer takes over with a keyframe: a larger one, or any when the
// one before has stopped.
func (t *tap) choose(now time.Time, l *layer, c packet.Codec, payload []byte) bool {
	if t.layer == l {
		return true
	}
	if t.layer != nil && t.layer.index > l.index && t.layer.live(now) {
		return false
	}
	if !packet.Keyframe(c, payload) {
		l.wantKey = true
		return false
	}
	t.layer = l
	return true
}

// recent knows which of the last 64 sequence numbers came.
type recent struct {
	got  [64]uint16 // plus one
	last uint16
	any  bool
}

func (r *recent) note(seq uint16) {
	if !r.any || int16(seq-r.last) > 0 {
		r.any, r.last = true, seq
	}
	r.got[seq%64] = seq + 1
}

// missed reports whether a packet was lost, as far as is known.
func (r *recent) missed(seq uint16) bool {
	return r.any && int16(seq-r.last) > -64 && r.got[seq%64] != seq+1
}
