// Package espeak speaks through the espeak-ng program when it is installed. Each
// call runs the program once; at most a few run at a time.
package espeak

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/models/tts"
)

const (
	// maxSamples bounds what is read from the program: five minutes at 22,050 Hz.
	maxSamples = 5 * 60 * 22050
	// atOnce bounds processes; a sentence takes about 20 ms.
	atOnce = 2
)

// Config of a voice. Zero values give the defaults in brackets.
type Config struct {
	Program string // [espeak-ng, searched in PATH]
	Voice   string // [da]
	Speed   int    // words a minute [150]
	Pitch   int    // 0 to 99 [50]
}

// Voice is a Synthesiser.
type Voice struct {
	path  string
	args  []string
	slots chan struct{}
}

// New finds the program; tts.ErrNoVoice when it is not installed.
func New(cfg Config) (*Voice, error) {
	if cfg.Program == "" {
		cfg.Program = "espeak-ng"
	}
	path, err := exec.LookPath(cfg.Program)
	if err != nil {
		return nil, fmt.Errorf("%w: espeak-ng is not installed", tts.ErrNoVoice)
	}
	if cfg.Voice == "" {
		cfg.Voice = "da"
	}
	if cfg.Speed == 0 {
		cfg.Speed = 150
	}
	if cfg.Pitch == 0 {
		cfg.Pitch = 50
	}
	return &Voice{
		path:  path,
		args:  []string{"-v", cfg.Voice, "-s", strconv.Itoa(cfg.Speed), "-p", strconv.Itoa(cfg.Pitch), "--stdout", "--stdin"},
		slots: make(chan struct{}, atOnce),
	}, nil
}

// Say implements tts.Synthesiser.
func (v *Voice) Say(ctx context.Context, text string) ([]int16, error) {
	if err := tts.Check(text); err != nil {
		return nil, err
	}
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	cmd := exec.CommandContext(ctx, v.path, v.args...)
	cmd.Stdin = bytes.NewReader([]byte(text))
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	w, err := pcm.ReadWAV(bytes.NewReader(out), maxSamples)
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	return tts.AtRate(w.Samples, w.Rate), nil
}
