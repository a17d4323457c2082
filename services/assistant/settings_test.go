package assistant

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
		"none":                  {nil, ""},
		"qdrant":                {[]string{"SAMTALE_INDEX=qdrant=127.0.0.1:6334"}, ""},
		"qdrant without a host": {[]string{"SAMTALE_INDEX=qdrant="}, "SAMTALE_INDEX"},
		"unknown index":         {[]string{"SAMTALE_INDEX=faiss"}, "SAMTALE_INDEX"},
		"embedding model":       {[]string{"SAMTALE_EMBED=ollama=http://127.0.0.1:11434,model=embeddinggemma,dimension=768"}, ""},
		"embedding, no server":  {[]string{"SAMTALE_EMBED=bge"}, "SAMTALE_EMBED"},
		"dimension":             {[]string{"SAMTALE_EMBED=ollama=http://127.0.0.1:1,dimension=many"}, "SAMTALE_EMBED"},
		"option":                {[]string{"SAMTALE_EMBED=ollama=http://127.0.0.1:1,colour=red"}, "SAMTALE_EMBED"},
		"language model":        {[]string{"SAMTALE_LLM=ollama=http://127.0.0.1:11434,model=gemma4:e2b"}, ""},
		"unknown model":         {[]string{"SAMTALE_LLM=gpt"}, "SAMTALE_LLM"},
	} {
		_, err := load(process.Env{Environ: tc.environ})
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
