package knowledge_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// records of a small town's knowledge.
func records() []knowledgev1.Record {
	return []knowledgev1.Record{
		{
			ID: "flytning-frist", ArticleID: "flytning", URL: "https://www.borger.dk/flytning", Title: "Flytning", Section: "Frist",
			HTML: `<p>Du skal melde flytning <b>senest 5 dage</b> efter, at du er flyttet.</p><p>Brug <a href="/meld">Meld flytning</a>.</p>`,
		},
		{
			ID: "flytning-frist@0751", ArticleID: "flytning", URL: "https://www.borger.dk/flytning", Title: "Flytning", Section: "Frist",
			Municipality: "0751", Text: "I Aarhus kan du få hjælp på Dokk1 om torsdagen.",
		},
		{
			ID: "pas-pris@2025", ArticleID: "pas", URL: "https://www.borger.dk/pas", Title: "Pas", Section: "Hvad koster et pas?",
			Text: "Et pas til en voksen koster 893 kr. i 2025.", ValidFrom: "2025-01-01", ValidTo: "2025-12-31",
		},
		{
			ID: "pas-pris", ArticleID: "pas", URL: "https://www.borger.dk/pas", Title: "Pas", Section: "Hvad koster et pas?",
			Text: "Et pas til en voksen koster 911 kr.", ValidFrom: "2026-01-01",
		},
		{
			ID: "passport", ArticleID: "passport", URL: "https://lifeindenmark.borger.dk/passport", Title: "Passport", Section: "Price",
			Text: "A passport for an adult costs DKK 911.", Language: "en",
		},
	}
}

func TestLibrary(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		if r := h.load(t, "by", false, records()...); r.Added != 5 || r.Failed != 0 || r.State != knowledgev1.RunDone {
			t.Fatalf("import: %+v", r)
		}
		for name, tc := range map[string]struct {
			req  knowledgev1.SearchRequest
			want []string
		}{
			"whole country":     {knowledgev1.SearchRequest{Query: "hvornår skal jeg melde flytning"}, []string{"by/flytning-frist"}},
			"with difference":   {knowledgev1.SearchRequest{Query: "melde flytning frist dage", Municipality: "0751"}, []string{"by/flytning-frist", "by/flytning-frist@0751"}},
			"difference first":  {knowledgev1.SearchRequest{Query: "hjælp på Dokk1", Municipality: "0751"}, []string{"by/flytning-frist@0751", "by/flytning-frist"}},
			"one of the pair":   {knowledgev1.SearchRequest{Query: "hjælp på Dokk1", Municipality: "0751", K: 1}, []string{"by/flytning-frist@0751"}},
			"other town":        {knowledgev1.SearchRequest{Query: "hjælp på Dokk1 flytning", Municipality: "0101"}, []string{"by/flytning-frist"}},
			"valid today":       {knowledgev1.SearchRequest{Query: "hvad koster et pas", Language: "da"}, []string{"by/pas-pris"}},
			"valid last year":   {knowledgev1.SearchRequest{Query: "hvad koster et pas", Language: "da", At: "2025-06-01"}, []string{"by/pas-pris@2025"}},
			"English":           {knowledgev1.SearchRequest{Query: "passport price", Language: "en"}, []string{"by/passport"}},
			"nothing like this": {knowledgev1.SearchRequest{Query: "kvantemekanik"}, nil},
		} {
			if diff := cmp.Diff(tc.want, h.found(t, tc.req)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		vs, err := h.Variants(t.Context(), "by/pas-pris")
		must(t, err)
		if len(vs) != 1 || vs[0].ID != "by/pas-pris@2025" {
			t.Errorf("variants: %+v", vs)
		}
		c, err := h.Chunk(t.Context(), "by/flytning-frist")
		must(t, err)
		if want := "Du skal melde flytning senest 5 dage efter, at du er flyttet.\n\nBrug Meld flytning."; c.Text != want {
			t.Errorf("text %q", c.Text)
		}
		if diff := cmp.Diff([]knowledgev1.Link{{Label: "Meld flytning", URL: "https://www.borger.dk/meld"}}, c.Links); diff != "" {
			t.Error(diff)
		}
		_, err = h.Chunk(t.Context(), "by/nothing")
		wantKind(t, err, errs.NotFound)
	})
}
