package borger

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// page is the HTML of an article.
type page struct {
	root *html.Node
	base string // address of the article
}

// Ids in the HTML of an article.
const (
	core         = "kernetekst"
	microArticle = "microArticle_"
	selfService  = "selvbetjeningslinks"
	legislation  = "lovgivning"
	byline       = "byline"
)

// parts are the micro-articles. An article without them is divided by its headings.
func (p page) parts() []source.Section {
	text := source.ByID(p.root, core)
	if text == nil {
		text = p.root
	}
	var out []source.Section
	for n := range text.Descendants() {
		id, ok := strings.CutPrefix(source.Attr(n, "id"), microArticle)
		if !ok || knowledge.Hidden(n) {
			continue
		}
		if s := p.part(n, id); s.Text != "" {
			out = append(out, s)
		}
	}
	if out == nil {
		return source.Sections(text, p.base)
	}
	return out
}

// part reads a micro-article: its first heading, mostly h2 and sometimes h3, and all that follows.
func (p page) part(n *html.Node, id string) source.Section {
	heading := source.Find(n, func(n *html.Node) bool {
		return n.DataAtom == atom.H2 || n.DataAtom == atom.H3 || n.DataAtom == atom.H4
	})
	s := source.Section{Anchor: strings.ToLower(knowledge.CleanLine(id))}
	if heading != nil {
		text, _ := knowledge.NodeText("", slices.Collect(heading.ChildNodes())...)
		s.Heading = knowledge.CleanLine(text)
		heading.Parent.RemoveChild(heading)
	}
	s.Text, s.Links = knowledge.NodeText(p.base, slices.Collect(n.ChildNodes())...)
	return s
}

func (p page) links(id string) []knowledgev1.Link {
	n := source.ByID(p.root, id)
	if n == nil {
		return nil
	}
	_, links := knowledge.NodeText(p.base, n)
	return links
}

func (p page) selfService() []knowledgev1.Link { return p.links(selfService) }

func (p page) laws() []knowledgev1.Link { return p.links(legislation) }

// authority is who wrote the article, by its byline.
func (p page) authority() string {
	n := source.ByID(p.root, byline)
	if n == nil {
		return ""
	}
	text, _ := knowledge.NodeText("", n)
	for line := range strings.Lines(text) {
		for _, before := range []string{"Skrevet af", "Written by"} {
			if _, name, ok := strings.Cut(line, before); ok {
				return strings.Trim(knowledge.CleanLine(name), " :.")
			}
		}
	}
	return ""
}
