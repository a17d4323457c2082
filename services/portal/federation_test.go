package portal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2aclient/agentcard"
	"github.com/go-jose/go-jose/v4"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"samtale.dk/samtale/services/contract/assistantv1"
	cards "samtale.dk/samtale/services/platform/agentcard"
	"samtale.dk/samtale/services/portal/internal/federation"
)

// mcpClient connects the SDK's own client over HTTP.
func (p *place) mcpClient(t *testing.T) *mcp.ClientSession {
	t.Helper()
	c := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	s, err := c.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: p.url + "/mcp"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// call gives the plain text of a tool's result, and its structured content in out.
func call(t *testing.T, s *mcp.ClientSession, tool string, args map[string]any, out any) (text string, failed bool) {
	t.Helper()
	res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Content) != 1 {
		t.Fatalf("content: %v", res.Content)
	}
	if out != nil {
		data, err := json.Marshal(res.StructuredContent)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, out); err != nil {
			t.Fatal(err)
		}
	}
	return res.Content[0].(*mcp.TextContent).Text, res.IsError
}

func TestProgramsUseTools(t *testing.T) {
	p := start(t)
	s := p.mcpClient(t)
	if id := s.ID(); id != "" {
		t.Errorf("session %q is kept", id)
	}
	tools, err := s.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) != 2 {
		t.Fatalf("tools %v, %v", tools, err)
	}
	for _, tool := range tools.Tools {
		if tool.OutputSchema == nil || !tool.Annotations.ReadOnlyHint {
			t.Errorf("%s: output schema %v, annotations %v", tool.Name, tool.OutputSchema, tool.Annotations)
		}
	}

	var ans assistantv1.Answer
	text, failed := call(t, s, "answer", map[string]any{"question": "Hvornår skal jeg melde flytning?", "municipality": "0751", "language": "da"}, &ans)
	if failed || !ans.Answered || !ans.Demo || ans.Authority != "Kommunen" || ans.AsOf != "2026-11-20" || len(ans.Sentences) != 2 || ans.Session != "" {
		t.Errorf("answer %+v", ans)
	}
	if ev := ans.Sentences[0].Evidence; len(ev) != 1 || ev[0].URL == "" || ev[0].Quote != "senest 5 dage efter, at du er flyttet" {
		t.Errorf("evidence %+v", ev)
	}
	for _, want := range []string{ans.Sentences[0].Text, "»senest 5 dage efter, at du er flyttet«", movingChunk().URL, "2026-11-20", "Kommunen", "Demoindhold"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, r := range ans.Routes {
		if strings.HasPrefix(r.Target, "/") {
			t.Errorf("route %s leads to %s, which is no address elsewhere", r.Kind, r.Target)
		}
	}
	p.assistant.mu.Lock()
	asked := p.assistant.asked[len(p.assistant.asked)-1]
	p.assistant.mu.Unlock()
	if asked.Audience != assistantv1.AudienceProgram || asked.Session != "" || asked.Municipality != "0751" || asked.Language != "da" {
		t.Errorf("asked %+v", asked)
	}

	var found federation.Found
	text, failed = call(t, s, "search", map[string]any{"query": "flytning", "k": 3}, &found)
	if failed || len(found.Passages) != 1 || found.Passages[0].Text != moving || found.Passages[0].URL != movingChunk().URL || !found.Passages[0].Demo {
		t.Errorf("found %+v", found)
	}
	if !strings.Contains(text, movingChunk().URL) || !strings.Contains(text, "Demoindhold") {
		t.Errorf("no address or mark in\n%s", text)
	}
	if text, _ = call(t, s, "search", map[string]any{"query": "måne"}, &found); text != "Nothing found." || len(found.Passages) != 0 {
		t.Errorf("%q, %+v", text, found)
	}
}

func TestProgramsGetReasonsInsteadOfAnswers(t *testing.T) {
	p := start(t)
	s := p.mcpClient(t)
	for question, reason := range map[string]string{
		"hvor langt er der til månen": assistantv1.ReasonUnknown, "hvad sker der i min sag": assistantv1.ReasonOwnCase,
		"hvad er gebyret": assistantv1.ReasonMunicipality, "jeg vil slå mig selv ihjel": assistantv1.ReasonCrisis,
	} {
		var ans assistantv1.Answer
		text, failed := call(t, s, "answer", map[string]any{"question": question}, &ans)
		if failed || ans.Answered || ans.Reason != reason || !strings.Contains(text, ans.Message) {
			t.Errorf("%s: %s, %q", question, ans.Reason, text)
		}
	}
}

