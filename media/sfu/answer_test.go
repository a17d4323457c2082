package sfu

import (
	"errors"
	"testing"

	"github.com/pion/webrtc/v4"
)

// The answer of a page that was loaded again comes late, when the new page has its offer already: it is not taken for the new page's, whose
// connection would never work.
func TestAnswerOfTheFormerPage(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	b := join(t, r, PeerConfig{ID: "b"})
	a := join(t, r, PeerConfig{ID: "a"})
	for _, others := range []string{"nobody else", "somebody else"} {
		if others == "somebody else" {
			b.publishBoth()
		}
		former := a.connection()
		offer, err := a.peer.Subscribe()
		a.must(err)
		a.must(former.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}))
		d, err := former.CreateAnswer(nil)
		a.must(err)
		late, err := a.gathered(former, d)
		a.must(err)

		a.sub = a.connection()
		a.sub.OnTrack(a.receive)
		offer, err = a.peer.Subscribe()
		a.must(err)
		if err := a.peer.Answer(late); !errors.Is(err, ErrState) {
			t.Errorf("%s: the former page's answer: %v", others, err)
		}
		a.answer(offer)
		a.connected(a.sub, Subscribing)
		if err := a.peer.Answer(late); !errors.Is(err, ErrState) {
			t.Errorf("%s: the former page's answer when the new one has answered: %v", others, err)
		}
	}
}

// An answer that comes twice is not taken for that to the next offer, which has a section more.
func TestAnswerTwice(t *testing.T) {
	var offers []string
	w := newWorld(t, RoomConfig{})
	p := w.join(PeerConfig{ID: "a", Offer: func(offer string) { offers = append(offers, offer) }})
	offer, err := p.Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	first := accepting(offer)
	if err := p.Answer(first); err != nil {
		t.Fatal(err)
	}
	w.speak(PeerConfig{ID: "b"})
	w.settle()
	if len(offers) != 1 {
		t.Fatalf("%d offers", len(offers))
	}
	if err := p.Answer(first); !errors.Is(err, ErrState) {
		t.Errorf("the same answer again: %v", err)
	}
	if err := p.Answer(accepting(offers[0])); err != nil {
		t.Errorf("the answer to the second offer: %v", err)
	}
}
