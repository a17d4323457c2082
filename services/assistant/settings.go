package assistant

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/models/llm/ollama"
	"samtale.dk/samtale/seeds/knowledge"
	"samtale.dk/samtale/services/platform/config"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/temporal"
)

type settings struct {
	process.Common
	Temporal temporal.Config
	DB       string `env:"SAMTALE_ASSISTANT_DB"`                        // empty: SQLite in the data folder
	LLM      string `env:"SAMTALE_LLM" envDefault:"none"`               // none, or ollama=http://HOST:PORT[,model=NAME]
	Starter  bool   `env:"SAMTALE_KNOWLEDGE_STARTER" envDefault:"true"` // the built-in demo knowledge
	Index    string `env:"SAMTALE_INDEX" envDefault:"embedded"`         // embedded
	// Folder holds the folders of JSONL files that sources name; empty: knowledge in the data folder.
	Folder string `env:"SAMTALE_KNOWLEDGE_FOLDER"`
	// Private are "host:port" of sources inside the authority's own network; all others must have public addresses.
	Private []string `env:"SAMTALE_KNOWLEDGE_PRIVATE"`
}

// ready is the settings, checked.
type ready struct {
	settings
	model   llm.Model
	starter fs.FS // nil: none
}

func load(environ []string) (ready, error) {
	var r ready
	if err := config.Load(environ, &r.settings); err != nil {
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
	if r.Index != "embedded" {
		return r, errors.New("settings: SAMTALE_INDEX: use embedded")
	}
	var err error
	r.model, err = model(r.LLM)
	if err != nil {
		return r, fmt.Errorf("settings: SAMTALE_LLM: %w", err)
	}
	return r, r.Temporal.Check()
}

// model returns the language model of a setting.
func model(setting string) (llm.Model, error) {
	if setting == "none" {
		return llm.None, nil
	}
	rest, ok := strings.CutPrefix(setting, "ollama=")
	if !ok {
		return nil, errors.New("use none or ollama=http://HOST:PORT[,model=NAME]")
	}
	url, options, _ := strings.Cut(rest, ",")
	cfg := ollama.Config{URL: url}
	if options != "" {
		cfg.Model, ok = strings.CutPrefix(options, "model=")
		if !ok || cfg.Model == "" {
			return nil, fmt.Errorf("%q is not model=NAME", options)
		}
	}
	return ollama.New(cfg)
}
