// Package answer turns a question into a proven answer, or into a way to a person. The steps are those of [Pipeline.Ask], in their
// order: crisis rules, cleaning and masking, language, small talk, the asker's own case, what a follow-up goes on about, search,
// whether the evidence suffices, draft, proof.
//
// Every sentence is proven by models/evidence before anybody sees it, whoever drafted it. Without a language model the draft is
// taken from the articles word for word (package extract); a model only makes it better to read.
//
// A Pipeline keeps nothing of a question and is safe for concurrent use; how many run at once is bounded by its caller.
package answer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/assistant/internal/answer/crisis"
	"samtale.dk/samtale/services/assistant/internal/answer/extract"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Knowledge is what is known; services/assistant/internal/knowledge has it.
type Knowledge interface {
	Search(ctx context.Context, req knowledgev1.SearchRequest) (knowledgev1.SearchReply, error)
	Chunk(ctx context.Context, id string) (knowledgev1.Chunk, error)
	// Variants are the other chunks that say the same for other places or times.
	Variants(ctx context.Context, id string) ([]knowledgev1.Chunk, error)
}

// Areas gives the service areas that take a handover.
type Areas func(ctx context.Context) ([]consentv1.Area, error)

// Config is what New needs.
type Config struct {
	Knowledge Knowledge
	Model     llm.Model // llm.None: answers are taken word for word
	Areas     Areas
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
	Weights   *extract.Weights // nil: as fitted
}

// Pipeline answers.
type Pipeline struct {
	cfg    Config
	zone   *time.Location
	reader *extract.Reader
}

// New returns a pipeline.
func New(cfg Config) (*Pipeline, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Weights == nil {
		w, err := extract.Fitted()
		if err != nil {
			return nil, err
		}
		cfg.Weights = &w
	}
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return &Pipeline{cfg: cfg, zone: zone, reader: extract.NewReader(*cfg.Weights)}, nil
}

// Result is an answer with what only its maker knows.
type Result struct {
	assistantv1.Answer
	Turn    question.Turn     // what a follow-up goes on from
	Score   float64           // how well the evidence fits; 0: nothing was looked for
	Terms   []string          // words that say what was asked about
	Nearest knowledgev1.Chunk // what fits best, also when it proves no answer
	Hits    []string          // ids of what was found, best first
	Drafts  []extract.Draft   // as they were ranked, for evaluation
	Query   extract.Query     // as the question was read, for evaluation
}

// Tell takes the events of an answer while it is made; it must not block for long.
type Tell func(kind assistantv1.Event)

// asking is one question at work.
type asking struct {
	p      *Pipeline
	req    assistantv1.AskRequest
	turns  []question.Turn
	tell   Tell
	today  time.Time
	result Result
	lists  lists
	offers []knowledgev1.Chunk // to read for oneself, where nothing is proven to answer
	events int
}

// Ask answers a question. turns are the asker's earlier ones, oldest first. The error is only ever that of the knowledge or ctx.
func (p *Pipeline) Ask(ctx context.Context, req assistantv1.AskRequest, turns []question.Turn, tell Tell) (Result, error) {
	if tell == nil {
		tell = func(assistantv1.Event) {}
	}
	a := &asking{p: p, req: req, turns: turns, tell: tell, today: p.cfg.Now().In(p.zone), lists: lists{}}
	a.result.Answer = assistantv1.Answer{
		ID: req.ID, Session: req.Session, Municipality: req.Municipality, Language: question.Danish, DraftedBy: DraftedByExtract,
		At: p.cfg.Now().UTC().Truncate(time.Microsecond), Sentences: []assistantv1.Sentence{}, Routes: []assistantv1.Route{},
	}
	a.status("reading")
	err := a.run(ctx)
	if err != nil {
		return Result{}, err
	}
	a.finish(ctx)
	final := a.result.Answer
	a.send(assistantv1.Event{Kind: assistantv1.EventAnswer, Answer: &final})
	return a.result, nil
}

// DraftedByExtract is the author of answers without a model.
const DraftedByExtract = "extract"

