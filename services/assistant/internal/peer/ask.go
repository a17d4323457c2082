package peer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/a2aproject/a2a-go/v2/a2a"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

const (
	// AskWithin is how long a question waits for peers.
	AskWithin = 3 * time.Second
	// rest is how long a peer that failed is left alone, so that not every question waits for it.
	rest      = time.Minute
	askAtOnce = 3

	maxSentences = 6
	maxEvidence  = 4    // of a sentence
	maxText      = 1000 // characters of a sentence or quote
	maxLinks     = 3
)

// Answer asks the peers whose topics the question has, when our own answer to it is that we do not know. What comes back takes
// the place of our answer; nil leaves it as it is. The question goes out masked, and never further than one step: what a
// program asks us we do not pass on.
func (p *Peers) Answer(ctx context.Context, req assistantv1.AskRequest, own assistantv1.Answer) *assistantv1.Answer {
	unknown := own.Reason == assistantv1.ReasonUnknown || own.Reason == assistantv1.ReasonUnproven
	if !unknown || req.Audience == assistantv1.AudienceProgram || own.Question == "" {
		return nil
	}
	rows, err := p.read(ctx)
	if err != nil {
		p.cfg.Log.Warn("peers not read", "answer", own.ID, "err", err)
		return nil
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return p.resting(r.ID) })
	ctx, cancel := context.WithTimeout(ctx, p.cfg.AskWithin)
	defer cancel()
	return p.first(ctx, leads(rows, own.Question), req, own)
}

// leads gives the peers whose topics the question has, most topics first.
func leads(rows []row, question string) []row {
	var asked []string
	for _, w := range danish.Words(question) {
		asked = append(asked, danish.Stem(w))
	}
	hits := map[string]int{}
	var out []row
	for _, r := range rows {
		if !r.Enabled || r.Problem != "" {
			continue
		}
		for _, t := range r.Topics {
			if about(asked, t) {
				hits[r.ID]++
			}
		}
		if hits[r.ID] > 0 {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b row) int { return cmp.Compare(hits[b.ID], hits[a.ID]) })
	return out[:min(len(out), askAtOnce)]
}

// partOf is the length from which a topic is also found inside a compound: "pension" in "folkepension", but not "su" in "sundhed".
const partOf = 5

// about reports that the question has every word of the topic.
func about(asked []string, topic string) bool {
	words := danish.Words(topic)
	for _, w := range words {
		s := danish.Stem(w)
		found := slices.ContainsFunc(asked, func(a string) bool { return a == s || utf8.RuneCountInString(s) >= partOf && strings.Contains(a, s) })
		if !found {
			return false
		}
	}
	return len(words) > 0
}

// first asks the peers at once and takes the proven answer of the one that fits best.
func (p *Peers) first(ctx context.Context, peers []row, req assistantv1.AskRequest, own assistantv1.Answer) *assistantv1.Answer {
	answers := make([]*assistantv1.Answer, len(peers))
	var wg sync.WaitGroup
	for i, r := range peers {
		wg.Go(func() {
			theirs, err := ask(ctx, r, req, own)
			if err != nil {
				p.asked.WithLabelValues("failed").Inc()
				p.rested(r.ID, rest)
				p.cfg.Log.Warn("peer not asked", "peer", r.ID, "answer", own.ID, "err", err)
				return
			}
			answers[i] = accept(own, theirs, r.Name)
			result := "nothing"
			if answers[i] != nil {
				result = "answered"
			}
			p.asked.WithLabelValues(result).Inc()
		})
	}
	wg.Wait()
	for _, a := range answers {
		if a != nil {
			return a
		}
	}
	return nil
}

// sent is what a peer is told beside the text of the question; other agents ignore what they do not know.
type sent struct {
	Municipality string `json:"municipality,omitempty"`
	Date         string `json:"date,omitempty"`
	Language     string `json:"language,omitempty"`
}

