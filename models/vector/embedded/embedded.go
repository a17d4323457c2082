// Package embedded is the knowledge index in this process: inverted lists in memory, a copy in a folder.
//
// The index is a list of segments that never change. An update adds a small segment and marks what it replaces as deleted in a
// new view; small segments are merged as they come, so there are never many. A search takes one snapshot and is not disturbed by
// what happens meanwhile. One lock orders the changes.
//
// On disk a segment is a file with a checksum, and the manifest names the segments and what is deleted of them. Files are synced
// before the manifest, which replaces the old one by a rename, names them: after a crash the folder holds the state before or
// after a change. Without a folder the index lives in memory only.
//
// Dense vectors are compared one by one, which fits thousands of points; for many more there is Qdrant.
package embedded

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/models/vector"
)

// Config of an index.
type Config struct {
	Dir   string       // folder of the files; empty: memory only
	Dense *embed.Model // the model of dense vectors; nil: none
}

// Index implements [vector.Index].
type Index struct {
	dir  folder
	cfg  Config
	snap atomic.Pointer[snapshot]

	rebuilding sync.Mutex // held by the one Rebuild

	mu      sync.Mutex // orders changes; guards what follows
	closed  bool
	at      map[string]location
	changes *[]change // made while a rebuild runs; nil: none does
}

var _ vector.Index = (*Index)(nil)

// location is where a living point is.
type location struct {
	segment *segment
	doc     int
}

// change is an update that a rebuild must not lose.
type change struct {
	upsert []vector.Point
	remove []string
}

// Open opens the index of a folder, or an empty one where there is none. ErrRebuild means that the files are damaged, or made by
// another encoder or model; then [Create] starts an empty one.
func Open(cfg Config) (*Index, error) {
	ix := &Index{dir: folder(cfg.Dir), cfg: cfg}
	snap, err := ix.dir.load(cfg.Dense)
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	ix.publish(snap)
	return ix, nil
}

// Create starts an empty index in place of what the folder holds.
func Create(cfg Config) (*Index, error) {
	ix := &Index{dir: folder(cfg.Dir), cfg: cfg}
	snap := &snapshot{encoder: sparse.New(&sparse.Lexicon{})}
	if err := ix.dir.clear(); err != nil {
		return nil, fmt.Errorf("create index: %w", err)
	}
	ix.publish(snap)
	return ix, nil
}

// publish makes a state the current one.
func (ix *Index) publish(s *snapshot) {
	ix.at = make(map[string]location, s.count())
	for _, v := range s.views {
		for doc, p := range v.points {
			if !v.dead.has(doc) {
				ix.at[p.ID] = location{v.segment, doc}
			}
		}
	}
	ix.snap.Store(s)
}

func (ix *Index) dimension() int {
	if ix.cfg.Dense == nil {
		return 0
	}
	return ix.cfg.Dense.Dimension
}

// Search implements [vector.Index].
func (ix *Index) Search(ctx context.Context, q vector.Query) (vector.Result, error) {
	if err := ctx.Err(); err != nil {
		return vector.Result{}, err
	}
	q, err := q.Check(ix.cfg.Dense)
	if err != nil {
		return vector.Result{}, err
	}
	s := ix.snap.Load()
	if s == nil {
		return vector.Result{}, vector.ErrClosed
	}
	return s.search(ctx, q)
}

// Info implements [vector.Index].
func (ix *Index) Info(ctx context.Context) (vector.Info, error) {
	if err := ctx.Err(); err != nil {
		return vector.Info{}, err
	}
	s := ix.snap.Load()
	if s == nil {
		return vector.Info{}, vector.ErrClosed
	}
	return vector.Info{Count: s.count(), Learned: s.encoder.Lexicon().Documents(), Encoder: sparse.Version, Dense: ix.cfg.Dense}, nil
}

// Upsert implements [vector.Index].
func (ix *Index) Upsert(ctx context.Context, points []vector.Point) error {
	for _, p := range points {
		if err := p.Check(ix.cfg.Dense); err != nil {
			return err
		}
	}
	return ix.change(ctx, change{upsert: points})
}

// Delete implements [vector.Index].
func (ix *Index) Delete(ctx context.Context, ids []string) error {
	return ix.change(ctx, change{remove: ids})
}

