package sparse

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var corpus = []Fields{
	{Title: "Boligstøtte", Section: "Hvem kan få boligstøtte", Text: "Du kan søge om støtte til din husleje, hvis du bor i en lejebolig."},
	{Title: "Børne- og ungeydelse", Section: "Satser", Text: "Ydelsen til børn udbetales hvert kvartal. Forældre deler den."},
	{Title: "Sygedagpenge", Section: "Sygemelding", Text: "Din arbejdsgiver skal have besked om sygdom. Dagpenge udbetales af kommunen."},
	{Title: "Flytning", Section: "Frist med MitID", Text: "Du skal melde flytning senest 5 dage efter. Meld flytning med MitID og få et sundhedskort."},
	{Title: "Fødsel", Section: "Jordemoder", Text: "Jordemoderen anmelder fødslen. En graviditet varer 40 uger. Ansøgning om orlov sendes til arbejdsgiver."},
}

func newEncoder() *Encoder {
	l := &Lexicon{}
	for _, f := range corpus {
		l.Learn(f)
	}
	return New(l)
}

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"Børne- og ungeydelse": {"børne-", "og", "ungeydelse"},
		"A-kasse, e-Boks!":     {"akasse", "eboks"},
		"EU-borger":            {"euborger"},
		"idé Aabenraa 1.000":   {"ide", "åbenrå", "1", "000"},
		"O\u0308 fo\u0308dsel": {"ø", "fødsel"},
		"\u200b\ufeff 👍 --":    nil,
		"x-":                   {"x"},
	} {
		if diff := cmp.Diff(want, words(text)); diff != "" {
			t.Errorf("%q (-want +got)\n%s", text, diff)
		}
	}
}

func TestStem(t *testing.T) {
	for _, same := range []string{"cykel cykler cyklen", "fødsel fødsler fødslen", "barn børn børnene", "uge uger ugen", "ansøgning ansøgninger", "middel midler", "voksen voksne", "stjæle stjålet"} {
		ws := strings.Fields(same)
		for _, w := range ws[1:] {
			if Stem(w, false) != Stem(ws[0], false) {
				t.Errorf("%s is %q, %s is %q", ws[0], Stem(ws[0], false), w, Stem(w, false))
			}
		}
	}
	for _, same := range []string{"move moving moved moves", "apply applies applied", "marry married marries", "register registering registered"} {
		ws := strings.Fields(same)
		for _, w := range ws[1:] {
			if englishStem(w) != englishStem(ws[0]) {
				t.Errorf("%s is %q, %s is %q", ws[0], englishStem(ws[0]), w, englishStem(w))
			}
		}
	}
}

func TestSplit(t *testing.T) {
	s := newEncoder().split
	for w, want := range map[string]string{
		"boligstøtteansøgning": "boligstøtte ansøgning",
		"sygedagpenge":         "syge dag penge",
		"arbejdsgiverne":       "arbejds giverne",
		"barselsorloven":       "barsels orloven",
		"huslejetilskud":       "hus leje tilskud",
		"ægtefællepension":     "ægtefælle pension",
		"kommune":              "", "udbetaling": "", "jordemoder": "", "forældre": "", "støtten": "", "statsborgerskab": "", "2026": "",
	} {
		if got := strings.Join(s.split(w), " "); got != want {
			t.Errorf("%s: %q, want %q", w, got, want)
		}
	}
}

// via lists the terms of a question by the way they came, as "stem/way".
func via(q Question) []string {
	var out []string
	for _, t := range q.Terms {
		out = append(out, t.Text+"/"+t.Via)
	}
	return out
}

