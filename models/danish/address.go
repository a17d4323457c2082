package danish

import (
	"strings"
	"unicode/utf8"
)

// topDomains end the addresses that are recognised when spoken. Written addresses may end in anything.
var topDomains = map[string]bool{
	"dk": true, "com": true, "net": true, "org": true, "eu": true, "nu": true, "info": true, "se": true, "no": true,
	"de": true, "uk": true, "io": true, "name": true, "biz": true, "app": true, "dev": true, "gl": true, "fo": true,
}

// emailAt reads an e-mail address that starts at word i, written or spoken.
func emailAt(ws []word, i int) (hit, bool) {
	if core := ws[i].core; strings.Contains(core, "@") {
		local, domain, _ := strings.Cut(core, "@")
		if local == "" || domain == "" {
			return hit{}, false
		}
		return hit{kind: KindEmail, from: i, to: i + 1, clear: core, written: core, confidence: 0.98}, true
	}
	if !atSignAhead(ws, i) {
		return hit{}, false
	}
	local, next, ok := localPart(ws, i)
	if !ok {
		return hit{}, false
	}
	domain, end := domainAt(ws, next)
	h := hit{kind: KindEmail, from: i, to: end, confidence: 0.95}
	h.clear = local + "@" + domain
	h.written = h.clear
	return h, true
}

// maxLocal is the most words of the part before "snabel a".
const maxLocal = 16

// atSignAhead reports "snabel a" where it can belong to an address that starts at word i. Nearly all words have none.
func atSignAhead(ws []word, i int) bool {
	for j := i; j < len(ws) && j <= i+maxLocal; j++ {
		if atSign(ws, j) > 0 {
			return true
		}
	}
	return false
}

// localPart reads words up to "snabel a". It starts as late as the address allows: "min mail er bente punktum holm
// snabel a" starts with bente.
func localPart(ws []word, i int) (local string, next int, ok bool) {
	if connector(ws[i].core) != "" || startless(ws[i].core) {
		return "", 0, false
	}
	var b strings.Builder
	joined := true
	for j := i; j < len(ws) && j < i+maxLocal; {
		if n := atSign(ws, j); n > 0 {
			return b.String(), j + n, b.Len() > 0 && joined
		}
		if ws[j].pre != "" || ws[j].post != "" && ws[j].post != "." && ws[j].post != "," {
			return "", 0, false
		}
		if c := connector(ws[j].core); c != "" {
			if joined && j > i {
				return "", 0, false
			}
			b.WriteString(c)
			joined = true
			j++
			continue
		}
		part, to, loose := addressPart(ws, j)
		if part == "" || !joined && !loose {
			return "", 0, false
		}
		b.WriteString(part)
		j = to
		joined = false
		if n := atSign(ws, j); n > 0 {
			return b.String(), j + n, true
		}
	}
	return "", 0, false
}

// addressPart reads one word of an address. Digits and single letters may follow without a connector (loose).
func addressPart(ws []word, j int) (part string, to int, loose bool) {
	if n, ok := numberAt(ws, j); ok && !n.ordinal && n.frac == "" && n.value < 10000 {
		if n.written() {
			return n.raw, n.next, true
		}
		return strings.ReplaceAll(n.String(), ".", ""), n.next, true
	}
	core := ws[j].core
	if strings.ContainsAny(core, "%§ ") {
		return "", 0, false
	}
	return core, j + 1, utf8.RuneCountInString(core) == 1
}

// startless are words that stand before an address and never begin one.
func startless(core string) bool {
	switch core {
	case "mail", "mailen", "e-mail", "adressen", "mailadresse", "til", "over", "sende", "skriv":
		return true
	}
	return linking(core)
}

func connector(core string) string {
	switch core {
	case "punktum", "dot", "prik", ".":
		return "."
	case "bindestreg", "streg", "minus", "-":
		return "-"
	case "underscore", "understreg", "understregning", "_":
		return "_"
	}
	return ""
}

// atSign gives the number of words of "snabel a" at j, or 0.
func atSign(ws []word, j int) int {
	switch {
	case coreAt(ws, j) == "snabela" || coreAt(ws, j) == "snabel-a" || coreAt(ws, j) == "@":
		return 1
	case coreAt(ws, j) == "snabel" && coreAt(ws, j+1) == "a":
		return 2
	}
	return 0
}

// domainAt reads the domain after the at sign. An unfinished one is one word, so that it is masked all the same.
func domainAt(ws []word, i int) (domain string, end int) {
	var b strings.Builder
	end = i
	joined := true
	for j := i; j < len(ws) && j < i+10; {
		core := ws[j].core
		if c := connector(core); c != "" {
			if joined || j+1 >= len(ws) || c == "." && ws[j].raw == "." {
				break
			}
			b.WriteString(c)
			joined = true
			j++
			continue
		}
		if !joined {
			break
		}
		part, to, _ := addressPart(ws, j)
		if part == "" {
			break
		}
		b.WriteString(part)
		joined = false
		end = to
		j = to
		if topDomains[part] && j-1 > i || ws[j-1].post != "" {
			break
		}
	}
	return strings.TrimRight(b.String(), ".-_"), end
}

// addressItem writes e-mail and web addresses.
func addressItem(ws []word, i int) (item, bool) {
	if h, ok := emailAt(ws, i); ok {
		it := item{from: i, to: h.to, fact: Fact{Kind: Address, Value: h.clear}}
		if h.to > i+1 {
			it.text = h.written + ws[h.to-1].post
		}
		return it, true
	}
	if h, ok := ibanAt(ws, i); ok {
		return item{from: i, to: h.to, text: h.written + ws[h.to-1].post, fact: Fact{Kind: Digits, Value: h.clear}}, true
	}
	if i+2 >= len(ws) || connector(coreAt(ws, i+1)) != "." || ws[i+1].raw == "." || !topDomains[coreAt(ws, i+2)] || ws[i].post != "" {
		return item{}, false
	}
	if len(ws[i].core) < 2 || ws[i].morphs != nil {
		return item{}, false
	}
	text := ws[i].core + "." + ws[i+2].core
	return item{from: i, to: i + 3, text: text + ws[i+2].post, fact: Fact{Kind: Address, Value: text}}, true
}
