package event

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestNewID(t *testing.T) {
	// RFC 9562, appendix A.6: 2022-02-22T19:22:22Z is 0x017F22E279B0.
	at := time.Date(2022, 2, 22, 19, 22, 22, 0, time.UTC)
	seen := map[string]bool{}
	for range 1000 {
		id := NewID(at)
		if len(id) != 36 || !strings.HasPrefix(id, "017f22e2-79b0-7") || !strings.Contains("89ab", id[19:20]) {
			t.Fatalf("id %s", id)
		}
		if err := CheckToken(id); err != nil {
			t.Fatal(err)
		}
		if seen[id] {
			t.Fatal("the same id twice")
		}
		seen[id] = true
	}
	if a, b := NewID(at), NewID(at.Add(time.Millisecond)); a >= b {
		t.Fatalf("%s does not sort before %s", a, b)
	}
}

func TestNewMeta(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	m := NewMeta("call.v1.started", "phone", time.Date(2026, 11, 20, 10, 0, 0, 0, zone))
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"time":"2026-11-20T09:00:00Z"`) {
		t.Fatalf("time is not UTC: %s", data)
	}
	if m.Envelope() != m {
		t.Fatal("the envelope is another one")
	}
}

func TestCheckToken(t *testing.T) {
	for token, ok := range map[string]bool{
		"a": true, "A-Z_0-9": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a.b": false, "*": false, ">": false, "a b": false,
		"æ": false, "a\n": false, "../a": false, "$SYS": false,
	} {
		if err := CheckToken(token); (err == nil) != ok {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestJoin(t *testing.T) {
	for _, tt := range []struct {
		ids  []string
		want string
	}{
		{nil, "call.v1"},
		{[]string{"c-1"}, "call.v1.c-1"},
		{[]string{"c-1", "l-1"}, "call.v1.c-1.l-1"},
		{[]string{"*"}, "call.v1.*"},
		{[]string{">"}, "call.v1.>"},
	} {
		if got := Join("call.v1", tt.ids...); got != tt.want {
			t.Errorf("%v: %s", tt.ids, got)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an id with a dot became two tokens")
		}
	}()
	Join("call.v1", "a.b")
}
