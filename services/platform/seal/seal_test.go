package seal_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

func TestSealOpen(t *testing.T) {
	key := seal.NewKey()
	for _, plain := range []string{"", "x", "jeg ringer om min boligstøtte"} {
		sealed, err := seal.Seal(key, []byte(plain), "c-1/body")
		if err != nil {
			t.Fatal(err)
		}
		if plain != "" && bytes.Contains(sealed, []byte(plain)) && len(plain) > 1 {
			t.Fatal("plaintext shows")
		}
		again, err := seal.Seal(key, []byte(plain), "c-1/body")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(sealed, again) {
			t.Fatal("the nonce was used twice")
		}
		got, err := seal.Open(key, sealed, "c-1/body")
		if err != nil || string(got) != plain {
			t.Fatalf("%q %v", got, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	key := seal.NewKey()
	sealed, err := seal.Seal(key, []byte("hemmeligt"), "c-1/body")
	if err != nil {
		t.Fatal(err)
	}
	flip := func(at int) []byte { b := bytes.Clone(sealed); b[at] ^= 1; return b }
	for _, tt := range []struct {
		name   string
		key    []byte
		sealed []byte
		aad    string
	}{
		{"another key", seal.NewKey(), sealed, "c-1/body"},
		{"another conversation", key, sealed, "c-2/body"},
		{"another field", key, sealed, "c-1/party"},
		{"another version", key, flip(0), "c-1/body"},
		{"damaged nonce", key, flip(1), "c-1/body"},
		{"damaged text", key, flip(len(sealed) - 1), "c-1/body"},
		{"cut", key, sealed[:12], "c-1/body"},
		{"empty", key, nil, "c-1/body"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := seal.Open(tt.key, tt.sealed, tt.aad); !errors.Is(err, seal.ErrSealed) {
				t.Fatalf("got %v", err)
			}
		})
	}
	if _, err := seal.Seal([]byte("short"), nil, ""); err == nil {
		t.Fatal("a short key was taken")
	}
}

func TestPseudonym(t *testing.T) {
	a, b := seal.NewKey(), seal.NewKey()
	one, again := seal.Pseudonym(a, "1"), seal.Pseudonym(a, "1")
	if one != again {
		t.Error("not stable")
	}
	if one == seal.Pseudonym(a, "2") || one == seal.Pseudonym(b, "1") {
		t.Error("two identities or two keys give one pseudonym")
	}
}

// keeper answers for keys as the consent service does.
type keeper struct {
	key    []byte
	erased atomic.Bool
	asked  atomic.Int32
	then   func() // before a key is given out; nil: nothing
}

func keep(t *testing.T, b *bus.Bus) *keeper {
	t.Helper()
	k := &keeper{key: seal.NewKey()}
	s, err := b.Service("consent", "keys")
	if err != nil {
		t.Fatal(err)
	}
	err = bus.Handle(b, s, consentv1.KeySubject, 4, func(_ context.Context, r consentv1.KeyRequest) (consentv1.KeyReply, error) {
		k.asked.Add(1)
		if k.erased.Load() {
			return consentv1.KeyReply{}, errs.E(errs.NotFound, "", nil)
		}
		if k.then != nil {
			k.then()
		}
		return consentv1.KeyReply{KeyID: "k", Key: k.key}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRing(t *testing.T) {
	b := bustest.New(t, streams.Consent())
	k := keep(t, b)
	ring, err := seal.NewRing(b)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a request without a limit of its own gives up after seconds
	defer cancel()
	type body struct{ Text string }
	asked := time.Now()
	sealed, err := seal.JSON(ctx, ring, "c-1", "body", body{"hej"})
	if err != nil {
		t.Fatal(err)
	}
	var got body
	if err := seal.OpenJSON(ctx, ring, "c-1", "body", sealed, &got); err != nil || got.Text != "hej" {
		t.Fatalf("%+v %v", got, err)
	}
	if k.asked.Load() != 1 && time.Since(asked) < seal.CacheFor {
		t.Fatalf("the key was asked for %d times", k.asked.Load())
	}
	if err := seal.OpenJSON(ctx, ring, "c-1", "party", sealed, &got); !errors.Is(err, seal.ErrSealed) {
		t.Fatalf("opened in another field: %v", err)
	}
	// The erasure is announced: the key is forgotten at once.
	k.erased.Store(true)
	erased := consentv1.Erased{Meta: event.NewMeta("consent.v1.event.erased", "consent", time.Now()), ConversationID: "c-1"}
	if err := b.Publish(ctx, erased); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		err := seal.OpenJSON(ctx, ring, "c-1", "body", sealed, &got)
		if errors.Is(err, errs.NotFound) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still opens after the erasure: %v", err)
		}
	}
	if _, err := seal.JSON(ctx, ring, "c-1", "body", body{"mere"}); !errors.Is(err, errs.NotFound) {
		t.Fatalf("sealed after the erasure: %v", err)
	}
}

// A key that is erased while the answer with it is on its way is not kept.
func TestErasureOvertakesTheAnswer(t *testing.T) {
	b := bustest.New(t)
	ring, err := seal.NewRing(b)
	if err != nil {
		t.Fatal(err)
	}
	k := keep(t, b)
	k.then = func() { k.erased.Store(true); ring.Forget("c-1") }
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := ring.Key(ctx, "c-1", true); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Key(ctx, "c-1", true); !errors.Is(err, errs.NotFound) {
		t.Fatalf("the key is still there: %v", err)
	}
}

func TestRingWithoutConsent(t *testing.T) {
	ring, err := seal.NewRing(bustest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Key(t.Context(), "c-1", true); !errors.Is(err, errs.Unavailable) {
		t.Fatalf("got %v", err)
	}
}

// Two keys make a third, which neither makes with another.
func TestBoth(t *testing.T) {
	a, b, c := seal.NewKey(), seal.NewKey(), seal.NewKey()
	ab, err := seal.Both(a, b)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := seal.Seal(ab, []byte("hej"), "x")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		a, b []byte
		ok   bool
	}{"the same": {a, b, true}, "other second": {a, c, false}, "other first": {c, b, false}, "turned round": {b, a, false}} {
		k, err := seal.Both(tt.a, tt.b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Open(k, sealed, "x"); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := seal.Both(a, nil); err == nil {
		t.Error("a key of one")
	}
}
