// Package monitoring holds alerts, playbooks and dashboards. Its tests start the real services on an embedded NATS server
// and check that every metric and label in an expression is registered by one of them, that every alert has its playbook,
// and that the dashboards are what Grafana can load. The syntax of the expressions is checked as far as brackets go.
package monitoring

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"gopkg.in/yaml.v3"

	"samtale.dk/samtale/services/assistant"
	"samtale.dk/samtale/services/consent"
	"samtale.dk/samtale/services/journal"
	"samtale.dk/samtale/services/meeting"
	"samtale.dk/samtale/services/phone"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/portal"
	"samtale.dk/samtale/services/speech"
)

type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(read(t, "alerts.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no alerts")
	}
	return all
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Every alert says how bad it is, what happened, and which section of the playbooks helps; every section is there for an alert.
func TestAlertsHavePlaybooks(t *testing.T) {
	unused := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(string(read(t, "playbooks.md")), -1) {
		unused[m[1]] = true
	}
	sections := maps.Clone(unused)
	seen := map[string]bool{}
	for _, a := range alerts(t) {
		if seen[a.Alert] || !strings.HasPrefix(a.Alert, "Samtale") {
			t.Errorf("%q is there twice or is not one of ours", a.Alert)
		}
		seen[a.Alert] = true
		if s := a.Labels["severity"]; s != "page" && s != "warn" {
			t.Errorf("%s: severity %q", a.Alert, s)
		}
		if a.Annotations["summary"] == "" {
			t.Errorf("%s has no summary", a.Alert)
		}
		if !sections[a.Annotations["playbook"]] {
			t.Errorf("%s: playbooks.md has no section %q", a.Alert, a.Annotations["playbook"])
		}
		delete(unused, a.Annotations["playbook"])
	}
	delete(unused, "Backup and restore")
	for s := range unused {
		t.Errorf("no alert leads to the playbook %q", s)
	}
}

type panel struct {
	ID          int    `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Type        string `json:"type"`
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

type dashboard struct {
	UID           string  `json:"uid"`
	Title         string  `json:"title"`
	SchemaVersion int     `json:"schemaVersion"`
	Panels        []panel `json:"panels"`
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob("dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d dashboards, %v", len(files), err)
	}
	all := map[string]dashboard{}
	for _, f := range files {
		var d dashboard
		if err := json.Unmarshal(read(t, f), &d); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[f] = d
	}
	return all
}

func TestDashboards(t *testing.T) {
	uids := map[string]string{}
	for f, d := range dashboards(t) {
		if d.UID == "" || uids[d.UID] != "" || d.Title == "" || d.SchemaVersion == 0 || len(d.Panels) == 0 {
			t.Errorf("%s: uid %q (also in %q), title %q, schema %d, %d panels", f, d.UID, uids[d.UID], d.Title, d.SchemaVersion, len(d.Panels))
		}
		uids[d.UID] = f
		ids := map[int]bool{}
		for i, p := range d.Panels {
			if ids[p.ID] || p.Title == "" || p.Type == "" || len(p.Targets) == 0 {
				t.Errorf("%s: panel %d %q has no id of its own, no type or no targets", f, p.ID, p.Title)
			}
			ids[p.ID] = true
			g := p.GridPos
			if g.W <= 0 || g.H <= 0 || g.X < 0 || g.X+g.W > 24 {
				t.Errorf("%s: %q lies outside the grid: %+v", f, p.Title, g)
			}
			for _, o := range d.Panels[:i] {
				if g.X < o.GridPos.X+o.GridPos.W && o.GridPos.X < g.X+g.W && g.Y < o.GridPos.Y+o.GridPos.H && o.GridPos.Y < g.Y+g.H {
					t.Errorf("%s: %q covers %q", f, p.Title, o.Title)
				}
			}
		}
	}
}

// TestMetricsExist: an alert on a metric or label that nobody sets never fires, and nobody notices.
func TestMetricsExist(t *testing.T) {
	exprs := map[string]string{}
	for _, a := range alerts(t) {
		exprs["alert "+a.Alert] = a.Expr
	}
	for f, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				exprs[f+": "+p.Title] += " " + target.Expr
			}
		}
	}
	want := map[string]bool{}
	for where, e := range exprs {
		if err := balanced(e); err != "" {
			t.Errorf("%s: %s", where, err)
		}
		for _, m := range metricNames(e) {
			want[m] = true
		}
	}
	known := registered(t, want)
	for where, e := range exprs {
		for _, problem := range unknown(e, known) {
			t.Errorf("%s: %s", where, problem)
		}
	}
}

// The check itself must be able to fail.
func TestUnknownIsFound(t *testing.T) {
	known := map[string][]string{"samtale_a_total": {"reason"}, "samtale_b_seconds": {"by"}}
	for expr, want := range map[string]bool{
		`sum by (reason) (rate(samtale_a_total{reason=~"x|y", job="z"}[5m])) > 1`:        false,
		`histogram_quantile(0.95, sum by (le, by) (rate(samtale_b_seconds_bucket[5m])))`: false,
		`up == 0`:                               false,
		`rate(samtale_c_total[5m])`:             true,
		`rate(samtale_a_total{status="x"}[5m])`: true,
		`sum by (code) (samtale_a_total)`:       true,
		`samtale_a_total_bucket`:                false, // a name says not whether it is a histogram
		`process_resident_memory_bytes`:         true,
	} {
		if got := unknown(expr, known); (len(got) > 0) != want {
			t.Errorf("%s: %v", expr, got)
		}
	}
	for _, e := range []string{"sum(a", "a)", `a{b="c}`} {
		if balanced(e) == "" {
			t.Errorf("%s passes", e)
		}
	}
}

