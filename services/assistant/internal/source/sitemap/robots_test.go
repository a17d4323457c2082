package sitemap

import (
	"testing"
	"time"
)

func TestRobots(t *testing.T) {
	for name, tc := range map[string]struct {
		text    string
		allowed []string
		not     []string
	}{
		"nothing":           {"", []string{"/", "/a"}, nil},
		"all":               {"User-agent: *\nDisallow: /", nil, []string{"/", "/a"}},
		"none":              {"User-agent: *\nDisallow:", []string{"/", "/a"}, nil},
		"the longest":       {"User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c", []string{"/", "/a/b", "/a/b/d"}, []string{"/a", "/a/c", "/a/b/c"}},
		"the kinder":        {"User-agent: *\nDisallow: /a\nAllow: /a", []string{"/a"}, nil},
		"stars":             {"User-agent: *\nDisallow: /*/print\nDisallow: /*.pdf$\nDisallow: /x*y*z$", []string{"/print", "/a.pdf?x", "/xyza"}, []string{"/a/print/1", "/b/a.pdf", "/x1y2z"}},
		"our own group":     {"User-agent: *\nDisallow: /\n\nUser-agent: Other\nUser-agent: SAMTALE\nDisallow: /a", []string{"/b"}, []string{"/a"}},
		"groups of one":     {"User-agent: *\nDisallow: /a\nUser-agent: x\nDisallow: /b\nUser-agent: *\nDisallow: /c", []string{"/b"}, []string{"/a", "/c"}},
		"comments and junk": {"\ufeffx\nuser-agent : * # all\n DISALLOW : /a # not this\nSitemap: http://x\n", []string{"/b"}, []string{"/a"}},
	} {
		r := parseRobots(tc.text)
		for _, p := range tc.allowed {
			if !r.allows(p) {
				t.Errorf("%s: %s is not allowed", name, p)
			}
		}
		for _, p := range tc.not {
			if r.allows(p) {
				t.Errorf("%s: %s is allowed", name, p)
			}
		}
	}
	if r := parseRobots("User-agent: *\nCrawl-delay: 2.5\n"); r.delay != 2500*time.Millisecond {
		t.Errorf("delay %v", r.delay)
	}
}
