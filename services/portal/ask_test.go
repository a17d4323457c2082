package portal

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/portal/token"
)

// sent is one server-sent event as a client reads it.
type sent struct{ id, name, data string }

// follow reads events of an answer that goes on; next waits for one and skips the pings.
func follow(t *testing.T, r *http.Response) (next func() sent) {
	t.Helper()
	if got := r.Header.Get("Content-Type"); got != "text/event-stream" {
		_, body := read(t, r)
		t.Fatalf("no stream, but %d %s: %s", r.StatusCode, got, body)
	}
	t.Cleanup(func() { r.Body.Close() })
	lines := bufio.NewScanner(r.Body)
	return func() (e sent) {
		t.Helper()
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case name == "id":
				e.id = value
			case name == "event":
				e.name = value
			case name == "data":
				e.data = value
			case lines.Text() == "" && e.name != "":
				return e
			}
		}
		return sent{name: "end"}
	}
}

func (p *place) streamOf(t *testing.T, method, path, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAskAnswersWithoutLogin(t *testing.T) {
	p := start(t)
	var ans assistantv1.Answer
	p.json(t, "POST", "/api/v1/ask", "", `{"question":"Hvornår skal jeg melde flytning?","municipality":"0751"}`, &ans)
	if !ans.Answered || len(ans.Sentences) != 2 || ans.Session == "" || ans.ID == "" {
		t.Fatalf("got %+v", ans)
	}
	p.json(t, "POST", "/api/v1/ask", "", `{"question":"Og hvis jeg flytter til udlandet?","session":"`+ans.Session+`"}`, &ans)
	var before assistantv1.Session
	r := p.with(t, "GET", "/api/v1/ask/session", "Samtale-Session", ans.Session)
	if status, body := read(t, r); status != http.StatusOK || json.Unmarshal([]byte(body), &before) != nil || len(before.Answers) != 2 {
		t.Errorf("session: %d %s", status, body)
	}
	var f assistantv1.Feedback
	p.json(t, "POST", "/api/v1/ask/"+ans.ID+"/feedback", "", `{"helpful":false,"why":"unclear"}`, &f)
	if f.AnswerID != ans.ID || f.Why != "unclear" {
		t.Errorf("feedback: %+v", f)
	}
	if status, _ := read(t, p.with(t, "DELETE", "/api/v1/ask/session", "Samtale-Session", ans.Session)); status != http.StatusOK {
		t.Errorf("delete: %d", status)
	}
	_, body := read(t, p.with(t, "GET", "/api/v1/ask/session", "Samtale-Session", ans.Session))
	if err := json.Unmarshal([]byte(body), &before); err != nil || len(before.Answers) != 0 {
		t.Errorf("after deleting: %s", body)
	}
	p.assistant.mu.Lock()
	defer p.assistant.mu.Unlock()
	if q := p.assistant.asked; q[0].Municipality != "0751" || q[0].Audience != assistantv1.AudienceCitizen || q[0].Session != q[1].Session || q[0].ID == q[1].ID {
		t.Errorf("the assistant was asked %+v", q)
	}
}

// with makes a request that carries one header.
func (p *place) with(t *testing.T, method, path, header, value string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(header, value)
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An answer that is read again says when what it stands on has expired, or is gone.
func TestHistoryMarksWhatHoldsNoMore(t *testing.T) {
	p := start(t)
	b := p.browser(t)
	r, err := b.PostForm(b.base+"/", url.Values{"question": {"Hvornår skal jeg melde flytning?"}})
	if err != nil {
		t.Fatal(err)
	}
	read(t, r)
	const outdated = "gælder ikke mere"
	for _, tt := range []struct {
		name, until string
		gone        bool
		want, not   string
	}{
		{"in force", "", false, "5 dage efter", outdated},
		{"to the end of time", "2999-12-31", false, "5 dage efter", outdated},
		{"expired", "2026-01-31", false, "Gjaldt til og med lørdag 31. januar 2026", "Findes ikke mere"},
		{"deleted", "", true, "Findes ikke mere", "Gjaldt til og med"},
	} {
		p.assistant.mu.Lock()
		p.assistant.gone, p.assistant.until = tt.gone, tt.until
		p.assistant.mu.Unlock()
		_, page := b.get(t, "/")
		if !strings.Contains(page, tt.want) || strings.Contains(page, tt.not) || strings.Contains(page, outdated) != (tt.not != outdated) {
			t.Errorf("%s:\n%s", tt.name, page)
		}
	}
}

// An English question may be answered by a Danish article, word for word: it is marked, and read aloud, as Danish.
func TestDanishSentencesOfAnEnglishAnswer(t *testing.T) {
	p := start(t)
	q := quote("Du kan tidligst gøre det 4 uger før.")
	p.assistant.mu.Lock()
	p.assistant.sessions["mine"] = []assistantv1.Answer{{
		ID: "a1", Language: "en", Answered: true, Reason: assistantv1.ReasonAnswered, Question: "When?", Authority: "The municipality",
		Sentences: []assistantv1.Sentence{{ID: "1", Text: q.Quote, Evidence: []assistantv1.Evidence{q}}},
	}}
	p.assistant.mu.Unlock()
	get := func(path string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", p.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Samtale-Session", "mine")
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		status, body := read(t, r)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		return body
	}
	page := get("/")
	for _, want := range []string{`<div class="said-q" lang="da">`, `<div class="source-text" lang="da">`, `<span lang="da">Flytning: Frist</span>`, `<strong lang="en">The municipality`} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not on the page:\n%s", want, page)
		}
	}
	get("/api/v1/ask/a1/speech?sentence=0")
	p.assistant.mu.Lock()
	defer p.assistant.mu.Unlock()
	if len(p.assistant.said) != 1 || p.assistant.said[0].Language != "da" {
		t.Errorf("spoken: %+v", p.assistant.said)
	}
}

