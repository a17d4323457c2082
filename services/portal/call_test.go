package portal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/seal"
)

// peer is the far end of the softphone: a real WebRTC peer that counts what it hears.
type peer struct {
	answers atomic.Int32
	packets atomic.Int32
	open    []*webrtc.PeerConnection
}

func (f *peer) answer(t *testing.T, p *place) func(callv1.AnswerRequest) (callv1.AnswerReply, error) {
	return func(r callv1.AnswerRequest) (callv1.AnswerReply, error) {
		sdp, err := f.connect(r.SDP)
		if err != nil {
			t.Errorf("offer does not work: %v", err)
			return callv1.AnswerReply{}, err
		}
		f.answers.Add(1)
		for i := range p.calls {
			if p.calls[i].ConversationID == r.ConversationID {
				c := &p.calls[i]
				c.State, c.Caseworker, c.AnsweredAt = callv1.StateTalking, r.Caseworker, time.Now().UTC()
				p.snapshot()
				return callv1.AnswerReply{Call: *c, SDP: sdp}, nil
			}
		}
		return callv1.AnswerReply{}, unavailable
	}
}

// loopback makes the far end of a connection of a page's.
func loopback() (*webrtc.PeerConnection, error) {
	var se webrtc.SettingEngine
	se.SetICEMaxBindingRequests(1000) // a busy machine answers later than the seven that are asked else
	se.SetIncludeLoopbackCandidate(true)
	me := &webrtc.MediaEngine{}
	if err := me.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(me)).NewPeerConnection(webrtc.Configuration{})
}

func (f *peer) connect(offer string) (string, error) {
	pc, err := loopback()
	if err != nil {
		return "", err
	}
	f.open = append(f.open, pc)
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := tr.ReadRTP(); err != nil {
				return
			}
			f.packets.Add(1)
		}
	})
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "phone")
	if err != nil {
		return "", err
	}
	if _, err := pc.AddTrack(track); err != nil {
		return "", err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	a, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(a); err != nil {
		return "", err
	}
	<-done
	return pc.LocalDescription().SDP, nil
}

