package softphone

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/platform/errs"
)

func maker(t *testing.T) *Maker {
	t.Helper()
	m, err := NewMaker(Config{Clock: rtpx.NewClock(1), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// offer is a browser's, with one codec.
func offer(t *testing.T, mime string, clock uint32, pt webrtc.PayloadType) (*webrtc.PeerConnection, string) {
	t.Helper()
	var me webrtc.MediaEngine
	err := me.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: clock}, PayloadType: pt,
	}, webrtc.RTPCodecTypeAudio)
	if err != nil {
		t.Fatal(err)
	}
	var se webrtc.SettingEngine
	se.SetICEMaxBindingRequests(1000) // a busy machine answers later than the seven that are asked else
	se.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&me), webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	o, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	<-done
	return pc, pc.LocalDescription().SDP
}

func TestPCMAOnlyBrowser(t *testing.T) {
	pc, sdp := offer(t, webrtc.MimeTypePCMA, 8000, 8)
	up := make(chan bool, 8)
	p, answer, err := maker(t).Answer(t.Context(), sdp, Hooks{Up: func(on bool) { up <- on }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got := make(chan uint8, 1)
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		pkt, _, err := tr.ReadRTP()
		if err == nil {
			got <- pkt.PayloadType
		}
	})
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	if !<-up {
		t.Error("the connection went away")
	}
	select {
	case pt := <-got:
		if pt != 8 {
			t.Errorf("payload type %d", pt)
		}
	case <-time.After(time.Minute):
		t.Error("no sound came")
	}
	p.state(webrtc.PeerConnectionStateDisconnected) // from before it was connected, told late
	select {
	case <-up:
		t.Error("a change that was overtaken is told")
	default:
	}
	pc.Close()
	if <-up {
		t.Error("a closed browser is still there")
	}
}

func TestBadOffers(t *testing.T) {
	m := maker(t)
	for name, sdp := range map[string]string{
		"empty": "", "rubbish": "hello", "too long": strings.Repeat("a", maxOffer+1),
		"no fingerprint": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n",
	} {
		_, _, err := m.Answer(t.Context(), sdp, Hooks{})
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
