package sfu

import (
	"encoding/binary"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/opus"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtt"
)

// EN 301 549 V3.2.1 chapter 6, as far as the SFU can keep or break it. What a page shows of it is the portal's: own and others' text
// apart (6.2.2.1, 6.2.2.2), names (6.3) and the marks on who is heard (6.2.2.4, 6.5.5, 6.5.6), of which services/portal
// (meeting_browser_test.go) and deploy/e2e (meeting_test.go: typed in one browser, read in another) test a part. 6.4 and 6.6, other ways
// than voice and picture, are text, chat and telephone.
func TestEN301549(t *testing.T) {
	for _, tt := range []struct {
		clause string
		test   func(t *testing.T)
	}{
		{"6.1 audio band to 7 kHz", audioBand},
		{"6.2.1 text and voice at the same time, 6.2.2.3 whose text it is, 6.2.3 T.140 over RFC 8865, 6.2.4 within 500 ms", realTimeText},
		{"6.2.4 text over RTP within 500 ms", textOverRTP},
		{"6.3 who sends is known to a program", callerKnown},
		{"6.5.2 at least QVGA, 6.5.3 at least 20 frames a second", resolutionAndRate},
		{"6.5.4 sound and picture within 100 ms", lipSync},
		{"6.5.5 who is heard, 6.5.6 also who signs", speakerIndication},
	} {
		t.Run(tt.clause, tt.test)
	}
}

const fullBand = 48000

// tones are played for half a second each; the last is what clause 6.1 asks for.
var tones = []float64{300, 1000, 2000, 3400, 5000, 7000}

// audioBand sends tones through the SFU as a browser does and as a telephone with wideband does.
func audioBand(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	s := w.speak(PeerConfig{ID: "a"})
	phone := w.join(PeerConfig{ID: "phone"})
	v := w.watch(PeerConfig{ID: "b"})
	w.run(time.Second)
	enc, err := opus.NewEncoder(fullBand, 48_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, hz := range tones {
		full, wide := mediatest.Tone(fullBand/2, fullBand, hz, 8000), mediatest.Tone(pcm.Rate/2, pcm.Rate, hz, 8000)
		at := 0
		s.voices = func() []byte {
			n := fullBand / 50
			b := make([]byte, opus.MaxBytes)
			size, err := enc.Encode(b, full[at%len(full):][:n])
			if err != nil {
				t.Fatal(err)
			}
			if err := phone.WriteFrame(wide[at/3%len(wide):][:pcm.FrameSamples]); err != nil {
				t.Fatal(err)
			}
			at += n
			return b[:size]
		}
		marks := map[string]int{}
		for id, g := range v.got {
			marks[id] = len(g.packets)
		}
		w.run(500 * time.Millisecond)
		for _, id := range []string{"a~microphone", "phone~microphone"} {
			heard := decode(t, v.got[id].packets[marks[id]:])
			heard = heard[len(heard)/2:] // the codec has settled
			sent := mediatest.Goertzel(full[:len(heard)], fullBand, hz)
			if lost := 20 * math.Log10(sent/mediatest.Goertzel(heard, fullBand, hz)); lost > 6 || math.IsNaN(lost) {
				t.Errorf("%s: %v Hz is %.1f dB weaker than it was sent", id, hz, lost)
			}
		}
	}
}

func decode(t *testing.T, packets []*rtp.Packet) []int16 {
	t.Helper()
	dec, err := opus.NewDecoder(fullBand)
	if err != nil {
		t.Fatal(err)
	}
	var all []int16
	buf := make([]int16, opus.MaxSamples)
	for _, p := range packets {
		n, err := dec.Decode(buf, p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, buf[:n]...)
	}
	return all
}

// realTimeText: each character goes out before the next is typed, so nothing collects them: the time that it takes is the network's
// (sfuproof measures it). The page sends with each key. Sound goes on meanwhile.
func realTimeText(t *testing.T) {
	r := open(t, node(t), RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "anna"}), join(t, r, PeerConfig{ID: "bo"})
	a.publishBoth()
	a.subscribe()
	b.subscribe()
	heard := make(chan [2]string, 100)
	b.sub.OnDataChannel(func(dc *webrtc.DataChannel) {
		if dc.Protocol() != textProtocol {
			t.Errorf("protocol %q", dc.Protocol())
		}
		dc.OnMessage(func(m webrtc.DataChannelMessage) { heard <- [2]string{dc.Label(), string(m.Data)} })
	})
	protocol, ordered := textProtocol, true
	typed, err := a.sub.CreateDataChannel(TextLabel, &webrtc.DataChannelInit{Protocol: &protocol, Ordered: &ordered})
	a.must(err)
	var once sync.Once
	up := make(chan struct{})
	typed.OnOpen(func() { once.Do(func() { close(up) }) })
	<-up
	until(t, "bo's channels", func() bool { return b.up() }, nil)
	voice := &sound{to: a.audio}
	for _, c := range "Må jeg få en tolk?\b" {
		a.must(typed.SendText(string(c)))
		var got *[2]string
		until(t, "the character", func() bool {
			select {
			case x := <-heard:
				got = &x
			default:
			}
			return got != nil
		}, voice.send)
		if !strings.HasPrefix(got[0], TextLabel+":anna:") || got[1] != string(c) {
			t.Fatalf("typed %q, came %q", c, *got)
		}
	}
	until(t, "sound", func() bool { return len(b.packets("anna~microphone")) > 5 }, voice.send)
}

