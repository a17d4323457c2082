package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/seal"
)

// childEnv makes this test binary be bin/standalone, so that a real process is killed.
const childEnv = "SAMTALE_TEST_STANDALONE"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const patience = 4 * time.Minute

// installation is a standalone process on its own data folder and ports; the test
// plays the telephone and the recogniser over its NATS port.
type installation struct {
	t        *testing.T
	env      []string
	data     string
	http     string
	receiver string
	nats     string
	cmd      *exec.Cmd
	out      *output
	bus      *bus.Bus
}

func install(t *testing.T, extra ...string) *installation {
	t.Helper()
	p := freePorts(t, 4)
	i := &installation{t: t, data: filepath.Join(t.TempDir(), "data"), http: p[0], receiver: p[1], nats: p[2]}
	i.env = append(os.Environ(), childEnv+"=1", "SAMTALE_DATA="+i.data, "SAMTALE_HTTP_ADDR="+p[0],
		"SAMTALE_RECEIVER_ADDR="+p[1], "SAMTALE_NATS_LISTEN="+p[2], "SAMTALE_SIP_ADDR="+p[3],
		"SAMTALE_RTP_PORTS=32000-32099", "SAMTALE_DRAIN=1s")
	i.env = append(i.env, extra...)
	i.start()
	t.Cleanup(func() {
		i.kill()
		if t.Failed() {
			t.Logf("standalone printed:\n%s", i.out)
		}
	})
	b, err := bus.Connect("test", bus.Config{URL: "nats://" + i.nats}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	i.bus = b
	t.Cleanup(func() { b.NC.Close() })
	return i
}

// freePorts gives ports below those that the system gives to whoever asks for any: nobody gets them by chance before they are used.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20200+rand.IntN(9000)))
		if err != nil {
			continue
		}
		defer l.Close()
		if out = append(out, l.Addr().String()); len(out) == n {
			return out
		}
	}
	t.Fatal("no ports are free")
	return nil
}

// start launches the process and waits until every service is ready.
func (i *installation) start() {
	i.t.Helper()
	i.out = &output{}
	i.cmd = exec.Command(os.Args[0])
	i.cmd.Env, i.cmd.Stdout, i.cmd.Stderr = i.env, i.out, i.out
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	begin := time.Now()
	if err := i.cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	i.await("the standalone to be ready", func() error { _, err := i.get("http://" + i.http + "/healthz"); return err })
	i.t.Logf("ready after %s", time.Since(begin).Round(10*time.Millisecond))
}

// kill is what a power cut does to the process.
func (i *installation) kill() {
	i.cmd.Process.Kill()
	i.cmd.Wait()
}

func (i *installation) restart() {
	i.t.Helper()
	i.kill()
	i.start()
	i.await("the bus", func() error { return i.bus.Ready(i.t.Context()) })
}

func (i *installation) get(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = fmt.Errorf("%s: %s %s", url, resp.Status, body)
	}
	return string(body), err
}

func (i *installation) await(what string, f func() error) {
	i.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			i.t.Fatalf("waited %s for %s: %v\n%s", patience, what, err, i.out)
		}
	}
}

type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

var caseworker = journalv1.Actor{ID: "mette", Role: "caseworker", Name: "Mette Sørensen", Areas: []string{"borgerservice"}, Purpose: "Test"}

const rate = 16000

// call is one message that a citizen leaves.
type call struct {
	id, leg string
	begin   time.Time
	samples int64
}

func newCall() *call {
	now := time.Now().UTC()
	return &call{id: event.NewID(now), leg: event.NewID(now), begin: now}
}

func (c *call) legs() []callv1.Leg {
	return []callv1.Leg{{ID: c.leg, Role: callv1.RoleCitizen, StartedAt: c.begin}}
}

// patient is for a request on a slow machine.
func (i *installation) patient() context.Context {
	ctx, cancel := context.WithTimeout(i.t.Context(), patience)
	i.t.Cleanup(cancel)
	return ctx
}

// publish publishes an event until it is stored; twice is once.
func (i *installation) publish(m event.Message) {
	i.t.Helper()
	i.await("an event to be stored", func() error { return i.bus.Publish(i.patient(), m) })
}

