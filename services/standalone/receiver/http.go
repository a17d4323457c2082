package receiver

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Path is where the webhook is.
const Path = "/notater"

//go:embed pages
var pages embed.FS

type server struct {
	store  *store
	secret []byte
	now    func() time.Time
	log    *slog.Logger
	tmpl   *template.Template
}

func handler(st *store, secret []byte, now func() time.Time, log *slog.Logger) (http.Handler, error) {
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return nil, fmt.Errorf("demo case system: %w", err)
	}
	tmpl, err := template.New("").Funcs(template.FuncMap{
		"clock":   func(t time.Time) string { return clock(t.In(zone)) },
		"stamp":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"seconds": func(s float64) string { return strings.Replace(fmt.Sprintf("%.1f", s), ".", ",", 1) },
		"verdict": verdict,
	}).ParseFS(pages, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("demo case system: %w", err)
	}
	s := &server{store: st, secret: secret, now: now, log: log, tmpl: tmpl}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list)
	mux.HandleFunc("GET "+Path+"/{id}", s.show)
	mux.HandleFunc("POST "+Path, s.take)
	mux.HandleFunc("GET /stil.css", s.style)
	return guard(mux), nil
}

// guard sets the headers that every answer has. The pages use one style sheet of their
// own and nothing else.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// take is the webhook.
func (s *server) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, deliveryv1.MaxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		http.Error(w, "event is too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, "event was cut short", http.StatusBadRequest)
		return
	}
	if err := deliveryv1.Verify(r.Header, s.secret, s.now(), body); err != nil {
		s.log.Warn("refused a note", "err", err)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	e, err := decode(r.Header, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	receipt, err := s.store.put(e, s.now())
	if err != nil {
		s.refuse(w, e.ID, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(receipt)
}

// refuse maps the kinds that put can end with.
func (s *server) refuse(w http.ResponseWriter, id string, err error) {
	switch errs.KindOf(err) {
	case errs.Invalid:
		http.Error(w, "event id cannot be used", http.StatusBadRequest)
	case errs.Conflict:
		http.Error(w, "another event has this id", http.StatusConflict)
	default:
		s.log.Error("could not store a note", "event", id, "err", err)
		http.Error(w, "not stored, try again", http.StatusServiceUnavailable)
	}
}

func decode(h http.Header, body []byte) (deliveryv1.Event, error) {
	var e deliveryv1.Event
	typ, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || typ != "application/cloudevents+json" {
		return e, errors.New("content type must be application/cloudevents+json")
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return e, errors.New("not a JSON event")
	}
	switch {
	case e.SpecVersion != deliveryv1.SpecVersion:
		return e, errors.New("specversion must be 1.0")
	case e.Type != deliveryv1.Type:
		return e, fmt.Errorf("type must be %s", deliveryv1.Type)
	case e.ID != h.Get(deliveryv1.HeaderID):
		return e, errors.New("event id and Webhook-Id differ")
	}
	return e, nil
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	records, err := s.store.list()
	if err != nil {
		s.fail(w, err)
		return
	}
	s.render(w, "list.html", records)
}

func (s *server) show(w http.ResponseWriter, r *http.Request) {
	rec, err := s.store.get(r.PathValue("id"))
	if errors.Is(err, errs.NotFound) {
		w.WriteHeader(http.StatusNotFound)
		s.render(w, "missing.html", nil)
		return
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.render(w, "note.html", rec)
}

func (s *server) fail(w http.ResponseWriter, err error) {
	s.log.Error("page failed", "err", err)
	http.Error(w, "Siden kan ikke vises lige nu. Notaterne er ikke gået tabt. Prøv igen om lidt.", http.StatusServiceUnavailable)
}

func (s *server) render(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := s.tmpl.ExecuteTemplate(w, name, data); err != nil {
		s.log.Error("page failed", "page", name, "err", err)
	}
}

func (s *server) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	css, err := pages.ReadFile("pages/stil.css")
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Write(css)
}

var months = [...]string{"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september", "oktober", "november", "december"}

// clock writes a time as Danes read it.
func clock(t time.Time) string {
	if t.IsZero() {
		return "ukendt"
	}
	return fmt.Sprintf("%d. %s %d kl. %s", t.Day(), months[t.Month()-1], t.Year(), t.Format("15.04"))
}

// verdict says in Danish what stands behind a sentence.
func verdict(v string) string {
	switch v {
	case "supported":
		return "belæg i samtalen"
	case "weak":
		return "svagt belæg"
	case "unsupported":
		return "uden belæg"
	case "edited":
		return "skrevet af en medarbejder"
	case "confirmed":
		return "bekræftet af en medarbejder"
	}
	return v
}
