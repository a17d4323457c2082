package portal

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"samtale.dk/samtale/services/portal/internal/testlogin"
)

// browser is an HTTP client with cookies that logs in like a person.
type browser struct {
	*http.Client
	base string
}

func (p *place) browser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar}, p.url}
}

func (b *browser) get(t *testing.T, path string) (int, string) {
	t.Helper()
	r, err := b.Get(b.base + path)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, r)
}

func read(t testing.TB, r *http.Response) (int, string) {
	t.Helper()
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

var requestField = regexp.MustCompile(`name="request" value="([^"]+)"`)

func (b *browser) login(t *testing.T, person string) string {
	t.Helper()
	_, page := b.get(t, "/login")
	m := requestField.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no test login page:\n%s", page)
	}
	r, err := b.PostForm(b.base+"/testlogin", url.Values{"request": {m[1]}, "person": {person}})
	if err != nil {
		t.Fatal(err)
	}
	status, body := read(t, r)
	if status != http.StatusOK && r.Request.URL.Path != "/" {
		t.Fatalf("login as %s ended at %s with %d:\n%s", person, r.Request.URL, status, body)
	}
	return r.Request.URL.Path
}

func TestLoginLandsPerRole(t *testing.T) {
	p := start(t)
	want := map[string]string{"mette": "/desk", "bente": "/mit", "ida": "/redaktion", "omar": "/drift", "karen": "/revision"}
	for person, path := range want {
		b := p.browser(t)
		if got := b.login(t, person); got != path {
			t.Errorf("%s landed at %s, want %s", person, got, path)
		}
		r, err := b.Post(b.base+"/logout", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if read(t, r); r.Request.URL.Path != "/" {
			t.Errorf("logout ended at %s", r.Request.URL.Path)
		}
		if status, _ := b.get(t, "/api/v1/me"); status != http.StatusUnauthorized {
			t.Errorf("%s: session lives on after logout: %d", person, status)
		}
	}
	if len(want) > len(testlogin.People()) {
		t.Error("people are missing")
	}
}

var ticketField = regexp.MustCompile(`name="ticket" value="([^"]+)"`)

// Who logs out while they are logged in elsewhere can end that too; others stay.
func TestLogoutEverywhere(t *testing.T) {
	p := start(t)
	at := map[string]*browser{"here": p.browser(t), "there": p.browser(t), "other": p.browser(t)}
	at["here"].login(t, "bente")
	at["there"].login(t, "bente")
	at["other"].login(t, "fatima")
	in := func(name string, want int) {
		t.Helper()
		if status, _ := at[name].get(t, "/api/v1/me"); status != want {
			t.Errorf("%s: %d, want %d", name, status, want)
		}
	}
	post := func(path string, form url.Values) (int, string) {
		t.Helper()
		r, err := at["here"].PostForm(p.url+path, form)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, r)
	}
	status, page := post("/logout", nil)
	m := ticketField.FindStringSubmatch(page)
	if status != http.StatusOK || m == nil || !strings.Contains(page, "ét andet sted") || strings.Contains(page, "bar-name") {
		t.Fatalf("%d %s", status, page)
	}
	in("here", http.StatusUnauthorized)
	in("there", http.StatusOK)
	if status, page := post("/logout/alle", url.Values{"ticket": {"x" + m[1]}}); status != http.StatusBadRequest {
		t.Errorf("a ticket that was made up: %d %s", status, page)
	}
	in("there", http.StatusOK)
	if status, page := post("/logout/alle", url.Values{"ticket": {m[1]}}); status != http.StatusOK || !strings.Contains(page, "Du er logget ud alle steder.") {
		t.Errorf("%d %s", status, page)
	}
	in("there", http.StatusUnauthorized)
	in("other", http.StatusOK)
}

