package journal

import (
	"fmt"
	"path/filepath"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/models/llm/ollama"
	"samtale.dk/samtale/services/journal/internal/deliver"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/temporal"
)

type settings struct {
	process.Common
	Temporal temporal.Config
	DB       string `env:"SAMTALE_JOURNAL_DB"`            // empty: SQLite in the data folder
	Deliver  string `env:"SAMTALE_DELIVER"`               // folder=PATH or webhook=URL; empty: a folder in the data folder
	Secret   string `env:"SAMTALE_WEBHOOK_SECRET"`        // signs webhooks
	LLM      string `env:"SAMTALE_LLM" envDefault:"none"` // none, or ollama=http://HOST:PORT[,model=NAME]
}

// ready is the settings, checked.
type ready struct {
	settings
	deliverer deliver.Adapter
	model     llm.Model
}

func load(env process.Env) (ready, error) {
	var r ready
	if err := env.Load(&r.settings); err != nil {
		return r, err
	}
	if r.DB == "" {
		r.DB = "sqlite:" + filepath.Join(r.Data, "journal.db")
	}
	if r.Deliver == "" {
		r.Deliver = "folder=" + filepath.Join(r.Data, "delivered")
	}
	var err error
	r.deliverer, err = deliver.New(r.Deliver, r.Secret)
	if err != nil {
		return r, fmt.Errorf("settings: %w", err)
	}
	r.model, err = ollama.Setting(r.LLM)
	if err != nil {
		return r, fmt.Errorf("settings: SAMTALE_LLM: %w", err)
	}
	return r, r.Temporal.Check()
}