// ask sends a request until it is answered: on a busy machine a service may refuse it.
func ask[Resp, Req any](i *installation, subject string, r Req) (resp Resp) {
	i.t.Helper()
	i.await("an answer to "+subject, func() (err error) {
		resp, err = bus.Request[Resp](i.patient(), i.bus, subject, r)
		return err
	})
	return resp
}

// speak publishes what phone and speech do when somebody leaves a message.
func (i *installation) speak(c *call, text string) {
	i.t.Helper()
	i.publish(callv1.Started{
		Meta: event.NewMeta("call.v1.started", "phone", c.begin), ConversationID: c.id,
		Channel: callv1.ChannelMessage, ServiceArea: "borgerservice", Legs: c.legs(),
	})
	var body transcriptv1.Body
	for n, w := range strings.Fields(text) {
		body.Words = append(body.Words, transcriptv1.Word{
			ID: fmt.Sprintf("%s-%06d", c.leg[28:], n), Text: w, Start: c.samples, End: c.samples + rate/2, Confidence: 0.9,
			Sentence: n == 0 || strings.HasSuffix(body.Words[n-1].Text, "."),
		})
		c.samples += rate / 2
	}
	ring, err := seal.NewRing(i.bus)
	if err != nil {
		i.t.Fatal(err)
	}
	var sealed []byte
	i.await("a key", func() error {
		sealed, err = seal.JSON(i.patient(), ring, c.id, "body", body)
		return err
	})
	i.publish(transcriptv1.Final{
		Meta: event.NewMeta("transcript.v1.final", "speech", time.Now()), ConversationID: c.id, LegID: c.leg,
		Role: callv1.RoleCitizen, To: c.samples, Engine: "test", Sealed: sealed, Last: true,
		Ledger: []transcriptv1.Range{{End: c.samples, State: transcriptv1.Transcribed}},
	})
}

func (i *installation) hangUp(c *call) {
	i.t.Helper()
	i.publish(callv1.Ended{
		Meta: event.NewMeta("call.v1.ended", "phone", time.Now()), ConversationID: c.id, Channel: callv1.ChannelMessage,
		ServiceArea: "borgerservice", StartedAt: c.begin, Reason: "caller-hangup", Transcribed: true, CallBack: true,
		Legs: []callv1.LegEnd{{Leg: c.legs()[0], Samples: c.samples, Transcribed: true}},
	})
}

