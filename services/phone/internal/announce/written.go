package announce

import "strings"

// VersionWritten is the version of the wording for those who read.
const VersionWritten = Version + InWriting

// InWriting comes after the version of a wording, in either language, for those who read.
const InWriting = "-text"

// The announcements that only those get who read: who hears, hears it.
const (
	Answered ID = "answered"
	Back     ID = "back"      // from hold
	TextOver ID = "text-over" // to the caseworker
	// Who reads what is typed, when somebody else comes or goes.
	Consulted     ID = "consulted"   // to who was called beside
	Three         ID = "three"       // the two others
	ThreeUnread   ID = "threeunread" // only the caseworker
	Two           ID = "two"         // the third one has gone
	Moved         ID = "moved"       // somebody else, to whom the citizen was moved
	Unread        ID = "unread"      // the same without text
	Citizen       ID = "citizen"     // the citizen, who was moved to the reader
	CitizenUnread ID = "citizenunread"

	// Captions: what is said, as text.
	CaptionsOffer  ID = "captions-offer"  // how to get them
	CaptionsOn     ID = "captions-on"     // they come from now on
	CaptionsOff    ID = "captions-off"    // they were turned off
	CaptionsWait   ID = "captions-wait"   // there is no yes to writing down
	CaptionsNone   ID = "captions-none"   // nothing is written down here
	CaptionsPaused ID = "captions-paused" // for a while nothing is

	MeetingCaptionsOffer ID = "meeting-captions-offer"
	MeetingCaptions      ID = "meeting-captions"   // they come from now on
	MeetingNoCaptions    ID = "meeting-nocaptions" // the meeting is not written down

	MeetingAnswer ID = "meeting-answer" // what was typed is no answer
	MeetingSaid   ID = "meeting-said"   // what was typed in the lobby is seen
)

// Written are the words of an announcement for real-time text: what can be keyed can be typed. Empty: there is none.
func Written(id ID) string {
	switch id {
	case Welcome:
		return "Velkommen. Du bliver stillet om til en medarbejder. Du kan skrive hele samtalen."
	case Ask:
		return "Samtalen kan blive gemt som tekst af et system med kunstig intelligens, så medarbejderen kan skrive et notat. " +
			"Ingen optager lyden, og et menneske godkender notatet. " +
			"Skriv 1 eller ja, hvis du siger ja. Skriv 2 eller nej, hvis du siger nej. Du får den samme hjælp."
	case OfferMessage:
		return "Vil du ikke vente, så skriv 9 og læg en besked. Så kontakter vi dig."
	case Message:
		return "Du kan nu skrive en besked, så kontakter vi dig. " +
			"Beskeden bliver behandlet af et system med kunstig intelligens og læst af en medarbejder. " +
			"Vil du ikke det, så læg på nu. Skriv # på en linje for sig, når du er færdig."
	case Answered:
		return "En medarbejder har taget din samtale. Du kan skrive nu."
	case Back:
		return "Medarbejderen er tilbage."
	case TextOver:
		return "Der er ikke længere tekst i samtalen: Den telefon, der er med nu, kan ikke vise det, du skriver."
	case Consulted:
		return "En medarbejder har ringet dig op. I kan skrive sammen nu."
	case Three:
		return "I er tre i samtalen nu. De to andre kan læse, hvad du skriver."
	case ThreeUnread:
		return "I er tre i samtalen nu. Kun medarbejderen kan læse, hvad du skriver."
	case Two:
		return "Den tredje har forladt samtalen. Medarbejderen kan læse, hvad du skriver."
	case Moved:
		return "Du er stillet om til en anden, som kan læse, hvad du skriver."
	case Unread:
		return "Du er stillet om til en anden, som ikke kan læse, hvad du skriver."
	case Citizen:
		return "Medarbejderen har forladt samtalen. Borgeren kan læse, hvad du skriver."
	case CitizenUnread:
		return "Medarbejderen har forladt samtalen. Borgeren kan ikke læse, hvad du skriver."

	case CaptionsOffer:
		return "Vil du kunne læse, hvad de andre siger, så tast 3, eller skriv tekst på en linje for sig. Det kræver, at samtalen må skrives ned."
	case CaptionsOn:
		return "Tekstning er slået til. Et system med kunstig intelligens skriver, hvad de andre siger, og kan høre forkert. " +
			"Tast 3, eller skriv tekst igen for at slå det fra."
	case CaptionsOff:
		return "Tekstning er slået fra."
	case CaptionsWait:
		return "Der kommer kun tekstning, når samtalen bliver skrevet ned, og det er der ikke sagt ja til. Siger du ja til det, så skriv det."
	case CaptionsNone:
		return "Der kommer ingen tekstning nu, for samtalen bliver ikke skrevet ned."
	case CaptionsPaused:
		return "Medarbejderen har sat nedskrivningen på pause. Så længe kommer der ingen tekstning."

	case MeetingWelcome:
		return "Velkommen til møder på telefon. Skriv koden på ni cifre fra din invitation."
	case MeetingWrong:
		return "Koden passer ikke. Skriv den igen."
	case MeetingZero:
		return "Har du ikke koden, så skriv 0 på en linje for sig."
	case MeetingAsk:
		return "Mødet kan blive gemt som tekst af et system med kunstig intelligens. Et menneske godkender notatet. " +
			"Skriv 1 eller ja, hvis det, du siger og skriver, må gemmes. Skriv 2 eller nej, hvis du siger nej. Du får den samme hjælp."
	case MeetingAnswer:
		return "Skriv 1 for ja eller 2 for nej."
	case MeetingLobby:
		return "Vent, til du bliver lukket ind. Skriv 0 på en linje for sig, hvis du har brug for hjælp. " +
			"Andet, du skriver her, kan mødelederen læse."
	case MeetingSaid:
		return "Det kan mødelederen læse."
	case MeetingTold:
		return "Mødelederen ved, at du venter. Læg ikke på."
	case MeetingIn:
		return "Du er med i mødet nu. Fra nu af kan alle i mødet læse det, du skriver. Tast 1 på telefonen for at slå din mikrofon fra og til."
	case MeetingKeys:
		return "Tast 1 for at slå din mikrofon fra og til, 0 hvis du har brug for hjælp, 2 hvis det, du siger og skriver, ikke må gemmes mere, " +
			"og 3 for at slå tekstning til og fra."
	case MeetingCaptionsOffer:
		return "Vil du kunne læse, hvad de andre siger, så tast 3. Du kan også skrive tekst på en linje for sig, men det kan de andre se."
	case MeetingCaptions:
		return "Tekstning er slået til. Et system med kunstig intelligens skriver, hvad de andre siger, og kan høre forkert. " +
			"Det gælder kun dem, der har sagt ja til at blive skrevet ned, og ikke i pauser. Tast 3 for at slå det fra."
	case MeetingNoCaptions:
		return "Der kommer ingen tekstning, for mødet bliver ikke skrevet ned."
	case MeetingLost:
		return "Forbindelsen til mødet er væk et øjeblik. Læg ikke på."
	case MeetingJoin:
		return "Skriv 1 eller ja for at være med, eller læg på."
	case MeetingJoinAsk:
		return "Mødet kan blive gemt som tekst af et system med kunstig intelligens. Et menneske godkender notatet. " +
			"Skriv 1 eller ja for at være med og sige ja til det. Skriv 2 eller nej for at være med, uden at det, du siger og skriver, bliver gemt. " +
			"Eller læg på."
	}
	return Texts()[id]
}

