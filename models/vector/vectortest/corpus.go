package vectortest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"samtale.dk/samtale/models/vector"
)

// Seeds reads the starter knowledge, the files of seeds/knowledge above the test's folder.
func Seeds(t testing.TB) []vector.Point {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "seeds", "knowledge", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no starter knowledge: %v", err)
	}
	var out []vector.Point
	for _, f := range files {
		out = append(out, readLines(t, f)...)
	}
	return out
}

func readLines(t testing.TB, name string) []vector.Point {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []vector.Point
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var r struct {
			vector.Point
			HTML string `json:"html"`
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s:%d: %v", filepath.Base(name), n, err)
		}
		if r.Text == "" {
			r.Text = plain(r.HTML)
		}
		out = append(out, r.Point)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

var tag = regexp.MustCompile(`<[^>]*>`)

// plain is good enough for tests.
func plain(s string) string {
	return strings.TrimSpace(html.UnescapeString(tag.ReplaceAllString(strings.ReplaceAll(s, "<li>", "\n- "), " ")))
}

// Small is a corpus with everything that filters look at.
func Small() []vector.Point {
	return []vector.Point{
		{
			ID: "flytning#frist", ArticleID: "flytning", Title: "Flytning i Danmark", Section: "Frist for at melde flytning", Language: "da",
			Text: "Du skal melde flytning til kommunen senest 5 dage efter, at du er flyttet.", URL: "https://eksempel.dk/flytning", SHA256: "ab",
		},
		{
			ID: "flytning#boede", ArticleID: "flytning", Title: "Flytning i Danmark", Section: "Hvis du melder flytning for sent", Language: "da",
			Text: "Melder du flytning for sent, kan kommunen give dig en bøde på op til 1.000 kr.",
		},
		{
			ID: "boligstoette#hvem", ArticleID: "boligstoette", Title: "Boligstøtte", Section: "Hvem kan få boligstøtte", Language: "da",
			Text: "Du kan få boligstøtte, hvis du bor til leje i en bolig med eget køkken. Støtten afhænger af husstandens indkomst.",
		},
		{
			ID: "boligstoette#ansoeg", ArticleID: "boligstoette", Title: "Boligstøtte", Section: "Ansøg om boligstøtte", Language: "da",
			Text: "Du ansøger hos Udbetaling Danmark. Du skal bruge din lejekontrakt.",
		},
		{
			ID: "ungeydelse#satser", ArticleID: "ungeydelse", Title: "Børne- og ungeydelse", Section: "Satser", Language: "da",
			Text: "Børneydelsen udbetales hvert kvartal til forældrene. Beløbet afhænger af barnets alder.",
		},
		{
			ID: "affald", ArticleID: "affald", Title: "Affald", Section: "Genbrugsplads", Language: "da",
			Text: "Aflever storskrald på genbrugspladsen.",
		},
		{
			ID: "affald@0751", ArticleID: "affald", Title: "Affald", Section: "Genbrugsplads", Language: "da", Municipality: "0751",
			Text: "I Aarhus har genbrugspladsen åbent hver dag kl. 8 til 20.",
		},
		{
			ID: "affald@0101", ArticleID: "affald", Title: "Affald", Section: "Genbrugsplads", Language: "da", Municipality: "0101",
			Text: "I København har genbrugspladsen åbent hverdage kl. 10 til 18.",
		},
		{
			ID: "pas#pris-gammel", ArticleID: "pas", Title: "Pas", Section: "Pris for et pas", Language: "da", ValidFrom: "2024-01-01", ValidTo: "2025-12-31",
			Text: "Et pas til en voksen koster 893 kr.",
		},
		{
			ID: "pas#pris", ArticleID: "pas", Title: "Pas", Section: "Pris for et pas", Language: "da", ValidFrom: "2026-01-01",
			Text: "Et pas til en voksen koster 920 kr.",
		},
		{
			ID: "moving", ArticleID: "moving", Title: "Moving in Denmark", Section: "Deadline", Language: "en",
			Text: "You must report your change of address to the municipality within 5 days of moving.",
		},
		{
			ID: "sundhedskort", ArticleID: "sundhedskort", Title: "Sundhedskort", Section: "Bestil nyt sundhedskort", Language: "da",
			Text: "Har du mistet dit sundhedskort, kan du bestille et nyt på borger.dk.",
		},
	}
}

// Synthetic makes n micro-articles out of the starter knowledge: each is one of its micro-articles with words of others put in, and
// with compounds that nobody has seen, so that the vocabulary grows as that of a large corpus does. The same n gives the same.
func Synthetic(t testing.TB, n int) []vector.Point {
	seeds := Seeds(t)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var words []string
	for _, p := range seeds {
		words = append(words, strings.Fields(p.Text)...)
	}
	out := make([]vector.Point, n)
	for i := range out {
		p := seeds[r.IntN(len(seeds))]
		text := strings.Fields(p.Text)
		for j := range text {
			switch x := r.IntN(100); {
			case x < 30:
				text[j] = words[r.IntN(len(words))]
			case x < 33:
				text[j] = strings.Trim(words[r.IntN(len(words))]+words[r.IntN(len(words))], ".,-:")
			}
		}
		p.ID, p.ArticleID, p.Text = fmt.Sprintf("s%d", i), fmt.Sprintf("a%d", i/10), strings.Join(text, " ")
		out[i] = p
	}
	return out
}
