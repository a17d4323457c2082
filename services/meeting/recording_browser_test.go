package meeting

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/browsertest"
)

// filmPage publishes a camera in three sizes and a microphone, and plays what was recorded of them.
const filmPage = `<!doctype html><title>film</title><script>
async function publish(codec) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360, frameRate: { ideal: 15, max: 15 } } });
  window.pc = new RTCPeerConnection();
  pc.addTrack(stream.getAudioTracks()[0], stream);
  const simulcast = codec === "VP8" ? [{ rid: "q", scaleResolutionDownBy: 4 }, { rid: "h", scaleResolutionDownBy: 2 }, { rid: "f" }] : [{}];
  const video = pc.addTransceiver(stream.getVideoTracks()[0], { direction: "sendonly", sendEncodings: simulcast });
  const all = RTCRtpReceiver.getCapabilities("video").codecs;
  const own = all.filter((c) => c.mimeType === "video/" + codec);
  if (!own.length || !RTCRtpSender.getCapabilities("video").codecs.some((c) => c.mimeType === "video/" + codec)) return "none";
  video.setCodecPreferences(own.concat(all.filter((c) => c.mimeType === "video/rtx")));
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise((done) => { if (pc.iceGatheringState === "complete") done(); pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && done(); });
  const answer = await fetch("/publish", { method: "POST", body: pc.localDescription.sdp });
  if (!answer.ok) return await answer.text();
  await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  return "";
}
// shoot waits until so many more frames have gone, in any size.
async function shoot(n) {
  const sent = async () => {
    const frames = new Map();
    for (const s of (await pc.getStats()).values()) if (s.type === "outbound-rtp" && s.kind === "video") frames.set(s.id, s.framesSent || 0);
    return frames;
  };
  const before = await sent();
  for (;;) {
    for (const [id, frames] of await sent()) if (frames >= (before.get(id) || 0) + Number(n)) return true;
    await new Promise((ok) => setTimeout(ok, 50));
  }
}
async function hear(track) {
  const file = await (await fetch("/track/" + track)).arrayBuffer();
  const sound = await new AudioContext().decodeAudioData(file);
  const data = sound.getChannelData(0);
  let peak = 0, loud = 0;
  for (const v of data) { peak = Math.max(peak, Math.abs(v)); if (Math.abs(v) > 0.05) loud++; }
  return { seconds: sound.duration, peak, loud: loud / data.length };
}
const frame = (video) => {
  const c = document.createElement("canvas");
  [c.width, c.height] = [64, 36];
  c.getContext("2d").drawImage(video, 0, 0, 64, 36);
  return c.getContext("2d").getImageData(0, 0, 64, 36).data;
};
const when = (video, event) => new Promise((ok, bad) => { video.addEventListener(event, ok, { once: true }); video.addEventListener("error", () => bad(new Error(video.error.message)), { once: true }); });
async function watch(track) {
  const video = document.createElement("video");
  video.muted = true;
  video.src = "/track/" + track;
  document.body.append(video);
  await when(video, "loadeddata");
  const seek = async (at) => { const done = when(video, "seeked"); video.currentTime = at; await done; return frame(video); };
  await seek(video.duration * 0.7);
  const middle = await seek(video.duration * 0.3);
  const first = await seek(0);
  let moved = 0; // pictures may look alike at two times; it moves if any differs from the first
  await video.play();
  await new Promise((ok) => {
    const look = () => {
      moved = Math.max(moved, frame(video).reduce((n, v, i) => n + (Math.abs(v - first[i]) > 24), 0));
      video.ended || moved >= 5 && video.currentTime > 1 ? ok() : requestAnimationFrame(look);
    };
    look();
  });
  return { seconds: video.duration, width: video.videoWidth, height: video.videoHeight, moved, light: Math.max(...middle) };
}
</script>`

// studio is a page in Chromium beside a meeting: it publishes by a seat, and plays by a caseworker's right.
type studio struct {
	ctx context.Context
	t   *testing.T
}

