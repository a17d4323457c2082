package evidence

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"testing"
)

func document() Document {
	return Document{Template: "standard/1", Title: "Henvendelse om boligstøtte", Parts: []Part{
		{"henvendelse", Claim{"Borgeren ringer.", []Span{{Source: "leg0", Words: []string{"a", "b"}}}}},
		{"oplyst", Claim{"Reglen gælder.", []Span{{Source: "art", Start: 3, End: 9, Hash: "h"}}}},
	}}
}

func TestSign(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(bytes.NewReader(make([]byte, 64)))
	if err != nil {
		t.Fatal(err)
	}
	sig := Sign(document(), key)
	if err := Check(document(), sig, pub); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Document){
		"template":    func(d *Document) { d.Template = "standard/2" },
		"title":       func(d *Document) { d.Title += " " },
		"text":        func(d *Document) { d.Parts[0].Claim.Text = "Borgeren ringer ikke." },
		"section":     func(d *Document) { d.Parts[0].Section = "aftalt" },
		"word":        func(d *Document) { d.Parts[0].Claim.Spans[0].Words[1] = "c" },
		"words moved": func(d *Document) { d.Parts[0].Claim.Spans[0].Words = []string{"ab"} },
		"byte":        func(d *Document) { d.Parts[1].Claim.Spans[0].End++ },
		"hash":        func(d *Document) { d.Parts[1].Claim.Spans[0].Hash = "i" },
		"order":       func(d *Document) { d.Parts[0], d.Parts[1] = d.Parts[1], d.Parts[0] },
		"dropped":     func(d *Document) { d.Parts = d.Parts[:1] },
	} {
		d := document()
		change(&d)
		if err := Check(d, sig, pub); !errors.Is(err, ErrSignature) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	other, _, err := ed25519.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(document(), sig, other); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
}

// The encoding is stored with approvals for years: it must not change.
func TestHashIsStable(t *testing.T) {
	h := document().Hash()
	const want = "909b2b8c63b94fc734545bee402bc713bd0e22a871993667da557608d91fabf2"
	if got := hex.EncodeToString(h[:]); got != want {
		t.Errorf("hash is %s, want %s", got, want)
	}
}
