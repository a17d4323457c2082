package room

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// A room is at one node at a time. The database says at which, and under which epoch; what a room writes is refused when its epoch
// is over. So a node that was thought dead and comes back can show nothing for true that it has not the right to any more.

// openWithin bounds how long a room takes to open.
const openWithin = 10 * time.Second

// open gives the room of a meeting; the first who comes makes it this node's and opens it.
func (h *Hall) open(ctx context.Context, rec booking.Record) (*room, error) {
	if r := h.find(rec.ID); r != nil {
		return r, nil
	}
	v, err, _ := h.opening.Do(rec.ID, func() (any, error) {
		if r := h.find(rec.ID); r != nil {
			return r, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), openWithin) // for all who wait
		defer cancel()
		return h.claim(ctx, rec.ID)
	})
	if err != nil {
		return nil, err
	}
	return v.(*room), nil
}

// claim makes a meeting's room this node's and opens it. The record is read afterwards: nobody else changes it from here on.
func (h *Hall) claim(ctx context.Context, id string) (*room, error) {
	if h.Leaving() {
		return nil, store.ErrElsewhere
	}
	var epoch int64
	err := h.Book.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		epoch, err = tx.Claim(ctx, id, h.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	r, err := h.furnish(ctx, id, epoch)
	if err != nil {
		free := h.Book.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Release(ctx, id, epoch, h.Now()) })
		return nil, errors.Join(err, free)
	}
	return r, nil
}

// furnish opens a room with all that is known of it.
func (h *Hall) furnish(ctx context.Context, id string, epoch int64) (*room, error) {
	rec, _, err := h.Book.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	area, err := h.Area(ctx, rec.ServiceArea)
	if err != nil {
		return nil, err
	}
	r := newRoom(h, rec, area)
	r.epoch = epoch
	if err := r.restore(ctx, rec); err != nil {
		return nil, err
	}
	r.media, err = h.SFU.Open(id, sfu.RoomConfig{Speakers: r.speakers})
	if err != nil {
		return nil, full(err)
	}
	r.stop, err = r.listen()
	if err != nil {
		r.media.Close()
		return nil, err
	}
	r.mu.Lock()
	r.attend()
	r.mu.Unlock()
	if err := h.show(ctx, r); err != nil {
		h.drop(r) // it is nobody's
		return nil, err
	}
	go r.inherit()
	return r, nil
}

// show lets everybody find a room. What was done while nobody did is read before anybody joins.
func (h *Hall) show(ctx context.Context, r *room) error {
	r.joining.Lock()
	defer r.joining.Unlock()
	h.mu.Lock()
	h.rooms[r.id] = r
	h.mu.Unlock()
	rec, _, err := h.Book.Get(ctx, r.id)
	if err == nil {
		r.live(rec)
	}
	return err
}

// Check compares what is here with who has a meeting's room: one whose epoch is over is dropped. What was read may be older than
// what is here.
func (h *Hall) Check(meeting string, p store.Place) {
	if r := h.find(meeting); r != nil && p.Epoch > r.epoch {
		h.drop(r)
	}
}

// CheckAll compares all that is here with who has the rooms.
func (h *Hall) CheckAll(ctx context.Context) error {
	h.mu.Lock()
	ids := slices.Collect(maps.Keys(h.rooms))
	h.mu.Unlock()
	for _, id := range ids {
		p, err := h.Book.Store.Read().Place(ctx, id)
		if err != nil {
			return err
		}
		h.Check(id, p)
	}
	return nil
}

// drop closes a room that another node has. Nothing of it is written any more: who takes it over knows from the database how far
// it had come.
func (h *Hall) drop(r *room) {
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		return
	}
	r.ended, r.moving = true, true
	r.mu.Unlock()
	r.log.Warn("the room is another node's now")
	legs := r.quiet()
	h.close(r)
	r.stop()
	for _, l := range legs {
		l.feed.Abandon()
	}
}

// refused drops the room when a write of its own was refused because it is another node's. It gives the error back.
func (r *room) refused(err error) error {
	if errors.Is(err, store.ErrElsewhere) {
		go r.hall.drop(r)
	}
	return err
}

// Leaving tells whether this node lets its rooms go.
func (h *Hall) Leaving() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.leaving
}

// Retire makes this node take no new rooms.
func (h *Hall) Retire() {
	h.SFU.Drain()
	h.mu.Lock()
	h.leaving = true
	h.mu.Unlock()
}

// Drain lets the meetings of this node go: media stops, how long everything was is written down, and everybody is told to set up
// again where the room will be opened next. The meetings themselves go on.
func (h *Hall) Drain(ctx context.Context) {
	h.Retire()
	h.mu.Lock()
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	var wg sync.WaitGroup
	for _, r := range rooms {
		wg.Go(func() { r.vacate(ctx) })
	}
	wg.Wait()
}

// vacate empties the room at this node; the meeting goes on where it is opened next. People are let go as soon as the lengths of
// the legs stand in the booking: the last words of them are waited for afterwards, beside the meeting that goes on.
func (r *room) vacate(ctx context.Context) {
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		return
	}
	r.ended, r.moving = true, true
	r.mu.Unlock()
	carried := r.bequeath()
	legs := r.quiet()
	_, err := r.hall.Book.UpdateWith(ctx, r.id, "moved", "", func(rec *booking.Record) error {
		rec.Legs = merge(rec.Legs, lengthsOf(legs))
		return nil
	}, func(tx *store.Tx, rec booking.Record) error { return tx.Release(ctx, r.id, r.epoch, r.hall.Now()) })
	if err != nil {
		r.log.Error("a room is not handed over: it is taken when this node is gone", "err", err)
	}
	r.hall.close(r)
	r.hall.Moved(r.id)
	commit(ctx, legs)
	r.stop()
	carried(ctx)
}

// Moved tells everybody in a meeting to set up their media again.
func (h *Hall) Moved(meeting string) {
	h.tell(meetingv1.RoomEvent{MeetingID: meeting, Kind: meetingv1.EventMoved})
}

// running gives the room of a meeting that has begun: after its node has gone, the first who needs it opens it.
func (h *Hall) running(ctx context.Context, rec booking.Record) (*room, error) {
	if r := h.find(rec.ID); r != nil || rec.State == meetingv1.Live {
		return h.open(ctx, rec)
	}
	return nil, errs.E(errs.Conflict, "Mødet er ikke begyndt endnu.", nil)
}

// attend starts the clock on a room without anybody, and stops it when somebody is there. r.mu is held.
func (r *room) attend() {
	if r.attended() {
		if r.empty != nil {
			r.empty()
			r.empty = nil
		}
		return
	}
	if r.empty == nil && !r.ended {
		r.empty = r.hall.After(emptyFor, r.deserted)
	}
}

// attended tells whether anybody is there. r.mu is held.
func (r *room) attended() bool {
	for _, s := range r.seats {
		if s.phone != nil || s.up != [2]bool{} {
			return true
		}
	}
	return false
}

// connected takes what the SFU says of one of a participant's connections.
func (r *room) connected(participant string, side sfu.Side, up bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.seats[participant]; s != nil {
		s.up[side] = up
		r.attend()
		r.watch(participant)
	}
}
