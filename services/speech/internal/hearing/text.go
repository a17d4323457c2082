package hearing

import (
	"strings"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/transcriptv1"
)

// sentencePause is a pause after which a sentence has ended, in samples: 700 ms, as in
// models/danish.
const sentencePause = 700 * asr.SampleRate / 1000

// scribe turns recognised words into written ones: normalised, masked, with sentences.
// It holds back what may become personal data; words come out in order.
type scribe struct {
	masker   danish.Masker
	spoken   bool           // the engine's own words, nothing masked
	tokens   []danish.Token // held back, the last ones committed to the masker
	first    int            // the masker's index of tokens[0]
	sentence []danish.Span  // written words of a sentence that has not ended
}

// commit takes decided words and returns those that are safe to show.
func (s *scribe) commit(words []asr.Word, at int64) []transcriptv1.Word {
	tokens := s.take(words, at)
	if s.spoken {
		return plain(tokens)
	}
	return s.write(s.masker.Commit(tokens...), false)
}

// pause says that the utterance has ended.
func (s *scribe) pause() []transcriptv1.Word { return s.write(s.masker.EndUtterance(""), true) }

// expire releases what has waited for too long.
func (s *scribe) expire(now int64) []transcriptv1.Word { return s.write(s.masker.Expire(now), true) }

// close releases everything.
func (s *scribe) close() []transcriptv1.Word { return s.write(s.masker.Close(), true) }

// held reports the beginning of the words held back.
func (s *scribe) held() (start int64, ok bool) {
	if len(s.tokens) == 0 {
		return 0, false
	}
	return s.tokens[0].Start, true
}

// tail shows held words and a guess for what follows: masked, without clear values.
func (s *scribe) tail(words []asr.Word, at int64) []transcriptv1.Word {
	if s.spoken {
		return plain(toTokens(words, at))
	}
	spans := s.masker.Tail(toTokens(words, at))
	var out []transcriptv1.Word
	before := len(s.sentence)
	for _, st := range danish.Sentences(append(s.sentence[:before:before], spans...)) {
		for i, sp := range st.Spans {
			if before > 0 {
				before--
				continue
			}
			out = append(out, transcriptv1.Word{
				Text: sp.Text, Start: sp.Start, End: sp.End, Confidence: sp.Confidence,
				Masked: string(sp.Kind), Sentence: i == 0,
			})
		}
	}
	return out
}

func (s *scribe) take(words []asr.Word, at int64) []danish.Token {
	tokens := toTokens(words, at)
	if !s.spoken {
		s.tokens = append(s.tokens, tokens...)
	}
	return tokens
}

// remember takes words that are stored already: they explain the digits that follow,
// and their last sentence may go on.
func (s *scribe) remember(words []transcriptv1.Word) {
	var tokens []danish.Token
	for _, w := range words {
		text := w.Spoken
		if text == "" {
			text = w.Text
		}
		for _, t := range danish.Tokens(text) {
			t.Start, t.End, t.Confidence = w.Start, w.End, w.Confidence
			tokens = append(tokens, t)
		}
	}
	s.masker.Commit(tokens...)
	s.masker.Close()
	s.first = len(tokens)
	for i := len(words) - 1; i >= 0 && !strings.ContainsAny(words[len(words)-1].Text, ".?!…"); i-- {
		if words[i].Sentence || i == 0 {
			s.sentence = toSpans(words[i:])
			break
		}
	}
}

// write makes words of released spans. ended says that a pause follows what was said.
func (s *scribe) write(spans []danish.Span, ended bool) []transcriptv1.Word {
	if len(spans) == 0 {
		return nil
	}
	known := len(s.sentence)
	all := append(s.sentence[:known:known], spans...)
	next := append(all[:len(all):len(all)], s.following(all[len(all)-1].End, ended)...)
	var out []transcriptv1.Word
	open := len(all)
	at := 0
	for _, st := range danish.Sentences(next) {
		begin := at
		for i, sp := range st.Spans {
			if at >= known && at < len(all) {
				w := s.word(sp)
				w.Sentence = i == 0
				if i == len(st.Spans)-1 && at < len(next)-1 {
					w.Text = stop(w.Text, st.Text)
				}
				out = append(out, w)
			}
			at++
		}
		if begin < len(all) && (at > len(all) || at == len(next)) {
			open = begin // it may go on
		}
	}
	s.sentence = append([]danish.Span(nil), all[open:]...)
	s.trim()
	return out
}

// following is what shows whether a sentence ends here: the next words, if they are
// held back, or a pause.
func (s *scribe) following(end int64, ended bool) []danish.Span {
	var out []danish.Span
	for _, t := range s.tokens[len(s.tokens)-s.masker.Held():] {
		out = append(out, danish.Span{Text: t.Text, Start: t.Start, End: t.End})
		if len(out) == 2 { // "og" begins a sentence only before a subject
			return out
		}
	}
	if len(out) == 0 && ended {
		out = append(out, danish.Span{Text: "ja", Start: end + sentencePause, End: end + sentencePause + 1})
	}
	return out
}

// stop ends a sentence's last word as the sentence ends.
func stop(word, sentence string) string {
	end := sentence[len(sentence)-1:]
	if !strings.ContainsAny(end, ".?!") || strings.HasSuffix(word, end) || strings.HasSuffix(word, "…") {
		return word
	}
	return strings.TrimRight(word, ",;:–-") + end
}

func (s *scribe) word(sp danish.Span) transcriptv1.Word {
	w := transcriptv1.Word{Text: sp.Text, Start: sp.Start, End: sp.End, Confidence: sp.Confidence}
	if sp.Kind != danish.KindNone {
		// The engine's words would say the clear value again.
		w.Masked, w.Clear = string(sp.Kind), sp.Clear
		return w
	}
	spoken := make([]string, 0, 4)
	for _, i := range sp.Tokens {
		spoken = append(spoken, s.tokens[i-s.first].Text)
	}
	if said := strings.Join(spoken, " "); !strings.EqualFold(said, sp.Text) {
		w.Spoken = said
	}
	return w
}

// trim forgets tokens that were written.
func (s *scribe) trim() {
	done := len(s.tokens) - s.masker.Held()
	s.tokens = append(s.tokens[:0], s.tokens[done:]...)
	s.first += done
}

func toTokens(words []asr.Word, at int64) []danish.Token {
	tokens := make([]danish.Token, len(words))
	for i, w := range words {
		tokens[i] = danish.Token{Text: w.Text, Start: at + w.Start, End: at + w.End, Confidence: w.Confidence}
	}
	return tokens
}

func toSpans(words []transcriptv1.Word) []danish.Span {
	var out []danish.Span
	for _, w := range words {
		out = append(out, danish.Span{Text: w.Text, Start: w.Start, End: w.End, Kind: danish.Kind(w.Masked)})
	}
	return out
}

func plain(tokens []danish.Token) []transcriptv1.Word {
	var out []transcriptv1.Word
	for _, t := range tokens {
		out = append(out, transcriptv1.Word{Text: t.Text, Start: t.Start, End: t.End, Confidence: t.Confidence})
	}
	return out
}
