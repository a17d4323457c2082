package portal

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/token"
)

// written is what the editors have said for the chunk, and who.
func (as *assistant) written() ([]string, string) {
	as.mu.Lock()
	defer as.mu.Unlock()
	return slices.Clone(as.phrases), as.phrasesBy
}

var askedField = regexp.MustCompile(`(?s)<textarea[^>]* id="as-field"[^>]*>\n(.*?)</textarea>`)

// field is what stands in the page's field.
func field(t *testing.T, page string) string {
	t.Helper()
	m := askedField.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no field:\n%s", page)
	}
	return html.UnescapeString(m[1])
}

// A model proposes phrases when it is asked; only those that the editor ticks are saved, beside what was written.
func TestProposedPhrasesAreTicked(t *testing.T) {
	p := start(t)
	c := p.browser(t)
	c.login(t, "ida")
	const path = "/redaktion/afsnit?id=starter%2fda-flytning%23frist"
	model := func(name string) {
		p.assistant.mu.Lock()
		defer p.assistant.mu.Unlock()
		p.assistant.model = name
	}
	if _, page := c.get(t, path); strings.Contains(page, "Foreslå formuleringer") {
		t.Error("a button without a model")
	}
	form := url.Values{"asked": {"hvornår flytter jeg"}, "do": {"propose"}}
	post := func() (int, string) {
		t.Helper()
		r, err := c.PostForm(c.base+path, form)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, r)
	}
	model("busy")
	if status, page := post(); status != http.StatusServiceUnavailable || !strings.Contains(page, "Sprogmodellen har travlt.") || field(t, page) != "hvornår flytter jeg" {
		t.Errorf("%d %s", status, page)
	}
	model("gemma")
	_, page := post()
	const kept, left = "hvem skal vide at jeg bor et nyt sted", "er det farligt at flytte"
	for _, part := range []string{"Foreslå formuleringer", "Forslag fra gemma.", `name="keep" value="` + kept + `"`, `name="keep" value="` + left + `"`} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s:\n%s", part, page)
		}
	}
	if got, _ := p.assistant.written(); len(got) != 0 || field(t, page) != "hvornår flytter jeg" {
		t.Errorf("saved without a tick: %q, field %q", got, field(t, page))
	}
	form.Set("do", "save")
	form.Set("keep", kept)
	if status, page := post(); status != http.StatusOK {
		t.Fatalf("%d %s", status, page)
	}
	if got, by := p.assistant.written(); !slices.Equal(got, []string{"hvornår flytter jeg", kept}) || by != "ida" {
		t.Errorf("%s saved %q", by, got)
	}
}

// A question that is tried tells which phrase keeps the assistant quiet, and how sure it would be without.
func TestTryTellsWhatKeepsTheAssistantQuiet(t *testing.T) {
	p := start(t)
	c := p.browser(t)
	c.login(t, "ida")
	for _, path := range []string{"/redaktion/afsnit?id=starter%2fda-flytning%23frist&q=", "/redaktion/soeg?q="} {
		_, page := c.get(t, path+"hvem+flytter+mit+klaver")
		for _, part := range []string{"Assistenten svarer ikke: den er 31,0", "ligner dette mest (88,0", ">hvem flytter klaveret</q>", "var den 74,0"} {
			if !strings.Contains(page, part) {
				t.Errorf("%s lacks %q:\n%s", path, part, page)
			}
		}
		_, page = c.get(t, path+"hvorn%C3%A5r+flytter+jeg")
		if !strings.Contains(page, "Assistenten svarer: den er 81,0") || strings.Contains(page, "ikke besvares, ligner") {
			t.Errorf("%s:\n%s", path, page)
		}
	}
}

