// Package config loads a service's settings from the environment into one struct
// (tags of caarlos0/env: env, envDefault). Every SAMTALE_X may instead be given as a
// file by SAMTALE_X_FILE, which is how secrets arrive.
package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Load fills v, a pointer to a struct, from environ ("KEY=value" as in os.Environ).
func Load(environ []string, v any) error {
	m, err := withFiles(env.ToMap(environ))
	if err != nil {
		return err
	}
	if err := env.ParseWithOptions(v, env.Options{Environment: m}); err != nil {
		return fmt.Errorf("settings: %w", named(err, reflect.TypeOf(v).Elem()))
	}
	return nil
}

// named tells a value that does not fit by the setting, not by the field that it would have gone to.
func named(err error, settings reflect.Type) error {
	var wrong env.ParseError
	if errors.As(err, &wrong) {
		if name := setting(settings, wrong.Name); name != "" {
			return fmt.Errorf("%s: %w", name, wrong.Err)
		}
	}
	return err
}

func setting(settings reflect.Type, field string) string {
	for f := range settings.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("env"), ","); f.Name == field && name != "" {
			return name
		}
		if f.Type.Kind() == reflect.Struct {
			if name := setting(f.Type, field); name != "" {
				return name
			}
		}
	}
	return ""
}

// withFiles reads SAMTALE_X_FILE into SAMTALE_X. Both at once is an error: which one
// counts would be a guess.
func withFiles(m map[string]string) (map[string]string, error) {
	for k, path := range m {
		name, ok := strings.CutSuffix(k, "_FILE")
		if !ok || !strings.HasPrefix(k, "SAMTALE_") || path == "" {
			continue
		}
		if m[name] != "" {
			return nil, fmt.Errorf("settings: both %s and %s are set; keep one", name, k)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("settings: %s: %w", k, err)
		}
		m[name] = strings.TrimRight(string(data), "\r\n")
	}
	return m, nil
}