func TestQuestions(t *testing.T) {
	e := newEncoder()
	for text, want := range map[string][]string{
		"boligstøtte":                        {Stem("boligstøtte", false) + "/word", Stem("bolig", false) + "/part", Stem("støtte", false) + "/part"},
		"bolig støtte":                       {Stem("boligstøtte", false) + "/joined"},
		"med mit id":                         {"mitid/joined"},
		"syge dag penge":                     {Stem("sygedagpenge", false) + "/joined"},
		"ungeydelsen for børnepenge":         {Stem("børneydelse", false) + "/official", Stem("ungeydelse", false) + "/word"},
		"flytnign":                           {"flytning/spelling"},
		"foedsel":                            {Stem("fødsel", false) + "/spelling"},
		"fodsel":                             {Stem("fødsel", false) + "/spelling"},
		"nøglekortet væk":                    {"mitid/official"},
		"jeg skal skifte min adresse":        {"flytning/official"},
		"how do I apply for housing benefit": {Stem("boligstøtte", false) + "/official"},
	} {
		got := via(e.Query(text, ""))
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%q has no %s: %q", text, w, got)
			}
		}
	}
	for text, never := range map[string]string{
		"flytning":    "/spelling", // it is no misspelling
		"du kan ikke": "/",         // all are stop words
		"vi er to":    "/joined",
	} {
		for _, got := range via(e.Query(text, "")) {
			if strings.Contains(got, never) {
				t.Errorf("%q has %s", text, got)
			}
		}
	}
}

// The product of the two sides with IDF is BM25, field by field.
func TestWeights(t *testing.T) {
	e := New(&Lexicon{})
	d := e.Document(Fields{Text: "gravhund gravhund puddel"})
	norm := 1 - textField.b + textField.b*3/textField.usual
	for w, tf := range map[string]float64{"gravhund": 2, "puddel": 1} {
		tf /= norm
		want := tf * (k1 + 1) / (tf + k1)
		i, ok := slices.BinarySearch(d.Words.Dims, dim(Stem(w, false)))
		if !ok || math.Abs(float64(d.Words.Weights[i])-want) > WeightStep {
			t.Errorf("%s weighs %g, want %g", w, d.Words.Weights[i], want)
		}
	}
	long := e.Document(Fields{Text: "gravhund gravhund puddel " + strings.Repeat("terrier ", 500)})
	q := e.Query("gravhund", "").Words
	if long.Words.Dot(q) >= d.Words.Dot(q) {
		t.Error("a long text counts as much as a short one")
	}
	title := e.Document(Fields{Title: "gravhund", Text: "puddel"})
	if title.Words.Dot(q) <= e.Document(Fields{Text: "puddel gravhund"}).Words.Dot(q) {
		t.Error("a title counts no more than the text")
	}
	full := e.Document(Fields{Title: strings.Repeat("gravhund ", 900), Section: strings.Repeat("gravhund ", 900), Text: strings.Repeat("gravhund ", 900)})
	for _, v := range []Vector{full.Words, full.NGrams} {
		if w := slices.Max(v.Weights); w > 255*WeightStep {
			t.Errorf("a weight of %g does not fit in a byte", w)
		}
		if !slices.IsSorted(v.Dims) {
			t.Error("dimensions are not in order")
		}
	}
}

func TestIDF(t *testing.T) {
	if got := IDF(10, 3); math.Abs(float64(got)-math.Log(1+7.5/3.5)) > 1e-6 {
		t.Errorf("got %g", got)
	}
	if IDF(0, 0) < 0 || IDF(10, 10) < 0 || IDF(10, 1) <= IDF(10, 2) {
		t.Error("IDF is negative or does not fall")
	}
}

// N-grams find what is misspelt beyond the speller.
func TestMisspelt(t *testing.T) {
	e := newEncoder()
	for text, want := range map[string]int{"bollistøte": 0, "ungydelsse": 1, "syedagpængge": 2, "flyttninger": 3, "jodemor": 4} {
		best, score := -1, float32(0)
		for i, f := range corpus {
			if s := e.Document(f).NGrams.Dot(e.Query(text, "").NGrams); s > score {
				best, score = i, s
			}
		}
		if best != want {
			t.Errorf("%q finds text %d, want %d", text, best, want)
		}
	}
}

