package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"samtale.dk/samtale/services/platform/bus/natsserver"
)

// TestMain lets this test binary be a NATS server that can be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SAMTALE_E2E_NATS_DIR"); dir != "" {
		serveNATS(dir, os.Getenv("SAMTALE_E2E_NATS_PORT"))
		return
	}
	os.Exit(m.Run())
}

func serveNATS(dir, port string) {
	var p int
	fmt.Sscan(port, &p)
	srv, err := natsserver.Start(natsserver.Config{StoreDir: dir, Host: "127.0.0.1", Port: p})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGTERM)
	<-sig
	srv.Stop()
}

// split is Samtale as separate processes, each of which a test can kill -9.
type split struct {
	*system
	parts map[string]*part
	hook  *caseSystem
}

// part is one process; it can be started again with the same arguments.
type part struct {
	args []string
	env  []string
	cmd  *exec.Cmd
	done chan struct{}
}

// startSplit starts NATS, Temporal and every service of a call as processes of their own, and a
// case system inside the test.
func startSplit(t *testing.T, extra ...string) *split {
	t.Helper()
	s := &split{system: &system{t: t, data: t.TempDir(), http: freeAddr(t), sip: freeAddr(t), log: &logBuffer{}}, parts: map[string]*part{}}
	s.hook = newCaseSystem(t)
	natsAddr, temporalAddr := freeAddr(t), freeAddr(t)
	s.env = append(os.Environ(),
		"SAMTALE_DATA="+s.data, "SAMTALE_HTTP_ADDR="+s.http, "SAMTALE_SIP_ADDR="+s.sip,
		"SAMTALE_RTP_PORTS=31000-31199", "SAMTALE_KEEP_AFTER=0s", "SAMTALE_DRAIN=1s",
		"SAMTALE_NATS_URL=nats://"+natsAddr, "SAMTALE_TEMPORAL_ADDR="+temporalAddr,
		"SAMTALE_MASTER_KEY="+strings.Repeat("5a", 32), "SAMTALE_LOG_LEVEL=warn",
		"SAMTALE_DELIVER=webhook="+s.hook.URL+"/notes", "SAMTALE_WEBHOOK_SECRET=delivery-secret-of-the-test")
	s.env = append(append(s.env, patience...), extra...)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(natsAddr, ":")
	s.add("nats", []string{"SAMTALE_E2E_NATS_DIR=" + filepath.Join(s.data, "nats"), "SAMTALE_E2E_NATS_PORT=" + port}, self)
	_, port, _ = strings.Cut(temporalAddr, ":")
	s.add("temporal", nil, binary(t, "temporal-dev"), "--port", port, "--db-folder", filepath.Join(s.data, "temporal"), "--namespace", "samtale")
	for _, name := range []string{"consent", "journal", "worker", "speech", "phone", "portal"} {
		s.add(name, nil, binary(t, "samtale"), name)
	}
	t.Cleanup(s.stopAll)
	s.ready()
	return s
}

func (s *split) add(name string, env []string, args ...string) {
	s.parts[name] = &part{args: args, env: env}
	s.launch(name)
}

