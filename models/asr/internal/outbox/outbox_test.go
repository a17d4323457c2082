package outbox

import (
	"errors"
	"testing"
	"testing/synctest"

	"samtale.dk/samtale/models/asr"
)

func put(t *testing.T, b *Box, e asr.Event) {
	t.Helper()
	if err := b.Put(e); err != nil {
		t.Fatal(err)
	}
}

func TestSlowReaderGetsTheNewestPartial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		put(t, b, asr.Event{Kind: asr.Final, To: 1})
		synctest.Wait() // the first final is on its way to the reader
		put(t, b, asr.Event{Kind: asr.Partial, From: 1, To: 2})
		put(t, b, asr.Event{Kind: asr.Partial, From: 1, To: 3})
		var got []asr.Event
		got = append(got, <-b.Events(), <-b.Events())
		if got[0].Kind != asr.Final || got[1].Kind != asr.Partial || got[1].To != 3 {
			t.Errorf("got %+v", got)
		}
		b.Close()
		synctest.Wait()
		if _, open := <-b.Events(); open {
			t.Error("channel is open after Close")
		}
	})
}

func TestDecisionsPushOutPartials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		put(t, b, asr.Event{Kind: asr.Final, To: 1})
		synctest.Wait()
		put(t, b, asr.Event{Kind: asr.Partial, From: 1, To: 2})
		put(t, b, asr.Event{Kind: asr.Final, From: 1, To: 5})
		put(t, b, asr.Event{Kind: asr.Marker, From: 5, To: 5})
		b.Close()
		var kinds []asr.Kind
		for e := range b.Events() {
			kinds = append(kinds, e.Kind)
		}
		if len(kinds) != 3 || kinds[1] != asr.Final || kinds[2] != asr.Marker {
			t.Errorf("got %v, want final, final, marker", kinds)
		}
		if err := b.Put(asr.Event{Kind: asr.Final}); !errors.Is(err, asr.ErrClosed) {
			t.Errorf("put after close: %v", err)
		}
	})
}

func TestReaderThatStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		var err error
		for i := 0; i < Limit+2 && err == nil; i++ {
			err = b.Put(asr.Event{Kind: asr.Final})
		}
		if !errors.Is(err, asr.ErrBehind) {
			t.Errorf("got %v, want ErrBehind", err)
		}
		b.Abort()
		synctest.Wait() // a goroutine left behind would make the bubble fail
	})
}
