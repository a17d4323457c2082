package supervise

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"samtale.dk/samtale/services/platform/process"
)

type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

func newEnv(t *testing.T) process.Env {
	t.Helper()
	env, err := process.NewEnv(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	env.Health.Add("x", func(context.Context) error { return nil })
	return env
}

// steady runs until it is stopped.
func (j *journal) steady(name string, started chan<- string) Unit {
	return Unit{name, func(ctx context.Context, _ process.Env) error {
		started <- name
		<-ctx.Done()
		j.add(name)
		return nil
	}}
}

func TestStopsInReverseOrder(t *testing.T) {
	var j journal
	started := make(chan string, 3)
	env := newEnv(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, env, j.steady("a", started), j.steady("b", started), j.steady("c", started))
	}()
	for range 3 {
		<-started
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if want := []string{"c", "b", "a"}; !slices.Equal(j.lines, want) {
		t.Fatalf("stopped %v, want %v", j.lines, want)
	}
	if _, ready := env.Health.Run(t.Context()); ready {
		t.Fatal("still ready after stopping")
	}
}

func TestOneEndsAll(t *testing.T) {
	broken := errors.New("port is taken")
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"with an error", broken, broken},
		{"without one", nil, ErrEnded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var j journal
			started := make(chan string, 2)
			err := Run(t.Context(), newEnv(t), j.steady("a", started),
				Unit{"b", func(context.Context, process.Env) error { <-started; return tt.err }},
				j.steady("c", started))
			if !errors.Is(err, tt.want) || !strings.HasPrefix(err.Error(), "b: ") {
				t.Fatalf("got %v", err)
			}
			if want := []string{"c", "a"}; !slices.Equal(j.lines, want) {
				t.Fatalf("stopped %v, want %v", j.lines, want)
			}
		})
	}
}

// What goes wrong while stopping is reported, and the rest is stopped all the same.
func TestErrorWhileStopping(t *testing.T) {
	full := errors.New("disk is full")
	var j journal
	started := make(chan string, 2)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, newEnv(t), j.steady("a", started), Unit{"b", func(ctx context.Context, _ process.Env) error {
			started <- "b"
			<-ctx.Done()
			return full
		}})
	}()
	<-started
	<-started
	cancel()
	if err := <-done; !errors.Is(err, full) {
		t.Fatalf("got %v", err)
	}
	if !slices.Equal(j.lines, []string{"a"}) {
		t.Fatalf("stopped %v", j.lines)
	}
}
