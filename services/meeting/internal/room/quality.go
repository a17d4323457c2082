package room

import (
	"context"
	"slices"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
)

// How good somebody's network is, is written down, so that the others' pages and a reload find it: a page that is cut off can tell nobody.
// The server finds it out by itself, of a telephone the phone service does, and a page may say it. The worse counts.

// who says how good a network is; an index of seat.rated.
const (
	byServer = iota
	byPage
)

// grade orders the words for a network, the best first; -1: it is none of them.
func grade(q string) int {
	return slices.Index([]string{string(sfu.Good), string(sfu.Fair), string(sfu.Poor), string(sfu.AudioOnly), string(sfu.Lost)}, q)
}

// quality takes what the SFU finds. The person is told at once, unless nothing reaches them.
func (r *room) quality(participant string, q sfu.Quality) {
	if q != sfu.Fair && q != sfu.Lost {
		r.hall.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventNotice, To: participant, Notice: "network." + string(q)})
	}
	r.rate(participant, byServer, string(q))
}

// rate takes what one of those says who can tell.
func (r *room) rate(participant string, by int, q string) {
	if grade(q) < 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.seats[participant]; s != nil && s.rated[by] != q {
		s.rated[by] = q
		go r.keepQuality(participant)
	}
}

// worst is how good somebody's network is; empty: nobody has said it. r.mu is held.
func (r *room) worst(participant string) (q string) {
	if s := r.seats[participant]; s != nil {
		for _, said := range s.rated {
			if grade(said) > grade(q) {
				q = said
			}
		}
	}
	return q
}

// keepQuality writes down how good somebody's network is, as it is when it is written. One that was never bad is good without a word.
func (r *room) keepQuality(participant string) {
	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	changed := false
	rec, err := r.hall.Book.Update(ctx, r.id, "quality", participant, func(rec *booking.Record) error {
		changed = false
		p := rec.Participant(participant)
		r.mu.Lock()
		q, ended := r.worst(participant), r.ended
		r.mu.Unlock()
		if p == nil || ended || q == "" || !in(p.State) || q == p.Quality || p.Quality == "" && q == string(sfu.Good) {
			return booking.ErrUnchanged
		}
		p.Quality, changed = q, true
		return nil
	})
	if err != nil {
		r.log.Warn("how good a network is, is not written down", "participant_id", participant, "err", r.refused(err))
		return
	}
	if changed {
		r.hall.announce(rec)
	}
}