func (a *asking) run(ctx context.Context) error {
	language := question.Language(a.req.Question)
	a.language(language)
	if k := crisis.Find(firstBytes(a.req.Question, 8<<10)); k != crisis.None {
		a.crisis(k)
		return nil
	}
	text, err := question.Clean(a.req.Question)
	switch {
	case errors.Is(err, question.ErrTooLong):
		a.refuse(assistantv1.ReasonTooLong)
		return nil
	case err != nil:
		a.refuse(assistantv1.ReasonEmpty)
		return nil
	}
	language = question.Language(text)
	a.language(language)
	text = danish.Hide(text)
	a.result.Question = text
	a.result.Turn = question.Turn{Read: text}
	if language == question.Other {
		a.refuse(assistantv1.ReasonLanguage)
		if tongue := question.Tongue(text); unread[tongue] != "" {
			a.result.Message, a.result.MessageLanguage = unread[tongue]+" "+a.result.Message, tongue
		}
		return nil
	}
	if again := elsewhere(text, a.turns); again != "" {
		a.result.Read, a.result.Turn.Read = again, again
		a.language(question.Language(again))
		a.turns = nil // it says all itself
		return a.search(ctx, again)
	}
	if kind := question.SmallTalk(text); kind != "" {
		a.smallTalk(kind)
		return nil
	}
	if a.req.Audience != assistantv1.AudienceCaseworker && question.OwnCase(text) {
		a.refuse(assistantv1.ReasonOwnCase)
		rep, err := a.look(ctx, a.readings(text)[0])
		if err != nil { // whom to ask remains without it
			a.p.cfg.Log.Warn("own case without its area", "answer", a.req.ID, "err", err)
		}
		a.result.Area = matter(rep.Hits, text)
		return nil
	}
	if first, second := question.Two(text); second != "" {
		return a.both(ctx, first, second)
	}
	return a.search(ctx, text)
}