func (s *split) launch(name string) {
	s.t.Helper()
	p := s.parts[name]
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Env = append(append([]string{}, s.env...), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = s.log, s.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { cmd.Wait(); close(done) }(p.cmd, p.done)
}

// crash kills a part as a power cut does and starts it again.
func (s *split) crash(name string) {
	s.t.Helper()
	p := s.parts[name]
	p.cmd.Process.Kill()
	<-p.done
	s.launch(name)
}

func (s *split) stopAll() {
	for _, p := range s.parts {
		p.cmd.Process.Kill()
		<-p.done
	}
	if s.t.Failed() {
		s.t.Logf("logs (tail):\n%s", s.log.tail(80))
	}
}

// ready waits until a request through portal, journal and consent is answered.
func (s *split) ready() {
	s.t.Helper()
	s.until("all services to answer", func() error {
		if err := s.api("caseworker", "GET", "/api/v1/conversations", nil, nil); err != nil {
			return err
		}
		if err := s.api("caseworker", "GET", "/api/v1/areas", nil, nil); err != nil {
			return err
		}
		return s.api("caseworker", "GET", "/api/v1/calls", nil, nil)
	})
}

// caseSystem is a case system that fails as told, then takes notes; a note counts as
// taken only when it answered with a receipt.
type caseSystem struct {
	*httptest.Server
	mu     sync.Mutex
	faults []func(http.ResponseWriter) // one per request, then none
	tries  int
	notes  map[string]int // idempotency key → times accepted
}

func newCaseSystem(t *testing.T) *caseSystem {
	c := &caseSystem{notes: map[string]int{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *caseSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var ev struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &ev); err != nil {
		http.Error(w, "not a CloudEvent", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.tries++
	var fault func(http.ResponseWriter)
	if len(c.faults) > 0 {
		fault, c.faults = c.faults[0], c.faults[1:]
	} else {
		c.notes[ev.ID]++
	}
	c.mu.Unlock()
	if fault != nil {
		fault(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"sag-%s","system":"test"}`, ev.ID)
}

func (c *caseSystem) fail(faults ...func(http.ResponseWriter)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = faults
}

func (c *caseSystem) accepted() (notes, tries int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.notes), c.tries
}

// leaveMessage calls and speaks; while the call lasts, during runs beside it.
func (s *split) leaveMessage(wav string, during func()) string {
	s.t.Helper()
	out := make(chan string, 1)
	go func() {
		cmd := exec.Command(binary(s.t, "samtale"), "call", "--to", "sip:besked@"+s.sip, "--wav", wav)
		cmd.Env = s.env
		text, err := cmd.CombinedOutput()
		if err != nil {
			out <- "error: " + err.Error() + " " + string(text)
			return
		}
		out <- firstField(string(text))
	}()
	during()
	select {
	case id := <-out:
		if strings.HasPrefix(id, "error") {
			s.t.Fatal(id)
		}
		return id
	case <-time.After(waitLimit):
		s.t.Fatal("the call did not end")
		return ""
	}
}

// awaitMessage waits until a citizen is speaking a message and some of it is committed, and returns what. A machine may be so slow
// that the call is over before that is seen.
func (s *split) awaitMessage() (conv string, so transcript) {
	s.t.Helper()
	s.until("the message to be spoken", func() error {
		var calls struct {
			Calls []struct {
				ID    string `json:"conversation_id"`
				State string `json:"state"`
			} `json:"calls"`
		}
		if err := s.api("caseworker", "GET", "/api/v1/calls", nil, &calls); err != nil {
			return err
		}
		for _, c := range calls.Calls {
			if c.State == "message" {
				conv = c.ID
			}
		}
		if conv == "" {
			return fmt.Errorf("calls: %+v", calls.Calls)
		}
		so = transcript{}
		if err := s.api("caseworker", "GET", "/api/v1/conversations/"+conv+"/transcript", nil, &so); err != nil {
			return err
		}
		if so.Coverage.Transcribed <= 2 || len(so.Words) == 0 {
			return fmt.Errorf("transcript: %+v", so)
		}
		return nil
	})
	return conv, so
}

// lines are spoken with a pause after each; of the keys of a line at least one is
// heard, or there are words of as many lines. (The recogniser may mishear: where a packet is late on a
// busy machine the sound differs a little each time.) Numbers are left out on purpose:
// digits that could begin a CPR number are held back until they are decided.
var lines = []struct{ text, keys string }{
	{"Goddag. Jeg ringer om min boligstøtte.", "ringer boligstøtte"},
	{"Jeg har sendt min lønseddel i går.", "sendt lønseddel"},
	{"Min husleje er steget.", "husleje steget"},
	{"Jeg bor sammen med min datter.", "bor sammen datter"},
	{"Jeg har ikke hørt fra jer.", "ikke hørt"},
	{"Jeg vil gerne ringes op i morgen.", "gerne ringes morgen"},
}

// checkWords reports what of the lines is missing, and what came twice: whatever is misheard, two words never have the same time,
// and never are all keys of a line there again.
func checkWords(t *testing.T, tr transcript) {
	t.Helper()
	for i := 1; i < len(tr.Words); i++ {
		if a, b := tr.Words[i-1], tr.Words[i]; b.Start < (a.Start+a.End)/2 {
			t.Errorf("%q at %.2f s comes within %q at %.2f to %.2f s", b.Text, b.Start, a.Text, a.Start, a.End)
		}
	}
	stretches := 0 // of speech: there is a pause of two seconds after each line
	said := map[string]int{}
	for i, w := range tr.Words {
		if i == 0 || w.Start > tr.Words[i-1].End+1.2 {
			stretches++
		}
		said[strings.ToLower(strings.Trim(w.Text, ".,?!"))]++
	}
	for _, l := range lines {
		keys, most, least := strings.Fields(l.keys), 0, len(tr.Words)
		for _, k := range keys {
			most, least = max(most, said[k]), min(least, said[k])
		}
		if most == 0 && stretches < len(lines) {
			t.Errorf("nothing of %q in %q, %d stretches of speech, %+v", l.text, tr.Text, stretches, tr.Coverage)
		}
		if least > 1 {
			t.Errorf("%q came %d times in %q", l.text, least, tr.Text)
		}
	}
}

// longMessage makes a WAV file of lines, 8 kHz.
func longMessage(t *testing.T) string {
	t.Helper()
	var all []int16
	for _, line := range lines {
		all = append(append(all, spoken(t, line.text)...), make([]int16, 8000*2)...)
	}
	path := filepath.Join(t.TempDir(), "message.wav")
	writeWAV(t, path, all)
	return path
}

// TestKillDuringCall kills parts in the middle of a spoken message. What was said is all
// there afterwards, once.
func TestKillDuringCall(t *testing.T) {
	wav := longMessage(t)
	s := startSplit(t)
	s.checkMessage(wav, func() {})
	for _, names := range [][]string{{"speech"}, {"journal", "consent"}, {"nats"}, {"temporal", "worker", "portal"}} {
		t.Run(strings.Join(names, " "), func(t *testing.T) {
			s.t = t
			s.checkMessage(wav, func() {
				s.awaitMessage()
				for _, name := range names {
					s.crash(name)
				}
			})
		})
	}
	s.t = t
}

// checkMessage leaves a message and holds what was taken down against what was said.
func (s *split) checkMessage(wav string, during func()) {
	s.t.Helper()
	spoken, err := os.Stat(wav)
	if err != nil {
		s.t.Fatal(err)
	}
	got := s.hear(wav, during)
	c := got.Coverage
	if length := float64(spoken.Size()) / 2 / 8000; c.Captured < length-0.5 {
		s.t.Errorf("captured %.2f s of %.2f s", c.Captured, length)
	}
	if c.Lost > 0 || math.Abs(c.Captured-c.Transcribed-c.Silence) > 0.05 {
		s.t.Errorf("lost, or there twice: %+v", c)
	}
	checkWords(s.t, got)
}

// hear leaves a message and returns its complete transcript.
func (s *split) hear(wav string, during func()) transcript {
	s.t.Helper()
	conv := s.leaveMessage(wav, during)
	s.awaitNote(conv)
	var tr struct {
		transcript
		Complete bool `json:"complete"`
	}
	s.until("the whole transcript", func() error {
		if err := s.api("caseworker", "GET", "/api/v1/conversations/"+conv+"/transcript", nil, &tr); err != nil {
			return err
		}
		if !tr.Complete {
			return fmt.Errorf("not complete")
		}
		return nil
	})
	return tr.transcript
}

// TestKillBeforeReceipt approves a note while the case system fails in every way and
// the journal and the worker are killed; the note arrives, once.
func TestKillBeforeReceipt(t *testing.T) {
	wav := speak(t, "Goddag. Jeg ringer om min boligstøtte. Jeg vil gerne ringes op i morgen.")
	s := startSplit(t)
	conv := s.leaveMessage(wav, func() {})
	n := s.awaitNote(conv)
	s.hook.fail(
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, // took it, then the line broke
		func(w http.ResponseWriter) { fmt.Fprint(w, "not JSON") },
	)
	s.approve(n)
	s.until("a first try", func() error {
		if _, tries := s.hook.accepted(); tries == 0 {
			return fmt.Errorf("none yet")
		}
		return nil
	})
	s.crash("journal")
	s.crash("worker")
	s.awaitErased(conv)
	if notes, tries := s.hook.accepted(); notes != 1 || tries < 4 {
		t.Errorf("case system took %d different notes in %d tries, want 1 in at least 4", notes, tries)
	}
}

// TestKillPhone kills the gateway itself: the call is gone, but the conversation ends
// by itself and what was committed becomes a note.
func TestKillPhone(t *testing.T) {
	wav := longMessage(t)
	s := startSplit(t)
	caller := exec.Command(binary(t, "samtale"), "call", "--to", "sip:besked@"+s.sip, "--wav", wav)
	caller.Env = s.env
	if err := caller.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { caller.Process.Kill(); caller.Wait() })
	conv, before := s.awaitMessage()
	s.crash("phone")
	n := s.awaitNote(conv)
	var tr transcript
	if err := s.api("caseworker", "GET", "/api/v1/conversations/"+conv+"/transcript", nil, &tr); err != nil {
		t.Fatal(err)
	}
	if n := len(before.Words); len(tr.Words) < n || !slices.Equal(tr.Words[:n], before.Words) {
		t.Errorf("%q was committed before the crash, and now is there: %q", before.Text, tr.Text)
	}
	s.approve(n)
	s.awaitErased(conv)
	// The new process takes calls.
	s.hear(wav, func() {})
}
