package room

import (
	"cmp"
	"context"
	"errors"
	"time"

	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// lookEvery is how often meetings are looked for that no node has any more.
const lookEvery = time.Minute

// Keep writes down, until ctx ends, which rooms are here and how long their legs are, and ends meetings that a node has left
// behind and nobody has come back to.
func (h *Hall) Keep(ctx context.Context) error {
	hold, look := time.NewTicker(cmp.Or(h.Hold, 5*time.Second)), time.NewTicker(lookEvery)
	defer hold.Stop()
	defer look.Stop()
	began := h.Now()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-hold.C:
			err = h.hold(ctx)
		case <-look.C:
			if h.Now().Sub(began) > emptyFor { // after a restart people get the time to come back
				err = h.Sweep(ctx)
			}
		}
		if err != nil && ctx.Err() == nil {
			h.Log.Warn("rooms are not kept", "err", err)
		}
	}
}

// hold notes how far all rooms have come, in one transaction.
func (h *Hall) hold(ctx context.Context) error {
	h.mu.Lock()
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	if len(rooms) == 0 {
		return nil
	}
	var lost []*room
	err := h.Book.Store.InTx(ctx, func(tx *store.Tx) error {
		lost = nil
		for _, r := range rooms {
			err := tx.Hold(ctx, r.id, r.epoch, h.Now())
			if errors.Is(err, store.ErrElsewhere) {
				lost = append(lost, r)
				continue
			}
			if err != nil {
				return err
			}
			for _, l := range r.positions() {
				if err := tx.PutLeg(ctx, r.id, l); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		for _, r := range lost {
			h.drop(r)
		}
	}
	return err
}

func (r *room) positions() []store.Leg {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]store.Leg, 0, len(r.legs))
	for id, l := range r.legs {
		out = append(out, store.Leg{ID: l.ID, Speaker: id, Samples: l.feed.Position()})
	}
	return out
}

// Sweep ends meetings that no node has and nobody has come back to.
func (h *Hall) Sweep(ctx context.Context) error {
	lost, err := h.Book.Store.Read().Abandoned(ctx, h.Now().Add(-emptyFor))
	if err != nil {
		return err
	}
	for _, id := range lost {
		if h.find(id) != nil {
			continue
		}
		rec, _, err := h.Book.Get(ctx, id)
		if err == nil && !rec.Deserted(h.Now()) {
			continue
		}
		if err != nil && !errors.Is(err, errs.NotFound) {
			return err
		}
		switch err := h.finish(ctx, id, reasonLost, nil, 0); {
		case errors.Is(err, store.ErrElsewhere): // somebody came back just now
			continue
		case err != nil:
			return err
		}
		h.Log.Info("a meeting that nobody came back to is over", "meeting_id", id)
	}
	return nil
}
