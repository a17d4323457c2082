package consent_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/consent"
	"samtale.dk/samtale/services/consent/internal/store"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
)

// start runs the service until the returned function stops it.
func start(t *testing.T, env process.Env) (stop func()) {
	t.Helper()
	env.Metrics, env.Health = prometheus.NewRegistry(), health.New()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- consent.Run(ctx, env) }()
	eventually(t, "ready", func() bool {
		_, ready := env.Health.Run(ctx)
		return ready
	})
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// patience is what a slow machine may take, for what has to happen at all.
const patience = 2 * time.Minute

// long is a context for requests that have time.
func long(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func TestService(t *testing.T) {
	data := t.TempDir()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: filepath.Join(data, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	env := process.Env{
		Environ: []string{"SAMTALE_DATA=" + data}, Log: slog.New(slog.DiscardHandler),
		NATS: []nats.Option{srv.Option()},
	}
	b, err := bus.Connect("test", bus.Config{}, env.Log, srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx := long(t)
	ring, err := seal.NewRing(b)
	if err != nil {
		t.Fatal(err)
	}

	stop := start(t, env)
	key, err := ring.Key(ctx, "conv-1", true)
	if err != nil {
		t.Fatal(err)
	}
	choice, err := bus.Request[consentv1.Choice](ctx, b, consentv1.ChoiceSubject, consentv1.Choice{
		ConversationID: "conv-1", Kind: consentv1.Transcription, Value: true, Basis: "b", Purpose: "p",
		TextVersion: "1", Language: "da", How: consentv1.HowDTMF, Who: "citizen", OnBehalfOf: "Ole Holm 010180-1234",
	})
	if err != nil || choice.ID == "" || choice.At.IsZero() || choice.OnBehalfOf != "Ole Holm ••••••-••••" {
		t.Fatalf("%+v %v", choice, err)
	}
	entry := consentv1.Audit{
		Meta: event.NewMeta("audit.v1.entry", "journal", time.Now()), ConversationID: "conv-1",
		Actor: "cw1", Role: "caseworker", Action: "reveal", Purpose: "Behandling af din sag",
	}
	if err := b.Publish(ctx, entry); err != nil {
		t.Fatal(err)
	}
	stop()

	// What was acknowledged is there after a restart, and published while away is read.
	entry2 := entry
	entry2.ID = "second"
	if err := b.Publish(ctx, entry2); err != nil {
		t.Fatal(err)
	}
	defer start(t, env)()
	ring.Forget("conv-1")
	again, err := ring.Key(ctx, "conv-1", false)
	if err != nil || string(again) != string(key) {
		t.Fatalf("another key after the restart (%v)", err)
	}
	eventually(t, "two audit entries", func() bool {
		rep, err := bus.Request[consentv1.AuditReply](ctx, b, consentv1.AuditListSubject, consentv1.AuditQuery{ConversationID: "conv-1"})
		return err == nil && len(rep.Entries) == 2
	})
	// Whoever takes entries out is in the log, and in what they get.
	out, err := bus.Request[consentv1.AuditPage](ctx, b, consentv1.AuditFindSubject, consentv1.AuditSearch{
		Conversations: []string{"conv-1"}, Export: &consentv1.AuditReader{Actor: "karen", Role: "auditor"},
	})
	if err != nil || len(out.Entries) != 3 || out.Entries[0].Action != "export-audit" || out.Entries[0].Actor != "karen" {
		t.Fatalf("%+v %v", out, err)
	}
	checkSearches(t, b)
	choices, err := bus.Request[consentv1.ChoicesReply](ctx, b, consentv1.ChoicesSubject, consentv1.ConversationRequest{ConversationID: "conv-1"})
	if err != nil || len(choices.Choices) != 1 || !choices.Choices[0].Value {
		t.Fatalf("%+v %v", choices, err)
	}

	for _, on := range []bool{true, false} {
		checkHold(t, b, on)
	}
	_, err = bus.Request[consentv1.EraseReply](ctx, b, consentv1.EraseSubject,
		consentv1.EraseRequest{ConversationID: "conv-1", Reason: "retention", Actor: "workflow"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "other services forget the key", func() bool {
		_, err := ring.Key(ctx, "conv-1", false)
		return errors.Is(err, errs.NotFound)
	})
	if msg, err := lastErased(ctx, b); err != nil || msg.Subject != consentv1.ErasedSubject("conv-1") {
		t.Fatalf("the erasure was not announced: %v", err)
	}
}

// checkSearches looks into the log: who does is in it once for each search, with the kind of what was looked for.
func checkSearches(t *testing.T, b *bus.Bus) {
	t.Helper()
	ctx := long(t)
	look := func(q consentv1.AuditSearch) consentv1.AuditPage {
		t.Helper()
		q.Look = &consentv1.AuditReader{Actor: "karen", Role: "auditor"}
		page, err := bus.Request[consentv1.AuditPage](ctx, b, consentv1.AuditFindSubject, q)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	look(consentv1.AuditSearch{Actor: "cw1", From: time.Unix(1, 0)})
	look(consentv1.AuditSearch{Conversations: []string{"conv-1"}, Limit: 1})
	look(consentv1.AuditSearch{Conversations: []string{"conv-1"}, Limit: 1, After: "1.x"}) // the next page
	entries := look(consentv1.AuditSearch{Action: "search-audit"}).Entries
	want := map[string]string{ // the conversation by purpose
		"Tilsyn: søgning efter, hvem der har set oplysninger (person, periode)": consentv1.AuditLog,
		"Tilsyn: søgning efter, hvem der har set oplysninger (samtale)":         "conv-1",
		"Tilsyn: søgning efter, hvem der har set oplysninger (handling)":        consentv1.AuditLog,
	}
	for _, e := range entries {
		if want[e.Purpose] != e.ConversationID || e.Actor != "karen" || e.Role != "auditor" {
			t.Errorf("%+v", e)
		}
	}
	if len(entries) < len(want) || len(entries) > len(want)+1 { // a quarter of an hour may end between the pages
		t.Errorf("%d entries: %+v", len(entries), entries)
	}
	_, err := bus.Request[consentv1.AuditPage](ctx, b, consentv1.AuditFindSubject, consentv1.AuditSearch{Look: &consentv1.AuditReader{Role: "auditor"}})
	if !errors.Is(err, errs.Invalid) {
		t.Errorf("nobody looks: %v", err)
	}
}

// checkHold sets or lifts a hold: the state can be asked for, and the change is told.
func checkHold(t *testing.T, b *bus.Bus, on bool) {
	t.Helper()
	ctx := long(t)
	set, err := bus.Request[consentv1.HoldReply](ctx, b, consentv1.HoldSubject,
		consentv1.HoldRequest{ConversationID: "conv-1", On: on, Reason: "aktindsigt, 010180-1234", Actor: "op1"})
	if err != nil || set.On != on || set.Reason != "aktindsigt, ••••••-••••" || set.Actor != "op1" {
		t.Fatalf("%+v %v", set, err)
	}
	got, err := bus.Request[consentv1.HoldReply](ctx, b, consentv1.HoldStateSubject, consentv1.ConversationRequest{ConversationID: "conv-1"})
	if err != nil || got != set {
		t.Fatalf("asked: %+v %v, want %+v", got, err, set)
	}
	s, err := b.JS.Stream(ctx, consentv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	var e consentv1.Hold
	eventually(t, "the hold is told", func() bool {
		m, err := s.GetLastMsgForSubject(ctx, consentv1.HoldEventSubject("conv-1"))
		return err == nil && json.Unmarshal(m.Data, &e) == nil && e.On == on && e.Since.Equal(set.Since)
	})
}

func lastErased(ctx context.Context, b *bus.Bus) (*struct{ Subject string }, error) {
	s, err := b.JS.Stream(ctx, consentv1.Stream)
	if err != nil {
		return nil, err
	}
	m, err := s.GetLastMsgForSubject(ctx, consentv1.ErasedSubject("conv-1"))
	if err != nil {
		return nil, err
	}
	return &struct{ Subject string }{m.Subject}, nil
}

// What was decided and not told yet when the process was killed is told by the next one: nobody asks again for a choice that the page shows.
func TestWhatWasDecidedIsToldAfterACrash(t *testing.T) {
	data := t.TempDir()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: filepath.Join(data, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	ctx := long(t)
	db, err := platformstore.Open(ctx, "sqlite:"+filepath.Join(data, "consent.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(ctx, store.Migrations()); err != nil {
		t.Fatal(err)
	}
	before := store.New(db, seal.NewKey())
	no := consentv1.Choice{
		Meta: event.NewMeta("consent.v1.choice", "portal", time.Now()), ConversationID: "conv-1", Kind: consentv1.Transcription, At: time.Now(),
	}
	if err := before.AddChoice(ctx, no); err != nil {
		t.Fatal(err)
	}
	for _, on := range []bool{true, false} {
		if _, err := before.SetHold(ctx, consentv1.HoldRequest{ConversationID: "conv-1", On: on, Reason: "r", Actor: "op1"}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil { // killed here
		t.Fatal(err)
	}
	env := process.Env{
		Environ: []string{"SAMTALE_DATA=" + data}, Log: slog.New(slog.DiscardHandler), NATS: []nats.Option{srv.Option()},
	}
	defer start(t, env)()
	b, err := bus.Connect("test", bus.Config{}, env.Log, srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := b.JS.Stream(ctx, consentv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the choice is told", func() bool {
		m, err := s.GetLastMsgForSubject(ctx, consentv1.ChoiceEventSubject("conv-1"))
		var got consentv1.Choice
		return err == nil && json.Unmarshal(m.Data, &got) == nil && got.ID == no.ID && !got.Value
	})
	eventually(t, "that the hold is lifted is told", func() bool {
		m, err := s.GetLastMsgForSubject(ctx, consentv1.HoldEventSubject("conv-1"))
		var got consentv1.Hold
		return err == nil && json.Unmarshal(m.Data, &got) == nil && !got.On
	})
}

func TestRequestsAreChecked(t *testing.T) {
	data := t.TempDir()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: filepath.Join(data, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	env := process.Env{
		Environ: []string{"SAMTALE_DATA=" + data}, Log: slog.New(slog.DiscardHandler),
		NATS: []nats.Option{srv.Option()},
	}
	defer start(t, env)()
	b, err := bus.Connect("test", bus.Config{}, env.Log, srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	choice := consentv1.Choice{
		ConversationID: "c", Kind: consentv1.AINote, Basis: "b", Purpose: "p", TextVersion: "1",
		How: consentv1.HowOral, Who: "cw1",
	}
	with := func(f func(*consentv1.Choice)) consentv1.Choice { c := choice; f(&c); return c }
	for name, tc := range map[string]struct {
		subject string
		req     any
	}{
		"key without a conversation": {consentv1.KeySubject, consentv1.KeyRequest{Create: true}},
		"key of a subject wildcard":  {consentv1.KeySubject, consentv1.KeyRequest{ConversationID: "a.>", Create: true}},
		"erase nothing":              {consentv1.EraseSubject, consentv1.EraseRequest{}},
		"hold without a reason":      {consentv1.HoldSubject, consentv1.HoldRequest{ConversationID: "c", On: true, Actor: "a"}},
		"choice of unknown kind":     {consentv1.ChoiceSubject, with(func(c *consentv1.Choice) { c.Kind = "video" })},
		"choice by unknown means":    {consentv1.ChoiceSubject, with(func(c *consentv1.Choice) { c.How = "guess" })},
		"choice without a basis":     {consentv1.ChoiceSubject, with(func(c *consentv1.Choice) { c.Basis = "" })},
		"choice by nobody":           {consentv1.ChoiceSubject, with(func(c *consentv1.Choice) { c.Who = "" })},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bus.Request[map[string]any](long(t), b, tc.subject, tc.req)
			if !errors.Is(err, errs.Invalid) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestCheckOnlyRefusesBadAreas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "areas.json")
	if err := os.WriteFile(path, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := process.Env{Environ: []string{"SAMTALE_AREAS=" + path}, CheckOnly: true}
	if err := consent.Run(t.Context(), env); err == nil {
		t.Fatal("an empty list was accepted")
	}
	if err := consent.Run(t.Context(), process.Env{CheckOnly: true}); err != nil {
		t.Fatal(err)
	}
}
