package knowledge_test

import (
	"fmt"
	"testing"

	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// BenchmarkSearch is a search of 5,000 micro-articles with what it reads from the database; BenchmarkSearch/index is the index alone.
func BenchmarkSearch(b *testing.B) {
	h := onSQLite(b).start(b)
	words := []string{"flytning", "pas", "boligstøtte", "pension", "barsel", "skat", "sygedagpenge", "vielse", "kørekort", "folkeskole"}
	for batch := range 25 {
		var rs []knowledgev1.Record
		for i := range knowledgev1.MaxBatch {
			n := batch*knowledgev1.MaxBatch + i
			w, v := words[n%len(words)], words[n/len(words)%len(words)]
			rs = append(rs, knowledgev1.Record{
				ID: fmt.Sprint(n), Title: "Om " + w, Section: fmt.Sprintf("Frist %d for %s", n, v),
				Text: fmt.Sprintf("Du skal søge %s hos kommunen senest %d dage efter, at du har fået besked om %s. Ring, hvis du er i tvivl.", w, n, v),
			})
		}
		h.load(b, fmt.Sprintf("kilde%d", batch), false, rs...)
	}
	h.await(b, func() error { return h.Ready(b.Context()) })
	req := knowledgev1.SearchRequest{Query: "hvad er fristen for at søge boligstøtte", K: 10}
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.Search(b.Context(), req); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library with municipality", func(b *testing.B) {
		local := req
		local.Municipality = "0751"
		for b.Loop() {
			if _, err := h.Search(b.Context(), local); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.index.Search(b.Context(), vector.Query{Text: req.Query, K: 30, On: "2026-11-22"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
