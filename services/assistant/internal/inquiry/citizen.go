package inquiry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/services/assistant/internal/inquiry/receipt"
	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// What a summary is made of.
const (
	maxAsked   = 3 // questions, the last ones
	maxSources = 5
)

// prepare makes the summary that the citizen reads, edits and approves, and says what can be chosen.
func (s *Service) prepare(ctx context.Context, r inquiryv1.PrepareRequest) (inquiryv1.Prepared, error) {
	var turns []assistantv1.Answer
	if r.Session != "" {
		var err error
		turns, err = s.Sessions.Turns(ctx, r.Session)
		if err != nil {
			return inquiryv1.Prepared{}, err
		}
	}
	a, err := s.areaFor(ctx, r.Area, turns)
	if err != nil {
		return inquiryv1.Prepared{}, err
	}
	p := inquiryv1.Prepared{
		ServiceArea: a.ID, AreaName: a.name(r.Language), AskNote: a.AllowTranscript && a.AllowAINote, Purpose: a.Purpose, TextVersion: a.TextVersion,
	}
	p.Summary, p.Sources = summarise(r.Language, turns)
	p.Choices, err = s.choices(ctx, a)
	return p, err
}

// areaFor is the area wished for, else that of the last answer that named one, else the first.
func (s *Service) areaFor(ctx context.Context, wish string, turns []assistantv1.Answer) (area, error) {
	list, err := s.areas.All(ctx)
	if err != nil {
		return area{}, err
	}
	id := list[0].ID
	for _, t := range turns {
		if slices.ContainsFunc(list, func(a consentv1.Area) bool { return a.ID == t.Area }) {
			id = t.Area
		}
	}
	if slices.ContainsFunc(list, func(a consentv1.Area) bool { return a.ID == wish }) {
		id = wish
	}
	return s.areas.get(ctx, id)
}

// summarise says in the citizen's words what the session was about. Questions are masked by the session already.
func summarise(language string, turns []assistantv1.Answer) (string, []assistantv1.Evidence) {
	var asked []string
	var sources []assistantv1.Evidence
	for _, t := range turns {
		if q := strings.TrimSpace(t.Question); q != "" {
			asked = append(asked, q)
		}
		for _, x := range t.Sentences {
			for _, e := range x.Evidence {
				if !slices.ContainsFunc(sources, func(o assistantv1.Evidence) bool { return o.ChunkID == e.ChunkID && o.Title == e.Title }) {
					sources = append(sources, e)
				}
			}
		}
	}
	asked = asked[max(0, len(asked)-maxAsked):]
	sources = sources[max(0, len(sources)-maxSources):]
	title, answered := "", false
	if n := len(turns); n > 0 {
		answered = turns[n-1].Answered
		if last := turns[n-1].Sentences; len(last) > 0 && len(last[0].Evidence) > 0 {
			title = last[0].Evidence[0].Title
		}
	}
	return suggestion(language, asked, title, answered), sources
}

// uuid is the form of ids that the portal makes.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// conversationOf is the conversation of an inquiry: always the same, so that opening twice makes one key; and not the
// inquiry's own id, which pages know. The time in front stays, for conversations are listed by it.
func conversationOf(inquiry string) string {
	sum := sha256.Sum256([]byte("conversation of inquiry " + inquiry))
	h := hex.EncodeToString(sum[:])
	return inquiry[:14] + "7" + h[:3] + "-8" + h[3:6] + "-" + h[6:18]
}

const (
	maxField     = 200 // characters of a name or number
	maxTextBytes = 5 * inquiryv1.MaxMessage
)

var digits = regexp.MustCompile(`[0-9]`)

// checkOpen reports what of a request cannot be used, in words for the citizen.
func checkOpen(r inquiryv1.OpenRequest) error {
	bad := func(text string) error { return errs.E(errs.Invalid, text, nil) }
	switch {
	case !uuid.MatchString(r.ID):
		return errs.E(errs.Invalid, "", errors.New("id of an inquiry must be a UUIDv7"))
	case !slices.Contains([]string{inquiryv1.Chat, inquiryv1.CallBack, inquiryv1.Video}, r.Channel):
		return bad(textChannel)
	case strings.TrimSpace(clean(r.Summary)) == "", utf8.RuneCountInString(r.Summary) > inquiryv1.MaxMessage:
		return bad(textSummary)
	case r.Channel == inquiryv1.CallBack && len(digits.FindAllString(r.Phone, -1)) < 8:
		return bad(textPhone)
	case len(r.Sources) > 4*maxSources:
		return bad("")
	}
	for _, f := range []string{r.Name, r.Phone, r.PartyID, r.OnBehalfOf} {
		if utf8.RuneCountInString(f) > maxField {
			return bad(textField)
		}
	}
	return nil
}

// open keeps an inquiry. When the citizen sees the receipt number, the inquiry, its events and its workflow's start are in
// the database. The same request again gives the same inquiry, to the same browser only: its id is known to caseworkers, its receipt
// number to the citizen alone.
func (s *Service) open(ctx context.Context, r inquiryv1.OpenRequest) (inquiryv1.Inquiry, error) {
	if err := checkOpen(r); err != nil {
		return inquiryv1.Inquiry{}, err
	}
	_, known, err := s.areas.Find(ctx, r.ServiceArea)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	if !known {
		return inquiryv1.Inquiry{}, errs.E(errs.Invalid, textArea, nil)
	}
	i, err := s.store.Read().Inquiry(ctx, r.ID)
	if errors.Is(err, errs.NotFound) {
		i, err = s.add(ctx, r)
	}
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	c, _, err := s.contentOf(ctx, i)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	if c.Opener != s.opener(r) || r.Session == "" && s.Now().Sub(i.CreatedAt) > againWithin {
		return inquiryv1.Inquiry{}, errs.E(errs.Conflict, textSent, nil)
	}
	return s.view(ctx, i, inquiryv1.FromCitizen)
}

