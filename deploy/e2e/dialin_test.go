package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/opus"
	"samtale.dk/samtale/services/phone/dialer"
)

// meeting is one as the API tells it.
type meeting struct {
	ID           string   `json:"id"`
	State        string   `json:"state"`
	DialNumber   string   `json:"dial_number"`
	Participants []person `json:"participants"`
}

type person struct {
	ID         string `json:"id"`
	State      string `json:"state"`
	Link       string `json:"link"`
	DialCode   string `json:"dial_code"`
	Phone      string `json:"phone"`
	Line       string `json:"line"`
	Muted      bool   `json:"muted"`
	Hand       bool   `json:"hand"`
	ByPhone    bool   `json:"by_phone"`
	Transcribe *bool  `json:"transcribe"`
}

// host leads a meeting from a program: it sends a tone, keeps what it hears of the others, and acts.
type host struct {
	s    *system
	id   string // of the meeting
	seat string // Samtale-Seat

	mu    sync.Mutex
	heard []int16 // 16 kHz
}

// Tones of both sides, in Hz: neither is in the other's, nor in an announcement for long.
const (
	hostHz  = 700
	phoneHz = 440
)

var entryData = regexp.MustCompile(`data-entry="([^"]*)"`)

// newHost opens the caseworker's link with a token, and sets sound up.
func newHost(s *system, m meeting) *host {
	s.t.Helper()
	var entry struct {
		Seat struct {
			ParticipantID string `json:"participant_id"`
			Key           string `json:"key"`
		} `json:"seat"`
		CanAct bool `json:"can_act"`
	}
	token := s.token("caseworker")
	s.until("the meeting's page", func() error {
		req, err := http.NewRequest(http.MethodGet, m.Participants[0].Link, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		data := entryData.FindSubmatch(page)
		if data == nil {
			return fmt.Errorf("no entry in the page (%d)", resp.StatusCode)
		}
		if err := json.Unmarshal([]byte(html.UnescapeString(string(data[1]))), &entry); err != nil || !entry.CanAct {
			return fmt.Errorf("entry: %w %+v", err, entry)
		}
		return nil
	})
	h := &host{s: s, id: m.ID, seat: entry.Seat.ParticipantID + " " + entry.Seat.Key}
	h.publish()
	h.subscribe()
	return h
}

// ask does something in the room; again while the service is busy, which harms nothing that is done here.
func (h *host) ask(op string, body, into any) error {
	for deadline := time.Now().Add(waitLimit); ; time.Sleep(100 * time.Millisecond) {
		err := h.askOnce(op, body, into)
		if !errors.Is(err, errBusy) || time.Now().After(deadline) {
			return err
		}
	}
}

func (h *host) askOnce(op string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+h.s.http+"/api/v1/meetings/"+h.id+"/room/"+op, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Samtale-Seat", h.seat)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err = io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %s: %s", errBusy, op, data)
	case err != nil || resp.StatusCode >= 300:
		return fmt.Errorf("%s: %d %s %w", op, resp.StatusCode, data, err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}

func (h *host) must(err error) {
	h.s.t.Helper()
	if err != nil {
		h.s.t.Fatal(err)
	}
}

func (h *host) connection() *webrtc.PeerConnection {
	h.s.t.Helper()
	var se webrtc.SettingEngine
	se.SetICEMaxBindingRequests(1000) // a busy machine answers later than the seven that are asked else
	se.SetICETimeouts(waitLimit, waitLimit, 2*time.Second)
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	var me webrtc.MediaEngine
	h.must(me.RegisterDefaultCodecs())
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(&me)).NewPeerConnection(webrtc.Configuration{})
	h.must(err)
	h.s.t.Cleanup(func() { pc.Close() })
	return pc
}

func (h *host) local(pc *webrtc.PeerConnection, d webrtc.SessionDescription, err error) string {
	h.s.t.Helper()
	h.must(err)
	done := webrtc.GatheringCompletePromise(pc)
	h.must(pc.SetLocalDescription(d))
	<-done
	return pc.LocalDescription().SDP
}

