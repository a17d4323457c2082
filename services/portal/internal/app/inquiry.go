package app

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// An inquiry is a citizen's by its receipt number: whoever has it sees and writes. So it stands in no log, no referrer and
// no cache (private), and what a citizen sees of an inquiry holds nothing that the receipt's finder could use further.

// private marks an answer that only the asker's screen may hold.
func private(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

var receiptForm = regexp.MustCompile(`^[A-Z0-9]{4,32}$`)

// cleanReceipt gives a receipt number its one written form, however people type it; "" when it cannot be one.
func cleanReceipt(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '–', '\u00a0', '.':
			return -1
		}
		return r
	}, strings.ToUpper(strings.TrimSpace(s)))
	if !receiptForm.MatchString(s) {
		return ""
	}
	var groups []string
	for len(s) > 4 {
		groups, s = append(groups, s[:4]), s[4:]
	}
	return strings.Join(append(groups, s), "-")
}

func pathReceipt(r *http.Request) (string, error) {
	receipt := cleanReceipt(r.PathValue("receipt"))
	if receipt == "" {
		return "", errs.E(errs.NotFound, textNoReceipt, nil)
	}
	return receipt, nil
}

const textNoReceipt = "Vi kan ikke finde en henvendelse med det nummer. Se efter, om nummeret er skrevet rigtigt. Henvendelser bliver slettet efter nogen tid."

// forCitizen leaves out of an inquiry what only the desk needs, and most of the phone number.
func forCitizen(i inquiryv1.Inquiry) inquiryv1.Inquiry {
	i.ID, i.ConversationID, i.CallID, i.Caseworker = "", "", "", ""
	if n := len(i.Phone); n > 2 {
		i.Phone = "•••••• " + i.Phone[n-2:]
	}
	return i
}

func (a *App) prepareInquiry(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	var req inquiryv1.PrepareRequest
	if err := decodeOptional(r, &req); err != nil {
		return err
	}
	prep, err := a.prepare(r, req)
	if err != nil {
		return err
	}
	return reply(w, prep)
}

func (a *App) prepare(r *http.Request, req inquiryv1.PrepareRequest) (inquiryv1.Prepared, error) {
	req.Session = a.askSession(r, req.Session)
	if req.Language == "" {
		req.Language = string(lang(r))
	}
	return bus.Request[inquiryv1.Prepared](r.Context(), a.Bus, inquiryv1.PrepareSubject, req)
}

func (a *App) openInquiry(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req inquiryv1.OpenRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	i, err := a.sendInquiry(r, p, req)
	if err != nil {
		return err
	}
	private(w)
	return reply(w, forCitizen(i))
}

// sendInquiry opens an inquiry for who asks, whoever the request says it is.
func (a *App) sendInquiry(r *http.Request, p who.Person, req inquiryv1.OpenRequest) (inquiryv1.Inquiry, error) {
	if err := a.asks.take(a.limitKey(r, p)); err != nil {
		return inquiryv1.Inquiry{}, err
	}
	if req.ID == "" {
		req.ID = event.NewID(a.Now())
	}
	if err := event.CheckToken(req.ID); err != nil {
		return inquiryv1.Inquiry{}, errs.E(errs.Invalid, "", err)
	}
	req.Session = a.askSession(r, req.Session)
	req.PartyID = ""
	if p.Is(token.Citizen) {
		req.PartyID, req.OnBehalfOf = p.PartyRef, cmp.Or(p.Behalf, req.OnBehalfOf)
	}
	return bus.Request[inquiryv1.Inquiry](r.Context(), a.Bus, inquiryv1.OpenSubject, req)
}

func (a *App) getInquiry(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	receipt, err := pathReceipt(r)
	if err != nil {
		return err
	}
	i, err := bus.Request[inquiryv1.Inquiry](r.Context(), a.Bus, inquiryv1.StatusSubject, inquiryv1.ReceiptRequest{Receipt: receipt})
	if err != nil {
		return err
	}
	private(w)
	return reply(w, forCitizen(i))
}

func (a *App) getMessages(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	receipt, err := pathReceipt(r)
	if err != nil {
		return err
	}
	after, err := afterOf(r)
	if err != nil {
		return err
	}
	h, err := a.messages(r.Context(), inquiryv1.HistoryRequest{Receipt: receipt, After: after})
	if err != nil {
		return err
	}
	private(w)
	h.Inquiry = forCitizen(h.Inquiry)
	return reply(w, h)
}

func afterOf(r *http.Request) (int, error) {
	s := r.URL.Query().Get("after")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, errs.E(errs.Invalid, "after skal være nummeret på den sidste besked, du har.", err)
	}
	return n, nil
}

func (a *App) messages(ctx context.Context, req inquiryv1.HistoryRequest) (inquiryv1.HistoryReply, error) {
	h, err := bus.Request[inquiryv1.HistoryReply](ctx, a.Bus, inquiryv1.HistorySubject, req)
	if h.Messages == nil {
		h.Messages = []inquiryv1.Message{}
	}
	return h, err
}

