package temporalserver

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/server/common/log/tag"
)

func TestLogRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		l := logger{slog.New(slog.NewTextHandler(&buf, nil)), new(logState)}
		for range 50 {
			l.Error("disk is full", tag.NewInt("n", 7))
			l.With(tag.NewInt("shard", 1)).Error("disk is full")
		}
		l.Error("another")
		time.Sleep(repeatAfter)
		l.Error("disk is full")
		lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "n=7") || !strings.Contains(lines[2], "repeated=99") {
			t.Fatalf("logged:\n%s", buf.String())
		}
		l.state.stopping.Store(true)
		l.Error("its parts are gone")
		if strings.Contains(buf.String(), "gone") {
			t.Fatal("a stopping server complains")
		}
	})
}
