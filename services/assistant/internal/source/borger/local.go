package borger

import (
	"slices"
	"strings"

	"samtale.dk/samtale/services/contract/knowledgev1"
)

// differences are the micro-articles of an edition without what the article itself says. A micro-article that says nothing else has
// none.
func differences(whole, edition []knowledgev1.Record, municipality string) []knowledgev1.Record {
	byID := map[string]knowledgev1.Record{}
	for _, r := range whole {
		byID[r.ID] = r
	}
	var out []knowledgev1.Record
	for _, r := range edition {
		base := byID[r.ID]
		r.Text = difference(base.Text, r.Text)
		if r.Text == "" {
			continue
		}
		r.Links = slices.DeleteFunc(r.Links, func(l knowledgev1.Link) bool { return slices.Contains(base.Links, l) })
		r.ID += "@" + municipality
		r.Municipality = municipality
		if base.Section != "" {
			r.Section = base.Section // the family is found by it
		}
		out = append(out, r)
	}
	return out
}

// difference is what local says and base does not. Text is compared by paragraphs; one that goes on where a paragraph of base ends
// is cut there.
func difference(base, local string) string {
	paragraphs := strings.Split(base, "\n\n")
	var out []string
	for p := range strings.SplitSeq(local, "\n\n") {
		if slices.Contains(paragraphs, p) {
			continue
		}
		if p = without(paragraphs, p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n\n")
}

// without cuts off what a paragraph of base says at the beginning: whole sentences, or whole items of a list.
func without(base []string, p string) string {
	longest := 0
	for _, b := range base {
		rest, ok := strings.CutPrefix(p, b)
		if !ok || len(b) <= longest {
			continue
		}
		if strings.HasPrefix(rest, "\n") || strings.ContainsAny(b[max(0, len(b)-1):], ".!?:") && strings.HasPrefix(rest, " ") {
			longest = len(b)
		}
	}
	return strings.TrimSpace(p[longest:])
}
