package rtpx

import (
	"encoding/binary"
	"errors"
	"time"
)

// RTCP packet types (RFC 3550 section 12.1) and the source-description item.
const (
	rtcpSR   = 200
	rtcpRR   = 201
	rtcpSDES = 202
	rtcpBYE  = 203

	sdesCNAME = 1
)

// senderInfo is the sender part of a report (RFC 3550 section 6.4.1).
type senderInfo struct {
	ntp             uint64
	timestamp       uint32
	packets, octets uint32
}

// reportBlock is a reception report.
type reportBlock struct {
	ssrc     uint32
	fraction uint8 // 1/256
	lost     int
	highest  uint32
	jitter   uint32 // in clock units
	lastSR   uint32 // middle 32 bits of its NTP time
	delay    uint32 // since then, in 1/65536 s
}

// peerReport is what a compound RTCP packet of the peer says to us.
type peerReport struct {
	ssrc    uint32 // of the peer
	goodbye bool

	// The peer's clock when it sent, if it sends.
	sender bool
	ntp    uint64

	// How the peer receives us, if it says so.
	block    bool
	fraction float64 // lost since its last report, 0 to 1
	lost     int     // in all
	lastSR   uint32  // as in reportBlock
	sinceSR  uint32
}

// ntpTime is a time in the format of NTP: seconds since 1900 in 32.32 bits.
func ntpTime(t time.Time) uint64 {
	const epoch = 2208988800 // seconds from 1900 to 1970
	return uint64(t.Unix()+epoch)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// appendReport builds a compound packet: a sender or receiver report and the
// CNAME (RFC 3550 section 6.1).
func appendReport(b []byte, ssrc uint32, info *senderInfo, block *reportBlock, cname string) []byte {
	start := len(b)
	typ, count := byte(rtcpRR), byte(0)
	if info != nil {
		typ = rtcpSR
	}
	if block != nil {
		count = 1
	}
	be := binary.BigEndian
	b = append(b, 0x80|count, typ, 0, 0)
	b = be.AppendUint32(b, ssrc)
	if info != nil {
		b = be.AppendUint64(b, info.ntp)
		b = be.AppendUint32(b, info.timestamp)
		b = be.AppendUint32(b, info.packets)
		b = be.AppendUint32(b, info.octets)
	}
	if block != nil {
		b = block.append(b)
	}
	setLength(b[start:])
	return appendSDES(b, ssrc, cname)
}

func (r *reportBlock) append(b []byte) []byte {
	be := binary.BigEndian
	lost := min(max(r.lost, -1<<23), 1<<23-1)
	b = be.AppendUint32(b, r.ssrc)
	b = be.AppendUint32(b, uint32(r.fraction)<<24|uint32(lost)&0xffffff)
	b = be.AppendUint32(b, r.highest)
	b = be.AppendUint32(b, r.jitter)
	b = be.AppendUint32(b, r.lastSR)
	return be.AppendUint32(b, r.delay)
}

func appendSDES(b []byte, ssrc uint32, cname string) []byte {
	start := len(b)
	b = append(b, 0x81, rtcpSDES, 0, 0)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, sdesCNAME, byte(len(cname)))
	b = append(b, cname...)
	b = append(b, 0) // end of items, then up to a whole word
	for (len(b)-start)%4 != 0 {
		b = append(b, 0)
	}
	setLength(b[start:])
	return b
}

func appendBye(b []byte, ssrc uint32) []byte {
	b = append(b, 0x81, rtcpBYE, 0, 1)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// setLength writes the length field: words of 32 bits less one.
func setLength(b []byte) { binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1)) }

// errRTCP is returned for bytes that are not a compound RTCP packet.
var errRTCP = errors.New("rtpx: not an RTCP packet")

// parseReport reads a compound packet. Blocks about other streams than ssrc
// and packets of other types are skipped.
func parseReport(b []byte, ssrc uint32) (peerReport, error) {
	var r peerReport
	if !isRTCP(b) {
		return r, errRTCP
	}
	for len(b) > 0 {
		if len(b) < 4 || b[0]>>6 != 2 {
			return r, errRTCP
		}
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			return r, errRTCP
		}
		err := r.take(b[1], int(b[0]&0x1f), b[4:size], ssrc)
		if err != nil {
			return r, err
		}
		b = b[size:]
	}
	return r, nil
}

func (r *peerReport) take(typ byte, count int, body []byte, ssrc uint32) error {
	be := binary.BigEndian
	switch typ {
	case rtcpSR:
		if len(body) < 24 {
			return errRTCP
		}
		r.ssrc, r.sender, r.ntp = be.Uint32(body), true, be.Uint64(body[4:])
		return r.blocks(body[24:], count, ssrc)
	case rtcpRR:
		if len(body) < 4 {
			return errRTCP
		}
		r.ssrc = be.Uint32(body)
		return r.blocks(body[4:], count, ssrc)
	case rtcpBYE:
		r.goodbye = true
	}
	return nil
}

func (r *peerReport) blocks(b []byte, count int, ssrc uint32) error {
	be := binary.BigEndian
	if len(b) < 24*count {
		return errRTCP
	}
	for ; count > 0; count-- {
		if be.Uint32(b) == ssrc {
			r.block = true
			r.fraction = float64(b[4]) / 256
			r.lost = int(int32(be.Uint32(b[4:])<<8) >> 8)
			r.lastSR, r.sinceSR = be.Uint32(b[16:]), be.Uint32(b[20:])
		}
		b = b[24:]
	}
	return nil
}

// roundTrip is the time that our report and the peer's answer took on the way
// (RFC 3550 section 6.4.1, figure 2).
func (r *peerReport) roundTrip(now time.Time) time.Duration {
	if !r.block || r.lastSR == 0 {
		return 0
	}
	d := uint32(ntpTime(now)>>16) - r.lastSR - r.sinceSR
	if d > 1<<31 { // clocks of the peer that run ahead
		return 0
	}
	return time.Duration(d) * time.Second / 65536
}
