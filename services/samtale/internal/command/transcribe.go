package command

import (
	"context"
	"errors"
	"fmt"
	"os"

	"samtale.dk/samtale/services/speech"
)

// Transcribe hears a WAV file the way a call is heard, in this process; no other part
// of the system is needed.
func Transcribe(ctx context.Context, env Env, args []string) error {
	var o speech.Options
	fs := Flags(env, "transcribe", "FILE.wav", "Writes down a sound file of at most four hours, the way a call is heard. Nothing is stored.")
	asJSON := fs.Bool("json", false, "print text, words with times, and coverage as JSON")
	fs.BoolVar(&o.Fast, "fast", false, "as fast as the recogniser goes, not in real time")
	fs.BoolVar(&o.Spoken, "spoken", false, "the recogniser's own words: numbers as spoken, personal data not masked")
	if err := Parse(fs, args, 1); err != nil {
		return Help(err)
	}
	f, err := os.Open(fs.Arg(0))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	defer f.Close()
	o.Environ = env.Environ
	t, err := speech.Transcribe(ctx, f, o)
	if t == nil {
		return err
	}
	if t.Notice != "" {
		fmt.Fprintln(env.Stderr, "samtale:", t.Notice)
	}
	if *asJSON {
		return errors.Join(err, printJSON(env.Stdout, t))
	}
	fmt.Fprintln(env.Stdout, t.Text)
	if t.Demo {
		fmt.Fprintln(env.Stderr, "samtale: heard by the demo recogniser, which was trained on synthetic voices")
	}
	if t.Coverage.Lost > 0 {
		fmt.Fprintf(env.Stderr, "samtale: %.1f of %.1f s were not heard\n", t.Coverage.Lost, t.Coverage.Captured)
	}
	return err
}
