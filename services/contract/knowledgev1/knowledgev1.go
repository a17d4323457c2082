// Package knowledgev1 is what the assistant knows and where it has it from: micro-articles, the sources that they are fetched
// from, and the search over them. The assistant service owns all of it.
package knowledgev1

import (
	"time"

	"samtale.dk/samtale/services/contract/event"
)

// Stream is the JetStream stream of knowledge events.
const Stream = "KNOWLEDGE"

// StreamSubjects is what the stream takes in.
const StreamSubjects = "knowledge.v1.event.>"

// Request subjects (nats micro service "assistant").
const (
	ImportSubject     = "knowledge.v1.import"      // ImportRequest → Run
	RemoveSubject     = "knowledge.v1.remove"      // SourceRef → Run: the source and all that came from it
	SearchSubject     = "knowledge.v1.search"      // SearchRequest → SearchReply
	ChunkSubject      = "knowledge.v1.chunk"       // ChunkRequest → Chunk
	SourcesSubject    = "knowledge.v1.sources"     // SourcesRequest → SourcesReply
	SaveSourceSubject = "knowledge.v1.source.save" // Source → Source; Invalid says which field
	RunSourceSubject  = "knowledge.v1.source.run"  // SourceRef → Run: fetch it now
	AskedSubject      = "knowledge.v1.asked"       // AskedRequest → Chunk: an editor's phrases for a micro-article
	EvaluationSubject = "knowledge.v1.evaluation"  // EvaluationRequest → Evaluation: the last one that was made
)

// Link is a place on the web: self-service, or a law.
type Link struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

// Record is one micro-article as it is imported: a line of a JSONL file. HTML or Text holds the content. A record with a
// municipality holds only the local difference and carries the section of its base record.
type Record struct {
	ID           string `json:"id"` // unique in its source
	ArticleID    string `json:"article_id,omitempty"`
	URL          string `json:"url"`
	Title        string `json:"title"`
	Section      string `json:"section,omitempty"`
	HTML         string `json:"html,omitempty"`
	Text         string `json:"text,omitempty"`
	Municipality string `json:"municipality,omitempty"` // four digits; empty: the whole country
	ValidFrom    string `json:"valid_from,omitempty"`   // 2006-01-02; empty: always
	ValidTo      string `json:"valid_to,omitempty"`     // the last day
	Language     string `json:"language,omitempty"`     // da (default) or en
	Authority    string `json:"authority,omitempty"`
	Area         string `json:"area,omitempty"` // service area that takes a handover
	Links        []Link `json:"links,omitempty"`
	Legal        []Link `json:"legal,omitempty"`
	// Asked are questions as people put them that this text answers. They help to find it and to be sure of it, and are never quoted.
	Asked []string `json:"asked,omitempty"`
	// Unanswered are questions near this text that it does not answer. They help to keep quiet, and are never quoted.
	Unanswered []string `json:"unanswered,omitempty"`
	Topics     []Topic  `json:"topics,omitempty"` // where the source has put it, the narrowest first
}

// Topic is a place in a source's own classification, such as the FORM areas of borger.dk.
type Topic struct {
	ID   string `json:"id"` // the classification's number; its name where it has none
	Name string `json:"name,omitempty"`
}

// Chunk is one micro-article as it is kept, found and quoted. Byte ranges of evidence point into Text, SHA256 is of Text
// (evidence.ContentHash).
type Chunk struct {
	ID           string    `json:"id"` // "<source>/<record id>"
	Source       string    `json:"source"`
	ArticleID    string    `json:"article_id"`
	URL          string    `json:"url"`
	Title        string    `json:"title"`
	Section      string    `json:"section,omitempty"`
	Text         string    `json:"text"` // plain, paragraphs divided by a blank line, list items begin as ListItem reads
	Municipality string    `json:"municipality,omitempty"`
	ValidFrom    string    `json:"valid_from,omitempty"`
	ValidTo      string    `json:"valid_to,omitempty"`
	Language     string    `json:"language"`
	Authority    string    `json:"authority,omitempty"`
	Area         string    `json:"area,omitempty"`
	Links        []Link    `json:"links,omitempty"`
	Legal        []Link    `json:"legal,omitempty"`
	FetchedAt    time.Time `json:"fetched_at"`
	UpdatedAt    time.Time `json:"updated_at,omitzero"` // by the source's own account
	SHA256       string    `json:"sha256"`
	Demo         bool      `json:"demo,omitempty"`        // starter knowledge, not an authority's
	LawChanged   string    `json:"law_changed,omitempty"` // the date on which a law that it names changed after it was written
	// Asked are questions as people put them that Text answers, by its source; EditorAsked those that editors have added. They are not
	// part of what SHA256 is of, and never evidence. Search replies leave them out.
	Asked       []string `json:"asked,omitempty"`
	EditorAsked []string `json:"editor_asked,omitempty"`
	// Unanswered and EditorUnanswered are questions near Text that it does not answer: the same rules hold.
	Unanswered       []string `json:"unanswered,omitempty"`
	EditorUnanswered []string `json:"editor_unanswered,omitempty"`
	Topics           []Topic  `json:"topics,omitempty"`
}