// ask sends the question and gives what the peer answered. An answer without sentences is none, but no error either.
func ask(ctx context.Context, r row, req assistantv1.AskRequest, own assistantv1.Answer) (assistantv1.Answer, error) {
	var none assistantv1.Answer
	to, err := addressOf(r.endpoint)
	if err != nil {
		return none, err
	}
	m := a2a.NewMessage(a2a.MessageRoleUser, a2a.NewTextPart(own.Question), a2a.NewDataPart(sent{own.Municipality, req.At, own.Language}))
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": own.ID, "method": "SendMessage", "params": a2a.SendMessageRequest{Message: m}})
	if err != nil {
		return none, fmt.Errorf("question: %w", err)
	}
	post, err := http.NewRequest(http.MethodPost, r.endpoint, bytes.NewReader(body))
	if err != nil {
		return none, fmt.Errorf("question: %w", err)
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Accept", "application/json")
	post.Header.Set("A2A-Version", string(a2a.Version))
	raw, err := to.do(ctx, post)
	if err != nil {
		return none, err
	}
	return read(raw)
}

// read takes the answer out of a JSON-RPC reply: the first part of a completed task, or of a message, that holds sentences.
func read(raw []byte) (assistantv1.Answer, error) {
	var rep struct {
		Result *a2a.StreamResponse `json:"result"`
		Error  *struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(raw, &rep); err != nil {
		return assistantv1.Answer{}, fmt.Errorf("reply: %w", err)
	}
	if rep.Error != nil {
		return assistantv1.Answer{}, fmt.Errorf("peer answered with error %d", rep.Error.Code)
	}
	if rep.Result == nil {
		return assistantv1.Answer{}, errors.New("reply without a result")
	}
	var parts []*a2a.Part
	switch r := rep.Result.Event.(type) {
	case *a2a.Message:
		parts = r.Parts
	case *a2a.Task:
		for _, a := range r.Artifacts {
			if a != nil && r.Status.State == a2a.TaskStateCompleted {
				parts = append(parts, a.Parts...)
			}
		}
	}
	for _, part := range parts {
		if part == nil || part.Data() == nil {
			continue
		}
		data, err := json.Marshal(part.Data())
		if err != nil {
			return assistantv1.Answer{}, fmt.Errorf("reply: %w", err)
		}
		var a assistantv1.Answer
		if json.Unmarshal(data, &a) == nil && len(a.Sentences) > 0 {
			return a, nil
		}
	}
	return assistantv1.Answer{}, nil
}

// accept makes our answer of theirs: what is proven by quotes that say where they stand. nil: nothing is.
func accept(own, theirs assistantv1.Answer, name string) *assistantv1.Answer {
	if !theirs.Answered {
		return nil
	}
	var said []assistantv1.Sentence
	for _, s := range theirs.Sentences[:min(len(theirs.Sentences), maxSentences)] {
		if ok, proven := prove(s); ok {
			proven.ID, proven.List = fmt.Sprintf("s%d", len(said)+1), max(0, s.List)
			if proven.List > 0 && s.Number <= knowledgev1.MaxListNumber {
				proven.Number = max(0, s.Number)
			}
			said = append(said, proven)
		}
	}
	if len(said) == 0 {
		return nil
	}
	out := own
	out.Answered, out.Reason, out.Message, out.Options = true, assistantv1.ReasonAnswered, "", nil
	out.Sentences, out.Peer, out.Demo = said, name, theirs.Demo
	out.Authority, out.Why = short(theirs.Authority), ""
	if out.Authority == "" {
		out.Authority = name
	}
	out.DraftedBy = cmp.Or(short(theirs.DraftedBy), own.DraftedBy)
	out.AsOf = ""
	if _, err := time.Parse(knowledgev1.DateLayout, theirs.AsOf); err == nil {
		out.AsOf = theirs.AsOf
	}
	out.Links = nil
	for _, l := range theirs.Links {
		if l.Label = short(l.Label); l.Label != "" && web(l.URL) && len(out.Links) < maxLinks {
			out.Links = append(out.Links, l)
		}
	}
	var text []string
	for _, s := range said {
		text = append(text, s.Text)
	}
	out.LIX = danish.LIX(strings.Join(text, " "))
	out.Notice = notice(own.Language, name)
	return &out
}

// notice marks the quotes as the peer's word.
func notice(language, name string) string {
	if language == "en" {
		return "Sentences and quotes come from the assistant of " + name + ". We have held each sentence against its quotes, but not the quotes against their source."
	}
	return "Sætninger og citater kommer fra assistenten hos " + name + ". Vi har holdt hver sætning op mod dens citater, men ikke citaterne op mod kilden."
}

// prove holds a sentence against its quotes, each taken as a whole text. The evidence then is in the quote itself: the peer's
// articles are not ours to point into.
func prove(s assistantv1.Sentence) (bool, assistantv1.Sentence) {
	out := assistantv1.Sentence{Text: oneLine(s.Text)}
	if out.Text == "" || utf8.RuneCountInString(out.Text) > maxText {
		return false, out
	}
	quotes := evidence.Articles{}
	claim := evidence.Claim{Text: out.Text}
	for i, e := range s.Evidence[:min(len(s.Evidence), maxEvidence)] {
		quote := strings.TrimSpace(strings.ToValidUTF8(e.Quote, ""))
		if quote == "" || utf8.RuneCountInString(quote) > maxText || !web(e.URL) {
			continue
		}
		id, hash := fmt.Sprint(i), evidence.ContentHash(quote)
		quotes[id] = quote
		claim.Spans = append(claim.Spans, evidence.Span{Source: id, End: len(quote), Hash: hash})
		out.Evidence = append(out.Evidence, assistantv1.Evidence{
			Quote: quote, URL: e.URL, Title: short(e.Title), Section: short(e.Section), End: len(quote), SHA256: hash,
		})
	}
	return len(claim.Spans) > 0 && evidence.Verify(claim, quotes).Level == evidence.Supported, out
}

// web reports an address that can be opened: https, so that nobody changes the page on the way.
func web(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && len(s) <= 2000
}

// short bounds a name or title.
func short(s string) string {
	s = oneLine(s)
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