func TestProgramsSendNonsense(t *testing.T) {
	p := start(t)
	s := p.mcpClient(t)
	long := strings.Repeat("æ", assistantv1.MaxQuestion+1)
	for name, c := range map[string]struct {
		tool string
		args map[string]any
		want string
	}{
		"empty":             {"answer", map[string]any{"question": " \n"}, "question is empty"},
		"long":              {"answer", map[string]any{"question": long}, "longer than 500"},
		"municipality":      {"answer", map[string]any{"question": "x", "municipality": "Aarhus"}, "four digits"},
		"no municipality":   {"answer", map[string]any{"question": "x", "municipality": "9999"}, "no Danish municipality"},
		"language":          {"answer", map[string]any{"question": "x", "language": "fr"}, "da or en"},
		"date":              {"answer", map[string]any{"question": "x", "date": "22.11.2026"}, "YYYY-MM-DD"},
		"no question":       {"answer", map[string]any{}, "question"},
		"unknown argument":  {"answer", map[string]any{"question": "x", "session": "y"}, "session"},
		"not text":          {"answer", map[string]any{"question": []string{"x"}}, "question"},
		"empty query":       {"search", map[string]any{"query": ""}, "query is empty"},
		"long query":        {"search", map[string]any{"query": long}, "longer than 500"},
		"many":              {"search", map[string]any{"query": "x", "k": 11}, "1 to 10"},
		"assistant is away": {"answer", map[string]any{"question": "det går ned"}, "cannot be reached"},
	} {
		res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: c.tool, Arguments: c.args})
		text := ""
		switch {
		case err != nil:
			text = err.Error()
		case res.IsError && len(res.Content) == 1:
			text = res.Content[0].(*mcp.TextContent).Text
		}
		if !strings.Contains(text, c.want) {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
	p.assistant.mu.Lock()
	asked := len(p.assistant.asked)
	p.assistant.mu.Unlock()
	if asked != 0 {
		t.Errorf("%d questions got through", asked)
	}
	for path, body := range map[string]string{"/mcp": strings.Repeat(" ", 40<<10) + "{}", "/a2a": `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":"` + strings.Repeat("x", 40<<10) + `"}`} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		status, reply := read(t, r)
		if status == http.StatusOK && !strings.Contains(reply, `"error"`) {
			t.Errorf("%s took 40 KiB: %d %s", path, status, reply)
		}
	}
}

func TestProgramsAskTooMuch(t *testing.T) {
	p := start(t, "SAMTALE_ASK_RATE=0.1") // two at once
	s := p.mcpClient(t)
	q := map[string]any{"question": "Hvornår skal jeg melde flytning?"}
	for range 2 {
		if text, failed := call(t, s, "answer", q, nil); failed {
			t.Fatal(text)
		}
	}
	agent := p.agent(t)
	for name, ask := range map[string]func() (text string, failed bool){
		"try again in 10 seconds": func() (string, bool) { return call(t, s, "answer", q, nil) },
		"too many":                func() (string, bool) { return call(t, s, "search", map[string]any{"query": "flytning"}, nil) },
		"too many questions": func() (string, bool) {
			_, err := agent.SendMessage(t.Context(), question("flytning"))
			return fmt.Sprint(err), err != nil
		},
	} {
		text, failed := ask()
		for i := 0; !failed && i < 10; i++ { // a slow machine has one given back meanwhile
			text, failed = ask()
		}
		if !failed || !strings.Contains(text, name) {
			t.Errorf("refused: %t, %q, want %q", failed, text, name)
		}
	}
}

// A proxy on the same machine passes the public name on.
func TestProgramsBehindProxy(t *testing.T) {
	p := start(t)
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"flytning"}}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/mcp", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "www.kommune.example"
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if status, reply := read(t, r); status != http.StatusOK || !strings.Contains(reply, "passages") {
		t.Errorf("%d %s", status, reply)
	}
}