// WrittenIn are the words in a language, Danish where there are none.
func WrittenIn(language string, id ID) string {
	if language != English {
		return Written(id)
	}
	switch id {
	case MeetingWelcome:
		return "Welcome to meetings by telephone. Type the nine digits of the code in your invitation."
	case MeetingWrong:
		return "The code does not fit. Type it again."
	case MeetingZero:
		return "If you do not have the code, type 0 on a line of its own."
	case MeetingAsk:
		return "The meeting may be kept as text by an artificial intelligence system. A person approves the note. " +
			"Type 1 or yes if what you say and type may be kept. Type 2 or no if you say no. You get the same help."
	case MeetingAnswer:
		return "Type 1 for yes or 2 for no."
	case MeetingLobby:
		return "Please wait until you are let in. Type 0 on a line of its own if you need help. " +
			"Whoever leads the meeting can read anything else that you type here."
	case MeetingSaid:
		return "Whoever leads the meeting can read that."
	case MeetingIn:
		return "You are in the meeting now. From now on everybody in the meeting can read what you type. " +
			"Press 1 on the telephone to turn your microphone off and on."
	case MeetingKeys:
		return "Press 1 to turn your microphone off and on, 0 if you need help, 2 if what you say and type may not be kept any more, " +
			"and 3 to turn captions on and off."
	case MeetingCaptionsOffer:
		return "If you would like to read what the others say, press 3. You can also type captions on a line of its own, but the others see that."
	case MeetingCaptions:
		return "Captions are on. An artificial intelligence system writes what the others say, and may hear it wrong. " +
			"It does so only of those who have said yes to being written down, and not in pauses. Press 3 to turn captions off."
	case MeetingNoCaptions:
		return "There are no captions, because the meeting is not written down."
	case CaptionsOff:
		return "Captions are off."
	case MeetingJoin:
		return "Type 1 or yes to take part, or hang up."
	case MeetingJoinAsk:
		return "The meeting may be kept as text by an artificial intelligence system. A person approves the note. " +
			"Type 1 or yes to take part and say yes to that. Type 2 or no to take part without what you say and type being kept. Or hang up."
	}
	if text := TextsEnglish()[id]; text != "" {
		return text
	}
	return Written(id)
}

// AsksForCaptions tells whether a line is one that turns captions on and off.
func AsksForCaptions(line string) bool {
	switch strings.ToLower(strings.Trim(line, " .!")) {
	case "tekst", "tekstning", "undertekster", "captions", "subtitles":
		return true
	}
	return false
}

// Captioned is what stands before what somebody said, as a machine has written it down, or a person has put right.
func Captioned(language, who string, corrected bool) string {
	word := "tekstning"
	if language == English {
		word = "captions"
	}
	switch {
	case corrected && language == English:
		word += ", corrected"
	case corrected:
		word += ", rettet"
	}
	return who + " (" + word + ")"
}

// Writer is what stands before the text of somebody in a call of three, for one of the contract's roles.
func Writer(role string) string {
	switch role {
	case "citizen":
		return "Borger"
	case "caseworker":
		return "Medarbejder"
	}
	return "Den tredje"
}

// Role is what stands beside the name of somebody who types, for one of the contracts' roles.
func Role(language, role string) string {
	words := map[string][2]string{
		"caseworker": {"sagsbehandler", "caseworker"}, "citizen": {"borger", "citizen"}, "companion": {"bisidder eller pårørende", "companion"},
		"interpreter": {"tolk", "interpreter"}, "colleague": {"kollega", "colleague"}, "expert": {"ekspert", "expert"},
	}
	w, ok := words[role]
	switch {
	case !ok && language == English:
		return "participant"
	case !ok:
		return "deltager"
	case language == English:
		return w[1]
	}
	return w[0]
}
