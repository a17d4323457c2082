// Package agentcard signs and checks the cards by which assistants introduce themselves to each other (A2A 1.0, section 8.4): a
// detached JSON Web Signature (RFC 7515) over the card without its signatures, in canonical JSON (RFC 8785). It knows nothing of
// where cards come from; whoever fetches one fetches the keys. Everything is pure and safe for concurrent use.
package agentcard

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/go-jose/go-jose/v4"
)

// Paths below an assistant's address.
const (
	Path     = "/.well-known/agent-card.json"
	KeysPath = "/.well-known/agent-card-keys.json" // JSON Web Key Set
)

// ErrSignature means that a card is not what its signature was made of, or that the signature cannot be checked.
var ErrSignature = errors.New("signature of the agent card does not hold")

// Signer holds the key that cards are signed with.
type Signer struct {
	key ed25519.PrivateKey
	id  string
}

// NewSigner makes a signer of a derived secret of 32 bytes.
func NewSigner(seed []byte) (*Signer, error) {
	s := &Signer{key: ed25519.NewKeyFromSeed(seed)}
	id, err := KeyID(jose.JSONWebKey{Key: s.key.Public()})
	s.id = id
	return s, err
}

// KeyID is a key's thumbprint (RFC 7638): by it an assistant is known again.
func KeyID(k jose.JSONWebKey) (string, error) {
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// Keys is the public half, as it is published.
func (s *Signer) Keys() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.key.Public(), KeyID: s.id, Algorithm: string(jose.EdDSA), Use: "sig"}}}
}

// Sign gives the card as JSON with its signature; keys is the address of Keys.
func (s *Signer) Sign(card a2a.AgentCard, keys string) ([]byte, error) {
	card.Signatures = nil
	plain, err := json.Marshal(card)
	if err != nil {
		return nil, fmt.Errorf("agent card: %w", err)
	}
	payload, err := canonical(plain)
	if err != nil {
		return nil, err
	}
	opts := (&jose.SignerOptions{}).WithType("JOSE").WithHeader("jku", keys)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: s.key, KeyID: s.id}}, opts)
	if err != nil {
		return nil, fmt.Errorf("agent card: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("sign agent card: %w", err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("sign agent card: %w", err)
	}
	part := strings.Split(compact, ".") // header, payload, signature
	card.Signatures = []a2a.AgentCardSignature{{Protected: part[0], Signature: part[2]}}
	return json.Marshal(card)
}

// KeysURL is where a card says that the keys of its first signature are; empty: it is not signed, or does not say.
func KeysURL(card a2a.AgentCard) string {
	if len(card.Signatures) == 0 {
		return ""
	}
	var h struct {
		JKU string `json:"jku"`
	}
	raw, err := base64.RawURLEncoding.DecodeString(card.Signatures[0].Protected)
	if err != nil || json.Unmarshal(raw, &h) != nil {
		return ""
	}
	return h.JKU
}

// algorithms are those that signatures may use: public keys only.
var algorithms = []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.ES384, jose.RS256, jose.PS256}

// Verify checks the first signature of a card, as it was sent, and gives the thumbprint of the key that holds.
func Verify(sent []byte, keys jose.JSONWebKeySet) (keyID string, err error) {
	var card struct {
		Signatures []a2a.AgentCardSignature `json:"signatures"`
	}
	if err := json.Unmarshal(sent, &card); err != nil || len(card.Signatures) == 0 {
		return "", fmt.Errorf("%w: none there", ErrSignature)
	}
	payload, err := canonical(sent)
	if err != nil {
		return "", err
	}
	s := card.Signatures[0]
	jws, err := jose.ParseSignedCompact(s.Protected+"."+base64.RawURLEncoding.EncodeToString(payload)+"."+s.Signature, algorithms)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSignature, err)
	}
	for _, k := range keys.Key(jws.Signatures[0].Header.KeyID) {
		if !k.IsPublic() || !k.Valid() {
			continue
		}
		if _, err := jws.Verify(k); err == nil {
			return KeyID(k)
		}
	}
	return "", ErrSignature
}

// canonical writes a card without its signatures in canonical JSON. What Go writes for a map is canonical as long as numbers are
// whole; a card with others is refused by its signature, not believed.
func canonical(card []byte) ([]byte, error) {
	var fields map[string]any
	dec := json.NewDecoder(bytes.NewReader(card))
	dec.UseNumber()
	if err := dec.Decode(&fields); err != nil {
		return nil, fmt.Errorf("agent card: %w", err)
	}
	delete(fields, "signatures")
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fields); err != nil {
		return nil, fmt.Errorf("agent card: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
