package errs

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestKinds(t *testing.T) {
	cause := errors.New("row 7")
	for _, tt := range []struct {
		name string
		err  error
		kind Kind
		text string
	}{
		{"nil", nil, "", ""},
		{"plain", cause, Internal, defaultText(Internal)},
		{"bare kind", NotFound, NotFound, defaultText(NotFound)},
		{"wrapped bare kind", fmt.Errorf("load: %w", Denied), Denied, defaultText(Denied)},
		{"with text", E(Invalid, "Ret datoen.", cause), Invalid, "Ret datoen."},
		{"wrapped with text", fmt.Errorf("save: %w", E(Conflict, "Hent igen.", cause)), Conflict, "Hent igen."},
		{"no text", E(Limited, "", nil), Limited, defaultText(Limited)},
		{"the outermost counts", E(Unavailable, "", E(NotFound, "x", nil)), Unavailable, defaultText(Unavailable)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := KindOf(tt.err); got != tt.kind {
				t.Errorf("kind %q, want %q", got, tt.kind)
			}
			if tt.err == nil {
				return
			}
			if got := Text(tt.err); got != tt.text {
				t.Errorf("text %q, want %q", got, tt.text)
			}
		})
	}
}

func TestIsFindsKindAndCause(t *testing.T) {
	cause := errors.New("row 7")
	err := fmt.Errorf("load note: %w", E(NotFound, "", cause))
	if !errors.Is(err, NotFound) || !errors.Is(err, cause) {
		t.Fatal("kind or cause is hidden")
	}
	if errors.Is(err, Conflict) {
		t.Fatal("another kind fits too")
	}
	var e *Error
	if !errors.As(err, &e) || e.RetryAfter != 0*time.Second {
		t.Fatal("not an *Error")
	}
}

// Every kind has a text of its own: a person must never see another kind's advice.
func TestEveryKindHasText(t *testing.T) {
	seen := map[string]Kind{}
	for _, k := range []Kind{Invalid, Unauthenticated, Denied, NotFound, Conflict, Limited, Unavailable, Internal} {
		if !k.Known() {
			t.Errorf("%s is not known", k)
		}
		text := defaultText(k)
		if other, ok := seen[text]; ok {
			t.Errorf("%s and %s have the same text", k, other)
		}
		seen[text] = k
	}
	if Kind("newer").Known() {
		t.Error("an unknown kind is known")
	}
}
