package sfu

import (
	"slices"
	"time"
)

const (
	// Speech is louder than speakAt dB below full scale; one stops speaking when it has been below quietAt for a while.
	speakAt, quietAt = 45, 50
	speakFor         = 600 * time.Millisecond

	// silent is the level of nothing.
	silent = 127

	// takeOver: somebody else must be louder by so much, or the present speaker quiet, to become the active one.
	takeOver = 6
)

// level is how loud a peer is.
type level struct {
	smooth   float64 // dB below full scale
	heard    time.Time
	loud     time.Time
	speaking bool
	active   bool
}

// hear takes a packet's level.
func (l *level) hear(now time.Time, db int) {
	if l.heard.IsZero() {
		l.smooth = silent
	}
	l.heard = now
	k := 0.2 // quickly up, slowly down
	if float64(db) > l.smooth {
		k = 0.05
	}
	l.smooth += k * (float64(db) - l.smooth)
	if l.smooth < speakAt || l.smooth < quietAt && l.speaking {
		l.loud = now
	}
}

func (l *level) db(now time.Time) int {
	if l.heard.IsZero() || now.Sub(l.heard) > time.Second { // silence is not sent (DTX)
		return silent
	}
	return int(l.smooth)
}

// levels is what was told last.
type levels struct{ told []Speaker }

// speakers tells the owner who is heard.
func (r *Room) speakers(now time.Time) {
	var loudest, active *Peer
	for _, p := range r.order {
		l := &p.level
		l.speaking = !l.loud.IsZero() && now.Sub(l.loud) < speakFor && !p.muted[Microphone]
		if l.active {
			active = p
		}
		if l.speaking && (loudest == nil || l.db(now) < loudest.level.db(now)) {
			loudest = p
		}
	}
	if loudest != nil && loudest != active &&
		(active == nil || !active.level.speaking || loudest.level.db(now)+takeOver < active.level.db(now)) {
		if active != nil {
			active.level.active = false
		}
		loudest.level.active = true
	}
	if r.cfg.Speakers == nil {
		return
	}
	list := r.speaking(now)
	if same(list, r.levels.told) {
		return
	}
	r.levels.told = list
	f := r.cfg.Speakers
	r.later(func() { f(slices.Clone(list)) })
}

func (r *Room) speaking(now time.Time) []Speaker {
	var list []Speaker
	for _, p := range r.order {
		if p.level.speaking || p.level.active {
			list = append(list, Speaker{Peer: p.cfg.ID, DB: p.level.db(now), Speaking: p.level.speaking, Active: p.level.active})
		}
	}
	slices.SortStableFunc(list, func(a, b Speaker) int { return a.DB - b.DB })
	return list
}

// same reports whether a list tells nothing new: a few dB more or less are nothing.
func same(a, b []Speaker) bool {
	return slices.EqualFunc(a, b, func(x, y Speaker) bool {
		return x.Peer == y.Peer && x.Speaking == y.Speaking && x.Active == y.Active && max(x.DB-y.DB, y.DB-x.DB) < 5
	})
}
