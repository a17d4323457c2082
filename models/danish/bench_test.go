package danish

import "testing"

// One partial hypothesis a tenth of a second comes from each leg: the cost of showing it must be small beside the
// recogniser's.
func BenchmarkMaskerTail(b *testing.B) {
	var m Masker
	talk := Tokens("goddag det er om min boligstøtte jeg betaler syv tusind fem hundrede kroner om måneden siden den tredje november og jeg har to børn")
	for range 20 {
		m.Commit(talk...)
	}
	partial := Tokens("mit nummer er toogtyve treogtredive fireogfyrre femoghalvtreds")
	b.ReportAllocs()
	for b.Loop() {
		m.Tail(partial)
	}
}

func BenchmarkMaskerCommit(b *testing.B) {
	var m Masker
	talk := Tokens("goddag det er om min boligstøtte jeg betaler syv tusind fem hundrede kroner om måneden siden den tredje november og jeg har to børn")
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		m.Commit(talk[i%len(talk)])
		i++
	}
}
