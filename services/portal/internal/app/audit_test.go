package app

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/portal/internal/texts"
)

// A file of the log that does not hold all that was found says so in its last line.
func TestExportSaysWhereItEnds(t *testing.T) {
	pages := map[string]consentv1.AuditPage{
		"":  {Entries: make([]consentv1.Audit, 2), Next: "2"},
		"2": {Entries: make([]consentv1.Audit, 2), Next: "4"},
		"4": {Entries: make([]consentv1.Audit, 1)},
	}
	for _, tt := range []struct {
		name  string
		lines int
		away  string // this page does not come
		want  int
		last  string // of the last line; "": an entry
	}{
		{name: "all", lines: 6, want: 5},
		{name: "just all", lines: 5, want: 5},
		{name: "the end of a page", lines: 4, want: 4, last: "højst have 4 linjer"},
		{name: "the middle of a page", lines: 3, want: 3, last: "højst have 3 linjer"},
		{name: "the rest is away", lines: 6, away: "4", want: 4, last: "Prøv igen"},
	} {
		var b bytes.Buffer
		err := writeAudit(&b, texts.For(texts.Danish), pages[""], tt.lines, func(after string) (consentv1.AuditPage, error) {
			if after == tt.away {
				return consentv1.AuditPage{}, errors.New("away")
			}
			return pages[after], nil
		})
		if err != nil {
			t.Fatal(err)
		}
		in := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff")))
		in.Comma, in.FieldsPerRecord = ';', -1
		rows, err := in.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		n, last := len(rows)-1, rows[len(rows)-1]
		if tt.last != "" {
			n--
			if len(last) != 1 || !strings.Contains(last[0], tt.last) {
				t.Errorf("%s: ends with %q", tt.name, last)
			}
		} else if len(last) != 6 {
			t.Errorf("%s: ends with %q", tt.name, last)
		}
		if n != tt.want {
			t.Errorf("%s: %d entries, want %d", tt.name, n, tt.want)
		}
	}
}
