// Package ggufgen writes language models that say what a test wants, as files that a real server of models runs. It is for
// tests only: such a model knows nothing.
//
// A model is a "llama" of one layer whose attention and feed-forward weights are zero, so the next token depends on the
// last one alone. A text is cut into pieces that all differ, each a token; a token's embedding is one number, and the output
// matrix leads from it to the next piece. A grammar on the server's side (a JSON schema) strikes out what it does not allow;
// the model then prefers to end: the answer, then a string, an object, an array. Prompts are read byte by byte.
//
// The package keeps no state; models are values.
package ggufgen

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Template is the chat template for which models are made: the answer depends on the last token of the user's text.
const Template = "{{ .System }}\n{{ .Prompt }}"

// A Model is what a language model says.
type Model struct {
	Says string
	// After holds control tokens, such as "<|order|>", and what the model says when one ends the prompt. The server reads
	// them in any text, also in that of a user.
	After map[string]string
	// Loops makes the model begin again when it has said all: only the server's limits end its answer.
	Loops bool
	// Rival is what the model says in place of Says as soon as the server holds a token back, as it does for repetitions.
	Rival string
	// Piece is the length of a token in characters, at least; default 4. A text of one piece is one token.
	Piece int
	// Context is how many tokens the model was made for; default 8192.
	Context int
}

// GGUF gives the model's file.
func (m Model) GGUF() ([]byte, error) {
	m.Piece, m.Context = cmp.Or(m.Piece, 4), cmp.Or(m.Context, 8192)
	v := newVocabulary()
	first, err := v.script(m.Says, m.Piece, m.Loops)
	if err != nil {
		return nil, err
	}
	for i := firstByte; i < firstByte+256; i++ {
		v.tokens[i].next = first
	}
	if m.Rival != "" {
		at, err := v.script(m.Rival, m.Piece, m.Loops)
		if err != nil {
			return nil, err
		}
		v.tokens[at].wish = .95
	}
	for _, name := range slices.Sorted(maps.Keys(m.After)) {
		at := v.add(token{text: name, kind: control})
		next, err := v.script(m.After[name], m.Piece, m.Loops)
		if err != nil {
			return nil, err
		}
		v.tokens[at].next = next
	}
	return m.file(v.tokens), nil
}

// Kinds of tokens, as the format numbers them.
const (
	normal  = 1
	unknown = 2
	control = 3
	aByte   = 6
)

// Places of tokens that every model has.
const (
	unk = iota
	bos
	eos
	firstByte // 256 of them
)

type token struct {
	text string
	kind int32
	next int     // the token that follows
	wish float32 // how willingly the model says it where it may not say next; below 1
}

// wishes, as far apart as the server's penalty for repeated tokens does not turn round.
var wishes = map[byte]float32{
	'"': .4, '}': .3, ']': .22, '{': .16, '[': .12, ':': .09, ',': .06,
	' ': -.1, '\n': -.1, '\t': -.1, '\r': -.1, // JSON may have it anywhere, without end
}

type vocabulary struct {
	tokens []token
	used   map[string]bool
}

func newVocabulary() *vocabulary {
	v := &vocabulary{used: map[string]bool{}}
	v.add(token{text: "<unk>", kind: unknown, next: eos})
	v.add(token{text: "<s>", kind: control, next: eos})
	v.add(token{text: "</s>", kind: control, next: eos, wish: .6})
	for i := range 256 {
		v.add(token{text: fmt.Sprintf("<0x%02X>", i), kind: aByte, wish: wishes[byte(i)]})
	}
	return v
}

func (v *vocabulary) add(t token) int {
	v.used[t.text] = true
	v.tokens = append(v.tokens, t)
	return len(v.tokens) - 1
}

