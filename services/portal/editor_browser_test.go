package portal

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/contract/knowledgev1"
)

func TestEditorPages(t *testing.T) {
	p := start(t)
	p.assistant.sources = demoSources()
	b := chromium(t, p)
	b.login("ida")
	for _, l := range []string{"da", "en"} {
		b.language(l)
		for _, at := range []struct{ name, path string }{
			{"sources", "/redaktion"},
			{"source", "/redaktion/kilder/borger"},
			{"new", "/redaktion/ny"},
			{"import", "/redaktion/import"},
			{"search", "/redaktion/soeg?q=melde+flytning&municipality=0751&at=2026-11-22"},
			{"nothing", "/redaktion/soeg?q=måne"},
			{"choose", "/redaktion/soeg?q=skrald+flytte&hul=1"},
			{"asked", "/redaktion/afsnit?id=starter%2Fda-flytning%23frist&q=skrald+flytte&hul=1"},
			{"gaps", "/redaktion/huller"},
			{"nogaps", "/redaktion/huller?days=7"},
			{"trends", "/redaktion/udvikling"},
			{"quality", "/redaktion/kvalitet"},
			{"peers", "/redaktion/myndigheder"},
		} {
			b.open(at.path)
			b.until(`document.readyState === "complete"`)
			b.checked("editor-" + l + "-" + at.name)
			if n := eval[int](b, `document.querySelectorAll(".ed-nav [aria-current]").length`); n != 1 {
				t.Errorf("%s: %d current pages", at.path, n)
			}
		}
	}
}

func TestEditorSources(t *testing.T) {
	p := start(t)
	p.assistant.sources = demoSources()
	b := chromium(t, p)
	b.login("ida")
	b.until(`document.documentElement.dataset.ready === "editor" && document.querySelectorAll("#sources tr").length === 3`)

	// What is being fetched moves by itself; what the caseworker works in stays.
	p.assistant.moves(t, p, 100, knowledgev1.RunRunning)
	b.until(`document.querySelector("progress")?.value === 100`)
	p.assistant.moves(t, p, 300, knowledgev1.RunRunning)
	b.until(`document.querySelector("progress")?.value === 300`)
	b.shot("editor-running")
	p.assistant.moves(t, p, 400, knowledgev1.RunDone)
	b.until(`document.querySelector("progress") === null && document.getElementById("ed-said").textContent.includes("borger")`)

	b.click(`form[action$="/borger/koer"] button`)
	b.shows("Kilden bliver hentet nu.")
	b.until(`document.documentElement.dataset.ready === "editor"`)
	b.click(`form[action$="/borger/pause"] button`)
	b.shows("Kilden er sat på pause.")
	refs := func() []knowledgev1.SourceRef {
		p.assistant.mu.Lock()
		defer p.assistant.mu.Unlock()
		return slices.Clone(p.assistant.refs)
	}
	if got := refs(); len(got) != 1 || got[0].ID != "borger" || got[0].Actor != "ida" {
		t.Errorf("run: %+v", got)
	}
	p.assistant.mu.Lock()
	saved := p.assistant.sources[len(p.assistant.sources)-1]
	p.assistant.sources = p.assistant.sources[:3]
	p.assistant.mu.Unlock()
	if !saved.Paused || saved.Title != "borger.dk" || saved.Every != 24*time.Hour || len(saved.Municipalities) != 2 {
		t.Errorf("paused: %+v", saved)
	}

	// A new one: its kind decides the fields; a name that is taken is said.
	b.open("/redaktion/ny")
	b.until(`document.documentElement.dataset.ready === "editor"`)
	b.run(chromedp.Evaluate(`(() => { const k = document.getElementById("s-kind"); k.value = "sitemap"; k.dispatchEvent(new Event("change")); })()`, nil))
	b.until(`document.getElementById("s-paths").offsetParent !== null && document.getElementById("s-cities").offsetParent === null`)
	fill := func(id string) {
		b.run(chromedp.SetValue("#s-id", id, chromedp.ByQuery), chromedp.SetValue("#s-title", "Odense", chromedp.ByQuery),
			chromedp.SetValue("#s-url", "https://www.odense.dk/sitemap.xml", chromedp.ByQuery), chromedp.SetValue("#s-paths", "/borger/\n/by/", chromedp.ByQuery))
		b.click(`.ed-form button[type="submit"]`)
	}
	fill("web")
	b.shows("Der er allerede en kilde med det korte navn.")
	b.until(`document.documentElement.dataset.ready === "editor" && document.getElementById("s-title").value === "Odense" && document.getElementById("s-paths").value === "/borger/\n/by/"`)
	fill("odense")
	b.shows("Kilden er gemt.")
	p.assistant.mu.Lock()
	saved = p.assistant.sources[len(p.assistant.sources)-1]
	p.assistant.mu.Unlock()
	if saved.ID != "odense" || saved.Kind != knowledgev1.KindSitemap || !slices.Equal(saved.Include, []string{"/borger/", "/by/"}) || saved.Every != 24*time.Hour || saved.Actor != "ida" {
		t.Errorf("saved: %+v", saved)
	}

	// Removing needs a yes.
	b.open("/redaktion/kilder/borger")
	b.until(`document.documentElement.dataset.ready === "editor"`)
	b.click(".ed-remove summary")
	b.run(chromedp.Evaluate(`document.getElementById("s-sure").required = false`, nil))
	b.click(".ed-remove button")
	b.shows("Der er ikke fjernet noget.")
	b.until(`document.documentElement.dataset.ready === "editor"`)
	if got := refs(); len(got) != 1 {
		t.Errorf("removed without a yes: %+v", got)
	}
	b.click(".ed-remove summary")
	b.click("#s-sure")
	b.click(".ed-remove button")
	b.shows("Kilden og dens indhold er fjernet.")
	if got := refs(); len(got) != 2 || got[1].ID != "borger" {
		t.Errorf("removed: %+v", got)
	}
}

