// Package invite writes and sends what people are told about a meeting: the invitation, changes, cancellation and reminders, as
// e-mail with a calendar entry (RFC 5545), as a MeMo message for Digital Post and as a short text for NemSMS. Everything that
// is sent is kept by the caller, so that an authority without any of these can see and send it by hand.
package invite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// Kinds of a message.
const (
	Invitation   = "invitation"
	Change       = "change"
	Cancellation = "cancellation"
	Dropped      = "dropped" // one is not to come any more, and the meeting is held
	Reminder     = "reminder"
	NoShow       = "noshow"
)

// Letter is one message to one participant.
type Letter struct {
	ID       string // of this message
	Kind     string
	Meeting  meetingv1.Meeting
	To       meetingv1.Participant
	Text     string // the set-up's invitation with {title}, {time}, {link}; empty: one that fits every meeting
	Info     string // of the set-up
	Link     string // absolute; empty when there is nothing to come to
	Code     string // to key in after calling Meeting.DialNumber; empty: one does not come by telephone
	Reason   string // of a cancellation
	From     Sender
	Sequence int // of the calendar entry: more than before at each change
	Now      time.Time
}

// Sender is the authority.
type Sender struct {
	Name  string
	Email string
	Phone string
	CVR   string // of the authority, for Digital Post; empty: no MeMo message is made
}

// Mail is a letter as it is sent.
type Mail struct {
	Subject string
	Body    string
	ICS     string
	MeMo    string
	SMS     string // at most 300 characters
}

// Write makes the mail of a letter, in the language of who gets it.
func Write(l Letter) (Mail, error) {
	w := in(l.To.Language)
	m := Mail{Subject: l.fill(w, w.subjects[l.Kind]), Body: body(w, l), SMS: sms(w, l)}
	if l.Kind != NoShow {
		m.ICS = calendar(w, l)
	}
	if l.From.CVR != "" && l.Kind != NoShow {
		var err error
		m.MeMo, err = memo(w, l, m)
		if err != nil {
			return Mail{}, err
		}
	}
	return m, nil
}

// fill puts what a letter is about into a text.
func (l Letter) fill(w words, text string) string {
	return fill(text, "title", l.Meeting.Title, "time", w.when(l.Meeting.StartsAt), "link", l.Link, "from", l.From.Name, "name", l.To.Name)
}

func body(w words, l Letter) string {
	var b strings.Builder
	if l.To.Name != "" {
		b.WriteString(l.fill(w, w.dear))
	}
	switch l.Kind {
	case Cancellation:
		b.WriteString(l.fill(w, w.cancelled))
		if l.Reason != "" {
			fmt.Fprintf(&b, "\n%s\n", l.Reason)
		}
	case Dropped:
		b.WriteString(l.fill(w, w.dropped))
	case NoShow:
		b.WriteString(l.fill(w, w.missed))
	default:
		if l.Kind == Change {
			b.WriteString(w.changed)
		}
		if l.Kind == Reminder {
			b.WriteString(w.reminder)
		}
		b.WriteString(l.fill(w, invitation(w, l)))
		b.WriteString("\n")
		if l.Code != "" {
			b.WriteString(fill(w.without, "what", dialIn(w, l)))
		}
		b.WriteString(chosen(w, l))
		if l.Info != "" && l.To.Role == meetingv1.RoleCitizen {
			fmt.Fprintf(&b, "\n%s\n", l.Info)
		}
	}
	b.WriteString(l.fill(w, w.greeting))
	if l.From.Phone != "" {
		b.WriteString(fill(w.phone, "number", l.From.Phone))
	}
	return b.String()
}

// invitation is the set-up's text, or the one that fits every meeting.
func invitation(w words, l Letter) string {
	if l.Text != "" {
		return l.Text
	}
	if l.Meeting.Identity != "" && l.To.Role == meetingv1.RoleCitizen {
		return w.invitation + w.login
	}
	return w.invitation
}

// chosen tells what of the meeting is to be kept, and what one can say no to; empty: nothing is.
func chosen(w words, l Letter) string {
	c := l.Meeting.Choices
	var b strings.Builder
	if c.Transcript {
		b.WriteString(w.transcript)
		if c.AINote {
			b.WriteString(w.note)
		}
		b.WriteString("\n")
	}
	if c.Recording {
		b.WriteString(fill(w.recorded, "basis", strings.TrimSuffix(c.Basis, ".")))
	}
	if b.Len() == 0 || l.To.Role == meetingv1.RoleCaseworker || l.To.Role == meetingv1.RoleColleague { // they are at work
		return b.String()
	}
	asked := w.askedWords
	switch {
	case c.Transcript && c.Recording:
		asked = w.askedBoth
	case c.Recording:
		asked = w.askedTape
	}
	b.WriteString(fill(w.mayRefuse, "what", asked))
	if l.To.Role == meetingv1.RoleCitizen || l.To.Role == meetingv1.RoleCompanion {
		b.WriteString(w.same)
	}
	b.WriteString("\n")
	return b.String()
}

// dialIn tells how to come by telephone.
func dialIn(w words, l Letter) string {
	code := l.Code
	if len(code) == 9 {
		code = code[:3] + " " + code[3:6] + " " + code[6:]
	}
	return fill(w.dialIn, "number", l.Meeting.DialNumber, "code", code)
}

// sms says only what must be known; it names no subject, for others may see the screen.
func sms(w words, l Letter) string {
	text := l.fill(w, w.texts[l.Kind])
	if l.Code != "" {
		text += fill(w.orCall, "what", dialIn(w, l))
	}
	return text
}

// Way is how mail reaches people.
type Way interface {
	// Name says which: smtp, memo, nemsms, outbox.
	Name() string
	// Send delivers it, or says why not. It may be called again for the same letter.
	Send(ctx context.Context, id string, l Letter, m Mail) error
}

// Kept is the way that sends nothing: what was written is seen on the desk's own page.
type Kept struct{}

// Name implements Way.
func (Kept) Name() string { return "outbox" }

// Send implements Way.
func (Kept) Send(context.Context, string, Letter, Mail) error { return nil }
