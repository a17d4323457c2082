package portal

import (
	"net/http"
	"testing"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/portal/token"
)

func TestDeskAPI(t *testing.T) {
	p := start(t)
	worker := p.token(t, token.Caseworker, func(c *tokenClaims) { c.Areas = []string{"borgerservice"} })
	editor := p.token(t, token.Editor, nil)

	// What a caseworker asks is about somebody else, so it is in no session.
	var ans assistantv1.Answer
	p.json(t, "POST", "/api/v1/desk/ask", worker, `{"question":"Hvornår skal jeg melde flytning?","session":"x"}`, &ans)
	p.assistant.mu.Lock()
	asked := p.assistant.asked
	p.assistant.mu.Unlock()
	if !ans.Answered || len(asked) != 1 || asked[0].Audience != assistantv1.AudienceCaseworker || asked[0].Session != "" {
		t.Errorf("asked %+v", asked)
	}
	var rep assistantv1.SuggestReply
	p.json(t, "POST", "/api/v1/desk/suggest", worker, `{"conversation_id":"c","text":"jeg er flyttet"}`, &rep)
	if len(rep.Suggestions) != 1 || len(rep.Suggestions[0].Sentences[0].Evidence) != 1 {
		t.Errorf("suggested %+v", rep)
	}

	i := p.assistant.wants(t, p, inquiryv1.Chat, "Bente Holm", "Hej")
	for _, c := range []struct {
		method, path, who, body string
		want                    int
	}{
		{"POST", "/api/v1/desk/suggest", worker, `{"conversation_id":"","text":"x"}`, http.StatusBadRequest},
		{"POST", "/api/v1/desk/ask", worker, `{"question":"x","at":"i går"}`, http.StatusBadRequest},
		{"POST", "/api/v1/desk/inquiries/" + i.ID + "/typing", worker, "", http.StatusConflict}, // nobody has it yet
		{"POST", "/api/v1/desk/inquiries/" + i.ID + "/claim", worker, "", http.StatusOK},
		{"POST", "/api/v1/desk/inquiries/" + i.ID + "/typing", worker, "", http.StatusOK},
		{"POST", "/api/v1/desk/inquiries/nowhere/typing", worker, "", http.StatusNotFound},
		{"POST", "/api/v1/desk/ask", editor, `{"question":"x"}`, http.StatusForbidden},
		{"GET", "/api/v1/assistant/trends", worker, "", http.StatusForbidden},
		{"GET", "/api/v1/assistant/trends?days=7", editor, "", http.StatusOK},
		{"GET", "/api/v1/assistant/trends?days=0", editor, "", http.StatusBadRequest},
		{"GET", "/api/v1/assistant/gaps?days=x", editor, "", http.StatusBadRequest},
		{"GET", "/api/v1/knowledge/evaluation", editor, "", http.StatusOK},
		{"PUT", "/api/v1/assistant/peers/odense", editor, `{"url":""}`, http.StatusBadRequest}, // that would remove it
		{"PUT", "/api/v1/assistant/peers/odense", editor, `{"url":"https://odense.example.dk","enabled":true}`, http.StatusOK},
		{"DELETE", "/api/v1/assistant/peers/odense", editor, "", http.StatusOK},
	} {
		if status, body := read(t, p.do(t, c.method, c.path, c.who, c.body)); status != c.want {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, body)
		}
	}
	p.assistant.mu.Lock()
	defer p.assistant.mu.Unlock()
	if len(p.assistant.peers) != 0 {
		t.Errorf("peers are left: %+v", p.assistant.peers)
	}
}
