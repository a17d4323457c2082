package archtest

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"samtale.dk/samtale/services/assistant"
	"samtale.dk/samtale/services/consent"
	"samtale.dk/samtale/services/journal"
	"samtale.dk/samtale/services/meeting"
	"samtale.dk/samtale/services/phone"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/portal"
	"samtale.dk/samtale/services/speech"
	"samtale.dk/samtale/workflows/worker"
)

// run begins a service, by the name that its command has.
var run = map[string]process.Service{
	"assistant": assistant.Run, "consent": consent.Run, "journal": journal.Run, "meeting": meeting.Run, "phone": phone.Run,
	"portal": portal.Run, "speech": speech.Run, "worker": worker.Run,
}

// What compose.yaml gives a service is what the service accepts, with the secrets that make-secrets.sh makes, and each port that is
// published is one that it listens on.
func TestComposeIsAccepted(t *testing.T) {
	made := secrets(t)
	p := composed(t)
	for name, s := range p.Secrets {
		if _, err := os.Stat(filepath.Join(made, filepath.Base(s.File))); err != nil {
			t.Errorf("make-secrets.sh does not make %s: %v", name, err)
		}
	}
	for name := range run {
		s, ok := p.Services[name]
		if !ok {
			t.Errorf("compose.yaml lacks %s", name)
			continue
		}
		environ := accepts(t, s, made)
		listens := strings.Join(environ, "\n") + "\n"
		for _, port := range s.Ports {
			if !strings.Contains(listens, ":"+strconv.Itoa(int(port.Target))+"\n") {
				t.Errorf("%s publishes port %d, on which it does not listen", name, port.Target)
			}
		}
	}
}

// Where conversations are delivered to a webhook, the journal has what it signs them with.
func TestComposeDeliversToAWebhook(t *testing.T) {
	p := composed(t, "SAMTALE_DELIVER=webhook=https://archive.example/notes")
	accepts(t, p.Services["journal"], secrets(t))
}

// accepts checks that a service takes the settings that it is given, and returns them.
func accepts(t *testing.T, s types.ServiceConfig, made string) (environ []string) {
	t.Helper()
	for key, value := range s.Environment {
		v := strings.Replace(*value, "/run/secrets", made, 1)
		if v != *value && !strings.HasSuffix(key, "_FILE") {
			t.Errorf("%s: %s is a secret's file", s.Name, key)
		}
		environ = append(environ, key+"="+v)
	}
	env, err := process.NewEnv(environ, io.Discard)
	if err != nil {
		t.Errorf("%s: %v", s.Name, err)
		return environ
	}
	env.CheckOnly = true
	if err := env.CheckNames(); err != nil {
		t.Errorf("%s: %v", s.Name, err)
	}
	if err := run[s.Name](t.Context(), env); err != nil {
		t.Errorf("samtale %s -check-config: %v", s.Name, err)
	}
	return environ
}

// secretsOf are the secrets that each service of compose.yaml needs; who is not here needs none. PostgreSQL makes the others' roles.
var secretsOf = map[string][]string{
	"assistant": {"assistant_db", "master_key"},
	"consent":   {"consent_db", "master_key"},
	"journal":   {"journal_db", "master_key", "webhook_secret"},
	"meeting":   {"master_key", "meeting_db"},
	"portal":    {"master_key"},
	"postgres":  {"assistant_password", "consent_password", "journal_password", "meeting_password", "postgres", "temporal_password"},
	"temporal":  {"temporal_password"},
	"worker":    {"master_key"},
}

