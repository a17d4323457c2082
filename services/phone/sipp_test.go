package phone

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
)

// tool finds a program that a test needs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("REQUIRE_INTEGRATION") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

// sipp runs a scenario from testdata to its end.
func (w *world) sipp(scenario, user string, args ...string) {
	w.t.Helper()
	w.sippAside(scenario, user, args...)()
}

// sippAside starts a scenario; what it returns waits for its end.
func (w *world) sippAside(scenario, user string, args ...string) (wait func()) {
	w.t.Helper()
	path := tool(w.t, "sipp")
	file, err := filepath.Abs(filepath.Join("testdata", "sipp", scenario+".xml"))
	if err != nil {
		w.t.Fatal(err)
	}
	all := append([]string{
		w.sip, "-sf", file, "-s", user, "-i", "127.0.0.1", "-mi", "127.0.0.1",
		"-nostdin", "-timeout", "300", "-timeout_error", "-trace_err", "-error_file", "/dev/stderr",
		"-max_retrans", "20", // a busy machine answers later than after the five to seven that are tried else
	}, args...)
	cmd := exec.Command(path, all...)
	cmd.Dir = w.t.TempDir()
	w.alaw(filepath.Join(cmd.Dir, "call.al"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	over := sync.OnceValue(cmd.Wait)
	t := w.t
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = over()
		if t.Failed() {
			t.Logf("sipp %s:\n%s", scenario, out.Bytes()[:min(out.Len(), 8000)])
		}
	})
	return func() {
		t.Helper()
		if err := over(); err != nil {
			t.Fatalf("sipp %s: %v", scenario, err)
		}
	}
}

// alaw writes 3 s of a tone without a header.
func (w *world) alaw(path string) {
	s := tone(440, 3*time.Second)
	c := resample.New(pcm.Rate, 8000)
	narrow := make([]int16, c.Len(len(s)))
	narrow = narrow[:c.Process(narrow, s)]
	b := make([]byte, len(narrow))
	g711.EncodeALaw(b, narrow)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func TestSIPpHoldAndRefresh(t *testing.T) {
	w := start(t)
	for _, transport := range []string{"u1", "t1"} {
		for _, s := range []string{"hold", "refresh"} {
			t.Run(s+" "+transport, func(t *testing.T) {
				w.t = t
				w.sipp(s, user, "-m", "1", "-t", transport)
			})
		}
	}
}

func TestSIPpBlindTransfer(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	over := w.sippAside("refer", user, "-m", "1")
	var id string
	w.until("call waits", func() bool {
		l, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{})
		if err != nil || len(l.Calls) != 1 || l.Calls[0].State != callv1.StateWaiting {
			return false
		}
		id = l.Calls[0].ConversationID
		return true
	})
	newBrowser(t).answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	w.control(id, "anna", callv1.ActionTransfer, "sip:kollega@127.0.0.1:9")
	if e := w.endOf(id); e.Reason != "transferred" {
		t.Errorf("ended: %+v", e)
	}
	over()
}

func TestSIPpAttendedTransfer(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	third := make(chan *dialer.Call, 1)
	colleague := w.dialer(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { third <- c }})
	over := w.sippAside("replaces", user, "-m", "1")
	var id string
	w.until("call waits", func() bool {
		l, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{})
		if err != nil || len(l.Calls) != 1 || l.Calls[0].State != callv1.StateWaiting {
			return false
		}
		id = l.Calls[0].ConversationID
		return true
	})
	newBrowser(t).answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	w.control(id, "anna", callv1.ActionConsult, "sip:kollega@"+colleague.Addr())
	k := <-third
	w.until("the colleague has answered", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, c := range w.changed[id] {
			if c.Reason == "consult-answered" {
				return true
			}
		}
		return false
	})
	w.control(id, "anna", callv1.ActionComplete, "")
	if e := w.endOf(id); e.Reason != "transferred" {
		t.Errorf("ended: %+v", e)
	}
	<-k.Ended()
	over()
}

