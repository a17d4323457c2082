package portal

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/token"
)

// archive is a meeting service with one recording, whose bytes and state the test says.
type archive struct {
	mu    sync.Mutex
	rec   meetingv1.Recording
	file  []byte
	files map[string][]byte // by track; of others it is file
	reads []meetingv1.ReadRecordingRequest
}

const recordedTrack = "bente_camera_vp8"

func serveRecording(t *testing.T, p *place, file []byte) *archive {
	t.Helper()
	began := time.Date(2026, 11, 20, 9, 3, 0, 0, time.UTC)
	a := &archive{file: file, rec: meetingv1.Recording{
		MeetingID: demoMeeting, ServiceArea: "boligstoette", State: meetingv1.RecordingKept, Basis: "Samtykke, databeskyttelsesforordningens artikel 6, stk. 1, litra a",
		BeganAt: began, EraseAt: began.AddDate(0, 1, 0), Tracks: []meetingv1.Track{
			{
				ID: recordedTrack, ParticipantID: "bente", Name: "Bente Holm", Role: meetingv1.RoleCitizen, Source: "camera", Type: "video/webm; codecs=vp8",
				BeganAt: began, Millis: 3723000, Size: int64(len(file)), Whole: true,
				Gaps: []meetingv1.Gap{{From: 60000, To: 95000, Reason: meetingv1.GapPaused}, {From: 3600000, To: 3605000, Reason: meetingv1.GapInterrupted}},
			},
			{
				ID: "mette_microphone_opus", ParticipantID: "mette", Role: meetingv1.RoleCaseworker, Source: "microphone", Type: "audio/webm; codecs=opus",
				BeganAt: began, Millis: 3000, Size: int64(len(file)), Whole: true,
			},
			{ParticipantID: "ole", Name: "Ole Holm", Role: meetingv1.RoleCompanion, Gaps: []meetingv1.Gap{{Reason: meetingv1.GapDeclined}}},
		},
	}}
	s, err := p.bus.Service("meeting", "script")
	if err != nil {
		t.Fatal(err)
	}
	script(t, p, s, meetingv1.RecordingSubject, func(r meetingv1.RecordingRequest) (meetingv1.Recording, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if r.MeetingID != demoMeeting && r.MeetingID != demoConv {
			return meetingv1.Recording{}, errs.E(errs.NotFound, "", nil)
		}
		return a.rec, nil
	})
	script(t, p, s, meetingv1.ReadRecordingSubject, func(r meetingv1.ReadRecordingRequest) (meetingv1.RecordingPart, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.reads = append(a.reads, r)
		if a.rec.State != meetingv1.RecordingKept {
			return meetingv1.RecordingPart{}, errs.E(errs.NotFound, "Optagelsen er slettet.", nil)
		}
		file, kind := a.file, "video/webm; codecs=vp8"
		if f, ok := a.files[r.TrackID]; ok {
			file = f
		}
		if i := slices.IndexFunc(a.rec.Tracks, func(t meetingv1.Track) bool { return t.ID == r.TrackID }); i >= 0 {
			kind = a.rec.Tracks[i].Type
		}
		end := min(r.From+int64(r.Length), int64(len(file)))
		return meetingv1.RecordingPart{Type: kind, Size: int64(len(file)), Data: file[min(r.From, end):end]}, nil
	})
	script(t, p, s, meetingv1.DeleteRecordingSubject, func(meetingv1.RecordingRequest) (meetingv1.Recording, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.rec.Held {
			return meetingv1.Recording{}, errs.E(errs.Conflict, "Samtalen er fredet. Optagelsen må ikke slettes.", nil)
		}
		a.rec.State, a.rec.DeletedAt, a.rec.Tracks = meetingv1.RecordingDeleted, time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), []meetingv1.Track{}
		return a.rec, nil
	})
	return a
}

