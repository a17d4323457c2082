package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Everybody in the room sounds of a tone of their own, so that it can be told who is heard by whom.
const (
	hostTone     = 468.75 // each in the middle of a line of the spectrum
	citizenTone  = 937.5
	helperTone   = 1406.25
	devicesOfTab = `(() => {
  navigator.mediaDevices.getUserMedia = async (want) => {
    const out = new MediaStream();
    if (want.audio) {
      const ctx = new AudioContext(), osc = ctx.createOscillator(), quiet = ctx.createGain(), to = ctx.createMediaStreamDestination();
      osc.frequency.value = %g;
      quiet.gain.value = 0.3;
      osc.connect(quiet).connect(to);
      osc.start();
      out.addTrack(to.stream.getAudioTracks()[0]);
    }
    if (want.video) {
      const c = document.createElement("canvas"), draw = c.getContext("2d");
      [c.width, c.height] = [160, 90];
      let n = 0;
      setInterval(() => {
        draw.fillStyle = "#234";
        draw.fillRect(0, 0, 160, 90);
        draw.fillStyle = "#fc6";
        draw.fillRect((n++ * 16) %% 160, 20, 40, 50);
      }, 200);
      out.addTrack(c.captureStream(5).getVideoTracks()[0]);
    }
    return out;
  };
})()`
	// tonesHeard tells, by name, the loudest tone that comes from each of the others.
	tonesHeard = `(async () => {
  globalThis.ear ??= new AudioContext();
  const sounds = [...document.querySelectorAll("#m-tiles .m-tile")].map((tile) => [tile.innerText.split(" · ")[0].split(" (")[0], tile.querySelector("audio")?.srcObject]).filter(([, s]) => s);
  const ears = sounds.map(([name, s]) => {
    const an = ear.createAnalyser();
    an.fftSize = 4096;
    an.smoothingTimeConstant = 0;
    const from = ear.createMediaStreamSource(s);
    from.connect(an);
    return [name, an, from];
  });
  await new Promise((ok) => setTimeout(ok, 400));
  return JSON.stringify(ears.map(([name, an, from]) => {
    const lines = new Float32Array(an.frequencyBinCount);
    an.getFloatFrequencyData(lines);
    const top = lines.indexOf(Math.max(...lines));
    from.disconnect();
    return { name, hz: (top * ear.sampleRate) / an.fftSize, db: Math.max(-200, lines[top]) };
  }).filter((x) => x.db > -70));
})()`
)

// tones listens to the others: their tones, rounded.
func (b *browser) tones() []int {
	b.s.t.Helper()
	var out string
	b.run("listen", chromedp.Evaluate(tonesHeard, &out, awaitPromise))
	var heard []struct{ HZ float64 }
	if err := json.Unmarshal([]byte(out), &heard); err != nil {
		b.s.t.Fatal(err)
	}
	var list []int
	for _, h := range heard {
		list = append(list, int(math.Round(h.HZ/100)))
	}
	slices.Sort(list)
	return list
}

// hearsOnly waits until these tones are heard from the others, and no others.
func (b *browser) hearsOnly(what string, tones ...float64) {
	b.s.t.Helper()
	var want []int
	for _, tone := range tones {
		want = append(want, int(math.Round(tone/100)))
	}
	slices.Sort(want)
	b.s.until(what, func() error {
		if got := b.tones(); !slices.Equal(got, want) {
			return fmt.Errorf("hears %v, want %v (hundreds of Hz)", got, want)
		}
		return nil
	})
}

// seat opens a link with a camera and a microphone of its own.
func (b *browser) seat(link string, tone float64) {
	b.s.t.Helper()
	script := fmt.Sprintf(devicesOfTab, tone)
	b.run("devices", chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
		return err
	}))
	b.run("open the link", chromedp.Navigate(link))
	b.await("the page", `document.documentElement.dataset.ready === "meeting"`)
}

// knocks goes from the device check into the lobby.
func (b *browser) knocks(name string) {
	b.s.t.Helper()
	b.click("#m-checked")
	b.run("a name", chromedp.SetValue("#m-name", name))
	b.knock()
}

// knock goes into the lobby.
func (b *browser) knock() {
	b.s.t.Helper()
	b.pressUntil("to knock", `document.getElementById("m-knock")`, `document.getElementById("meeting").dataset.step !== "info"`)
}

// endForAll ends the meeting that the browser's person leads.
func (b *browser) endForAll() {
	b.s.t.Helper()
	b.pressUntil("end for all", `(globalThis.confirm = () => true, document.getElementById("m-b-end"))`, `!document.getElementById("m-over").hidden`)
}

