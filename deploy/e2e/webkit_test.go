package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// webkit is somebody's browser with Safari's engine: WebKitGTK's MiniBrowser with a made-up camera and microphone, driven by WebDriver
// (https://www.w3.org/TR/webdriver2/) over HTTP, one request at a time.
type webkit struct {
	driven
	session string // its address
}

// newWebKit starts one on a screen of its own. Flags are MiniBrowser's.
func newWebKit(s *system, flags ...string) *webkit {
	t := s.t
	t.Helper()
	browsers, err := filepath.Glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
	if err != nil || len(browsers) == 0 {
		t.Fatalf("webkit2gtk-driver is installed without its browser: %v", err)
	}
	home, err := os.MkdirTemp("", "webkit") // not the test's own, which must be empty of what its last processes write
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	addr := freeAddr(t)
	driver := exec.Command("WebKitWebDriver", "--port="+addr[strings.LastIndex(addr, ":")+1:])
	driver.Env = append(os.Environ(), "DISPLAY="+screen(t), "HOME="+home, "XDG_RUNTIME_DIR="+home, "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1")
	driver.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-driver.Process.Pid, syscall.SIGKILL) // with the browser and the processes of its pages
		driver.Wait()
	})
	w := &webkit{driven: driven{s: s}, session: "http://" + addr}
	w.driven.run = w.eval
	w.driven.load = func(url string) error { // an "unknown error" without a message: the engine has crashed, and its session is over
		return w.try("POST", "/url", map[string]any{"url": url}, nil)
	}
	s.until("WebDriver to listen", func() error { return w.try("GET", "/status", nil, nil) })
	var made struct{ SessionID string }
	w.s.until("a browser", func() error {
		return w.try("POST", "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"webkitgtk:browserOptions": map[string]any{
			"binary": browsers[0], "args": append([]string{"--automation", "--enable-mock-capture-devices=true"}, flags...),
		}}}}, &made)
	})
	w.session += "/session/" + made.SessionID
	t.Cleanup(func() { _ = w.try("DELETE", "", nil, nil) }) // it is killed anyhow
	w.ask("POST", "/timeouts", map[string]any{"script": waitLimit.Milliseconds(), "pageLoad": waitLimit.Milliseconds()}, nil)
	w.size(1280, 900)
	return w
}

// screen runs an X server without a screen, and gives its display.
func screen(t *testing.T) string {
	t.Helper()
	said, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1400x1000x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{tell}
	x.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	err = x.Start()
	tell.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // not killed: it takes its lock away
		x.Process.Signal(syscall.SIGTERM)
		x.Wait()
	})
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb does not say its display: %v", err)
	}
	return ":" + strings.TrimSpace(line)
}

func (w *webkit) ask(method, path string, body, into any) {
	w.s.t.Helper()
	if err := w.try(method, path, body, into); err != nil {
		w.s.t.Fatalf("%s %s: %v", method, path, err)
	}
}

func (w *webkit) try(method, path string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, w.session+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Timeout: waitLimit + time.Minute}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var rep struct{ Value json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&rep); err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%d %s", resp.StatusCode, rep.Value)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(rep.Value, into)
}

// eval runs an expression in the page, or what its promise brings, as text.
func (w *webkit) eval(js string) (string, error) {
	var got struct{ Value, Thrown string }
	err := w.try("POST", "/execute/async", map[string]any{"args": []any{}, "script": `const done = arguments[arguments.length - 1];
(async () => (` + js + `))().then((v) => done({ Value: String(v) }), (err) => done({ Thrown: String(err) }));`}, &got)
	if err == nil && got.Thrown != "" {
		err = fmt.Errorf("script: %s", got.Thrown)
	}
	return got.Value, err
}

func (w *webkit) size(width, height int) {
	w.s.t.Helper()
	w.ask("POST", "/window/rect", map[string]any{"x": 0, "y": 0, "width": width, "height": height}, nil)
}

// element waits for what a selector finds.
func (w *webkit) element(selector string) string {
	w.s.t.Helper()
	found := map[string]string{}
	w.s.until(selector, func() error {
		return w.try("POST", "/element", map[string]any{"using": "css selector", "value": selector}, &found)
	})
	for _, id := range found {
		return id
	}
	return ""
}