func newStudio(w *world, g *guest) *studio {
	w.t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		io.WriteString(rw, filmPage)
	})
	mux.HandleFunc("POST /publish", func(rw http.ResponseWriter, r *http.Request) {
		sdp, _ := io.ReadAll(r.Body)
		rep, err := ask[meetingv1.MediaReply](w, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, SDP: string(sdp)})
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		io.WriteString(rw, rep.SDP)
	})
	mux.HandleFunc("GET /track/{id}", func(rw http.ResponseWriter, r *http.Request) {
		for _, t := range w.recording(g.seat.MeetingID).Tracks {
			if t.ID == r.PathValue("id") {
				rw.Header().Set("Content-Type", t.Type)
				http.ServeContent(rw, r, "", time.Time{}, &part{w: w, meeting: g.seat.MeetingID, t: t})
				return
			}
		}
		http.NotFound(rw, r)
	})
	srv := httptest.NewServer(mux)
	w.t.Cleanup(srv.Close)
	ctx := browsertest.Start(w.t, map[string]any{"autoplay-policy": "no-user-gesture-required"})
	s := &studio{ctx, w.t}
	s.run(chromedp.Navigate(srv.URL))
	return s
}

func (s *studio) run(a chromedp.Action) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 2*patience) // a browser that draws without a graphics card needs all of a machine
	defer cancel()
	if err := chromedp.Run(ctx, a); err != nil {
		s.t.Fatalf("browser: %v", err)
	}
}

// call runs a function of the page and gives what it promises.
func call[T any](s *studio, f, arg string) (out T) {
	s.t.Helper()
	q, err := json.Marshal(arg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.run(chromedp.Evaluate(fmt.Sprintf("%s(%s)", f, q), &out, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true)
	}))
	return out
}

// part reads a track by the service's requests.
type part struct {
	w       *world
	meeting string
	t       meetingv1.Track
	at      int64
}

func (p *part) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.t.Size
	}
	p.at = offset
	return offset, nil
}

func (p *part) Read(b []byte) (int, error) {
	if p.at >= p.t.Size {
		return 0, io.EOF
	}
	rep, err := ask[meetingv1.RecordingPart](p.w, meetingv1.ReadRecordingSubject, meetingv1.ReadRecordingRequest{
		MeetingID: p.meeting, TrackID: p.t.ID, From: p.at, Length: min(len(b), meetingv1.MaxRecordingPart), Actor: mette,
	})
	n := copy(b, rep.Data)
	p.at += int64(n)
	return n, err
}

// What a real browser sends is recorded, and plays in a real browser: sound, and pictures of each codec that browsers send, also
// from the middle.
func TestRecordingPlaysInABrowser(t *testing.T) {
	for _, codec := range []string{"VP8", "VP9", "H264", "AV1"} {
		t.Run(codec, func(t *testing.T) {
			w := newWorld(t)
			m := w.recorded()
			host := w.host(m)
			id := host.seat.ParticipantID
			s := newStudio(w, host)
			switch problem := call[string](s, "publish", codec); problem {
			case "":
			case "none":
				t.Skip("this browser does not send it")
			default:
				t.Fatal(problem)
			}
			w.grows(m.ID, id, "microphone", 9_000)
			w.grows(m.ID, id, "camera", 60_000)
			call[bool](s, "shoot", "30") // two seconds at least, however large the pictures are
			host.act(meetingv1.ActEnd, "", "")
			w.over(m.ID)
			r := w.recording(m.ID)
			sound, ok := track(r, id, "microphone")
			if !ok {
				t.Fatalf("%+v", r)
			}
			heard := call[struct{ Seconds, Peak, Loud float64 }](s, "hear", sound.ID)
			if heard.Seconds < 1.5 || heard.Peak < 0.1 || heard.Loud < 0.001 || heard.Loud > 0.9 { // beeps
				t.Errorf("heard %+v of %+v", heard, sound)
			}
			picture, ok := track(r, id, "camera")
			if !ok {
				t.Fatalf("%+v", r)
			}
			seen := call[struct {
				Seconds              float64
				Width, Height, Moved int
				Light                int
			}](s, "watch", picture.ID)
			shape := float64(seen.Width) / float64(seen.Height) // how large it is, the browser decides by what its machine and network carry
			if math.Abs(shape-16.0/9) > 0.05 || seen.Moved < 5 || seen.Light < 100 || seen.Seconds < 1.5 {
				t.Errorf("seen %+v of %+v", seen, picture)
			}
			t.Logf("%s: heard %+v, seen %+v, %+v", codec, heard, seen, picture)
		})
	}
}
