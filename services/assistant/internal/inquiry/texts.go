package inquiry

import (
	"fmt"
	"strings"
)

// Languages that the citizen reads; everything else is Danish.
const english = "en"

// What the citizen reads between the messages. Each is Danish, then English.
type text struct{ da, en string }

func (t text) in(language string, args ...any) string {
	f := t.da
	if language == english {
		f = t.en
	}
	if len(args) == 0 {
		return f
	}
	return fmt.Sprintf(f, args...)
}

// The system's messages in a chat.
func saidClaimed() text {
	return text{"%s har taget din henvendelse.", "%s has taken your inquiry."}
}

func saidReleased() text {
	return text{
		"Medarbejderen kunne ikke blive. Du er tilbage i køen og beholder din plads.",
		"The caseworker could not stay. You are back in the queue and keep your place.",
	}
}

func saidForwarded() text {
	return text{"Din henvendelse er givet videre til %s. Du skal ikke gøre noget.", "Your inquiry was passed on to %s. You need not do anything."}
}

func saidColleague() text {
	return text{"Din henvendelse er givet videre til en kollega. Du skal ikke gøre noget.", "Your inquiry was passed on to a colleague. You need not do anything."}
}

func saidAuthority() text {
	return text{
		"Din henvendelse hører til hos %s. Kontakt dem her: %s. Vi kan ikke gøre mere her.",
		"Your inquiry belongs to %s. Contact them here: %s. There is nothing more that we can do here.",
	}
}

func saidEscalated() text {
	return text{
		"Ingen har nået at tage din henvendelse. Vi har bedt flere om at hjælpe. Du beholder din plads.",
		"Nobody has had time for your inquiry yet. We have asked more colleagues to help. You keep your place.",
	}
}

func saidCalled() text { return text{"Vi har ringet dig op.", "We have called you."} }

func saidVideo() text {
	return text{"Videomødet er klar. Linket står på denne side.", "The video meeting is ready. The link is on this page."}
}

func saidQuiet() text {
	return text{
		"Det ser ud til, at du er gået. Samtalen bliver liggende. Du kan fortsætte her eller på en anden enhed med dit kvitteringsnummer.",
		"You seem to have left. The conversation stays. You can go on here or on another device with your receipt number.",
	}
}

func saidClosed() text {
	return text{
		"Samtalen er afsluttet, fordi ingen har skrevet i tre dage. Du kan altid lave en ny henvendelse.",
		"The conversation has ended, because nobody has written for three days. You can always make a new inquiry.",
	}
}

func saidEnded() text { return text{"Henvendelsen er afsluttet.", "The inquiry has ended."} }

func saidWithdrawn() text {
	return text{"Du har trukket din henvendelse tilbage.", "You have withdrawn your inquiry."}
}

func someone() text { return text{"En medarbejder", "A caseworker"} }

// What people are told when something cannot be done.
const (
	textTaken     = "En kollega har allerede taget henvendelsen."
	textOver      = "Henvendelsen er afsluttet."
	textSent      = "Henvendelsen er sendt allerede. Brug kvitteringsnummeret for at se den, eller begynd forfra."
	textNotYours  = "Tag henvendelsen først."
	textCallFirst = "Du har ikke ringet op endnu. Ring til borgeren, eller giv henvendelsen videre."
	textReceipt   = "Vi kan ikke finde en henvendelse med det nummer. Se efter, om det er skrevet rigtigt. Numre virker, til 30 dage efter at henvendelsen er afsluttet."
	textTooMany   = "Der er skrevet meget i denne samtale. Vent, til en medarbejder svarer."
	textArea      = "Vælg, hvilket område henvendelsen hører til."
	textChannel   = "Vælg, om du vil chatte, ringes op eller mødes på video."
	textSummary   = "Skriv kort, hvad det handler om. Højst 4000 tegn."
	textPhone     = "Skriv det telefonnummer, som vi skal ringe til, med mindst 8 cifre."
	textField     = "En af oplysningerne er for lang."
	textMessage   = "Skriv en besked på højst 4000 tegn."
	textForward   = "Vælg ét sted at give henvendelsen videre til, og skriv hvorfor."
	textSameArea  = "Henvendelsen ligger allerede i det område."
	textAuthority = "Skriv både myndighedens navn, og hvordan borgeren kontakter den."
	textVideo     = "Skriv mødets adresse. Den skal begynde med https://."
)

// suggestion is the summary that the citizen starts from: plain, in the first person, from masked questions.
func suggestion(language string, asked []string, title string, answered bool) string {
	if len(asked) == 0 {
		return ""
	}
	quoted := make([]string, len(asked))
	for i, q := range asked {
		quoted[i] = "»" + strings.TrimSpace(q) + "«"
	}
	lines := []string{text{"Jeg har spurgt assistenten: %s", "I have asked the assistant: %s"}.in(language, strings.Join(quoted, " "))}
	switch {
	case !answered:
		lines = append(lines, text{"Det fik jeg ikke svar på.", "I did not get an answer to that."}.in(language))
	case title != "":
		lines = append(lines, text{"Jeg har læst svaret om »%s«.", "I have read the answer about »%s«."}.in(language, title))
	}
	return strings.Join(append(lines, text{"Jeg vil gerne have hjælp af en medarbejder.", "I would like help from a caseworker."}.in(language)), "\n")
}
