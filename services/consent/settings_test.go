package consent

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/consent/internal/areas"
	"samtale.dk/samtale/services/platform/config"
)

func TestKeepAfter(t *testing.T) {
	for name, tc := range map[string]struct {
		environ []string
		want    time.Duration
		fails   bool
	}{
		"the area decides": {nil, 14 * 24 * time.Hour, false},
		"at once":          {[]string{"SAMTALE_KEEP_AFTER=0s"}, 0, false},
		"a day and a half": {[]string{"SAMTALE_KEEP_AFTER=36h"}, 36 * time.Hour, false},
		"less than none":   {[]string{"SAMTALE_KEEP_AFTER=-1h"}, 0, true},
		"not a time":       {[]string{"SAMTALE_KEEP_AFTER=14 days"}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := areas.Load("")
			if err != nil {
				t.Fatal(err)
			}
			var cfg settings
			err = config.Load(tc.environ, &cfg)
			if err == nil {
				err = cfg.keep(list)
			}
			if (err != nil) != tc.fails {
				t.Fatalf("error %v, want one: %v", err, tc.fails)
			}
			if err == nil && list[0].KeepAfter != tc.want {
				t.Errorf("kept for %v, want %v", list[0].KeepAfter, tc.want)
			}
		})
	}
}
