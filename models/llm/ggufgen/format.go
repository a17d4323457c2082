package ggufgen

import (
	"bytes"
	"encoding/binary"
)

// alignment of tensors in the file, the format's default.
const alignment = 32

// writer collects a GGUF file, version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): little-endian, values
// by key, then the tensors' names and places, then their numbers.
type writer struct {
	values, places, data bytes.Buffer
	keys, tensors        uint64
}

// Types of values and tensors, as the format numbers them.
const (
	typeUint32  uint32 = 4
	typeInt32   uint32 = 5
	typeFloat32 uint32 = 6
	typeBool    uint32 = 7
	typeString  uint32 = 8
	typeArray   uint32 = 9

	tensorF32 uint32 = 0
	tensorF16 uint32 = 1
)

// put appends fixed-size values, which never fails on a buffer.
func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		if s, ok := v.(string); ok {
			put(b, uint64(len(s)))
			b.WriteString(s)
			continue
		}
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
}

func (w *writer) value(key string, kind uint32, v ...any) {
	w.keys++
	put(&w.values, key, kind)
	put(&w.values, v...)
}

func (w *writer) text(key, v string)          { w.value(key, typeString, v) }
func (w *writer) number(key string, v uint32) { w.value(key, typeUint32, v) }
func (w *writer) real(key string, v float32)  { w.value(key, typeFloat32, v) }
func (w *writer) no(key string)               { w.value(key, typeBool, uint8(0)) }

func (w *writer) vocabulary(tokens []token) {
	n := uint64(len(tokens))
	kinds, scores := make([]int32, n), make([]float32, n)
	texts := make([]any, n)
	for i, t := range tokens {
		texts[i], kinds[i] = t.text, t.kind
	}
	w.text("tokenizer.ggml.model", "llama")
	w.value("tokenizer.ggml.tokens", typeArray, append([]any{typeString, n}, texts...)...)
	w.value("tokenizer.ggml.scores", typeArray, typeFloat32, n, scores)
	w.value("tokenizer.ggml.token_type", typeArray, typeInt32, n, kinds)
	w.number("tokenizer.ggml.unknown_token_id", unk)
	w.number("tokenizer.ggml.bos_token_id", bos)
	w.number("tokenizer.ggml.eos_token_id", eos)
	w.no("tokenizer.ggml.add_bos_token")
	w.no("tokenizer.ggml.add_eos_token")
	w.no("tokenizer.ggml.add_space_prefix")
}

// tensor adds numbers under a name; the first size is the innermost.
func (w *writer) tensor(name string, v any, sizes ...uint64) {
	w.tensors++
	put(&w.places, name, uint32(len(sizes)), sizes)
	kind := tensorF32
	if h, ok := v.(half); ok {
		kind = tensorF16
		short := make([]uint16, len(h))
		for i, f := range h {
			short[i] = float16(f)
		}
		v = short
	}
	put(&w.places, kind, uint64(w.data.Len()))
	put(&w.data, v)
	pad(&w.data)
}

func pad(b *bytes.Buffer) { b.Write(make([]byte, (alignment-b.Len()%alignment)%alignment)) }

func (w *writer) bytes() []byte {
	var out bytes.Buffer
	put(&out, []byte("GGUF"), uint32(3), w.tensors, w.keys)
	out.Write(w.values.Bytes())
	out.Write(w.places.Bytes())
	pad(&out)
	out.Write(w.data.Bytes())
	return out.Bytes()
}
