// Package who is the person behind a request: from a login session or an API token.
package who

import (
	"context"
	"slices"
	"time"

	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/portal/token"
)

// Person is who is logged in.
type Person struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Role     string    `json:"role"`
	Areas    []string  `json:"areas,omitempty"`
	PartyRef string    `json:"party_ref,omitempty"` // a citizen's pseudonym at the journal
	Level    string    `json:"level,omitempty"`     // how sure the login is: meetingv1.Level…
	Behalf   string    `json:"behalf,omitempty"`    // name of whom a citizen acts for
	Room     string    `json:"room,omitempty"`      // a token's meeting
	Expires  time.Time `json:"expires"`
	Session  string    `json:"-"` // session id's hash; empty for a token
}

// Is reports whether the person has one of the roles.
func (p Person) Is(roles ...string) bool { return slices.Contains(roles, p.Role) }

// Sees reports whether a service area is the person's to see.
func (p Person) Sees(area string) bool {
	switch p.Role {
	case token.Caseworker:
		return slices.Contains(p.Areas, area)
	case token.Auditor, token.Operator:
		return true
	}
	return false
}

// Purposes of looks at a person's data, by role, in the words that the citizen sees.
var purposes = map[string]string{
	token.Caseworker: "Behandling af din henvendelse",
	token.Citizen:    "Du så dine egne oplysninger",
	token.Auditor:    "Tilsyn med, hvordan oplysninger bruges",
	token.Operator:   "Drift og fejlretning",
}

// Actor is the person as the journal knows it. Purpose empty means the role's usual one.
func (p Person) Actor(purpose string) journalv1.Actor {
	if purpose == "" {
		purpose = purposes[p.Role]
	}
	return journalv1.Actor{ID: p.ID, Role: p.Role, Name: p.Name, Areas: p.Areas, Purpose: purpose, PartyRef: p.PartyRef}
}

type key struct{}

// With returns ctx carrying p.
func With(ctx context.Context, p Person) context.Context { return context.WithValue(ctx, key{}, p) }

// From returns the person of a request, the zero Person for somebody not logged in.
func From(ctx context.Context) Person {
	p, _ := ctx.Value(key{}).(Person)
	return p
}
