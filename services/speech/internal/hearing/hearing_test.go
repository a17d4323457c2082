package hearing

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/speech/internal/speechtest"
)

const wordSamples = speechtest.WordSamples

// speech spells a text with pauses: "|" is a pause of 400 ms, which ends an utterance, "_"
// one of 13 s.
func speech(text string) (pcm []int16, words []string) {
	for _, w := range strings.Fields(text) {
		switch w {
		case "|":
			pcm = append(pcm, make([]int16, 6400)...)
		case "_":
			pcm = append(pcm, make([]int16, 13*asr.SampleRate)...)
		default:
			pcm = speechtest.Word(pcm, len(words))
			words = append(words, w)
		}
	}
	return pcm, words
}

func script(words []string, longest int64) *speechtest.Speller {
	return speechtest.Engine(func(k int) string { return words[k] }, longest)
}

// collector keeps what a Hearing says and checks that batches are contiguous.
type collector struct {
	t *testing.T

	mu       sync.Mutex
	at       int64
	batches  []Batch
	partials [][]transcriptv1.Word
	err      error // to return from Commit
}

func (c *collector) Commit(_ context.Context, b Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	at := b.From
	if b.From != c.at {
		c.t.Errorf("batch from %d after %d", b.From, c.at)
	}
	for _, r := range b.Ledger {
		if r.Start != at || r.End <= r.Start {
			c.t.Errorf("range [%d, %d) after %d", r.Start, r.End, at)
		}
		at = r.End
	}
	if at != b.To {
		c.t.Errorf("ledger up to %d of a batch up to %d", at, b.To)
	}
	wordAt := b.From
	for _, w := range b.Words {
		if w.Start < wordAt || w.End > b.To {
			c.t.Errorf("word %q at [%d, %d) after %d in batch [%d, %d)", w.Text, w.Start, w.End, wordAt, b.From, b.To)
		}
		wordAt = w.End
	}
	c.at = b.To
	c.batches = append(c.batches, b)
	return nil
}

func (c *collector) Partial(_ int64, words []transcriptv1.Word) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.partials = append(c.partials, words)
}

func (c *collector) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, b := range c.batches {
		for _, w := range b.Words {
			out = append(out, w.Text)
		}
	}
	return strings.Join(out, " ")
}

func (c *collector) ledger() []transcriptv1.Range {
	var line timeline
	for _, b := range c.batches {
		for _, r := range b.Ledger {
			line.add(r.End, r.State, r.Reason)
		}
	}
	return line.ranges
}