func (ix *Index) change(ctx context.Context, c change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.closed {
		return vector.ErrClosed
	}
	next := ix.snap.Load().apply(c, ix.at, ix.dimension())
	if next == nil {
		return nil
	}
	if err := ix.dir.save(next, ix.cfg.Dense); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	if ix.changes != nil {
		*ix.changes = append(*ix.changes, c)
	}
	ix.publish(next)
	return nil
}

// apply makes the state after a change, or nil when nothing changes. at is where the living points are.
func (s *snapshot) apply(c change, at map[string]location, dim int) *snapshot {
	points := vector.Last(c.upsert)
	dead := map[*segment][]int{}
	kill := func(id string) {
		if l, ok := at[id]; ok {
			dead[l.segment] = append(dead[l.segment], l.doc)
		}
	}
	for _, p := range points {
		kill(p.ID)
	}
	for _, id := range c.remove {
		kill(id)
	}
	if len(points) == 0 && len(dead) == 0 {
		return nil
	}
	next := &snapshot{encoder: s.encoder}
	for _, v := range s.views {
		if docs := dead[v.segment]; docs != nil {
			v = v.without(docs)
		}
		if v.live() > 0 {
			next.views = append(next.views, v)
		}
	}
	for len(points) > 0 {
		n := min(len(points), maxPoints)
		next.views = append(next.views, view{segment: build(s.encoder, dim, points[:n])})
		points = points[n:]
	}
	next.compact()
	return next
}

// compact merges the newest segments while they are together as large as the one before them, and rewrites those of which half
// is gone. So there are about as many segments as the count of points has binary digits, and each point is moved as often.
func (s *snapshot) compact() {
	for i, v := range s.views {
		if v.gone > v.live() {
			s.views[i] = view{segment: merge([]view{v})}
		}
	}
	for n := len(s.views); n > 1; n = len(s.views) {
		a, b := s.views[n-2], s.views[n-1]
		if a.live() > 2*b.live() || a.live()+b.live() > maxPoints {
			return
		}
		s.views = append(s.views[:n-2], view{segment: merge([]view{a, b})})
	}
}

// Rebuild implements [vector.Index].
func (ix *Index) Rebuild(ctx context.Context, points iter.Seq2[vector.Point, error]) error {
	ix.rebuilding.Lock()
	defer ix.rebuilding.Unlock()
	if err := ix.record(); err != nil {
		return err
	}
	next, err := ix.remake(ctx, points)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	changes := *ix.changes
	ix.changes = nil
	switch {
	case err != nil:
		return fmt.Errorf("rebuild index: %w", err)
	case ix.closed:
		return vector.ErrClosed
	}
	fresh := &Index{}
	fresh.publish(next)
	for _, c := range changes {
		if s := next.apply(c, fresh.at, ix.dimension()); s != nil {
			next = s
			fresh.publish(next)
		}
	}
	if err := ix.dir.save(next, ix.cfg.Dense); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	ix.publish(next)
	return nil
}

// record begins to keep the changes that are made meanwhile.
func (ix *Index) record() error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.closed {
		return vector.ErrClosed
	}
	ix.changes = new([]change)
	return nil
}

// remake encodes all points with what it learns from them.
func (ix *Index) remake(ctx context.Context, points iter.Seq2[vector.Point, error]) (*snapshot, error) {
	all, lexicon, err := vector.Gather(ctx, points, ix.cfg.Dense)
	if err != nil {
		return nil, err
	}
	s := &snapshot{encoder: sparse.New(lexicon)}
	for len(all) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(len(all), buildAtOnce)
		s.views = append(s.views, view{segment: build(s.encoder, ix.dimension(), all[:n])})
		all = all[n:]
	}
	if len(s.views) > 1 {
		s.views = []view{{segment: merge(s.views)}}
	}
	return s, nil
}

// buildAtOnce is how many points are encoded between looks at the context: about a second's.
const buildAtOnce = 5000

// Close implements [vector.Index]. Everything is on disk already.
func (ix *Index) Close() error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.closed = true
	ix.snap.Store(nil)
	ix.at = nil
	return nil
}