// textOverRTP reckons what collecting costs where text goes by RTP (RFC 4103): the longest that a character waits for its packet.
func textOverRTP(t *testing.T) {
	const key = 70 * time.Millisecond // between keys
	s, r := rtt.NewSender(98), &rtt.Receiver{}
	var typed []time.Duration
	came, worst := 0, time.Duration(0)
	for at := time.Duration(0); at < 10*time.Second; at += 10 * time.Millisecond {
		if at%key == 0 {
			s.Write("x")
			typed = append(typed, at)
		}
		if at%rtt.Interval != 0 {
			continue
		}
		payload, _, ok := s.Payload(uint32(at.Milliseconds()))
		if !ok {
			continue
		}
		text, err := r.Packet(uint16(at/rtt.Interval), payload)
		if err != nil {
			t.Fatal(err)
		}
		for range text {
			worst = max(worst, at-typed[came])
			came++
		}
	}
	if worst == 0 || worst > 500*time.Millisecond || came < len(typed)-10 {
		t.Errorf("a character waited for %v; %d of %d came", worst, came, len(typed))
	}
}

// up reports whether text can reach the client.
func (c *client) up() bool {
	c.peer.room.mu.Lock()
	ch := c.peer.reach()
	c.peer.room.mu.Unlock()
	if ch == nil {
		return false
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.assoc != nil
}

// callerKnown: streams and tracks carry the participant and what it is, which the page shows as a name.
func callerKnown(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	w.speak(PeerConfig{ID: "anna"})
	v := w.watch(PeerConfig{ID: "bo"})
	w.room.mu.Lock()
	offer := v.peer.offer()
	w.room.mu.Unlock()
	for _, want := range []string{"a=msid:anna anna~microphone\r\n", "a=msid:anna anna~camera\r\n"} {
		if !strings.Contains(offer, want) {
			t.Errorf("the offer has no %q", want)
		}
	}
}

// resolutionAndRate: on 300 kbit/s there is still QVGA with the camera's frames; with an interpreter and another person on 450 kbit/s
// the interpreter has.
func resolutionAndRate(t *testing.T) {
	const qvga, vga = 240, 480
	qvgaUp := func(s *speaker) {
		for i, z := range s.sizes {
			z.camera.Width, z.camera.Height = 320<<i, qvga<<i
		}
	}
	look := func(v *watcher, id string, height int) {
		t.Helper()
		x := &v.got[id].viewer
		if fps := float64(x.Shown) / 20; fps < 20 || x.Height() < height {
			t.Errorf("%s: %.1f frames/s of %d lines", id, fps, x.Height())
		}
	}
	for _, tt := range []struct{ rate, height int }{{300_000, qvga}, {1_000_000, vga}} {
		w := newWorld(t, RoomConfig{})
		qvgaUp(w.speak(PeerConfig{ID: "a"}))
		v := w.watch(PeerConfig{ID: "b"})
		v.down.Rate, v.down.Queue = tt.rate, 200*time.Millisecond
		w.run(10 * time.Second)
		v.got["a~camera"].viewer.Reset()
		w.run(20 * time.Second)
		look(v, "a~camera", tt.height)
	}
	w := newWorld(t, RoomConfig{})
	qvgaUp(w.speak(PeerConfig{ID: "a"}))
	qvgaUp(w.speak(PeerConfig{ID: "tolk", Interpreter: true}))
	v := w.watch(PeerConfig{ID: "b"})
	v.down.Rate, v.down.Queue = 450_000, 200*time.Millisecond
	w.run(10 * time.Second)
	for _, g := range v.got {
		g.viewer.Reset()
	}
	w.run(20 * time.Second)
	look(v, "tolk~camera", qvga)
}

// lipSync puts what is shown and what is heard on the publisher's clock as a receiver does, by the sender reports that the SFU
// translates (RFC 3550 section 6.4.1), across changes of layer, and compares with when it was taken.
func lipSync(t *testing.T) {
	const limit = 100 * time.Millisecond
	w := newWorld(t, RoomConfig{})
	s := w.speak(PeerConfig{ID: "a"})
	v := w.watch(PeerConfig{ID: "b"})
	v.down.Jitter = 30 * time.Millisecond
	w.run(10 * time.Second)
	v.peer.SetView("a", Camera, View{Height: 180})
	w.run(5 * time.Second)
	v.peer.SetView("a", Camera, View{})
	w.run(10 * time.Second)
	worst := map[string]time.Duration{}
	for _, id := range []string{"a~microphone", "a~camera"} {
		g := v.got[id]
		clock := map[Kind]float64{Audio: 48000, Video: 90000}[g.slot.kind]
		if len(g.reports) < 10 || id == "a~camera" && len(g.viewer.Heights) < 4 {
			t.Fatalf("%s: %d reports, heights %v", id, len(g.reports), g.viewer.Heights)
		}
		for _, p := range g.packets {
			sr := nearest(g.reports, p.Timestamp)
			ntp := sr.NTPTime + uint64(int64(float64(int32(p.Timestamp-sr.RTPTime))/clock*(1<<32)))
			off := time.Duration(float64(int64(ntp-s.ntp(taken(g.slot.kind, p.Payload)))) / (1 << 32) * float64(time.Second))
			worst[id] = max(worst[id], off.Abs())
		}
	}
	t.Logf("off by at most %v", worst)
	if worst["a~microphone"]+worst["a~camera"] > limit {
		t.Errorf("sound and picture are apart by up to %v", worst)
	}
}

// taken is when a payload was made.
func taken(kind Kind, payload []byte) time.Time {
	at := payload
	if kind == Video {
		at = payload[len(payload)-11:]
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(at)))
}

