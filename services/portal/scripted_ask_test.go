package portal

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// assistant is a scripted assistant service: it answers by words of the question and keeps inquiries in memory.
type assistant struct {
	mu        sync.Mutex
	asked     []assistantv1.AskRequest
	sessions  map[string][]assistantv1.Answer
	feedback  []assistantv1.Feedback
	imported  []knowledgev1.ImportRequest
	sources   []knowledgev1.Source
	refs      []knowledgev1.SourceRef
	inquiries map[string]*inquiryv1.HistoryReply // by receipt
	opened    []inquiryv1.OpenRequest
	sounds    []int // samples of each sound
	said      []audiov1.SayRequest
	mumble    bool // nothing can be spoken
	drawl     bool // it takes 15 s to speak a sentence
	drops     bool // the sentences after the first are told in no event
	peers     []assistantv1.Peer
	overheard []assistantv1.SuggestRequest
	phrases   []string       // of editors for the chunk
	nots      []string       // … that it does not answer
	phrasesBy string         // who wrote them
	unsaved   error          // why phrases are not taken
	seen      map[string]int // the last message that the desk has fetched, by inquiry
	mute      bool           // messages are refused
	noteAsked bool           // the areas let a machine draft the note
	pause     chan struct{}  // when set, an answer waits for it after a sentence
	pauseAt   int            // which, from 0
	gone      bool           // the article was deleted
	until     string         // its last day
	model     string         // that proposes phrases; empty: none
}

const moving = "Du skal melde flytning til din nye kommune.\n\nDu skal melde flytning senest 5 dage efter, at du er flyttet. Du kan tidligst gøre det 4 uger før.\n\n- Du bruger MitID.\n- Børn kan meldes med.\n\nDet gør du:\n\n1) Log ind.\n2) Skriv den nye adresse.\n3) Send."

func movingChunk() knowledgev1.Chunk {
	return knowledgev1.Chunk{
		ID: "starter/da-flytning#frist", Source: "starter", ArticleID: "da-flytning", URL: "https://www.borger.dk/bolig-og-flytning/flytning",
		Title: "Flytning", Section: "Frist", Text: moving, Language: "da", Authority: "Kommunen", SHA256: evidence.ContentHash(moving), Demo: true,
		Legal: []knowledgev1.Link{{Label: "CPR-loven", URL: "https://www.retsinformation.dk/eli/lta/2017/646"}},
	}
}

func quote(text string) assistantv1.Evidence {
	c := movingChunk()
	at := strings.Index(c.Text, text)
	return assistantv1.Evidence{Quote: text, URL: c.URL, Title: c.Title, Section: c.Section, Start: at, End: at + len(text), SHA256: c.SHA256, ChunkID: c.ID}
}

func (p *place) serveAssistant(t testing.TB) {
	t.Helper()
	as := &assistant{sessions: map[string][]assistantv1.Answer{}, inquiries: map[string]*inquiryv1.HistoryReply{}, seen: map[string]int{}, noteAsked: true}
	p.assistant = as
	s := p.service(t, "assistant")
	script(t, p, s, assistantv1.AskSubject, func(r assistantv1.AskRequest) (assistantv1.Answer, error) { return as.ask(p.bus, r) })
	script(t, p, s, assistantv1.SessionSubject, func(r assistantv1.SessionRef) (assistantv1.Session, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		return assistantv1.Session{Session: r.Session, Answers: slices.Clone(as.sessions[r.Session])}, nil
	})
	script(t, p, s, assistantv1.ForgetSubject, func(r assistantv1.SessionRef) (assistantv1.Forgotten, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		delete(as.sessions, r.Session)
		return assistantv1.Forgotten{ForgottenAt: time.Now().UTC()}, nil
	})
	script(t, p, s, assistantv1.FeedbackSubject, func(r assistantv1.Feedback) (assistantv1.Feedback, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		as.feedback = append(as.feedback, r)
		return r, nil
	})
	speech := p.service(t, "speech")
	script(t, p, speech, audiov1.VoicesSubject, func(audiov1.VoicesRequest) (audiov1.VoicesReply, error) {
		return audiov1.VoicesReply{Languages: []string{"da"}}, nil
	})
	script(t, p, speech, audiov1.SaySubject, func(r audiov1.SayRequest) (audiov1.SayReply, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		if as.mumble {
			return audiov1.SayReply{}, errs.E(errs.Unavailable, "Oplæsningen virker ikke lige nu.", nil)
		}
		if r.Language != "da" {
			return audiov1.SayReply{}, errs.E(errs.NotFound, "Der er ingen stemme til det sprog.", nil)
		}
		as.said = append(as.said, r)
		samples := 1600 // 100 ms
		if as.drawl {
			samples = 15 * audiov1.SampleRate
		}
		return audiov1.SayReply{PCM: make([]byte, 2*samples)}, nil
	})
	script(t, p, speech, audiov1.HearSubject, func(r audiov1.HearRequest) (audiov1.HearReply, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		as.sounds = append(as.sounds, len(r.PCM)/2)
		return audiov1.HearReply{Text: "hvornår skal jeg melde flytning", Engine: "demo", Demo: true}, nil
	})
	as.serveKnowledge(t, p, s)
	as.serveInquiries(t, p, s)
	as.serveDesk(t, p, s)
	as.serveLearning(t, p, s)
}

