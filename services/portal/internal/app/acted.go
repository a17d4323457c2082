package app

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"samtale.dk/samtale/services/portal/internal/who"
)

// acted tells whether a person did what this request is about, and so whether it keeps a login alive: they opened a page or sent a form.
// What scripts ask for by themselves, to show what is new, would keep it alive for as long as a page is open anywhere. Keys and clicks on
// an open page are told by its script (extend).
func acted(r *http.Request) bool {
	if forPrograms(r.URL.Path) {
		return false
	}
	return r.Method == http.MethodPost || strings.Contains(r.Header.Get("Accept"), "text/html")
}

// extend answers like me, and extends the session: pages ask when somebody presses keys or clicks.
func (a *App) extend(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	p, err := a.person(r, true)
	if err != nil {
		return err
	}
	return reply(w, p)
}

// loggedInAgain is where a login ends that began beside a page with something half written: that page is still open.
func (a *App) loggedInAgain(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.page(w, r, p, http.StatusOK, "again", "again.title", nil)
}

// field is one of a form that could not be taken.
type field struct{ Name, Value string }

// unsent reads the form that somebody sent after their login had ended: the page that says so holds it, to be sent again.
func unsent(w http.ResponseWriter, r *http.Request) []field {
	if r.Method != http.MethodPost {
		return nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil
	}
	var out []field
	for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
		for _, v := range r.PostForm[name] {
			out = append(out, field{name, v})
		}
	}
	return out
}
