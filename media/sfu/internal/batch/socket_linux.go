//go:build linux && (amd64 || arm64)

package batch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const canShare = true

// handle is a descriptor and what closes it.
type handle struct {
	fd   int
	file *os.File
}

func newHandle(fd int, name string) handle { return handle{fd, os.NewFile(uintptr(fd), name)} }

func (h handle) close() error {
	if h.file == nil {
		return nil
	}
	return h.file.Close()
}

// sysSocket is two sockets: what receivers ask for and report (RTCP) comes to one of its own, since it may wait a little. The runtime's
// poller knows neither: it would wake the process for each datagram that comes, whether it is waited for or not, and for each that has
// left. It knows an epoll instance, which holds those that are waited for, and a timer.
type sysSocket struct {
	media   handle
	control handle // not where the kernel does not tell them apart
	epoll   handle
	timer   handle
	raw     syscall.RawConn // of media
	ready   syscall.RawConn // of epoll: what the reader uses is open while it reads
	gso     atomic.Bool
}

func (s *sysSocket) open(media, control *net.UDPConn) error {
	err := s.handles(media, control)
	if err == nil {
		s.raw, err = s.media.file.SyscallConn()
	}
	if err == nil {
		s.ready, err = s.epoll.file.SyscallConn()
	}
	for _, h := range []handle{s.media, s.control, s.timer} {
		if err == nil && h.file != nil {
			err = unix.EpollCtl(s.epoll.fd, unix.EPOLL_CTL_ADD, h.fd, &unix.EpollEvent{Events: unix.EPOLLIN})
		}
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	_, err = unix.GetsockoptInt(s.media.fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	s.gso.Store(err == nil)
	return nil
}

func (s *sysSocket) handles(media, control *net.UDPConn) error {
	fd, err := take(media)
	if err != nil {
		return err
	}
	s.media = newHandle(fd, "udp")
	if control != nil {
		if fd, err = take(control); err != nil {
			return err
		}
		s.control = newHandle(fd, "udp")
	}
	if fd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC); err != nil {
		return err
	}
	s.timer = newHandle(fd, "timer")
	if fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	err = unix.SetNonblock(fd, true) // makes the runtime's poller take it
	s.epoll = newHandle(fd, "epoll")
	return err
}

// take makes a connection's socket ours, in blocking mode: what we call says each time that it does not wait.
func take(conn *net.UDPConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	fd := -1
	var failed error
	err = raw.Control(func(orig uintptr) {
		if fd, failed = unix.FcntlInt(orig, unix.F_DUPFD_CLOEXEC, 0); failed == nil {
			failed = unix.SetNonblock(fd, false)
		}
	})
	if err = errors.Join(err, failed, conn.Close()); err != nil && fd >= 0 {
		_ = unix.Close(fd)
	}
	return fd, err
}

// close waits until the reader is out of Read before what it uses is closed.
func (s *sysSocket) close() error {
	return errors.Join(s.epoll.close(), s.timer.close(), s.control.close(), s.media.close())
}

// watch says whether what comes to a socket ends the wait.
func (s *sysSocket) watch(fd int, on bool) {
	e := unix.EpollEvent{}
	if on {
		e.Events = unix.EPOLLIN
	}
	// These two cannot fail.
	_, _, _ = unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(s.epoll.fd), unix.EPOLL_CTL_MOD, uintptr(fd), uintptr(unsafe.Pointer(&e)), 0, 0)
}

// wake ends the wait after some time, which is not 0.
func (s *sysSocket) wake(d time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}
	_, _, _ = unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(s.timer.fd), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

func (s *Socket) segments() bool { return s.sys.gso.Load() }

// listenAll opens n sockets that share an address.
func listenAll(network string, addr *net.UDPAddr, n int) ([]*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var opt error
		err := c.Control(func(fd uintptr) {
			opt = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		return errors.Join(err, opt)
	}}
	var all []*net.UDPConn
	for range n {
		conn, err := lc.ListenPacket(context.Background(), network, addr.String())
		if err != nil {
			closeAll(all)
			return nil, fmt.Errorf("udp: %w", err)
		}
		all = append(all, conn.(*net.UDPConn))
	}
	return all, nil
}

func closeAll(all []*net.UDPConn) {
	for _, c := range all {
		_ = c.Close()
	}
}

// listenShared opens n sockets on one address that share its datagrams by sender.
func listenShared(network string, addr *net.UDPAddr, n int) ([]*Socket, error) {
	conns, err := listenAll(network, addr, 2*n)
	if err != nil {
		return nil, err
	}
	if steer(conns[0], n) != nil {
		closeAll(conns[n:])
		conns = conns[:n]
	}
	var all []*Socket
	for i := range n {
		var control *net.UDPConn
		if len(conns) > n {
			control = conns[n+i]
		}
		s, err := newSocket(conns[i], control, network == "udp6")
		if err != nil {
			closeAll(conns)
			for _, s := range all {
				_ = s.Close()
			}
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// steer makes the kernel give a datagram to one of the first n sockets of a group by its sender, and RTCP (RFC 5761 section 4) to the one
// n further on. The program sees the datagram without headers; the network header lies at SKF_NET_OFF.
func steer(conn *net.UDPConn, n int) error {
	const network = 0xfff00000 // SKF_NET_OFF
	stmt := func(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }
	jump := func(code uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | code, K: k, Jt: yes, Jf: no}
	}
	const byteAt, halfAt, wordAt = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	filter := []unix.SockFilter{
		// M[0] = n for RTCP, 0 for the rest
		stmt(byteAt, 0),
		jump(unix.BPF_JGE, 128, 0, 5),
		jump(unix.BPF_JGE, 192, 4, 0),
		stmt(byteAt, 1),
		jump(unix.BPF_JGE, 192, 0, 2),
		jump(unix.BPF_JGE, 224, 1, 0),
		jump(unix.BPF_JA, 2, 0, 0),
		stmt(unix.BPF_LD|unix.BPF_IMM, 0),
		jump(unix.BPF_JA, 1, 0, 0),
		stmt(unix.BPF_LD|unix.BPF_IMM, uint32(n)),
		stmt(unix.BPF_ST, 0),
		// A = the sender's address and port, in IPv4 or IPv6
		stmt(byteAt, network),
		stmt(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0xf0),
		jump(unix.BPF_JEQ, 0x40, 0, 4),
		stmt(wordAt, network+12),
		stmt(unix.BPF_MISC|unix.BPF_TAX, 0),
		stmt(halfAt, network+20),
		jump(unix.BPF_JA, 3, 0, 0),
		stmt(wordAt, network+20),
		stmt(unix.BPF_MISC|unix.BPF_TAX, 0),
		stmt(halfAt, network+40),
		stmt(unix.BPF_ALU|unix.BPF_ADD|unix.BPF_X, 0),
		// A mod n + M[0]
		stmt(unix.BPF_ALU|unix.BPF_MOD|unix.BPF_K, uint32(n)),
		stmt(unix.BPF_LDX|unix.BPF_MEM, 0),
		stmt(unix.BPF_ALU|unix.BPF_ADD|unix.BPF_X, 0),
		stmt(unix.BPF_RET|unix.BPF_A, 0),
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var opt error
	err = raw.Control(func(fd uintptr) {
		opt = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
			&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
	})
	return errors.Join(err, opt)
}
