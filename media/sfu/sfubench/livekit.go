package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
	"golang.org/x/net/websocket"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// livekitModule pins the version; livekitServer is its own command, unchanged.
	livekitModule = "media/sfu/sfubench/livekit"
	livekitServer = "github.com/livekit/livekit-server/cmd/server"

	livekitKey    = "bench"
	livekitSecret = "a secret of 32 characters or more"
)

// livekit is a LiveKit server with few UDP ports shared by all, as it recommends for throughput, and otherwise its own settings.
type livekit struct {
	cmd     *exec.Cmd
	http    string // address
	mu      sync.Mutex
	members map[string]*member
}

// buildLiveKit makes the server's program; where that was done before it takes seconds.
func buildLiveKit() (path string, err error) {
	path, err = filepath.Abs("bin/livekit-server")
	if err != nil {
		return "", err
	}
	fmt.Fprintln(os.Stderr, "Builds LiveKit from its module (minutes, the first time) …")
	cmd := exec.Command("go", "build", "-o", path, livekitServer)
	cmd.Dir = livekitModule
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("livekit: %w\n%s", err, out)
	}
	return path, nil
}

func startLiveKit(path string) (*livekit, error) {
	signal, media, err := freePorts()
	if err != nil {
		return nil, err
	}
	settings := fmt.Sprintf(`
port: %d
bind_addresses: ["127.0.0.1"]
keys: {%s: %s}
logging: {level: error}
rtc:
  udp_port: %d-%d
  tcp_port: 0
  node_ip: 127.0.0.1
  use_ice_lite: true
  enable_loopback_candidate: true
  interfaces: {includes: [lo]}
`, signal, livekitKey, livekitSecret, media, media+1)
	k := &livekit{cmd: exec.Command(path, "--config-body", settings), http: fmt.Sprintf("127.0.0.1:%d", signal), members: map[string]*member{}}
	k.cmd.Stdout, k.cmd.Stderr = os.Stderr, os.Stderr
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("livekit: %w", err)
	}
	for until := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		r, err := http.Get("http://" + k.http)
		if err == nil {
			_ = r.Body.Close()
			return k, nil
		}
		if time.Now().After(until) {
			k.stop()
			return nil, fmt.Errorf("livekit does not start: %w", err)
		}
	}
}

// freePorts are one for signalling and two neighbours for media.
func freePorts() (signal, media int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	defer l.Close()
	for range 100 {
		a, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return 0, 0, err
		}
		media = a.LocalAddr().(*net.UDPAddr).Port
		b, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: media + 1})
		_ = a.Close()
		if err == nil {
			_ = b.Close()
			return l.Addr().(*net.TCPAddr).Port, media, nil
		}
	}
	return 0, 0, errors.New("no two ports in a row")
}

func (k *livekit) pid() int { return k.cmd.Process.Pid }

func (k *livekit) stop() {
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
}

// member is a participant: a signalling connection (LiveKit's protocol, protobuf over a WebSocket) and two media connections. The
// publishing one is offered by the client, the subscribing one by the server each time that there are more tracks.
type member struct {
	load     *load
	ws       *websocket.Conn
	pub, sub *webrtc.PeerConnection
	early    [2][]webrtc.ICECandidateInit // before the descriptions, by target
	track    chan struct{}                // the server expects the track
	failed   chan error
}

// Field numbers of livekit_rtc.proto: SignalRequest, SignalResponse and what is in them.
const (
	reqOffer, reqAnswer, reqAddTrack              = 1, 2, 4
	resAnswer, resOffer, resTrickle, resPublished = 2, 3, 4, 6
	sdpType, sdpText, sdpID                       = 1, 2, 3
	trackCid, trackName, trackType, trackSource   = 1, 2, 3, 8
	trickleInit, trickleTarget                    = 1, 2

	typeVideo, sourceCamera, sourceMicrophone = 1, 1, 2
)

func (k *livekit) member(l *load, room, peer string) (*member, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if m := k.members[room+peer]; m != nil {
		return m, nil
	}
	token, err := livekitToken(room, peer)
	if err != nil {
		return nil, err
	}
	q := url.Values{"access_token": {token}, "auto_subscribe": {"1"}, "protocol": {"16"}, "sdk": {"go"}, "version": {"2.0.0"}}
	ws, err := websocket.Dial("ws://"+k.http+"/rtc?"+q.Encode(), "", "http://"+k.http)
	if err != nil {
		return nil, fmt.Errorf("livekit signalling: %w", err)
	}
	ws.PayloadType = websocket.BinaryFrame
	m := &member{load: l, ws: ws, track: make(chan struct{}, 1), failed: make(chan error, 1)}
	k.members[room+peer] = m
	l.wg.Go(func() {
		<-l.stop
		_ = ws.Close()
	})
	return m, nil
}

// livekitToken is a JWT (HS256).
func livekitToken(room, peer string) (string, error) {
	claims, err := json.Marshal(map[string]any{
		"iss": livekitKey, "sub": peer, "exp": time.Now().Add(time.Hour).Unix(),
		"video": map[string]any{"roomJoin": true, "room": room, "canPublish": true, "canSubscribe": true},
	})
	if err != nil {
		return "", err
	}
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(livekitSecret))
	mac.Write([]byte(text))
	return text + "." + enc.EncodeToString(mac.Sum(nil)), nil
}

