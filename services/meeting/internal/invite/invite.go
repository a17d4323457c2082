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
	Reminder     = "reminder"
	NoShow       = "noshow"
)

// Letter is one message to one participant.
type Letter struct {
	ID       string // of this message
	Kind     string
	Meeting  meetingv1.Meeting
	To       meetingv1.Participant
	Text     string // the set-up's invitation with {title}, {time}, {link}
	Info     string // of the set-up
	Link     string // absolute; empty in a cancellation
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

// Write makes the mail of a letter. Its texts are Danish, as the invitation's own are.
func Write(l Letter) (Mail, error) {
	m := Mail{Subject: subject(l), Body: body(l), SMS: sms(l)}
	if l.Kind != NoShow {
		m.ICS = calendar(l)
	}
	if l.From.CVR != "" && l.Kind != NoShow {
		var err error
		m.MeMo, err = memo(l, m)
		if err != nil {
			return Mail{}, err
		}
	}
	return m, nil
}

func subject(l Letter) string {
	when := When(l.Meeting.StartsAt)
	switch l.Kind {
	case Change:
		return "Ændret: " + l.Meeting.Title + ", " + when
	case Cancellation:
		return "Aflyst: " + l.Meeting.Title + ", " + when
	case Reminder:
		return "Husk: " + l.Meeting.Title + ", " + when
	case NoShow:
		return "Vi mødtes ikke: " + l.Meeting.Title
	default:
		return "Invitation: " + l.Meeting.Title + ", " + when
	}
}

func body(l Letter) string {
	var b strings.Builder
	if l.To.Name != "" {
		fmt.Fprintf(&b, "Kære %s\n\n", l.To.Name)
	}
	switch l.Kind {
	case Cancellation:
		fmt.Fprintf(&b, "Mødet \"%s\" %s er aflyst.\n", l.Meeting.Title, When(l.Meeting.StartsAt))
		if l.Reason != "" {
			fmt.Fprintf(&b, "\n%s\n", l.Reason)
		}
	case NoShow:
		fmt.Fprintf(&b, "Vi havde et videomøde %s: %s. Du kom ikke på.\n\nDet gør ikke noget. Ring til os, så finder vi en ny tid, eller vi tales ved i telefon.\n",
			When(l.Meeting.StartsAt), l.Meeting.Title)
	default:
		if l.Kind == Change {
			b.WriteString("Mødet er flyttet eller ændret. Dit link er det samme som før.\n\n")
		}
		if l.Kind == Reminder {
			b.WriteString("Vi minder dig om mødet.\n\n")
		}
		b.WriteString(strings.NewReplacer("{title}", l.Meeting.Title, "{time}", When(l.Meeting.StartsAt), "{link}", l.Link).Replace(l.Text))
		b.WriteString("\n")
		if l.Code != "" {
			fmt.Fprintf(&b, "\nHar du ikke en computer, så %s. Koden er kun til dig.\n", dialIn(l))
		}
		b.WriteString(chosen(l))
		if l.Info != "" && l.To.Role == meetingv1.RoleCitizen {
			fmt.Fprintf(&b, "\n%s\n", l.Info)
		}
	}
	fmt.Fprintf(&b, "\nVenlig hilsen\n%s\n", l.From.Name)
	if l.From.Phone != "" {
		fmt.Fprintf(&b, "Telefon %s\n", l.From.Phone)
	}
	return b.String()
}

// chosen tells what of the meeting is to be kept, and what one can say no to; empty: nothing is.
func chosen(l Letter) string {
	c := l.Meeting.Choices
	var b strings.Builder
	if c.Transcript {
		b.WriteString("\nEt AI-system skriver ned, hvad der bliver sagt.")
		if c.AINote {
			b.WriteString(" Det skriver også en kladde til et notat, som en medarbejder retter og godkender.")
		}
		b.WriteString("\n")
	}
	if c.Recording {
		fmt.Fprintf(&b, "\nMødet bliver optaget med lyd og billede, hver person for sig. Grundlag: %s.\n", strings.TrimSuffix(c.Basis, "."))
	}
	if b.Len() == 0 || l.To.Role == meetingv1.RoleCaseworker || l.To.Role == meetingv1.RoleColleague { // they are at work
		return b.String()
	}
	asked := "at det, du siger, bliver skrevet ned"
	switch {
	case c.Transcript && c.Recording:
		asked += ", og til, at du bliver optaget"
	case c.Recording:
		asked = "at du bliver optaget"
	}
	fmt.Fprintf(&b, "\nDu kan sige nej til, %s. Vi spørger dig, før du kommer ind, og du kan ændre dit svar i mødet.", asked)
	if l.To.Role == meetingv1.RoleCitizen || l.To.Role == meetingv1.RoleCompanion {
		b.WriteString(" Siger du nej, får du den samme hjælp.")
	}
	b.WriteString("\n")
	return b.String()
}

// dialIn tells how to come by telephone.
func dialIn(l Letter) string {
	code := l.Code
	if len(code) == 9 {
		code = code[:3] + " " + code[3:6] + " " + code[6:]
	}
	return fmt.Sprintf("ring til %s, og tast koden %s", l.Meeting.DialNumber, code)
}

// sms says only what must be known; it names no subject, for others may see the screen.
func sms(l Letter) string {
	when := When(l.Meeting.StartsAt)
	switch l.Kind {
	case Cancellation:
		return fmt.Sprintf("Dit videomøde %s med %s er aflyst.", when, l.From.Name)
	case NoShow:
		return fmt.Sprintf("Vi mødtes ikke til videomødet %s. Ring til %s om en ny tid.", when, l.From.Name)
	case Reminder:
		return fmt.Sprintf("Husk videomøde %s med %s. Dit link: %s%s", when, l.From.Name, l.Link, orCall(l))
	case Change:
		return fmt.Sprintf("Dit videomøde med %s er flyttet eller ændret: %s. Dit link er det samme: %s%s", l.From.Name, when, l.Link, orCall(l))
	default:
		return fmt.Sprintf("Videomøde %s med %s. Dit link: %s%s", when, l.From.Name, l.Link, orCall(l))
	}
}

func orCall(l Letter) string {
	if l.Code == "" {
		return ""
	}
	return " Eller " + dialIn(l) + "."
}

var weekdays = [...]string{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"}

var months = [...]string{
	"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september", "oktober", "november", "december",
}

// Copenhagen is the time zone of everything that people read.
func Copenhagen() *time.Location {
	l, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return time.UTC // the programs embed time/tzdata
	}
	return l
}

// When writes a time for people: "fredag den 5. december 2026 kl. 14.30".
func When(t time.Time) string {
	t = t.In(Copenhagen())
	return fmt.Sprintf("%s den %d. %s %d kl. %02d.%02d", weekdays[t.Weekday()], t.Day(), months[t.Month()-1], t.Year(), t.Hour(), t.Minute())
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
