"""Writes Danish as it is spoken to a public authority: lower case, numbers as words, no punctuation.

Three sources, mixed by `sentence`: templates of the domain, free sentences composed from a small grammar over the
lexicon, and word lists without grammar (so that the acoustic part does not lean on sentences it knows).
`python3 textgen.py N SEED` prints N sentences; `--stats` counts distinct words.
"""
import os
import random
import re
import sys

import numbers_da as nd

HERE = os.path.dirname(os.path.abspath(__file__))


class Lexicon:
    def __init__(self, path=os.path.join(HERE, "lexicon.txt")):
        self.nouns, self.verbs, self.adjs = [], [], []
        self.adv, self.f, self.m, self.l = [], [], [], []
        self.town, self.street, self.head, self.mod, self.fun = [], [], [], [], []
        self.phrases = [x.strip() for x in open(os.path.join(HERE, "phrases.txt"), encoding="utf-8") if x.strip()]
        kind = None
        for line in open(path, encoding="utf-8"):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("["):
                kind = line[1:-1]
                continue
            self.add(kind, line)

    def add(self, kind, line):
        if kind == "n irr" or kind == "v irr":
            f = line.split()
            if kind == "n irr":
                g = "et" if f[1].endswith("t") and not f[1].endswith("katt") else "en"
                self.nouns.append((g, *f))
            else:
                self.verbs.append(tuple(f))
            return
        for w in line.split():
            if kind.startswith("n "):
                self.nouns.append(self.noun(kind[2:], w))
            elif kind == "v ede":
                s = w[:-1] if w.endswith("e") else w
                self.verbs.append((w, w + "r", s + "ede", s + "et"))
            elif kind == "v te":
                inf, stem = w.split(":")
                self.verbs.append((inf, inf + "r", stem + "te", stem + "t"))
            elif kind == "a t":
                p = w.split(":")
                if len(p) == 1:
                    b = p[0]
                    e = b if b.endswith("å") else b + "e"
                    p = [b, b if b.endswith("t") else b + "t", e]
                self.adjs.append(tuple(p))
            else:
                {"adv": self.adv, "name f": self.f, "name m": self.m, "name l": self.l, "town": self.town,
                 "street": self.street, "head": self.head, "mod": self.mod, "fun": self.fun}[kind].append(w)

    @staticmethod
    def noun(cls, w):
        if cls == "c1":
            if w.endswith("el") and len(w) > 4:
                return ("en", w, w + "en", w[:-2] + "ler", w[:-2] + "lerne")
            if w.endswith("e"):
                return ("en", w, w + "n", w + "r", w + "rne")
            if w.endswith("er") :
                return ("en", w, w + "en", w + "e", w[:-2] + "erne")
            return ("en", w, w + "en", w + "er", w + "erne")
        if cls == "c2":
            return ("en", w, w + "n", w + "r", w + "rne") if w.endswith("e") else ("en", w, w + "en", w + "er", w + "erne")
        if cls == "c3":
            return ("en", w, w + "n", w + "r", w + "rne") if w.endswith("e") else ("en", w, w + "en", w + "e", w + "ene")
        if cls == "c4":
            return ("en", w, w + "en", w + "e", w + "ne")
        if cls == "c5":
            return ("en", w, w + "en", w + "er", w + "erne")
        if cls == "n1":
            if w.endswith("um") and w != "album":
                return ("et", w, w[:-2] + "et", w[:-2] + "er", w[:-2] + "erne")
            return ("et", w, w + "et", w + "er", w + "erne")
        if cls == "n2":
            return ("et", w, w + "t", w + "r", w + "rne") if w.endswith("e") else ("et", w, w + "et", w + "er", w + "erne")
        if cls == "n3":
            d = w + "t" if w.endswith("e") else w + "et"
            return ("et", w, d, w, w + "ene")
        raise ValueError(cls)


def lines(s):
    return [x.strip() for x in s.strip().split("\n") if x.strip()]


