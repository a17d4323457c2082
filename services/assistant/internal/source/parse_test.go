package source_test

import (
	"testing"

	"golang.org/x/net/html"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
)

func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	root, err := knowledge.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	return root
}
