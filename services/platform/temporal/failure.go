package temporal

import (
	"context"
	"errors"

	sdk "go.temporal.io/sdk/temporal"

	"samtale.dk/samtale/services/platform/errs"
)

// ToFailure turns an activity's error into what crosses to the workflow: its kind as
// the failure's type and the text for people; the wrapped cause stays here. Kinds that
// trying again cannot mend are not retried.
func ToFailure(err error) error {
	var e *errs.Error
	var k errs.Kind
	if !errors.As(err, &e) && !errors.As(err, &k) {
		return err
	}
	if errors.Is(err, context.Canceled) { // the SDK has its own way with these
		return err
	}
	opts := sdk.ApplicationErrorOptions{NonRetryable: final(errs.KindOf(err))}
	if e != nil {
		opts.NextRetryDelay = e.RetryAfter
	}
	return sdk.NewApplicationErrorWithOptions(errs.Text(err), string(errs.KindOf(err)), opts)
}

// final reports whether trying again cannot help. Conflict is final for an activity:
// the workflow decides what the newer state means.
func final(k errs.Kind) bool {
	switch k {
	case errs.Invalid, errs.Unauthenticated, errs.Denied, errs.NotFound, errs.Conflict:
		return true
	}
	return false
}
