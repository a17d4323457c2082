// Package vector is the port to the knowledge index: micro-articles in, those that fit a question out.
//
// The index is no store. Its owner keeps the micro-articles, and can make the index again from them at any time ([Index.Rebuild]);
// an index that cannot be used says so with [ErrRebuild].
//
// A question is ranked up to three times: by words (stems, parts of compounds and official terms), by n-grams of characters,
// which forgive misspelling, and by the dense vector when both sides have one. Reciprocal rank fusion makes one list of them.
// Both sparse rankings are BM25 over the vectors of [samtale.dk/samtale/models/embed/sparse]. Every hit tells what each ranking
// thought of it and which words it shares with the question, so that an editor can see why it was found.
//
// An Index is safe for concurrent use. Searches go on during updates and rebuilds, and each sees one state. One process at a time
// may change an index. Texts and questions are never logged and never part of an error.
package vector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/embed/sparse"
)

// Errors that implementations wrap.
var (
	ErrRebuild     = errors.New("the index cannot be used and must be rebuilt") // corrupt, or made by another encoder or model
	ErrUnavailable = errors.New("the index cannot be reached")                  // try again later
	ErrPoint       = errors.New("point cannot be indexed")                      // nothing of the batch is
	ErrQuery       = errors.New("query cannot be answered")
	ErrClosed      = errors.New("the index is closed")
)

// A Point is one micro-article.
type Point struct {
	ID           string `json:"id"`
	ArticleID    string `json:"article_id,omitempty"`
	URL          string `json:"url,omitempty"`
	Title        string `json:"title,omitempty"`   // of the article
	Section      string `json:"section,omitempty"` // heading of the micro-article
	Text         string `json:"text"`              // plain
	Municipality string `json:"municipality,omitempty"`
	ValidFrom    string `json:"valid_from,omitempty"` // first day, 2006-01-02; empty: always
	ValidTo      string `json:"valid_to,omitempty"`   // last day; empty: for ever
	Language     string `json:"language,omitempty"`
	SHA256       string `json:"sha256,omitempty"` // of Text, for evidence
	// Asked are questions as people put them that the text answers: they help to find it. They do not come back in hits.
	Asked []string `json:"-"`
	// Dense is the vector of the text by the index's embedding model, if there is one. It does not come back in hits.
	Dense []float32 `json:"-"`
}

// Limits of a point and a query.
const (
	MaxID    = 512
	MaxText  = 256 << 10 // bytes of title, section and text together, and of what is asked
	MaxQuery = 4 << 10   // bytes
	MaxK     = 200
	DefaultK = 10
)

// Check reports with ErrPoint what is wrong with a point for an index of the model (nil: none).
func (p Point) Check(m *embed.Model) error {
	bad := func(what string) error { return fmt.Errorf("point %.64q: %s: %w", p.ID, what, ErrPoint) }
	switch {
	case p.ID == "" || len(p.ID) > MaxID || !utf8.ValidString(p.ID):
		return bad("no valid id")
	case len(p.Title)+len(p.Section)+len(p.Text) > MaxText:
		return bad("text is too long")
	case len(strings.Join(p.Asked, "\n")) > MaxText:
		return bad("what is asked is too long")
	case !utf8.ValidString(strings.Join(p.Asked, "\n")):
		return bad("what is asked is not UTF-8")
	case !utf8.ValidString(p.Title) || !utf8.ValidString(p.Section) || !utf8.ValidString(p.Text):
		return bad("text is not UTF-8")
	case !isDay(p.ValidFrom) || !isDay(p.ValidTo):
		return bad("validity is no date")
	case len(p.Dense) > 0 && (m == nil || len(p.Dense) != m.Dimension):
		return bad(fmt.Sprintf("dense vector of %d numbers does not belong here", len(p.Dense)))
	}
	return nil
}

func isDay(s string) bool {
	if s == "" {
		return true
	}
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// Gather reads all points for a rebuild: each is checked against the index's model of dense vectors, the last of each ID
// counts, and the lexicon has learned from them.
func Gather(ctx context.Context, points iter.Seq2[Point, error], dense *embed.Model) ([]Point, *sparse.Lexicon, error) {
	var all []Point
	for p, err := range points {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = p.Check(dense)
		}
		if err != nil {
			return nil, nil, err
		}
		all = append(all, p)
	}
	all = Last(all)
	lexicon := &sparse.Lexicon{}
	for _, p := range all {
		lexicon.Learn(p.Fields())
	}
	return all, lexicon, nil
}

