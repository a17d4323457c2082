// Package federation tests two authorities that have Samtale each: what one does not know, its assistant asks the other's, through
// real portals and real assistants with knowledge of their own. They share nothing but HTTP.
package federation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/services/assistant"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/portal"
)

// authority is one Samtale, as far as it takes part here: a portal and an assistant on a bus.
type authority struct {
	url  string
	bus  *bus.Bus
	stop func() // the portal
}

// found starts an authority that knows what everybody knows, and its own records.
func found(t *testing.T, name string, records ...knowledgev1.Record) *authority {
	t.Helper()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	b, err := bus.Connect("test", bus.Config{}, slog.New(slog.DiscardHandler), srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	svc, err := b.Service("consent", "test")
	if err != nil {
		t.Fatal(err)
	}
	err = bus.Handle(b, svc, consentv1.AreasSubject, 8, func(context.Context, consentv1.AreasRequest) (consentv1.AreasReply, error) {
		return consentv1.AreasReply{Areas: []consentv1.Area{{ID: "borgerservice", Name: "Borgerservice"}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	addr := free(t)
	environ := []string{
		"SAMTALE_DATA=" + filepath.Join(t.TempDir(), "data"), "SAMTALE_HTTP_ADDR=" + addr, "SAMTALE_CONTACT_NAME=" + name,
		"SAMTALE_TEMPORAL_ADDR=127.0.0.1:1",
	}
	a := &authority{url: "http://" + addr, bus: b}
	run(t, environ, srv, assistant.Run)
	a.stop = run(t, environ, srv, portal.Run)
	until(t, often, func() error {
		r, err := http.Get(a.url + "/healthz")
		if err == nil {
			r.Body.Close()
		}
		return err
	})
	a.knows(t, "flytning")
	for _, r := range records {
		a.learn(t, r)
	}
	return a
}

// learn imports a record and waits until it is found.
func (a *authority) learn(t *testing.T, r knowledgev1.Record) {
	t.Helper()
	_, err := bus.Request[knowledgev1.Run](t.Context(), a.bus, knowledgev1.ImportSubject, knowledgev1.ImportRequest{
		Import: "i", Source: "egne", Title: "Egne artikler", Records: []knowledgev1.Record{r}, First: 1, Last: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	a.knows(t, r.Title)
}

// knows waits until something is found.
func (a *authority) knows(t *testing.T, query string) {
	t.Helper()
	until(t, often, func() error {
		rep, err := bus.Request[knowledgev1.SearchReply](t.Context(), a.bus, knowledgev1.SearchSubject, knowledgev1.SearchRequest{Query: query, K: 1})
		if err == nil && len(rep.Hits) == 0 {
			err = errors.New("nothing is found")
		}
		return err
	})
}

func run(t *testing.T, environ []string, srv *natsserver.Server, service func(context.Context, process.Env) error) (stop func()) {
	t.Helper()
	env, err := process.NewEnv(environ, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	env.Log, env.NATS = slog.New(slog.DiscardHandler), append(env.NATS, srv.Option())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service(ctx, env) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("service ended: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// free is a port below those that the system gives to whoever asks for any: nobody gets it by chance before it is used.
func free(t *testing.T) string {
	t.Helper()
	for range 1000 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20200+rand.IntN(9000)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// patience is how long a slow machine may take. A peer that did not answer in time is asked again after a minute.
const (
	patience = 4 * time.Minute
	often    = 50 * time.Millisecond
	seldom   = 5 * time.Second // so many questions are nobody's
)

func until(t *testing.T, every time.Duration, f func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for err := f(); err != nil; err = f() {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(every)
	}
}

// ask asks as a citizen's program does.
func (a *authority) ask(t *testing.T, question string) assistantv1.Answer {
	t.Helper()
	body, err := json.Marshal(map[string]string{"question": question})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(a.url+"/api/v1/ask", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var ans assistantv1.Answer
	if err := json.NewDecoder(r.Body).Decode(&ans); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", r.StatusCode, err)
	}
	return ans
}

const (
	berth    = "Hvordan får jeg en bådplads i havnen?"
	berthURL = "https://www.havneby.example/baadplads"
)

func TestOneAuthorityAsksAnother(t *testing.T) {
	harbour := found(t, "Havneby Kommune", knowledgev1.Record{
		ID: "1", ArticleID: "1", URL: berthURL, Title: "Bådplads i havnen", Section: "Sådan får du en bådplads", Authority: "Havnekontoret",
		Text: "Du får en bådplads i havnen ved at skrive dig på ventelisten hos Havnekontoret. En bådplads koster 3.200 kr. om året.",
	})
	town := found(t, "Skovby Kommune")
	alone := town.ask(t, berth)
	if alone.Answered || alone.Peer != "" {
		t.Fatalf("the town knows of harbours: %+v", alone)
	}
	if own := harbour.ask(t, berth); !own.Answered {
		t.Fatalf("the harbour does not know its own: %+v", own)
	}
	until(t, often, func() error {
		peer, err := bus.Request[assistantv1.Peer](t.Context(), town.bus, assistantv1.SavePeerSubject, assistantv1.Peer{
			ID: "havn", URL: harbour.url, Topics: []string{"bådplads", "havn"}, Enabled: true, Actor: "ida",
		})
		if err == nil && peer.Name != "Havneby Kommune" {
			t.Fatalf("%+v", peer)
		}
		return err
	})

	var got assistantv1.Answer
	until(t, seldom, func() error {
		got = town.ask(t, berth+" Mit cpr-nummer er 010180-1234.")
		if got.Peer == "" {
			return fmt.Errorf("the harbour did not answer: %+v", got)
		}
		return nil
	})
	if !got.Answered || got.Peer != "Havneby Kommune" || got.Authority != "Havnekontoret" || len(got.Sentences) == 0 {
		t.Fatalf("the harbour answered: %+v", got)
	}
	if ev := got.Sentences[0].Evidence[0]; ev.URL != berthURL || !strings.Contains(ev.Quote, "ventelisten") || ev.ChunkID != "" {
		t.Errorf("evidence %+v", ev)
	}
	if strings.Contains(got.Question, "1234") {
		t.Errorf("the question went out as %q", got.Question)
	}
	if len(got.Routes) == 0 || !strings.HasPrefix(got.Routes[0].Target, "/henvendelse") {
		t.Errorf("the ways on are not the town's own: %+v", got.Routes)
	}
	if pass := town.ask(t, "Hvornår skal jeg melde flytning?"); !pass.Answered || pass.Peer != "" {
		t.Errorf("what the town knows itself: %+v", pass)
	}

	until(t, seldom, func() error {
		page, err := http.PostForm(town.url+"/", url.Values{"question": {berth}})
		if err != nil {
			return err
		}
		defer page.Body.Close()
		shown, err := io.ReadAll(page.Body)
		if err == nil && (!bytes.Contains(shown, []byte("AI-system hos Havneby Kommune")) || !bytes.Contains(shown, []byte(`href="`+berthURL))) {
			err = fmt.Errorf("the page does not say who answered:\n%s", shown)
		}
		return err
	})

	harbour.stop()
	if dead := town.ask(t, berth); dead.Answered || dead.Reason != alone.Reason || dead.Message != alone.Message || len(dead.Routes) != len(alone.Routes) {
		t.Errorf("without the harbour: %+v, want %+v", dead, alone)
	}
}
