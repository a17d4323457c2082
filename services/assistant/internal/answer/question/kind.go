package question

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/models/danish"
)

// Kind is what sort of fact a question asks for: the sentence that answers must have one.
type Kind string

// The kinds. Open is everything that no form shows.
const (
	Amount   Kind = "amount"   // hvad koster, hvor meget
	When     Kind = "when"     // hvornår
	Hours    Kind = "hours"    // hvilke dage, åbningstider
	Duration Kind = "duration" // hvor lang tid, hvor hurtigt
	Deadline Kind = "deadline" // hvor sent, hvad er fristen
	Size     Kind = "size"     // hvor stor må … være
	Age      Kind = "age"      // hvor gammel
	Count    Kind = "count"    // hvor mange
	Who      Kind = "who"
	Where    Kind = "where"
	How      Kind = "how"
	Whether  Kind = "whether" // kan jeg, skal man
	What     Kind = "what"
	Why      Kind = "why"
	Open     Kind = "open"
)

// forms are phrases by the kind that they ask for; earlier ones win.
var forms = []struct {
	kind    Kind
	phrases []string
}{
	{Size, phrases(`hvor stor må|hvor stort må|hvor store må|hvor mange kvadratmeter|hvor mange kvm|hvor mange m2`)},
	{Amount, phrases(`hvad koster|til at koster|det koster|den koster|koster det|de koster|ska det koste|hva koster|hva kost det|hva koste|hvad kost|kostr|hvad kostede|koster det noget|hvor meget koster|hvor dyrt|hvad er prisen|hvad er gebyret|hvor stort er gebyret|hvor mange penge|hvor stort et beløb|hvor stor er|hvor stort er|
		hvor høj er|hvor højt er|hvad er satsen|hvilken sats|hvad skal jeg betale|hvad skal man betale|hvad betaler|hvor meget skal jeg betale|hvor mange kroner|hvad skal jeg af med|hvor meget|hvor stor|hvor stort|
		er det gratis|er det dyrt|prisen på|prisen for|pris på|hvad får man i|hvad får jeg i|hvad er beløbet|how much|what does it cost|what is the price|what is the fee|what's the fee|how expensive|is it free|what do i have to pay|
		hvad tager de for|hvad tager i for|hvad ku det koste|hvad ka det koste|hvad vil det koste|hvad kan det koste|hvad kommer det til at koste|ka det betale sig|hvor meget må jeg|hvor meget kan jeg få|hvilket beløb|what is the rate|what's the cost|what is the cost|hvad er taksten`)},
	{Age, phrases(`hvor gammel|hvor gamle|hvilken alder|hvilken aldersgrænse|hvad er aldersgrænsen|fra hvilken alder|how old|what age|at what age|hvor mange år skal man være|hvor mange år skal jeg være`)},
	{Deadline, phrases(`hvor lang tid har|hvor sent|hvor tidligt|hvor lang en frist|hvad er fristen|hvilken frist|hvor lang frist|hvornår er fristen|hvor lang tid før|hvor lang tid i forvejen|senest hvornår|hvornår senest|
		hvornår skal|what is the deadline|what's the deadline|how early|how late|inden hvornår|hvor mange dage har|hvor mange uger har|hvor mange dage før|hvor mange uger før|sidste frist`)},
	{Duration, phrases(`hvor lang tid|hvor langt tilbage|hvor langt frem|hvor længe|hvor hurtigt|hvor lang er|hvor lange|hvor mange dage|hvor mange uger|hvor mange måneder|hvor mange timer|hvor mange år|behandlingstiden|sagsbehandlingstiden|ventetiden|inden hvor længe|how long|how many days|how many weeks|how many months|
		how soon|how quickly|hvor mange dage|how many years|hvor gode tid|hvor god tid|hvor lang`)},
	{Hours, phrases(`hvilke dage|hvilke ugedage|hvilke tider|åbningstid|åbningstider|åbningstiderne|har åbent|har i åbent|er der åbent|er åbent|hvornår åbner|hvornår lukker|hvad tid åbner|åbent om|lukker i|which days|what days|opening hours|opening times|office hours|telefontid|telefontider|telefontiden|telefontiderne|open on|hvad tid lukker|er åben|åben om`)},
	{When, phrases(`hvornår|hvornå|hvilken dag|hvilken dato|hvilket tidspunkt|hvad tid|hvad dag|hvilket år|hvilken måned|when|what day|which day|what date|what time|hvor tit|hvor ofte|how often`)},
	{Count, phrases("hvor mange|how many")},
	{How, phrases(`hvordan|hvorledes|hvad gør jeg|hvad gør man|hvad gør vi|hvad skal jeg gøre|hvad skal man gøre|hvad skal vi gøre|hvad kan jeg gøre|hvordan gør|how do|how can|how to|how does|how should|how would|what do i do|what should i do|what must i do|how is|hvo'n|hva gør jeg|hva gør man|
		hvad skal der til|hvad kræver det|sådan gør`)},
	{Who, phrases("hvem|who|hvilken myndighed|hvilke myndigheder|which authority|whose")},
	{Where, phrases("hvor henne|hvorhenne|hvor kan|hvor skal|hvor søger|hvor melder|hvor finder|hvor får|hvor ringer|hvor henvender|hvor går|hvor bestiller|hvor foregår|hvor sender|hvor klager|hvor ligger|hvor bliver|hvor er|hvor vender|where|hvor afleverer|hvor gør")},
	{Why, phrases("hvorfor|why")},
	{What, phrases(`hvad er|hvad betyder|hvad sker|hvad vil det sige|hvad dækker|hvad skal|hvad kan|hvad med|hvad hvis|hvad hedder|hvilke|hvilken|hvilket|hvad|hva|what|which`)},
	{Where, phrases("hvor")},
}

