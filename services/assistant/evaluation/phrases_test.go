package evaluation

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/assistant/internal/answer/extract"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// A phrase is asked of knowledge without it, and what another article answers is no near miss.
func TestPhrasesAreAskedWithoutThemselves(t *testing.T) {
	var records []knowledgev1.Record
	for i := range 12 {
		r := knowledgev1.Record{
			ID: fmt.Sprintf("pas-%d", i), URL: "https://example.dk", Title: "Pas", Section: fmt.Sprintf("Pas nummer %d", i),
			Text: fmt.Sprintf("Pas nummer %d koster %d kroner.", i, 100+i), Area: "borgerservice", Authority: "Kommunen",
		}
		for k := range 4 {
			r.Asked = append(r.Asked, fmt.Sprintf("Hvad koster pas nummer %d den %d. maj?", i, k+1))
			r.Unanswered = append(r.Unanswered, fmt.Sprintf("Hvor mange danskere har pas nummer %d den %d. maj?", i, k+1))
		}
		r.Unanswered = append(r.Unanswered, "Hvad koster pas nummer 0 den 1. maj?")
		records = append(records, r)
	}
	none := extract.Weights{Order: make([]float64, extract.Features), Sure: make([]float64, extract.Features+extract.Shapes+1), Threshold: lowest}
	out, err := phrases(t.Context(), Config{Model: llm.None, Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}, none, records)
	if err != nil || len(out) < 20 || len(out) > 80 {
		t.Fatalf("%d phrases, %v", len(out), err)
	}
	answered := 0
	for _, o := range out {
		q := o.Question.Question
		own := slices.IndexFunc(records, func(r knowledgev1.Record) bool { return r.ID == o.ID })
		asked := slices.Contains(records[own].Asked, q)
		if asked != o.shouldAnswer() {
			t.Errorf("%q of %s must be answered: %t", q, o.ID, o.shouldAnswer())
		}
		if asked {
			answered++
		}
		for _, d := range o.Drafts {
			if slices.Contains(d.Hit.Asked, q) || slices.Contains(d.Hit.Unanswered, q) {
				t.Errorf("%q is known", q)
			}
		}
	}
	if answered == 0 || answered == len(out) {
		t.Errorf("%d of %d must be answered", answered, len(out))
	}
}

// A phrase that is a gold question is not known when gold questions are asked.
func TestGoldIsNotKnown(t *testing.T) {
	cfg := Config{
		Gold: fstest.MapFS{"a.jsonl": {Data: []byte(`{"id":"a","class":"answerable","question":"Hvad koster et pas?","expect":{"reason":"answered"}}`)}},
		Knowledge: fstest.MapFS{"a.jsonl": {Data: []byte(
			`{"id":"pas","url":"https://example.dk","title":"Pas","section":"Pris","text":"Det koster 8 kr.","asked":["hvad koster et pas","pas pris"],"unanswered":["Hvad koster et pas?!"]}`)}},
	}
	records, err := cfg.records()
	if err != nil || len(records) != 1 || !slices.Equal(records[0].Asked, []string{"pas pris"}) || len(records[0].Unanswered) != 0 {
		t.Errorf("%+v %v", records, err)
	}
}