// hear runs a whole leg.
func hear(t *testing.T, cfg Config, feed func(h *Hearing) error) *collector {
	t.Helper()
	c := &collector{t: t, at: cfg.From}
	cfg.Output, cfg.Segmenter = c, &speechtest.Loud{}
	h := New(t.Context(), cfg)
	if err := feed(h); err != nil {
		t.Fatal(err)
	}
	if err := h.End(); err != nil {
		t.Fatal(err)
	}
	<-h.Done()
	if err := h.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

func frames(pcm []int16) func(*Hearing) error {
	return func(h *Hearing) error {
		for at := 0; at < len(pcm); at += frame {
			if err := h.Write(pcm[at:min(at+frame, len(pcm))], false); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestDanishText(t *testing.T) {
	for _, tc := range []struct{ name, said, want string }{
		{"one utterance", "goddag jeg ringer om min boligstøtte |", "Goddag jeg ringer om min boligstøtte."},
		{"question", "hvornår får jeg svar | | ja", "Hvornår får jeg svar? Ja."},
		{"unfinished", "jeg ringer fordi | jeg har fået et brev |", "Jeg ringer fordi jeg har fået et brev."},
		{"number", "det er to hundrede kroner |", "Det er 200 kr."},
		{"cpr", "mit cpr nummer er nul fire elleve tooghalvfems | toogtyve elleve | tak |", "Mit CPR nummer er ••••••-••••. Tak."},
		{"cpr at the very end", "nul fire elleve tooghalvfems toogtyve elleve", "••••••-••••."},
		{"digits that lead nowhere", "nul fire elleve _ tak", "Nul fire elleve. Tak."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pcm, words := speech(tc.said)
			c := hear(t, Config{Engine: script(words, 0)}, frames(pcm))
			if got := c.text(); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestSpoken(t *testing.T) {
	pcm, words := speech("mit cpr nummer er nul fire elleve tooghalvfems toogtyve elleve | to hundrede kroner")
	c := hear(t, Config{Engine: script(words, 0), Spoken: true}, frames(pcm))
	if got, want := c.text(), strings.Join(words, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

const conversation = "goddag jeg ringer om min boligstøtte | mit cpr nummer er nul fire elleve | tooghalvfems toogtyve elleve | " +
	"jeg har fået et brev den fjerde marts | der står to hundrede og halvtreds kroner _ hvad betyder det | jeg kan ringes op på " +
	"toogtyve treogtredive fireogfyrre femoghalvtreds | tak skal du have farvel og tak for hjælpen det var rart at tale med dig igen |"

// From every committed position another Hearing goes on with the same words.
func TestEveryCommitIsAPlaceToGoOn(t *testing.T) {
	pcm, words := speech(conversation)
	whole := hear(t, Config{Engine: script(words, 2*asr.SampleRate)}, frames(pcm))
	if len(whole.batches) < 8 {
		t.Fatalf("only %d batches", len(whole.batches))
	}
	for i, b := range whole.batches[:len(whole.batches)-1] {
		lead := min(b.To, asr.SampleRate)
		rest := hear(t, Config{Engine: script(words, 2*asr.SampleRate), From: b.To, Lead: lead, Before: b.Words}, frames(pcm[b.To-lead:]))
		var want []transcriptv1.Word
		for _, later := range whole.batches[i+1:] {
			want = append(want, later.Words...)
		}
		var got []transcriptv1.Word
		for _, later := range rest.batches {
			got = append(got, later.Words...)
		}
		for _, ws := range [][]transcriptv1.Word{want, got} {
			for k := range ws {
				// How a sentence began several batches ago is not known.
				ws[k].Sentence, ws[k].Text = false, strings.ToLower(strings.TrimRight(ws[k].Text, ".?"))
				ws[k].Start = 0 // the engine says it later for a word that lies across two pieces
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("after batch %d, from %d (-want +got):\n%s", i, b.To, d)
		}
	}
}

func TestPiecesOfALongUtteranceAreCommitted(t *testing.T) {
	pcm, words := speech(strings.Repeat("ord om sagen ", 40))
	c := hear(t, Config{Engine: script(words, 3*asr.SampleRate)}, frames(pcm))
	if len(c.batches) < 8 {
		t.Errorf("%d batches for 36 s without a pause", len(c.batches))
	}
	if got := len(strings.Fields(c.text())); got != 120 {
		t.Errorf("%d words, want 120", got)
	}
}

// Noise that the detector takes for speech and in which the engine finds no words is
// settled all the same.
func TestNoiseIsSettled(t *testing.T) {
	e := script(nil, 3*asr.SampleRate)
	e.Threshold = 20000
	noise := make([]int16, 60*asr.SampleRate)
	for i := range noise {
		noise[i] = 5
	}
	c := &collector{t: t}
	h := New(t.Context(), Config{Engine: e, Segmenter: &speechtest.Loud{}, Output: c})
	defer h.Close()
	if err := frames(noise)(h); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); h.Progress().Settled < 50*asr.SampleRate; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("settled %d of %d", h.Progress().Settled, len(noise))
		}
	}
}

func TestLedger(t *testing.T) {
	pcm, words := speech("en to | tre")
	c := hear(t, Config{Engine: script(words, 0)}, func(h *Hearing) error {
		for _, step := range []func() error{
			func() error { return h.Write(make([]int16, 20000), false) },
			func() error { return h.Lost(100000, transcriptv1.ReasonCapture) },
			func() error { return h.Write(pcm[:wordSamples], false) },
			func() error { return h.Lost(320, transcriptv1.ReasonCapture) }, // inside an utterance
			func() error { return h.Write(pcm[wordSamples:], false) },
			func() error { return h.Write(make([]int16, 9999), true) }, // breaks the utterance
			func() error { return h.Write(make([]int16, 777), true) },
			func() error { return h.Write(make([]int16, 50), false) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	n := int64(len(pcm))
	at := int64(120000)
	want := []transcriptv1.Range{
		{Start: 0, End: 20000, State: transcriptv1.Silence},
		{Start: 20000, End: at, State: transcriptv1.Lost, Reason: transcriptv1.ReasonCapture},
		{Start: at, End: at + wordSamples, State: transcriptv1.Transcribed},
		{Start: at + wordSamples, End: at + wordSamples + 320, State: transcriptv1.Lost, Reason: transcriptv1.ReasonCapture},
		{Start: at + wordSamples + 320, End: at + 320 + n, State: transcriptv1.Transcribed},
		{Start: at + 320 + n, End: at + 320 + n + 9999 + 777, State: transcriptv1.Masked},
		// Within 3 s of the loss everything is heard.
		{Start: at + 320 + n + 9999 + 777, End: at + 320 + n + 9999 + 777 + 50, State: transcriptv1.Transcribed},
	}
	got := c.ledger()
	// Where the pause between the utterances lies is the segmenter's business.
	got = mergeHeard(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("ledger (-want +got):\n%s", d)
	}
	if text := strings.ToLower(c.text()); text != "en to tre." {
		t.Errorf("words: %s", text)
	}
}

// mergeHeard takes silence after speech for part of it.
func mergeHeard(rs []transcriptv1.Range) []transcriptv1.Range {
	var line timeline
	for i, r := range rs {
		if r.State == transcriptv1.Silence && i > 0 && rs[i-1].State == transcriptv1.Transcribed {
			r.State = transcriptv1.Transcribed
		}
		line.add(r.End, r.State, r.Reason)
	}
	return line.ranges
}

func TestSilenceIsSettledRegularly(t *testing.T) {
	c := hear(t, Config{Engine: script(nil, 0)}, frames(make([]int16, 61*asr.SampleRate)))
	for _, b := range c.batches {
		if b.To-b.From > settleEvery+2*asr.SampleRate {
			t.Logf("batch of %d s", (b.To-b.From)/asr.SampleRate) // the feeding side is faster than the clock here
		}
	}
	if c.at != 61*asr.SampleRate {
		t.Errorf("settled %d", c.at)
	}
}

func TestPartialsAreMaskedAndFew(t *testing.T) {
	pcm, words := speech("mit cpr nummer er nul fire elleve tooghalvfems toogtyve elleve tak | " + strings.Repeat("ord ", 200))
	c := &collector{t: t}
	begin := time.Now()
	h := New(t.Context(), Config{Engine: script(words, 0), Segmenter: &speechtest.Loud{}, Output: c})
	for k := range 10 { // a partial for each of the first words
		if err := frames(pcm[k*wordSamples : (k+1)*wordSamples])(h); err != nil {
			t.Fatal(err)
		}
		for n := c.shown(); c.shown() == n && n <= k; {
			time.Sleep(time.Millisecond)
		}
	}
	if err := errors.Join(frames(pcm[10*wordSamples:])(h), h.End()); err != nil {
		t.Fatal(err)
	}
	<-h.Done()
	took := time.Since(begin)
	for _, p := range c.partials {
		for _, w := range p {
			if w.Clear != "" || w.Spoken != "" || strings.Contains(w.Text, "tooghalvfems") || strings.Contains(w.Text, "22") {
				t.Errorf("partial shows %+v", w)
			}
		}
	}
	// Each commit may refresh the tail once; others come at most every 100 ms.
	if limit := int(took/partialEvery) + 2 + len(c.batches); len(c.partials) > limit {
		t.Errorf("%d partials in %v with %d batches", len(c.partials), took, len(c.batches))
	}
	if last := c.partials[len(c.partials)-1]; len(last) != 0 {
		t.Errorf("the last partial still shows %d words", len(last))
	}
}

func (c *collector) shown() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.partials)
}

func TestEngineErrors(t *testing.T) {
	pcm, words := speech(strings.Repeat("ord ", 20))
	for _, tc := range []struct {
		name   string
		engine asr.Engine
		want   error
	}{
		{"busy", &asrtest.Scripted{OpenErr: asr.ErrBusy}, asr.ErrBusy},
		{"dies", func() asr.Engine { e := script(words, 0); e.FailAt = 20000; return e }(), asr.ErrUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &collector{t: t}
			h := New(t.Context(), Config{Engine: tc.engine, Segmenter: &speechtest.Loud{}, Output: c})
			err := frames(pcm)(h)
			<-h.Done()
			if !errors.Is(err, tc.want) || !errors.Is(h.Err(), tc.want) {
				t.Errorf("write: %v, err: %v, want %v", err, h.Err(), tc.want)
			}
		})
	}
}

func TestCommitErrorEndsTheHearing(t *testing.T) {
	pcm, words := speech("ord | ord")
	broken := errors.New("broken")
	h := New(t.Context(), Config{Engine: script(words, 0), Segmenter: &speechtest.Loud{}, Output: &collector{t: t, err: broken}})
	frames(pcm)(h)
	<-h.Done()
	if !errors.Is(h.Err(), broken) {
		t.Errorf("error %v", h.Err())
	}
}

// Giving up keeps what was decided and calls the rest lost.
func TestGiveUp(t *testing.T) {
	pcm, words := speech("goddag det er mig |")
	c := &collector{t: t}
	h := New(t.Context(), Config{Engine: script(words, 0), Segmenter: &speechtest.Loud{}, Output: c})
	if err := frames(pcm)(h); err != nil {
		t.Fatal(err)
	}
	for h.Progress().Settled == 0 {
		time.Sleep(time.Millisecond)
	}
	settled := h.Progress().Settled
	if err := frames(pcm[:wordSamples])(h); err != nil { // never flushed
		t.Fatal(err)
	}
	h.GiveUp(100000, transcriptv1.ReasonEngine)
	<-h.Done()
	if err := h.Err(); err != nil {
		t.Fatal(err)
	}
	last := c.batches[len(c.batches)-1]
	lost := last.Ledger[len(last.Ledger)-1]
	if !last.Last || last.To != 100000 || lost.State != transcriptv1.Lost || lost.Reason != transcriptv1.ReasonEngine || lost.Start < settled {
		t.Errorf("last batch %+v", last)
	}
}
