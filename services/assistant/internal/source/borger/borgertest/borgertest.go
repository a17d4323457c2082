// Package borgertest is an ArticleExport service for tests: it speaks SOAP 1.1 as the service of borger.dk does, over articles that
// the test writes. A Server may be changed between requests.
package borgertest

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Article is an article of the service.
type Article struct {
	ID      int
	Title   string
	URL     string
	Header  string
	Content string            // HTML
	Local   map[string]string // HTML of municipalities' editions, by four digits
	Updated time.Time
	// LocalUpdated is when an edition changed, where that is later.
	LocalUpdated  map[string]time.Time
	NotExportable bool
	// Services and Tasks are its areas in FORM, by number.
	Services, Tasks map[string]string
}

// Server is the service. Its fields are guarded by its methods.
type Server struct {
	*httptest.Server
	mu        sync.Mutex
	articles  map[int]Article
	calls     []string
	intercept func(w http.ResponseWriter, r *http.Request) bool
}

// New starts a service.
func New(t testing.TB, articles ...Article) *Server {
	s := &Server{articles: map[int]Article{}}
	s.Put(articles...)
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// Put adds or changes articles.
func (s *Server) Put(articles ...Article) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range articles {
		s.articles[a.ID] = a
	}
}

// Remove removes articles.
func (s *Server) Remove(ids ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.articles, id)
	}
}

// Intercept lets f answer instead, when it returns true.
func (s *Server) Intercept(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = f
}

// Calls are the operations that were called since the last time, with their article and municipality.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.calls
	s.calls = nil
	return out
}

const namespace = "http://www.borger.dk/2009/WSArticleExport/v1"

type call struct {
	Operation string
	ID        int
	IDs       []int
	Code      string
	Since     string
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	intercept := s.intercept
	s.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || intercept != nil && intercept(w, r) {
		return
	}
	c, err := read(r, body)
	if err != nil {
		fault(w, err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, strings.TrimRight(fmt.Sprintf("%s %s %s", c.Operation, idOf(c), c.Code), " "))
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	switch c.Operation {
	case "GetAllArticles":
		s.all(w)
	case "GetArticleByID":
		s.byID(w, c)
	case "GetArticlesByIDs":
		s.byIDs(w, c)
	default:
		fault(w, "The message with Action '"+c.Operation+"' cannot be processed at the receiver.")
	}
}

func idOf(c call) string {
	if c.ID != 0 {
		return strconv.Itoa(c.ID)
	}
	return ""
}

// read reads a request as strictly as the service does: action, namespaces and the order of the parameters.
func read(r *http.Request, body []byte) (call, error) {
	var env struct {
		XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
		Body    struct {
			Any struct {
				XMLName xml.Name
				IDs     struct {
					Int []int `xml:"http://schemas.microsoft.com/2003/10/Serialization/Arrays int"`
				} `xml:"http://www.borger.dk/2009/WSArticleExport/v1 articleIDs"`
				ID    int    `xml:"http://www.borger.dk/2009/WSArticleExport/v1 articleID"`
				Code  string `xml:"http://www.borger.dk/2009/WSArticleExport/v1 municipalityCode"`
				Since string `xml:"http://www.borger.dk/2009/WSArticleExport/v1 updatedAfter"`
			} `xml:",any"`
		} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
	}
	if err := xml.Unmarshal(body, &env); err != nil {
		return call{}, err
	}
	op := env.Body.Any
	if op.XMLName.Space != namespace || r.Header.Get("SOAPAction") != `"`+namespace+"/IArticleExport/"+op.XMLName.Local+`"` {
		return call{}, fmt.Errorf("action %s does not fit %s", r.Header.Get("SOAPAction"), op.XMLName.Local)
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml") {
		return call{}, fmt.Errorf("content type %s", r.Header.Get("Content-Type"))
	}
	return call{op.XMLName.Local, op.ID, op.IDs.Int, op.Code, op.Since}, nil
}

func fault(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprintf(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode>`+
		`<faultstring xml:lang="da-DK">%s</faultstring></s:Fault></s:Body></s:Envelope>`, escape(text))
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err) // a Builder takes everything
	}
	return b.String()
}

func answer(w http.ResponseWriter, operation, inner string) {
	fmt.Fprintf(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><%[1]sResponse xmlns="%[2]s"><%[1]sResult `+
		`xmlns:a="%[2]s/types" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">%[3]s</%[1]sResult></%[1]sResponse></s:Body></s:Envelope>`,
		operation, namespace, inner)
}

func (s *Server) sorted() []Article {
	var out []Article
	for _, a := range s.articles {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Article) int { return b.ID - a.ID }) // any order will do
	return out
}