func (a *App) postMessage(w http.ResponseWriter, r *http.Request, p who.Person) error {
	receipt, err := pathReceipt(r)
	if err != nil {
		return err
	}
	var req inquiryv1.SayRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	m, err := a.say(r, p, inquiryv1.SayRequest{ID: req.ID, Receipt: receipt, Text: req.Text})
	if err != nil {
		return err
	}
	private(w)
	return reply(w, m)
}

// say sends a message; one that is sent again with its id is no second message.
func (a *App) say(r *http.Request, p who.Person, req inquiryv1.SayRequest) (inquiryv1.Message, error) {
	if err := a.people.take("says:" + req.Receipt + p.ID); err != nil {
		return inquiryv1.Message{}, err
	}
	if req.ID == "" {
		req.ID = event.NewID(a.Now())
	}
	if err := event.CheckToken(req.ID); err != nil {
		return inquiryv1.Message{}, errs.E(errs.Invalid, "", err)
	}
	return bus.Request[inquiryv1.Message](r.Context(), a.Bus, inquiryv1.SaySubject, req)
}

func (a *App) endInquiry(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	receipt, err := pathReceipt(r)
	if err != nil {
		return err
	}
	i, err := bus.Request[inquiryv1.Inquiry](r.Context(), a.Bus, inquiryv1.EndSubject, inquiryv1.EndRequest{Receipt: receipt})
	if err != nil {
		return err
	}
	private(w)
	return reply(w, forCitizen(i))
}

// typingInquiry tells the caseworker that the citizen writes.
func (a *App) typingInquiry(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	receipt, err := pathReceipt(r)
	if err != nil {
		return err
	}
	i, err := bus.Request[inquiryv1.Inquiry](r.Context(), a.Bus, inquiryv1.StatusSubject, inquiryv1.ReceiptRequest{Receipt: receipt})
	if err != nil {
		return err
	}
	if err := a.publishTyping(i.ID, inquiryv1.FromCitizen); err != nil {
		return err
	}
	return reply(w, inquiryv1.Typing{From: inquiryv1.FromCitizen})
}

func (a *App) publishTyping(id, from string) error {
	data, err := json.Marshal(inquiryv1.Typing{InquiryID: id, From: from})
	if err != nil {
		return err
	}
	return a.Bus.NC.Publish(inquiryv1.TypingSubject(id), data)
}

// inquiryEvents follows one inquiry as its citizen: messages (resumable by their number), its state, and that somebody writes.
func (a *App) inquiryEvents(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	receipt, err := pathReceipt(r)
	if err != nil {
		return err
	}
	private(w)
	f := &follower{
		stream: a.newStream(w, r), req: inquiryv1.HistoryRequest{Receipt: receipt, After: int(lastID(r))},
		from: inquiryv1.FromCaseworker, view: forCitizen, every: lookEvery,
	}
	f.stream.still = func() error { return nil } // the receipt is what opens it
	return f.run(r.Context())
}

// lookEvery is how old the place in the queue may be on a citizen's screen.
const lookEvery = time.Minute

// follower brings what happens in one inquiry to one reader. Changes carry no words, so each one is a look at the history
// after the last message that the reader has.
type follower struct {
	stream *stream
	from   string // whose typing is shown
	view   func(inquiryv1.Inquiry) inquiryv1.Inquiry
	every  time.Duration // also looks this often; 0: only when told

	mu   sync.Mutex // held while looking, so that messages come in order and once
	req  inquiryv1.HistoryRequest
	told inquiryv1.Inquiry
}

func (f *follower) run(ctx context.Context) error {
	s := f.stream
	defer s.close()
	h, err := s.app.messages(ctx, f.req) // also says whether the reader may
	if err != nil {
		return err
	}
	id := h.Inquiry.ID
	if err := event.CheckToken(id); err != nil {
		return errs.E(errs.Internal, "", err)
	}
	err = listen(s, inquiryv1.ChangedSubject(id), func(inquiryv1.Changed) { f.look(ctx, true) })
	if err != nil {
		return err
	}
	err = listen(s, inquiryv1.TypingSubject(id), func(t inquiryv1.Typing) {
		if t.From == f.from {
			s.put(sse{name: "typing", data: inquiryv1.Typing{From: t.From}})
		}
	})
	if err != nil {
		return err
	}
	f.look(ctx, true) // what came between the first look and listening
	if f.every > 0 {
		go f.again(ctx)
	}
	return s.run()
}

// again looks from time to time until ctx ends. Nobody tells of the place in the queue and the wait, which change with what others
// do; and it shows that the citizen is still there.
func (f *follower) again(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(f.every):
			f.look(ctx, false)
		}
	}
}

// look brings what is new. Without a change that was told, the inquiry is only shown when it looks otherwise now.
func (f *follower) look(ctx context.Context, changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.stream.app.messages(ctx, f.req)
	if err != nil {
		if changed {
			f.stream.put(sse{name: "resync", data: struct{}{}})
		}
		return
	}
	for _, m := range h.Messages {
		if m.Seq <= f.req.After {
			continue
		}
		f.req.After = m.Seq
		f.stream.put(sse{id: strconv.Itoa(m.Seq), name: "message", data: m})
	}
	now := f.view(h.Inquiry)
	if changed || !reflect.DeepEqual(now, f.told) {
		f.stream.put(sse{name: "changed", data: now})
	}
	f.told = now
}