// What a source rests on stands with it.
func TestSourcesNameTheirLaws(t *testing.T) {
	p := start(t)
	r, err := http.PostForm(p.url+"/", url.Values{"question": {"Hvornår skal jeg melde flytning?"}})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := read(t, r); status != http.StatusOK || !strings.Contains(body, `<a href="https://www.retsinformation.dk/eli/lta/2017/646" rel="noopener"><span lang="da">CPR-loven</span>`) {
		t.Errorf("%d: the law is not on the page", status)
	}
}

func TestAskStreamsSentenceBySentence(t *testing.T) {
	p := start(t)
	pause := make(chan struct{})
	p.assistant.pause = pause
	next := follow(t, p.streamOf(t, "POST", "/api/v1/ask", `{"question":"Hvornår skal jeg melde flytning?"}`))
	if e := next(); e.name != "status" || !strings.Contains(e.data, "searching") {
		t.Errorf("first: %+v", e)
	}
	if e := next(); e.name != "sentence" || !strings.Contains(e.data, "5 dage") {
		t.Errorf("second: %+v", e)
	}
	close(pause) // the first sentence was there before the answer was made
	if e := next(); e.name != "sentence" && e.name != "answer" {
		t.Errorf("third: %+v", e)
	} else if e.name == "sentence" {
		e = next()
		var ans assistantv1.Answer
		if err := json.Unmarshal([]byte(e.data), &ans); err != nil || e.name != "answer" || len(ans.Sentences) != 2 {
			t.Errorf("last: %+v", e)
		}
	}
	if e := next(); e.name != "end" {
		t.Errorf("after the answer: %+v", e)
	}
	next = follow(t, p.streamOf(t, "POST", "/api/v1/ask", `{"question":"Alt går ned"}`))
	if e := next(); e.name != "problem" || !strings.Contains(e.data, `"kind":"unavailable"`) {
		t.Errorf("trouble: %+v", e)
	}
}

