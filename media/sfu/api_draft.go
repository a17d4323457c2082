package sfu

import (
	"errors"
	"time"
)

// This file holds the signatures that the implementation is about to fill.

// SFU is one node.
type SFU struct{}

// New listens and begins to serve.
func New(cfg Config) (*SFU, error) { return nil, errors.ErrUnsupported }

// Close ends all rooms and frees the ports.
func (s *SFU) Close() {}

// Drain refuses new rooms and new peers from now on; what runs goes on until Close.
func (s *SFU) Drain() {}

// Stats returns the counters.
func (s *SFU) Stats() Stats { return Stats{} }

// TURN mints credentials for the built-in TURN server that work for so long. False: there is no server.
func (s *SFU) TURN(user string, life time.Duration) (ICEServer, bool) { return ICEServer{}, false }

// Open makes a room. ErrLimit: there is one of this name.
func (s *SFU) Open(id string, cfg RoomConfig) (*Room, error) { return nil, errors.ErrUnsupported }

// Room finds a room; nil if there is none.
func (s *SFU) Room(id string) *Room { return nil }

// Room is one meeting's media.
type Room struct{}

// Join lets a peer in. One of the same ID is replaced, and its mutes and group carry over: a reconnected peer is as muted as before.
func (r *Room) Join(cfg PeerConfig) (*Peer, error) { return nil, errors.ErrUnsupported }

// Peer finds a peer; nil if there is none.
func (r *Room) Peer(id string) *Peer { return nil }

// SetGroup moves peers into a group: those of one group hear, see and read each other, and nobody else.
func (r *Room) SetGroup(group string, peers ...string) error { return errors.ErrUnsupported }

// Close removes all peers and the room.
func (r *Room) Close() {}

// Peer is one participant.
type Peer struct{}

// ID as in PeerConfig.
func (p *Peer) ID() string { return "" }

// Publish takes a complete offer of the publishing connection (also a WHIP client's) and returns the complete answer. The same
// connection may offer again, with other tracks or with new ICE credentials (a restart); an offer with another DTLS fingerprint is
// a new connection that replaces the old one.
func (p *Peer) Publish(offer string) (answer string, err error) { return "", errors.ErrUnsupported }

// Subscribe begins the subscribing connection anew and returns the first offer. Later ones come by PeerConfig.Offer, one at a time.
func (p *Peer) Subscribe() (offer string, err error) { return "", errors.ErrUnsupported }

// Answer takes the answer to the last offer.
func (p *Peer) Answer(sdp string) error { return errors.ErrUnsupported }

// SubscribeOffer is for clients that offer themselves (WHEP): recvonly sections are filled with what is published now and later.
func (p *Peer) SubscribeOffer(offer string) (answer string, err error) {
	return "", errors.ErrUnsupported
}

// RestartICE answers an SDP fragment with new ICE credentials (RFC 9725 section 4.3.3, trickle-ice-sdpfrag) by ours. To restart the
// subscribing connection without a fragment, pass "": a new offer comes by PeerConfig.Offer.
func (p *Peer) RestartICE(side Side, fragment string) (answer string, err error) {
	return "", errors.ErrUnsupported
}

// Mute stops a source here, whatever the client does.
func (p *Peer) Mute(source Source, muted bool) {}

// SetView says how this peer sees another one's track.
func (p *Peer) SetView(publisher string, source Source, v View) {}

// WriteFrame publishes sound of a peer without WebRTC as its microphone: 16 kHz mono, 20 ms.
func (p *Peer) WriteFrame(samples []int16) error { return errors.ErrUnsupported }

// Send writes a message to all who hear this peer, as if it had come on its data channel.
func (p *Peer) Send(m Message) error { return errors.ErrUnsupported }

// Leave removes the peer and closes its connections.
func (p *Peer) Leave() {}
