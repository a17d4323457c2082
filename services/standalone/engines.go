package main

import (
	"encoding/hex"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/temporal"
	"samtale.dk/samtale/services/standalone/internal/datadir"
	"samtale.dk/samtale/services/standalone/temporalserver"
)

// engines are the servers that production runs elsewhere. env is what services get:
// it names the engines' places.
type engines struct {
	env     process.Env
	release func()
	nats    *natsserver.Server
	wf      *temporalserver.Server
}

// startEngines takes the data folder and starts NATS, then Temporal.
func startEngines(cfg settings, env process.Env) (*engines, error) {
	e := &engines{env: env}
	var err error
	if e.release, err = datadir.Lock(cfg.Data); err != nil {
		return nil, err
	}
	master, err := masterkey.LoadOrCreate(cfg.MasterKey, cfg.Data)
	if err != nil {
		e.stop()
		return nil, err
	}
	if !has(e.env.Environ, "SAMTALE_WEBHOOK_SECRET") {
		e.env.Environ = with(e.env.Environ, "SAMTALE_WEBHOOK_SECRET", hex.EncodeToString(master.Derive(masterkey.Webhook)))
	}
	if err := e.startNATS(cfg); err != nil {
		e.stop()
		return nil, err
	}
	if err := e.startTemporal(cfg); err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

func (e *engines) startNATS(cfg settings) error {
	host, port, err := hostPort(cfg.NATSListen)
	if err != nil {
		return err
	}
	// SyncAlways: what a service was told is stored survives a power cut.
	e.nats, err = natsserver.Start(natsserver.Config{
		StoreDir: filepath.Join(cfg.Data, "nats"), Host: host, Port: port, SyncAlways: true, Log: e.env.Log,
	})
	if err != nil {
		return err
	}
	e.env.NATS = []nats.Option{e.nats.Option()}
	e.env.Health.Add("nats", e.nats.Ready)
	return nil
}

func (e *engines) startTemporal(cfg settings) error {
	host, port, err := hostPort(cfg.TemporalListen)
	if err != nil {
		return err
	}
	e.wf, err = temporalserver.Start(temporalserver.Config{
		Dir: filepath.Join(cfg.Data, "temporal"), Host: host, Port: port,
		Namespaces: []string{cfg.Namespace}, Retention: temporal.Retention, Log: e.env.Log,
	})
	if err != nil {
		return err
	}
	e.env.Environ = with(e.env.Environ, "SAMTALE_TEMPORAL_ADDR", e.wf.Addr())
	return nil
}

// stop is the reverse of startEngines, as far as that came.
func (e *engines) stop() {
	if e.wf != nil {
		if err := e.wf.Stop(); err != nil {
			e.env.Log.Warn("stop Temporal", "err", err)
		}
	}
	if e.nats != nil {
		e.nats.Stop()
	}
	if e.release != nil {
		e.release()
	}
}
