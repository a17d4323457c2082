package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2asrv"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"samtale.dk/samtale/services/assistant/internal/schema"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/agentcard"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

const (
	quoted = "Du kan søge om støtte til briller, hvis du får folkepension."
	amount = "Tilskuddet til briller er højst 1.200 kr. om året."
)

// authority is another authority's agent: the official A2A server with an answer that a test sets.
type authority struct {
	url    string
	signer *agentcard.Signer
	card   func(a2a.AgentCard) a2a.AgentCard

	mu     sync.Mutex
	answer any // data of the answer; nil: does not answer before it is asked no more
	asked  []*a2a.Message
}

func serve(t *testing.T, answer any) *authority {
	t.Helper()
	o := &authority{answer: answer, card: func(c a2a.AgentCard) a2a.AgentCard { return c }}
	mux := http.NewServeMux()
	mux.HandleFunc(agentcard.Path, o.serveCard)
	mux.HandleFunc(agentcard.KeysPath, func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(o.signer.Keys()) })
	mux.Handle("/a2a", a2asrv.NewJSONRPCHandler(a2asrv.NewHandler(o)))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	o.url = srv.URL
	return o
}

func (o *authority) serveCard(w http.ResponseWriter, _ *http.Request) {
	c := o.card(a2a.AgentCard{
		Name: "Odense Kommune", Version: "1", SupportedInterfaces: []*a2a.AgentInterface{a2a.NewAgentInterface(o.url+"/a2a", a2a.TransportProtocolJSONRPC)},
	})
	if o.signer == nil {
		json.NewEncoder(w).Encode(c)
		return
	}
	raw, err := o.signer.Sign(c, o.url+agentcard.KeysPath)
	if err != nil {
		panic(err)
	}
	w.Write(raw)
}

// Execute implements a2asrv.AgentExecutor.
func (o *authority) Execute(ctx context.Context, ec *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(yield func(a2a.Event, error) bool) {
		o.mu.Lock()
		o.asked = append(o.asked, ec.Message)
		answer := o.answer
		o.mu.Unlock()
		if answer == nil {
			<-ctx.Done()
			return
		}
		raw, err := json.Marshal(answer)
		if err == nil {
			err = json.Unmarshal(raw, &answer) // the library copies plain values only
		}
		if err != nil {
			yield(nil, err)
			return
		}
		_ = yield(a2a.NewSubmittedTask(ec, ec.Message), nil) &&
			yield(a2a.NewArtifactEvent(ec, a2a.NewTextPart("svar"), a2a.NewDataPart(answer)), nil) &&
			yield(a2a.NewStatusUpdateEvent(ec, a2a.TaskStateCompleted, nil), nil)
	}
}

// Cancel implements a2asrv.AgentExecutor.
func (o *authority) Cancel(context.Context, *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(func(a2a.Event, error) bool) {}
}

func (o *authority) questions() []*a2a.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.asked)
}

// now stands still: whoever rests goes on resting.
var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// patience is how long a slow machine may take.
const patience = 2 * time.Minute

