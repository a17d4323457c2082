package temporalserver

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// logger hands the server's lines to slog, its own informations and warnings one level
// lower: most of them speak of features that are not used here. Payloads are ciphertext
// to the server, so its tags hold no content.
type logger struct {
	log   *slog.Logger
	state *logState
}

// logState is shared by a server's loggers.
type logState struct {
	// stopping: from here on its parts complain about each other's absence.
	stopping atomic.Bool

	mu   sync.Mutex
	last map[string]*repeated
}

// repeated counts a message that comes again and again, as all do on a full disk.
type repeated struct {
	at      time.Time
	dropped int
}

// repeatAfter is how often the same message is logged.
const repeatAfter = 10 * time.Second

// due reports whether msg is to be logged now, and how often it was not since then.
func (s *logState) due(msg string, now time.Time) (ok bool, dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]*repeated{}
	}
	r := s.last[msg]
	if r == nil {
		s.last[msg] = &repeated{at: now}
		return true, 0
	}
	if now.Sub(r.at) < repeatAfter {
		r.dropped++
		return false, 0
	}
	dropped = r.dropped
	*r = repeated{at: now}
	return true, dropped
}

var _ log.WithLogger = logger{}

func attrs(tags []tag.Tag) []any {
	out := make([]any, len(tags))
	for i, t := range tags {
		out[i] = slog.Any(t.Key(), t.Value())
	}
	return out
}

func (l logger) Debug(string, ...tag.Tag)           {} // far too many
func (l logger) Info(msg string, tags ...tag.Tag)   { l.log.Debug(msg, attrs(tags)...) }
func (l logger) Warn(msg string, tags ...tag.Tag)   { l.at(slog.LevelInfo, msg, tags) }
func (l logger) Error(msg string, tags ...tag.Tag)  { l.at(slog.LevelError, msg, tags) }
func (l logger) DPanic(msg string, tags ...tag.Tag) { l.at(slog.LevelError, msg, tags) }

func (l logger) at(level slog.Level, msg string, tags []tag.Tag) {
	if l.state.stopping.Load() {
		level = slog.LevelDebug
	}
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	ok, dropped := l.state.due(msg, time.Now())
	if !ok {
		return
	}
	args := attrs(tags)
	if dropped > 0 {
		args = append(args, "repeated", dropped)
	}
	l.log.Log(context.Background(), level, msg, args...)
}

// Panic and Fatal must not return: the server relies on it.
func (l logger) Panic(msg string, tags ...tag.Tag) {
	l.log.Error(msg, attrs(tags)...)
	panic("temporal: " + msg)
}

func (l logger) Fatal(msg string, tags ...tag.Tag) {
	l.log.Error(msg, attrs(tags)...)
	os.Exit(1)
}

// With implements log.WithLogger.
func (l logger) With(tags ...tag.Tag) log.Logger {
	return logger{l.log.With(attrs(tags)...), l.state}
}