const inRoom = `!document.getElementById("m-room").hidden && document.getElementById("meeting").dataset.in === "connected" && document.getElementById("meeting").dataset.out === "connected"`

// pressAt presses a button that the host has beside somebody's name, and that goes by it.
func (b *browser) pressAt(name, button string) {
	b.s.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll("#m-people li")].find((x) => x.innerText.includes(%q))?.querySelectorAll("button")`, name)
	js := fmt.Sprintf(`[...(%s ?? [])].find((x) => x.innerText === %q)`, find, button)
	b.pressUntil(button+" at "+name, js, "!"+js)
}

// axe waits until axe-core finds nothing on the page: while something appears, its colours are not yet what they become.
func (b *browser) axe(name string) {
	b.s.t.Helper()
	src, err := os.ReadFile("../../node_modules/axe-core/axe.min.js")
	if err != nil {
		b.s.t.Fatal(err)
	}
	b.s.until(name+" without what axe finds", func() error {
		var found string
		b.run("axe", chromedp.Evaluate(string(src), nil),
			chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) => v.id + " (" + v.help + "): " + v.nodes.map((n) => n.html.slice(0, 150))).join("\n"))`, &found, awaitPromise))
		if found != "" {
			return errors.New(found)
		}
		return nil
	})
}

// offline takes the network away from the page's requests, or gives it back.
func (b *browser) offline(yes bool) {
	b.s.t.Helper()
	b.run("network", network.EmulateNetworkConditions(yes, 0, -1, -1))
}

// TestRoom is a meeting of three as they live it: who is heard and seen by whom, a shared screen, real-time text and its delay, the
// side room, moderation, a page that is loaded again, a network that goes, a server that is killed, a locked room, a telephone's
// width, and the end.
func TestRoom(t *testing.T) {
	silence := t.TempDir() + "/silence.wav"
	writeWAV(t, silence, make([]int16, 8000))
	media, settings := newCable(t)
	s := start(t, settings...)
	link := s.room("citizen", "interpreter", "companion")
	host := newBrowser(s, silence)
	citizen, helper, late := host.another(), host.another(), host.another()
	host.login("mette", "/moeder")
	host.await("the page of meetings", `document.documentElement.dataset.ready === "meetings"`)
	host.seat(link["caseworker"], hostTone)
	host.await("the room", inRoom)
	citizen.seat(link["citizen"], citizenTone)
	citizen.knocks("Bente Holm")
	helper.seat(link["interpreter"], helperTone)
	helper.knocks("Amira Tolk")
	for _, name := range []string{"Bente Holm", "Amira Tolk"} {
		host.pressAt(name, "Luk ind")
	}
	all := map[string]*browser{"host": host, "citizen": citizen, "helper": helper}
	others := map[string][]float64{"host": {citizenTone, helperTone}, "citizen": {hostTone, helperTone}, "helper": {hostTone, citizenTone}}
	everybody := func(when string) {
		t.Helper()
		for who, b := range all {
			b.await(who+" in the room "+when, inRoom)
			b.hearsOnly("the "+who+" to hear the others "+when, others[who]...)
		}
	}
	everybody("at the start")
	for who, b := range all {
		s.until("the others' moving picture at the "+who, func() error {
			if n := b.sees(); n < 20 {
				return fmt.Errorf("%d points have changed", n)
			}
			return nil
		})
	}
	host.axe("the host's room")
	citizen.axe("the citizen's room")
	host.screenshot("room-host")

	// A shared screen is one more picture, and goes again.
	host.click("#m-b-screen")
	citizen.await("the shared screen", `document.querySelector("#m-tiles .m-tile.screen video")?.videoWidth > 0`)
	citizen.screenshot("room-screen")
	citizen.axe("a shared screen")
	host.await("that it is shared", `document.getElementById("m-b-screen").getAttribute("aria-pressed") === "true"`)
	host.click("#m-b-screen")
	citizen.await("the screen to go", `!document.querySelector("#m-tiles .m-tile.screen")`)

	realTimeText(t, citizen, host)

	// What is said in the side room is not heard by the citizen.
	host.click("#m-b-side")
	host.hearsOnly("the host to hear the interpreter alone", helperTone)
	helper.hearsOnly("the interpreter to hear the host alone", hostTone)
	citizen.hearsOnly("the citizen to hear nobody")
	host.await("that it is the side room", `document.getElementById("m-b-side").getAttribute("aria-pressed") === "true"`)
	host.click("#m-b-side")
	everybody("after the side room")

	// The host mutes; only oneself opens one's microphone again; what was closed is closed when the page is loaded again.
	host.pressAt("Bente Holm", "Slå lyd fra")
	helper.hearsOnly("the citizen to be muted", hostTone)
	const closed = `document.getElementById("m-b-mic").getAttribute("aria-pressed") === "false"`
	citizen.await("the citizen to see it", closed)
	citizen.reload()
	citizen.await("the room again", inRoom)
	helper.hearsOnly("the citizen to be muted still", hostTone)
	citizen.await("the closed microphone", closed)
	citizen.run("speak again, by keyboard", chromedp.Focus("#m-b-mic"), chromedp.KeyEvent(kb.Enter))
	everybody("after the reload")

	// The network goes and comes back: nobody's media arrives, and the citizen's page reaches nothing either. What a page says of it
	// goes whenever it tries again.
	for _, b := range all {
		b.run("watch", chromedp.Evaluate(`globalThis.told = false; new MutationObserver(() => {
  told ||= document.getElementById("meeting").dataset.in !== "connected" && document.getElementById("m-notice").textContent !== "";
}).observe(document.body, { attributes: true, childList: true, subtree: true, characterData: true })`, nil))
	}
	media.out.Store(true)
	citizen.offline(true)
	for who, b := range all {
		b.await("the page of the "+who+" to say so", "told")
	}
	citizen.screenshot("room-cut")
	media.out.Store(false)
	citizen.offline(false)
	began := time.Now()
	everybody("after the network came back")
	t.Logf("after the network came back everybody is heard in %s", time.Since(began).Round(100*time.Millisecond))

	// The server is killed.
	s.kill()
	s.launch()
	began = time.Now()
	everybody("after the server was killed")
	t.Logf("after the server is ready again everybody is heard in %s", time.Since(began).Round(100*time.Millisecond))

	// On a telephone.
	citizen.run("turn to a telephone", chromedp.EmulateViewport(390, 844))
	citizen.await("no more than its width", `document.documentElement.scrollWidth <= 390`)
	citizen.axe("the room on a telephone")
	citizen.screenshot("room-telephone")

	// Locked, nobody else comes; removed, one is out.
	host.click("#m-b-lock")
	host.await("the room to be locked", `document.getElementById("m-b-lock").getAttribute("aria-pressed") === "true"`)
	late.seat(link["companion"], helperTone)
	late.click("#m-checked")
	late.run("a name", chromedp.SetValue("#m-name", "Ole Sent"))
	late.click("#m-knock")
	late.await("the closed door", `!document.getElementById("m-problem").hidden && document.getElementById("m-problem").textContent.length > 10`)
	late.screenshot("room-locked")
	host.pressAt("Amira Tolk", "Tag ud af mødet")
	helper.await("to be out", `!document.getElementById("m-over").hidden`)
	citizen.hearsOnly("the interpreter to be gone", hostTone)
	host.endForAll()
	for _, b := range []*browser{host, citizen} {
		b.await("the end", `!document.getElementById("m-over").hidden`)
		b.axe("the end")
	}
}

