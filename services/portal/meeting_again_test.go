package portal

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// cut lets a test break the room's events off, as a server that stops does. To the page something always comes, also from a far end
// that a busy machine lets wait for some seconds: what is counted is not what the page does about that.
const cut = `(() => {
  let bytesReceived = 0;
  RTCPeerConnection.prototype.getStats = async () => new Map([["pair", { type: "candidate-pair", bytesReceived: ++bytesReceived }]]);
  const state = Object.getOwnPropertyDescriptor(RTCPeerConnection.prototype, "connectionState").get;
  Object.defineProperty(RTCPeerConnection.prototype, "connectionState", { get() {
    const now = state.call(this);
    if (now === "connected") this.was = true;
    return this.was && ["disconnected", "failed"].includes(now) ? "connected" : now;
  } });
  const real = window.fetch;
  window.fetch = (url, options) => {
    if (!String(url).endsWith("/room/events")) return real(url, options);
    const line = new AbortController();
    window.cut = () => line.abort();
    return real(url, { ...options, signal: line.signal });
  };
})()`

const connected = `document.getElementById("meeting").dataset.in === "connected" && document.getElementById("meeting").dataset.out === "connected"`

// inRoom is a browser whose page is in the room, connected and told of its events. cut() breaks these off.
func inRoom(t *testing.T, p *place, r *meetingRoom) *page {
	t.Helper()
	r.be(func(me *meetingv1.Participant) { me.State = meetingv1.InRoom })
	b := chromium(t, p)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := cdp.AddScriptToEvaluateOnNewDocument(cut).Do(ctx)
		return err
	}))
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.until(connected + ` && document.getElementById("meeting").dataset.events === "on"`)
	return b
}

// After the events broke off the page sets media up anew when the room has been opened anew, and at once: it does not need to find
// out that nothing comes. Here something does come: the connections of before still work.
func TestMeetingComesBackToARoomThatWasOpenedAnew(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	far := &farEnd{}
	t.Cleanup(far.close)
	opened := map[int64]int{} // connections that were set up, by the room's number
	r.room = 3
	r.media = func(q meetingv1.MediaRequest) (meetingv1.MediaReply, error) { // r.mu is held
		sdp, err := far.take(q)
		if err == nil && q.Session == "" {
			opened[r.room]++
		}
		return meetingv1.MediaReply{SDP: sdp, Room: r.room}, err
	}
	b := inRoom(t, p, r)
	r.mu.Lock()
	before := opened[3] // more than two where one was refused for want of time
	r.room = 4
	r.mu.Unlock()
	b.run(chromedp.Evaluate(`for (const side of ["in", "out"]) document.getElementById("meeting").dataset[side] = ""; cut()`, nil))
	b.until(connected)
	r.mu.Lock()
	defer r.mu.Unlock()
	if opened[3] != before || opened[4] < 2 {
		t.Errorf("connections: %v, %d before", opened, before)
	}
}

// An offer that the room made while the page did not hear its events is answered when it does again, once, on the same connection.
func TestMeetingAnswersAnOfferThatItMissed(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	far := &farEnd{}
	t.Cleanup(far.close)
	answers, opened := 0, 0
	r.media = func(q meetingv1.MediaRequest) (meetingv1.MediaReply, error) { // r.mu is held
		sdp, err := far.take(q)
		if q.Session == "" {
			opened++
		} else {
			answers++
		}
		return meetingv1.MediaReply{SDP: sdp}, err
	}
	b := inRoom(t, p, r)
	r.mu.Lock()
	first, connections, answer := far.in, opened, answers+1
	_, err := first.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err == nil {
		r.offer, err = describe(first, first.CreateOffer)
	}
	r.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Først", "Derpå"} { // the second time it is answered already
		r.mu.Lock()
		r.said = append(r.said, meetingv1.Message{ID: word, From: "host", Text: word})
		r.mu.Unlock()
		b.run(chromedp.Evaluate(`cut()`, nil))
		b.until(`document.getElementById("m-chat").innerText.includes("` + word + `")`)
		wait(t, func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return answers == answer
		})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if opened != connections || answers != answer || far.in != first || first.SignalingState() != webrtc.SignalingStateStable {
		t.Errorf("%d connections (%d before), %d answers (%d before), %s", opened, connections, answers, answer-1, first.SignalingState())
	}
}

