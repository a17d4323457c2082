//go:build linux && (amd64 || arm64)

package batch

import (
	"testing"
	"time"
)

// Whether RTCP waits, after a second of so many senders a second.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		name           string
		media, control int
		was, want      bool
	}{
		{name: "nothing"},
		{name: "one call", media: 160, control: 40},
		{name: "many voices, few reports", media: 1000, control: 40},
		{name: "few reports alone", control: 120},
		{name: "a picture to sixty", media: 30, control: 600, want: true},
		{name: "four meetings of three", media: 400, control: 140, want: true},
		{name: "a little less", media: 200, control: 85, was: true, want: true},
		{name: "a little less, not begun", media: 200, control: 85},
		{name: "much less", media: 300, control: 60, was: true},
		{name: "after much", was: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			p := pace{waits: c.was, since: now}
			got := c.was
			for i := range 100 {
				now = now.Add(10 * time.Millisecond)
				p.media += c.media*(i+1)/100 - c.media*i/100
				p.control += c.control*(i+1)/100 - c.control*i/100
				got = p.next(now)
			}
			if got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
