package answer

import (
	"context"
	"net/url"
	"strings"
	"time"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/assistant/internal/answer/crisis"
	"samtale.dk/samtale/services/assistant/internal/answer/extract"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

type both struct{ da, en string }

func (b both) in(language string) string {
	if language == question.English {
		return b.en
	}
	return b.da
}

// messages are what is said when there is no answer.
var messages = map[string]both{
	assistantv1.ReasonUnknown: {
		"Det ved jeg ikke. Jeg kan ikke finde noget om det i de officielle artikler, som jeg kender. Prøv med andre ord, eller vælg en vej videre herunder.",
		"I do not know. I cannot find anything about it in the official articles that I have. Try other words, or choose a way on below.",
	},
	assistantv1.ReasonUnproven: {
		"Det ved jeg ikke med sikkerhed. Jeg finder noget, der ligner, men intet, der beviser et svar på netop dit spørgsmål. Jeg gætter ikke. En medarbejder kan hjælpe dig.",
		"I do not know for certain. I find something like it, but nothing that proves an answer to exactly your question. I do not guess. A person can help you.",
	},
	assistantv1.ReasonOwnCase: {
		"Det lyder, som om du spørger til din egen sag. Den kan jeg ikke se. Log ind for at se den, eller tal med en medarbejder.",
		"It sounds as if you ask about your own case. I cannot see it. Log in to see it, or talk to a person.",
	},
	assistantv1.ReasonMunicipality: {
		"Det er forskelligt fra kommune til kommune. Hvilken kommune drejer det sig om?",
		"It differs from one municipality to another. Which one is it about?",
	},
	assistantv1.ReasonDate: {
		"Reglerne blev ændret i den periode. Hvornår drejer det sig om?",
		"The rules changed in that period. When is it about?",
	},
	assistantv1.ReasonEmpty: {
		"Skriv, hvad du vil have hjælp til.",
		"Write what you would like help with.",
	},
	assistantv1.ReasonTooLong: {
		"Spørgsmålet er for langt. Skriv det med højst 500 tegn, og stil ét spørgsmål ad gangen.",
		"The question is too long. Use at most 500 characters, and ask one question at a time.",
	},
	assistantv1.ReasonLanguage: {
		"Jeg kan kun læse dansk og engelsk. Skriv på et af dem, eller tal med en medarbejder, som kan bestille en tolk. " +
			"I can only read Danish and English. Write in one of them, or talk to a person, who can arrange an interpreter.",
		"I can only read Danish and English. Write in one of them, or talk to a person, who can arrange an interpreter. " +
			"Jeg kan kun læse dansk og engelsk. Skriv på et af dem, eller tal med en medarbejder, som kan bestille en tolk.",
	},
}

// opening is what is said instead when it was asked for opening hours: they stand with the place itself, and change.
var opening = both{
	"De åbningstider kender jeg ikke med sikkerhed, og jeg gætter ikke. De står på stedets eller myndighedens egen hjemmeside; for borgerservice og rådhuset på kommunens. " +
		"En medarbejder kan også hjælpe dig.",
	"I do not know those opening hours for certain, and I do not guess. They are on the website of the place or the authority itself; for citizen services and the town hall on the municipality's. " +
		"A person can help you too.",
}

// unread says in their own languages to those who write neither Danish nor English what they can do.
var unread = map[string]string{
	"de": "Ich kann nur Dänisch und Englisch lesen. Schreiben Sie auf Dänisch oder Englisch, oder sprechen Sie mit einem Menschen, der einen Dolmetscher bestellen kann.",
	"uk": "Я читаю лише данською та англійською. Напишіть однією з цих мов або поговоріть із працівником, який може замовити перекладача.",
	"ru": "Я читаю только по-датски и по-английски. Напишите на одном из этих языков или поговорите с сотрудником, который может заказать переводчика.",
	"ar": "أستطيع القراءة باللغتين الدنماركية والإنجليزية فقط. اكتب بإحداهما، أو تحدث إلى موظف يمكنه طلب مترجم.",
	"fa": "من فقط دانمارکی و انگلیسی می\u200cخوانم. به یکی از این دو زبان بنویسید یا با کارمندی صحبت کنید که می\u200cتواند مترجم بگیرد.",
	"pl": "Rozumiem tylko po duńsku i po angielsku. Napisz w jednym z tych języków albo porozmawiaj z pracownikiem, który może zamówić tłumacza.",
	"tr": "Yalnızca Danca ve İngilizce okuyabiliyorum. Bu dillerden birinde yazın ya da tercüman ayarlayabilecek bir görevliyle görüşün.",
	"ro": "Pot citi numai daneză și engleză. Scrieți într-una dintre aceste limbi sau vorbiți cu un angajat, care poate chema un interpret.",
	"fr": "Je ne lis que le danois et l'anglais. Écrivez dans l'une de ces langues, ou parlez à une personne qui peut faire venir un interprète.",
	"es": "Solo puedo leer danés e inglés. Escriba en uno de estos idiomas o hable con una persona, que puede pedir un intérprete.",
	"it": "Posso leggere solo il danese e l'inglese. Scriva in una di queste lingue o parli con una persona, che può chiamare un interprete.",
	"pt": "Só consigo ler dinamarquês e inglês. Escreva numa destas línguas ou fale com uma pessoa, que pode chamar um intérprete.",
	"nl": "Ik kan alleen Deens en Engels lezen. Schrijf in een van die talen, of praat met een medewerker, die een tolk kan regelen.",
	"sv": "Jag kan bara läsa danska och engelska. Skriv på något av dem, eller tala med en medarbetare, som kan ordna en tolk.",
	"fi": "Osaan lukea vain tanskaa ja englantia. Kirjoita jommallakummalla tai puhu työntekijän kanssa, joka voi järjestää tulkin.",
	"lt": "Moku skaityti tik daniškai ir angliškai. Rašykite viena iš šių kalbų arba pasikalbėkite su darbuotoju, kuris gali pakviesti vertėją.",
	"so": "Waxaan akhriyi karaa oo keliya Deenishka iyo Ingiriiska. Ku qor mid ka mid ah, ama la hadal shaqaale kuu heli kara turjubaan.",
}

var smallTalk = map[string]both{
	question.Greeting:  {"Hej. Hvad vil du have hjælp til?", "Hello. What would you like help with?"},
	question.Thanks:    {"Selv tak. Spørg bare igen, hvis der er mere.", "You are welcome. Just ask again if there is more."},
	question.Goodbye:   {"Farvel, og tak fordi du spurgte.", "Goodbye, and thank you for asking."},
	question.WhoAreYou: {"Jeg er et AI-system, ikke et menneske. Jeg svarer med sætninger fra officielle artikler og viser, hvor de står. Du kan altid tale med et menneske.", "I am an AI system, not a person. I answer with sentences from official articles and show where they stand. You can always talk to a person."},
	question.CanYou:    {"Spørg om regler og selvbetjening hos det offentlige, for eksempel flytning, pension, pas eller boligstøtte. Jeg kan ikke se din sag.", "Ask about rules and self-service of public authorities, such as moving, pension, passports or housing benefit. I cannot see your case."},
	question.Person:    {"Ja. Vælg herunder, hvordan du vil tale med en medarbejder.", "Yes. Choose below how you would like to talk to a person."},
	question.Anger:     {"Det er jeg ked af. Skriv kort, hvad det handler om, så prøver jeg. Eller vælg herunder at tale med en medarbejder.", "I am sorry. Write briefly what it is about, and I will try. Or choose below to talk to a person."},
	question.Unclear:   {"Hvad tænker du på? Skriv gerne, hvad det handler om, for eksempel pas, flytning eller pension.", "What do you mean? Please write what it is about, such as passports, moving or pension."},
}

func (a *asking) refuse(reason string) {
	a.result.Reason = reason
	a.result.Message = messages[reason].in(a.result.Language)
}

func (a *asking) smallTalk(kind string) {
	a.result.Reason = assistantv1.ReasonSmallTalk
	a.result.Message = smallTalk[kind].in(a.result.Language)
}

func (a *asking) crisis(k crisis.Kind) {
	a.result.Reason = assistantv1.ReasonCrisis
	a.result.Message, a.result.Routes = crisis.Text(k, a.result.Language)
	if text, err := question.Clean(a.req.Question); err == nil {
		a.result.Question = danish.Hide(text)
	}
}

// finish adds the ways on.
func (a *asking) finish(ctx context.Context) {
	r := &a.result
	if a.req.Audience == assistantv1.AudienceProgram && r.Answered {
		return
	}
	areas, err := a.p.cfg.Areas(ctx)
	if err != nil { // the ways that need no area remain
		a.p.cfg.Log.Warn("answer without service areas", "answer", a.req.ID, "err", err)
	}
	r.Routes = append(r.Routes, a.routes(areas)...)
}

// routes are the ways on, the most fitting first.
func (a *asking) routes(areas []consentv1.Area) []assistantv1.Route {
	r := &a.result
	lang := r.Language
	var out []assistantv1.Route
	if r.Reason == assistantv1.ReasonOwnCase {
		out = append(out, assistantv1.Route{Kind: assistantv1.RouteLogin, Label: both{"Log ind og se dine samtaler", "Log in and see your conversations"}.in(lang), Target: "/mit"},
			assistantv1.Route{Kind: assistantv1.RouteLink, Label: both{"Se dine sager på Mit Overblik", "See your cases at borger.dk (Mit Overblik)"}.in(lang), Target: "https://www.borger.dk/mitoverblik"})
	}
	if r.Reason == assistantv1.ReasonUnproven {
		a.offers = related(r.Drafts)
	}
	out = append(out, a.toRead(a.offers)...)
	if r.Answered {
		for _, l := range r.Links {
			out = append(out, assistantv1.Route{Kind: assistantv1.RouteSelfService, Label: l.Label, Target: l.URL})
		}
	}
	area := areaOf(r.Area, areas)
	handover := func(channel string) string { // without the session: whoever has it could read the conversation, and addresses are shared
		q := url.Values{"kanal": {channel}}
		if area.ID != "" {
			q.Set("omraade", area.ID)
		}
		return "/henvendelse?" + q.Encode()
	}
	out = append(out,
		assistantv1.Route{Kind: assistantv1.RouteChat, Label: both{"Chat med en medarbejder", "Chat with a person"}.in(lang), Target: handover("chat")},
		assistantv1.Route{Kind: assistantv1.RouteCallBack, Label: both{"Bliv ringet op", "Be called back"}.in(lang), Target: handover("callback")},
		assistantv1.Route{Kind: assistantv1.RouteVideo, Label: both{"Videomøde", "Video meeting"}.in(lang), Target: handover("video")})
	if area.Phone != "" {
		name := both{area.Name, area.NameEN}.in(lang)
		out = append(out, assistantv1.Route{
			Kind: assistantv1.RoutePhone, Label: both{"Ring til ", "Call "}.in(lang) + name + " " + area.Phone, Target: "tel:" + strings.ReplaceAll(area.Phone, " ", ""),
		})
	}
	return out
}

// maxRelated is how many articles are offered where none is proven to answer.
const maxRelated = 3

// readable are the articles of chunks that can be read for oneself, the first chunk of each.
func readable(chunks []knowledgev1.Chunk) []knowledgev1.Chunk {
	var out []knowledgev1.Chunk
	seen := map[string]bool{}
	for _, c := range chunks {
		if c.URL == "" || seen[c.ArticleID] || len(out) == maxRelated {
			continue
		}
		seen[c.ArticleID] = true
		out = append(out, c)
	}
	return out
}

// related are the articles that come nearest, to read for oneself.
func related(drafts []extract.Draft) []knowledgev1.Chunk {
	var out []knowledgev1.Chunk
	for _, d := range drafts[:min(2*maxRelated, len(drafts))] {
		out = append(out, d.Hit.Chunk)
	}
	return readable(out)
}

// toRead gives the ways to articles. Who reads English is told which are in Danish.
func (a *asking) toRead(chunks []knowledgev1.Chunk) []assistantv1.Route {
	var out []assistantv1.Route
	for _, c := range chunks {
		label := both{"Læs selv: ", "Read yourself: "}.in(a.result.Language) + heading(c)
		if a.result.Language == question.English && c.Language != question.English {
			label += " (in Danish)"
		}
		out = append(out, assistantv1.Route{Kind: assistantv1.RouteLink, Label: label, Target: c.URL})
	}
	return out
}

// areaOf gives the area of an id, or the first: borgerservice helps with everything.
func areaOf(id string, areas []consentv1.Area) consentv1.Area {
	for _, a := range areas {
		if a.ID == id {
			return a
		}
	}
	if len(areas) > 0 {
		return areas[0]
	}
	return consentv1.Area{}
}

// authorities say what an authority does, to say why it is responsible.
var authorities = map[string]both{
	"Udbetaling Danmark":  {"Udbetaling Danmark afgør og udbetaler det for hele landet.", "Udbetaling Danmark decides on it and pays it out for the whole country."},
	"Familieretshuset":    {"Familieretshuset behandler sager om familie og navne.", "The Agency of Family Law (Familieretshuset) handles it."},
	"Skatteforvaltningen": {"Skatteforvaltningen står for skat og registrering.", "The Danish Tax Agency is in charge of taxes and registration."},
	"Skattestyrelsen":     {"Skattestyrelsen står for skat.", "The Danish Tax Agency is in charge of taxes."},
}

// why says why an authority is responsible.
func why(c knowledgev1.Chunk, municipality, language string) string {
	if c.Authority == "" {
		return ""
	}
	if t, ok := authorities[c.Authority]; ok {
		return t.in(language)
	}
	if strings.HasPrefix(c.Authority, "Kommune") {
		if name, ok := danish.MunicipalityName(municipality); ok {
			return both{name + " Kommune tager sig af det, fordi du har valgt den kommune.", "The municipality of " + name + " handles it, because you have chosen it."}.in(language)
		}
		return both{"Kommunen tager sig af det, som regel den, du bor i.", "The municipality handles it, usually the one where you live."}.in(language)
	}
	return both{c.Authority + " har ansvaret for »" + c.Title + "«.", c.Authority + " is responsible for “" + c.Title + "”."}.in(language)
}

var months = strings.Fields("januar februar marts april maj juni juli august september oktober november december")

// day writes a date for people.
func day(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return t.Format("2. ") + months[t.Month()-1] + t.Format(" 2006")
}
