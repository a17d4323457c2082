package crisis

import "strings"

// rules in the order in which they are tried. Phrases are written as people write; they are folded when the table is made.
var rules = func() []rule {
	var out []rule
	for _, r := range []struct {
		kind            Kind
		phrases, unless string
	}{
		{Poison, `
			har slugt/drukket/spist … gift*/svampe*/kemikalie*/batteri*/rottegift*/afløbsrens*/klorin*/lampeolie*/sæbe*/pille*/tablet*/medicin*/rens*
			har taget … for mange piller/tabletter/panodil*/sovepiller/pamol/medicin
			har taget en overdosis
			har taget overdosis
			taget … overdosis
			tog … overdosis
			overdosis
			overdose
			overdosed
			slugt … gift
			drukket … gift
			drukket … klorin*/lampeolie*/afløbsrens*/sprinklervæske/kølervæske/terpentin*
			slugt … piller/batteri/tabletter/knapcelle
			barn* … spist … piller/svamp*/gift*/bær
			spise/spist/spiser/slugt/slikket … svamp/svampe/svampen/gift*/piller/bær/batteri/tabletter/knapcelle/rottegift*/planten
			drak … sprit/klorin/rens*/lampeolie
			er blevet forgiftet
			er forgiftet
			fået gift i
			swallowed … pills/battery/poison/bleach/tablets
			drank … bleach/poison
			took too many … pills/tablets/painkillers
			taken too many … pills/tablets/painkillers
			ate … poison*
			been poisoned`, "begravelseshjælp/tilskud/arv"},
		{Emergency, `
			blodprop … nu/lige/akut`, "sygemeld*/sygedagpenge/dagpenge/genoptræning/pension/førtidspension/fleksjob/kørekort/løn"},
		{Violence, `
			tvinger mig`, "kommunen/jobcenter*/a-kassen/akassen/sagsbehandler*/praktik/aktivering/kursus/loven/staten/skat"},
		{Emergency, `
			trækker ikke vejret
			trækker ikke vejret længere
			får ikke luft
			kan ikke få luft
			kan ikke trække vejret
			kan ikke få vejret
			er bevidstløs
			ånder ikke
			trækker næsten ikke vejret
			vågner ikke
			kan ikke vække
			kan ikke vækkes
			reagerer ikke … på/når/længere/barn/mor/far
			han/hun/barnet/mor/far/hende/ham … reagerer ikke
			er helt slap
			blå i hovedet
			blå læber
			blå om munden
			kramper
			faldet i havnen/vandet/søen/åen/poolen/isen
			faldt i vandet/havnen/søen
			gået gennem isen
			faldet ud af vinduet
			faldet ned fra … etage/sal/stillads/tag/taget/stigen
			lugter af gas
			gaslugt
			kulilte*
			klemt fast
			sidder fast i … bilen/elevator*
			står udenfor … kniv/døren/pistol/hammer/vinduet
			står uden for … kniv/døren/pistol/hammer/vinduet
			med en kniv
			med en pistol
			med et våben
			nogen … prøver at komme ind
			prøver at bryde ind
			forsøger at bryde ind
			choked on
			won't wake up
			wont wake up
			not waking up
			not responding
			fell in the water/harbour/sea
			with a knife
			with a gun
			smell gas
			bevidstløs
			hjertestop
			har hjertestop
			hjerteanfald
			hjertetilfælde
			har … ondt i brystet
			stærke smerter i brystet
			smerter i brystet
			trykken i brystet
			bløder … meget/kraftigt/voldsomt/hele/stopper
			holder ikke op med at bløde
			vil ikke stoppe med at bløde
			det brænder
			brænder … huset/lejligheden/køkkenet/hjemme/os/hus/lejlighed/naboen*/nabo
			ildebrand … nu/hos/hjemme/hjælp
			der er brand
			der er ild
			ild i … huset/lejligheden/køkkenet/gardinet/opgangen
			røg … lejligheden/huset/opgangen … kan ikke
			er druknet
			er ved at drukne
			drukner
			er blevet stukket
			er stukket ned
			stukket … kniv
			er blevet skudt
			skudt … mand/kvinde/dreng
			er blevet kørt ned/over/ned
			blevet påkørt
			falder om
			faldet om
			faldt om
			ringe 112
			ring 112
			ringe til 112
			ring til 112
			hvad er nummeret til 112
			skal jeg ringe 112
			er brudt ind
			bryder ind … nu/lige
			indbrud … nu/lige nu
			indbrudstyv*
			ambulance … nu/hurtigt/akut/straks/hurtig
			brug for en ambulance
			brug for ambulance
			sende en ambulance
			send en ambulance
			send politiet
			kald politiet
			brug for politiet … nu
			akut hjælp
			hjælp … dør
			er ved at dø
			ved at dø
			dør nu
			jeg dør … hjælp
			er i livsfare
			livsfare
			livstruende
			der er sket en ulykke
			lige sket en ulykke
			trafikulykke … nu/lige/her
			bliver kvalt
			ved at blive kvalt
			er ved at kvæles
			krampeanfald
			allergisk chok
			slagtilfælde … nu/lige
			føder … nu/lige
			fødslen er i gang
			vandet er gået
			not breathing
			isn't breathing
			stopped breathing
			can't breathe
			cannot breathe
			can not breathe
			heart attack
			chest pain
			chest pains
			having a stroke
			is unconscious
			unconscious
			bleeding … a lot/heavily/badly/stop
			call an ambulance
			need an ambulance
			call 112
			call the police
			house is on fire
			on fire
			is dying
			i'm dying
			i am dying
			been stabbed
			been shot
			has been stabbed
			is drowning
			breaking in … now
			emergency number
			medical emergency
			this is an emergency
			it's an emergency
			alarmcentral*
			nødnummer*
			alarm 112`, "pension/folkepension/førtidspension/arv/forsikring"},
		{Child, `
			min far/mor/stedfar/papfar/stedmor/papmor/bonusfar/onkel/farfar/bedstefar/morfar/lærer/træner/bror/storebror … slår/rører/piller/tæver/voldtog/voldtager/misbruger/banker/sparker/kalder/truer/befamler/tager/slog/rørte
			mine forældre … slår/tæver/banker/sparker/skælder/drikker/truer/slog
			mine forældre er fulde
			min mor/far … drikker/drukket/fuld/fulde
			bliver slået … hjemme
			jeg bliver slået
			jeg får tæsk
			får bank derhjemme
			får tæsk
			barn … bliver/blir/er … slået/misbrugt/mishandlet/tævet/voldtaget/krænket/vanrøgtet
			børn … bliver/blir/er … slået/misbrugt/mishandlet/tævet/voldtaget/krænket
			barnet … bliver/blir/er … slået/misbrugt/mishandlet/tævet/voldtaget/krænket
			børnene … bliver/blir/er … slået/misbrugt/mishandlet/tævet/krænket
			slår … barn/børn/børnene/barnet/søn/datter/baby/sønnen/datteren/dreng/drengen/pige/pigen/ungerne/ungen
			slog … barn/børn/børnene/barnet/søn/datter/baby/ungerne/ungen
			ryster … baby/babyen
			rystet … baby/babyen
			tæsker … barn/børn/børnene/barnet/søn/datter/ungerne
			banker … barn/børn/børnene/barnet/søn/datter/ungerne
			misbruger … barn/børn/børnene/barnet/søn/datter
			mishandler … barn/børn/børnene/barnet/søn/datter
			krænker … barn/børn/børnene/barnet/søn/datter
			skriger … barn/baby … nabo*
			seksuelt … barn/børn/datter/søn/mindreårig*
			incest
			børnemishandling
			overgreb … barn/børn/datter/søn/mig
			grooming
			bange for … min far/mor/stedfar/papfar
			bange for at gå hjem
			tør ikke gå hjem
			tør ikke tage hjem
			tør ikke komme hjem
			er … stukket af hjemmefra
			løbet hjemmefra
			løbet væk hjemmefra
			jeg er … år … alene hjemme
			barn … alene hjemme … nu
			barn/pige/dreng/datter/søn/børn/unge/baby … alene hjemme … græder/voksne/dage/nat/natten/ingen
			alene hjemme og græder
			ingen voksne … hjemme/barn/børn/pige/dreng
			min mor/far … vågner ikke
			jeg er et barn … hjælp
			my dad/father/mom/mum/mother/stepdad/stepfather/uncle/parents … hits/hit/beats/beat/touches/touched/hurts/rapes/raped/abuses/drunk
			parents … beat/hit me
			hits/beats/abuses/abusing/hitting/beating/hurting … child/children/kids/kid/son/daughter/baby
			child … being … abused/beaten/hurt/hit
			child abuse
			scared to go home
			afraid to go home
			afraid of my … dad/father/mom/mother/stepfather`, `
			min mand/kone/kæreste/eks*/samlever … slår mig
			min mand/kone/kæreste/eks*/samlever … tør ikke`},
		{Suicide, `
			*elvmor*
			begå selvmord
			tage livet af
			tage mit eget liv
			tage mit liv
			tage sit eget liv
			tage sit liv
			tager … livet af mig/sig
			tog livet af sig … vil også
			taget livet af sig … nu
			slå mig selv ihjel
			slå sig selv ihjel
			slår mig selv ihjel
			dræbe mig selv
			dræbe sig selv
			gøre en ende på det
			gøre en ende på livet
			gøre en ende på det hele
			gør en ende på det
			ende det hele
			ende mit liv
			afslutte mit liv
			afslutte livet
			afslutte det hele
			vil … ikke leve
			ville … ikke leve
			gider ikke leve
			gider ikke mere
			gider ikke være her
			gider ikke livet
			gider ikke at leve
			orker ikke at leve
			orker ikke leve
			orker ikke livet
			orker ikke mere
			orker ikke en dag til
			magter ikke mere
			magter ikke livet
			magter ikke at leve
			kan ikke mere
			kan ikke klare mere
			kan ikke holde … ud mere/længere
			kan ikke holde livet ud
			holder ikke livet ud
			holder det ikke ud længere
			klarer ikke mere
			har ikke lyst til at leve
			ikke lyst til at leve
			ikke lyst til at være her
			ikke lyst til livet
			ikke lysten til at leve
			mistet lysten til at leve
			mistet livslysten
			ingen livslyst
			livslede
			livstræt
			træt af at leve
			træt af livet
			træt af at være til
			ked af at leve
			ingen grund til at leve
			ingen grund til … være her
			ingen grund til at jeg
			bedre … hvis jeg ikke … var/er/fandtes/levede
			bedre … hvis jeg … var væk/død/forsvandt
			ikke var her mere/længere
			ikke være her mere/længere/mer
			ikke vil være her
			vil ikke være her
			vil bare være væk
			vil bare væk herfra
			forsvinde for altid
			vil it lev*
			vil ik lev*
			vil ikke lev*
			vil et lev*
			ka/kan et mier
			ka/kan it mier/mere
			togskinne*
			på skinnerne
			ud foran et tog
			ud foran toget
			foran et tog
			foran toget
			står på … broen/kanten/taget/altanen/skinnerne
			står oppe på … broen/bro/tag/taget
			samlet … piller/sovepiller/tabletter
			har købt et reb
			et reb … hænge/halsen/loftet
			giver op på livet
			give op på livet
			hader mit liv
			hader at leve
			livet gør for ondt
			livet gør ondt
			få det overstået … livet/dø
			slippe for at leve
			skåret mig
			skåret i mig
			skar mig selv
			skær i mig selv
			intet at leve for
			ikke noget at leve for
			ikke mere at leve for
			ingenting at leve for
			livet er ikke værd at leve
			ikke værd at leve
			livet er … meningsløst
			meningsløst … leve/liv/livet
			ingen mening med livet
			kan ikke se meningen med livet
			kan ikke se nogen mening med
			vil … væk herfra for altid
			vil bare dø
			vil gerne dø
			vil dø
			ville dø
			vil helst dø
			ønsker at dø
			ønsker jeg var død
			ønsker bare at dø
			ønsker at forsvinde
			ønsker ikke at leve
			gid jeg … død/dø
			ville ønske jeg … død/dø
			bedre … død
			hellere … død/dø/være død
			lyst til at dø
			lyst til at forsvinde
			lyst til at skade mig
			tænker på at dø
			tænker … døden
			tanker om døden
			tanker om at dø
			tænker på at tage
			tænker på at hoppe
			tænker på at springe
			springe ud foran
			springe ud fra … bro/altan/tag/taget/broen
			hoppe ud foran
			hoppe ud fra
			hoppe ud over … bro/altan/kanten/broen
			kaste mig ud foran
			kaste mig foran
			hænge mig
			hænge mig selv
			hænge sig selv
			skære i mig selv
			skærer i mig selv
			skærer mig selv
			skære mig selv
			cutter mig selv
			cutter
			skærer i sig selv
			skære i sig selv
			skader mig selv
			skade mig selv
			skader sig selv
			skade sig selv
			gøre skade på mig selv
			gøre mig selv ondt
			gør mig selv ondt
			gøre mig selv noget
			gøre noget ved mig selv
			gør noget ved mig selv
			gøre skade på sig selv
			selvskade*
			tage piller … alle/nok/sove
			tage alle mine piller
			tager alle pillerne
			tage en overdosis
			sove og aldrig vågne
			sove ind og ikke vågne
			ikke vågne igen
			aldrig vågne
			aldrig vågne igen
			sige farvel til alle
			skrevet … afskedsbrev
			afskedsbrev*
			sidste gang i hører fra mig
			ingen … ville savne mig
			ingen … vil savne mig
			alle … bedre … uden mig
			bedre uden mig
			klarer sig bedre uden mig
			bedre stillet uden mig
			verden … bedre … uden mig
			til byrde for alle
			kan ikke se nogen udvej
			ser ingen udvej
			ingen udvej
			kan ikke overskue at leve
			ikke overskue livet
			ikke overskue at leve
			hvorfor leve
			hvad er … meningen med at leve
			er der nogen grund til at leve
			suicid*
			kill myself
			killing myself
			kil myself
			kill himself
			kill herself
			kms
			end my life
			end it all
			ending it all
			ending my life
			take my own life
			take my life
			taking my own life
			want to die
			wanna die
			wants to die
			want to be dead
			wish i was dead
			wish i were dead
			don't want to live
			dont want to live
			do not want to live
			don't want to be alive
			dont want to be alive
			don't want to be here anymore
			dont want to be here anymore
			don't want to wake up
			no reason to live
			nothing to live for
			not worth living
			tired of living
			tired of life
			can't go on
			cant go on
			cannot go on
			can't take it anymore
			can't do this anymore
			cut myself
			cutting myself
			hurt myself
			hurting myself
			harm myself
			self harm
			self-harm
			better off dead
			better off without me
			jump off … bridge/building/roof
			jump in front of
			hang myself
			goodbye letter`, `begravelseshjælp
			arv efter
			ægtefælle … begik selvmord … pension/arv/efterlevende/begravelse
			begik selvmord … arv/begravelse/pension/testamente/skifte/forsikring/efterlevende
			finde en tid
			logge ind
			logge på
			printe
			betale … huslejen
			få … til at virke`},
		{Violence, `
			slår mig
			slog mig
			slået mig
			har slået mig
			slår hende
			slår ham
			slår sin kone/kæreste/mand
			bliver slået
			blir slået
			blev slået
			blevet slået
			tæver mig
			tævede mig
			tæsker mig
			tæskede mig
			banker mig
			bankede mig
			sparker mig
			sparkede mig
			kvæler mig
			tog kvælertag
			tager kvælertag
			kvælertag
			skubber … mig … ned/væggen/trappen
			kaster ting efter mig
			river mig i håret
			er voldelig
			voldelig mand/kæreste/kone/eks/ægtefælle/partner/far/samlever/kæreste
			voldelige … mand/eks/kæreste/kone/samlever
			min mand/kone/kæreste/eks/samlever/ægtefælle … voldelig/slår/tæver/truer/banker/sparker/slog/voldtager/voldtog/voldtaget/kontrollerer/låser/forfølger/stalker/kvæler/truet/slået/skubber/overvåger/dræbe/ihjel
			bange for min mand/kone/kæreste/eks/partner/ægtefælle/samlever/ekskæreste/eksmand
			bange for … slår/dræber/ihjel/voldelig
			bange for at være hjemme
			tør ikke være hjemme
			ikke tryg hjemme
			ikke tryg i mit eget hjem
			utryg derhjemme
			utryg hjemme
			føler mig truet
			bliver truet
			blir truet
			blev truet
			blevet truet
			truer mig
			truede mig
			truer med at
			truer … kniv/pistol/våben/ihjel/tæsk/bank
			kontrollerer … mig/telefon/penge/mobil
			tager min telefon
			må ikke se mine … venner/veninder/familie
			spytter på mig
			river i mig
			presser mig til … sex/gifte/samleje
			tvunget til sex
			sex mod min vilje
			mod min vilje
			har truet mig
			truet på livet
			trusler … mod mig/livet/fra
			dødstrusler
			dødstrussel
			slå mig ihjel
			slår mig ihjel
			vil slå … ihjel
			vil dræbe mig
			dræbe os
			vold i hjemmet
			vold … hjemme
			hjemlig vold
			partnervold
			psykisk vold
			udsat for vold
			vold i mit forhold
			vold … forhold/ægteskab/parforhold/familie/samlever/kæreste/mand/ægtefælle
			fysisk vold
			udsættes for vold
			voldsramt
			krisecenter
			kvindekrisecenter
			æresrelateret
			negativ social kontrol
			social kontrol
			tvangsægteskab
			tvunget til at gifte
			tvinger mig til … gifte/sex/at have
			genopdragelsesrejse
			voldtægt
			voldtaget
			voldtog
			voldtager
			voldtæg
			voldteget
			er blevet overfaldet
			blev overfaldet
			overfaldet mig
			overfaldt mig
			blevet udsat for overgreb
			overgreb
			seksuelt overgreb
			misbruger mig
			misbrugt
			misbrugte mig
			rører ved mig … vil
			krænket mig
			stalker
			stalket
			stalking
			forfølger mig
			holder mig indespærret
			låser mig inde
			låst inde
			spærret inde
			lader mig ikke gå ud
			må ikke forlade huset
			tager mine penge … mand/kæreste/slår
			hits me
			hit me
			hitting me
			beats me
			beat me
			beating me
			beaten by
			hurts me
			hurting me
			abuses me
			abusing me
			abusive
			abused by
			domestic violence
			domestic abuse
			strangled me
			choked me
			chokes me
			threatens me
			threatening me
			threatened me
			threatens to
			threatened to kill
			threatening to
			kill me
			scared of my husband/wife/boyfriend/girlfriend/partner/ex
			afraid of my husband/wife/boyfriend/girlfriend/partner/ex
			not safe at home
			unsafe at home
			don't feel safe
			raped
			rape
			sexual assault
			sexually assaulted
			been assaulted
			being stalked
			is stalking
			stalking me
			forced to marry
			forced marriage
			locked me in
			women's shelter
			shelter from my husband`, `
			særlig adressebeskyttelse`},
		{Threat, `
			slå … ihjel
			slår … ihjel
			dræbe … ham/hende/dem/nogen/min/mine/jer/alle/sagsbehandler*
			dræber … ham/hende/dem/nogen/min/mine/jer
			myrde*
			skyde … ham/hende/dem/nogen/jer/alle
			skyder … ham/hende/dem/nogen/jer
			stikke … ned … ham/hende/dem/nogen/jer
			stikke ham/hende/dem/nogen/jer ned
			gøre … ondt … ved … ham/hende/nogen/dem/mit/mine/barn/børn
			skade … andre/nogen/mine børn/mit barn/ham/hende
			komme til at slå
			bange for at slå … barn/børn/kone
			bange for hvad jeg kan finde på
			bombe*
			sprænge … i luften
			brænde … jer/kommunen/rådhuset/stedet/lortet … ned/af
			komme ned og smadre
			smadre … jer/sagsbehandler*/dig/hende/ham
			skal nok få ram på
			vold mod andre
			amok
			har en pistol
			har et våben … hjemme/med/og
			har en kniv
			planlægger … angreb/attentat
			terror*
			kill him
			kill her
			kill them
			kill someone
			kill my
			kill you
			kill everyone
			hurt someone
			hurt somebody
			hurt my … kids/children/wife/husband/baby
			shoot … them/him/her/someone/everyone/you
			stab … him/her/someone/them/you
			blow up
			have a gun
			bring a gun`, `våbentilladelse/jagttegn
			slå … ihjel … tid`},
	} {
		out = append(out, rule{r.kind, lines(r.phrases), lines(r.unless)})
	}
	return out
}()

// lines folds each line of a table as a text is folded, with its marks left in place.
func lines(table string) []string {
	var out []string
	for l := range strings.Lines(table) {
		var parts []string
		for part := range strings.SplitSeq(strings.TrimSpace(l), "…") {
			var ws []string
			for w := range strings.FieldsSeq(part) {
				var alts []string
				for a := range strings.SplitSeq(w, "/") {
					f := strings.Join(fold(strings.Trim(a, "*")).words, "")
					if strings.HasPrefix(a, "*") {
						f = "*" + f
					}
					if strings.HasSuffix(a, "*") {
						f += "*"
					}
					alts = append(alts, f)
				}
				ws = append(ws, strings.Join(alts, "/"))
			}
			parts = append(parts, strings.Join(ws, " "))
		}
		if l := strings.Join(parts, "…"); l != "" {
			out = append(out, l)
		}
	}
	return out
}
