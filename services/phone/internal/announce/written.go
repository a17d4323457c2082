package announce

// VersionWritten is the version of the wording for those who read.
const VersionWritten = Version + "-text"

// The announcements that only those get who read: who hears, hears it.
const (
	Answered ID = "answered"
	Back     ID = "back" // from hold
	Unread   ID = "unread"
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
	case Unread:
		return "Du er stillet om til en anden, som ikke kan læse, hvad du skriver."
	}
	return Texts()[id]
}
