// Package source is where knowledge is fetched from: what an adapter of a source looks like, the HTTP client that all of them share,
// and how a page becomes micro-articles. Adapters keep nothing: what was fetched before is told to them.
//
// The adapters are borger (the ArticleExport service), sitemap (a crawler), folder (JSONL files) and laws (changes of laws).
package source

import (
	"context"
	"errors"
	"time"

	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Errors of sources, each within an errs.Error whose text says in Danish what happened.
var (
	// ErrAway: nobody answers, or asks to come later. Articles that are left wait for a later try.
	ErrAway = errors.New("source does not answer")
	// ErrGone: the article is not there any more, or its authority does not give it away. What came from it is removed.
	ErrGone = errors.New("article is gone")
)

// Entry is an article that a source has.
type Entry struct {
	Item     string // the source's name for it; unique in the source
	URL      string
	Modified string // changes when the article does; empty: not told, fetch it and see
	// What the last fetch left, for conditional requests.
	ETag, HTTPDate string
}

// Listing is what a source has. A listing that is not Complete tells only what is new: nothing follows for what it leaves out.
type Listing struct {
	Entries  []Entry
	Complete bool
}

// Article is a fetched article.
type Article struct {
	Records        []knowledgev1.Record
	UpdatedAt      time.Time // by the source's account
	Problems       []knowledgev1.Failure
	Law            Law    // instead of records
	Unchanged      bool   // as the last fetch left it
	Moved          string // the address that it was found at, when that is another
	ETag, HTTPDate string
}

// Law is a law that has changed.
type Law struct{ ELI, Day string }

// Source fetches. A value serves one run, one call at a time.
type Source interface {
	// List tells what there is. known is what the last listing told of each item (Modified), since the time of the last whole run.
	List(ctx context.Context, known map[string]string, since time.Time) (Listing, error)
	Fetch(ctx context.Context, e Entry) (Article, error)
	// Wants reports whether the settings still ask for an item that a listing leaves out.
	Wants(item string) bool
}
