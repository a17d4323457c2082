package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"gopkg.in/yaml.v3"

	"samtale.dk/samtale/services/platform/process"
)

const chart = root + "/deploy/helm/samtale"

// object is what is needed of a Kubernetes object.
type object struct {
	Kind     string
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Spec struct {
		Selector    yaml.Node // a map of labels for a Service, a selector elsewhere
		PodSelector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"podSelector"`
		Ports    []objectPort
		Ingress  []struct{ Ports []objectPort }
		Egress   []struct{ Ports []objectPort }
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     pod
		}
		MaxUnavailable *int `yaml:"maxUnavailable"`
		Replicas       int
		Strategy       struct {
			Type          string
			RollingUpdate struct {
				MaxSurge *int `yaml:"maxSurge"`
			} `yaml:"rollingUpdate"`
		}
	}
}

type objectPort struct {
	Port       any
	TargetPort string `yaml:"targetPort"`
}

type pod struct {
	Grace           int   `yaml:"terminationGracePeriodSeconds"`
	HostNetwork     bool  `yaml:"hostNetwork"`
	ServiceAccount  *bool `yaml:"automountServiceAccountToken"`
	ServiceLinks    *bool `yaml:"enableServiceLinks"`
	SecurityContext struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
		RunAsUser    int  `yaml:"runAsUser"`
	} `yaml:"securityContext"`
	Containers []container
	Volumes    []struct {
		Name      string
		Projected struct {
			Sources []struct {
				Secret    *source
				ConfigMap *source `yaml:"configMap"`
			}
		}
	}
}

type containerPort struct {
	Name          string
	ContainerPort int `yaml:"containerPort"`
}

type source struct{ Items []struct{ Key, Path string } }

type container struct {
	Args []string
	Env  []struct {
		Name, Value string
		ValueFrom   map[string]any `yaml:"valueFrom"`
	}
	Ports          []containerPort
	ReadinessProbe struct {
		HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	} `yaml:"readinessProbe"`
	Resources struct {
		Requests, Limits map[string]string
	}
	SecurityContext struct {
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
}

// values reads a value file as Helm does: numbers are float64.
func values(t *testing.T, file string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(chart, file))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	data, err = json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// overlay lays own values over the chart's, as Helm does.
func overlay(base, own map[string]any) map[string]any {
	out := maps.Clone(base)
	for k, v := range own {
		b, isMap := out[k].(map[string]any)
		if m, ok := v.(map[string]any); ok && isMap {
			v = overlay(b, m)
		}
		out[k] = v
	}
	return out
}

func empty(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.IsZero() || (r.Kind() == reflect.Map || r.Kind() == reflect.Slice) && r.Len() == 0
}

// A new pod on the node's network cannot have its ports before the old one is gone.
func TestPodsOnTheNodesNetworkDoNotMeet(t *testing.T) {
	found := 0
	for _, d := range kind(example(t), "Deployment") {
		if !d.Spec.Template.Spec.HostNetwork {
			continue
		}
		found++
		if s := d.Spec.Strategy; s.Type != "Recreate" && (s.RollingUpdate.MaxSurge == nil || *s.RollingUpdate.MaxSurge != 0) {
			t.Errorf("%s: %+v", d.Metadata.Name, s)
		}
	}
	if found != 2 {
		t.Errorf("%d deployments on the node's network", found)
	}
}

// helm has the functions of Helm that the chart uses; another one is an error when the templates are parsed.
func helm(t *template.Template) template.FuncMap {
	return template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var b strings.Builder
			err := t.ExecuteTemplate(&b, name, data)
			return b.String(), err
		},
		"nindent": func(n int, s string) string {
			pad := "\n" + strings.Repeat(" ", n)
			return pad + strings.ReplaceAll(s, "\n", pad)
		},
		"quote": func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) },
		"toYaml": func(v any) (string, error) {
			data, err := yaml.Marshal(v)
			return strings.TrimSuffix(string(data), "\n"), err
		},
		"default": func(d, v any) any {
			if empty(v) {
				return d
			}
			return v
		},
		"required": func(why string, v any) (any, error) {
			if v == nil || v == "" {
				return nil, errors.New(why)
			}
			return v, nil
		},
		"dict": func(kv ...any) map[string]any {
			m := map[string]any{}
			for i := 0; i < len(kv); i += 2 {
				m[kv[i].(string)] = kv[i+1]
			}
			return m
		},
		"list":   func(v ...any) []any { return v },
		"hasKey": func(m map[string]any, k string) bool { _, ok := m[k]; return ok },
	}
}

// render renders the chart.
func render(t *testing.T, vals map[string]any) ([]object, error) {
	t.Helper()
	tmpl := template.New("chart")
	if _, err := tmpl.Funcs(helm(tmpl)).ParseGlob(chart + "/templates/*"); err != nil {
		t.Fatal(err)
	}
	var about struct{ Version, AppVersion string }
	data, err := os.ReadFile(chart + "/Chart.yaml")
	if err == nil {
		var raw map[string]any
		err = yaml.Unmarshal(data, &raw)
		about.Version, about.AppVersion = fmt.Sprint(raw["version"]), fmt.Sprint(raw["appVersion"])
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []object
	for _, name := range []string{"deployment", "service", "disruption", "networkpolicy", "servicemonitor"} {
		var b bytes.Buffer
		err := tmpl.ExecuteTemplate(&b, name+".yaml", map[string]any{
			"Values": vals, "Chart": about, "Release": map[string]any{"Name": "rel", "Service": "Helm"},
		})
		if err != nil {
			return nil, err
		}
		for dec := yaml.NewDecoder(&b); ; {
			var o object
			err := dec.Decode(&o)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if o.Kind != "" { // nothing between two separators
				all = append(all, o)
			}
		}
	}
	return all, nil
}

func example(t *testing.T) []object {
	t.Helper()
	all, err := render(t, overlay(values(t, "values.yaml"), values(t, "example.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func kind(all []object, kind string) []object {
	return slices.DeleteFunc(slices.Clone(all), func(o object) bool { return o.Kind != kind })
}

// programServices are the services that samtale can start.
func programServices(t *testing.T) []string {
	t.Helper()
	src, err := os.ReadFile(root + "/services/samtale/services.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`\{"([a-z]+)", "[^"]+", [a-z]+\.Run\}`).FindAllStringSubmatch(string(src), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

func TestChartHasEveryService(t *testing.T) {
	var got []string
	for _, d := range kind(example(t), "Deployment") {
		if c := d.Spec.Template.Spec.Containers; len(c) != 1 || len(c[0].Args) != 1 || d.Metadata.Name != "rel-"+c[0].Args[0] {
			t.Fatalf("%s: %+v", d.Metadata.Name, c)
		}
		got = append(got, d.Spec.Template.Spec.Containers[0].Args[0])
	}
	if want := programServices(t); len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the chart has %v, samtale %v", got, want)
	}
}

// Every setting is one that its service knows, stands there once, and has its file; and the service accepts them all.
func TestChartSettings(t *testing.T) {
	for _, d := range kind(example(t), "Deployment") {
		p := d.Spec.Template.Spec
		c := p.Containers[0]
		name := c.Args[0]
		known, files, seen := settings(t, name), mounted(p), map[string]bool{}
		dir := t.TempDir()
		var environ []string
		for _, e := range c.Env {
			key := strings.TrimSuffix(e.Name, "_FILE")
			if !slices.Contains(known, key) {
				t.Errorf("%s sets %s, which samtale %s does not know; it knows %s", d.Metadata.Name, e.Name, name, strings.Join(known, " "))
			}
			if seen[key] {
				t.Errorf("%s sets %s twice", d.Metadata.Name, key)
			}
			seen[key] = true
			value := e.Value
			if path, ok := strings.CutPrefix(value, "/run/samtale/"); ok {
				if !files[path] {
					t.Errorf("%s: %s names a file that is not mounted: %s", d.Metadata.Name, e.Name, value)
				}
				delete(files, path)
				value = secretFile(t, dir, path)
			}
			if e.ValueFrom != nil {
				value = "192.0.2.1"
			}
			environ = append(environ, e.Name+"="+value)
		}
		for f := range files {
			t.Errorf("%s mounts %s and does not name it", d.Metadata.Name, f)
		}
		env, err := process.NewEnv(environ, io.Discard)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		env.CheckOnly = true
		if err := run[name](t.Context(), env); err != nil {
			t.Errorf("samtale %s -check-config: %v", name, err)
		}
	}
}

// mounted are the paths below the folder of files.
func mounted(p pod) map[string]bool {
	out := map[string]bool{}
	for _, v := range p.Volumes {
		for _, s := range v.Projected.Sources {
			for _, from := range []*source{s.Secret, s.ConfigMap} {
				if from != nil {
					out[from.Items[0].Path] = true
				}
			}
		}
	}
	return out
}

// secretFile writes something that the setting could be.
func secretFile(t *testing.T, dir, setting string) string {
	t.Helper()
	content := "x"
	switch {
	case setting == "SAMTALE_MASTER_KEY":
		content = strings.Repeat("5a", 32)
	case setting == "SAMTALE_WEBHOOK_SECRET":
		content = strings.Repeat("s", 32)
	case strings.HasSuffix(setting, "_DB"):
		content = "postgres://u:p@database/x"
	case setting == "SAMTALE_AREAS":
		demo, err := os.ReadFile(root + "/services/consent/internal/areas/areas.json")
		if err != nil {
			t.Fatal(err)
		}
		content = string(demo)
	}
	path := filepath.Join(dir, setting)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestChartPods(t *testing.T) {
	nodePorts := map[int]string{}
	for _, d := range kind(example(t), "Deployment") {
		p := d.Spec.Template.Spec
		c := p.Containers[0]
		s := c.SecurityContext
		if !p.SecurityContext.RunAsNonRoot || p.SecurityContext.RunAsUser == 0 || !s.ReadOnlyRootFilesystem ||
			s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) ||
			p.ServiceAccount == nil || *p.ServiceAccount || p.ServiceLinks == nil || *p.ServiceLinks {
			t.Errorf("%s may do more than it must: %+v %+v", d.Metadata.Name, p.SecurityContext, s)
		}
		if c.ReadinessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Port != "ops" || c.Ports[0].Name != "ops" {
			t.Errorf("%s: ready when %+v", d.Metadata.Name, c.ReadinessProbe)
		}
		if c.Resources.Requests["cpu"] == "" || c.Resources.Limits["memory"] == "" {
			t.Errorf("%s: resources %+v", d.Metadata.Name, c.Resources)
		}
		for _, port := range c.Ports {
			if other := nodePorts[port.ContainerPort]; other != "" && p.HostNetwork {
				t.Errorf("%s and %s have port %d of the node", d.Metadata.Name, other, port.ContainerPort)
			}
			if p.HostNetwork {
				nodePorts[port.ContainerPort] = d.Metadata.Name
			}
		}
		for _, e := range c.Env {
			if drain, err := time.ParseDuration(e.Value); e.Name == "SAMTALE_DRAIN" && (err != nil || drain+15*time.Second > time.Duration(p.Grace)*time.Second) {
				t.Errorf("%s is killed after %d s, but may drain for %s and then some: %v", d.Metadata.Name, p.Grace, e.Value, err)
			}
		}
	}
}

// What selects pods selects exactly those of one service, by ports that they have.
func TestChartSelectors(t *testing.T) {
	all := example(t)
	pods := kind(all, "Deployment")
	count := map[string]int{}
	for _, o := range all {
		labels := o.Spec.PodSelector.MatchLabels
		if o.Kind != "NetworkPolicy" {
			var nested struct {
				MatchLabels map[string]string `yaml:"matchLabels"`
			}
			if err := errors.Join(o.Spec.Selector.Decode(&nested), o.Spec.Selector.Decode(&labels)); err != nil && o.Kind == "Service" {
				t.Fatal(err)
			}
			if o.Kind != "Service" {
				labels = nested.MatchLabels
			}
		}
		count[o.Kind]++
		got := slices.DeleteFunc(slices.Clone(pods), func(d object) bool { return !within(labels, d.Spec.Template.Metadata.Labels) })
		if want := o.Metadata.Name == "rel-deny" || o.Kind == "ServiceMonitor"; len(labels) == 0 || want && len(got) != len(pods) || !want && len(got) != 1 {
			t.Errorf("%s %s selects %d pods by %v", o.Kind, o.Metadata.Name, len(got), labels)
			continue
		}
		ports := o.Spec.Ports
		for _, in := range o.Spec.Ingress {
			ports = append(ports, in.Ports...)
		}
		for _, p := range ports {
			name, ok := p.Port.(string)
			if !ok {
				name = p.TargetPort
			}
			of := got[0].Spec.Template.Spec.Containers[0].Ports
			if !slices.ContainsFunc(of, func(c containerPort) bool { return c.Name == name }) {
				t.Errorf("%s %s names the port %q, which %s has not", o.Kind, o.Metadata.Name, name, got[0].Metadata.Name)
			}
		}
	}
	n := len(pods)
	if count["NetworkPolicy"] != n+1 || count["Service"] != n+1 || count["PodDisruptionBudget"] == 0 || count["ServiceMonitor"] != 1 {
		t.Errorf("%v", count)
	}
	for _, d := range kind(all, "PodDisruptionBudget") {
		if d.Spec.MaxUnavailable == nil {
			t.Errorf("%s says nothing", d.Metadata.Name)
		}
	}
}

func within(labels, of map[string]string) bool {
	for k, v := range labels {
		if of[k] != v {
			return false
		}
	}
	return true
}

// What must be said is asked for by name, and what is not wanted is left out.
func TestChartAsks(t *testing.T) {
	base := values(t, "values.yaml")
	for missing, set := range map[string]map[string]any{
		"SAMTALE_DELIVER":    {"publicURL": "https://x.example", "services": map[string]any{"phone": map[string]any{"env": map[string]any{"SAMTALE_SIP_TRUNKS": "192.0.2.1"}}}},
		"SAMTALE_SIP_TRUNKS": {"publicURL": "https://x.example", "services": map[string]any{"journal": map[string]any{"env": map[string]any{"SAMTALE_DELIVER": "folder=/data/x"}}}},
		"publicURL": {"services": map[string]any{
			"journal": map[string]any{"env": map[string]any{"SAMTALE_DELIVER": "folder=/data/x"}},
			"phone":   map[string]any{"env": map[string]any{"SAMTALE_SIP_TRUNKS": "192.0.2.1"}},
		}},
		"networkPolicy.peers has no nobody": overlay(values(t, "example.yaml"), map[string]any{"networkPolicy": map[string]any{"everyone": []any{"nobody"}}}),
	} {
		_, err := render(t, overlay(base, set))
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s is missing: %v", missing, err)
		}
	}
	off := overlay(values(t, "example.yaml"), map[string]any{
		"networkPolicy": map[string]any{"enabled": false}, "serviceMonitor": map[string]any{"enabled": false},
	})
	all, err := render(t, overlay(base, off))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(kind(all, "NetworkPolicy")) + len(kind(all, "ServiceMonitor")); n != 0 {
		t.Errorf("%d policies and monitors are there although they are off", n)
	}
}

