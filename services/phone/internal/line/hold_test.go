package line

import (
	"slices"
	"testing"
)

// TestHoldThatIsTakenBackAtOnce: whichever of two changes is told first, what is told last is how it is.
func TestHoldThatIsTakenBackAtOnce(t *testing.T) {
	var l Line
	var told []bool
	l.Hand(Hooks{Held: func(on bool) { told = append(told, on) }})
	l.held = true
	l.tellHeld()
	l.held = false // and on hold again, and back
	l.tellHeld()
	l.tellHeld()
	l.tellHeld()
	if !slices.Equal(told, []bool{true, false}) {
		t.Errorf("told %v", told)
	}
}