// begin is which phrases of forms begin with a word.
var begin = func() map[string][]form {
	out := map[string][]form{}
	for i, f := range forms {
		for _, p := range f.phrases {
			first, _, _ := strings.Cut(p[1:], " ")
			out[first] = append(out[first], form{i, p})
		}
	}
	return out
}()

type form struct {
	no     int // of forms
	phrase string
}

// KindOf reads what a question asks for.
func KindOf(text string) Kind {
	ws := words(text)
	all, at, first := joined(ws), 0, len(forms)
	for _, w := range ws {
		for _, f := range begin[w] {
			if f.no < first && strings.HasPrefix(all[at:], f.phrase) {
				first = f.no
			}
		}
		at += len(w) + 1
	}
	if first < len(forms) {
		return forms[first].kind
	}
	for i, w := range ws {
		if i+1 < len(ws) && asksWhether[w] && person[ws[i+1]] {
			return Whether
		}
	}
	return Open
}

// Opening reports a question for when a place or an authority is open or answers the telephone. That an application opens is none.
func Opening(text string) bool {
	ws := words(text)
	switch {
	case slices.ContainsFunc(ws, func(w string) bool { return openingWords[w] }), has(ws, "opening hours|opening times|office hours|business hours"):
		return true
	case has(ws, "har i åbent|har i lukket|hvornår åbner i|hvornår lukker i|are you open|do you open|do you close"):
		return true
	case has(ws, "sag|sagen|sager|min|mit|mine|case|my"): // which somebody opens and closes
		return false
	}
	return slices.ContainsFunc(ws, func(w string) bool { return opens[w] }) && slices.ContainsFunc(ws, isPlace)
}

// isPlace reports a word for somewhere that one can come to, alone or at the end of a compound.
func isPlace(w string) bool {
	for p := range places {
		if w == p || strings.HasSuffix(w, p) && len(p) >= 5 {
			return true
		}
	}
	return false
}

