// Package streams is the one place that says which JetStream streams there are and how long each keeps its events: a service that uses a
// stream ensures it, whoever is first, so all must say the same.
package streams

import (
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/bus"
)

// month is how long events are kept that tell pages to look again: longer than a consumer can be away.
const month = 30 * 24 * time.Hour

// Call is of conversations and their legs. What is personal in it is sealed under the conversation's key and ends with that.
func Call() bus.Stream {
	return bus.Stream{Name: callv1.Stream, Subjects: []string{callv1.StreamSubjects}}
}

// Transcript is of what was said, sealed under the conversation's key, with which it ends.
func Transcript() bus.Stream {
	return bus.Stream{Name: transcriptv1.Stream, Subjects: []string{transcriptv1.StreamSubjects}}
}

// Consent is of choices, erasures and the audit log, which the consent service keeps by its own rules.
func Consent() bus.Stream {
	return bus.Stream{Name: consentv1.Stream, Subjects: consentv1.StreamSubjects}
}

// Journal is of what happens to notes: ids only.
func Journal() bus.Stream {
	return bus.Stream{Name: journalv1.Stream, Subjects: []string{journalv1.StreamSubjects}, MaxAge: month}
}

// Inquiry is of what happens to inquiries: ids only.
func Inquiry() bus.Stream {
	return bus.Stream{Name: inquiryv1.Stream, Subjects: []string{inquiryv1.StreamSubjects}, MaxAge: month}
}

// Meeting is of what happens to meetings: ids only.
func Meeting() bus.Stream {
	return bus.Stream{Name: meetingv1.Stream, Subjects: []string{meetingv1.StreamSubjects}, MaxAge: month}
}

// Knowledge is of changes of micro-articles.
func Knowledge() bus.Stream {
	return bus.Stream{Name: knowledgev1.Stream, Subjects: []string{knowledgev1.StreamSubjects}, MaxAge: month}
}
