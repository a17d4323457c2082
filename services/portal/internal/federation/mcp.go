package federation

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
)

// MCP serves the streamable HTTP transport, each request on its own: there are no sessions.
func (s *Server) MCP(w http.ResponseWriter, r *http.Request, allow Allow) {
	mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s.tools(allow) }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, PropagateRequestCancellation: true,
		// A proxy on the same machine passes the public name on. Whoever asks has no rights here that a forged name could steal.
		DisableLocalhostProtection: true,
	}).ServeHTTP(w, r)
}

const instructions = "Answers about rules and self-service of Danish public authorities. Every sentence is proven by quotes from official articles; " +
	"show the quotes with their addresses, the date, and that an AI system answered. Where the answer is that it is not known, say so."

func (s *Server) tools(allow Allow) *mcp.Server {
	srv := mcp.NewServer(&mcp.Implementation{Name: "samtale", Title: s.Name, Version: version, WebsiteURL: s.Public.String()},
		&mcp.ServerOptions{Instructions: instructions, Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}}, SchemaCache: s.schemas})
	reads := &mcp.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: new(bool)}
	mcp.AddTool(srv, &mcp.Tool{
		Name: "answer", Title: "Proven answer", Annotations: reads,
		Description: "Answer one question of a citizen. The answer holds sentences with the quotes that prove them, the authority that is responsible, " +
			"and ways on; or it says why there is none (field reason).",
	}, func(ctx context.Context, _ *mcp.CallToolRequest, q Question) (*mcp.CallToolResult, assistantv1.Answer, error) {
		ans, err := s.ask(ctx, q, allow)
		if err != nil {
			return nil, ans, errors.New(explain(err))
		}
		return said(plain(ans)), ans, nil
	})
	mcp.AddTool(srv, &mcp.Tool{
		Name: "search", Title: "Search the articles", Annotations: reads,
		Description: "Find the passages of official articles that fit a query, best first, with title, address and text.",
	}, func(ctx context.Context, _ *mcp.CallToolRequest, q Query) (*mcp.CallToolResult, Found, error) {
		found, err := s.search(ctx, q, allow)
		if err != nil {
			return nil, found, errors.New(explain(err))
		}
		return said(plainFound(found)), found, nil
	})
	return srv
}

func said(text string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}
}

// Query is what is searched for.
type Query struct {
	Query        string `json:"query" jsonschema:"words or a question, at most 500 characters; no personal data"`
	Municipality string `json:"municipality,omitempty" jsonschema:"four-digit Danish municipality code: takes its local texts in"`
	Language     string `json:"language,omitempty" jsonschema:"language of the articles: da or en; default da"`
	K            int    `json:"k,omitempty" jsonschema:"how many, 1 to 10; default 5"`
}

// Found is what a search found, best first.
type Found struct {
	Passages []Passage `json:"passages"`
}

// Passage is one micro-article.
type Passage struct {
	Title        string  `json:"title"`
	Section      string  `json:"section,omitempty"`
	URL          string  `json:"url"`
	Text         string  `json:"text"`
	Cut          bool    `json:"cut,omitempty" jsonschema:"the text goes on at the address"`
	Municipality string  `json:"municipality,omitempty"`
	Language     string  `json:"language,omitempty"`
	Authority    string  `json:"authority,omitempty"`
	AsOf         string  `json:"as_of,omitempty" jsonschema:"day on which it was fetched"`
	Demo         bool    `json:"demo,omitempty" jsonschema:"demo content, not written by an authority"`
	Score        float64 `json:"score"`
}

const (
	defaultK = 5
	maxK     = 10
	maxText  = 8 << 10 // bytes of a passage; most have under 2 KiB
)

func (s *Server) search(ctx context.Context, q Query, allow Allow) (Found, error) {
	if err := checkText("query", q.Query); err != nil {
		return Found{}, err
	}
	if err := checkPlace(q.Municipality, q.Language); err != nil {
		return Found{}, err
	}
	if q.K < 0 || q.K > maxK {
		return Found{}, refuse("k must be a number from 1 to 10")
	}
	if q.K == 0 {
		q.K = defaultK
	}
	if q.Language == "" {
		q.Language = "da"
	}
	if err := allow(); err != nil {
		return Found{}, err
	}
	rep, err := bus.Request[knowledgev1.SearchReply](ctx, s.Bus, knowledgev1.SearchSubject, knowledgev1.SearchRequest{
		Query: q.Query, K: q.K, Municipality: q.Municipality, Language: q.Language,
	})
	out := Found{Passages: []Passage{}}
	for _, h := range rep.Hits {
		out.Passages = append(out.Passages, passage(h))
	}
	return out, err
}

func passage(h knowledgev1.Hit) Passage {
	p := Passage{
		Title: h.Title, Section: h.Section, URL: h.URL, Text: h.Text, Municipality: h.Municipality, Language: h.Language, Authority: h.Authority,
		Demo: h.Demo, Score: h.Score,
	}
	if len(p.Text) > maxText {
		p.Text, p.Cut = strings.ToValidUTF8(p.Text[:maxText], ""), true
	}
	if !h.FetchedAt.IsZero() {
		p.AsOf = h.FetchedAt.UTC().Format(knowledgev1.DateLayout)
	}
	return p
}