// A service has the secrets that it needs and no other's, and its database's address leads into its own as its own role.
func TestComposeSecrets(t *testing.T) {
	made := secrets(t)
	if err := checkSecrets(composed(t), made); err != nil {
		t.Error(err)
	}
	another := func(name, source string) func(*types.Project) {
		return func(p *types.Project) {
			s := p.Services[name]
			s.Secrets = append(s.Secrets, types.ServiceSecretConfig{Source: source})
			p.Services[name] = s
		}
	}
	for what, give := range map[string]func(*types.Project){
		"another's database": another("journal", "consent_db"),
		"a key for no use":   another("speech", "master_key"),
		"a role's password":  another("nats", "journal_password"),
		"everybody's":        another("temporal", "postgres"),
		"another's under its own name": func(p *types.Project) {
			s := p.Secrets["journal_db"]
			s.File = p.Secrets["consent_db"].File
			p.Secrets["journal_db"] = s
		},
		"the file of another's": func(p *types.Project) {
			s := p.Services["phone"]
			s.Volumes = append(s.Volumes, types.ServiceVolumeConfig{Type: "bind", Source: p.Secrets["journal_db"].File, Target: "/s"})
			p.Services["phone"] = s
		},
		"what it cannot read": func(p *types.Project) {
			path := "/run/secrets/master_key"
			p.Services["speech"].Environment["SAMTALE_MASTER_KEY_FILE"] = &path
		},
		"the folder of all": func(p *types.Project) {
			s := p.Services["phone"]
			s.Volumes = append(s.Volumes, types.ServiceVolumeConfig{Type: "bind", Source: filepath.Dir(p.Secrets["postgres"].File), Target: "/s"})
			p.Services["phone"] = s
		},
	} {
		p := composed(t)
		give(p)
		if checkSecrets(p, made) == nil {
			t.Errorf("nothing is said about %s", what)
		}
	}
}

// checkSecrets tells which services have another's secrets, or lack their own.
func checkSecrets(p *types.Project, made string) error {
	var all []error
	folder := filepath.Dir(p.Secrets["postgres"].File)
	for name, s := range p.Services {
		var given []string
		for _, secret := range s.Secrets {
			given = append(given, secret.Source)
		}
		slices.Sort(given)
		if !slices.Equal(given, secretsOf[name]) {
			all = append(all, fmt.Errorf("%s is given %v and needs %v", name, given, secretsOf[name]))
		}
		for _, m := range mountedSecret.FindAllStringSubmatch(fmt.Sprint(s.Environment.ToMapping(), s.Entrypoint, s.Command), -1) {
			if !slices.Contains(given, m[1]) {
				all = append(all, fmt.Errorf("%s reads %s, which it is not given", name, m[0]))
			}
		}
		for _, v := range s.Volumes {
			if v.Type == "bind" && (inside(v.Source, folder) || inside(folder, v.Source)) {
				all = append(all, fmt.Errorf("%s mounts %s, where secrets are", name, v.Source))
			}
		}
	}
	for name, secret := range p.Secrets {
		if filepath.Base(secret.File) != name {
			all = append(all, fmt.Errorf("the secret %s is %s", name, secret.File))
		}
		if service, ok := strings.CutSuffix(name, "_db"); ok {
			u, err := address(filepath.Join(made, name))
			if err == nil && (u.User.Username() != service || u.Path != "/"+service) {
				err = fmt.Errorf("%s leads %s into %s", name, u.User.Username(), u.Path)
			}
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// mountedSecret is where a container finds a secret.
var mountedSecret = regexp.MustCompile(`/run/secrets/(\w+)`)

func inside(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

// address reads where a database is.
func address(file string) (*url.URL, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return url.Parse(strings.TrimSpace(string(text)))
}

// composed is compose.yaml as docker compose reads it in an environment, with the services of all profiles.
func composed(t *testing.T, environ ...string) *types.Project {
	t.Helper()
	opts, err := cli.NewProjectOptions([]string{root + "/compose.yaml"}, cli.WithProfiles([]string{"*"}), cli.WithEnv(environ))
	if err != nil {
		t.Fatal(err)
	}
	p, err := opts.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// secrets runs make-secrets.sh in a tree of its own, and returns where it put them.
func secrets(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl here")
	}
	script, err := os.ReadFile(root + "/deploy/scripts/make-secrets.sh")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	dir := filepath.Join(tree, "deploy/scripts")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "make-secrets.sh")
	if err := os.WriteFile(path, script, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", path).CombinedOutput(); err != nil {
		t.Fatalf("make-secrets.sh: %v\n%s", err, out)
	}
	return filepath.Join(tree, "secrets")
}