# {name} etc. are filled by Writer.slot; a|b in brackets is a choice, (…) is optional.
TEMPLATES = lines("""
[hej|goddag|godmorgen|dav|god eftermiddag] (du taler med {fname})
[hej|goddag] mit navn er {name} (og jeg bor i {town})
[hej|goddag] det er {name} fra {dept}
velkommen til {dept} du taler med {fname} hvad kan jeg hjælpe med
jeg ringer [om|angående|vedrørende|fordi jeg har spørgsmål til] {topic}
jeg ringer fordi jeg [har fået|har modtaget|mangler|venter på|ikke forstår] {thing}
jeg ringer på vegne af min {rel} som [er syg|bor i {town}|ikke taler dansk|har svært ved at høre|ikke har mitid]
jeg [vil|vil gerne|skal|skulle|ville] [søge|ansøge] om {benefit}
kan jeg [søge|få|forlænge|ændre|stoppe] {benefit} (når jeg {situation})
hvor lang tid tager det at [få svar på|behandle|få] {topic}
hvornår [kan jeg forvente|får jeg|kommer] [et svar|en afgørelse|pengene|mit nye pas|udbetalingen]
jeg [er flyttet|flytter|skal flytte] [fra {address} ]til {address} {date}
vi flytter {date} (og har brug for hjælp)
min [nye |gamle |nuværende ]adresse er {address}
jeg bor [på|i] {address} [sammen med min {rel}|alene|med {num} børn]
postnummeret er {zip} {town}
mit [telefonnummer|mobilnummer|nummer] er {phone}
du kan [ringe til|træffe|kontakte] mig på {phone} [efter {clock}|hele dagen|i morgen|]
[jeg kan træffes|ring til mig] på telefon {phone}
mit [cpr nummer|personnummer] er {cpr}
cpr nummeret er {cpr} og navnet er {name}
[må jeg bede om|kan du give mig|kan du oplyse] dit [cpr nummer|navn|telefonnummer|fulde navn|sagsnummer] (tak)
mit sagsnummer er {digits}
sagsnummeret er {digits} og det handler om {topic}
huslejen er {amount} om måneden
[min|vores] husleje [er steget til|er|bliver] {amount} (fra {date})
jeg [tjener|får udbetalt|har en indtægt på] {amount} [om måneden|før skat|efter skat|om året]
jeg betaler {amount} i [husleje|skat|varme|indskud|børnebidrag|gebyr]
beløbet er [på |]{amount} og skal betales senest {date}
fristen er {date} (klokken tolv)
regningen på {amount} [forfalder|skal betales] {date}
du har fået [bevilget|udbetalt|for meget udbetalt] {amount} (i {benefit})
jeg har [aldrig|ikke|endnu ikke] fået [pengene|mit svar|brevet|min udbetaling|en kvittering]
mødet er {date} {clock}
jeg har en tid {date} {clock} (på {dept})
kan vi [flytte|aflyse|ændre] mødet til {date} {clock}
vi har åbent [mandag til torsdag|alle hverdage|om fredagen] fra {clock} til {clock}
mit pas [udløber|udløb] {date} (og jeg skal rejse {date})
jeg skal [bestille|have|forny|hente] [et nyt pas|et kørekort|et sundhedskort|et pas til min {rel}]
[hvad koster|hvor bestiller jeg|hvornår kan jeg hente] [et pas|et nyt kørekort|et sundhedskort|en attest]
et pas koster {amount} [for voksne|for børn|]
jeg har [mistet|glemt|fået stjålet|tabt] [mit pas|min kode|mit kørekort|mit sundhedskort|min telefon|min nøgle]
jeg kan ikke [logge på|komme ind på|åbne|finde|læse] [digital post|mitid|borger punkt dk|min side|e boks|selvbetjeningen|brevet]
min mitid [virker ikke|er spærret|er udløbet|ligger på en gammel telefon]
du skal [logge på|gå ind på|bruge] [borger punkt dk|digital post|mitid|skat punkt dk] (med mitid)
[kan jeg|hvordan kan jeg] blive [fritaget|undtaget] fra digital post
du kan [få hjælp|søge|læse mere|booke tid] på borger punkt dk (eller på rådhuset)
kan min {rel} [hjælpe|søge|ringe|skrive under] for mig med en [digital |]fuldmagt
jeg har fået et brev fra {dept} om {topic}
jeg har en aftale med {dept} {date}
jeg [taler|talte] med en der hed {fname} fra {dept} (i {day})
[vil du|kan du|gider du] [gentage|sige] [det|nummeret|datoen|beløbet|adressen] [en gang til|igen|langsomt|]
undskyld jeg [hørte ikke|forstod ikke|fik ikke] [hvad du sagde|det sidste|nummeret|helt fat i navnet]
[et øjeblik|lige et øjeblik|vent lidt] jeg [finder|slår|åbner|kigger på] [din sag|det op|dine oplysninger|brevet]
jeg stiller dig [om|videre] til {dept}
[tak for hjælpen|mange tak|tusind tak|tak skal du have] [og hav en god dag|farvel|hej hej|]
[farvel|hej hej|vi tales ved|på genhør] [og tak for hjælpen|hav en god dag|]
[det lyder godt|det er helt i orden|det er fint|ja det er rigtigt|nej det er ikke rigtigt|ja tak|nej tak|okay]
[ja|nej|jo|okay|nå|hm] [det forstår jeg|det ved jeg ikke|det tror jeg|det er rigtigt|det passer|]
jeg vil gerne [ringes op|have en opringning] [i morgen|{date}|{clock}|hurtigst muligt] på {phone}
[læg|indtal] en besked efter tonen så ringer vi tilbage
dette er en besked til {dept} mit navn er {name} og mit nummer er {phone}
vil I ringe mig op på {phone} det [drejer sig om|handler om] {topic}
jeg har boet i {country} i {num} år (og er lige kommet hjem)
min {rel} er {num} år (gammel) og bor [på plejehjem|hjemme|i {town}|i egen bolig]
jeg er født {date} i {town}
vi har {num} børn på {num} og {num} år
lejligheden er på {num} kvadratmeter og koster {amount} om måneden
jeg har søgt om {benefit} {date} men har ikke hørt noget
[hvorfor|hvordan kan det være at] jeg [har fået afslag på|ikke kan få|skal betale tilbage af] {benefit}
[jeg vil gerne|kan jeg|hvordan kan jeg] klage over [afgørelsen|afslaget|sagsbehandlingen|{topic}]
klagefristen er {num} uger fra du [har modtaget|fik] afgørelsen
du skal [sende|indsende|vedlægge|fremlægge] [din lejekontrakt|lønsedler|kontoudtog|dokumentation for {topic}|en årsopgørelse]
vi mangler [dokumentation for|oplysninger om] {topic}
du får svar [inden for|om] {num} [dage|uger|måneder] (i din digitale post)
sagsbehandlingstiden er [cirka|omkring|højst] {num} [dage|uger|måneder]
der er [{num}|lang|ingen] ventetid [på {num} minutter|]
du er nummer {num} i køen
mit navn staves {spell}
det staves {spell}
jeg er [lejer|ejer|andelshaver|pensionist|studerende|ledig|sygemeldt|enlig forsørger|selvstændig]
jeg er blevet [fyret|syg|skilt|gift|enke|far|mor|bedstefar|bedstemor|opsagt]
min {rel} er [død|syg|indlagt|flyttet|blevet opereret] ({date})
hvad [gør|skal] jeg [gøre |]hvis jeg {situation}
skal jeg [betale|søge|oplyse|gøre noget|ringe] når jeg {situation}
[børnene|min {rel}] skal [starte i|skifte] [skole|børnehave|vuggestue|sfo] {date}
jeg skal [have skrevet op til|melde|søge] [en plads i|mit barn ind i] [vuggestue|børnehave|skole]
[skraldet|affaldet|storskraldet|papiret] er ikke blevet hentet på {address}
der er [et hul i vejen|en lampe der ikke virker|faldet et træ|en vandskade|rotter] ved {address}
vejret er [dejligt|dårligt|koldt|varmt] i dag
hvordan [har du det|går det|gik det]
[kan du høre mig|er du der|hallo] (jeg kan ikke høre dig)
jeg har det [godt|fint|ikke så godt|bedre]
""")

