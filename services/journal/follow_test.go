package journal

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/workflows/note"
)

// The case system gets to know which conversation the note's goes on from.
func TestDeliveredNoteNamesWhatItFollows(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	c.follows = newCall().id
	w.talk(c)
	n := w.approved(w.drafted(c))
	if res, err := w.acts.Deliver(long(t), note.DeliverInput{ConversationID: c.id, NoteID: n.ID}); err != nil || !res.Delivered {
		t.Fatalf("%+v %v", res, err)
	}
	files, err := filepath.Glob(filepath.Join(w.data, "delivered", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("delivered files: %v %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var e deliveryv1.Event
	if err := json.Unmarshal(text, &e); err != nil || e.Data.Follows != c.follows {
		t.Errorf("follows %q, want %q, %v", e.Data.Follows, c.follows, err)
	}
}