func (s *Server) all(w http.ResponseWriter) {
	var b strings.Builder
	for _, a := range s.sorted() {
		fmt.Fprintf(&b, `<a:ArticleDescription>%s</a:ArticleDescription>`, described(a, a.Updated))
	}
	answer(w, "GetAllArticles", b.String())
}

// described writes times as the service does: Danish local time without a zone.
func described(a Article, updated time.Time) string {
	return fmt.Sprintf(`<a:ArticleID>%d</a:ArticleID><a:ArticleTitle>%s</a:ArticleTitle><a:ArticleUrl>%s</a:ArticleUrl>%s%s`+
		`<a:FormTasks/><a:LastUpdated>%s</a:LastUpdated><a:PublishingDate>%s</a:PublishingDate>`,
		a.ID, escape(a.Title), escape(a.URL), form("FormServiceArea", a.Services), form("FormTaskArea", a.Tasks), updated.In(denmark()).Format(layout), a.Updated.In(denmark()).Format(layout))
}

// form writes areas of FORM; a list without any is there and has no value.
func form(element string, areas map[string]string) string {
	if len(areas) == 0 {
		return fmt.Sprintf(`<a:%ss i:nil="true"/>`, element)
	}
	var b strings.Builder
	for _, number := range slices.Sorted(maps.Keys(areas)) {
		fmt.Fprintf(&b, `<a:%[1]s><a:%[1]sName>%[2]s</a:%[1]sName><a:%[1]sNumber>%[3]s</a:%[1]sNumber></a:%[1]s>`, element, escape(areas[number]), escape(number))
	}
	return fmt.Sprintf(`<a:%[1]ss>%[2]s</a:%[1]ss>`, element, b.String())
}

func (s *Server) byID(w http.ResponseWriter, c call) {
	a, ok := s.articles[c.ID]
	switch {
	case !ok:
		fault(w, fmt.Sprintf("No article found with id %d", c.ID))
	case a.NotExportable:
		fault(w, fmt.Sprintf("Article with id %d has been marked as not exportable.", c.ID))
	default:
		answer(w, "GetArticleByID", whole(a, c.Code))
	}
}

func (s *Server) byIDs(w http.ResponseWriter, c call) {
	var b strings.Builder
	for _, id := range c.IDs {
		a, ok := s.articles[id]
		if !ok || a.NotExportable {
			fault(w, fmt.Sprintf("Article with id %d has been marked as not exportable.", id))
			return
		}
		since, err := time.ParseInLocation(layout, c.Since, denmark())
		if c.Since != "" && (err != nil || !a.updated(c.Code).After(since)) {
			continue
		}
		fmt.Fprintf(&b, `<a:Article>%s</a:Article>`, whole(a, c.Code))
	}
	answer(w, "GetArticlesByIDs", b.String())
}

func (a Article) updated(code string) time.Time {
	if t := a.LocalUpdated[four(code)]; t.After(a.Updated) {
		return t
	}
	return a.Updated
}

func whole(a Article, code string) string {
	content := a.Content
	if local, ok := a.Local[four(code)]; ok {
		content = local
	}
	return described(a, a.updated(code)) +
		fmt.Sprintf(`<a:ArticleHeader>%s</a:ArticleHeader><a:Content>%s</a:Content>`, escape(a.Header), escape(content))
}

// four is a municipality's code with its zeros.
func four(code string) string { return strings.Repeat("0", max(0, 4-len(code))) + code }

// layout of times: local, without a zone.
const layout = "2006-01-02T15:04:05"

func denmark() *time.Location {
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		panic(err) // it is built in
	}
	return zone
}
