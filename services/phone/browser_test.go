package phone

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/callv1"
)

// browser is a caseworker's WebRTC client.
type browser struct {
	t     *testing.T
	pc    *webrtc.PeerConnection
	recv  *rtpx.Receiver
	send  *rtpx.Sender
	clock *rtpx.Clock

	mu    sync.Mutex
	heard []int16
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	var se webrtc.SettingEngine
	se.SetICEMaxBindingRequests(1000) // a busy machine answers later than the seven that are asked else
	se.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, pc: pc, clock: rtpx.NewClock(1)}
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTrack(track); err != nil {
		t.Fatal(err)
	}
	opus := []rtpx.Format{{Type: 111, Codec: rtpx.Opus}}
	b.recv, err = rtpx.NewReceiver(rtpx.ReceiverConfig{Formats: opus, Frame: b.frame})
	if err != nil {
		t.Fatal(err)
	}
	b.send, err = rtpx.NewSender(rtpx.SenderConfig{Formats: opus, Send: func(p []byte) error { _, err := track.Write(p); return err }})
	if err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		buf := make([]byte, 1500)
		for {
			n, _, err := tr.Read(buf)
			if err != nil {
				return
			}
			b.recv.Packet(time.Now(), buf[:n])
		}
	})
	b.clock.Add(b)
	t.Cleanup(b.close)
	return b
}

func (b *browser) close() {
	b.clock.Remove(b)
	b.pc.Close()
}

func (b *browser) Tick(now time.Time) { b.recv.Tick(now); b.send.Tick(now) }

func (b *browser) frame(f rtpx.Frame) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, f.Samples...)
}

// forget returns the loudest level since the last call.
func (b *browser) forget() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := loudest(b.heard)
	b.heard = nil
	return l
}

func (b *browser) offer() string {
	b.t.Helper()
	o, err := b.pc.CreateOffer(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(b.pc)
	if err := b.pc.SetLocalDescription(o); err != nil {
		b.t.Fatal(err)
	}
	<-done
	return b.pc.LocalDescription().SDP
}

func (b *browser) accept(sdp string) {
	b.t.Helper()
	if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}); err != nil {
		b.t.Fatal(err)
	}
}

// answer takes a call.
func (b *browser) answer(w *world, id, caseworker string) callv1.Call {
	b.t.Helper()
	rep, err := ask[callv1.AnswerReply](w, callv1.AnswerSubject, callv1.AnswerRequest{ConversationID: id, Caseworker: caseworker, SDP: b.offer()})
	if err != nil {
		b.t.Fatal(err)
	}
	b.accept(rep.SDP)
	return rep.Call
}

// dial calls sip:borger at an address, as anna.
func (b *browser) dial(w *world, host string) callv1.Call {
	b.t.Helper()
	rep, err := ask[callv1.AnswerReply](w, callv1.DialSubject, callv1.DialRequest{
		Caseworker: "anna", ServiceArea: "borgerservice", To: "sip:borger@" + host, SDP: b.offer(),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.accept(rep.SDP)
	return rep.Call
}

// say plays a tone from now on; nil is silence.
func (b *browser) say(s []int16) { b.send.SetSource(pcm.NewClip(s, true)) }

// hears waits until the browser hears something, or silence.
func (b *browser) hears(w *world, loud bool) {
	b.t.Helper()
	what := "browser hears silence"
	if loud {
		what = "browser hears sound"
	}
	w.until(what, b.listens(loud))
}

// listens tells, of 400 ms at a time, whether there was sound, or silence.
func (b *browser) listens(loud bool) func() bool {
	b.forget()
	last := time.Now()
	return func() bool {
		if time.Since(last) < 400*time.Millisecond {
			return false
		}
		last = time.Now()
		return (b.forget() > -35) == loud
	}
}
