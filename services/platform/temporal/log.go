package temporal

import (
	"log/slog"

	sdklog "go.temporal.io/sdk/log"
)

// logger hands the SDK's log lines to slog. Only keys that are known to hold ids,
// counts and errors keep their value: the SDK logs results and panics' values under
// other keys, and those may hold what a person said.
type logger struct{ log *slog.Logger }

var _ sdklog.WithLogger = logger{}

// known keys: the SDK's tags for ids and counts, and our own ids in workflow code.
func known(key string) bool {
	switch key {
	case "ActivityID", "ActivityRunID", "ActivityType", "Attempt", "BuildID", "CachedPreviousStartedEventID",
		"ChildWorkflowID", "Error", "EventID", "EventType", "LocalActivityType", "Namespace", "PanicStack",
		"PayloadSize", "PayloadSizeLimit", "PreviousStartedEventID", "QueryType", "RunID", "SideEffectID",
		"StackTrace", "TaskFirstEventID", "TaskQueue", "TaskStartedEventID", "TimerID", "UpdateID", "UpdateName",
		"WorkerID", "WorkerType", "WorkflowID", "WorkflowTaskDuration", "WorkflowType",
		"TraceID", "SpanID",
		"conversation_id", "leg_id", "note_id", "workflow_id", "state", "err":
		return true
	}
	return false
}

func clean(keyvals []any) []any {
	out := make([]any, 0, len(keyvals))
	for i := 0; i+1 < len(keyvals); i += 2 {
		key, ok := keyvals[i].(string)
		if !ok {
			continue
		}
		if !known(key) {
			out = append(out, slog.String(key, "(withheld)"))
			continue
		}
		out = append(out, slog.Any(key, keyvals[i+1]))
	}
	return out
}

// The SDK's debug and info lines (pollers started, activity completed) are debug
// lines of ours.
func (l logger) Debug(msg string, kv ...any) { l.log.Debug(msg, clean(kv)...) }
func (l logger) Info(msg string, kv ...any)  { l.log.Debug(msg, clean(kv)...) }
func (l logger) Warn(msg string, kv ...any)  { l.log.Warn(msg, clean(kv)...) }
func (l logger) Error(msg string, kv ...any) { l.log.Error(msg, clean(kv)...) }

// With implements log.WithLogger.
func (l logger) With(kv ...any) sdklog.Logger { return logger{l.log.With(clean(kv)...)} }
