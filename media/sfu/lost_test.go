package sfu

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// quiet is how long after the last packet it is not said yet that somebody is lost, and heard how long after it at the latest.
const quiet, heard = silentAfter - 100*time.Millisecond, silentAfter + 200*time.Millisecond

// tells collects what a peer's owner is told of its network.
func tells(told *[]Quality) func(Quality) { return func(q Quality) { *told = append(*told, q) } }

func (w *world) wants(what string, told []Quality, want ...Quality) {
	w.t.Helper()
	if !slices.Equal(told, want) {
		w.t.Errorf("%s: told %v, not %v", what, told, want)
	}
}

// Who is cut off is lost as soon as no browser would have been silent for so long, and is not with the first packet that comes again.
func TestLostWhenNothingComes(t *testing.T) {
	var told []Quality
	w := newWorld(t, RoomConfig{})
	a := w.speak(PeerConfig{ID: "a", Quality: tells(&told)})
	v := w.watch(PeerConfig{ID: "b"})
	w.run(3 * time.Second)
	w.wants("connected", told, Good)
	a.up.Cut = true
	w.run(quiet)
	w.wants("not yet", told, Good)
	w.run(heard - quiet)
	w.wants("cut off", told, Good, Lost)
	w.run(time.Minute)
	w.wants("for a minute", told, Good, Lost)
	a.up.Cut = false
	w.run(200 * time.Millisecond)
	w.wants("back", told, Good, Lost, Good)
	if slices.Contains(v.told, Lost) {
		t.Errorf("the other one: told %v", v.told)
	}
}

// One connection is enough: who sends nothing, but says how much of what comes arrives, is there.
func TestNotLostWithOneConnection(t *testing.T) {
	w := newWorld(t, RoomConfig{})
	w.speak(PeerConfig{ID: "a"})
	v := w.watch(PeerConfig{ID: "b"})
	if _, err := v.peer.Publish(speakerHead + speakerSection("audio", "111", "0", "a=rtpmap:111 opus/48000/2")); err != nil {
		t.Fatal(err)
	}
	w.connect(v.peer.pub)
	w.run(20 * time.Second)
	if slices.Contains(v.told, Lost) {
		t.Errorf("told %v", v.told)
	}
	v.up.Cut = true
	w.run(heard)
	if last := v.told[len(v.told)-1]; last != Lost {
		t.Errorf("both are silent: told %v", v.told)
	}
}

// A program that only watches reports as seldom as RTCP allows. A telephone has no connection that could be lost.
func TestNotLostWithoutSending(t *testing.T) {
	const seldom = 6200 * time.Millisecond
	var told, phone []Quality
	w := newWorld(t, RoomConfig{})
	w.join(PeerConfig{ID: "phone", Mix: func([]int16) {}, Quality: tells(&phone)})
	p := w.join(PeerConfig{ID: "a", Quality: tells(&told)})
	if _, err := p.SubscribeOffer(strings.ReplaceAll(speakerHead+speakerSection("audio", "111", "0", "a=rtpmap:111 opus/48000/2"), "a=sendonly", "a=recvonly")); err != nil {
		t.Fatal(err)
	}
	e, next := w.connect(p.sub), w.now()
	w.each = append(w.each, func(now time.Time) {
		if !now.Before(next) {
			next = now.Add(seldom)
			e.control(now, &rtcp.ReceiverReport{SSRC: 1})
		}
	})
	w.run(time.Minute)
	w.wants("who watches", told, Good)
	w.wants("a telephone", phone)
	e.up.Cut = true
	w.run(seldom + heard)
	w.wants("cut off", told, Good, Lost)
}

// A page that is loaded again has new connections: until one works, what was told of the ones before stands.
func TestLostAndLoadedAgain(t *testing.T) {
	var told []Quality
	w := newWorld(t, RoomConfig{})
	a := w.speak(PeerConfig{ID: "a", Quality: tells(&told)})
	w.run(time.Second)
	load := func(print int) {
		t.Helper()
		offer := speakerHead + speakerSection("audio", "111", "0", "a=rtpmap:111 opus/48000/2")
		if _, err := a.peer.Publish(strings.ReplaceAll(offer, "00:01\r\n", fmt.Sprintf("00:%02d\r\n", print))); err != nil {
			t.Fatal(err)
		}
	}
	a.idle = true
	load(2)
	w.run(time.Minute)
	w.wants("loaded again", told, Good)
	w.connect(a.peer.pub)
	w.run(heard)
	w.wants("silent", told, Good, Lost)
	load(3)
	w.run(heard)
	w.wants("loaded once more", told, Good, Lost)
	w.connect(a.peer.pub)
	w.run(time.Second)
	w.wants("connected", told, Good, Lost, Good)
	w.run(heard)
	w.wants("silent again", told, Good, Lost, Good, Lost)
	a.peer.End(Publishing)
	w.run(time.Second)
	w.wants("ended", told, Good, Lost, Good, Lost, Good)
}