// say commits words of a leg as a speech worker does.
func (p *place) say(t testing.TB, conv, leg, role string, from time.Duration, words string, ledger ...transcriptv1.Range) {
	t.Helper()
	const rate = 16000
	at := int64(from.Seconds() * rate)
	var list []transcriptv1.Word
	for i, w := range strings.Fields(words) {
		word := transcriptv1.Word{ID: fmt.Sprintf("%s-%06d", leg[len(leg)-8:], int(from.Seconds()*100)+i), Text: w, Start: at, End: at + rate/3, Confidence: 0.9, Sentence: i == 0}
		if strings.Contains(w, "•") {
			word.Masked, word.Clear = "cpr", "hemmelig"
		}
		list = append(list, word)
		at += rate / 2
	}
	if ledger == nil {
		ledger = []transcriptv1.Range{{Start: int64(from.Seconds() * rate), End: at, State: transcriptv1.Transcribed}}
	}
	sealed, err := seal.JSON(t.Context(), p.keys, conv, "body", transcriptv1.Body{Words: list})
	if err != nil {
		t.Fatal(err)
	}
	err = p.bus.Publish(t.Context(), transcriptv1.Final{
		Meta: event.NewMeta("transcript.v1.final", "test", time.Now()), ConversationID: conv, LegID: leg, Role: role,
		From: ledger[0].Start, To: ledger[len(ledger)-1].End, Engine: "demo", Demo: true, Ledger: ledger, Sealed: sealed,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCallIsAnsweredHeardAndRead(t *testing.T) {
	p := start(t)
	far := &peer{}
	p.answer = far.answer(t, p)
	t.Cleanup(func() {
		for _, pc := range far.open {
			pc.Close()
		}
	})
	b := chromium(t, p)
	b.login("mette")
	b.click(`#demo-call`)
	b.until(`document.querySelector(".item.pulse") !== null && document.title.includes("Ringer")`)
	if got := eval[string](b, `document.getElementById("announce").textContent`); !strings.Contains(got, "Bente Holm ringer") {
		t.Errorf("screen readers hear %q", got)
	}
	b.axe("ringing")
	b.shot("ringing")

	b.run(chromedp.Evaluate(`document.activeElement.blur()`, nil))
	b.key("s") // answer
	b.until(`!document.getElementById("c-hangup").hidden && !document.getElementById("c-mute").hidden`)
	b.until(`document.title.includes("Ringer") === false && document.activeElement.id === "c-mute"`)
	wait(t, func() bool { return far.packets.Load() > 20 })
	if n := far.answers.Load(); n != 1 {
		t.Errorf("the audio was set up %d times", n)
	}
	b.shows("Spørg borgeren")

	p.mu.Lock()
	conv := p.calls[0].ConversationID
	p.mu.Unlock()
	b.click(`#consent-yes`)
	b.until(`document.getElementById("consent-yes").getAttribute("aria-pressed") === "true"`)
	b.shows("Skrives ned")

	p.say(t, conv, legCitizen, callv1.RoleCitizen, time.Second, "Goddag, jeg ringer om min boligstøtte.")
	b.shows("boligstøtte.")
	partial := transcriptv1.Partial{
		Meta: event.NewMeta("transcript.v1.partial", "test", time.Now()), ConversationID: conv, LegID: legCitizen, From: 5 * 16000,
		Words: []transcriptv1.Word{{Text: "den", Start: 5 * 16000, End: 5*16000 + 4000}, {Text: "manger", Start: 5*16000 + 4000, End: 6 * 16000}},
	}
	if err := p.bus.Send(t.Context(), partial); err != nil {
		t.Fatal(err)
	}
	b.until(`document.querySelector(".tail")?.textContent.includes("den manger")`)
	b.settled()
	top := eval[float64](b, `document.querySelector(".w").getBoundingClientRect().top`)
	b.shot("live")
	b.axe("live")
	b.narrow("live")
	p.say(t, conv, legCitizen, callv1.RoleCitizen, 5*time.Second, "Den mangler. Mit nummer er ••••••-••••", transcriptv1.Range{Start: 5 * 16000, End: 8 * 16000, State: transcriptv1.Transcribed},
		transcriptv1.Range{Start: 8 * 16000, End: 11 * 16000, State: transcriptv1.Lost})
	b.until(`document.querySelector(".tail") === null && document.querySelector(".masked") !== null`)
	b.shows("3,0 s mangler")
	if now := eval[float64](b, `document.querySelector(".w").getBoundingClientRect().top`); now != top {
		t.Errorf("a committed word moved from %v to %v", top, now)
	}
	if eval[bool](b, `document.documentElement.innerHTML.includes("hemmelig")`) {
		t.Error("the clear value of a masked word reached the browser")
	}
	b.shot("live-masked")

	// Words of one speaker go on in their turn although the other spoke meanwhile.
	partial.From, partial.Words = 12*16000, []transcriptv1.Word{{Text: "og", Start: 12 * 16000, End: 12*16000 + 4000}}
	p.say(t, conv, legCitizen, callv1.RoleCitizen, 11500*time.Millisecond, "Hallo")
	b.shows("Hallo")
	if err := p.bus.Send(t.Context(), partial); err != nil {
		t.Fatal(err)
	}
	b.until(`document.querySelector(".tail")?.textContent.includes("og")`)
	p.say(t, conv, legWorker, callv1.RoleCaseworker, 12*time.Second, "Ja tak")
	b.shows("Ja tak")
	p.say(t, conv, legCitizen, callv1.RoleCitizen, 12*time.Second+200*time.Millisecond, "og farvel")
	b.until(`[...document.querySelectorAll(".turn")].some((e) => e.textContent.includes("Hallo og farvel"))`)

	b.key("h")
	b.until(`document.getElementById("c-hold").getAttribute("aria-pressed") === "true"`)
	b.key("h")
	b.until(`document.getElementById("c-hold").getAttribute("aria-pressed") === "false"`)

	// A reload takes the audio back and shows every word again.
	before := far.packets.Load()
	b.run(chromedp.Reload())
	wait(t, func() bool { return far.answers.Load() >= 2 && far.packets.Load() > before+20 })
	b.shows("boligstøtte.")
	b.shows("Den mangler.")

	b.click(`#c-transfer`)
	b.until(`document.getElementById("transfer-dialog").open`)
	b.axe("transfer")
	b.shot("transfer")
	b.click(`#transfer-dialog [data-close]`)
	b.until(`!document.getElementById("transfer-dialog").open`)
	b.click(`#c-hangup`)
	b.until(`document.getElementById("controls").hidden && document.activeElement.id === "talk-title"`)
}

func TestSecondTabTakesThePhoneOver(t *testing.T) {
	p := start(t)
	far := &peer{}
	p.answer = far.answer(t, p)
	t.Cleanup(func() {
		for _, pc := range far.open {
			pc.Close()
		}
	})
	b := chromium(t, p)
	b.login("mette")
	b.click(`#demo-call`)
	b.until(`document.querySelector(".ringing .button-primary:not([hidden])") !== null`)
	b.click(`.ringing .button-primary`)
	b.until(`!document.getElementById("c-mute").hidden`)
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	second := &page{t, ctx, p.url}
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	second.open("/desk")
	second.deskReady()
	second.until(`!document.getElementById("c-rejoin").hidden`)
	second.click(`#c-rejoin`)
	second.until(`!document.getElementById("c-mute").hidden`)
	b.until(`!document.getElementById("c-rejoin").hidden && document.getElementById("c-mute").hidden`)
	if n := far.answers.Load(); n != 2 {
		t.Errorf("the audio was set up %d times", n)
	}
	before := far.packets.Load()
	wait(t, func() bool { return far.packets.Load() > before+150 }) // 3 s: time to take it back, if it did
	if eval[bool](b, `document.getElementById("c-rejoin").hidden`) || eval[bool](second, `document.getElementById("c-mute").hidden`) {
		t.Error("the first tab took it back")
	}
}

func TestCallBackFromAMessage(t *testing.T) {
	p := start(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("mette")
	b.until(`document.querySelector(".tasks .item") !== null`)
	b.click(`.tasks .item`)
	b.shows("venter på at blive ringet op")
	b.click(`.task button`)
	b.until(`document.getElementById("dial-dialog").open`)
	if to := eval[string](b, `document.getElementById("dial-to").value`); to != "+4587654321" {
		t.Errorf("number is %q", to)
	}
	b.axe("dial")
	b.click(`#dial-dialog .button-primary`)
	b.shows("Nummeret kan ikke ringes op.") // stays open, nothing lost
	far := &peer{}
	p.mu.Lock()
	p.answer = far.answer(t, p)
	p.mu.Unlock()
	t.Cleanup(func() {
		for _, pc := range far.open {
			pc.Close()
		}
	})
	b.click(`#dial-dialog .button-primary`)
	wait(t, func() bool { return far.packets.Load() > 20 })
	b.until(`!document.getElementById("c-hangup").hidden`)
	if n := far.answers.Load(); n != 1 {
		t.Errorf("the audio was set up %d times", n)
	}
	b.click(`#c-keypad`)
	b.until(`document.getElementById("keypad-dialog").open`)
	b.axe("keypad")
	b.key("5")
	wait(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		n := len(p.controls)
		return n > 0 && p.controls[n-1].Action == callv1.ActionDTMF && p.controls[n-1].Value == "5"
	})
	b.shot("keypad")
	b.key("\x1b")
	b.click(`.tasks .item`)
	b.click(`.task button:last-child`)
	b.until(`document.querySelector(".task").hidden`)
}

func wait(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("never happened")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// reader reads server-sent events.
type reader struct {
	t    testing.TB
	resp *http.Response
	s    *bufio.Scanner
}

type sseEvent struct{ id, name, data string }

func (p *place) events(t testing.TB, path, tok, last string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	req, err := http.NewRequestWithContext(ctx, "GET", p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %d", path, resp.StatusCode)
	}
	return &reader{t, resp, bufio.NewScanner(resp.Body)}
}

// next returns the next event of a name, passing over others.
func (r *reader) next(name string) sseEvent {
	r.t.Helper()
	var e sseEvent
	for r.s.Scan() {
		k, v, _ := strings.Cut(r.s.Text(), ": ")
		switch {
		case k == "id":
			e.id = v
		case k == "event":
			e.name = v
		case k == "data":
			e.data = v
		case r.s.Text() == "":
			if e.name == name {
				return e
			}
			e = sseEvent{}
		}
	}
	r.t.Fatalf("stream ended before %q: %v", name, r.s.Err())
	return e
}

func TestConversationEventsResume(t *testing.T) {
	p := start(t)
	p.fill("x")
	tok := p.token(t, "caseworker", nil)
	path := "/api/v1/conversations/" + demoConv + "/events"
	p.say(t, demoConv, legCitizen, callv1.RoleCitizen, time.Second, "et")
	r := p.events(t, path, tok, "")
	first := r.next("final")
	if !strings.Contains(first.data, `"et"`) || first.id == "" {
		t.Fatalf("got %+v", first)
	}
	p.say(t, demoConv, legCitizen, callv1.RoleCitizen, 2*time.Second, "to")
	p.say(t, demoConv, legWorker, callv1.RoleCaseworker, 3*time.Second, "tre")
	r.resp.Body.Close()
	r = p.events(t, path, tok, first.id)
	second, third := r.next("final"), r.next("final")
	if !strings.Contains(second.data, `"to"`) || !strings.Contains(third.data, `"tre"`) {
		t.Errorf("after %s came %s and %s", first.id, second.data, third.data)
	}
	var w struct {
		Role  string
		Words []struct{ Start, End float64 }
	}
	if err := json.Unmarshal([]byte(third.data), &w); err != nil || w.Role != "caseworker" || w.Words[0].Start != 3 {
		t.Errorf("got %+v, %v", w, err)
	}
}

func TestWithdrawnWordsAreNotStreamed(t *testing.T) {
	p := start(t)
	p.fill("x")
	tok := p.token(t, "caseworker", nil)
	path := "/api/v1/conversations/" + demoConv + "/events"
	p.say(t, demoConv, legCitizen, callv1.RoleCitizen, time.Second, "hemmeligt")
	live := p.events(t, path, tok, "")
	if e := live.next("final"); !strings.Contains(e.data, "hemmeligt") {
		t.Fatalf("got %+v", e)
	}
	p.choose(t, false, 5*time.Second)
	for i := 0; ; i++ { // until the open stream knows; it ends by itself if it never does
		p.say(t, demoConv, legCitizen, callv1.RoleCitizen, time.Duration(7+i)*time.Second, "videre")
		if e := live.next("final"); !strings.Contains(e.data, "videre") {
			break
		}
	}
	again := p.events(t, path, tok, "")
	for range 2 {
		if e := again.next("final"); strings.Contains(e.data, "hemmeligt") || strings.Contains(e.data, "videre") || !strings.Contains(e.data, `"ledger"`) {
			t.Errorf("a new reader gets %s", e.data)
		}
	}
	p.choose(t, true, 6*time.Second)
	later := p.events(t, path, tok, "")
	if e := later.next("final"); strings.Contains(e.data, "hemmeligt") {
		t.Errorf("given again, the words of before are shown: %s", e.data)
	}
	if e := later.next("final"); !strings.Contains(e.data, "videre") {
		t.Errorf("given again, new words are not shown: %s", e.data)
	}
}

// choose stores what the citizen said about the transcript, some time into the call.
func (p *place) choose(t testing.TB, value bool, at time.Duration) {
	t.Helper()
	p.mu.Lock()
	c := consentv1.Choice{
		Meta: event.NewMeta("consent.v1.choice", "test", time.Now()), ConversationID: demoConv, Kind: consentv1.Transcription, Value: value,
		At: p.convs[0].StartedAt.Add(at),
	}
	p.choices = append(p.choices, c)
	p.mu.Unlock()
	if err := p.bus.NC.Publish(c.Subject(), mustJSON(c)); err != nil {
		t.Fatal(err)
	}
}

func TestInboxEventsAreFilteredAndResume(t *testing.T) {
	p := start(t)
	mine := ringingCall()
	other := ringingCall()
	other.ServiceArea, other.ConversationID = "pension", event.NewID(time.Now())
	taken := ringingCall()
	taken.Caseworker, taken.ConversationID = "jonas", event.NewID(time.Now())
	p.calls = []callv1.Call{mine, other, taken}
	tok := p.token(t, "caseworker", nil)
	only := p.areaToken(t, "mette", "borgerservice")
	if e := p.events(t, "/api/v1/events", only, "").next("calls"); strings.Contains(e.data, other.ConversationID) || strings.Contains(e.data, taken.ConversationID) || !strings.Contains(e.data, mine.ConversationID) {
		t.Errorf("got %s", e.data)
	}
	operator := p.events(t, "/api/v1/events", p.token(t, "operator", nil), "").next("calls")
	if strings.Contains(operator.data, "Bente") || !strings.Contains(operator.data, taken.ConversationID) {
		t.Errorf("operator got %s", operator.data)
	}
	r := p.events(t, "/api/v1/events", tok, "")
	r.next("calls")
	p.changed(t, "borgerservice", "drafted")
	first := r.next("changed")
	r.resp.Body.Close()
	p.changed(t, "borgerservice", "approved")
	if e := p.events(t, "/api/v1/events", tok, first.id).next("changed"); !strings.Contains(e.data, "approved") {
		t.Errorf("got %s", e.data)
	}
	strict := p.events(t, "/api/v1/events", only, first.id)
	p.changed(t, "pension", "secret")
	p.changed(t, "borgerservice", "delivered")
	strict.next("changed")
	if e := strict.next("changed"); strings.Contains(e.data, "secret") || !strings.Contains(e.data, "delivered") {
		t.Errorf("another area's event arrived: %s", e.data)
	}
}

func (p *place) areaToken(t testing.TB, id, area string) string {
	return p.token(t, "caseworker", func(c *tokenClaims) { c.Subject, c.Areas = id, []string{area} })
}

func (p *place) changed(t testing.TB, area, what string) {
	t.Helper()
	p.changedIn(t, demoConv, area, what)
}

func (p *place) changedIn(t testing.TB, conv, area, what string) {
	t.Helper()
	err := p.bus.Publish(t.Context(), journalv1.Changed{Meta: event.NewMeta("journal.v1.changed", "test", time.Now()), ConversationID: conv, ServiceArea: area, State: "review", What: what})
	if err != nil {
		t.Fatal(err)
	}
}
