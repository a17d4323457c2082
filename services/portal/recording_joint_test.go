package portal

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// pictures are four of VP8, one of each colour, with more or less noise in them, made by the browser's own encoder.
const pictures = `(async (noise) => {
  const out = [];
  const enc = new VideoEncoder({ output: (c) => { const b = new Uint8Array(c.byteLength); c.copyTo(b); out.push(btoa(String.fromCharCode(...b))); }, error: (e) => console.error(e) });
  enc.configure({ codec: "vp8", width: 320, height: 180, bitrate: 20000000 });
  const c = new OffscreenCanvas(320, 180), g = c.getContext("2d");
  for (let i = 0; i < 4; i++) {
    g.fillStyle = "hsl(" + i * 90 + " 60%% 40%%)";
    g.fillRect(0, 0, 320, 180);
    const d = g.getImageData(0, 0, 320, 180);
    for (let j = 0; j < d.data.length; j++) d.data[j] += Math.random() * noise;
    g.putImageData(d, 0, 0);
    const f = new VideoFrame(c, { timestamp: i * 1000 });
    enc.encode(f, { keyFrame: true });
    f.close();
  }
  await enc.flush();
  return out;
})(%d)`

// ebml is an element of a WebM file; all sizes have eight bytes.
func ebml(id uint32, content ...[]byte) []byte {
	var b []byte
	for _, x := range []byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)} {
		if x != 0 || len(b) > 0 {
			b = append(b, x)
		}
	}
	at := len(b)
	b = append(b, make([]byte, 8)...)
	for _, c := range content {
		b = append(b, c...)
	}
	binary.BigEndian.PutUint64(b[at:], 1<<56|uint64(len(b)-at-8))
	return b
}

func uintOf(id uint32, v uint64) []byte { return ebml(id, binary.BigEndian.AppendUint64(nil, v)) }

// webm is a track of so many seconds that can be entered at each of them: pictures, two a second, or silence where there are none.
func webm(seconds int, frames [][]byte) []byte {
	kind, codec, more, perSecond := uint64(2), "A_OPUS", [][]byte{
		ebml(0x63A2, append([]byte("OpusHead"), 1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)),
		ebml(0xE1, ebml(0xB5, binary.BigEndian.AppendUint64(nil, math.Float64bits(48000))), uintOf(0x9F, 2)),
	}, 50
	if len(frames) > 0 {
		kind, codec, perSecond = 1, "V_VP8", 2
		more = [][]byte{ebml(0xE0, uintOf(0xB0, 320), uintOf(0xBA, 180))}
	} else {
		frames = [][]byte{{0xf8, 0xff, 0xfe}} // 20 ms
	}
	entry := append([][]byte{uintOf(0xD7, 1), uintOf(0x73C5, 1), uintOf(0x83, kind), ebml(0x86, []byte(codec))}, more...)
	head := append(ebml(0x1549A966, uintOf(0x2AD7B1, 1e6), ebml(0x4489, binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(seconds)*1000)))),
		ebml(0x1654AE6B, ebml(0xAE, entry...))...)
	var clusters []byte
	var starts []int
	for s := range seconds {
		content := [][]byte{uintOf(0xE7, uint64(s)*1000)}
		for i := range perSecond {
			ms := i * 1000 / perSecond
			content = append(content, ebml(0xA3, append([]byte{0x81, byte(ms >> 8), byte(ms), 0x80}, frames[(s*perSecond+i)%len(frames)]...)))
		}
		starts = append(starts, len(clusters))
		clusters = append(clusters, ebml(0x1F43B675, content...)...)
	}
	cues := func(first int) []byte {
		var points [][]byte
		for s, at := range starts {
			points = append(points, ebml(0xBB, uintOf(0xB3, uint64(s)*1000), ebml(0xB7, uintOf(0xF7, 1), uintOf(0xF1, uint64(first+at)))))
		}
		return ebml(0x1C53BB6B, points...)
	}
	head = append(head, cues(len(head)+len(cues(0)))...)
	return append(ebml(0x1A45DFA3, ebml(0x4282, []byte("webm")), uintOf(0x4287, 4), uintOf(0x4285, 2)), ebml(0x18538067, head, clusters)...)
}

