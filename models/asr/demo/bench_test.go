package demo_test

import (
	"testing"
	"time"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/models/asr/demo"
)

// BenchmarkSpeech prints the share of real time that one stream of speech takes on one core.
func BenchmarkSpeech(b *testing.B) {
	for name, c := range map[string]demo.Config{"search": {}, "greedy": {Greedy: true}} {
		b.Run(name, func(b *testing.B) {
			e := engine(b, c)
			speech, _ := asrtest.Speech(b)
			s, err := e.Open(b.Context(), asr.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			go func() {
				for range s.Events() {
				}
			}()
			b.ReportAllocs()
			at, start := 0, time.Now()
			for b.Loop() {
				if at+320 > len(speech) {
					at = 0
				}
				if err := s.Write(speech[at : at+320]); err != nil {
					b.Fatal(err)
				}
				at += 320
			}
			b.ReportMetric(time.Since(start).Seconds()/(0.02*float64(b.N)), "of-real-time")
		})
	}
}
