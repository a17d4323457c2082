package knowledge

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// MaxHTML bounds what is parsed at once, in bytes.
const MaxHTML = 8 << 20

// Text is the text of HTML and the links in it. Only what a reader sees survives. Paragraphs, headings and list items are lines as
// [knowledgev1.Chunk.Text] says; links are resolved against base and kept when they lead to the web.
func Text(source, base string) (string, []knowledgev1.Link, error) {
	root, err := Parse(source)
	if err != nil {
		return "", nil, err
	}
	text, links := NodeText(base, root)
	return text, links, nil
}

// Parse reads HTML, whole pages or parts of one. Broken HTML is read as browsers do.
func Parse(source string) (*html.Node, error) {
	if len(source) > MaxHTML {
		return nil, errs.E(errs.Invalid, fmt.Sprintf("Siden er for stor (over %d MB).", MaxHTML>>20), nil)
	}
	root, err := html.Parse(strings.NewReader(source))
	if err != nil { // nested too deeply
		return nil, errs.E(errs.Invalid, "Sidens HTML kan ikke læses.", err)
	}
	return root, nil
}

// NodeText is Text for parsed nodes.
func NodeText(base string, nodes ...*html.Node) (string, []knowledgev1.Link) {
	w := &writer{seen: map[string]bool{}}
	w.base, _ = url.Parse(base) // nil: relative links are left out
	for _, n := range nodes {
		w.node(n)
		w.end(paragraph)
	}
	return Clean(w.b.String()), w.links
}

// writer turns nodes into text.
type writer struct {
	b     strings.Builder
	base  *url.URL
	links []knowledgev1.Link
	seen  map[string]bool
	pre   int  // depth of elements whose line breaks count
	bare  bool // links are not looked at

	next   map[*html.Node]int // number of the next item, by ordered list
	marked int                // where the beginning of a numbered item ends
}

// Ends of what was written: a line, or a paragraph.
const (
	line      = "\n"
	paragraph = "\n\n"
)

func (w *writer) end(how string) {
	s := w.b.String()
	switch {
	case s == "" || strings.HasSuffix(s, how):
	case how == paragraph && strings.HasSuffix(s, line):
		w.b.WriteString(line)
	default:
		w.b.WriteString(how)
	}
}

func (w *writer) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		w.text(n.Data)
	case html.ElementNode:
		if !Hidden(n) {
			w.element(n)
		}
	case html.DocumentNode:
		w.children(n)
	}
}

// text writes words; line breaks in HTML are spaces.
func (w *writer) text(s string) {
	if written := w.b.String(); strings.TrimSpace(s) == "" && (written == "" || strings.HasSuffix(written, line) || w.begun()) {
		return // between blocks
	}
	if w.pre == 0 {
		s = strings.NewReplacer("\n", " ", "\r", " ").Replace(s)
	}
	w.b.WriteString(s)
}

func (w *writer) children(n *html.Node) {
	for c := range n.ChildNodes() {
		w.node(c)
	}
}

func (w *writer) element(n *html.Node) {
	switch n.DataAtom {
	case atom.Br:
		w.b.WriteString(line)
	case atom.Li:
		w.item(n)
	case atom.Tr:
		w.row(n)
	case atom.A:
		w.children(n)
		w.link(n)
	case atom.Pre:
		w.pre++
		w.block(n)
		w.pre--
	case atom.P, atom.Div, atom.Ul, atom.Ol, atom.Dl, atom.Dt, atom.Dd, atom.Table, atom.Section, atom.Article, atom.Blockquote, atom.Main,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Footer, atom.Figure, atom.Figcaption, atom.Address,
		atom.Hr, atom.Fieldset, atom.Details, atom.Summary, atom.Body, atom.Caption:
		w.block(n)
	default:
		w.children(n)
	}
}

func (w *writer) item(n *html.Node) {
	w.end(line)
	number := w.number(n)
	w.b.WriteString(knowledgev1.NumberedItem(number))
	if number > 0 {
		w.marked = w.b.Len()
	}
	w.children(n)
	w.end(line)
}

// number is an item's own in its list, as a browser counts; 0: the list has none, or counts by letters.
func (w *writer) number(n *html.Node) int {
	list := n.Parent
	if list == nil || list.DataAtom != atom.Ol || !decimal(list) || !decimal(n) {
		return 0
	}
	at, begun := w.next[list]
	if !begun {
		at = first(list)
	}
	if v, err := strconv.Atoi(strings.TrimSpace(attr(n, "value"))); err == nil {
		at = v
	}
	if w.next == nil {
		w.next = map[*html.Node]int{}
	}
	w.next[list] = at + 1
	if hasAttr(list, "reversed") {
		w.next[list] = at - 1
	}
	return at
}

func decimal(n *html.Node) bool { return attr(n, "type") == "" || attr(n, "type") == "1" }