// A pod has its own database's address, from its own key, and the master key only where the service of compose.yaml has it too.
func TestChartSecrets(t *testing.T) {
	for _, d := range kind(example(t), "Deployment") {
		name := d.Spec.Template.Spec.Containers[0].Args[0]
		for _, v := range d.Spec.Template.Spec.Volumes {
			for _, s := range v.Projected.Sources {
				if s.Secret == nil {
					continue
				}
				if err := ownSecret(name, s.Secret.Items[0].Key, s.Secret.Items[0].Path); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if ownSecret("journal", "consent-db", "SAMTALE_JOURNAL_DB") == nil || ownSecret("speech", "master-key", "SAMTALE_MASTER_KEY") == nil {
		t.Error("another's secret is taken for its own")
	}
}

func ownSecret(service, key, setting string) error {
	master := slices.Contains(secretsOf[service], "master_key")
	if strings.HasSuffix(setting, "_DB") && key != service+"-db" || setting == "SAMTALE_MASTER_KEY" && (key != "master-key" || !master) ||
		strings.HasSuffix(key, "-db") && !strings.HasSuffix(setting, "_DB") || key == "master-key" && setting != "SAMTALE_MASTER_KEY" {
		return fmt.Errorf("%s is given %s as %s", service, key, setting)
	}
	return nil
}
