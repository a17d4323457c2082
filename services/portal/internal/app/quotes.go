package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// Around a quote, this much of a long micro-article is shown: enough to read it in its place, in bytes.
const (
	wholeChunk  = 3000
	aroundQuote = 900
)

// cited is a sentence with the numbers of its quotes.
type cited struct {
	ID, Text string
	Quotes   []mark
	List     int    // the list that it is an item of; 0: of none
	Number   int    // of the item, where its list is numbered
	Question string // the second of two questions, where its answer begins
}

// said is sentences that stand together: a paragraph, or the items of a list.
type said struct {
	Question  string // the second of two questions, above its answer
	List      int
	Sentences []cited
}

// Numbered reports the items of a numbered list.
func (s said) Numbered() bool { return s.Sentences[0].Number > 0 }

// Blocks are the sentences as paragraphs and lists, as the articles have them.
func (t turn) Blocks() []said {
	var out []said
	for _, c := range t.Cited {
		if n := len(out); n > 0 && out[n-1].List == c.List && out[n-1].Numbered() == (c.Number > 0) && c.Question == "" {
			out[n-1].Sentences = append(out[n-1].Sentences, c)
			continue
		}
		out = append(out, said{c.Question, c.List, []cited{c}})
	}
	return out
}

// mark is one quote: bytes [start, end) of its source's text.
type mark struct {
	N          int
	Anchor     string // of the page
	start, end int
}

// source is a micro-article as an answer shows it, with the quotes marked in their places.
type source struct {
	Title, Section string
	URL            string // of the official page, at the first quote
	Host           string
	Marks          []mark
	Blocks         []block
	Cut            bool     // more stands on the official page
	Quotes         []string // instead of Blocks, where the text is gone, another by now, or another authority's
	Changed        bool
	Gone           bool   // the article was deleted since
	Until          string // the last day of an article that is not in force any more
	Legal          []way  // the laws that it names
	Language       string // of the article; empty: it is gone
	Law            string // one of them changed on this day

	chunkID, sha string
}

// block is a paragraph, or a list.
type block struct {
	Paragraph []part
	Items     []item
}

// item is one of a list.
type item struct {
	Number int // 0: the list is not numbered
	Parts  []part
}

// Numbered reports a numbered list.
func (b block) Numbered() bool { return len(b.Items) > 0 && b.Items[0].Number > 0 }

// part is a piece of text, inside a quote or not. Starts are the quotes that begin here.
type part struct {
	Text   string
	Lit    bool
	Starts []mark
}

// cite numbers the quotes of an answer and puts them under their sources, as they are on a day.
func cite(ans assistantv1.Answer, chunks map[string]*knowledgev1.Chunk, today string) ([]cited, []source) {
	var sources []source
	var sentences []cited
	n := 0
	for _, st := range ans.Sentences {
		c := cited{ID: st.ID, Text: st.Text, List: st.List, Number: st.Number, Question: st.Question}
		for _, ev := range st.Evidence {
			i := slices.IndexFunc(sources, func(s source) bool { return s.chunkID == ev.ChunkID && s.sha == ev.SHA256 })
			if i < 0 {
				i, sources = len(sources), append(sources, sourceOf(ev))
			}
			s := &sources[i]
			j := slices.IndexFunc(s.Marks, func(m mark) bool { return m.start == ev.Start && m.end == ev.End })
			if j < 0 {
				n++
				j = len(s.Marks)
				s.Marks = append(s.Marks, mark{N: n, Anchor: fmt.Sprintf("c-%s-%d", ans.ID, n), start: ev.Start, end: ev.End})
				s.Quotes = append(s.Quotes, ev.Quote)
			}
			c.Quotes = append(c.Quotes, s.Marks[j])
		}
		sentences = append(sentences, c)
	}
	for i := range sources {
		s := &sources[i]
		if s.chunkID == "" {
			continue // of another authority's assistant: its quotes are all that we have
		}
		c, known := chunks[s.chunkID]
		switch {
		case c != nil:
			s.show(*c, today)
		case known:
			s.Gone = true
		}
	}
	return sentences, sources
}

func sourceOf(ev assistantv1.Evidence) source {
	s := source{Title: ev.Title, Section: ev.Section, URL: quoteURL(ev.URL, ev.Quote), chunkID: ev.ChunkID, sha: ev.SHA256}
	if u, err := url.Parse(ev.URL); err == nil {
		s.Host = strings.TrimPrefix(u.Hostname(), "www.")
	}
	return s
}

// show marks the quotes in the chunk's text, when it is still the text that they were taken from.
func (s *source) show(c knowledgev1.Chunk, today string) {
	s.Law, s.Language = c.LawChanged, cmp.Or(c.Language, "da")
	if c.ValidTo != "" && c.ValidTo < today {
		s.Until = c.ValidTo
	}
	for _, l := range c.Legal {
		if u := routeURL(l.URL); u != "" {
			s.Legal = append(s.Legal, way{Label: l.Label, URL: u})
		}
	}
	text := c.Text
	for _, m := range s.Marks {
		if c.SHA256 != s.sha || m.start < 0 || m.end > len(text) || m.start >= m.end || !utf8.ValidString(text[m.start:m.end]) {
			s.Changed = true
			return
		}
	}
	s.Quotes = nil
	from, to := window(text, s.Marks)
	s.Cut = from > 0 || to < len(text)
	s.Blocks = blocks(text, from, to, s.Marks)
}

