package portal

import "testing"

// A form that comes back to be corrected is heard first: the title says so, and the focus is on what is wrong.
func TestFormsWithErrorsAreHeardFirst(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/henvendelse")
	b.click(".h-send")
	b.until(`document.querySelector(".alert-error") !== null && document.readyState === "complete"`)
	b.until(`document.activeElement.matches(".alert-error")`)
	if got := eval[string](b, `document.title`); got != "Ret fejl: Tal med et menneske – Samtale" {
		t.Errorf("the title is %q", got)
	}
	b.axe("handover with errors")
	b.narrow("handover with errors")
}
