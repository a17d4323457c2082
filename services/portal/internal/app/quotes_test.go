package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// shown writes the blocks of a source with [n:quote] where quotes begin and stand.
func shown(s source) string {
	var b strings.Builder
	write := func(parts []part) {
		for _, p := range parts {
			for _, m := range p.Starts {
				b.WriteString("[" + string(rune('0'+m.N)) + ":")
			}
			b.WriteString(p.Text)
			if p.Lit {
				b.WriteString("]")
			}
		}
	}
	for _, bl := range s.Blocks {
		if bl.Paragraph != nil {
			b.WriteString("P ")
			write(bl.Paragraph)
		}
		for _, item := range bl.Items {
			b.WriteString("I ")
			if item.Number > 0 {
				fmt.Fprintf(&b, "%d ", item.Number)
			}
			write(item.Parts)
			b.WriteString("|")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestCite(t *testing.T) {
	const text = "Først dette. Så det.\n\n- Et punkt\n- To punkter\n\nTil sidst æøå."
	ev := func(quote string) assistantv1.Evidence {
		at := strings.Index(text, quote)
		return assistantv1.Evidence{Quote: quote, URL: "https://www.borger.dk/x", Title: "T", Start: at, End: at + len(quote), SHA256: "h", ChunkID: "c"}
	}
	tests := []struct {
		name   string
		quotes []string
		want   string
	}{
		{"inside", []string{"Så det."}, "P Først dette. [1:Så det.]\nI Et punkt|I To punkter|\nP Til sidst æøå.\n"},
		{"two, the later one first", []string{"æøå", "Først"}, "P [2:Først] dette. Så det.\nI Et punkt|I To punkter|\nP Til sidst [1:æøå].\n"},
		{"overlapping", []string{"dette. Så", "Så det"}, "P Først [1:dette. ][2:Så] det].\nI Et punkt|I To punkter|\nP Til sidst æøå.\n"},
		{"over a list", []string{"det.\n\n- Et punkt\n- To"}, "P Først dette. Så [1:det.]\nI Et punkt]|I To] punkter|\nP Til sidst æøå.\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ans := assistantv1.Answer{ID: "a", Sentences: []assistantv1.Sentence{{ID: "s", Text: "x"}}}
			for _, q := range tt.quotes {
				ans.Sentences[0].Evidence = append(ans.Sentences[0].Evidence, ev(q))
			}
			sentences, sources := cite(ans, map[string]*knowledgev1.Chunk{"c": {ID: "c", Text: text, SHA256: "h"}}, "2026-11-22")
			if len(sources) != 1 || len(sentences[0].Quotes) != len(tt.quotes) {
				t.Fatalf("%d sources, %+v", len(sources), sentences)
			}
			if got := shown(sources[0]); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// Numbered items stand in a list of their own, with the numbers that they have, also where only some of a long text is shown.
func TestCiteNumbers(t *testing.T) {
	const text = "Sådan:\n\n1) Log ind\n- med MitID\n2) Send\n\n1) Vent"
	s := source{sha: "h", Marks: []mark{{N: 1, start: strings.Index(text, "Send"), end: strings.Index(text, "Send") + 4}}}
	s.show(knowledgev1.Chunk{Text: text, SHA256: "h"}, "2026-11-22")
	if got, want := shown(s), "P Sådan:\nI 1 Log ind|\nI med MitID|\nI 2 [1:Send]|I 1 Vent|\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	turn := turn{Cited: []cited{{Text: "a", List: 1, Number: 3}, {Text: "b", List: 1, Number: 5}, {Text: "c", List: 1}, {Text: "d"}}}
	var got []string
	for _, b := range turn.Blocks() {
		got = append(got, fmt.Sprint(len(b.Sentences), b.Numbered()))
	}
	if want := []string{"2 true", "1 false", "1 false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCiteWithoutTheText(t *testing.T) {
	ans := assistantv1.Answer{ID: "a", Sentences: []assistantv1.Sentence{{Evidence: []assistantv1.Evidence{
		{Quote: "æøå", URL: "javascript:alert(1)", ChunkID: "c", SHA256: "h", Start: 0, End: 3}, // cuts a letter
	}}}}
	for name, chunk := range map[string]knowledgev1.Chunk{
		"gone":          {},
		"another":       {Text: "æøå", SHA256: "other"},
		"shorter":       {Text: "æ", SHA256: "h"},
		"inside a rune": {Text: "æøå", SHA256: "h"},
	} {
		_, sources := cite(ans, map[string]*knowledgev1.Chunk{"c": &chunk}, "2026-11-22")
		if s := sources[0]; !s.Changed || s.Blocks != nil || len(s.Quotes) != 1 || s.URL != "" {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestLongTextsAreCut(t *testing.T) {
	text := strings.Repeat("Linje om noget andet.\n", 400) + "Her står svaret.\n" + strings.Repeat("Mere om noget andet.\n", 400)
	at := strings.Index(text, "svaret")
	s := source{sha: "h", Marks: []mark{{N: 1, start: at, end: at + 6}}}
	s.show(knowledgev1.Chunk{Text: text, SHA256: "h"}, "2026-11-22")
	got := shown(s)
	if !s.Cut || len(got) > wholeChunk || !strings.Contains(got, "P Her står [1:svaret].\n") || strings.Contains(got, "P inje") {
		t.Errorf("%d bytes, cut %v", len(got), s.Cut)
	}
}

func TestQuoteURL(t *testing.T) {
	for _, tt := range []struct{ page, quote, want string }{
		{"https://borger.dk/x", "senest 5 dage", "https://borger.dk/x#:~:text=senest%205%20dage"},
		{"https://borger.dk/x#frist", "a, b-c & d", "https://borger.dk/x#frist:~:text=a%2C%20b%2Dc%20%26%20d"},
		{"https://borger.dk/x", "1 2 3 4 5 6 7 8 9 10 11 12 13", "https://borger.dk/x#:~:text=1%202%203%204,10%2011%2012%2013"},
		{"https://borger.dk/x", " ", "https://borger.dk/x"},
		{"javascript:alert(1)", "x", ""},
	} {
		if got := quoteURL(tt.page, tt.quote); got != tt.want {
			t.Errorf("%s, %q: got %s, want %s", tt.page, tt.quote, got, tt.want)
		}
	}
}

func TestRouteURL(t *testing.T) {
	for in, want := range map[string]string{
		"tel:+45 12 34 56 78": "tel:+4512345678", "https://www.borger.dk/x?y=1": "https://www.borger.dk/x?y=1", "/login": "/login",
		"javascript:alert(1)": "", "//evil.example": "", `/\evil.example`: "", "tel:": "", "tel:112;x": "", "": "", "data:text/html,x": "",
	} {
		if got := string(routeURL(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCleanReceipt(t *testing.T) {
	for in, want := range map[string]string{
		"K7QF-3M9T-WX2A": "K7QF-3M9T-WX2A", " k7qf 3m9t wx2a ": "K7QF-3M9T-WX2A", "k7qf3m9twx2a": "K7QF-3M9T-WX2A", "": "", "x": "", "../../mit": "", "K7QF/3M9T": "",
	} {
		if got := cleanReceipt(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestQuotesOfAnotherAuthorityStandAlone(t *testing.T) {
	ev := assistantv1.Evidence{Quote: "Du skriver dig på ventelisten.", URL: "https://www.havneby.example/", Title: "Bådplads", End: 31, SHA256: "h"}
	ans := assistantv1.Answer{Peer: "Havneby", Sentences: []assistantv1.Sentence{{ID: "s1", Text: ev.Quote, Evidence: []assistantv1.Evidence{ev}}}}
	_, sources := cite(ans, nil, "2026-11-22")
	if s := sources[0]; s.Changed || len(s.Quotes) != 1 || s.Quotes[0] != ev.Quote || s.Host != "havneby.example" {
		t.Errorf("source %+v", s)
	}
}