// What is typed before there is a connection goes with the first that is there.
func TestMeetingTextWaitsForItsConnection(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	r.be(func(me *meetingv1.Participant) { me.State = meetingv1.InRoom })
	far := &farEnd{typed: make(chan string, 100)}
	t.Cleanup(far.close)
	up := false
	r.media = func(q meetingv1.MediaRequest) (meetingv1.MediaReply, error) { // r.mu is held
		if !up {
			return meetingv1.MediaReply{}, errs.E(errs.Unavailable, "", nil)
		}
		sdp, err := far.take(q)
		return meetingv1.MediaReply{SDP: sdp}, err
	}
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.click("#m-b-rtt")
	b.write("#m-rtt", "Jeg hører dårligt")
	b.until(`document.getElementById("m-captions").innerText.includes("Jeg hører dårligt")`)
	r.mu.Lock()
	up = true
	r.mu.Unlock()
	b.until(connected)
	b.write("#m-rtt", ".")
	far.reads(t, "Jeg hører dårligt.")
}

// lose lets a test end the connection that the page sends by, as a network that fails does. It is true when the page has taken that
// in: while it sets up another one anyway it does not. However long a test takes, no text counts as arrived.
const lose = `(() => {
  const later = window.setTimeout;
  window.setTimeout = (f, ms, ...what) => (ms === 30000 ? 0 : later(f, ms, ...what));
  const real = RTCPeerConnection.prototype.createDataChannel;
  RTCPeerConnection.prototype.createDataChannel = function (...what) {
    window.lose = () => {
      Object.defineProperty(this, "connectionState", { value: "failed", configurable: true });
      this.dispatchEvent(new Event("connectionstatechange"));
      return this.signalingState === "closed";
    };
    return real.apply(this, what);
  };
})()`

// What was sent on a connection that ended before it arrived is sent again on the next one, and what did arrive is read once.
func TestMeetingTextIsSentAgain(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	r.be(func(me *meetingv1.Participant) { me.State = meetingv1.InRoom })
	lost := make(chan string, 100)
	far := &farEnd{typed: make(chan string, 100), lost: lost}
	t.Cleanup(far.close)
	r.room = 3
	r.media = func(q meetingv1.MediaRequest) (meetingv1.MediaReply, error) { // r.mu is held
		sdp, err := far.take(q)
		return meetingv1.MediaReply{SDP: sdp, Room: r.room}, err
	}
	b := chromium(t, p)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := cdp.AddScriptToEvaluateOnNewDocument(lose).Do(ctx)
		return err
	}))
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.click("#m-b-rtt")
	b.write("#m-rtt", "Jeg hører")
	awaits(t, lost, "Jeg hører")
	arrives := func(where chan string) {
		r.mu.Lock()
		far.lost = where
		r.mu.Unlock()
		b.until(`lose()`)
	}
	arrives(nil)
	far.reads(t, "Jeg hører")
	b.until(`lose()`)
	b.write("#m-rtt", " dårligt")
	far.reads(t, " dårligt")
	// The room that was opened anew does not know what the former one has got.
	r.mu.Lock()
	r.room = 4
	r.mu.Unlock()
	far.mu.Lock()
	far.writer = ""
	far.mu.Unlock()
	b.until(`lose()`)
	b.write("#m-rtt", ".")
	far.reads(t, "\uFFFD.")
	// Who is in the side room does not get what was typed for those outside.
	arrives(lost)
	b.write("#m-rtt", "!")
	awaits(t, lost, "!")
	b.until(`document.getElementById("meeting").dataset.events === "on"`)
	r.move(t, p, meetingv1.InSide)
	b.until(`document.getElementById("m-b-side").getAttribute("aria-pressed") === "true"`)
	arrives(nil)
	far.reads(t, "\uFFFD")
}