// click presses the mouse on an element, as a person does.
func (w *webkit) click(selector string) {
	w.s.t.Helper()
	w.s.until(selector+", to press it", func() error { return w.try("POST", "/element/"+w.element(selector)+"/click", map[string]any{}, nil) })
}

// enter is the key, as WebDriver has it.
const enter = "\ue007"

// write types on the keyboard into an element, as soon as it can be written in.
func (w *webkit) write(selector, text string) {
	w.s.t.Helper()
	w.s.until(selector+", to write in it", func() error {
		return w.try("POST", "/element/"+w.element(selector)+"/value", map[string]any{"text": text}, nil)
	})
}

// shows waits until an element shows some words, seen without any script of the page's.
func (w *webkit) shows(selector, words string) {
	w.s.t.Helper()
	w.s.until(words+" in "+selector, func() error {
		var text string
		err := w.try("GET", "/element/"+w.element(selector)+"/text", nil, &text)
		if err == nil && !strings.Contains(text, words) {
			err = fmt.Errorf("it shows %q", text)
		}
		return err
	})
}

// screenshot writes what is on screen to SAMTALE_SCREENSHOTS, when that is set.
func (w *webkit) screenshot(name string) {
	w.s.t.Helper()
	dir := os.Getenv("SAMTALE_SCREENSHOTS")
	if dir == "" {
		return
	}
	_, _ = w.eval("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))") // an older picture would come else
	var png []byte
	w.ask("GET", "/screenshot", nil, &png)
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		w.s.t.Fatal(err)
	}
}