func script[Req, Resp any](t testing.TB, p *place, s microService, subject string, f func(Req) (Resp, error)) {
	t.Helper()
	var once bus.Once[Resp] // on a slow machine the portal asks again
	err := bus.Handle(p.bus, s, subject, 32, func(ctx context.Context, r Req) (Resp, error) {
		return once.Do(ctx, func() (Resp, error) { return f(r) })
	})
	if err == nil {
		err = p.bus.NC.Flush() // who asks from now on is answered
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (as *assistant) ask(b *bus.Bus, r assistantv1.AskRequest) (assistantv1.Answer, error) {
	if strings.Contains(r.Question, "går ned") {
		return assistantv1.Answer{}, errs.E(errs.Unavailable, "", nil)
	}
	ans := answerFor(r)
	ans.ID, ans.Session, ans.Question, ans.DraftedBy, ans.At = r.ID, r.Session, r.Question, "extract", time.Now().UTC()
	as.mu.Lock()
	as.asked = append(as.asked, r)
	as.sessions[r.Session] = append(as.sessions[r.Session], ans)
	pause, pauseAt, drops := as.pause, as.pauseAt, as.drops
	as.mu.Unlock()
	n := 0
	tell := func(e assistantv1.Event) {
		n++
		e.AnswerID, e.Sequence = r.ID, n
		b.NC.Publish(assistantv1.AnswerSubject(r.ID), mustJSON(e))
	}
	tell(assistantv1.Event{Kind: assistantv1.EventStatus, Status: "searching"})
	for i := range ans.Sentences {
		if i > 0 && drops {
			break
		}
		tell(assistantv1.Event{Kind: assistantv1.EventSentence, Sentence: &ans.Sentences[i]})
		if i == pauseAt && pause != nil {
			<-pause
		}
	}
	tell(assistantv1.Event{Kind: assistantv1.EventAnswer, Answer: &ans})
	return ans, nil
}

// answerFor gives each kind of answer for a word in the question.
func answerFor(r assistantv1.AskRequest) assistantv1.Answer {
	ans := assistantv1.Answer{Language: "da", Area: "borgerservice", Municipality: r.Municipality}
	has := func(s string) bool { return strings.Contains(strings.ToLower(r.Question), s) }
	person := []assistantv1.Route{
		{Kind: assistantv1.RouteChat, Label: "Skriv med en medarbejder", Target: "/henvendelse?kanal=chat"},
		{Kind: assistantv1.RouteCallBack, Label: "Bliv ringet op", Target: "/henvendelse?kanal=callback"},
		{Kind: assistantv1.RoutePhone, Label: "Ring til Borgerservice", Target: "tel:12345678"},
	}
	switch {
	case has("slå mig selv"):
		ans.Reason, ans.Message = assistantv1.ReasonCrisis, "Er du i fare lige nu, så ring 112. Livslinien er åben hver dag og lytter til dig."
		ans.Routes = []assistantv1.Route{
			{Kind: assistantv1.RouteEmergency, Label: "Ring 112", Target: "tel:112"},
			{Kind: assistantv1.RouteEmergency, Label: "Livslinien 70 20 12 01", Target: "tel:70201201"},
		}
	case has("min sag"):
		ans.Reason, ans.Message = assistantv1.ReasonOwnCase, "Det kan kun du og din sagsbehandler se. Jeg kan ikke se din sag."
		ans.Routes = append([]assistantv1.Route{{Kind: assistantv1.RouteLogin, Label: "Log ind og se din sag", Target: "/login"}}, person...)
	case has("gebyr") && r.Municipality == "":
		ans.Reason, ans.Message = assistantv1.ReasonMunicipality, "Reglerne er forskellige. Hvilken kommune gælder det?"
		ans.Options = []assistantv1.Option{{Value: "0751", Label: "Aarhus"}, {Value: "0101", Label: "København"}}
	case has("sidste år") && r.At == "":
		ans.Reason, ans.Message = assistantv1.ReasonDate, "Reglerne blev ændret. Hvornår gælder det?"
		ans.Options = []assistantv1.Option{{Value: "2025-12-31", Label: "Til og med 2025"}, {Value: "2026-01-01", Label: "Fra 2026"}}
	case has("måne"):
		ans.Reason, ans.Message, ans.Routes = assistantv1.ReasonUnknown, "Det ved jeg ikke. Jeg svarer kun på det, jeg kan vise, hvor står.", person
	case has("goddag"):
		ans.Reason, ans.Message = assistantv1.ReasonSmallTalk, "Goddag. Hvad vil du have hjælp til?"
	case has("hvornår kan"):
		ans.Answered, ans.Reason, ans.Routes, ans.Authority = true, assistantv1.ReasonAnswered, person, "Kommunen"
		for i, text := range []string{"Du bruger MitID.", "Du kan tidligst gøre det 4 uger før."} {
			ans.Sentences = append(ans.Sentences, assistantv1.Sentence{ID: strconv.Itoa(i + 1), Text: text, Evidence: []assistantv1.Evidence{quote(text)}})
		}
		ans.Sentences[1].Question = "hvornår kan jeg melde flytning?"
	case has("trin for trin"):
		ans.Answered, ans.Reason, ans.Routes, ans.Authority = true, assistantv1.ReasonAnswered, person, "Kommunen"
		for i, text := range []string{"Det gør du:", "Skriv den nye adresse.", "Send."} {
			s := assistantv1.Sentence{ID: strconv.Itoa(i + 1), Text: text, Evidence: []assistantv1.Evidence{quote(text)}}
			if i > 0 {
				s.List, s.Number = 1, i+1
			}
			ans.Sentences = append(ans.Sentences, s)
		}
	case has("mitid"):
		ans.Answered, ans.Reason, ans.Routes, ans.Authority = true, assistantv1.ReasonAnswered, person, "Kommunen"
		for i, text := range []string{"Du skal melde flytning til din nye kommune.", "Du bruger MitID.", "Børn kan meldes med."} {
			ans.Sentences = append(ans.Sentences, assistantv1.Sentence{ID: strconv.Itoa(i + 1), Text: text, Evidence: []assistantv1.Evidence{quote(text)}, List: min(i, 1)})
		}
	default:
		ans.Answered, ans.Reason, ans.Routes = true, assistantv1.ReasonAnswered, person
		ans.Sentences = []assistantv1.Sentence{
			{ID: "1", Text: "Du skal melde flytning senest 5 dage efter, at du er flyttet.", Evidence: []assistantv1.Evidence{quote("senest 5 dage efter, at du er flyttet")}},
			{ID: "2", Text: "Du kan tidligst gøre det 4 uger før.", Evidence: []assistantv1.Evidence{quote("Du kan tidligst gøre det 4 uger før.")}},
		}
		ans.AsOf, ans.Authority, ans.Why, ans.LIX, ans.Demo = "2026-11-20", "Kommunen", "Flytning hører under den kommune, du flytter til.", 28, true
		ans.Links = []knowledgev1.Link{{Label: "Meld flytning", URL: "https://www.borger.dk/bolig-og-flytning/flytning"}}
		if has("og hvis") {
			ans.Read = "Melde flytning til udlandet"
		}
	}
	return ans
}

func (as *assistant) serveKnowledge(t testing.TB, p *place, s microService) {
	script(t, p, s, knowledgev1.ChunkSubject, func(r knowledgev1.ChunkRequest) (knowledgev1.Chunk, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		if r.ID != movingChunk().ID || as.gone {
			return knowledgev1.Chunk{}, errs.E(errs.NotFound, "", nil)
		}
		c := as.chunk()
		c.ValidTo = as.until
		return c, nil
	})
	script(t, p, s, knowledgev1.AskedSubject, as.setAsked)
	script(t, p, s, knowledgev1.SearchSubject, func(r knowledgev1.SearchRequest) (knowledgev1.SearchReply, error) {
		if r.Query == "måne" {
			return knowledgev1.SearchReply{}, nil
		}
		if r.Query == "nede" {
			return knowledgev1.SearchReply{}, errs.E(errs.Unavailable, "Søgningen svarer ikke lige nu.", nil)
		}
		h := knowledgev1.Hit{Chunk: movingChunk(), Score: 0.5}
		if strings.Contains(r.Query, "skrald") {
			return as.rubbish(r), nil
		}
		if r.Explain {
			h.Why, h.Coverage = []knowledgev1.Why{{Ranking: "words", Rank: 1, Score: 2.5, Terms: []string{"flytning", "meld"}}}, .83
			terms := []knowledgev1.Term{{Text: "flytning", Word: "flytning", Via: "word", Weight: .7}, {Text: "meld", Word: "melde", Via: "official", Weight: .3}}
			return knowledgev1.SearchReply{Hits: []knowledgev1.Hit{h}, Terms: terms, Encoder: "sparse-3"}, nil
		}
		return knowledgev1.SearchReply{Hits: []knowledgev1.Hit{h}}, nil
	})
	script(t, p, s, knowledgev1.ImportSubject, func(r knowledgev1.ImportRequest) (knowledgev1.Run, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		as.imported = append(as.imported, r)
		return knowledgev1.Run{ID: r.Import, Source: r.Source, State: knowledgev1.RunDone, Added: len(r.Records)}, nil
	})
	script(t, p, s, knowledgev1.SourcesSubject, func(knowledgev1.SourcesRequest) (knowledgev1.SourcesReply, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		rep := knowledgev1.SourcesReply{Sources: as.sources}
		for _, src := range as.sources {
			if src.LastRun != nil {
				rep.Runs = append(rep.Runs, *src.LastRun)
			}
		}
		return rep, nil
	})
	script(t, p, s, knowledgev1.SaveSourceSubject, func(r knowledgev1.Source) (knowledgev1.Source, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		as.sources = append(as.sources, r)
		return r, nil
	})
	run := func(r knowledgev1.SourceRef) (knowledgev1.Run, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		as.refs = append(as.refs, r)
		return knowledgev1.Run{ID: "r", Source: r.ID, State: knowledgev1.RunRunning}, nil
	}
	script(t, p, s, knowledgev1.RunSourceSubject, run)
	script(t, p, s, knowledgev1.RemoveSubject, run)
}

func (as *assistant) serveInquiries(t testing.TB, p *place, s microService) {
	script(t, p, s, inquiryv1.PrepareSubject, func(r inquiryv1.PrepareRequest) (inquiryv1.Prepared, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		out := inquiryv1.Prepared{
			ServiceArea: "borgerservice", AreaName: "Borgerservice", AskNote: as.noteAsked, Purpose: "Behandling af din henvendelse", TextVersion: "1",
			Choices: []inquiryv1.Choice{
				{Channel: inquiryv1.Chat, Open: true, Ahead: 2, WaitMins: 6},
				{Channel: inquiryv1.CallBack, Open: true, Ahead: 1, WaitMins: 15},
				{Channel: inquiryv1.Video, OpensAt: time.Now().Add(20 * time.Hour), Closed: "Videomøder er lukket i dag."},
			},
		}
		if r.Area == "pension" {
			out.ServiceArea, out.AreaName = "pension", "Pension"
		}
		for _, ans := range as.sessions[r.Session] {
			out.Summary += "Borgeren spørger: " + ans.Question + "\n"
			for _, st := range ans.Sentences {
				out.Sources = append(out.Sources, st.Evidence...)
			}
		}
		return out, nil
	})
	script(t, p, s, inquiryv1.OpenSubject, func(r inquiryv1.OpenRequest) (inquiryv1.Inquiry, error) { return as.open(p.bus, r) })
	script(t, p, s, inquiryv1.StatusSubject, func(r inquiryv1.ReceiptRequest) (inquiryv1.Inquiry, error) {
		h, err := as.find(inquiryv1.HistoryRequest{Receipt: r.Receipt})
		return h.Inquiry, err
	})
	script(t, p, s, inquiryv1.HistorySubject, as.find)
	script(t, p, s, inquiryv1.SaySubject, func(r inquiryv1.SayRequest) (inquiryv1.Message, error) { return as.say(p.bus, r) })
	script(t, p, s, inquiryv1.EndSubject, func(r inquiryv1.EndRequest) (inquiryv1.Inquiry, error) {
		return as.step(p.bus, r.Receipt, r.ID, "ended", func(i *inquiryv1.Inquiry) { i.State, i.EndedAt = inquiryv1.Ended, time.Now() })
	})
}

func (as *assistant) open(b *bus.Bus, r inquiryv1.OpenRequest) (inquiryv1.Inquiry, error) {
	as.mu.Lock()
	defer as.mu.Unlock()
	for _, h := range as.inquiries {
		if h.Inquiry.ID == r.ID {
			return h.Inquiry, nil
		}
	}
	as.opened = append(as.opened, r)
	now := time.Now().UTC()
	i := inquiryv1.Inquiry{
		ID: r.ID, Receipt: fmt.Sprintf("K7QF-3M9T-WX%02d", len(as.opened)), ConversationID: event.NewID(now), Channel: r.Channel, State: inquiryv1.Waiting,
		ServiceArea: r.ServiceArea, AreaName: "Borgerservice", Summary: r.Summary, Sources: r.Sources, Name: r.Name, Phone: r.Phone, Position: 3, WaitMins: 6,
		Open: true, CreatedAt: now, ClaimBy: now.Add(30 * time.Minute), Steps: []inquiryv1.Step{{At: now, What: "opened", Area: r.ServiceArea}},
	}
	as.inquiries[i.Receipt] = &inquiryv1.HistoryReply{Inquiry: i}
	return i, nil
}

// one returns an inquiry by receipt or id; the caller holds mu.
func (as *assistant) one(receipt, id string) (*inquiryv1.HistoryReply, error) {
	for k, h := range as.inquiries {
		if receipt != "" && k == receipt || receipt == "" && h.Inquiry.ID == id {
			return h, nil
		}
	}
	return nil, errs.E(errs.NotFound, "", nil)
}

func (as *assistant) find(r inquiryv1.HistoryRequest) (inquiryv1.HistoryReply, error) {
	as.mu.Lock()
	defer as.mu.Unlock()
	h, err := as.one(r.Receipt, r.InquiryID)
	if err != nil {
		return inquiryv1.HistoryReply{}, err
	}
	if r.Actor != nil && !r.Peek {
		as.seen[h.Inquiry.ID] = len(h.Messages)
	}
	out := inquiryv1.HistoryReply{Inquiry: h.Inquiry}
	for _, m := range h.Messages {
		if m.Seq > r.After {
			out.Messages = append(out.Messages, m)
		}
	}
	return out, nil
}

func (as *assistant) step(b *bus.Bus, receipt, id, what string, f func(*inquiryv1.Inquiry)) (inquiryv1.Inquiry, error) {
	as.mu.Lock()
	defer as.mu.Unlock()
	h, err := as.one(receipt, id)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	f(&h.Inquiry)
	h.Inquiry.Steps = append(h.Inquiry.Steps, inquiryv1.Step{At: time.Now().UTC(), What: what, Area: h.Inquiry.ServiceArea})
	changed(b, h.Inquiry, what)
	return h.Inquiry, nil
}

func changed(b *bus.Bus, i inquiryv1.Inquiry, what string) {
	c := inquiryv1.Changed{Meta: event.NewMeta("inquiry.v1.changed", "test", time.Now()), InquiryID: i.ID, ServiceArea: i.ServiceArea, State: i.State, What: what}
	b.NC.Publish(c.Subject(), mustJSON(c))
}

func (as *assistant) say(b *bus.Bus, r inquiryv1.SayRequest) (inquiryv1.Message, error) {
	as.mu.Lock()
	defer as.mu.Unlock()
	h, err := as.one(r.Receipt, r.InquiryID)
	if err != nil {
		return inquiryv1.Message{}, err
	}
	if as.mute {
		return inquiryv1.Message{}, unavailable
	}
	if strings.TrimSpace(r.Text) == "" {
		return inquiryv1.Message{}, errs.E(errs.Invalid, "Beskeden er tom.", nil)
	}
	for _, m := range h.Messages {
		if m.ID == r.ID {
			return m, nil
		}
	}
	m := inquiryv1.Message{ID: r.ID, Seq: len(h.Messages) + 1, At: time.Now().UTC(), From: inquiryv1.FromCitizen, Text: r.Text}
	if r.Actor != nil {
		m.From, m.Name = inquiryv1.FromCaseworker, r.Actor.Name
	}
	h.Messages = append(h.Messages, m)
	h.Inquiry.Messages = len(h.Messages)
	changed(b, h.Inquiry, "message")
	return m, nil
}
