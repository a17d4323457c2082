package transcriptv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[Partial]("partial"),
		contracttest.Of[Final]("final"),
		contracttest.Of[Body]("body"),
	)
}
