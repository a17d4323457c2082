//go:build linux && (amd64 || arm64)

package batch

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// encode writes sockaddr_in or sockaddr_in6.
func (d *Dest) encode(v6 bool) {
	a := d.Addr.Addr().Unmap()
	if !v6 {
		if !a.Is4() {
			return
		}
		binary.NativeEndian.PutUint16(d.sa[0:], unix.AF_INET)
		binary.BigEndian.PutUint16(d.sa[2:], d.Addr.Port())
		ip := a.As4()
		copy(d.sa[4:], ip[:])
		d.n = unix.SizeofSockaddrInet4
		return
	}
	binary.NativeEndian.PutUint16(d.sa[0:], unix.AF_INET6)
	binary.BigEndian.PutUint16(d.sa[2:], d.Addr.Port())
	ip := a.As16()
	copy(d.sa[8:], ip[:])
	d.n = unix.SizeofSockaddrInet6
}

func decode(sa []byte) netip.AddrPort {
	port := binary.BigEndian.Uint16(sa[2:])
	if binary.NativeEndian.Uint16(sa) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(sa[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(sa[8:24])).Unmap(), port)
}

// mmsghdr is struct mmsghdr of a 64-bit Linux.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// The calls below are raw: none of them blocks, and the runtime, told of each, would wake its monitoring thread for every datagram
// that finds the process idle. That was a third of the cost of forwarding. What goes out by one call is bounded, so that a processor
// of the runtime is never held for long.

// Reader takes datagrams from a socket. It belongs to one goroutine.
type Reader struct {
	sys  *sysSocket
	hdrs [readSlots]mmsghdr
	iovs [readSlots]unix.Iovec
	sas  [readSlots][28]byte
	bufs [readSlots][Size + 1]byte // one more shows that a datagram was cut
	idle func()
	try  func(uintptr) bool
	n    int
	err  error

	pace  pace
	now   time.Time // of this turn
	turns bool      // media is looked for first, since RTCP was found: neither keeps the other back
	held  bool      // RTCP is not waited for
	asked time.Time // it was looked for
	alarm time.Time // ends the wait
}

// NewReader makes the reader of a socket. It calls idle when nothing more is there, before it waits.
func (s *Socket) NewReader(idle func()) *Reader {
	r := &Reader{sys: &s.sys, idle: idle}
	for i := range r.hdrs {
		r.iovs[i].Base = &r.bufs[i][0]
		r.iovs[i].SetLen(len(r.bufs[i]))
		r.hdrs[i].hdr.Iov = &r.iovs[i]
		r.hdrs[i].hdr.SetIovlen(1)
		r.hdrs[i].hdr.Name = &r.sas[i][0]
		r.hdrs[i].hdr.Namelen = uint32(len(r.sas[i]))
	}
	r.try = r.turn
	return r
}

// Read waits until something comes and takes all that is there, at most as many as it has room for. The result is how many.
func (r *Reader) Read() (int, error) {
	if err := r.sys.ready.Read(r.try); err != nil {
		return 0, fmt.Errorf("udp: %w", net.ErrClosed)
	}
	return r.n, r.err
}

// turn looks for datagrams; false: wait. What comes to a socket that is waited for, after it was found empty here, ends the wait.
func (r *Reader) turn(uintptr) bool {
	r.now = time.Now()
	if !r.turns && r.reports() {
		r.turns = true
		return true
	}
	if r.recv(r.sys.media.fd) {
		r.turns = false
		r.pace.media += r.senders()
		return true
	}
	if r.turns && r.reports() {
		return true
	}
	r.turns = false
	r.idle()
	r.wait()
	return false
}

// reports looks for RTCP if it is time to.
func (r *Reader) reports() bool {
	if r.sys.control.file == nil || r.held && r.now.Sub(r.asked) < controlEvery {
		return false
	}
	found := r.recv(r.sys.control.fd)
	if r.n < readSlots { // otherwise there may be more
		r.asked = r.now
	}
	if !found {
		return false
	}
	r.pace.control += r.senders()
	return true
}

// wait sets what ends the wait.
func (r *Reader) wait() {
	if held := r.pace.next(r.now); held != r.held {
		r.held = held
		r.sys.watch(r.sys.control.fd, !held)
	}
	if at := r.asked.Add(controlPause); r.held && at != r.alarm {
		r.alarm = at
		r.sys.wake(max(at.Sub(r.now), leastPause))
	}
}

