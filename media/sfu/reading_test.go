package sfu

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pion/webrtc/v4"
)

// reader reads a peer's text as a page does: each number once.
type reader struct {
	*client
	mu     sync.Mutex
	token  string
	number uint64
	text   string // so far
}

func newReader(c *client) *reader {
	r := &reader{client: c}
	c.channel = func(dc *webrtc.DataChannel) {
		var from, token string
		var number uint64
		if _, err := fmt.Sscanf(strings.ReplaceAll(dc.Label(), ":", " "), TextLabel+" %s %s %d", &from, &token, &number); err != nil {
			c.t.Errorf("channel %q: %v", dc.Label(), err)
		}
		dc.OnMessage(func(m webrtc.DataChannelMessage) {
			r.mu.Lock()
			defer r.mu.Unlock()
			n := number
			number++
			if r.token != token {
				r.token, r.number = token, n-1
			}
			if n <= r.number {
				return
			}
			r.text += strings.Repeat(missingText, int(n-r.number-1)) + string(m.Data)
			r.number = n
		})
	}
	return r
}

func (r *reader) reads(want string) {
	r.t.Helper()
	got := ""
	until(r.t, r.id+" reads "+want, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		got = r.text
		return strings.HasSuffix(got, want[max(0, len(want)-3):])
	}, nil)
	if got != want {
		r.t.Fatalf("%s reads %q, want %q", r.id, got, want)
	}
}

// anew forgets what was read, as a page that is loaded again does.
func (r *reader) anew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.token, r.text = "", ""
}

func (c *client) says(text string) {
	c.t.Helper()
	c.must(c.peer.Send(Message{Label: TextLabel, Data: []byte(text)}))
}

// Whose connection is replaced reads all that is written meanwhile, and each once: what was on its way on the last connection, what is
// written before the next one is there, and in between them. A page that is loaded again reads the unfinished line.
func TestTextReadAgain(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a := join(t, r, PeerConfig{ID: "a"})
	b := newReader(join(t, r, PeerConfig{ID: "b"}))
	a.says("nobody ")
	way := newLink(t, s)
	b.subLink = way
	b.subscribe()
	a.says("Jeg ")
	b.reads("Jeg ")
	way.set(func() { way.dead = true })
	a.says("hører ")
	b.subLink = nil
	b.subscribe()
	b.reads("Jeg hører ")
	_, err := b.peer.Subscribe() // the page has yet to answer
	b.must(err)
	a.says("dårligt")
	b.subscribe()
	b.reads("Jeg hører dårligt")
	p, err := r.Join(PeerConfig{ID: "b", Offer: func(sdp string) { b.answer(sdp) }})
	b.must(err)
	b.peer = p
	a.says(".")
	b.subscribe()
	b.reads("Jeg hører dårligt.")
	a.says(" Nu\u2028Go")
	b.reads("Jeg hører dårligt. Nu\u2028Go")
	b.settled()
	a.says("dd")
	b.reads("Jeg hører dårligt. Nu\u2028Godd")
	b.anew()
	b.subscribe()
	b.reads(" Nu\u2028Godd")
	b.settled()
	a.says("ag\u2028")
	b.reads(" Nu\u2028Goddag\u2028")
	b.settled()
	a.says("!")
	b.reads(" Nu\u2028Goddag\u2028!")
	b.anew()
	b.subscribe()
	b.reads("!")
}

// What is on its way to somebody who goes into another group does not follow there.
func TestTextStaysInItsGroup(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a := join(t, r, PeerConfig{ID: "a"})
	b := newReader(join(t, r, PeerConfig{ID: "b"}))
	b.subscribe()
	a.says("Ti")
	b.reads("Ti")
	_, err := b.peer.Subscribe()
	b.must(err)
	a.says("e")
	b.must(r.SetGroup("side", "a"))
	a.says("hemmeligt")
	b.must(r.SetGroup("side", "b"))
	a.says("!")
	b.subscribe()
	b.reads("Ti!")
	// Of what was written, but is not kept, there is a mark.
	way := newLink(t, s)
	b.subLink = way
	b.subscribe()
	a.says(" ja")
	b.reads("Ti! ja")
	way.set(func() { way.dead = true })
	a.says("nej")
	b.must(r.SetGroup(MainGroup, "a", "b"))
	b.subLink = nil
	b.subscribe()
	a.says("ud")
	b.reads("Ti! ja" + missingText + "ud")
}

// Of text for which there is no room stands a mark, and what waits goes when the next connection is there.
func TestTextWaitsWithinBounds(t *testing.T) {
	r := open(t, node(t), RoomConfig{})
	a := join(t, r, PeerConfig{ID: "a"})
	b := newReader(join(t, r, PeerConfig{ID: "b"}))
	_, err := b.peer.Subscribe()
	b.must(err)
	long := strings.Repeat("x", 15<<10)
	a.says(long)
	a.says(long)
	a.says("y")
	b.subscribe()
	b.reads(long + missingText + "y")
}

// settled waits until all that was written has been acknowledged.
func (r *reader) settled() {
	r.t.Helper()
	until(r.t, "acknowledged", func() bool {
		r.peer.room.mu.Lock()
		g := r.peer.reads("a")
		r.peer.room.mu.Unlock()
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.ch != nil && g.ch.dc.BufferedAmount() == 0
	}, nil)
}
