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

// The Danish articles that a citizen gets instead of an answer in English are shown, with why.
func TestEditorTriesInDanish(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.login("ida")
	for l, why := range map[string]string{"da": "men det bedste afsnit handler ikke om det", "en": "but the best section is not about"} {
		b.language(l)
		b.open("/redaktion/soeg?q=who+moves+my+wheelchair")
		shown := eval[string](b, `document.getElementById("ed-effect").innerText`)
		offered := eval[string](b, `[...document.querySelectorAll("#ed-offered > li > a[lang=da]")].map((a) => a.innerText + " " + new URL(a.href).searchParams.get("id")).join("|")`)
		if !strings.Contains(shown, why) || !strings.Contains(shown, "hjælpemidler kørestol") || offered != "Hjælpemidler starter/hjaelp#hvem|Flytning: Frist starter/da-flytning#frist" {
			t.Errorf("%s: %q offers %q", l, shown, offered)
		}
		eval[bool](b, `document.getElementById("ed-effect").scrollIntoView({ block: "center" }), true`)
		b.checked("editor-tries-danish-" + l)
	}
}