// From what citizens did not get to the micro-article that answers it, with their words as a proposal.
func TestGapLeadsToItsAnswer(t *testing.T) {
	p := start(t)
	c := p.browser(t)
	c.login(t, "ida")
	_, page := c.get(t, "/redaktion/huller")
	for _, link := range []string{
		`href="/redaktion/soeg?q=skrald%20flytte&amp;hul=1"`, `href="/redaktion/afsnit?id=starter%2fda-flytning%23frist&amp;q=skrald%20flytte&amp;hul=1"`,
		`href="/redaktion/soeg?q=Boligst%c3%b8tte%3a%20Husleje"`, `href="/redaktion/afsnit?id=starter%2fbolig%23husleje"`, // nothing that citizens wrote
	} {
		if !strings.Contains(page, link) {
			t.Errorf("gaps have no %s", link)
		}
	}
	_, page = c.get(t, "/redaktion/soeg?q=skrald+flytte&hul=1")
	link := `href="/redaktion/afsnit?id=starter%2fda-flytning%23frist&amp;q=skrald%20flytte&amp;hul=1"`
	if !strings.Contains(page, link) || !strings.Contains(page, "Hvilket afsnit svarer på det?") {
		t.Errorf("nothing to choose:\n%s", page)
	}
	_, page = c.get(t, "/redaktion/afsnit?id=starter%2fda-flytning%23frist&q=skrald+flytte&hul=1")
	if got := field(t, page); got != "skrald flytte" || !strings.Contains(page, "Nederst i feltet") || !strings.Contains(page, "Afsnittet er nr. 7") {
		t.Errorf("field %q:\n%s", got, page)
	}
	if got, _ := p.assistant.written(); got != nil {
		t.Errorf("a proposal is saved: %q", got)
	}
	if status, page := c.get(t, "/redaktion/afsnit?id=starter%2fgone&hul=1&q=x"); status != http.StatusNotFound {
		t.Errorf("no such article: %d\n%s", status, page)
	}
}

func TestEditorSaysHowCitizensAsk(t *testing.T) {
	p := start(t)
	c := p.browser(t)
	c.login(t, "ida")
	at := "/redaktion/afsnit?id=" + url.QueryEscape(movingChunk().ID)
	_, page := c.get(t, at)
	if field(t, page) != "" || !strings.Contains(page, "hvornår melder man flytning") || strings.Contains(page, "as-places") {
		t.Errorf("at first:\n%s", page)
	}
	post := func(form url.Values) (int, string) {
		t.Helper()
		r, err := c.PostForm(p.url+at, form)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, r)
	}
	// What is tried is not saved.
	status, page := post(url.Values{"do": {"try"}, "q": {"skrald flytte"}, "asked": {"halv linje\r\n\r\nskrald"}})
	if status != http.StatusOK || field(t, page) != "halv linje\r\n\r\nskrald" || !strings.Contains(page, "Afsnittet er nr. 7 til spørgsmålet.") ||
		!strings.Contains(page, `<li value="7" aria-current="true">`) || strings.Count(page, "<li value=") != 6 {
		t.Errorf("tried: %d\n%s", status, page)
	}
	status, page = post(url.Values{"do": {"try"}, "q": {"måne"}, "asked": {"skrald"}})
	if status != http.StatusOK || !strings.Contains(page, "Afsnittet er ikke blandt de første 100") || field(t, page) != "skrald" {
		t.Errorf("not found: %d\n%s", status, page)
	}
	if got, _ := p.assistant.written(); got != nil {
		t.Errorf("a try is saved: %q", got)
	}

	// What is saved shows what it did.
	status, page = post(url.Values{"do": {"save"}, "q": {"skrald flytte"}, "asked": {"skrald flytte\r\n\r\n  hvor med skraldet \r\n"}})
	if status != http.StatusOK || !strings.Contains(page, "Formuleringerne er gemt og virker nu.") || !strings.Contains(page, "Før: nr. 7. Nu: nr. 1.") ||
		field(t, page) != "skrald flytte\nhvor med skraldet" {
		t.Errorf("saved: %d\n%s", status, page)
	}
	if got, by := p.assistant.written(); !slices.Equal(got, []string{"skrald flytte", "hvor med skraldet"}) || by != "ida" {
		t.Errorf("saved %q by %q", got, by)
	}
	known := "skrald flytte\r\nhvor med skraldet"
	status, page = post(url.Values{"do": {"save"}, "q": {"nede"}, "known": {known}, "asked": {"skrald flytte"}})
	if status != http.StatusOK || !strings.Contains(page, "Formuleringerne er gemt") || !strings.Contains(page, "Søgningen svarer ikke lige nu.") || strings.Contains(page, "Før:") {
		t.Errorf("saved while the search is away: %d\n%s", status, page)
	}
	known = "skrald flytte"
	status, page = post(url.Values{"do": {"save"}, "known": {known}, "asked": {"jeg er 070761-4285"}})
	if status != http.StatusOK || !strings.Contains(page, "rettet lidt til") || field(t, page) != "jeg er [cpr-nummer]" || strings.Contains(page, "Nu: nr.") {
		t.Errorf("tidied: %d\n%s", status, page)
	}

	// What cannot be saved stands in the field again.
	known = "jeg er [cpr-nummer]"
	refused := func(name string, want int, form url.Values, says string) {
		t.Helper()
		form.Set("do", "save")
		status, page := post(form)
		if status != want || !strings.Contains(html.UnescapeString(page), says) || strings.TrimSpace(field(t, page)) != strings.TrimSpace(form.Get("asked")) ||
			!strings.Contains(page, `aria-invalid="true"`) {
			t.Errorf("%s: %d\n%s", name, status, page)
		}
		if got, _ := p.assistant.written(); !slices.Equal(got, []string{"jeg er [cpr-nummer]"}) {
			t.Errorf("%s: saved %q", name, got)
		}
	}
	refused("long", http.StatusBadRequest, url.Values{"known": {known}, "asked": {"kort\n" + strings.Repeat("x", knowledgev1.MaxAskedText+1)}}, "Formulering nr. 2 er for lang.")
	refused("many", http.StatusBadRequest, url.Values{"known": {known}, "asked": {strings.Repeat("vi flytter\n", knowledgev1.MaxAsked+1)}}, fmt.Sprintf("Der er %d formuleringer", knowledgev1.MaxAsked+1))
	refused("changed meanwhile", http.StatusConflict, url.Values{"known": {"noget ældre"}, "asked": {"mit"}}, "En anden har gemt, mens du skrev.")
	fails := func(err error) {
		p.assistant.mu.Lock()
		defer p.assistant.mu.Unlock()
		p.assistant.unsaved = err
	}
	fails(errs.E(errs.Invalid, "En formulering (asked) er ikke gyldig.", nil))
	refused("invalid", http.StatusBadRequest, url.Values{"known": {known}, "asked": {"<b>"}}, "En formulering (asked) er ikke gyldig.")
	fails(errs.E(errs.Unavailable, "Viden kan ikke gemmes lige nu.", nil))
	refused("away", http.StatusServiceUnavailable, url.Values{"known": {known}, "asked": {"mit & dit"}}, "Viden kan ikke gemmes lige nu.")
	fails(nil)
	at = "/redaktion/afsnit?id=starter%2Fgone"
	refused("removed", http.StatusNotFound, url.Values{"known": {known}, "asked": {"mit"}}, "Det blev ikke gemt")
}

