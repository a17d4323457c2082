// Package demo is the built-in Danish recogniser: a small CTC network and a word bigram model, trained on synthetic voices
// (see train/RESULTS.md), in plain Go with one vector kernel for amd64. It streams: words appear as partials about half a
// second after they were said and become final at pauses.
//
// It is a demonstration. It knows espeak-ng's voices and the words of public service; it does not know people. An Engine is
// read-only after New and shared by its sessions; a Session computes in the goroutine that writes to it and holds no other
// than its event queue.
package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"samtale.dk/samtale/models/asr"
)

// Config of the engine. The zero value works.
type Config struct {
	Sessions int  // how many may be open at once; 0 means no limit. Beyond it Open fails with asr.ErrBusy.
	Greedy   bool // without the language model, for measuring the network alone
}

// Engine implements asr.Engine.
type Engine struct {
	config Config
	tables *tables
	net    *network
	lm     *languageModel
	open   atomic.Int64
}

// New loads the embedded weights, about 5 ms and 5 MB.
func New(c Config) (*Engine, error) {
	net, err := loadNetwork(weightsFile)
	if err != nil {
		return nil, err
	}
	e := &Engine{config: c, tables: newTables(), net: net}
	if c.Greedy {
		return e, nil
	}
	e.lm, err = loadLM(lmFile)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Name implements asr.Engine.
func (e *Engine) Name() string { return "demo" }

// Demo implements asr.Engine.
func (e *Engine) Demo() bool { return true }

// Open implements asr.Engine. Hints are ignored.
func (e *Engine) Open(ctx context.Context, o asr.Options) (asr.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(asr.ErrClosed, err)
	}
	if o.Language != "" && o.Language != "da" && !strings.HasPrefix(o.Language, "da-") {
		return nil, fmt.Errorf("demo engine knows Danish only, not %q: %w", o.Language, asr.ErrRejected)
	}
	if n := e.open.Add(1); e.config.Sessions > 0 && n > int64(e.config.Sessions) {
		e.open.Add(-1)
		return nil, fmt.Errorf("demo engine hears %d sessions already: %w", e.config.Sessions, asr.ErrBusy)
	}
	return newSession(ctx, e), nil
}
