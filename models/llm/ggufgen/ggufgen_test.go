package ggufgen

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// say walks a vocabulary from a token as the server does without a grammar.
func say(tokens []token, at, limit int) string {
	var b strings.Builder
	for range limit {
		if at == eos {
			break
		}
		b.WriteString(strings.ReplaceAll(tokens[at].text, "▁", " "))
		at = tokens[at].next
	}
	return b.String()
}

func TestScript(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":   "",
		"short":     "ja",
		"danish":    "Ærø, ø og å: på en ø er der ål.",
		"repeating": strings.Repeat("og så ", 40) + "videre.",
		"json":      `{"svar":"ja","numre":[1,2,3],"svar2":"ja"}`,
		"one sign":  strings.Repeat("a", 500),
	} {
		t.Run(name, func(t *testing.T) {
			v := newVocabulary()
			first, err := v.script(text, 4, false)
			if err != nil {
				t.Fatal(err)
			}
			if got := say(v.tokens, first, 1000); got != text {
				t.Errorf("says %q, want %q", got, text)
			}
			seen := map[string]bool{}
			for _, tk := range v.tokens {
				if seen[tk.text] {
					t.Errorf("token %q is there twice", tk.text)
				}
				seen[tk.text] = true
			}
		})
	}
}

func TestScriptLoops(t *testing.T) {
	v := newVocabulary()
	first, err := v.script("og så videre ", 4, true)
	if err != nil {
		t.Fatal(err)
	}
	if got := say(v.tokens, first, 9); !strings.HasPrefix(got, "og så videre og så videre og så") {
		t.Errorf("says %q", got)
	}
}

func TestBadText(t *testing.T) {
	for _, m := range []Model{{Says: "\xff"}, {Says: "ja", After: map[string]string{"<|x|>": "ja"}}} {
		if _, err := m.GGUF(); err == nil {
			t.Errorf("%+v was accepted", m)
		}
	}
}

// A file begins as the format says, and its size is what its tensors need.
func TestGGUF(t *testing.T) {
	data, err := Model{Says: "Borgeren ringer.", After: map[string]string{"<|ordre|>": "Nej."}}.GGUF()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(data, []byte("GGUF\x03\x00\x00\x00")) || binary.LittleEndian.Uint64(data[8:]) != 12 {
		t.Errorf("begins with % x", data[:24])
	}
	if len(data)%alignment != 0 || len(data) > 3<<20 {
		t.Errorf("%d bytes", len(data))
	}
}

func TestFloat16(t *testing.T) {
	for in, want := range map[float32]uint16{0: 0, 1: 0x3c00, -1: 0xbc00, .5: 0x3800, .25: 0x3400, -.125: 0xb000} {
		if got := float16(in); got != want {
			t.Errorf("%g is %#x, want %#x", in, got, want)
		}
	}
}
