package agentcard

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/go-jose/go-jose/v4"
)

func signed(t *testing.T, seed byte) ([]byte, *Signer) {
	t.Helper()
	s, err := NewSigner(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	card := a2a.AgentCard{Name: "Aarhus <Kommune> & Ærø", Description: "Spørg", Version: "1", Skills: []a2a.AgentSkill{{ID: "a", Tags: []string{"x"}}}}
	raw, err := s.Sign(card, "https://a.example"+KeysPath)
	if err != nil {
		t.Fatal(err)
	}
	return raw, s
}

func TestSignedCardHoldsHoweverItIsWritten(t *testing.T) {
	raw, s := signed(t, 1)
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	for _, sent := range [][]byte{raw, indented.Bytes()} {
		id, err := Verify(sent, s.Keys())
		if err != nil || id != s.id {
			t.Errorf("key %q, %v", id, err)
		}
	}
	var card a2a.AgentCard
	if err := json.Unmarshal(raw, &card); err != nil || KeysURL(card) != "https://a.example"+KeysPath {
		t.Errorf("keys at %q, %v", KeysURL(card), err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	raw, s := signed(t, 1)
	_, other := signed(t, 2)
	impostor := other.Keys()
	impostor.Keys[0].KeyID = s.id
	var card map[string]any
	if err := json.Unmarshal(raw, &card); err != nil {
		t.Fatal(err)
	}
	delete(card, "signatures")
	unsigned, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		card []byte
		keys jose.JSONWebKeySet
	}{
		"changed":       {bytes.Replace(raw, []byte("Aarhus"), []byte("Odense"), 1), s.Keys()},
		"added field":   {bytes.Replace(raw, []byte(`{`), []byte(`{"iconUrl":"https://b.example/i",`), 1), s.Keys()},
		"another key":   {raw, impostor},
		"no such key":   {raw, other.Keys()},
		"unsigned":      {unsigned, s.Keys()},
		"not a card":    {[]byte("hej"), s.Keys()},
		"alg none":      {bytes.Replace(raw, []byte(`"protected":"`), []byte(`"protected":"eyJhbGciOiJub25lIn0`), 1), s.Keys()},
		"no signature":  {bytes.Replace(raw, []byte(`"signature":"`), []byte(`"signature":"AA`), 1), s.Keys()},
		"without a key": {raw, jose.JSONWebKeySet{}},
	} {
		if _, err := Verify(c.card, c.keys); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