type sdp struct {
	SDP     string `json:"sdp"`
	Session string `json:"session,omitempty"`
}

// publish sends the tone until the test ends.
func (h *host) publish() {
	h.s.t.Helper()
	pc := h.connection()
	mic, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "stream")
	h.must(err)
	_, err = pc.AddTrack(mic)
	h.must(err)
	offer, err := pc.CreateOffer(nil)
	var answer sdp
	h.must(h.ask("publish", sdp{SDP: h.local(pc, offer, err)}, &answer))
	h.must(pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}))
	enc, err := opus.NewEncoder(16000, 32000)
	h.must(err)
	tone := mediatest.Tone(320, 16000, hostHz, 8000) // 14 waves: it goes on without a seam
	stop := make(chan struct{})
	h.s.t.Cleanup(func() { close(stop) })
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		b := make([]byte, opus.MaxBytes)
		for seq := uint16(1); ; seq++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			n, err := enc.Encode(b, tone)
			if err != nil {
				return
			}
			p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: seq, Timestamp: uint32(seq) * 960}, Payload: b[:n]}
			_ = mic.WriteRTP(&p) // before the connection is up it goes nowhere
		}
	}()
}

// subscribe hears whoever is there; it must be called again when somebody has come.
func (h *host) subscribe() {
	h.s.t.Helper()
	pc := h.connection()
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		dec, err := opus.NewDecoder(16000)
		if err != nil {
			return
		}
		frame := make([]int16, opus.MaxSamples)
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			if n, err := dec.Decode(frame, p.Payload); err == nil {
				h.mu.Lock()
				h.heard = append(h.heard, frame[:n]...)
				h.mu.Unlock()
			}
		}
	})
	var offer sdp
	h.must(h.ask("subscribe", sdp{}, &offer))
	h.must(pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer.SDP}))
	answer, err := pc.CreateAnswer(nil)
	h.must(h.ask("subscribe", sdp{SDP: h.local(pc, answer, err), Session: "answer"}, nil))
}

// tone is how loud the telephone's tone was in what the host heard last.
func (h *host) tone() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return mediatest.Goertzel(h.heard[max(0, len(h.heard)-8000):], 16000, phoneHz)
}

// caller is the meeting's telephone, as the API tells it now.
func (h *host) caller() person {
	h.s.t.Helper()
	var m meeting
	h.must(h.s.api("caseworker", "GET", "/api/v1/meetings/"+h.id, nil, &m))
	return m.Participants[1]
}

