package portal

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkWordsToDesk is the portal's share of the way of a word: from the published
// final to the event that a browser reads (JetStream, opening, one TCP connection).
func BenchmarkWordsToDesk(b *testing.B) {
	p := start(b)
	p.fill("x")
	r := p.events(b, "/api/v1/conversations/"+demoConv+"/events", p.token(b, "caseworker", nil), "")
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		p.say(b, demoConv, legCitizen, "citizen", time.Duration(i)*time.Second, "et to tre fire fem")
		r.next("final")
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
