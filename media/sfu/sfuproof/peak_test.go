package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// The day has the people and meetings that there were, about as long; the busiest moment is in the morning and less than all.
func TestDay(t *testing.T) {
	people, minutes := 0, 0.0
	all := day(1)
	for _, m := range all {
		people += m.people
		minutes += (m.end - m.begin).Minutes()
		if m.people < 2 || m.end <= m.begin {
			t.Fatalf("meeting %+v", m)
		}
	}
	if len(all) != peakMeetings || people != peakParticipants || math.Abs(minutes/peakMinutes-1) > 0.03 {
		t.Errorf("%d meetings, %d people, %.0f minutes", len(all), people, minutes)
	}
	x := busiest(all)
	if x.at.Hours() < 9 || x.at.Hours() > 12 || x.meetings < 500 || x.meetings > 2500 || x.people < 2*x.meetings {
		t.Errorf("busiest %+v", x)
	}
}

func TestBusiest(t *testing.T) {
	x := busiest([]booked{{1, 10, 2}, {5, 20, 3}, {10, 30, 2}})
	if x.meetings != 2 || x.people != 5 || x.in != 5*320 || x.out != 8*230 {
		t.Errorf("%+v", x)
	}
	var b bytes.Buffer
	peak(&b, 10, 5, 8)
	if !strings.Contains(b.String(), "nodes of 8 cores") {
		t.Error(b.String())
	}
}
