package extract

import (
	"fmt"
	"testing"

	"samtale.dk/samtale/services/contract/knowledgev1"
)

// What was read beforehand is not read again, unless its phrases have changed; and there is an end to it.
func TestPrepare(t *testing.T) {
	r := NewReader(Weights{})
	c := knowledgev1.Chunk{Title: "Pas", Text: "Et pas koster 893 kr.", SHA256: "a", Asked: []string{"Hvad koster et pas?"}}
	if !r.Prepare(c) {
		t.Error("no room for a second")
	}
	first := r.read(c)
	if len(r.texts) != 1 || r.read(c) != first {
		t.Error("it was read again")
	}
	c.EditorAsked = []string{"Hvad skal jeg af med for et pas?"}
	if r.read(c) == first || len(r.read(c).said.list) != 2 {
		t.Error("an editor's phrase is not seen")
	}
	n := 1
	for ; n < remembered && r.Prepare(knowledgev1.Chunk{SHA256: fmt.Sprint(n)}); n++ {
	}
	if n >= remembered-1 {
		t.Errorf("%d were read beforehand, which leaves no room", n)
	}
}
