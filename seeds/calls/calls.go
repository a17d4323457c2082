// Package calls holds the demo conversations: what is said by whom (JSON), and the
// citizen's part as sound (A-law, 8 kHz) for machines without espeak-ng. It is data
// only. All people, numbers and cases are made up; the CPR number belongs to an
// official test person, and telephone numbers beginning with 12 are not in use.
package calls

import "embed"

// Files are the demo conversations.
//
//go:embed *.json *.al
var Files embed.FS
