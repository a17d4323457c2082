// Package sitemap fetches the pages that a sitemap names: only those of its own host, as robots.txt allows (RFC 9309), one at a time
// with a pause in between, and only what has changed (RFC 9110, section 13).
package sitemap

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// Config of a source.
type Config struct {
	URL     string   // of the sitemap, or of an index of sitemaps
	Include []string // path prefixes that are taken; empty: all
	Client  *source.Client
	Gap     time.Duration // between requests; robots.txt may ask for longer
}

// Source implements [source.Source]: its items are addresses.
type Source struct {
	cfg   Config
	host  *url.URL
	rules *robots // nil: not read yet
}

// New returns the source.
func New(cfg Config) (*Source, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" {
		return nil, errs.E(errs.Invalid, "Adressen på sitemap kan ikke bruges.", err)
	}
	return &Source{cfg: cfg, host: u}, nil
}

// Bounds. The first two are those of the sitemap protocol.
const (
	maxSitemap  = 50 << 20 // bytes
	maxPages    = 50_000   // of all sitemaps together
	maxSitemaps = 200
	maxRobots   = 512 << 10 // RFC 9309, section 2.5
	maxPage     = knowledge.MaxHTML
	longestGap  = 30 * time.Second
)

// obey reads robots.txt once. Without one everything is allowed; a server that fails allows nothing (RFC 9309, section 2.3.1).
func (s *Source) obey(ctx context.Context) error {
	if s.rules != nil {
		return nil
	}
	at := url.URL{Scheme: s.host.Scheme, Host: s.host.Host, Path: "/robots.txt"}
	res, err := s.cfg.Client.Get(ctx, source.Entry{URL: at.String()}, maxRobots)
	switch {
	case err == nil:
		s.rules = parseRobots(string(res.Body))
	case res.Status >= 400 && res.Status < 500 && res.Status != http.StatusTooManyRequests:
		s.rules = &robots{}
	default:
		return err
	}
	s.cfg.Client.SetGap(min(max(s.cfg.Gap, s.rules.delay), longestGap))
	return nil
}

type document struct {
	XMLName xml.Name
	Pages   []place `xml:"url"`
	Maps    []place `xml:"sitemap"`
}

type place struct {
	Loc     string `xml:"loc"`
	LastMod string `xml:"lastmod"`
}

// List implements [source.Source].
func (s *Source) List(ctx context.Context, _ map[string]string, _ time.Time) (source.Listing, error) {
	if err := s.obey(ctx); err != nil {
		return source.Listing{}, err
	}
	l := source.Listing{Complete: true}
	seen := map[string]bool{}
	maps := []string{s.cfg.URL}
	for i := 0; i < len(maps); i++ {
		d, err := s.read(ctx, maps[i])
		if err != nil {
			return l, err
		}
		for _, m := range d.Maps {
			if u := s.own(m.Loc); u != nil && len(maps) < maxSitemaps && !slices.Contains(maps, u.String()) {
				maps = append(maps, u.String())
			}
		}
		for _, p := range d.Pages {
			u := s.own(p.Loc)
			if u == nil || seen[u.String()] || !s.wanted(u) {
				continue
			}
			if len(l.Entries) == maxPages {
				l.Complete = false // more than can be known
				return l, nil
			}
			seen[u.String()] = true
			l.Entries = append(l.Entries, source.Entry{Item: u.String(), URL: u.String(), Modified: strings.TrimSpace(p.LastMod)})
		}
	}
	return l, nil
}

func (s *Source) read(ctx context.Context, address string) (document, error) {
	var d document
	res, err := s.cfg.Client.Get(ctx, source.Entry{URL: address}, maxSitemap)
	if err != nil {
		return d, err
	}
	body, err := unzip(res.Body)
	if err == nil {
		err = xml.Unmarshal(body, &d)
	}
	if err != nil || d.XMLName.Local != "urlset" && d.XMLName.Local != "sitemapindex" {
		return d, errs.E(errs.Invalid, "Svaret er ikke et sitemap.", err)
	}
	return d, nil
}

// unzip opens a sitemap that is stored compressed.
func unzip(body []byte) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, maxSitemap+1))
	if err == nil && len(out) > maxSitemap {
		err = errors.New("sitemap is too large")
	}
	return out, err
}

// own is an address of this source's host, or nil.
func (s *Source) own(address string) *url.URL {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host != s.host.Host || u.Scheme != s.host.Scheme || u.User != nil {
		return nil
	}
	u.Fragment = ""
	return u
}