// AskedRequest sets the phrases that editors add to a micro-article, in place of those that they set before. What its source brings
// stays beside them. They outlive a new fetch of the article.
type AskedRequest struct {
	ID         string   `json:"id"`
	Asked      []string `json:"asked"`               // that it answers
	Unanswered []string `json:"unanswered,omitzero"` // near it, that it does not answer; null: as they were
	Actor      string   `json:"actor,omitempty"`
}

// ChunkRequest asks for one chunk.
type ChunkRequest struct {
	ID string `json:"id"`
}

// SearchRequest asks which chunks fit. At is the day on which they must be valid (2006-01-02; empty: today).
type SearchRequest struct {
	Query        string `json:"query"`
	K            int    `json:"k,omitempty"` // default 10, at most 100
	Municipality string `json:"municipality,omitempty"`
	Language     string `json:"language,omitempty"`
	At           string `json:"at,omitempty"`
	Explain      bool   `json:"explain,omitempty"`
}

// SearchReply holds the hits, best first.
type SearchReply struct {
	Hits    []Hit  `json:"hits"`
	Encoder string `json:"encoder,omitempty"` // version of the sparse encoder; with the dense model if there is one
	Terms   []Term `json:"terms,omitempty"`   // what the query was read as, heaviest first
}

// Term is a word of a query as the index knows it.
type Term struct {
	Text   string  `json:"text"`          // stem or part of a compound
	Word   string  `json:"word"`          // what it comes from in the query
	Via    string  `json:"via,omitempty"` // word, part, joined, spelling or official
	Weight float64 `json:"weight"`        // its part of the query, 0 to 1: rare words weigh more
}

// Hit is a chunk that was found.
type Hit struct {
	Chunk
	Score    float64 `json:"score"`
	Coverage float64 `json:"coverage,omitempty"` // weight of the query's terms that the chunk has, 0 to 1
	Why      []Why   `json:"why,omitempty"`
}

// Why says how one of the rankings saw a hit.
type Why struct {
	Ranking string   `json:"ranking"` // words, ngrams or dense
	Rank    int      `json:"rank"`    // from 1
	Score   float64  `json:"score"`
	Terms   []string `json:"terms,omitempty"` // of the question that it shares, heaviest first
}

// Kinds of a source.
const (
	KindBorger   = "borger"  // ArticleExport of borger.dk
	KindLife     = "life"    // ArticleExport of lifeindenmark.borger.dk
	KindSitemap  = "sitemap" // pages named by a sitemap
	KindFolder   = "folder"  // JSONL files of a folder on the server
	KindImport   = "import"  // records sent by ImportRequest
	KindLaws     = "laws"    // changes at retsinformation: flags articles, holds none
	KindStarter  = "starter" // the built-in starter knowledge
	SourceSeeds  = "starter" // id of the starter source
	MaxBatch     = 200       // records in one ImportRequest
	MaxChunkText = 64 << 10  // bytes of a chunk's text; longer ones are refused
	MaxAsked     = 50        // phrases of a record that it answers, as many that it does not, and as many of either of editors
	MaxAskedText = 300       // bytes of a phrase
	MaxAreas     = 50        // authorities of a source with an area of their own
	MaxTopics    = 300       // topics of a source
	DateLayout   = "2006-01-02"
)

// Source is where knowledge comes from.
type Source struct {
	ID             string        `json:"id"` // one token
	Kind           string        `json:"kind"`
	Title          string        `json:"title"`
	URL            string        `json:"url,omitempty"` // of the service, the sitemap, or the folder's path
	Municipalities []string      `json:"municipalities,omitempty"`
	Include        []string      `json:"include,omitempty"` // sitemap: path prefixes that are taken; empty: all
	Every          time.Duration `json:"every,omitempty"`   // between runs; 0: only by hand
	Paused         bool          `json:"paused,omitempty"`
	Demo           bool          `json:"demo,omitempty"`
	Chunks         int           `json:"chunks"`
	LastRun        *Run          `json:"last_run,omitempty"`
	NextRunAt      time.Time     `json:"next_run_at,omitzero"`
	Actor          string        `json:"actor,omitempty"` // who saved it
	// Area is the service area of what it brings without one; Areas that of what an authority wrote, before Area; Topics that of what the
	// source has put under a topic, before both.
	Area   string          `json:"area,omitempty"`
	Areas  []AuthorityArea `json:"areas,omitempty"`
	Topics []TopicArea     `json:"topics,omitempty"`
	Known  []Topic         `json:"known_topics,omitempty"` // the topics of what it holds
}

