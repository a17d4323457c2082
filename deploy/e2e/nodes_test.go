package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/services/platform/store/storetest"
)

// callerTone is what the telephone says, where browsers hear it: in the middle of a line of their spectrum.
const callerTone = 1406.25

// watched lets a page tell where its media goes, and for how long it got none: looked at ten times a second.
const watched = `(() => {
  const Real = RTCPeerConnection;
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      connections.push(this);
    }
  };
  globalThis.without = { audio: 0, video: 0 };
  const last = { audio: [0, 0], video: [0, 0] };
  const look = async () => {
    connections = connections.filter((pc) => pc.connectionState !== "closed");
    const now = { audio: 0, video: 0 };
    for (const pc of connections) for (const s of (await pc.getStats()).values()) if (s.type === "inbound-rtp") now[s.kind] += s.kind === "audio" ? s.packetsReceived : s.framesDecoded ?? 0;
    for (const kind of ["audio", "video"]) {
      const [n, at] = last[kind], t = performance.now();
      if (at) without[kind] = Math.max(without[kind], t - at);
      if (!at || now[kind] !== n) last[kind] = [now[kind], t];
    }
    setTimeout(look, 100);
  };
  look();
})()`

// mediaAt is the port of the server that a page's connections lead to; 0 while there is none, or more than one.
const mediaAt = `(() => {
  const ports = new Set(connections.filter((pc) => pc.connectionState === "connected").map((pc) => /a=candidate:\S+ 1 udp \d+ \S+ (\d+) typ host/i.exec(pc.remoteDescription.sdp)?.[1]));
  return ports.size === 1 ? Number([...ports][0]) : 0;
})()`

// nodes are two processes of the meeting service over one database, beside the other services.
type nodes struct {
	*split
	media map[string]int    // port of a node's media
	ops   map[string]string // address of its figures
}

func startNodes(t *testing.T) *nodes {
	t.Helper()
	dsn := storetest.Postgres(t)
	n := &nodes{split: startSplit(t, "SAMTALE_TEST_LOGIN=true"), media: map[string]int{}, ops: map[string]string{}}
	for _, name := range []string{"meeting-a", "meeting-b"} {
		media, ops := freeAddr(t), freeAddr(t)
		_, port, _ := strings.Cut(media, ":")
		n.media[name], _ = strconv.Atoi(port)
		n.ops[name] = ops
		n.add(name, []string{
			"SAMTALE_MEETING_DB=" + dsn, "SAMTALE_MEETING_UDP=" + media, "SAMTALE_OPS_ADDR=" + ops, "SAMTALE_MEETING_DIALIN=sip:moede@" + n.sip,
			"SAMTALE_LOG_LEVEL=info",
		}, binary(t, "samtale"), "meeting")
	}
	for name := range n.media {
		n.knows(name)
	}
	return n
}

// knows waits until a node is at work and knows of the other.
func (n *nodes) knows(name string) {
	n.t.Helper()
	n.until(name+" to know the other node", func() error {
		resp, err := http.Get("http://" + n.ops[name] + "/metrics")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(text), "\nsamtale_meeting_nodes 1\n") {
			err = fmt.Errorf("it knows of nobody")
		}
		return err
	})
}

// at waits until all of a page's media goes to one node, and names it.
func (n *nodes) at(b *browser) (name string) {
	n.t.Helper()
	n.until("media at one node", func() error {
		var port int
		b.run("where", chromedp.Evaluate(mediaAt, &port))
		for name = range n.media {
			if n.media[name] == port {
				return nil
			}
		}
		return fmt.Errorf("it is at port %d", port)
	})
	return name
}

// gaps is for how long the host was not heard in what a telephone heard, at most, in tenths of a second.
func gaps(heard []int16) (longest int) {
	run := 0
	for len(heard) >= 800 {
		if run++; mediatest.Goertzel(heard[:800], 8000, hostTone) > 500 {
			run = 0
		}
		longest = max(longest, run)
		heard = heard[800:]
	}
	return longest
}

