package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

// Problem is an error as the API tells it (RFC 9457).
type Problem struct {
	Type       string `json:"type"`
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail"` // what happened and what to do, in the asker's language
	Kind       string `json:"kind"`
	RetryAfter int    `json:"retry_after_s,omitempty"`
}

// statuses is the one table from our kinds to HTTP's codes.
var statuses = map[errs.Kind]int{
	errs.Invalid:         http.StatusBadRequest,
	errs.Unauthenticated: http.StatusUnauthorized,
	errs.Denied:          http.StatusForbidden,
	errs.NotFound:        http.StatusNotFound,
	errs.Conflict:        http.StatusConflict,
	errs.Limited:         http.StatusTooManyRequests,
	errs.Unavailable:     http.StatusServiceUnavailable,
	errs.Internal:        http.StatusInternalServerError,
}

func problem(err error, l texts.Lang) Problem {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		err = errs.E(errs.Invalid, "Det, du sendte, er for stort.", err)
	}
	kind := errs.KindOf(err)
	status, ok := statuses[kind]
	if !ok {
		kind, status = errs.Internal, http.StatusInternalServerError
	}
	t := texts.For(l)
	p := Problem{Type: "urn:samtale:problem:" + string(kind), Title: t.T("problem." + string(kind)), Status: status, Kind: string(kind)}
	p.Detail = errs.Text(err)
	if l != texts.Danish && !errors.Is(err, errTranslated) { // texts of other services are Danish
		p.Detail = t.T("problem." + string(kind) + ".do")
	}
	var e *errs.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		p.RetryAfter = max(1, int(e.RetryAfter.Seconds()))
	}
	return p
}

// errTranslated is the cause of errors whose text is in the asker's language already.
var errTranslated = errors.New("text in the asker's language")

// translated is an error with a text of the catalogue.
func translated(r *http.Request, kind errs.Kind, key string) *errs.Error {
	return errs.E(kind, texts.For(lang(r)).T(key), errTranslated)
}

func (a *App) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem(err, lang(r))
	if p.Status >= 500 {
		a.Log.Error("request failed", "route", r.Pattern, "err", err)
	} else {
		a.Log.Debug("request refused", "route", r.Pattern, "err", err)
	}
	if rec, ok := w.(*recorder); ok && rec.code != 0 {
		return // the answer has begun
	}
	retryAfter(w, p)
	w.Header().Set("Cache-Control", "no-store")
	if forPrograms(r.URL.Path) || wantsEvents(r) {
		if p.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="samtale"`)
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(p.Status)
		json.NewEncoder(w).Encode(p)
		return
	}
	if p.Status == http.StatusUnauthorized && r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/login") {
		http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	d := problemData{Problem: p, Again: again(r, p)}
	if p.Status == http.StatusUnauthorized {
		d.Unsent, d.Action = unsent(w, r), r.URL.RequestURI()
	}
	if err := a.page(w, r, who.From(r.Context()), p.Status, "problem", p.Title, d); err != nil {
		a.Log.Error("error page", "err", err)
	}
}

// problemData is a problem as a page tells it.
type problemData struct {
	Problem
	Again string // the address that may answer in a moment
	// A form that came too late, and where it goes.
	Unsent []field
	Action string
}

// again is the address to try once more, when the problem may pass by itself and nothing is sent twice by trying.
func again(r *http.Request, p Problem) string {
	if r.Method != http.MethodGet || p.Status < http.StatusTooManyRequests {
		return ""
	}
	return r.URL.RequestURI()
}

func retryAfter(w http.ResponseWriter, p Problem) {
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
}

func (a *App) notFound(http.ResponseWriter, *http.Request, who.Person) error {
	return errs.E(errs.NotFound, "Siden findes ikke. Den kan være flyttet eller slettet.", nil)
}

func reply(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

func decode(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	if err := d.Decode(v); err != nil {
		return notDecoded(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return notDecoded(errors.Join(errors.New("more than one value"), err))
	}
	return nil
}

func notDecoded(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return errs.E(errs.Invalid, fmt.Sprintf("Det, du sendte, er for stort. Her er plads til %d kB.", large.Limit>>10), err)
	}
	return errs.E(errs.Invalid, "Det, du sendte, er ikke gyldig JSON af den form, som /api/openapi.json beskriver.", err)
}

// forPrograms tells whether a path is asked for by programs, which read JSON, not pages.
func forPrograms(path string) bool {
	return path == "/mcp" || path == "/a2a" || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/.well-known/") || forMedia(path)
}

// forMedia tells whether a path is one of WHIP or WHEP.
func forMedia(path string) bool {
	return strings.HasPrefix(path, "/whip/") || strings.HasPrefix(path, "/whep/")
}
