package source

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Section is a part of a page under one heading.
type Section struct {
	Heading string
	Anchor  string // made from the heading, unique on the page
	Text    string
	Links   []knowledgev1.Link
}

// Sections divides what stands below a node by its headings: h2, or h3 where there is no h2. What stands before the first one is a
// section without a heading. Sections without text are left out.
func Sections(root *html.Node, base string) []Section {
	level := atom.H2
	if Find(root, func(n *html.Node) bool { return n.DataAtom == atom.H2 }) == nil {
		level = atom.H3
	}
	d := divider{level: level}
	d.children(root)
	var out []Section
	used := map[string]int{}
	for _, p := range d.parts {
		text, links := knowledge.NodeText(base, p.nodes...)
		if text == "" {
			continue
		}
		out = append(out, Section{Heading: p.heading, Anchor: anchor(p.heading, used), Text: text, Links: links})
	}
	return out
}

// divider walks over a page and begins a part at each heading.
type divider struct {
	level atom.Atom
	parts []part
}

type part struct {
	heading string
	nodes   []*html.Node
}

func (d *divider) children(n *html.Node) {
	for c := range n.ChildNodes() {
		d.node(c)
	}
}

func (d *divider) node(n *html.Node) {
	switch {
	case n.Type == html.ElementNode && (knowledge.Hidden(n) || frame(n)), n.DataAtom == atom.H1:
	case n.DataAtom == d.level:
		heading, _ := knowledge.NodeText("", slices.Collect(n.ChildNodes())...)
		d.parts = append(d.parts, part{heading: knowledge.CleanLine(heading)})
	case Find(n, func(n *html.Node) bool { return n.DataAtom == d.level || n.DataAtom == atom.H1 || frame(n) }) != nil:
		d.children(n)
	default:
		if len(d.parts) == 0 {
			d.parts = append(d.parts, part{})
		}
		last := &d.parts[len(d.parts)-1]
		last.nodes = append(last.nodes, n)
	}
}

// frame reports what stands around the text of a page.
func frame(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Nav, atom.Aside, atom.Form, atom.Footer:
		return true
	case atom.Header:
		return n.Parent == nil || n.Parent.DataAtom != atom.Article && n.Parent.DataAtom != atom.Main
	}
	switch Attr(n, "role") {
	case "navigation", "banner", "contentinfo", "search", "dialog", "alert":
		return true
	}
	return false
}

// anchor makes a name of a heading: "Hvad koster det?" is hvad-koster-det.
func anchor(heading string, used map[string]int) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return ' '
	}, heading)
	name = strings.Join(strings.Fields(name), "-")
	if rs := []rune(name); len(rs) > 60 {
		name = strings.TrimRight(string(rs[:60]), "-")
	}
	if name == "" {
		name = "intro"
	}
	used[name]++
	if n := used[name]; n > 1 {
		return name + "-" + strconv.Itoa(n)
	}
	return name
}

// Find gives the first node, below and with n, that f is true for; nil: none.
func Find(n *html.Node, f func(n *html.Node) bool) *html.Node {
	if f(n) {
		return n
	}
	for c := range n.Descendants() {
		if f(c) {
			return c
		}
	}
	return nil
}

// ByID is the element of an id, or nil.
func ByID(n *html.Node, id string) *html.Node {
	return Find(n, func(n *html.Node) bool { return Attr(n, "id") == id })
}

// Attr is an attribute of an element.
func Attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
