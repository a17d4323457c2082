package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
)

// maxAloud bounds the pieces of one sentence.
const maxAloud = 8

// voices lists the languages that answers can be read aloud in here; none while nothing speaks.
func (a *App) voices(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	rep, err := bus.Request[audiov1.VoicesReply](r.Context(), a.Bus, audiov1.VoicesSubject, audiov1.VoicesRequest{})
	if err != nil || rep.Languages == nil {
		rep.Languages = []string{}
	}
	return reply(w, rep)
}

// aloud is one sentence of an answer as sound. Only what the asker's own session holds is spoken: it is no speaking machine.
func (a *App) aloud(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := a.mayAsk(r, p, ""); err != nil {
		return err
	}
	s, err := a.history(r.Context(), a.askSession(r, ""))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(s.Answers, func(x assistantv1.Answer) bool { return x.ID == id })
	n, err := strconv.Atoi(r.URL.Query().Get("sentence"))
	if i < 0 || err != nil || n < 0 || n >= len(s.Answers[i].Sentences) {
		return translated(r, errs.NotFound, "q.read.none")
	}
	ans := s.Answers[i]
	t := a.newTurn(ans, a.chunksOf(r.Context(), []assistantv1.Answer{ans}))
	sound, err := a.sentence(r.Context(), ans.Sentences[n], ans.Language, t.Said())
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := pcm.WriteWAV(&file, audiov1.SampleRate, sound); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(file.Bytes())
	return err
}

// beforeAnswer is the silence between a question and its answer, in samples.
const beforeAnswer = audiov1.SampleRate / 2

// sentence is a sentence as sound, after the question that stands above it. That is in the asker's language, and read by the sentence's
// voice where there is none for it: that another answer begins must be heard.
func (a *App) sentence(ctx context.Context, s assistantv1.Sentence, asked, said string) ([]int16, error) {
	text := s.Text
	if s.Number > 0 {
		text = fmt.Sprintf("%d: %s", s.Number, text) // with a full stop it would be read as an ordinal
	}
	answer, err := a.speak(ctx, text, said)
	if err != nil || s.Question == "" {
		return answer, err
	}
	question, err := a.speak(ctx, s.Question, asked)
	if err != nil && asked != said {
		question, err = a.speak(ctx, s.Question, said)
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(question, make([]int16, beforeAnswer), answer), nil
}

func (a *App) speak(ctx context.Context, text, language string) ([]int16, error) {
	var out []int16
	for _, part := range pieces(text, audiov1.SayBytes, maxAloud) {
		rep, err := bus.Request[audiov1.SayReply](ctx, a.Bus, audiov1.SaySubject, audiov1.SayRequest{Text: part, Language: language})
		if err != nil {
			return nil, err
		}
		out = audiov1.Samples(out, rep.PCM)
	}
	return out, nil
}

// pieces cuts a text between words into at most most pieces of at most size bytes. A word that is longer is left out: it is an address.
func pieces(text string, size, most int) []string {
	var out []string
	for word := range strings.FieldsSeq(text) {
		last := len(out) - 1
		switch {
		case len(word) > size:
		case last >= 0 && len(out[last])+1+len(word) <= size:
			out[last] += " " + word
		case len(out) == most:
			return out
		default:
			out = append(out, word)
		}
	}
	return out
}
