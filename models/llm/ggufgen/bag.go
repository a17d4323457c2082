package ggufgen

import (
	"math/rand/v2"
	"strings"
)

// A Bag is an embedding model that adds up words: a "bert" of one layer that does nothing but to take the mean of the tokens'
// vectors. Words of one group have the same vector, as if they meant the same; other words count for nothing.
type Bag struct {
	Groups    [][]string // words in small letters
	Dimension int        // an even number
	Context   int        // tokens of the longest text; default 512
}

// Places of the tokens that a bag has besides its words.
const (
	bagPad = iota
	bagUnk
	bagCls
	bagSep
	bagWords
)

// GGUF gives the model's file.
func (b Bag) GGUF() []byte {
	if b.Context == 0 {
		b.Context = 512
	}
	n := uint64(b.Dimension)
	tokens := []any{"[PAD]", "[UNK]", "[CLS]", "[SEP]"}
	embed := make([]float32, bagWords*b.Dimension) // zero: they change no mean
	for i, g := range b.Groups {
		v := b.vector(uint64(i))
		for _, w := range g {
			tokens = append(tokens, "▁"+strings.ToLower(w))
			embed = append(embed, v...)
		}
	}
	var w writer
	w.text("general.architecture", "bert")
	w.text("general.name", "bag of words")
	w.number("general.file_type", 0)
	w.number("bert.block_count", 1)
	w.number("bert.context_length", uint32(b.Context))
	w.number("bert.embedding_length", uint32(n))
	w.number("bert.feed_forward_length", forward)
	w.number("bert.attention.head_count", 1)
	w.real("bert.attention.layer_norm_epsilon", 1e-12)
	w.no("bert.attention.causal")
	w.number("bert.pooling_type", 1) // the mean
	w.pieces(tokens)

	w.tensor("token_embd.weight", embed, n, uint64(len(tokens)))
	w.tensor("token_types.weight", make([]float32, 2*n), n, 2)
	w.tensor("position_embd.weight", make([]float32, n*uint64(b.Context)), n, uint64(b.Context))
	for _, name := range []string{"token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"} {
		w.tensor(name+".weight", ones(b.Dimension), n)
		w.tensor(name+".bias", make([]float32, n), n)
	}
	for _, name := range []string{"attn_q", "attn_k", "attn_v", "attn_output"} {
		w.tensor("blk.0."+name+".weight", make([]float32, n*n), n, n)
		w.tensor("blk.0."+name+".bias", make([]float32, n), n)
	}
	w.tensor("blk.0.ffn_up.weight", make([]float32, n*forward), n, forward)
	w.tensor("blk.0.ffn_up.bias", make([]float32, forward), forward)
	w.tensor("blk.0.ffn_down.weight", make([]float32, n*forward), forward, n)
	w.tensor("blk.0.ffn_down.bias", make([]float32, n), n)
	return w.bytes()
}

// vector of a group: as many 1 as -1, in random places, so that the layer's norms leave it as it is.
func (b Bag) vector(group uint64) []float32 {
	v := ones(b.Dimension)
	for i := range b.Dimension / 2 {
		v[i] = -1
	}
	r := rand.New(rand.NewPCG(1, group))
	r.Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
	return v
}

func ones(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// pieces writes a vocabulary of word pieces.
func (w *writer) pieces(tokens []any) {
	n := uint64(len(tokens))
	kinds := make([]int32, n)
	for i := range kinds {
		kinds[i] = normal
		if i < bagWords {
			kinds[i] = control
		}
	}
	w.text("tokenizer.ggml.model", "bert")
	w.value("tokenizer.ggml.tokens", typeArray, append([]any{typeString, n}, tokens...)...)
	w.value("tokenizer.ggml.token_type", typeArray, typeInt32, n, kinds)
	w.number("tokenizer.ggml.padding_token_id", bagPad)
	w.number("tokenizer.ggml.unknown_token_id", bagUnk)
	w.number("tokenizer.ggml.cls_token_id", bagCls)
	w.number("tokenizer.ggml.bos_token_id", bagCls)
	w.number("tokenizer.ggml.seperator_token_id", bagSep) // sic
	w.number("tokenizer.ggml.eos_token_id", bagSep)
	w.number("tokenizer.ggml.token_type_count", 2)
}
