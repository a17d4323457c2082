package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/media/sfu"
)

// request and reply go over a server's standard input and output, one JSON object a line.
type request struct {
	Op, Room, Peer, SDP string // Op: publish, subscribe; an address instead of SDP for the floor
}

type reply struct{ SDP, Err string }

// forwarder is what a server of this program does.
type forwarder interface {
	publish(room, peer, sdp string) (string, error)
	subscribe(room, peer, sdp string) (string, error)
}

func runServer(kind string, in io.Reader, out io.Writer) error {
	var s forwarder
	switch kind {
	case "sfu":
		n, err := sfu.New(sfu.Config{UDP: []string{"127.0.0.1:0"}})
		if err != nil {
			return err
		}
		defer n.Close()
		s = &ours{sfu: n}
	case "floor":
		f, err := newFloor()
		if err != nil {
			return err
		}
		defer f.close()
		s = f
	case "naive":
		s = &naive{tracks: map[string][]*fan{}}
	default:
		return fmt.Errorf("no server %q", kind)
	}
	dec, enc := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var q request
		err := dec.Decode(&q)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var r reply
		switch q.Op {
		case "publish":
			r.SDP, err = s.publish(q.Room, q.Peer, q.SDP)
		case "subscribe":
			r.SDP, err = s.subscribe(q.Room, q.Peer, q.SDP)
		}
		if err != nil {
			r.Err = err.Error()
		}
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
}

// ours is package sfu.
type ours struct{ sfu *sfu.SFU }

func (o *ours) peer(room, id string) (*sfu.Peer, error) {
	r := o.sfu.Room(room)
	if r == nil {
		var err error
		r, err = o.sfu.Open(room, sfu.RoomConfig{})
		if err != nil {
			return nil, err
		}
	}
	if p := r.Peer(id); p != nil {
		return p, nil
	}
	return r.Join(sfu.PeerConfig{ID: id})
}

func (o *ours) publish(room, id, sdp string) (string, error) {
	p, err := o.peer(room, id)
	if err != nil {
		return "", err
	}
	return p.Publish(sdp)
}

func (o *ours) subscribe(room, id, sdp string) (string, error) {
	p, err := o.peer(room, id)
	if err != nil {
		return "", err
	}
	return p.SubscribeOffer(sdp)
}

// naive forwards as pion's examples do: a goroutine per track reads packets and writes each to every receiver's track.
type naive struct {
	mu     sync.Mutex
	tracks map[string][]*fan // by room
}

type fan struct {
	from, mime string
	mu         sync.RWMutex
	to         []*webrtc.TrackLocalStaticRTP
}

func (n *naive) connection() (*webrtc.PeerConnection, error) {
	api, err := newAPI(nil)
	if err != nil {
		return nil, err
	}
	return api.NewPeerConnection(webrtc.Configuration{})
}

func (n *naive) publish(room, id, sdp string) (string, error) {
	pc, err := n.connection()
	if err != nil {
		return "", err
	}
	for _, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8} {
		if !strings.Contains(sdp, strings.TrimPrefix(strings.TrimPrefix(mime, "audio/"), "video/")+"/") {
			continue
		}
		f := &fan{from: id, mime: mime}
		n.mu.Lock()
		n.tracks[room] = append(n.tracks[room], f)
		n.mu.Unlock()
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for _, f := range n.in(room) {
			if f.from == id && strings.EqualFold(f.mime, t.Codec().MimeType) {
				f.run(t)
			}
		}
	})
	return answer(pc, sdp)
}

func (n *naive) in(room string) []*fan {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tracks[room]
}

func (f *fan) run(t *webrtc.TrackRemote) {
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		f.mu.RLock()
		for _, to := range f.to {
			_ = to.WriteRTP(p)
		}
		f.mu.RUnlock()
	}
}

func (n *naive) subscribe(room, id, sdp string) (string, error) {
	pc, err := n.connection()
	if err != nil {
		return "", err
	}
	for _, f := range n.in(room) {
		if f.from == id {
			continue
		}
		t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: f.mime}, f.from, f.from)
		if err != nil {
			return "", err
		}
		s, err := pc.AddTrack(t)
		if err != nil {
			return "", err
		}
		go func() {
			buf := make([]byte, 1500)
			for {
				if _, _, err := s.Read(buf); err != nil {
					return
				}
			}
		}()
		f.mu.Lock()
		f.to = append(f.to, t)
		f.mu.Unlock()
	}
	return answer(pc, sdp)
}

func answer(pc *webrtc.PeerConnection, sdp string) (string, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
		return "", err
	}
	d, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return gather(pc, d)
}

func gather(pc *webrtc.PeerConnection, d webrtc.SessionDescription) (string, error) {
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	<-done
	return pc.LocalDescription().SDP, nil
}