FILL = {
    "topic": lines("""boligstøtte
boligsikring
boligydelse
min flytning
min folkepension
min pension
mit pas
mit kørekort
mitid
digital post
min skat
min årsopgørelse
min forskudsopgørelse
restskat
børnepenge
børnetilskud
min barsel
en regning
et brev
en afgørelse
min ansøgning
en klage
min adresse
et lån til indskud
hjælp til indskud
enkeltydelse
hjælp i hjemmet
en plads i børnehave
affald
parkering
en byggesag
min sag
sygedagpenge
kontanthjælp
mit navn
navneændring
en fuldmagt
vores bryllup
en vielse
begravelse
et sundhedskort
lægevalg
hjælpemidler
min varmeregning
varmetillæg
helbredstillæg
en opsigelse
min husleje
en underskrift
et personligt møde
ældrecheck
efterløn
førtidspension
udbetaling danmark
statens uddannelsesstøtte"""),
    "benefit": lines("""boligstøtte
boligsikring
boligydelse
folkepension
førtidspension
efterløn
børnetilskud
børne og ungeydelse
barselsdagpenge
sygedagpenge
kontanthjælp
enkeltydelse
indskudslån
lån til indskud
økonomisk fripladstilskud
varmetillæg
helbredstillæg
ældrecheck
hjemmehjælp
et nødkald
uddannelsesstøtte
flyttehjælp
støtte til briller
tilskud til tandlæge
ledsagerordning
handicapbil
befordring
personligt tillæg"""),
    "thing": lines("""et brev
et brev jeg ikke forstår
en regning
en rykker
en afgørelse
et afslag
mit nye pas
min udbetaling
en opkrævning
mit sundhedskort
en besked i digital post
et svar
en kvittering
min årsopgørelse
jeres sms
en bøde
en bekræftelse"""),
    "rel": lines("""mor
far
søn
datter
mand
kone
kæreste
bror
søster
nabo
ven
veninde
bedstemor
bedstefar
mormor
farfar
ægtefælle
samlever
svigermor
tante
onkel
barnebarn"""),
    "dept": lines("""kommunen
borgerservice
udbetaling danmark
skattestyrelsen
jobcentret
familieafdelingen
ydelseskontoret
pensionskontoret
boligforeningen
ældreplejen
pladsanvisningen
politiet
folkeregistret
rådhuset
sygehuset
lægen
hjemmeplejen
teknik og miljø
statsforvaltningen
familieretshuset
gældsstyrelsen
ankestyrelsen
visitationen
biblioteket
skolen
banken
fagforeningen
a kassen"""),
    "situation": lines("""flytter
flytter sammen med min kæreste
bliver skilt
bliver gift
bliver syg
mister mit arbejde
får barn
går på pension
rejser til udlandet
bor alene
får en lejer
arbejder ved siden af
er på barsel
studerer
køber hus
sælger min lejlighed
ikke kan betale
får lønforhøjelse
ikke har nemid
fremlejer et værelse"""),
    "country": lines("""tyskland
sverige
norge
polen
spanien
england
tyrkiet
usa
frankrig
grønland
syrien
ukraine
rumænien"""),
}