// senders is how often the sender changes in what was read: how often the process would have been woken for it.
func (r *Reader) senders() int {
	n := 1
	for i := 1; i < r.n; i++ {
		if r.sas[i] != r.sas[i-1] {
			n++
		}
	}
	return n
}

// recv reports whether there was anything, or an error.
func (r *Reader) recv(fd int) bool {
	for i := range r.n { // those that were used
		r.hdrs[i].hdr.Namelen = uint32(len(r.sas[i]))
	}
	r.n, r.err = 0, nil
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.hdrs[0])), readSlots, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			r.n = int(n)
			return true
		case unix.EINTR, unix.ECONNREFUSED:
		case unix.EAGAIN:
			return false
		default:
			r.err = errno
			return true
		}
	}
}

// Datagram is one of those that the last Read took; nil if it was too long. The bytes may be changed and are valid until the next.
func (r *Reader) Datagram(i int) ([]byte, netip.AddrPort) {
	n := int(r.hdrs[i].n)
	if n > Size {
		return nil, netip.AddrPort{}
	}
	return r.bufs[i][:n:Size], decode(r.sas[i][:])
}

// cmsg is a control message that says how long the segments are.
type cmsg struct {
	hdr  unix.Cmsghdr
	size uint16
	_    [6]byte
}

type sysWriter struct {
	hdrs  []mmsghdr
	iovs  []unix.Iovec
	cmsgs []cmsg
	try   func(fd uintptr) bool
	next  int
	total int
}

func (sw *sysWriter) init(w *Writer, slots int) {
	sw.hdrs = make([]mmsghdr, slots)
	sw.iovs = make([]unix.Iovec, slots)
	sw.cmsgs = make([]cmsg, slots)
	for i := range sw.cmsgs {
		sw.cmsgs[i].hdr.Level = unix.SOL_UDP
		sw.cmsgs[i].hdr.Type = unix.UDP_SEGMENT
		sw.cmsgs[i].hdr.SetLen(unix.CmsgLen(2))
	}
	sw.try = w.sendmmsg
}

func (w *Writer) send() {
	iov := 0
	for i := range w.groups {
		g := &w.groups[i]
		h := &w.sys.hdrs[i].hdr
		h.Name, h.Namelen = &g.to.sa[0], g.to.n
		h.Iov = &w.sys.iovs[iov]
		h.SetIovlen(g.count)
		for at := g.first; at >= 0; at = w.slots[at].next {
			w.sys.iovs[iov].Base = &w.slots[at].buf[0]
			w.sys.iovs[iov].SetLen(w.slots[at].n)
			iov++
		}
		h.Control = nil
		h.SetControllen(0)
		if g.count > 1 {
			w.sys.cmsgs[i].size = uint16(g.size)
			h.Control = (*byte)(unsafe.Pointer(&w.sys.cmsgs[i]))
			h.SetControllen(unix.CmsgSpace(2))
		}
	}
	w.sys.next, w.sys.total = 0, len(w.groups)
	if err := w.sock.sys.raw.Write(w.sys.try); err != nil {
		w.counts.Errors += uint64(w.sys.total - w.sys.next)
	}
}

// maxGroups go out by one call: some 0.2 ms.
const maxGroups = 64

func (w *Writer) sendmmsg(fd uintptr) bool {
	sw := &w.sys
	for sw.next < sw.total {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&sw.hdrs[sw.next])),
			uintptr(min(sw.total-sw.next, maxGroups)), unix.MSG_DONTWAIT, 0, 0)
		w.counts.Calls++
		switch {
		case errno == 0:
			for range n {
				w.counts.Datagrams += uint64(w.groups[sw.next].count)
				sw.next++
			}
		case errno == unix.EINTR:
		case errno == unix.EIO && w.groups[sw.next].count > 1:
			// The interface cannot checksum segments: never again; this group is lost.
			w.sock.sys.gso.Store(false)
			w.skip()
		case errno == unix.EAGAIN:
			for sw.next < sw.total {
				w.skip()
			}
		default:
			w.skip()
		}
	}
	return true
}

func (w *Writer) skip() {
	w.counts.Errors += uint64(w.groups[w.sys.next].count)
	w.sys.next++
}
