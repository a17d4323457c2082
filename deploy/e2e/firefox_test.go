package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// firefox is somebody's Firefox with fake devices, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/): one request at
// a time over one WebSocket.
type firefox struct {
	driven
	conn net.Conn
	tab  string

	mu sync.Mutex
	id int
}

// driven is a browser other than Chromium: what a test does in its page, it does by scripts.
type driven struct {
	s    *system
	run  func(js string) (string, error) // gives what an expression, or its promise, brings, as text
	load func(url string) error
}

// visit opens a page.
func (d driven) visit(url string) error { return d.load(url) }

func (d driven) open(url string) {
	d.s.t.Helper()
	if err := d.visit(url); err != nil {
		d.s.t.Fatalf("%s: %v", url, err)
	}
}

// await polls an expression until it is true.
func (d driven) await(what, js string) {
	d.s.t.Helper()
	d.s.until(what, func() error { return d.holds(js) })
}

// holds evaluates an expression once; nil: it is true.
func (d driven) holds(js string) error {
	got, err := d.run("Boolean(" + js + ")")
	if err == nil && got != "true" {
		err = fmt.Errorf("not yet: %s", js)
	}
	return err
}

func (d driven) do(what, js string) {
	d.s.t.Helper()
	if _, err := d.run(js); err != nil {
		d.s.t.Fatalf("%s: %v", what, err)
	}
}

// preferences: fake devices without asking, sound without a click, Danish, and nothing else that goes to the network.
const preferences = `user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("intl.accept_languages", "da");
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "");
user_pref("toolkit.telemetry.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
`

func newFirefox(s *system) *firefox {
	t := s.t
	t.Helper()
	path := require(t, "firefox-esr")
	profile, err := os.MkdirTemp("", "firefox")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(preferences), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", profile)
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_DISABLE_CONTENT_SANDBOX=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // with the processes of its pages
		cmd.Wait()
		os.RemoveAll(profile)
	})
	f := &firefox{driven: driven{s: s}}
	f.driven.run = f.eval
	f.driven.load = func(url string) error {
		return f.try("browsingContext.navigate", map[string]any{"context": f.tab, "url": url, "wait": "complete"}, nil)
	}
	f.conn = dialFirefox(t, errs)
	t.Cleanup(func() { f.conn.Close() })
	f.ask("session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	var tab struct{ Context string }
	f.ask("browsingContext.create", map[string]any{"type": "tab"}, &tab)
	f.tab = tab.Context
	return f
}

// dialFirefox connects to the address that Firefox says on its standard error.
func dialFirefox(t *testing.T, said io.Reader) net.Conn {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(said)
		for lines.Scan() { // to the end, or Firefox stops at a full pipe
			if _, at, ok := strings.Cut(lines.Text(), "WebDriver BiDi listening on "); ok {
				found <- strings.TrimSpace(at)
			}
		}
	}()
	select {
	case at := <-found:
		ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
		defer cancel()
		conn, _, _, err := ws.Dial(ctx, at+"/session")
		if err != nil {
			t.Fatal(err)
		}
		return conn
	case <-time.After(waitLimit):
		t.Fatal("Firefox does not listen")
	}
	return nil
}

// ask sends a command and waits for its result; events are passed over.
func (f *firefox) ask(method string, params, into any) {
	f.s.t.Helper()
	if err := f.try(method, params, into); err != nil {
		f.s.t.Fatalf("%s: %v", method, err)
	}
}

func (f *firefox) try(method string, params, into any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.id++
	data, err := json.Marshal(map[string]any{"id": f.id, "method": method, "params": params})
	if err != nil {
		return err
	}
	if err := f.conn.SetDeadline(time.Now().Add(waitLimit)); err != nil {
		return err
	}
	if err := wsutil.WriteClientText(f.conn, data); err != nil {
		return err
	}
	for {
		data, err := wsutil.ReadServerText(f.conn)
		if err != nil {
			return err
		}
		var rep struct {
			ID      int
			Type    string
			Error   string
			Message string
			Result  json.RawMessage
		}
		if err := json.Unmarshal(data, &rep); err != nil {
			return err
		}
		switch {
		case rep.ID != f.id:
			continue
		case rep.Type == "error":
			return fmt.Errorf("%s: %s", rep.Error, rep.Message)
		case into == nil:
			return nil
		}
		return json.Unmarshal(rep.Result, into)
	}
}

// click presses what a selector finds, as soon as somebody could.
func (f *firefox) click(selector string) {
	f.s.t.Helper()
	f.await(selector+", to press it", fmt.Sprintf(pressed, fmt.Sprintf("document.querySelector(%q)", selector)))
}

// eval runs an expression in the page, or what its promise brings, as text.
func (f *firefox) eval(js string) (string, error) {
	var rep struct {
		Type             string
		Result           struct{ Value any }
		ExceptionDetails struct{ Text string }
	}
	err := f.try("script.evaluate", map[string]any{
		"expression": js, "target": map[string]any{"context": f.tab}, "awaitPromise": true, "userActivation": true,
	}, &rep)
	if err == nil && rep.Type == "exception" {
		err = fmt.Errorf("script: %s", rep.ExceptionDetails.Text)
	}
	return fmt.Sprint(rep.Result.Value), err
}

