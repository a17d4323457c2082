package archtest

import (
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
)

// TestComposeSpec loads compose.yaml with the loader of `docker compose config`:
// schema, references, anchors, secrets and profiles.
func TestComposeSpec(t *testing.T) {
	opts, err := cli.NewProjectOptions([]string{"../../compose.yaml"}, cli.WithProfiles([]string{"models"}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := opts.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"assistant", "consent", "journal", "meeting", "worker", "speech", "phone", "portal", "nats", "temporal", "postgres", "qdrant", "ollama"} {
		if _, ok := p.Services[name]; !ok {
			t.Errorf("no service %s", name)
		}
	}
}
