package process

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/config"
	"samtale.dk/samtale/services/platform/health"
)

// DescribeSubject asks every process what it is (core NATS): a DescribeRequest or nothing; each answers with a Description.
const DescribeSubject = "platform.v1.describe"

// Description is what an operator sees of one process.
type Description struct {
	Process  string          `json:"process"` // differs between processes, and between two starts of one
	Services []string        `json:"services"`
	Started  time.Time       `json:"started"`
	Settings []Setting       `json:"settings"`
	Checks   []health.Result `json:"checks"`
	Ready    bool            `json:"ready"`
	Metrics  []Metric        `json:"metrics,omitempty"` // those that were asked for
}

// Setting is one setting in force; secrets are hidden.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// self is what a process knows of itself; shared by its services.
type self struct {
	id      string
	started time.Time
	answer  sync.Once // subscribe to DescribeSubject, with the first connection

	mu       sync.Mutex
	services []string
	settings map[string]string
}

func newSelf() *self {
	now := time.Now().UTC()
	return &self{id: event.NewID(now), started: now, settings: map[string]string{}}
}

// Load fills a service's settings as config.Load does, and remembers them for the operator.
func (e Env) Load(v any) error {
	if err := config.Load(e.Environ, v); err != nil {
		return err
	}
	if e.self != nil {
		e.self.remember(reflect.ValueOf(v).Elem())
	}
	return nil
}

func (s *self) remember(v reflect.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inForce(v, s.settings)
}

// inForce reads the fields that carry a setting's name, also of embedded structs.
func inForce(v reflect.Value, into map[string]string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, ok := f.Tag.Lookup("env")
		value := reflect.Indirect(v.Field(i))
		switch {
		case ok && value.IsValid() && !value.IsZero():
			into[name] = fmt.Sprint(value.Interface())
		case !ok && f.Type.Kind() == reflect.Struct:
			inForce(v.Field(i), into)
		}
	}
}

// connected tells the process of one more service on the bus and lets it answer for itself.
func (e Env) connected(name string, b *bus.Bus) error {
	e.self.mu.Lock()
	if !slices.Contains(e.self.services, name) {
		e.self.services = append(e.self.services, name)
	}
	e.self.mu.Unlock()
	var err error
	e.self.answer.Do(func() {
		_, err = b.NC.Subscribe(DescribeSubject, func(m *nats.Msg) {
			var req DescribeRequest
			if len(m.Data) > 0 {
				if err := json.Unmarshal(m.Data, &req); err != nil {
					e.Log.Warn("describe", "err", err)
					return
				}
			}
			d := e.describe()
			d.Metrics = e.metrics(req.Metrics)
			data, err := json.Marshal(d)
			if err == nil {
				err = m.Respond(data)
			}
			if err != nil {
				e.Log.Warn("describe", "err", err)
			}
		})
	})
	return err
}

// ProbeWait is how long a description waits for its probes: those who ask do not know how many processes there are and
// wait a fixed time.
const ProbeWait = 800 * time.Millisecond

func (e Env) describe() Description {
	ctx, cancel := context.WithTimeout(context.Background(), ProbeWait)
	defer cancel()
	checks, ready := e.Health.Run(ctx)
	d := Description{Process: e.self.id, Started: e.self.started, Checks: checks, Ready: ready}
	e.self.mu.Lock()
	defer e.self.mu.Unlock()
	d.Services = slices.Sorted(slices.Values(e.self.services))
	for _, name := range slices.Sorted(maps.Keys(e.self.settings)) {
		d.Settings = append(d.Settings, Setting{Name: name, Value: withoutSecret(name, e.self.settings[name])})
	}
	return d
}

// withoutSecret hides values of names that sound secret, and passwords in addresses.
func withoutSecret(name, value string) string {
	if !strings.HasSuffix(name, "_FILE") {
		for _, w := range []string{"KEY", "SECRET", "PASSWORD", "TOKEN", "CREDS", "DIGEST"} {
			if strings.Contains(name, w) {
				return "••••"
			}
		}
	}
	return userInfo.ReplaceAllString(value, "://••••@")
}

// userInfo is the name and password in an address, also in one that follows "engine=".
var userInfo = regexp.MustCompile(`://[^/@\s]+@`)
