package evidence

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

// A Document is what a person approves: sentences with their spans, in the sections of a template.
type Document struct {
	Template string // name and version of the template
	Title    string
	Parts    []Part
}

// A Part is one sentence of a document, in its section.
type Part struct {
	Section string
	Claim   Claim
}

// A Signature binds an approval to one version of a document.
type Signature struct {
	Hash  []byte // SHA-256 of the canonical encoding
	Value []byte // Ed25519 over the hash
}

// ErrSignature means that a document is not the one that was approved.
var ErrSignature = errors.New("document is not the approved one")

// Hash is the SHA-256 of the document's canonical encoding: every field in order, each with its length before it, so no
// two documents have the same encoding. A version number leads; it changes with the encoding.
func (d Document) Hash() [sha256.Size]byte {
	e := encoder{h: sha256.New()}
	e.text("samtale document 1")
	e.text(d.Template)
	e.text(d.Title)
	e.number(len(d.Parts))
	for _, p := range d.Parts {
		e.text(p.Section)
		e.text(p.Claim.Text)
		e.number(len(p.Claim.Spans))
		for _, s := range p.Claim.Spans {
			e.span(s)
		}
	}
	return [sha256.Size]byte(e.h.Sum(nil))
}

// Sign signs the document's hash.
func Sign(d Document, key ed25519.PrivateKey) Signature {
	h := d.Hash()
	return Signature{Hash: h[:], Value: ed25519.Sign(key, h[:])}
}

// Check reports [ErrSignature] unless the signature is the key's and was made for this version of the document.
func Check(d Document, s Signature, key ed25519.PublicKey) error {
	h := d.Hash()
	if string(h[:]) != string(s.Hash) {
		return fmt.Errorf("hash differs: %w", ErrSignature)
	}
	if !ed25519.Verify(key, h[:], s.Value) {
		return fmt.Errorf("signature does not fit the key: %w", ErrSignature)
	}
	return nil
}

// encoder writes fields so that they can be told apart.
type encoder struct{ h hash.Hash }

func (e encoder) number(n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	e.h.Write(b[:])
}

func (e encoder) text(s string) {
	e.number(len(s))
	e.h.Write([]byte(s))
}

func (e encoder) span(s Span) {
	e.text(s.Source)
	e.number(len(s.Words))
	for _, w := range s.Words {
		e.text(w)
	}
	e.number(s.Start)
	e.number(s.End)
	e.text(s.Hash)
}
