package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
)

// citizen is a real SIP telephone (baresip) whose microphone plays files and whose
// ear is written to a file.
type citizen struct {
	t    *testing.T
	dir  string
	ctl  net.Conn
	done chan struct{}
}

const baresipConfig = `poll_method epoll
sip_listen 127.0.0.1:0
audio_player aubridge,nil
audio_source aufile,%[1]s/silence.wav
audio_alert aubridge,nil
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
module_path %[2]s
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen %[3]s
snd_path %[1]s/heard
net_interface 127.0.0.1
rtp_ports 41000-41999
`

// citizens counts telephones: each has a number of its own.
var citizens atomic.Int32

// newCitizen starts a telephone.
func newCitizen(t *testing.T) *citizen {
	t.Helper()
	bin := require(t, "baresip")
	c := &citizen{t: t, dir: t.TempDir(), done: make(chan struct{})}
	modules, _ := filepath.Glob("/usr/lib/*/baresip/modules")
	modules = append(modules, "/usr/lib/baresip/modules")
	addr := freeAddr(t)
	c.write("config", fmt.Appendf(nil, baresipConfig, c.dir, modules[0], addr))
	c.write("accounts", fmt.Appendf(nil, "<sip:borger-%d-x@127.0.0.1>;regint=0;audio_codecs=PCMA\n", citizens.Add(1)))
	c.wav("silence.wav", make([]int16, 8000*600))
	if err := os.Mkdir(filepath.Join(c.dir, "heard"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-f", c.dir)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { cmd.Wait(); close(c.done) }()
	t.Cleanup(func() {
		if c.ctl != nil {
			c.ctl.Close()
		}
		cmd.Process.Kill()
		<-c.done
	})
	poll(t, "baresip's control port", func() error {
		conn, err := net.Dial("tcp", addr)
		c.ctl = conn
		return err
	})
	go io.Copy(io.Discard, c.ctl)
	return c
}

func (c *citizen) write(name string, data []byte) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), data, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *citizen) wav(name string, samples []int16) {
	c.t.Helper()
	writeWAV(c.t, filepath.Join(c.dir, name), samples)
}

// writeWAV writes 8 kHz mono samples.
func writeWAV(t *testing.T, path string, samples []int16) {
	t.Helper()
	var b bytes.Buffer
	if err := pcm.WriteWAV(&b, 8000, samples); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// command is sent as a netstring with JSON (baresip's ctrl_tcp).
func (c *citizen) command(name, params string) {
	c.t.Helper()
	data, err := json.Marshal(map[string]string{"command": name, "params": params})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c.ctl, "%d:%s,", len(data), data); err != nil {
		c.t.Fatal(err)
	}
}

func (c *citizen) call(uri string)      { c.command("dial", uri) }
func (c *citizen) press(digit string)   { c.command("sndcode", digit) }
func (c *citizen) playFile(name string) { c.command("ausrc", "aufile,"+filepath.Join(c.dir, name)) }

// say speaks a text; the microphone is silent afterwards.
func (c *citizen) say(text string) {
	c.t.Helper()
	samples := append(spoken(c.t, text), make([]int16, 8000*300)...)
	c.wav("speech.wav", samples)
	c.playFile("speech.wav")
}

// heard returns what came out of the telephone so far, 8 kHz.
func (c *citizen) heard() []int16 {
	files, _ := filepath.Glob(filepath.Join(c.dir, "heard", "*-dec.wav"))
	if len(files) == 0 {
		return nil
	}
	data, err := os.ReadFile(files[0])
	if err != nil || len(data) < 44 {
		return nil
	}
	var out []int16 // the header is completed when the file is closed: read past it
	for i := 44; i+1 < len(data); i += 2 {
		out = append(out, int16(uint16(data[i])|uint16(data[i+1])<<8))
	}
	return out
}

// spoken is a Danish text as 8 kHz samples.
func spoken(t *testing.T, text string) []int16 {
	t.Helper()
	f, err := os.Open(speak(t, text))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := pcm.ReadWAV(f, 60*48000)
	if err != nil {
		t.Fatal(err)
	}
	c := resample.New(w.Rate, 8000)
	out := make([]int16, c.Len(len(w.Samples)))
	return out[:c.Process(out, w.Samples)]
}

// poll waits for a condition outside of a system.
func poll(t *testing.T, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(waitLimit)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s: %v", waitLimit, what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// energy is the share of 20 ms frames that hold sound.
func energy(samples []int16) (frames int) {
	for len(samples) >= 160 {
		var sum float64
		for _, v := range samples[:160] {
			sum += float64(v) * float64(v)
		}
		if sum/160 > 300*300 {
			frames++
		}
		samples = samples[160:]
	}
	return frames
}
