package journal

import (
	"strings"
	"testing"

	"samtale.dk/samtale/services/platform/process"
)

func TestSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		environ []string
		want    string // in the error; "" means accepted
	}{
		"none":                     {nil, ""},
		"folder":                   {[]string{"SAMTALE_DELIVER=folder=/x"}, ""},
		"webhook":                  {[]string{"SAMTALE_DELIVER=webhook=http://127.0.0.1:1/x", "SAMTALE_WEBHOOK_SECRET=s"}, ""},
		"webhook without a secret": {[]string{"SAMTALE_DELIVER=webhook=http://127.0.0.1:1/x"}, "SAMTALE_WEBHOOK_SECRET"},
		"unknown adapter":          {[]string{"SAMTALE_DELIVER=mail=x"}, "SAMTALE_DELIVER"},
		"no model":                 {[]string{"SAMTALE_LLM=none"}, ""},
		"ollama":                   {[]string{"SAMTALE_LLM=ollama=http://127.0.0.1:11434"}, ""},
		"ollama with model":        {[]string{"SAMTALE_LLM=ollama=http://127.0.0.1:11434,model=gemma4:e2b"}, ""},
		"ollama nowhere":           {[]string{"SAMTALE_LLM=ollama=here"}, "SAMTALE_LLM"},
		"ollama without a name":    {[]string{"SAMTALE_LLM=ollama=http://127.0.0.1:11434,model="}, "SAMTALE_LLM"},
		"another model":            {[]string{"SAMTALE_LLM=gpt"}, "SAMTALE_LLM"},
		"temporal":                 {[]string{"SAMTALE_TEMPORAL_CERT=x"}, "SAMTALE_TEMPORAL_CERT"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Run(t.Context(), process.Env{Environ: tc.environ, CheckOnly: true})
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
		})
	}
	cfg, err := load(process.Env{Environ: []string{"SAMTALE_LLM=ollama=http://127.0.0.1:11434,model=gemma4:e2b", "SAMTALE_DATA=/d"}})
	if err != nil || cfg.model.Name() != "gemma4:e2b" || cfg.DB != "sqlite:/d/journal.db" {
		t.Fatalf("%+v %v", cfg, err)
	}
}
