package room

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

// recordOf is a meeting with one participant, as it was when it had a version.
func recordOf(version int64, change func(p *meetingv1.Participant)) booking.Record {
	p := meetingv1.Participant{ID: "a", Role: meetingv1.RoleCitizen, State: meetingv1.InRoom}
	change(&p)
	return booking.Record{Meeting: meetingv1.Meeting{ID: "m", State: meetingv1.Live, Participants: []meetingv1.Participant{p}}, Version: version}
}

func newTestRoom(t *testing.T) *room {
	t.Helper()
	node, err := sfu.New(sfu.Config{UDP: []string{"127.0.0.1:0"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Close)
	h := New(Config{
		SFU: node, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		After: func(time.Duration, func()) func() bool { return func() bool { return true } },
	})
	r := newRoom(h, recordOf(1, func(*meetingv1.Participant) {}), consentv1.Area{})
	r.media, err = node.Open("m", sfu.RoomConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Whoever comes back is as muted, as far aside and as little taken out as the meeting is known to have it by then: the request may have been
// begun before.
func TestWhoComesBackIsAsIsKnown(t *testing.T) {
	plain := recordOf(1, func(*meetingv1.Participant) {})
	r := newTestRoom(t)
	r.live(recordOf(2, func(p *meetingv1.Participant) { p.Muted, p.State = true, meetingv1.InSide }))
	peer, err := r.join(plain, &plain.Participants[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	if !peer.Muted(sfu.Microphone) || peer.Group() != sideGroup {
		t.Errorf("muted %v, in %q", peer.Muted(sfu.Microphone), peer.Group())
	}
	r.leave("a")
	r.live(recordOf(3, func(p *meetingv1.Participant) { p.State = meetingv1.Removed }))
	if _, err := r.join(plain, &plain.Participants[0], nil); !errors.Is(err, errs.Denied) {
		t.Errorf("who was taken out is let in: %v", err)
	}
}

// A request of the device that somebody has just gone on from does not disturb the one that they have gone on to.
func TestFormerDeviceDisturbsNobody(t *testing.T) {
	r := newTestRoom(t)
	on := func(version int64, device string) booking.Record {
		rec := recordOf(version, func(*meetingv1.Participant) {})
		rec.Seats = map[string]booking.Seat{"a": {Device: device}}
		return rec
	}
	former, now := on(1, "telephone"), on(2, "computer")
	r.live(now)
	for range 2 { // before the newer one has come, and when it is there
		if _, err := r.join(former, &former.Participants[0], nil); !errors.Is(err, errs.Denied) {
			t.Errorf("the former device is let in: %v", err)
		}
		if _, err := r.join(now, &now.Participants[0], nil); err != nil {
			t.Fatal(err)
		}
	}
}

// oneKey is the key of all.
type oneKey []byte

func (k oneKey) Key(context.Context, string, bool) ([]byte, error) { return k, nil }

// What was done to somebody while the room was being opened, when nobody could find it, counts before anybody joins.
func TestWhatIsDoneWhileTheRoomOpensCounts(t *testing.T) {
	storetest.Run(t, store.Migrations(), func(t *testing.T, db *platformstore.DB) {
		r, st, keys := newTestRoom(t), store.New(db, "test"), oneKey(seal.NewKey())
		r.hall.Book = &booking.Book{Store: st, Keys: keys}
		r.live(recordOf(0, func(*meetingv1.Participant) {}))
		muted := recordOf(0, func(p *meetingv1.Participant) { p.Muted = true })
		sealed, err := seal.JSON(t.Context(), keys, "m", "meeting", muted)
		if err == nil {
			err = st.InTx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Add(t.Context(), store.Meeting{ID: "m", ServiceArea: "a", State: meetingv1.Live, StartsAt: time.Now(), Sealed: sealed})
				return err
			})
		}
		if err == nil {
			err = r.hall.show(t.Context(), r)
		}
		if err != nil {
			t.Fatal(err)
		}
		early := recordOf(0, func(*meetingv1.Participant) {})
		peer, err := r.join(early, &early.Participants[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		if !peer.Muted(sfu.Microphone) {
			t.Error("the microphone is on, though the meeting has it off")
		}
	})
}

// What is done to somebody at once from two sides ends as the meeting has it, whichever is heard of first.
func TestMuteEndsAsTheMeetingHasIt(t *testing.T) {
	unmuted := recordOf(2, func(*meetingv1.Participant) {})
	me := &unmuted.Participants[0]
	unmute, err := act(&unmuted, me, me, meetingv1.ActRequest{Action: meetingv1.ActUnmute, Target: "a"})
	if err != nil {
		t.Fatal(err)
	}
	r := newTestRoom(t)
	peer, err := r.join(unmuted, me, nil)
	if err != nil {
		t.Fatal(err)
	}
	muted := recordOf(3, func(p *meetingv1.Participant) { p.Muted = true })
	r.live(muted)
	r.fit("a")
	if r.live(unmuted) {
		t.Error("an older record counts")
	}
	unmute(r)
	if !peer.Muted(sfu.Microphone) {
		t.Error("the microphone is on, though the meeting has it off")
	}
}
