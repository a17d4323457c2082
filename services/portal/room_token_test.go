package portal

import (
	"net/http"
	"testing"
)

// A key that is made for the sound and picture of one meeting is given to programs: it opens nothing else.
func TestRoomTokenOpensItsRoomAlone(t *testing.T) {
	p := start(t)
	tok := p.token(t, "caseworker", func(c *tokenClaims) { c.Room = "m1" })
	for _, path := range []string{"/api/v1/conversations", "/api/v1/me", "/api/v1/events", "/desk", "/moede/m1/secret"} {
		if status := p.status(t, "GET", path, tok, ""); status != http.StatusForbidden {
			t.Errorf("%s answers %d", path, status)
		}
	}
	for path, want := range map[string]int{"/whip/m1": http.StatusBadRequest, "/whep/m1": http.StatusBadRequest} { // no offer
		if status := p.status(t, "POST", path, tok, "{}"); status != want {
			t.Errorf("%s answers %d", path, status)
		}
	}
}
