package rtpx

import (
	"net/netip"
	"time"
)

// relatchAfter is how long the latched address must be silent before another
// port may take over without being the same stream.
const relatchAfter = 2 * time.Second

// latch decides where the peer is: symmetric RTP (RFC 4961). Behind an address
// translator the address in SDP is wrong and the one that packets come from is
// right. The first valid packet latches; afterwards another address takes over
// only if it is the one in SDP, if it continues the same stream (the translator
// gave a new port), or if the old one is silent and it is another port of the
// same machine. Everybody else is a stray, who must not wait for a pause to be
// sent the call's sound.
type latch struct {
	signalled netip.AddrPort // from SDP
	learned   netip.AddrPort
	last      time.Time // last valid packet from learned
}

// signal sets the address from SDP. A new one must be believed again.
func (l *latch) signal(a netip.AddrPort) {
	if a != l.signalled {
		*l = latch{signalled: a}
	}
}

// remote is where to send.
func (l *latch) remote() netip.AddrPort {
	if l.learned.IsValid() {
		return l.learned
	}
	return l.signalled
}

// allow reports whether a packet of this address may be taken. same says that
// it continues the stream that is being received.
func (l *latch) allow(at time.Time, from netip.AddrPort, same bool) bool {
	switch {
	case from == l.learned, !l.learned.IsValid(), from == l.signalled, same:
		return true
	}
	known := from.Addr() == l.learned.Addr() || from.Addr() == l.signalled.Addr()
	return known && at.Sub(l.last) > relatchAfter
}

// confirm is called when a packet turned out to be valid.
func (l *latch) confirm(at time.Time, from netip.AddrPort) {
	l.learned, l.last = from, at
}
