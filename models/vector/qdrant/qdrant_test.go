package qdrant_test

import (
	"crypto/tls"
	"os"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/models/vector/qdrant"
	"samtale.dk/samtale/models/vector/qdrant/qdranttest"
	"samtale.dk/samtale/models/vector/vectortest"
)

// open connects to a server in this process.
func open(t *testing.T, s *qdranttest.Server, change func(*qdrant.Config)) *qdrant.Index {
	t.Helper()
	cfg := qdrant.Config{Address: qdranttest.Address, Dial: s.Dial(), Timeout: 2 * time.Minute}
	if change != nil {
		change(&cfg)
	}
	ix, err := qdrant.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	return ix
}

func TestContract(t *testing.T) {
	vectortest.Run(t, func(t *testing.T, m *embed.Model) vector.Index {
		return open(t, qdranttest.Start(t), func(c *qdrant.Config) { c.Dense = m })
	})
}

// The same on a real server: SAMTALE_TEST_QDRANT=host:port, and SAMTALE_TEST_QDRANT_KEY for one with TLS.
func TestContractOnARealServer(t *testing.T) {
	address := os.Getenv("SAMTALE_TEST_QDRANT")
	if address == "" {
		t.Skip("SAMTALE_TEST_QDRANT names no server")
	}
	vectortest.Run(t, func(t *testing.T, m *embed.Model) vector.Index {
		name := "samtale-test-" + strings.ToLower(strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
				return r
			}
			return -1
		}, t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]))
		cfg := qdrant.Config{Address: address, Name: name, Dense: m, APIKey: os.Getenv("SAMTALE_TEST_QDRANT_KEY")}
		if cfg.APIKey != "" {
			cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		ix, err := qdrant.Create(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ix.Close() })
		return ix
	})
}
