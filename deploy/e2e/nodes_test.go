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
	n.shows(name, "samtale_meeting_nodes 1", "to know the other node")
}

// shows waits for a line among a node's figures.
func (n *nodes) shows(name, line, what string) {
	n.t.Helper()
	n.until(name+" "+what, func() error {
		resp, err := http.Get("http://" + n.ops[name] + "/metrics")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(text), "\n"+line+"\n") {
			err = fmt.Errorf("it is not %s", line)
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

// party is a meeting of two browsers and a telephone that is recorded.
type party struct {
	*nodes
	meeting       meeting
	host, citizen *browser
	caller        *citizen
	muted         bool // the citizen is
}

// closed: the page shows that its microphone is.
const closed = `document.getElementById("m-b-mic").getAttribute("aria-pressed") === "false"`

func (n *nodes) party() *party {
	n.t.Helper()
	silence := n.t.TempDir() + "/silence.wav"
	writeWAV(n.t, silence, make([]int16, 8000))
	p := &party{nodes: n}
	err := n.api("caseworker/mette", "POST", "/api/v1/meetings", map[string]any{
		"title": "Samtale om fremtiden", "service_area": "borgerservice",
		"choices":      map[string]any{"recording": true, "basis": "Samtykke, artikel 6, stk. 1, litra a", "dial_in": true},
		"participants": []map[string]string{{"role": "citizen"}, {"role": "companion", "name": "Karl"}},
	}, &p.meeting)
	if err != nil {
		n.t.Fatal(err)
	}
	p.host = newBrowser(n.system, silence)
	p.citizen = p.host.another()
	for _, b := range p.browsers() {
		b.run("watch its connections", chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(watched).Do(ctx)
			return err
		}))
	}
	p.host.login("mette", "/moeder")
	p.host.await("the page of meetings", `document.documentElement.dataset.ready === "meetings"`)
	p.host.seat(p.meeting.Participants[0].Link, hostTone)
	p.host.await("the room", inRoom)
	p.citizen.seat(p.meeting.Participants[1].Link, citizenTone)
	p.citizen.click("#m-checked")
	p.citizen.run("a name", chromedp.SetValue("#m-name", "Bente Holm"))
	p.citizen.click(`input[name="m-record"][value="yes"]`)
	p.citizen.knock()
	p.host.pressAt("Bente Holm", "Luk ind")
	p.caller = n.dialsIn(p.meeting, "*"+p.meeting.Participants[2].DialCode, "", func() error {
		var m meeting
		if err := n.api("caseworker/mette", "GET", "/api/v1/meetings/"+p.meeting.ID, nil, &m); err != nil {
			return err
		}
		if got := m.Participants[2]; got.State != "lobby" {
			return fmt.Errorf("no telephone in the lobby: %+v", got)
		}
		return nil
	})
	p.caller.wav("tone.wav", slices.Repeat(mediatest.Tone(1280, 8000, callerTone, 8000), 7500)) // 20 minutes, of 225 waves each
	p.caller.playFile("tone.wav")
	p.host.pressAt("Karl", "Luk ind")
	p.meets("at the start")
	return p
}

func (p *party) browsers() map[string]*browser {
	return map[string]*browser{"host": p.host, "citizen": p.citizen}
}

// meets waits until all hear and see each other as they should.
func (p *party) meets(when string) {
	p.t.Helper()
	heard := []float64{callerTone}
	if !p.muted {
		heard = append(heard, citizenTone)
	}
	p.host.hearsOnly("the host to hear who speaks "+when, heard...)
	p.citizen.hearsOnly("the citizen to hear the others "+when, hostTone, callerTone)
	for who, b := range p.browsers() {
		b.await(who+" in the room "+when, inRoom)
		p.until("the other's moving picture at the "+who+" "+when, func() error {
			if points := b.sees(); points < 20 {
				return fmt.Errorf("%d points have changed", points)
			}
			return nil
		})
	}
	from := len(p.caller.heard())
	p.until("the telephone to hear the host "+when, func() error {
		heard := p.caller.heard()
		if heard = heard[from:]; len(heard) < 4000 || gaps(heard[len(heard)-4000:]) > 0 {
			return fmt.Errorf("of %d samples", len(heard))
		}
		return nil
	})
	if p.muted {
		p.citizen.await("that she is muted", closed)
	}
}

// loses lets something happen to the node that has the room, and waits until all go on at the other one.
func (p *party) loses(how string, happen func(*part)) (name string) {
	p.t.Helper()
	name = p.at(p.host)
	for _, b := range p.browsers() {
		b.run("count from here", chromedp.Evaluate(`without.audio = without.video = 0`, nil))
	}
	before, began := len(p.caller.heard()), time.Now()
	happen(p.parts[name])
	for who, b := range p.browsers() { // a node that is stopped holds the room on until the other one has it
		p.until("the "+who+" at the other node", func() error {
			if p.at(b) == name {
				return fmt.Errorf("still at %s", name)
			}
			return nil
		})
	}
	p.meets("after the node was " + how)
	took := time.Since(began).Round(100 * time.Millisecond)
	for who, b := range p.browsers() {
		p.t.Logf("%s: the %s was without sound and picture for %s ms", how, who, b.text(`JSON.stringify({ audio: Math.round(without.audio), video: Math.round(without.video) })`))
	}
	p.t.Logf("%s: the telephone did not hear the host for %.1f s; all is seen to be as before after %s", how, float64(gaps(p.caller.heard()[before:]))/10, took)
	return name
}

func (p *party) end() {
	p.t.Helper()
	p.host.endForAll()
	p.citizen.await("the end", `!document.getElementById("m-over").hidden`)
}

// TestNodes: a meeting of two browsers and a telephone is held at one of two nodes. The node is stopped, later the other one is killed:
// each time all go on without doing anything, who was muted still is, and the recording goes on in the same tracks.
func TestNodes(t *testing.T) {
	p := startNodes(t).party()
	p.host.pressAt("Bente Holm", "Slå lyd fra")
	p.citizen.await("that she is muted", closed)
	p.muted = true
	p.meets("when the citizen is muted")
	began := time.Now()
	name := p.loses("stopped", func(node *part) {
		if err := node.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	})
	node := p.parts[name]
	select {
	case <-node.done:
	case <-time.After(waitLimit):
		t.Fatal("a node that was stopped does not end")
	}
	if code := node.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the node that was stopped ended with %d", code)
	}
	t.Logf("stopped: the process ended within %s", time.Since(began).Round(100*time.Millisecond))
	p.citizen.click("#m-b-mic")
	p.muted = false
	p.meets("when the citizen speaks again")
	p.launch(name)
	for name := range p.media {
		p.knows(name)
	}
	p.loses("killed", func(node *part) { node.cmd.Process.Kill() })
	p.end()
	p.recorded()
}