// A track is given in ranges and kept nowhere; only caseworkers get it.
func TestRecordingIsGivenInRanges(t *testing.T) {
	p := start(t)
	file := bytes.Repeat([]byte("0123456789abcdef"), 40_000) // several parts
	a := serveRecording(t, p, file)
	path := "/api/v1/meetings/" + demoMeeting + "/recording"
	for _, role := range []string{token.Citizen, token.Operator, token.Editor, token.Auditor} {
		for _, at := range []string{path, path + "/" + recordedTrack} {
			if got := p.status(t, "GET", at, p.token(t, role, nil), ""); got != http.StatusForbidden {
				t.Errorf("%s reads %s: %d", role, at, got)
			}
		}
		if got := p.status(t, "DELETE", path, p.token(t, role, nil), ""); got != http.StatusForbidden {
			t.Errorf("%s deletes it: %d", role, got)
		}
	}
	a.mu.Lock()
	if len(a.reads) > 0 {
		t.Error("the meeting service was asked for somebody who may not")
	}
	a.mu.Unlock()
	worker := p.token(t, token.Caseworker, nil)
	for name, tt := range map[string]struct {
		header, dest string
		status       int
		want         []byte
	}{
		"whole":   {"", "", http.StatusOK, file},
		"middle":  {"bytes=300000-300099", "", http.StatusPartialContent, file[300000:300100]},
		"end":     {"bytes=-7", "", http.StatusPartialContent, file[len(file)-7:]},
		"to end":  {"bytes=3-", "", http.StatusPartialContent, file[3:]},
		"outside": {"bytes=900000-", "", http.StatusRequestedRangeNotSatisfiable, nil},
		// A browser's player gets a part of what it asks for.
		"player, to end":    {"bytes=3-", "video", http.StatusPartialContent, file[3 : 3+meetingv1.MaxRecordingPart]},
		"player, last part": {"bytes=639990-", "audio", http.StatusPartialContent, file[639990:]},
		"player, middle":    {"bytes=3-300002", "audio", http.StatusPartialContent, file[3:300003]},
		"player, too far":   {"bytes=999999999999999999-", "audio", http.StatusRequestedRangeNotSatisfiable, nil},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", p.url+path+"/"+recordedTrack, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+worker)
		if tt.header != "" {
			req.Header.Set("Range", tt.header)
		}
		if tt.dest != "" {
			req.Header.Set("Sec-Fetch-Dest", tt.dest)
		}
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		r.Body.Close()
		kept := r.Header.Get("Cache-Control") != "no-store" || !bytes.Equal(got, tt.want)
		if err != nil || r.StatusCode != tt.status || tt.want != nil && kept {
			t.Errorf("%s: %d, %d bytes, cache %q, %v", name, r.StatusCode, len(got), r.Header.Get("Cache-Control"), err)
		}
	}
	if got := p.status(t, "GET", path+"/no.such", worker, ""); got != http.StatusNotFound {
		t.Errorf("a track whose name is none: %d", got)
	}
	a.mu.Lock()
	last := a.reads[len(a.reads)-1]
	a.mu.Unlock()
	if last.Actor.ID == "" || last.Actor.Role != token.Caseworker || len(last.Actor.Areas) == 0 {
		t.Errorf("asked as %+v", last.Actor)
	}
	if got := p.status(t, "DELETE", path, worker, ""); got != http.StatusOK {
		t.Errorf("not deleted: %d", got)
	}
	if got := p.status(t, "GET", path+"/"+recordedTrack, worker, ""); got != http.StatusNotFound {
		t.Errorf("after deletion: %d", got)
	}
}

// filmed records a second of moving colours with the browser's own recorder.
const filmed = `(async () => {
  const c = document.createElement("canvas");
  [c.width, c.height] = [320, 180];
  const g = c.getContext("2d");
  let n = 0;
  const draw = setInterval(() => { g.fillStyle = "hsl(" + (n * 9) + " 80% 50%)"; g.fillRect(0, 0, 320, 180); g.fillStyle = "#fff"; g.fillRect(n++ * 4 % 320, 60, 60, 60); }, 33);
  const r = new MediaRecorder(c.captureStream(30), { mimeType: "video/webm; codecs=vp8" });
  const parts = [];
  r.ondataavailable = (e) => parts.push(e.data);
  r.start(200);
  while (n < 45 || parts.filter((p) => p.size > 0).length < 6) await new Promise((ok) => setTimeout(ok, 100)); // a second and a half, or more
  const stopped = new Promise((ok) => { r.onstop = ok; });
  r.stop();
  await stopped;
  clearInterval(draw);
  const b = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(b, (x) => String.fromCharCode(x)).join(""));
})()`

