package embedtest

import (
	"testing"

	"samtale.dk/samtale/models/embed"
)

func TestFake(t *testing.T) { Run(t, func(*testing.T) embed.Embedder { return Fake{} }) }