// What the room sends again on another connection is shown once, with a mark where some is missing, or may be: to another opening of
// the room nobody knows what this page has read.
func TestMeetingTextIsShownOnce(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	r.be(func(me *meetingv1.Participant) { me.State = meetingv1.InRoom })
	far := &farEnd{from: ":one:1", says: []string{"Jeg ", "hører"}}
	t.Cleanup(far.close)
	r.media = func(q meetingv1.MediaRequest) (meetingv1.MediaReply, error) { // r.mu is held
		sdp, err := far.take(q)
		return meetingv1.MediaReply{SDP: sdp}, err
	}
	b := chromium(t, p)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := cdp.AddScriptToEvaluateOnNewDocument(lose).Do(ctx)
		return err
	}))
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	shows := func(line int, text string) {
		t.Helper()
		b.until(fmt.Sprintf(`document.querySelector("[data-line=host-typed-%d] span")?.textContent === %q`, line, text))
	}
	again := func(from string, says ...string) {
		r.mu.Lock()
		far.from, far.says = from, says
		r.mu.Unlock()
		b.until(`lose()`)
	}
	shows(0, "Jeg hører")
	again(":one:2", "hører", " dår", "ligt")
	shows(0, "Jeg hører dårligt")
	again(":one:7", ".")
	shows(0, "Jeg hører dårligt\uFFFD.")
	again(":two:1", "!")
	shows(0, "Jeg hører dårligt\uFFFD.\uFFFD!")
	again(":two:1", "!", "\u2028", "Ja")
	shows(1, "Ja")
	again(":two:2", "\u2028", "Ja", "\u2028")
	b.until(`document.getElementById("m-heard").textContent.includes("Ja")`) // it is ended
	again(":three:4", "Nej")
	shows(2, "Nej")
}

// A new connection has servers whose logins still work: the page asks for them again when it has not for a while.
func TestMeetingAsksForServersAgain(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCaseworker)
	r.be(func(me *meetingv1.Participant) { me.State = meetingv1.InRoom })
	login := func(name string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.entry.ICEServers = []meetingv1.ICEServer{{URLs: []string{"turn:127.0.0.1:9?transport=udp"}, Username: name, Credential: "x"}}
	}
	login("early")
	far := &farEnd{}
	t.Cleanup(far.close)
	r.media = func(q meetingv1.MediaRequest) (meetingv1.MediaReply, error) { // r.mu is held
		sdp, err := far.take(q)
		return meetingv1.MediaReply{SDP: sdp}, err
	}
	b := chromium(t, p)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := cdp.AddScriptToEvaluateOnNewDocument(lose + `;(() => {
  const now = Date.now, publishes = RTCPeerConnection.prototype.createDataChannel;
  window.later = 0;
  Date.now = () => now() + later;
  RTCPeerConnection.prototype.createDataChannel = function (...what) {
    window.login = this.getConfiguration().iceServers[0]?.username;
    return publishes.apply(this, what);
  };
})()`).Do(ctx)
		return err
	}))
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.until(`login === "early" && ` + connected)
	login("late")
	b.until(`lose()`)
	b.until(connected)
	b.until(`login === "early"`)
	b.run(chromedp.Evaluate(`later = 30 * 60 * 1000`, nil))
	b.until(`(lose(), login === "late")`)
	b.until(connected)
}

func (f *farEnd) reads(t *testing.T, want string) {
	t.Helper()
	if got := awaits(t, f.typed, want); got != want {
		t.Fatalf("the room reads %q, not %q", got, want)
	}
}

// awaits reads until a text has come, in pieces.
func awaits(t *testing.T, from <-chan string, want string) string {
	t.Helper()
	late := time.After(2 * time.Minute)
	got := ""
	for !strings.HasSuffix(got, want) {
		select {
		case s := <-from:
			got += s
		case <-late:
			t.Fatalf("the room reads %q, not %q", got, want)
		}
	}
	return got
}