// window is the part of a long text that is shown: whole lines around the quotes.
func window(text string, marks []mark) (from, to int) {
	if len(text) <= wholeChunk {
		return 0, len(text)
	}
	from, to = len(text), 0
	for _, m := range marks {
		from, to = min(from, m.start), max(to, m.end)
	}
	from = strings.LastIndexByte(text[:max(0, from-aroundQuote)], '\n') + 1
	if to = min(len(text), to+aroundQuote); to < len(text) {
		if i := strings.IndexByte(text[to:], '\n'); i >= 0 {
			to += i
		} else {
			to = len(text)
		}
	}
	return from, to
}

// blocks divides text[from:to] into paragraphs and lists.
func blocks(text string, from, to int, marks []mark) []block {
	var out []block
	begun := map[int]bool{} // quotes whose beginning has been shown
	for at := from; at < to; {
		end := to
		if i := strings.IndexByte(text[at:to], '\n'); i >= 0 {
			end = at + i
		}
		next := end + 1
		marker, number := knowledgev1.ListItem(text[at:end])
		at += marker
		if strings.TrimSpace(text[at:end]) != "" {
			p := parts(text, at, end, marks, begun)
			switch last := len(out) - 1; {
			case marker > 0 && last >= 0 && out[last].Items != nil && out[last].Numbered() == (number > 0):
				out[last].Items = append(out[last].Items, item{number, p})
			case marker > 0:
				out = append(out, block{Items: []item{{number, p}}})
			default:
				out = append(out, block{Paragraph: p})
			}
		}
		at = next
	}
	return out
}

// parts cuts text[from:to] where quotes begin and end.
func parts(text string, from, to int, marks []mark, begun map[int]bool) []part {
	cuts := []int{from, to}
	for _, m := range marks {
		for _, c := range []int{m.start, m.end} {
			if c > from && c < to {
				cuts = append(cuts, c)
			}
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []part
	for i := range len(cuts) - 1 {
		p := part{Text: text[cuts[i]:cuts[i+1]]}
		for _, m := range marks {
			if m.start >= cuts[i+1] || m.end <= cuts[i] {
				continue
			}
			p.Lit = true
			if !begun[m.N] {
				begun[m.N] = true
				p.Starts = append(p.Starts, m)
			}
		}
		out = append(out, p)
	}
	return out
}

// quoteURL leads to a quote's place on a page: browsers that know text fragments scroll to it and mark it, others open the
// page. A long quote is named by its first and last words.
func quoteURL(page, quote string) string {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	words := strings.Fields(quote)
	if len(words) == 0 {
		return page
	}
	fragment := escapeText(strings.Join(words, " "))
	if len(words) > 12 {
		fragment = escapeText(strings.Join(words[:4], " ")) + "," + escapeText(strings.Join(words[len(words)-4:], " "))
	}
	if !strings.Contains(page, "#") {
		page += "#"
	}
	return page + ":~:text=" + fragment
}

// escapeText escapes also what divides the parts of a text fragment.
func escapeText(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "-", "%2D")
}

// chunksOf fetches what the answers quote. A chunk that is gone is nil; a service that does not answer costs only the place around the
// quote.
func (a *App) chunksOf(ctx context.Context, answers []assistantv1.Answer) map[string]*knowledgev1.Chunk {
	ids := map[string]bool{}
	for _, ans := range answers {
		for _, st := range ans.Sentences {
			for _, ev := range st.Evidence {
				if ev.ChunkID != "" {
					ids[ev.ChunkID] = true
				}
			}
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[string]*knowledgev1.Chunk{}
	slots := make(chan struct{}, 8)
	for id := range ids {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			c, err := a.chunk(ctx, id)
			if err != nil && !errors.Is(err, errs.NotFound) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if out[id] = &c; err != nil {
				out[id] = nil
			}
		})
	}
	wg.Wait()
	return out
}

// routeURL is where a route leads: a number to call, a page of ours or one on the web; "" for anything else.
func routeURL(target string) template.URL {
	number, isTel := strings.CutPrefix(target, "tel:")
	u, err := url.Parse(target)
	switch {
	case isTel && number != "" && strings.Trim(number, "+0123456789 ") == "":
		return template.URL("tel:" + strings.ReplaceAll(number, " ", ""))
	case err != nil:
		return ""
	case u.Scheme == "https" || u.Scheme == "http":
		return template.URL(u.String())
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") && !strings.Contains(target, `\`):
		return template.URL(u.String())
	}
	return ""
}