// TestWebKit runs where Safari's engine is installed (make tools). A citizen asks, sees the quote, asks on and goes to a person;
// caseworker and citizen write to each other, the caseworker in Chromium first, then in WebKit, where the note is edited, too. Debian
// builds WebKitGTK without WebRTC: the meeting says so, and lets one write.
func TestWebKit(t *testing.T) {
	for _, tool := range []string{"WebKitWebDriver", "Xvfb"} {
		require(t, tool)
	}
	silence := t.TempDir() + "/silence.wav"
	writeWAV(t, silence, make([]int16, 8000))
	s := start(t, "SAMTALE_KNOWLEDGE_STARTER=true")
	site := "http://" + s.http
	s.until("the knowledge", func() error { return s.api("editor", "GET", "/api/v1/knowledge/search?q=flytning", nil, nil) })
	citizen := newWebKit(s)
	citizen.open(site + "/sprog/da")
	citizen.open(site + "/")
	citizen.await("the page", `document.documentElement.dataset.ready === "ask"`)
	citizen.write("#q-field", "Hvornår skal jeg melde flytning?"+enter)
	citizen.await("the answer", `document.querySelector(".turn-q[id]")?.innerText.includes("5 dage")`)
	citizen.click(".turn-q[id] .cite")
	citizen.await("the quote", `document.activeElement.closest("details[open]") !== null && document.activeElement.getBoundingClientRect().height > 0`)
	citizen.screenshot("webkit-ask")
	citizen.write("#q-field", "Hvad koster et pas?"+enter)
	citizen.await("the second answer", `document.querySelectorAll(".turn-q[id]").length === 2`)
	citizen.click("#q-voice") // the made-up microphone says nothing
	citizen.await("that sound comes", `/Stop \(1[0-4] s\)/.test(document.getElementById("q-voice").textContent) || document.getElementById("q-heard").textContent !== ""`)
	citizen.do("that is enough", `document.getElementById("q-voice").textContent.startsWith("Stop") && document.getElementById("q-voice").click()`)
	citizen.await("what was heard", `document.getElementById("q-heard").textContent !== "" && !document.getElementById("q-voice").disabled`)
	citizen.size(390, 844)
	citizen.await("no more than a telephone's width", `document.documentElement.scrollWidth <= innerWidth`)
	citizen.screenshot("webkit-ask-telephone")
	citizen.size(1280, 900)

	citizen.open(site + "/henvendelse?kanal=chat")
	citizen.await("the summary", `document.getElementById("summary")?.value.length > 10`)
	citizen.click(`[value="chat"]`)
	citizen.click(`[name="ai_note"]`)
	citizen.write("#name", "Bente Holm"+enter)
	citizen.await("the receipt", `document.documentElement.dataset.ready === "inquiry"`)
	citizen.screenshot("webkit-receipt")
	desk := newBrowser(s, silence)
	desk.login("mette", "/desk")
	desk.click(".inq-waiting .item")
	desk.pressUntil("claim", `document.getElementById("inq-claim")`, `!document.getElementById("inq-write").hidden`)
	citizen.await("who has it", `document.getElementById("i-status").dataset.state === "claimed"`)
	desk.run("write", chromedp.SendKeys("#inq-text", "Goddag. Jeg sender dig et skema i morgen."+kb.Enter))
	citizen.await("the caseworker's words", `document.querySelector(".i-msg.caseworker .i-text")?.textContent.includes("skema")`)
	citizen.write("#i-text", "Tak. Jeg flytter den 1. december."+enter)
	desk.await("the citizen's words", `document.querySelector(".msg.citizen .msg-text")?.textContent.includes("1. december")`)
	citizen.screenshot("webkit-chat")
	desk.click("#inq-end")
	desk.click("#ask-dialog[open] #ask-yes")
	conv := s.onlyConversation()
	s.awaitNote(conv)

	worker := newWebKit(s)
	worker.open(site + "/sprog/da")
	worker.open(site + "/desk")
	worker.click(`button[value="mette"]`)
	worker.await("the desk", `document.documentElement.dataset.ready === "desk"`)
	worker.do("load it again", `setTimeout(() => location.reload())`) // Safari refuses locks to a page that goes
	worker.await("the desk again", `document.documentElement.dataset.ready === "desk" && performance.getEntriesByType("navigation")[0].type === "reload"`)
	worker.screenshot("webkit-desk")
	worker.open(site + "/notat/" + conv)
	worker.await("the note", `document.querySelectorAll(".s").length > 0`)
	worker.screenshot("webkit-note")
	worker.open(site + "/moeder")
	worker.await("the page of meetings", `document.documentElement.dataset.ready === "meetings"`)
	worker.screenshot("webkit-meetings")

	link := s.room("citizen")
	host := desk.another()
	host.login("mette", "/moeder")
	host.await("the page of meetings", `document.documentElement.dataset.ready === "meetings"`)
	host.seat(link["caseworker"], hostTone)
	host.await("the room", inRoom)
	citizen.open(link["citizen"])
	if rtc, err := citizen.eval(`typeof RTCPeerConnection`); err != nil || rtc != "undefined" {
		t.Fatalf("WebRTC in WebKit: %s %v: this test takes for granted that there is none", rtc, err)
	}
	citizen.await("that it cannot", `document.getElementById("meeting").dataset.step === "cannot"`)
	citizen.screenshot("webkit-cannot")
	citizen.click("#m-chat-only")
	citizen.write("#m-name", "Bente Holm")
	citizen.click("#m-knock")
	citizen.await("the lobby", `!document.getElementById("m-lobby").hidden`)
	host.pressAt("Bente Holm", "Luk ind")
	citizen.await("the room", `!document.getElementById("m-room").hidden && document.getElementById("meeting").dataset.events === "on"`)
	citizen.write("#m-text", "Jeg kan kun skrive"+enter)
	host.await("what the citizen writes", `document.getElementById("m-chat").innerText.includes("Jeg kan kun skrive")`)
	host.run("answer", chromedp.Evaluate(`document.getElementById("m-panel").hidden && document.getElementById("m-b-chat").click()`, nil), chromedp.SendKeys("#m-text", "Det er helt fint"+kb.Enter))
	citizen.await("the answer", `document.getElementById("m-chat").innerText.includes("Det er helt fint")`)
	citizen.screenshot("webkit-room")
	citizen.click("#m-b-leave")
	citizen.await("to be out", `!document.getElementById("m-over").hidden`)

	plain := newWebKit(s, "--enable-javascript=false")
	plain.open(site + "/sprog/da")
	plain.open(site + "/")
	plain.write("#q-field", "Hvornår skal jeg melde flytning?")
	plain.click("#q-ask")
	plain.shows(".turn-q", "5 dage")
	plain.click(".turn-q .cite")
	plain.shows(".source-text", "5 dage")
	plain.screenshot("webkit-plain")
	plain.open(link["citizen"])
	plain.shows("noscript, .m .alert", "JavaScript")
}
