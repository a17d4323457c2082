package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Only what may pass by itself is offered again, and never what would be sent twice.
func TestAgain(t *testing.T) {
	for _, tt := range []struct {
		method string
		status int
		want   string
	}{
		{http.MethodGet, http.StatusServiceUnavailable, "/mit/1?valg=x"},
		{http.MethodGet, http.StatusTooManyRequests, "/mit/1?valg=x"},
		{http.MethodGet, http.StatusNotFound, ""},
		{http.MethodPost, http.StatusServiceUnavailable, ""},
	} {
		if got := again(httptest.NewRequest(tt.method, "/mit/1?valg=x", nil), Problem{Status: tt.status}); got != tt.want {
			t.Errorf("%s %d: %q", tt.method, tt.status, got)
		}
	}
}
