// Package qdranttest is a Qdrant server in this process, for tests: the part of its gRPC API that the adapter uses, made from the
// client's own generated stubs, and evaluated for real: filters, the IDF modifier, prefetches, reciprocal rank fusion, aliases.
//
// It follows the server's documentation and refuses what the server refuses: unknown collections and vectors, other dimensions,
// sparse vectors with a dimension twice. What it does not know it refuses too, rather than to guess. It
// is no proof that a real server answers the same; SAMTALE_TEST_QDRANT names one to try.
package qdranttest

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
)

// Server is the server's content. Requests of several connections run at once.
type Server struct {
	// Key is the API key that requests need; empty: none.
	Key string

	mu          sync.RWMutex
	collections map[string]*collection
	aliases     map[string]string
	fail        error // what every request gets; nil: an answer

	listener *bufconn.Listener
}

// collection is what Create asked for, and the points by UUID.
type collection struct {
	config *qdrant.CreateCollection
	points map[string]*qdrant.PointStruct
}

// Start runs a server until the test ends.
func Start(t testing.TB, options ...grpc.ServerOption) *Server {
	s := New()
	g := s.GRPC(options...)
	s.listener = bufconn.Listen(1 << 20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(s.listener) // ends with Stop
	}()
	t.Cleanup(func() { g.Stop(); <-done })
	return s
}

// New makes a server that listens nowhere yet.
func New() *Server {
	return &Server{collections: map[string]*collection{}, aliases: map[string]string{}}
}

// GRPC gives the server for a listener of the test's own.
func (s *Server) GRPC(options ...grpc.ServerOption) *grpc.Server {
	g := grpc.NewServer(append([]grpc.ServerOption{grpc.UnaryInterceptor(s.admit), grpc.MaxRecvMsgSize(64 << 20)}, options...)...)
	qdrant.RegisterCollectionsServer(g, &collections{Server: s})
	qdrant.RegisterPointsServer(g, &points{Server: s})
	return g
}

// Address is what the adapter dials, with Dial.
const Address = "127.0.0.1:6334"

// Dial leads a client here.
func (s *Server) Dial() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.listener.DialContext(ctx) })}
}

// Fail makes every request fail with err, until it is nil.
func (s *Server) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// Collections lists the names of the collections.
func (s *Server) Collections() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.collections))
}

// Config gives a copy of what a collection was created with.
func (s *Server) Config(name string) *qdrant.CreateCollection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return proto.CloneOf(s.collections[name].config)
}

func (s *Server) admit(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	s.mu.RLock()
	fail := s.fail
	s.mu.RUnlock()
	if fail != nil {
		return nil, fail
	}
	if md, _ := metadata.FromIncomingContext(ctx); s.Key != "" && !slices.Equal(md.Get("api-key"), []string{s.Key}) {
		return nil, status.Error(codes.Unauthenticated, "Must provide an API key or an Authorization bearer token")
	}
	return next(ctx, req)
}

// find gives a collection by its name or alias. The lock is held.
func (s *Server) find(name string) (*collection, error) {
	if to, ok := s.aliases[name]; ok {
		name = to
	}
	c, ok := s.collections[name]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", name)
	}
	return c, nil
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// collections is the service of that name.
type collections struct {
	qdrant.UnimplementedCollectionsServer
	*Server
}

var accepted = &qdrant.CollectionOperationResponse{Result: true}

func (s *collections) Create(_ context.Context, req *qdrant.CreateCollection) (*qdrant.CollectionOperationResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := req.GetCollectionName()
	if _, ok := s.collections[name]; ok || s.aliases[name] != "" {
		return nil, status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", name)
	}
	if name == "" || req.GetVectorsConfig() == nil && req.GetSparseVectorsConfig() == nil {
		return nil, invalid("collection without name or vectors")
	}
	s.collections[name] = &collection{config: proto.CloneOf(req), points: map[string]*qdrant.PointStruct{}}
	return accepted, nil
}

func (s *collections) Delete(_ context.Context, req *qdrant.DeleteCollection) (*qdrant.CollectionOperationResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := req.GetCollectionName()
	if _, ok := s.collections[name]; !ok {
		return &qdrant.CollectionOperationResponse{Result: false}, nil
	}
	delete(s.collections, name)
	maps.DeleteFunc(s.aliases, func(_, to string) bool { return to == name })
	return accepted, nil
}

func (s *collections) List(context.Context, *qdrant.ListCollectionsRequest) (*qdrant.ListCollectionsResponse, error) {
	out := &qdrant.ListCollectionsResponse{}
	for _, name := range s.Collections() {
		out.Collections = append(out.Collections, &qdrant.CollectionDescription{Name: name})
	}
	return out, nil
}

func (s *collections) Get(_ context.Context, req *qdrant.GetCollectionInfoRequest) (*qdrant.GetCollectionInfoResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	return &qdrant.GetCollectionInfoResponse{Result: &qdrant.CollectionInfo{
		Status: qdrant.CollectionStatus_Green, PointsCount: qdrant.PtrOf(uint64(len(c.points))),
		Config: &qdrant.CollectionConfig{
			Params:   &qdrant.CollectionParams{VectorsConfig: c.config.GetVectorsConfig(), SparseVectorsConfig: c.config.GetSparseVectorsConfig()},
			Metadata: c.config.GetMetadata(),
		},
	}}, nil
}

func (s *collections) ListAliases(context.Context, *qdrant.ListAliasesRequest) (*qdrant.ListAliasesResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := &qdrant.ListAliasesResponse{}
	for _, name := range slices.Sorted(maps.Keys(s.aliases)) {
		out.Aliases = append(out.Aliases, &qdrant.AliasDescription{AliasName: name, CollectionName: s.aliases[name]})
	}
	return out, nil
}

// UpdateAliases makes all changes or none.
func (s *collections) UpdateAliases(_ context.Context, req *qdrant.ChangeAliases) (*qdrant.CollectionOperationResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(s.aliases)
	for _, a := range req.GetActions() {
		switch a := a.GetAction().(type) {
		case *qdrant.AliasOperations_CreateAlias:
			name, to := a.CreateAlias.GetAliasName(), a.CreateAlias.GetCollectionName()
			if s.collections[to] == nil {
				return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", to)
			}
			if s.collections[name] != nil {
				return nil, invalid("Wrong input: Can't create alias with name %s, collection with the same name already exists", name)
			}
			next[name] = to
		case *qdrant.AliasOperations_DeleteAlias:
			delete(next, a.DeleteAlias.GetAliasName())
		default:
			return nil, status.Errorf(codes.Unimplemented, "alias action %T", a)
		}
	}
	s.aliases = next
	return accepted, nil
}
