package phone

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/process"
)

// TestPhoneProcess is no test: it is the phone service as a process of its own, which
// TestKilledInTheMiddle kills.
func TestPhoneProcess(t *testing.T) {
	if os.Getenv("SAMTALE_TEST_PHONE") == "" {
		t.Skip("only as a child of another test")
	}
	env, err := process.NewEnv(os.Environ(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	env.Metrics, env.Health = prometheus.NewRegistry(), health.New()
	if err := Run(context.Background(), env); err != nil {
		t.Fatal(err)
	}
}

// another starts a second phone service, as a process, on its own address.
func (w *world) another() (sip string, kill func()) {
	w.t.Helper()
	sip = freeAddr(w.t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestPhoneProcess$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "SAMTALE_TEST_PHONE=1", "SAMTALE_NATS_URL="+w.url, "SAMTALE_SIP_ADDR="+sip,
		"SAMTALE_RTP_PORTS=28000-28199", "SAMTALE_DATA="+w.t.TempDir(), "SAMTALE_ANNOUNCEMENTS="+shortWords(w.t))
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	kill = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	w.t.Cleanup(kill)
	return sip, kill
}

// TestKilledInTheMiddle kills the phone service while a message is spoken. What nobody
// had heard is gone, but not unnoticed: the next process tells the end with the
// lengths, from which the journal shows what is lost.
func TestKilledInTheMiddle(t *testing.T) {
	w := start(t)
	w.stop() // the service of the test's own process stays down until the other is dead
	sip, kill := w.another()
	d := w.dialer(dialer.Config{})
	var c *dialer.Call
	w.until("the other process answers", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var err error
		c, err = d.Dial(ctx, dialer.Options{To: "sip:besked@" + sip})
		return err == nil
	})
	id := c.ConversationID
	w.inState(id, callv1.StateMessage)
	c.Loop(tone(440, time.Second))
	w.until("three seconds were spoken", func() bool { return w.loud(callv1.RoleCitizen) > 3 })
	kill()
	killed := time.Now()
	heard := len(w.legOf(id).pcm)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	w.env.Metrics, w.env.Health = prometheus.NewRegistry(), health.New()
	go func() { done <- Run(ctx, w.env) }()
	other := w.startedCall() // a living call stays as it is
	e := w.endOf(id)
	if e.Reason != "lost" || !e.CallBack || !e.Transcribed || len(e.Legs) != 1 || e.Channel != callv1.ChannelMessage {
		t.Fatalf("ended: %+v", e)
	}
	if behind := killed.Sub(e.Time); behind < 0 || behind > 3*time.Second {
		t.Errorf("the end lies %s before the crash", behind)
	}
	if diff := int64(heard) - e.Legs[0].Samples; diff < -16000 || diff > 3*16000 {
		t.Errorf("%d samples are told, %d were heard", e.Legs[0].Samples, heard)
	}
	w.snapshot(other)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("phone: %v", err)
	}
	st, err := w.bus.JS.Stream(t.Context(), callv1.WillStream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := st.Info(t.Context())
	if err != nil || info.State.Msgs != 0 {
		t.Errorf("%d wills are left, %v", info.State.Msgs, err)
	}
}

func (w *world) legOf(id string) heard {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.legs {
		if l.attach.ConversationID == id {
			return *l
		}
	}
	return heard{}
}

// startedCall calls as soon as the service takes calls.
func (w *world) startedCall() string {
	w.t.Helper()
	d := w.dialer(dialer.Config{})
	var c *dialer.Call
	w.until("the service takes calls", func() bool {
		ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
		defer cancel()
		var err error
		c, err = d.Dial(ctx, dialer.Options{To: w.uri(user)})
		return err == nil
	})
	return c.ConversationID
}