// TestNodeHangs: a node that hangs loses the room as one that is gone, and drops it when it goes on. It still had the tracks open, so the
// recording goes on in pieces of their own. Then it is a node like others: when the other one is killed, the room comes back to it.
func TestNodeHangs(t *testing.T) {
	p := startNodes(t).party()
	name := p.loses("hung", func(node *part) { node.cmd.Process.Signal(syscall.SIGSTOP) })
	p.parts[name].cmd.Process.Signal(syscall.SIGCONT)
	p.shows(name, "samtale_meeting_rooms 0", "to drop the room that is another's")
	p.meets("after the node has gone on")
	for name := range p.media {
		p.knows(name)
	}
	p.loses("killed", func(node *part) { node.cmd.Process.Kill() })
	p.end()
	p.recorded()
}

// recorded checks the recording of those who were in the meeting by a browser: it is one track of each source, in one piece more than
// a node has lost the room while it still had the tracks open, at most, and the time between two nodes is a gap. On a busy machine a
// node may hang for a while by itself, and lose the room, too.
func (p *party) recorded() {
	p.t.Helper()
	pieces := 1 + strings.Count(p.log.String(), "the room is another node's now")
	p.t.Logf("recorded in %d pieces at most", pieces)
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
	p.until("the recording", func() error {
		var r struct {
			State  string
			Tracks []track
		}
		if err := p.api("caseworker/mette", "GET", "/api/v1/meetings/"+p.meeting.ID+"/recording", nil, &r); err != nil {
			return err
		}
		if tracks = r.Tracks; r.State != "kept" {
			return fmt.Errorf("it is %s", r.State)
		}
		return nil
	})
	text, err := json.Marshal(tracks)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, who := range p.meeting.Participants[:2] {
		for _, source := range []string{"microphone", "camera"} {
			n, whole, moves := 0, 0, 0
			for _, t := range tracks {
				if t.ParticipantID != who.ID || t.Source != source {
					continue
				}
				if n++; t.Whole {
					whole++
				}
				for _, g := range t.Gaps {
					if g.Reason == "interrupted" {
						moves++
					}
				}
			}
			if n == 0 || n > pieces || whole != 1 { // only the last one was ended in good order
				p.t.Errorf("the %s of one of two is %d tracks, %d were ended: %s", source, n, whole, text)
			}
			if moves == 0 && source == "microphone" { // one that was short may be within what the sender's clock is ahead
				p.t.Errorf("a room that has moved left no gap in a %s: %s", source, text)
			}
		}
	}
}
