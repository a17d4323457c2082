// Package archtest holds the rules of the tree as tests: who imports whom, that every
// package says what it is for, and that compose.yaml and the Helm chart set only what a service knows.
// It is run by go test and changes nothing.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const (
	modulePath = "samtale.dk/samtale"
	root       = "../.."
	// The nested module; its packages are checked by the same rules.
	nested = root + "/services/standalone"
)

// pkg is what `go list -json` says about a package, as far as it is needed here.
type pkg struct {
	Dir          string
	ImportPath   string
	Name         string
	GoFiles      []string
	CgoFiles     []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	Error        *struct{ Err string }
}

// path is the package's place below the module; ours reports whether it has one.
func below(importPath string) (path string, ours bool) {
	if importPath == modulePath {
		return "", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

func list(t *testing.T, dir string, patterns ...string) []pkg {
	t.Helper()
	args := append([]string{"list", "-e", "-json=Dir,ImportPath,Name,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,Imports,Error"}, patterns...)
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list in %s: %v\n%s", dir, err, stderr.String())
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Error != nil {
			t.Fatalf("%s: %s", p.ImportPath, p.Error.Err)
		}
		all = append(all, p)
	}
}

// tree is every package of both modules.
func tree(t *testing.T) []pkg {
	t.Helper()
	watch(t)
	all := append(list(t, root, "./..."), list(t, nested, "./...")...)
	if len(all) < 20 {
		t.Fatalf("only %d packages found; this test looks in the wrong place", len(all))
	}
	return all
}

// watch looks at every source file: go list reads them where the test cache does not
// see it, and a cached "ok" would hide a new import.
func watch(t *testing.T) {
	t.Helper()
	for _, top := range []string{"services", "workflows", "media", "models", "deploy", "seeds"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && !d.IsDir() && filepath.Ext(path) != ".go" {
				return nil
			}
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func under(path, prefix string) bool {
	return prefix == "" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

func underAny(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return under(path, p) })
}

// standard: import paths of the standard library have no dot in their first element.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// forbids reports whether the rule forbids the import.
func (r rule) forbids(imported string) bool {
	if standard(imported) {
		return false
	}
	path, ours := below(imported)
	if !ours {
		path = imported
	}
	if underAny(path, r.allow) {
		return false
	}
	for _, f := range r.forbid {
		switch f {
		case module:
			if ours {
				return true
			}
		case thirdParty:
			if !ours {
				return true
			}
		default:
			if under(path, f) {
				return true
			}
		}
	}
	return false
}

func broken(all []pkg) []string {
	var out []string
	for _, p := range all {
		path, _ := below(p.ImportPath)
		for _, r := range rules {
			if !under(path, r.from) || underAny(path, r.except) {
				continue
			}
			for _, imp := range p.Imports {
				if r.forbids(imp) {
					out = append(out, fmt.Sprintf("%s imports %s\n\t%s", path, strings.TrimPrefix(imp, modulePath+"/"), r.reason))
				}
			}
		}
	}
	return out
}

func TestImports(t *testing.T) {
	for _, b := range broken(tree(t)) {
		t.Error(b)
	}
}

// The rules must be able to fail: each is shown an import that it is there for.
func TestRulesForbid(t *testing.T) {
	for _, tt := range []struct{ from, imports string }{
		{"services/contract/callv1", modulePath + "/services/platform/errs"},
		{"services/contract/callv1", "github.com/google/uuid"},
		{"services/platform/bus", modulePath + "/services/journal"},
		{"workflows/note", modulePath + "/services/platform/bus"},
		{"workflows/note", "github.com/nats-io/nats.go"},
		{"workflows/worker", modulePath + "/services/journal"},
		{"media/jitter", modulePath + "/services/contract/audiov1"},
		{"media/jitter", "github.com/nats-io/nats.go"},
		{"models/asr", modulePath + "/media/rtpx"},
		{"models/llm/ollama", "go.temporal.io/sdk/activity"},
		{"services/portal/internal/app", modulePath + "/services/journal"},
		{"services/journal", modulePath + "/services/portal/token"},
		{"services/consent", modulePath + "/media/pcm"},
		{"services/phone", "go.temporal.io/server/temporal"},
		{"services/phone", modulePath + "/services/platform/bus/natsserver"},
		{"services/journal/internal/store", "modernc.org/sqlite"},
		{"services/portal", "github.com/nats-io/nats-server/v2/server"},
		{"deploy/bench", modulePath + "/services/samtale"},
	} {
		if len(broken([]pkg{{ImportPath: modulePath + "/" + tt.from, Imports: []string{tt.imports}}})) == 0 {
			t.Errorf("%s may import %s", tt.from, tt.imports)
		}
	}
}

// A service without its rule would be free to import the others.
func TestEveryServiceHasItsRule(t *testing.T) {
	shell := []string{"contract", "platform", "samtale", "standalone"}
	dirs, err := os.ReadDir(root + "/services")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if d.IsDir() && !slices.Contains(shell, d.Name()) && !slices.Contains(serviceNames, d.Name()) {
			t.Errorf("services/%s has no rule in rules_test.go", d.Name())
		}
	}
}

var vague = []string{"util", "utils", "common", "helper", "helpers", "manager", "defs", "misc", "base"}

func TestPackageComments(t *testing.T) {
	for _, p := range tree(t) {
		path, _ := below(p.ImportPath)
		if slices.Contains(vague, p.Name) {
			t.Errorf("%s: a package named %s says nothing about what it holds", path, p.Name)
		}
		files := slices.Concat(p.GoFiles, p.CgoFiles)
		if len(files) == 0 {
			files = slices.Concat(p.TestGoFiles, p.XTestGoFiles)
		}
		if !documented(t, p.Dir, files) {
			t.Errorf("%s has no package comment: say what it is for, who owns what, what runs concurrently", path)
		}
	}
}

func documented(t *testing.T, dir string, files []string) bool {
	t.Helper()
	for _, f := range files {
		ast, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, f), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ast.Doc != nil && len(strings.TrimSpace(ast.Doc.Text())) > 0 {
			return true
		}
	}
	return false
}