// againWithin is how long a request without a session may be repeated.
const againWithin = 5 * time.Minute

// opener tells who sends a request from others, without a way back to the session.
func (s *Service) opener(r inquiryv1.OpenRequest) string {
	if r.Session == "" {
		return ""
	}
	return receipt.Hash(s.ReceiptKey, "session "+r.Session)
}

func (s *Service) add(ctx context.Context, r inquiryv1.OpenRequest) (store.Inquiry, error) {
	a, err := s.areas.get(ctx, r.ServiceArea)
	if err != nil {
		return store.Inquiry{}, err
	}
	conversation, number, now := conversationOf(r.ID), receipt.New(), s.Now()
	sealed, err := seal.JSON(ctx, s.Keys, conversation, fieldContent, content{ // makes the key
		Receipt: number, Summary: write("", r.Summary), Sources: r.Sources, Name: strings.TrimSpace(clean(r.Name)),
		Phone: strings.TrimSpace(clean(r.Phone)), PartyID: r.PartyID, OnBehalfOf: r.OnBehalfOf,
		Opener: s.opener(r),
	})
	if err != nil {
		return store.Inquiry{}, err
	}
	if err := s.choose(ctx, r, a, conversation); err != nil {
		return store.Inquiry{}, err
	}
	i := store.Inquiry{
		ID: r.ID, ConversationID: conversation, ReceiptHash: receipt.Hash(s.ReceiptKey, number), Channel: r.Channel, ServiceArea: a.ID,
		State: inquiryv1.Waiting, Language: r.Language, Transcribe: a.AllowTranscript, Content: sealed, CreatedAt: now, CitizenAt: now,
	}
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		c := &change{tx: tx, Inquiry: i, area: a, now: now, keys: s.Keys}
		c.deadline()
		added, err := tx.Add(ctx, c.Inquiry)
		if err != nil || !added {
			return err
		}
		return errors.Join(c.step(ctx, "opened", ""), tx.Nudge(ctx, i.ID))
	})
	if err != nil {
		return i, err
	}
	s.metrics.opened.WithLabelValues(r.Channel).Inc()
	return s.store.Read().Inquiry(ctx, i.ID) // the first one, where two were opened at once
}

// choose records what the citizen chose, before the inquiry exists: a no to a machine's note must not come later than the
// words. Ids are the inquiry's, so that sending again is no second choice.
func (s *Service) choose(ctx context.Context, r inquiryv1.OpenRequest, a area, conversation string) error {
	if !a.AllowTranscript {
		return nil
	}
	language := "da"
	if r.Language != "" {
		language = r.Language
	}
	choice := func(kind, how string, value bool) error {
		now := s.Now()
		c := consentv1.Choice{
			Meta:           event.NewMeta("consent.v1.choice", source, now),
			ConversationID: conversation, Kind: kind, Value: value, Basis: a.Basis, Purpose: a.Purpose, TextVersion: a.TextVersion,
			Language: language, How: how, Who: roleCitizen, OnBehalfOf: r.OnBehalfOf, At: now,
		}
		c.ID = r.ID + "-" + kind
		leave, err := s.gate.enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
		_, err = bus.Request[consentv1.Choice](ctx, s.Bus, consentv1.ChoiceSubject, c)
		return err
	}
	// Typed words are text already; that they become part of the case follows from the area's basis, not from a consent.
	if err := choice(consentv1.Transcription, consentv1.HowArea, true); err != nil {
		return err
	}
	if !a.AllowAINote {
		return nil
	}
	return choice(consentv1.AINote, consentv1.HowButton, r.AINote)
}

// byReceipt finds the inquiry that a receipt number opens. A number that is none, one that nobody has and one that has
// expired are the same to whoever tries.
func (s *Service) byReceipt(ctx context.Context, number string) (store.Inquiry, error) {
	unknown := errs.E(errs.NotFound, textReceipt, nil)
	n, ok := receipt.Parse(number)
	if !ok {
		return store.Inquiry{}, unknown
	}
	i, err := s.store.Read().ByReceipt(ctx, receipt.Hash(s.ReceiptKey, n))
	if errors.Is(err, errs.NotFound) || err == nil && !i.EndedAt.IsZero() && s.Now().Sub(i.EndedAt) > receiptKept {
		return store.Inquiry{}, unknown
	}
	return i, err
}

func (s *Service) status(ctx context.Context, r inquiryv1.ReceiptRequest) (inquiryv1.Inquiry, error) {
	i, err := s.byReceipt(ctx, r.Receipt)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	if err := s.look(ctx, byReceipt, roleCitizen, "view-inquiry", purposeCitizen, i.ConversationID); err != nil {
		return inquiryv1.Inquiry{}, err
	}
	i, err = s.seen(ctx, i, inquiryv1.FromCitizen, 0)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	return s.view(ctx, i, inquiryv1.FromCitizen)
}
