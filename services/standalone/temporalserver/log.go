package temporalserver

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// logger hands the server's lines to slog, its own informations and warnings one level
// lower: most of them speak of features that are not used here. Payloads are ciphertext
// to the server, so its tags hold no content.
type logger struct {
	log *slog.Logger
	// stopping: from here on its parts complain about each other's absence.
	stopping *atomic.Bool
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
	if l.stopping.Load() {
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, msg, attrs(tags)...)
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
	return logger{l.log.With(attrs(tags)...), l.stopping}
}
