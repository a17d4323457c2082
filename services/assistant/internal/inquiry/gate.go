package inquiry

import (
	"context"

	"samtale.dk/samtale/services/platform/seal"
)

// gate bounds requests on their way to the consent service: it refuses more than some at once, and a citizen must not be
// turned away because others came in the same second. Who finds the gate full waits.
type gate chan struct{}

// gateLimit leaves half of the consent service's own limit to others.
const gateLimit = 32

func (g gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g <- struct{}{}:
		return func() { <-g }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// gated are keys behind the gate.
type gated struct {
	keys seal.Keys
	gate gate
}

// Key implements seal.Keys.
func (k gated) Key(ctx context.Context, conversation string, create bool) ([]byte, error) {
	leave, err := k.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return k.keys.Key(ctx, conversation, create)
}
