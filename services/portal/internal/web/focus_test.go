package web

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

var (
	focused = regexp.MustCompile(`\$\("([a-z0-9-]+)"\)\.focus\(`)
	element = regexp.MustCompile(`<([a-z0-9]+)([^<>]*\sid="([a-z0-9-]+)"[^<>]*)>`)
)

// What scripts give the focus by its id can have it: elsewhere the focus would silently go to the top of the page.
func TestWhatGetsTheFocusCanHaveIt(t *testing.T) {
	able := map[string]bool{}
	each(t, "pages", func(_, text string) {
		for _, m := range element.FindAllStringSubmatch(text, -1) {
			switch m[1] {
			case "a", "button", "input", "select", "summary", "textarea":
				able[m[3]] = true
			default:
				able[m[3]] = able[m[3]] || strings.Contains(m[2], "tabindex=")
			}
		}
	})
	found := 0
	each(t, "static/js", func(name, text string) {
		for _, m := range focused.FindAllStringSubmatch(text, -1) {
			found++
			if can, known := able[m[1]]; known && !can {
				t.Errorf("%s focuses #%s, which cannot have the focus", name, m[1])
			}
		}
	})
	if found < 10 {
		t.Errorf("only %d places that give the focus: the pattern no longer fits", found)
	}
}

// each hands over the files of a folder.
func each(t *testing.T, dir string, do func(name, text string)) {
	t.Helper()
	err := fs.WalkDir(files, dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		// Attributes of templates hold quotes and angle brackets of their own.
		do(path, regexp.MustCompile(`\{\{[^}]*\}\}`).ReplaceAllString(string(data), ""))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
