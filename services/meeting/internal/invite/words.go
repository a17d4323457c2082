package invite

import (
	"fmt"
	"strings"
	"time"
)

// words are what a letter says in one language. In braces stands what is filled in: {title}, {time}, {link}, {from}, {name}, {number},
// {code}, {basis}, {what}.
type words struct {
	code     string // of the language, BCP 47
	subjects map[string]string
	texts    map[string]string // short texts for a telephone, by kind
	dear     string
	greeting string
	phone    string

	invitation string // where the set-up has none
	login      string // added to it, where the meeting asks for a login
	cancelled  string
	dropped    string
	missed     string
	changed    string
	reminder   string

	dialIn  string
	without string // a computer; {what} is dialIn
	orCall  string

	transcript, note, recorded       string
	mayRefuse, same                  string // {what} is one of the next three
	askedWords, askedTape, askedBoth string
	appointment, join                string // of the actions in Digital Post
	calendarDial                     string
	when                             func(t time.Time) string
}

// in gives the words of a language: English for en, Danish for all else.
func in(language string) words {
	if language == "en" {
		return english()
	}
	return danish()
}

// fill puts values into a text: pairs of name and value.
func fill(text string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func danish() words {
	return words{
		code: "da",
		subjects: map[string]string{
			Invitation: "Invitation: {title}, {time}", Change: "Ændret: {title}, {time}", Cancellation: "Aflyst: {title}, {time}",
			Dropped:  "Du skal ikke med mere: {title}, {time}",
			Reminder: "Husk: {title}, {time}", NoShow: "Vi mødtes ikke: {title}",
		},
		texts: map[string]string{
			Invitation:   "Videomøde {time} med {from}. Dit link: {link}",
			Change:       "Dit videomøde med {from} er flyttet eller ændret: {time}. Dit link er det samme: {link}",
			Cancellation: "Dit videomøde {time} med {from} er aflyst.",
			Dropped:      "Du skal ikke længere være med i videomødet {time} med {from}. Mødet bliver holdt uden dig.",
			Reminder:     "Husk videomøde {time} med {from}. Dit link: {link}",
			NoShow:       "Vi mødtes ikke til videomødet {time}. Ring til {from} om en ny tid.",
		},
		dear: "Kære {name}\n\n", greeting: "\nVenlig hilsen\n{from}\n", phone: "Telefon {number}\n",
		invitation: "Du er inviteret til et videomøde: {title}.\n\nTid: {time}\n\nDu deltager ved at åbne dette link på telefon, tablet eller " +
			"computer. Du skal ikke installere noget:\n{link}\n\nLinket er kun til dig. Vil du hellere tales ved i telefon? Så ring til os.",
		login:     "\n\nDu skal logge ind med MitID, før mødet begynder.",
		cancelled: "Mødet \"{title}\" {time} er aflyst.\n",
		dropped: "Du skal ikke længere være med i mødet \"{title}\" {time}. Mødet bliver holdt uden dig, og dit link virker ikke mere.\n\n" +
			"Er det en fejl, så ring til os.\n",
		missed: "Vi havde et videomøde {time}: {title}. Du kom ikke på.\n\nDet gør ikke noget. Ring til os, så finder vi en ny tid, " +
			"eller vi tales ved i telefon.\n",
		changed: "Mødet er flyttet eller ændret. Dit link er det samme som før.\n\n", reminder: "Vi minder dig om mødet.\n\n",
		dialIn:  "ring til {number}, og tast koden {code}",
		without: "\nHar du ikke en computer, så {what}. Koden er kun til dig.\n", orCall: " Eller {what}.",
		transcript: "\nEt AI-system skriver ned, hvad der bliver sagt.",
		note:       " Det skriver også en kladde til et notat, som en medarbejder retter og godkender.",
		recorded:   "\nMødet bliver optaget med lyd og billede, hver person for sig. Grundlag: {basis}.\n",
		mayRefuse:  "\nDu kan sige nej til, {what}. Vi spørger dig, før du kommer ind, og du kan ændre dit svar i mødet.",
		same:       " Siger du nej, får du den samme hjælp.",
		askedWords: "at det, du siger, bliver skrevet ned", askedTape: "at du bliver optaget",
		askedBoth:   "at det, du siger, bliver skrevet ned, og til, at du bliver optaget",
		appointment: "Aftale", join: "Deltag i mødet", calendarDial: "Uden computer: {what}.",
		when: danishWhen,
	}
}

func english() words {
	return words{
		code: "en",
		subjects: map[string]string{
			Invitation: "Invitation: {title}, {time}", Change: "Changed: {title}, {time}", Cancellation: "Cancelled: {title}, {time}",
			Dropped:  "You no longer take part: {title}, {time}",
			Reminder: "Reminder: {title}, {time}", NoShow: "We did not meet: {title}",
		},
		texts: map[string]string{
			Invitation:   "Video meeting {time} with {from}. Your link: {link}",
			Change:       "Your video meeting with {from} has been moved or changed: {time}. Your link is the same: {link}",
			Cancellation: "Your video meeting {time} with {from} is cancelled.",
			Dropped:      "You no longer take part in the video meeting {time} with {from}. The meeting goes on without you.",
			Reminder:     "Remember the video meeting {time} with {from}. Your link: {link}",
			NoShow:       "We did not meet at the video meeting {time}. Call {from} for a new time.",
		},
		dear: "Dear {name}\n\n", greeting: "\nKind regards\n{from}\n", phone: "Telephone {number}\n",
		invitation: "You are invited to a video meeting: {title}.\n\nTime: {time} (Danish time)\n\nTo take part, open this link on a phone, " +
			"tablet or computer. You do not need to install anything:\n{link}\n\nThe link is only for you. Would you rather talk on the " +
			"telephone? Then call us.",
		login:     "\n\nYou have to log in with MitID before the meeting begins.",
		cancelled: "The meeting \"{title}\" {time} is cancelled.\n",
		dropped: "You no longer take part in the meeting \"{title}\" {time}. The meeting goes on without you, and your link no longer works.\n\n" +
			"Is this a mistake? Then call us.\n",
		missed: "We had a video meeting {time}: {title}. You did not come.\n\nThat is all right. Call us, and we will find a new time, " +
			"or we can talk on the telephone.\n",
		changed: "The meeting has been moved or changed. Your link is the same as before.\n\n", reminder: "This is a reminder of the meeting.\n\n",
		dialIn:  "call {number} and key in the code {code}",
		without: "\nIf you do not have a computer, {what}. The code is only for you.\n", orCall: " Or {what}.",
		transcript: "\nAn AI system writes down what is said.",
		note:       " It also drafts a note, which an employee corrects and approves.",
		recorded:   "\nThe meeting is recorded with sound and picture, each person separately. Legal basis: {basis}.\n",
		mayRefuse:  "\nYou can say no to {what}. We ask you before you come in, and you can change your answer during the meeting.",
		same:       " If you say no, you get the same help.",
		askedWords: "what you say being written down", askedTape: "being recorded",
		askedBoth:   "what you say being written down, and to being recorded",
		appointment: "Appointment", join: "Join the meeting", calendarDial: "Without a computer: {what}.",
		when: englishWhen,
	}
}

// Copenhagen is the time zone of everything that people read.
func Copenhagen() *time.Location {
	l, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return time.UTC // the programs embed time/tzdata
	}
	return l
}

var weekdays = [...]string{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"}

var months = [...]string{
	"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september", "oktober", "november", "december",
}

// danishWhen writes a time for people: "fredag den 5. december 2026 kl. 14.30".
func danishWhen(t time.Time) string {
	t = t.In(Copenhagen())
	return fmt.Sprintf("%s den %d. %s %d kl. %02d.%02d", weekdays[t.Weekday()], t.Day(), months[t.Month()-1], t.Year(), t.Hour(), t.Minute())
}

// englishWhen is the same in English: "Friday 5 December 2026 at 14:30".
func englishWhen(t time.Time) string {
	return t.In(Copenhagen()).Format("Monday 2 January 2006 at 15:04")
}
