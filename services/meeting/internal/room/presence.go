package room

import (
	"context"
	"time"

	"samtale.dk/samtale/services/meeting/internal/booking"
)

// A browser that is closed says nothing. Its connections end, its page asks for nothing any more, and after a while the booking says that
// the person is away: they keep their place, and if it was who leads the meeting, a colleague may lead it. Who takes part without sound
// and picture is there as long as the page is: the portal looks for it every 15 s.

// awayAfter is how long somebody may be without a connection and silent: longer than a reload or a change of network takes, and than the
// portal waits from one look to the next.
const awayAfter = 45 * time.Second

// watch starts the clock of somebody who is in the meeting without a connection, and stops it when they have one. r.mu is held.
func (r *room) watch(id string) {
	p, known := r.people[id]
	switch {
	case !known || r.ended || !in(p.State):
		r.still(id)
	case r.reached(id):
		r.still(id)
		if p.Away {
			go r.mark(id)
		}
	case !p.Away && r.waits[id] == nil:
		r.wait(id)
	}
}

// wait starts somebody's clock. r.mu is held.
func (r *room) wait(id string) {
	began := r.hall.Now()
	r.waits[id] = r.hall.After(awayAfter, func() {
		r.mu.Lock()
		delete(r.waits, id)
		asked := r.asked[id].After(began)
		if asked && !r.ended && !r.reached(id) {
			r.wait(id)
		}
		r.mu.Unlock()
		if !asked {
			r.mark(id)
		}
	})
}

// saw notes that somebody's page has asked for something.
func (r *room) saw(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[id] = r.hall.Now()
	if p := r.people[id]; p.Away && in(p.State) && !r.ended && r.waits[id] == nil {
		r.wait(id)
		go r.mark(id)
	}
}

// still stops the clock of somebody. r.mu is held.
func (r *room) still(id string) {
	if stop := r.waits[id]; stop != nil {
		stop()
		delete(r.waits, id)
	}
}

// reached tells whether somebody has a connection. r.mu is held.
func (r *room) reached(id string) bool {
	s := r.seats[id]
	return s != nil && (s.phone != nil || s.up != [2]bool{})
}

// mark writes down whether somebody is away, as it is when it is written.
func (r *room) mark(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	rec, err := r.hall.Book.Update(ctx, r.id, "away", id, func(rec *booking.Record) error {
		p := rec.Participant(id)
		r.mu.Lock()
		away, ended := !r.reached(id) && r.waits[id] == nil, r.ended
		r.mu.Unlock()
		if p == nil || ended || !in(p.State) || p.Away == away {
			return booking.ErrUnchanged
		}
		p.Away = away
		return nil
	})
	if err != nil {
		r.log.Warn("who is away is not written down", "participant_id", id, "err", r.refused(err))
		return
	}
	r.hall.announce(rec)
}
