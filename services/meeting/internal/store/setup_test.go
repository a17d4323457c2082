package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

// Changes are read newest first, in parts when they are long, and only those of the set-up that was asked for.
func TestSetupChangesInParts(t *testing.T) {
	storetest.Run(t, Migrations(), func(t *testing.T, db *store.DB) {
		s := New(db, "a")
		at := time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC)
		change := func(v int64) SetupChange {
			return SetupChange{Version: v, At: at, Actor: "ida", Action: "save-setup", Before: strings.Repeat("a", 60), After: strings.Repeat("b", 60)}
		}
		in(t, s, func(tx *Tx) error {
			for v := range int64(4) {
				if err := tx.PutSetupChange(t.Context(), "x", change(v+1)); err != nil {
					return err
				}
			}
			return tx.PutSetupChange(t.Context(), "y", change(1))
		})
		read := func(ctx context.Context, below int64, more bool, want ...SetupChange) {
			t.Helper()
			got, rest, err := s.Read().SetupChanges(ctx, "x", below, 200)
			if err != nil || rest != more {
				t.Fatalf("more: %v, %v", rest, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		read(t.Context(), 0, true, change(4), change(3))
		read(t.Context(), 3, false, change(2), change(1))
		read(t.Context(), 1, false)
	})
}
