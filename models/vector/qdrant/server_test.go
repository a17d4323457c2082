package qdrant_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	client "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/models/vector/embedded"
	"samtale.dk/samtale/models/vector/qdrant"
	"samtale.dk/samtale/models/vector/qdrant/qdranttest"
	"samtale.dk/samtale/models/vector/vectortest"
)

// fill rebuilds with the small corpus.
func fill(t *testing.T, ix vector.Index) {
	t.Helper()
	if err := ix.Rebuild(t.Context(), vectortest.Points(vectortest.Small())); err != nil {
		t.Fatal(err)
	}
}

// count is how many points an index says it has.
func count(t *testing.T, ix vector.Index) int {
	t.Helper()
	info, err := ix.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.Count
}

func TestCollection(t *testing.T) {
	s := qdranttest.Start(t)
	fill(t, open(t, s, func(c *qdrant.Config) { c.Dense = &vectortest.Model }))
	names := s.Collections()
	if len(names) != 1 || !strings.HasPrefix(names[0], "samtale-knowledge-") {
		t.Fatalf("collections %q: the old one was not dropped", names)
	}
	c := s.Config(names[0])
	for _, name := range []string{vector.Words, vector.NGrams} {
		if m := c.GetSparseVectorsConfig().GetMap()[name].GetModifier(); m != client.Modifier_Idf {
			t.Errorf("%s has the modifier %s", name, m)
		}
	}
	d := c.GetVectorsConfig().GetParamsMap().GetMap()[vector.Dense]
	if d.GetSize() != uint64(vectortest.Model.Dimension) || d.GetDistance() != client.Distance_Cosine {
		t.Errorf("dense %v", d)
	}
}