// firstBytes is the beginning of a text: rules that must look at everything look at so much.
func firstBytes(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// language settles in which language is answered.
func (a *asking) language(of string) {
	switch {
	case a.req.Language == question.English || a.req.Language == question.Danish:
		a.result.Language = a.req.Language
	case of == question.English, of == question.Other: // who writes neither reads English sooner
		a.result.Language = question.English
	default:
		a.result.Language = question.Danish
	}
}

// reading is one way to understand a question.
type reading struct {
	text         string        // searched for
	kind         question.Kind // what is asked for; empty: what the text says
	told         string        // said around the question: it helps to find, and need not be proven
	topic        string        // title of what answered the question before
	shown        string        // what the asker is told; empty: as it was asked
	municipality string
	locality     string // a place that is no municipality we know
	at           string
	period       question.Day
	language     string
}

// readings lists how the question can be understood, the likeliest first.
func (a *asking) readings(text string) []reading {
	asks, told := question.Focus(question.Spelt(text))
	base := reading{text: asks, told: told, municipality: a.req.Municipality, at: a.req.At, language: question.Danish}
	if m, ok := danish.MunicipalityIn(text); ok {
		base.municipality = m.Code
		base.text, base.told = withoutName(asks, m.Name), withoutName(told, m.Name)
		a.result.Municipality = m.Code
	}
	if base.at == "" {
		base.at = a.today.Format(time.DateOnly)
		if period := question.Period(text, a.today); !period.Zero() && (period.Year != a.today.Year() || period.Month != 0) {
			base.period, base.at = period, period.Last()
		}
	}
	out := []reading{base}
	before, placed := lastPlace(a.turns)
	if topic, kind := question.Topic(text, a.turns); topic != "" {
		r := base
		if placed { // it goes on about the place as well
			topic = withoutName(topic, before.Name)
			if r.municipality == "" {
				r.municipality, a.result.Municipality = before.Code, before.Code
			}
		}
		r.told, r.shown, r.topic, r.kind = strings.TrimSpace(topic+" "+base.told), text+" ("+topic+")", lastTopic(a.turns), kind
		out = []reading{r}
		if len(question.Subject(text)) > 0 {
			out = append(out, base)
		}
	}
	if question.Language(text) == question.English {
		for i := range out {
			en := out[i]
			en.language = question.English
			out = slices.Insert(out, 2*i, en)
		}
	}
	return out
}

// lastPlace is the municipality that was named last.
func lastPlace(turns []question.Turn) (danish.Municipality, bool) {
	for _, t := range slices.Backward(turns) {
		if m, ok := danish.MunicipalityIn(t.Read); ok {
			return m, true
		}
	}
	return danish.Municipality{}, false
}

// elsewhere is the last question, asked of the municipality that the text names when it says nothing else ("og i Aarhus?", "Aarhus");
// empty: it says more, or there is none.
func elsewhere(text string, turns []question.Turn) string {
	if len(turns) == 0 {
		return ""
	}
	last := turns[len(turns)-1].Read
	if old, ok := danish.MunicipalityIn(last); ok {
		last = withoutName(last, old.Name)
	}
	if len(question.Subject(last)) == 0 {
		return ""
	}
	for w := range strings.FieldsSeq(text) {
		if m, named := danish.MunicipalityIn("i " + w); named && question.OnlyPlaces(withoutName(text, m.Name)) {
			last = strings.Join(strings.Fields(strings.NewReplacer("?", " ", "(", " ", ")", " ").Replace(last)), " ")
			return strings.TrimSuffix(last, " i") + " i " + m.Name + "?"
		}
	}
	return ""
}

// lastTopic is the title of the article that answered last.
func lastTopic(turns []question.Turn) string {
	for _, t := range slices.Backward(turns) {
		if t.Topic != "" {
			return t.Topic
		}
	}
	return ""
}

// withoutName drops a municipality's name: it is a filter, not a subject.
func withoutName(text, name string) string {
	var out []string
	for w := range strings.FieldsSeq(text) {
		low := strings.ToLower(strings.Trim(w, ".,;:?!"))
		m, ok := danish.MunicipalityIn("i " + low)
		if !ok || m.Name != name {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// goingOn is how much surer a question must be on its own than as a follow-up.
const goingOn = .15

// search reads the question in each way and takes the one whose evidence is best.
func (a *asking) search(ctx context.Context, text string) error {
	a.status("searching")
	f, err := a.likeliest(ctx, a.readings(text))
	if err != nil {
		return err
	}
	return a.conclude(ctx, f)
}

// likeliest is what the reading found whose evidence is best.
func (a *asking) likeliest(ctx context.Context, readings []reading) (*finding, error) {
	var best *finding
	most := 0.0
	for i, r := range readings {
		f, err := a.find(ctx, r)
		if err != nil {
			return nil, err
		}
		sure := f.sure - goingOn*float64(i)
		if f.reason == assistantv1.ReasonUnknown {
			sure--
		}
		if best == nil || sure > most {
			best, most = f, sure
		}
	}
	return best, nil
}

// finding is what one reading found.
type finding struct {
	reading
	query   extract.Query
	drafts  []extract.Draft // the best first
	sure    float64         // how sure the best of them is to answer
	reason  string
	options []assistantv1.Option
	hits    []string
	terms   []string
}

// hitsRead is how many hits are read for sentences.
const hitsRead = 16

// look searches for a reading.
func (a *asking) look(ctx context.Context, r reading) (knowledgev1.SearchReply, error) {
	return a.p.cfg.Knowledge.Search(ctx, knowledgev1.SearchRequest{
		Query: strings.TrimSpace(r.text + " " + r.told), K: hitsRead, Municipality: r.municipality, Language: r.language, At: r.at, Explain: true,
	})
}

// located is a reading without the place in Denmark that it names, when no article that was found has that name: a village says where the
// asker is, and nothing about the matter. Without one the reading stays as it is.
func located(r reading, hits []knowledgev1.Hit) reading {
	name := question.Locality(r.told + " . " + r.text)
	if name == "" || slices.ContainsFunc(hits, func(h knowledgev1.Hit) bool { return names(h.Chunk, name) }) {
		return r
	}
	r.text, r.told, r.locality = question.WithoutPlace(r.text, name), question.WithoutPlace(r.told, name), name
	return r
}

// names reports that a chunk has a name in it. Who writes it with a capital means no word ("i Netto", "netto").
func names(c knowledgev1.Chunk, name string) bool {
	text := c.Title + " " + c.Section + " " + c.Text
	if name == strings.ToLower(name) {
		text = strings.ToLower(text)
	}
	return strings.Contains(text, name)
}

// find searches and decides whether the evidence suffices.
func (a *asking) find(ctx context.Context, r reading) (*finding, error) {
	rep, err := a.look(ctx, r)
	if err != nil {
		return nil, err
	}
	if r = located(r, rep.Hits); r.locality != "" {
		if rep, err = a.look(ctx, r); err != nil {
			return nil, err
		}
	}
	if r.kind == "" {
		r.kind = question.KindOf(r.text)
	}
	f := &finding{reading: r, query: extract.Read(r.text, r.told, r.kind, rep.Terms), reason: assistantv1.ReasonUnknown}
	f.query.Topic = r.topic
	for _, t := range rep.Terms {
		if t.Via == "word" && !question.Generic(t.Word) {
			f.terms = append(f.terms, t.Word)
		}
	}
	for _, h := range rep.Hits {
		f.hits = append(f.hits, h.ID)
	}
	// The library leaves out what is not in force; twice is safer than a rule of last year.
	hits := slices.DeleteFunc(rep.Hits, func(h knowledgev1.Hit) bool { return !holds(h.Chunk, r.at) })
	f.drafts = a.p.reader.Drafts(f.query, hits)
	f.sure = a.p.reader.Confidence(f.query, f.drafts)
	return f, a.decide(ctx, f)
}

// holds reports that a chunk is in force on a day.
func holds(c knowledgev1.Chunk, day string) bool {
	return (c.ValidFrom == "" || c.ValidFrom <= day) && (c.ValidTo == "" || day <= c.ValidTo)
}

// decide is the two-stage abstention: what is nothing like the question is unknown, what is like it but proves no answer is unproven.
func (a *asking) decide(ctx context.Context, f *finding) error {
	if len(f.drafts) == 0 || f.sure < a.p.cfg.Weights.Threshold*corpusShare {
		return nil
	}
	f.reason = assistantv1.ReasonUnproven
	if question.Worldly(f.text) || len(strings.Fields(f.told)) > longStory && len(question.Subject(f.text)) == 0 {
		return nil
	}
	top := f.drafts[0]
	suffices := top.Typed && len(top.Units) > 0 && f.sure >= a.p.cfg.Weights.Threshold && f.place(top)
	ask, err := a.askBack(ctx, f, suffices)
	switch {
	case err != nil:
		return err
	case ask:
	case suffices:
		f.reason = assistantv1.ReasonAnswered
	}
	return nil
}

// longStory is how many words may be told around a question that names nothing itself ("kan man få hjælp?"): which of all those things it
// means only a person can tell.
const longStory = 25

// place reports that the article is about the country or the firm whose price, time or age is asked for: "hvad koster en skilsmisse i Tyskland" is not
// answered by what one costs here.
func (f *finding) place(d extract.Draft) bool {
	name := question.Abroad(f.text)
	return name == "" || !extract.Fact(f.kind) || names(d.Hit.Chunk, strings.ToLower(name))
}

// corpusShare is which part of the threshold says that a question is about something that the articles are about at all.
const corpusShare = .6

// askBack asks for the municipality or the time, when what would be answered depends on it.
func (a *asking) askBack(ctx context.Context, f *finding, suffices bool) (bool, error) {
	top := f.drafts[0]
	variants, err := a.p.cfg.Knowledge.Variants(ctx, top.Hit.ID)
	if err != nil {
		return false, err
	}
	if top.Hit.Municipality == "" && f.municipality == "" {
		// Who says where they are means what holds there.
		if options := f.local(a.p.reader, variants, suffices && f.locality == ""); len(options) > 0 {
			f.reason, f.options = assistantv1.ReasonMunicipality, options
			return true, nil
		}
	}
	if !f.period.Zero() {
		if options := f.versions(top.Hit.Chunk, variants); len(options) > 0 {
			f.reason, f.options = assistantv1.ReasonDate, options
			return true, nil
		}
	}
	return false, nil
}

// local gives the municipalities whose texts answer better than the base does, if any does.
func (f *finding) local(r *extract.Reader, variants []knowledgev1.Chunk, suffices bool) []assistantv1.Option {
	var out []assistantv1.Option
	better := false
	for _, v := range variants {
		name, ok := danish.MunicipalityName(v.Municipality)
		if !ok || !holds(v, f.at) || v.Language != f.drafts[0].Hit.Language {
			continue
		}
		out = append(out, assistantv1.Option{Value: v.Municipality, Label: name})
		d := r.From(f.query, knowledgev1.Hit{Chunk: v})
		// The heading is that of the base, so what counts is the sentence.
		if d.Typed && d.Features[extract.About] >= localAbout && (!suffices || d.Better(f.drafts[0])) {
			better = true
		}
	}
	if !better {
		return nil
	}
	return out
}

// localAbout is how much of the question a municipality's text must have to be worth asking for.
const localAbout = .68

// versions gives the parts of the asked period in which another text held, if the text changed within it.
func (f *finding) versions(top knowledgev1.Chunk, variants []knowledgev1.Chunk) []assistantv1.Option {
	first, last := f.period.First(), f.period.Last()
	out := []assistantv1.Option{option(top, first)}
	for _, v := range variants {
		overlaps := (v.ValidFrom == "" || v.ValidFrom <= last) && (v.ValidTo == "" || v.ValidTo >= first)
		if v.Municipality == top.Municipality && v.Language == top.Language && overlaps && v.SHA256 != top.SHA256 {
			out = append(out, option(v, first))
		}
	}
	if len(out) < 2 {
		return nil
	}
	slices.SortFunc(out, func(a, b assistantv1.Option) int { return strings.Compare(a.Value, b.Value) })
	return out
}

func option(c knowledgev1.Chunk, first string) assistantv1.Option {
	from := max(c.ValidFrom, first)
	return assistantv1.Option{Value: from, Label: "Fra " + day(from)}
}

// conclude drafts and proves the answer, or says why there is none.
func (a *asking) conclude(ctx context.Context, f *finding) error {
	a.offerDanish(ctx, f)
	r := &a.result
	r.Hits, r.Terms = f.hits, f.terms
	if f.shown != "" {
		r.Read = f.shown
		r.Turn.Read = f.shown
		if name, ok := danish.MunicipalityName(f.municipality); ok { // a further question may go on about it
			if _, named := danish.MunicipalityIn(f.shown); !named {
				r.Turn.Read += " i " + name
			}
		}
	}
	if len(f.drafts) > 0 {
		r.Nearest, r.Score, r.Drafts = f.drafts[0].Hit.Chunk, f.sure, f.drafts
		r.Query = f.query
		r.Area = r.Nearest.Area
	}
	if f.reason == assistantv1.ReasonUnknown { // what comes nearest may have nothing to do with it
		var hits []knowledgev1.Hit
		for _, d := range f.drafts {
			hits = append(hits, d.Hit)
		}
		r.Area = matter(hits, f.text)
	}
	if f.reason != assistantv1.ReasonAnswered {
		a.refuse(f.reason)
		if (f.reason == assistantv1.ReasonUnknown || f.reason == assistantv1.ReasonUnproven) && question.Opening(f.text) {
			r.Message = opening.in(r.Language)
		}
		if len(a.offers) > 0 {
			r.Message, r.Area = danishOnly.in(r.Language), a.offers[0].Area
		}
		r.Options = f.options
		if f.reason == assistantv1.ReasonMunicipality && f.locality != "" {
			r.Message = both{
				"Hvilken kommune hører " + f.locality + " til? Det er forskelligt fra kommune til kommune.",
				"Which municipality does " + f.locality + " belong to? It differs from one municipality to another.",
			}.in(r.Language)
		}
		return nil
	}
	r.Municipality = f.municipality
	a.status("proving")
	return a.write(ctx, f)
}

// matterRead is how many hits are read for what a question is about.
const matterRead = 5

// matter is the service area of the first article that a question names by its title; empty: it names none.
func matter(hits []knowledgev1.Hit, text string) string {
	for _, h := range hits[:min(matterRead, len(hits))] {
		title := strings.ToLower(h.Title)
		for _, w := range question.Subject(text) {
			if r := []rune(w); len(r) >= 5 && strings.Contains(title, string(r[:max(5, len(r)-2)])) {
				return h.Area
			}
		}
	}
	return ""
}

func (a *asking) status(s string) {
	a.send(assistantv1.Event{Kind: assistantv1.EventStatus, Status: s})
}

func (a *asking) send(e assistantv1.Event) {
	a.events++
	e.AnswerID, e.Sequence = a.req.ID, a.events
	a.tell(e)
}
