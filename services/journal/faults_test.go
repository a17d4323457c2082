package journal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/internal/deliver"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/note"
	"samtale.dk/samtale/workflows/phonecall"
)

func (w *world) transcriptOf(c *call) (journalv1.Transcript, error) {
	return try[journalv1.Transcript](w, journalv1.TranscriptSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
}

// heard waits until the transcript has n words.
func (w *world) heard(c *call, n int) journalv1.Transcript {
	w.t.Helper()
	var tr journalv1.Transcript
	w.eventually("words", func() bool {
		var err error
		tr, err = w.transcriptOf(c)
		return err == nil && len(tr.Words) >= n
	})
	return tr
}

func TestEventsTwiceAndInAnyOrder(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	f1 := w.final(c, 0, 0, false, "Goddag, jeg ringer om min boligstøtte.")
	f2 := w.final(c, 0, f1.To, true, "Jeg flyttede den 1. november.")
	// Words may overtake the call that they belong to: they are another stream.
	w.publish(f1)
	w.begin(c)
	w.publish(f2)
	for _, f := range []transcriptv1.Final{f1, f2, f1} { // the publisher lost its answers
		f.ID = event.NewID(begin)
		w.publish(f)
	}
	again := c.started
	again.ID = "again"
	w.publish(again)
	w.end(c, f2.To)
	w.end(c, f2.To)
	w.eventually("complete", func() bool { return w.was("transcript call-" + c.id) })
	tr := w.heard(c, 11)
	if len(tr.Words) != 11 || tr.Coverage.Transcribed != 11 || tr.Coverage.Captured != 11 {
		t.Fatalf("%d words, coverage %+v", len(tr.Words), tr.Coverage)
	}
	starts := slices.DeleteFunc(w.temporal.list(), func(s string) bool { return !strings.HasPrefix(s, "start ") })
	if diff := cmp.Diff([]string{"start call-" + c.id + " " + c.id}, starts); diff != "" {
		t.Fatal(diff)
	}
}

func TestNothingIsLostOverARestart(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.begin(c)
	f1 := w.final(c, 0, 0, false, "Goddag, jeg ringer om min boligstøtte.")
	w.publish(f1)
	w.heard(c, 6)
	w.stop()
	f2 := w.final(c, 0, f1.To, true, "Jeg flyttede den 1. november.")
	w.publish(f2)
	w.end(c, f2.To)
	w.start()
	w.eventually("complete", func() bool { return w.was("transcript call-" + c.id) })
	if tr := w.heard(c, 11); !tr.Complete || tr.Coverage.Lost != 0 {
		t.Fatalf("%+v", tr)
	}
}

func TestTemporalAwayLosesNoSignal(t *testing.T) {
	w := newWorld(t)
	w.temporal.mu.Lock()
	w.temporal.down = true
	w.temporal.mu.Unlock()
	c := newCall()
	w.begin(c)
	f := w.final(c, 0, 0, true, "Goddag, jeg ringer om min boligstøtte.")
	w.publish(f)
	w.end(c, f.To)
	w.eventually("the transcript, also without Temporal", func() bool {
		tr, err := w.transcriptOf(c)
		return err == nil && tr.Complete
	})
	w.stop() // the signals wait in the database
	w.temporal.mu.Lock()
	w.temporal.down = false
	w.temporal.mu.Unlock()
	w.start()
	want := []string{"start call-" + c.id + " " + c.id, "ended call-" + c.id, "transcript call-" + c.id}
	w.eventually("all signals", func() bool { return len(w.temporal.list()) >= len(want) })
	if diff := cmp.Diff(want, w.temporal.list()[:len(want)]); diff != "" { // told again at worst
		t.Fatal(diff)
	}
}

func TestFullDiskLosesNothing(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.begin(c)
	f1 := w.final(c, 0, 0, false, "Goddag, jeg ringer om min boligstøtte.")
	w.publish(f1)
	w.heard(c, 6)
	pages := func(limit string) {
		t.Helper()
		if _, err := w.store.Read().Exec(long(t), "PRAGMA max_page_count = "+limit); err != nil {
			t.Fatal(err)
		}
	}
	pages("1") // SQLite takes the least that still holds what is there
	much := w.final(c, 0, f1.To, true, strings.Repeat("Jeg flyttede den 1. november. ", 30))
	w.publish(much)
	w.end(c, much.To)
	refused := errors.New("nothing was written")
	w.eventually("the disk is full", func() bool {
		err := w.store.InTx(long(t), func(tx *store.Tx) error {
			if _, err := tx.Exec(long(t), `INSERT INTO outbox (id, lane, target, name, event_id, body) VALUES ('x', 'x', '', '', '', ?)`,
				strings.Repeat("x", 100<<10)); err != nil {
				return err
			}
			return refused
		})
		return errors.Is(err, errs.Unavailable)
	})
	if tr, err := w.transcriptOf(c); err != nil || len(tr.Words) != 6 {
		t.Fatalf("reading on a full disk: %d words, %v", len(tr.Words), err)
	}
	pages("1000000")
	w.eventually("complete", func() bool { return w.was("transcript call-" + c.id) })
	w.heard(c, 6+150)
}

func TestBadEventsDoNotStopTheOthers(t *testing.T) {
	w := newWorld(t)
	for subject, data := range map[string]string{
		"call.v1.started.x":         `not json`,
		"call.v1.ended.x":           `{"type":"call.v1.ended","legs":"none"}`,
		"call.v1.invented.x":        `{"type":"call.v1.invented"}`,
		"transcript.v1.final.x.y":   `{"conversation_id":"x","leg_id":"y","from":5,"to":1}`,
		"transcript.v1.final.x.y.z": `{"conversation_id":"x.>","leg_id":"y"}`,
	} {
		if _, err := w.bus.JS.Publish(long(t), subject, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	c := newCall()
	w.talk(c)
}

func TestAVanishedCallBecomesANote(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.begin(c)
	f := w.final(c, 0, 0, false, "Goddag, jeg ringer om min boligstøtte.")
	w.publish(f)
	w.heard(c, 6)
	ctx := long(t)
	// Nobody answers for the phone service: nothing is known.
	if _, err := w.acts.CheckCall(ctx, phonecall.CheckCallInput{ConversationID: c.id}); !errors.Is(err, errs.Unavailable) {
		t.Fatalf("phone service away: %v", err)
	}
	for range 2 {
		if _, err := w.acts.EndLost(ctx, phonecall.EndLostInput{ConversationID: c.id}); err != nil {
			t.Fatal(err)
		}
	}
	n := w.drafted(c)
	if len(n.Sentences) == 0 {
		t.Fatalf("draft: %+v", n)
	}
	conv := ask[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
	if conv.State != "review" || conv.EndedAt.IsZero() {
		t.Fatalf("conversation: %+v", conv)
	}
	if tr := w.heard(c, 6); tr.Complete {
		t.Error("a transcript whose end nobody knows counts as complete")
	}
	// The phone service comes back and says when the call really ended.
	w.end(c, f.To+3*rate)
	w.eventually("the gap shows", func() bool {
		tr, err := w.transcriptOf(c)
		return err == nil && tr.Coverage.Lost == 3
	})
}

func (w *world) checkCall(_ context.Context, r callv1.CheckRequest) (callv1.Call, error) {
	if r.ConversationID == "gone" {
		return callv1.Call{}, errs.E(errs.NotFound, "", nil)
	}
	return callv1.Call{ConversationID: r.ConversationID}, nil
}

func TestCheckCallKnowsAGoneCall(t *testing.T) {
	w := newWorld(t)
	svc, err := w.bus.Service("phone", "test")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(bus.Handle(w.bus, svc, callv1.CheckSubject, 1, w.checkCall), w.bus.NC.Flush())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"alive": true, "gone": false} {
		res, err := w.acts.CheckCall(long(t), phonecall.CheckCallInput{ConversationID: id})
		if err != nil || res.Alive != want {
			t.Errorf("%s: %+v %v", id, res, err)
		}
	}
}

// Whether a chat is alive only its own gateway knows, not the telephone's.
func TestCheckCallAsksTheGatewayOfTheChannel(t *testing.T) {
	w := newWorld(t)
	for _, gateway := range []struct {
		channel callv1.Channel
		alive   string
	}{{callv1.ChannelQueue, "call"}, {callv1.ChannelChat, "chat"}, {callv1.ChannelMeeting, "meeting"}} {
		svc, err := w.bus.Service("gateway", "test")
		if err != nil {
			t.Fatal(err)
		}
		err = bus.Handle(w.bus, svc, callv1.CheckSubjectOf(gateway.channel), 1, func(_ context.Context, r callv1.CheckRequest) (callv1.Call, error) {
			if r.ConversationID != gateway.alive {
				return callv1.Call{}, errs.E(errs.NotFound, "", nil)
			}
			return callv1.Call{ConversationID: r.ConversationID}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{gateway.alive, gateway.alive + "-gone"} {
			_, err = w.store.Read().AddConversation(long(t), store.Conversation{ID: id, Channel: gateway.channel, ServiceArea: "borgerservice", StartedAt: begin})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.bus.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"call": true, "call-gone": false, "chat": true, "chat-gone": false, "meeting": true, "meeting-gone": false} {
		res, err := w.acts.CheckCall(long(t), phonecall.CheckCallInput{ConversationID: id})
		if err != nil || res.Alive != want {
			t.Errorf("%s: %+v %v", id, res, err)
		}
	}
}

func TestDeliveryIsTriedAgainAndShown(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.approved(w.drafted(c))
	good := w.acts.Deliverer
	bad, err := deliver.New("webhook=http://127.0.0.1:1/notater", "a secret of the test")
	if err != nil {
		t.Fatal(err)
	}
	w.acts.Deliverer = bad
	in := note.DeliverInput{ConversationID: c.id, NoteID: n.ID, NextIn: time.Minute}
	for range 2 {
		if res, err := w.acts.Deliver(long(t), in); err != nil || res.Delivered {
			t.Fatalf("%+v %v", res, err)
		}
	}
	n = ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: n.ID, Actor: caseworker})
	if n.Delivery == nil || n.Delivery.Attempts != 2 || n.Delivery.Problem == "" || n.Delivery.NextAt.Sub(n.Delivery.LastAt) != time.Minute {
		t.Fatalf("delivery: %+v", n.Delivery)
	}
	ask[journalv1.Note](w, journalv1.DeliverSubject, journalv1.Ref{ID: n.ID, Actor: caseworker})
	w.eventually("a person asked for it now", func() bool { return w.was("deliver-now note-" + c.id) })
	w.acts.Deliverer = good
	if res, err := w.acts.Deliver(long(t), in); err != nil || !res.Delivered {
		t.Fatalf("%+v %v", res, err)
	}
	n = ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: n.ID, Actor: caseworker})
	if n.Delivery != nil || n.Receipt == nil || n.State != journalv1.NoteDelivered {
		t.Fatalf("note: %+v", n)
	}
	refuse(w, errs.Conflict, journalv1.DeliverSubject, journalv1.Ref{ID: n.ID, Actor: caseworker})
}

// meanwhile is a case system that something happens beside before it gives its receipt.
type meanwhile struct {
	deliver.Adapter
	do func()
}

func (m meanwhile) Deliver(ctx context.Context, n deliveryv1.Note) (journalv1.Receipt, error) {
	m.do()
	return m.Adapter.Deliver(context.WithoutCancel(ctx), n) // what happened beside took its time
}

// An attempt that hung, and fails when the next one has succeeded, takes no receipt away.
func TestTheFirstReceiptStands(t *testing.T) {
	w := newWorld(t)
	good := w.acts.Deliverer
	bad, err := deliver.New("webhook=http://127.0.0.1:1/notater", "a secret of the test")
	if err != nil {
		t.Fatal(err)
	}
	for _, hung := range []deliver.Adapter{bad, good} {
		c := newCall()
		w.talk(c)
		n := w.approved(w.drafted(c))
		in := note.DeliverInput{ConversationID: c.id, NoteID: n.ID, NextIn: time.Minute}
		w.acts.Deliverer = meanwhile{hung, func() {
			w.acts.Deliverer = good
			if res, err := w.acts.Deliver(long(t), in); err != nil || !res.Delivered {
				t.Errorf("%+v %v", res, err)
			}
		}}
		if _, err := w.acts.Deliver(long(t), in); err != nil {
			t.Fatal(err)
		}
		got := ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: n.ID, Actor: caseworker})
		if got.State != journalv1.NoteDelivered || got.Receipt == nil || got.Delivery != nil {
			t.Fatalf("note: %+v", got)
		}
	}
}