// Last keeps the last point of each ID, in order.
func Last(points []Point) []Point {
	last := make(map[string]int, len(points))
	for i, p := range points {
		last[p.ID] = i
	}
	if len(last) == len(points) {
		return points
	}
	var out []Point
	for i, p := range points {
		if last[p.ID] == i {
			out = append(out, p)
		}
	}
	return out
}

// Everywhere as the municipality of a query finds the texts of every municipality.
const Everywhere = "*"

// A Query asks for the points that fit a text.
type Query struct {
	Text         string
	Dense        []float32 // of the text, by the index's embedding model; nil: rank without
	Municipality string    // four digits: texts for the whole country and for this one; empty: for the whole country only
	On           string    // day on which they must be valid, 2006-01-02; empty: whenever
	Language     string    // empty: any
	K            int       // how many hits, default 10
}

// Check reports with ErrQuery what is wrong with a query for an index of the model (nil: none), and fills in K.
func (q Query) Check(m *embed.Model) (Query, error) {
	q.K = cmp.Or(q.K, DefaultK)
	switch {
	case len(q.Text) > MaxQuery:
		return q, fmt.Errorf("%d bytes of text: %w", len(q.Text), ErrQuery)
	case q.K < 0 || q.K > MaxK:
		return q, fmt.Errorf("k is %d: %w", q.K, ErrQuery)
	case !isDay(q.On):
		return q, fmt.Errorf("validity is no date: %w", ErrQuery)
	case len(q.Dense) > 0 && (m == nil || len(q.Dense) != m.Dimension):
		return q, fmt.Errorf("dense vector of %d numbers does not belong here: %w", len(q.Dense), ErrQuery)
	}
	return q, nil
}

// Rankings.
const (
	Words  = "words"
	NGrams = "ngrams"
	Dense  = "dense"
)

// A Result is the answer to a query.
type Result struct {
	Terms []Term // what the question was read as, heaviest first
	Hits  []Hit  // best first
}

// A Term is a word as the index knows it.
type Term struct {
	Text   string  // stem or part of a compound
	Word   string  // what it comes from in the question
	Via    string  // how: one of the constants of package sparse
	Weight float64 // its part of the question, 0 to 1: rare words weigh more
}

// A Hit is a point that fits. Score is that of the fusion: it orders hits of one query and means nothing else. Whether a
// question is answered at all is better asked of Coverage and of the text itself.
type Hit struct {
	Point
	Score    float64
	Coverage float64 // weight of the question's terms that the point has, 0 to 1
	Why      []Why   // one for each ranking that found it
}

// Why says how one ranking saw a hit.
type Why struct {
	Ranking string
	Rank    int      // from 1
	Score   float64  // BM25 or cosine
	Terms   []string // of the question that the point shares, heaviest first; with Words only
}

// Info describes an index.
type Info struct {
	Count   int          // points
	Learned int          // points whose words the splitter of compounds knows; far below Count means that a rebuild pays
	Encoder string       // version of the sparse encoder
	Dense   *embed.Model // nil: without
}

// An Index finds points.
type Index interface {
	// Upsert adds points or replaces those of the same ID; of several with one ID the last counts. When it returns, searches find
	// them, and a restart does too. ErrPoint means that none was added; after another error some may be: do it again.
	Upsert(ctx context.Context, points []Point) error
	// Delete removes points; IDs that are not there are no error. When it returns, no search finds them any more.
	Delete(ctx context.Context, ids []string) error
	// Search finds the points that fit. A text without any known word gives no hits and no error.
	Search(ctx context.Context, q Query) (Result, error)
	// Rebuild replaces the content by the points, learning the words of compounds from them. Until it is done, searches see the
	// old content; an error leaves that in place. Changes made meanwhile are kept. Points are held in memory.
	Rebuild(ctx context.Context, points iter.Seq2[Point, error]) error
	Info(ctx context.Context) (Info, error)
	// Close ends the index; later calls give ErrClosed. Closing again does nothing.
	Close() error
}