func TestRolesHoldForPagesAndAPI(t *testing.T) {
	p := start(t)
	p.fill("x")
	may := map[string][]string{
		"caseworker": {"/desk", "/notat/" + demoNote, "/afleveret", "/api/v1/conversations", "/api/v1/conversations/" + demoConv, "/api/v1/conversations/" + demoConv + "/note", "/api/v1/calls", "/api/v1/me", "/api/v1/areas"},
		"citizen":    {"/mit", "/api/v1/conversations", "/api/v1/me", "/api/v1/areas"},
		"operator":   {"/drift", "/api/v1/calls", "/api/v1/health", "/api/v1/settings", "/api/v1/me", "/api/v1/areas"},
		"auditor":    {"/revision", "/revision/" + demoConv, "/api/v1/conversations", "/api/v1/conversations/" + demoConv, "/api/v1/conversations/" + demoConv + "/note", "/api/v1/conversations/" + demoConv + "/audit", "/api/v1/me", "/api/v1/areas"},
		"editor":     {"/redaktion", "/api/v1/me", "/api/v1/areas"},
	}
	all := map[string]bool{}
	for _, paths := range may {
		for _, path := range paths {
			all[path] = true
		}
	}
	for role, paths := range may {
		tok := p.token(t, role, nil)
		allowed := map[string]bool{}
		for _, path := range paths {
			allowed[path] = true
		}
		for path := range all {
			status := p.status(t, "GET", path, tok, "")
			switch {
			case allowed[path] && status != http.StatusOK:
				t.Errorf("%s is refused %s: %d", role, path, status)
			case !allowed[path] && status != http.StatusForbidden && status != http.StatusNotFound:
				t.Errorf("%s gets %s: %d", role, path, status)
			}
		}
	}
	for path := range all {
		want := http.StatusUnauthorized
		if !strings.HasPrefix(path, "/api/") {
			want = http.StatusSeeOther
		}
		if status := p.status(t, "GET", path, "", ""); status != want {
			t.Errorf("nobody gets %s: %d", path, status)
		}
	}
}