func TestOnlyTheApprovedVersionIsDelivered(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.approved(w.drafted(c))
	ctx := long(t)
	row, err := w.store.Read().Note(ctx, n.ID)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.acts.Vault.Note(ctx, row)
	if err != nil {
		t.Fatal(err)
	}
	b.Sentences[0].Text += " Og 10.000 kr."
	row.Sealed, err = w.acts.Vault.SealNote(ctx, c.id, b)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.Read().UpdateNote(ctx, row, row.Version); err != nil {
		t.Fatal(err)
	}
	if res, err := w.acts.Deliver(ctx, note.DeliverInput{ConversationID: c.id, NoteID: n.ID}); err != nil || res.Delivered {
		t.Fatalf("delivered what nobody approved: %+v %v", res, err)
	}
	n = ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: n.ID, Actor: caseworker})
	if !strings.Contains(n.Delivery.Problem, "ikke det, der blev godkendt") {
		t.Fatalf("delivery: %+v", n.Delivery)
	}
}

func TestLegalHoldKeepsEverything(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	w.keys.change(func(k *keeper) { k.held = true })
	key, err := w.acts.DestroyKey(long(t), erasure.DestroyKeyInput{ConversationID: c.id, Reason: "retention"})
	if err != nil || !key.Held {
		t.Fatalf("%+v %v", key, err)
	}
	if tr := w.heard(c, 20); len(tr.Words) < 20 {
		t.Fatalf("words are gone: %d", len(tr.Words))
	}
}