func (k *livekit) publish(l *load, room, peer string) (*source, error) {
	pc, s, err := l.publisher(peer)
	if err != nil {
		return nil, err
	}
	up := connects(pc)
	if err := k.announce(l, pc, room, peer); err != nil {
		return nil, err
	}
	return s, up()
}

func (k *livekit) announce(l *load, pc *webrtc.PeerConnection, room, peer string) error {
	m, err := k.member(l, room, peer)
	if err != nil {
		return err
	}
	m.pub = pc
	go m.run()
	var t []byte
	id := pc.GetSenders()[0].Track().ID()
	t = str(t, trackCid, id)
	t = str(t, trackName, "media")
	source := uint64(sourceMicrophone)
	if !l.shape.sound {
		t = num(t, trackType, typeVideo)
		source = sourceCamera
	}
	t = num(t, trackSource, source)
	if err := m.send(reqAddTrack, t); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-m.track:
	case err := <-m.failed:
		return fmt.Errorf("livekit signalling: %w", err)
	case <-ctx.Done():
		return fmt.Errorf("livekit does not take a track: %w", ctx.Err())
	}
	d, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	sdp, err := gather(pc, d)
	if err != nil {
		return err
	}
	return m.describe(reqOffer, "offer", sdp, 1)
}

// subscribe needs no more than to be there; what comes is counted by the load.
func (k *livekit) subscribe(l *load, room, peer string, _ int) error {
	m, err := k.member(l, room, peer)
	if err == nil && m.pub == nil {
		go m.run()
	}
	return err
}

func (m *member) run() {
	for {
		var b []byte
		if err := websocket.Message.Receive(m.ws, &b); err != nil {
			m.failed <- err
			return
		}
		if err := m.handle(b); err != nil {
			select {
			case <-m.load.stop:
			default:
				fmt.Fprintln(os.Stderr, "livekit:", err)
			}
			m.failed <- err
			return
		}
	}
}

func (m *member) handle(b []byte) error {
	for num, body := range fields(b) {
		f := map[protowire.Number][]byte{}
		switch num {
		case resAnswer, resOffer, resTrickle, resPublished:
			for n, x := range fields(body) {
				f[n] = x
			}
		}
		var err error
		switch num {
		case resPublished:
			m.track <- struct{}{}
		case resAnswer:
			err = m.remote(m.pub, 0, webrtc.SDPTypeAnswer, f)
		case resOffer:
			err = m.offered(f)
		case resTrickle:
			err = m.candidate(f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *member) remote(pc *webrtc.PeerConnection, target int, t webrtc.SDPType, f map[protowire.Number][]byte) error {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: t, SDP: string(f[sdpText])}); err != nil {
		return err
	}
	for _, c := range m.early[target] {
		if err := pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	m.early[target] = nil
	return nil
}

func (m *member) offered(f map[protowire.Number][]byte) error {
	if m.sub == nil {
		pc, _, err := m.load.connection()
		if err != nil {
			return err
		}
		m.sub = pc
	}
	if err := m.remote(m.sub, 1, webrtc.SDPTypeOffer, f); err != nil {
		return err
	}
	d, err := m.sub.CreateAnswer(nil)
	if err != nil {
		return err
	}
	sdp, err := gather(m.sub, d)
	if err != nil {
		return err
	}
	return m.describe(reqAnswer, "answer", sdp, number(f[sdpID]))
}

func (m *member) candidate(f map[protowire.Number][]byte) error {
	var c webrtc.ICECandidateInit
	if err := json.Unmarshal(f[trickleInit], &c); err != nil || c.Candidate == "" {
		return err
	}
	target := int(number(f[trickleTarget]))
	pc := []*webrtc.PeerConnection{m.pub, m.sub}[target]
	if pc == nil || pc.RemoteDescription() == nil {
		m.early[target] = append(m.early[target], c)
		return nil
	}
	return pc.AddICECandidate(c)
}

func (m *member) describe(field protowire.Number, kind, sdp string, id uint64) error {
	b := str(nil, sdpType, kind)
	b = str(b, sdpText, sdp)
	return m.send(field, num(b, sdpID, id))
}

// send sends a request that has one field.
func (m *member) send(field protowire.Number, body []byte) error {
	return websocket.Message.Send(m.ws, str(nil, field, string(body)))
}

func str(b []byte, n protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
}

func num(b []byte, n protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
}

func number(b []byte) uint64 {
	v, _ := protowire.ConsumeVarint(b)
	return v
}

// fields walks over a message's fields: the bytes of strings and messages, the encoded value of others. It ends where it is broken.
func fields(b []byte) func(yield func(protowire.Number, []byte) bool) {
	return func(yield func(protowire.Number, []byte) bool) {
		for len(b) > 0 {
			n, t, tag := protowire.ConsumeTag(b)
			if tag < 0 {
				return
			}
			size := protowire.ConsumeFieldValue(n, t, b[tag:])
			if size < 0 {
				return
			}
			value := b[tag : tag+size]
			if t == protowire.BytesType {
				value, _ = protowire.ConsumeBytes(value)
			}
			b = b[tag+size:]
			if !yield(n, value) {
				return
			}
		}
	}
}