func (s *Source) wanted(u *url.URL) bool {
	return s.rules.allows(u.RequestURI()) && (len(s.cfg.Include) == 0 || slices.ContainsFunc(s.cfg.Include, func(p string) bool {
		return strings.HasPrefix(u.Path, p)
	}))
}

// Fetch implements [source.Source].
func (s *Source) Fetch(ctx context.Context, e source.Entry) (source.Article, error) {
	if err := s.obey(ctx); err != nil {
		return source.Article{}, err
	}
	if u := s.own(e.URL); u == nil || !s.wanted(u) {
		return source.Article{}, errs.E(errs.Denied, "Siden må ikke hentes længere.", fmt.Errorf("%w: robots or settings", source.ErrGone))
	}
	res, err := s.cfg.Client.Get(ctx, e, maxPage)
	if err != nil {
		return source.Article{}, err
	}
	if res.Status == http.StatusNotModified {
		return source.Article{Unchanged: true, ETag: e.ETag, HTTPDate: e.HTTPDate}, nil
	}
	if t := res.Header.Get("Content-Type"); t != "" && !strings.Contains(t, "html") {
		return source.Article{}, errs.E(errs.Invalid, "Siden er ikke HTML.", nil)
	}
	a := source.Article{ETag: res.Header.Get("ETag"), HTTPDate: res.Header.Get("Last-Modified")}
	a.UpdatedAt, _ = http.ParseTime(a.HTTPDate)
	if at := res.URL.String(); at != e.URL {
		if u := s.own(at); u == nil || !s.wanted(u) {
			return source.Article{}, errs.E(errs.Denied, "Siden viderestiller til en side, der ikke må hentes.", nil)
		}
		a.Moved = at
	}
	a.Records, err = records(e.Item, res.URL.String(), res.Body)
	return a, err
}

// Wants implements [source.Source].
func (s *Source) Wants(item string) bool {
	u := s.own(item)
	return u != nil && s.wanted(u)
}

// records makes micro-articles of a page.
func records(item, address string, body []byte) ([]knowledgev1.Record, error) {
	root, err := knowledge.Parse(string(body))
	if err != nil {
		return nil, err
	}
	if noindex(root) {
		return nil, errs.E(errs.Denied, "Siden vil ikke findes (noindex).", fmt.Errorf("%w: noindex", source.ErrGone))
	}
	u, err := url.Parse(item)
	if err != nil {
		return nil, errs.E(errs.Invalid, "Adressen kan ikke bruges.", err)
	}
	id := u.RequestURI()
	language := "da"
	if top := source.Find(root, isElement(atom.Html)); top != nil && strings.HasPrefix(strings.ToLower(source.Attr(top, "lang")), "en") {
		language = "en"
	}
	var out []knowledgev1.Record
	for _, s := range source.Sections(content(root), address) {
		out = append(out, knowledgev1.Record{
			ID: id + "#" + s.Anchor, ArticleID: id, URL: address, Title: title(root), Section: s.Heading, Text: s.Text, Links: s.Links, Language: language,
		})
	}
	if len(out) == 0 {
		return nil, errs.E(errs.Invalid, "Siden har ingen tekst.", nil)
	}
	return out, nil
}

func isElement(a atom.Atom) func(n *html.Node) bool {
	return func(n *html.Node) bool { return n.Type == html.ElementNode && n.DataAtom == a }
}

// content is the part of a page that holds its text.
func content(root *html.Node) *html.Node {
	for _, f := range []func(n *html.Node) bool{
		isElement(atom.Main), func(n *html.Node) bool { return source.Attr(n, "role") == "main" }, isElement(atom.Article), isElement(atom.Body),
	} {
		if n := source.Find(root, f); n != nil {
			return n
		}
	}
	return root
}

// title is the page's main heading, or what its tab would show.
func title(root *html.Node) string {
	for _, a := range []atom.Atom{atom.H1, atom.Title} {
		n := source.Find(root, isElement(a))
		if n == nil {
			continue
		}
		text, _ := knowledge.NodeText("", slices.Collect(n.ChildNodes())...)
		if text = knowledge.CleanLine(text); text != "" {
			return text
		}
	}
	return ""
}

func noindex(root *html.Node) bool {
	return source.Find(root, func(n *html.Node) bool {
		return n.DataAtom == atom.Meta && strings.EqualFold(source.Attr(n, "name"), "robots") &&
			strings.Contains(strings.ToLower(source.Attr(n, "content")), "noindex")
	}) != nil
}
