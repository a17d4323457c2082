package portal

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/portal/token"
)

// place is a real portal on a real bus. Its neighbours (journal, phone, consent) answer
// from a script: these tests are about pages and API; the neighbours' own behaviour is
// tested with them, and all together in deploy/e2e.
type place struct {
	url  string
	bus  *bus.Bus
	key  []byte // for tokens
	keys seal.Keys

	assistant *assistant

	mu       sync.Mutex
	convs    []journalv1.Conversation
	notes    map[string]journalv1.Note
	words    map[string]journalv1.Transcript
	calls    []callv1.Call
	choices  []consentv1.Choice
	audit    []consentv1.Audit
	searches []consentv1.AuditSearch
	held     consentv1.HoldReply
	actors   []journalv1.Actor // of every journal request
	controls []callv1.ControlRequest
	dialled  []callv1.DialRequest
	typed    []callv1.TextLine // real-time text of the call so far
	answer   func(callv1.AnswerRequest) (callv1.AnswerReply, error)
	saveErr  error  // answer of the next saves
	listed   func() // what happens while the list of calls is on its way, with mu held
}

const (
	demoConv              = "0199a0c0-0000-7000-8000-000000000001"
	demoNote              = "0199a0c0-0000-7000-8000-00000000000a"
	legCitizen, legWorker = "0199a0c0-0000-7000-8000-0000000000c1", "0199a0c0-0000-7000-8000-0000000000d1"
)

func start(t testing.TB, environ ...string) *place {
	t.Helper()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("PORTAL_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	b, err := bus.Connect("test", bus.Config{}, log, srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	err = b.EnsureStreams(t.Context(), streams.Journal(), streams.Transcript())
	if err != nil {
		t.Fatal(err)
	}
	p := &place{bus: b, notes: map[string]journalv1.Note{}, words: map[string]journalv1.Transcript{}}
	p.serveConsent(t)
	p.serveJournal(t)
	p.servePhone(t)
	p.serveAssistant(t)
	p.keys, err = seal.NewRing(b)
	if err != nil {
		t.Fatal(err)
	}
	p.runPortal(t, log, srv, environ)
	return p
}

func (p *place) runPortal(t testing.TB, log *slog.Logger, srv *natsserver.Server, environ []string) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	env, err := process.NewEnv(append([]string{
		"SAMTALE_HTTP_ADDR=127.0.0.1:0", "SAMTALE_DATA=" + data, "SAMTALE_OIDC_CLIENT_SECRET=hush", "SAMTALE_CONTACT_PHONE=12345678",
	}, environ...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	up := make(chan string, 1)
	env.Log, env.NATS = slog.New(&upHandler{log.Handler(), up}), append(env.NATS, srv.Option())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, env) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("portal ended: %v", err)
		}
		p.bus.Close()
		srv.Stop()
	})
	select {
	case p.url = <-up:
	case err := <-done:
		done <- nil
		t.Fatalf("portal does not start: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("portal does not get ready")
	}
	master, err := masterkey.Load("", data)
	if err != nil {
		t.Fatal(err)
	}
	p.key = token.Key(master)
}

// upHandler hands out the address at which the portal says that it listens: a port that was looked for before may be somebody else's by then.
type upHandler struct {
	slog.Handler
	up chan<- string
}

func (h *upHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *upHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return &upHandler{h.Handler.WithAttrs(a), h.up}
}