PLAIN = re.compile(r"[^a-zæøåé ]")


class Writer:
    """Draws sentences; every choice comes from rng, so a seed gives the same text."""

    def __init__(self, rng, lex=None):
        self.rng, self.lex = rng, lex or Lexicon()

    # slots
    def slot(self, k):
        r, x = self.rng, self.lex
        if k in FILL:
            return r.choice(FILL[k])
        if k == "fname":
            return r.choice(r.choice([x.f, x.m]))
        if k == "name":
            n = self.slot("fname") + " "
            if r.random() < 0.3:
                n += r.choice([self.slot("fname"), r.choice(x.l)]) + " "
            return n + r.choice(x.l)
        if k == "address":
            s = r.choice(x.street) + " " + nd.two(r.randint(1, 99))
            if r.random() < 0.15:
                s = r.choice(x.street) + " " + nd.number(r.randint(100, 399), r)
            if r.random() < 0.35:
                s += " " + r.choice(["første sal", "anden sal", "tredje sal", "fjerde sal", "stuen"]) + \
                    r.choice(["", " til højre", " til venstre", " tv", " th", " midt for"])
            if r.random() < 0.4:
                s += " i " + r.choice(x.town)
            return s
        if k == "town":
            return r.choice(x.town)
        if k == "zip":
            return nd.digits_spoken("%04d" % r.randint(1000, 9990), r)
        if k == "num":
            return nd.two(r.choice([r.randint(2, 12), r.randint(2, 99)]))
        if k == "day":
            return r.choice(["går", "dag", "forgårs", "mandags", "fredags", "sidste uge"])
        if k == "digits":
            return nd.digits_spoken("".join(str(r.randint(0, 9)) for _ in range(r.randint(4, 10))), r)
        if k == "spell":
            w = r.choice(r.choice([x.f, x.m, x.l]))
            return " ".join(w) if len(w) < 9 else w
        return {"date": nd.date, "clock": nd.clock, "amount": nd.amount, "phone": nd.phone, "cpr": nd.cpr}[k](r)

    def template(self, t=None):
        t = t or self.rng.choice(TEMPLATES)
        t = re.sub(r"\(([^()]*)\)", lambda m: m.group(1) if self.rng.random() < 0.5 else "", t)
        while "[" in t:
            t = re.sub(r"\[([^\[\]]*)\]", lambda m: self.rng.choice(m.group(1).split("|")), t)
        return re.sub(r"\{(\w+)\}", lambda m: self.slot(m.group(1)), t)

    # grammar
    def noun_word(self):
        """A noun's forms, sometimes a fresh compound."""
        r, x = self.rng, self.lex
        n = r.choice(x.nouns)
        if r.random() < 0.18:
            mod = r.choice(x.mod)
            return (n[0],) + tuple(mod + w for w in n[1:])
        return n

    def np(self):
        r, x = self.rng, self.lex
        k = r.random()
        if k < 0.06:
            return self.slot("name" if r.random() < 0.4 else "fname")
        n = self.noun_word()
        et = n[0] == "et"
        a = r.choice(x.adjs)
        aa = a[1] if et else a[0]
        if k < 0.2:
            return n[2]
        if k < 0.34:
            return n[0] + " " + n[1]
        if k < 0.48:
            return n[0] + " " + aa + " " + n[1]
        if k < 0.56:
            return ("det " if et else "den ") + a[2] + " " + n[1]
        if k < 0.66:
            p = r.choice([("min", "mit", "mine"), ("din", "dit", "dine"), ("vores",) * 3, ("hans",) * 3, ("hendes",) * 3,
                          ("jeres",) * 3, ("deres",) * 3, ("sin", "sit", "sine")])
            if r.random() < 0.3:
                return p[2] + " " + (a[2] + " " if r.random() < 0.4 else "") + n[3]
            return p[1 if et else 0] + " " + (a[2] + " " if r.random() < 0.4 else "") + n[1]
        if k < 0.76:
            return r.choice(["", "", "nogle ", "mange ", "flere ", "alle ", "få "]) + (a[2] + " " if r.random() < 0.5 else "") + n[3]
        if k < 0.82:
            return "de " + a[2] + " " + n[3] if r.random() < 0.5 else n[4]
        if k < 0.88:
            return nd.number(r.choice([r.randint(2, 20), r.randint(2, 99), r.randint(2, 2000)]), r) + " " + n[3]
        if k < 0.92:
            return ("dette " if et else "denne ") + n[1]
        if k < 0.96:
            return r.choice(["hver ", "ingen ", "hvert "]) + n[1]
        return r.choice(x.l) + "s " + n[1]

    def subj(self):
        if self.rng.random() < 0.65:
            return self.rng.choice("jeg jeg jeg du vi vi han hun de man det den der i".split())
        return self.np()

    def adverbial(self):
        r, x = self.rng, self.lex
        k = r.random()
        if k < 0.26:
            return r.choice(["på", "i", "ved", "til", "fra", "med", "uden", "under", "over", "efter", "før", "om", "for", "mod",
                             "gennem", "mellem", "hos", "af", "bag", "foran", "omkring", "langs"]) + " " + self.np()
        if k < 0.42:
            return nd.date(r)
        if k < 0.5:
            return nd.clock(r)
        if k < 0.6:
            return r.choice(["i dag", "i går", "i morgen", "i aften", "i nat", "i år", "i sommer", "i weekenden", "næste uge",
                             "sidste år", "hver dag", "om lidt", "for længe siden", "om eftermiddagen", "på " + r.choice(nd.DAYS),
                             "om " + r.choice(nd.DAYS) + "en", "i " + r.choice(nd.MONTHS), "til " + r.choice(nd.MONTHS),
                             "for " + nd.two(r.randint(2, 40)) + " år siden", "om " + nd.two(r.randint(2, 30)) + " dage"])
        if k < 0.68:
            return "i " + r.choice(x.town)
        if k < 0.73:
            return "på " + self.slot("address")
        if k < 0.78:
            return "for " + nd.amount(r)
        return r.choice(x.adv)

    def vp(self, form):
        """Verb phrase with the finite verb in form 1 (present) or 2 (past): (finite, rest)."""
        r, x = self.rng, self.lex
        v = r.choice(x.verbs)
        k = r.random()
        if k < 0.22:
            m = r.choice([("skal", "skulle"), ("vil", "ville"), ("kan", "kunne"), ("må", "måtte"), ("bør", "burde")])
            fin, rest = m[form - 1], [v[0]]
            if r.random() < 0.2:
                fin, rest = m[form - 1], ["gerne", v[0]]
        elif k < 0.42:
            fin, rest = ("har", "havde")[form - 1], [v[3]]
        elif k < 0.5:
            fin, rest = ("er", "var")[form - 1], [r.choice([r.choice(x.adjs)[0], "blevet " + v[3]])]
        elif k < 0.56:
            fin, rest = ("prøver", "prøvede")[form - 1] if r.random() < 0.5 else ("begynder", "begyndte")[form - 1], ["at " + v[0]]
        else:
            fin, rest = v[form], []
        if r.random() < 0.65:
            rest.append(self.np())
        if r.random() < 0.45:
            rest.append(self.adverbial())
        return fin, rest

    def clause(self, sub=False):
        r, x = self.rng, self.lex
        fin, rest = self.vp(r.choice([1, 1, 2]))
        s = self.subj()
        neg = [r.choice(["ikke", "ikke", "aldrig", "altid", "også", r.choice(x.adv)])] if r.random() < 0.25 else []
        if sub:
            return [s] + neg + [fin] + rest
        if r.random() < 0.3:
            return [self.adverbial(), fin, s] + neg + rest
        return [s, fin] + neg + rest

    def free(self):
        r = self.rng
        k = r.random()
        if k < 0.15:
            fin, rest = self.vp(1)
            out = [r.choice(["hvornår", "hvorfor", "hvordan", "hvor", "hvad", "hvem", "hvilken " + self.noun_word()[1], "hvor mange " + self.noun_word()[3],
                             "", "", "", ""]), fin, self.subj()] + rest
        else:
            out = self.clause()
        if r.random() < 0.35:
            out += [r.choice("fordi hvis når at som der mens selvom inden efter så om da eftersom medmindre hvor".split())] + self.clause(True)
        elif r.random() < 0.2:
            out += [r.choice(["og", "men", "eller", "så", "for"])] + self.clause()
        return " ".join(out)

    def anyword(self):
        r, x = self.rng, self.lex
        k = r.random()
        if k < 0.4:
            return r.choice(self.noun_word()[1:])
        if k < 0.65:
            return r.choice(r.choice(x.verbs))
        if k < 0.78:
            return r.choice(r.choice(x.adjs))
        if k < 0.84:
            return r.choice(x.adv)
        if k < 0.9:
            return r.choice(r.choice([x.f, x.m, x.l, x.town, x.street]))
        if k < 0.96:
            return r.choice(x.mod) + r.choice(x.head)
        return nd.two(r.randint(0, 99))

    def words(self):
        """No grammar at all; half of them with small words between, as in speech."""
        r = self.rng
        p = r.choice([0, 0, 0.5])
        return " ".join(r.choice(self.lex.fun) if r.random() < p else self.anyword() for _ in range(r.randint(1, 9)))

    def phrase(self):
        """A written sentence, a part of one, or two joined; sometimes with one word changed."""
        r = self.rng
        w = r.choice(self.lex.phrases).split()
        k = r.random()
        if k < 0.2 and len(w) > 4:
            i = r.randint(0, len(w) - 4)
            w = w[i:i + r.randint(3, len(w))]
        elif k < 0.35:
            w += r.choice(self.lex.phrases).split()
        elif k < 0.6:
            w[r.randrange(len(w))] = self.anyword()
        elif k < 0.75:
            w += [r.choice(["og", "men", "så", "fordi", "for"])] + self.clause()
        return " ".join(w)

    def numberish(self):
        r = self.rng
        return r.choice([lambda: nd.number(r.randint(0, 999), r), lambda: nd.number(r.randint(0, 99999), r),
                         lambda: nd.phone(r), lambda: nd.cpr(r), lambda: nd.date(r), lambda: nd.clock(r), lambda: nd.amount(r),
                         lambda: " ".join(nd.ONES[i] for i in range(1, r.randint(3, 20)))])()

    def sentence(self):
        """(kind, text)"""
        k = self.rng.random()
        if k < 0.26:
            kind, t = "template", self.template()
        elif k < 0.42:
            kind, t = "phrase", self.phrase()
        elif k < 0.74:
            kind, t = "free", self.free()
        elif k < 0.91:
            kind, t = "words", self.words()
        else:
            kind, t = "number", self.numberish()
        t = re.sub(r" +", " ", PLAIN.sub(" ", t.lower().replace("é", "e"))).strip()
        return (kind, t) if t else self.sentence()


def main():
    n, seed = int(sys.argv[1]), int(sys.argv[2])
    w = Writer(random.Random(seed))
    words = set()
    for _ in range(n):
        kind, t = w.sentence()
        words.update(t.split())
        if "--stats" not in sys.argv:
            print(kind + "\t" + t)
    if "--stats" in sys.argv:
        print(n, "sentences,", len(words), "distinct words")


if __name__ == "__main__":
    main()
