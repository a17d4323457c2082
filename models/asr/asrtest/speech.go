package asrtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"samtale.dk/samtale/models/asr"
)

// Voice is how espeak-ng is to speak. Zero values mean its Danish voice at 160 words a minute and the middle pitch.
type Voice struct {
	Name        string // an espeak-ng voice with variant, for example "da+f2"
	Rate, Pitch int
}

// Say synthesises Danish with espeak-ng: 16 kHz mono. Without espeak-ng the test is skipped, or fails when
// REQUIRE_INTEGRATION=1.
func Say(t testing.TB, v Voice, text string) []int16 {
	t.Helper()
	if !HaveVoices() {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("espeak-ng is not installed")
		}
		t.Skip("espeak-ng is not installed")
	}
	pcm, err := say(v, text)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// HaveVoices says whether espeak-ng is installed.
func HaveVoices() bool {
	_, err := exec.LookPath("espeak-ng")
	return err == nil
}

// Speech gives a few seconds that engines take for speech: a Danish sentence when espeak-ng is installed (real), else a buzz
// with the rhythm of syllables.
func Speech(t testing.TB) (pcm []int16, real bool) {
	t.Helper()
	if !HaveVoices() {
		return buzz(3 * asr.SampleRate), false
	}
	pcm, err := say(Voice{}, "goddag jeg ringer om min boligstøtte")
	if err != nil {
		t.Fatal(err)
	}
	return pcm, true
}

func say(v Voice, text string) ([]int16, error) {
	if v.Name == "" {
		v.Name = "da"
	}
	if v.Rate == 0 {
		v.Rate = 160
	}
	if v.Pitch == 0 {
		v.Pitch = 50
	}
	cmd := exec.Command("espeak-ng", "-v", v.Name, "-s", strconv.Itoa(v.Rate), "-p", strconv.Itoa(v.Pitch), "--stdout", text)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	wav, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w: %s", err, errOut.Bytes())
	}
	return fromWAV(wav)
}

// fromWAV reads what espeak-ng --stdout writes: one data chunk of unknown length, 16-bit mono.
func fromWAV(b []byte) ([]int16, error) {
	at := bytes.Index(b, []byte("data"))
	if at < 36 || len(b) < at+8 {
		return nil, fmt.Errorf("espeak-ng gave no WAV (%d bytes)", len(b))
	}
	rate := binary.LittleEndian.Uint32(b[24:])
	b = b[at+8:]
	in := make([]float64, len(b)/2)
	for i := range in {
		in[i] = float64(int16(binary.LittleEndian.Uint16(b[2*i:])))
	}
	return rounded(resample(in, float64(rate), asr.SampleRate)), nil
}

// Telephone is what is left of 16 kHz speech after a telephone line: 300 to 3400 Hz, 8 kHz, A-law (G.711), back at 16 kHz.
func Telephone(pcm []int16) []int16 {
	x := make([]float64, len(pcm))
	for i, v := range pcm {
		x[i] = float64(v)
	}
	for _, q := range []float64{0.541, 1.307} { // a Butterworth filter of fourth order each way
		biquad(x, 300, q, true)
		biquad(x, 3400, q, false)
	}
	x = resample(x, asr.SampleRate, 8000)
	for i, v := range x {
		x[i] = alaw(v)
	}
	return rounded(resample(x, 8000, asr.SampleRate))
}

// biquad filters in place: second order, at 16 kHz (Audio EQ Cookbook).
func biquad(x []float64, hz, q float64, high bool) {
	sin, cos := math.Sincos(2 * math.Pi * hz / asr.SampleRate)
	alpha := sin / (2 * q)
	b0, b1 := (1-cos)/2, 1-cos
	if high {
		b0, b1 = (1+cos)/2, -(1 + cos)
	}
	a0, a1, a2 := 1+alpha, -2*cos, 1-alpha
	var x1, x2, y1, y2 float64
	for i, v := range x {
		y := (b0*v + b1*x1 + b0*x2 - a1*y1 - a2*y2) / a0
		x1, x2, y1, y2 = v, x1, y, y1
		x[i] = y
	}
}

// alaw is a value after coding and decoding.
func alaw(v float64) float64 {
	a := min(int(math.Abs(v))>>3, 4095)
	shift := 1
	for a>>shift >= 32 {
		shift++
	}
	out := float64((a>>shift<<shift + 1<<(shift-1)) << 3)
	return math.Copysign(out, v)
}

func rounded(x []float64) []int16 {
	out := make([]int16, len(x))
	for i, v := range x {
		out[i] = int16(max(-32768, min(32767, math.Round(v))))
	}
	return out
}

// resample changes the rate with a windowed sinc.
func resample(in []float64, from, to float64) []float64 {
	step := from / to
	cut := min(1, 1/step)
	half := kernelZeros / cut
	kernel := newKernel()
	out := make([]float64, int(float64(len(in))/step))
	for i := range out {
		center := float64(i) * step
		var sum float64
		for k := max(0, int(math.Ceil(center-half))); k <= min(len(in)-1, int(center+half)); k++ {
			sum += in[k] * kernel[int(math.Abs(float64(k)-center)*cut*kernelSteps+0.5)]
		}
		out[i] = sum * cut
	}
	return out
}

const (
	kernelZeros = 16  // zero crossings a side
	kernelSteps = 512 // table entries from one to the next
)

func newKernel() []float64 {
	k := make([]float64, kernelZeros*kernelSteps+2)
	k[0] = 1
	for i := 1; i < len(k); i++ {
		x := float64(i) / kernelSteps
		k[i] = math.Sin(math.Pi*x) / (math.Pi * x) * (0.5 + 0.5*math.Cos(math.Pi*min(1, x/kernelZeros)))
	}
	return k
}

func buzz(n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		t := float64(i) / asr.SampleRate
		env := math.Max(0, math.Sin(2*math.Pi*4*t))
		out[i] = int16(8000 * env * math.Sin(2*math.Pi*140*t+3*math.Sin(2*math.Pi*280*t)))
	}
	return out
}
