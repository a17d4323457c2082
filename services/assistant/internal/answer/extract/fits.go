package extract

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
)

func set(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

// Words that answer a kind of question without a number.
var (
	free  = set("gratis free kvit gebyrfri gebyrfrit omkostningsfri intet")
	times = set(`når inden senest tidligst straks hver hvert dagligt dage dag uger uge måned måneder måneden året år årligt samme januar februar marts april maj juni juli august september
		oktober november december mandag tirsdag onsdag torsdag fredag lørdag søndag hverdag hverdage hverdagen månedlig månedligt forud bagud fødselsdag fødselsdagen fylder fyldt
		when within before after every month months day days week weeks year years immediately birthday januar february march may june july october efter før fra`)
	weekdays = set("hverdag hverdage hverdagen weekend weekenden weekender ugedage døgnet mandage tirsdage onsdage torsdage fredage lørdage søndage mandag tirsdag onsdag torsdag fredag lørdag søndag weekdays weekends monday tuesday wednesday thursday friday saturday sunday kl")
	spans    = set(`dag dage uge uger måned måneder år time timer minutter døgn hverdage straks livet altid udløber automatisk tidsbegrænset ubegrænset day days week weeks month months year years
		hours immediately permanent månedens halvt halvår kvartal`)
	limits = set("senest inden frist fristen før tidligst sidste efter forud forvejen op within before latest deadline after")
	doing  = set(`søg søger ansøg ansøger send sender log logger brug bruger udfyld udfylder bestil bestiller ring ringer kontakt kontakter digitalt mitid selvbetjening borger.dk skriv
		skriver klag klager meld melder book booker upload vedhæft blanket formular personligt mød møder gå henvend henvender vælg vælger underskriv underskriver tag tager bed beder
		apply use send log book call contact online fill sign aflever anmeld anmelder indsend giver giv besked aftal aftaler`)
	places = set(`hos på borger.dk kommunen kommune borgerservice rådhuset nettet digitalt online mitid.dk skat.dk udbetaling danmark familieretshuset skifteretten politiet lægen sygehuset ambassade
		ambassaden konsulat apotek selvbetjening at municipality website app app'en`)
	people = set(`du i man alle kun den der forældre ægtefælle ægtefæller børn borgere personer borger arvinger pårørende kommunen familieretshuset udbetaling danmark skifteretten politiet lægen
		præsten bedemanden mor far udlejer lejer arbejdsgiver everyone only you parents municipality who`)
	reasons = set("fordi derfor skyldes grund formål sikre beskytte because therefore since da for så")
	modal   = set("kan skal må kun ikke ret behøver altid aldrig uden kræver krav mister beholder can must may cannot not only")
)

// fits says how well a unit gives the kind of fact: 0 not at all, 1 as it should. kinds of facts need a unit that fits.
func (u *Unit) fits(kind question.Kind) float64 {
	switch kind {
	case question.Amount:
		return scale(u.states(danish.Amount) || u.states(danish.Measure, "%", "procent") || u.says(free) || strings.Contains(u.Text, "DKK"), false)
	case question.When:
		return scale(u.states(danish.Date) || u.states(danish.Weekday) || u.states(danish.Clock) || u.states(danish.Ordinal) || u.timed() && !u.brief(), u.says(times))
	case question.Deadline:
		dated := u.states(danish.Date) || u.states(danish.Ordinal) || u.timed() && !u.brief()
		return scale(dated && u.says(limits), dated || u.says(limits) && u.says(times))
	case question.Size:
		return scale(u.states(danish.Amount) || u.sized(), false)
	case question.Hours:
		return scale(u.states(danish.Weekday) || u.states(danish.Clock) || u.says(weekdays), false)
	case question.Duration:
		return scale(u.timed(), u.says(spans))
	case question.Age:
		return scale(u.states(danish.Measure, "år") || u.states(danish.Measure, "year"), strings.Contains(u.Text, " år"))
	case question.Count:
		return scale(len(u.facts) > 0, u.says(set("en ét to tre fire fem seks syv otte ni ti one two three four five")))
	case question.How:
		return scale(u.says(doing), false)
	case question.Where:
		return scale(u.says(places), false)
	case question.Who:
		return scale(u.says(people), false)
	case question.Why:
		return scale(u.says(reasons), false)
	case question.Whether:
		return scale(u.says(modal), false)
	}
	return .5
}

func scale(full, half bool) float64 {
	switch {
	case full:
		return 1
	case half:
		return .6
	}
	return 0
}

// Fact reports a kind that asks for a fact that must be there.
func Fact(k question.Kind) bool {
	switch k {
	case question.Amount, question.When, question.Hours, question.Deadline, question.Size, question.Duration, question.Age, question.Count:
		return true
	}
	return false
}

// states reports a fact of the kind; with units, in one of them.
func (u *Unit) states(kind danish.FactKind, units ...string) bool {
	return slices.ContainsFunc(u.facts, func(f danish.Fact) bool {
		_, unit, _ := strings.Cut(f.Value, " ")
		return f.Kind == kind && (len(units) == 0 || slices.Contains(units, unit))
	})
}

// timed reports a measure of time.
func (u *Unit) timed() bool {
	return slices.ContainsFunc(u.facts, func(f danish.Fact) bool {
		if f.Kind != danish.Measure {
			return false
		}
		_, unit, _ := strings.Cut(f.Value, " ")
		return strings.HasPrefix(unit, "dag") || strings.HasPrefix(unit, "uge") || strings.HasPrefix(unit, "måned") || strings.HasPrefix(unit, "år") ||
			strings.HasPrefix(unit, "time") || strings.HasPrefix(unit, "minut") || strings.HasPrefix(unit, "hverdag") || strings.HasPrefix(unit, "døgn")
	}) || timeUnits.MatchString(u.Text)
}

// sized reports an area.
func (u *Unit) sized() bool { return areas.MatchString(u.Text) }

// counts reports a number of what is counted: "22 uger", "to vidner", "240 lønnede timer".
func (u *Unit) counts(what string) bool {
	if what == "" {
		return false
	}
	for i, w := range u.words {
		if !w.is(what) {
			continue
		}
		for k := max(0, i-3); k < i; k++ {
			if before := u.words[k].low; numerals[before] || strings.ContainsAny(before, "0123456789") {
				return true
			}
		}
	}
	return false
}

// is reports a word with the stem, or a compound that ends in it.
func (w word) is(stem string) bool {
	return w.stem == stem || len(stem) >= 3 && strings.HasSuffix(w.stem, stem)
}

var numerals = set(`en et én ét to tre fire fem seks syv otte ni ti elleve tolv halvandet halvanden one two three four five six seven eight nine ten twelve`)

// brief reports a measure of minutes or hours, which says how long, not when.
func (u *Unit) brief() bool { return minutes.MatchString(u.Text) }

var (
	areas     = regexp.MustCompile(`\d ?(m²|m2|kvm|kvadratmeter|square)`)
	minutes   = regexp.MustCompile(`(?i)\d+ (minutter|timer|minutes|hours)\b`)
	timeUnits = regexp.MustCompile(`(?i)\b\d+(-\d+)?\.? (hver|arbejds|kalender)?(dage?|uger?|måned(er)?|år|timer?|minutter|døgn|days?|weeks?|months?|years?|hours?)\b`)
	between   = regexp.MustCompile(`(\d{1,4})(?:\s*(?:-|–|til|to|og)\s*(?:\d{1,2}\. \p{L}+ )?)(\d{1,4})`)
	above     = regexp.MustCompile(`(?i)(?:over|mindst|fyldt|efter|fra|ældre end|over the age of|at least) (?:\p{L}+ )?(\d{1,4})|(\d{1,4})(?: år)? (?:eller (?:derover|mere|senere|ældre)|og derover|or (?:older|later|more))`)
	below     = regexp.MustCompile(`(?i)(?:under|højst|før|inden|yngre end|under the age of|at most) (?:\p{L}+ )?(\d{1,4})`)
)

// numbered says how well the numbers of the question are met: by the same number, or by a range that holds it.
func (u *Unit) numbered(numbers []float64) float64 {
	score := 0.0
	for _, n := range numbers {
		switch {
		case u.number(n):
			score++
		case u.within(n):
			score += .9
		}
	}
	return score
}

func (u *Unit) number(n float64) bool {
	return slices.ContainsFunc(u.facts, func(f danish.Fact) bool {
		v, _, _ := strings.Cut(f.Value, " ")
		x, err := strconv.ParseFloat(v, 64)
		return err == nil && x == n
	})
}

// within reports a range of like size that holds n: "1963 - 1966", "under 18", "1971 eller senere".
func (u *Unit) within(n float64) bool {
	if !strings.ContainsAny(u.Text, "0123456789") {
		return false
	}
	for _, m := range between.FindAllStringSubmatch(u.Text, -1) {
		from, to := number(m[1]), number(m[2])
		if like(n, from) && like(n, to) && from <= n && n <= to {
			return true
		}
	}
	for _, m := range above.FindAllStringSubmatch(u.Text, -1) {
		if from := number(m[1] + m[2]); like(n, from) && n >= from && !between.MatchString(u.Text) {
			return true
		}
	}
	for _, m := range below.FindAllStringSubmatch(u.Text, -1) {
		if to := number(m[1]); like(n, to) && n < to && !between.MatchString(u.Text) {
			return true
		}
	}
	return false
}

func number(s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return -1
	}
	return n
}

// like reports numbers of one sort: both years, or both small.
func like(a, b float64) bool { return (a >= 1000) == (b >= 1000) }
