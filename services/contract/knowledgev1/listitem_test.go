package knowledgev1

import "testing"

func TestListItem(t *testing.T) {
	for line, want := range map[string][2]int{
		"- pas": {2, 0}, "1) Log ind": {3, 1}, "12) Send": {4, 12}, "999) Slut": {5, 999}, "-pas": {}, "": {}, "1) ": {3, 1}, "1)": {},
		"0) Nul": {}, "01) Et": {}, "+1) Et": {}, "-1) Et": {}, "1000) Et": {}, "2025) Året": {}, "1. Log ind": {}, "3. december 2025": {}, "(1) Et": {}, "a) Et": {}, "1 ) Et": {},
		"Loven (nr. 1) gælder": {},
	} {
		if marker, number := ListItem(line); marker != want[0] || number != want[1] {
			t.Errorf("%q: %d bytes, number %d", line, marker, number)
		}
	}
	for number, want := range map[int]string{1: "1) ", 999: "999) ", 0: "- ", -3: "- ", 1000: "- "} {
		if got := NumberedItem(number); got != want {
			t.Errorf("%d: %q", number, got)
		}
	}
}
