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
	return resample(in, float64(rate)), nil
}

// resample changes the rate with a windowed sinc of 16 zero crossings a side; speed does not matter here.
func resample(in []float64, rate float64) []int16 {
	const zeros = 16
	step := rate / asr.SampleRate
	cut := min(1, 1/step)
	out := make([]int16, int(float64(len(in))/step))
	for i := range out {
		center := float64(i) * step
		half := zeros / cut
		var sum float64
		for k := max(0, int(math.Ceil(center-half))); k <= min(len(in)-1, int(center+half)); k++ {
			x := (float64(k) - center) * cut
			sum += in[k] * cut * sinc(x) * (0.5 + 0.5*math.Cos(math.Pi*x/zeros))
		}
		out[i] = int16(max(-32768, min(32767, math.Round(sum))))
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
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