// farEnd has the other ends of a page's connections.
type farEnd struct {
	open  []*webrtc.PeerConnection
	in    *webrtc.PeerConnection // the newest that the page receives by
	typed chan string            // real-time text of the page; nil: nobody reads it
	lost  chan string            // what comes on new connections instead, and does not arrive; nil: it does
	from  string                 // whose numbers the host's text has on new connections, and the first
	says  []string               // that text

	mu     sync.Mutex
	writer string // of the text
	number int    // of its last message
}

// channel reads a channel of the page's, and what comes again once, as the room does.
func (f *farEnd) channel(c *webrtc.DataChannel, lost chan<- string) {
	var writer string
	var number int
	if _, err := fmt.Sscanf(strings.ReplaceAll(c.Label(), ":", " "), "t140 %s %d", &writer, &number); err != nil {
		return
	}
	c.OnMessage(func(m webrtc.DataChannelMessage) {
		f.mu.Lock()
		defer f.mu.Unlock()
		n := number
		number++
		switch {
		case f.typed == nil:
			return
		case lost != nil:
			lost <- string(m.Data)
			return
		case writer != f.writer:
			f.writer, f.number = writer, n-1
		}
		if n > f.number {
			f.number = n
			f.typed <- string(m.Data)
		}
	})
}

func (f *farEnd) close() {
	for _, pc := range f.open {
		_ = pc.Close() // nobody is left who cares
	}
}

func (f *farEnd) take(q meetingv1.MediaRequest) (string, error) {
	if q.Session == "answer" {
		return "", f.in.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: q.SDP})
	}
	pc, err := loopback()
	if err != nil {
		return "", err
	}
	f.open = append(f.open, pc)
	if q.SDP != "" {
		lost := f.lost
		pc.OnDataChannel(func(c *webrtc.DataChannel) { f.channel(c, lost) })
		if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: q.SDP}); err != nil {
			return "", err
		}
		return describe(pc, func(*webrtc.OfferOptions) (webrtc.SessionDescription, error) { return pc.CreateAnswer(nil) })
	}
	f.in = pc
	c, err := pc.CreateDataChannel("t140:host"+f.from, nil)
	if err != nil {
		return "", err
	}
	says := f.says
	c.OnOpen(func() {
		for _, text := range says {
			_ = c.SendText(text) // unless the page has gone meanwhile
		}
	})
	return describe(pc, pc.CreateOffer)
}

// describe makes a connection's own description, with all of its addresses.
func describe(pc *webrtc.PeerConnection, create func(*webrtc.OfferOptions) (webrtc.SessionDescription, error)) (string, error) {
	local, err := create(nil)
	if err != nil {
		return "", fmt.Errorf("describe: %w", err)
	}
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(local); err != nil {
		return "", err
	}
	<-done
	return pc.LocalDescription().SDP, nil
}

// What happens between the making of the page and the beginning of its events is not missed: here the participant is let in, and told
// something, before anybody listens.
func TestMeetingBeforeItsEventsBegin(t *testing.T) {
	p := start(t)
	r := serveMeeting(t, p, meetingv1.RoleCitizen)
	r.be(func(me *meetingv1.Participant) { me.State, me.Name, me.Place = meetingv1.InLobby, "Bente Holm", 2 })
	r.entered = func() { // r.mu is held
		r.entry.Me.State = meetingv1.InRoom
		r.entry.Meeting.Participants = append([]meetingv1.Participant{r.entry.Me}, r.entry.Meeting.Participants[1:]...)
		r.said = []meetingv1.Message{{ID: "before", From: "host", Text: "Jeg lukker dig ind nu"}}
	}
	b := chromium(t, p)
	b.open("/moede/" + demoMeeting + "/secret")
	b.step("room")
	b.until(`document.getElementById("m-chat").innerText.includes("Jeg lukker dig ind nu")`)
}