// Another process sees what one changes, also when the collection is another one.
func TestTwoProcesses(t *testing.T) {
	s := qdranttest.Start(t)
	writer, reader := open(t, s, nil), open(t, s, nil)
	for range 2 {
		fill(t, writer)
		r, err := reader.Search(t.Context(), vector.Query{Text: "storskrald"})
		if err != nil || len(r.Hits) == 0 || r.Hits[0].ID != "affald" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	fill(t, writer)
	if n := count(t, reader); n != len(vectortest.Small()) {
		t.Errorf("count %d", n)
	}
	fill(t, writer)
	if err := reader.Delete(t.Context(), []string{"affald"}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, writer); n != len(vectortest.Small())-1 {
		t.Errorf("count %d after the other's deletion", n)
	}
}

// However often another process makes the index again while this one looks for it, a search is answered.
func TestMadeAgainMeanwhile(t *testing.T) {
	s := qdranttest.Start(t)
	writer := open(t, s, nil)
	fill(t, writer)
	left := 3
	between := func(ctx context.Context, method string, req, reply any, c *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption) error {
		if left > 0 && (strings.HasSuffix(method, "/QueryBatch") || strings.HasSuffix(method, ".Collections/Get")) {
			left--
			fill(t, writer)
		}
		return invoke(ctx, method, req, reply, c, o...)
	}
	reader := open(t, s, func(c *qdrant.Config) { c.Dial = append(c.Dial, grpc.WithUnaryInterceptor(between)) })
	left = 3
	r, err := reader.Search(t.Context(), vector.Query{Text: "storskrald"})
	if err != nil || len(r.Hits) == 0 || r.Hits[0].ID != "affald" || left != 0 {
		t.Errorf("%+v, %v, %d left", r, err, left)
	}
}

func TestReopen(t *testing.T) {
	s := qdranttest.Start(t)
	ix := open(t, s, nil)
	fill(t, ix)
	want, err := ix.Search(t.Context(), vector.Query{Text: "børnepenge"})
	if err != nil {
		t.Fatal(err)
	}
	ix.Close()
	again := open(t, s, nil)
	got, err := again.Search(t.Context(), vector.Query{Text: "børnepenge"})
	if err != nil || len(got.Hits) == 0 || got.Hits[0].Coverage != want.Hits[0].Coverage || len(got.Terms) != len(want.Terms) {
		t.Errorf("%+v, want %+v, %v", got, want, err)
	}
}

// What another model made is not used until it is replaced.
func TestOutdated(t *testing.T) {
	s := qdranttest.Start(t)
	fill(t, open(t, s, nil))
	cfg := qdrant.Config{Address: qdranttest.Address, Dial: s.Dial(), Dense: &vectortest.Model, Timeout: 2 * time.Minute}
	if _, err := qdrant.Open(t.Context(), cfg); !errors.Is(err, vector.ErrRebuild) {
		t.Fatalf("open gives %v", err)
	}
	ix, err := qdrant.Create(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if n := count(t, ix); n != 0 {
		t.Errorf("count %d", n)
	}
	fill(t, ix)
	if names := s.Collections(); len(names) != 1 {
		t.Errorf("collections %q", names)
	}
}

func TestFailures(t *testing.T) {
	s := qdranttest.Start(t)
	ix := open(t, s, nil)
	fill(t, ix)
	for name, err := range map[string]error{
		"down": status.Error(codes.Unavailable, "down"), "full": status.Error(codes.ResourceExhausted, "full"),
		"broken": status.Error(codes.Internal, "broken"), "key": status.Error(codes.Unauthenticated, "key"),
	} {
		s.Fail(err)
		if _, err := ix.Search(t.Context(), vector.Query{Text: "affald"}); !errors.Is(err, vector.ErrUnavailable) {
			t.Errorf("%s: search gives %v", name, err)
		}
		if err := ix.Upsert(t.Context(), vectortest.Small()); !errors.Is(err, vector.ErrUnavailable) {
			t.Errorf("%s: upsert gives %v", name, err)
		}
		if err := ix.Rebuild(t.Context(), vectortest.Points(vectortest.Small())); !errors.Is(err, vector.ErrUnavailable) {
			t.Errorf("%s: rebuild gives %v", name, err)
		}
		if _, err := qdrant.Open(t.Context(), qdrant.Config{Address: qdranttest.Address, Dial: s.Dial()}); !errors.Is(err, vector.ErrUnavailable) {
			t.Errorf("%s: open gives %v", name, err)
		}
	}
	s.Fail(nil)
	if n := count(t, ix); n != len(vectortest.Small()) {
		t.Errorf("count %d after failures", n)
	}
}

// A rebuild that fails leaves the old collection, and no other.
func TestFailedRebuild(t *testing.T) {
	s := qdranttest.Start(t)
	ix := open(t, s, nil)
	fill(t, ix)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := ix.Rebuild(ctx, func(yield func(vector.Point, error) bool) {
		yield(vector.Point{ID: "ny", Text: "gravhund"}, nil)
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if names := s.Collections(); len(names) != 1 || count(t, ix) != len(vectortest.Small()) {
		t.Errorf("collections %q", names)
	}
}

func TestSettings(t *testing.T) {
	for name, cfg := range map[string]qdrant.Config{
		"no address": {}, "no port": {Address: "qdrant"}, "port": {Address: "qdrant:http"}, "no host": {Address: ":6334"},
		"name": {Address: "127.0.0.1:1", Name: "Å/1"},
	} {
		if _, err := qdrant.Open(t.Context(), cfg); err == nil || errors.Is(err, vector.ErrUnavailable) {
			t.Errorf("%s gives %v", name, err)
		}
	}
	down := qdrant.Config{Address: "127.0.0.1:1", Timeout: time.Second}
	if _, err := qdrant.Open(t.Context(), down); !errors.Is(err, vector.ErrUnavailable) {
		t.Errorf("nobody there gives %v", err)
	}
}

// The API key goes with each request, over TLS.
func TestKeyAndTLS(t *testing.T) {
	cert, roots := certificate(t)
	s := qdranttest.New()
	s.Key = "hemmelig-1"
	g := s.GRPC(grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-done })

	cfg := qdrant.Config{Address: l.Addr().String(), APIKey: s.Key, Timeout: 2 * time.Minute, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}
	ix, err := qdrant.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	fill(t, ix)
	for name, change := range map[string]func(*qdrant.Config){
		"wrong key": func(c *qdrant.Config) { c.APIKey = "forkert" },
		"stranger":  func(c *qdrant.Config) { c.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS13} },
	} {
		bad := cfg
		bad.Timeout = 5 * time.Second
		change(&bad)
		if _, err := qdrant.Open(t.Context(), bad); !errors.Is(err, vector.ErrUnavailable) || strings.Contains(err.Error(), s.Key) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

// certificate gives one for this machine, and whom to trust.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.TLS.Certificates[0], roots
}

// Both indexes rank the starter knowledge alike.
func TestRanksLikeTheEmbeddedIndex(t *testing.T) {
	local, err := embedded.Open(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	vectortest.Compare(t, local, open(t, qdranttest.Start(t), nil))
}