// targetLabels are set by whoever scrapes, and by Prometheus for histograms.
var targetLabels = []string{"job", "instance", "namespace", "pod", "le"}

var (
	metricName = regexp.MustCompile(`\b(samtale|process|go)_[a-z0-9_]+\b`)
	selector   = regexp.MustCompile(`\b([a-z][a-z0-9_]*)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	grouping   = regexp.MustCompile(`\b(?:by|on|without|ignoring)\s*\(([^)]*)\)`)
	quoted     = regexp.MustCompile(`"[^"]*"`)
)

func metricNames(expr string) []string {
	return metricName.FindAllString(quoted.ReplaceAllString(expr, `""`), -1)
}

// labelsOf gives the labels of a metric, also of a histogram by the names that it is scraped under.
func labelsOf(name string, known map[string][]string) (labels []string, ok bool) {
	for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
		base, cut := strings.CutSuffix(name, suffix)
		if labels, ok := known[base]; cut && ok {
			return labels, true
		}
	}
	return nil, false
}

// unknown lists what an expression names and nobody registers.
func unknown(expr string, known map[string][]string) []string {
	var out []string
	expr = quoted.ReplaceAllString(expr, `""`)
	usable := slices.Clone(targetLabels)
	for _, name := range metricNames(expr) {
		labels, ok := labelsOf(name, known)
		if !ok {
			out = append(out, name+" is registered by no service")
		}
		usable = append(usable, labels...)
	}
	for _, s := range selector.FindAllStringSubmatch(expr, -1) {
		labels, _ := labelsOf(s[1], known)
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			if !slices.Contains(labels, m[1]) && !slices.Contains(targetLabels, m[1]) {
				out = append(out, s[1]+" has no label "+m[1])
			}
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			if label = strings.TrimSpace(label); label != "" && !slices.Contains(usable, label) {
				out = append(out, "no metric here has the label "+label)
			}
		}
	}
	return out
}

func balanced(expr string) string {
	if strings.Count(expr, `"`)%2 != 0 {
		return "a quotation mark is open"
	}
	var open []rune
	closes := map[rune]rune{')': '(', ']': '[', '}': '{'}
	for _, c := range quoted.ReplaceAllString(expr, "") {
		switch c {
		case '(', '[', '{':
			open = append(open, c)
		case ')', ']', '}':
			if len(open) == 0 || open[len(open)-1] != closes[c] {
				return "brackets do not match"
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return "a bracket is open"
	}
	return ""
}

// patience bounds the wait for services to register; only a metric that is missing waits it out.
const patience = 2 * time.Minute

// registered starts the services without Temporal, which none of them waits for to register, and returns what they have
// registered as soon as all that is wanted is there: metric → labels.
func registered(t *testing.T, want map[string]bool) map[string][]string {
	t.Helper()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	env, err := process.NewEnv([]string{
		"SAMTALE_DATA=" + t.TempDir(), "SAMTALE_MASTER_KEY=" + strings.Repeat("5a", 32), "SAMTALE_TEMPORAL_ADDR=127.0.0.1:1",
		"SAMTALE_SIP_ADDR=127.0.0.1:0", "SAMTALE_HTTP_ADDR=127.0.0.1:0", "SAMTALE_TEST_LOGIN=true",
		"SAMTALE_KNOWLEDGE_STARTER=false", "SAMTALE_DRAIN=1ms",
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	env.NATS = append(env.NATS, srv.Option())
	ctx, stop := context.WithCancel(t.Context())
	services := []process.Service{
		assistant.Run, consent.Run, journal.Run, meeting.Run, phone.Run, portal.Run, speech.Run,
	}
	ended := make(chan error, len(services))
	for _, run := range services {
		go func() { ended <- run(ctx, env) }()
	}
	defer func() {
		stop()
		for range services {
			<-ended
		}
	}()
	limit := time.After(patience)
	for {
		known := described(env.Metrics)
		missing := slices.DeleteFunc(slices.Collect(maps.Keys(want)), func(m string) bool {
			_, ok := labelsOf(m, known)
			return ok
		})
		if len(missing) == 0 {
			return known
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("a service ended: %v", err)
		case <-limit:
			return known
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var description = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

// described lists a registry's metrics with their labels, also those that have no value yet.
func described(reg *prometheus.Registry) map[string][]string {
	descs := make(chan *prometheus.Desc)
	go func() {
		reg.Describe(descs)
		close(descs)
	}()
	out := map[string][]string{}
	for d := range descs {
		if m := description.FindStringSubmatch(d.String()); m != nil {
			out[m[1]] = slices.DeleteFunc(strings.Split(m[2], ","), func(s string) bool { return s == "" })
		}
	}
	return out
}
