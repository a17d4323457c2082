package portal

import (
	"encoding/json"

	"github.com/nats-io/nats.go/micro"

	"samtale.dk/samtale/services/platform/errs"
)

type microService = micro.Service

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

var unavailable = errs.E(errs.Unavailable, "", nil)
