package outbox

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

var table = fstest.MapFS{"migrations/0001_box.sql": {Data: []byte(`CREATE TABLE box (id TEXT PRIMARY KEY, lane TEXT NOT NULL, target TEXT NOT NULL,
	name TEXT NOT NULL, event_id TEXT NOT NULL, body TEXT NOT NULL)`)}}

// A row that cannot be sent holds up those behind it, and no other lane; what was sent is sent once and counted.
func TestPumpKeepsTheOrder(t *testing.T) {
	storetest.Run(t, table, func(t *testing.T, db *store.DB) {
		b := New(db, "box", "a", "b")
		err := b.InTx(t.Context(), func(tx *store.Tx) error {
			return errors.Join(b.Put(t.Context(), tx, "a", Row{Target: "1"}), b.Put(t.Context(), tx, "a", Row{Target: "2", Body: []byte("x")}),
				b.Put(t.Context(), tx, "b", Row{Target: "other"}), b.Put(t.Context(), tx, "a", Row{Target: "3"}))
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var tried []string
		gone, broken := 0, true
		send := func(_ context.Context, r Row) error {
			tried = append(tried, r.Target)
			if r.Target == "2" && broken {
				broken = false
				b.committed() // the next look comes at once, as when a change is committed meanwhile
				return errors.New("away")
			}
			return nil
		}
		sent := func(rows int) {
			if gone += rows; gone == 3 {
				cancel()
			}
		}
		if err := b.Pump(ctx, slog.New(slog.DiscardHandler), "a", send, sent); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"1", "2", "2", "3"}, tried); diff != "" {
			t.Error(diff)
		}
		for lane, want := range map[string]int{"a": 0, "b": 1} {
			if rows, err := b.Pending(t.Context(), lane, 10); err != nil || len(rows) != want {
				t.Errorf("lane %s holds %d, %v", lane, len(rows), err)
			}
		}
	})
}