func TestSIPp200Calls(t *testing.T) {
	w := start(t, "SAMTALE_SIP_RATE=1000", "SAMTALE_SIP_BURST=1000", "SAMTALE_RTP_PORTS=25000-25999")
	w.sipp("call", user, "-m", "200", "-r", "40", "-l", "60")
	w.until("200 calls have ended", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.ended) == 200 })
	w.until("no call is left", func() bool {
		l, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{})
		return err == nil && len(l.Calls) == 0
	})
}

// TestSIPpCallsWithMedia: many talk at once, each until a second of it was heard.
func TestSIPpCallsWithMedia(t *testing.T) {
	const calls = 20
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_SIP_RATE=1000", "SAMTALE_SIP_BURST=1000", "SAMTALE_RTP_PORTS=26000-26999")
	over := w.sippAside("media", "besked", "-m", strconv.Itoa(calls), "-r", "25", "-l", strconv.Itoa(calls), "-mp", freeMedia(t))
	w.until("each is heard", func() bool { return len(w.heardCalls()) == calls })
	ids := w.heardCalls()
	for _, id := range ids {
		w.onTheWeb(id, false, time.Now()) // ends the message
	}
	for _, id := range ids {
		e := w.endOf(id)
		if e.Reason != "message-left" || !e.CallBack || len(e.Legs) != 1 {
			t.Errorf("ended: %+v", e)
			continue
		}
		w.complete(e.Legs[0])
	}
	over()
}

// freeMedia is a port for sipp's sound, which uses the next ones, too, and gives up when one is taken.
func freeMedia(t *testing.T) string {
	t.Helper()
	for range 200 {
		port := 27000 + int((uint32(os.Getpid())*37+nextPort.Add(1))%500*4)
		free := true
		for i := range 4 {
			pc, err := net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(port+i))
			if err != nil {
				free = false
				break
			}
			pc.Close()
		}
		if free {
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no free port")
	return ""
}

// heardCalls are the conversations with a leg of which more than a second is loud.
func (w *world) heardCalls() (ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.legs {
		if l.seconds() > 1 {
			ids = append(ids, l.attach.ConversationID)
		}
	}
	return ids
}

func TestBaresip(t *testing.T) {
	path := tool(t, "baresip")
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "say.wav"))
	if err != nil {
		t.Fatal(err)
	}
	s := tone(440, 3*time.Minute) // longer than the test is patient
	narrow := make([]int16, len(s))
	narrow = narrow[:resample.New(pcm.Rate, 8000).Process(narrow, s)]
	if err := pcm.WriteWAV(f, 8000, narrow); err != nil {
		t.Fatal(err)
	}
	f.Close()
	config := "sip_listen 127.0.0.1:0\nrtp_ports 29000-29999\nnet_interface 127.0.0.1\naudio_player aufile," + dir + "/heard.wav\n" +
		"audio_source aufile," + dir + "/say.wav\naudio_alert aufile,/dev/null\nausrc_srate 8000\nauplay_srate 8000\nmodule_path " + modulePath() +
		"\nmodule g711.so\nmodule aufile.so\nmodule_app account.so\nmodule_app menu.so\nmodule_tmp uuid.so\n"
	for name, text := range map[string]string{
		"config": config, "accounts": "<sip:baresip@127.0.0.1>;regint=0;audio_codecs=PCMA\n", "contacts": "", "uuid": "1",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "-f", dir, "-e", "/dial "+w.uri("besked"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	w.until("a second of baresip's tone is heard", func() bool { return len(w.heardCalls()) == 1 })
	id := w.heardCalls()[0]
	w.onTheWeb(id, false, time.Now()) // ends the message
	if e := w.endOf(id); len(e.Legs) != 1 || e.Reason != "message-left" {
		t.Fatalf("ended: %+v\n%s", e, out.String())
	}
}

// modulePath is where Debian keeps baresip's modules.
func modulePath() string { return "/usr/lib/baresip/modules" }
