package texts

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestLanguagesHaveTheSameKeys(t *testing.T) {
	da, en := For(Danish), For(English)
	for k, v := range da {
		e, ok := en[k]
		if !ok || e == "" || v == "" {
			t.Errorf("%s: missing in a language", k)
		}
		if got, want := placeholders(e), placeholders(v); got != want {
			t.Errorf("%s: placeholders %s in English, %s in Danish", k, got, want)
		}
	}
	for k := range en {
		if _, ok := da[k]; !ok {
			t.Errorf("%s: missing in Danish", k)
		}
	}
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func placeholders(s string) string {
	seen := map[string]bool{}
	var out []string
	for _, p := range placeholder.FindAllString(s, -1) {
		if !seen[p] {
			out = append(out, p)
		}
		seen[p] = true
	}
	if len(out) > 1 && out[0] > out[1] { // order differs between languages
		out[0], out[1] = out[1], out[0]
	}
	return strings.Join(out, " ")
}

// Keys stand as literals in templates (.T "x.y") and scripts (t("x.y")), or as the
// start of a key whose end (or middle) is a state, role or kind.
var (
	literal = regexp.MustCompile(`(?:\.T |\bt\(|T\(|\? |: |\|\| )"([a-z]+(?:\.[a-zA-Z0-9_-]+)*)"`)
	prefix  = regexp.MustCompile(`(?:printf "([a-z.]+\.)%s(\.[a-z]+)?"|"([a-z.]+\.)" \+)`)
	braces  = regexp.MustCompile("`([a-z.]+\\.)\\$\\{")
)

func TestEveryKeyInUseExistsAndEveryKeyIsUsed(t *testing.T) {
	c := For(Danish)
	used, starts := map[string]bool{}, map[[2]string]bool{{"time."}: true, {"problem."}: true} // start and end of a key
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == "dist" || strings.HasSuffix(path, "_test.go") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !strings.HasSuffix(path, ".html") && !strings.HasSuffix(path, ".js") && !strings.HasSuffix(path, ".go") {
			return nil
		}
		data, err := os.ReadFile("../../" + path)
		if err != nil {
			return err
		}
		for _, m := range literal.FindAllStringSubmatch(string(data), -1) {
			used[m[1]] = true
			direct := strings.HasPrefix(m[0], ".T ") || strings.HasPrefix(m[0], "t(")
			if _, ok := c[m[1]]; direct && !ok && !strings.HasSuffix(path, ".go") && !strings.Contains(string(data), `t("`+m[1]+`." +`) {
				t.Errorf("%s uses %q, which has no text", path, m[1])
			}
		}
		for _, m := range prefix.FindAllStringSubmatch(string(data), -1) {
			starts[[2]string{m[1] + m[3], m[2]}] = true
		}
		for _, m := range braces.FindAllStringSubmatch(string(data), -1) {
			starts[[2]string{m[1]}] = true
		}
		for k := range c { // keys passed on as titles
			if strings.Contains(string(data), `"`+k+`"`) {
				used[k] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for k := range c {
		if _, ok := c[strings.TrimSuffix(k, ".one")]; used[k] || ok && strings.HasSuffix(k, ".one") {
			continue // what stands for one goes with its key
		}
		dynamic := false
		for p := range starts {
			dynamic = dynamic || p[0] != "" && strings.HasPrefix(k, p[0]) && strings.HasSuffix(k, p[1])
		}
		if !dynamic {
			t.Errorf("%q is used nowhere", k)
		}
	}
}

// uncounted are keys whose words after {n} stay the same for one, or that are never about one; all others need a text for one.
var uncounted = map[string]string{
	"editor.run.notaken":    "a verb",
	"editor.asked.many":     "more than there is room for",
	"editor.days.n":         "7, 30 or 90",
	"operations.legs.of":    "an amount of an amount",
	"h.ahead":               "no noun",
	"h.summary.long":        "thousands",
	"editor.asked.notamong": "the first ten",
	"editor.asked.isnot":    "the first ten",
}

var (
	counted = regexp.MustCompile(`\{n\} \p{L}`)
	ordinal = regexp.MustCompile(`(?i)(nr\.|no\.|sætning|sentence|trin|step) \{n\} `)
)

func TestWhatIsCountedHasAFormForOne(t *testing.T) {
	for _, l := range []Lang{Danish, English} {
		c := For(l)
		for k, v := range c {
			if _, ok := uncounted[k]; ok || !counted.MatchString(v) || ordinal.MatchString(v) {
				continue
			}
			if _, ok := c[k+".one"]; !ok {
				t.Errorf("%s %q: there is no text for one (%s.one)", l, v, k)
			}
		}
	}
	c := Catalogue{"wait": "{n} minutter", "wait.one": "1 minut"}
	if c.T("wait", "n", 1) != "1 minut" || c.T("wait", "n", 2) != "2 minutter" || c.T("wait", "n", "1") != "1 minut" {
		t.Errorf("got %q and %q", c.T("wait", "n", 1), c.T("wait", "n", 2))
	}
}

var (
	word     = regexp.MustCompile(`[\p{L}\p{N}-]+`)
	fullStop = regexp.MustCompile(`[.!?:](?:\s|$)`)
)

// lix is how hard a text is to read: words a sentence, and the share in percent of words that are longer than six letters.
func lix(text string) (value float64, words int) {
	text = regexp.MustCompile(`\{[a-z0-9]+\}`).ReplaceAllString(text, "x")
	all := word.FindAllString(text, -1)
	long := 0
	for _, w := range all {
		if len([]rune(w)) > 6 {
			long++
		}
	}
	sentences := max(1, len(fullStop.FindAllString(text, -1)))
	return float64(len(all))/float64(sentences) + 100*float64(long)/float64(len(all)), len(all)
}

// Danish on screen is plain: LIX under 40, and no longer text over 50. Of a few words LIX says little.
func TestDanishIsPlain(t *testing.T) {
	var all []string
	for k, v := range For(Danish) {
		value, words := lix(v)
		if words < 7 {
			continue
		}
		all = append(all, strings.TrimRight(v, ".")+".")
		if words >= 15 && value > 50 {
			t.Errorf("%s has LIX %.0f: %s", k, value, v)
		}
	}
	if value, _ := lix(strings.Join(all, " ")); value > 30 {
		t.Errorf("LIX of all is %.1f", value)
	}
}

func TestMatch(t *testing.T) {
	for accept, want := range map[string]Lang{"": Danish, "da": Danish, "en-GB,en;q=0.9": English, "de, en;q=0.5": English, "fr": Danish, "%%": Danish} {
		if got := Match(accept); got != want {
			t.Errorf("%q gives %s", accept, got)
		}
	}
}
