package main

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
)

func TestParseBench(t *testing.T) {
	out := "goos: linux\nBenchmarkSpeech/search-2 \t 100\t 210.5 ns/op\t 0.0105 of-real-time\t 0 B/op\nBenchmarkOther \t 7\t 3 ns/op\nPASS\n"
	want := map[string]map[string]float64{
		"Speech/search": {"ns/op": 210.5, "of-real-time": 0.0105, "B/op": 0},
		"Other":         {"ns/op": 3},
	}
	if d := cmp.Diff(want, parseBench([]byte(out))); d != "" {
		t.Error(d)
	}
}

func TestNumber(t *testing.T) {
	for _, tt := range []struct {
		v    float64
		want string
	}{{0, "0"}, {0.0044, "0.0044"}, {2.345, "2.35"}, {35.17, "35.2"}, {568.4, "568"}, {120000, "120000"}} {
		if got := number(tt.v); got != tt.want {
			t.Errorf("number(%v) = %q, want %q", tt.v, got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	err := printTable(&b, machine{CPU: "abacus"}, []row{
		{What: "low", Budget: "≤ 5 s", Value: 3, Limit: 5, Unit: "s", Baseline: &baseline{"nothing", 2}, By: "cmd"},
		{What: "high", Budget: "≤ 5 s", Value: 6, Limit: 5, Unit: "s"},
		{What: "many", Budget: "≥ 500", Value: 600, Limit: 500, AtLeast: true},
		{What: "told", Value: 9},
		{What: "later", Budget: "≤ 1", Missing: "not built yet"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(b.String(), "\n")[3:]
	for i, want := range [][]string{
		{"low [1]", "≤ 5 s", "3.00 s", "within", "2.00 s (×1.5)", "cmd"},
		{"high", "6.00 s", "BROKEN"},
		{"many", "within"},
		{"told", "9.00"},
		{"later", "not built yet"},
	} {
		for _, w := range want {
			if !strings.Contains(got[i], w) {
				t.Errorf("row %q lacks %q", got[i], w)
			}
		}
	}
	if strings.Contains(got[3], "within") || strings.Contains(got[4], "within") {
		t.Errorf("rows without budget or figure are judged:\n%s", b.String())
	}
	if !strings.Contains(b.String(), "[1] Baseline: nothing.") {
		t.Errorf("no note of the baseline:\n%s", b.String())
	}
}

// A frame tells which packet it came from after A-law and the filter to 16 kHz.
func TestMarksAreRecognised(t *testing.T) {
	phones, err := newTelephones(1)
	if err != nil {
		t.Fatal(err)
	}
	defer phones.close()
	up := resample.New(8000, pcm.Rate)
	payloads := marks()
	narrow, wide := make([]int16, 160), make([]int16, up.Len(160))
	for k := range int64(100) {
		phones.sent[0][k%times].Store(1000 + k)
		phones.last[0].Store(k)
		g711.DecodeALaw(narrow, payloads[k%levels])
		at, ok := phones.sentAt(0, wide[:up.Process(wide, narrow)])
		if !ok || at.UnixNano() != 1000+k {
			t.Fatalf("packet %d was taken for one sent at %d (known: %v)", k, at.UnixNano()-1000, ok)
		}
	}
}

func TestOlderPacketIsRecognised(t *testing.T) {
	phones := &telephones{sent: make([][times]atomic.Int64, 1), last: make([]atomic.Int64, 1)}
	for k := range int64(100) {
		phones.sent[0][k%times].Store(k + 1)
	}
	phones.last[0].Store(99)
	frame := make([]int16, pcm.FrameSamples)
	for i := range frame {
		frame[i] = level(96 % levels)
	}
	if at, ok := phones.sentAt(0, frame); !ok || at.UnixNano() != 97 {
		t.Errorf("three packets back: %v %v", at.UnixNano(), ok)
	}
	clear(frame)
	if _, ok := phones.sentAt(0, frame); ok {
		t.Error("silence was taken for a mark")
	}
}

func TestUtteranceEndsInSpeech(t *testing.T) {
	u, err := utterance(utteranceFrames)
	if err != nil {
		t.Fatal(err)
	}
	if len(u) != utteranceFrames*pcm.FrameSamples || !isVoiced(u[len(u)-pcm.FrameSamples:]) {
		t.Errorf("%d samples, last frame at %.0f dBov", len(u), pcm.Level(u[len(u)-pcm.FrameSamples:]))
	}
}

func TestAssign(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(0, int64(s*1e9)) }
	got := assign([]time.Time{at(1), at(3), at(5)}, []said{
		{at: at(0.5), final: true},
		{at: at(1.2)},
		{at: at(1.5), final: true},
		{at: at(1.7), final: true},
		{at: at(5.8), final: true},
	})
	want := []time.Duration{700 * time.Millisecond, 800 * time.Millisecond}
	if d := cmp.Diff(want, got.all); d != "" || got.missing != 1 {
		t.Errorf("%s missing %d, want 1", d, got.missing)
	}
}

func TestEventsOfTheDesk(t *testing.T) {
	e := &ear{events: make(chan said, 8), states: make(chan string, 8)}
	e.read(strings.NewReader(": samtale\nretry: 1000\n\n" +
		"event: call\ndata: {\"state\":\"message\"}\n\n" +
		"event: partial\ndata: {\"words\":[]}\n\n" +
		"event: partial\ndata: {\"words\":[{\"text\":\"goddag\"}]}\n\n" +
		"id: 7\nevent: final\ndata: {\"words\":[{\"text\":\"goddag\"},{\"text\":\"igen\"}]}\n\n"))
	if s := <-e.states; s != "message" {
		t.Errorf("state %q", s)
	}
	got := e.heard()
	if len(got) != 2 || got[0].final || !got[1].final || got[1].words != 2 {
		t.Errorf("heard %+v", got)
	}
	if e.lastID() != "7" {
		t.Errorf("last id %q, want 7", e.lastID())
	}
}

func TestChoose(t *testing.T) {
	got, err := choose("recovery,legs")
	if err != nil || len(got) != 2 || got[0].name != "recovery" {
		t.Errorf("%v %v", got, err)
	}
	if _, err := choose("nothing"); err == nil || !strings.Contains(err.Error(), "standalone") {
		t.Errorf("error %v names no groups", err)
	}
}

func TestQuantile(t *testing.T) {
	var d []time.Duration
	for i := range 100 {
		d = append(d, time.Duration(i+1))
	}
	for q, want := range map[float64]time.Duration{.99: 99, .5: 50, 1: 100, 0: 1} {
		if got := quantile(d, q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	if got := quantile(d[:1], .99); got != 1 {
		t.Errorf("of one: %d", got)
	}
}
