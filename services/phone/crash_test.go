package phone

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/platform/bus"
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
		"SAMTALE_RTP_PORTS="+ownPorts(), "SAMTALE_DATA="+w.t.TempDir(), "SAMTALE_ANNOUNCEMENTS="+shortWords(w.t),
		"SAMTALE_MESSAGE_SILENCE=5m", "SAMTALE_MESSAGE_MAX=10m")
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
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var err error
		c, err = d.Dial(ctx, dialer.Options{To: "sip:besked@" + sip})
		return err == nil
	})
	id := c.ConversationID
	wills := w.wills(id)
	c.Loop(tone(440, time.Second))
	w.inState(id, callv1.StateMessage)
	w.until("three seconds were spoken", func() bool { return w.loud(callv1.RoleCitizen) > 3 })
	var will callv1.Ended
	w.until("the will tells of them", func() bool {
		select {
		case will = <-wills:
		default:
		}
		return len(will.Legs) == 1 && will.Legs[0].Samples > 3*pcm.Rate && will.CallBack
	})
	kill()
	killed := time.Now()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	w.env.Metrics, w.env.Health = prometheus.NewRegistry(), health.New()
	go func() { done <- Run(ctx, w.env) }()
	w.ready()
	other := w.call(w.dialer(dialer.Config{}), user) // a living call stays as it is
	e := w.endOf(id)
	if e.Reason != "lost" || !e.CallBack || !e.Transcribed || len(e.Legs) != 1 || e.Channel != callv1.ChannelMessage {
		t.Fatalf("ended: %+v", e)
	}
	if e.Time.Before(will.Time) || e.Time.After(killed) {
		t.Errorf("the end lies at %s, the last that was known at %s, the crash at %s", e.Time, will.Time, killed)
	}
	leg := e.Legs[0]
	if most := pcm.Samples(killed.Sub(leg.StartedAt)+time.Second, pcm.Rate); leg.Samples < will.Legs[0].Samples || leg.Samples > most {
		t.Errorf("%d samples are told, %d were known, and there cannot have been more than %d", leg.Samples, will.Legs[0].Samples, most)
	}
	select {
	case <-other.Ended():
		t.Errorf("a living call was ended: %s", other.Reason())
	default:
		w.snapshot(other.ConversationID)
	}
	st, err := w.bus.JS.Stream(t.Context(), callv1.WillStream)
	if err != nil {
		t.Fatal(err)
	}
	w.until("the will is executed, which is after the end is told", func() bool {
		_, err := st.GetLastMsgForSubject(t.Context(), callv1.WillSubject(id))
		return errors.Is(err, jetstream.ErrMsgNotFound)
	})
	cancel()
	if err := <-done; err != nil {
		t.Errorf("phone: %v", err)
	}
	info, err := st.Info(t.Context())
	if err != nil || info.State.Msgs != 0 {
		t.Errorf("%d wills are left, %v", info.State.Msgs, err)
	}
}

// wills follows the will of a call.
func (w *world) wills(id string) <-chan callv1.Ended {
	w.t.Helper()
	out := make(chan callv1.Ended, 1000)
	_, err := bus.Listen(w.bus, callv1.WillSubject(id), func(_ context.Context, e callv1.Ended) { out <- e })
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}
