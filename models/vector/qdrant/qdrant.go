// Package qdrant is the knowledge index in a Qdrant server (https://qdrant.tech), by its gRPC API, version 1.16 or later.
//
// A point has the sparse vectors "words" and "ngrams", which the server multiplies with the inverse document frequency, and the
// dense vector "dense" when there is a model. One batch of queries makes a search: the server fuses the rankings, and each ranking
// is asked for alone too, since a fused result does not tell why.
//
// The name in the settings is an alias. A rebuild fills a new collection, moves the alias in one step and drops the old one; other
// processes that search notice that theirs is gone and follow the alias. The collection's metadata says which encoder and model
// made it, and one point without vectors keeps the lexicon.
//
// One lock orders the changes of this process. They are sent with wait, so that the next search sees them.
package qdrant

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/models/vector"
)

// Config says where the index is. Only Address is required.
type Config struct {
	Address string       // host:port of the gRPC API, port 6334 as a rule
	Name    string       // the alias; default samtale-knowledge
	Dense   *embed.Model // the model of dense vectors; nil: none
	APIKey  string       // sent with each request; without TLS the network can read it
	TLS     *tls.Config  // nil: no encryption
	// Timeout bounds each request. Default 10 s.
	Timeout time.Duration
	// Dial are further options of the connection.
	Dial []grpc.DialOption
}

// Index implements [vector.Index].
type Index struct {
	cfg    Config
	client *qdrant.Client
	state  atomic.Pointer[state] // nil: closed

	rebuilding sync.Mutex // held by the one Rebuild

	mu      sync.Mutex // orders changes; guards what follows
	changes *[]change  // made while a rebuild runs; nil: none does
}

var _ vector.Index = (*Index)(nil)

// state is the collection behind the alias.
type state struct {
	collection string
	encoder    *sparse.Encoder
}

// change is an update that a rebuild must not lose.
type change struct {
	upsert []vector.Point
	remove []string
}

// maxMessage bounds an answer: 200 hits of the longest text fit.
const maxMessage = 64 << 20

// Open connects to the index of that name, or makes an empty one. ErrRebuild means that another encoder or model made it; then
// [Create] starts an empty one.
func Open(ctx context.Context, cfg Config) (*Index, error) {
	ix, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	s, err := ix.load(ctx)
	if errors.Is(err, errNone) {
		s, err = ix.fresh(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), ix.client.Close())
	}
	ix.state.Store(s)
	return ix, nil
}

// Create starts an empty index in place of the one of that name.
func Create(ctx context.Context, cfg Config) (*Index, error) {
	ix, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	s, err := ix.fresh(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create index: %w", err), ix.client.Close())
	}
	ix.state.Store(s)
	return ix, nil
}

// fresh makes an empty collection the current one.
func (ix *Index) fresh(ctx context.Context) (*state, error) {
	s, err := ix.make(ctx, &sparse.Lexicon{})
	if err != nil {
		return nil, err
	}
	return s, ix.use(ctx, s)
}

var aliasName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

func connect(cfg Config) (*Index, error) {
	if cfg.Name == "" {
		cfg.Name = "samtale-knowledge"
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	host, port, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("qdrant address: %w", err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" {
		return nil, fmt.Errorf("qdrant address %q: want host:port", cfg.Address)
	}
	if !aliasName.MatchString(cfg.Name) {
		return nil, fmt.Errorf("qdrant name %q: want small letters, digits, - and _", cfg.Name)
	}
	client, err := qdrant.NewClient(&qdrant.Config{
		Host: host, Port: int(number), APIKey: cfg.APIKey, UseTLS: cfg.TLS != nil, TLSConfig: cfg.TLS, PoolSize: 1,
		SkipCompatibilityCheck: true, // it logs, and asks before there is a deadline
		GrpcOptions:            append([]grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage))}, cfg.Dial...),
	})
	if err != nil {
		return nil, fmt.Errorf("qdrant client: %w", err)
	}
	return &Index{cfg: cfg, client: client}, nil
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
	var r vector.Result
	err = ix.on(ctx, func(s *state) (err error) {
		r, err = ix.search(ctx, s, q)
		return err
	})
	return r, err
}

