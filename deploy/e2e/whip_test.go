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
	r := p.request("POST", path, token, p.pc.LocalDescription().SDP)
	answer, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusCreated || r.Header.Get("Content-Type") != "application/sdp" {
		t.Fatalf("%s: %d %s %s, %v", path, r.StatusCode, r.Header.Get("Content-Type"), answer, err)
	}
	at, err := r.Location()
	if err != nil {
		t.Fatal(err)
	}
	p.at = at.Path
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		t.Fatal(err)
	}
}

func (p *program) ends(token string, status int) {
	p.s.t.Helper()
	if r := p.request("DELETE", p.at, token, ""); r.StatusCode != status {
		p.s.t.Errorf("DELETE %s: %d", p.at, r.StatusCode)
	}
}

func (p *program) request(method, path, token, body string) *http.Response {
	p.s.t.Helper()
	r, err := http.NewRequestWithContext(p.s.t.Context(), method, "http://"+p.s.http+path, strings.NewReader(body))
	if err != nil {
		p.s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/sdp")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.s.t.Fatal(err)
	}
	p.s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}