var (
	openingWords = set("åbningstid åbningstider åbningstiden åbningstiderne telefontid telefontider telefontiden telefontiderne ekspeditionstid ekspeditionstider kontortid kontortider")
	opens        = set("åben åbent åbner lukker lukket open opens close closes closed")
	places       = set(`borgerservice borgerservicen borgerservicecenter borgerservicecenteret rådhus rådhuset kommune kommunen jobcenter jobcenteret jobcentret bibliotek biblioteket genbrugsplads
		genbrugspladsen genbrugsstation genbrugsstationen kontor kontoret center centeret centret politi politiet politistation politistationen myndighed
		myndigheden styrelsen ankestyrelsen familieretshuset statsforvaltningen domstolen retten svømmehal svømmehallen sygehus sygehuset hospital hospitalet lægevagt lægevagten apotek apoteket
		library municipality office police recycling station hospital pharmacy court`)
)

var (
	asksWhether = set(`kan ka skal ska må er får har vil bør gør mister behøver kommer bliver betaler findes gælder tæller dækker can may must do does is are am should will could
		have has koster beholder skylder arver skulle kunne ville slipper risikerer giver`)
	person = set(`jeg man vi du det der den min mit mine han hun de vores en et i we it they my our someone there a the alle børn`)
)

// Day is a period that a question names: rules of another year may be meant.
type Day struct {
	Year  int
	Month int // 0: not said
	Day   int // 0: not said
}

// Zero reports that no period is named.
func (d Day) Zero() bool { return d.Year == 0 }

// First and Last are the ends of the period, 2006-01-02.
func (d Day) First() string {
	return time.Date(d.Year, time.Month(max(d.Month, 1)), max(d.Day, 1), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// Last is the last day of the period.
func (d Day) Last() string {
	switch {
	case d.Month == 0:
		return time.Date(d.Year, time.December, 31, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	case d.Day == 0:
		return time.Date(d.Year, time.Month(d.Month)+1, 0, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	return d.First()
}

// births stand before years that say when somebody was born, or when something of the asker's own happened.
var births = set("født fødte fødselsår født årgang born fødselsdato fødselsdag siden since fyldte flyttede flyttet blev giftede gift skilt kom arrived moved døde død dødsfald died ansat")

// Period finds the period that a question asks about: "i 2025", "sidste år", "den 1. marts 2025". Years of birth are none.
func Period(text string, today time.Time) Day {
	ws := words(text)
	switch {
	case has(ws, "sidste år|i fjor|året før|last year|forrige år"):
		return Day{Year: today.Year() - 1}
	case has(ws, "næste år|til næste år|next year|det kommende år"):
		return Day{Year: today.Year() + 1}
	case has(ws, "i forfjor"):
		return Day{Year: today.Year() - 2}
	}
	tokens := danish.Tokens(text)
	for _, f := range danish.Facts(tokens) {
		d := parse(f)
		if d.Year < today.Year()-10 || d.Year > today.Year()+5 {
			continue
		}
		before := tokens[max(0, f.Tokens[0]-4):f.Tokens[0]]
		if !slices.ContainsFunc(before, func(t danish.Token) bool { return births[strings.ToLower(strings.Trim(t.Text, ".,?"))] }) {
			return d
		}
	}
	return Day{}
}

// parse reads a full date, a month of a year, or a number that may be a year.
func parse(f danish.Fact) Day {
	switch f.Kind {
	case danish.Number, danish.Digits:
		n, err := strconv.Atoi(f.Value)
		if err != nil {
			return Day{}
		}
		return Day{Year: n}
	case danish.Date:
		var d Day
		for i, p := range strings.Split(f.Value, "-") {
			n, err := strconv.Atoi(p)
			if err != nil {
				return Day{}
			}
			switch i {
			case 0:
				d.Year = n
			case 1:
				d.Month = n
			case 2:
				d.Day = n
			}
		}
		return d
	}
	return Day{}
}
