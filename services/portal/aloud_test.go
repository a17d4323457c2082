package portal

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/audiov1"
)

// An answer is read aloud by the authority's voice, where the device has none: every sentence, once; it can be stopped, and what goes
// wrong is said.
func TestReadAloud(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	b.ask("Hvornår skal jeg melde flytning?")
	if eval[bool](b, `"speechSynthesis" in window && speechSynthesis.getVoices().some((v) => v.localService && v.lang.startsWith("da"))`) {
		t.Skip("this browser has a Danish voice of its own")
	}
	b.click(".read-aloud")
	wait(t, func() bool {
		p.assistant.mu.Lock()
		defer p.assistant.mu.Unlock()
		return len(p.assistant.said) >= 2
	})
	b.until(`document.querySelector(".read-aloud").textContent === "Læs højt"`)
	want := []audiov1.SayRequest{
		{Text: "Du skal melde flytning senest 5 dage efter, at du er flyttet.", Language: "da"}, {Text: "Du kan tidligst gøre det 4 uger før.", Language: "da"},
	}
	p.assistant.mu.Lock()
	if diff := cmp.Diff(want, p.assistant.said); diff != "" {
		t.Error(diff)
	}
	p.assistant.drawl = true
	p.assistant.mu.Unlock()
	b.click(".read-aloud")
	b.until(`document.querySelector(".read-aloud").textContent === "Stop oplæsning"`)
	b.axe("reading")
	b.click(".read-aloud")
	b.until(`document.querySelector(".read-aloud").textContent === "Læs højt"`)
	p.assistant.mu.Lock()
	p.assistant.mumble = true
	p.assistant.mu.Unlock()
	b.click(".read-aloud")
	b.until(`document.querySelector(".read-aloud").textContent.startsWith("Det kunne ikke læses op")`)
}

const twoQuestions = "Hvordan melder jeg flytning, og hvornår kan jeg melde flytning?"

// The question above the second of two answers is read before it, by the authority's voice.
func TestReadAloudTheSecondQuestion(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	b.ask(twoQuestions)
	if eval[bool](b, `"speechSynthesis" in window && speechSynthesis.getVoices().some((v) => v.localService && v.lang.startsWith("da"))`) {
		t.Skip("this browser has a Danish voice of its own")
	}
	b.click(".read-aloud")
	wait(t, func() bool {
		p.assistant.mu.Lock()
		defer p.assistant.mu.Unlock()
		return slices.ContainsFunc(p.assistant.said, func(r audiov1.SayRequest) bool { return strings.HasPrefix(r.Text, "hvornår kan") })
	})
	b.until(`document.querySelector(".read-aloud").textContent === "Læs højt"`)
}

// The device's own voices read it too: each passage in its language, where there is a voice for it.
func TestDeviceReadsTheSecondQuestion(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	eval[bool](b, `window.heard = []; window.voices = ["da-DK", "en-GB"];
		speechSynthesis.getVoices = () => voices.map((lang) => ({ localService: true, lang }));
		speechSynthesis.speak = (u) => { heard.push(u.lang + " " + u.voice.lang + " " + u.text); queueMicrotask(() => u.onend?.()); };
		window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } }; true`)
	b.ask(twoQuestions)
	for _, tt := range []struct{ voices, want string }{
		{`["da-DK", "en-GB"]`, "en-GB en-GB hvornår kan"}, {`["da-DK"]`, "da-DK da-DK hvornår kan"},
	} {
		eval[bool](b, `heard = []; voices = `+tt.voices+`; document.querySelector(".said-also").lang = "en"; true`)
		b.click(".read-aloud")
		b.until(`heard.length === 3 && document.querySelector(".read-aloud").textContent === "Læs højt"`)
		heard := eval[[]string](b, `heard`)
		if !strings.HasPrefix(heard[0], "da-DK da-DK Du bruger") || !strings.HasPrefix(heard[1], tt.want) || !strings.HasPrefix(heard[2], "da-DK da-DK Du kan") {
			t.Errorf("%s: %q", tt.voices, heard)
		}
	}
}

// Only what the session holds is spoken.
func TestAloudAPI(t *testing.T) {
	p := start(t)
	long := strings.Repeat("Kommunen svarer dig. ", 20) // 420 bytes: three pieces
	p.assistant.mu.Lock()
	danish := quote("Du bruger MitID.")
	p.assistant.sessions["min"] = []assistantv1.Answer{
		{ID: "a1", Language: "da", Sentences: []assistantv1.Sentence{{ID: "1", Text: "Meld flytning."}, {ID: "2", Text: long}}},
		{ID: "a3", Language: "da", Sentences: []assistantv1.Sentence{{ID: "1", Text: "Meld flytning.", List: 1, Number: 3}, {ID: "2", Text: "Tidligst 4 uger før.", Question: "hvornår?"}}},
		{ID: "a4", Language: "en", Sentences: []assistantv1.Sentence{{ID: "1", Text: danish.Quote, Question: "how?", Evidence: []assistantv1.Evidence{danish}}}},
	}
	p.assistant.mu.Unlock()
	get := func(session, path string) (int, string, http.Header) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", p.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Samtale-Session", session)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		status, body := read(t, res)
		return status, body, res.Header
	}
	for name, tt := range map[string]struct {
		session, path string
		status        int
		samples       int
	}{
		"a sentence":       {"min", "/api/v1/ask/a1/speech?sentence=0", 200, 1600},
		"a long one":       {"min", "/api/v1/ask/a1/speech?sentence=1", 200, 3 * 1600},
		"a step":           {"min", "/api/v1/ask/a3/speech?sentence=0", 200, 1600},
		"its question":     {"min", "/api/v1/ask/a3/speech?sentence=1", 200, 1600 + 8000 + 1600},
		"no voice for it":  {"min", "/api/v1/ask/a4/speech?sentence=0", 200, 1600 + 8000 + 1600},
		"one too many":     {"min", "/api/v1/ask/a1/speech?sentence=2", 404, 0},
		"before the first": {"min", "/api/v1/ask/a1/speech?sentence=-1", 404, 0},
		"none named":       {"min", "/api/v1/ask/a1/speech", 404, 0},
		"another answer":   {"min", "/api/v1/ask/a2/speech?sentence=0", 404, 0},
		"another session":  {"din", "/api/v1/ask/a1/speech?sentence=0", 404, 0},
	} {
		status, body, header := get(tt.session, tt.path)
		if status != tt.status {
			t.Errorf("%s: %d %s", name, status, body)
			continue
		}
		if status != http.StatusOK {
			continue
		}
		w, err := pcm.ReadWAV(strings.NewReader(body), 1<<20)
		if err != nil || w.Rate != audiov1.SampleRate || len(w.Samples) != tt.samples || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d samples at %d, %v", name, len(w.Samples), w.Rate, err)
		}
	}
	for _, r := range []audiov1.SayRequest{{Text: "hvornår?", Language: "da"}, {Text: "how?", Language: "da"}, {Text: "3: Meld flytning.", Language: "da"}} {
		p.assistant.mu.Lock()
		if !slices.Contains(p.assistant.said, r) {
			t.Errorf("%+v is not said: %+v", r, p.assistant.said)
		}
		p.assistant.mu.Unlock()
	}
	if status, body, _ := get("", "/api/v1/ask/voices"); status != http.StatusOK || strings.TrimSpace(body) != `{"languages":["da"]}` {
		t.Errorf("voices: %d %s", status, body)
	}
}
