package pcm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"samtale.dk/samtale/media/g711"
)

// ErrWAV is wrapped by every complaint about the content of a WAV file.
var ErrWAV = errors.New("not a WAV file that can be read")

const (
	wavPCM        = 1
	wavFloat      = 3
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xfffe

	// maxWAVFmt bounds the format chunk: 40 bytes is the longest in use.
	maxWAVFmt = 4096
)

// WAV is a sound file mixed down to mono.
type WAV struct {
	Rate    int
	Samples []int16
}

// ReadWAV reads a RIFF WAVE file: linear PCM of 8, 16, 24 or 32 bits, 32-bit
// float, A-law or µ-law, any number of channels up to 32, which are averaged.
//
// It takes what is found in the field: a data chunk that says 0 or 0xffffffff
// (written by a pipe) or more than there is (a recording cut off) is read to
// the end of the file; unknown chunks are skipped, odd ones with their pad
// byte. It reads at most maxSamples per channel and fails beyond.
func ReadWAV(r io.Reader, maxSamples int) (WAV, error) {
	f, err := readWAVHeader(r)
	if err != nil {
		return WAV{}, err
	}
	width := f.bits / 8 * f.channels
	body := r
	if !f.toEnd() {
		body = io.LimitReader(r, int64(f.size))
	}
	limit := int64(maxSamples)*int64(width) + 1
	raw, err := io.ReadAll(io.LimitReader(body, limit))
	if err != nil {
		return WAV{}, fmt.Errorf("read WAV: %w", err)
	}
	if int64(len(raw)) == limit {
		return WAV{}, fmt.Errorf("%w: longer than %d samples", ErrWAV, maxSamples)
	}
	raw = raw[:len(raw)/width*width]
	return WAV{Rate: f.rate, Samples: f.mono(raw)}, nil
}

type wavFormat struct {
	tag, channels, rate, bits int
	size                      uint32 // of the data chunk
}

func (f *wavFormat) toEnd() bool { return f.size == 0 || f.size == math.MaxUint32 }

// readWAVHeader reads up to the first byte of sound.
func readWAVHeader(r io.Reader) (*wavFormat, error) {
	var riff [12]byte
	_, err := io.ReadFull(r, riff[:])
	if err != nil {
		return nil, fmt.Errorf("%w: no header", ErrWAV)
	}
	if string(riff[:4]) != "RIFF" || string(riff[8:]) != "WAVE" {
		return nil, fmt.Errorf("%w: no RIFF WAVE header", ErrWAV)
	}
	var f *wavFormat
	for {
		var head [8]byte
		_, err := io.ReadFull(r, head[:])
		if err != nil {
			return nil, fmt.Errorf("%w: no data chunk", ErrWAV)
		}
		size := binary.LittleEndian.Uint32(head[4:])
		switch string(head[:4]) {
		case "fmt ":
			f, err = readWAVFormat(r, size)
			if err != nil {
				return nil, err
			}
		case "data":
			if f == nil {
				return nil, fmt.Errorf("%w: sound before its format", ErrWAV)
			}
			f.size = size
			return f, nil
		default:
			_, err = io.CopyN(io.Discard, r, int64(size)+int64(size&1))
			if err != nil {
				return nil, fmt.Errorf("%w: cut off in a chunk before the sound", ErrWAV)
			}
		}
	}
}

func readWAVFormat(r io.Reader, size uint32) (*wavFormat, error) {
	if size < 16 || size > maxWAVFmt {
		return nil, fmt.Errorf("%w: format chunk of %d bytes", ErrWAV, size)
	}
	b := make([]byte, size+size&1)
	_, err := io.ReadFull(r, b)
	if err != nil {
		return nil, fmt.Errorf("%w: cut off in the format", ErrWAV)
	}
	f := &wavFormat{
		tag:      int(binary.LittleEndian.Uint16(b)),
		channels: int(binary.LittleEndian.Uint16(b[2:])),
		rate:     int(binary.LittleEndian.Uint32(b[4:])),
		bits:     int(binary.LittleEndian.Uint16(b[14:])),
	}
	if f.tag == wavExtensible && size >= 26 {
		f.tag = int(binary.LittleEndian.Uint16(b[24:])) // the sub-format's first two bytes
	}
	return f, f.check()
}

func (f *wavFormat) check() error {
	if f.channels < 1 || f.channels > 32 {
		return fmt.Errorf("%w: %d channels", ErrWAV, f.channels)
	}
	if f.rate < 1000 || f.rate > 384000 {
		return fmt.Errorf("%w: %d samples a second", ErrWAV, f.rate)
	}
	if f.sample() == nil {
		return fmt.Errorf("%w: encoding %d with %d bits", ErrWAV, f.tag, f.bits)
	}
	return nil
}

// sample returns the function that reads one sample, or nil for an encoding
// that is not known.
func (f *wavFormat) sample() func([]byte) int {
	switch [2]int{f.tag, f.bits} {
	case [2]int{wavPCM, 8}:
		return func(b []byte) int { return (int(b[0]) - 128) << 8 }
	case [2]int{wavPCM, 16}:
		return func(b []byte) int { return int(int16(binary.LittleEndian.Uint16(b))) }
	case [2]int{wavPCM, 24}:
		return func(b []byte) int { return int(int16(binary.LittleEndian.Uint16(b[1:]))) }
	case [2]int{wavPCM, 32}:
		return func(b []byte) int { return int(int16(binary.LittleEndian.Uint16(b[2:]))) }
	case [2]int{wavFloat, 32}:
		return floatSample
	case [2]int{wavALaw, 8}:
		return func(b []byte) int { return int(g711.ALaw(b[0])) }
	case [2]int{wavMuLaw, 8}:
		return func(b []byte) int { return int(g711.MuLaw(b[0])) }
	}
	return nil
}

func floatSample(b []byte) int {
	v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) * 32768
	if math.IsNaN(v) {
		return 0
	}
	return int(min(max(math.Round(v), math.MinInt16), math.MaxInt16))
}

func (f *wavFormat) mono(raw []byte) []int16 {
	sample, step := f.sample(), f.bits/8
	out := make([]int16, len(raw)/(step*f.channels))
	for i := range out {
		sum := 0
		for range f.channels {
			sum += sample(raw)
			raw = raw[step:]
		}
		out[i] = int16(sum / f.channels)
	}
	return out
}

// WriteWAV writes samples as a 16-bit mono WAV file.
func WriteWAV(w io.Writer, rate int, samples []int16) error {
	size := len(samples) * 2
	if size > math.MaxUint32-36 {
		return fmt.Errorf("write WAV: %d samples do not fit the format", len(samples))
	}
	b := bytes.NewBuffer(make([]byte, 0, 44+size))
	b.WriteString("RIFF")
	le := binary.LittleEndian
	head := le.AppendUint32(nil, uint32(36+size))
	head = append(head, "WAVEfmt "...)
	head = le.AppendUint32(head, 16)
	head = le.AppendUint16(head, wavPCM)
	head = le.AppendUint16(head, 1)
	head = le.AppendUint32(head, uint32(rate))
	head = le.AppendUint32(head, uint32(rate*2))
	head = le.AppendUint16(head, 2)
	head = le.AppendUint16(head, 16)
	head = append(head, "data"...)
	head = le.AppendUint32(head, uint32(size))
	b.Write(head)
	data := b.AvailableBuffer()
	for _, s := range samples {
		data = le.AppendUint16(data, uint16(s))
	}
	b.Write(data)
	_, err := w.Write(b.Bytes())
	if err != nil {
		return fmt.Errorf("write WAV: %w", err)
	}
	return nil
}
