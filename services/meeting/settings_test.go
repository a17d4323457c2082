package meeting

import (
	"strings"
	"testing"

	"samtale.dk/samtale/services/platform/process"
)

func TestTURNServerNeedsAnAddressForBrowsers(t *testing.T) {
	env := process.Env{CheckOnly: true, Environ: []string{"SAMTALE_DATA=" + t.TempDir(), "SAMTALE_MEETING_TURN_UDP=:3478"}}
	if err := Run(t.Context(), env); err == nil || !strings.Contains(err.Error(), "SAMTALE_MEETING_TURN_URLS") {
		t.Errorf("without one: %v", err)
	}
	env.Environ = append(env.Environ, "SAMTALE_MEETING_TURN_URLS=turn:meet.example.dk:3478")
	if err := Run(t.Context(), env); err != nil {
		t.Errorf("with one: %v", err)
	}
	env.Environ = append(env.Environ, "SAMTALE_MEETING_TURN_TLS=:5349")
	if err := Run(t.Context(), env); err == nil || !strings.Contains(err.Error(), "SAMTALE_MEETING_TURN_TLS_CERT") {
		t.Errorf("TLS without a certificate: %v", err)
	}
}

func TestAddressesAreChecked(t *testing.T) {
	for _, kv := range []string{"SAMTALE_MEETING_UDP=4000", "SAMTALE_MEETING_TCP=a", "SAMTALE_SMTP=mail.example.dk", "SAMTALE_MEETING_PUBLIC_IP=meet.example.dk"} {
		name, _, _ := strings.Cut(kv, "=")
		env := process.Env{CheckOnly: true, Environ: []string{"SAMTALE_DATA=" + t.TempDir(), kv}}
		if err := Run(t.Context(), env); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", kv, err)
		}
	}
}
