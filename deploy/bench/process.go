package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// waitLimit bounds every wait for a condition. Nothing is judged by it.
const waitLimit = 90 * time.Second

// process is one that is measured, or that another one needs.
type process struct {
	name string
	cmd  *exec.Cmd
	log  *logTail
	done chan struct{}
}

func startProcess(env []string, path string, args ...string) (*process, error) {
	p := &process{name: filepath.Base(path), cmd: exec.Command(path, args...), log: &logTail{}, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = dieWithUs()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (make build?): %w", path, err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }() // how it ended shows in its log
	return p, nil
}

// stop ends it as an operator does; kill as a crash does.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it is gone
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.kill()
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only when it is gone
	<-p.done
}

// until polls f every interval until it returns nil.
func (p *process) until(ctx context.Context, what string, interval time.Duration, f func() error) error {
	deadline := time.Now().Add(waitLimit)
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before %s:\n%s", p.name, what, p.log)
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %s for %s: %w\n%s", waitLimit, what, err, p.log)
		}
		if err := pause(ctx, interval); err != nil {
			return err
		}
	}
}

// usage of a process so far. It is read from /proc, so only on Linux.
type usage struct {
	CPU time.Duration
	RSS int64 // bytes
}

// ticksPerSecond of /proc/PID/stat: USER_HZ is 100 on every architecture that Go runs on.
const ticksPerSecond = 100

var errNoProc = errors.New("needs Linux's /proc")

func (p *process) usage() (usage, error) {
	dir := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return usage{}, fmt.Errorf("%w: %w", errNoProc, err)
	}
	// Fields count from behind the name in parentheses, which may hold anything.
	_, rest, ok := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	if !ok || len(f) < 22 {
		return usage{}, fmt.Errorf("%w: unknown form of %s/stat", errNoProc, dir)
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	pages, err3 := strconv.ParseInt(f[21], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return usage{}, fmt.Errorf("%w: %w", errNoProc, err)
	}
	return usage{
		CPU: time.Duration(user+system) * time.Second / ticksPerSecond,
		RSS: pages * int64(os.Getpagesize()),
	}, nil
}

// freeAddr is an address on which nobody listens at the moment.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// freeAddrs fills in addresses.
func freeAddrs(addrs ...*string) error {
	for _, a := range addrs {
		var err error
		if *a, err = freeAddr(); err != nil {
			return err
		}
	}
	return nil
}

// logTail keeps the end of what a process printed.
type logTail struct {
	mu sync.Mutex
	b  []byte
}

func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	if over := len(l.b) - 16<<10; over > 0 {
		l.b = append(l.b[:0], l.b[over:]...)
	}
	return len(p), nil
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.TrimSpace(l.b))
}

// engines are NATS and Temporal as processes of their own: bin/standalone -engines.
type engines struct {
	*process
	natsAddr, temporalAddr string
}

func (b *bench) startEngines(ctx context.Context, data string) (*engines, error) {
	e := &engines{}
	if err := freeAddrs(&e.natsAddr, &e.temporalAddr); err != nil {
		return nil, err
	}
	var err error
	e.process, err = startProcess([]string{
		"SAMTALE_DATA=" + data, "SAMTALE_NATS_LISTEN=" + e.natsAddr, "SAMTALE_TEMPORAL_LISTEN=" + e.temporalAddr,
	}, filepath.Join(b.bin, "standalone"), "-engines")
	if err != nil {
		return nil, err
	}
	err = e.until(ctx, "NATS and Temporal", 50*time.Millisecond, func() error {
		for _, addr := range []string{e.natsAddr, e.temporalAddr} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				return err
			}
			c.Close()
		}
		return nil
	})
	if err != nil {
		e.kill()
		return nil, err
	}
	return e, nil
}