func (p *place) do(t testing.TB, method, path, tok, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if tok != "" {
		req.Header.Set("Authorization", "Bearer "+tok)
	}
	r, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (p *place) status(t testing.TB, method, path, tok, body string) int {
	t.Helper()
	status, _ := read(t, p.do(t, method, path, tok, body))
	return status
}

func TestErrorPagesKnowWhoAsks(t *testing.T) {
	p := start(t)
	b := p.browser(t)
	b.login(t, "mette")
	for path, want := range map[string]int{"/drift": http.StatusForbidden, "/nowhere": http.StatusNotFound} {
		status, page := b.get(t, path)
		if status != want || !strings.Contains(page, "Mette Sørensen") || !strings.Contains(page, `href="/desk"`) {
			t.Errorf("%s answers %d without the way back:\n%s", path, status, page)
		}
	}
}

// Whoever is not the authority's own is never left without somebody to ask.
func TestErrorPagesLeadOn(t *testing.T) {
	p := start(t)
	b := p.browser(t)
	for _, path := range []string{"/nowhere", "/henvendelse/XXXX-XXXX-XXXX"} {
		_, page := b.get(t, path)
		for _, want := range []string{`href="/henvendelse"`, `href="/henvendelse#receipt-part"`} {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not lead to %s:\n%s", path, want, page)
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	p := start(t)
	for _, path := range []string{"/", "/login", "/nowhere", "/api/v1/me", "/static/samtale.css"} {
		r := p.do(t, "GET", path, "", "")
		read(t, r)
		csp := r.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy is %q", path, csp)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: sniffing is allowed", path)
		}
	}
}

func TestPagesHaveNothingInline(t *testing.T) {
	p := start(t, "SAMTALE_EMBED_ORIGINS=https://www.kommune.example")
	p.fill("x")
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:[^>]*)>[^<]|javascript:`)
	pages := map[string][]string{"mette": {"/desk", "/notat/" + demoNote, "/afleveret"}, "bente": {"/mit"}, "omar": {"/drift"}, "karen": {"/revision", "/revision/" + demoConv}, "": {"/", "/om", "/henvendelse", "/indlejret", "/tilgaengelighed", "/notices", "/nowhere"}}
	for person, paths := range pages {
		b := p.browser(t)
		if person != "" {
			b.login(t, person)
		}
		for _, path := range paths {
			_, body := b.get(t, path)
			if m := inline.FindString(body); m != "" {
				t.Errorf("%s holds %q", path, m)
			}
		}
	}
}

func TestCrossSiteRequestsAreRefused(t *testing.T) {
	p := start(t)
	b := p.browser(t)
	b.login(t, "mette")
	for name, set := range map[string]func(h http.Header){
		"fetch metadata": func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
		"origin":         func(h http.Header) { h.Set("Origin", "https://evil.example") },
	} {
		req, err := http.NewRequest("POST", p.url+"/api/v1/session/extend", nil)
		if err != nil {
			t.Fatal(err)
		}
		set(req.Header)
		r, err := b.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := read(t, r); status != http.StatusForbidden {
			t.Errorf("%s: got %d", name, status)
		}
	}
	r, err := b.Post(p.url+"/api/v1/session/extend", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := read(t, r); status != http.StatusOK {
		t.Errorf("own request: %d", status)
	}
}

func TestProblemsSayWhatToDo(t *testing.T) {
	p := start(t)
	p.fill("x")
	worker := p.token(t, "caseworker", nil)
	tests := []struct {
		name, method, path, body string
		status                   int
		kind                     string
	}{
		{"no such conversation", "GET", "/api/v1/conversations/none", "", 404, "not-found"},
		{"id that is no token", "GET", "/api/v1/conversations/a.b", "", 404, "not-found"},
		{"no JSON", "PUT", "/api/v1/notes/" + demoNote, "{", 400, "invalid"},
		{"two values", "POST", "/api/v1/demo", `{"to":"besked"} {"to":"borgerservice"}`, 400, "invalid"},
		{"old version", "PUT", "/api/v1/notes/" + demoNote, `{"version":7,"title":"x","sentences":[]}`, 409, "conflict"},
		{"unsupported sentence", "POST", "/api/v1/notes/" + demoNote + "/approve", "", 400, "invalid"},
		{"no reason", "POST", "/api/v1/conversations/" + demoConv + "/reveal", `{"word_id":"w"}`, 400, "invalid"},
		{"call is over", "POST", "/api/v1/calls/gone/answer", `{"sdp":"x"}`, 404, "not-found"},
		{"too big", "POST", "/api/v1/demo", `{"name":"` + strings.Repeat("x", 300<<10) + `"}`, 400, "invalid"},
		{"no such route", "GET", "/api/v1/nothing", "", 404, "not-found"},
		{"no such method", "DELETE", "/api/v1/conversations", "", 405, "invalid"},
		{"ICE as JSON", "PATCH", "/whip/m/s", "{}", 415, "invalid"},
		{"other agents post", "GET", "/a2a", "", 405, "invalid"},
		{"no such card", "GET", "/.well-known/agent.json", "", 404, "not-found"},
		{"limit out of range", "GET", "/api/v1/conversations?limit=0", "", 400, "invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := p.do(t, tt.method, tt.path, worker, tt.body)
			status, body := read(t, r)
			if status != tt.status || r.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("got %d %s: %s", status, r.Header.Get("Content-Type"), body)
			}
			var got struct{ Kind, Detail, Title, Type string }
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if got.Kind != tt.kind || got.Detail == "" || got.Title == "" || !strings.HasSuffix(got.Type, tt.kind) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestOtherMethods(t *testing.T) {
	p := start(t)
	for path, want := range map[string]string{"/api/v1/ask": "POST", "/api/v1/meetings/m/recording": "GET, DELETE", "/whep/m": "POST"} {
		r := p.do(t, "OPTIONS", path, "", "")
		if status, _ := read(t, r); status != http.StatusNoContent || r.Header.Get("Allow") != want {
			t.Errorf("%s: %d, %q", path, status, r.Header.Get("Allow"))
		}
	}
}

// Players on other sites may use WHIP and WHEP, whose errors they can read, and nothing else.
func TestOtherSitesMayUseWHIP(t *testing.T) {
	p := start(t)
	for _, path := range []string{"/whip/m", "/whep/m", "/whip/m/s"} {
		h := p.do(t, "OPTIONS", path, "", "").Header
		if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != h.Get("Allow") ||
			h.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, If-Match" || h.Get("Accept-Post") != "application/sdp" {
			t.Errorf("%s: %v", path, h)
		}
	}
	r := p.do(t, "POST", "/whip/m", "st1.old.wrong", "v=0")
	if status, _ := read(t, r); status != http.StatusUnauthorized || r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d, %v", status, r.Header)
	}
	for _, path := range []string{"/", "/api/v1/ask", "/api/v1/meetings"} {
		if h := p.do(t, "OPTIONS", path, "", "").Header; h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// A program whose token has expired is told so, also where it needs none.
func TestWrongTokenWhereNoneIsNeeded(t *testing.T) {
	p := start(t)
	for _, tt := range []struct{ method, path, body string }{{"POST", "/api/v1/ask", `{"question":"x"}`}, {"GET", "/api/openapi.json", ""}} {
		if status, body := read(t, p.do(t, tt.method, tt.path, "st1.old.wrong", tt.body)); status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", tt.path, status, body)
		}
	}
}

func TestAPICarriesNotesAndTranscripts(t *testing.T) {
	p := start(t)
	p.fill("x")
	worker := p.token(t, "caseworker", nil)
	var tr struct {
		Text  string
		Words []struct {
			Text, Leg, Role        string
			Start, End, Confidence float64
		}
		Coverage map[string]float64
	}
	p.json(t, "GET", "/api/v1/conversations/"+demoConv+"/transcript", worker, "", &tr)
	if len(tr.Words) == 0 || tr.Words[0].Role != "citizen" || tr.Words[0].Leg != legCitizen || tr.Coverage["captured_s"] != 240 || tr.Coverage["lost_s"] != 3 {
		t.Errorf("got %+v", tr)
	}
	var n struct {
		ID, State string
		Version   int
		Sentences []struct {
			ID, Section, Text, Verdict string
			Evidence                   []struct {
				Start, End float64
				Leg        string
			}
		}
	}
	p.json(t, "GET", "/api/v1/conversations/"+demoConv+"/note", worker, "", &n)
	if n.ID != demoNote || n.State != "draft" || len(n.Sentences) != 4 || n.Sentences[0].Evidence[0].Leg != legCitizen {
		t.Errorf("got %+v", n)
	}
	p.json(t, "POST", "/api/v1/notes/"+demoNote+"/confirm", worker, fmt.Sprintf(`{"version":%d,"sentence_id":"s3","reason":"Står i brevet"}`, n.Version), &n)
	if n.Sentences[2].Verdict != "confirmed" {
		t.Errorf("not confirmed: %+v", n.Sentences[2])
	}
	p.json(t, "POST", "/api/v1/notes/"+demoNote+"/approve", worker, "", &n)
	if n.State != "approved" {
		t.Errorf("state is %s", n.State)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.actors {
		if a.Role == "" || a.Purpose == "" || a.ID == "" {
			t.Errorf("the journal was asked without actor or purpose: %+v", a)
		}
	}
}

func (p *place) json(t testing.TB, method, path, tok, body string, v any) {
	t.Helper()
	status, got := read(t, p.do(t, method, path, tok, body))
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, status, got)
	}
	if err := json.Unmarshal([]byte(got), v); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, got)
	}
}

func TestCitizensSeeTheirOwnWithoutEmployees(t *testing.T) {
	p := start(t)
	b := p.browser(t)
	b.login(t, "bente")
	var me struct {
		PartyRef string `json:"party_ref"`
	}
	_, body := b.get(t, "/api/v1/me")
	if err := json.Unmarshal([]byte(body), &me); err != nil || me.PartyRef == "" || strings.Contains(body, "0000000001") {
		t.Fatalf("me is %s, %v", body, err)
	}
	p.fill(me.PartyRef)
	_, page := b.get(t, "/mit/"+demoConv)
	for _, want := range []string{"Behandling af din henvendelse", "Tastet på telefonen", "Skriv en bemærkning"} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	if strings.Contains(page, "mette") {
		t.Error("the page names an employee")
	}
	_, list := b.get(t, "/api/v1/conversations/"+demoConv+"/audit")
	if strings.Contains(list, "mette") {
		t.Errorf("the API names an employee: %s", list)
	}
	r, err := b.PostForm(p.url+"/mit/"+demoConv+"/bemaerkning", url.Values{"text": {"Datoen er forkert."}})
	if err != nil {
		t.Fatal(err)
	}
	if status, page := read(t, r); status != http.StatusOK || !strings.Contains(page, "Datoen er forkert.") {
		t.Errorf("comment: %d", status)
	}
	r, err = b.PostForm(p.url+"/mit/"+demoConv+"/bemaerkning", url.Values{"text": {"  "}})
	if err != nil {
		t.Fatal(err)
	}
	if status, page := read(t, r); status != http.StatusBadRequest || !strings.Contains(page, "Skriv din bemærkning") {
		t.Errorf("empty comment: %d", status)
	}
	other := p.browser(t)
	other.login(t, "fatima")
	if status, _ := other.get(t, "/mit/"+demoConv); status != http.StatusNotFound {
		t.Errorf("another citizen gets it: %d", status)
	}
}

func TestOperatorSeesSettingsWithoutSecrets(t *testing.T) {
	p := start(t)
	p.calls = append(p.calls, ringingCall())
	b := p.browser(t)
	b.login(t, "omar")
	_, page := b.get(t, "/drift")
	if !strings.Contains(page, "SAMTALE_OIDC_CLIENT_SECRET") || strings.Contains(page, "hush") {
		t.Error("secrets are not hidden")
	}
	if strings.Contains(page, "Bente") || strings.Contains(page, "12345678</td>") {
		t.Error("the operator sees who calls")
	}
	for _, want := range []string{"journal", "phone", "consent", "Ringer", "Indstillinger i kraft"} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q", want)
		}
	}
}

// fillFor is fill for who is logged in.
func (p *place) fillFor(t *testing.T, b *browser) {
	t.Helper()
	var me struct {
		PartyRef string `json:"party_ref"`
	}
	_, body := b.get(t, "/api/v1/me")
	if err := json.Unmarshal([]byte(body), &me); err != nil {
		t.Fatal(err)
	}
	p.fill(me.PartyRef)
}

func TestCitizenWithdrawsAChoice(t *testing.T) {
	p := start(t)
	b := p.browser(t)
	b.login(t, "bente")
	p.fillFor(t, b)
	ask := "/mit/" + demoConv + "/valg/transcription"
	given := len(p.choices)
	if _, page := b.get(t, "/mit/"+demoConv+"?valg=transcription"); !strings.Contains(page, `href="`+ask+`"`) || strings.Contains(page, "Du har trukket") {
		t.Errorf("the page offers no withdrawal, or claims one:\n%s", page)
	}
	if status, page := b.get(t, ask); status != http.StatusOK || !strings.Contains(page, "bliver slettet") || !strings.Contains(page, `action="`+ask+`"`) {
		t.Fatalf("the question answers %d:\n%s", status, page)
	}
	for range 2 { // sent twice
		r, err := b.PostForm(p.url+ask, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, page := read(t, r); status != http.StatusOK || !strings.Contains(page, "Du har trukket dit ja til udskrift tilbage") || strings.Contains(page, `href="`+ask+`"`) {
			t.Errorf("afterwards the page answers %d:\n%s", status, page)
		}
	}
	p.mu.Lock()
	choices := p.choices[given:]
	p.mu.Unlock()
	if len(choices) != 1 {
		t.Fatalf("stored %d choices", len(choices))
	}
	if c := choices[0]; c.Kind != "transcription" || c.Value || c.How != "button" || c.Who != "citizen" || c.ConversationID != demoConv || c.Basis == "" {
		t.Errorf("stored: %+v", c)
	}
	for _, kind := range []string{"recording", "nothing"} {
		if status, _ := b.get(t, "/mit/"+demoConv+"/valg/"+kind); status != http.StatusNotFound {
			t.Errorf("%s: %d", kind, status)
		}
	}
	evil, err := http.NewRequest("POST", p.url+ask, nil)
	if err != nil {
		t.Fatal(err)
	}
	evil.Header.Set("Sec-Fetch-Site", "cross-site")
	r, err := b.Do(evil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := read(t, r); status != http.StatusForbidden {
		t.Errorf("from another site: %d", status)
	}
	other := p.browser(t)
	other.login(t, "fatima")
	if status, _ := other.get(t, ask); status != http.StatusNotFound {
		t.Errorf("another citizen gets it: %d", status)
	}
}
