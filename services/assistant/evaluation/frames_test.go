package evaluation

import (
	"fmt"
	"testing"

	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Words by which people ask for what no article has are learnt where many articles have them; what an article is about is not.
func TestFrames(t *testing.T) {
	var records []knowledgev1.Record
	for i := range 8 {
		about := fmt.Sprintf("emne%d", i)
		records = append(records, knowledgev1.Record{
			ID: about, Asked: []string{"Hvordan søger jeg " + about + "?", "hvem søger " + about, "Skal jeg søge " + about},
			Unanswered: []string{"Hvor mange danskere søger " + about + "?"},
		})
	}
	f := framesOf(records)
	if f["danskere"] < .1 || f["jeg"] > -.1 {
		t.Errorf("danskere %.2f, jeg %.2f", f["danskere"], f["jeg"])
	}
	for i := range records {
		if w := fmt.Sprintf("emne%d", i); f[w] != 0 {
			t.Errorf("%s %.2f", w, f[w])
		}
	}
	for i := range records {
		records[i].Unanswered = nil
	}
	if f := framesOf(records); f != nil {
		t.Errorf("learnt from one kind: %v", f)
	}
}