func TestCoverage(t *testing.T) {
	e := newEncoder()
	docs := make([]Document, len(corpus))
	for i, f := range corpus {
		docs[i] = e.Document(f)
	}
	for text, c := range map[string]struct {
		doc      int
		low, top float64
	}{
		"Hvem kan få boligstøtte?":        {0, .99, 1},
		"bolig støtte til husleje":        {0, .9, 1},
		"børnepenge hvert kvartal":        {1, .8, .99},
		"boligstøtte til kanariefugle":    {0, .2, .8},
		"hvordan bager jeg en kanelsnegl": {0, 0, .2},
		"":                                {0, 0, 0},
	} {
		if got := e.Coverage(e.Query(text, ""), docs[c.doc].Words.Has); got < c.low || got > c.top {
			t.Errorf("%q is covered by %g, want %g to %g", text, got, c.low, c.top)
		}
	}
}

func TestMarks(t *testing.T) {
	e := New(&Lexicon{})
	here := e.Document(Fields{Text: "affald", Municipality: "0751"})
	base := e.Document(Fields{Text: "affald"})
	q := e.Query("affald", "0751").Words
	if here.Words.Dot(q) <= base.Words.Dot(q) {
		t.Error("a municipality's own text does not come first")
	}
	if q = e.Query("affald", "").Words; here.Words.Dot(q) != base.Words.Dot(q) {
		t.Error("without a municipality texts differ")
	}
}

