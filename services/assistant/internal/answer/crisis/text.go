package crisis

import "samtale.dk/samtale/services/contract/assistantv1"

// line is a number that people are given. The numbers are those of the organisations' own pages.
type line struct{ da, en, number string }

var (
	alarm      = line{"Ring 112", "Call 112", "112"}
	police     = line{"Politiet (ikke akut) 114", "Police (not urgent) 114", "114"}
	livslinien = line{"Livslinien 70 201 201", "Livslinien, suicide prevention 70 201 201", "70201201"}
	levUden    = line{"Lev Uden Vold 1888", "Lev Uden Vold, violence hotline 1888", "1888"}
	children   = line{"BørneTelefonen 116 111", "BørneTelefonen, for children 116 111", "116111"}
	giftlinjen = line{"Giftlinjen 82 12 12 12", "Giftlinjen, poison line 82 12 12 12", "82121212"}
)

var texts = map[Kind]struct {
	da, en string
	lines  []line
}{
	Emergency: {
		"Er der fare for liv, så ring 112 nu. Sig, hvor du er, og hvad der er sket. Bliv i røret. Denne side kan ikke sende hjælp.",
		"If a life is in danger, call 112 now. Say where you are and what has happened. Stay on the line. This page cannot send help.",
		[]line{alarm},
	},
	Poison: {
		"Ring til Giftlinjen på 82 12 12 12. De svarer hele døgnet. Har den forgiftede kramper, svært ved at trække vejret eller er svær at vække, så ring 112 nu.",
		"Call Giftlinjen, the poison line, on 82 12 12 12, day and night. If the person has seizures, trouble breathing or is hard to wake, call 112 now.",
		[]line{giftlinjen, alarm},
	},
	Suicide: {
		"Det lyder, som om du eller en anden har det meget svært. Du er ikke alene. Ring til Livslinien på 70 201 201, alle dage. Er der fare for liv nu, så ring 112. Er du barn eller ung, kan du også ringe til BørneTelefonen på 116 111.",
		"It sounds as if you or somebody else is going through something very hard. You are not alone. Call Livslinien on 70 201 201, every day. If a life is in danger now, call 112. Children and young people can also call BørneTelefonen on 116 111.",
		[]line{livslinien, alarm, children},
	},
	Child: {
		"Ingen må slå eller krænke et barn. Er et barn i fare nu, så ring 112. Er du barn, kan du ringe gratis til BørneTelefonen på 116 111, også uden at sige, hvem du er. Voksne, der er bekymrede, skal sige det til kommunen; Lev Uden Vold svarer hele døgnet på 1888.",
		"Nobody may hit or abuse a child. If a child is in danger now, call 112. Children can call BørneTelefonen free of charge on 116 111 without saying who they are. Adults who are worried must tell the municipality; Lev Uden Vold answers day and night on 1888.",
		[]line{alarm, children, levUden},
	},
	Violence: {
		"Det er ikke i orden, at nogen truer eller slår. Er du i fare nu, så ring 112. Du kan ringe gratis til Lev Uden Vold på 1888 hele døgnet, også for at få plads på et krisecenter. De siger ikke noget videre.",
		"Nobody has the right to threaten or hit you. If you are in danger now, call 112. You can call Lev Uden Vold free of charge on 1888, day and night, also to find a shelter. They pass nothing on.",
		[]line{alarm, levUden},
	},
	Threat: {
		"Er nogen i fare nu, så ring 112. Er du bange for at gøre dig selv eller andre ondt, så ring til Livslinien på 70 201 201 eller til Lev Uden Vold på 1888. De hjælper også den, der er vred.",
		"If anybody is in danger now, call 112. If you are afraid of hurting yourself or others, call Livslinien on 70 201 201 or Lev Uden Vold on 1888. They also help people who are angry.",
		[]line{alarm, levUden, livslinien, police},
	},
}

// Text is what to say and whom to call, in English or else in Danish.
func Text(k Kind, language string) (string, []assistantv1.Route) {
	t := texts[k]
	text := t.da
	if language == "en" {
		text = t.en
	}
	var routes []assistantv1.Route
	for _, l := range t.lines {
		label := l.da
		if language == "en" {
			label = l.en
		}
		routes = append(routes, assistantv1.Route{Kind: assistantv1.RouteEmergency, Label: label, Target: "tel:" + l.number})
	}
	return text, routes
}
