package app

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

type operation struct {
	OperationID string   `json:"operationId"`
	Summary     string   `json:"summary"`
	Roles       []string `json:"x-roles"`
}

func TestOpenAPIMatchesRoutes(t *testing.T) {
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]operation
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(openAPIDocument, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version is %q", doc.OpenAPI)
	}
	routes := map[string]route{}
	for _, r := range new(App).routes() {
		if _, path, _ := strings.Cut(r.pattern, " "); strings.HasPrefix(path, "/api/") {
			routes[strings.Replace(r.pattern, "...}", "}", 1)] = r
		}
	}
	seen := map[string]bool{}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			pattern := strings.ToUpper(method) + " " + path
			r, ok := routes[pattern]
			if !ok {
				t.Errorf("documented, but not there: %s", pattern)
				continue
			}
			delete(routes, pattern)
			if op.Summary == "" || op.OperationID == "" || seen[op.OperationID] {
				t.Errorf("%s: summary or unique operationId missing", pattern)
			}
			seen[op.OperationID] = true
			slices.Sort(op.Roles)
			roles := slices.Clone(r.roles)
			slices.Sort(roles)
			if !slices.Equal(roles, op.Roles) {
				t.Errorf("%s: document says roles %v, routes say %v", pattern, op.Roles, roles)
			}
		}
	}
	for pattern := range routes {
		t.Errorf("not documented: %s", pattern)
	}
	text := string(openAPIDocument)
	for _, part := range strings.Split(text, `"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if _, ok := doc.Components.Schemas[name]; !ok {
			t.Errorf("schema %s is referred to and missing", name)
		}
	}
}

func TestEveryRouteNamesItsRoles(t *testing.T) {
	for _, r := range new(App).routes() {
		if r.public == (len(r.roles) > 0) {
			t.Errorf("%s: either public or for roles", r.pattern)
		}
	}
}