func TestLexicon(t *testing.T) {
	e := newEncoder()
	data, err := e.Lexicon().MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var l Lexicon
	if err := l.UnmarshalText(data); err != nil {
		t.Fatal(err)
	}
	again := New(&l)
	for _, f := range corpus {
		if diff := cmp.Diff(e.Document(f), again.Document(f)); diff != "" {
			t.Errorf("document (-learned +read)\n%s", diff)
		}
		if diff := cmp.Diff(e.Query(f.Text, ""), again.Query(f.Text, ""), cmp.AllowUnexported(Question{}, need{}, alternative{})); diff != "" {
			t.Errorf("question (-learned +read)\n%s", diff)
		}
	}
	for _, bad := range []string{"", "x 3\n", lexiconHeader + " x\n", lexiconHeader + " 2\nord\n", lexiconHeader + " 2\nord 3\n", lexiconHeader + " 2\nord 1 t t\n"} {
		if err := new(Lexicon).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// The version stands for these numbers: who changes them changes the version.
func TestVersion(t *testing.T) {
	e := newEncoder()
	sum := uint32(0)
	add := func(v Vector) {
		for i, d := range v.Dims {
			sum = sum*31 + d + math.Float32bits(v.Weights[i])
		}
	}
	for _, f := range append(slices.Clone(corpus), Fields{Title: "Flytning", Text: "Meld den.", Asked: []string{"Vi er rykket, hvad så?", "ny bolig"}}) {
		d := e.Document(f)
		add(d.Words)
		add(d.NGrams)
	}
	if want := uint32(3887786825); Version != "samtale-sparse-4" || sum != want {
		t.Errorf("version %s encodes to %d, was %d: give it a new version", Version, sum, want)
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("Børne- og ungeydelse", "hvad er børnepenge")
	f.Add("a-\u0301-å", "\xff\xfe-")
	e := newEncoder()
	f.Fuzz(func(t *testing.T, text, question string) {
		d := e.Document(Fields{Title: text, Section: question, Text: text + " " + question})
		q := e.Query(question, text)
		for _, v := range []Vector{d.Words, d.NGrams, q.Words, q.NGrams} {
			if len(v.Dims) != len(v.Weights) || !slices.IsSorted(v.Dims) || len(slices.Compact(slices.Clone(v.Dims))) != len(v.Dims) {
				t.Fatal("not a vector")
			}
			for _, w := range v.Weights {
				if !(w > 0) || w > 1e3 {
					t.Fatalf("weight %g", w)
				}
			}
		}
		if c := e.Coverage(q, d.Words.Has); c < 0 || c > 1 {
			t.Fatalf("coverage %g", c)
		}
	})
}

func TestSound(t *testing.T) {
	for _, same := range []string{"kørekort kørekårt", "sundhedskort sunhedskort", "pension pention pensjon", "rotter roter", "hvem vem"} {
		a, b, _ := strings.Cut(same, " ")
		for w := range strings.FieldsSeq(b) {
			if sound(w) != sound(a) {
				t.Errorf("%s sounds like %q, %s like %q", a, sound(a), w, sound(w))
			}
		}
	}
	if sound("pas") == sound("bus") {
		t.Error("pas sounds like bus")
	}
	if got := newSpeller(newEncoder().Lexicon()).suggest("fødsål"); !slices.Equal(got, []string{"fødsel"}) {
		t.Errorf("%q", got)
	}
}

// A word that is hardly known and nearly one that is well known may be that one misspelt; one that is known is not.
func TestSuggestForSeen(t *testing.T) {
	l := &Lexicon{}
	for range 20 {
		l.Learn(Fields{Text: "Kørekort. Lejer."})
	}
	l.Learn(Fields{Text: "Om kort.", Asked: []string{"hvor fornyr jeg mit kørkort", "er jeg lager eller lejer"}})
	l.Learn(Fields{Title: "Kørekot"})
	s := newSpeller(l)
	for w, want := range map[string][]string{"kørkort": {"kørekort"}, "lager": nil, "kørekot": nil, "kørekort": nil, "kørekortet": nil} {
		if got := s.suggest(w); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", w, got, want)
		}
	}
}

// Of two words that are as near and as frequent it is always the same one.
func TestSuggestTheSame(t *testing.T) {
	l := &Lexicon{}
	l.Learn(Fields{Title: "Våge Væge"})
	for range 50 {
		if got := newSpeller(l).suggest("vage"); !slices.Equal(got, []string{"våge"}) {
			t.Fatalf("got %q", got)
		}
	}
}

// A word with ! in the table stands for that form only: "passe barn" is not about a child's passport.
func TestExactForm(t *testing.T) {
	for text, want := range map[string]bool{"hvem kan passe mit barn": true, "pas til mit barn": false} {
		found := slices.ContainsFunc(citizenPhrases().find(words(text), false), func(p phrase) bool { return strings.Contains(p.official, "dagpleje") })
		if found != want {
			t.Errorf("%q is about care: %t", text, found)
		}
	}
}

// Small words are in every question: those of a phrase must be these very words, and stand together.
func TestSmallWords(t *testing.T) {
	for text, not := range map[string]string{
		"hvor lang barsel kan jeg få":                                 "befordringsfradrag",
		"hvor gammelt skal det være for at få en plads":               "bolig",
		"hvor meget skal jeg have arbejdet før fødslen for at få det": "efterregulering",
		"ja jeg har hørt at man kan skjule sin adresse":               "høreapparat",
	} {
		for _, p := range citizenPhrases().find(words(text), false) {
			if strings.Contains(p.official, not) {
				t.Errorf("%q is about %s by %q", text, p.official, p.citizen)
			}
		}
	}
	for text, want := range map[string]string{"hvor langt kører man": "befordringsfradrag", "hvad skal jeg have med til det": "dokumentation", "hvor meget får man i det": "sats"} {
		if !slices.ContainsFunc(citizenPhrases().find(words(text), false), func(p phrase) bool { return strings.Contains(p.official, want) }) {
			t.Errorf("%q is not about %s", text, want)
		}
	}
}

// A word that was said stays one, though a phrase or a joint brings it in as well.
func TestSaid(t *testing.T) {
	l := &Lexicon{}
	l.Learn(Fields{Text: "Du søger i minSU. Fribeløb er, hvad du må tjene ved siden af SU."})
	q := New(l).Query("Hvor meget må jeg tjene ved siden af min SU?", "")
	if !slices.ContainsFunc(q.Terms, func(x Term) bool { return x.Text == "su" && x.Word == "su" && x.Via == ViaWord }) {
		t.Errorf("SU was not said: %+v", q.Terms)
	}
	for _, x := range New(l).Query("Why isn't my tax card here? I'm moving, a friend's told me", "").Terms {
		if len(x.Text) < 2 || x.Text == "isn" {
			t.Errorf("asks about %q", x.Text)
		}
	}
}
