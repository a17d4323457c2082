package assistant

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"samtale.dk/samtale/models/embed"
	embedollama "samtale.dk/samtale/models/embed/ollama"
	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/models/llm/ollama"
	"samtale.dk/samtale/seeds/knowledge"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/temporal"
)

type settings struct {
	process.Common
	Temporal temporal.Config
	DB       string `env:"SAMTALE_ASSISTANT_DB"`                        // empty: SQLite in the data folder
	LLM      string `env:"SAMTALE_LLM" envDefault:"none"`               // none, or ollama=http://HOST:PORT[,model=NAME]
	Starter  bool   `env:"SAMTALE_KNOWLEDGE_STARTER" envDefault:"true"` // the built-in demo knowledge
	Index    string `env:"SAMTALE_INDEX" envDefault:"embedded"`         // embedded, or qdrant=HOST:PORT (gRPC)
	// QdrantKey is its API key; QdrantTLS encrypts the way to it.
	QdrantKey string `env:"SAMTALE_QDRANT_KEY"`
	QdrantTLS bool   `env:"SAMTALE_QDRANT_TLS"`
	// Embed makes dense vectors too: none, or ollama=http://HOST:PORT[,model=NAME][,dimension=N]. The prefixes are what the
	// model wants before questions and texts.
	Embed         string `env:"SAMTALE_EMBED" envDefault:"none"`
	QueryPrefix   string `env:"SAMTALE_EMBED_QUERY_PREFIX"`
	PassagePrefix string `env:"SAMTALE_EMBED_PASSAGE_PREFIX"`
	// Folder holds the folders of JSONL files that sources name; empty: knowledge in the data folder.
	Folder string `env:"SAMTALE_KNOWLEDGE_FOLDER"`
	// Private are "host:port" of sources inside the authority's own network; all others must have public addresses.
	Private []string `env:"SAMTALE_KNOWLEDGE_PRIVATE"`
}

// ready is the settings, checked.
type ready struct {
	settings
	model   llm.Model
	starter fs.FS          // nil: none
	embed   embed.Embedder // nil: none
	qdrant  string         // address; empty: the embedded index
}

func load(env process.Env) (ready, error) {
	var r ready
	if err := env.Load(&r.settings); err != nil {
		return r, err
	}
	if r.DB == "" {
		r.DB = "sqlite:" + filepath.Join(r.Data, "assistant.db")
	}
	if r.Folder == "" {
		r.Folder = filepath.Join(r.Data, "knowledge")
	}
	if r.Starter {
		r.starter = knowledge.Files
	}
	var ok bool
	if r.qdrant, ok = strings.CutPrefix(r.Index, "qdrant="); r.Index != "embedded" && (!ok || r.qdrant == "") {
		return r, errors.New("settings: SAMTALE_INDEX: use embedded or qdrant=HOST:PORT")
	} else if !ok {
		r.qdrant = ""
	}
	var err error
	r.embed, err = r.embedder()
	if err != nil {
		return r, fmt.Errorf("settings: SAMTALE_EMBED: %w", err)
	}
	r.model, err = ollama.Setting(r.LLM)
	if err != nil {
		return r, fmt.Errorf("settings: SAMTALE_LLM: %w", err)
	}
	return r, r.Temporal.Check()
}

// embedder returns the embedding model of a setting; nil for none.
func (s settings) embedder() (embed.Embedder, error) {
	if s.Embed == "none" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(s.Embed, "ollama=")
	if !ok {
		return nil, errors.New("use none or ollama=http://HOST:PORT[,model=NAME][,dimension=N]")
	}
	url, options, _ := strings.Cut(rest, ",")
	cfg := embedollama.Config{URL: url, QueryPrefix: s.QueryPrefix, PassagePrefix: s.PassagePrefix}
	for option := range strings.SplitSeq(options, ",") {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "":
		case "model":
			cfg.Model = value
		case "dimension":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("dimension %q is no number", value)
			}
			cfg.Dimension = n
		default:
			return nil, fmt.Errorf("%q is not model=NAME or dimension=N", option)
		}
	}
	return embedollama.New(cfg)
}