// script adds the pieces of a text and gives the first one.
func (v *vocabulary) script(text string, length int, loops bool) (int, error) {
	if !utf8.ValidString(text) {
		return 0, fmt.Errorf("%q is no text", text)
	}
	if text == "" {
		return eos, nil
	}
	first := len(v.tokens)
	for rest := text; rest != ""; {
		n := v.cut(rest, length)
		piece := spaced(rest[:n])
		if v.used[piece] && len(v.tokens) > first { // the end is like a piece before it
			last := len(v.tokens) - 1
			piece = v.tokens[last].text + piece
			v.tokens = v.tokens[:last]
		}
		if v.used[piece] {
			return 0, fmt.Errorf("%q has a piece that is a token already: %q", text, piece)
		}
		v.add(token{text: piece, kind: normal, next: len(v.tokens) + 1})
		rest = rest[n:]
	}
	v.tokens[len(v.tokens)-1].next = eos
	if loops {
		v.tokens[len(v.tokens)-1].next = first
	}
	return first, nil
}

// cut gives the length in bytes of the next piece: new, and nothing short left behind it.
func (v *vocabulary) cut(rest string, length int) int {
	for i, n := 0, 0; i < len(rest); n++ {
		if n >= length && !v.used[spaced(rest[:i])] && utf8.RuneCountInString(rest[i:]) > length {
			return i
		}
		_, size := utf8.DecodeRuneInString(rest[i:])
		i += size
	}
	return len(rest)
}

// spaced writes spaces as the tokenizer's vocabulary does.
func spaced(s string) string { return strings.ReplaceAll(s, " ", "▁") }

// Sizes of the layer. It does nothing, but the format wants it.
const (
	head    = 32
	forward = 32
)

// file writes the tokens as a model. A token's place in the embedding is its number; one more place is 1 for all and
// carries the wishes.
func (m Model) file(tokens []token) []byte {
	width := (len(tokens) + 1 + 63) / 64 * 64
	always := width - 1
	embed := make([]float32, len(tokens)*width)
	out := make([]float32, len(tokens)*width)
	for i, t := range tokens {
		embed[i*width+i], embed[i*width+always] = 1, 1
		out[i*width+always] = t.wish
	}
	for i, t := range tokens {
		out[t.next*width+i] = 1
	}

	var w writer
	w.text("general.architecture", "llama")
	w.text("general.name", "scripted")
	w.number("general.file_type", 1) // most tensors are F16
	w.number("llama.block_count", 1)
	w.number("llama.context_length", uint32(m.Context))
	w.number("llama.embedding_length", uint32(width))
	w.number("llama.feed_forward_length", forward)
	w.number("llama.attention.head_count", 1)
	w.number("llama.attention.head_count_kv", 1)
	w.number("llama.attention.key_length", head)
	w.number("llama.attention.value_length", head)
	w.number("llama.rope.dimension_count", head)
	w.number("llama.vocab_size", uint32(len(tokens)))
	w.real("llama.attention.layer_norm_rms_epsilon", 1e-6)
	w.vocabulary(tokens)

	one := make([]float32, width)
	for i := range one {
		one[i] = 1
	}
	n := uint64(width)
	w.tensor("token_embd.weight", half(embed), n, uint64(len(tokens)))
	w.tensor("output.weight", half(out), n, uint64(len(tokens)))
	w.tensor("output_norm.weight", one, n)
	w.tensor("blk.0.attn_norm.weight", one, n)
	w.tensor("blk.0.ffn_norm.weight", one, n)
	for _, name := range []string{"attn_q", "attn_k", "attn_v"} {
		w.tensor("blk.0."+name+".weight", make(half, width*head), n, head)
	}
	w.tensor("blk.0.attn_output.weight", make(half, width*head), head, n)
	w.tensor("blk.0.ffn_gate.weight", make(half, width*forward), n, forward)
	w.tensor("blk.0.ffn_up.weight", make(half, width*forward), n, forward)
	w.tensor("blk.0.ffn_down.weight", make(half, width*forward), forward, n)
	return w.bytes()
}

// half are numbers that are written with 16 bits.
type half []float32

// float16 rounds towards zero; the numbers here are 0 or lie well inside the format's range.
func float16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff == 0 {
		return 0
	}
	sign, exponent, fraction := b>>31, int(b>>23&0xff)-127+15, b>>13&0x3ff
	return uint16(sign<<15) | uint16(exponent<<10) | uint16(fraction)
}