// screenshot writes what is on screen to SAMTALE_SCREENSHOTS, when that is set.
func (f *firefox) screenshot(name string) {
	f.s.t.Helper()
	dir := os.Getenv("SAMTALE_SCREENSHOTS")
	if dir == "" {
		return
	}
	var rep struct{ Data []byte }
	f.ask("browsingContext.captureScreenshot", map[string]any{"context": f.tab}, &rep)
	if err := os.WriteFile(filepath.Join(dir, name+".png"), rep.Data, 0o644); err != nil {
		f.s.t.Fatal(err)
	}
}

// collect keeps the page's connections, to ask them for figures; a machine without a sound card gives Firefox no other ear.
const collect = `() => {
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...a) {
      super(...a);
      connections.push(this);
    }
  };
}`

const loudness = `(async () => {
  for (const pc of connections) {
    if (pc.connectionState !== "connected") continue;
    for (const s of (await pc.getStats()).values()) if (s.type === "inbound-rtp" && s.kind === "audio" && s.audioLevel > 0.01) return true;
  }
  return false;
})()`

// ownAddress is one of this machine that is not loopback: Firefox sends no media to those.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback, to which Firefox sends no media")
	return ""
}

// TestFirefox runs where firefox-esr is installed (make tools). A citizen asks a question in Firefox, and then meets somebody with
// Chromium: each hears and sees the other, and what is typed arrives letter by letter.
func TestFirefox(t *testing.T) {
	require(t, "firefox-esr")
	silence := t.TempDir() + "/silence.wav"
	writeWAV(t, silence, make([]int16, 8000))
	s := start(t, "SAMTALE_KNOWLEDGE_STARTER=true", "SAMTALE_MEETING_UDP="+ownAddress(t)+":0")
	citizen := newFirefox(s)
	citizen.open("http://" + s.http + "/")
	citizen.await("the page", `document.documentElement.dataset.ready === "ask"`)
	s.until("the knowledge", func() error { return s.api("editor", "GET", "/api/v1/knowledge/search?q=flytning", nil, nil) })
	citizen.do("ask", `document.getElementById("q-field").value = "Hvornår skal jeg melde flytning?"; document.getElementById("q-field").form.requestSubmit()`)
	citizen.await("the answer", `document.querySelector(".turn-q[id]")?.innerText.includes("5 dage")`)
	citizen.screenshot("firefox-ask")

	link := s.room("citizen")
	host := newBrowser(s, silence)
	host.login("mette", "/moeder")
	host.await("the page of meetings", `document.documentElement.dataset.ready === "meetings"`)
	host.seat(link["caseworker"], hostTone)
	citizen.ask("script.addPreloadScript", map[string]any{"functionDeclaration": collect}, nil)
	citizen.open(link["citizen"])
	citizen.await("the device check", `document.getElementById("m-preview").videoWidth > 0`)
	s.until("the network test", func() error {
		got, err := citizen.eval(netFound)
		if err != nil || strings.Contains(got, "kbit/s") {
			return err
		}
		if got != "" {
			citizen.click("#m-net-again") // a machine may be too slow to connect in time
		}
		return fmt.Errorf("it says: %s", got)
	})
	citizen.screenshot("firefox-check")
	citizen.do("knock", `document.getElementById("m-checked").click(); document.getElementById("m-name").value = "Bente Holm"; document.getElementById("m-knock").click()`)
	host.pressAt("Bente Holm", "Luk ind")
	citizen.await("the room in Firefox", inRoom)
	host.await("the room in Chromium", inRoom)
	s.until("Firefox to hear Chromium", func() error {
		got, err := citizen.eval(loudness)
		if err == nil && got != "true" {
			err = fmt.Errorf("hears nothing")
		}
		return err
	})
	s.until("Chromium to hear Firefox", func() error {
		if got := host.tones(); len(got) != 1 {
			return fmt.Errorf("hears %v", got)
		}
		return nil
	})
	s.until("Chromium's moving picture in Firefox", func() error {
		got, err := citizen.eval(moving)
		var n int
		if err == nil {
			_, err = fmt.Sscan(got, &n)
		}
		if err == nil && n < 20 {
			err = fmt.Errorf("%d points have changed", n)
		}
		return err
	})
	// The fake camera of Firefox shows one colour after the other: its frames are counted.
	frames := `[...document.querySelectorAll("#m-tiles .m-tile")].find((x) => x.innerText.startsWith("Bente"))?.querySelector("video")?.getVideoPlaybackQuality().totalVideoFrames`
	host.await("Firefox's picture in Chromium", frames+" > 0")
	before := host.text("String(" + frames + ")")
	host.await("its next frames", frames+" > "+before)
	citizen.screenshot("firefox-room")
	host.click("#m-b-rtt")
	host.run("write", chromedp.SendKeys("#m-rtt", "kan du læse det"))
	citizen.await("the letters", `[...document.querySelectorAll('#m-captions [data-kind="typed"]')].some((x) => x.innerText.endsWith("kan du læse det"))`)
	citizen.do("leave", `document.getElementById("m-b-leave").click()`)
	citizen.await("to be out", `!document.getElementById("m-over").hidden`)
}
