package deliveryv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[Event]("event"),
		contracttest.Of[Receipt]("receipt"),
	)
}
