// Package federation lets other programs use the assistant's proven answers: as tools of the Model Context Protocol, and as an agent
// that other agents ask (A2A 1.0) and know by its signed card.
//
// A Server asks the assistant over the bus like a page does. It keeps nothing but the few tasks that wait for a municipality or a
// date, for ten minutes, in memory. It is safe for concurrent use.
package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/agentcard"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Config is what New needs.
type Config struct {
	Bus    *bus.Bus
	Public *url.URL          // how others reach the portal
	Name   string            // of the authority
	Signer *agentcard.Signer // of the agent card
	Now    func() time.Time
}

// Limit is how long an answer may take: a language model on a slow machine writes for a while.
const Limit = 60 * time.Second

// Server answers other programs.
type Server struct {
	Config
	card, keys []byte
	schemas    *mcp.SchemaCache
	waiting    *waiting
}

// New returns a Server; the card is made and signed once.
func New(cfg Config) (*Server, error) {
	s := &Server{Config: cfg, schemas: mcp.NewSchemaCache(), waiting: &waiting{now: cfg.Now, tasks: map[a2a.TaskID]held{}}}
	var err error
	if s.card, err = cfg.Signer.Sign(s.agentCard(), cfg.Public.JoinPath(agentcard.KeysPath).String()); err != nil {
		return nil, err
	}
	s.keys, err = json.Marshal(cfg.Signer.Keys())
	return s, err
}

// Card serves the signed agent card.
func (s *Server) Card(w http.ResponseWriter) error { return public(w, s.card) }

// Keys serves the key that the card is signed with.
func (s *Server) Keys(w http.ResponseWriter) error { return public(w, s.keys) }

func public(w http.ResponseWriter, body []byte) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, err := w.Write(body)
	return err
}

// Allow takes one question from what the asker may ask.
type Allow func() error

// Question is what other programs ask.
type Question struct {
	Question     string `json:"question" jsonschema:"one question in Danish or English, at most 500 characters; no personal data"`
	Municipality string `json:"municipality,omitempty" jsonschema:"four-digit Danish municipality code such as 0751, where rules differ by place"`
	Date         string `json:"date,omitempty" jsonschema:"the day that the question is about, YYYY-MM-DD; default today"`
	Language     string `json:"language,omitempty" jsonschema:"language of the answer: da or en; default that of the question"`
}

func (q Question) check() error {
	if err := checkText("question", q.Question); err != nil {
		return err
	}
	if _, err := time.Parse(knowledgev1.DateLayout, q.Date); q.Date != "" && err != nil {
		return refuse("date must be written YYYY-MM-DD, such as 2026-11-22")
	}
	return checkPlace(q.Municipality, q.Language)
}

func checkText(name, text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return refuse(name + " is empty")
	case !utf8.ValidString(text):
		return refuse(name + " is not valid UTF-8")
	case utf8.RuneCountInString(text) > assistantv1.MaxQuestion:
		return refuse(fmt.Sprintf("%s is longer than %d characters", name, assistantv1.MaxQuestion))
	}
	return nil
}

func checkPlace(municipality, language string) error {
	if _, ok := danish.MunicipalityName(municipality); !ok && municipality != "" {
		return refuse("municipality is no Danish municipality's code: four digits, such as 0751 for Aarhus; leave it out for the whole country")
	}
	if language != "" && language != "da" && language != "en" {
		return refuse("language must be da or en")
	}
	return nil
}

func refuse(text string) error { return errs.E(errs.Invalid, text, nil) }

// ask gets the answer. Ways on lead to the portal, so they become whole addresses.
func (s *Server) ask(ctx context.Context, q Question, allow Allow) (assistantv1.Answer, error) {
	if err := q.check(); err != nil {
		return assistantv1.Answer{}, err
	}
	if err := allow(); err != nil {
		return assistantv1.Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	ans, err := bus.Request[assistantv1.Answer](ctx, s.Bus, assistantv1.AskSubject, assistantv1.AskRequest{
		ID: event.NewID(s.Now()), Question: q.Question, Municipality: q.Municipality, At: q.Date, Language: q.Language,
		Audience: assistantv1.AudienceProgram,
	})
	for i, r := range ans.Routes {
		if strings.HasPrefix(r.Target, "/") {
			ans.Routes[i].Target = strings.TrimRight(s.Public.String(), "/") + r.Target
		}
	}
	return ans, err
}

// explain says in the language of protocols what went wrong; causes stay here.
func explain(err error) string {
	switch errs.KindOf(err) {
	case errs.Invalid:
		return errs.Text(err)
	case errs.Limited:
		after := 2.0
		var e *errs.Error
		if errors.As(err, &e) && e.RetryAfter > 0 {
			after = math.Ceil(e.RetryAfter.Seconds())
		}
		return fmt.Sprintf("too many questions from this address; try again in %.0f seconds", after)
	case errs.Unavailable:
		return "the assistant cannot be reached right now; try again in a moment"
	}
	return "the question could not be answered because of an error on the server"
}
