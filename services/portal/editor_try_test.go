package portal

import (
	"strings"
	"testing"
)

// What a question comes to among the English articles is shown by their English titles, marked as English.
func TestEditorTriesEnglish(t *testing.T) {
	p := start(t)
	c := p.browser(t)
	c.login(t, "ida")
	for language, want := range map[string][]string{
		"en": {`<span lang="en">Moving: Deadline</span>`, `<q lang="en">who carries my piano</q>`, `lang="en">Moving: Deadline</a>`},
		"":   {`<span lang="da">Flytning: Frist</span>`},
	} {
		_, page := c.get(t, "/redaktion/soeg?q=moving&language="+language)
		for _, part := range want {
			if !strings.Contains(page, part) {
				t.Errorf("%q lacks %s:\n%s", language, part, page)
			}
		}
	}
}
