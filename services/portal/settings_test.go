package portal

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/process"
)

func TestSettingsAreChecked(t *testing.T) {
	tests := map[string]struct {
		environ []string
		says    string // empty: accepted
	}{
		"defaults":                    {nil, ""},
		"test login on all addresses": {[]string{"SAMTALE_HTTP_ADDR=:8080"}, "test login"},
		"asked for":                   {[]string{"SAMTALE_HTTP_ADDR=:8080", "SAMTALE_TEST_LOGIN=true"}, ""},
		"own provider":                {[]string{"SAMTALE_HTTP_ADDR=:8080", "SAMTALE_OIDC_ISSUER=https://login.example", "SAMTALE_OIDC_CLIENT_ID=x"}, ""},
		"provider without client":     {[]string{"SAMTALE_OIDC_ISSUER=https://login.example"}, "CLIENT_ID"},
		"unknown role":                {[]string{"SAMTALE_OIDC_ROLES=JOB:boss"}, "boss"},
		"unknown fallback":            {[]string{"SAMTALE_OIDC_ROLE_DEFAULT=boss"}, "ROLE_DEFAULT"},
		"session too short":           {[]string{"SAMTALE_SESSION_IDLE=10s"}, "SESSION_IDLE"},
		"address":                     {[]string{"SAMTALE_HTTP_ADDR=here"}, "SAMTALE_HTTP_ADDR"},
		"ask rate":                    {[]string{"SAMTALE_ASK_RATE=0"}, "SAMTALE_ASK_RATE"},
		"other sites":                 {[]string{"SAMTALE_EMBED_ORIGINS=https://www.kommune.example,http://localhost:9000"}, ""},
		"other site with a path":      {[]string{"SAMTALE_EMBED_ORIGINS=https://www.kommune.example/"}, "SAMTALE_EMBED_ORIGINS"},
		"all other sites":             {[]string{"SAMTALE_EMBED_ORIGINS=https://*.example"}, "SAMTALE_EMBED_ORIGINS"},
		"proxies":                     {[]string{"SAMTALE_TRUSTED_PROXIES=10.0.0.0/8,::1/128"}, ""},
		"no proxies":                  {[]string{"SAMTALE_TRUSTED_PROXIES=nginx"}, "SAMTALE_TRUSTED_PROXIES"},
		"test login behind a proxy":   {[]string{"SAMTALE_PUBLIC_URL=https://samtale.example"}, "test login"},
		"public on this machine":      {[]string{"SAMTALE_PUBLIC_URL=http://localhost:8080"}, ""},
		"public address":              {[]string{"SAMTALE_PUBLIC_URL=samtale.example/x"}, "SAMTALE_PUBLIC_URL"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			env := process.Env{
				Environ: append(tt.environ, "SAMTALE_DATA="+t.TempDir()), Log: slog.New(slog.DiscardHandler),
				Metrics: prometheus.NewRegistry(), Health: health.New(), CheckOnly: true,
			}
			err := Run(t.Context(), env)
			switch {
			case tt.says == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("got %v", err)
			}
		})
	}
}
