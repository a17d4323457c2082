package notes

import (
	"fmt"
	"strings"
	"testing"
)

// A conversation of two hours is drafted at once, and its note stays short.
func TestExtractLongConversation(t *testing.T) {
	tr := load(t, "testdata/pas.txt")
	last := 0
	for i := range tr.Legs {
		once := tr.Legs[i].Words
		var all []Word
		for n := range 150 {
			for _, w := range once {
				w.ID = fmt.Sprintf("%d-%s", n, w.ID)
				if strings.HasSuffix(w.Text, "dage.") { // a new term each time, or it would be said only once
					w.Text = fmt.Sprintf("%d dage.", 14+n)
					last = 14 + n
				}
				w.Start += int64(n) * 50 * 16000
				w.End += int64(n) * 50 * 16000
				all = append(all, w)
			}
		}
		tr.Legs[i].Words = all
	}
	d := Extract(Standard("test"), tr)
	for _, s := range d.Template.Sections {
		n := 0
		for _, x := range d.Sentences {
			if x.Section == s.ID {
				n++
			}
		}
		if n > maxPerSection {
			t.Errorf("%s has %d sentences", s.ID, n)
		}
	}
	if last < 100 || !strings.Contains(d.Notice, "ikke er med") {
		t.Errorf("the last term is %d days, the notice %q", last, d.Notice)
	}
}
