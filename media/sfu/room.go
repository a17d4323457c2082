package sfu

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// speakersEvery: who speaks is told at most five times a second.
const speakersEvery = 200 * time.Millisecond

// Room is one meeting's media. Its lock guards everything of its peers: a meeting never needs more than a core.
type Room struct {
	sfu *SFU
	id  string
	cfg RoomConfig

	mu     sync.Mutex
	peers  map[string]*Peer
	order  []*Peer // as they joined
	closed bool
	stats  Stats
	levels levels
	ticked time.Time
	spoken time.Time // speakers were told

	events events
}

func newRoom(s *SFU, id string, cfg RoomConfig) *Room {
	return &Room{sfu: s, id: id, cfg: cfg, peers: map[string]*Peer{}}
}

// ID as given to Open.
func (r *Room) ID() string { return r.id }

// Peer finds a peer; nil if there is none.
func (r *Room) Peer(id string) *Peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peers[id]
}

// token: peer IDs go into session descriptions and labels.
func token(s string) bool {
	return s != "" && len(s) <= 48 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// Join lets a peer in. One of the same ID is replaced, and its mutes, views, group and places in its text and others' carry over: a
// reconnected peer is as muted as before.
func (r *Room) Join(cfg PeerConfig) (*Peer, error) {
	if !token(cfg.ID) {
		return nil, fmt.Errorf("%w: peer id", ErrNoPeer)
	}
	if r.sfu.isDraining() {
		return nil, ErrDraining
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	old := r.peers[cfg.ID]
	if old == nil && len(r.peers) >= maxPeers {
		return nil, fmt.Errorf("%w: peers", ErrLimit)
	}
	p := &Peer{room: r, cfg: cfg, group: MainGroup, muted: map[Source]bool{}, views: map[viewKey]View{}}
	if old != nil {
		p.group, p.muted, p.views, p.talk.last, p.readings = old.group, old.muted, old.views, old.talk.last, old.readings
		old.leave()
	}
	if cfg.Group != "" {
		p.regroup(cfg.Group)
	}
	for _, s := range cfg.Muted {
		p.muted[s] = true
	}
	r.peers[cfg.ID] = p
	r.order = append(r.order, p)
	if cfg.Mix != nil {
		p.mixer = newMixer(p)
	}
	r.rewire()
	return p, nil
}

// SetGroup moves peers into a group: those of one group hear, see and read each other, and nobody else.
func (r *Room) SetGroup(group string, peers ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range peers {
		if r.peers[id] == nil {
			return ErrNoPeer
		}
	}
	for _, id := range peers {
		r.peers[id].regroup(group)
	}
	r.rewire()
	return nil
}

func (p *Peer) regroup(group string) {
	if p.group != group {
		p.group = group
		p.forget()
	}
}

// hears says who gets the media and messages of whom.
func hears(to, from *Peer) bool { return to != from && to.group == from.group }

// rewire connects what is published with those who get it, after anything about that has changed.
func (r *Room) rewire() {
	for _, p := range r.order {
		p.refresh()
		if p.mixer != nil {
			p.mixer.refresh()
		}
	}
}

// Close removes all peers and the room.
func (r *Room) Close() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.closed = true
	for len(r.order) > 0 {
		r.order[0].leave()
	}
	counted := r.stats
	r.mu.Unlock()
	r.sfu.forget(r, counted)
}

func (r *Room) counters() (Stats, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.stats
	for _, p := range r.order {
		if p.net.quality == AudioOnly {
			c.SoundOnly++
		}
	}
	return c, len(r.peers)
}

// tick does what is due by time, for a room that nothing comes to.
func (r *Room) tick(out *egress, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.due(out, now)
}

// due does what is due by time. The lock is held.
func (r *Room) due(out *egress, now time.Time) {
	if now.Sub(r.ticked) < tick {
		return
	}
	r.ticked = now
	for _, p := range r.order {
		p.tick(out, now)
	}
	if now.Sub(r.spoken) >= speakersEvery {
		r.spoken = now
		r.speakers(now)
	}
}

// Settle waits until the callbacks about what has happened so far have been called. It must not be called from one of them.
func (r *Room) Settle() {
	done := make(chan struct{})
	r.later(func() { close(done) })
	<-done
}

// events are callbacks that wait. A goroutine runs them while there are any.
type events struct {
	mu      sync.Mutex
	queue   []func()
	running bool
}

// later calls the owner back, after the room's lock is free, in order.
func (r *Room) later(f func()) {
	e := &r.events
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, f)
	if !e.running {
		e.running = true
		r.sfu.wg.Go(e.run)
	}
}

func (e *events) run() {
	for {
		e.mu.Lock()
		batch := e.queue
		e.queue = nil
		e.running = len(batch) > 0
		e.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, f := range batch {
			f()
		}
	}
}
