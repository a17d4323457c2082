package speech

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/config"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/speech/internal/hearing"
)

// Options of Transcribe.
type Options struct {
	Environ []string // settings, as in os.Environ: which recogniser
	Fast    bool     // as fast as the recogniser goes, not in real time
	// Spoken gives the recogniser's own words, before numbers are normalised and
	// personal data is masked.
	Spoken bool
}

// Transcript is what was heard in a file. Times are in seconds.
type Transcript struct {
	Text     string   `json:"text"`
	Words    []Word   `json:"words"`
	Coverage Coverage `json:"coverage"`
	Engine   string   `json:"engine"`
	Demo     bool     `json:"demo"`
	// Notice says in Danish what is wrong with the file although it could be heard.
	Notice string `json:"notice,omitempty"`
}

// Word is one word.
type Word struct {
	Text       string  `json:"text"`
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence"`
	Masked     string  `json:"masked,omitempty"`
}

// Coverage says what became of the captured sound.
type Coverage struct {
	Captured    float64 `json:"captured_s"`
	Transcribed float64 `json:"transcribed_s"`
	Silence     float64 `json:"silence_s"`
	Lost        float64 `json:"lost_s"`
}

// longest bounds a file, whatever its rate: its sound is in memory while it is heard, 0.5 GB of it at our own rate. Longer ones are
// refused before they are read.
const longest = 4 * time.Hour

// Transcribe sends a WAV file through the same way as a leg of a conversation, in this
// process. What the recogniser could not hear is in Coverage.Lost; an error comes with
// what was heard until then.
func Transcribe(ctx context.Context, file io.Reader, o Options) (*Transcript, error) {
	var cfg engineSettings
	if err := config.Load(o.Environ, &cfg); err != nil {
		return nil, err
	}
	engine, err := cfg.engine()
	if err != nil {
		return nil, err
	}
	w, notice, err := readWAV(file)
	if err != nil {
		return nil, err
	}
	samples := toRate(w)
	t := &Transcript{Engine: engine.Name(), Demo: engine.Demo(), Notice: notice, Words: []Word{}}
	h := hearing.New(ctx, hearing.Config{
		Engine: engine, Segmenter: hearing.NewEndpointing(cfg.EndpointSilence), Output: t.output(), Spoken: o.Spoken,
	})
	defer h.Close()
	go feedFile(h, samples, o.Fast)
	<-h.Done()
	t.finish(int64(len(samples)))
	if err := h.Err(); err != nil {
		return t, errs.E(errs.Unavailable, "Talegenkenderen svarer ikke. Resten af filen er ikke hørt.", err)
	}
	return t, nil
}

// feedFile writes the samples; errors end the Hearing, which says so itself.
func feedFile(h *hearing.Hearing, samples []int16, fast bool) {
	begin := time.Now()
	for at := 0; at < len(samples); at += pcm.FrameSamples {
		if !fast {
			time.Sleep(time.Until(begin.Add(pcm.Duration(int64(at), pcm.Rate))))
		}
		if err := h.Write(samples[at:min(at+pcm.FrameSamples, len(samples))], false); err != nil {
			return
		}
	}
	h.End()
}

func (t *Transcript) output() hearing.Output { return (*fileOutput)(t) }

// fileOutput collects batches.
type fileOutput Transcript

// Commit implements hearing.Output.
func (t *fileOutput) Commit(_ context.Context, b hearing.Batch) error {
	for _, w := range b.Words {
		t.Words = append(t.Words, Word{w.Text, seconds(w.Start), seconds(w.End), round(w.Confidence), w.Masked})
	}
	for _, r := range b.Ledger {
		n := seconds(r.End) - seconds(r.Start)
		switch r.State {
		case transcriptv1.Transcribed:
			t.Coverage.Transcribed += n
		case transcriptv1.Silence:
			t.Coverage.Silence += n
		default:
			t.Coverage.Lost += n
		}
	}
	return nil
}

// Partial implements hearing.Output.
func (t *fileOutput) Partial(int64, []transcriptv1.Word) {}

