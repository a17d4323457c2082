package sfu

import (
	"testing"
)

// Two people hear and see each other, under the names that the page expects.
func TestTwoPeople(t *testing.T) {
	s := node(t)
	r := open(t, s, RoomConfig{})
	a, b := join(t, r, PeerConfig{ID: "anna"}), join(t, r, PeerConfig{ID: "bo"})
	a.publishBoth()
	b.publishBoth()
	a.subscribe()
	b.subscribe()
	as, av, bs, bv := &sound{to: a.audio}, &picture{to: a.video, height: 360, per: 3}, &sound{to: b.audio}, &picture{to: b.video, height: 360, per: 3}
	until(t, "sound and picture both ways", func() bool {
		return len(a.packets("bo~microphone")) > 20 && len(a.packets("bo~camera")) > 60 &&
			len(b.packets("anna~microphone")) > 20 && len(b.packets("anna~camera")) > 60
	}, func() {
		as.send()
		bs.send()
		av.send(av.frame%10 == 0)
		bv.send(bv.frame%10 == 0)
	})
	for _, c := range []*client{a, b} {
		c.mu.Lock()
		for id, x := range c.tracks {
			if x.stream != "anna" && x.stream != "bo" || x.stream == c.id {
				t.Errorf("%s got %s in stream %s", c.id, id, x.stream)
			}
		}
		c.mu.Unlock()
	}
	st := s.Stats()
	if st.Rooms != 1 || st.Peers != 2 || st.PacketsOut == 0 || st.Malformed != 0 || st.Replayed != 0 {
		t.Errorf("%+v", st)
	}
}
