//go:build linux && (amd64 || arm64)

package rtpx

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// A goroutine that waits for each packet costs more than what is done with the packet:
// the kernel wakes a thread and the scheduler a goroutine, 50 times a second and leg.
// Here the media clock fetches what waits in the socket, in one call, right before it
// plays. The kernel has noted when each packet came, so the jitter buffer knows the
// same as if somebody had been waiting.

const (
	// atOnce packets are fetched by a call; usually one waits.
	atOnce = 4
	// mostPackets bounds one look at a socket, so that a flood on one leg does not
	// keep the clock from the others. It is more than a jitter buffer holds, so that
	// a machine that stood still for seconds loses nothing here.
	mostPackets = 256
)

// poller fetches packets from a socket without waiting.
type poller struct {
	raw   syscall.RawConn
	fetch func(fd uintptr) bool // made once: a closure for each call would be garbage
	n     int
	err   syscall.Errno

	msgs  [atOnce]mmsghdr
	parts [atOnce]syscall.Iovec
	names [atOnce]syscall.RawSockaddrInet6 // as large as any
	extra [atOnce][64]byte                 // control messages
	data  [atOnce][2 * maxPayload]byte
}

// mmsghdr is struct mmsghdr of recvmmsg(2) on 64-bit machines.
type mmsghdr struct {
	msghdr syscall.Msghdr
	n      uint32
	_      [4]byte
}

// newPoller prepares a socket; nil when it must be read by a goroutine.
func newPoller(conn *net.UDPConn) *poller {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	failed := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1)
	})
	if failed != nil || err != nil {
		return nil
	}
	p := &poller{raw: raw}
	for i := range p.msgs {
		p.parts[i].Base = &p.data[i][0]
		p.parts[i].SetLen(len(p.data[i]))
		h := &p.msgs[i].msghdr
		h.Iov, h.Iovlen = &p.parts[i], 1
		h.Name = (*byte)(unsafe.Pointer(&p.names[i]))
		h.Control = &p.extra[i][0]
	}
	p.fetch = func(fd uintptr) bool {
		n, _, errno := syscall.Syscall6(syscall.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&p.msgs[0])), atOnce, syscall.MSG_DONTWAIT, 0, 0)
		p.n, p.err = int(n), errno
		return true // never wait
	}
	return p
}

// poll passes on what waits in the socket. Errors that ICMP brings back (the peer's
// port is closed) take the place of packets and are no reason to stop.
func (p *poller) poll(take func(time.Time, netip.AddrPort, []byte)) {
	for got := 0; got < mostPackets; {
		for i := range p.msgs {
			h := &p.msgs[i].msghdr
			h.Namelen, h.Flags = uint32(unsafe.Sizeof(p.names[i])), 0
			h.SetControllen(len(p.extra[i]))
		}
		if err := p.raw.Read(p.fetch); err != nil {
			return // closed
		}
		switch {
		case p.err == syscall.EAGAIN:
			return
		case p.err != 0:
			got++
			continue
		}
		now := time.Now()
		for i := range p.n {
			take(p.came(i, now), p.from(i), p.data[i][:p.msgs[i].n])
		}
		if p.n < atOnce {
			return
		}
		got += p.n
	}
}

// came is when the kernel received a packet. A clock that was set meanwhile makes it
// unbelievable; then it is now.
func (p *poller) came(i int, now time.Time) time.Time {
	const header = syscall.SizeofCmsghdr
	c := p.extra[i][:min(int(p.msgs[i].msghdr.Controllen), len(p.extra[i]))]
	if len(c) < header+16 || binary.NativeEndian.Uint32(c[8:]) != syscall.SOL_SOCKET || binary.NativeEndian.Uint32(c[12:]) != syscall.SO_TIMESTAMPNS {
		return now
	}
	s := time.Unix(int64(binary.NativeEndian.Uint64(c[header:])), int64(binary.NativeEndian.Uint64(c[header+8:])))
	age := time.Duration(now.UnixNano() - s.UnixNano())
	if age < 0 || age > time.Second {
		return now
	}
	return now.Add(-age)
}

func (p *poller) from(i int) netip.AddrPort {
	n := &p.names[i]
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&n.Port))[:])
	if n.Family == syscall.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*syscall.RawSockaddrInet4)(unsafe.Pointer(n)).Addr), port)
	}
	a := netip.AddrFrom16(n.Addr).Unmap()
	if n.Scope_id != 0 && a.Is6() {
		a = a.WithZone(strconv.Itoa(int(n.Scope_id)))
	}
	return netip.AddrPortFrom(a, port)
}