func (i *installation) note(c *call) (journalv1.Note, error) {
	return bus.Request[journalv1.Note](i.t.Context(), i.bus, journalv1.NoteSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
}

func (i *installation) awaitNote(c *call, state string) journalv1.Note {
	i.t.Helper()
	var n journalv1.Note
	i.await("the note to be "+state, func() (err error) {
		n, err = i.note(c)
		if err == nil && n.State != state {
			err = fmt.Errorf("it is %s", n.State)
		}
		return err
	})
	return n
}

func (i *installation) approve(n journalv1.Note) {
	i.t.Helper()
	id := n.ID
	i.await("the approval", func() error { // also where only the answer to a step did not come
		n, err := bus.Request[journalv1.Note](i.patient(), i.bus, journalv1.NoteSubject, journalv1.Ref{ID: id, Actor: caseworker})
		for _, s := range n.Sentences {
			if err == nil && n.State == journalv1.NoteDraft && s.Verdict != journalv1.Supported && s.Verdict != journalv1.Confirmed {
				n, err = bus.Request[journalv1.Note](i.patient(), i.bus, journalv1.ConfirmSubject,
					journalv1.ConfirmRequest{NoteID: id, Version: n.Version, SentenceID: s.ID, Reason: "Hørt i samtalen", Actor: caseworker})
			}
		}
		if err == nil && n.State == journalv1.NoteDraft {
			_, err = bus.Request[journalv1.Note](i.patient(), i.bus, journalv1.ApproveSubject,
				journalv1.ApproveRequest{NoteID: id, Version: n.Version, Actor: caseworker})
		}
		return err
	})
}

func (i *installation) delivered() []string {
	i.t.Helper()
	files, err := filepath.Glob(filepath.Join(i.data, "receiver", "*.json"))
	if err != nil {
		i.t.Fatal(err)
	}
	return files
}

const said = "Goddag. Jeg ringer om min boligstøtte. Jeg vil gerne ringes op i morgen."

// TestKill kills the whole process right after each thing that it acknowledged: events
// stored, a choice, an approval. After the restart the work goes on by itself, and the
// case system has the note once.
func TestKill(t *testing.T) {
	i := install(t)
	c := newCall()
	i.speak(c, said)
	choice := consentv1.Choice{
		Meta: event.NewMeta("consent.v1.event.choice", "phone", time.Now()), ConversationID: c.id, Kind: consentv1.Transcription,
		Value: true, Basis: "test", Purpose: "Test", How: consentv1.HowDTMF, Who: "citizen", Language: "da", TextVersion: "test", At: c.begin,
	}
	ask[consentv1.Choice](i, consentv1.ChoiceSubject, choice)
	i.hangUp(c)
	i.restart() // before the workflow has drafted

	n := i.awaitNote(c, journalv1.NoteDraft)
	if len(n.Sentences) == 0 {
		t.Fatal("the draft is empty")
	}
	choices := ask[consentv1.ChoicesReply](i, consentv1.ChoicesSubject, consentv1.ConversationRequest{ConversationID: c.id})
	if len(choices.Choices) == 0 || !choices.Choices[len(choices.Choices)-1].Value {
		t.Fatalf("the choice is gone: %+v", choices)
	}
	tr := ask[journalv1.Transcript](i, journalv1.TranscriptSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
	if tr.Text != said || !tr.Complete {
		t.Fatalf("transcript %q, complete %v", tr.Text, tr.Complete)
	}

	i.approve(n)
	i.restart() // before it was delivered

	n = i.awaitNote(c, journalv1.NoteDelivered)
	if n.Receipt == nil || n.Receipt.ID == "" {
		t.Fatalf("no receipt: %+v", n.Receipt)
	}
	i.restart()
	i.awaitNote(c, journalv1.NoteDelivered)
	if files := i.delivered(); len(files) != 1 {
		t.Fatalf("the case system holds %v", files)
	}
}

// TestErasureSurvives approves with no time to keep: the content is erased also when
// the process is killed on the way.
func TestErasureSurvives(t *testing.T) {
	i := install(t, "SAMTALE_KEEP_AFTER=0s")
	c := newCall()
	i.speak(c, said)
	i.hangUp(c)
	i.approve(i.awaitNote(c, journalv1.NoteDraft))
	i.restart()
	i.await("the erasure", func() error {
		conv, err := bus.Request[journalv1.Conversation](t.Context(), i.bus, journalv1.GetSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
		if err == nil && conv.ErasedAt.IsZero() {
			err = fmt.Errorf("state %s", conv.State)
		}
		return err
	})
	_, err := bus.Request[consentv1.KeyReply](t.Context(), i.bus, consentv1.KeySubject, consentv1.KeyRequest{ConversationID: c.id})
	if err == nil {
		t.Fatal("the key is still there")
	}
}

// TestStop: SIGTERM ends the process with status 0 and lets go of folder and ports.
func TestStop(t *testing.T) {
	i := install(t)
	second := exec.Command(os.Args[0])
	second.Env = i.env
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use") {
		t.Fatalf("a second one on the same folder: %v\n%s", err, out)
	}
	i.await("the welcome with address and people", func() error {
		if !strings.Contains(i.out.String(), "http://"+i.http) || !strings.Contains(i.out.String(), "Mette Sørensen") {
			return errors.New("not printed yet")
		}
		return nil
	})
	i.cmd.Process.Signal(syscall.SIGTERM)
	if err := i.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, i.out)
	}
	var lines []string
	for line := range strings.Lines(i.out.String()) {
		var entry struct{ Level, Engine, Err string }
		// Where the machine is slow Temporal's parts complain about each other as they start, and what waits for something gives up.
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Level == "ERROR" && entry.Engine != "temporal" && !strings.Contains(entry.Err, "deadline exceeded") {
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		t.Errorf("a quiet start and stop logged errors:\n%s", strings.Join(lines, ""))
	}
	i.start()
}
