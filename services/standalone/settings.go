package main

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"samtale.dk/samtale/services/platform/config"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/standalone/receiver"
)

// settings are standalone's own; every service reads its own beside them.
type settings struct {
	process.Common
	HTTPAddr       string `env:"SAMTALE_HTTP_ADDR" envDefault:"127.0.0.1:8080"`
	SIPAddr        string `env:"SAMTALE_SIP_ADDR" envDefault:"127.0.0.1:5060"`
	ReceiverAddr   string `env:"SAMTALE_RECEIVER_ADDR" envDefault:"127.0.0.1:8081"`
	NATSListen     string `env:"SAMTALE_NATS_LISTEN"`     // empty: in this process only
	TemporalListen string `env:"SAMTALE_TEMPORAL_LISTEN"` // empty: a free loopback port
	Namespace      string `env:"SAMTALE_TEMPORAL_NAMESPACE" envDefault:"samtale"`
}

func load(environ []string) (settings, error) {
	var cfg settings
	if err := config.Load(environ, &cfg); err != nil {
		return cfg, err
	}
	abs, err := filepath.Abs(cfg.Data)
	if err != nil {
		return cfg, fmt.Errorf("settings: SAMTALE_DATA: %w", err)
	}
	cfg.Data = abs
	for name, addr := range map[string]string{
		"SAMTALE_NATS_LISTEN": cfg.NATSListen, "SAMTALE_TEMPORAL_LISTEN": cfg.TemporalListen,
		"SAMTALE_HTTP_ADDR": cfg.HTTPAddr, "SAMTALE_RECEIVER_ADDR": cfg.ReceiverAddr,
	} {
		if _, _, err := hostPort(addr); err != nil {
			return cfg, fmt.Errorf("settings: %s: %w", name, err)
		}
	}
	return cfg, nil
}

// hostPort splits HOST:PORT; the empty address gives "" and 0.
func hostPort(addr string) (string, int, error) {
	if addr == "" {
		return "", 0, nil
	}
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not HOST:PORT", addr)
	}
	port, err := strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q is not HOST:PORT", addr)
	}
	return host, port, nil
}

// environ is what the services see: the process's own environment with the embedded
// engines' places. Settings that are already there win, except for the engines.
func (s settings) environ(environ []string) []string {
	out := with(environ, "SAMTALE_DATA", s.Data)
	for _, d := range []struct{ key, value string }{
		// Standalone is for a person at a terminal: only what needs attention.
		{"SAMTALE_LOG_LEVEL", "warn"},
		{"SAMTALE_DELIVER", "webhook=http://" + s.ReceiverAddr + receiver.Path},
		{"SAMTALE_MEETING_DIALIN", "sip:moede@" + s.SIPAddr},
	} {
		if !has(out, d.key) {
			out = append(out, d.key+"="+d.value)
		}
	}
	return out
}

func has(environ []string, key string) bool {
	return slices.ContainsFunc(environ, func(kv string) bool {
		return strings.HasPrefix(kv, key+"=") || strings.HasPrefix(kv, key+"_FILE=")
	})
}

// with returns environ with key set to value.
func with(environ []string, key, value string) []string {
	out := slices.DeleteFunc(slices.Clone(environ), func(kv string) bool { return strings.HasPrefix(kv, key+"=") })
	return append(out, key+"="+value)
}