// compose is what is needed of compose.yaml.
type compose struct {
	Services map[string]struct {
		Image       string            `yaml:"image"`
		Command     []string          `yaml:"command"`
		Environment map[string]string `yaml:"environment"`
	} `yaml:"services"`
}

func TestComposeSettings(t *testing.T) {
	data, err := os.ReadFile(root + "/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c compose
	if err := yaml.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for name, s := range c.Services {
		if !strings.HasPrefix(s.Image, "samtale") {
			continue
		}
		seen++
		if len(s.Command) == 0 {
			t.Errorf("compose.yaml: %s has no command", name)
			continue
		}
		known := settings(t, s.Command[0])
		for key := range s.Environment {
			if strings.HasPrefix(key, "SAMTALE_") && !slices.Contains(known, strings.TrimSuffix(key, "_FILE")) {
				t.Errorf("compose.yaml: %s sets %s, which samtale %s does not know; it knows %s",
					name, key, s.Command[0], strings.Join(known, " "))
			}
		}
	}
	if seen == 0 {
		t.Fatal("compose.yaml holds no service of ours")
	}
}

var setting = regexp.MustCompile("`[^`]*env:\"(SAMTALE_[A-Z0-9_]+)")

// settings are the keys in the struct tags of everything of ours that a service is
// built from.
func settings(t *testing.T, service string) []string {
	t.Helper()
	start := "./services/" + service
	if service == "worker" {
		start = "./workflows/worker"
	}
	keys := map[string]bool{}
	for _, p := range list(t, root, "-deps", start) {
		if _, ours := below(p.ImportPath); !ours {
			continue
		}
		for _, f := range p.GoFiles {
			src, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range setting.FindAllStringSubmatch(string(src), -1) {
				keys[m[1]] = true
			}
		}
	}
	if len(keys) == 0 {
		t.Fatalf("no settings found in %s", start)
	}
	var out []string
	for k := range keys {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
