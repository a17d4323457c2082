package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

// nodesOn gives a meeting and two nodes on one database.
func nodesOn(t *testing.T, db *store.DB) (a, b *Store, m Meeting) {
	t.Helper()
	a, b = New(db, "a"), New(db, "b")
	m = Meeting{ID: "m", ServiceArea: "x", State: "live", StartsAt: time.Unix(1000, 0).UTC(), Version: 1, Sealed: []byte("1")}
	in(t, a, func(tx *Tx) error { _, err := tx.Add(t.Context(), m); return err })
	return a, b, m
}

func in(t *testing.T, s *Store, f func(tx *Tx) error) {
	t.Helper()
	if err := s.InTx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, what string, want error, s *Store, f func(ctx context.Context, tx *Tx) error) {
	t.Helper()
	if err := s.InTx(t.Context(), func(tx *Tx) error { return f(t.Context(), tx) }); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func claim(t *testing.T, s *Store) (epoch int64) {
	t.Helper()
	in(t, s, func(tx *Tx) (err error) { epoch, err = tx.Claim(t.Context(), "m", time.Unix(2000, 0)); return err })
	return epoch
}

func TestOnlyWhoHasTheRoomWrites(t *testing.T) {
	storetest.Run(t, Migrations(), func(t *testing.T, db *store.DB) {
		a, b, m := nodesOn(t, db)
		put := func(ctx context.Context, tx *Tx) error { return tx.Put(ctx, m) }
		in(t, b, func(tx *Tx) error { return put(t.Context(), tx) }) // nobody has the room
		m.Version++
		first := claim(t, a)
		fence := func(epoch int64) func(context.Context, *Tx) error {
			return func(ctx context.Context, tx *Tx) error { return tx.Fence(ctx, m.ID, epoch) }
		}
		refused(t, "another claims", ErrElsewhere, b, func(ctx context.Context, tx *Tx) error {
			_, err := tx.Claim(ctx, m.ID, time.Unix(2000, 0))
			return err
		})
		refused(t, "another writes", ErrElsewhere, b, put)
		refused(t, "another pretends", ErrElsewhere, b, fence(first))
		in(t, a, func(tx *Tx) error {
			return errors.Join(tx.Fence(t.Context(), m.ID, first), put(t.Context(), tx), tx.Hold(t.Context(), m.ID, first, time.Unix(2001, 0)))
		})
		refused(t, "an older version", errs.Conflict, a, put)

		var moved []string
		in(t, b, func(tx *Tx) (err error) { moved, err = tx.Evict(t.Context(), "a", time.Unix(3000, 0)); return err })
		if diff := cmp.Diff([]string{"m"}, moved); diff != "" {
			t.Error(diff)
		}
		refused(t, "under the epoch of before, when nobody has it", ErrElsewhere, a, fence(first))
		second := claim(t, b)
		m.Version++
		refused(t, "the one of before", ErrElsewhere, a, put)
		refused(t, "under the epoch of before", ErrElsewhere, a, fence(first))
		refused(t, "holding", ErrElsewhere, a, func(ctx context.Context, tx *Tx) error { return tx.Hold(ctx, m.ID, first, time.Unix(3001, 0)) })
		refused(t, "releasing another's", ErrElsewhere, a, func(ctx context.Context, tx *Tx) error { return tx.Release(ctx, m.ID, second, time.Unix(3001, 0)) })
		third := claim(t, b) // the same node anew: what it had before is fenced off
		refused(t, "its own of before", ErrElsewhere, b, fence(second))
		if second <= first || third <= second {
			t.Errorf("epochs %d, %d, %d", first, second, third)
		}
		holders, err := a.Read().Holders(t.Context())
		if diff := cmp.Diff([]string{"b"}, holders); diff != "" || err != nil {
			t.Error(err, diff)
		}
		in(t, b, func(tx *Tx) error { return tx.Release(t.Context(), m.ID, third, time.Unix(4000, 0)) })
		if p, err := a.Read().Place(t.Context(), m.ID); err != nil || p.Node != "" || p.State != "live" {
			t.Errorf("released: %+v, %v", p, err)
		}
		for since, want := range map[int64]int{3999: 0, 4001: 1} {
			if lost, err := a.Read().Abandoned(t.Context(), time.Unix(since, 0)); err != nil || len(lost) != want {
				t.Errorf("abandoned since %d: %v, %v", since, lost, err)
			}
		}
	})
}

// Many claim at once, one gets it; who writes meanwhile has written before, or is refused.
func TestClaimsRace(t *testing.T) {
	storetest.Run(t, Migrations(), func(t *testing.T, db *store.DB) {
		_, _, m := nodesOn(t, db)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var got []int64
		written := 0
		for i := range 6 {
			s := New(db, string(rune('a'+i)))
			wg.Go(func() {
				err := s.InTx(t.Context(), func(tx *Tx) error {
					epoch, err := tx.Claim(t.Context(), m.ID, time.Unix(2000, 0))
					if err == nil {
						mu.Lock()
						defer mu.Unlock()
						got = append(got, epoch)
					}
					return err
				})
				if err != nil && !errors.Is(err, ErrElsewhere) && !errors.Is(err, errs.Conflict) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				err := New(db, "z").InTx(t.Context(), func(tx *Tx) error { return tx.Put(t.Context(), m) })
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					written++
				} else if !errors.Is(err, ErrElsewhere) && !errors.Is(err, errs.Conflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		p, err := New(db, "z").Read().Place(t.Context(), m.ID)
		if err != nil || p.Epoch != 1 || p.Node == "" || written > 1 {
			t.Errorf("%+v after claims %v and %d writes: %v", p, got, written, err)
		}
	})
}