func open(t *testing.T) *Peers {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), schema.Migrations()); err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{
		DB: db, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), AskWithin: patience, CardWithin: patience,
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *Peers) mustSave(t *testing.T, in assistantv1.Peer) assistantv1.Peer {
	t.Helper()
	out, err := p.save(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// count is how many questions had that result.
func (p *Peers) count(t *testing.T, result string) float64 {
	t.Helper()
	var m dto.Metric
	if err := p.asked.WithLabelValues(result).Write(&m); err != nil {
		t.Error(err)
	}
	return m.GetCounter().GetValue()
}

func unknown(question string) assistantv1.Answer {
	return assistantv1.Answer{
		ID: "0199a0c0-0000-7000-8000-000000000001", Reason: assistantv1.ReasonUnknown, Message: "Det ved jeg ikke.", Question: question, Language: "da",
		DraftedBy: "extract", Sentences: []assistantv1.Sentence{}, Routes: []assistantv1.Route{{Kind: assistantv1.RouteChat, Target: "/henvendelse"}},
	}
}

// theirs is an answer with one sentence, and one quote that proves it or not.
func theirs(text, quote, url string) assistantv1.Answer {
	return assistantv1.Answer{
		Answered: true, Reason: assistantv1.ReasonAnswered, Authority: "Kommunen", AsOf: "2026-11-20", Demo: true, DraftedBy: "extract",
		Sentences: []assistantv1.Sentence{{ID: "x", Text: text, Evidence: []assistantv1.Evidence{{Quote: quote, URL: url, Title: "Briller", ChunkID: "starter/1", Start: 7, End: 9}}}},
		Links:     []knowledgev1.Link{{Label: "Søg", URL: "https://odense.example/soeg"}, {Label: "Fælde", URL: "javascript:alert(1)"}},
		Routes:    []assistantv1.Route{{Kind: assistantv1.RoutePhone, Label: "Ring", Target: "tel:99999999"}},
	}
}

const page = "https://odense.example/briller"

func TestPeerAnswersWhatWeDoNotKnow(t *testing.T) {
	o := serve(t, theirs("Du kan søge om støtte til briller, hvis du får folkepension.", quoted, page))
	p := open(t)
	saved := p.mustSave(t, assistantv1.Peer{URL: o.url, Topics: []string{" Pension ", "pension", "briller"}, Enabled: true, Actor: "ida"})
	if saved.Name != "Odense Kommune" || saved.URL != o.url+agentcard.Path || len(saved.Topics) != 2 || saved.CheckedAt.IsZero() {
		t.Fatalf("saved %+v", saved)
	}
	own := unknown("Hvem giver folkepensionister briller?")
	own.Municipality = "0461"
	got := p.Answer(t.Context(), assistantv1.AskRequest{At: "2026-11-22"}, own)
	if got == nil {
		t.Fatal("not answered")
	}
	if !got.Answered || got.Reason != assistantv1.ReasonAnswered || got.Peer != "Odense Kommune" || got.Authority != "Kommunen" || got.AsOf != "2026-11-20" ||
		!got.Demo || got.Message != "" || !strings.Contains(got.Notice, "Odense Kommune") || got.ID != own.ID || len(got.Links) != 1 || len(got.Routes) != 1 || got.Routes[0] != own.Routes[0] {
		t.Errorf("answer %+v", got)
	}
	ev := got.Sentences[0].Evidence[0]
	if ev.Quote != quoted || ev.URL != page || ev.ChunkID != "" || ev.Quote[ev.Start:ev.End] != quoted {
		t.Errorf("evidence %+v", ev)
	}
	asked := o.questions()
	if len(asked) != 1 || asked[0].Parts[0].Text() != own.Question {
		t.Fatalf("asked %+v", asked)
	}
	if n := p.count(t, "answered"); n != 1 {
		t.Errorf("counted %v", n)
	}
	if d, _ := asked[0].Parts[1].Data().(map[string]any); d["municipality"] != "0461" || d["date"] != "2026-11-22" || d["language"] != "da" {
		t.Errorf("told %v", d)
	}
}

func TestPeerIsNotAsked(t *testing.T) {
	o := serve(t, theirs("Du kan søge om støtte til briller.", quoted, page))
	p := open(t)
	saved := p.mustSave(t, assistantv1.Peer{URL: o.url, Topics: []string{"briller", "su", "hjælp i hjemmet"}, Enabled: true})
	for name, c := range map[string]struct {
		req assistantv1.AskRequest
		own assistantv1.Answer
	}{
		"another topic":            {own: unknown("Hvad koster et pas?")},
		"a topic inside a word":    {own: unknown("Hvem har ansvar for sundhed?")},
		"half a topic":             {own: unknown("Hvem kan give mig hjælp?")},
		"a program asks":           {assistantv1.AskRequest{Audience: assistantv1.AudienceProgram}, unknown("Hvad koster briller?")},
		"we know it":               {own: assistantv1.Answer{Answered: true, Reason: assistantv1.ReasonAnswered, Question: "Hvad koster briller?"}},
		"crisis":                   {own: assistantv1.Answer{Reason: assistantv1.ReasonCrisis, Question: "briller"}},
		"own case":                 {own: assistantv1.Answer{Reason: assistantv1.ReasonOwnCase, Question: "briller"}},
		"we lack the municipality": {own: assistantv1.Answer{Reason: assistantv1.ReasonMunicipality, Question: "briller"}},
	} {
		if got := p.Answer(t.Context(), c.req, c.own); got != nil || len(o.questions()) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	saved.Enabled = false
	p.mustSave(t, saved)
	if got := p.Answer(t.Context(), assistantv1.AskRequest{}, unknown("Hvad koster briller?")); got != nil || len(o.questions()) != 0 {
		t.Errorf("switched off: %+v", got)
	}
}

func TestOnlyProvenSentencesOfAPeerAreShown(t *testing.T) {
	two := theirs("Tilskuddet er højst 1.200 kr. om året.", amount, page)
	two.Sentences = append(two.Sentences, theirs("Tilskuddet er højst 9.900 kr. om året.", amount, page).Sentences...)
	many := theirs("x", quoted, page)
	many.Sentences = nil
	for range 50 {
		many.Sentences = append(many.Sentences, two.Sentences[0])
	}
	unanswered := theirs("Tilskuddet er højst 1.200 kr. om året.", amount, page)
	unanswered.Answered = false
	for name, c := range map[string]struct {
		answer any
		want   int
	}{
		"one of two":        {two, 1},
		"bounded":           {many, maxSentences},
		"wrong amount":      {theirs("Tilskuddet er højst 9.900 kr. om året.", amount, page), 0},
		"condition dropped": {theirs("Du kan søge om støtte til briller.", quoted, page), 0},
		"denied":            {theirs("Du kan ikke søge om støtte til briller, hvis du får folkepension.", quoted, page), 0},
		"without evidence":  {assistantv1.Answer{Answered: true, Sentences: []assistantv1.Sentence{{Text: "Du kan søge om støtte til briller."}}}, 0},
		"without address":   {theirs("Tilskuddet er højst 1.200 kr. om året.", amount, ""), 0},
		"script address":    {theirs("Tilskuddet er højst 1.200 kr. om året.", amount, "javascript:alert(1)"), 0},
		"plain http":        {theirs("Tilskuddet er højst 1.200 kr. om året.", amount, "http://odense.example/"), 0},
		"empty quote":       {theirs("Tilskuddet er højst 1.200 kr. om året.", " ", page), 0},
		"not answered":      {unanswered, 0},
		"something else":    {map[string]any{"sentences": "hej"}, 0},
		"huge":              {theirs("Tilskuddet er højst 1.200 kr. om året.", strings.Repeat(amount, 10_000), page), 0},
	} {
		p := open(t)
		p.mustSave(t, assistantv1.Peer{URL: serve(t, c.answer).url, Topics: []string{"briller"}, Enabled: true})
		got := p.Answer(t.Context(), assistantv1.AskRequest{}, unknown("Hvad koster briller?"))
		n := 0
		if got != nil {
			n = len(got.Sentences)
		}
		if n != c.want {
			t.Errorf("%s: %d sentences, want %d", name, n, c.want)
		}
	}
}

// An item of a peer's numbered list keeps its number, if it can be one.
func TestNumbersOfAPeer(t *testing.T) {
	for _, c := range []struct{ list, number, want int }{{1, 3, 3}, {0, 3, 0}, {1, -3, 0}, {1, 1 << 40, 0}} {
		a := theirs("Tilskuddet er højst 1.200 kr. om året.", amount, page)
		a.Sentences[0].List, a.Sentences[0].Number = c.list, c.number
		if got := accept(assistantv1.Answer{}, a, "Odense"); got == nil || got.Sentences[0].Number != c.want {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

func TestBrokenPeerChangesNothing(t *testing.T) {
	slow := serve(t, nil)
	good := serve(t, theirs("Tilskuddet er højst 1.200 kr. om året.", amount, page))
	p := open(t)
	dead := serve(t, nil)
	s := p.mustSave(t, assistantv1.Peer{URL: dead.url, Topics: []string{"briller"}, Enabled: true})
	rows, err := p.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows[0].endpoint = "http://127.0.0.1:1/a2a" // nobody is there
	if err := p.note(t.Context(), rows[0], s.URL); err != nil {
		t.Fatal(err)
	}
	own := unknown("Hvad koster briller?")
	if got := p.Answer(t.Context(), assistantv1.AskRequest{}, own); got != nil || !p.resting(s.ID) {
		t.Errorf("dead: %+v", got)
	}
	ps := p.mustSave(t, assistantv1.Peer{URL: slow.url, Topics: []string{"briller", "koster"}, Enabled: true})
	p.mustSave(t, assistantv1.Peer{URL: good.url, Name: "Den gode", Topics: []string{"briller"}, Enabled: true})
	ctx, stop := context.WithCancel(t.Context())
	go func() { // the slow one fits better, and is waited for until the time is up: here, when the good one has answered
		defer stop()
		for p.count(t, "answered") == 0 || len(slow.questions()) == 0 {
			time.Sleep(time.Millisecond)
		}
	}()
	got := p.Answer(ctx, assistantv1.AskRequest{}, own)
	<-ctx.Done()
	if got == nil || got.Peer != "Den gode" || len(slow.questions()) != 1 || !p.resting(ps.ID) {
		t.Errorf("beside a slow one: %+v", got)
	}
	if got = p.Answer(t.Context(), assistantv1.AskRequest{}, own); got == nil || len(slow.questions()) != 1 {
		t.Errorf("the slow one is not left alone: asked %d times", len(slow.questions()))
	}
}

func TestSlowPeerIsWaitedForOnlySoLong(t *testing.T) {
	p := open(t)
	in := p.mustSave(t, assistantv1.Peer{URL: serve(t, nil).url, Topics: []string{"briller"}, Enabled: true})
	p.cfg.AskWithin = 50 * time.Millisecond
	if got := p.Answer(t.Context(), assistantv1.AskRequest{}, unknown("Hvad koster briller?")); got != nil || !p.resting(in.ID) {
		t.Errorf("got %+v", got)
	}
}

func TestSaveRefuses(t *testing.T) {
	o := serve(t, nil)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/html":
			fmt.Fprint(w, "<html>")
		case "/big":
			fmt.Fprint(w, strings.Repeat(" ", maxReply+1))
		case "/elsewhere":
			http.Redirect(w, r, o.url+agentcard.Path, http.StatusFound)
		case "/nobody":
			fmt.Fprint(w, `{"name":"x","supportedInterfaces":[{"url":"http://127.0.0.1/","protocolBinding":"GRPC","protocolVersion":"1.0"}]}`)
		case "/other-host":
			fmt.Fprint(w, `{"name":"x","supportedInterfaces":[{"url":"https://evil.example/a2a","protocolBinding":"JSONRPC","protocolVersion":"1.0"}]}`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer plain.Close()
	p := open(t)
	for name, in := range map[string]assistantv1.Peer{
		"http elsewhere":     {URL: "http://odense.example/"},
		"no scheme":          {URL: "odense.example"},
		"file":               {URL: "file:///etc/passwd"},
		"private":            {URL: "https://10.0.0.1/"},
		"metadata service":   {URL: "https://169.254.169.254/"},
		"loopback by https":  {URL: "https://127.0.0.1/"},
		"password":           {URL: "https://a:b@odense.example/"},
		"html":               {URL: plain.URL + "/html"},
		"big":                {URL: plain.URL + "/big"},
		"led elsewhere":      {URL: plain.URL + "/elsewhere"},
		"no interface":       {URL: plain.URL + "/nobody"},
		"endpoint elsewhere": {URL: plain.URL + "/other-host"},
		"not found":          {URL: plain.URL},
		"nobody there":       {URL: "http://127.0.0.1:1/"},
		"no topics":          {URL: o.url, Topics: []string{" "}},
		"bad id":             {ID: "a b", URL: o.url},
		"long name":          {URL: o.url, Name: strings.Repeat("x", 81)},
		"long topic":         {URL: o.url, Topics: []string{strings.Repeat("x", 81)}},
	} {
		in.Enabled = true
		if in.Topics == nil {
			in.Topics = []string{"briller"}
		}
		out, err := p.save(t.Context(), in)
		if errs.KindOf(err) != errs.Invalid || errs.Text(err) == "" {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
	if rep, err := p.list(t.Context(), assistantv1.PeersRequest{}); err != nil || len(rep.Peers) != 0 {
		t.Errorf("stored %+v, %v", rep, err)
	}
}

func TestPeersAreKeptAndRemoved(t *testing.T) {
	o := serve(t, nil)
	p := open(t)
	in := p.mustSave(t, assistantv1.Peer{URL: o.url, Name: "Odense", Topics: []string{"briller"}, Enabled: true, Actor: "ida"})
	in.Topics, in.Enabled = []string{"hjælpemidler"}, false
	o.card = func(a2a.AgentCard) a2a.AgentCard { return a2a.AgentCard{} } // broken by now
	p.mustSave(t, in)
	rep, err := p.list(t.Context(), assistantv1.PeersRequest{})
	if err != nil || len(rep.Peers) != 1 || rep.Peers[0].Topics[0] != "hjælpemidler" || rep.Peers[0].Enabled || rep.Peers[0].Actor != "ida" || !rep.Peers[0].CheckedAt.Equal(in.CheckedAt) {
		t.Fatalf("%+v, %v", rep, err)
	}
	in.Enabled = true
	if _, err := p.save(t.Context(), in); !errors.Is(err, errs.Invalid) {
		t.Errorf("a peer with a broken card is switched on: %v", err)
	}
	p.mustSave(t, assistantv1.Peer{ID: in.ID})
	if rep, err = p.list(t.Context(), assistantv1.PeersRequest{}); err != nil || len(rep.Peers) != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestSignedPeerMustStayItself(t *testing.T) {
	sign := func(seed byte) *agentcard.Signer {
		s, err := agentcard.NewSigner([]byte(strings.Repeat(string(seed), 32)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	o := serve(t, theirs("Tilskuddet er højst 1.200 kr. om året.", amount, page))
	o.signer = sign('a')
	p := open(t)
	in := p.mustSave(t, assistantv1.Peer{URL: o.url, Topics: []string{"briller"}, Enabled: true})
	own := unknown("Hvad koster briller?")
	problem := func() string {
		p.recheck(t.Context())
		rep, err := p.list(t.Context(), assistantv1.PeersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return rep.Peers[0].Problem
	}
	if got := problem(); got != "" || p.Answer(t.Context(), assistantv1.AskRequest{}, own) == nil {
		t.Fatalf("problem %q", got)
	}
	o.signer = sign('b')
	if got := problem(); got == "" || p.Answer(t.Context(), assistantv1.AskRequest{}, own) != nil {
		t.Errorf("another key: problem %q", got)
	}
	o.signer = nil
	if got := problem(); got == "" {
		t.Error("no signature any more, and no problem")
	}
	o.card = func(c a2a.AgentCard) a2a.AgentCard {
		c.Signatures = []a2a.AgentCardSignature{{Protected: "e30", Signature: "AA"}}
		return c
	}
	if _, err := p.save(t.Context(), in); !errors.Is(err, errs.Invalid) {
		t.Errorf("a false signature: %v", err)
	}
	o.card = func(c a2a.AgentCard) a2a.AgentCard { return c }
	o.signer = sign('b')
	p.mustSave(t, in)
	if got := problem(); got != "" || p.Answer(t.Context(), assistantv1.AskRequest{}, own) == nil {
		t.Errorf("saved again: problem %q", got)
	}
}

func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cancel()
	if err := open(t).Run(ctx); err != nil {
		t.Error(err)
	}
}
