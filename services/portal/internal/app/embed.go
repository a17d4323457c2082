package app

import (
	"net/http"
	"strings"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
)

// An authority shows the assistant on its own site by one script tag. The script makes a button and a frame with
// /indlejret; only the origins that SAMTALE_EMBED_ORIGINS names may hold the frame. Browsers give a frame of another site no
// cookies, so there the session stands in the forms.

// framed lets the named sites hold this page in a frame, and nobody else.
func (a *App) framed(w http.ResponseWriter) error {
	if len(a.Embed) == 0 {
		return errs.E(errs.NotFound, "Siden kan ikke vises på andre sider: SAMTALE_EMBED_ORIGINS er ikke sat.", nil)
	}
	w.Header().Set("Content-Security-Policy", strings.Replace(csp, "frame-ancestors 'none'", "frame-ancestors "+strings.Join(a.Embed, " "), 1))
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	return nil
}

func (a *App) embedded(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	if err := a.framed(w); err != nil {
		return err
	}
	d := askData{Municipalities: danish.Municipalities(), Embedded: true, Deleted: r.URL.Query().Get("slettet") == "1", Municipality: r.URL.Query().Get("kommune")}
	return a.askPage(w, r, who.Person{}, http.StatusOK, d)
}

func (a *App) embeddedForm(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	if err := a.framed(w); err != nil {
		return err
	}
	return a.askFrom(w, r, who.Person{}, true)
}

// embedScript is the file that other sites name in their script tag.
func (a *App) embedScript(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	if err := a.framed(w); err != nil {
		return err
	}
	r.URL.Path = "/static/js/embed.js"
	if !a.Web.Serve(w, r) {
		return errs.E(errs.NotFound, "", nil)
	}
	return nil
}