func TestAskRefusesClearly(t *testing.T) {
	p := start(t, "SAMTALE_ASK_RATE=0.5")
	tests := []struct {
		name, body, says string
	}{
		{"a megabyte", `{"question":"` + strings.Repeat("flytning ", 120_000) + `"}`, "for langt"},
		{"no JSON", `question=x`, "JSON"},
		{"municipality", `{"question":"x","municipality":"Aarhus"}`, "fire cifre"},
		{"no such municipality", `{"question":"x","municipality":"9999"}`, "ingen kommune med koden 9999"},
		{"date", `{"question":"x","at":"i går"}`, "år-måned-dag"},
		{"language", `{"question":"x","language":"de"}`, "da eller en"},
		{"session", `{"question":"x","session":"a.b"}`, "Samtalens nummer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := read(t, p.do(t, "POST", "/api/v1/ask", "", tt.body))
			if status != http.StatusBadRequest || !strings.Contains(body, tt.says) {
				t.Errorf("got %d %.300s", status, body)
			}
		})
	}
	en := p.with(t, "POST", "/api/v1/ask", "Accept-Language", "en") // no body
	if status, body := read(t, en); status != http.StatusBadRequest || !strings.Contains(body, "cannot be used") {
		t.Errorf("in English: %d %s", status, body)
	}
	for i := range 1000 { // a slow machine gives some back meanwhile
		r := p.do(t, "POST", "/api/v1/ask", "", `{"question":"Goddag"}`)
		status, body := read(t, r)
		if status == http.StatusTooManyRequests {
			if r.Header.Get("Retry-After") == "" || !strings.Contains(body, "Vent lidt") || i < 5 {
				t.Errorf("refused after %d: %s, Retry-After %q", i, body, r.Header.Get("Retry-After"))
			}
			return
		}
	}
	t.Error("questions are not limited")
}

func TestKnowledgeAPI(t *testing.T) {
	p := start(t)
	editor := p.token(t, token.Editor, nil)
	var hits []struct {
		ID        string
		ArticleID string `json:"article_id"`
		Title     string
		URL       string
		Text      string
		Score     float64
		Why       []any
	}
	p.json(t, "GET", "/api/v1/knowledge/search?q=flytning&k=3&municipality=0751&language=da&explain=1", editor, "", &hits)
	if len(hits) != 1 || hits[0].ID != movingChunk().ID || hits[0].Score != 0.5 || hits[0].Text != moving || len(hits[0].Why) != 1 {
		t.Errorf("search: %+v", hits)
	}
	if _, body := read(t, p.do(t, "GET", "/api/v1/knowledge/search?q=m%C3%A5ne", editor, "")); strings.TrimSpace(body) != "[]" {
		t.Errorf("nothing found is %s", body)
	}
	var c knowledgev1.Chunk
	p.json(t, "GET", "/api/v1/knowledge/chunks/starter/da-flytning%23frist", editor, "", &c)
	if c.ID != movingChunk().ID {
		t.Errorf("chunk: %+v", c)
	}
	var run knowledgev1.Run
	big := strings.Repeat("x", 3000)
	batch := knowledgev1.ImportRequest{Import: "i", Source: "own", First: 1, Last: true}
	for range knowledgev1.MaxBatch {
		batch.Records = append(batch.Records, knowledgev1.Record{ID: "r", URL: "https://example.dk", Title: "t", Text: big})
	}
	p.json(t, "POST", "/api/v1/knowledge/import", editor, string(mustJSON(batch)), &run)
	if run.Added != knowledgev1.MaxBatch || p.assistant.imported[0].Actor != token.Editor {
		t.Errorf("import: %+v by %q", run, p.assistant.imported[0].Actor)
	}
	batch.Records = append(batch.Records, batch.Records[0])
	if status, body := read(t, p.do(t, "POST", "/api/v1/knowledge/import", editor, string(mustJSON(batch)))); status != http.StatusBadRequest || !strings.Contains(body, "200 artikler") {
		t.Errorf("too many: %d %s", status, body)
	}
	var src knowledgev1.Source
	p.json(t, "PUT", "/api/v1/knowledge/sources/own", editor, `{"kind":"folder","title":"Vores","id":"other"}`, &src)
	if src.ID != "own" || src.Actor != token.Editor {
		t.Errorf("source: %+v", src)
	}
	p.json(t, "POST", "/api/v1/knowledge/sources/own/run", editor, "", &run)
	p.json(t, "DELETE", "/api/v1/knowledge/sources/own", editor, "", &run)
	var all knowledgev1.SourcesReply
	p.json(t, "GET", "/api/v1/knowledge/sources", editor, "", &all)
	if len(all.Sources) != 1 || len(p.assistant.refs) != 2 || p.assistant.refs[0].ID != "own" {
		t.Errorf("sources: %+v, %+v", all, p.assistant.refs)
	}
	for _, path := range []string{"/api/v1/knowledge/search?q=x", "/api/v1/knowledge/sources"} {
		if status := p.status(t, "GET", path, "", ""); status != http.StatusUnauthorized {
			t.Errorf("nobody gets %s: %d", path, status)
		}
		if status := p.status(t, "GET", path, p.token(t, token.Citizen, nil), ""); status != http.StatusForbidden {
			t.Errorf("a citizen gets %s: %d", path, status)
		}
	}
}