func TestALateWordOfAnErasedConversationIsNotKept(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	late := w.final(c, 0, 100*rate, false, "Jeg kommer for sent.")
	w.erase(c)
	w.publish(late)
	other := newCall()
	w.talk(other) // by then the late one has been handled
	finals, err := w.store.Read().Finals(long(t), c.id)
	if err != nil || len(finals) != 0 {
		t.Fatalf("%d finals kept (%v)", len(finals), err)
	}
}

func TestADraftOfErasedContentIsGone(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	if _, err := w.acts.DestroyKey(long(t), erasure.DestroyKeyInput{ConversationID: c.id, Reason: "withdrawn"}); err != nil {
		t.Fatal(err)
	}
	w.eventually("the journal forgets the key", func() bool { // until then a draft can be made, which nobody can read afterwards
		_, err := w.acts.Vault.Keys.Key(long(t), c.id, false)
		return errors.Is(err, errs.NotFound)
	})
	if res, err := w.acts.Draft(long(t), note.DraftInput{ConversationID: c.id}); err != nil || !res.Gone {
		t.Errorf("%+v %v", res, err)
	}
}

// oldKeys still have a key that is destroyed.
type oldKeys []byte

func (k oldKeys) Key(context.Context, string, bool) ([]byte, error) { return k, nil }

// Who has the key in memory yet makes nothing of what was erased meanwhile.
func TestADraftAfterTheErasureIsNotKept(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	w.erase(c)
	w.acts.Vault.Keys = oldKeys(seal.NewKey())
	if res, err := w.acts.Draft(long(t), note.DraftInput{ConversationID: c.id}); err != nil || !res.Gone {
		t.Errorf("%+v %v", res, err)
	}
	conv, err := w.store.Read().Conversation(long(t), c.id)
	if err != nil || conv.State != store.Erased {
		t.Errorf("%+v %v", conv, err)
	}
}
