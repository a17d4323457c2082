// Package e2e drives the built programs as their users do: a SIP client calls, a
// browser answers, the API reads, the case system receives. It starts bin/standalone
// with a data folder and ports of its own and touches nothing else.
//
// `make build` first. What needs Chromium, baresip, espeak-ng or PostgreSQL (deploy/scripts/with-postgres.sh)
// is skipped without them, and fails when REQUIRE_INTEGRATION=1.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// waitLimit bounds every wait for a condition; it is generous because the machine
// may be busy, and no test passes or fails by how fast something was.
const waitLimit = 5 * time.Minute

// patience: what ends by itself ends by itself in no test here, for a busy machine would decide when.
var patience = []string{
	"SAMTALE_MESSAGE_SILENCE=5m", "SAMTALE_MESSAGE_MAX=10m", "SAMTALE_QUEUE_OFFER=10m", "SAMTALE_DESK_CONNECT=5m", "SAMTALE_DESK_LOST=1m",
}

func require(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err == nil {
		return path
	}
	if os.Getenv("REQUIRE_INTEGRATION") == "1" {
		t.Fatalf("%s is not installed (make tools)", tool)
	}
	t.Skipf("%s is not installed (make tools)", tool)
	return ""
}

func binary(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatalf("%s is not built (make build)", path)
		}
		t.Skipf("%s is not built (make build)", path)
	}
	return path
}

// system is a running standalone.
type system struct {
	t        *testing.T
	data     string
	http     string // host:port
	sip      string
	receiver string
	env      []string
	cmd      *exec.Cmd
	tokens   map[string]string // by who has it
	log      *logBuffer
	exited   chan struct{}
}

// start runs a standalone on free ports and waits until every service is ready.
func start(t *testing.T, extra ...string) *system {
	t.Helper()
	s := &system{
		t: t, data: t.TempDir(), http: freeAddr(t), sip: freeAddr(t), receiver: freeAddr(t),
	}
	s.env = append(os.Environ(),
		"SAMTALE_DATA="+s.data, "SAMTALE_HTTP_ADDR="+s.http, "SAMTALE_SIP_ADDR="+s.sip,
		"SAMTALE_RECEIVER_ADDR="+s.receiver, "SAMTALE_RTP_PORTS=30000-30199",
		"SAMTALE_KEEP_AFTER=0s", "SAMTALE_DRAIN=1s",
		"SAMTALE_KNOWLEDGE_STARTER=false") // what was said must not be found anywhere afterwards, and the articles are full of words
	s.env = append(append(s.env, patience...), extra...)
	s.launch()
	t.Cleanup(s.stop)
	return s
}

func (s *system) launch() {
	s.t.Helper()
	s.log = &logBuffer{}
	s.cmd = exec.Command(binary(s.t, "standalone"))
	s.cmd.Env = s.env
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan struct{})
	go func() { s.cmd.Wait(); close(s.exited) }()
	s.until("the standalone to be ready", func() error {
		select {
		case <-s.exited:
			s.t.Fatalf("standalone ended early:\n%s", s.log)
		default:
		}
		resp, err := http.Get("http://" + s.http + "/healthz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != 200 {
			body, _ := io.ReadAll(resp.Body)
			return fmt.Errorf("healthz: %d %s", resp.StatusCode, body)
		}
		return nil
	})
}

// kill ends the process as a crash does.
func (s *system) kill() {
	s.cmd.Process.Kill()
	<-s.exited
}

func (s *system) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(waitLimit):
		s.t.Errorf("standalone did not stop within %s of SIGTERM", waitLimit)
		s.kill()
	}
	if s.t.Failed() {
		s.t.Logf("log of the standalone (tail):\n%s", s.log.tail(60))
	}
}

// until polls f until it returns nil.
func (s *system) until(what string, f func() error) {
	s.t.Helper()
	deadline := time.Now().Add(waitLimit)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s for %s: %v\n%s", waitLimit, what, err, s.log.tail(60))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// samtale runs bin/samtale against this system and returns its standard output.
func (s *system) samtale(args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(s.t, "samtale"), args...)
	cmd.Env = s.env
	var out, errb bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errb
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("samtale %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errb.String())
	}
	return strings.TrimSpace(out.String())
}

// token is a token for the API, made once, of a role ("caseworker") or of one person
// of it ("caseworker/mette").
func (s *system) token(who string) string {
	s.t.Helper()
	if s.tokens == nil {
		s.tokens = map[string]string{}
	}
	if s.tokens[who] == "" {
		role, id, _ := strings.Cut(who, "/")
		args := []string{"token", "--role", role}
		if id != "" {
			args = append(args, "--id", id)
		}
		s.tokens[who] = s.samtale(args...)
	}
	return s.tokens[who]
}

// errBusy: a service does not answer, as on a machine that is too slow for it. Asked again, it does.
var errBusy = errors.New("busy")

// api calls the JSON API as somebody (see token). What is only read is asked for again while a service is busy.
func (s *system) api(who, method, path string, body, into any) error {
	s.t.Helper()
	for deadline := time.Now().Add(waitLimit); ; time.Sleep(100 * time.Millisecond) {
		err := s.call(who, method, path, body, into)
		if method != http.MethodGet || !errors.Is(err, errBusy) || time.Now().After(deadline) {
			return err
		}
	}
}

func (s *system) call(who, method, path string, body, into any) error {
	s.t.Helper()
	token := s.token(who)
	var rd io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		rd = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, "http://"+s.http+path, rd)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	switch {
	case resp.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %s %s: %s", errBusy, method, path, data)
	case resp.StatusCode >= 300:
		return fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, data)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}

// speak makes a WAV file of a Danish sentence.
func speak(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "speech.wav")
	out, err := exec.Command(require(t, "espeak-ng"), "-v", "da", "-s", "150", "-w", path, text).CombinedOutput()
	if err != nil {
		t.Fatalf("espeak-ng: %v %s", err, out)
	}
	return path
}

// nextPort counts the ports of this test run: none is given twice, not even before anybody listens on it. Runs beside each other
// begin at other ones.
var nextPort atomic.Int32

// Ports below those that the system gives to whoever asks for any: browsers and servers take many of these all the time.
const (
	firstPort = 20200 // below are telephones' sounds, where nothing else is set
	ports     = 9000
)

func freeAddr(t *testing.T) string {
	t.Helper()
	for range ports {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+(101*os.Getpid()+int(nextPort.Add(1)))%ports)
		if free(addr) {
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// free tells whether nobody has a port, neither for TCP nor for UDP.
func free(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	u.Close()
	return true
}

// found lists the files below dir that hold any of the words, as UTF-8 text. The
// folder of the demo case system is left out: it is where the note was delivered to.
// Files that go while it looks, as those of servers at work do, are gone.
func found(t *testing.T, dir string, words ...string) []string {
	t.Helper()
	var hits []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return gone(err)
		}
		if d.IsDir() {
			if d.Name() == "receiver" {
				return fs.SkipDir
			}
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return gone(err)
		}
		for _, w := range words {
			if bytes.Contains(bytes.ToLower(data), []byte(strings.ToLower(w))) {
				hits = append(hits, path+": "+w)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// logBuffer keeps what a process printed; safe for concurrent use.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) tail(n int) string {
	var lines []string
	sc := bufio.NewScanner(strings.NewReader(l.String()))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		lines = append(lines, sc.Text())
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