// TestNodes: a meeting of two browsers and a telephone is held at one of two nodes. The node is stopped, later it is killed: each time
// all go on at the other one without doing anything, who was muted still is, and the recording goes on.
func TestNodes(t *testing.T) {
	silence := t.TempDir() + "/silence.wav"
	writeWAV(t, silence, make([]int16, 8000))
	n := startNodes(t)
	var m meeting
	err := n.api("caseworker/mette", "POST", "/api/v1/meetings", map[string]any{
		"title": "Samtale om fremtiden", "service_area": "borgerservice",
		"choices":      map[string]any{"recording": true, "basis": "Samtykke, artikel 6, stk. 1, litra a", "dial_in": true},
		"participants": []map[string]string{{"role": "citizen"}, {"role": "companion", "name": "Karl"}},
	}, &m)
	if err != nil {
		t.Fatal(err)
	}
	host := newBrowser(n.system, silence)
	citizen := host.another()
	for _, b := range []*browser{host, citizen} {
		b.run("watch its connections", chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(watched).Do(ctx)
			return err
		}))
	}
	host.login("mette", "/moeder")
	host.await("the page of meetings", `document.documentElement.dataset.ready === "meetings"`)
	host.seat(m.Participants[0].Link, hostTone)
	host.await("the room", inRoom)
	citizen.seat(m.Participants[1].Link, citizenTone)
	citizen.click("#m-checked")
	citizen.run("a name", chromedp.SetValue("#m-name", "Bente Holm"))
	citizen.click(`input[name="m-record"][value="yes"]`)
	citizen.click("#m-knock")
	host.pressAt("Bente Holm", "Luk ind")
	caller := n.dialsIn(m)
	host.pressAt("Karl", "Luk ind")

	everybody := func(when string, muted bool) {
		t.Helper()
		heard := []float64{callerTone}
		if !muted {
			heard = append(heard, citizenTone)
		}
		host.hearsOnly("the host to hear who speaks "+when, heard...)
		citizen.hearsOnly("the citizen to hear the others "+when, hostTone, callerTone)
		for who, b := range map[string]*browser{"host": host, "citizen": citizen} {
			b.await(who+" in the room "+when, inRoom)
			n.until("the other's moving picture at the "+who+" "+when, func() error {
				if points := b.sees(); points < 20 {
					return fmt.Errorf("%d points have changed", points)
				}
				return nil
			})
		}
		from := len(caller.heard())
		n.until("the telephone to hear the host "+when, func() error {
			heard := caller.heard()
			if heard = heard[from:]; len(heard) < 4000 || gaps(heard[len(heard)-4000:]) > 0 {
				return fmt.Errorf("of %d samples", len(heard))
			}
			return nil
		})
	}
	moved := func(how, from string, began time.Time, muted bool) {
		t.Helper()
		before := len(caller.heard())
		everybody("after the node was "+how, muted)
		if to := n.at(host); to == from || n.at(citizen) != to {
			t.Errorf("the room was %s at %s and media is at %s", how, from, to)
		}
		for who, b := range map[string]*browser{"host": host, "citizen": citizen} {
			t.Logf("%s: the %s was without sound and picture for %s ms", how, who, b.text(`JSON.stringify({ audio: Math.round(without.audio), video: Math.round(without.video) })`))
		}
		t.Logf("%s: the telephone did not hear the host for %.1f s; all is seen to be as before after %s",
			how, float64(gaps(caller.heard()[before:]))/10, time.Since(began).Round(100*time.Millisecond))
	}
	watch := func() {
		for _, b := range []*browser{host, citizen} {
			b.run("count from here", chromedp.Evaluate(`without.audio = without.video = 0`, nil))
		}
	}
	everybody("at the start", false)
	const closed = `document.getElementById("m-b-mic").getAttribute("aria-pressed") === "false"`
	host.pressAt("Bente Holm", "Slå lyd fra")
	citizen.await("that she is muted", closed)
	everybody("when the citizen is muted", true)

	from := n.at(host)
	watch()
	began := time.Now()
	stopping := n.parts[from]
	if err := stopping.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	moved("stopped", from, began, true)
	citizen.await("that she is muted", closed)
	select {
	case <-stopping.done:
	case <-time.After(waitLimit):
		t.Fatal("a node that was stopped does not end")
	}
	if code := stopping.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the node that was stopped ended with %d", code)
	}
	t.Logf("stopped: the process ended within %s", time.Since(began).Round(100*time.Millisecond))
	citizen.click("#m-b-mic")
	everybody("when the citizen speaks again", false)

	n.launch(from)
	for name := range n.media {
		n.knows(name)
	}
	from = n.at(host)
	watch()
	began = time.Now()
	n.parts[from].cmd.Process.Kill()
	moved("killed", from, began, false)

	host.run("end for all", chromedp.Evaluate(`window.confirm = () => true; document.getElementById("m-b-end").click()`, nil))
	citizen.await("the end", `!document.getElementById("m-over").hidden`)
	n.recorded(m)
}

// dialsIn has a telephone in the lobby that sounds of its tone.
func (n *nodes) dialsIn(m meeting) *citizen {
	n.t.Helper()
	c := newCitizen(n.t)
	c.wav("tone.wav", mediatest.Tone(8000*600, 8000, callerTone, 8000))
	c.call(m.DialNumber)
	n.until("the announcement", func() error {
		if energy(c.heard()) < 25 {
			return fmt.Errorf("nothing heard yet")
		}
		return nil
	})
	c.keys("*" + m.Participants[2].DialCode)
	c.playFile("tone.wav")
	return c
}

// recorded checks the recording of those who were in the meeting by a browser: it is one track of each source, and the time between
// two nodes is a gap.
func (n *nodes) recorded(m meeting) {
	n.t.Helper()
	type track struct {
		ID            string `json:"id"`
		ParticipantID string `json:"participant_id"`
		Source        string `json:"source"`
		Size, Millis  int64
		Whole         bool
		Gaps          []struct {
			From, To int64
			Reason   string
		}
	}
	var tracks []track
	n.until("the recording", func() error {
		var r struct {
			State  string
			Tracks []track
		}
		if err := n.api("caseworker/mette", "GET", "/api/v1/meetings/"+m.ID+"/recording", nil, &r); err != nil {
			return err
		}
		if tracks = r.Tracks; r.State != "kept" {
			return fmt.Errorf("it is %s", r.State)
		}
		return nil
	})
	text, _ := json.Marshal(tracks)
	for _, p := range m.Participants[:2] {
		for _, source := range []string{"microphone", "camera"} {
			mine := slices.DeleteFunc(slices.Clone(tracks), func(t track) bool { return t.ParticipantID != p.ID || t.Source != source })
			if len(mine) != 1 || !mine[0].Whole || mine[0].Size == 0 {
				n.t.Fatalf("%s of one of two is %d tracks: %s", source, len(mine), text)
			}
			moves := 0
			for _, g := range mine[0].Gaps {
				if g.Reason == "interrupted" {
					moves++
				}
			}
			if moves == 0 { // one that was short may be within what the sender's clock is ahead
				n.t.Errorf("a room that has moved twice left no gap in a %s: %s", source, text)
			}
		}
	}
	n.t.Logf("recorded: %s", text)
}
