package portal

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/audiov1"
)

// A question is spoken, corrected and asked.
func TestAskBySpeaking(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.before(`(() => {
		const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		window.microphones = 0;
		navigator.mediaDevices.getUserMedia = (want) => (window.microphones++, real(want));
	})()`)
	b.open("/")
	b.askReady()
	b.run(chromedp.Evaluate(`document.getElementById("q-voice").focus(); document.getElementById("q-voice").click(); document.getElementById("q-voice").click()`, nil, byHand)) // pressed twice it is one recording
	b.until(`document.getElementById("q-voice").textContent.match(/^Stop \((\d+)/)?.[1] <= 14`)                                                                                 // a second was recorded
	b.shot("ask-recording")
	b.run(chromedp.Evaluate(`((e) => e.textContent.startsWith("Stop") && e.click())(document.getElementById("q-voice"))`, nil)) // after 15 s it has ended by itself
	b.until(`document.getElementById("q-field").value === "hvornår skal jeg melde flytning" && document.activeElement.id === "q-field"`)
	b.shows("Ret det, før du spørger.")
	if n := eval[int](b, `window.microphones`); n != 1 {
		t.Errorf("%d recordings were made", n)
	}
	b.axe("heard")
	b.shot("ask-heard")
	p.assistant.mu.Lock()
	if len(p.assistant.asked) != 0 || len(p.assistant.sounds) != 1 || p.assistant.sounds[0] < audiov1.SampleRate/2 {
		t.Errorf("heard %v, asked %+v", p.assistant.sounds, p.assistant.asked)
	}
	p.assistant.mu.Unlock()
	b.click("#q-voice") // it ends by itself after 15 s, however far the test is
	b.until(`document.getElementById("q-voice").textContent.startsWith("Stop")`)
	b.axe("recording")
}

func TestVoiceAPI(t *testing.T) {
	p := start(t)
	sound := func(rate, samples int) string {
		var b bytes.Buffer
		if err := pcm.WriteWAV(&b, rate, make([]int16, samples)); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, body    string
		status, heard int
	}{
		{"as it is", sound(16000, 16000), http.StatusOK, 16000},
		{"other rate", sound(48000, 48000), http.StatusOK, 16000},
		{"telephone", sound(8000, 15*8000), http.StatusOK, 15 * 16000},
		{"no sound", sound(16000, 0), http.StatusBadRequest, 0},
		{"no WAV", "hello", http.StatusBadRequest, 0},
		{"a strange rate", sound(7, 700), http.StatusBadRequest, 0},
		{"too long", sound(48000, 20*48000), http.StatusBadRequest, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.assistant.mu.Lock()
			p.assistant.sounds = nil
			p.assistant.mu.Unlock()
			status, body := read(t, p.do(t, "POST", "/api/v1/ask/voice", "", tt.body))
			if status != tt.status || status != http.StatusOK && !strings.Contains(body, "WAV") {
				t.Fatalf("got %d %s", status, body)
			}
			p.assistant.mu.Lock()
			defer p.assistant.mu.Unlock()
			if tt.heard > 0 && (len(p.assistant.sounds) != 1 || p.assistant.sounds[0] < tt.heard-100 || p.assistant.sounds[0] > tt.heard) {
				t.Errorf("the speech service got %v samples, want about %d", p.assistant.sounds, tt.heard)
			}
		})
	}
}
