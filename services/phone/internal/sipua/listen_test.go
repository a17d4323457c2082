package sipua

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What a flood of nonsense writes into the log is bounded, and nothing of it is quoted.
func TestQuietLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := quietLogger(slog.New(slog.NewTextHandler(&out, nil)))
		for range 100 {
			l.Warn("failed to parse", "data", "sip:+4512345678@example.dk")
		}
		time.Sleep(time.Second)
		l.Error("failed to parse", "data", "sip:+4512345678@example.dk")
		text := out.String()
		if strings.Count(text, "\n") != 2 || !strings.Contains(text, "others_before=99") || strings.Contains(text, "4512345678") || strings.Contains(text, "ERROR") {
			t.Errorf("log:\n%s", text)
		}
	})
}
