package meeting

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// tab is a browser's part of the media, by pion: it publishes a microphone and text, and subscribes.
type tab struct {
	w        *world
	seat     meetingv1.SeatRef
	pub, sub *webrtc.PeerConnection
	mic      *webrtc.TrackLocalStaticRTP
	text     *webrtc.DataChannel
	stop     chan struct{}
	once     sync.Once

	loud atomic.Bool // says that it speaks
	bare bool        // sends no reports of what it gets but those of the test

	mu      sync.Mutex
	sounds  map[string]int // packets by track
	written map[string]string
}

func (g *tab) connection() *webrtc.PeerConnection {
	g.w.t.Helper()
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMaxBindingRequests(1000) // a busy machine answers later than the seven that are asked else
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	var me webrtc.MediaEngine
	g.w.must(me.RegisterDefaultCodecs())
	g.w.must(me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: levelURI}, webrtc.RTPCodecTypeAudio))
	with := []func(*webrtc.API){webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(&me)}
	if g.bare {
		with = append(with, webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	}
	pc, err := webrtc.NewAPI(with...).NewPeerConnection(webrtc.Configuration{})
	g.w.must(err)
	g.w.t.Cleanup(func() { _ = pc.Close() })
	return pc
}

func gathered(pc *webrtc.PeerConnection, d webrtc.SessionDescription) (string, error) {
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	<-done
	return pc.LocalDescription().SDP, nil
}

// join brings the guest's sound into the room, and the others' to the guest. A packet is sent every 20 ms until leave.
func (g *guest) join() *guest { g.w.t.Helper(); return g.joins(false) }

func (g *guest) joins(bare bool) *guest {
	g.w.t.Helper()
	g.tab = &tab{w: g.w, seat: g.seat, stop: make(chan struct{}), sounds: map[string]int{}, written: map[string]string{}, bare: bare}
	g.tab.publish()
	g.tab.subscribe()
	g.w.t.Cleanup(g.tab.hush)
	go g.tab.speak()
	return g
}

// hush ends the packets.
func (c *tab) hush() { c.once.Do(func() { close(c.stop) }) }

func (g *tab) publish() {
	g.w.t.Helper()
	var err error
	g.pub = g.connection()
	g.mic, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "stream")
	g.w.must(err)
	_, err = g.pub.AddTrack(g.mic)
	g.w.must(err)
	ordered, protocol := true, "t140"
	g.text, err = g.pub.CreateDataChannel("t140", &webrtc.DataChannelInit{Ordered: &ordered, Protocol: &protocol})
	g.w.must(err)
	offer, err := g.pub.CreateOffer(nil)
	g.w.must(err)
	sdp, err := gathered(g.pub, offer)
	g.w.must(err)
	rep := again[meetingv1.MediaReply](g.w, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: g.seat, SDP: sdp})
	g.w.must(g.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: rep.SDP}))
	g.connected(g.pub)
}

// connected waits for the handshake. pion's state of the whole connection may stay behind for good on a busy machine, since it is worked
// out by two goroutines of which the earlier may write last.
func (g *tab) connected(pc *webrtc.PeerConnection) {
	g.w.t.Helper()
	g.w.until("a connection", func() bool { return pc.SCTP().Transport().State() == webrtc.DTLSTransportStateConnected })
}

// subscribe takes the room's offer, and its later ones as they come.
func (g *tab) subscribe() {
	g.w.t.Helper()
	g.sub = g.connection()
	g.sub.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { g.receive(tr) })
	g.sub.OnDataChannel(func(d *webrtc.DataChannel) {
		d.OnMessage(func(m webrtc.DataChannelMessage) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.written[strings.Join(strings.SplitN(d.Label(), ":", 3)[:2], ":")] += string(m.Data)
		})
	})
	var one sync.Mutex
	take := func(offer string) {
		one.Lock()
		defer one.Unlock()
		_ = g.answer(offer) // the room or the page may be gone by now
	}
	follow(g.w, meetingv1.RoomSubject(g.seat.MeetingID), func(e meetingv1.RoomEvent) {
		if e.Kind == meetingv1.EventOffer && e.To == g.seat.ParticipantID {
			select {
			case <-g.stop: // an earlier page
				return
			default:
			}
			go take(e.SDP)
		}
	})
	rep := again[meetingv1.MediaReply](g.w, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: g.seat})
	take(rep.SDP)
	g.connected(g.sub)
}

func (g *tab) answer(offer string) error {
	if err := g.sub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return err
	}
	d, err := g.sub.CreateAnswer(nil)
	if err != nil {
		return err
	}
	sdp, err := gathered(g.sub, d)
	if err != nil {
		return err
	}
	for end := time.Now().Add(patience); ; { // again, where it came to a node that is not the one, as the portal does
		_, err = ask[meetingv1.MediaReply](g.w, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: g.seat, SDP: sdp, Session: "answer"})
		if errs.KindOf(err) != errs.Unavailable || g.w.t.Context().Err() != nil || time.Now().After(end) {
			return err
		}
	}
}

func (g *tab) receive(tr *webrtc.TrackRemote) {
	for {
		p, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		if len(p.Payload) == 0 {
			continue
		}
		g.mu.Lock()
		g.sounds[tr.ID()]++
		g.mu.Unlock()
	}
}

// levelURI names the header extension of how loud a packet is (RFC 6464).
const levelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

// speak sends Opus packets of 20 ms, as loud as the guest is.
func (g *tab) speak() {
	level := uint8(0)
	for _, x := range g.pub.GetSenders()[0].GetParameters().HeaderExtensions {
		if x.URI == levelURI {
			level = uint8(x.ID)
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for seq := uint16(1); ; seq++ {
		select {
		case <-g.stop:
			return
		case <-tick.C:
		}
		p := rtp.Packet{
			Header:  rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: seq, Timestamp: uint32(seq) * 960},
			Payload: []byte{0xf8, 0xff, 0xfe}, // a frame of silence
		}
		if g.loud.Load() {
			_ = p.Header.SetExtension(level, []byte{20})
		}
		_ = g.mic.WriteRTP(&p)
	}
}

// hears counts the packets of another's microphone.
func (g *guest) hears(other *guest) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sounds[other.seat.ParticipantID+"~microphone"]
}