// unanswered is what the editors have said that the chunk does not answer.
func (as *assistant) unanswered() []string {
	as.mu.Lock()
	defer as.mu.Unlock()
	return slices.Clone(as.nots)
}

// A gap to which nobody has the answer is kept with the article that is nearest, after an editor has seen it.
func TestGapWithoutAnswer(t *testing.T) {
	p := start(t)
	c := p.browser(t)
	c.login(t, "ida")
	at := "/redaktion/afsnit?id=starter%2fda-flytning%23frist&q=skrald%20flytte&hul=nej"
	_, page := c.get(t, "/redaktion/huller")
	if !strings.Contains(page, `href="`+strings.ReplaceAll(at, "&", "&amp;")+`"`) || strings.Count(page, "hul=nej") != 1 {
		t.Errorf("gaps:\n%s", page)
	}
	_, page = c.get(t, at)
	not := func() string {
		t.Helper()
		m := regexp.MustCompile(`(?s)<textarea[^>]* id="as-not"[^>]*>\n(.*?)</textarea>`).FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("no field:\n%s", page)
		}
		return html.UnescapeString(m[1])
	}
	if not() != "skrald flytte" || field(t, page) != "" || !strings.Contains(page, `id="as-not-gap"`) || !strings.Contains(page, "hvem flytter klaveret") {
		t.Errorf("proposed:\n%s", page)
	}
	if got := p.assistant.unanswered(); got != nil {
		t.Errorf("saved unseen: %q", got)
	}
	post := func(form url.Values) int {
		t.Helper()
		form.Set("do", "save")
		r, err := c.PostForm(p.url+at, form)
		if err != nil {
			t.Fatal(err)
		}
		var status int
		status, page = read(t, r)
		return status
	}
	long := strings.Repeat("x", knowledgev1.MaxAskedText+1)
	if status := post(url.Values{"unanswered": {long}}); status != http.StatusBadRequest || not() != long || !strings.Contains(page, `id="as-not-problem"`) || strings.Contains(page, `id="as-problem"`) {
		t.Errorf("too long: %d\n%s", status, page)
	}
	if status := post(url.Values{"unanswered": {"hvem henter skrald, når vi flytter\r\n"}}); status != http.StatusOK || !strings.Contains(page, "er gemt og virker nu") ||
		not() != "hvem henter skrald, når vi flytter" {
		t.Errorf("saved: %d\n%s", status, page)
	}
	if status := post(url.Values{"knownnot": {""}, "unanswered": {"mit"}}); status != http.StatusConflict || not() != "mit" || !strings.Contains(page, "Ikke: hvem henter skrald") {
		t.Errorf("changed meanwhile: %d\n%s", status, page)
	}
	if got := p.assistant.unanswered(); !slices.Equal(got, []string{"hvem henter skrald, når vi flytter"}) {
		t.Errorf("saved %q", got)
	}
}

