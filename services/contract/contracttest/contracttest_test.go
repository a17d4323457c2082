package contracttest

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

type inner struct {
	A string    `json:"a"`
	B time.Time `json:"b"`
}

type outer struct {
	inner
	N     int      `json:"n"`
	Flag  *bool    `json:"flag"`
	List  []inner  `json:"list"`
	Words []string `json:"words"`
	Raw   []byte   `json:"raw"`
}

func TestHoles(t *testing.T) {
	no := false
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	full := outer{inner{"a", now}, 1, &no, []inner{{A: "x"}, {B: now}}, []string{"w"}, []byte{1}}
	for _, tt := range []struct {
		name string
		vs   []outer
		want []string
	}{
		{"full", []outer{full}, nil},
		{"two files together", []outer{{inner: full.inner, N: 1, Flag: &no}, {List: full.List, Words: full.Words, Raw: full.Raw}}, nil},
		{"nothing", []outer{{}}, []string{"o.inner.A", "o.inner.B", "o.N", "o.Flag", "o.List", "o.Words", "o.Raw"}},
		{"in a list", []outer{{inner{"a", now}, 1, &no, []inner{{A: "x"}}, []string{""}, []byte{1}}}, []string{"o.List.B", "o.Words"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var values []reflect.Value
			for _, v := range tt.vs {
				values = append(values, reflect.ValueOf(v))
			}
			if got := holes(reflect.TypeFor[outer](), values, "o", nil); !slices.Equal(got, tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDiffer(t *testing.T) {
	if d := differ([]byte(`{"a":1,"b":[2]}`), []byte(`{ "b": [2], "a": 1 }`)); d != "" {
		t.Fatal(d)
	}
	if differ([]byte(`{"a":1}`), []byte(`{"a":2}`)) == "" || differ([]byte(`{"a":1}`), []byte(`{}`)) == "" {
		t.Fatal("a difference was not seen")
	}
}
