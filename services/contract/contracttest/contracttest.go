// Package contracttest holds every contract to its fixtures: JSON files that older and
// newer programs have on the wire. A field that is renamed, retyped or dropped fails
// here, before it fails between two releases.
//
// A fixture is never edited. A new optional field comes with a new file beside the old
// one ("started.2.json").
package contracttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Message is a type with its fixtures.
type Message struct {
	name string
	typ  reflect.Type
}

// Of names the fixtures of T: testdata/<name>.json and testdata/<name>.N.json.
func Of[T any](name string) Message { return Message{name, reflect.TypeFor[T]()} }

// Run checks the messages of the package in the current folder.
func Run(t *testing.T, messages ...Message) {
	reached := map[reflect.Type]bool{}
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			seen := m.fixtures(t)
			for _, missing := range holes(m.typ, seen, m.typ.Name(), nil) {
				t.Errorf("%s is in no fixture of testdata/%s*.json", missing, m.name)
			}
		})
		reach(m.typ, reached)
	}
	everyStruct(t, reached)
}

// fixtures decodes each file strictly, encodes it again and compares.
func (m Message) fixtures(t *testing.T) []reflect.Value {
	t.Helper()
	files, err := filepath.Glob("testdata/" + m.name + "*.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []reflect.Value
	for _, f := range files {
		if rest := strings.TrimPrefix(filepath.Base(f), m.name); !strings.HasPrefix(rest, ".") {
			continue // another message whose name begins the same
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		v := reflect.New(m.typ)
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		if err := dec.Decode(v.Interface()); err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		again, err := json.Marshal(v.Interface())
		if err != nil {
			t.Fatal(err)
		}
		if diff := differ(data, again); diff != "" {
			t.Errorf("%s: written again it reads otherwise: %s", f, diff)
		}
		out = append(out, v.Elem())
	}
	if len(out) == 0 {
		t.Errorf("testdata/%s.json is missing", m.name)
	}
	return out
}

// differ compares two JSON texts without regard to space and order of keys.
func differ(a, b []byte) string {
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		return err.Error()
	}
	if err := json.Unmarshal(b, &y); err != nil {
		return err.Error()
	}
	if reflect.DeepEqual(x, y) {
		return ""
	}
	return fmt.Sprintf("\n%v\n%v", x, y)
}

// holes lists the fields that are zero in all values: a renamed one would not be seen.
func holes(typ reflect.Type, values []reflect.Value, path string, within []reflect.Type) []string {
	if leaf(typ) {
		if slices.ContainsFunc(values, func(v reflect.Value) bool { return !v.IsZero() }) {
			return nil
		}
		return []string{path}
	}
	if slices.Contains(within, typ) {
		return nil
	}
	within = append(within, typ)
	var out []string
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice:
		var inner []reflect.Value
		for _, v := range values {
			inner = append(inner, elements(v)...)
		}
		if len(inner) == 0 {
			return []string{path}
		}
		return holes(typ.Elem(), inner, path, within)
	case reflect.Struct:
		for i := range typ.NumField() {
			var inner []reflect.Value
			for _, v := range values {
				inner = append(inner, v.Field(i))
			}
			out = append(out, holes(typ.Field(i).Type, inner, path+"."+typ.Field(i).Name, within)...)
		}
	default:
		panic("contracts hold no " + typ.Kind().String())
	}
	return out
}

func elements(v reflect.Value) []reflect.Value {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		if leaf(v.Type().Elem()) { // a pointer to false says something
			return []reflect.Value{reflect.ValueOf(1)}
		}
		return []reflect.Value{v.Elem()}
	}
	var out []reflect.Value
	for i := range v.Len() {
		out = append(out, v.Index(i))
	}
	return out
}

// leaf types are compared as a whole.
func leaf(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		return t == reflect.TypeFor[time.Time]()
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8
	case reflect.Pointer:
		return false
	}
	return true
}

func reach(t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		reach(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			reach(t.Field(i).Type, seen)
		}
	}
}

// everyStruct finds exported types with JSON fields that no fixture reaches.
func everyStruct(t *testing.T, reached map[reflect.Type]bool) {
	t.Helper()
	names := map[string]bool{}
	for typ := range reached {
		names[typ.Name()] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() && onWire(s) && !names[spec.Name.Name] {
				t.Errorf("%s has no fixture", spec.Name.Name)
			}
			return false
		})
	}
}

// onWire: a struct without a single JSON tag has another wire form; an empty one has
// nothing to rename.
func onWire(s *ast.StructType) bool {
	return slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool {
		return f.Tag != nil && strings.Contains(f.Tag.Value, "json:")
	})
}
