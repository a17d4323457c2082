package openai

import (
	"math"
	"strings"
	"unicode"

	"samtale.dk/samtale/models/asr"
)

// slack is how far outside the utterance a server may place a word by rounding, in seconds.
const slack = 0.5

// place turns an answer into words with positions inside the utterance. The text decides what was said; times are used where
// they make sense, otherwise the words are spread over their segment or the whole utterance by their length.
func place(r *response, j job) []asr.Word {
	length := float64(len(j.pcm)) / asr.SampleRate
	var out []asr.Word
	switch words, ok := timed(r, length); {
	case ok:
		for _, w := range words {
			out = append(out, asr.Word{Text: strings.TrimSpace(w.Word), Start: samples(*w.Start), End: samples(*w.End), Confidence: r.confidence(w)})
		}
	case r.segmentsFit(length):
		for _, s := range r.Segments {
			if !silent(s.NoSpeech, s.LogProb) {
				out = append(out, spread(s.Text, s.Start, s.End, prob(s.LogProb))...)
			}
		}
	default:
		out = spread(*r.Text, 0, length, 0)
	}
	at := int64(0)
	for i := range out {
		w := &out[i]
		w.Start = min(max(w.Start, at), int64(len(j.pcm)))
		w.End = min(max(w.End, w.Start), int64(len(j.pcm)))
		at = w.End
		w.Start += j.from
		w.End += j.from
	}
	return out
}

// timed gives the words with times, without those in segments the server itself thinks are not speech, if they are all there
// and all inside the utterance.
func timed(r *response, length float64) (out []word, ok bool) {
	words := r.Words
	if len(words) == 0 {
		for _, s := range r.Segments {
			words = append(words, s.Words...)
		}
	}
	n, at := 0, 0.0
	for _, w := range words {
		if strings.TrimSpace(w.Word) == "" {
			continue
		}
		if w.Start == nil || w.End == nil || *w.Start < at-slack || *w.End < *w.Start || *w.End > length+slack {
			return nil, false
		}
		at = *w.Start
		n += letters(w.Word)
		if !r.inSilence(*w.Start, *w.End) {
			out = append(out, w)
		}
	}
	return out, n > 0 && n*10 >= letters(*r.Text)*9 // a list that lacks words of the text is not trusted
}

func (r *response) inSilence(start, end float64) bool {
	mid := (start + end) / 2
	for _, s := range r.Segments {
		if mid >= s.Start && mid <= s.End {
			return silent(s.NoSpeech, s.LogProb)
		}
	}
	return false
}

// silent is whisper's own rule for segments to leave out.
func silent(noSpeech float64, logProb *float64) bool {
	return noSpeech > 0.6 && logProb != nil && *logProb < -1
}

func (r *response) segmentsFit(length float64) bool {
	n, at := 0, 0.0
	for _, s := range r.Segments {
		if s.Start < at-slack || s.End < s.Start || s.End > length+slack {
			return false
		}
		at = s.Start
		n += letters(s.Text)
	}
	return n > 0 && n*10 >= letters(*r.Text)*9
}

func (r *response) confidence(w word) float64 {
	for _, p := range []*float64{w.Probability, w.Confidence} {
		if p != nil {
			return min(max(*p, 0), 1)
		}
	}
	mid := (*w.Start + *w.End) / 2
	for _, s := range r.Segments {
		if mid >= s.Start && mid <= s.End {
			return prob(s.LogProb)
		}
	}
	return 0
}

func prob(logProb *float64) float64 {
	if logProb == nil {
		return 0
	}
	return min(max(math.Exp(*logProb), 0), 1)
}

// spread gives each word of a text a share of the time by its number of letters.
func spread(text string, start, end, confidence float64) (out []asr.Word) {
	fields := strings.Fields(text)
	total := 0
	for _, f := range fields {
		total += len(f) + 1
	}
	at := start
	for _, f := range fields {
		to := at + (end-start)*float64(len(f)+1)/float64(total)
		out = append(out, asr.Word{Text: f, Start: samples(at), End: samples(to), Confidence: confidence})
		at = to
	}
	return out
}

func samples(seconds float64) int64 { return int64(math.Round(max(seconds, 0) * asr.SampleRate)) }

func letters(s string) (n int) {
	for _, c := range s {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			n++
		}
	}
	return n
}