// first is the number of a list's first item.
func first(list *html.Node) int {
	if v, err := strconv.Atoi(strings.TrimSpace(attr(list, "start"))); err == nil {
		return v
	}
	if !hasAttr(list, "reversed") {
		return 1
	}
	items := 0
	for c := range list.ChildNodes() {
		if c.DataAtom == atom.Li && !Hidden(c) {
			items++
		}
	}
	return items
}

// block writes a paragraph. Inside a list item it only begins a line, inside a table's cell not even that. Paragraphs of an item are one
// line: "Log ind: Du skal bruge MitID."
func (w *writer) block(n *html.Node) {
	how, in := paragraph, within(n)
	switch {
	case in == atom.Li && n.DataAtom != atom.P:
		how = line
	case in != 0:
		how = " "
	}
	if in == atom.Li && (strings.HasSuffix(w.b.String(), "- ") || w.begun()) {
		w.children(n)
	} else {
		w.end(how)
		w.children(n)
	}
	if in == atom.Li && how == " " && before(n, atom.P) {
		w.introduce()
	}
	w.end(how)
}

// introduce ends what has no mark at its end with a colon.
func (w *writer) introduce() {
	if last, _ := utf8.DecodeLastRuneInString(w.b.String()); unicode.IsLetter(last) || unicode.IsDigit(last) {
		w.b.WriteString(":")
	}
}

// before reports that the next element after n, with only space between, is of a kind.
func before(n *html.Node, kind atom.Atom) bool {
	next := n.NextSibling
	for next != nil && next.Type == html.TextNode && strings.TrimSpace(next.Data) == "" {
		next = next.NextSibling
	}
	return next != nil && next.DataAtom == kind
}

// begun reports that a numbered item was begun and nothing of it is written.
func (w *writer) begun() bool { return w.marked > 0 && w.b.Len() == w.marked }

// within is the list item or cell that n stands in, or 0.
func within(n *html.Node) atom.Atom {
	for p := n.Parent; p != nil; p = p.Parent {
		switch p.DataAtom {
		case atom.Li, atom.Td, atom.Th:
			return p.DataAtom
		}
	}
	return 0
}

// row writes a table's row as one line: "Enlig: 1.234 kr.".
func (w *writer) row(n *html.Node) {
	w.end(line)
	first := true
	for c := range n.ChildNodes() {
		if c.Type != html.ElementNode || Hidden(c) {
			continue
		}
		if !first {
			w.b.WriteString(": ")
		}
		first = false
		w.children(c)
	}
	w.end(line)
}

func (w *writer) link(n *html.Node) {
	if w.bare {
		return
	}
	target, ok := WebURL(w.base, attr(n, "href"))
	if !ok {
		return
	}
	label := &writer{bare: true} // a link in a link, with its own label, would double the work at each depth
	label.children(n)
	w.add(knowledgev1.Link{Label: CleanLine(label.b.String()), URL: target})
}

// Links of one text, and bytes of one address.
const (
	maxLinks = 100
	maxURL   = 2000
)

func (w *writer) add(l knowledgev1.Link) {
	if l.Label == "" || w.seen[l.URL] || len(w.links) == maxLinks {
		return
	}
	w.seen[l.URL] = true
	w.links = append(w.links, l)
}

// WebURL resolves an address against base (nil: it must be whole) and reports whether it leads to the web. Addresses with a user or
// password in them do not: they are made to deceive.
func WebURL(base *url.URL, href string) (string, bool) {
	href = CleanLine(href)
	if href == "" || strings.HasPrefix(href, "#") || len(href) > maxURL {
		return "", false
	}
	u, err := url.Parse(href)
	if err != nil {
		return "", false
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", false
	}
	return u.String(), true
}

// Hidden reports an element that a reader does not see, or that is no text.
func Hidden(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Iframe, atom.Object, atom.Embed, atom.Svg, atom.Math, atom.Canvas,
		atom.Audio, atom.Video, atom.Head, atom.Title, atom.Button, atom.Select, atom.Textarea, atom.Input, atom.Dialog, atom.Frameset,
		atom.Noframes, atom.Noembed, atom.Xmp, atom.Plaintext, atom.Datalist, atom.Map:
		return true
	}
	for _, a := range n.Attr {
		switch a.Key {
		case "hidden":
			return true
		case "aria-hidden":
			if strings.EqualFold(a.Val, "true") {
				return true
			}
		case "style":
			if unseen(a.Val) {
				return true
			}
		}
	}
	return false
}

// unseen reports a style that hides. It knows what is commonly used; what else a page hides by its style sheet cannot be known here.
func unseen(style string) bool {
	style = strings.ToLower(strings.Join(strings.Fields(style), ""))
	for _, hide := range []string{"display:none", "visibility:hidden", "font-size:0", "opacity:0;", "text-indent:-", "left:-9"} {
		if strings.Contains(style+";", hide) {
			return true
		}
	}
	return false
}

func hasAttr(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