func (h *upHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "portal is up" {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "listens" {
				h.up <- "http://" + a.Value.String()
			}
			return true
		})
	}
	if !h.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (p *place) token(t testing.TB, role string, change func(*token.Claims)) string {
	t.Helper()
	c := token.Claims{Subject: role, Role: role, Issued: time.Now(), Expires: time.Now().Add(time.Hour)}
	if change != nil {
		change(&c)
	}
	s, err := token.Issue(p.key, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func handle[Req, Resp any](t testing.TB, p *place, s microService, subject string, f func(req Req) (Resp, error)) {
	t.Helper()
	var once bus.Once[Resp] // on a slow machine the portal asks again
	err := bus.Handle(p.bus, s, subject, 32, func(ctx context.Context, req Req) (Resp, error) {
		return once.Do(ctx, func() (Resp, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return f(req)
		})
	})
	if err == nil {
		err = p.bus.NC.Flush() // who asks from now on is answered
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *place) service(t testing.TB, name string) microService {
	t.Helper()
	s, err := p.bus.Service(name, "scripted")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var areas = []consentv1.Area{
	{ID: "borgerservice", Name: "Borgerservice", NameEN: "Citizen service", Video: "https://moede.example.dk/borgerservice", Basis: "forvaltningsloven § 7", Purpose: "Hjælp til borgere", TextVersion: "1", KeepAfter: 14 * 24 * time.Hour},
	{ID: "boligstoette", Name: "Boligstøtte", NameEN: "Housing benefit", Basis: "boligstøtteloven", Purpose: "Sager om boligstøtte", TextVersion: "1", KeepAfter: 14 * 24 * time.Hour},
	{ID: "pension", Name: "Pension", NameEN: "Pension", Basis: "pensionsloven", Purpose: "Sager om pension", TextVersion: "1", KeepAfter: 14 * 24 * time.Hour},
}

func (p *place) serveConsent(t testing.TB) {
	s := p.service(t, "consent")
	secret := seal.NewKey()
	handle(t, p, s, consentv1.AreasSubject, func(consentv1.AreasRequest) (consentv1.AreasReply, error) {
		return consentv1.AreasReply{Areas: areas}, nil
	})
	handle(t, p, s, consentv1.KeySubject, func(r consentv1.KeyRequest) (consentv1.KeyReply, error) {
		return consentv1.KeyReply{KeyID: r.ConversationID, Key: secret}, nil
	})
	handle(t, p, s, consentv1.ChoicesSubject, func(r consentv1.ConversationRequest) (consentv1.ChoicesReply, error) {
		return consentv1.ChoicesReply{Choices: p.choices}, nil
	})
	handle(t, p, s, consentv1.ChoiceSubject, func(c consentv1.Choice) (consentv1.Choice, error) {
		p.choices = append(p.choices, c)
		return c, nil
	})
	handle(t, p, s, consentv1.HoldStateSubject, func(consentv1.ConversationRequest) (consentv1.HoldReply, error) { return p.held, nil })
	handle(t, p, s, consentv1.HoldSubject, func(r consentv1.HoldRequest) (consentv1.HoldReply, error) {
		if r.On && r.Reason == "" {
			return consentv1.HoldReply{}, errs.E(errs.Invalid, "Skriv, hvorfor samtalen skal fredes mod sletning.", nil)
		}
		p.held = consentv1.HoldReply{On: r.On, Since: time.Now().UTC(), Reason: r.Reason, Actor: r.Actor}
		return p.held, nil
	})
	handle(t, p, s, consentv1.AuditFindSubject, func(q consentv1.AuditSearch) (consentv1.AuditPage, error) {
		p.searches = append(p.searches, q)
		if q.Export != nil {
			p.audit = append([]consentv1.Audit{{
				Meta: event.NewMeta("audit.v1.entry", "consent", time.Now()), ConversationID: consentv1.AuditLog,
				Actor: q.Export.Actor, Role: q.Export.Role, Action: "export-audit", Purpose: "Tilsyn",
			}}, p.audit...)
		}
		page := consentv1.AuditPage{Entries: p.audit}
		if q.Actor == "mange" && q.After == "" {
			page.Next = "1.x"
		}
		return page, nil
	})
	handle(t, p, s, consentv1.AuditListSubject, func(q consentv1.AuditQuery) (consentv1.AuditReply, error) {
		return consentv1.AuditReply{Entries: p.audit}, nil
	})
}

func (p *place) serveJournal(t testing.TB) {
	s := p.service(t, "journal")
	handle(t, p, s, journalv1.ListSubject, func(r journalv1.ListRequest) (journalv1.ListReply, error) {
		p.actors = append(p.actors, r.Actor)
		out := journalv1.ListReply{}
		for _, c := range p.convs {
			if sees(r.Actor, c) && (r.Find == "" || r.Find == c.CaseNumber || c.Receipt != nil && r.Find == c.Receipt.ID) {
				out.Conversations = append(out.Conversations, c)
			}
		}
		return out, nil
	})
	handle(t, p, s, journalv1.GetSubject, func(r journalv1.Ref) (journalv1.Conversation, error) { return p.conv(r.ID, r.Actor) })
	handle(t, p, s, journalv1.CloseTaskSubject, func(r journalv1.Ref) (journalv1.Conversation, error) {
		return p.change(r.ID, r.Actor, func(c *journalv1.Conversation) { c.CallBack = false })
	})
	handle(t, p, s, journalv1.PartySubject, func(r journalv1.PartyRequest) (journalv1.Conversation, error) {
		return p.change(r.ConversationID, r.Actor, func(c *journalv1.Conversation) {
			c.Party.Name, c.OnBehalfOf, c.CaseNumber = r.Name, r.OnBehalfOf, r.CaseNumber
			if r.ID != "" || r.Unlink {
				c.PartyRef = r.ID
			}
		})
	})
	handle(t, p, s, journalv1.CommentSubject, func(r journalv1.CommentRequest) (journalv1.Conversation, error) {
		return p.change(r.ConversationID, r.Actor, func(c *journalv1.Conversation) {
			c.Comments = append(c.Comments, journalv1.Comment{At: time.Now(), Text: r.Text})
		})
	})
	handle(t, p, s, journalv1.TranscriptSubject, func(r journalv1.Ref) (journalv1.Transcript, error) {
		if _, err := p.conv(r.ID, r.Actor); err != nil {
			return journalv1.Transcript{}, err
		}
		return p.words[r.ID], nil
	})
	handle(t, p, s, journalv1.RevealSubject, func(r journalv1.RevealRequest) (journalv1.RevealReply, error) {
		p.actors = append(p.actors, r.Actor)
		return journalv1.RevealReply{Value: "000000-0001"}, nil
	})
	handle(t, p, s, journalv1.NoteSubject, func(r journalv1.Ref) (journalv1.Note, error) {
		n, err := p.note(r.ID)
		if err != nil {
			return n, err
		}
		_, err = p.conv(n.ConversationID, r.Actor)
		return n, err
	})
	handle(t, p, s, journalv1.SaveSubject, p.save)
	handle(t, p, s, journalv1.ConfirmSubject, func(r journalv1.ConfirmRequest) (journalv1.Note, error) {
		return p.changeNote(r.NoteID, r.Version, func(n *journalv1.Note) error {
			for i := range n.Sentences {
				if n.Sentences[i].ID == r.SentenceID {
					n.Sentences[i].Verdict, n.Sentences[i].Confirm = journalv1.Confirmed, r.Reason
				}
			}
			return nil
		})
	})
	handle(t, p, s, journalv1.ApproveSubject, func(r journalv1.ApproveRequest) (journalv1.Note, error) {
		p.actors = append(p.actors, r.Actor)
		return p.changeNote(r.NoteID, r.Version, func(n *journalv1.Note) error {
			for _, s := range n.Sentences {
				if s.Verdict == journalv1.Unsupported {
					return errs.E(errs.Invalid, "En sætning er uden belæg.", nil)
				}
			}
			n.State, n.ApprovedBy, n.ApprovedAt = journalv1.NoteApproved, r.Actor.Name, time.Now()
			return nil
		})
	})
}

func sees(a journalv1.Actor, c journalv1.Conversation) bool {
	switch a.Role {
	case token.Caseworker:
		return slices.Contains(a.Areas, c.ServiceArea)
	case token.Citizen:
		return a.PartyRef != "" && a.PartyRef == c.PartyRef
	}
	return true
}

func (p *place) conv(id string, a journalv1.Actor) (journalv1.Conversation, error) {
	p.actors = append(p.actors, a)
	for _, c := range p.convs {
		if c.ID == id && sees(a, c) {
			return c, nil
		}
	}
	return journalv1.Conversation{}, errs.E(errs.NotFound, "", nil)
}

func (p *place) change(id string, a journalv1.Actor, f func(c *journalv1.Conversation)) (journalv1.Conversation, error) {
	for i := range p.convs {
		if p.convs[i].ID == id && sees(a, p.convs[i]) {
			f(&p.convs[i])
			return p.convs[i], nil
		}
	}
	return journalv1.Conversation{}, errs.E(errs.NotFound, "", nil)
}

func (p *place) note(id string) (journalv1.Note, error) {
	for _, n := range p.notes {
		if n.ID == id || n.ConversationID == id {
			return n, nil
		}
	}
	return journalv1.Note{}, errs.E(errs.NotFound, "", nil)
}

func (p *place) changeNote(id string, version int, f func(n *journalv1.Note) error) (journalv1.Note, error) {
	n, err := p.note(id)
	if err != nil {
		return n, err
	}
	if version != 0 && version != n.Version {
		return n, errs.E(errs.Conflict, "", nil)
	}
	n.Sentences = slices.Clone(n.Sentences)
	if err := f(&n); err != nil {
		return n, err
	}
	n.Version++
	p.notes[n.ID] = n
	return n, nil
}

func (p *place) save(r journalv1.SaveRequest) (journalv1.Note, error) {
	if p.saveErr != nil {
		return journalv1.Note{}, p.saveErr
	}
	return p.changeNote(r.NoteID, r.Version, func(n *journalv1.Note) error {
		if i := slices.IndexFunc(p.convs, func(c journalv1.Conversation) bool { return c.ID == n.ConversationID }); r.CaseNumber != "" && i >= 0 {
			p.convs[i].CaseNumber = r.CaseNumber
		}
		old := map[string]journalv1.Sentence{}
		for _, s := range n.Sentences {
			old[s.ID] = s
		}
		for _, s := range r.Sentences {
			if _, ok := old[s.ID]; s.ID != "" && !ok {
				return errs.E(errs.Conflict, "", nil)
			}
		}
		n.Title, n.Sentences = r.Title, nil
		for i, s := range r.Sentences {
			o, ok := old[s.ID]
			if ok && o.Text == s.Text {
				o.Section = s.Section
				n.Sentences = append(n.Sentences, o)
				continue
			}
			s.Verdict, s.By = journalv1.Edited, r.Actor.ID
			if s.ID == "" {
				s.ID = fmt.Sprintf("new-%d-%d", n.Version, i)
			}
			n.Sentences = append(n.Sentences, s)
		}
		return nil
	})
}

func (p *place) servePhone(t testing.TB) {
	s := p.service(t, "phone")
	handle(t, p, s, callv1.ListSubject, func(callv1.ListRequest) (callv1.ListReply, error) {
		list := callv1.ListReply{Calls: slices.Clone(p.calls)}
		if p.listed != nil {
			p.listed()
		}
		return list, nil
	})
	handle(t, p, s, callv1.CheckSubject, func(r callv1.CheckRequest) (callv1.Call, error) {
		for _, c := range p.calls {
			if c.ConversationID == r.ConversationID {
				return c, nil
			}
		}
		return callv1.Call{}, errs.E(errs.NotFound, "Opkaldet er slut.", nil)
	})
	handle(t, p, s, callv1.AnswerSubject, func(r callv1.AnswerRequest) (callv1.AnswerReply, error) {
		if p.answer == nil {
			return callv1.AnswerReply{}, errs.E(errs.Unavailable, "", nil)
		}
		return p.answer(r)
	})
	handle(t, p, s, callv1.DialSubject, func(r callv1.DialRequest) (callv1.AnswerReply, error) {
		if p.answer == nil {
			return callv1.AnswerReply{}, errs.E(errs.Invalid, "Nummeret kan ikke ringes op.", nil)
		}
		p.dialled = append(p.dialled, r)
		c := ringingCall()
		c.Channel, c.Party, c.ServiceArea, c.Position = callv1.ChannelOutgoing, callv1.Party{Number: r.To}, r.ServiceArea, 0
		p.calls = append(p.calls, c)
		return p.answer(callv1.AnswerRequest{ConversationID: c.ConversationID, Caseworker: r.Caseworker, SDP: r.SDP})
	})
	handle(t, p, s, callv1.ControlSubject, func(r callv1.ControlRequest) (callv1.Call, error) {
		p.controls = append(p.controls, r)
		i := slices.IndexFunc(p.calls, func(c callv1.Call) bool { return c.ConversationID == r.ConversationID })
		if i < 0 {
			return callv1.Call{}, errs.E(errs.NotFound, "", nil)
		}
		c := &p.calls[i]
		switch r.Action {
		case callv1.ActionHold:
			c.State = callv1.StateHeld
		case callv1.ActionResume:
			c.State = callv1.StateTalking
		case callv1.ActionMute, callv1.ActionUnmute:
			c.Muted = r.Action == callv1.ActionMute
		case callv1.ActionConsult:
			c.Consult = callv1.ConsultCalling
		case callv1.ActionMerge:
			c.Consult = callv1.ConsultMerged
		case callv1.ActionCancel:
			c.Consult = ""
		case callv1.ActionTranscribe:
			yes := r.Value == "yes"
			c.Transcribe = &yes
		case callv1.ActionHangup:
			ended := *c
			ended.State = callv1.StateEnded
			p.calls = slices.Delete(p.calls, i, i+1)
			p.snapshot()
			return ended, nil
		}
		p.snapshot()
		return *c, nil
	})
	handle(t, p, s, callv1.TextSubject, func(callv1.TextRequest) (callv1.TextReply, error) {
		return callv1.TextReply{Lines: p.typed}, nil
	})
	handle(t, p, s, callv1.DemoSubject, func(r callv1.DemoRequest) (callv1.DemoReply, error) {
		c := ringingCall()
		p.calls = append(p.calls, c)
		p.snapshot()
		return callv1.DemoReply{ConversationID: c.ConversationID}, nil
	})
}

// snapshot tells the desks about the calls; the caller holds mu.
func (p *place) snapshot() {
	data := mustJSON(callv1.ListReply{Calls: p.calls})
	p.bus.NC.Publish(callv1.SnapshotTopic, data)
}

func ringingCall() callv1.Call {
	now := time.Now().UTC()
	return callv1.Call{
		ConversationID: event.NewID(now), Channel: callv1.ChannelQueue, State: callv1.StateRinging, ServiceArea: "borgerservice",
		Party: callv1.Party{Number: "+4512345678", Name: "Bente Holm"}, StartedAt: now.Add(-12 * time.Second), Position: 1,
		Legs: []callv1.Leg{{ID: legCitizen, Role: callv1.RoleCitizen, StartedAt: now.Add(-12 * time.Second)}},
	}
}

// fill puts a conversation with a draft note into the journal, and others around it.
func (p *place) fill(partyRef string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	began := time.Now().UTC().Add(-2 * time.Hour).Truncate(time.Second)
	legs := []callv1.Leg{{ID: legCitizen, Role: callv1.RoleCitizen, StartedAt: began}, {ID: legWorker, Role: callv1.RoleCaseworker, StartedAt: began, User: "mette"}}
	cov := journalv1.Coverage{Captured: 240, Transcribed: 150, Silence: 87, Lost: 3}
	p.convs = []journalv1.Conversation{
		{
			ID: demoConv, Channel: callv1.ChannelQueue, ServiceArea: "boligstoette", State: "review", Party: callv1.Party{Name: "Bente Holm", Number: "+4512345678"}, PartyRef: partyRef,
			Caseworker: "mette", StartedAt: began, EndedAt: began.Add(4 * time.Minute), Legs: legs, NoteID: demoNote, NoteState: journalv1.NoteDraft,
			DeadlineAt: time.Now().Add(time.Hour), Coverage: cov, Demo: true,
		},
		{
			ID: "0199a0c0-0000-7000-8000-000000000002", Channel: callv1.ChannelMessage, ServiceArea: "borgerservice", State: "review", Party: callv1.Party{Number: "+4587654321"},
			StartedAt: began.Add(-30 * time.Minute), EndedAt: began.Add(-29 * time.Minute), CallBack: true, NoteID: "n2", NoteState: journalv1.NoteDraft,
		},
		{
			ID: "0199a0c0-0000-7000-8000-000000000003", Channel: callv1.ChannelQueue, ServiceArea: "borgerservice", State: "delivered", Party: callv1.Party{Name: "Anders Vestergaard"}, PartyRef: partyRef,
			Caseworker: "mette", StartedAt: began.Add(-26 * time.Hour), NoteID: "n3", NoteState: journalv1.NoteDelivered, EraseAt: time.Now().Add(13 * 24 * time.Hour),
			Receipt: &journalv1.Receipt{System: "Demo-sagssystem", ID: "J-2026-000123", ReceivedAt: began.Add(-25 * time.Hour)},
		},
	}
	words := wordsOf(began)
	p.words[demoConv] = journalv1.Transcript{
		ConversationID: demoConv, Text: text(words), Words: words, Legs: legs, Coverage: cov, Engine: "demo", Demo: true, Complete: true,
		Gaps: []journalv1.Gap{{Leg: legCitizen, Start: 31, End: 34, State: transcriptv1.Lost}},
	}
	p.notes[demoNote] = demoDraft(words)
	p.choices = []consentv1.Choice{
		{ConversationID: demoConv, Kind: consentv1.Transcription, Value: true, How: consentv1.HowDTMF, Who: "citizen", At: began, Purpose: "Sager om boligstøtte", Basis: "boligstøtteloven"},
		{ConversationID: demoConv, Kind: consentv1.Recording, Value: false, How: consentv1.HowArea, Who: "citizen", At: began, Purpose: "Sager om boligstøtte", Basis: "boligstøtteloven"},
	}
	p.audit = []consentv1.Audit{{Meta: event.Meta{ID: "1", Time: began.Add(time.Hour)}, ConversationID: demoConv, Actor: "mette", Role: "caseworker", Action: "view-transcript", Purpose: "Behandling af din henvendelse"}}
}

func wordsOf(time.Time) []journalv1.Word {
	said := []struct {
		leg, text string
		at        float64
	}{
		{legCitizen, "Goddag. Jeg ringer om min boligstøtte.", 4},
		{legWorker, "Det ser jeg lige på. Hvad er dit cpr-nummer?", 9},
		{legCitizen, "Det er ••••••-••••", 14},
		{legWorker, "Tak. Du mangler lønsedlen for juni.", 20},
		{legCitizen, "Den sender jeg inden fredag.", 26},
		{legWorker, "Så ser jeg på sagen i næste uge.", 36},
	}
	var out []journalv1.Word
	for _, s := range said {
		at := s.at
		for i, w := range strings.Fields(s.text) {
			word := journalv1.Word{ID: fmt.Sprintf("%s-%06d", s.leg[len(s.leg)-8:], len(out)), Leg: s.leg, Text: w, Start: at, End: at + 0.35, Confidence: 0.95, Sentence: i == 0}
			if strings.Contains(w, "•") {
				word.Masked = "cpr"
			}
			switch w {
			case "lønsedlen":
				word.Confidence = 0.4
			case "fredag.":
				word.Confidence = 0.7
			}
			out = append(out, word)
			at += 0.4
		}
	}
	return out
}

func text(words []journalv1.Word) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.Text + " ")
	}
	return strings.TrimSpace(b.String())
}

func demoDraft(words []journalv1.Word) journalv1.Note {
	evidence := func(from, to int) []journalv1.Evidence {
		var ids []string
		for _, w := range words[from:to] {
			ids = append(ids, w.ID)
		}
		return []journalv1.Evidence{{Leg: words[from].Leg, Start: words[from].Start, End: words[to-1].End, WordIDs: ids, Quote: text(words[from:to])}}
	}
	return journalv1.Note{
		ID: demoNote, ConversationID: demoConv, State: journalv1.NoteDraft, Version: 1, Title: "Boligstøtte: lønseddel mangler", DraftedBy: "extract",
		Sections: []journalv1.Section{
			{ID: "henvendelse", Title: "Henvendelse", Kind: "fact"},
			{ID: "oplyst", Title: "Oplyst", Kind: "fact"},
			{ID: "vurdering", Title: "Vurdering", Kind: "assessment", Empty: "Skriv din vurdering her."},
			{ID: "aftalt", Title: "Aftalt", Kind: "fact"},
			{ID: "opfoelgning", Title: "Opfølgning", Kind: "fact"},
		},
		Sentences: []journalv1.Sentence{
			{ID: "s1", Section: "henvendelse", Text: "Borgeren ringer om sin boligstøtte.", Verdict: journalv1.Supported, Evidence: evidence(0, 6), By: "extract"},
			{ID: "s2", Section: "oplyst", Text: "Lønsedlen for juni mangler.", Verdict: journalv1.Weak, Reasons: []string{"Ordet »lønsedlen« blev hørt med lille sikkerhed."}, Evidence: evidence(18, 24), By: "extract"},
			{ID: "s3", Section: "aftalt", Text: "Borgeren sender lønsedlen inden fredag den 4. december.", Verdict: journalv1.Unsupported, Reasons: []string{"Datoen 4. december blev ikke sagt."}, Evidence: evidence(24, 29), By: "extract"},
			{ID: "s4", Section: "opfoelgning", Text: "Sagsbehandleren ser på sagen i næste uge.", Verdict: journalv1.Supported, Evidence: evidence(29, 37), By: "extract"},
		},
		DeadlineAt: time.Now().Add(time.Hour), UpdatedAt: time.Now(), UpdatedBy: "extract",
	}
}
