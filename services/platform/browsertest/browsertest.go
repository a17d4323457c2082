// Package browsertest runs Chromium for tests, with made-up camera and microphone.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long a slow machine may take to start it.
const patience = 3 * time.Minute

// Start runs a Chromium with a profile of its own until the test ends, and gives the context of its first page. Flags are those of its
// command line beside the usual ones. Without Chromium the test is skipped; with REQUIRE_INTEGRATION=1 it fails.
func Start(t *testing.T, flags map[string]any) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("REQUIRE_INTEGRATION=1 but there is no chromium")
		}
		t.Skip("there is no chromium")
	}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(profile(t)), chromedp.NoFirstRun, chromedp.WSURLReadTimeout(patience),
	}
	for _, f := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "disable-background-networking", "disable-component-update", "disable-sync",
		"disable-dev-shm-usage", "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", "allow-loopback-in-peer-connection",
	} {
		opts = append(opts, chromedp.Flag(f, true))
	}
	for name, value := range flags {
		opts = append(opts, chromedp.Flag(name, value))
	}
	// Not the test's own context: it ends before the cleanups that close pages.
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {})) // it reports protocol events that it does not know
	t.Cleanup(func() { cancel(); stop() })
	if err := chromedp.Run(ctx); err != nil { // the browser lives as long as the context of its first run
		t.Fatal(err)
	}
	return ctx
}

// profile is a folder for a browser. Chromium's helpers still write into it for a moment when the browser has ended.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "samtale-browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 600 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	return dir
}
