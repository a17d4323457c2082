package app

import (
	"errors"
	"net/http"

	"samtale.dk/samtale/services/portal/internal/federation"
	"samtale.dk/samtale/services/portal/internal/who"
)

// Other programs ask within the same limits as people: per address, or per token.

func (a *App) mcp(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.program(w, r, p, a.Programs.MCP)
}

func (a *App) a2a(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.program(w, r, p, a.Programs.A2A)
}

func (a *App) program(w http.ResponseWriter, r *http.Request, p who.Person, serve func(http.ResponseWriter, *http.Request, federation.Allow)) error {
	err := http.NewResponseController(w).SetWriteDeadline(a.Now().Add(federation.Limit + streamWrite))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	serve(w, r, func() error { return a.mayAsk(r, p, "") })
	return nil
}

func (a *App) agentCard(w http.ResponseWriter, _ *http.Request, _ who.Person) error {
	return a.Programs.Card(w)
}

func (a *App) agentKeys(w http.ResponseWriter, _ *http.Request, _ who.Person) error {
	return a.Programs.Keys(w)
}
