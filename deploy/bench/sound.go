package main

import (
	"fmt"
	"slices"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
	"samtale.dk/samtale/seeds/calls"
)

// The sound of all measurements is a citizen's part of a demo call: synthesised Danish,
// A-law at 8 kHz.
const demoCall = "boligstoette.al"

func demoSound() ([]byte, error) {
	b, err := calls.Files.ReadFile(demoCall)
	if err != nil {
		return nil, fmt.Errorf("demo call: %w", err)
	}
	return b, nil
}

// telephoneSpeech is the payloads of its packets.
func telephoneSpeech() ([][]byte, error) {
	b, err := demoSound()
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for p := range slices.Chunk(b[:len(b)/160*160], 160) {
		out = append(out, p)
	}
	return out, nil
}

// speechWithPauses is the same at 16 kHz.
func speechWithPauses() ([]int16, error) {
	b, err := demoSound()
	if err != nil {
		return nil, err
	}
	narrow := make([]int16, len(b))
	g711.DecodeALaw(narrow, b)
	c := resample.New(8000, pcm.Rate)
	wide := make([]int16, c.Len(len(narrow)))
	return wide[:c.Process(wide, narrow)], nil
}

// voiced is louder than this, in dBov; the demo calls have no background.
const voiced = -40

func isVoiced(frame []int16) bool { return pcm.Level(frame) > voiced }

// speechWithoutPauses keeps no silence longer than 200 ms, so that words come steadily.
func speechWithoutPauses() ([]int16, error) {
	all, err := speechWithPauses()
	if err != nil {
		return nil, err
	}
	const longest = 10 // frames
	var out []int16
	quiet := 0
	for f := range slices.Chunk(all, pcm.FrameSamples) {
		quiet++
		if isVoiced(f) {
			quiet = 0
		}
		if quiet <= longest {
			out = append(out, f...)
		}
	}
	return out, nil
}

// utterance is a stretch of speech of so many frames that ends abruptly in the middle of a
// sound: its end is beyond doubt, and is the end of a frame.
func utterance(frames int) ([]int16, error) {
	all, err := speechWithoutPauses()
	if err != nil {
		return nil, err
	}
	n := frames * pcm.FrameSamples
	for at := 0; at+n <= len(all); at += pcm.FrameSamples {
		u := all[at : at+n]
		ends := u[n-4*pcm.FrameSamples:]
		if isVoiced(u[:pcm.FrameSamples]) && pcm.Level(ends) > -20 && isVoiced(ends[3*pcm.FrameSamples:]) {
			return u, nil
		}
	}
	return nil, fmt.Errorf("%s has no utterance of %d frames", demoCall, frames)
}
