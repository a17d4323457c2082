package receipt

import (
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		n := New()
		if p, ok := Parse(n); !ok || p != n || len(n) != 14 {
			t.Fatalf("%q reads as %q, %v", n, p, ok)
		}
		if seen[n] {
			t.Fatalf("%q came twice", n)
		}
		seen[n] = true
	}
}

func TestParse(t *testing.T) {
	const want = "K70F-3M1T-WX2V"
	for _, in := range []string{
		want, "k70f3m1twx2v", "K7OF-3MIT-WX2V", "k7of 3mlt wx2u", " K70F.3M1T.WX2V\n", "K70F–3M1T–WX2V",
	} {
		if got, ok := Parse(in); !ok || got != want {
			t.Errorf("%q: got %q, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "K70F-3M1T-WX2", "K70F-3M1T-WX2AA", "K70F-3M1T-WX2Æ", "K70F-3M1T-WX2*", strings.Repeat("K", 1000)} {
		if got, ok := Parse(in); ok {
			t.Errorf("%q was read as %q", in, got)
		}
	}
}

func TestHash(t *testing.T) {
	a, b := make([]byte, 32), make([]byte, 32)
	b[0] = 1
	n := New()
	if Hash(a, n) == Hash(b, n) || Hash(a, n) == Hash(a, New()) || strings.Contains(Hash(a, n), n) {
		t.Error("the hash depends on key and number, and shows neither")
	}
}