// ntp is the speaker's clock at a time.
func (s *speaker) ntp(at time.Time) uint64 {
	return s.clockAt + uint64(at.Sub(s.began).Seconds()*(1<<32))
}

func nearest(reports []*rtcp.SenderReport, ts uint32) *rtcp.SenderReport {
	best := reports[0]
	for _, r := range reports {
		if abs(int32(r.RTPTime-ts)) < abs(int32(best.RTPTime-ts)) {
			best = r
		}
	}
	return best
}

func abs(x int32) int32 { return max(x, -x) }

// speakerIndication: who talks is told, by levels that the clients send (RFC 6464); one who is muted or only makes noise is not. One
// who signs is shown by being the interpreter, whose picture comes before that of who talks.
func speakerIndication(t *testing.T) {
	var told []Speaker
	w := newWorld(t, RoomConfig{Speakers: func(x []Speaker) { told = x }})
	a, b := w.speak(PeerConfig{ID: "a"}), w.speak(PeerConfig{ID: "b"})
	tolk := w.speak(PeerConfig{ID: "tolk", Interpreter: true})
	a.level, b.level, tolk.level = 70, 70, 127
	active := func() string {
		id := ""
		for _, s := range told {
			if s.Active && s.Speaking {
				id = s.Peer
			}
		}
		return id
	}
	w.run(2 * time.Second)
	if active() != "" {
		t.Errorf("%v without anybody speaking", told)
	}
	a.level = 20
	t.Log("told within", w.until(t, "a is told", 2*time.Second, func() bool { return active() == "a" }))
	a.level, b.level = 70, 20
	w.until(t, "b is told", 3*time.Second, func() bool { return active() == "b" })
	b.peer.Mute(Microphone, true)
	w.until(t, "nobody is told", 3*time.Second, func() bool { return active() == "" })

	v := w.watch(PeerConfig{ID: "c"})
	b.peer.Mute(Microphone, false)
	v.down.Rate, v.down.Queue = 450_000, 200*time.Millisecond
	w.run(15 * time.Second)
	n, m := len(v.got["tolk~camera"].packets), 0
	if g := v.got["b~camera"]; g != nil {
		m = len(g.packets)
	}
	w.run(5 * time.Second)
	if active() != "b" || len(v.got["tolk~camera"].packets)-n < 100 {
		t.Errorf("active %q; %d packets of the interpreter, %d of b before", active(), len(v.got["tolk~camera"].packets)-n, m)
	}
}
