package app

import (
	_ "embed"
	"net/http"

	"samtale.dk/samtale/services/portal/internal/who"
)

// openAPIDocument is written by hand; a test holds it against the routes.
//
//go:embed openapi.json
var openAPIDocument []byte

func (a *App) openAPI(w http.ResponseWriter, _ *http.Request, _ who.Person) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(openAPIDocument)
	return err
}