// The page lists tracks with their gaps, plays them, and shows when the recording is deleted, and that it was.
func TestRecordingPage(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/om")
	var encoded string
	b.run(chromedp.Evaluate(filmed, &encoded, func(q *runtime.EvaluateParams) *runtime.EvaluateParams { return q.WithAwaitPromise(true) }))
	file, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(file) == 0 {
		t.Fatalf("%d bytes, %v", len(file), err)
	}
	a := serveRecording(t, p, file)
	b.login("mette")
	for _, l := range []string{"da", "en"} {
		b.language(l)
		b.open("/optagelse/" + demoMeeting)
		b.until(`document.documentElement.dataset.ready === "recording"`)
		b.click("#rec-each summary")
		b.checked("recording-" + l)
		b.narrow("recording-" + l)
	}
	b.language("da")
	b.open("/optagelse/" + demoMeeting)
	b.until(`document.documentElement.dataset.ready === "recording"`)
	b.click("#rec-each summary")
	text := eval[string](b, `document.querySelector("main").innerText`)
	for _, want := range []string{
		"Bente Holm: Kamera", "1:00–1:35: Pause", "1:00:00–1:00:05: Serveren var væk", "agsbehandler: Mikrofon", "Ole Holm", "ville ikke optages", "Samtykke, databeskyttelses", "20. december 2026",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page:\n%s", want, text)
		}
	}
	b.run(chromedp.Evaluate(`(() => { const v = document.querySelector(".rec-track video"); v.muted = true; v.play().catch(() => {}); })()`, nil))
	b.until(`document.querySelector(".rec-track video").currentTime > 0.3 && document.querySelector(".rec-track video").videoWidth === 320`)
	b.shot("recording-playing")

	p.fill("x")
	b.open("/notat/" + demoNote) // the case's page leads there
	b.until(`document.getElementById("rec-link")?.textContent === "Optagelse" && document.querySelector("#transcript .line, #transcript li, #transcript p") !== null`)
	b.axe("a note with a recording")
	b.click("#rec-link")
	b.until(`location.pathname === "/optagelse/` + demoConv + `" && document.querySelector(".rec-track") !== null`)

	a.mu.Lock()
	a.rec.Held = true
	a.mu.Unlock()
	b.open("/optagelse/" + demoMeeting)
	if eval[bool](b, `document.querySelector(".rec-delete") !== null`) {
		t.Error("what is held can be deleted")
	}
	b.checked("recording-held")
	a.mu.Lock()
	a.rec.Held = false
	a.mu.Unlock()
	b.open("/optagelse/" + demoMeeting)
	b.tabTo(".rec-delete summary")
	b.key(" ")
	b.until(`document.querySelector(".rec-delete").open`)
	a.mu.Lock()
	a.rec.Held = true // meanwhile
	a.mu.Unlock()
	b.click(".rec-delete button")
	b.shows("Optagelsen er ikke slettet")
	a.mu.Lock()
	a.rec.Held = false
	a.mu.Unlock()
	b.open("/optagelse/" + demoMeeting)
	b.click(".rec-delete summary")
	b.click(".rec-delete button")
	b.shows("Optagelsen er slettet")
	if eval[bool](b, `document.querySelector("video, audio, .rec-delete") !== null`) {
		t.Error("there is something to play after deletion")
	}
	b.checked("recording-deleted")
}

// Who comes to a meeting that is recorded chooses, sees in the room that it is recorded, and may say no at any time.
func TestRecordedMeetingPage(t *testing.T) {
	for _, l := range []string{"da", "en"} {
		t.Run(l, func(t *testing.T) {
			p := start(t)
			r := serveMeeting(t, p, meetingv1.RoleCitizen)
			r.mu.Lock()
			r.entry.Meeting.Choices = meetingv1.Choices{Transcript: true, Recording: true, Basis: "Samtykke, artikel 6, stk. 1, litra a"}
			r.entry.Meeting.Recording = true
			r.mu.Unlock()
			b := chromium(t, p)
			b.language(l)
			b.open("/moede/" + demoMeeting + "/secret")
			b.until(`document.documentElement.dataset.ready === "meeting" && !document.getElementById("m-net-again").hidden`) // its result is sent with the knock
			b.step("check")
			b.click("#m-checked")
			b.step("info")
			b.checked("meeting-record-info-" + l)
			if eval[bool](b, `/ikke gemt|not kept/.test(document.getElementById("m-info").innerText)`) {
				t.Error("the page says that sound is not kept")
			}
			b.run(chromedp.SendKeys("#m-name", "Bente Holm"))
			b.click("#m-knock")
			b.until(`!document.getElementById("m-problem").hidden`) // nobody is recorded who has not answered
			b.tabTo(`[name="m-transcribe"]`)
			b.key(" ")
			b.click("#m-knock")
			b.until(`/optage|recorded/.test(document.getElementById("m-problem").textContent)`)
			b.tabTo(`[name="m-record"]`)
			b.key(" ")
			b.click("#m-knock")
			b.step("lobby")
			r.mu.Lock()
			knock := r.knocks[len(r.knocks)-1]
			r.mu.Unlock()
			if knock.Record == nil || !*knock.Record || knock.Transcribe == nil {
				t.Errorf("knocked %+v", knock)
			}
			r.be(func(me *meetingv1.Participant) { me.Record = knock.Record })
			r.move(t, p, meetingv1.InRoom)
			b.step("room")
			b.until(`document.getElementById("m-rec").dataset.on === "true" && document.getElementById("m-rec-state").textContent.startsWith("●")`)
			b.checked("meeting-recorded-" + l)
			b.narrow("meeting-recorded-" + l)
			b.tabTo("#m-rec button")
			b.click("#m-rec button")
			b.until(`/ikke optaget|You are not/.test(document.getElementById("m-rec-state").textContent)`)
			r.mu.Lock()
			r.entry.Meeting.Recording, r.entry.Meeting.RecordingProblem = false, meetingv1.ProblemDisk
			r.mu.Unlock()
			r.move(t, p, meetingv1.InRoom)
			b.until(`document.getElementById("m-rec").dataset.on === "false" && document.querySelectorAll("#m-rec button").length === 0`)
			b.axe("a recording that has stopped")
		})
	}
}
