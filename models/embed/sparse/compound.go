package sparse

import (
	"strings"
	"unicode/utf8"
)

// splitter takes compounds apart into words that it knows, with the letters that link them: bolig|støtte, arbejde-s-skade,
// syge|dag|penge.
type splitter struct {
	words map[string]bool // whole words
	stems map[string]bool
}

func newSplitter(l *Lexicon) *splitter {
	s := &splitter{words: map[string]bool{}, stems: map[string]bool{}}
	add := func(w string) {
		s.words[w] = true
		if st := stem(w, false); utf8.RuneCountInString(st) >= minPart {
			s.stems[st] = true
		}
	}
	for w := range l.words {
		if l.known(w) && !stop(w, false) {
			add(w)
		}
	}
	for w := range heads {
		add(w)
	}
	return s
}

// Parts are at least minPart letters long, unless they stand in the list of short words. Shorter words would be found in
// everything.
const (
	minPart     = 4
	minCompound = 7
	maxCompound = 40 // longer ones are not words, and trying all ways through them would take long
	maxParts    = 5
)

// split gives the parts of a compound, or nothing. With several ways the one with the fewest parts wins, then the one with the
// longest last part: the last part says what the whole is.
func (s *splitter) split(w string) []string {
	if n := utf8.RuneCountInString(w); n < minCompound || n > maxCompound || numeric(w) {
		return nil
	}
	parts := s.parts(w, maxParts)
	if len(parts) < 2 {
		return nil
	}
	return parts
}

// parts splits w into two to n parts, or gives nothing.
func (s *splitter) parts(w string, n int) []string {
	if n < 2 || utf8.RuneCountInString(w) < minCompound-1 {
		return nil
	}
	var best []string
	for i := range w {
		first, rest := w[:i], w[i:]
		if i == 0 || !s.first(first) {
			continue
		}
		var way []string
		if s.head(rest) {
			way = append([]string{first}, s.whole(rest, n-1)...)
		} else if more := s.parts(rest, n-1); more != nil {
			way = append([]string{first}, more...)
		}
		if way != nil && (best == nil || len(way) < len(best)) { // earlier cuts leave longer last parts
			best = way
		}
	}
	return best
}

// whole gives the parts of a head, or the head itself.
func (s *splitter) whole(w string, n int) []string {
	if more := s.parts(w, n); more != nil {
		return more
	}
	return []string{w}
}

// first reports what can stand in front: a word or stem, with a linking letter or without.
func (s *splitter) first(w string) bool {
	if s.plain(w) {
		return true
	}
	for _, link := range []string{"s", "e", "er", "n", "en"} {
		if root, ok := strings.CutSuffix(w, link); ok && s.plain(root) {
			return true
		}
	}
	return false
}

// plain reports a word, a stem, or one of the short words.
func (s *splitter) plain(w string) bool {
	if utf8.RuneCountInString(w) < minPart {
		return shortParts[w]
	}
	return !affixes[w] && (s.words[w] || s.stems[w])
}

// head reports what can stand last: a word in any of its forms.
func (s *splitter) head(w string) bool {
	if affixes[w] {
		return false
	}
	if s.plain(w) {
		return true
	}
	st := stem(w, false)
	n := utf8.RuneCountInString(st)
	if n >= minPart && s.stems[st] || n < minPart && shortParts[st] {
		return true
	}
	for _, ending := range []string{"erne", "ene", "ne", "en", "et", "er", "e", "n", "s"} {
		if root, ok := strings.CutSuffix(w, ending); ok && utf8.RuneCountInString(root) >= minPart && s.plain(root) {
			return true
		}
	}
	return false
}

// last gives the longest last part of a compound, also where the rest is no known word; nothing for other words.
func (s *splitter) last(w string) string {
	if utf8.RuneCountInString(w) > maxCompound {
		return ""
	}
	n := 0
	for i := range w {
		if n++; n > 2 && s.head(w[i:]) && utf8.RuneCountInString(w[i:]) >= minPart {
			return w[i:]
		}
	}
	return ""
}

// affixes look like words at the end of others, and are not.
var affixes = fieldsOf(`skab skaber skabet hed heder heden dom dommen else elser elsen ning ninger ningen inger ingen lige ligt bare bart
	somt somme agtig fuld vist vise ende ende eren erne ende ernes endes over under efter fore mods vede vist ligt este ster sten
	ring ringe ringen ringer tion tioner sion isme iske iskt eret erede anse give taget tage`)

// shortParts are words of two and three letters that stand in compounds.
var shortParts = fieldsOf(`pas bil hus løn job lån sag tog vej bad dag mad råd ret tid bus cpr cvr arv fag køb far mor søn tv gas syn
	mål uge su hår tal`)

// heads are words that stand in many compounds of public services. The corpus adds its own; these are for a corpus that is new.
var heads = fieldsOf(`adresse afdrag afgift aftale alder ambulance anbringelse anmeldelse ansøgning arbejde arbejdsgiver arbejdsløshed
	attest bank barn barsel befordring begravelse behandling beløb betaling bevis bidrag bil billet bistand blanket bolig borger bopæl
	boks brev brug bruger bygge børn center certifikat check data dagpenge depositum digital dokument dødsbo dødsfald efterløn ejendom
	ejer elev eksamen enlig erhverv erklæring erstatning familie fastsættelse ferie flytning folke foged forbrug forening forhold
	formular forsikring forsørger forældre fradrag frist fuldmagt fødsel førtid førelse gave gebyr genoptræning godtgørelse gravid grund
	grænse gymnasium handicap hjælp hjemme hjælpemidler hospital indbetaling indboks indkomst indsigelse indskud institution
	integration invaliditet jordemoder kasse klage kommune konto kontakt kontanthjælp kontrakt kontrol kort kørekort kørsel
	ledighed ledsager legitimation leje lejlighed lejer læge lærling løn lån medicin midler militær moms myndighed mærke møde navn navne
	nummer nævn omsorg opgørelse ophold opholdstilladelse opsigelse opskrivning ordning orlov parkering partner pas pasning patient
	penge pension pensionist periode person plads pleje post praktik praksis pris profil prøve psykolog regel regler register
	registrering regning rejse rente ret retshjælp revalidering rådgivning sag samvær selvbetjening seddel selskab separation service
	sikring situation skade skat skattekort skifte skole skilsmisse slægt statsborger stelle stilling støtte studie studerende
	sundhed sygdom syge sygehus system tandlæge tegn tegning tid tillæg tilladelse tilskud tilsyn time tjeneste tolk trafik tryghed
	udbetaling uddannelse udgift udlejer udland udlænding ulykke ungdom vagt valg vand varme varsel vederlag venteliste
	verge vielse virksomhed visum vuggestue vurdering værge våben ydelse ydelser ægteskab ægtefælle ældre ændring økonomi kredit kreditter
	giver tager giro bidragsyder boafgift arving testamente arv attesten hjemmehjælp hjem madservice friplads dagtilbud dagpleje børnehave
	nøgle fører samlever faderskab medmor forældremyndighed overenskomst læge klinik hospice grad enke efterlevende opholds vej veje`)
