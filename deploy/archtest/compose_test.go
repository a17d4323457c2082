package archtest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"

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

// What compose.yaml gives a service is what the service accepts, with the secrets that make-secrets.sh makes, and each port that is
// published is one that it listens on.
func TestComposeIsAccepted(t *testing.T) {
	run := map[string]process.Service{
		"assistant": assistant.Run, "consent": consent.Run, "journal": journal.Run, "meeting": meeting.Run, "phone": phone.Run,
		"portal": portal.Run, "speech": speech.Run, "worker": worker.Run,
	}
	made := secrets(t)
	opts, err := cli.NewProjectOptions([]string{root + "/compose.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := opts.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range p.Secrets {
		if _, err := os.Stat(filepath.Join(made, filepath.Base(s.File))); err != nil {
			t.Errorf("make-secrets.sh does not make %s: %v", name, err)
		}
	}
	for name, start := range run {
		s, ok := p.Services[name]
		if !ok {
			t.Errorf("compose.yaml lacks %s", name)
			continue
		}
		var environ []string
		listens := ""
		for key, value := range s.Environment {
			v := strings.Replace(*value, "/run/secrets", made, 1)
			if v != *value && !strings.HasSuffix(key, "_FILE") {
				t.Errorf("%s: %s is a secret's file", name, key)
			}
			environ = append(environ, key+"="+v)
			listens += v + "\n"
		}
		for _, port := range s.Ports {
			if !strings.Contains(listens, ":"+strconv.Itoa(int(port.Target))+"\n") {
				t.Errorf("%s publishes port %d, on which it does not listen", name, port.Target)
			}
		}
		env, err := process.NewEnv(environ, io.Discard)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		env.CheckOnly = true
		if err := env.CheckNames(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := start(t.Context(), env); err != nil {
			t.Errorf("samtale %s -check-config: %v", name, err)
		}
	}
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
