package sfu

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"samtale.dk/samtale/media/sfu/internal/desc"
)

// Peer is one participant. Its fields are guarded by the room's lock.
type Peer struct {
	room  *Room
	cfg   PeerConfig
	group string
	muted map[Source]bool
	views map[viewKey]View
	left  bool

	pub, sub *transport
	ups      []*upTrack
	slots    []*slot
	sdp      negotiation
	net      network
	lost     bool    // nothing comes from it
	quality  Quality // as told
	level    level
	mixer    *mixer    // hears for a peer without WebRTC
	inject   *injector // speaks for one
	talk     talk
	readings map[string]*reading // by writer; nil: it never had data channels
}

type viewKey struct {
	peer   string
	source Source
}

// ID as in PeerConfig.
func (p *Peer) ID() string { return p.cfg.ID }

// Group that the peer is in.
func (p *Peer) Group() string {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.group
}

// told reports a connection's state to the owner.
func (p *Peer) told(side Side, up bool) {
	if f := p.cfg.State; f != nil {
		p.room.later(func() { f(side, up) })
	}
}

// Mute stops a source here, whatever the client does.
func (p *Peer) Mute(source Source, muted bool) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.muted[source] = muted
	for _, u := range p.ups {
		if u.source == source {
			u.setMuted(muted)
		}
	}
}

// Muted reports whether a source is.
func (p *Peer) Muted(source Source) bool {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.muted[source]
}

// Tracks are what the peer publishes.
func (p *Peer) Tracks() []Track {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.tracks()
}

func (p *Peer) tracks() []Track {
	var all []Track
	for _, u := range p.ups {
		all = append(all, u.track())
	}
	return all
}

func (p *Peer) tracksChanged() {
	if f := p.cfg.Tracks; f != nil {
		all := p.tracks()
		p.room.later(func() { f(all) })
	}
	p.room.rewire()
}

// Leave removes the peer and closes its connections.
func (p *Peer) Leave() {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.left {
		return
	}
	p.forget()
	p.leave()
	p.room.rewire()
}

// leave is Leave without telling the others.
func (p *Peer) leave() {
	p.left = true
	p.endPublishing()
	p.endSubscribing()
	for _, u := range p.ups {
		u.end()
	}
	p.ups = nil
	if p.mixer != nil {
		p.mixer.end()
	}
	r := p.room
	if r.peers[p.cfg.ID] == p {
		delete(r.peers, p.cfg.ID)
	}
	r.order = slices.DeleteFunc(r.order, func(x *Peer) bool { return x == p })
}

// CheckOffer says what is wrong with a client's offer, before anything is set up for it.
func CheckOffer(offer string) error {
	_, err := parseOffer(offer)
	return err
}

func parseOffer(offer string) (*desc.Remote, error) {
	d, err := desc.Parse(offer)
	if err == nil && d.Setup == "passive" {
		err = errors.New("offer is passive")
	}
	if err != nil {
		return nil, refused(err)
	}
	return d, nil
}

func refused(err error) error { return fmt.Errorf("%w: %w", ErrSDP, err) }

// Publish takes a complete offer of the publishing connection (also a WHIP client's) and returns the complete answer. The same
// connection may offer again, with other tracks or with new ICE credentials (a restart); an offer with another DTLS fingerprint is
// a new connection that replaces the old one.
func (p *Peer) Publish(offer string) (answer string, err error) {
	d, err := parseOffer(offer)
	if err != nil {
		return "", err
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.left {
		return "", ErrClosed
	}
	if p.pub == nil || p.pub.closed || p.pub.fingerprint != d.Fingerprint {
		p.endPublishing()
		p.pub = newTransport(p, Publishing)
	}
	p.pub.remote(d)
	answer = p.accept(d)
	p.tracksChanged()
	return answer, nil
}

// endPublishing closes the connection and what came by it.
func (p *Peer) endPublishing() {
	if p.pub == nil {
		return
	}
	p.pub.close()
	t := p.pub
	p.pub = nil
	p.ups = slices.DeleteFunc(p.ups, func(u *upTrack) bool {
		if u.via == t {
			u.end()
			return true
		}
		return false
	})
}

// End closes one of the two connections, as its client has asked, and reports whether the other one is still there.
func (p *Peer) End(side Side) (other bool) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.left {
		return false
	}
	rest := p.sub
	if side == Publishing {
		p.endPublishing()
		p.tracksChanged()
	} else {
		rest = p.pub
		p.endSubscribing()
	}
	return rest != nil && !rest.closed
}

// RestartICE answers an SDP fragment with new ICE credentials (RFC 9725 section 4.3.3, trickle-ice-sdpfrag) by ours. To restart the
// subscribing connection where the SFU offers, pass "": a new offer comes by PeerConfig.Offer.
func (p *Peer) RestartICE(side Side, fragment string) (answer string, err error) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	t := p.connection(side)
	if t == nil {
		return "", ErrState
	}
	if fragment == "" {
		if side == Publishing || p.sdp.clientOffers {
			return "", ErrState
		}
		t.restart()
		p.sdp.dirty = true
		p.offerLater()
		return "", nil
	}
	theirs, err := desc.ParseFragment(fragment)
	if err != nil {
		return "", refused(err)
	}
	if theirs.Ufrag != t.remoteUfrag { // else the answer was lost
		t.restart()
		t.remoteUfrag = theirs.Ufrag
	}
	l := t.local("passive")
	l.Sections = theirs.Sections
	return l.Fragment(), nil
}

// ICE names the ICE session of one of the two connections: another with each restart, empty where there is none.
func (p *Peer) ICE(side Side) string {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if t := p.connection(side); t != nil {
		return t.cred().ufrag
	}
	return ""
}

// connection is one of the two, nil when it is not there. The room's mu is held.
func (p *Peer) connection(side Side) *transport {
	t := p.pub
	if side == Subscribing {
		t = p.sub
	}
	if t == nil || t.closed {
		return nil
	}
	return t
}

// tick does what is due.
func (p *Peer) tick(out *egress, now time.Time) {
	if t := p.pub; t != nil {
		t.check(now)
		t.tickPublish(out, now)
	}
	if t := p.sub; t != nil {
		t.check(now)
		p.tickSubscribe(out, now)
	}
	p.listen(now)
}

// listen finds out whether anything comes from the peer. One that is lost is so until a connection works, or it has closed them all.
func (p *Peer) listen(now time.Time) {
	there, up, silent := false, false, false
	for _, t := range [...]*transport{p.pub, p.sub} {
		if t != nil && !t.closed {
			there, up, silent = true, up || t.up, silent || t.came && t.silent(now)
		}
	}
	lost := there && !up && (p.lost || silent)
	if lost != p.lost || up && p.quality == "" {
		p.lost = lost
		p.tellQuality()
	}
}
