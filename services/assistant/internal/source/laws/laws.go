// Package laws reads the feed of changes of retsinformation.dk (Atom, RFC 4287): which laws have changed and when. It brings no
// articles; those that name such a law are flagged for their editors.
package laws

import (
	"cmp"
	"context"
	"encoding/xml"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// Source implements [source.Source]: its items are laws by their ELI ("lta/2017/646"), changed on the day of Modified.
type Source struct {
	url    string
	client *source.Client
}

// New returns the source.
func New(url string, client *source.Client) *Source { return &Source{url, client} }

const maxFeed = 16 << 20 // bytes

type feed struct {
	XMLName xml.Name
	Entries []entry `xml:"entry"`
}

type entry struct {
	ID      string `xml:"id"`
	Updated string `xml:"updated"`
	Links   []struct {
		Href string `xml:"href,attr"`
	} `xml:"link"`
}

// List implements [source.Source].
func (s *Source) List(ctx context.Context, _ map[string]string, _ time.Time) (source.Listing, error) {
	res, err := s.client.Get(ctx, source.Entry{URL: s.url}, maxFeed)
	if err != nil {
		return source.Listing{}, err
	}
	changes, err := parse(res.Body)
	if err != nil {
		return source.Listing{}, err
	}
	var l source.Listing
	for law, day := range changes {
		l.Entries = append(l.Entries, source.Entry{Item: law, Modified: day})
	}
	slices.SortFunc(l.Entries, func(a, b source.Entry) int { return cmp.Compare(a.Item, b.Item) })
	return l, nil
}

// parse gives the latest day of each law that a feed names. An entry names laws by its id and its links: a law that changes others
// links to them.
func parse(data []byte) (map[string]string, error) {
	var f feed
	if err := xml.Unmarshal(data, &f); err != nil || f.XMLName.Local != "feed" {
		return nil, errs.E(errs.Invalid, "Svaret er ikke et Atom-feed.", err)
	}
	out := map[string]string{}
	for _, e := range f.Entries {
		at, err := time.Parse(time.RFC3339, strings.TrimSpace(e.Updated))
		if err != nil {
			continue // without a day there is nothing to compare with
		}
		day := at.Format(knowledgev1.DateLayout)
		names := []string{e.ID}
		for _, l := range e.Links {
			names = append(names, l.Href)
		}
		for _, n := range names {
			if law := knowledge.ELI(n); law != "" {
				out[law] = max(out[law], day)
			}
		}
	}
	return out, nil
}

// Fetch implements [source.Source]: the listing has told all.
func (s *Source) Fetch(_ context.Context, e source.Entry) (source.Article, error) {
	return source.Article{Law: source.Law{ELI: e.Item, Day: e.Modified}}, nil
}

// Wants implements [source.Source].
func (s *Source) Wants(string) bool { return true }