// agent connects the official client by the card.
func (p *place) agent(t *testing.T) *a2aclient.Client {
	t.Helper()
	card, err := agentcard.DefaultResolver.Resolve(t.Context(), p.url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a2aclient.NewFromCard(t.Context(), card)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Destroy() })
	return c
}

func question(text string) *a2a.SendMessageRequest {
	return &a2a.SendMessageRequest{Message: a2a.NewMessage(a2a.MessageRoleUser, a2a.NewTextPart(text))}
}

func (p *place) fetch(t *testing.T, path string) []byte {
	t.Helper()
	r, err := http.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	status, body := read(t, r)
	if status != http.StatusOK {
		t.Fatalf("%s: %d", path, status)
	}
	return []byte(body)
}

func TestAgentCardIsSigned(t *testing.T) {
	p := start(t)
	raw := p.fetch(t, cards.Path)
	var card a2a.AgentCard
	if err := json.Unmarshal(raw, &card); err != nil {
		t.Fatal(err)
	}
	if card.Name != "Borgerservice" || len(card.SupportedInterfaces) != 1 || card.SupportedInterfaces[0].URL != p.url+"/a2a" ||
		card.SupportedInterfaces[0].ProtocolVersion != "1.0" || cards.KeysURL(card) != p.url+cards.KeysPath {
		t.Errorf("card %s", raw)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(p.fetch(t, cards.KeysPath), &keys); err != nil {
		t.Fatal(err)
	}
	if len(keys.Keys) != 1 || !keys.Keys[0].IsPublic() {
		t.Fatal("what is published must be one public key")
	}
	if _, err := cards.Verify(raw, keys); err != nil {
		t.Error(err)
	}
	if _, err := cards.Verify(bytes.Replace(raw, []byte("/a2a"), []byte("/b2b"), 1), keys); err == nil {
		t.Error("a changed card holds")
	}
}

func send(t *testing.T, c *a2aclient.Client, req *a2a.SendMessageRequest) *a2a.Task {
	t.Helper()
	res, err := c.SendMessage(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	task, ok := res.(*a2a.Task)
	if !ok {
		t.Fatalf("answered by %T", res)
	}
	return task
}

func TestAgentAnswers(t *testing.T) {
	p := start(t)
	c := p.agent(t)
	req := question("Hvornår skal jeg melde flytning?")
	req.Message.Parts = append(req.Message.Parts, a2a.NewDataPart(map[string]any{"municipality": "0751"}))
	task := send(t, c, req)
	if task.Status.State != a2a.TaskStateCompleted || len(task.Artifacts) != 1 || len(task.Artifacts[0].Parts) != 2 || task.ContextID == "" {
		t.Fatalf("task %+v", task)
	}
	text, data := task.Artifacts[0].Parts[0].Text(), task.Artifacts[0].Parts[1].Data()
	if !strings.Contains(text, "»senest 5 dage efter, at du er flyttet«") {
		t.Errorf("text %q", text)
	}
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	var ans assistantv1.Answer
	if err := json.Unmarshal(raw, &ans); err != nil || len(ans.Sentences) != 2 || ans.Municipality == "" && p.asked(-1).Municipality != "0751" {
		t.Errorf("answer %+v, %v", ans, err)
	}
	if task = send(t, c, question("hvad sker der i min sag")); task.Status.State != a2a.TaskStateAuthRequired || len(task.Artifacts) != 0 {
		t.Errorf("own case: %+v", task)
	}
	if task = send(t, c, question("hvor langt er der til månen")); task.Status.State != a2a.TaskStateCompleted || !strings.Contains(task.Artifacts[0].Parts[0].Text(), "Det ved jeg ikke") {
		t.Errorf("unknown: %+v", task)
	}
}

// asked is one question that reached the assistant; -1 is the last.
func (p *place) asked(i int) assistantv1.AskRequest {
	p.assistant.mu.Lock()
	defer p.assistant.mu.Unlock()
	if i < 0 {
		i += len(p.assistant.asked)
	}
	return p.assistant.asked[i]
}

func TestAgentAsksBack(t *testing.T) {
	p := start(t)
	c := p.agent(t)
	for _, tt := range []struct {
		question string
		reply    *a2a.Part
		place    string
		at       string
	}{
		{"hvad er gebyret", a2a.NewTextPart("Aarhus"), "0751", ""},
		{"hvad er gebyret", a2a.NewTextPart("0101"), "0101", ""},
		{"hvad er gebyret", a2a.NewTextPart("Odense"), "0461", ""}, // not among the options
		{"hvad er gebyret", a2a.NewDataPart(map[string]any{"municipality": "0751"}), "0751", ""},
		{"hvad gjaldt sidste år", a2a.NewTextPart("2025-12-31"), "", "2025-12-31"},
		{"hvad gjaldt sidste år", a2a.NewTextPart("Fra 2026"), "", "2026-01-01"},
	} {
		task := send(t, c, question(tt.question))
		if task.Status.State != a2a.TaskStateInputRequired || task.Status.Message == nil {
			t.Fatalf("%s: %+v", tt.question, task)
		}
		again := send(t, c, &a2a.SendMessageRequest{Message: a2a.NewMessageForTask(a2a.MessageRoleUser, task, a2a.NewTextPart("det ved jeg ikke"))})
		if again.ID != task.ID || again.Status.State != a2a.TaskStateInputRequired {
			t.Fatalf("not understood: %+v", again)
		}
		done := send(t, c, &a2a.SendMessageRequest{Message: a2a.NewMessageForTask(a2a.MessageRoleUser, again, tt.reply)})
		if done.ID != task.ID || done.ContextID != task.ContextID || done.Status.State != a2a.TaskStateCompleted {
			t.Errorf("%s: %+v", tt.place+tt.at, done)
		}
		if r := p.asked(-1); r.Question != tt.question || r.Municipality != tt.place || r.At != tt.at {
			t.Errorf("asked %+v", r)
		}
		_, err := c.SendMessage(t.Context(), &a2a.SendMessageRequest{Message: a2a.NewMessageForTask(a2a.MessageRoleUser, task, tt.reply)})
		if err == nil || !strings.Contains(err.Error(), "ask again") {
			t.Errorf("a task that has ended: %v", err)
		}
	}
	waits := send(t, c, question("hvad er gebyret"))
	gone, err := c.CancelTask(t.Context(), &a2a.CancelTaskRequest{ID: waits.ID})
	if err != nil || gone.Status.State != a2a.TaskStateCanceled {
		t.Errorf("cancel: %+v, %v", gone, err)
	}
}

func TestAgentRefuses(t *testing.T) {
	p := start(t)
	c := p.agent(t)
	for name, parts := range map[string][]*a2a.Part{
		"nothing":       {a2a.NewTextPart("  ")},
		"long":          {a2a.NewTextPart(strings.Repeat("x", 501))},
		"file":          {a2a.NewRawPart([]byte{1, 2})},
		"unknown field": {a2a.NewTextPart("flytning"), a2a.NewDataPart(map[string]any{"session": "x"})},
		"no object":     {a2a.NewTextPart("flytning"), a2a.NewDataPart([]int{1})},
		"municipality":  {a2a.NewTextPart("flytning"), a2a.NewDataPart(map[string]any{"municipality": "75"})},
	} {
		if res, err := c.SendMessage(t.Context(), &a2a.SendMessageRequest{Message: a2a.NewMessage(a2a.MessageRoleUser, parts...)}); err == nil {
			t.Errorf("%s: %+v", name, res)
		}
	}
	for _, body := range []string{"", "{", "[]", `{"jsonrpc":"2.0","id":1,"method":"SendMessage"}`, `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{}}`, `{"jsonrpc":"2.0","id":1,"method":"message/send","params":{}}`, `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"role":"ROLE_USER","parts":[null]}}}`} {
		r, err := http.Post(p.url+"/a2a", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if status, reply := read(t, r); status != http.StatusOK || !strings.Contains(reply, `"error"`) {
			t.Errorf("%s: %d %s", body, status, reply)
		}
	}
	if _, err := c.GetTask(t.Context(), &a2a.GetTaskRequest{ID: "x"}); err == nil {
		t.Error("a task that never was")
	}
	for range c.SendStreamingMessage(t.Context(), question("flytning")) { // the client falls back to one message
		return
	}
}