func (t *Transcript) finish(samples int64) {
	texts := make([]string, len(t.Words))
	for i, w := range t.Words {
		texts[i] = w.Text
	}
	t.Text = strings.Join(texts, " ")
	c := &t.Coverage
	c.Captured = seconds(samples)
	// After an error the rest was heard by nobody.
	c.Lost += max(0, c.Captured-c.Transcribed-c.Silence-c.Lost)
	c.Transcribed, c.Silence, c.Lost = round(c.Transcribed), round(c.Silence), round(c.Lost)
}

func seconds(samples int64) float64 { return round(float64(samples) / pcm.Rate) }

// round to milliseconds, as far as anybody can hear.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

// readWAV reads a sound file. One that is cut off is read as far as it goes; the notice says so.
func readWAV(r io.Reader) (w pcm.WAV, notice string, err error) {
	data, err := readFile(r)
	if err != nil {
		return w, "", err
	}
	w, err = pcm.ReadWAV(bytes.NewReader(data), len(data))
	switch {
	case errors.Is(err, pcm.ErrWAV):
		return w, "", errs.E(errs.Invalid, "Filen kan ikke læses som lyd. Den skal være en WAV-fil (PCM, A-law eller µ-law) på højst fire timer.", err)
	case err != nil:
		return w, "", err
	case len(w.Samples) == 0:
		return w, "", errs.E(errs.Invalid, "Filen indeholder ingen lyd.", fmt.Errorf("%w: no samples", pcm.ErrWAV))
	case pcm.Duration(int64(len(w.Samples)), w.Rate) > longest:
		return w, "", errTooLong()
	}
	if cutOff(data) {
		notice = "Filen er afbrudt: den er kortere, end den selv siger. Det, der er, er hørt."
	}
	return w, notice, nil
}

func errTooLong() error {
	return errs.E(errs.Invalid, "Filen er for lang: den må højst vare fire timer. Del den, og få delene skrevet ud hver for sig.",
		fmt.Errorf("longer than %v", longest))
}

// headSize is where the format and nearly always the sound have begun; other chunks hold titles and the like.
const headSize = 64 << 10

// readFile reads no more than the longest file holds, and nothing of one that says that it is longer.
func readFile(r io.Reader) ([]byte, error) {
	head, err := io.ReadAll(io.LimitReader(r, headSize))
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	perSecond, sound := layout(head)
	if perSecond == 0 { // what it is, is said by who reads it
		return head, nil
	}
	limit := perSecond * int64(longest/time.Second)
	if sound > limit && sound < pipeSize {
		return nil, errTooLong()
	}
	rest, err := io.ReadAll(io.LimitReader(r, limit))
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	return append(head, rest...), nil
}

// layout tells from a file's first bytes how many a second of sound takes, 0 when they do not say, and how many the sound takes by the
// file's own word.
func layout(head []byte) (perSecond, sound int64) {
	le := binary.LittleEndian
	for at := 12; at+8 <= len(head); {
		size := int64(le.Uint32(head[at+4:]))
		switch body := head[at+8:]; string(head[at : at+4]) {
		case "fmt ":
			if len(body) >= 16 {
				perSecond = int64(le.Uint16(body[2:])) * int64(le.Uint32(body[4:])) * int64(le.Uint16(body[14:])/8)
			}
		case "data":
			return perSecond, size
		}
		at += int(8 + size + size&1)
	}
	return perSecond, 0
}

// pipeSize is what no recording of four hours reaches.
const pipeSize = 0x7ffff000

// cutOff reports that the file's data chunk is longer than the file. Files written by a
// pipe are not cut off: they say 0 or about the largest number, espeak-ng half of it.
func cutOff(data []byte) bool {
	at := 12
	for at+8 <= len(data) {
		size := binary.LittleEndian.Uint32(data[at+4:])
		if string(data[at:at+4]) == "data" {
			return size < pipeSize && int64(size) > int64(len(data)-at-8)
		}
		at += 8 + int(size) + int(size&1)
	}
	return false
}

func toRate(w pcm.WAV) []int16 {
	if w.Rate == pcm.Rate {
		return w.Samples
	}
	c := resample.New(w.Rate, pcm.Rate)
	out := make([]int16, c.Len(len(w.Samples))+1)
	n := 0
	for part := range slices.Chunk(w.Samples, max(1, w.Rate/50)) {
		n += c.Process(out[n:], part)
	}
	return out[:n]
}
