// Package texts is the message catalogue: every text that the portal shows, per
// language, in one file each. Pages, scripts and errors read the same catalogue.
package texts

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/text/language"
)

// Lang is a language of the portal.
type Lang string

// The languages.
const (
	Danish  Lang = "da"
	English Lang = "en"
)

// Known reports whether there is a catalogue for l.
func (l Lang) Known() bool { return l == Danish || l == English }

//go:embed da.json en.json
var files embed.FS

// Catalogue holds the texts of one language by key.
type Catalogue map[string]string

// catalogues is filled once at start-up and never changes.
var catalogues = map[Lang]Catalogue{Danish: load(Danish), English: load(English)}

func load(l Lang) Catalogue {
	data, err := files.ReadFile(string(l) + ".json")
	if err != nil {
		panic(err) // embedded
	}
	c := Catalogue{}
	if err := json.Unmarshal(data, &c); err != nil {
		panic(fmt.Sprintf("%s.json: %v", l, err)) // a test would have failed
	}
	return c
}

// For returns the catalogue of l, Danish for unknown languages.
func For(l Lang) Catalogue {
	if c, ok := catalogues[l]; ok {
		return c
	}
	return catalogues[Danish]
}

// T returns the text of key with {name} replaced from pairs of name and value. Where {n} is one
// and the catalogue has key.one, that is taken. A missing key shows itself, so that it is seen.
func (c Catalogue) T(key string, pairs ...any) string {
	s, ok := c[key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if one, ok := c[key+".one"]; ok && pairs[i] == "n" && fmt.Sprint(pairs[i+1]) == "1" {
			s = one
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		s = strings.ReplaceAll(s, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return s
}

// Match picks a language from an Accept-Language header.
func Match(accept string) Lang {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return Danish
	}
	for _, t := range tags {
		base, _ := t.Base()
		if l := Lang(base.String()); l.Known() {
			return l
		}
	}
	return Danish
}
