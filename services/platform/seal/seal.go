// Package seal encrypts what was said and who said it under a key per conversation
// (AES-256-GCM), so that destroying the key erases the content everywhere: tables,
// streams, backups and workflow histories (crypto-shredding).
//
// Sealed form: version byte 1, nonce of 12 bytes, ciphertext with tag. The associated
// data binds a value to its conversation and field, so that sealed values cannot be
// swapped between rows.
package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// KeySize is the size of a key in bytes.
const KeySize = 32

const version = 1

// ErrSealed reports a sealed value that does not open: wrong key, wrong place or damage.
var ErrSealed = errors.New("sealed value does not open")

// NewKey returns a fresh random key.
func NewKey() []byte {
	k := make([]byte, KeySize)
	rand.Read(k)
	return k
}

// Seal encrypts plain; aad names the place that the value belongs to.
func Seal(key, plain []byte, aad string) ([]byte, error) {
	g, err := gcm(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 1+g.NonceSize(), 1+g.NonceSize()+len(plain)+g.Overhead())
	out[0] = version
	rand.Read(out[1:])
	return g.Seal(out, out[1:], plain, []byte(aad)), nil
}

// Open decrypts a sealed value.
func Open(key, sealed []byte, aad string) ([]byte, error) {
	g, err := gcm(key)
	if err != nil {
		return nil, err
	}
	n := 1 + g.NonceSize()
	if len(sealed) < n+g.Overhead() || sealed[0] != version {
		return nil, ErrSealed
	}
	plain, err := g.Open(nil, sealed[1:n], sealed[n:], []byte(aad))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func gcm(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("key has %d bytes, want %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Both returns the key that only whoever has two others can make: destroying one of them destroys what it has sealed.
func Both(a, b []byte) ([]byte, error) {
	if len(a) != KeySize || len(b) != KeySize {
		return nil, fmt.Errorf("keys have %d and %d bytes, want %d", len(a), len(b), KeySize)
	}
	return hkdf.Key(sha256.New, slices.Concat(a, b), nil, "both", KeySize)
}

// Pseudonym returns a keyed hash of an identity (CPR number, login subject): equal
// identities give equal pseudonyms, and without the key none can be tried out.
func Pseudonym(key []byte, identity string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("party\x00" + identity))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// Keys gives the keys of conversations. The consent service owns them.
type Keys interface {
	// Key returns the conversation's key; errs.NotFound when it was erased, or
	// never made and create is false.
	Key(ctx context.Context, conversation string, create bool) ([]byte, error)
}

// Ring is Keys over the bus with a short cache. It forgets a key as soon as the
// erasure is announced, and after CacheFor in any case.
type Ring struct {
	bus      *bus.Bus
	mu       sync.Mutex
	m        map[string]cached
	erasures int // that were announced
}

type cached struct {
	key  []byte
	till time.Time
}

// CacheFor bounds how long a service may use a key without asking again.
const CacheFor = time.Minute

// NewRing returns a Ring that listens for erasures.
func NewRing(b *bus.Bus) (*Ring, error) {
	r := &Ring{bus: b, m: map[string]cached{}}
	_, err := bus.Listen(b, consentv1.ErasedSubject("*"), func(_ context.Context, e consentv1.Erased) {
		r.Forget(e.ConversationID)
	})
	if err != nil {
		return nil, fmt.Errorf("listen for erasures: %w", err)
	}
	return r, nil
}

// Forget drops a cached key.
func (r *Ring) Forget(conversation string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.erasures++
	delete(r.m, conversation)
}

// Key implements Keys.
func (r *Ring) Key(ctx context.Context, conversation string, create bool) ([]byte, error) {
	now := time.Now()
	r.mu.Lock()
	c, ok := r.m[conversation]
	erasures := r.erasures
	r.mu.Unlock()
	if ok && now.Before(c.till) {
		return c.key, nil
	}
	rep, err := bus.Request[consentv1.KeyReply](ctx, r.bus, consentv1.KeySubject,
		consentv1.KeyRequest{ConversationID: conversation, Create: create})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.erasures != erasures { // perhaps this one's, announced before the answer came: it is not kept
		return rep.Key, nil
	}
	for id, c := range r.m {
		if now.After(c.till) {
			delete(r.m, id)
		}
	}
	r.m[conversation] = cached{rep.Key, now.Add(CacheFor)}
	return rep.Key, nil
}

// Erase destroys a key, also one that was never made, so that none will be; everybody is told to forget it. Under a legal hold it is
// errs.Conflict. Actor is the service that asks.
func (r *Ring) Erase(ctx context.Context, conversation, reason, actor string) error {
	_, err := bus.Request[consentv1.EraseReply](ctx, r.bus, consentv1.EraseSubject,
		consentv1.EraseRequest{ConversationID: conversation, Reason: reason, Actor: actor})
	if err == nil {
		r.Forget(conversation) // before the announcement comes
	}
	return err
}

// JSON seals v as JSON for a field of a conversation.
func JSON(ctx context.Context, keys Keys, conversation, field string, v any) ([]byte, error) {
	key, err := keys.Key(ctx, conversation, true)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", field, err)
	}
	return Seal(key, plain, conversation+"/"+field)
}

// OpenJSON opens what JSON sealed into v.
func OpenJSON(ctx context.Context, keys Keys, conversation, field string, sealed []byte, v any) error {
	key, err := keys.Key(ctx, conversation, false)
	if err != nil {
		return err
	}
	plain, err := Open(key, sealed, conversation+"/"+field)
	if err != nil {
		return errs.E(errs.Internal, "", fmt.Errorf("%s: %w", field, err))
	}
	return json.Unmarshal(plain, v)
}