// on works on the collection behind the alias: on the next one when the index was made again meanwhile and the collection dropped.
func (ix *Index) on(ctx context.Context, f func(s *state) error) error {
	s := ix.state.Load()
	if s == nil {
		return vector.ErrClosed
	}
	for {
		err := f(s)
		if !errors.Is(err, errNone) {
			return err
		}
		if s, err = ix.follow(ctx, s); err != nil {
			return err
		}
	}
}

// follow loads what the alias names now, when the collection that s knows is gone.
func (ix *Index) follow(ctx context.Context, s *state) (*state, error) {
	next, err := ix.load(ctx)
	if err != nil {
		return nil, err
	}
	if next.collection == s.collection { // it is there: something else is not
		return nil, errNone
	}
	if !ix.state.CompareAndSwap(s, next) {
		if next = ix.state.Load(); next == nil {
			return nil, vector.ErrClosed
		}
	}
	return next, nil
}

// Info implements [vector.Index].
func (ix *Index) Info(ctx context.Context) (vector.Info, error) {
	var out vector.Info
	err := ix.on(ctx, func(s *state) error {
		n, err := ix.count(ctx, s.collection)
		out = vector.Info{Count: n, Learned: s.encoder.Lexicon().Documents(), Encoder: sparse.Version, Dense: ix.cfg.Dense}
		return err
	})
	if err != nil {
		return vector.Info{}, err
	}
	return out, nil
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
	err := ix.on(ctx, func(s *state) error { return ix.apply(ctx, s, c) })
	if ix.changes != nil { // also after an error, which may have come after the change
		*ix.changes = append(*ix.changes, c)
	}
	return err
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
	for _, c := range changes {
		if err == nil {
			err = ix.apply(ctx, next, c)
		}
	}
	old := ix.state.Load()
	if err == nil && old == nil {
		err = vector.ErrClosed
	}
	if err == nil {
		err = ix.use(ctx, next)
	}
	if err != nil {
		if next != nil {
			err = errors.Join(err, ix.drop(ctx, next.collection))
		}
		return fmt.Errorf("rebuild index: %w", err)
	}
	ix.state.Store(next)
	return nil
}

// record begins to keep the changes that are made meanwhile.
func (ix *Index) record() error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.state.Load() == nil {
		return vector.ErrClosed
	}
	ix.changes = new([]change)
	return nil
}

// remake fills a new collection. With an error it may give the collection that is to be dropped.
func (ix *Index) remake(ctx context.Context, points iter.Seq2[vector.Point, error]) (*state, error) {
	all, lexicon, err := vector.Gather(ctx, points, ix.cfg.Dense)
	if err != nil {
		return nil, err
	}
	s, err := ix.make(ctx, lexicon)
	if err != nil {
		return nil, err
	}
	return s, ix.apply(ctx, s, change{upsert: all})
}

// Close implements [vector.Index].
func (ix *Index) Close() error {
	if ix.state.Swap(nil) == nil {
		return nil
	}
	return ix.client.Close()
}

// errNone means that there is no such collection or alias.
var errNone = errors.New("no such collection")

// meaning gives an error of the server its meaning.
func meaning(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	switch status.Code(err) {
	case codes.NotFound:
		return fmt.Errorf("%w: %w", errNone, err)
	case codes.Canceled: // the connection was closed under the request
		return fmt.Errorf("%w: %w", vector.ErrClosed, err)
	}
	return fmt.Errorf("%w: %w", vector.ErrUnavailable, err)
}

// newName makes a name for a collection of the alias.
func (ix *Index) newName() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return ix.cfg.Name + "-" + hex.EncodeToString(b[:])
}
