package question

import (
	"slices"
	"strings"
	"unicode"

	"samtale.dk/samtale/models/danish"
)

// Abroad is what a question asks about that lies outside Denmark ("i Tyskland"), or who it asks about ("hos Nordea"): what an article
// must be about to answer it. Empty: neither.
func Abroad(text string) string {
	for _, p := range placed(text) {
		if p.abroad() || p.before == "hos" && p.capital {
			return strings.Join(p.words, " ")
		}
	}
	return ""
}

// Locality is a place in Denmark that a question names and that is no municipality that we know: a village, a postal district, or a
// name that nobody has heard of. It says where the asker is, and nothing about the matter. Empty: none.
func Locality(text string) string {
	for _, p := range placed(text) {
		first := strings.ToLower(p.words[0])
		_, known := danish.MunicipalityIn("i " + first)
		switch {
		case known || p.abroad() || p.before == "hos" || noPlace[first]:
		case p.capital, p.postal, town(first):
			return strings.Join(p.words, " ")
		}
	}
	return ""
}

// WithoutPlace drops a place's name, and before it the postal code and the word that places it.
func WithoutPlace(text, name string) string {
	drop := words(name)
	var out []string
	for w := range strings.FieldsSeq(text) {
		if got := words(w); len(got) == 1 && slices.Contains(drop, got[0]) {
			if n := len(out); n > 0 && postal(out[n-1]) {
				out = out[:n-1]
			}
			if n := len(out); n > 0 && (strings.EqualFold(out[n-1], "i") || strings.EqualFold(out[n-1], "in")) {
				out = out[:n-1]
			}
			continue
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// place is a name where places stand.
type place struct {
	before  string
	words   []string
	capital bool
	postal  bool // stands after a postal code
}

// abroad reports a place outside Denmark by any word of its name ("New York").
func (p place) abroad() bool {
	return slices.ContainsFunc(p.words, func(w string) bool { return foreign[strings.ToLower(w)] })
}

// maxPlace is how many words of a name count: "Nørre Alslev", "Sankt Klemens By".
const maxPlace = 3

// placed lists what stands after a word that places something: with a capital all words of the name, else one word.
func placed(text string) []place {
	ws := strings.Fields(text)
	var out []place
	for i := 1; i < len(ws); i++ {
		p := place{before: strings.ToLower(ws[i-1]), postal: postal(ws[i-1])}
		if !p.postal && p.before != "i" && p.before != "in" && p.before != "hos" || postal(ws[i]) {
			continue
		}
		for ; i < len(ws) && len(p.words) < maxPlace; i++ {
			name := strings.TrimFunc(ws[i], func(r rune) bool { return !unicode.IsLetter(r) })
			capital := proper(name) || len(p.words) > 0 && letter(name) // "Viby J"
			if name == "" || len(p.words) > 0 && (!capital || strings.EqualFold(name, "kommune")) || p.postal && !capital {
				break
			} else if len(p.words) == 0 {
				p.capital = capital
			}
			p.words = append(p.words, name)
			if !p.capital || !strings.HasSuffix(ws[i], name) { // a mark ends the name
				break
			}
		}
		if len(p.words) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// proper reports a name by its letters: a capital, and not only capitals.
func proper(name string) bool {
	r := []rune(name)
	return len(r) > 1 && unicode.IsUpper(r[0]) && slices.ContainsFunc(r[1:], unicode.IsLower)
}

// letter reports the letter behind the name of a town that others have too.
func letter(name string) bool { return len([]rune(name)) == 1 && strings.ToUpper(name) == name }

// postal reports a Danish postal code that is no year of our time.
func postal(w string) bool {
	return len(w) == 4 && strings.Trim(w, "0123456789") == "" && w[0] != '0' && w[:2] != "19" && w[:2] != "20"
}

// town reports a word that is made like the names of Danish towns, in small letters as people type.
func town(w string) bool {
	return len(w) >= 6 && slices.ContainsFunc(townEnds, func(end string) bool { return strings.HasSuffix(w, end) && w != end })
}

var townEnds = strings.Fields("rup slev købing bæk balle tved bjerg næs gaard rød løse borg")

// noPlace are words with a capital behind "i" and "in" that name no place.
var noPlace = set(`danmark denmark danish dansk danske english engelsk german tysk january february march april may june july august september october november december
	monday tuesday wednesday thursday friday saturday sunday januar februar marts maj juni juli oktober mandag tirsdag onsdag torsdag fredag lørdag søndag
	jylland sønderjylland nordjylland vestjylland østjylland midtjylland fyn sjælland nordsjælland vestsjælland sydsjælland hovedstaden djursland vendsyssel`)

// foreign are countries, and cities abroad that Danes live in, work in and travel to.
var foreign = set(`tyskland germany sverige sweden norge norway finland island iceland færøerne grønland greenland england storbritannien skotland irland ireland wales uk frankrig
	france spanien spain portugal italien italy østrig austria schweiz switzerland holland nederlandene netherlands belgien belgium luxembourg polen poland tjekkiet slovakiet ungarn
	hungary rumænien romania bulgarien bulgaria grækenland greece tyrkiet turkey ukraine rusland russia hviderusland belarus estland letland litauen lithuania latvia estonia kroatien
	croatia serbien bosnien slovenien albanien kosovo montenegro nordmakedonien makedonien malta cypern moldova georgien armenien usa amerika america canada mexico brasilien brazil
	argentina chile peru colombia australien australia newzealand kina china japan korea sydkorea nordkorea thailand vietnam filippinerne philippines indonesien malaysia singapore indien
	india pakistan bangladesh nepal afghanistan iran irak iraq syrien syria libanon lebanon israel palæstina jordan jordanien egypten egypt marokko morocco tunesien algeriet libyen
	somalia etiopien eritrea kenya uganda tanzania nigeria ghana gambia sydafrika dubai emiraterne qatar kuwait
	malmø malmö göteborg gøteborg stockholm oslo helsinki reykjavik berlin hamborg hamburg flensborg flensburg kiel lübeck münchen munich london manchester dublin edinburgh paris
	rome milano barcelona madrid malaga mallorca lissabon lisbon amsterdam rotterdam bruxelles brussels wien vienna zürich geneve prag prague budapest warszawa warsaw krakow gdansk
	kyiv kiev york zealand moskva istanbul ankara antalya alanya athen athens bangkok tokyo beijing delhi washington boston chicago californien florida texas toronto sydney melbourne`)
