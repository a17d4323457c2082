package federation

import (
	"fmt"
	"strings"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/portal/internal/texts"
)

// plain writes an answer for programs that show text: each sentence followed by its quotes and where they stand.
func plain(a assistantv1.Answer) string {
	t := texts.For(texts.Lang(a.Language))
	var b strings.Builder
	if a.Demo {
		fmt.Fprintf(&b, "[%s]\n\n", t.T("q.demo"))
	}
	if a.Message != "" {
		fmt.Fprintf(&b, "%s\n\n", a.Message)
	}
	for _, s := range a.Sentences {
		if s.Question != "" {
			b.WriteString(s.Question + "\n\n")
		}
		if s.List > 0 {
			b.WriteString(knowledgev1.NumberedItem(s.Number))
		}
		b.WriteString(s.Text + "\n")
		for _, e := range s.Evidence {
			fmt.Fprintf(&b, "  »%s« (%s, %s)\n", strings.Join(strings.Fields(e.Quote), " "), e.Title, e.URL)
		}
		b.WriteByte('\n')
	}
	for _, o := range a.Options {
		fmt.Fprintf(&b, "- %s: %s\n", o.Value, o.Label)
	}
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s: %s\n", label, text)
		}
	}
	line(t.T("q.authority"), strings.TrimSpace(a.Authority+" "+a.Why))
	line(t.T("q.asof"), a.AsOf)
	if a.Answered {
		by := t.T("q.by.extract")
		if a.DraftedBy != "extract" {
			by = t.T("q.by.model", "model", a.DraftedBy)
		}
		line(t.T("q.by"), by)
	}
	for _, l := range a.Links {
		fmt.Fprintf(&b, "- %s: %s\n", l.Label, l.URL)
	}
	for _, r := range a.Routes {
		fmt.Fprintf(&b, "- %s: %s\n", r.Label, r.Target)
	}
	if a.Notice != "" {
		b.WriteString(a.Notice + "\n")
	}
	return strings.TrimSpace(b.String())
}

func plainFound(f Found) string {
	if len(f.Passages) == 0 {
		return "Nothing found."
	}
	var b strings.Builder
	for i, p := range f.Passages {
		title := p.Title
		if p.Section != "" {
			title += ": " + p.Section
		}
		if p.Demo {
			title += " [" + texts.For(texts.Lang(p.Language)).T("q.demo") + "]"
		}
		fmt.Fprintf(&b, "%d. %s\n%s\n%s\n\n", i+1, title, p.URL, p.Text)
	}
	return strings.TrimSpace(b.String())
}
