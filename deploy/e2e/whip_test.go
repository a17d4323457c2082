package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// Somebody else's programs take part by WHIP and WHEP alone: what one token's bearer publishes another's watches. Each connection is ended
// by itself.
func TestWHIP(t *testing.T) {
	s := start(t)
	var m struct{ ID string }
	err := s.api("caseworker/mette", "POST", "/api/v1/meetings", map[string]any{
		"title": "Samtale", "service_area": "borgerservice", "choices": map[string]any{}, "participants": []any{},
	}, &m)
	if err != nil {
		t.Fatal(err)
	}
	token := func() string { return s.samtale("token", "--role", "citizen", "--room", m.ID) }
	sender, viewer := token(), token()

	sends := s.program(t)
	sound, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "sound", "program")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sends.pc.AddTrack(sound); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // Opus frames of silence; to whom nobody is connected yet they go nowhere
		for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			_ = sound.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: 20 * time.Millisecond})
		}
	}()
	sends.offers("/whip/"+m.ID, sender)

	watch := func(token string) *program {
		p := s.program(t)
		if _, err := p.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
		p.pc.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			for {
				if _, _, err := r.ReadRTP(); err != nil {
					return
				}
				p.heard.Add(1)
			}
		})
		p.offers("/whep/"+m.ID, token)
		return p
	}
	own, other := watch(sender), watch(viewer)
	more := func(p *program) {
		t.Helper()
		from := p.heard.Load()
		s.until("the published sound", func() error {
			if n := p.heard.Load() - from; n < 20 {
				return fmt.Errorf("%d packets", n)
			}
			return nil
		})
	}
	more(other)
	if n := own.heard.Load(); n > 0 {
		t.Errorf("the sender gets %d packets of its own", n)
	}
	sends.restarts(sender)
	other.restarts(viewer)
	more(other)
	own.ends(sender, http.StatusOK)
	more(other) // who stops watching still sends
	s.programs(m.ID, "room", "room")
	sends.ends(sender, http.StatusOK)
	s.programs(m.ID, "left", "room")
	sends.ends(sender, http.StatusNotFound)
	other.ends(viewer, http.StatusOK)
	s.programs(m.ID, "left", "left")
}

// programs waits until those who came by tokens stand so, in the order in which they came.
func (s *system) programs(meeting string, states ...string) {
	s.t.Helper()
	s.until("the programs to be "+strings.Join(states, " and "), func() error {
		var m struct {
			Participants []struct{ Role, State string }
		}
		if err := s.api("caseworker/mette", "GET", "/api/v1/meetings/"+meeting, nil, &m); err != nil {
			return err
		}
		var got []string
		for _, p := range m.Participants {
			if p.Role == "citizen" {
				got = append(got, p.State)
			}
		}
		if !slices.Equal(got, states) {
			return fmt.Errorf("they are %v", got)
		}
		return nil
	})
}

// program is a client of WHIP or WHEP.
type program struct {
	s     *system
	pc    *webrtc.PeerConnection
	at    string // of the resource
	tag   string // of its ICE session
	heard atomic.Int64
}

func (s *system) program(t *testing.T) *program {
	t.Helper()
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMaxBindingRequests(1000) // a busy machine answers later than the seven that are asked else
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return &program{s: s, pc: pc}
}

func (p *program) offers(path, token string) {
	t := p.s.t
	t.Helper()
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	whole := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-whole
	r := p.request("POST", path, token, p.pc.LocalDescription().SDP, "")
	answer, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusCreated || r.Header.Get("Content-Type") != "application/sdp" {
		t.Fatalf("%s: %d %s %s, %v", path, r.StatusCode, r.Header.Get("Content-Type"), answer, err)
	}
	at, err := r.Location()
	if err != nil {
		t.Fatal(err)
	}
	p.at, p.tag = at.Path, r.Header.Get("ETag")
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		t.Fatal(err)
	}
}

// restarts begins ICE again, as after a change of networks, and waits until the connection stands by its new credentials alone.
func (p *program) restarts(token string) {
	t := p.s.t
	t.Helper()
	old := p.pc.RemoteDescription().SDP
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	connected := make(chan struct{}, 100)
	p.pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
		if s == webrtc.ICEConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	whole := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-whole
	fragment := "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
	for line := range strings.Lines(p.pc.LocalDescription().SDP) {
		if strings.HasPrefix(line, "a=ice-ufrag:") || strings.HasPrefix(line, "a=ice-pwd:") || strings.HasPrefix(line, "a=candidate:") {
			fragment += line
		}
	}
	for tag, status := range map[string]int{"": http.StatusPreconditionRequired, `"old"`: http.StatusPreconditionFailed, p.tag: http.StatusNoContent} {
		if r := p.request("PATCH", p.at, token, fragment, tag); r.StatusCode != status {
			t.Errorf("PATCH with %q: %d", tag, r.StatusCode)
		}
	}
	r := p.request("PATCH", p.at, token, fragment, "*")
	answer, err := io.ReadAll(r.Body)
	tag := r.Header.Get("ETag")
	if err != nil || r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/trickle-ice-sdpfrag" || tag == p.tag {
		t.Fatalf("PATCH: %d %s %s %s, %v", r.StatusCode, r.Header.Get("Content-Type"), tag, answer, err)
	}
	p.tag = tag
	credential := func(name, text string) string {
		for line := range strings.Lines(text) {
			if v, ok := strings.CutPrefix(line, "a=ice-"+name+":"); ok {
				return strings.TrimSpace(v)
			}
		}
		t.Fatalf("no %s in %s", name, text)
		return ""
	}
	for _, name := range []string{"ufrag", "pwd"} {
		old = strings.ReplaceAll(old, credential(name, old), credential(name, string(answer)))
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: old}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-connected:
	case <-time.After(waitLimit):
		t.Fatal("no connection after ICE began again")
	}
}

func (p *program) ends(token string, status int) {
	p.s.t.Helper()
	if r := p.request("DELETE", p.at, token, "", ""); r.StatusCode != status {
		p.s.t.Errorf("DELETE %s: %d", p.at, r.StatusCode)
	}
}

func (p *program) request(method, path, token, body, match string) *http.Response {
	p.s.t.Helper()
	r, err := http.NewRequestWithContext(p.s.t.Context(), method, "http://"+p.s.http+path, strings.NewReader(body))
	if err != nil {
		p.s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/sdp")
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
		r.Header.Set("If-Match", match)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.s.t.Fatal(err)
	}
	p.s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}
