package embedded

import (
	"testing"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/models/vector/vectortest"
)

func open(t testing.TB, cfg Config) *Index {
	t.Helper()
	ix, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	return ix
}

func TestContract(t *testing.T) {
	for name, dir := range map[string]func(t *testing.T) string{
		"memory": func(*testing.T) string { return "" },
		"folder": func(t *testing.T) string { return t.TempDir() },
	} {
		t.Run(name, func(t *testing.T) {
			vectortest.Run(t, func(t *testing.T, m *embed.Model) vector.Index { return open(t, Config{Dir: dir(t), Dense: m}) })
		})
	}
}
