// Package web holds the portal's templates, scripts and styles, and the built files of
// the design system (dist, made by services/portal/assets/build.mjs). A page is parsed
// when it is first shown: all of them together are 10 MB. A Site is safe for concurrent
// use. Without dist the pages are plain but readable.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed all:dist static pages
var files embed.FS

// BuildHint says how to make the design system's files.
const BuildHint = "npm ci && node services/portal/assets/build.mjs, then build again"

// Site serves files and renders pages.
type Site struct {
	pages map[string]func() (*template.Template, error)
	etags map[string]string // of embedded files by path
	// Styled is false when the design system was not built in.
	Styled bool
	// Version of the design system.
	Version string
}

// New finds the templates.
func New() (*Site, error) {
	s := &Site{pages: map[string]func() (*template.Template, error){}, etags: map[string]string{}}
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		name := strings.TrimSuffix(path.Base(n), ".html")
		if name == "layout" || strings.HasPrefix(name, "parts") {
			continue
		}
		s.pages[name] = sync.OnceValues(func() (*template.Template, error) {
			return template.New("layout.html").ParseFS(files, "pages/layout.html", "pages/parts*.html", n)
		})
	}
	version, err := files.ReadFile("dist/VERSION")
	s.Styled, s.Version = err == nil, strings.TrimSpace(string(version))
	return s, s.hash()
}

func (s *Site) hash() error {
	for _, dir := range []string{"static", "dist"} {
		err := fs.WalkDir(files, dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := files.ReadFile(p)
			sum := sha256.Sum256(data)
			s.etags[p] = `"` + hex.EncodeToString(sum[:8]) + `"`
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Site) page(name string) (*template.Template, error) {
	parse := s.pages[name]
	if parse == nil {
		return nil, fmt.Errorf("no page %q", name)
	}
	t, err := parse()
	if err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return t, nil
}

// Render renders a page whole, so that an error in it cannot leave half a page.
func (s *Site) Render(name string, data any) ([]byte, error) {
	t, err := s.page(name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if whole := t.Lookup("page"); whole != nil { // a page without the common frame
		t = whole
	}
	if err := t.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// Fragment renders one part of a page.
func (s *Site) Fragment(page, part string, data any) ([]byte, error) {
	t, err := s.page(page)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, part, data); err != nil {
		return nil, fmt.Errorf("part %s of page %s: %w", part, page, err)
	}
	return b.Bytes(), nil
}

// Serve answers with an embedded file, false when there is none.
func (s *Site) Serve(w http.ResponseWriter, r *http.Request) bool {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	etag, ok := s.etags[name]
	if !ok {
		return false
	}
	data, err := files.ReadFile(name)
	if err != nil {
		return false
	}
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "no-cache") // may be kept, must be asked about: names carry no version
	if strings.HasPrefix(name, "dist/fonts/") || strings.HasPrefix(name, "dist/img/") {
		h.Set("Cache-Control", "max-age=86400")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	h.Set("Content-Type", contentType(name))
	w.Write(data)
	return true
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	case ".woff":
		return "font/woff"
	case ".md", "":
		return "text/plain; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// File returns an embedded file of dist, for the notices page.
func (s *Site) File(name string) string {
	data, err := files.ReadFile("dist/" + name)
	if err != nil {
		return ""
	}
	return string(data)
}