// frames are pictures of VP8 for webm; noise makes them large.
func frames(b *page, noise int) (out [][]byte) {
	b.t.Helper()
	for _, s := range eval[[]string](b, fmt.Sprintf(pictures, noise)) {
		f, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, f)
	}
	if len(out) != 4 || len(out[0]) < 300*noise {
		b.t.Fatalf("%d pictures", len(out))
	}
	return out
}

// met is a recording of half an hour: Bente with a pause and a camera that comes on later; Mette, who was moved to another node and shared
// her screen; Ole, who said no; Ida, who took it back.
func (a *archive) met(b *page, conversation string, began time.Time) {
	b.t.Helper()
	pictures := frames(b, 0)
	track := func(who, name, role, source string, piece, from, seconds int, gaps ...meetingv1.Gap) meetingv1.Track {
		t := meetingv1.Track{
			ID: fmt.Sprintf("%s_%s_x_%d", who, source, piece), ParticipantID: who, Name: name, Role: role, Source: source, Type: "audio/webm; codecs=opus",
			BeganAt: began.Add(time.Duration(from) * time.Second), Millis: int64(seconds) * 1000, Gaps: gaps, Whole: true,
		}
		file := webm(seconds, nil)
		if source == "camera" || source == "screen" {
			t.Type, file = "video/webm; codecs=vp8", webm(seconds, pictures)
		}
		t.Size, a.files[t.ID] = int64(len(file)), file
		return t
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files = map[string][]byte{}
	pause := meetingv1.Gap{From: 700_000, To: 735_000, Reason: meetingv1.GapPaused}
	a.rec.MeetingID, a.rec.BeganAt = conversation, began
	a.rec.Tracks = []meetingv1.Track{
		track("bente", "Bente Holm", meetingv1.RoleCitizen, "camera", 1, 2, 1798, meetingv1.Gap{From: 698_000, To: 733_000, Reason: meetingv1.GapPaused}),
		track("bente", "Bente Holm", meetingv1.RoleCitizen, "microphone", 1, 0, 1800, pause),
		track("bente", "Bente Holm", meetingv1.RoleCitizen, "microphone", 2, 1500, 300), // of the time that the first has, too
		track("mette", "", meetingv1.RoleCaseworker, "microphone", 1, 0, 900, pause),
		track("mette", "", meetingv1.RoleCaseworker, "microphone", 2, 930, 870),
		track("mette", "", meetingv1.RoleCaseworker, "screen", 1, 400, 300),
		{ParticipantID: "ole", Name: "Ole Holm", Role: meetingv1.RoleCompanion, Gaps: []meetingv1.Gap{{Reason: meetingv1.GapDeclined}}},
		{ParticipantID: "ida", Name: "Ida Holm", Role: meetingv1.RoleCitizen, BeganAt: began, WithdrawnAt: began.Add(time.Hour), DeletedAt: began.Add(time.Hour)},
	}
}

// together: so many elements play, at the same time of the meeting but for so many seconds.
func together(n int, apart string) string {
	return fmt.Sprintf(`((live) => live.length === %d && Math.max(...live) - Math.min(...live) < %s)(
		[...document.querySelectorAll("#rp [data-from]")].filter((e) => !e.paused && !e.seeking && e.readyState >= 3).map((e) => e.currentTime + Number(e.dataset.from)))`, n, apart)
}

// More tracks than a browser has connections for a site play together.
func TestRecordingOfManyTracks(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/om")
	a := serveRecording(t, p, nil)
	// So many bytes that no browser reads them ahead.
	file := webm(600, frames(b, 60))
	a.mu.Lock()
	a.files, a.rec.Tracks = map[string][]byte{}, nil
	for who := range 8 {
		id := fmt.Sprintf("p%d", who)
		a.files[id+"_camera_x"] = file
		a.rec.Tracks = append(a.rec.Tracks, meetingv1.Track{
			ID: id + "_camera_x", ParticipantID: id, Name: "Deltager " + id, Role: meetingv1.RoleExpert, Source: "camera", Type: "video/webm; codecs=vp8",
			BeganAt: a.rec.BeganAt, Millis: 600_000, Size: int64(len(file)), Whole: true,
		})
	}
	a.mu.Unlock()
	b.login("mette")
	b.open("/optagelse/" + demoMeeting)
	b.until(`document.documentElement.dataset.ready === "recording"`)
	b.click("#rp-play")
	b.until(together(8, "0.2"))
	b.seekTo(300)
	b.until(together(8, "0.2") + ` && Number(document.getElementById("rp-seek").value) >= 300`)
	b.shot("recording-together-many")
}

func (b *page) seekTo(seconds int) {
	b.t.Helper()
	b.run(chromedp.Evaluate(fmt.Sprintf(`((bar) => { bar.value = %d; bar.dispatchEvent(new Event("input", { bubbles: true })); })(document.getElementById("rp-seek"))`, seconds), nil))
}

// tile is an expression for the tile with a name on it.
func tile(name string) string {
	return `[...document.querySelectorAll(".rp-tile")].find((e) => e.querySelector("figcaption").textContent === "` + name + `")`
}

// All tracks are played as one meeting: in step, with gaps where there are gaps, and the transcript beside them.
func TestRecordingPlaysAsOne(t *testing.T) {
	p := start(t)
	p.fill("x")
	b := chromium(t, p)
	b.open("/om")
	a := serveRecording(t, p, nil)
	p.mu.Lock()
	began := p.convs[0].StartedAt.Add(2 * time.Second) // what is said at 4 s stands at 2 s
	p.mu.Unlock()
	a.met(b, demoConv, began)
	b.login("mette")
	ready := `document.documentElement.dataset.ready === "recording"`
	for _, l := range []string{"en", "da"} {
		b.language(l)
		b.open("/optagelse/" + demoConv)
		b.until(ready)
		b.checked("recording-together-" + l)
	}
	text := eval[string](b, `document.getElementById("rp").innerText`)
	for _, want := range []string{"0:00 af 30:00", "Bente Holm", "Ole Holm", "ville ikke optages", "Slettet: samtykket er trukket tilbage", "Goddag"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the player:\n%s", want, text)
		}
	}
	line := eval[string](b, `document.querySelector(".rp-line[aria-label*='Bente'][aria-label*='Mikrofon']").getAttribute("aria-label")`)
	if line != "Bente Holm, Mikrofon: optaget fra 0:00 til 30:00. optaget fra 25:00 til 30:00. ikke optaget 11:40–12:15: Pause" {
		t.Errorf("the line says %q", line)
	}

	// Two voices, and from the third second on a picture. Whoever falls out of step is brought back.
	b.click("#rp-play")
	b.until(together(3, "0.1"))
	for _, off := range []string{"0.3", "-0.3", "40"} {
		b.run(chromedp.Evaluate(`document.querySelector("#rp video[data-track^=bente]").currentTime += `+off, nil))
		b.until(together(3, "0.1"))
	}
	b.seekTo(410)
	b.until(together(4, "0.2") + ` && document.querySelector(".rp-screen video:not([hidden])")?.videoWidth === 320`)
	b.shot("recording-together-playing")
	stands := `[...document.querySelectorAll("#rp [data-from]")].every((e) => e.paused)`
	b.click("#rp-play")
	b.until(stands + ` && document.getElementById("rp-play").textContent === "Afspil"`)
	b.seekTo(720)
	b.until(tile("Bente Holm") + `.querySelector(".rp-word:not([hidden])")?.textContent === "Pause" && ` + tile("Bente Holm") + `.querySelector("video").hidden`)
	b.seekTo(910)
	b.until(tile("sagsbehandler") + `.querySelector(".rp-word").textContent === "Ikke med nu"`)
	b.seekTo(940) // the second piece of the same voice
	b.click("#rp-play")
	b.until(together(3, "0.2") + ` && !document.querySelector("#rp [data-track=mette_microphone_x_2]").paused && document.querySelector("#rp [data-track=mette_microphone_x_1]").paused`)
	speed := func(s string) {
		b.run(chromedp.Evaluate(`((s) => { s.value = "`+s+`"; s.dispatchEvent(new Event("change")); })(document.getElementById("rp-speed"))`, nil))
	}
	speed("2")
	b.until(together(3, "0.2") + ` && [...document.querySelectorAll("#rp [data-from]")].filter((e) => !e.paused).every((e) => Math.abs(e.playbackRate - 2) < 0.2)`)

	b.seekTo(1510) // two files have this time of the same voice, and one is heard
	b.until(together(3, "0.2") + ` && !document.querySelector("#rp [data-track=bente_microphone_x_2]").paused && document.querySelector("#rp [data-track=bente_microphone_x_1]").paused`)
	speed("1")
	b.seekTo(1000) // far from the end

	b.click(`#rp-people li:first-child button`)
	b.until(`document.querySelector("#rp audio[data-track^=bente]").muted && !document.querySelector("#rp audio[data-track^=mette]").muted && document.querySelector("#rp-people button").getAttribute("aria-pressed") === "true"`)

	// Keys do something in the player, and nowhere else.
	b.tabTo("#rp-back")
	b.key("k")
	b.until(stands)
	b.seekTo(1000)
	b.key("l")
	b.until(`document.getElementById("rp-seek").value === "1010"`)
	b.key("j")
	b.until(`document.getElementById("rp-seek").value === "1000" && document.getElementById("rp-now").textContent === "16:40 af 30:00"`)
	b.tabTo("#rp-seek")
	b.key("k")
	b.until(together(3, "0.2"))
	b.key("k")
	b.until(stands)
	b.tabTo(".bar-home")
	b.key("k")

	// The transcript follows and leads.
	b.click("#rp-captions")
	b.click("#rp-words li:nth-child(2) button")
	b.until(`document.querySelector("#rp-words li:nth-child(2)[aria-current]") !== null && document.getElementById("rp-caption").textContent.length > 12`)
	if !eval[bool](b, stands) {
		t.Error("a key that was pressed outside of the player plays")
	}
	b.axe("a recording in the middle")
	b.seekTo(2)
	b.until(`document.getElementById("rp-caption").textContent.startsWith("Borger: Goddag")`)
	b.shot("recording-together-caption")
	b.width(320, 1600)
	b.run(chromedp.Evaluate(`document.getElementById("rp").scrollIntoView()`, nil))
	b.shot("recording-together-phone")
	b.width(1400, 900)

	b.seekTo(1799)
	b.click("#rp-play")
	b.shows("Optagelsen er slut.")
	b.until(stands)
	b.untilDoing(`document.querySelector("#rp audio[data-track^=bente]").ended`, func() { // whichever came first, its end or the pause
		b.run(chromedp.Evaluate(`document.querySelector("#rp audio[data-track^=bente]").currentTime = 1800`, nil))
	})
	b.click("#rp-play") // from the beginning
	b.until(together(3, "0.2"))

	// One that cannot be played is told; the rest plays, and it too when it can.
	a.mu.Lock()
	camera := a.files["bente_camera_x_1"]
	a.files["bente_camera_x_1"] = []byte(strings.Repeat("x", 100000))
	a.mu.Unlock()
	b.open("/optagelse/" + demoConv)
	b.until(ready)
	b.shows("Bente Holm: Kamera kan ikke afspilles. Resten kan.")
	b.click("#rp-play")
	b.until(together(2, "0.2"))
	a.mu.Lock()
	a.files["bente_camera_x_1"] = camera
	a.mu.Unlock()
	b.until(together(3, "0.2") + ` && document.getElementById("rp-state").textContent === ""`)

	// Without scripts there are the tracks, one by one.
	b.run(emulation.SetScriptExecutionDisabled(true))
	b.open("/optagelse/" + demoConv)
	b.until(`document.getElementById("rp").hidden && document.querySelectorAll(".rec-track audio[controls]").length === 4 && document.querySelector(".rec-track audio").checkVisibility()`)
}
