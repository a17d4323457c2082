package sitemap

import (
	"strconv"
	"strings"
	"time"
)

// robots are the rules of a robots.txt for us (RFC 9309), with the widespread Crawl-delay.
type robots struct {
	rules []rule
	delay time.Duration
}

type rule struct {
	pattern string
	allow   bool
}

// product is our name in robots.txt.
const product = "samtale"

// parseRobots reads the group that names us, or the one for all.
func parseRobots(text string) *robots {
	var own, all robots
	named := false
	var current []*robots // whom the rules that follow are for
	begun := false        // rules have come since the last user-agent line
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch key = strings.ToLower(strings.TrimSpace(key)); key {
		case "user-agent":
			if begun {
				current, begun = nil, false
			}
			switch strings.ToLower(value) {
			case product:
				named = true
				current = append(current, &own)
			case "*":
				current = append(current, &all)
			}
		case "allow", "disallow", "crawl-delay":
			begun = true
			for _, r := range current {
				r.add(key, value)
			}
		}
	}
	if named {
		return &own
	}
	return &all
}

func (r *robots) add(key, value string) {
	switch {
	case key == "crawl-delay":
		seconds, err := strconv.ParseFloat(value, 64)
		if err == nil && seconds > 0 && seconds < 3600 {
			r.delay = time.Duration(seconds * float64(time.Second))
		}
	case value != "":
		r.rules = append(r.rules, rule{value, key == "allow"})
	}
}

// allows reports whether a path with its query may be fetched: the longest rule that fits decides, and of equal ones the kinder.
func (r *robots) allows(path string) bool {
	allowed, longest := true, -1
	for _, rule := range r.rules {
		n := len(rule.pattern)
		if fits(rule.pattern, path) && (n > longest || n == longest && rule.allow) {
			allowed, longest = rule.allow, n
		}
	}
	return allowed
}

// fits matches a pattern with * and a final $ against the beginning of a path.
func fits(pattern, path string) bool {
	pattern, whole := strings.CutSuffix(pattern, "$")
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(path, parts[0])
	if !ok {
		return false
	}
	for i, p := range parts[1:] {
		if whole && i == len(parts)-2 {
			return strings.HasSuffix(rest, p)
		}
		at := strings.Index(rest, p)
		if at < 0 {
			return false
		}
		rest = rest[at+len(p):]
	}
	return !whole || rest == ""
}
