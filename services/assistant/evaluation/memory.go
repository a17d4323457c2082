package evaluation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/models/vector/embedded"
	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// Memory is knowledge without database and bus, for measuring. It answers as the library does.
type Memory struct {
	index    *embedded.Index
	embedder embed.Embedder // nil: none
	chunks   map[string]knowledgev1.Chunk
	family   map[string][]string
	zone     *time.Location
	now      time.Time
}

// source is the id of the starter knowledge.
const source = knowledgev1.SourceSeeds

// records reads the knowledge from JSONL files, without phrases that are a gold question word for word: who writes what everybody asks
// meets some of them by chance, and nothing would be measured by these.
func (c Config) records() ([]knowledgev1.Record, error) {
	gold, err := Questions(c.Gold)
	if err != nil {
		return nil, err
	}
	same := map[string]bool{}
	for _, q := range gold {
		same[plain(q.Question)] = true
	}
	isGold := func(phrase string) bool { return same[plain(phrase)] }
	names, err := fs.Glob(c.Knowledge, "*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("knowledge: %w", err)
	}
	var records []knowledgev1.Record
	for _, name := range names {
		list, err := lines[knowledgev1.Record](c.Knowledge, name)
		if err != nil {
			return nil, err
		}
		for i := range list {
			list[i].Asked = slices.DeleteFunc(list[i].Asked, isGold)
			list[i].Unanswered = slices.DeleteFunc(list[i].Unanswered, isGold)
		}
		records = append(records, list...)
	}
	return records, nil
}

// plain is a question by its words alone.
func plain(question string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(question), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

// New indexes records.
func New(ctx context.Context, records []knowledgev1.Record, now time.Time) (*Memory, error) {
	ix, err := embedded.Open(embedded.Config{})
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return nil, err
	}
	m := &Memory{index: ix, chunks: map[string]knowledgev1.Chunk{}, family: map[string][]string{}, zone: zone, now: now}
	var points []vector.Point
	for _, r := range records {
		c, err := chunk(r, now)
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", r.ID, err)
		}
		m.chunks[c.ID] = c
		m.family[family(c)] = append(m.family[family(c)], c.ID)
		points = append(points, vector.Point{
			ID: c.ID, ArticleID: c.ArticleID, URL: c.URL, Title: c.Title, Section: c.Section, Text: c.Text,
			Municipality: c.Municipality, ValidFrom: c.ValidFrom, ValidTo: c.ValidTo, Language: c.Language, SHA256: c.SHA256,
			Asked: c.Asked,
		})
	}
	return m, ix.Rebuild(ctx, func(yield func(vector.Point, error) bool) {
		for _, p := range points {
			if !yield(p, nil) {
				return
			}
		}
	})
}

// Count is how many chunks there are.
func (m *Memory) Count() int { return len(m.chunks) }

func chunk(r knowledgev1.Record, now time.Time) (knowledgev1.Chunk, error) {
	text := knowledge.Clean(r.Text)
	if r.HTML != "" {
		var err error
		if text, _, err = knowledge.Text(r.HTML, r.URL); err != nil {
			return knowledgev1.Chunk{}, err
		}
	}
	asked, err := knowledge.Asked(r.Asked)
	if err != nil {
		return knowledgev1.Chunk{}, err
	}
	unanswered, err := knowledge.Unanswered(r.Unanswered)
	if err != nil {
		return knowledgev1.Chunk{}, err
	}
	c := knowledgev1.Chunk{
		ID: source + "/" + r.ID, Source: source, ArticleID: r.ArticleID, URL: r.URL, Title: r.Title, Section: r.Section, Text: text,
		Municipality: r.Municipality, ValidFrom: r.ValidFrom, ValidTo: r.ValidTo, Language: r.Language, Authority: r.Authority, Area: r.Area,
		Links: r.Links, Legal: r.Legal, Asked: asked, Unanswered: unanswered, FetchedAt: now, SHA256: evidence.ContentHash(text), Demo: true,
	}
	if c.Language == "" {
		c.Language = "da"
	}
	if c.ArticleID == "" {
		c.ArticleID = r.ID
	}
	return c, nil
}

