package mediatest

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
)

// Speech is text spoken by espeak-ng (a voice such as "da+f2"), at pcm.Rate.
// Without espeak-ng the test is skipped, or fails where CI demands it.
func Speech(t testing.TB, voice, text string) []int16 {
	t.Helper()
	path, err := exec.LookPath("espeak-ng")
	if err != nil {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("espeak-ng is not installed and REQUIRE_INTEGRATION is set")
		}
		t.Skip("espeak-ng is not installed")
	}
	out, err := exec.Command(path, "-v", voice, "--stdout", text).Output()
	if err != nil {
		t.Fatalf("espeak-ng: %v", err)
	}
	wav, err := pcm.ReadWAV(bytes.NewReader(out), 1<<24)
	if err != nil {
		t.Fatalf("espeak-ng: %v", err)
	}
	c := resample.New(wav.Rate, pcm.Rate)
	dst := make([]int16, c.Len(len(wav.Samples)))
	return dst[:c.Process(dst, wav.Samples)]
}
