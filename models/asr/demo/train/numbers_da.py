"""Danish numbers, dates, times, amounts and identity numbers as they are spoken."""

ONES = ("nul en to tre fire fem seks syv otte ni ti elleve tolv tretten fjorten femten seksten sytten atten nitten").split()
TENS = {2: "tyve", 3: "tredive", 4: "fyrre", 5: "halvtreds", 6: "tres", 7: "halvfjerds", 8: "firs", 9: "halvfems"}
MONTHS = "januar februar marts april maj juni juli august september oktober november december".split()
DAYS = "mandag tirsdag onsdag torsdag fredag lørdag søndag".split()
ORD = ("nulte første anden tredje fjerde femte sjette syvende ottende niende tiende ellevte tolvte trettende fjortende "
       "femtende sekstende syttende attende nittende tyvende").split()


def two(n):
    """0–99."""
    if n < 20:
        return ONES[n]
    t, o = divmod(n, 10)
    if o == 0:
        return TENS[t]
    return ONES[o] + "og" + TENS[t]


def number(n, rng=None, neuter=False):
    """0–999,999,999; rng varies 'et hundrede' / 'hundrede', 'og'."""
    if n < 100:
        return "et" if neuter and n == 1 else two(n)
    pick = (lambda *a: a[0]) if rng is None else (lambda *a: rng.choice(a))
    if n < 1000:
        h, r = divmod(n, 100)
        head = (pick("et ", "", "") if h == 1 else ONES[h] + " ") + "hundrede"
        if r == 0:
            return head
        return head + pick(" og ", " og ", " ") + two(r)
    if n < 1_000_000:
        t, r = divmod(n, 1000)
        if rng is not None and t < 100 and t > 10 and r >= 100 and rng.random() < 0.2:  # nitten hundrede …
            h, q = divmod(r, 100)
            if q and t < 20:
                return two(t) + " hundrede og " + two(q) if h == 0 else number(t, rng, True) + " tusind " + number(r, rng)
        head = (pick("et ", "") if t == 1 else number(t, rng, True) + " ") + pick("tusind", "tusind", "tusinde")
        if r == 0:
            return head
        return head + (" og " if r < 100 else " ") + number(r, rng)
    m, r = divmod(n, 1_000_000)
    head = "en million" if m == 1 else number(m, rng) + " millioner"
    return head if r == 0 else head + " " + number(r, rng)


def ordinal(n):
    """1–31."""
    if n <= 20:
        return ORD[n]
    if n == 30:
        return "tredivte"
    if n == 31:
        return "enogtredivte"
    return ONES[n - 20] + "ogtyvende"


def year(y, rng):
    if 2000 <= y < 2100:
        r = y - 2000
        if r == 0:
            return "to tusind"
        k = rng.random()
        if k < 0.5:
            return "to tusind og " + two(r)
        if k < 0.75 and r >= 10:
            return "tyve " + two(r)
        return "to tusind " + two(r)
    a, b = divmod(y, 100)
    if rng.random() < 0.6:
        return two(a) + " hundrede" + (" og " + two(b) if b else "")
    return two(a) + " " + (two(b) if b >= 10 else "nul " + two(b))


def date(rng):
    d, m = rng.randint(1, 31), rng.randint(1, 12)
    k = rng.random()
    if k < 0.6:
        s = "den " + ordinal(d) + " " + MONTHS[m - 1]
    elif k < 0.75:
        s = "den " + ordinal(d) + " i " + ordinal(m)
    elif k < 0.9:
        s = rng.choice(DAYS) + " den " + ordinal(d) + " " + MONTHS[m - 1]
    else:
        s = ordinal(d) + " " + MONTHS[m - 1]
    if rng.random() < 0.35:
        s += " " + year(rng.randint(1930, 2035), rng)
    return s


def clock(rng):
    h, m = rng.randint(0, 23), rng.choice([0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, rng.randint(0, 59)])
    h12 = (h - 1) % 12 + 1
    nxt = h12 % 12 + 1
    k = rng.random()
    if m == 0:
        return "klokken " + (ONES[h12] if k < 0.6 else two(h))
    if k < 0.45:
        if m == 30:
            return "klokken halv " + ONES[nxt]
        if m == 15:
            return "klokken kvart over " + ONES[h12]
        if m == 45:
            return "klokken kvart i " + ONES[nxt]
        if m < 30:
            return "klokken " + two(m) + rng.choice([" minutter over ", " over "]) + ONES[h12]
        return "klokken " + two(60 - m) + rng.choice([" minutter i ", " i "]) + ONES[nxt]
    return "klokken " + two(h) + " " + ("nul " + two(m) if m < 10 else two(m))


def amount(rng):
    k = rng.random()
    n = rng.choice([rng.randint(1, 99), rng.randint(100, 999), rng.randint(1000, 9999), rng.randint(10, 99) * 100,
                    rng.randint(10000, 99999), rng.randint(1, 40) * 1000, rng.randint(100, 999) * 1000,
                    rng.randint(1, 9) * 1_000_000])
    s = number(n, rng) + " kroner"
    if k < 0.2:
        s += " og " + rng.choice([two(rng.randint(5, 99)), "halvtreds", "femoghalvfjerds", "femogtyve"]) + " øre"
    elif k < 0.3:
        s = rng.choice(["halvanden million kroner", "halvandet tusind kroner", "et par hundrede kroner", "en halv million kroner",
                        "to en halv tusind kroner", "halvanden time"])
    return s


def digits_spoken(ds, rng, mode=None):
    """A string of digits, read one by one, in pairs, or mixed."""
    mode = mode or rng.choice(["single", "pairs", "mixed"])
    out, i = [], 0
    while i < len(ds):
        pair = i + 1 < len(ds) and (mode == "pairs" or (mode == "mixed" and rng.random() < 0.5))
        if not pair:
            out.append(ONES[int(ds[i])])
            i += 1
            continue
        if ds[i] == "0":
            out += ["nul", ONES[int(ds[i + 1])]]
        else:
            out.append(two(int(ds[i:i + 2])))
        i += 2
    return " ".join(out)


def phone(rng):
    return digits_spoken(str(rng.randint(2, 9)) + "".join(str(rng.randint(0, 9)) for _ in range(7)), rng)


def cpr(rng):
    ds = "%02d%02d%02d" % (rng.randint(1, 31), rng.randint(1, 12), rng.randint(0, 99))
    tail = "%04d" % rng.randint(0, 9999)
    m = rng.choice(["single", "pairs", "mixed"])
    mid = rng.choice([" ", " ", " ", " bindestreg ", " streg "])
    return digits_spoken(ds, rng, m) + mid + digits_spoken(tail, rng, rng.choice([m, m, "single", "pairs"]))
