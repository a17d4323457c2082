package portal

import (
	"encoding/json"

	"github.com/nats-io/nats.go/micro"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/token"
)

type (
	microService = micro.Service
	tokenClaims  = token.Claims
)

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

var unavailable = errs.E(errs.Unavailable, "", nil)
