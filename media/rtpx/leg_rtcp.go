package rtpx

import (
	"net/netip"
	"time"
)

// reportEvery is the RTCP interval of RFC 3550 section 6.2 for a call of two.
const reportEvery = 5 * time.Second

// control takes one RTCP packet.
func (l *Leg) control(at time.Time, from netip.AddrPort, b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.knows(from) {
		l.stats.Strangers++
		return
	}
	if l.inControl != nil {
		var err error
		b, err = l.inControl.openRTCP(b)
		if err != nil {
			l.stats.Unsafe++
			return
		}
	}
	r, err := parseReport(b, l.send.SSRC())
	if err != nil {
		l.stats.BadRTCP++
		return
	}
	l.stats.Reports++
	if r.sender {
		l.srTime, l.srNTP = at, uint32(r.ntp>>16)
	}
	if r.block {
		l.stats.RemoteLoss, l.stats.RemoteLost = r.fraction, r.lost
		l.send.ExpectLoss(r.fraction)
		if rtt := r.roundTrip(at); rtt > 0 {
			l.stats.RoundTrip = rtt
		}
	}
}

// knows reports whether an address may send us RTCP: the host that RTP comes
// from or that SDP names. With SRTP anybody may who has the key.
func (l *Leg) knows(from netip.AddrPort) bool {
	return l.inControl != nil || from.Addr() == l.latch.remote().Addr() ||
		from.Addr() == l.latch.signalled.Addr() || from.Addr() == l.rtcpRemote.Addr()
}

// reportIfDue sends a compound report every five seconds.
func (l *Leg) reportIfDue(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nextReport.IsZero() {
		l.nextReport = now.Add(reportEvery / 2) // the first one early, RFC 3550 section 6.2
		return
	}
	if now.Before(l.nextReport) {
		return
	}
	l.nextReport = now.Add(reportEvery)
	l.sendReport(now, false)
}

func (l *Leg) sendReport(now time.Time, bye bool) {
	var info *senderInfo
	var block *reportBlock
	if i, ok := l.send.sentInfo(now); ok && l.sending {
		info = &i
	}
	if b, ok := l.recv.report(); ok {
		if !l.srTime.IsZero() {
			b.lastSR = l.srNTP
			b.delay = uint32(now.Sub(l.srTime) * 65536 / time.Second)
		}
		block = &b
	}
	b := appendReport(l.report[:0], l.send.SSRC(), info, block, l.cname)
	if bye {
		b = appendBye(b, l.send.SSRC())
	}
	conn, to := l.rtcp, l.rtcpTarget()
	if l.mux {
		conn = l.rtp
	}
	if l.out != nil {
		var err error
		b, err = l.out.sealRTCP(b)
		if err != nil {
			return
		}
	}
	_ = writeTo(conn, b, to) // a lost report is like one lost on the way
}

// rtcpTarget is the address of SDP if its host is where RTP goes, else the
// port beside the one that RTP was seen to come from.
func (l *Leg) rtcpTarget() netip.AddrPort {
	to := l.latch.remote()
	switch {
	case l.mux || !to.IsValid():
		return to
	case l.rtcpRemote.IsValid() && l.rtcpRemote.Addr() == to.Addr():
		return l.rtcpRemote
	}
	return netip.AddrPortFrom(to.Addr(), to.Port()+1)
}