func TestAskedAPI(t *testing.T) {
	p := start(t)
	editor := p.token(t, token.Editor, nil)
	path := "/api/v1/knowledge/asked/" + url.PathEscape(movingChunk().ID)
	var c knowledgev1.Chunk
	p.json(t, "PUT", path, editor, `{"id":"other","actor":"other","asked":["vi flytter"]}`, &c)
	if got, by := p.assistant.written(); c.ID != movingChunk().ID || !slices.Equal(got, []string{"vi flytter"}) || by != token.Editor {
		t.Errorf("%q by %q: %+v", got, by, c)
	}
	p.json(t, "GET", "/api/v1/knowledge/chunks/"+url.PathEscape(movingChunk().ID), editor, "", &c)
	if !slices.Equal(c.EditorAsked, []string{"vi flytter"}) || len(c.Asked) != 1 {
		t.Errorf("%+v", c)
	}
	p.json(t, "PUT", path, editor, `{"asked":["vi flytter"],"unanswered":["hvem flytter klaveret"]}`, &c)
	p.json(t, "PUT", path, editor, `{"asked":["vi flytter"]}`, &c)
	if got := p.assistant.unanswered(); !slices.Equal(got, []string{"hvem flytter klaveret"}) || !slices.Equal(c.EditorUnanswered, got) {
		t.Errorf("not answered: %q, %+v", got, c)
	}
	if status, body := read(t, p.do(t, "PUT", path, editor, `{}`)); status != http.StatusBadRequest || !strings.Contains(body, "(asked)") {
		t.Errorf("no list: %d %s", status, body)
	}
	for _, role := range []string{token.Caseworker, token.Citizen, token.Operator} {
		if status := p.status(t, "PUT", path, p.token(t, role, nil), `{"asked":[]}`); status != http.StatusForbidden {
			t.Errorf("%s: %d", role, status)
		}
	}
	if got, _ := p.assistant.written(); len(got) != 1 {
		t.Errorf("left: %q", got)
	}
	p.json(t, "PUT", path, editor, `{"asked":[]}`, &c)
	if got, _ := p.assistant.written(); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
}

// An editor does it all by keyboard, and without scripts.
func TestEditorClosesAGap(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.login("ida")
	b.run(emulation.SetScriptExecutionDisabled(true))
	b.open("/redaktion/huller")
	b.click(`td a[href*="/redaktion/soeg?"][href$="hul=1"]`)
	b.click(`.hit a[href*="frist"][href*="hul=1"]`)
	b.until(`document.readyState === "complete" && document.getElementById("as-gap") !== null`)
	// Enter in the question tries it; Tab goes on to the field and to the button that saves.
	b.run(chromedp.Evaluate(`window.left = true`, nil), chromedp.SetValue("#as-q", "skrald flytte om", chromedp.ByQuery), chromedp.Focus("#as-q", chromedp.ByQuery))
	b.key(kb.Enter)
	b.until(`window.left === undefined && document.readyState === "complete" && document.getElementById("as-q")?.value === "skrald flytte om" && document.getElementById("as-places") !== null`)
	if got := eval[string](b, `document.getElementById("as-field").value`); got != "skrald flytte" {
		t.Errorf("the field has %q", got)
	}
	b.run(chromedp.Evaluate(`document.getElementById("as-field").value = ""`, nil))
	b.write("#as-field", "skrald flytte om\nhvor med skraldet")
	b.key(kb.Tab)
	b.until(`document.activeElement.id === "as-not"`)
	b.key(kb.Tab)
	b.until(`document.activeElement.value === "save"`)
	b.key(kb.Enter)
	b.until(`document.readyState === "complete" && document.querySelector(".alert-success")?.textContent.includes("Før: nr. 7. Nu: nr. 1.")`)
	b.run(emulation.SetScriptExecutionDisabled(false))
	b.checked("editor-asked-saved")
	if got, by := p.assistant.written(); !slices.Equal(got, []string{"skrald flytte om", "hvor med skraldet"}) || by != "ida" {
		t.Errorf("saved %q by %q", got, by)
	}

	// A mistake stands beside the field.
	b.run(chromedp.Evaluate(`document.getElementById("as-field").value = "x".repeat(400)`, nil))
	b.click(`[value="save"]`)
	b.until(`document.readyState === "complete" && document.getElementById("as-problem") !== null && document.getElementById("as-field").value.length === 400`)
	b.checked("editor-asked-wrong")
}
