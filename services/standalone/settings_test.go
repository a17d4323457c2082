package main

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	for _, tt := range []struct {
		name    string
		environ []string
		err     string
	}{
		{"nothing set", nil, ""},
		{"bad address", []string{"SAMTALE_NATS_LISTEN=4222"}, "SAMTALE_NATS_LISTEN"},
		{"bad port", []string{"SAMTALE_HTTP_ADDR=127.0.0.1:http"}, "SAMTALE_HTTP_ADDR"},
		{"port too large", []string{"SAMTALE_TEMPORAL_LISTEN=127.0.0.1:70000"}, "SAMTALE_TEMPORAL_LISTEN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := load(tt.environ)
			if tt.err == "" {
				if err != nil || cfg.HTTPAddr != "127.0.0.1:8080" || cfg.SIPAddr != "127.0.0.1:5060" || !strings.HasSuffix(cfg.Data, "/data") {
					t.Fatalf("%+v %v", cfg, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// What is set stays, what is not gets standalone's own value.
func TestEnviron(t *testing.T) {
	cfg, err := load([]string{"SAMTALE_RECEIVER_ADDR=127.0.0.1:9"})
	if err != nil {
		t.Fatal(err)
	}
	got := cfg.environ([]string{"SAMTALE_DATA=rel", "SAMTALE_LOG_LEVEL=info"})
	for _, want := range []string{"SAMTALE_DATA=" + cfg.Data, "SAMTALE_LOG_LEVEL=info", "SAMTALE_DELIVER=webhook=http://127.0.0.1:9/notater"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %v", want, got)
		}
	}
	if slices.Contains(got, "SAMTALE_DATA=rel") {
		t.Error("two data folders")
	}
	for _, kv := range []string{"SAMTALE_DELIVER=folder=x", "SAMTALE_DELIVER_FILE=/x"} {
		n := 0
		for _, g := range cfg.environ([]string{kv}) {
			if strings.HasPrefix(g, "SAMTALE_DELIVER") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s was overruled", kv)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want mode
		ok   bool
	}{
		{nil, everything, true},
		{[]string{"-check-config"}, checkConfig, true},
		{[]string{"--check-config"}, checkConfig, true},
		{[]string{"-engines"}, enginesOnly, true},
		{[]string{"serve"}, "", false},
		{[]string{"-check-config", "x"}, "", false},
	} {
		got, err := parse(tt.args)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%v: %q %v", tt.args, got, err)
		}
	}
}

// -check-config asks every service and names the one that cannot work.
func TestCheckConfig(t *testing.T) {
	base := []string{"SAMTALE_DATA=" + t.TempDir()}
	var said strings.Builder
	if err := run(t.Context(), base, []string{"-check-config"}, &said, io.Discard); err != nil || !strings.Contains(said.String(), "fine") {
		t.Fatalf("%q, %v", said.String(), err)
	}
	for setting, service := range map[string]string{
		"SAMTALE_SESION_IDLE=9h": "there is no SAMTALE_SESION_IDLE; the nearest is SAMTALE_SESSION_IDLE", // none's own: of everybody
		"SAMTALE_RTP_PORTS=many": "phone:", "SAMTALE_ASR=nothing": "speech:",
		"SAMTALE_AREAS=/does/not/exist": "consent:", "SAMTALE_DELIVER=pigeon": "journal:",
	} {
		err := run(t.Context(), append(base, setting), []string{"-check-config"}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), service) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