func TestInquiryAPI(t *testing.T) {
	p := start(t)
	worker := p.token(t, token.Caseworker, nil)
	var prep inquiryv1.Prepared
	p.json(t, "POST", "/api/v1/inquiries/prepare", "", "", &prep)
	if prep.ServiceArea != "borgerservice" || len(prep.Choices) != 3 {
		t.Fatalf("prepared: %+v", prep)
	}
	var i inquiryv1.Inquiry
	p.json(t, "POST", "/api/v1/inquiries", "", `{"channel":"callback","service_area":"borgerservice","summary":"Jeg vil vide mere.","phone":"+4512345678","party_id":"somebody else"}`, &i)
	if i.Receipt == "" || i.ID != "" || strings.Contains(i.Phone, "1234") || p.assistant.opened[0].PartyID != "" {
		t.Errorf("opened: %+v by %q", i, p.assistant.opened[0].PartyID)
	}
	path := "/api/v1/inquiries/" + i.Receipt
	r := p.do(t, "GET", "/api/v1/inquiries/"+strings.ToLower(strings.ReplaceAll(i.Receipt, "-", "")), "", "")
	if status, _ := read(t, r); status != http.StatusOK || r.Header.Get("Referrer-Policy") != "no-referrer" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status: %d %v", status, r.Header)
	}
	for _, wrong := range []string{"AAAA-BBBB-CCCC", "x", "a.b"} {
		if status, body := read(t, p.do(t, "GET", "/api/v1/inquiries/"+wrong, "", "")); status != http.StatusNotFound || !strings.Contains(body, "detail") {
			t.Errorf("%s: %d %s", wrong, status, body)
		}
	}

	next := follow(t, p.streamOf(t, "GET", path+"/events", ""))
	if e := next(); e.name != "changed" || strings.Contains(e.data, "conversation_id\":\"0") {
		t.Errorf("first: %+v", e)
	}
	var list inquiryv1.ListReply
	p.json(t, "GET", "/api/v1/desk/inquiries", worker, "", &list)
	id := list.Inquiries[0].ID
	p.json(t, "POST", "/api/v1/desk/inquiries/"+id+"/claim", worker, "", &i)
	if e := next(); e.name != "changed" || !strings.Contains(e.data, `"claimed"`) {
		t.Errorf("claimed: %+v", e)
	}
	var m inquiryv1.Message
	p.json(t, "POST", path+"/messages", "", `{"id":"m1","text":"Hej"}`, &m)
	if e := next(); e.name != "message" || e.id != "1" {
		t.Errorf("message: %+v", e)
	}
	p.json(t, "POST", path+"/messages", "", `{"id":"m1","text":"Hej"}`, &m) // sent again
	p.json(t, "POST", "/api/v1/desk/inquiries/"+id+"/say", worker, `{"text":"Goddag"}`, &m)
	var h inquiryv1.HistoryReply
	p.json(t, "GET", path+"/messages?after=1", "", "", &h)
	if len(h.Messages) != 1 || h.Messages[0].From != inquiryv1.FromCaseworker || h.Inquiry.ID != "" {
		t.Errorf("messages: %+v", h)
	}
	p.json(t, "GET", "/api/v1/desk/inquiries/"+id+"/history", worker, "", &h)
	if len(h.Messages) != 2 || h.Inquiry.Phone != "+4512345678" {
		t.Errorf("history: %+v", h)
	}
	p.json(t, "POST", path+"/end", "", "", &i)
	if i.State != inquiryv1.Ended {
		t.Errorf("ended: %+v", i)
	}
	if status := p.status(t, "GET", "/api/v1/desk/inquiries", "", ""); status != http.StatusUnauthorized {
		t.Errorf("nobody gets the desk's inquiries: %d", status)
	}
}