// TopicArea says which service area takes handovers about what a source has put under a topic.
type TopicArea struct {
	Topic string `json:"topic"` // its ID
	Area  string `json:"area"`
}

// AuthorityArea says which service area takes handovers about what an authority wrote.
type AuthorityArea struct {
	Authority string `json:"authority"`
	Area      string `json:"area"`
}

// SourceRef names a source.
type SourceRef struct {
	ID    string `json:"id"`
	Actor string `json:"actor,omitempty"`
}

// SourcesRequest asks for all sources.
type SourcesRequest struct{}

// SourcesReply lists them, with the last runs of each (newest first, at most 10).
type SourcesReply struct {
	Sources []Source `json:"sources"`
	Runs    []Run    `json:"runs,omitempty"`
}

// States of a run.
const (
	RunRunning = "running"
	RunDone    = "done"
	RunFailed  = "failed" // it could not begin or go on; what it had done stands
)

// Run is one fetch of a source.
type Run struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	State     string    `json:"state"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Total     int       `json:"total"` // articles to look at, as far as known
	Seen      int       `json:"seen"`
	Added     int       `json:"added"`
	Changed   int       `json:"changed"`
	Unchanged int       `json:"unchanged"`
	Removed   int       `json:"removed"`
	Failed    int       `json:"failed"`
	Problem   string    `json:"problem,omitempty"`  // why the run failed, in Danish
	Failures  []Failure `json:"failures,omitempty"` // the first 50
	Changes   []Change  `json:"changes,omitempty"`  // the first 50
}

// Failure is one article that could not be taken. It stops nothing else.
type Failure struct {
	Item   string `json:"item"` // its id or url
	Reason string `json:"reason"`
}

// Change is what happened to one chunk.
type Change struct {
	ChunkID string `json:"chunk_id"`
	Title   string `json:"title"`
	What    string `json:"what"` // added, changed, removed
}

// ImportRequest brings records of a source; a large import is several requests with the same Import id. The last one says
// Last: what this import did not name is then removed when Replace is set.
type ImportRequest struct {
	Import  string   `json:"import"`
	Source  string   `json:"source"`
	Title   string   `json:"title,omitempty"`
	Demo    bool     `json:"demo,omitempty"`
	Records []Record `json:"records"`
	First   int      `json:"first"`           // number of the first record's line, from 1, for failures
	Lines   []int    `json:"lines,omitempty"` // of each record, rising; empty: First and those that follow it
	Last    bool     `json:"last,omitempty"`
	Replace bool     `json:"replace,omitempty"`
	Actor   string   `json:"actor,omitempty"`
}

// Changed is published when a run has moved on or ended, or a source was saved or removed.
type Changed struct {
	event.Meta
	SourceID string `json:"source_id"`
	What     string `json:"what"` // run, saved, removed, evaluated, asked
	Run      *Run   `json:"run,omitempty"`
}

// Subject implements event.Message.
func (c Changed) Subject() string { return event.Join("knowledge.v1.event.changed", c.SourceID) }

// EvaluationRequest asks for the last evaluation.
type EvaluationRequest struct{}

// Evaluation is what `make eval` measured on the gold questions.
type Evaluation struct {
	At           time.Time    `json:"at"`
	Model        string       `json:"model"` // extract, or the language model's name
	Embedder     string       `json:"embedder,omitempty"`
	Questions    int          `json:"questions"`
	Chunks       int          `json:"chunks"`
	HitAt1       float64      `json:"hit_at_1"`
	HitAt5       float64      `json:"hit_at_5"`
	HitAt10      float64      `json:"hit_at_10"`
	NDCG10       float64      `json:"ndcg_at_10"`
	Threshold    float64      `json:"threshold"`
	Answered     float64      `json:"answered"`      // of the answerable ones
	Wrong        float64      `json:"wrong"`         // of the answered ones
	Supported    float64      `json:"supported"`     // sentences with verified evidence
	CrisisRecall float64      `json:"crisis_recall"` // must be 1
	Injected     float64      `json:"injected"`      // must be 0
	Classes      []ClassRate  `json:"classes"`
	Curve        []CurvePoint `json:"curve"` // on the half that the threshold was not fitted on
}

// ClassRate is how often questions of a class were answered, and how often wrongly.
type ClassRate struct {
	Class     string  `json:"class"`
	Questions int     `json:"questions"`
	Answered  float64 `json:"answered"`
	Right     float64 `json:"right"` // did what the class demands
	Wrong     float64 `json:"wrong"`
}

// CurvePoint is one threshold of the risk–coverage curve.
type CurvePoint struct {
	Threshold float64 `json:"threshold"`
	Coverage  float64 `json:"coverage"` // share of answerable questions that are answered
	Risk      float64 `json:"risk"`     // share of wrong ones among the answered
}
