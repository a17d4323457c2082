package areas

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBuiltInAreas(t *testing.T) {
	list, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	byNumber := map[string]string{}
	for _, a := range list {
		for _, n := range a.Numbers {
			byNumber[n] = a.ID
		}
	}
	for number, area := range map[string]string{
		"borgerservice": "borgerservice", "100": "borgerservice", "besked": "borgerservice",
		"boligstoette": "boligstoette", "pension": "pension",
	} {
		if byNumber[number] != area {
			t.Errorf("number %s belongs to %q, want %q", number, byNumber[number], area)
		}
	}
	if list[0].KeepAfter != 14*24*time.Hour || list[0].ApproveWithin != 48*time.Hour {
		t.Errorf("durations were not read: %+v", list[0])
	}
}

func TestLoadRefuses(t *testing.T) {
	good := `{"id":"a","name":"A","numbers":["1"],"basis":"b","purpose":"p","text_version":"1","template":"t",
		"approve_within":"48h","remind_after":"24h","keep_after":"0h","allow_transcript":true}`
	for name, tc := range map[string]struct{ text, want string }{
		"not json":        {`[{]`, "invalid character"},
		"empty":           {`[]`, "empty"},
		"trailing":        {"[" + good + "] x", "after the list"},
		"unknown setting": {strings.Replace("["+good+"]", `"keep_after"`, `"keep_atfer"`, 1), "keep_atfer"},
		"twice":           {"[" + good + "," + strings.Replace(good, `["1"]`, `["2"]`, 1) + "]", "twice"},
		"number twice":    {"[" + good + "," + strings.Replace(good, `"id":"a"`, `"id":"b"`, 1) + "]", "belongs to both"},
		"bad id":          {strings.Replace("["+good+"]", `"id":"a"`, `"id":"a.b"`, 1), "id must be"},
		"no basis":        {strings.Replace("["+good+"]", `"basis":"b"`, `"basis":""`, 1), "basis is missing"},
		"bad duration":    {strings.Replace("["+good+"]", `"48h"`, `"2 days"`, 1), "duration"},
		"no deadline":     {strings.Replace("["+good+"]", `"48h"`, `"0h"`, 1), "approve_within"},
		"late reminder":   {strings.Replace("["+good+"]", `"24h"`, `"49h"`, 1), "remind_after"},
		"negative keep":   {strings.Replace("["+good+"]", `"0h"`, `"-1h"`, 1), "keep_after"},
		"bad kle":         {strings.Replace("["+good+"]", `"id"`, `"kle":"1.2","id"`, 1), "kle"},
		"bad facet":       {strings.Replace("["+good+"]", `"id"`, `"facet":"1","id"`, 1), "facet"},
		"note alone": {
			strings.Replace("["+good+"]", `"allow_transcript":true`, `"allow_ai_note":true`, 1),
			"allow_transcript",
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "areas.json")
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "missing.json")); err == nil {
		t.Fatal("a missing file was accepted")
	}
}