// realTimeText types letter by letter and measures, on the one clock that both pages have, how long each takes to the other's page.
func realTimeText(t *testing.T, from, to *browser) {
	t.Helper()
	const text = "jeg hører dårligt"
	to.run("watch", chromedp.Evaluate(`globalThis.came = []; new MutationObserver(() => {
  const line = document.querySelector('#m-captions [data-kind="typed"].live:last-of-type span')?.textContent ?? "";
  while (came.length < line.length) came.push(Date.now());
}).observe(document.getElementById("m-captions"), { childList: true, subtree: true, characterData: true })`, nil))
	from.click("#m-b-rtt")
	from.run("write", chromedp.Evaluate(`globalThis.went = []; document.getElementById("m-rtt").addEventListener("input", () => went.push(Date.now()), { capture: true })`, nil),
		chromedp.SendKeys("#m-rtt", text))
	to.await("every letter", fmt.Sprintf(`came.length === %d && [...document.querySelectorAll('#m-captions [data-kind="typed"]')].some((x) => x.innerText.endsWith(%q))`, len([]rune(text)), text))
	var went, came []int64
	from.run("when they went", chromedp.Evaluate(`went`, &went))
	to.run("when they came", chromedp.Evaluate(`came`, &came))
	if len(went) != len(came) {
		t.Fatalf("%d letters went, %d came", len(went), len(came))
	}
	var took []int64
	for i := range went {
		took = append(took, came[i]-went[i])
	}
	slices.Sort(took)
	t.Logf("real-time text: %d letters, half of them within %d ms, the slowest in %d ms", len(took), took[len(took)/2], took[len(took)-1])
	if !strings.HasSuffix(to.text(`document.getElementById("m-captions").innerText`), text) {
		t.Errorf("the text is not the last line")
	}
}
