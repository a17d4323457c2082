// Package borger fetches articles of borger.dk and lifeindenmark.borger.dk from their ArticleExport service (SOAP 1.1).
//
// An article is an item by its number; its edition for a municipality is an item of its own ("1234@0751"), which comes right after
// it. The service puts the local text inside the article without marking it, so an edition is compared with the article itself, and
// only the difference is kept.
package borger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// Config of a source.
type Config struct {
	URL            string
	Language       string
	Municipalities []string // whose editions are fetched too
	Client         *source.Client
}

// Source implements [source.Source].
type Source struct {
	cfg    Config
	client client
	// base is the article that was fetched last: its editions come next.
	base *article
}

// New returns the source.
func New(cfg Config) *Source {
	return &Source{cfg: cfg, client: client{cfg.Client, cfg.URL}}
}

// batch is how many articles are asked for at once.
const batch = 50

// overlap is how far before the last run changes are asked for: clocks differ, and a list takes its time.
const overlap = 24 * time.Hour

// List implements [source.Source]. Articles tell when they changed; editions are asked for what changed since the last run.
func (s *Source) List(ctx context.Context, known map[string]string, since time.Time) (source.Listing, error) {
	all, err := s.client.all(ctx)
	if err != nil {
		return source.Listing{}, err
	}
	slices.SortFunc(all, func(a, b description) int { return cmp.Compare(a.ArticleID, b.ArticleID) })
	all = slices.CompactFunc(all, func(a, b description) bool { return a.ArticleID == b.ArticleID })
	own := map[string]map[int]time.Time{}
	for _, m := range s.cfg.Municipalities {
		own[m], err = s.updated(ctx, all, m, since)
		if err != nil {
			return source.Listing{}, err
		}
	}
	l := source.Listing{Complete: true}
	for _, d := range all {
		base := stamp(d.LastUpdated.Time)
		l.Entries = append(l.Entries, source.Entry{Item: item(d.ArticleID, ""), URL: d.ArticleURL, Modified: base})
		for _, m := range s.cfg.Municipalities {
			e := source.Entry{Item: item(d.ArticleID, m), URL: d.ArticleURL}
			_, last, _ := strings.Cut(known[e.Item], "/")
			if at, ok := own[m][d.ArticleID]; ok {
				last = stamp(at)
			}
			e.Modified = base + "/" + last
			l.Entries = append(l.Entries, e)
		}
	}
	return l, nil
}

// updated says which articles have changed in a municipality's edition. Where the service refuses a question about many, the
// editions are all taken as changed: fetching them tells which article it was.
func (s *Source) updated(ctx context.Context, all []description, municipality string, since time.Time) (map[int]time.Time, error) {
	out := map[int]time.Time{}
	if since.IsZero() {
		return out, nil // all of them are fetched anyway
	}
	for part := range slices.Chunk(all, batch) {
		ids := make([]int, len(part))
		for i, d := range part {
			ids[i] = d.ArticleID
		}
		changed, err := s.client.updated(ctx, ids, municipality, since.Add(-overlap))
		if errors.Is(err, source.ErrGone) || errs.KindOf(err) == errs.Invalid {
			for _, id := range ids {
				out[id] = time.Now()
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, d := range changed {
			out[d.ArticleID] = d.LastUpdated.Time
		}
	}
	return out, nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func item(id int, municipality string) string {
	if municipality == "" {
		return strconv.Itoa(id)
	}
	return strconv.Itoa(id) + "@" + municipality
}

// Fetch implements [source.Source].
func (s *Source) Fetch(ctx context.Context, e source.Entry) (source.Article, error) {
	number, municipality, _ := strings.Cut(e.Item, "@")
	id, err := strconv.Atoi(number)
	if err != nil {
		return source.Article{}, errs.E(errs.Invalid, "Artiklens nummer kan ikke læses.", err)
	}
	base, err := s.article(ctx, id)
	if err != nil {
		return source.Article{}, err
	}
	whole, err := s.records(base)
	if err != nil || municipality == "" {
		return source.Article{Records: whole, UpdatedAt: base.LastUpdated.Time}, err
	}
	edition, err := s.client.byID(ctx, id, municipality)
	if err != nil {
		return source.Article{}, err
	}
	local, err := s.records(edition)
	if err != nil {
		return source.Article{}, err
	}
	return source.Article{Records: differences(whole, local, municipality), UpdatedAt: edition.LastUpdated.Time}, nil
}

// Wants implements [source.Source].
func (s *Source) Wants(item string) bool {
	_, municipality, local := strings.Cut(item, "@")
	return !local || slices.Contains(s.cfg.Municipalities, municipality)
}

// article fetches an article, or takes the one that was fetched last.
func (s *Source) article(ctx context.Context, id int) (article, error) {
	if s.base != nil && s.base.ArticleID == id {
		return *s.base, nil
	}
	a, err := s.client.byID(ctx, id, "")
	if err != nil {
		return a, err
	}
	if a.ArticleID != id {
		return a, errs.E(errs.Invalid, "Tjenesten svarede med en anden artikel.", nil)
	}
	s.base = &a
	return a, nil
}

// records makes micro-articles of an article.
func (s *Source) records(a article) ([]knowledgev1.Record, error) {
	root, err := knowledge.Parse(a.Content)
	if err != nil {
		return nil, err
	}
	page := page{root: root, base: webAddress(a.ArticleURL)}
	services, laws, authority := page.selfService(), page.laws(), page.authority()
	var out []knowledgev1.Record
	parts := page.parts()
	if lead, err := lead(a.ArticleHeader); err == nil && lead != "" {
		parts = append([]source.Section{{Anchor: "lead", Text: lead}}, parts...)
	}
	for _, p := range parts {
		out = append(out, knowledgev1.Record{
			ID: fmt.Sprintf("%d#%s", a.ArticleID, p.Anchor), ArticleID: strconv.Itoa(a.ArticleID), URL: page.base, Title: a.ArticleTitle,
			Section: p.Heading, Text: p.Text, Language: s.cfg.Language, Authority: authority,
			Links: append(slices.Clone(p.Links), services...), Legal: laws, Topics: a.topics(),
		})
	}
	if len(out) == 0 {
		return nil, errs.E(errs.Invalid, "Artiklen har ingen tekst.", nil)
	}
	return out, nil
}

// lead is the introduction above the micro-articles.
func lead(header string) (string, error) {
	text, _, err := knowledge.Text(header, "")
	return text, err
}

// webAddress is an article's address as people open it. Old articles still have one without https.
func webAddress(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" {
		return ""
	}
	if u.Scheme == "http" && (u.Host == "borger.dk" || strings.HasSuffix(u.Host, ".borger.dk")) {
		u.Scheme = "https"
	}
	return u.String()
}