func TestEditorImportsAFile(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.login("ida")
	b.open("/redaktion/import")
	b.until(`document.documentElement.dataset.ready === "import"`)
	file := filepath.Join(t.TempDir(), "mine artikler.jsonl")
	if err := os.WriteFile(file, []byte(lines(450)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run(chromedp.SetUploadFiles("#im-file", []string{file}, chromedp.ByQuery))
	b.until(`document.getElementById("im-source").value === "mine-artikler"`)
	b.click("#im-replace")
	b.click("#im-send")
	b.until(`document.getElementById("im-state").textContent.startsWith("Færdig")`)
	b.checked("editor-imported")
	if got := eval[string](b, `document.getElementById("im-failed").textContent`); !strings.Contains(got, "Linje 1:") || !strings.Contains(got, "Linje 453:") {
		t.Errorf("failures are %q", got)
	}
	p.assistant.mu.Lock()
	defer p.assistant.mu.Unlock()
	n := 0
	for i, r := range p.assistant.imported {
		if r.Import != p.assistant.imported[0].Import || r.Source != "mine-artikler" || r.First != 3+n && len(r.Records) > 0 || r.Replace || r.Last != (i == len(p.assistant.imported)-1) {
			t.Errorf("batch %d: first %d, %d records, last %t, replace %t", i, r.First, len(r.Records), r.Last, r.Replace)
		}
		n += len(r.Records)
	}
	if n != 450 {
		t.Errorf("%d records came", n)
	}
}

func TestEditorPeers(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.login("ida")
	add := func(address string) {
		t.Helper()
		b.open("/redaktion/myndigheder")
		b.run(chromedp.SetValue("#p-id", "odense", chromedp.ByQuery), chromedp.SetValue("#p-name", "Odense Kommune", chromedp.ByQuery), chromedp.SetValue("#p-url", address, chromedp.ByQuery),
			chromedp.SetValue("#p-topics", "havn, Odense Å", chromedp.ByQuery))
		b.click(`.ed-form button[type="submit"]`)
	}
	add("https://nowhere.example.dk")
	b.shows("Der er ingen assistent på den adresse.")
	b.until(`document.getElementById("p-topics").value === "havn, Odense Å"`)
	add("https://odense.example.dk/.well-known/agent-card.json")
	b.until(`document.readyState === "complete" && document.querySelector(".tile h2")?.textContent.includes("Odense Kommune")`)
	b.checked("editor-peer")
	b.click(".tile summary")
	b.click(".tile button")
	b.until(`document.querySelector(".tile") === null`)
}
