package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"

	"github.com/pion/webrtc/v4"
)

// process is this program, run again as a server.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

func startProcess(kind, profile string) (*process, error) {
	cmd := exec.Command(os.Args[0], "-serve", kind, "-profile", profile)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &process{cmd: cmd, in: in, enc: json.NewEncoder(in), dec: json.NewDecoder(out)}, cmd.Start()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

func (p *process) publish(l *load, room, peer string) (*source, error) {
	pc, s, err := l.publisher(peer)
	if err != nil {
		return nil, err
	}
	up := connects(pc)
	if err := p.connect(pc, "publish", room, peer); err != nil {
		return nil, err
	}
	return s, up()
}

func (p *process) subscribe(l *load, room, peer string, tracks int) error {
	pc, _, err := l.connection()
	if err != nil {
		return err
	}
	for range tracks {
		_, err := pc.AddTransceiverFromKind(l.shape.kind(), webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			return err
		}
	}
	up := connects(pc)
	if err := p.connect(pc, "subscribe", room, peer); err != nil {
		return err
	}
	return up()
}

func (p *process) connect(pc *webrtc.PeerConnection, op, room, peer string) error {
	d, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	sdp, err := gather(pc, d)
	if err != nil {
		return err
	}
	r, err := p.ask(op, room, peer, sdp)
	if err != nil {
		return err
	}
	return pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r})
}

func (p *process) ask(op, room, peer, sdp string) (string, error) {
	if err := p.enc.Encode(request{Op: op, Room: room, Peer: peer, SDP: sdp}); err != nil {
		return "", err
	}
	var r reply
	if err := p.dec.Decode(&r); err != nil {
		return "", err
	}
	if r.Err != "" {
		return "", errors.New(r.Err)
	}
	return r.SDP, nil
}