func family(c knowledgev1.Chunk) string {
	return strings.Join([]string{c.ArticleID, strings.ToLower(c.Section), c.Language}, "\x00")
}

// Search implements the pipeline's Knowledge.
func (m *Memory) Search(ctx context.Context, req knowledgev1.SearchRequest) (knowledgev1.SearchReply, error) {
	if req.At == "" {
		req.At = m.now.In(m.zone).Format(time.DateOnly)
	}
	q := vector.Query{Text: req.Query, Municipality: req.Municipality, On: req.At, Language: req.Language, K: 2*req.K + 10}
	if m.embedder != nil {
		var err error
		if q.Dense, err = m.embedder.Query(ctx, req.Query); err != nil {
			return knowledgev1.SearchReply{}, err
		}
	}
	res, err := m.index.Search(ctx, q)
	if err != nil {
		return knowledgev1.SearchReply{}, err
	}
	var rep knowledgev1.SearchReply
	for _, t := range res.Terms {
		rep.Terms = append(rep.Terms, knowledgev1.Term{Text: t.Text, Word: t.Word, Via: t.Via, Weight: t.Weight})
	}
	seen := map[string]bool{}
	place := func(id string, h vector.Hit) {
		c := m.chunks[id]
		valid := (c.ValidFrom == "" || c.ValidFrom <= req.At) && (c.ValidTo == "" || req.At <= c.ValidTo)
		if seen[id] || len(rep.Hits) == req.K || !valid || c.Municipality != "" && c.Municipality != req.Municipality {
			return
		}
		seen[id] = true
		out := knowledgev1.Hit{Chunk: c, Score: h.Score, Coverage: h.Coverage}
		for _, w := range h.Why {
			out.Why = append(out.Why, knowledgev1.Why{Ranking: w.Ranking, Rank: w.Rank, Score: w.Score, Terms: w.Terms})
		}
		rep.Hits = append(rep.Hits, out)
	}
	for _, h := range res.Hits {
		place(h.ID, h)
		if req.Municipality == "" {
			continue
		}
		for _, id := range m.family[family(m.chunks[h.ID])] {
			if (m.chunks[id].Municipality == "") != (m.chunks[h.ID].Municipality == "") {
				place(id, vector.Hit{Score: h.Score})
			}
		}
	}
	return rep, nil
}

// hiding is knowledge that does not find the articles of some chunks.
type hiding struct {
	*Memory
	chunks []string // as gold questions name them
}

// Search implements the pipeline's Knowledge.
func (h *hiding) Search(ctx context.Context, req knowledgev1.SearchRequest) (knowledgev1.SearchReply, error) {
	rep, err := h.Memory.Search(ctx, req)
	rep.Hits = slices.DeleteFunc(rep.Hits, func(hit knowledgev1.Hit) bool {
		return slices.ContainsFunc(h.chunks, func(id string) bool { return h.Memory.chunks[source+"/"+id].ArticleID == hit.ArticleID })
	})
	return rep, err
}

// Chunk implements the pipeline's Knowledge.
func (m *Memory) Chunk(_ context.Context, id string) (knowledgev1.Chunk, error) {
	c, ok := m.chunks[id]
	if !ok {
		return c, errs.E(errs.NotFound, "", errors.New("no such chunk"))
	}
	return c, nil
}

// Variants implements the pipeline's Knowledge.
func (m *Memory) Variants(_ context.Context, id string) ([]knowledgev1.Chunk, error) {
	var out []knowledgev1.Chunk
	for _, other := range m.family[family(m.chunks[id])] {
		if other != id {
			out = append(out, m.chunks[other])
		}
	}
	slices.SortFunc(out, func(a, b knowledgev1.Chunk) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// lines decodes a JSONL file.
func lines[T any](files fs.FS, name string) ([]T, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	var out []T
	sc := bufio.NewScanner(bytes.NewReader(data))
	sc.Buffer(nil, 4<<20)
	for n := 1; sc.Scan(); n++ {
		if len(bytes.TrimSpace(sc.Bytes())) == 0 {
			continue
		}
		var v T
		dec := json.NewDecoder(bytes.NewReader(sc.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&v); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", name, n, err)
		}
		out = append(out, v)
	}
	return out, sc.Err()
}