// until waits for the telephone to be as it should.
func (h *host) until(what string, is func(person) bool) {
	h.s.t.Helper()
	h.s.until(what, func() error {
		if p := h.caller(); !is(p) {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
}

// keys presses keys one after the other during a call.
func (c *citizen) keys(all string) {
	c.t.Helper()
	if err := c.tryKeys(all); err != nil {
		c.t.Fatal(err)
	}
}

// tryKeys presses keys one after the other, as a finger does. Each has its while of the telephone's own time, which it tells by what
// it hears: on a busy machine keys that came faster would be one. The error says that the call is over.
func (c *citizen) tryKeys(all string) error {
	for _, k := range all {
		c.press(string(k))
		till := len(c.heard()) + 8000*3/10
		if err := c.hearsUntil(func(heard []int16) bool { return len(heard) >= till }); err != nil {
			return fmt.Errorf("after key %c: %w", k, err)
		}
	}
	return nil
}

// hearsUntil waits until a telephone has heard enough. It is an error when nothing more comes: the call is over, or never was one.
func (c *citizen) hearsUntil(enough func([]int16) bool) error {
	n := 0
	for came := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		heard := c.heard()
		if enough(heard) {
			return nil
		}
		if len(heard) > n {
			n, came = len(heard), time.Now()
		}
		if time.Since(came) > 2*again {
			return fmt.Errorf("a telephone hears nothing more after %d samples", n)
		}
	}
}

// dialsIn has a telephone wait in a meeting's lobby: it keys in what it must, and answers as long as it does not wait there. On a
// busy machine there may be so long between two keys of a code that they are no code, and after three of these the call is over: then
// somebody calls again. waits tells whether the telephone waits as it should.
func (s *system) dialsIn(m meeting, keys, answer string, waits func() error) *citizen {
	s.t.Helper()
	for began := time.Now(); ; {
		c := newCitizen(s.t)
		err := c.dialIn(m.DialNumber, keys, answer, waits)
		if err == nil {
			return c
		}
		if time.Since(began) > 2*waitLimit {
			s.t.Fatalf("no telephone came into the lobby: %v\n%s", err, s.log.tail(60))
		}
		s.t.Logf("a telephone did not come into the lobby: %v", err)
		c.command("hangup", "")
	}
}

func (c *citizen) dialIn(number, keys, answer string, waits func() error) error {
	c.call(number)
	if err := c.hearsUntil(func(heard []int16) bool { return energy(heard) >= 25 }); err != nil {
		return err
	}
	if err := c.tryKeys(keys); err != nil {
		return err
	}
	n, came := 0, time.Now()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if err := c.tryKeys(answer); err != nil {
			return err
		}
		err := waits()
		if got := len(c.heard()); got > n {
			n, came = got, time.Now()
		}
		// Nothing more is heard when it has been hung up. Not before then: else who waits could be one who calls no more.
		if err == nil || time.Since(began) > waitLimit || time.Since(came) > 2*again {
			return err
		}
	}
}

// does has the telephone do something until it shows: on a busy machine the meeting may not have been told, and nobody says so.
func (h *host) does(what string, act func(), is func(person) bool) {
	h.s.t.Helper()
	acted := time.Now()
	act()
	h.until(what, func(p person) bool {
		if is(p) {
			return true
		}
		if time.Since(acted) > again {
			act()
			acted = time.Now()
		}
		return false
	})
}

// TestDialIn: a citizen without a computer calls with a telephone, keys in a code, says yes to being written down, waits, is let
// in, is heard and hears, mutes, takes the yes back, and hangs up. Nothing is kept of the call but what was said in the meeting.
func TestDialIn(t *testing.T) {
	s := start(t)
	var m meeting
	err := s.api("caseworker", "POST", "/api/v1/meetings", map[string]any{
		"title": "Opfølgning", "service_area": "borgerservice", "choices": map[string]bool{"transcript": true, "dial_in": true},
		"participants": []map[string]string{{"role": "citizen", "name": "Bente"}},
	}, &m)
	if err != nil {
		t.Fatal(err)
	}
	if m.DialNumber != "sip:moede@"+s.sip || len(m.Participants) != 2 || len(m.Participants[1].DialCode) != 9 || m.Participants[0].DialCode != "" {
		t.Fatalf("meeting: %+v", m)
	}
	h := newHost(s, m)
	// First a wrong code. A key before the question counts for nothing, and none does in the lobby.
	c := s.dialsIn(m, "000000000"+"*"+m.Participants[1].DialCode, "1", func() error {
		if p := h.caller(); p.State != "lobby" || p.Transcribe == nil {
			return fmt.Errorf("no caller in the lobby who has said yes: %+v", p)
		}
		return nil
	})
	c.wav("tone.wav", mediatest.Tone(8000*600, 8000, phoneHz, 8000))
	p := h.caller()
	if !p.ByPhone || !*p.Transcribe || p.Phone != "" {
		t.Errorf("in the lobby: %+v", p)
	}
	h.must(s.api("caseworker", "POST", "/api/v1/meetings/"+m.ID+"/admit", map[string]string{"participant_id": p.ID, "decision": "admit"}, nil))
	h.until("the caller in the room", func(p person) bool { return p.State == "room" })
	c.playFile("tone.wav")
	s.until("the host's tone at the telephone, and the telephone's at the host", func() error {
		heard := c.heard()
		there := mediatest.Goertzel(heard[max(0, len(heard)-4000):], 8000, hostHz)
		if here := h.tone(); there < 500 || here < 500 {
			return fmt.Errorf("loudness %.0f at the telephone, %.0f at the host", there, here)
		}
		return nil
	})

	h.does("the telephone muted by its keys", func() { c.keys("*6") }, func(p person) bool { return p.Muted })
	h.mu.Lock()
	h.heard = nil
	h.mu.Unlock()
	h.does("the telephone heard again", func() { c.keys("1") }, func(p person) bool { return !p.Muted })
	s.until("its tone", func() error {
		if here := h.tone(); here < 500 {
			return fmt.Errorf("loudness %.0f", here)
		}
		return nil
	})
	h.does("a hand", func() { c.keys("0") }, func(p person) bool { return p.Hand })

	// The same words come again and again: on a slow machine sound is lost on its way to the recogniser, but not always.
	c.wav("speech.wav", slices.Repeat(append(spoken(t, "Jeg vil gerne søge om boligstøtte. Jeg flytter i næste uge."), make([]int16, 8000*4)...), 120))
	c.playFile("speech.wav")
	words := regexp.MustCompile(`(?i)flytter|boligstøtte|næste uge`)
	s.until("captions of what the telephone says", func() error {
		var got struct {
			Captions []struct{ Text, From string }
		}
		if err := h.history(&got); err != nil {
			return err
		}
		for _, l := range got.Captions {
			if l.From == p.ID && words.MatchString(l.Text) {
				return nil
			}
		}
		return fmt.Errorf("captions: %+v", got.Captions)
	})
	written := func() (tr transcript, err error) {
		return tr, s.api("caseworker", "GET", "/api/v1/conversations/"+m.ID+"/transcript", nil, &tr)
	}
	s.until("the transcript", func() error {
		tr, err := written()
		if err == nil && !words.MatchString(tr.Text) {
			err = fmt.Errorf("it says: %s", tr.Text)
		}
		return err
	})

	turns := func(from, to string) func() { // who is already as it should be does nothing
		return func() { c.command(from, ""); c.command(to, "") }
	}
	h.does("the telephone holding", turns("resume", "hold"), func(p person) bool { return p.Line == "held" })
	h.does("the telephone back", turns("hold", "resume"), func(p person) bool { return p.Line == "" && p.State == "room" })

	// A telephone that was holding does not always write on what it hears: nothing tells its time.
	h.does("the yes taken back", func() { c.press("2") }, func(p person) bool { return p.Transcribe != nil && !*p.Transcribe })
	s.until("the transcript gone, as the only citizen wants", func() error {
		if tr, err := written(); err == nil && tr.Text != "" {
			return fmt.Errorf("it says: %s", tr.Text)
		}
		return nil
	})
	c.playFile("tone.wav")
	s.until("the telephone is still heard", func() error {
		if here := h.tone(); here < 500 {
			return fmt.Errorf("loudness %.0f", here)
		}
		return nil
	})
	c.command("hangup", "")
	h.until("the caller gone", func(p person) bool { return p.State == "left" })
	h.must(h.ask("act", map[string]string{"action": "end"}, nil))
	s.until("the end", func() error {
		var m2 meeting
		if err := s.api("caseworker", "GET", "/api/v1/meetings/"+m.ID, nil, &m2); err != nil || m2.State != "ended" {
			return fmt.Errorf("it is %q: %v", m2.State, err)
		}
		return nil
	})
	var list struct {
		Conversations []struct{ ID string }
	}
	h.must(s.api("caseworker", "GET", "/api/v1/conversations", nil, &list))
	if len(list.Conversations) != 1 || list.Conversations[0].ID != m.ID {
		t.Errorf("the call is a conversation of its own: %+v", list)
	}
}

// listenRoom is listen on the room's page, where each participant has a tile.
var listenRoom = strings.Replace(listen, `document.getElementById("remote-audio").srcObject`,
	`[...document.querySelectorAll("#m-tiles audio")].map((x) => x.srcObject).find(Boolean)`, 1)

// led books a meeting with Bente that begins now, with some choices, and opens its room as mette, who is silent.
func (s *system) led(choices ...string) (meeting, *browser) {
	s.t.Helper()
	chosen := map[string]bool{}
	for _, c := range choices {
		chosen[c] = true
	}
	var m meeting
	err := s.api("caseworker/mette", "POST", "/api/v1/meetings", map[string]any{
		"title": "Opfølgning", "service_area": "borgerservice", "choices": chosen,
		"participants": []map[string]string{{"role": "citizen", "name": "Bente"}},
	}, &m)
	if err != nil {
		s.t.Fatal(err)
	}
	silence := s.t.TempDir() + "/silence.wav"
	writeWAV(s.t, silence, make([]int16, 8000*60))
	b := newBrowser(s, silence)
	b.login("mette", "/moeder")
	b.await("the page of meetings", `document.documentElement.dataset.ready === "meetings"`)
	b.run("join", chromedp.Navigate(m.Participants[0].Link))
	b.await("the room", `!document.getElementById("m-room").hidden && document.getElementById("meeting").dataset.out === "connected"`)
	return m, b
}

// TestDialOut: whoever leads the meeting calls somebody's telephone from the room's page, and has them in the meeting.
func TestDialOut(t *testing.T) {
	answered := make(chan *dialer.Call, 1)
	telephone, err := dialer.New(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { c.Keep(); answered <- c }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(telephone.Close)
	s := start(t)
	m, b := s.led("transcript")
	number := "sip:30405060@" + telephone.Addr()
	b.run("show the panel", chromedp.Evaluate(`document.getElementById("m-panel").hidden && document.getElementById("m-b-chat").click()`, nil))
	b.click("#m-dial summary")
	b.run("whom to call", chromedp.SetValue("#m-dial-name", "Karl"), chromedp.SetValue("#m-dial-number", number))
	b.click("#m-dial-form button")
	rings := func() *dialer.Call {
		t.Helper()
		select {
		case c := <-answered:
			return c
		case <-time.After(waitLimit):
			t.Fatalf("the telephone does not ring\n%s", s.log.tail(40))
			return nil
		}
	}
	c := rings()
	const karl = `[...document.querySelectorAll("#m-people li")].find((x) => x.innerText.includes("Karl"))?.innerText ?? ""`
	var got meeting
	shown := false
	s.until("the telephone in the room", func() error {
		select {
		case <-c.Ended(): // nobody has pressed a key in time, for the page was slower
			b.pressAt("Karl", "Ring op")
			c = rings()
		default:
		}
		if !shown {
			if err := b.true(10*time.Second, karl+`.includes("ringet op")`); err != nil {
				return fmt.Errorf("that it rings: %w", err)
			}
			shown = true
		}
		if err := c.Press(t.Context(), "2"); err != nil { // in, and not written down
			return err
		}
		if err := s.api("caseworker/mette", "GET", "/api/v1/meetings/"+m.ID, nil, &got); err != nil {
			return err
		}
		if len(got.Participants) != 3 || got.Participants[2].State != "room" {
			return fmt.Errorf("%+v", got.Participants)
		}
		return nil
	})
	if p := got.Participants[2]; !p.ByPhone || p.Transcribe == nil || *p.Transcribe {
		t.Errorf("in the room: %+v", p)
	}
	b.await("a telephone among the people", `((s) => s.includes("på telefon •• 60") && !s.includes("ringet op"))(`+karl+`)`)
	b.screenshot("meeting-telephone")
	c.Loop(mediatest.Tone(16000, 16000, phoneHz, 8000))
	s.until("its tone in the browser", func() error {
		var share float64
		b.run("listen", chromedp.Evaluate(listenRoom, &share, awaitPromise))
		if share < 0.2 {
			return fmt.Errorf("sound in %.2f of the time", share)
		}
		return nil
	})
	if err := c.HangUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.await("nobody on the telephone", `((s) => s.includes("Ring op") && !s.includes("på telefon"))(`+karl+`)`)
	if strings.Contains(s.log.String(), "30405060") {
		t.Errorf("the number is in the log:\n%s", s.log)
	}
}

func (h *host) history(into any) error {
	req, err := http.NewRequest(http.MethodGet, "http://"+h.s.http+"/api/v1/meetings/"+h.id+"/room/history", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Samtale-Seat", h.seat)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}
