package borger

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/platform/errs"
)

// Whatever a server answers, it is an article with text or an error that can be shown.
func FuzzParse(f *testing.F) {
	f.Add(200, `<Envelope><Body><GetArticleByIDResponse><GetArticleByIDResult><ArticleID>7</ArticleID><ArticleTitle>T</ArticleTitle>`+
		`<LastUpdated>2026-10-01T12:00:00</LastUpdated><Content>&lt;div id="microArticle_a"&gt;&lt;h2&gt;H&lt;/h2&gt;x</Content>`+
		`</GetArticleByIDResult></GetArticleByIDResponse></Body></Envelope>`)
	f.Add(500, `<Envelope><Body><Fault><faultcode>a</faultcode><faultstring>Article has been marked as not exportable.</faultstring></Fault></Body></Envelope>`)
	f.Add(200, `<!DOCTYPE a [<!ENTITY b "c">]><Envelope><Body>&b;</Body></Envelope>`)
	f.Add(404, "")
	f.Fuzz(func(t *testing.T, status int, body string) {
		r, err := parse(source.Response{Status: status, Body: []byte(body)})
		if err != nil {
			var e *errs.Error
			if !errors.As(err, &e) || e.Text == "" {
				t.Fatalf("no text for people: %v", err)
			}
			return
		}
		if status != http.StatusOK && status != http.StatusNotModified {
			t.Fatalf("status %d is an answer", status)
		}
		if r.Body.ByID.Result == nil {
			return
		}
		records, err := New(Config{}).records(*r.Body.ByID.Result)
		for _, rec := range records {
			if err != nil || strings.TrimSpace(rec.Text) == "" {
				t.Errorf("record %+v with %v", rec, err)
			}
		}
	})
}

func TestDifference(t *testing.T) {
	const base = "Meld flytning.\n\nDu skal bruge:\n\n- pas\n- foto\n\nDet er gratis."
	for name, tc := range map[string]struct{ local, want string }{
		"the same":         {base, ""},
		"a paragraph more": {base + "\n\nRing til os.", "Ring til os."},
		"in the middle":    {"Meld flytning.\n\nHos os sker det på nettet.\n\nDu skal bruge:\n\n- pas\n- foto\n\nDet er gratis.", "Hos os sker det på nettet."},
		"a sentence more":  {strings.Replace(base, "flytning.", "flytning. Gå til Dokk1.", 1), "Gå til Dokk1."},
		"an item more":     {strings.Replace(base, "- foto", "- foto\n- nøgle", 1), "- nøgle"},
		"another sentence": {strings.Replace(base, "Det er gratis.", "Det er gratisk.", 1), "Det er gratisk."},
		"said twice":       {base + "\n\nDet er gratis.", ""},
		"all of its own":   {"Noget helt andet.", "Noget helt andet."},
		"nothing":          {"", ""},
	} {
		if got := difference(base, tc.local); got != tc.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
