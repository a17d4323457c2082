//go:build !(linux && (amd64 || arm64))

package rtpx

import (
	"net"
	"net/netip"
	"time"
)

// poller is for Linux; elsewhere a goroutine reads each socket.
type poller struct{}

func newPoller(*net.UDPConn) *poller { return nil }

func (*poller) poll(func(time.Time, netip.AddrPort, []byte)) {}
